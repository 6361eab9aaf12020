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
		cmocka_unit_test(what_has_no_status_is_no_answer),
		cmocka_unit_test(interim_answers_without_end_meet_the_bound),
	};

	return cmocka_run_group_tests_name("net/reply", tests, NULL, NULL);
}
