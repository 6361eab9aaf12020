/*
 * The environment: POLLUX_<SECTION>_<KEY> for each setting, the names that people have in
 * their .env files already, and the two lists of keys, which are secrets and no settings.
 * Runs in the master and in polluxctl, once, before anything else.
 */
#include "config/private.h"

#include <inttypes.h>
#include <string.h>

#include "config/config.h"
#include "config/values.h"

#define PREFIX      "POLLUX_"
#define CLIENT_KEYS "CLIENT_KEYS" /* behind the prefix */
#define SOCKET      "SOCKET"      /* too: where polluxctl looks */
#define GEMINI_KEYS "GEMINI_API_KEYS"

/* What the others need. */
struct environ_reading {
	char *const *env;
	struct entries *entries;
	struct faults *faults;
};

const char *
environ_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env != NULL && *env != NULL; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* Container files often hand on variables that nobody filled in: empty is as good as absent. */
static const char *
get_filled(const struct environ_reading *r, const char *name)
{
	const char *value = environ_get(r->env, name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static void
set(struct environ_reading *r, const char *setting, const char *variable, const char *value)
{
	const struct setting *s = setting_find_dotted(span_of(setting));
	char *origin = mem_printf("environment %s", variable);

	entry_add_value(r->entries, entries_add(r->entries, s, NULL, origin, 0), span_of(value));
	mem_free(origin);
}

/* PORT alone decides: shells and build systems set HOST and mean something else by it. */
static void
read_host_and_port(struct environ_reading *r)
{
	const char *host = get_filled(r, "HOST"), *port = get_filled(r, "PORT");
	char *address;

	if (port == NULL || port[strspn(port, "0123456789")] != '\0')
		return;
	if (host == NULL)
		address = mem_printf("127.0.0.1:%s", port);
	else if (strchr(host, ':') != NULL && host[0] != '[')
		address = mem_printf("[%s]:%s", host, port);
	else
		address = mem_printf("%s:%s", host, port);
	set(r, "server.listen", host == NULL ? "PORT" : "HOST and PORT", address);
	mem_free(address);
}

/* A switch of those that were before us: on, it means that nothing is filtered. */
static void
read_safety(struct environ_reading *r)
{
	const char *value = get_filled(r, "DISABLE_SAFETY_FILTERING");
	bool off;

	if (value == NULL)
		return;
	if (!value_bool(span_trim(span_of(value)), &off, NULL))
		faults_add(r->faults, true, 0,
		    "environment DISABLE_SAFETY_FILTERING: %s is neither yes nor no",
		    value_quote(span_of(value)).text);
	else if (off)
		set(r, "dialect.safety_default", "DISABLE_SAFETY_FILTERING", "off");
}

static void
read_known(struct environ_reading *r)
{
	const char *proxy = get_filled(r, "PROXY"), *wait = get_filled(r, "QUEUE_MAX_WAIT_MS");
	int64_t ms;

	read_host_and_port(r);
	read_safety(r);
	if (proxy != NULL)
		set(r, "upstream.proxy", "PROXY", proxy);
	if (wait == NULL)
		return;
	if (span_int(span_trim(span_of(wait)), 0, INT64_MAX, &ms)) {
		char *duration = mem_printf("%" PRId64 "ms", ms);

		set(r, "queue.max_wait", "QUEUE_MAX_WAIT_MS", duration);
		mem_free(duration);
	} else {
		faults_add(r->faults, true, 0,
		    "environment QUEUE_MAX_WAIT_MS: %s is not a number of milliseconds",
		    value_quote(span_of(wait)).text);
	}
}

static void
read_settings(struct environ_reading *r)
{
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < setting_count(); i++) {
		const char *value;

		buf_clear(&name);
		setting_env_name(setting_at(i), &name);
		value = get_filled(r, buf_text(&name));
		if (value != NULL)
			set(r, setting_at(i)->name, buf_text(&name), value);
	}
	buf_fini(&name);
}

/* Prefixes are left out of the comparison: with them, all names would be near each other. */
static void
warn_of(struct environ_reading *r, const char *name, const char *const *names, size_t n)
{
	const char *near;

	for (size_t i = 0; i < n; i++)
		if (strcmp(name + strlen(PREFIX), names[i]) == 0)
			return;
	near = text_nearest(name + strlen(PREFIX), names, n);
	faults_add(r->faults, false, 0, "environment: there is no setting %s%s%s",
	    value_quote(span_of(name)).text, near == NULL ? "" : "; did you mean " PREFIX,
	    near == NULL ? "" : near);
}

/* Not an error: schedulers of containers make up POLLUX_* for a service that is called pollux. */
static void
warn_of_unknown(struct environ_reading *r)
{
	size_t n = setting_count();
	const char **names = mem_array(n + 2, sizeof(*names));
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		buf_clear(&name);
		setting_env_name(setting_at(i), &name);
		names[i] = arena_dup(r->entries->arena, buf_text(&name) + strlen(PREFIX));
	}
	names[n] = CLIENT_KEYS;
	names[n + 1] = SOCKET;
	for (char *const *v = r->env; v != NULL && *v != NULL; v++) {
		struct span rest = span_of(*v);

		buf_clear(&name);
		buf_add_span(&name, span_cut(&rest, '='));
		if (strncmp(buf_text(&name), PREFIX, strlen(PREFIX)) == 0)
			warn_of(r, buf_text(&name), names, n + 2);
	}
	buf_fini(&name);
	mem_free(names);
}

static bool
is_listed(char **keys, size_t n, struct span key)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(key, keys[i]))
			return true;
	return false;
}

static bool
is_key(struct span key)
{
	for (size_t i = 0; i < key.len; i++)
		if (key.p[i] <= 0x20 || key.p[i] >= 0x7f)
			return false;
	return true;
}

/* NULL when the list holds none.  A key that stands there twice is one key. */
static char **
read_keys(struct environ_reading *r, const char *name)
{
	struct span rest = span_of(environ_get(r->env, name));
	char **keys = mem_array(1, sizeof(*keys));
	size_t n = 0;

	for (size_t place = 1; rest.p != NULL; place++) {
		struct span key = span_trim(span_cut(&rest, ','));

		if (key.len == 0 || is_listed(keys, n, key))
			continue;
		if (!is_key(key)) {
			faults_add(r->faults, true, 0,
			    "environment %s: number %zu has a character in it that no key has",
			    name, place);
			continue;
		}
		keys = mem_resize(keys, (n + 2) * sizeof(*keys));
		keys[n++] = mem_dup_span(key);
		keys[n] = NULL;
	}
	if (n > 0)
		return keys;
	mem_free(keys);
	return NULL;
}

void
environ_read(char *const *env, struct entries *entries, struct config_secrets *secrets,
    struct faults *faults)
{
	struct environ_reading r = { env, entries, faults };

	secrets->has_gemini_keys = environ_get(env, GEMINI_KEYS) != NULL;
	secrets->gemini_keys = read_keys(&r, GEMINI_KEYS);
	secrets->client_keys = read_keys(&r, PREFIX CLIENT_KEYS);
	read_known(&r); /* before the settings' own names, which beat them */
	read_settings(&r);
	warn_of_unknown(&r);
}
