/* Fitness in the store: what outlives the board, what is held spent, what hostile records do. */
#include "tests/unit/upstream/world.h"

#include <signal.h>
#include <sys/resource.h>
#include "base/log.h"
#include "base/loop.h"
#include "store/writer.h"
#include "upstream/fitness.h"
#include "upstream/fitness_store.h"
#include "upstream/settle.h"

#define MODEL   SPAN("gemini-2.5-flash")
#define UP      INT64_C(5000000) /* since the machine was started */
#define SPAN_MS 60500            /* a minute and pool.margin */

static const struct moment now = { UP, T0 };
static const struct breaker_rule rule = { 3, 5000, 60000, 1000 };

/* A board, and the janitor's way from it to the store. */
struct scene {
	struct world *world;
	struct config config;
	struct config_model models[1];
	struct loop *loop;
	struct committer *committer;
	struct fitness_flush *flush;
	struct fitness_restored done;
};

static void
janitor_begins(struct scene *s)
{
	s->loop = loop_new();
	s->committer = committer_new(s->loop, s->world->store, s->world->board);
	s->flush = fitness_flush_new(s->world->board, s->committer);
}

static void
scene_open(struct scene *s, struct world *w)
{
	*s = (struct scene){ .world = w, .config = { .pool_margin_ms = 500 } };
	s->config.models = s->models;
	janitor_begins(s);
}

static void
scene_close(struct scene *s)
{
	committer_free(&s->committer);
	fitness_flush_free(&s->flush);
	loop_free(&s->loop);
}

static size_t
flush(struct scene *s, size_t most)
{
	size_t n = fitness_flush_some(s->flush, now, most);

	loop_turn(s->loop, 0);
	loop_turn(s->loop, 0);
	return n;
}

/* The daemon begins anew: the board is lost, or kept as it is. */
static void
begin_anew(struct scene *s, bool board_lost)
{
	static const struct board_sizes sizes = { .cells = 4096,
		.subjects = 4096,
		.models = 64,
		.windows = 4096,
		.leases = 256,
		.traces = 64 };
	struct world *w = s->world;
	struct err e = ERR_INIT;
	char path[128];
	bool kept;

	scene_close(s);
	world_path(w, "board", path);
	board_detach(&w->board);
	if (board_lost)
		assert_int_equal(unlink(path), 0);
	w->board = board_create(path, &sizes, &kept, &e);
	assert_non_null(w->board);
	assert_int_equal(kept, !board_lost);
	janitor_begins(s);
}

static void
end_in_order(struct scene *s, struct moment m)
{
	fitness_flush_end(s->flush, m);
}

static void
restore(struct scene *s, struct moment m)
{
	struct err e = ERR_INIT;

	if (!fitness_restore(s->world->store, s->world->board, &s->config, m, &s->done, &e))
		fail_msg("%s", e.text);
}

static struct moment
later(int64_t ms)
{
	return (struct moment){ now.ms + ms, now.wall_ms + ms };
}

/* Of the subject with that key; model: empty for the whole. */
static struct board_row *
row_of(struct scene *s, uint64_t key, struct span model, bool create)
{
	struct board *b = s->world->board;
	int number = model.len ? board_model(b, model, create) : BOARD_WHOLE;

	return board_row(b, board_subject(b, key, create), number, create);
}

static void
mark(struct scene *s, uint64_t key)
{
	board_mark(s->world->board, board_subject(s->world->board, key, false));
}

static struct fitness_view
view_of(struct scene *s, uint64_t key, struct span model, struct moment m)
{
	struct fitness_view v;

	fitness_view(row_of(s, key, model, false), m, &v);
	return v;
}

static void
freeze(struct board_row *row, int64_t for_ms, enum outcome cause)
{
	struct fitness_freeze f = { .until_ms = now.ms + for_ms, .cause = cause };

	fitness_freeze(row, &f, now);
}

static void
book_day(struct board_row *row, int n)
{
	for (int i = 0; i < n; i++)
		assert_true(fitness_day_book(row, 0, now));
}

static size_t
records(struct scene *s)
{
	struct txn t = store_read(s->world->store);
	size_t n = store_count(&t, TABLE_FITNESS);

	assert_true(store_end(&t, NULL));
	return n;
}

static void
put_record(struct scene *s, struct span key, struct span value)
{
	struct txn t = store_write(s->world->store);

	store_put(&t, TABLE_FITNESS, key, value);
	assert_true(store_end(&t, NULL));
}

/* ---- there and back ---- */

static void
what_was_learned_outlives_the_board(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 7, MODEL, true), 30 * MINUTE, OUTCOME_FORBIDDEN);
	freeze(row_of(&s, 7, SPAN_NONE, true), 60 * MINUTE, OUTCOME_REGION);
	for (int i = 0; i < 3; i++)
		fitness_break(row_of(&s, 7, MODEL, true), &rule, OUTCOME_SERVER_ERROR, now, 99);
	book_day(row_of(&s, 8, MODEL, true), 3); /* a project */
	mark(&s, 7);
	mark(&s, 8);
	end_in_order(&s, now);
	begin_anew(&s, true);
	restore(&s, later(MINUTE));
	assert_int_equal(s.done.subjects, 2);
	assert_int_equal(s.done.rows, 3);
	assert_true(s.done.was_orderly);

	struct fitness_view own = view_of(&s, 7, MODEL, later(MINUTE));

	assert_int_equal(own.frozen_for_ms, 29 * MINUTE);
	assert_int_equal(own.freeze.cause, OUTCOME_FORBIDDEN);
	assert_int_equal(own.breaker, BREAKER_HALF_OPEN);
	assert_int_equal(view_of(&s, 7, SPAN_NONE, later(MINUTE)).freeze.cause, OUTCOME_REGION);
	assert_int_equal(view_of(&s, 8, MODEL, later(MINUTE)).day_used, 3);
	scene_close(&s);
}

static void
models_are_known_by_their_names_whatever_their_numbers(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct scene s;

	scene_open(&s, *state);
	for (int i = 0; i < 5; i++)
		freeze(row_of(&s, 7, span_of(names[i]), true), (i + 1) * MINUTE, OUTCOME_REGION);
	freeze(row_of(&s, 9, SPAN("b"), true), 9 * MINUTE, OUTCOME_REGION);
	mark(&s, 7);
	mark(&s, 9);
	end_in_order(&s, now);
	begin_anew(&s, true);
	assert_int_equal(board_model(s.world->board, SPAN("d"), true), 1);
	assert_int_equal(board_model(s.world->board, SPAN("b"), true), 2);
	restore(&s, now);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    view_of(&s, 7, span_of(names[i]), now).frozen_for_ms, (i + 1) * MINUTE);
	assert_int_equal(view_of(&s, 9, SPAN("b"), now).frozen_for_ms, 9 * MINUTE);
	assert_int_equal(view_of(&s, 9, SPAN("a"), now).frozen_for_ms, 0);
	scene_close(&s);
}

static void
a_limit_of_tokens_that_was_learned_is_noted_for_all_again(void **state)
{
	struct fitness_limits said = { .tpm = 250000 };
	struct scene s;

	scene_open(&s, *state);
	fitness_learn(row_of(&s, 7, MODEL, true), &said, now);
	mark(&s, 7);
	end_in_order(&s, now);
	begin_anew(&s, true);
	restore(&s, now);

	int model = board_model(s.world->board, MODEL, false);

	assert_int_equal(fitness_learned(row_of(&s, 7, MODEL, false), now).tpm, 250000);
	assert_true(
	    fitness_learned(board_row(s.world->board, BOARD_EVERYONE, model, false), now).tpm > 0);
	scene_close(&s);
}

static void
what_says_nothing_any_more_has_no_record(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 7, MODEL, true), MINUTE, OUTCOME_REGION);
	mark(&s, 7);
	flush(&s, 10);
	assert_int_equal(records(&s), 1);
	fitness_thaw(row_of(&s, 7, MODEL, true));
	mark(&s, 7);
	flush(&s, 10);
	assert_int_equal(records(&s), 0);
	scene_close(&s);
}

static void
only_what_is_marked_is_written_and_at_most_as_many_as_asked(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	for (uint64_t key = 1; key <= 6; key++) {
		freeze(row_of(&s, key, MODEL, true), MINUTE, OUTCOME_REGION);
		if (key != 4)
			mark(&s, key);
	}
	assert_int_equal(flush(&s, 2), 2);
	assert_int_equal(records(&s), 2);
	assert_int_equal(flush(&s, 2), 2);
	assert_int_equal(flush(&s, 2), 1);
	assert_int_equal(flush(&s, 2), 0);
	assert_int_equal(records(&s), 5);
	scene_close(&s);
}

static void
what_holds_for_everyone_is_not_stored(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(board_row(s.world->board, BOARD_EVERYONE, BOARD_WHOLE, true), MINUTE,
	    OUTCOME_OVERLOADED);
	board_mark(s.world->board, BOARD_EVERYONE);
	assert_int_equal(flush(&s, 10), 0);
	scene_close(&s);
}

/* ---- what is held spent ---- */

static void
behind_an_orderly_end_only_the_rest_of_its_minute_is_spent(void **state)
{
	static const struct {
		int64_t ago_ms, spent_ms;
	} cases[] = { { 0, SPAN_MS }, { 10 * SECOND, SPAN_MS - 10 * SECOND }, { SPAN_MS - 1, 1 },
		{ SPAN_MS, 1 - UP }, { 3000 * MINUTE, 1 - UP },
		/* The clock was set back. */
		{ -1, SPAN_MS }, { -90 * MINUTE, SPAN_MS } };
	struct scene s;

	scene_open(&s, *state);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct moment end = { 1, now.wall_ms - cases[i].ago_ms };

		end_in_order(&s, end);
		begin_anew(&s, true);
		restore(&s, now);
		assert_true(s.done.was_orderly);
		assert_int_equal(board_spent_until(s.world->board) - now.ms, cases[i].spent_ms);
	}
	scene_close(&s);
}

/* It died: what it did in the last minute, and since it wrote last, is not known. */
static void
without_a_note_the_whole_minute_is_spent_and_the_days_count_is_raised(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	s.models[0] = (struct config_model){
		.name = "limited", .display_name = "", .alias = "", .rpm = 5, .enabled = true
	};
	s.config.model_count = 1;
	book_day(row_of(&s, 7, SPAN("limited"), true), 3);
	book_day(row_of(&s, 7, SPAN("free"), true), 3);
	freeze(row_of(&s, 7, SPAN("unused"), true), MINUTE, OUTCOME_REGION);
	mark(&s, 7);
	flush(&s, 10);
	begin_anew(&s, true);
	restore(&s, later(SECOND));
	assert_false(s.done.was_orderly);
	assert_int_equal(board_spent_until(s.world->board), now.ms + SECOND + SPAN_MS);
	assert_int_equal(view_of(&s, 7, SPAN("limited"), later(SECOND)).day_used, 3 + 5);
	assert_int_equal(view_of(&s, 7, SPAN("free"), later(SECOND)).day_used, 3 + 60);
	assert_int_equal(view_of(&s, 7, SPAN("unused"), later(SECOND)).day_used, 0);
	scene_close(&s);
}

static void
behind_an_orderly_end_the_days_count_is_as_it_was(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	book_day(row_of(&s, 7, MODEL, true), 3);
	mark(&s, 7);
	end_in_order(&s, now);
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(view_of(&s, 7, MODEL, now).day_used, 3);
	scene_close(&s);
}

static void
the_first_run_has_nothing_spent(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	restore(&s, now);
	assert_int_equal(s.done.subjects, 0);
	assert_false(s.done.was_orderly);
	assert_in_range(board_spent_until(s.world->board), 1, now.ms);
	scene_close(&s);
}

static void
a_note_is_believed_once(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 7, MODEL, true), MINUTE, OUTCOME_REGION);
	mark(&s, 7);
	end_in_order(&s, now);
	begin_anew(&s, true);
	restore(&s, later(10 * MINUTE));
	assert_true(s.done.was_orderly);
	begin_anew(&s, true);
	restore(&s, later(20 * MINUTE));
	assert_false(s.done.was_orderly);
	assert_int_equal(board_spent_until(s.world->board), later(20 * MINUTE).ms + SPAN_MS);
	scene_close(&s);
}

static void
a_note_that_is_no_time_is_none(void **state)
{
	static const char *const notes[] = { "", "soon", "-5", "0", "99999999999999999999", "1 " };
	struct scene s;

	scene_open(&s, *state);
	for (size_t i = 0; i < COUNT(notes); i++) {
		struct txn t = store_write(s.world->store);

		store_put(&t, TABLE_META, SPAN("fitness-ended"), span_of(notes[i]));
		assert_true(store_end(&t, NULL));
		begin_anew(&s, true);
		restore(&s, now);
		assert_false(s.done.was_orderly);
		assert_int_equal(board_spent_until(s.world->board), now.ms + SPAN_MS);
	}
	scene_close(&s);
}

/* A reload changes the janitor alone: the workers lend on. */
static void
an_end_that_workers_outlive_is_not_an_orderly_one(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 7, MODEL, true), MINUTE, OUTCOME_REGION);
	mark(&s, 7);
	int slot = board_slot_take(s.world->board, 0, now.wall_ms);

	atomic_store(&board_slot(s.world->board, slot)->pid, getpid());
	end_in_order(&s, now);
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(s.done.rows, 1);
	assert_false(s.done.was_orderly);
	scene_close(&s);
}

/* ---- a board that goes on ---- */

static void
a_board_that_was_kept_is_left_as_it_is_and_written_once_more(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	restore(&s, now);
	freeze(row_of(&s, 7, MODEL, true), MINUTE, OUTCOME_REGION);
	mark(&s, 7);
	assert_int_equal(flush(&s, 10), 1);
	/* Never written: the janitor was killed with the mark in its hand. */
	freeze(row_of(&s, 7, MODEL, true), 5 * MINUTE, OUTCOME_FORBIDDEN);
	begin_anew(&s, false);
	restore(&s, now);
	assert_int_equal(s.done.subjects, 0);
	assert_in_range(board_spent_until(s.world->board), 1, now.ms);
	assert_int_equal(view_of(&s, 7, MODEL, now).frozen_for_ms, 5 * MINUTE);
	assert_int_equal(flush(&s, 10), 1);
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(view_of(&s, 7, MODEL, now).frozen_for_ms, 5 * MINUTE);
	scene_close(&s);
}

/* ---- a store that does not take it ---- */

/* Those at the beginning of the table were marked again as soon as they were written, and the turn
 * of the ones at its end never came. */
static void
each_is_written_in_its_turn_however_often_others_are_marked(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	for (uint64_t key = 1; key <= 6; key++) {
		freeze(row_of(&s, key, MODEL, true), MINUTE, OUTCOME_REGION);
		mark(&s, key);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(flush(&s, 2), 2);
		for (uint64_t key = 1; key <= 6; key++)
			mark(&s, key);
	}
	assert_int_equal(records(&s), 6);
	assert_int_equal(flush(&s, 4), 4);
	for (uint64_t key = 1; key <= 6; key++)
		mark(&s, key);
	assert_int_equal(flush(&s, 10), 6); /* round the end of the table */
	assert_int_equal(flush(&s, 10), 0);
	scene_close(&s);
}

/* A slow disk had megabytes more handed to it every 20 ms, all in memory. */
static void
nothing_more_is_handed_on_before_the_last_is_committed(void **state)
{
	struct scene s;

	scene_open(&s, *state);
	for (uint64_t key = 1; key <= 4; key++) {
		freeze(row_of(&s, key, MODEL, true), MINUTE, OUTCOME_REGION);
		mark(&s, key);
	}
	assert_int_equal(fitness_flush_some(s.flush, now, 2), 2);
	assert_int_equal(fitness_flush_some(s.flush, now, 2), 0);
	loop_turn(s.loop, 0);
	loop_turn(s.loop, 0);
	assert_int_equal(records(&s), 2);
	assert_int_equal(fitness_flush_some(s.flush, now, 2), 2);
	/* The end does not wait for it. */
	mark(&s, 1);
	end_in_order(&s, now);
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(s.done.subjects, 4);
	scene_close(&s);
}

static void
what_could_not_be_written_is_marked_again(void **state)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };
	struct scene s;

	scene_open(&s, *state);
	signal(SIGXFSZ, SIG_IGN);
	for (uint64_t key = 1; key <= 3; key++) {
		freeze(row_of(&s, key, MODEL, true), MINUTE, OUTCOME_REGION);
		mark(&s, key);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	size_t tried = flush(&s, 10);

	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(tried, 3);
	assert_int_equal(records(&s), 0);
	assert_int_equal(flush(&s, 10), 3);
	assert_int_equal(records(&s), 3);
	assert_int_equal(flush(&s, 10), 0);
	scene_close(&s);
}

/* ---- sweeping ---- */

static void
records_of_removed_credentials_and_projects_are_swept(void **state)
{
	char id[3][CREDENTIAL_ID_LEN + 1];
	struct credential_set set = { 0 };
	struct scene s;
	struct err e = ERR_INIT;

	scene_open(&s, *state);
	world_add(s.world, "alone", "AIza-aaaaaaaaaaaaaaaa", true, T0, id[0]);
	world_add_of(s.world, "p", "one", "AIza-bbbbbbbbbbbbbbbb", false, T0, id[1]);
	assert_true(credential_set_load(&set, s.world->store, 1, &e));

	const uint64_t keys[] = { set.items[0].board_key, set.items[1].board_key,
		credential_scope_key(credential_set_find(&set, SPAN("one"))), 4711, 4712 };

	for (size_t i = 0; i < COUNT(keys); i++) {
		freeze(row_of(&s, keys[i], MODEL, true), MINUTE, OUTCOME_REGION);
		mark(&s, keys[i]);
	}
	assert_int_equal(flush(&s, 10), 5);
	assert_int_equal(fitness_store_sweep(s.world->store, s.committer, &set), 2);
	loop_turn(s.loop, 0);
	loop_turn(s.loop, 0);
	assert_int_equal(records(&s), 3);
	assert_int_equal(fitness_store_sweep(s.world->store, s.committer, &set), 0);
	begin_anew(&s, true);
	restore(&s, now);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(view_of(&s, keys[i], MODEL, now).frozen_for_ms, MINUTE);
	credential_set_fini(&set);
	scene_close(&s);
}

/* ---- records that cannot be right ---- */

static void
keys_that_are_none_are_left_out_and_the_others_restored(void **state)
{
	static const char *const keys[] = { "1", "0000000000000000", "000000000000000g",
		" 00000000000001a", "0x0000000000001a", "00000000000000001a", "+00000000000001a" };
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 0x1a, MODEL, true), MINUTE, OUTCOME_REGION);
	mark(&s, 0x1a);
	flush(&s, 10);
	for (size_t i = 0; i < COUNT(keys); i++)
		put_record(&s, span_of(keys[i]), SPAN("\x01\x01x\x02\x02\x07\x02"));
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(board_subjects_used(s.world->board), 1);
	assert_int_equal(view_of(&s, 0x1a, MODEL, now).frozen_for_ms, MINUTE);
	scene_close(&s);
}

static void
one_broken_row_costs_no_other(void **state)
{
	struct buf record = BUF_INIT, row = BUF_INIT;
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 7, MODEL, true), MINUTE, OUTCOME_REGION);
	fitness_encode(row_of(&s, 7, MODEL, false), now, &row);
	record_put_text(&record, 1, SPAN("first"));
	record_put_text(&record, 2, SPAN("\x01\x7f"));
	record_put_text(&record, 9, SPAN("of a newer version"));
	record_put_text(&record, 1, SPAN("second"));
	record_put_text(&record, 2, buf_span(&row));
	record_put_text(&record, 1, span_mem("\0\xff nobody's name", 10));
	record_put_text(&record, 2, buf_span(&row));
	put_record(&s, SPAN("0000000000000007"), buf_span(&record));
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(s.done.rows, 2);
	assert_int_equal(view_of(&s, 7, SPAN("second"), now).frozen_for_ms, MINUTE);
	assert_int_equal(view_of(&s, 7, SPAN("first"), now).frozen_for_ms, 0);
	buf_fini(&record);
	buf_fini(&row);
	scene_close(&s);
}

/* More models than the board has numbers for, names too long for it: the rest is restored. */
static void
what_the_board_has_no_room_for_is_left_out(void **state)
{
	struct buf record = BUF_INIT, row = BUF_INIT;
	char name[200];
	struct scene s;

	scene_open(&s, *state);
	freeze(row_of(&s, 7, MODEL, true), MINUTE, OUTCOME_REGION);
	fitness_encode(row_of(&s, 7, MODEL, false), now, &row);
	memset(name, 'x', sizeof(name));
	record_put_text(&record, 1, span_mem(name, sizeof(name)));
	record_put_text(&record, 2, buf_span(&row));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "model-%d", i);
		record_put_text(&record, 1, span_of(name));
		record_put_text(&record, 2, buf_span(&row));
	}
	put_record(&s, SPAN("0000000000000007"), buf_span(&record));
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(s.done.rows, 64);
	assert_int_equal(view_of(&s, 7, SPAN("model-63"), now).frozen_for_ms, MINUTE);
	assert_int_equal(board_model(s.world->board, SPAN("model-64"), false), -1);
	buf_fini(&record);
	buf_fini(&row);
	scene_close(&s);
}

static void
hostile_records_are_read_without_harm(void **state)
{
	struct buf record = BUF_INIT;
	struct chance chance;
	struct scene s;
	char key[17];

	chance_seed(&chance, 11);
	scene_open(&s, *state);
	struct txn t = store_write(s.world->store);

	for (int i = 0; i < 2000; i++) {
		size_t fields = chance_below(&chance, 12);

		buf_clear(&record);
		for (size_t f = 0; f < fields; f++) {
			char bytes[40];

			for (size_t k = 0; k < sizeof(bytes); k++)
				bytes[k] =
				    (char)(chance_next(&chance) >> chance_below(&chance, 64));
			record_put_text(&record, (unsigned)chance_below(&chance, 4),
			    span_mem(bytes, chance_below(&chance, sizeof(bytes))));
		}
		if (i % 3 == 0 && record.len)
			record.data[chance_below(&chance, record.len)] = (char)chance_next(&chance);
		snprintf(key, sizeof(key), "%016d", i);
		store_put(&t, TABLE_FITNESS, span_of(key), buf_span(&record));
	}
	assert_true(store_end(&t, NULL));
	begin_anew(&s, true);
	restore(&s, now);
	assert_int_equal(s.done.subjects, 1999); /* one key is 0 */
	buf_fini(&record);
	scene_close(&s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_learned_outlives_the_board),
		TEST(models_are_known_by_their_names_whatever_their_numbers),
		TEST(a_limit_of_tokens_that_was_learned_is_noted_for_all_again),
		TEST(what_says_nothing_any_more_has_no_record),
		TEST(only_what_is_marked_is_written_and_at_most_as_many_as_asked),
		TEST(what_holds_for_everyone_is_not_stored),
		TEST(behind_an_orderly_end_only_the_rest_of_its_minute_is_spent),
		TEST(without_a_note_the_whole_minute_is_spent_and_the_days_count_is_raised),
		TEST(behind_an_orderly_end_the_days_count_is_as_it_was),
		TEST(the_first_run_has_nothing_spent),
		TEST(a_note_is_believed_once),
		TEST(a_note_that_is_no_time_is_none),
		TEST(an_end_that_workers_outlive_is_not_an_orderly_one),
		TEST(a_board_that_was_kept_is_left_as_it_is_and_written_once_more),
		TEST(each_is_written_in_its_turn_however_often_others_are_marked),
		TEST(nothing_more_is_handed_on_before_the_last_is_committed),
		TEST(what_could_not_be_written_is_marked_again),
		TEST(records_of_removed_credentials_and_projects_are_swept),
		TEST(keys_that_are_none_are_left_out_and_the_others_restored),
		TEST(one_broken_row_costs_no_other),
		TEST(what_the_board_has_no_room_for_is_left_out),
		TEST(hostile_records_are_read_without_harm),
	};

	return cmocka_run_group_tests_name("upstream/fitness_store", tests, NULL, NULL);
}
