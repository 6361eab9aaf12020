/*
 * Fitness between board and store: see fitness_store.h.
 *
 * A record is a list of pairs: a model's name (empty: the subject as a whole), then its row as
 * upstream/fitness_record.c writes it.
 */
#include "upstream/fitness_store.h"

#include <stdlib.h>
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "upstream/fitness.h"
#include "upstream/pool.h"

/* Tags of the record; never given a second meaning. */
enum { TAG_MODEL = 1, TAG_ROW = 2 };

#define KEY_LEN    16                    /* hex digits of the subject's key */
#define ENDED      SPAN("fitness-ended") /* in table META: Unix ms of the last orderly end */
#define SPAN_MS    60000
#define BATCH_MAX  1000
#define FIRST      (BOARD_EVERYONE + 1) /* subject */
#define GROW_TRIES 64
/* Requests of a day that are held lost where no minute limits them. */
#define UNLIMITED_A_MINUTE 60

struct fitness_flush {
	struct board *board;         /* borrowed */
	struct committer *committer; /* borrowed */
	int next;                    /* subject: its turn comes next */
	size_t under_way;            /* batches */
	bool failing;                /* said once, until it succeeds again */
};

/* ---- keys ---- */

static void
key_write(uint64_t subject_key, char out[KEY_LEN + 1])
{
	snprintf(out, KEY_LEN + 1, "%016llx", (unsigned long long)subject_key);
}

/* 0: it is none. */
static uint64_t
key_read(struct span key)
{
	unsigned char bytes[KEY_LEN / 2];
	uint64_t n = 0;

	if (!text_unhex(key, bytes, sizeof(bytes)))
		return 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		n = n << 8 | bytes[i];
	return n;
}

/* ---- from the store ---- */

/* A record of the store, and where it belongs. */
struct found {
	int subject;
	struct span value; /* borrowed from the transaction */
};

struct restoring {
	struct board *board;
	const struct config *config;
	struct moment now;
	struct fitness_restored *done;
	struct found *found; /* owned */
	size_t count, found_room;
	size_t broken;
	int model;          /* the last one's number */
	int64_t *unwritten; /* owned; of each model by its number; 0: not looked up yet */
	int room;
};

/* Room for one more model's number.  Fresh ones are 0. */
static void
make_room(struct restoring *r, int number)
{
	int room = r->room ? r->room : 64;

	if (number < r->room)
		return;
	while (room <= number)
		room *= 2;
	r->unwritten = mem_resize(r->unwritten, (size_t)room * sizeof(*r->unwritten));
	memset(r->unwritten + r->room, 0, (size_t)(room - r->room) * sizeof(*r->unwritten));
	r->room = room;
}

/* Requests may have been made behind the last writing; so many at most were.  Looked up once for
 * each model: there may be as many blocks in the configuration. */
static int64_t
unwritten_of_the_day(struct restoring *r, int number)
{
	if (r->done->was_orderly || number == BOARD_WHOLE)
		return 0;
	make_room(r, number);
	if (r->unwritten[number] == 0) {
		int64_t rpm = pool_limits(r->config, board_model_name(r->board, number)).rpm;

		r->unwritten[number] = rpm > 0 ? rpm : UNLIMITED_A_MINUTE;
	}
	return r->unwritten[number];
}

/* Records name their models in the order of a board that was filled likewise: it is mostly the
 * next. */
static int
number_of(struct restoring *r, struct span model)
{
	int next = r->model + 1;

	if (model.len == 0)
		next = BOARD_WHOLE;
	else if (!span_eq(board_model_name(r->board, next), model))
		next = board_model(r->board, model, true);
	r->model = next > BOARD_WHOLE ? next : BOARD_WHOLE;
	return next;
}

/* That a model has a limit of tokens is noted for all, so that prompts are counted for it. */
static void
note_tokens(struct restoring *r, const struct board_row *row, int model)
{
	struct fitness_limits said = { .tpm = fitness_learned(row, r->now).tpm };

	if (said.tpm > 0)
		fitness_learn(board_row(r->board, BOARD_EVERYONE, model, true), &said, r->now);
}

static bool
restore_row(struct restoring *r, int subject, struct span model, struct span row)
{
	int number = number_of(r, model);
	struct board_row *to = number < 0 ? NULL : board_row(r->board, subject, number, true);

	if (!to)
		return true; /* the board is full, and has said so */
	if (!fitness_decode(to, row, unwritten_of_the_day(r, number), r->now))
		return false;
	if (number > BOARD_WHOLE)
		note_tokens(r, to, number);
	r->done->rows++;
	return true;
}

static void
restore_subject(struct restoring *r, const struct found *f)
{
	struct span field, model = SPAN_NONE;
	struct record rec;
	bool ok = true;
	unsigned tag;

	record_begin(&rec, f->value);
	while (record_next(&rec, &tag, &field)) {
		if (tag == TAG_MODEL)
			model = field;
		else if (tag == TAG_ROW)
			ok = restore_row(r, f->subject, model, field) && ok;
	}
	r->done->subjects++;
	r->broken += !ok || rec.broken;
}

/* In the store's memory: it stays where it is until the transaction's end. */
static bool
find_subject(void *ctx, struct span key, struct span value)
{
	struct restoring *r = ctx;
	uint64_t subject_key = key_read(key);
	int subject = subject_key ? board_subject(r->board, subject_key, true) : -1;

	r->broken += subject_key == 0;
	if (subject < 0)
		return true;
	if (r->count == r->found_room) {
		r->found_room = r->found_room ? r->found_room * 2 : 256;
		r->found = mem_resize(r->found, r->found_room * sizeof(*r->found));
	}
	r->found[r->count++] = (struct found){ subject, value };
	return true;
}

static int
compare_places(const void *va, const void *vb)
{
	const struct found *a = va, *b = vb;

	return a->subject - b->subject;
}

/* Rows of neighbours lie side by side, and each page of the board has 32 of them: in the order of
 * their places every page is found, filled and done with once. */
static void
restore_all(struct restoring *r)
{
	if (r->count > 0)
		qsort(r->found, r->count, sizeof(*r->found), compare_places);
	for (size_t i = 0; i < r->count; i++)
		restore_subject(r, &r->found[i]);
}

/* Where the map must grow for it the transaction is to be run again. */
static bool
take_note(struct store *store, int64_t *ended, bool *is_first_run, struct err *e)
{
	struct txn t = store_write(store);
	struct span note = store_get(&t, TABLE_META, ENDED);

	*ended = 0;
	if (note.p && !span_int(note, 1, INT64_MAX, ended))
		*ended = 0;
	*is_first_run = !note.p && store_count(&t, TABLE_FITNESS) == 0;
	if (note.p)
		store_erase(&t, TABLE_META, ENDED);
	return store_end(&t, e);
}

/* When the last run ended in order, in Unix ms; 0: it did not.  A note that cannot be taken away is
 * not believed: it would be found again behind an end of another kind. */
static int64_t
take_note_of_the_end(struct store *store, bool *is_first_run)
{
	struct err e = ERR_INIT;
	int64_t ended = 0;
	bool taken = take_note(store, &ended, is_first_run, &e);

	for (int i = 0; !taken && e.kind == ERR_FULL && e.retry_ms == 1 && i < GROW_TRIES; i++)
		taken = take_note(store, &ended, is_first_run, &e);
	if (taken)
		return ended;
	log_warn("janitor", "the note of the last end stays", "error=%s", e.text);
	return 0;
}

/* Until when the last minute may hold what this board knows nothing of.  Never 0: it says that the
 * board was filled. */
static int64_t
spent_until(const struct config *c, int64_t ended_wall_ms, struct moment now)
{
	int64_t span = SPAN_MS + c->pool_margin_ms;
	int64_t ago = ended_wall_ms ? now.wall_ms - ended_wall_ms : 0;

	if (ago < 0 || ended_wall_ms == 0)
		return now.ms + span; /* the clock was set back, or nobody took his leave */
	return ago >= span ? 1 : now.ms + span - ago;
}

/* A janitor that was killed had taken the marks of what it did not come to write. */
static void
mark_all(struct board *b)
{
	for (uint32_t i = BOARD_EVERYONE + 1; i < board_subjects_size(b); i++)
		if (board_subject_key(b, (int)i) != 0)
			board_mark(b, (int)i);
}

bool
fitness_restore(struct store *store, struct board *board, const struct config *config,
    struct moment now, struct fitness_restored *done, struct err *e)
{
	bool first;
	int64_t ended = take_note_of_the_end(store, &first);
	struct restoring r = { .board = board, .config = config, .now = now, .done = done };

	*done = (struct fitness_restored){ .was_orderly = ended != 0 };
	if (board_spent_until(board) != 0) {
		mark_all(board);
		return true;
	}
	struct txn t = store_read(store);

	store_each(&t, TABLE_FITNESS, find_subject, &r);
	restore_all(&r);
	mem_free(r.found);
	mem_free(r.unwritten);
	if (!store_end(&t, e))
		return false;
	if (r.broken)
		log_error("janitor", "records of fitness cannot be read", "count=%zu", r.broken);
	board_spent_set(board, first ? 1 : spent_until(config, ended, now));
	return true;
}

/* ---- to the store ---- */

struct fitness_flush *
fitness_flush_new(struct board *board, struct committer *committer)
{
	struct fitness_flush *f = mem_alloc(sizeof(*f));

	*f = (struct fitness_flush){ .board = board, .committer = committer, .next = FIRST };
	return f;
}

void
fitness_flush_free(struct fitness_flush **fp)
{
	mem_free(*fp);
	*fp = NULL;
}

/* Subjects that are on their way together. */
struct batch {
	struct fitness_flush *flush;
	size_t count;
	int subjects[];
};

static void
on_committed(void *ctx, const struct err *e)
{
	struct batch *b = ctx;
	struct fitness_flush *f = b->flush;

	for (size_t i = 0; e && i < b->count; i++)
		board_mark(f->board, b->subjects[i]);
	if (e && !f->failing)
		log_warn("janitor", "fitness cannot be stored for now", "error=%s", e->text);
	f->failing = e != NULL;
	f->under_way--;
	mem_free(b);
}

static void
encode_subject(struct board *board, int subject, struct moment now, struct buf *out)
{
	struct buf row = BUF_INIT;

	for (int m = BOARD_WHOLE; m < board_models_used(board); m++) {
		const struct board_row *from = board_row(board, subject, m, false);
		struct span name = m == BOARD_WHOLE ? SPAN_NONE : board_model_name(board, m);

		if (!from || (m != BOARD_WHOLE && name.len == 0))
			continue;
		buf_clear(&row);
		fitness_encode(from, now, &row);
		if (row.len == 0)
			continue;
		record_put_text(out, TAG_MODEL, name);
		record_put_text(out, TAG_ROW, buf_span(&row));
	}
	buf_fini(&row);
}

static void
hand_on(struct fitness_flush *f, struct batch *b, struct moment now)
{
	char(*keys)[KEY_LEN + 1] = mem_array(b->count, sizeof(*keys));
	struct buf *records = mem_array(b->count, sizeof(*records));
	struct write_op *ops = mem_array(b->count, sizeof(*ops));

	for (size_t i = 0; i < b->count; i++) {
		key_write(board_subject_key(f->board, b->subjects[i]), keys[i]);
		encode_subject(f->board, b->subjects[i], now, &records[i]);
		ops[i] = (struct write_op){ .table = TABLE_FITNESS, .key = span_of(keys[i]) };
		if (records[i].len > 0)
			ops[i].value = buf_span(&records[i]);
	}
	f->under_way++;
	committer_add(f->committer, ops, b->count, on_committed, b);
	for (size_t i = 0; i < b->count; i++)
		buf_fini(&records[i]);
	mem_free(ops);
	mem_free(records);
	mem_free(keys);
}

/* From the next one on, to the end of the table at most. */
static size_t
flush_from_next(struct fitness_flush *f, struct moment now, size_t most)
{
	struct batch *b = mem_alloc(sizeof(*b) + most * sizeof(b->subjects[0]));
	int at = f->next;

	*b = (struct batch){ .flush = f };
	while (b->count < most && (at = board_marked(f->board, at)) >= 0) {
		if (board_subject_key(f->board, at) != 0)
			b->subjects[b->count++] = at;
		at++;
	}
	f->next = at < 0 ? FIRST : at;
	size_t count = b->count;

	if (count > 0)
		hand_on(f, b, now);
	else
		mem_free(b);
	return count;
}

size_t
fitness_flush_some(struct fitness_flush *f, struct moment now, size_t most)
{
	bool from_first = f->next == FIRST;

	if (f->under_way > 0)
		return 0;
	size_t count = flush_from_next(f, now, most);

	if (count < most && !from_first)
		count += flush_from_next(f, now, most - count);
	return count;
}

/* A reload changes the janitor while workers go on; so they do for a while when the master is gone.
 */
static bool
is_anybody_left(struct board *b)
{
	for (int i = 0; i < BOARD_WORKERS_MAX; i++)
		if (atomic_load(&board_slot(b, i)->pid) != 0)
			return true;
	return false;
}

void
fitness_flush_end(struct fitness_flush *f, struct moment now)
{
	char text[24];
	struct write_op note = { .table = TABLE_META, .key = ENDED };

	f->next = FIRST;
	do
		flush_from_next(f, now, BATCH_MAX);
	while (f->next != FIRST);
	if (is_anybody_left(f->board))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)now.wall_ms);
	note.value = span_of(text);
	committer_add(f->committer, &note, 1, NULL, NULL);
}

/* ---- what is of no use any more ---- */

struct sweeping {
	const struct map *known; /* borrowed */
	struct committer *committer;
	size_t erased;
};

static bool
sweep_one(void *ctx, struct span key, struct span value)
{
	struct sweeping *s = ctx;
	struct write_op op = { .table = TABLE_FITNESS, .key = key };

	(void)value;
	if (map_get(s->known, key))
		return true;
	committer_add(s->committer, &op, 1, NULL, NULL);
	s->erased++;
	return s->erased < BATCH_MAX;
}

static void
know(struct map *known, uint64_t subject_key)
{
	char key[KEY_LEN + 1];

	key_write(subject_key, key);
	map_put(known, span_of(key), known);
}

size_t
fitness_store_sweep(
    struct store *store, struct committer *committer, const struct credential_set *set)
{
	struct map *known = map_new();
	struct sweeping s = { known, committer, 0 };
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < set->count; i++) {
		know(known, set->items[i].board_key);
		know(known, credential_scope_key(&set->items[i]));
	}
	struct txn t = store_read(store);

	store_each(&t, TABLE_FITNESS, sweep_one, &s);
	if (!store_end(&t, &ignored))
		log_warn("janitor", "fitness cannot be swept", "error=%s", ignored.text);
	map_free(&known);
	return s.erased;
}
