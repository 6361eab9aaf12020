#include "gemini/fault.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

#define AIZA  "AIzaSyA1234567890abcdefghijklmnopqrstuv"
#define AQ    "AQ.Ab8RN6J1234567890abcdef"
#define YA29  "ya29.a0AfH6SMC_1234567890"
#define FRESH "1//0gABCDEFGHIJKLMNOP-qrst_uvw"

static void
secrets_are_taken_out_and_the_rest_is_kept(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "nothing here", "nothing here" },
		{ "", "" },
		{ "key " AIZA " is bad", "key [redacted] is bad" },
		{ AIZA, "[redacted]" },
		{ "x" AIZA "\"", "x[redacted]\"" },
		{ "two: " AIZA ", " AQ " end", "two: [redacted], [redacted] end" },
		{ "token " YA29, "token [redacted]" },
		{ "refresh '" FRESH "'", "refresh '[redacted]'" },
		{ "line\\n" AQ, "line\\n[redacted]" },
		{ "Consumer 'api_key:" AIZA "' has been suspended",
		    "Consumer '[redacted]' has been suspended" },
		{ "Consumer 'api_key:short' x", "Consumer '[redacted]' x" },
		{ "https://g/v1beta/models?key=abc&alt=sse",
		    "https://g/v1beta/models?key=[redacted]&alt=sse" },
		{ "access_token=T.x-1 y", "access_token=[redacted] y" },
		{ "Authorization: Bearer abcdefgh1234", "Authorization: Bearer [redacted]" },
		/* What only looks a little like one. */
		{ "AIza", "AIza" },
		{ "FAQ.html-is-a-page", "FAQ.html-is-a-page" },
		{ "http1//example.org/path", "http1//example.org/path" },
		{ "AQ. and so on", "AQ. and so on" },
		{ "a key= here", "a key= here" },
		{ "Bearer token", "Bearer token" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = BUF_INIT;

		fault_redact(span_of(rows[i].in), &b);
		assert_string_equal(buf_text(&b), rows[i].out);
		buf_fini(&b);
	}
}

static void
json_stays_json(void **state)
{
	static const char json[] = "{\"a\":\"" AIZA "\",\"b\":[\"" FRESH "\\n" AQ "\"],\"c\":"
				   "\"api_key:" AIZA "\\u00e9\"}";
	struct buf b = BUF_INIT;

	(void)state;
	fault_redact(span_of(json), &b);
	assert_true(scan_check(buf_span(&b), NULL, NULL));
	assert_string_equal(buf_text(&b), "{\"a\":\"[redacted]\",\"b\":[\"[redacted]\\n[redacted]"
					  "\"],\"c\":\"[redacted]\\u00e9\"}");
	buf_fini(&b);
}

static void
a_secret_is_found_wherever_it_stands(void **state)
{
	static const char *const secrets[] = { AIZA, AQ, YA29, FRESH };

	(void)state;
	for (size_t i = 0; i < COUNT(secrets); i++) {
		for (int before = 0; before < 40; before++) {
			struct buf in = BUF_INIT, out = BUF_INIT;

			for (int j = 0; j < before; j++)
				buf_add_char(&in, ' ');
			buf_add_text(&in, secrets[i]);
			buf_add_lit(&in, "' tail");
			fault_redact(buf_span(&in), &out);
			assert_null(strstr(buf_text(&out), secrets[i] + 5));
			assert_non_null(strstr(buf_text(&out), "[redacted]' tail"));
			buf_fini(&in);
			buf_fini(&out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_taken_out_and_the_rest_is_kept),
		cmocka_unit_test(json_stays_json),
		cmocka_unit_test(a_secret_is_found_wherever_it_stands),
	};

	return cmocka_run_group_tests_name("gemini/redact", tests, NULL, NULL);
}
