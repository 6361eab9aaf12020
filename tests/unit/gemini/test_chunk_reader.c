/*
 * The reader of answers: each stream is read whole, at every split in two and byte by byte,
 * and has to give the same each time.
 */
#include "gemini/chunk.h"

#include "tests/unit/unit.h"

#define MAX_BYTES 100000

/* What a reader gave, in one line: the text of each chunk, "E" for an error, and at the end
 * "." when it was whole, "!" when it was not. */
struct heard {
	struct buf line;
	int stop_after; /* 0: never */
	int chunks;
};

static bool
hear(void *ctx, const struct chunk *k)
{
	struct heard *h = ctx;

	if (h->line.len > 0)
		buf_add_char(&h->line, '|');
	if (k->error.p != NULL)
		buf_add_char(&h->line, 'E');
	for (size_t i = 0; i < k->candidate_count; i++)
		for (size_t j = 0; j < k->candidates[i].part_count; j++)
			buf_add_span(&h->line, k->candidates[i].parts[j].text);
	return ++h->chunks != h->stop_after;
}

/* Feeds from an allocation of the very size, so that a read past its end is seen. */
static bool
feed_exactly(struct chunk_reader *r, const char *p, size_t len, struct err *e)
{
	char *copy = malloc(len > 0 ? len : 1);
	bool ok;

	memcpy(copy, p, len);
	ok = chunk_reader_feed(r, span_mem(copy, len), e);
	free(copy);
	return ok;
}

/* In pieces of step bytes behind a first one of the given length. */
static void
read_split(struct heard *h, enum framing framing, const char *text, size_t len, size_t first,
    size_t step, struct err *e)
{
	struct chunk_reader *r = chunk_reader_new(
	    framing, framing == FRAMING_UNARY ? OP_GENERATE : OP_STREAM, MAX_BYTES, hear, h);
	bool ok = feed_exactly(r, text, first, e);

	for (size_t at = first; ok && at < len; at += step)
		ok = feed_exactly(r, text + at, len - at < step ? len - at : step, e);
	ok = ok && chunk_reader_finish(r, e);
	buf_add_char(&h->line, ok ? '.' : '!');
	chunk_reader_free(&r);
	assert_null(r);
}

static void
hears_split(enum framing framing, const char *text, size_t first, size_t step, const char *want)
{
	struct heard h = { .line = BUF_INIT };
	struct err e = ERR_INIT;

	read_split(&h, framing, text, strlen(text), first, step, &e);
	if (strcmp(buf_text(&h.line), want) != 0)
		fail_msg("%s\nsplit at %zu by %zu: %s instead of %s (%s)", text, first, step,
		    buf_text(&h.line), want, e.text);
	if (strchr(want, '!') != NULL)
		assert_int_equal(e.kind, ERR_UPSTREAM);
	buf_fini(&h.line);
}

static void
hears(enum framing framing, const char *text, const char *want)
{
	size_t len = strlen(text);

	for (size_t first = 0; first <= len; first++)
		hears_split(framing, text, first, len + 1, want);
	hears_split(framing, text, 0, 1, want);
	if (len > 0)
		hears_split(framing, text, 1, 2, want);
}

#define CHUNK(text) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text "\"}]}}]}"
#define BARE_ERROR                                                                                 \
	"{\n  \"error\": {\n    \"code\": 499,\n    \"message\": \"a } b\",\n    "                 \
	"\"details\": [\n      {\n        \"detail\": \"x\"\n      }\n    ]\n  }\n}\n"

/* ---- SSE ---- */

static void
events_are_read_at_any_split(void **state)
{
	(void)state;
	hears(FRAMING_SSE, "data: " CHUNK("a") "\r\n\r\ndata: " CHUNK("b") "\r\n\r\n", "a|b.");
	hears(FRAMING_SSE, "data:" CHUNK("a") "\n\ndata: " CHUNK("b") "\n\n", "a|b.");
	hears(FRAMING_SSE, "data: " CHUNK("a") "\r\rdata: " CHUNK("b") "\r\r", "a|b.");
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\ndata: " CHUNK("b"), "a|b.");
	hears(FRAMING_SSE, ": comment\n\nid: 1\nevent: x\ndata: " CHUNK("a") "\n\n", "a.");
	hears(FRAMING_SSE, "data: {\"candidates\":\ndata: []}\n\n", ".");
	hears(FRAMING_SSE, "", ".");
	hears(FRAMING_SSE, "\r\n\r\n", ".");
}

static void
braces_quotes_and_other_scripts_in_strings_do_no_harm(void **state)
{
	(void)state;
	hears(FRAMING_SSE,
	    "data: " CHUNK("}{][\\\"\\\\") "\n\ndata: " CHUNK(
		"\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80") "\n\n",
	    "}{][\\\"\\\\|\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80.");
	hears(FRAMING_ARRAY,
	    "[" CHUNK("}{][\\\"\\\\") "\n,\n" CHUNK("\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80") "]",
	    "}{][\\\"\\\\|\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80.");
}

static void
a_bare_error_amid_events_is_an_error_chunk(void **state)
{
	(void)state;
	hears(FRAMING_SSE, "data: " CHUNK("a") "\r\n\r\n" BARE_ERROR, "a|E.");
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\n{\"error\":{\"code\":500}}", "a|E.");
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\n[{\n\"error\": {}\n}\n]\n", "a|E.");
	hears(FRAMING_SSE, BARE_ERROR, "E.");
	hears(FRAMING_SSE, BARE_ERROR "\ndata: " CHUNK("a") "\n\n", "E|a.");
	hears(FRAMING_SSE, "data: {\"error\":{\"code\":503}}\n\n", "E.");
	hears(FRAMING_SSE, "data: [{\"error\":{\"code\":503}}]\n\n", "E.");
}

static void
done_is_tolerated(void **state)
{
	(void)state;
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\ndata: [DONE]\n\n", "a.");
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\ndata:  [DONE] \n\ndata: \n\n", "a.");
}

static void
what_is_no_stream_of_chunks_is_told(void **state)
{
	(void)state;
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\ndata: {\"candidates\":[\n\n", "a!");
	hears(FRAMING_SSE, "data: hello\n\n", "!");
	hears(FRAMING_SSE, "<html>\n<body>\n", "!");
	hears(FRAMING_SSE, "data: " CHUNK("a") "\n\n{\n \"error\": {\n", "a!");
	hears(FRAMING_SSE, "data: 7\n\n", "!");
	hears(FRAMING_SSE, "data: [7]\n\n", "!");
	hears(FRAMING_SSE, "}\n", "!");
}

/* ---- the array ---- */

static void
elements_are_read_at_any_split(void **state)
{
	(void)state;
	hears(FRAMING_ARRAY, "[" CHUNK("a") "\r\n,\r\n" CHUNK("b") "\n]", "a|b.");
	hears(FRAMING_ARRAY, " [ " CHUNK("a") " , " CHUNK("b") " ] \r\n", "a|b.");
	hears(FRAMING_ARRAY, "[{\n  \"candidates\": [\n    {}\n  ]\n}\n,\n" CHUNK("b") "]\n", "b.");
	hears(FRAMING_ARRAY, "[]", ".");
	hears(FRAMING_ARRAY, "", ".");
	hears(FRAMING_ARRAY, "[{\"error\":{\"code\":429}}]", "E.");
	hears(FRAMING_ARRAY, "[" CHUNK("a") ",{\"error\":{\"code\":429}}]", "a|E.");
	hears(FRAMING_ARRAY, "{\"error\":{\"code\":429}}\n", "E.");
}

static void
what_is_no_list_of_chunks_is_told(void **state)
{
	(void)state;
	hears(FRAMING_ARRAY, "[" CHUNK("a"), "a!");
	hears(FRAMING_ARRAY, "[" CHUNK("a") ",{\"candidates\"", "a!");
	hears(FRAMING_ARRAY, "[" CHUNK("a") "] " CHUNK("b"), "a!");
	hears(FRAMING_ARRAY, "[" CHUNK("a") ",7]", "a!");
	hears(FRAMING_ARRAY, "<html>", "!");
	hears(FRAMING_ARRAY, "[[]]", "!");
	hears(FRAMING_ARRAY, "[{\"candidates\":7}]", "!");
	hears(FRAMING_ARRAY, "[{]}]", "!");
}

/* ---- one value ---- */

static void
a_plain_answer_is_one_chunk(void **state)
{
	(void)state;
	hears(FRAMING_UNARY, CHUNK("a"), "a.");
	hears(FRAMING_UNARY, "\n {\n \"candidates\": [] } \r\n", ".");
	hears(FRAMING_UNARY, "[{\"error\":{\"code\":400}}]", "E.");
	hears(FRAMING_UNARY, "", "!");
	hears(FRAMING_UNARY, "{\"candidates\":[", "!");
	hears(FRAMING_UNARY, CHUNK("a") CHUNK("b"), "!");
	hears(FRAMING_UNARY, "<html>", "!");
}

/* ---- stopping and bounds ---- */

static void
the_callback_stops_the_reading(void **state)
{
	static const struct {
		enum framing framing;
		const char *text;
	} rows[] = {
		{ FRAMING_SSE, "data: " CHUNK("a") "\n\ndata: " CHUNK("b") "\n\n" },
		{ FRAMING_ARRAY, "[" CHUNK("a") "," CHUNK("b") "]" },
		{ FRAMING_SSE, CHUNK("a") "\n" CHUNK("b") "\n" },
		{ FRAMING_SSE, "data: [" CHUNK("a") "," CHUNK("b") "]\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct heard h = { .line = BUF_INIT, .stop_after = 1 };
		struct err e = ERR_INIT;
		struct chunk_reader *r =
		    chunk_reader_new(rows[i].framing, OP_STREAM, MAX_BYTES, hear, &h);

		assert_false(chunk_reader_feed(r, span_of(rows[i].text), &e));
		assert_false(chunk_reader_feed(r, SPAN("data: x"), &e));
		assert_false(chunk_reader_finish(r, &e));
		assert_int_equal(e.kind, ERR_NONE);
		assert_string_equal(buf_text(&h.line), "a");
		chunk_reader_free(&r);
		buf_fini(&h.line);
	}
}

static void
a_failed_reader_stays_failed(void **state)
{
	struct heard h = { .line = BUF_INIT };
	struct err e = ERR_INIT;
	struct chunk_reader *r = chunk_reader_new(FRAMING_SSE, OP_STREAM, MAX_BYTES, hear, &h);

	(void)state;
	assert_false(chunk_reader_feed(r, SPAN("data: x\n\n"), &e));
	e = ERR_INIT;
	assert_false(chunk_reader_feed(r, SPAN("data: {}\n\n"), &e));
	assert_int_equal(e.kind, ERR_UPSTREAM);
	e = ERR_INIT;
	assert_false(chunk_reader_finish(r, &e));
	assert_int_equal(e.kind, ERR_UPSTREAM);
	assert_int_equal(h.chunks, 0);
	chunk_reader_free(&r);
	chunk_reader_free(&r);
	buf_fini(&h.line);
}

static void
no_piece_may_be_larger_than_the_bound(void **state)
{
	static const struct {
		enum framing framing;
		const char *before, *behind;
	} rows[] = {
		{ FRAMING_SSE, "data: {\"a\":\"", "\"}\n\n" },
		{ FRAMING_SSE, "{\"a\":\"", "\"}\n" },
		{ FRAMING_ARRAY, "[{\"a\":\"", "\"}]" },
		{ FRAMING_UNARY, "{\"a\":\"", "\"}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t step = 1; step <= 4000; step *= 10) {
			struct heard h = { .line = BUF_INIT };
			struct err e = ERR_INIT;
			struct buf text = BUF_INIT;
			struct chunk_reader *r =
			    chunk_reader_new(rows[i].framing, OP_STREAM, 1000, hear, &h);
			bool ok = true;

			buf_add_text(&text, rows[i].before);
			for (int j = 0; j < 1500; j++)
				buf_add_char(&text, 'x');
			buf_add_text(&text, rows[i].behind);
			for (size_t at = 0; ok && at < text.len; at += step)
				ok = feed_exactly(r, text.data + at,
				    text.len - at < step ? text.len - at : step, &e);
			assert_false(ok && chunk_reader_finish(r, &e));
			assert_int_equal(e.kind, ERR_UPSTREAM);
			assert_non_null(strstr(e.text, "1000 bytes"));
			assert_int_equal(h.chunks, 0);
			chunk_reader_free(&r);
			buf_fini(&text);
			buf_fini(&h.line);
		}
	}
}

static void
a_stream_may_be_longer_than_the_bound(void **state)
{
	struct heard h = { .line = BUF_INIT };
	struct err e = ERR_INIT;
	struct chunk_reader *r = chunk_reader_new(FRAMING_SSE, OP_STREAM, 200, hear, &h);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(chunk_reader_feed(r, SPAN("data: " CHUNK("a") "\r\n\r\n"), &e));
	assert_true(chunk_reader_finish(r, &e));
	assert_int_equal(h.chunks, 1000);
	chunk_reader_free(&r);
	buf_fini(&h.line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_read_at_any_split),
		cmocka_unit_test(braces_quotes_and_other_scripts_in_strings_do_no_harm),
		cmocka_unit_test(a_bare_error_amid_events_is_an_error_chunk),
		cmocka_unit_test(done_is_tolerated),
		cmocka_unit_test(what_is_no_stream_of_chunks_is_told),
		cmocka_unit_test(elements_are_read_at_any_split),
		cmocka_unit_test(what_is_no_list_of_chunks_is_told),
		cmocka_unit_test(a_plain_answer_is_one_chunk),
		cmocka_unit_test(the_callback_stops_the_reading),
		cmocka_unit_test(a_failed_reader_stays_failed),
		cmocka_unit_test(no_piece_may_be_larger_than_the_bound),
		cmocka_unit_test(a_stream_may_be_longer_than_the_bound),
	};

	return cmocka_run_group_tests_name("gemini/chunk_reader", tests, NULL, NULL);
}
