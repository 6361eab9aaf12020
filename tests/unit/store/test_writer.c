/*
 * Both ends of writing: what is acknowledged is in the store, whatever happens to the janitor.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/writer.h"

#define MAP         (8u << 20)
#define QUEUE_BYTES (4u << 20)
#define LINKS_MAX   8

/* The janitor's side, in this process or in another. */
struct janitor {
	struct loop *loop;
	struct store *store;
	struct committer *committer;
	struct watch watch;
	struct link *links[LINKS_MAX];
	size_t frames;
	bool is_deaf;  /* takes frames and does nothing */
	bool hangs_up; /* ends the link at the next frame instead of taking it */
};

struct world {
	char dir[64];
	char state[80];
	char path[80];
	char board_path[80];
	char key[80];
	struct seal *seal;
	struct board *board;
	struct loop *loop;
	int listener;
	struct janitor janitor;
	struct writer *writer;
};

/* ---- the world ---- */

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	bool kept;

	snprintf(w->dir, sizeof(w->dir), "/tmp/test-writer-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
	snprintf(w->path, sizeof(w->path), "%s/janitor", w->dir);
	snprintf(w->board_path, sizeof(w->board_path), "%s/board", w->dir);
	snprintf(w->key, sizeof(w->key), "%s/key", w->dir);
	w->seal = seal_open(w->key, true, NULL);
	w->board = board_create(w->board_path, &(struct board_sizes){ 0 }, &kept, NULL);
	w->loop = loop_new();
	w->listener = link_listen(w->path, 0600, NULL);
	*state = w;
	return w->seal && w->board && w->listener >= 0 ? 0 : -1;
}

static void
on_janitor_frame(void *ctx, struct link *l, struct frame *f)
{
	struct janitor *j = ctx;

	j->frames++;
	if (j->hangs_up) {
		for (size_t i = 0; i < LINKS_MAX; i++)
			if (j->links[i] == l)
				link_close(&j->links[i]);
		j->hangs_up = false;
		return;
	}
	if (!j->is_deaf && f->kind == MESSAGE_WRITE)
		committer_frame(j->committer, l, f);
}

static void
on_janitor_gone(void *ctx, struct link *l, const char *why)
{
	struct janitor *j = ctx;

	(void)why;
	committer_forget(j->committer, l);
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (j->links[i] == l)
			j->links[i] = NULL;
}

static void
on_knock(void *ctx, uint32_t events)
{
	struct janitor *j = ctx;
	int fd = accept4(j->watch.fd, NULL, NULL, SOCK_CLOEXEC);
	size_t i = 0;

	(void)events;
	if (fd < 0)
		return;
	while (i < LINKS_MAX && j->links[i])
		i++;
	assert_true(i < LINKS_MAX);
	j->links[i] = link_open(j->loop, fd, on_janitor_frame, on_janitor_gone, j);
}

static bool
janitor_start(struct world *w, struct loop *loop, uint64_t map)
{
	struct janitor *j = &w->janitor;

	*j = (struct janitor){ .loop = loop };
	j->store = store_open(w->state, STORE_WRITE, map, w->seal, NULL);
	if (!j->store)
		return false;
	j->committer = committer_new(loop, j->store, w->board);
	loop_watch(loop, &j->watch, w->listener, EPOLLIN, on_knock, j);
	return true;
}

static void
janitor_stop(struct world *w)
{
	struct janitor *j = &w->janitor;

	if (!j->committer)
		return;
	committer_free(&j->committer);
	loop_unwatch(j->loop, &j->watch);
	for (size_t i = 0; i < LINKS_MAX; i++)
		link_close(&j->links[i]);
	store_close(&j->store);
}

static int
teardown(void **state)
{
	static const char *const names[] = { "state/data.mdb", "state/lock.mdb", "board", "key",
		"janitor" };
	struct world *w = *state;
	char path[200];

	writer_free(&w->writer);
	janitor_stop(w);
	if (w->listener >= 0)
		close(w->listener);
	loop_free(&w->loop);
	board_detach(&w->board);
	seal_close(&w->seal);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, names[i]);
		unlink(path);
	}
	rmdir(w->state);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void
start_both(struct world *w)
{
	assert_true(janitor_start(w, w->loop, MAP));
	w->writer = writer_new(w->loop, w->path, QUEUE_BYTES);
}

/* Turns until the writer has nothing outstanding. */
static void
settle(struct world *w)
{
	while (writer_waiting(w->writer))
		loop_turn(w->loop, -1);
}

static bool
has_value(struct store *s, enum table table, const char *key, const char *value)
{
	struct txn t = store_read(s);
	struct span v = store_get(&t, table, span_of(key));
	bool same = value ? span_is(v, value) : v.p == NULL;

	return store_end(&t, NULL) && same;
}

static struct write_op
put_op(enum table table, const char *key, const char *value)
{
	return (struct write_op){ table, span_of(key), span_of(value), false };
}

/* What was told of a write. */
struct told {
	struct world *world;
	size_t times;
	struct err err;
	bool was_there;
	uint64_t generation;
	bool frees_writer;
};

static void
note(void *ctx, const struct err *e)
{
	struct told *t = ctx;

	t->times++;
	t->err = e ? *e : ERR_INIT;
	if (t->world && t->world->janitor.store) {
		t->was_there = has_value(t->world->janitor.store, TABLE_CREDENTIAL, "k", "v");
		t->generation = board_generation(t->world->board, BOARD_GEN_CREDENTIALS);
	}
	if (t->frees_writer)
		writer_free(&t->world->writer);
}

/* ---- a write as bytes ---- */

static void
a_write_is_read_back_as_it_was_asked_for(void **state)
{
	const struct write_op ops[] = {
		put_op(TABLE_CREDENTIAL, "one", "secret"),
		put_op(TABLE_CLIENT, "two", NULL),
		put_op(TABLE_META, "three", ""),
		{ TABLE_CLIENT_ID, SPAN("a\0b"), SPAN("\0\xff\x80"), false },
	};
	struct buf body = BUF_INIT;
	struct write_reader r;
	struct write_op op;
	struct err e = ERR_INIT;
	size_t n = 0;

	(void)state;
	write_encode(&body, ops, COUNT(ops));
	assert_true(write_check(buf_span(&body), &n, &e));
	assert_int_equal(n, COUNT(ops));
	write_begin(&r, buf_span(&body));
	for (size_t i = 0; i < COUNT(ops); i++) {
		assert_true(write_next(&r, &op));
		assert_int_equal(op.table, ops[i].table);
		assert_true(span_eq(op.key, ops[i].key));
		assert_int_equal(op.value.p == NULL, ops[i].value.p == NULL);
		assert_true(span_eq(op.value, ops[i].value));
	}
	assert_false(write_next(&r, &op));
	assert_false(r.broken);
	buf_fini(&body);
}

static void
a_write_cut_off_is_broken_or_fewer_whole_operations(void **state)
{
	const struct write_op ops[] = { put_op(TABLE_CREDENTIAL, "one", "first"),
		put_op(TABLE_CLIENT, "two", "second") };
	struct buf body = BUF_INIT;
	size_t n = 0, borders = 0;

	(void)state;
	write_encode(&body, ops, COUNT(ops));
	for (size_t len = 0; len < body.len; len++) {
		char *exact = malloc(len + 1);

		memcpy(exact, body.data, len);
		if (write_check(span_mem(exact, len), &n, NULL)) {
			borders++;
			assert_true(n == 1 || n == 2);
		}
		free(exact);
	}
	/* Behind the first key, behind its value, behind the second key. */
	assert_int_equal(borders, 3);
	buf_fini(&body);
}

static void
hostile_writes_are_refused(void **state)
{
	static const struct {
		unsigned tags[6];
		const char *values[6];
	} cases[] = {
		{ { 0 }, { NULL } },
		{ { 1 }, { "credential" } },
		{ { 2 }, { "key" } },
		{ { 1, 2 }, { "no such table", "key" } },
		{ { 1, 2 }, { "credential", "" } },
		{ { 1, 3, 2 }, { "credential", "value", "key" } },
		{ { 1, 2, 2 }, { "credential", "key", "key" } },
		{ { 1, 2, 3, 3 }, { "credential", "key", "value", "value" } },
		{ { 1, 2, 3, 4 }, { "credential", "key", "value", "news" } },
		{ { 1, 1, 2 }, { "credential", "client", "key" } },
		{ { 1, 2, 3, 1 }, { "credential", "key", "value", "client" } },
		{ { 1, 2, 3, 1, 2 }, { "credential", "key", "value", "nonsense", "key" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf body = BUF_INIT;
		struct err e = ERR_INIT;
		size_t n;

		for (size_t f = 0; f < 6 && cases[i].values[f]; f++)
			record_put_text(&body, cases[i].tags[f], span_of(cases[i].values[f]));
		assert_false(write_check(buf_span(&body), &n, &e));
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		buf_fini(&body);
	}
}

static void
a_key_that_is_too_long_is_refused_at_the_border(void **state)
{
	char key[SCHEMA_KEY_MAX + 1];

	(void)state;
	memset(key, 'k', sizeof(key));
	for (size_t len = SCHEMA_KEY_MAX; len <= sizeof(key); len++) {
		struct buf body = BUF_INIT;
		size_t n;

		record_put_text(&body, 1, SPAN("client"));
		record_put_text(&body, 2, span_mem(key, len));
		assert_int_equal(write_check(buf_span(&body), &n, NULL), len <= SCHEMA_KEY_MAX);
		buf_fini(&body);
	}
}

static void
a_refusal_keeps_its_kind_and_words(void **state)
{
	static const struct {
		const char *line;
		enum err_kind kind;
		const char *text;
	} cases[] = {
		{ "full: the disk of the store is full", ERR_FULL,
		    "the disk of the store is full" },
		{ "bad-request: a: b", ERR_BAD_REQUEST, "a: b" },
		{ "something else", ERR_SYSTEM, "something else" },
		{ "fullness: of heart", ERR_SYSTEM, "fullness: of heart" },
		{ "none: such", ERR_SYSTEM, "none: such" },
		{ "full:", ERR_SYSTEM, "full:" },
		{ "", ERR_SYSTEM, "" },
	};
	struct buf line = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_refusal_parse(span_of(cases[i].line), &e);
		assert_int_equal(e.kind, cases[i].kind);
		assert_string_equal(e.text, cases[i].text);
	}
	err_set(&e, ERR_FULL, "no room");
	write_refusal_put(&line, &e);
	assert_string_equal(buf_text(&line), "full: no room");
	buf_fini(&line);
}

/* ---- the way through ---- */

static void
a_write_is_in_the_store_and_announced_when_it_is_acknowledged(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	struct told told = { .world = w };

	start_both(w);
	assert_true(writer_write(w->writer, &op, 1, note, &told));
	assert_int_equal(told.times, 0);
	assert_int_equal(writer_waiting(w->writer), 1);
	settle(w);
	assert_int_equal(told.times, 1);
	assert_int_equal(told.err.kind, ERR_NONE);
	assert_true(told.was_there);
	assert_int_equal(told.generation, 1);
	assert_int_equal(board_generation(w->board, BOARD_GEN_CLIENTS), 0);
}

static void
puts_and_erases_of_one_write_go_together(void **state)
{
	struct world *w = *state;
	struct write_op first[] = { put_op(TABLE_CLIENT, "a", "1"),
		put_op(TABLE_CREDENTIAL, "b", "2") };
	struct write_op second[] = { put_op(TABLE_CLIENT, "a", NULL), put_op(TABLE_META, "c", "3"),
		put_op(TABLE_CREDENTIAL, "b", "4") };

	start_both(w);
	writer_write(w->writer, first, COUNT(first), NULL, NULL);
	settle(w);
	writer_write(w->writer, second, COUNT(second), NULL, NULL);
	settle(w);
	assert_true(has_value(w->janitor.store, TABLE_CLIENT, "a", NULL));
	assert_true(has_value(w->janitor.store, TABLE_CREDENTIAL, "b", "4"));
	assert_true(has_value(w->janitor.store, TABLE_META, "c", "3"));
	assert_int_equal(board_generation(w->board, BOARD_GEN_CLIENTS), 2);
	assert_int_equal(board_generation(w->board, BOARD_GEN_CREDENTIALS), 2);
}

/* One commit announces its tables once: so the generation counts commits. */
static uint64_t
commits(const struct world *w)
{
	return board_generation(w->board, BOARD_GEN_CREDENTIALS);
}

static void
what_arrives_in_one_turn_is_one_commit(void **state)
{
	struct world *w = *state;
	struct told told = { .world = NULL };

	start_both(w);
	loop_turn(w->loop, -1);
	for (int i = 0; i < 500; i++) {
		char key[16];
		struct write_op op;

		snprintf(key, sizeof(key), "%d", i);
		op = put_op(TABLE_CREDENTIAL, key, "v");
		assert_true(writer_write(w->writer, &op, 1, note, &told));
	}
	settle(w);
	assert_int_equal(told.times, 500);
	assert_true(commits(w) <= 3);
}

static void
a_commit_has_at_most_a_thousand_records(void **state)
{
	struct world *w = *state;
	struct told told = { .world = NULL };

	assert_true(janitor_start(w, w->loop, MAP));
	for (int i = 0; i < 2500; i++) {
		char key[16];
		struct write_op op;

		snprintf(key, sizeof(key), "%d", i);
		op = put_op(TABLE_CREDENTIAL, key, "v");
		committer_add(w->janitor.committer, &op, 1, note, &told);
	}
	assert_int_equal(told.times, 0);
	loop_turn(w->loop, 0);
	assert_int_equal(told.times, 1000);
	assert_int_equal(commits(w), 1);
	while (told.times < 2500)
		loop_turn(w->loop, -1);
	assert_int_equal(commits(w), 3);
}

static void
one_write_of_many_records_is_never_torn(void **state)
{
	struct world *w = *state;
	struct write_op *ops = calloc(3000, sizeof(*ops));
	char(*keys)[16] = calloc(3000, sizeof(*keys));
	struct write_op small = put_op(TABLE_CREDENTIAL, "small", "v");
	struct txn t;

	for (int i = 0; i < 3000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%d", i);
		ops[i] = put_op(TABLE_CREDENTIAL, keys[i], "v");
	}
	start_both(w);
	writer_write(w->writer, &small, 1, NULL, NULL);
	writer_write(w->writer, ops, 3000, NULL, NULL);
	settle(w);
	assert_int_equal(commits(w), 2);
	t = store_read(w->janitor.store);
	assert_int_equal(store_count(&t, TABLE_CREDENTIAL), 3001);
	store_abort(&t);
	free(ops);
	free(keys);
}

static void
the_janitor_s_own_writes_go_the_same_way(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	struct told told = { .world = w };

	assert_true(janitor_start(w, w->loop, MAP));
	committer_add(w->janitor.committer, &op, 1, note, &told);
	committer_add(w->janitor.committer, &op, 1, NULL, NULL);
	assert_int_equal(told.times, 0);
	loop_turn(w->loop, 0);
	assert_int_equal(told.times, 1);
	assert_true(told.was_there);
	assert_int_equal(told.err.kind, ERR_NONE);
}

static void
what_still_waits_is_committed_at_the_end(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	struct told told = { .world = w };

	assert_true(janitor_start(w, w->loop, MAP));
	committer_add(w->janitor.committer, &op, 1, note, &told);
	committer_free(&w->janitor.committer);
	assert_int_equal(told.times, 1);
	assert_true(told.was_there);
	loop_turn(w->loop, 0);
	assert_int_equal(told.times, 1);
	w->janitor.committer = committer_new(w->loop, w->janitor.store, w->board);
}

/* ---- what goes wrong ---- */

static void
a_write_that_cannot_be_read_is_refused_and_others_go_on(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	char answer[512];
	struct link_head head;
	struct span body, rest;
	const char *why;
	struct buf out = BUF_INIT;
	int fds[2];
	ssize_t n;

	assert_true(janitor_start(w, w->loop, MAP));
	assert_true(link_pair(fds, NULL));
	w->janitor.links[0] =
	    link_open(w->loop, fds[0], on_janitor_frame, on_janitor_gone, &w->janitor);
	link_put(&out, &(struct link_head){ 4, MESSAGE_HELLO, 0, 0 }, SPAN("\1\0\0\0"));
	link_put(&out, &(struct link_head){ 7, MESSAGE_WRITE, 0, 5 }, SPAN("garbage"));
	assert_int_equal(write(fds[1], out.data, out.len), out.len);
	committer_add(w->janitor.committer, &op, 1, NULL, NULL);
	loop_turn(w->loop, 0);
	n = read(fds[1], answer, sizeof(answer));
	assert_int_equal(
	    link_parse(span_mem(answer, (size_t)n), &head, &body, &why), LINK_PARSED_FRAME);
	rest = span_mem(body.p + body.len, (size_t)n - LINK_HEAD_BYTES - body.len);
	assert_int_equal(link_parse(rest, &head, &body, &why), LINK_PARSED_FRAME);
	assert_int_equal(head.kind, MESSAGE_REFUSED);
	assert_int_equal(head.id, 5);
	assert_true(span_starts(body, "bad-request: "));
	assert_true(has_value(w->janitor.store, TABLE_CREDENTIAL, "k", "v"));
	close(fds[1]);
	buf_fini(&out);
}

static void
a_full_disk_refuses_writes_and_takes_them_again_later(void **state)
{
	struct world *w = *state;
	struct rlimit limit = { 200 << 10, RLIM_INFINITY };
	struct told first = { .world = NULL }, second = { .world = w };
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	char *value = calloc(1, 400000);
	struct write_op big = { TABLE_CLIENT, SPAN("big"), span_mem(value, 400000), false };

	signal(SIGXFSZ, SIG_IGN);
	start_both(w);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	writer_write(w->writer, &big, 1, note, &first);
	settle(w);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(first.times, 1);
	assert_int_equal(first.err.kind, ERR_FULL);
	assert_non_null(strstr(first.err.text, "disk"));
	assert_int_equal(board_generation(w->board, BOARD_GEN_CLIENTS), 0);
	writer_write(w->writer, &op, 1, note, &second);
	settle(w);
	assert_int_equal(second.err.kind, ERR_NONE);
	assert_true(second.was_there);
	free(value);
}

static void
a_full_map_is_grown_unseen(void **state)
{
	struct world *w = *state;
	struct told told = { .world = NULL };
	char *value = calloc(1, 100000);

	assert_true(janitor_start(w, w->loop, 1 << 20));
	for (int i = 0; i < 60; i++) {
		char key[16];
		struct write_op op = { TABLE_CREDENTIAL, SPAN_NONE, span_mem(value, 100000), false };

		snprintf(key, sizeof(key), "%d", i);
		op.key = span_of(key);
		committer_add(w->janitor.committer, &op, 1, note, &told);
	}
	while (told.times < 60) {
		loop_turn(w->loop, -1);
		assert_int_equal(told.err.kind, ERR_NONE);
	}
	assert_true(store_map_bytes(w->janitor.store) > 6000000);
	free(value);
}

static void
a_full_queue_refuses_and_frees_again(void **state)
{
	struct world *w = *state;
	char *value = calloc(1, 1 << 20);
	struct write_op op = { TABLE_CLIENT, SPAN("k"), span_mem(value, 1 << 20), false };
	struct told told = { .world = NULL };

	start_both(w);
	for (int i = 0; i < 3; i++)
		assert_true(writer_write(w->writer, &op, 1, NULL, NULL));
	assert_false(writer_write(w->writer, &op, 1, note, &told));
	assert_int_equal(writer_waiting(w->writer), 3);
	settle(w);
	assert_int_equal(told.times, 0);
	assert_true(writer_write(w->writer, &op, 1, note, &told));
	settle(w);
	assert_int_equal(told.times, 1);
	free(value);
}

static void
a_write_larger_than_a_frame_is_refused_at_once(void **state)
{
	struct world *w = *state;
	char *value = calloc(1, LINK_FRAME_MAX);
	struct write_op op = { TABLE_CLIENT, SPAN("k"), span_mem(value, LINK_FRAME_MAX), false };

	w->writer = writer_new(w->loop, w->path, (size_t)LINK_FRAME_MAX * 2);
	assert_false(writer_write(w->writer, &op, 1, NULL, NULL));
	op.value.len = LINK_FRAME_MAX - 100;
	assert_true(writer_write(w->writer, &op, 1, NULL, NULL));
	free(value);
}

static void
writes_wait_for_a_janitor_that_is_not_there_yet(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	struct told told = { .world = w };

	close(w->listener);
	unlink(w->path);
	w->writer = writer_new(w->loop, w->path, QUEUE_BYTES);
	writer_write(w->writer, &op, 1, note, &told);
	loop_turn(w->loop, 0);
	assert_int_equal(writer_waiting(w->writer), 1);
	w->listener = link_listen(w->path, 0600, NULL);
	assert_true(janitor_start(w, w->loop, MAP));
	settle(w);
	assert_int_equal(told.times, 1);
	assert_true(told.was_there);
}

static void
writes_are_sent_again_in_order_when_the_link_was_lost(void **state)
{
	struct world *w = *state;
	struct told told = { .world = NULL };
	struct write_op ops[] = { put_op(TABLE_CREDENTIAL, "k", "1"),
		put_op(TABLE_CREDENTIAL, "k", "2"), put_op(TABLE_CREDENTIAL, "k", "3") };

	start_both(w);
	w->janitor.hangs_up = true;
	for (size_t i = 0; i < COUNT(ops); i++)
		assert_true(writer_write(w->writer, &ops[i], 1, note, &told));
	settle(w);
	assert_int_equal(w->janitor.frames, 4); /* one that it hung up on, then all three */
	assert_int_equal(told.times, 3);
	assert_true(has_value(w->janitor.store, TABLE_CREDENTIAL, "k", "3"));
}

static void
a_commit_whose_writer_has_gone_is_made_all_the_same(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");

	assert_true(janitor_start(w, w->loop, MAP));
	w->writer = writer_new(w->loop, w->path, QUEUE_BYTES);
	writer_write(w->writer, &op, 1, NULL, NULL);
	writer_free(&w->writer);
	for (int i = 0; i < 100 && !has_value(w->janitor.store, TABLE_CREDENTIAL, "k", "v"); i++)
		loop_turn(w->loop, 0);
	assert_true(has_value(w->janitor.store, TABLE_CREDENTIAL, "k", "v"));
}

static void
a_freed_writer_calls_nobody(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	struct told told = { .world = NULL };

	start_both(w);
	w->janitor.is_deaf = true;
	writer_write(w->writer, &op, 1, note, &told);
	loop_turn(w->loop, -1);
	writer_free(&w->writer);
	assert_null(w->writer);
	writer_free(&w->writer);
	loop_turn(w->loop, 0);
	assert_int_equal(told.times, 0);
}

static void
a_writer_may_be_freed_by_what_it_calls(void **state)
{
	struct world *w = *state;
	struct write_op op = put_op(TABLE_CREDENTIAL, "k", "v");
	struct told told = { .world = w, .frees_writer = true }, second = { .world = w };

	start_both(w);
	writer_write(w->writer, &op, 1, note, &told);
	writer_write(w->writer, &op, 1, note, &second);
	while (w->writer)
		loop_turn(w->loop, -1);
	loop_turn(w->loop, 0);
	assert_int_equal(told.times, 1);
	assert_int_equal(second.times, 0);
}

/* ---- the janitor killed ---- */

#define ROUNDS    20
#define IN_FLIGHT 40
#define WRITES    (ROUNDS * 300)

/* A row of writes, each putting its own record and, in the same commit, the row's count. */
struct row {
	struct writer *writer;
	int sent, acked;
};

static void
on_row_ack(void *ctx, const struct err *e)
{
	struct row *r = ctx;

	assert_null(e);
	r->acked++;
}

static void
row_fill(struct row *r)
{
	while (r->sent - r->acked < IN_FLIGHT && r->sent < WRITES) {
		char key[16], value[16];
		struct write_op ops[2];

		snprintf(key, sizeof(key), "k%d", r->sent);
		snprintf(value, sizeof(value), "%d", r->sent);
		ops[0] = put_op(TABLE_CREDENTIAL, key, value);
		ops[1] = put_op(TABLE_META, "count", value);
		assert_true(writer_write(r->writer, ops, 2, on_row_ack, r));
		r->sent++;
	}
}

static pid_t
fork_janitor(struct world *w)
{
	pid_t pid = fork();
	struct loop *loop;

	if (pid != 0)
		return pid;
	loop = loop_new();
	if (!janitor_start(w, loop, 1 << 20))
		_exit(1);
	loop_run(loop);
	_exit(0);
}

/* Whoever acknowledged them is dead: all that it said must be there. */
static void
assert_row_is_kept(struct world *w, const struct row *r)
{
	struct err e = ERR_INIT;
	struct store *s = store_open(w->state, STORE_READ, 1 << 20, w->seal, &e);
	struct txn t;
	int64_t count = -1;

	if (!s)
		fail_msg("%s", e.text);
	t = store_read(s);
	for (int i = 0; i < r->acked; i++) {
		char key[16], value[16];

		snprintf(key, sizeof(key), "k%d", i);
		snprintf(value, sizeof(value), "%d", i);
		if (!span_is(store_get(&t, TABLE_CREDENTIAL, span_of(key)), value))
			fail_msg("write %d of %d acknowledged is lost", i, r->acked);
	}
	if (r->acked)
		assert_true(span_int(store_get(&t, TABLE_META, SPAN("count")), 0, WRITES, &count));
	assert_true(count >= r->acked - 1);
	assert_true(store_end(&t, NULL));
	store_close(&s);
}

static void
a_janitor_killed_at_any_moment_loses_no_acknowledged_write(void **state)
{
	struct world *w = *state;
	struct row r = { writer_new(w->loop, w->path, QUEUE_BYTES), 0, 0 };
	unsigned chance = 4711;

	w->writer = r.writer;
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pid = fork_janitor(w);
		int status, until = r.acked + 1 + rand_r(&chance) % 200;

		for (row_fill(&r); r.acked < until; row_fill(&r))
			loop_turn(w->loop, -1);
		/* Somewhere in the commit that is under way now. */
		for (volatile int spin = rand_r(&chance) % 300000; spin > 0; spin--)
			continue;
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_row_is_kept(w, &r);
	}
	assert_true(janitor_start(w, w->loop, 1 << 20));
	settle(w);
	assert_int_equal(r.acked, r.sent);
	janitor_stop(w);
	assert_row_is_kept(w, &r);
}

int
main(void)
{
#define WRITER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_read_back_as_it_was_asked_for),
		cmocka_unit_test(a_write_cut_off_is_broken_or_fewer_whole_operations),
		cmocka_unit_test(hostile_writes_are_refused),
		cmocka_unit_test(a_key_that_is_too_long_is_refused_at_the_border),
		cmocka_unit_test(a_refusal_keeps_its_kind_and_words),
		WRITER_TEST(a_write_is_in_the_store_and_announced_when_it_is_acknowledged),
		WRITER_TEST(puts_and_erases_of_one_write_go_together),
		WRITER_TEST(what_arrives_in_one_turn_is_one_commit),
		WRITER_TEST(a_commit_has_at_most_a_thousand_records),
		WRITER_TEST(one_write_of_many_records_is_never_torn),
		WRITER_TEST(the_janitor_s_own_writes_go_the_same_way),
		WRITER_TEST(what_still_waits_is_committed_at_the_end),
		WRITER_TEST(a_write_that_cannot_be_read_is_refused_and_others_go_on),
		WRITER_TEST(a_full_disk_refuses_writes_and_takes_them_again_later),
		WRITER_TEST(a_full_map_is_grown_unseen),
		WRITER_TEST(a_full_queue_refuses_and_frees_again),
		WRITER_TEST(a_write_larger_than_a_frame_is_refused_at_once),
		WRITER_TEST(writes_wait_for_a_janitor_that_is_not_there_yet),
		WRITER_TEST(writes_are_sent_again_in_order_when_the_link_was_lost),
		WRITER_TEST(a_commit_whose_writer_has_gone_is_made_all_the_same),
		WRITER_TEST(a_freed_writer_calls_nobody),
		WRITER_TEST(a_writer_may_be_freed_by_what_it_calls),
		WRITER_TEST(a_janitor_killed_at_any_moment_loses_no_acknowledged_write),
	};

	return cmocka_run_group_tests_name("store/writer", tests, NULL, NULL);
}
