/* net/reply.c: the head of an upstream's answer, line by line. */
#include "net/reply.h"

#include "net/fetch_types.h"
#include "tests/unit/unit.h"

/* Reads a whole head; the last thing that was news. */
static enum reply_news
read_lines(struct reply *r, const char *text)
{
	enum reply_news news = REPLY_MORE;

	while (*text && news != REPLY_BAD && news != REPLY_HEAD) {
		const char *end = strchr(text, '\n') + 1;

		news = reply_line(r, (struct span){ text, (size_t)(end - text) });
		text = end;
	}
	return news;
}

static void
the_fields_that_matter_are_kept(void **state)
{
	struct reply r;
	struct fetch_head head;

	(void)state;
	reply_init(&r);
	assert_int_equal(read_lines(&r, "HTTP/1.1 429 Too Many\r\nCONTENT-type:text/x; a=b \r\n"
					"Retry-After:\t30\r\nX: y\r\nContent-Length: 12\r\n\r\n"),
	    REPLY_HEAD);
	reply_head(&r, &head);
	assert_int_equal(head.status, 429);
	assert_true(span_is(head.content_type, "text/x; a=b"));
	assert_true(span_is(head.retry_after, "30"));
	assert_int_equal(head.content_length, 12);
	reply_fini(&r);
}

static void
the_status_line_is_news_before_the_head_is_whole(void **state)
{
	struct reply r;

	(void)state;
	reply_init(&r);
	assert_int_equal(reply_line(&r, SPAN("HTTP/1.1 200 OK\r\n")), REPLY_STATUS);
	assert_false(r.whole);
	assert_int_equal(reply_line(&r, SPAN("\r\n")), REPLY_HEAD);
	assert_true(r.whole);
	reply_fini(&r);
}

static void
an_interim_answer_leaves_nothing_behind(void **state)
{
	struct reply r;
	struct fetch_head head;

	(void)state;
	reply_init(&r);
	assert_int_equal(
	    read_lines(&r, "HTTP/1.1 103 Hints\r\nContent-Type: a\r\nRetry-After: 1\r\n"
			   "Content-Length: 3\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
	    REPLY_MORE);
	assert_int_equal(r.status, 0);
	assert_int_equal(read_lines(&r, "HTTP/1.1 204\r\n\r\n"), REPLY_HEAD);
	reply_head(&r, &head);
	assert_int_equal(head.status, 204);
	assert_int_equal(head.content_type.len + head.retry_after.len, 0);
	assert_int_equal(head.header_count, 0);
	assert_int_equal(head.content_length, -1);
	reply_fini(&r);
}

static void
a_chunked_answer_has_no_known_length(void **state)
{
	struct reply r;
	struct fetch_head head;

	(void)state;
	reply_init(&r);
	assert_int_equal(
	    read_lines(&r, "HTTP/1.1 200 OK\nContent-Length: 9\nTransfer-Encoding: Chunked\n\n"),
	    REPLY_HEAD);
	reply_head(&r, &head);
	assert_int_equal(head.content_length, -1);
	reply_fini(&r);
}

static void
a_field_given_twice_counts_as_given_last(void **state)
{
	struct reply r;
	struct fetch_head head;

	(void)state;
	reply_init(&r);
	read_lines(&r, "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Type: b\r\n"
		       "Content-Length: 5\r\nContent-Length: x\r\nno colon\r\n: no name\r\n\r\n");
	reply_head(&r, &head);
	assert_true(span_is(head.content_type, "b"));
	assert_int_equal(head.content_length, -1);
	reply_fini(&r);
}

static void
every_line_of_the_head_is_listed_in_order(void **state)
{
	static const char *const wanted[][2] = { { "Location", "/a b" },
		{ "X-Goog-Upload-URL", "u" }, { "Empty", "" }, { "set-cookie", "1" },
		{ "Spaced", "x" }, { "Set-Cookie", "2: 3" } };
	struct reply r;
	struct fetch_head head;

	(void)state;
	reply_init(&r);
	read_lines(&r, "HTTP/1.1 308 Resume\r\nLocation: \t/a b \r\nX-Goog-Upload-URL:u\r\n"
		       "Empty:\r\nset-cookie: 1\r\nno colon\r\n: no name\r\n"
		       "Spaced : x\r\nSet-Cookie: 2: 3\n\r\n");
	reply_head(&r, &head);
	assert_int_equal(head.header_count, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_true(span_is(head.headers[i].name, wanted[i][0]));
		assert_true(span_is(head.headers[i].value, wanted[i][1]));
		assert_non_null(head.headers[i].value.p);
	}
	reply_fini(&r);
}

static void
a_header_is_found_in_any_case_and_the_last_one_counts(void **state)
{
	struct reply r;
	struct fetch_head h;

	(void)state;
	reply_init(&r);
	read_lines(&r, "HTTP/1.1 200 OK\r\nA: 1\r\nEmpty: \r\nb: 2\r\na: 3\r\n\r\n");
	reply_head(&r, &h);
	assert_true(span_is(reply_value(h.headers, h.header_count, "A"), "3"));
	assert_true(span_is(reply_value(h.headers, h.header_count, "B"), "2"));
	assert_non_null(reply_value(h.headers, h.header_count, "empty").p);
	assert_int_equal(reply_value(h.headers, h.header_count, "empty").len, 0);
	assert_null(reply_value(h.headers, h.header_count, "c").p);
	assert_null(reply_value(h.headers, h.header_count, "").p);
	assert_null(reply_value(h.headers, h.header_count, "ab").p);
	reply_fini(&r);
}

static void
a_folded_line_is_one_value(void **state)
{
	static const struct {
		const char *lines, *value;
	} cases[] = {
		{ "X: a\r\n b\r\n", "a b" },
		{ "X: a  \r\n\t  b\r\n c \r\n", "a b c" },
		{ "X:\r\n a\r\n", "a" },
		{ "X: a\r\n \r\n b\r\n", "a b" },
		{ "X: a\r\n b: c\r\n", "a b: c" },
		{ "Y: 1\r\nX: a\r\n b\r\nZ: 2\r\n", "a b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply r;
		struct fetch_head h;
		struct span value;

		reply_init(&r);
		read_lines(&r, "HTTP/1.1 200 OK\r\n");
		read_lines(&r, cases[i].lines);
		assert_int_equal(read_lines(&r, "\r\n"), REPLY_HEAD);
		reply_head(&r, &h);
		value = reply_value(h.headers, h.header_count, "x");
		assert_true(span_is(value, cases[i].value));
		assert_null(reply_value(h.headers, h.header_count, "b").p);
		reply_fini(&r);
	}
}

static void
a_fold_with_nothing_before_it_is_nothing(void **state)
{
	struct reply r;
	struct fetch_head h;

	(void)state;
	reply_init(&r);
	assert_int_equal(
	    read_lines(&r, "HTTP/1.1 200 OK\r\n X: a\r\nno colon\r\n b\r\n\r\n"), REPLY_HEAD);
	reply_head(&r, &h);
	assert_int_equal(h.header_count, 0);
	reply_fini(&r);
}

static void
a_folded_length_is_a_length(void **state)
{
	struct reply r;
	struct fetch_head h;

	(void)state;
	reply_init(&r);
	read_lines(&r, "HTTP/1.1 200 OK\r\nContent-Length:\r\n 7\r\n\r\n");
	reply_head(&r, &h);
	assert_int_equal(h.content_length, 7);
	reply_fini(&r);
	read_lines(
	    &r, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n");
	reply_head(&r, &h);
	assert_int_equal(h.content_length, -1);
	reply_fini(&r);
}

static void
as_many_lines_as_fit_the_bound_are_kept(void **state)
{
	struct reply r;
	struct fetch_head h;
	size_t count = 0;

	(void)state;
	reply_init(&r);
	read_lines(&r, "HTTP/1.1 200 OK\r\n");
	while (r.bytes + 6 < REPLY_BYTES_MAX) {
		assert_int_equal(read_lines(&r, "a:\r\n"), REPLY_MORE);
		count++;
	}
	assert_int_equal(read_lines(&r, "\r\n"), REPLY_HEAD);
	reply_head(&r, &h);
	assert_int_equal(h.header_count, count);
	reply_drop_headers(&r);
	assert_true(r.whole);
	reply_fini(&r);
}

static void
any_bytes_may_stand_in_a_line(void **state)
{
	static const char line[] = "X\xff\x80: a\0b\xfe\r\n";
	struct reply r;
	struct fetch_head h;

	(void)state;
	reply_init(&r);
	read_lines(&r, "HTTP/1.1 200 OK\r\n");
	assert_int_equal(reply_line(&r, (struct span){ line, sizeof(line) - 1 }), REPLY_MORE);
	read_lines(&r, "\r\n");
	reply_head(&r, &h);
	assert_int_equal(h.header_count, 1);
	assert_true(span_is(h.headers[0].name, "X\xff\x80"));
	assert_int_equal(h.headers[0].value.len, 4);
	assert_memory_equal(h.headers[0].value.p, "a\0b\xfe", 4);
	reply_fini(&r);
}

static void
what_has_no_status_is_no_answer(void **state)
{
	static const char *const lines[] = { "\r\n", "hello\r\n", "HTTP/1.1\r\n", "HTTP/1.1 \r\n",
		"HTTP/1.1 99 x\r\n", "HTTP/1.1 1000 x\r\n", "HTTP/1.1 2x0 x\r\n",
		"HTTP/1.1 -200\r\n", " HTTP/1.1\t200\r\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct reply r;

		reply_init(&r);
		assert_int_equal(reply_line(&r, span_of(lines[i])), REPLY_BAD);
		assert_non_null(r.fault);
		reply_fini(&r);
	}
}

static void
interim_answers_without_end_meet_the_bound(void **state)
{
	struct reply r;
	size_t bytes = 0;

	(void)state;
	reply_init(&r);
	while (read_lines(&r, "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n") == REPLY_MORE)
		bytes = r.bytes;
	assert_non_null(r.fault);
	assert_in_range(bytes, REPLY_BYTES_MAX - 100, REPLY_BYTES_MAX);
	reply_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_that_matter_are_kept),
		cmocka_unit_test(the_status_line_is_news_before_the_head_is_whole),
		cmocka_unit_test(an_interim_answer_leaves_nothing_behind),
		cmocka_unit_test(a_chunked_answer_has_no_known_length),
		cmocka_unit_test(a_field_given_twice_counts_as_given_last),
		cmocka_unit_test(every_line_of_the_head_is_listed_in_order),
		cmocka_unit_test(a_header_is_found_in_any_case_and_the_last_one_counts),
		cmocka_unit_test(a_folded_line_is_one_value),
		cmocka_unit_test(a_fold_with_nothing_before_it_is_nothing),
		cmocka_unit_test(a_folded_length_is_a_length),
		cmocka_unit_test(as_many_lines_as_fit_the_bound_are_kept),
		cmocka_unit_test(any_bytes_may_stand_in_a_line),
		cmocka_unit_test(what_has_no_status_is_no_answer),
		cmocka_unit_test(interim_answers_without_end_meet_the_bound),
	};

	return cmocka_run_group_tests_name("net/reply", tests, NULL, NULL);
}
