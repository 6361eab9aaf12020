/* net/verdict.c: what curl's codes mean, by how far the call had come. */
#include "net/verdict.h"

#include "tests/unit/unit.h"

static const struct progress nothing = { 0 }, sent = { .sent = true };
static const struct progress status = { .sent = true, .status = true };
static const struct progress head = { .sent = true, .status = true, .head = true };

static void
the_same_code_means_what_the_progress_makes_it(void **state)
{
	static const struct {
		CURLcode code;
		enum fetch_result nothing, sent, status, head;
	} cases[] = {
		{ CURLE_OK, FETCH_RESET, FETCH_RESET, FETCH_CUT, FETCH_OK },
		{ CURLE_RECV_ERROR, FETCH_CONNECT, FETCH_RESET, FETCH_CUT, FETCH_CUT },
		{ CURLE_SEND_ERROR, FETCH_CONNECT, FETCH_RESET, FETCH_CUT, FETCH_CUT },
		{ CURLE_GOT_NOTHING, FETCH_CONNECT, FETCH_RESET, FETCH_CUT, FETCH_CUT },
		{ CURLE_PARTIAL_FILE, FETCH_CONNECT, FETCH_RESET, FETCH_CUT, FETCH_CUT },
		{ CURLE_UNSUPPORTED_PROTOCOL, FETCH_REFUSED, FETCH_PROTOCOL, FETCH_PROTOCOL,
		    FETCH_PROTOCOL },
		{ CURLE_WEIRD_SERVER_REPLY, FETCH_CONNECT, FETCH_PROTOCOL, FETCH_PROTOCOL,
		    FETCH_PROTOCOL },
		{ CURLE_OUT_OF_MEMORY, FETCH_REFUSED, FETCH_PROTOCOL, FETCH_PROTOCOL,
		    FETCH_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(verdict(cases[i].code, nothing), cases[i].nothing);
		assert_int_equal(verdict(cases[i].code, sent), cases[i].sent);
		assert_int_equal(verdict(cases[i].code, status), cases[i].status);
		assert_int_equal(verdict(cases[i].code, head), cases[i].head);
	}
}

/* Curl reconnects by itself after a stale connection: then these come late. */
static void
a_connection_that_cannot_be_made_is_that_at_any_time(void **state)
{
	static const struct {
		CURLcode code;
		enum fetch_result result;
	} cases[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, FETCH_DNS },
		{ CURLE_COULDNT_RESOLVE_PROXY, FETCH_DNS },
		{ CURLE_COULDNT_CONNECT, FETCH_CONNECT },
		{ CURLE_OPERATION_TIMEDOUT, FETCH_CONNECT_SLOW },
		{ CURLE_SSL_CONNECT_ERROR, FETCH_TLS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(verdict(cases[i].code, nothing), cases[i].result);
		assert_int_equal(verdict(cases[i].code, sent), cases[i].result);
	}
	assert_int_equal(verdict(CURLE_PEER_FAILED_VERIFICATION, nothing), FETCH_TLS);
	assert_int_equal(verdict(CURLE_SSL_CACERT_BADFILE, nothing), FETCH_TLS);
	assert_int_equal(verdict(CURLE_PROXY, nothing), FETCH_CONNECT);
}

static void
an_order_that_curl_cannot_take_is_refused(void **state)
{
	static const CURLcode codes[] = { CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED,
		CURLE_FAILED_INIT, CURLE_BAD_FUNCTION_ARGUMENT };

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++)
		assert_int_equal(verdict(codes[i], nothing), FETCH_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_code_means_what_the_progress_makes_it),
		cmocka_unit_test(a_connection_that_cannot_be_made_is_that_at_any_time),
		cmocka_unit_test(an_order_that_curl_cannot_take_is_refused),
	};

	return cmocka_run_group_tests_name("net/verdict", tests, NULL, NULL);
}
