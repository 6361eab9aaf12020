/*
 * Every URL Pollux answers.  In patterns "*" stands for a model's name (one segment, or what
 * is percent-encoded into one), a ":" at the end for ":VERB" and "**" at the end for anything.
 * The first entry that fits path and method decides.
 */
#include "gate/routes.h"

#include "gemini/model.h"

#define NATIVE      &dialect_native
#define CHAT        &dialect_openai_chat
#define COMPLETIONS &dialect_openai_completions
#define EMBEDDINGS  &dialect_openai_embeddings
#define MODELS      &dialect_openai_models

/* The methods that are handed on. */
#define ANY "GET, HEAD, POST, PUT, PATCH, DELETE"

static const struct entry {
	const char *method;
	const char *pattern;
	enum door door;
	const struct dialect *dialect;
	enum operation op; /* a verb in the path beats it */
	bool only_goog;    /* only when the key came as Gemini's programs send it */
} entries[] = {
	{ "POST", "/v1/chat/completions", DOOR_ASK, CHAT, OP_GENERATE, false },
	{ "POST", "/v1/completions", DOOR_ASK, COMPLETIONS, OP_GENERATE, false },
	{ "POST", "/v1/embeddings", DOOR_ASK, EMBEDDINGS, OP_BATCH_EMBED, false },
	{ "GET", "/v1/models", DOOR_ASK, NATIVE, OP_MODELS_LIST, true },
	{ "GET", "/v1/models", DOOR_ASK, MODELS, OP_MODELS_LIST, false },
	{ "GET", "/v1/models/*", DOOR_ASK, NATIVE, OP_MODEL_GET, true },
	{ "GET", "/v1/models/*", DOOR_ASK, MODELS, OP_MODEL_GET, false },
	{ "POST", "/v1/models/*:", DOOR_ASK, NATIVE, OP_GENERATE, false },

	/* Programs that were given the base URL without its version. */
	{ "POST", "/chat/completions", DOOR_ASK, CHAT, OP_GENERATE, false },
	{ "POST", "/completions", DOOR_ASK, COMPLETIONS, OP_GENERATE, false },
	{ "POST", "/embeddings", DOOR_ASK, EMBEDDINGS, OP_BATCH_EMBED, false },
	{ "GET", "/models", DOOR_ASK, MODELS, OP_MODELS_LIST, false },
	{ "GET", "/models/*", DOOR_ASK, MODELS, OP_MODEL_GET, false },

	/* Where Google has its own OpenAI layer. */
	{ "POST", "/v1beta/openai/chat/completions", DOOR_ASK, CHAT, OP_GENERATE, false },
	{ "POST", "/v1beta/openai/completions", DOOR_ASK, COMPLETIONS, OP_GENERATE, false },
	{ "POST", "/v1beta/openai/embeddings", DOOR_ASK, EMBEDDINGS, OP_BATCH_EMBED, false },
	{ "GET", "/v1beta/openai/models", DOOR_ASK, MODELS, OP_MODELS_LIST, false },
	{ "GET", "/v1beta/openai/models/*", DOOR_ASK, MODELS, OP_MODEL_GET, false },

	{ "GET", "/v1beta/models", DOOR_ASK, NATIVE, OP_MODELS_LIST, false },
	{ "GET", "/v1beta/models/*", DOOR_ASK, NATIVE, OP_MODEL_GET, false },
	{ "POST", "/v1beta/models/*:", DOOR_ASK, NATIVE, OP_GENERATE, false },
	{ "POST", "/v2/models/*:", DOOR_ASK, NATIVE, OP_GENERATE, false },

	/* All the rest of Gemini's own API, what is newer than this included. */
	{ ANY, "/v1beta/**", DOOR_RELAY, NATIVE, OP_GENERATE, false },
	{ ANY, "/v1alpha/**", DOOR_RELAY, NATIVE, OP_GENERATE, false },
	{ ANY, "/upload/v1beta/**", DOOR_RELAY, NATIVE, OP_GENERATE, false },
	{ ANY, "/upload/v1alpha/**", DOOR_RELAY, NATIVE, OP_GENERATE, false },
	{ ANY, "/download/v1beta/**", DOOR_RELAY, NATIVE, OP_GENERATE, false },

	{ "GET", "/healthz", DOOR_ALIVE, CHAT, OP_GENERATE, false },
	{ "GET", "/readyz", DOOR_READY, CHAT, OP_GENERATE, false },
	{ "GET", "/health", DOOR_HEALTH, CHAT, OP_GENERATE, false },
	{ "GET", "/wake", DOOR_ALIVE, CHAT, OP_GENERATE, false },
	{ "POST", "/wake", DOOR_ALIVE, CHAT, OP_GENERATE, false },
};

#define OPENAI_TREE "/v1beta/openai"

bool
route_is_openai(struct span path)
{
	return span_starts(path, OPENAI_TREE);
}

struct match {
	struct span model; /* raw */
	struct span verb;
};

/* The last ':' or "%3A" of a segment parts a model's name from its verb. */
static bool
cut_verb(struct span segment, struct match *m)
{
	for (size_t i = segment.len; i-- > 0;) {
		size_t width = segment.p[i] == ':' ? 1 : 0;

		if (segment.p[i] == '%' && i + 3 <= segment.len &&
		    span_is_nocase((struct span){ segment.p + i, 3 }, "%3a"))
			width = 3;
		if (width == 0)
			continue;
		m->model = (struct span){ segment.p, i };
		m->verb = (struct span){ segment.p + i + width, segment.len - i - width };
		return true;
	}
	return false;
}

/* OpenAI's doors stand in Google's tree, but are not its own. */
static bool
matches_tree(const char *pattern, struct span path, struct match *m)
{
	static const char models[] = "/models/";
	struct span stem = { pattern, strlen(pattern) - 2 };
	struct span rest;

	if (path.len <= stem.len || memcmp(path.p, stem.p, stem.len) != 0 || route_is_openai(path))
		return false;
	rest = span_mem(path.p + stem.len - 1, path.len - stem.len + 1);
	if (!span_starts(rest, models))
		return true;
	rest = span_mem(rest.p + strlen(models), rest.len - strlen(models));
	if (memchr(rest.p, '/', rest.len) || !cut_verb(rest, m))
		*m = (struct match){ .model = span_cut(&rest, '/') };
	return true;
}

static bool
matches(const char *pattern, struct span path, struct match *m)
{
	const char *star = strchr(pattern, '*');

	*m = (struct match){ SPAN_NONE, SPAN_NONE };
	if (!star)
		return span_is(path, pattern);
	if (star[1] == '*')
		return matches_tree(pattern, path, m);
	size_t fixed = (size_t)(star - pattern);

	if (path.len <= fixed || memcmp(path.p, pattern, fixed) != 0)
		return false;
	struct span segment = { path.p + fixed, path.len - fixed };

	if (star[1] == ':')
		return cut_verb(segment, m) && !memchr(m->verb.p, '/', m->verb.len);
	m->model = segment;
	if (cut_verb(segment, &(struct match){ SPAN_NONE, SPAN_NONE }))
		return false; /* "GET models/x:generateContent" is a method's fault, not a model of
				 that name */
	/* "models/models/x" and "models/tunedModels/x" are names; other slashes lead elsewhere. */
	return !memchr(segment.p, '/', segment.len) || span_starts(segment, "models/") ||
	       span_starts(segment, "tunedModels/");
}

static const struct dialect *
dialect_of_tree(struct span path)
{
	if (route_is_openai(path))
		return CHAT;
	if (span_starts(path, "/v1beta") || span_starts(path, "/v1alpha") ||
	    span_starts(path, "/v2/") || span_starts(path, "/upload/") ||
	    span_starts(path, "/download/"))
		return NATIVE;
	return CHAT;
}

static void
fill(const struct entry *entry, const struct match *m, struct arena *arena, struct route *r)
{
	struct buf plain = BUF_INIT;

	r->door = entry->door;
	r->dialect = entry->dialect;
	r->op = entry->op;
	text_percent_decode(&plain, m->model, false);
	r->model = model_bare(arena_span(arena, buf_span(&plain)));
	buf_fini(&plain);
	/* A method of Google's that is not known here is handed on. */
	if (m->verb.p && !operation_find(m->verb, &r->op))
		r->door = DOOR_RELAY;
	if (r->door == DOOR_RELAY)
		r->verb = m->verb;
}

static bool
has_method(const char *methods, struct span method)
{
	struct span rest = span_of(methods);

	while (rest.p != NULL)
		if (span_eq(span_trim(span_cut(&rest, ',')), method))
			return true;
	return false;
}

static bool
not_found(const char *allow, struct span method, struct span path, struct route *r, struct err *e)
{
	r->allow = allow;
	if (allow)
		return err_set(e, ERR_METHOD, "%.*s is not possible here; %s is",
		    (int)(method.len > 16 ? 16 : method.len), method.p, allow);
	return err_set(e, ERR_NOT_FOUND, "there is no %.*s here",
	    (int)(path.len > 200 ? 200 : path.len), path.p);
}

bool
route_find(struct span method, struct span path, bool goog_key, struct arena *arena,
    struct route *r, struct err *e)
{
	bool is_head = span_is(method, "HEAD");
	const char *allow = NULL;
	struct match m;

	*r = (struct route){ .dialect = dialect_of_tree(path) };
	if (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		const struct entry *entry = &entries[i];

		if ((entry->only_goog && !goog_key) || !matches(entry->pattern, path, &m))
			continue;
		if (has_method(entry->method, method) ||
		    (is_head && strcmp(entry->method, "GET") == 0)) {
			fill(entry, &m, arena, r);
			return true;
		}
		if (!allow)
			r->dialect = entry->dialect;
		allow = strcmp(entry->method, "GET") == 0 ? "GET, HEAD" : entry->method;
	}
	return not_found(allow, method, path, r, e);
}
