/*
 * Which headers pass where a request is handed on as it is: what is on no list stays here.
 */
#include "tests/unit/unit.h"

#include "base/text.h"
#include "gate/passing.h"

static void
what_says_something_of_the_body_or_an_upload_goes_up(void **state)
{
	static const char *const names[] = { "Content-Type", "content-encoding", "Range",
		"If-Match", "x-goog-upload-command", "X-Goog-Upload-Offset", "x-goog-fieldmask",
		"Accept", "x-server-timeout" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(passing_up(span_of(names[i])));
}

static void
who_asks_and_what_is_unknown_does_not_go_up(void **state)
{
	static const char *const names[] = { "Authorization", "x-goog-api-key", "X-Goog-Api-Key",
		"x-goog-user-project", "x-goog-api-client", "x-goog-authenticated-user-email",
		"x-goog-iap-jwt-assertion", "x-goog-iam-authority-selector", "cookie", "host",
		"user-agent", "x-forwarded-for", "accept-encoding", "transfer-encoding",
		"connection", "content-length", "", "x-goo", "content-typ", "content-type-x" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_false(passing_up(span_of(names[i])));
	assert_false(passing_up(SPAN_NONE));
}

static void
what_says_something_of_the_answer_comes_down(void **state)
{
	static const char *const names[] = { "Content-Type", "content-range", "ETag", "Location",
		"X-Goog-Upload-URL", "x-goog-upload-status", "x-goog-hash" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(passing_down(span_of(names[i])));
}

static void
what_frames_it_or_is_googles_own_does_not_come_down(void **state)
{
	static const char *const names[] = { "transfer-encoding", "content-length", "connection",
		"set-cookie", "server", "alt-svc", "x-goog-api-key", "www-authenticate", "" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_false(passing_down(span_of(names[i])));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_says_something_of_the_body_or_an_upload_goes_up),
		cmocka_unit_test(who_asks_and_what_is_unknown_does_not_go_up),
		cmocka_unit_test(what_says_something_of_the_answer_comes_down),
		cmocka_unit_test(what_frames_it_or_is_googles_own_does_not_come_down),
	};

	return cmocka_run_group_tests_name("gate/passing", tests, NULL, NULL);
}
