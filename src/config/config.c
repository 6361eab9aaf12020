/*
 * Settings: from defaults, file, environment and -D to one immutable snapshot.
 * Runs in the master (at the start and at each reload) and in polluxctl; the children read the
 * snapshot that they inherit.  A snapshot owns its arena; an input owns what was said at birth.
 */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/private.h"
#include "config/values.h"

#define SOCKET_LONGEST "/control.sock" /* none of those in run_dir has a longer name */

struct config_input {
	char *file;      /* owned; NULL: there is no place to look at */
	bool file_given; /* it must exist */
	struct places places;
	struct entries environ, overrides;
	struct config_secrets secrets;
};

/* Where a value came from. */
struct source {
	const char *origin; /* in the arena, or a literal */
	int line;
};

struct config_private {
	struct arena *arena;          /* owned */
	struct source *sources;       /* in the arena; one for each setting */
	struct source *model_sources; /* owned; setting_model_count() for each model */
};

static const struct source by_default = { "default", 0 };

static void
write_default(const struct setting *s, void *base, struct arena *arena)
{
	struct err e = ERR_INIT;
	bool ok = setting_write(s, base, &s->def, 1, arena, &e);

	assert(ok); /* a default that its own row of settings.def does not allow */
}

static struct config *
config_new(void)
{
	struct config *c = mem_alloc(sizeof(*c));

	c->file = "";
	c->priv = mem_alloc(sizeof(*c->priv));
	c->priv->arena = arena_new(0);
	c->priv->sources = arena_alloc(c->priv->arena, setting_count() * sizeof(*c->priv->sources));
	for (size_t i = 0; i < setting_count(); i++) {
		write_default(setting_at(i), c, c->priv->arena);
		c->priv->sources[i] = by_default;
	}
	return c;
}

void
config_free(struct config **pc)
{
	struct config *c = *pc;

	*pc = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < setting_count(); i++)
		setting_wipe(setting_at(i), c);
	mem_free(c->models);
	mem_free(c->priv->model_sources);
	arena_free(&c->priv->arena);
	mem_free(c->priv);
	mem_free(c);
}

/* ---- applying entries ---- */

static struct source *
model_source(const struct config *c, size_t model, const struct setting *s)
{
	return &c->priv->model_sources[model * setting_model_count()] + (s - setting_model_at(0));
}

/* The index of the model's block, which is made when it is the first word about it. */
static size_t
model_block(struct config *c, const char *name)
{
	size_t n = setting_model_count(), i = c->model_count;
	struct config_private *p = c->priv;

	for (size_t k = 0; k < c->model_count; k++)
		if (strcmp(c->models[k].name, name) == 0)
			return k;
	c->models = mem_resize(c->models, (i + 1) * sizeof(*c->models));
	p->model_sources = mem_resize(p->model_sources, (i + 1) * n * sizeof(*p->model_sources));
	c->models[i] = (struct config_model){ .name = arena_dup(p->arena, name) };
	for (size_t k = 0; k < n; k++) {
		write_default(setting_model_at(k), &c->models[i], p->arena);
		p->model_sources[i * n + k] = by_default;
	}
	c->model_count++;
	return i;
}

static void
entry_apply(struct config *c, const struct entry *en, struct faults *fs)
{
	struct err e = ERR_INIT;
	struct source *source;
	void *base = c;

	if (en->model != NULL) {
		size_t i;

		if (!value_model(span_of(en->model), &e)) {
			faults_add(fs, true, en->line, "%s: %s", origin_place(en->origin), e.text);
			return;
		}
		i = model_block(c, en->model);
		if (en->setting == NULL)
			return;
		base = &c->models[i];
		source = model_source(c, i, en->setting);
	} else {
		assert(en->setting != NULL);
		source = &c->priv->sources[en->setting - setting_at(0)];
	}
	if (!setting_write(en->setting, base, en->values, en->count, c->priv->arena, &e)) {
		faults_add(fs, true, en->line, "%s: %s: %s", origin_place(en->origin),
		    en->setting->name, e.text);
		return;
	}
	*source = (struct source){ arena_dup(c->priv->arena, en->origin), en->line };
}

/* The blocks first, so that the models stand in the order of the file. */
static void
entries_apply(struct config *c, const struct entries *es, struct faults *fs)
{
	for (size_t i = 0; i < es->count; i++)
		if (es->items[i].setting == NULL)
			entry_apply(c, &es->items[i], fs);
	for (size_t i = 0; i < es->count; i++)
		if (es->items[i].setting != NULL)
			entry_apply(c, &es->items[i], fs);
}

/* ---- what was said at birth ---- */

static char *
absolute(const char *path)
{
	char *here, *whole;

	if (path[0] == '/' || (here = getcwd(NULL, 0)) == NULL)
		return mem_dup(path);
	whole = mem_printf("%s/%s", here, path);
	free(here);
	return whole;
}

/* Says all that was found and forgets it; true when none of it was an error. */
static bool
faults_say(struct faults *fs, config_say_fn *say, void *ctx)
{
	bool ok = fs->errors == 0;

	faults_sort(fs);
	for (size_t i = 0; i < fs->count; i++)
		say(ctx, fs->items[i].is_error, fs->items[i].text);
	faults_fini(fs);
	return ok;
}

struct config_input *
config_input_new(const char *file, const char *const *overrides, size_t n, char *const *env,
    config_say_fn *say, void *ctx)
{
	struct config_input *in = mem_alloc(sizeof(*in));
	struct faults fs = { NULL, 0, 0 };
	struct config *trial;

	places_find(&in->places, geteuid() == 0, env);
	in->file_given = file != NULL;
	if (file != NULL)
		in->file = absolute(file);
	else if (in->places.file != NULL)
		in->file = mem_dup(in->places.file);
	entries_init(&in->environ);
	entries_init(&in->overrides);
	environ_read(env, &in->environ, &in->secrets, &fs);
	for (size_t i = 0; i < n; i++)
		override_read(overrides[i], &in->overrides, &fs);

	/* Values are tried now: they never change, so neither will what is wrong with them. */
	trial = config_new();
	entries_apply(trial, &in->environ, &fs);
	entries_apply(trial, &in->overrides, &fs);
	config_free(&trial);
	if (!faults_say(&fs, say, ctx))
		config_input_free(&in);
	return in;
}

void
config_input_free(struct config_input **pin)
{
	struct config_input *in = *pin;

	*pin = NULL;
	if (in == NULL)
		return;
	mem_free(in->file);
	places_fini(&in->places);
	entries_fini(&in->environ);
	entries_fini(&in->overrides);
	config_secrets_wipe(&in->secrets);
	mem_free(in);
}

struct config_secrets *
config_input_secrets(struct config_input *in)
{
	return &in->secrets;
}

static void
keys_wipe(char ***pkeys)
{
	char **keys = *pkeys;

	*pkeys = NULL;
	for (size_t i = 0; keys != NULL && keys[i] != NULL; i++) {
		mem_wipe(keys[i], strlen(keys[i]));
		mem_free(keys[i]);
	}
	mem_free(keys);
}

void
config_secrets_wipe(struct config_secrets *s)
{
	keys_wipe(&s->gemini_keys);
	keys_wipe(&s->client_keys);
}

/* ---- the snapshot ---- */

static void
read_file(struct config *c, const struct config_input *in, struct entries *es, struct faults *fs)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	bool missing;

	if (in->file == NULL)
		return;
	if (file_read(in->file, &text, &missing, &e)) {
		c->file = arena_dup(c->priv->arena, in->file);
		file_parse(buf_span(&text), in->file, es, fs);
	} else if (in->file_given || !missing) {
		faults_add(fs, true, 0, "%s: %s", in->file, e.text);
	}
	buf_wipe(&text);
}

/* A fault of the whole is said where the setting's value came from. */
static void
blame(const struct config *c, const char *name, const char *words, struct faults *fs)
{
	const struct setting *s = setting_find_dotted(span_of(name));
	struct source source = c->priv->sources[s - setting_at(0)];

	if (source.origin == by_default.origin)
		faults_add(fs, true, 0, "%s: %s", name, words);
	else
		faults_add(fs, true, source.line, "%s: %s: %s", origin_place(source.origin), name,
		    words);
}

static void
place_dirs(struct config *c, const struct places *p, struct faults *fs)
{
	struct arena *arena = c->priv->arena;

	if (c->server_run_dir[0] == '\0' && p->run_dir != NULL)
		c->server_run_dir = arena_dup(arena, p->run_dir);
	if (c->state_dir[0] == '\0' && p->state_dir != NULL)
		c->state_dir = arena_dup(arena, p->state_dir);
	if (c->state_key_file[0] == '\0' && c->state_dir[0] != '\0')
		c->state_key_file = arena_printf(arena, "%s/key", c->state_dir);
	if (c->server_run_dir[0] == '\0')
		blame(c, "server.run_dir", "HOME is not set, so the directory must be given", fs);
	if (c->state_dir[0] == '\0')
		blame(c, "state.dir", "HOME is not set, so the directory must be given", fs);
}

static void
check_run_dir(const struct config *c, struct faults *fs)
{
	const struct sockaddr_un *un = NULL;
	size_t most = sizeof(un->sun_path) - sizeof(SOCKET_LONGEST);
	size_t len = strlen(c->server_run_dir);
	char *words;

	if (len <= most)
		return;
	words = mem_printf("the path is too long for the names of the sockets in it: "
	    "it has %zu bytes and the system allows %zu", len, most);
	blame(c, "server.run_dir", words, fs);
	mem_free(words);
}

static void
check_models(const struct config *c, struct faults *fs)
{
	const struct setting *alias = setting_find(SPAN(SETTING_MODEL), SPAN("alias"));

	for (size_t i = 0; i < c->model_count; i++) {
		const struct source *source = model_source(c, i, alias);

		if (strcmp(c->models[i].alias, c->models[i].name) == 0)
			faults_add(fs, true, source->line, "%s: model.alias: %s stands for itself",
			    origin_place(source->origin), c->models[i].name);
	}
}

static void
check_whole(const struct config *c, struct faults *fs)
{
	check_run_dir(c, fs);
	if (c->server_listen.count == 0)
		blame(c, "server.listen", "at least one address is needed", fs);
	if (c->pool_freeze_min_ms > c->pool_freeze_max_ms)
		blame(c, "pool.freeze_min", "it is longer than pool.freeze_max", fs);
	check_models(c, fs);
}

struct config *
config_load(const struct config_input *in, config_say_fn *say, void *ctx)
{
	struct config *c = config_new();
	struct faults fs = { NULL, 0, 0 };
	struct entries es;

	entries_init(&es);
	read_file(c, in, &es, &fs);
	entries_apply(c, &es, &fs);
	entries_apply(c, &in->environ, &fs);
	entries_apply(c, &in->overrides, &fs);
	entries_fini(&es);
	place_dirs(c, &in->places, &fs);
	check_whole(c, &fs);
	if (!faults_say(&fs, say, ctx))
		config_free(&c);
	return c;
}

/* ---- asking it ---- */

/* The setting of a dotted name, the struct its value is in, and its source; NULL when unknown. */
static const struct setting *
look_up(const struct config *c, const char *name, const void **base, const struct source **source)
{
	struct span section, model, key;
	const struct setting *s;
	const struct config_model *m;

	if (!setting_split(span_of(name), &section, &model, &key))
		return NULL;
	s = setting_find(section, key);
	if (s == NULL)
		return NULL;
	if (model.p == NULL) {
		*base = c;
		*source = &c->priv->sources[s - setting_at(0)];
		return s;
	}
	m = config_model_find(c, model);
	if (m == NULL)
		return NULL;
	*base = m;
	*source = model_source(c, (size_t)(m - c->models), s);
	return s;
}

const char *
config_origin(const struct config *c, const char *dotted_name)
{
	const struct source *source;
	const void *base;

	return look_up(c, dotted_name, &base, &source) == NULL ? NULL : source->origin;
}

bool
config_value(const struct config *c, const char *dotted_name, struct buf *out)
{
	const struct source *source;
	const void *base;
	const struct setting *s = look_up(c, dotted_name, &base, &source);

	if (s != NULL)
		setting_show(s, base, out);
	return s != NULL;
}

const char *
config_name(size_t i)
{
	return i < setting_count() ? setting_at(i)->name : NULL;
}

const char *
config_help(size_t i)
{
	return i < setting_count() ? setting_at(i)->help : NULL;
}

const struct config_model *
config_model_find(const struct config *c, struct span name)
{
	for (size_t i = 0; i < c->model_count; i++)
		if (span_is(name, c->models[i].name))
			return &c->models[i];
	return NULL;
}

/* ---- comparing two ---- */

struct diff {
	void (*fn)(void *ctx, const char *name, bool restart);
	void *ctx;
};

/* key: NULL for a block that is in one of the two only. */
static void
model_differs(const struct diff *d, const struct config_model *m, const struct setting *s)
{
	char *name = mem_printf("%s.%s%s%s", SETTING_MODEL, m->name, s == NULL ? "" : ".",
	    s == NULL ? "" : s->key);

	d->fn(d->ctx, name, s != NULL && s->restart);
	mem_free(name);
}

static void
model_diff(const struct diff *d, const struct config_model *a, const struct config_model *b)
{
	if (b == NULL) {
		model_differs(d, a, NULL);
		return;
	}
	for (size_t i = 0; i < setting_model_count(); i++)
		if (!setting_equal(setting_model_at(i), a, b))
			model_differs(d, a, setting_model_at(i));
}

void
config_diff(const struct config *old, const struct config *new_,
    void (*fn)(void *ctx, const char *name, bool restart), void *ctx)
{
	const struct diff d = { fn, ctx };

	for (size_t i = 0; i < setting_count(); i++)
		if (!setting_equal(setting_at(i), old, new_))
			fn(ctx, setting_at(i)->name, setting_at(i)->restart);
	for (size_t i = 0; i < old->model_count; i++) {
		const struct config_model *m = &old->models[i];

		model_diff(&d, m, config_model_find(new_, span_of(m->name)));
	}
	for (size_t i = 0; i < new_->model_count; i++)
		if (config_model_find(old, span_of(new_->models[i].name)) == NULL)
			model_differs(&d, &new_->models[i], NULL);
}

void
config_keep_running(struct config *new_, const struct config *running)
{
	for (size_t i = 0; i < setting_count(); i++)
		if (setting_at(i)->restart)
			setting_copy(setting_at(i), new_, running, new_->priv->arena);
}

/* ---- where things are when nobody said ---- */

static bool
place_give(char *const *place, struct places *p, struct buf *out)
{
	bool known = *place != NULL;

	if (known)
		buf_add_text(out, *place);
	places_fini(p);
	return known;
}

bool
config_default_file(struct buf *out)
{
	struct places p;

	places_find(&p, geteuid() == 0, environ);
	return place_give(&p.file, &p, out);
}

bool
config_default_run_dir(struct buf *out)
{
	struct places p;

	places_find(&p, geteuid() == 0, environ);
	return place_give(&p.run_dir, &p, out);
}

bool
config_default_state_dir(struct buf *out)
{
	struct places p;

	places_find(&p, geteuid() == 0, environ);
	return place_give(&p.state_dir, &p, out);
}
