/*
 * What upstream refused of a model's options: see learned.h.  Runs in workers; owns a copy of
 * what the store says of the models that were asked for, made anew when the store has changed.
 */
#include "upstream/learned.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "gemini/model.h"

#define COPIES_MAX 1000 /* models: clients choose their names */

enum { TAG_LACK = 1, TAG_UNTIL };

struct known {
	unsigned lacks;
	int64_t until_wall_ms;
	uint64_t generation; /* of the store, when it was read last */
};

struct learned {
	struct store *store;   /* borrowed */
	struct board *board;   /* borrowed */
	struct writer *writer; /* borrowed */
	struct map *models;    /* owned, as are its struct known */
};

struct learned *
learned_new(struct store *store, struct board *board, struct writer *writer)
{
	struct learned *l = mem_alloc(sizeof(*l));

	*l = (struct learned){
		.store = store, .board = board, .writer = writer, .models = map_new()
	};
	return l;
}

void
learned_free(struct learned **lp)
{
	struct learned *l = *lp;

	*lp = NULL;
	if (!l)
		return;
	map_free_values(&l->models, mem_free);
	mem_free(l);
}

/* Lacks go by name: their numbers may differ between two versions. */
static void
encode(const struct known *k, struct buf *out)
{
	for (int lack = 0; lack < LACK_COUNT; lack++)
		if (k->lacks & 1u << lack)
			record_put_text(
			    out, TAG_LACK, span_of(model_lack_name((enum model_lack)lack)));
	record_put_int(out, TAG_UNTIL, k->until_wall_ms);
}

static void
decode(struct span raw, struct known *out)
{
	struct record r;
	struct span value;
	unsigned tag;

	record_begin(&r, raw);
	while (record_next(&r, &tag, &value)) {
		if (tag == TAG_UNTIL && !record_int(value, &out->until_wall_ms))
			r.broken = true;
		for (int lack = 0; tag == TAG_LACK && lack < LACK_COUNT; lack++)
			if (span_is(value, model_lack_name((enum model_lack)lack)))
				out->lacks |= 1u << lack;
	}
	if (r.broken)
		*out = (struct known){ 0 };
}

static void
read_model(struct learned *l, struct span model, struct known *out)
{
	struct err e = ERR_INIT;
	struct txn t = store_read(l->store);
	struct span raw = store_get(&t, TABLE_MODEL_LACK, model);

	if (raw.p)
		decode(raw, out);
	if (!store_end(&t, &e))
		log_warn(
		    "upstream", "what was learned of a model cannot be read", "error=%s", e.text);
}

static void
forget_all(struct learned *l)
{
	map_free_values(&l->models, mem_free);
	l->models = map_new();
}

/* What was noted here may still be on its way to the store, which then knows of an earlier lack
 * alone: the store adds to what is known, and takes nothing away before its time. */
static void
read_again(struct learned *l, struct span model, struct known *k, int64_t now_wall_ms)
{
	struct known stored = { 0 };

	read_model(l, model, &stored);
	if (k->until_wall_ms <= now_wall_ms)
		k->lacks = 0;
	if (stored.until_wall_ms <= now_wall_ms)
		return;
	k->lacks |= stored.lacks;
	if (k->until_wall_ms < stored.until_wall_ms)
		k->until_wall_ms = stored.until_wall_ms;
}

/* The copy, read anew when the store has changed. */
static struct known *
known_of(struct learned *l, struct span model, int64_t now_wall_ms)
{
	uint64_t generation = board_generation(l->board, BOARD_GEN_MODELS);
	struct known *k = map_get(l->models, model);

	if (k && k->generation == generation)
		return k;
	if (!k) {
		if (map_count(l->models) >= COPIES_MAX)
			forget_all(l);
		k = mem_alloc(sizeof(*k));
		map_put(l->models, model, k);
	}
	read_again(l, model, k, now_wall_ms);
	k->generation = generation;
	return k;
}

unsigned
learned_lacks(struct learned *l, struct span model, int64_t now_wall_ms)
{
	const struct known *k;

	if (model.len == 0)
		return 0;
	k = known_of(l, model, now_wall_ms);
	return k->until_wall_ms > now_wall_ms ? k->lacks : 0;
}

void
learned_note(struct learned *l, struct span model, unsigned lacks, int64_t now_wall_ms)
{
	struct buf record = BUF_INIT;
	struct known *k;

	lacks = model_lacks_lasting(lacks);
	if (lacks == 0 || model.len == 0)
		return;
	k = known_of(l, model, now_wall_ms);
	if (k->until_wall_ms <= now_wall_ms)
		k->lacks = 0;
	k->lacks |= lacks;
	k->until_wall_ms = now_wall_ms + LEARNED_TTL_MS;
	encode(k, &record);
	struct write_op op = {
		.table = TABLE_MODEL_LACK, .key = model, .value = buf_span(&record)
	};

	for (int lack = 0; lack < LACK_COUNT; lack++)
		if (lacks & 1u << lack)
			log_info("upstream", "a model does without", "model=%.*s option=\"%s\"",
			    SPAN_ARG(model), model_lack_name((enum model_lack)lack));
	if (l->writer && !writer_write(l->writer, &op, 1, NULL, NULL))
		log_warn("upstream", "what was learned of a model is not stored: too much waits",
		    "model=%.*s", SPAN_ARG(model));
	buf_fini(&record);
}
