/*
 * What a dialect may ask of the house: see house.h.  Runs in workers, one for each exchange.
 */
#include "gate/house.h"

#include <assert.h>
#include "base/log.h"
#include "base/mem.h"
#include "memory/remote.h"
#include "memory/remote_name.h"
#include "memory/signature.h"

#define SEARCH_SUFFIX "-search"

/*
 * A request may name any number of calls, and one record of a megabyte as often as it likes.  What
 * is looked for, compared and brought back for it is bounded, in bytes that take about as long;
 * beyond, a call is one from elsewhere.  Ten thousand calls of a long conversation are within.
 */
#define RECALL_MOST   (64u << 20)
#define RECALL_LOOK   1024 /* for each search */
#define RECALL_WEIGHT 8    /* of a byte that has to be parsed, beside one that is copied */

/* Records on their way to the store.  Outlives the exchange when the store is slow. */
struct savings {
	struct house *house;     /* NULL: nobody waits any more */
	struct board_slot *slot; /* borrowed */
	char *request_id;        /* owned */
	int waiting;
};

static void
savings_free(struct savings *s)
{
	mem_free(s->request_id);
	mem_free(s);
}

/* ---- models ---- */

/* What the configuration says of a name: another name for it, or that it is not to be had. */
static bool
resolve(const struct gate *g, struct span *name, struct err *e)
{
	const struct config_model *m = config_model_find(g->config, *name);

	if (!m)
		return true;
	if (!m->enabled)
		return err_set(
		    e, ERR_MODEL_NOT_FOUND, "the model \"%s\" is switched off here", m->name);
	if (m->alias[0] != '\0')
		*name = span_of(m->alias);
	return true;
}

static bool
drop_search(const struct gate *g, struct span *name)
{
	size_t suffix = strlen(SEARCH_SUFFIX);

	if (!span_ends(*name, SEARCH_SUFFIX) || name->len == suffix ||
	    config_model_find(g->config, *name))
		return false;
	name->len -= suffix;
	return true;
}

static bool
on_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	struct house *h = ctx;
	const struct gate *g = h->gate;

	*out = (struct dialect_model){ .name = bare };
	out->searches = drop_search(g, &out->name);
	if (!resolve(g, &out->name, e))
		return false;
	out->facts = model_facts(out->name);
	catalogue_refine(g->catalogue, out->name, &out->facts);
	out->facts.lacks |= learned_lacks(g->learned, out->name, loop_wall_ms(g->loop)) | h->lacks;
	h->in_force = model_lacks_now(out->facts.lacks);
	return true;
}

bool
house_learn(struct house *h, struct span model, struct span refusal)
{
	unsigned fresh = model_lacks_named(refusal);

	if ((model_lacks_now(fresh) & ~h->in_force) == 0)
		return false;
	h->lacks |= fresh;
	h->recalled = 0; /* another translation, another search */
	learned_note(h->gate->learned, model, fresh, loop_wall_ms(h->gate->loop));
	return true;
}

/* ---- lists of models ---- */

static bool
on_freshness(void *ctx)
{
	const struct house *h = ctx;

	return catalogue_is_fresh(h->gate->catalogue, loop_wall_ms(h->gate->loop));
}

struct listing {
	const struct gate *gate;
	bool (*fn)(void *ctx, const struct listed_model *);
	void *ctx;
	bool on;
};

static void
list(struct listing *l, const struct listed_model *m)
{
	l->on = l->on && l->fn(l->ctx, m);
}

/* Models that answer in text, of the families that can search. */
static bool
can_search(const struct catalogue_model *m)
{
	struct model_facts f = model_facts(m->name);

	return m->generates && f.major >= 2 && !f.makes_images && !f.makes_speech;
}

static void
list_search(struct listing *l, const struct listed_model *m)
{
	struct buf name = BUF_INIT;
	struct listed_model searching = *m;

	buf_add_span(&name, m->name);
	buf_add_lit(&name, SEARCH_SUFFIX);
	searching.name = buf_span(&name);
	list(l, &searching);
	buf_fini(&name);
}

static bool
list_one(void *ctx, const struct catalogue_model *m)
{
	struct listing *l = ctx;
	const struct config_model *c = config_model_find(l->gate->config, m->name);
	struct listed_model listed = { .name = m->name,
		.display_name = m->display_name,
		.input_tokens = m->input_tokens,
		.output_tokens = m->output_tokens,
		.thinks = m->thinks,
		.generates = m->generates,
		.embeds = m->embeds };

	if (c && (!c->enabled || c->alias[0] != '\0'))
		return l->on; /* hidden, or listed as what the operator made of it */
	if (c && c->input_token_limit > 0)
		listed.input_tokens = c->input_token_limit;
	if (c && c->display_name[0] != '\0')
		listed.display_name = span_of(c->display_name);
	list(l, &listed);
	if (can_search(m))
		list_search(l, &listed);
	return l->on;
}

static void
list_alias(struct listing *l, const struct config_model *c)
{
	const struct catalogue_model *m = catalogue_find(l->gate->catalogue, span_of(c->alias));
	struct listed_model listed = { .name = span_of(c->name),
		.display_name = span_of(c->display_name),
		.input_tokens = c->input_token_limit };

	if (!c->enabled || c->alias[0] == '\0')
		return;
	if (m) {
		listed.output_tokens = m->output_tokens;
		listed.thinks = m->thinks;
		listed.generates = m->generates;
		listed.embeds = m->embeds;
	}
	if (m && listed.input_tokens == 0)
		listed.input_tokens = m->input_tokens;
	list(l, &listed);
}

static void
on_each_model(void *ctx, bool (*fn)(void *, const struct listed_model *), void *fn_ctx)
{
	const struct house *h = ctx;
	struct listing l = { .gate = h->gate, .fn = fn, .ctx = fn_ctx, .on = true };

	catalogue_each(h->gate->catalogue, loop_wall_ms(h->gate->loop), list_one, &l);
	for (size_t i = 0; l.on && i < h->gate->config->model_count; i++)
		list_alias(&l, &h->gate->config->models[i]);
}

static void
on_found_model(void *ctx, const struct listed_model *m)
{
	struct house *h = ctx;
	struct catalogue_model found = { .name = m->name,
		.display_name = m->display_name,
		.input_tokens = m->input_tokens,
		.output_tokens = m->output_tokens,
		.thinks = m->thinks,
		.generates = m->generates,
		.embeds = m->embeds,
		.seen_wall_ms = loop_wall_ms(h->gate->loop) };

	catalogue_note(h->gate->catalogue, &found);
	h->found_models = true;
}

/* ---- calls of functions ---- */

static struct signature_book
book_of(const struct house *h)
{
	return (struct signature_book){ .store = h->gate->store,
		.seal = h->gate->seal,
		.writer = h->gate->writer,
		.client = span_of(h->client) };
}

/* False: this request had its share. */
static bool
may_recall(struct house *h, size_t compared_bytes)
{
	if (h->recalled > RECALL_MOST)
		return false;
	h->recalled += RECALL_LOOK + RECALL_WEIGHT * compared_bytes;
	if (h->recalled > RECALL_MOST)
		log_debug(
		    "memory", "a request names too many calls to look for", "id=%s", h->request_id);
	return h->recalled <= RECALL_MOST;
}

static bool
note_recalled(struct house *h, const struct signed_call *c)
{
	h->recalled += c->args.len + c->signature.len;
	return true;
}

static bool
on_recall(void *ctx, struct span id, struct arena *arena, struct signed_call *out)
{
	struct house *h = ctx;
	struct signature_book b = book_of(h);

	return may_recall(h, 0) &&
	       signature_find(&b, id, loop_wall_ms(h->gate->loop), arena, out) &&
	       note_recalled(h, out);
}

static bool
on_recall_like(
    void *ctx, const struct signed_call *like, struct arena *arena, struct signed_call *out)
{
	struct house *h = ctx;
	struct signature_book b = book_of(h);

	return may_recall(h, like->args.len) &&
	       signature_find_like(&b, like, loop_wall_ms(h->gate->loop), arena, out) &&
	       note_recalled(h, out);
}

/* Whoever waits goes on. */
static void
tell_saved(struct house *h)
{
	loop_fn *saved = h->saved;

	loop_untimer(h->gate->loop, &h->patience);
	h->saved = NULL;
	if (saved)
		saved(h->ctx);
}

static void
end_saving(struct savings *s, const char *what, const struct err *e)
{
	struct house *h = s->house;

	if (e) {
		board_count_add(s->slot, BOARD_LOST_WRITES, 1);
		log_warn("memory", what, "id=%s error=%s", s->request_id, e->text);
	}
	s->waiting--;
	if (s->waiting == 0 && !h)
		savings_free(s);
	else if (s->waiting == 0)
		tell_saved(h);
}

static void
on_signature_saved(void *ctx, const struct err *e)
{
	end_saving(ctx, "a signature was not stored", e);
}

static struct savings *
savings_of(struct house *h)
{
	if (!h->savings) {
		h->savings = mem_alloc(sizeof(*h->savings));
		*h->savings = (struct savings){
			.house = h, .slot = h->gate->slot, .request_id = mem_dup(h->request_id)
		};
	}
	return h->savings;
}

static void
on_remember(void *ctx, const struct signed_call *c)
{
	struct house *h = ctx;
	struct signature_book b = book_of(h);
	struct savings *s = savings_of(h);

	if (signature_keep(&b, c, loop_wall_ms(h->gate->loop), on_signature_saved, s)) {
		s->waiting++;
		return;
	}
	board_count_add(h->gate->slot, BOARD_LOST_WRITES, 1);
	log_warn("memory", "a signature is not stored: too much waits, or it is too large",
	    "id=%s bytes=%zu", h->request_id, c->signature.len + c->args.len);
}

bool
house_is_saving(const struct house *h)
{
	return h->savings && h->savings->waiting > 0;
}

static void
lose_patience(void *ctx)
{
	struct house *h = ctx;

	log_warn("gate", "the store is slow: an answer ends before what it needs is stored",
	    "id=%s", h->request_id);
	tell_saved(h);
}

void
house_await(struct house *h, loop_fn *saved, void *ctx)
{
	h->saved = saved;
	h->ctx = ctx;
	if (house_is_saving(h))
		loop_timer(h->gate->loop, &h->patience, HOUSE_PATIENCE_MS, lose_patience, h);
	else
		tell_saved(h);
}

/* ---- remote objects ---- */

static struct remote_book
remote_book_of(const struct house *h)
{
	return (struct remote_book){ .store = h->gate->store, .writer = h->gate->writer };
}

static bool
find_owner(struct house *h, const struct span *names, size_t n, struct span *owner, struct err *e)
{
	struct remote_book b = remote_book_of(h);
	int64_t now_wall_ms = loop_wall_ms(h->gate->loop);

	*owner = SPAN_NONE;
	if (n == 0)
		return true;
	if (!remote_owner_of_all(&b, names, n, now_wall_ms, h->owner, e))
		return false;
	if (h->owner[0] != '\0')
		*owner = span_of(h->owner);
	return true;
}

bool
house_owner_of_body(
    struct house *h, const struct body *body, struct span name, struct span *owner, struct err *e)
{
	struct remote_names names;

	remote_names_init(&names);
	remote_names_add(&names, name);
	if (body)
		remote_names_of_body(&names, body, span_of(h->gate->config->upstream_gemini_url));
	return find_owner(h, names.names, names.n, owner, e);
}

static bool
may_name_objects(enum operation op)
{
	return op == OP_GENERATE || op == OP_STREAM || op == OP_COUNT;
}

/* Where a call has more parts, they are the same prompt, or prompts of text alone. */
bool
house_owner(struct house *h, const struct call *c, struct span *owner, struct err *e)
{
	bool has_body = c->bodies && may_name_objects(c->op);

	return house_owner_of_body(h, has_body ? &c->bodies[0] : NULL, c->model, owner, e);
}

static void
on_owner_saved(void *ctx, const struct err *e)
{
	end_saving(ctx, "the owner of a remote object was not stored", e);
}

void
house_remember_owner(struct house *h, struct span answer, const char owner[CREDENTIAL_ID_LEN + 1])
{
	struct remote_book b = remote_book_of(h);
	struct savings *s = savings_of(h);

	if (remote_learn(&b, answer, owner, loop_wall_ms(h->gate->loop), on_owner_saved, s))
		s->waiting++;
}

void
house_forget_object(struct house *h, struct span name)
{
	struct remote_book b = remote_book_of(h);

	remote_forget(&b, name);
}

/* ---- the whole ---- */

void
house_init(struct house *h, const struct gate *g, const char *client, const char *request_id)
{
	*h = (struct house){ .gate = g, .client = client, .request_id = request_id };
	h->face = (struct dialect_house){ .ctx = h,
		.model = on_model,
		.recall = on_recall,
		.recall_like = on_recall_like,
		.remember = on_remember,
		.models_are_fresh = on_freshness,
		.each_model = on_each_model,
		.found_model = on_found_model };
}

void
house_leave(struct house *h)
{
	struct savings *s = h->savings;

	if (h->found_models)
		catalogue_save(h->gate->catalogue, loop_wall_ms(h->gate->loop));
	h->found_models = false;
	h->savings = NULL;
	h->saved = NULL;
	loop_untimer(h->gate->loop, &h->patience);
	if (!s)
		return;
	s->house = NULL;
	if (s->waiting == 0)
		savings_free(s);
}

/* ---- options ---- */

/* The place of a word in the list of settings.def, which is that of its enum. */
static int
word_of(const char *value, const char *const *words)
{
	int i = 0;

	while (words[i] && strcmp(words[i], value) != 0)
		i++;
	assert(words[i]);
	return i;
}

#define WORD(type, value, ...)                                                                     \
	((enum type)word_of((value), (const char *const[]){ __VA_ARGS__, NULL }))

void
house_options(const struct config *c, struct dialect_options *o)
{
	*o = (struct dialect_options){
		.late_system = WORD(late_system, c->dialect_late_system, "inline", "hoist"),
		.remote_media =
		    WORD(remote_media, c->dialect_remote_media, "inline", "passthrough", "reject"),
		.blocked_prompt =
		    WORD(blocked_prompt, c->dialect_blocked_prompt, "choice", "error400"),
		.thoughts = WORD(thoughts_shown, c->dialect_thoughts, "auto", "always", "never"),
		.image_out = WORD(image_out, c->dialect_image_out, "images", "markdown", "both"),
		.safety_default =
		    WORD(safety_default, c->dialect_safety_default, "provider", "off", "none"),
		.drop_unknown_tools = c->dialect_drop_unknown_tools,
	};
}
