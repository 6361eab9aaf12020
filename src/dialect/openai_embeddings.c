/*
 * Embeddings, OpenAI's: POST /v1/embeddings.  Pure, runs in workers; what is remembered between
 * chunks lies in the exchange's arena.
 *
 * One request is one batch of Gemini's for each hundred texts, and the batches may answer in any
 * order.  Both official SDKs ask for base64 when their caller said nothing, and decode whatever
 * comes back, so the encoding that was asked for is the one that is given.
 */
#include "dialect/dialect.h"

#include <assert.h>
#include <endian.h>
#include <float.h>
#include <math.h>
#include <sodium.h>
#include "base/rope.h"
#include "base/scan.h"
#include "dialect/openai_fields.h"
#include "dialect/openai_pieces.h"
#include "dialect/private.h"
#include "gemini/object.h"
#include "gemini/read.h"

#define INPUTS_MAX    2048 /* OpenAI's limit */
#define BATCH_MAX     100  /* Gemini's, for one call */
#define PARTS_MAX     (INPUTS_MAX / BATCH_MAX + 1)
#define DIMENSION_MAX 100000
#define TOKEN_BYTES   4 /* Gemini may not say what it counted: about so many make a token */

/* What the answer must know of the request: call.notes. */
struct embed_notes {
	bool base64;
	bool normalise;            /* only vectors of the full size come normalised (Gemini API) */
	size_t count;              /* of inputs */
	int64_t tokens[PARTS_MAX]; /* of each batch, estimated */
};

struct embed_request {
	struct scan s;
	struct err *err;
	struct span model;     /* escaped */
	struct span input;     /* raw */
	struct span task_type; /* escaped; empty: none */
	int64_t dimensions;    /* 0: not said */
	bool base64;
};

/* ---- reading ---- */

static bool
read_dimensions(struct embed_request *r)
{
	static const char field[] = "dimensions";
	struct span raw;

	r->dimensions = 0;
	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_NUMBER)
		return refuse(r->err, "must be a whole number", field);
	if (!scan_number(&r->s, &raw))
		return false;
	if (!whole_number(raw, &r->dimensions) || r->dimensions < 1 ||
	    r->dimensions > DIMENSION_MAX)
		return refuse(r->err, "must be a whole number of at least 1", field);
	return true;
}

static bool
read_encoding(struct embed_request *r)
{
	static const char field[] = "encoding_format";
	struct span word;

	r->base64 = false;
	if (!openai_text_read(&r->s, field, &word, r->err))
		return false;
	if (word.p == NULL || scan_key_is(word, "float"))
		return true;
	r->base64 = scan_key_is(word, "base64");
	return r->base64 || refuse(r->err, "must be float or base64", field);
}

static bool
is_task_type(struct span key)
{
	return scan_key_is(key, "task_type") || scan_key_is(key, "taskType");
}

static bool
read_task_type(struct embed_request *r, const char *field)
{
	return openai_text_read(&r->s, field, &r->task_type, r->err);
}

/* "google", which may stand in "extra_body". */
static bool
read_google(struct embed_request *r, const char *field, const char *task_field)
{
	struct span key;
	bool ok = true;

	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_OBJECT)
		return refuse(r->err, "must be an object", "%s", field);
	scan_object(&r->s);
	while (ok && scan_member(&r->s, &key)) {
		if (is_task_type(key))
			ok = read_task_type(r, task_field);
		else
			scan_skip(&r->s, NULL);
	}
	return ok;
}

static bool
read_extra(struct embed_request *r)
{
	struct span key;
	bool ok = true;

	if (take_null(&r->s))
		return true;
	if (scan_type(&r->s) != SCAN_OBJECT)
		return refuse(r->err, "must be an object", "extra_body");
	scan_object(&r->s);
	while (ok && scan_member(&r->s, &key)) {
		if (scan_key_is(key, "google"))
			ok = read_google(r, "extra_body.google", "extra_body.google.task_type");
		else
			scan_skip(&r->s, NULL);
	}
	return ok;
}

/* What is not here has no effect that anyone would miss. */
static bool
read_member(void *ctx, struct span key)
{
	struct embed_request *r = ctx;

	if (scan_key_is(key, "model"))
		return openai_text_read(&r->s, "model", &r->model, r->err);
	if (scan_key_is(key, "input"))
		return scan_skip(&r->s, &r->input);
	if (scan_key_is(key, "dimensions"))
		return read_dimensions(r);
	if (scan_key_is(key, "encoding_format"))
		return read_encoding(r);
	if (is_task_type(key))
		return read_task_type(r, "task_type");
	if (scan_key_is(key, "google"))
		return read_google(r, "google", "google.task_type");
	if (scan_key_is(key, "extra_body"))
		return read_extra(r);
	return scan_skip(&r->s, NULL);
}

/* ---- writing the batches ---- */

struct batches {
	const struct embed_request *request;
	struct embed_notes *notes;
	struct arena *arena;
	struct call *call;
	struct rope body; /* of the batch under way */
	size_t in_batch;
};

static void
close_batch(struct batches *b)
{
	struct call *c = b->call;

	if (b->in_batch == 0)
		return;
	buf_add_lit(&b->body.text, "]}");
	c->bodies[c->parts++] = rope_body(&b->body, b->arena);
	rope_clear(&b->body);
	b->in_batch = 0;
}

/* It is the same as in the URL. */
static void
write_model(struct buf *out, struct span model)
{
	buf_add_text(out, span_starts(model, "tunedModels/") ? "\"" : "\"models/");
	buf_add_span(out, model);
	buf_add_char(out, '"');
}

static void
write_item(struct batches *b, struct span escaped)
{
	struct buf *out = &b->body.text;
	struct object_writer o;

	object_begin(&o, out);
	object_key(&o, "model");
	write_model(out, b->call->model);
	object_key(&o, "content");
	buf_add_lit(out, "{\"parts\":[{\"text\":\"");
	rope_borrow(&b->body, escaped);
	buf_add_lit(out, "\"}]}");
	if (b->request->task_type.len > 0)
		object_escaped(&o, "taskType", b->request->task_type);
	if (b->request->dimensions > 0)
		object_int(&o, "outputDimensionality", b->request->dimensions);
	object_end(&o);
}

static int64_t
estimate_tokens(struct span escaped)
{
	struct buf plain = BUF_INIT;
	size_t len = escaped.len;

	if (scan_has_escape(escaped)) {
		scan_text(&plain, escaped);
		len = plain.len;
		buf_fini(&plain);
	}
	return (int64_t)(len + TOKEN_BYTES - 1) / TOKEN_BYTES;
}

static void
add_input(void *ctx, struct span escaped)
{
	struct batches *b = ctx;

	if (b->in_batch == BATCH_MAX)
		close_batch(b);
	if (b->in_batch++ == 0)
		buf_add_lit(&b->body.text, "{\"requests\":[");
	else
		buf_add_char(&b->body.text, ',');
	write_item(b, escaped);
	b->notes->tokens[b->call->parts] += estimate_tokens(escaped);
	b->notes->count++;
}

static bool
write_batches(const struct embed_request *r, struct arena *arena, struct call *c)
{
	struct embed_notes *notes = c->notes;
	struct batches b = {
		.request = r, .notes = notes, .arena = arena, .call = c, .body = ROPE_INIT
	};
	bool ok;

	c->parts = 0;
	c->bodies = arena_alloc(arena, PARTS_MAX * sizeof(*c->bodies));
	ok = openai_texts_read(r->input, "input", INPUTS_MAX, add_input, &b, r->err);
	if (ok)
		close_batch(&b);
	rope_fini(&b.body);
	return ok;
}

static bool
embeddings_decode(
    const struct dialect_request *req, struct arena *arena, struct call *c, struct err *e)
{
	struct embed_request r = { .err = e };
	struct embed_notes *notes = arena_alloc(arena, sizeof(*notes));

	*c = (struct call){ .op = OP_BATCH_EMBED,
		.framing = FRAMING_UNARY,
		.parts = 1,
		.choices = 1,
		.server_timeout_ms = req->server_timeout_ms,
		.notes = notes };
	scan_init(&r.s, req->body);
	if (!openai_body_read(&r.s, read_member, &r, e) ||
	    !openai_model_find(req, c, arena, r.model, NULL, e))
		return false;
	notes->base64 = r.base64;
	notes->normalise = r.dimensions > 0;
	return write_batches(&r, arena, c);
}

/* ---- vectors ---- */

struct vector {
	float *values; /* owned */
	size_t count, room;
	struct span raw; /* the list as it came */
};

static void
vector_add(struct vector *v, float value)
{
	if (v->count == v->room) {
		v->room = v->room > 0 ? 2 * v->room : 1024;
		v->values = mem_resize(v->values, v->room * sizeof(*v->values));
	}
	v->values[v->count++] = value;
}

static void
vector_normalise(struct vector *v)
{
	double sum = 0;

	for (size_t i = 0; i < v->count; i++)
		sum += (double)v->values[i] * (double)v->values[i];
	if (sum <= 0)
		return;
	for (size_t i = 0; i < v->count; i++)
		v->values[i] = (float)((double)v->values[i] / sqrt(sum));
}

/* The list of numbers ahead, each within a float. */
static void
read_values(struct scan *s, struct vector *v)
{
	const char *begin;
	struct span raw;
	double value;

	v->count = 0;
	if (!read_array(s))
		return;
	begin = s->at - 1;
	while (scan_item(s)) {
		if (scan_type(s) != SCAN_NUMBER || !scan_number(s, &raw) ||
		    !span_double(raw, &value) || fabs(value) > (double)FLT_MAX)
			scan_fail(s, "no number of a vector");
		else
			vector_add(v, (float)value);
	}
	v->raw = span_mem(begin, (size_t)(s->at - begin));
}

static bool
read_vector(struct scan *s, struct vector *v)
{
	struct span key;

	v->count = 0;
	if (!read_object(s))
		return false;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "values"))
			read_values(s, v);
		else
			scan_skip(s, NULL);
	}
	return s->fault == NULL && v->count > 0;
}

/* Little-endian floats, as NumPy and the SDKs read them. */
static void
write_base64(struct buf *out, struct vector *v)
{
	size_t bytes = v->count * sizeof(float);
	size_t room = sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_ORIGINAL);

	for (size_t i = 0; i < v->count; i++) {
		uint32_t bits;

		memcpy(&bits, &v->values[i], sizeof(bits));
		bits = htole32(bits);
		memcpy(&v->values[i], &bits, sizeof(bits));
	}
	buf_reserve(out, room);
	sodium_bin2base64(out->data + out->len, room, (const unsigned char *)v->values, bytes,
	    sodium_base64_VARIANT_ORIGINAL);
	out->len += room - 1;
}

static void
write_floats(struct buf *out, const struct vector *v)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < v->count; i++)
		buf_printf(out, "%s%.9g", i > 0 ? "," : "", (double)v->values[i]);
	buf_add_char(out, ']');
}

static void
write_vector(struct buf *items, const struct embed_notes *notes, size_t index, struct vector *v)
{
	struct object_writer o;

	if (notes->normalise)
		vector_normalise(v);
	if (items->len > 0)
		buf_add_char(items, ',');
	object_begin(&o, items);
	object_text(&o, "object", SPAN("embedding"));
	object_int(&o, "index", (int64_t)index);
	object_key(&o, "embedding");
	if (notes->base64) {
		buf_add_char(items, '"');
		write_base64(items, v);
		buf_add_char(items, '"');
	} else if (notes->normalise) {
		write_floats(items, v);
	} else {
		openai_json_compact(items, v->raw);
	}
	object_end(&o);
}

/* ---- the answer ---- */

struct embed_part {
	struct span items; /* comma separated; p == NULL: it has not answered yet */
	size_t count;
	bool broken; /* one of them is no vector */
	int64_t tokens;
};

static struct embed_part *
parts_of(struct dialect_out *out)
{
	const struct embed_notes *notes = out->call->notes;
	struct embed_part *parts = out->state;

	if (parts != NULL)
		return parts;
	parts = arena_alloc(out->arena, out->call->parts * sizeof(*parts));
	for (size_t i = 0; i < out->call->parts; i++)
		parts[i].tokens = notes->tokens[i];
	out->state = parts;
	return parts;
}

static void
take_vectors(const struct dialect_out *out, struct scan *s, size_t first, struct embed_part *p,
    struct buf *items)
{
	struct vector v = { .values = NULL };

	if (read_array(s))
		while (scan_item(s)) {
			if (read_vector(s, &v))
				write_vector(items, out->call->notes, first + p->count, &v);
			else
				p->broken = true;
			p->count++;
		}
	mem_free(v.values);
}

/* Newer models say what they counted. */
static void
take_usage(struct scan *s, struct embed_part *p)
{
	int64_t tokens = -1;
	struct span key;

	if (!read_object(s))
		return;
	while (scan_member(s, &key)) {
		if (scan_key_is(key, "promptTokenCount"))
			read_int(s, &tokens);
		else
			scan_skip(s, NULL);
	}
	if (tokens >= 0 && tokens <= INT32_MAX)
		p->tokens = tokens;
}

static void
embeddings_encode(struct dialect_out *out, const struct chunk *k)
{
	struct embed_part *p = parts_of(out) + k->part;
	struct buf items = BUF_INIT;
	struct scan s;
	struct span key;

	assert(k->part < out->call->parts);
	scan_init(&s, k->raw);
	if (p->items.p != NULL || !read_object(&s))
		return;
	while (scan_member(&s, &key)) {
		if (scan_key_is(key, "embeddings"))
			take_vectors(out, &s, k->part * BATCH_MAX, p, &items);
		else if (scan_key_is(key, "usageMetadata"))
			take_usage(&s, p);
		else
			scan_skip(&s, NULL);
	}
	p->items = arena_span(out->arena, buf_span(&items));
	buf_fini(&items);
}

/* A vector that is missing would put all that follow it in another text's place. */
static bool
check_part(const struct dialect_out *out, const struct embed_part *p, size_t part, struct err *e)
{
	const struct embed_notes *notes = out->call->notes;
	size_t wanted = notes->count - part * BATCH_MAX;

	if (wanted > BATCH_MAX)
		wanted = BATCH_MAX;
	if (p->broken)
		return err_set(e, ERR_UPSTREAM, "the upstream gave an embedding that is no vector");
	return p->count == wanted ||
	       err_set(e, ERR_UPSTREAM, "the upstream gave %zu vectors for %zu texts", p->count,
		   wanted);
}

static void
write_usage(struct buf *b, const struct embed_part *parts, size_t count)
{
	struct object_writer o;
	int64_t tokens = 0;

	for (size_t i = 0; i < count; i++)
		tokens += parts[i].tokens;
	object_begin(&o, b);
	object_int(&o, "prompt_tokens", tokens);
	object_int(&o, "total_tokens", tokens);
	object_end(&o);
}

static bool
embeddings_finish(struct dialect_out *out, struct err *e)
{
	const struct embed_part *parts = parts_of(out);
	struct object_writer o;

	for (size_t i = 0; i < out->call->parts; i++)
		if (!check_part(out, &parts[i], i, e))
			return false;
	object_begin(&o, out->bytes);
	object_text(&o, "object", SPAN("list"));
	object_key(&o, "data");
	for (size_t i = 0; i < out->call->parts; i++) {
		buf_add_char(out->bytes, i > 0 ? ',' : '[');
		buf_add_span(out->bytes, parts[i].items);
	}
	buf_add_char(out->bytes, ']');
	object_text(&o, "model", out->call->model_asked);
	object_key(&o, "usage");
	write_usage(out->bytes, parts, out->call->parts);
	object_end(&o);
	return true;
}

const struct dialect dialect_openai_embeddings = {
	.name = "openai-embeddings",
	.stream_type = "application/json",
	.decode = embeddings_decode,
	.encode = embeddings_encode,
	.finish = embeddings_finish,
	.fail = dialect_openai_fail,
};
