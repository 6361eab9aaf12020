/*
 * Where file, state and sockets are when nobody said: the installed paths for root, the XDG
 * base directories (XDG Base Directory Specification 0.8) for everyone else.
 * Runs wherever a configuration is read.
 */
#include "config/private.h"

/* A variable that must hold an absolute path; others are to be ignored, says the specification. */
static const char *
env_path(char *const *env, const char *name)
{
	const char *path = environ_get(env, name);

	return path != NULL && path[0] == '/' ? path : NULL;
}

/* $VARIABLE/tail, or $HOME/fallback/tail, or NULL. */
static char *
base_dir(char *const *env, const char *variable, const char *fallback, const char *tail)
{
	const char *base = env_path(env, variable);
	const char *home = env_path(env, "HOME");

	if (base != NULL)
		return mem_printf("%s/%s", base, tail);
	return home != NULL ? mem_printf("%s/%s/%s", home, fallback, tail) : NULL;
}

void
places_find(struct places *p, bool is_root, char *const *env)
{
	const char *runtime = env_path(env, "XDG_RUNTIME_DIR");

	if (is_root) {
		p->file = mem_dup(POLLUX_SYSCONFDIR "/pollux.conf");
		p->state_dir = mem_dup(POLLUX_STATEDIR);
		p->run_dir = mem_dup(POLLUX_RUNDIR);
		return;
	}
	p->file = base_dir(env, "XDG_CONFIG_HOME", ".config", "pollux/pollux.conf");
	p->state_dir = base_dir(env, "XDG_STATE_HOME", ".local/state", "pollux");
	p->run_dir = NULL;
	if (runtime != NULL)
		p->run_dir = mem_printf("%s/pollux", runtime);
	else if (p->state_dir != NULL)
		p->run_dir = mem_printf("%s/run", p->state_dir);
}

void
places_fini(struct places *p)
{
	mem_free(p->file);
	mem_free(p->state_dir);
	mem_free(p->run_dir);
	*p = (struct places){ NULL, NULL, NULL };
}
