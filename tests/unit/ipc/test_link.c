/*
 * Links: frames at every split, descriptors, hostile peers, endings.  Every test ends with as many
 * open descriptors as it began with.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ipc/link.h"

#define FRAMES_MAX 2048

/* One end of a link and what it was told. */
struct end {
	struct link *link;
	size_t frames;
	enum message kinds[FRAMES_MAX];
	uint64_t ids[FRAMES_MAX];
	struct buf bodies; /* one behind the other */
	size_t last_len;
	int kept_fd; /* of the last frame that had one, when keep */
	size_t fds;
	bool keep;
	bool close_in_frame, close_in_gone;
	struct link **close_other;
	size_t gone;
	char why[200];
};

struct world {
	struct loop *loop;
	struct end a, b;
	int raw; /* the other side of a, when the test plays it */
	char dir[64];
	char path[80];
	size_t fds_before;
};

static size_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->fds_before = open_fds();
	w->loop = loop_new();
	w->raw = -1;
	w->a.kept_fd = w->b.kept_fd = -1;
	snprintf(w->dir, sizeof(w->dir), "/tmp/test-link-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/sock", w->dir);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	size_t left;

	link_close(&w->a.link);
	link_close(&w->b.link);
	if (w->raw >= 0)
		close(w->raw);
	if (w->a.kept_fd >= 0)
		close(w->a.kept_fd);
	if (w->b.kept_fd >= 0)
		close(w->b.kept_fd);
	buf_fini(&w->a.bodies);
	buf_fini(&w->b.bodies);
	loop_free(&w->loop);
	unlink(w->path);
	rmdir(w->dir);
	left = open_fds();
	if (left != w->fds_before)
		print_error("%zu descriptors before, %zu after\n", w->fds_before, left);
	left -= w->fds_before;
	free(w);
	return left == 0 ? 0 : -1;
}

static void
on_frame(void *ctx, struct link *l, struct frame *f)
{
	struct end *e = ctx;

	(void)l;
	assert_true(e->frames < FRAMES_MAX);
	e->kinds[e->frames] = f->kind;
	e->ids[e->frames++] = f->id;
	e->last_len = f->body.len;
	buf_add_span(&e->bodies, f->body);
	if (f->fd >= 0)
		e->fds++;
	if (f->fd >= 0 && e->keep) {
		if (e->kept_fd >= 0)
			close(e->kept_fd);
		e->kept_fd = f->fd;
		f->fd = -1;
	}
	if (e->close_other)
		link_close(e->close_other);
	if (e->close_in_frame)
		link_close(&e->link);
}

static void
on_gone(void *ctx, struct link *l, const char *why)
{
	struct end *e = ctx;

	assert_non_null(why);
	assert_ptr_equal(l, e->link);
	assert_false(link_send(l, MESSAGE_DONE, 1, SPAN_NONE));
	e->gone++;
	snprintf(e->why, sizeof(e->why), "%s", why);
	if (e->close_in_gone)
		link_close(&e->link);
	e->link = NULL;
}

static void
turn(struct world *w)
{
	loop_turn(w->loop, 0);
}

/* a and b, the two ends of one link. */
static void
open_both(struct world *w)
{
	int fds[2];

	assert_true(link_pair(fds, NULL));
	w->a.link = link_open(w->loop, fds[0], on_frame, on_gone, &w->a);
	w->b.link = link_open(w->loop, fds[1], on_frame, on_gone, &w->b);
}

/* a, and a raw descriptor in place of its peer; HELLO has not been said. */
static void
open_raw(struct world *w)
{
	int fds[2];

	assert_true(link_pair(fds, NULL));
	w->a.link = link_open(w->loop, fds[0], on_frame, on_gone, &w->a);
	w->raw = fds[1];
}

static void
make_frame(struct buf *out, unsigned kind, unsigned flags, uint64_t id, struct span body)
{
	struct link_head h = { .length = (uint32_t)body.len,
		.kind = (uint16_t)kind,
		.flags = (uint16_t)flags,
		.id = id };

	link_put(out, &h, body);
}

static void
make_hello(struct buf *out)
{
	make_frame(out, MESSAGE_HELLO, 0, 0, SPAN("\x01\x00\x00\x00"));
}

static void
raw_send(struct world *w, struct span bytes)
{
	assert_int_equal(send(w->raw, bytes.p, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static void
raw_send_fds(struct world *w, struct span bytes, const int *fds, size_t n)
{
	struct iovec iov = { (void *)(uintptr_t)bytes.p, bytes.len };
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(16))) = { 0 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(w->raw, &m, MSG_NOSIGNAL), bytes.len);
}

/* a's peer says HELLO and then these bytes. */
static void
raw_say(struct world *w, struct span bytes)
{
	struct buf out = BUF_INIT;

	make_hello(&out);
	buf_add_span(&out, bytes);
	raw_send(w, buf_span(&out));
	buf_fini(&out);
}

static void
assert_ended(struct world *w, const char *words)
{
	for (int i = 0; i < 100 && w->a.gone == 0; i++)
		turn(w);
	assert_int_equal(w->a.gone, 1);
	if (!strstr(w->a.why, words))
		fail_msg("\"%s\" does not say \"%s\"", w->a.why, words);
	for (int i = 0; i < 3; i++)
		turn(w);
	assert_int_equal(w->a.gone, 1);
}

/* ---- bytes ---- */

static void
a_frame_is_read_back_and_every_prefix_is_a_part(void **state)
{
	static const char *const bodies[] = { "", "x", "hello, janitor" };

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct buf bytes = BUF_INIT;
		struct link_head head;
		struct span body;
		const char *why = NULL;

		make_frame(&bytes, MESSAGE_WRITE, LINK_FLAG_FD, UINT64_C(0x1122334455667788),
		    span_of(bodies[i]));
		for (size_t len = 0; len < bytes.len; len++)
			assert_int_equal(link_parse(span_mem(bytes.data, len), &head, &body, &why),
			    LINK_PARSED_PART);
		assert_int_equal(
		    link_parse(buf_span(&bytes), &head, &body, &why), LINK_PARSED_FRAME);
		assert_int_equal(head.kind, MESSAGE_WRITE);
		assert_int_equal(head.flags, LINK_FLAG_FD);
		assert_true(head.id == UINT64_C(0x1122334455667788));
		assert_true(span_is(body, bodies[i]));
		assert_null(why);
		buf_fini(&bytes);
	}
}

static void
numbers_of_a_frame_are_little_endian(void **state)
{
	struct buf bytes = BUF_INIT;

	(void)state;
	make_frame(&bytes, MESSAGE_WRITE, 0, 0x0102, SPAN("abc"));
	assert_memory_equal(bytes.data,
	    "\x03\0\0\0"
	    "\x20\0"
	    "\0\0"
	    "\x02\x01\0\0\0\0\0\0"
	    "abc",
	    19);
	buf_fini(&bytes);
}

static void
a_bad_head_is_refused_as_soon_as_it_can_be(void **state)
{
	static const struct {
		struct span bytes;
		const char *why;
	} cases[] = {
		{ { "\x01\x00\x00\x04", 4 }, "too large" },
		{ { "\xff\xff\xff\xff", 4 }, "too large" },
		{ { "\0\0\0\0\x10\0\x02\0\0\0\0\0\0\0\0\0", 16 }, "unknown flag" },
		{ { "\0\0\0\0\x10\0\0\x80\0\0\0\0\0\0\0\0", 16 }, "unknown flag" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct link_head head;
		struct span body;
		const char *why = NULL;

		assert_int_equal(link_parse(cases[i].bytes, &head, &body, &why), LINK_PARSED_BAD);
		assert_non_null(strstr(why, cases[i].why));
	}
}

static void
kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(message_name(MESSAGE_HELLO), "HELLO");
	assert_string_equal(message_name(MESSAGE_PROGRESS), "PROGRESS");
	assert_string_equal(message_name((enum message)9999), "unknown");
	assert_true(message_is_known(MESSAGE_WRITE));
	assert_false(message_is_known(0));
	assert_false(message_is_known(65535));
}

/* ---- passing frames ---- */

static void
frames_pass_both_ways_in_order(void **state)
{
	struct world *w = *state;

	open_both(w);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_true(link_send(w->a.link, MESSAGE_WRITE, i, SPAN("ab")));
		assert_true(link_send(w->b.link, MESSAGE_DONE, i * 3, SPAN_NONE));
	}
	for (int i = 0; i < 100 && (w->a.frames < 1000 || w->b.frames < 1000); i++)
		turn(w);
	assert_int_equal(w->a.frames, 1000);
	assert_int_equal(w->b.frames, 1000);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(w->b.kinds[i], MESSAGE_WRITE);
		assert_int_equal(w->b.ids[i], i);
		assert_int_equal(w->a.kinds[i], MESSAGE_DONE);
		assert_int_equal(w->a.ids[i], i * 3);
	}
	assert_int_equal(w->b.bodies.len, 2000);
}

static void
a_stream_cut_at_every_byte_gives_the_same_frames(void **state)
{
	struct world *w = *state;
	struct buf stream = BUF_INIT;

	make_hello(&stream);
	make_frame(&stream, MESSAGE_WRITE, 0, 1, SPAN("first"));
	make_frame(&stream, MESSAGE_STOP, 0, 0, SPAN_NONE);
	make_frame(&stream, MESSAGE_CONTROL, 0, 2, SPAN("last"));
	for (size_t cut = 1; cut < stream.len; cut++) {
		open_raw(w);
		raw_send(w, span_mem(stream.data, cut));
		turn(w);
		raw_send(w, span_mem(stream.data + cut, stream.len - cut));
		turn(w);
		assert_int_equal(w->a.frames, 3);
		assert_int_equal(w->a.ids[2], 2);
		assert_true(span_is(buf_span(&w->a.bodies), "firstlast"));
		link_close(&w->a.link);
		close(w->raw);
		w->raw = -1;
		w->a.frames = 0;
		buf_clear(&w->a.bodies);
	}
	buf_fini(&stream);
}

static void
a_stream_that_comes_byte_by_byte_is_read(void **state)
{
	struct world *w = *state;
	struct buf stream = BUF_INIT;

	open_raw(w);
	make_hello(&stream);
	make_frame(&stream, MESSAGE_WRITE, 0, 1, SPAN("first"));
	make_frame(&stream, MESSAGE_CONTROL, 0, 2, SPAN("second"));
	for (size_t i = 0; i < stream.len; i++) {
		raw_send(w, span_mem(stream.data + i, 1));
		turn(w);
	}
	assert_int_equal(w->a.frames, 2);
	assert_true(span_is(buf_span(&w->a.bodies), "firstsecond"));
	buf_fini(&stream);
}

static void
a_frame_far_larger_than_the_socket_passes_in_parts(void **state)
{
	struct world *w = *state;
	struct buf body = BUF_INIT;

	for (uint32_t i = 0; i < 2000000; i++)
		buf_add(&body, &i, sizeof(i));
	open_both(w);
	assert_true(link_send(w->a.link, MESSAGE_WRITE, 5, buf_span(&body)));
	assert_true(link_queued_bytes(w->a.link) > 0);
	assert_true(link_send(w->a.link, MESSAGE_STOP, 0, SPAN("!")));
	for (int i = 0; i < 10000 && w->b.frames < 2; i++)
		turn(w);
	assert_int_equal(w->b.frames, 2);
	assert_int_equal(w->b.bodies.len, body.len + 1);
	assert_memory_equal(w->b.bodies.data, body.data, body.len);
	assert_int_equal(link_queued_bytes(w->a.link), 0);
	buf_fini(&body);
}

static void
the_largest_frame_passes(void **state)
{
	struct world *w = *state;
	char *zeros = calloc(1, LINK_FRAME_MAX);

	open_both(w);
	assert_true(link_send(w->a.link, MESSAGE_WRITE, 5, span_mem(zeros, LINK_FRAME_MAX)));
	free(zeros);
	for (int i = 0; i < 10000 && w->b.frames < 1; i++)
		turn(w);
	assert_int_equal(w->b.last_len, LINK_FRAME_MAX);
}

/* ---- descriptors ---- */

static void
a_descriptor_rides_along_and_is_close_on_exec(void **state)
{
	struct world *w = *state;
	int fds[2];
	char byte = 0;

	open_both(w);
	w->b.keep = true;
	assert_int_equal(pipe(fds), 0);
	assert_true(link_send_fd(w->a.link, MESSAGE_WRITE, 1, SPAN("take it"), fds[1]));
	close(fds[1]);
	turn(w);
	assert_true(w->b.kept_fd >= 0);
	assert_true(fcntl(w->b.kept_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(w->b.kept_fd, "z", 1), 1);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'z');
	close(fds[0]);
}

static void
a_descriptor_that_nobody_keeps_is_closed(void **state)
{
	struct world *w = *state;
	int fds[2];
	char byte;

	open_both(w);
	assert_int_equal(pipe(fds), 0);
	assert_true(link_send_fd(w->a.link, MESSAGE_WRITE, 1, SPAN_NONE, fds[1]));
	close(fds[1]);
	turn(w);
	assert_int_equal(w->b.fds, 1);
	assert_int_equal(read(fds[0], &byte, 1), 0); /* the last writer is gone */
	close(fds[0]);
}

/* Whatever the sizes, each descriptor must come with its own frame: it is known by its inode. */
struct pairing {
	size_t frames, wrong;
};

static void
on_paired_frame(void *ctx, struct link *l, struct frame *f)
{
	struct pairing *p = ctx;
	struct stat st;

	(void)l;
	p->frames++;
	if (f->id == 0)
		p->wrong += f->fd >= 0;
	else if (f->fd < 0 || fstat(f->fd, &st) != 0 || st.st_ino != f->id)
		p->wrong++;
}

static void
on_paired_gone(void *ctx, struct link *l, const char *why)
{
	(void)ctx;
	(void)l;
	fail_msg("%s", why);
}

static void
each_descriptor_arrives_with_its_own_frame(void **state)
{
	struct world *w = *state;
	struct pairing p = { 0, 0 };
	struct buf body = BUF_INIT;
	struct link *to;
	int fds[2], small = 1;

	assert_true(link_pair(fds, NULL));
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	w->a.link = link_open(w->loop, fds[0], on_frame, on_gone, &w->a);
	to = link_open(w->loop, fds[1], on_paired_frame, on_paired_gone, &p);
	for (size_t i = 0; i < 300; i++) {
		bool with = i % 3 != 0;
		int ends[2];
		struct stat st;

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(fstat(ends[0], &st), 0);
		buf_clear(&body);
		for (size_t n = 0; n < (i * 997) % 30000; n++)
			buf_add_char(&body, 'x');
		if (with)
			assert_true(link_send_fd(
			    w->a.link, MESSAGE_WRITE, st.st_ino, buf_span(&body), ends[0]));
		else
			assert_true(link_send(w->a.link, MESSAGE_WRITE, 0, buf_span(&body)));
		close(ends[0]);
		close(ends[1]);
		if (i % 40 == 39)
			for (int n = 0; n < 1000 && link_queued_bytes(w->a.link); n++)
				turn(w);
	}
	for (int n = 0; n < 1000 && p.frames < 300; n++)
		turn(w);
	assert_int_equal(p.frames, 300);
	assert_int_equal(p.wrong, 0);
	link_close(&to);
	buf_fini(&body);
}

static void
only_so_many_descriptors_may_wait(void **state)
{
	struct world *w = *state;
	char *zeros = calloc(1, 4 << 20);
	int sent = 0;

	open_raw(w);
	assert_true(link_send(w->a.link, MESSAGE_WRITE, 0, span_mem(zeros, 4 << 20)));
	while (link_send_fd(w->a.link, MESSAGE_WRITE, 0, SPAN_NONE, 0))
		sent++;
	assert_int_equal(sent, 64);
	turn(w);
	assert_int_equal(w->a.gone, 0);
	assert_true(link_send(w->a.link, MESSAGE_WRITE, 0, SPAN_NONE));
	free(zeros);
}

static void
unannounced_descriptors_end_the_link_and_are_closed(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;
	int both[2] = { 0, 1 };

	open_raw(w);
	make_hello(&out);
	make_frame(&out, MESSAGE_WRITE, 0, 1, SPAN("plain"));
	raw_send_fds(w, buf_span(&out), both, 2);
	assert_ended(w, "did not announce");
	buf_fini(&out);
}

static void
a_flood_of_descriptors_ends_the_link_and_all_are_closed(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;
	int many[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };

	open_raw(w);
	make_hello(&out);
	raw_send_fds(w, buf_span(&out), many, COUNT(many));
	assert_ended(w, "descriptor");
	buf_fini(&out);
}

static void
an_announced_descriptor_that_does_not_come_ends_the_link(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;

	open_raw(w);
	make_frame(&out, MESSAGE_WRITE, LINK_FLAG_FD, 1, SPAN("where is it"));
	raw_say(w, buf_span(&out));
	assert_ended(w, "did not come");
	assert_int_equal(w->a.frames, 0);
	buf_fini(&out);
}

/* ---- hostile and foreign peers ---- */

static void
another_protocol_version_is_refused_in_clear_words(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;

	open_raw(w);
	make_frame(&out, MESSAGE_HELLO, 0, 0, SPAN("\x02\x00\x00\x00"));
	make_frame(&out, MESSAGE_WRITE, 0, 1, SPAN("not to be read"));
	raw_send(w, buf_span(&out));
	assert_ended(w, "it speaks version 2 of the link protocol and this end version 1");
	assert_int_equal(w->a.frames, 0);
	buf_fini(&out);
}

static void
a_later_hello_may_say_more(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;

	open_raw(w);
	make_frame(&out, MESSAGE_HELLO, 0, 0, SPAN("\x01\x00\x00\x00 and more"));
	make_frame(&out, MESSAGE_STOP, 0, 0, SPAN_NONE);
	raw_send(w, buf_span(&out));
	turn(w);
	assert_int_equal(w->a.frames, 1);
	buf_fini(&out);
}

static void
strangers_are_shown_the_door(void **state)
{
	static const struct {
		struct span bytes;
		const char *why;
	} cases[] = {
		{ { "\0\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0", 16 }, "did not begin with a HELLO" },
		{ { "\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\1\0\0", 19 },
		    "did not begin with a HELLO" },
		{ { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27 }, "too large" },
		{ { "\x01\0\0\x04\x01\0\0\0\0\0\0\0\0\0\0\0", 16 }, "too large" },
		{ { "\x04\0\0\0\x01\0\0\xff\0\0\0\0\0\0\0\0\1\0\0\0", 20 }, "unknown flag" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		open_raw(w);
		raw_send(w, cases[i].bytes);
		assert_ended(w, cases[i].why);
		assert_int_equal(w->a.frames, 0);
		close(w->raw);
		w->raw = -1;
		w->a.gone = 0;
	}
}

static void
a_stranger_cannot_make_it_gather_a_large_first_frame(void **state)
{
	struct world *w = *state;
	char bytes[2048] = "\x00\x00\x00\x01\x01";

	open_raw(w);
	raw_send(w, span_mem(bytes, sizeof(bytes)));
	assert_ended(w, "did not begin with a HELLO");
}

static void
a_second_hello_ends_the_link(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;

	open_raw(w);
	make_hello(&out);
	raw_say(w, buf_span(&out));
	assert_ended(w, "second HELLO");
	buf_fini(&out);
}

static void
a_frame_over_the_bound_ends_the_link_behind_good_ones(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;

	open_raw(w);
	make_frame(&out, MESSAGE_STOP, 0, 0, SPAN_NONE);
	buf_add(&out, "\x01\x00\x00\x04", 4);
	raw_say(w, buf_span(&out));
	assert_ended(w, "too large");
	assert_int_equal(w->a.frames, 1);
	buf_fini(&out);
}

static void
an_unknown_question_is_refused_and_the_link_goes_on(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;
	char answer[256];
	struct link_head head;
	struct span body, rest;
	const char *why;
	ssize_t n;

	open_raw(w);
	make_frame(&out, 40000, 0, 0, SPAN("news"));
	make_frame(&out, 40001, 0, 17, SPAN("question"));
	make_frame(&out, MESSAGE_STOP, 0, 0, SPAN_NONE);
	raw_say(w, buf_span(&out));
	turn(w);
	assert_int_equal(w->a.frames, 1);
	assert_int_equal(w->a.gone, 0);
	n = recv(w->raw, answer, sizeof(answer), 0);
	assert_int_equal(
	    link_parse(span_mem(answer, (size_t)n), &head, &body, &why), LINK_PARSED_FRAME);
	assert_int_equal(head.kind, MESSAGE_HELLO);
	rest = span_mem(body.p + body.len, (size_t)n - LINK_HEAD_BYTES - body.len);
	assert_int_equal(link_parse(rest, &head, &body, &why), LINK_PARSED_FRAME);
	assert_int_equal(head.kind, MESSAGE_REFUSED);
	assert_int_equal(head.id, 17);
	assert_true(span_has(body, "40001"));
	assert_int_equal(rest.len, LINK_HEAD_BYTES + body.len); /* nothing for the news */
	buf_fini(&out);
}

/* ---- endings ---- */

static void
the_other_end_is_told_when_one_closes(void **state)
{
	struct world *w = *state;

	open_both(w);
	assert_true(link_send(w->b.link, MESSAGE_WRITE, 1, SPAN("last words")));
	link_close(&w->b.link);
	assert_null(w->b.link);
	assert_ended(w, "the other end is gone");
	assert_int_equal(w->a.frames, 1);
	assert_int_equal(w->b.gone, 0);
}

static void
an_end_in_the_middle_of_a_frame_is_said_so(void **state)
{
	struct world *w = *state;

	open_raw(w);
	raw_say(w, SPAN("\x05\0\0\0\x20\0"));
	close(w->raw);
	w->raw = -1;
	assert_ended(w, "in the middle of a frame");
}

static void
closing_inside_the_frame_callback_is_safe(void **state)
{
	struct world *w = *state;

	open_both(w);
	w->b.close_in_frame = true;
	for (int i = 0; i < 10; i++)
		link_send(w->a.link, MESSAGE_WRITE, 1, SPAN("one of ten"));
	turn(w);
	assert_int_equal(w->b.frames, 1);
	assert_null(w->b.link);
	assert_int_equal(w->b.gone, 0);
	assert_ended(w, "gone");
}

static void
closing_inside_the_gone_callback_is_safe(void **state)
{
	struct world *w = *state;

	open_both(w);
	w->a.close_in_gone = true;
	link_close(&w->b.link);
	assert_ended(w, "gone");
}

static void
closing_another_link_whose_event_is_due_is_safe(void **state)
{
	struct world *w = *state;
	int fds[2];
	struct end c = { .kept_fd = -1 };

	open_both(w);
	assert_true(link_pair(fds, NULL));
	c.link = link_open(w->loop, fds[0], on_frame, on_gone, &c);
	w->raw = fds[1];
	raw_say(w, SPAN_NONE);
	turn(w);
	/* Both b and c have something to read; whoever comes first closes the other. */
	w->b.close_other = &c.link;
	c.close_other = &w->b.link;
	link_send(w->a.link, MESSAGE_WRITE, 1, SPAN_NONE);
	raw_send(w, SPAN("\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0"));
	turn(w);
	assert_int_equal(w->b.frames + c.frames, 1);
	assert_true(!w->b.link != !c.link);
	link_close(&c.link);
	buf_fini(&c.bodies);
}

static void
sending_to_a_dead_end_is_refused_and_gone_is_said_by_the_loop(void **state)
{
	struct world *w = *state;

	open_raw(w);
	close(w->raw);
	w->raw = -1;
	assert_false(link_send(w->a.link, MESSAGE_WRITE, 1, SPAN("anybody?")));
	assert_false(link_send(w->a.link, MESSAGE_WRITE, 2, SPAN("anybody?")));
	assert_int_equal(w->a.gone, 0);
	assert_ended(w, "gone");
}

/* A child says why it cannot start and ends; its parent, sending, must still read that. */
static void
what_the_dead_said_is_read_before_gone(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;

	open_raw(w);
	make_frame(&out, MESSAGE_FAILED, 0, 0, SPAN("no key file"));
	raw_say(w, buf_span(&out));
	close(w->raw);
	w->raw = -1;
	assert_false(link_send(w->a.link, MESSAGE_STOP, 0, SPAN_NONE));
	assert_ended(w, "gone");
	assert_int_equal(w->a.frames, 1);
	assert_true(span_is(buf_span(&w->a.bodies), "no key file"));
	buf_fini(&out);
}

static void
closing_a_link_that_has_just_broken_says_nothing_more(void **state)
{
	struct world *w = *state;

	open_raw(w);
	close(w->raw);
	w->raw = -1;
	assert_false(link_send(w->a.link, MESSAGE_WRITE, 1, SPAN_NONE));
	link_close(&w->a.link);
	turn(w);
	turn(w);
	assert_int_equal(w->a.gone, 0);
}

static void
a_peer_that_does_not_read_ends_the_link_at_the_bound(void **state)
{
	struct world *w = *state;
	size_t len = 50u << 20;
	char *zeros = calloc(1, len);

	open_raw(w);
	raw_say(w, SPAN_NONE);
	turn(w);
	assert_true(link_send(w->a.link, MESSAGE_WRITE, 1, span_mem(zeros, len)));
	assert_true(link_send(w->a.link, MESSAGE_WRITE, 2, span_mem(zeros, len)));
	assert_true(link_queued_bytes(w->a.link) <= LINK_QUEUE_MAX);
	assert_false(link_send(w->a.link, MESSAGE_WRITE, 3, span_mem(zeros, len)));
	assert_int_equal(w->a.gone, 0);
	assert_ended(w, "does not read");
	free(zeros);
}

static void
a_queue_at_its_bound_takes_no_descriptor(void **state)
{
	struct world *w = *state;
	size_t len = 60u << 20;
	char *zeros = calloc(1, len);

	open_raw(w);
	link_send(w->a.link, MESSAGE_WRITE, 1, span_mem(zeros, len));
	link_send(w->a.link, MESSAGE_WRITE, 1, span_mem(zeros, len));
	assert_false(link_send_fd(w->a.link, MESSAGE_WRITE, 3, span_mem(zeros, len), 0));
	assert_ended(w, "does not read");
	free(zeros);
}

/* ---- sockets ---- */

static void
the_peer_of_a_connection_is_known(void **state)
{
	struct world *w = *state;
	int listener = link_listen(w->path, 0660, NULL);
	struct err e = ERR_INIT;
	uid_t uid = 99999;
	gid_t gid = 99999;
	pid_t pid = 0;
	int fd;

	w->a.link = link_connect(w->loop, w->path, on_frame, on_gone, &w->a, &e);
	assert_non_null(w->a.link);
	fd = accept4(listener, NULL, NULL, 0);
	assert_true(fd >= 0);
	w->b.link = link_open(w->loop, fd, on_frame, on_gone, &w->b);
	assert_true(link_peer(w->b.link, &uid, &gid, &pid));
	assert_int_equal(uid, geteuid());
	assert_int_equal(gid, getegid());
	assert_int_equal(pid, getpid());
	assert_true(link_peer(w->b.link, NULL, NULL, NULL));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(listener);
}

static void
a_listening_socket_has_exactly_the_mode_asked_for(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666 };
	struct world *w = *state;
	mode_t mask = umask(077);

	for (size_t i = 0; i < COUNT(modes); i++) {
		int fd = link_listen(w->path, modes[i], NULL);
		struct stat st;

		assert_true(fd >= 0);
		assert_int_equal(stat(w->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		close(fd);
	}
	umask(mask);
}

static void
a_dead_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	int first = link_listen(w->path, 0600, &e), second;

	assert_true(first >= 0);
	assert_int_equal(link_listen(w->path, 0600, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	close(first);
	second = link_listen(w->path, 0600, &e);
	assert_true(second >= 0);
	close(second);
}

static void
what_is_not_a_socket_is_left_alone(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	int fd = open(w->path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	assert_int_equal(link_listen(w->path, 0600, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_int_equal(access(w->path, F_OK), 0);
}

static void
a_path_too_long_for_a_socket_is_said_so(void **state)
{
	struct world *w = *state;
	char path[200];
	struct err e = ERR_INIT;

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(link_listen(path, 0600, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_null(link_connect(w->loop, path, on_frame, on_gone, NULL, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "too long"));
}

static void
connecting_where_nobody_is_says_unavailable(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_null(link_connect(w->loop, w->path, on_frame, on_gone, NULL, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	close(link_listen(w->path, 0600, NULL));
	e = ERR_INIT;
	assert_null(link_connect(w->loop, w->path, on_frame, on_gone, NULL, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

static void
a_new_context_is_given_to_the_callbacks(void **state)
{
	struct world *w = *state;
	struct end other = { .kept_fd = -1 };

	open_both(w);
	other.link = w->a.link;
	link_set_ctx(w->a.link, &other);
	link_send(w->b.link, MESSAGE_STOP, 0, SPAN_NONE);
	turn(w);
	assert_int_equal(other.frames, 1);
	assert_int_equal(w->a.frames, 0);
	buf_fini(&other.bodies);
}

/* ---- asking ---- */

struct server {
	struct loop *loop;
	struct link *link;
	enum message reply;
	bool leaves, is_mute;
};

static void
on_question(void *ctx, struct link *l, struct frame *f)
{
	struct server *s = ctx;

	if (s->leaves)
		_exit(0);
	if (s->is_mute)
		return;
	link_send(l, MESSAGE_PROGRESS, f->id, SPAN("1"));
	link_send(l, MESSAGE_DONE, f->id + 1, SPAN("of another question"));
	link_send(l, MESSAGE_PROGRESS, f->id, SPAN("2"));
	link_send(l, s->reply, f->id, f->body);
}

static void
on_asker_gone(void *ctx, struct link *l, const char *why)
{
	(void)ctx;
	(void)l;
	(void)why;
	_exit(0);
}

/* A process that answers one question on the listening socket. */
static pid_t
start_server(int listener, struct server s)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	fcntl(listener, F_SETFL, 0);
	s.loop = loop_new();
	s.link =
	    link_open(s.loop, accept4(listener, NULL, NULL, 0), on_question, on_asker_gone, &s);
	loop_run(s.loop);
	_exit(1);
}

static void
note_progress(void *ctx, struct span body)
{
	buf_add_span(ctx, body);
}

static void
assert_server_ends(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
a_question_gets_its_answer_and_progress_on_the_way(void **state)
{
	struct world *w = *state;
	int listener = link_listen(w->path, 0600, NULL);
	pid_t pid = start_server(listener, (struct server){ .reply = MESSAGE_DONE });
	struct buf progress = BUF_INIT, answer = BUF_INIT;
	struct err e = ERR_INIT;

	assert_true(link_ask(
	    w->path, MESSAGE_CONTROL, SPAN("status"), -1, note_progress, &progress, &answer, &e));
	assert_true(span_is(buf_span(&progress), "12"));
	assert_true(span_is(buf_span(&answer), "status"));
	assert_server_ends(pid);
	buf_fini(&progress);
	buf_fini(&answer);
	close(listener);
}

static void
a_refused_question_says_why(void **state)
{
	struct world *w = *state;
	int listener = link_listen(w->path, 0600, NULL);
	pid_t pid = start_server(listener, (struct server){ .reply = MESSAGE_REFUSED });
	struct buf answer = BUF_INIT;
	struct err e = ERR_INIT;

	assert_false(link_ask(
	    w->path, MESSAGE_CONTROL, SPAN("no such label"), 60000, NULL, NULL, &answer, &e));
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_string_equal(e.text, "no such label");
	assert_int_equal(answer.len, 0);
	assert_server_ends(pid);
	close(listener);
}

static void
an_answerer_that_dies_is_unavailable(void **state)
{
	struct world *w = *state;
	int listener = link_listen(w->path, 0600, NULL);
	pid_t pid = start_server(listener, (struct server){ .leaves = true });
	struct buf answer = BUF_INIT;
	struct err e = ERR_INIT;

	assert_false(
	    link_ask(w->path, MESSAGE_CONTROL, SPAN("status"), 60000, NULL, NULL, &answer, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_server_ends(pid);
	close(listener);
}

static void
nobody_to_ask_is_unavailable(void **state)
{
	struct world *w = *state;
	struct buf answer = BUF_INIT;
	struct err e = ERR_INIT;

	assert_false(link_ask(w->path, MESSAGE_CONTROL, SPAN_NONE, 60000, NULL, NULL, &answer, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

static void
an_answer_that_does_not_come_in_time_is_slow(void **state)
{
	struct world *w = *state;
	int listener = link_listen(w->path, 0600, NULL);
	pid_t pid = start_server(listener, (struct server){ .is_mute = true });
	struct buf answer = BUF_INIT;
	struct err e = ERR_INIT;

	assert_false(
	    link_ask(w->path, MESSAGE_CONTROL, SPAN("status"), 1, NULL, NULL, &answer, &e));
	assert_int_equal(e.kind, ERR_SLOW);
	assert_server_ends(pid);
	close(listener);
}

int
main(void)
{
#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		LINK_TEST(a_frame_is_read_back_and_every_prefix_is_a_part),
		LINK_TEST(numbers_of_a_frame_are_little_endian),
		LINK_TEST(a_bad_head_is_refused_as_soon_as_it_can_be),
		LINK_TEST(kinds_have_names),
		LINK_TEST(frames_pass_both_ways_in_order),
		LINK_TEST(a_stream_cut_at_every_byte_gives_the_same_frames),
		LINK_TEST(a_stream_that_comes_byte_by_byte_is_read),
		LINK_TEST(a_frame_far_larger_than_the_socket_passes_in_parts),
		LINK_TEST(the_largest_frame_passes),
		LINK_TEST(a_descriptor_rides_along_and_is_close_on_exec),
		LINK_TEST(a_descriptor_that_nobody_keeps_is_closed),
		LINK_TEST(each_descriptor_arrives_with_its_own_frame),
		LINK_TEST(only_so_many_descriptors_may_wait),
		LINK_TEST(unannounced_descriptors_end_the_link_and_are_closed),
		LINK_TEST(a_flood_of_descriptors_ends_the_link_and_all_are_closed),
		LINK_TEST(an_announced_descriptor_that_does_not_come_ends_the_link),
		LINK_TEST(another_protocol_version_is_refused_in_clear_words),
		LINK_TEST(a_later_hello_may_say_more),
		LINK_TEST(strangers_are_shown_the_door),
		LINK_TEST(a_stranger_cannot_make_it_gather_a_large_first_frame),
		LINK_TEST(a_second_hello_ends_the_link),
		LINK_TEST(a_frame_over_the_bound_ends_the_link_behind_good_ones),
		LINK_TEST(an_unknown_question_is_refused_and_the_link_goes_on),
		LINK_TEST(the_other_end_is_told_when_one_closes),
		LINK_TEST(an_end_in_the_middle_of_a_frame_is_said_so),
		LINK_TEST(closing_inside_the_frame_callback_is_safe),
		LINK_TEST(closing_inside_the_gone_callback_is_safe),
		LINK_TEST(closing_another_link_whose_event_is_due_is_safe),
		LINK_TEST(sending_to_a_dead_end_is_refused_and_gone_is_said_by_the_loop),
		LINK_TEST(what_the_dead_said_is_read_before_gone),
		LINK_TEST(closing_a_link_that_has_just_broken_says_nothing_more),
		LINK_TEST(a_peer_that_does_not_read_ends_the_link_at_the_bound),
		LINK_TEST(a_queue_at_its_bound_takes_no_descriptor),
		LINK_TEST(the_peer_of_a_connection_is_known),
		LINK_TEST(a_listening_socket_has_exactly_the_mode_asked_for),
		LINK_TEST(a_dead_socket_is_replaced_and_a_live_one_is_not),
		LINK_TEST(what_is_not_a_socket_is_left_alone),
		LINK_TEST(a_path_too_long_for_a_socket_is_said_so),
		LINK_TEST(connecting_where_nobody_is_says_unavailable),
		LINK_TEST(a_new_context_is_given_to_the_callbacks),
		LINK_TEST(a_question_gets_its_answer_and_progress_on_the_way),
		LINK_TEST(a_refused_question_says_why),
		LINK_TEST(an_answerer_that_dies_is_unavailable),
		LINK_TEST(nobody_to_ask_is_unavailable),
		LINK_TEST(an_answer_that_does_not_come_in_time_is_slow),
	};

	return cmocka_run_group_tests_name("ipc/link", tests, NULL, NULL);
}
