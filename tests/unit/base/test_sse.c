/*
 * Server-sent events: every stream below is read whole, at every split in two, at every split in
 * three and byte by byte; what is given must be the same.  With POLLUX_DATA naming a directory,
 * the recorded streams (streaming-*.txt) under it are read as well.
 */
#include "tests/unit/unit.h"

#include <ftw.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/scan.h"
#include "base/sse.h"

#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

#define NO_LIMIT ((size_t)1 << 20)

struct listener {
	struct buf told; /* "E(data)" and "S(line)" for what was given */
	unsigned calls;
	unsigned stop_after; /* says stop in that call; 0: never */
};

static bool
tell(struct listener *l, const char *kind, struct span data)
{
	buf_add_text(&l->told, kind);
	buf_add_char(&l->told, '(');
	buf_add_span(&l->told, data);
	buf_add_char(&l->told, ')');
	return ++l->calls != l->stop_after;
}

static bool
on_event(void *ctx, struct span data)
{
	return tell(ctx, "E", data);
}

static bool
on_stray(void *ctx, struct span line)
{
	return tell(ctx, "S", line);
}

/* The piece in a block of its own that is gone afterwards. */
static bool
feed_copy(struct sse *r, const char *p, size_t len)
{
	char *copy = malloc(len ? len : 1);
	bool ok;

	assert_non_null(copy);
	memcpy(copy, p, len);
	ok = sse_feed(r, span_mem(copy, len));
	free(copy);
	return ok;
}

/* Reads in the three pieces that end at a, b and the end; tells what was given and how it ended. */
static char *
read_in_three(struct span in, size_t a, size_t b, size_t max_bytes, unsigned stop_after)
{
	struct listener l = { .told = BUF_INIT, .stop_after = stop_after };
	struct sse r;
	char *told;
	bool ok;

	sse_init(&r, max_bytes, on_event, on_stray, &l);
	ok = feed_copy(&r, in.p, a) && feed_copy(&r, in.p + a, b - a) &&
	     feed_copy(&r, in.p + b, in.len - b) && sse_finish(&r);
	buf_add_text(&l.told, ok ? "" : r.too_large ? " too large" : " stopped");
	sse_fini(&r);
	told = mem_dup_span(buf_span(&l.told));
	buf_fini(&l.told);
	return told;
}

static void
expect(struct span in, size_t a, size_t b, size_t max_bytes, unsigned stop_after, const char *told)
{
	char *got = read_in_three(in, a, b, max_bytes, stop_after);

	if (strcmp(got, told) != 0)
		fail_msg("split at %zu and %zu: %s instead of %s", a, b, got, told);
	mem_free(got);
}

static void
expect_byte_by_byte(struct span in, size_t max_bytes, unsigned stop_after, const char *told)
{
	struct listener l = { .told = BUF_INIT, .stop_after = stop_after };
	struct sse r;
	bool ok = true;

	sse_init(&r, max_bytes, on_event, on_stray, &l);
	for (size_t i = 0; ok && i < in.len; i++)
		ok = feed_copy(&r, in.p + i, 1) && feed_copy(&r, "", 0);
	ok = ok && sse_finish(&r);
	buf_add_text(&l.told, ok ? "" : r.too_large ? " too large" : " stopped");
	assert_string_equal(buf_text(&l.told), told);
	sse_fini(&r);
	buf_fini(&l.told);
}

static void
expect_at_every_split(struct span in, size_t max_bytes, unsigned stop_after, const char *told)
{
	for (size_t a = 0; a <= in.len; a++)
		for (size_t b = a; b <= in.len; b++)
			expect(in, a, b, max_bytes, stop_after, told);
	expect_byte_by_byte(in, max_bytes, stop_after, told);
}

static const struct {
	struct span in;
	const char *told;
} streams[] = {
	/* line ends */
	{ TEXT("data: a\n\ndata: b\n\n"), "E(a)E(b)" },
	{ TEXT("data: a\r\n\r\ndata: b\r\n\r\n"), "E(a)E(b)" },
	{ TEXT("data: a\r\rdata: b\r\r"), "E(a)E(b)" },
	{ TEXT("data: a\r\n\rdata: b\n\r\n"), "E(a)E(b)" },
	{ TEXT("data: a\n\rdata: b\r\n\n"), "E(a)E(b)" },
	{ TEXT("data: a\rdata: b\r\ndata: c\ndata: d\n\r"), "E(a\nb\nc\nd)" },
	{ TEXT("data: a\r\r\n\r\n\n\ndata: b\n\n"), "E(a)E(b)" },
	{ TEXT("\r\n\n\r\r\n"), "" },
	{ TEXT("\n"), "" },
	{ TEXT(""), "" },
	/* data, with and without a blank, a colon, a value */
	{ TEXT("data:a\n\n"), "E(a)" },
	{ TEXT("data:  a \n\n"), "E( a )" },
	{ TEXT("data:\ta\n\n"), "E(\ta)" },
	{ TEXT("data: a: b\n\n"), "E(a: b)" },
	{ TEXT("data::\n\n"), "E(:)" },
	{ TEXT("data\n\n"), "E()" },
	{ TEXT("data:\n\n"), "E()" },
	{ TEXT("data: \n\n"), "E()" },
	{ TEXT("data\ndata\n\n"), "E(\n)" },
	{ TEXT("data: [DONE]\n\n"), "E([DONE])" },
	{ TEXT("data: {\"a\":\"}{\xe4\xb8\x96\"}\r\n\r\n"), "E({\"a\":\"}{\xe4\xb8\x96\"})" },
	/* several lines make one event */
	{ TEXT("data: {\ndata:   \"a\": 1\ndata: }\n\n"), "E({\n  \"a\": 1\n})" },
	{ TEXT("data: a\r\ndata:\r\ndata: b\r\n\r\n"), "E(a\n\nb)" },
	{ TEXT("data: a\nid: 1\n: x\ndata: b\n\n"), "E(a\nb)" },
	/* comments and fields that do not matter */
	{ TEXT(": hello\n\n:\n\n:data: a\n\n"), "" },
	{ TEXT("event: x\ndata: a\nid\nretry: 5\n\n"), "E(a)" },
	{ TEXT("event\nid: 1\nretry\n\n"), "" },
	{ TEXT("x-other_Field9: {\n\ndata2: a\n\nDATA: b\n\n"), "" },
	{ TEXT("event: x\n\ndata: a\n\n"), "E(a)" },
	/* a byte order mark counts at the beginning alone */
	{ TEXT("\xef\xbb\xbf"
	       "data: a\n\n"),
	    "E(a)" },
	{ TEXT("\xef\xbb\xbf\n"
	       "data: a\n\n"),
	    "E(a)" },
	{ TEXT("\xef\xbb\xbf"), "" },
	{ TEXT("\xef\xbb"
	       "data: a\n\n"),
	    "S(\xef\xbb"
	    "data: a)" },
	{ TEXT("\xef\xbb\xbf\xef\xbb\xbf"
	       "data: a\n\n"),
	    "S(\xef\xbb\xbf"
	    "data: a)" },
	{ TEXT("data: \xef\xbb\xbf"
	       "a\n\n"),
	    "E(\xef\xbb\xbf"
	    "a)" },
	{ TEXT("\n\xef\xbb\xbf"
	       "data: a\n\n"),
	    "S(\xef\xbb\xbf"
	    "data: a)" },
	/* the last blank line is missing */
	{ TEXT("data: a\n\ndata: b\n"), "E(a)E(b)" },
	{ TEXT("data: a\n\ndata: b"), "E(a)E(b)" },
	{ TEXT("data: a\r\n\r\ndata: b\r"), "E(a)E(b)" },
	{ TEXT("data: a\ndata: b"), "E(a\nb)" },
	{ TEXT("data"), "E()" },
	{ TEXT("dat"), "S(dat)" },
	{ TEXT("data: a\n\n: x"), "E(a)" },
	/* bare JSON in the middle */
	{ TEXT("data: a\r\n\r\n{\n  \"error\": {\n    \"code\": 503\n  }\n}\n"),
	    "E(a)S({)S(  \"error\": {)S(    \"code\": 503)S(  })S(})" },
	{ TEXT("{\"error\":{\"code\":400}}"), "S({\"error\":{\"code\":400}})" },
	{ TEXT("[{\r\n\"a\": 1\r\n}\r\n,\r\n]\r\n"), "S([{)S(\"a\": 1)S(})S(,)S(])" },
	{ TEXT("data: a\n}\ndata: b\n\n"), "S(})E(a\nb)" },
	{ TEXT("<html>\n502: x y\nBad Gateway: z\nplain\n"), "S(<html>)S(Bad Gateway: z)S(plain)" },
	{ TEXT(" data: a\n\n"), "S( data: a)" },
	{ TEXT("data : a\n\n"), "S(data : a)" },
	{ TEXT("null\ntrue\n1\n"), "S(null)S(true)S(1)" },
};

static void
every_split_gives_the_same_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(streams); i++)
		expect_at_every_split(streams[i].in, NO_LIMIT, 0, streams[i].told);
}

static void
a_callback_stops_the_reading(void **state)
{
	static const char in[] = "data: a\n\n{\ndata: b\n\n}\ndata: c";
	static const char *const told[] = { "E(a)S({)E(b)S(})E(c)", "E(a) stopped",
		"E(a)S({) stopped", "E(a)S({)E(b) stopped", "E(a)S({)E(b)S(}) stopped",
		"E(a)S({)E(b)S(})E(c) stopped" };

	(void)state;
	for (unsigned i = 0; i < COUNT(told); i++)
		expect_at_every_split(span_of(in), NO_LIMIT, i, told[i]);
}

static void
nothing_is_read_after_a_stop(void **state)
{
	struct listener l = { .told = BUF_INIT, .stop_after = 1 };
	struct sse r;

	(void)state;
	sse_init(&r, NO_LIMIT, on_event, on_stray, &l);
	assert_false(sse_feed(&r, SPAN("data: a\n\ndata: b\n\n")));
	assert_false(sse_feed(&r, SPAN("data: c\n\n")));
	assert_false(sse_feed(&r, SPAN_NONE));
	assert_false(sse_finish(&r));
	assert_false(r.too_large);
	assert_string_equal(buf_text(&l.told), "E(a)");
	sse_fini(&r);
	buf_fini(&l.told);
}

static void
what_is_too_large_is_refused_at_every_split(void **state)
{
	static const struct {
		struct span in;
		const char *told;
	} cases[] = {
		{ TEXT("data: 01234\n\ndata: 56789\n\n"), "E(01234)E(56789)" },
		{ TEXT("data: a\n\ndata: 0123456789\n\n"), "E(a) too large" }, /* its line */
		{ TEXT("data:0123456\n\ndata:01234567\n\n"),
		    "E(0123456) too large" },                                /* 12 and 13 bytes */
		{ TEXT("data: 01234\ndata: 67890\n\n"), "E(01234\n67890)" }, /* 11 bytes of data */
		{ TEXT("data:012345\ndata:78901\n\n"), "E(012345\n78901)" }, /* 12 */
		{ TEXT("data:012345\ndata:789012\n\n"), " too large" },      /* 13 */
		{ TEXT("data:\ndata:\ndata:\ndata:\n\n"), "E(\n\n\n)" },
		{ TEXT(": a comment that is too long\n\n"), " too large" },
		{ TEXT("{ \"error\": { \"code\": 1 } }"), " too large" },
		{ TEXT("data: a\n\ndata: 0123456789"), "E(a) too large" },
		{ TEXT("data: a\ndata: 0123456789"), " too large" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_at_every_split(cases[i].in, 12, 0, cases[i].told);
}

static void
a_line_without_an_end_is_refused_early(void **state)
{
	struct listener l = { .told = BUF_INIT };
	struct sse r;
	unsigned fed = 0;

	(void)state;
	sse_init(&r, 1000, on_event, on_stray, &l);
	while (sse_feed(&r, SPAN("0123456789")))
		fed++;
	assert_int_equal(fed, 100);
	assert_true(r.too_large && r.line.len <= 1000);
	assert_false(sse_feed(&r, SPAN("\n")) || sse_finish(&r));
	assert_int_equal(l.calls, 0);
	sse_fini(&r);
}

static void
an_event_is_given_as_soon_as_its_blank_line_is_there(void **state)
{
	struct listener l = { .told = BUF_INIT };
	struct sse r;

	(void)state;
	sse_init(&r, NO_LIMIT, on_event, on_stray, &l);
	assert_true(sse_feed(&r, SPAN("data: a\r\n")) && l.calls == 0);
	assert_true(sse_feed(&r, SPAN("\r")) && l.calls == 1); /* its LF may come later */
	assert_true(sse_feed(&r, SPAN("\ndata: b\r\r")) && l.calls == 2);
	assert_true(sse_finish(&r) && l.calls == 2);
	sse_fini(&r);
	buf_fini(&l.told);
}

static void
a_large_event_leaves_no_large_buffer(void **state)
{
	struct listener l = { .told = BUF_INIT };
	struct buf event = BUF_INIT;
	struct sse r;

	(void)state;
	buf_add_lit(&event, "data: ");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&event, 'x');
	buf_add_lit(&event, "\n\n");
	sse_init(&r, NO_LIMIT, on_event, on_stray, &l);
	assert_true(feed_copy(&r, event.data, 50000));
	assert_true(feed_copy(&r, event.data + 50000, event.len - 50000));
	assert_int_equal(l.told.len, 100000 + 3);
	assert_true(r.line.cap + r.data.cap < 10000);
	sse_fini(&r);
	buf_fini(&event);
	buf_fini(&l.told);
}

static void
many_line_ends_take_linear_time(void **state)
{
	struct listener l = { .told = BUF_INIT };
	struct buf in = BUF_INIT;
	struct sse r;

	(void)state;
	/* Quadratic work on 8 MB would not end within the test's patience. */
	for (int i = 0; i < 8 << 20; i++)
		buf_add_char(&in, '\r');
	sse_init(&r, NO_LIMIT, on_event, on_stray, &l);
	assert_true(sse_feed(&r, buf_span(&in)));
	memset(in.data, '\n', in.len);
	assert_true(sse_feed(&r, buf_span(&in)) && sse_finish(&r));
	assert_int_equal(l.calls, 0);
	sse_fini(&r);
	buf_fini(&in);
}

static void
a_reader_that_read_nothing_ends_in_peace(void **state)
{
	struct sse r;

	(void)state;
	sse_init(&r, NO_LIMIT, on_event, on_stray, NULL);
	assert_true(sse_feed(&r, SPAN_NONE) && sse_finish(&r));
	sse_fini(&r);
	sse_fini(&r);
}

/* ---- recordings ---- */

static unsigned recordings;

static bool
on_recorded_event(void *ctx, struct span data)
{
	assert_true(scan_check(data, NULL, NULL));
	return on_event(ctx, data);
}

static char *
read_recording(struct span in, size_t piece, sse_fn *event)
{
	struct listener l = { .told = BUF_INIT };
	struct sse r;
	char *told;

	sse_init(&r, NO_LIMIT, event, on_stray, &l);
	for (size_t at = 0; at < in.len; at += piece)
		assert_true(feed_copy(&r, in.p + at, in.len - at < piece ? in.len - at : piece));
	assert_true(sse_finish(&r));
	assert_true(l.calls > 0);
	sse_fini(&r);
	told = mem_dup_span(buf_span(&l.told));
	buf_fini(&l.told);
	return told;
}

static int
read_recorded_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static const size_t pieces[] = { 1, 2, 3, 5, 7, 16, 100, 1000, 4096 };
	sse_fn *event = strstr(path, "invalid-json") ? on_event : on_recorded_event;
	char *content, *whole;
	struct span in;
	FILE *f;

	if (type != FTW_F || strncmp(path + ftw->base, "streaming-", 10) != 0)
		return 0;
	f = fopen(path, "rb");
	assert_non_null(f);
	content = mem_alloc((size_t)st->st_size + 1);
	in = span_mem(content, fread(content, 1, (size_t)st->st_size, f));
	fclose(f);
	whole = read_recording(in, in.len, event);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		char *split = read_recording(in, pieces[i], event);

		assert_string_equal(split, whole);
		mem_free(split);
	}
	mem_free(whole);
	mem_free(content);
	recordings++;
	return 0;
}

static void
recorded_streams_are_read_in_any_pieces(void **state)
{
	const char *data = getenv("POLLUX_DATA");

	(void)state;
	if (!data || access(data, R_OK) != 0)
		skip();
	recordings = 0;
	assert_int_equal(nftw(data, read_recorded_file, 16, FTW_PHYS), 0);
	print_message("# %u recordings read\n", recordings);
	assert_true(recordings > 0);
}

/* ---- writing ---- */

static void
an_event_is_written(void **state)
{
	static const struct {
		struct span data;
		const char *written;
	} cases[] = {
		{ TEXT("{\"a\":1}"), "data: {\"a\":1}\n\n" },
		{ TEXT("[DONE]"), "data: [DONE]\n\n" },
		{ TEXT(""), "data: \n\n" },
		{ TEXT(" a"), "data:  a\n\n" },
		{ TEXT("{\n \"a\": 1\r\n}\r"), "data: {\ndata:  \"a\": 1\ndata: }\ndata: \n\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;

		sse_write(&out, cases[i].data);
		assert_string_equal(buf_text(&out), cases[i].written);
		buf_fini(&out);
	}
}

static void
what_is_written_is_read_back(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	sse_write(&out, SPAN("{\"a\":1}"));
	sse_comment(&out, "still here");
	sse_write(&out, SPAN("{\n\"b\":2}"));
	sse_write(&out, SPAN_NONE);
	expect_at_every_split(buf_span(&out), NO_LIMIT, 0, "E({\"a\":1})E({\n\"b\":2})E()");
	buf_fini(&out);
}

static void
a_comment_is_written(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	sse_comment(&out, "ping");
	assert_string_equal(buf_text(&out), ": ping\n\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_gives_the_same_events),
		cmocka_unit_test(a_callback_stops_the_reading),
		cmocka_unit_test(nothing_is_read_after_a_stop),
		cmocka_unit_test(what_is_too_large_is_refused_at_every_split),
		cmocka_unit_test(a_line_without_an_end_is_refused_early),
		cmocka_unit_test(an_event_is_given_as_soon_as_its_blank_line_is_there),
		cmocka_unit_test(a_large_event_leaves_no_large_buffer),
		cmocka_unit_test(many_line_ends_take_linear_time),
		cmocka_unit_test(a_reader_that_read_nothing_ends_in_peace),
		cmocka_unit_test(recorded_streams_are_read_in_any_pieces),
		cmocka_unit_test(an_event_is_written),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_comment_is_written),
	};

	return cmocka_run_group_tests_name("base/sse", tests, NULL, NULL);
}
