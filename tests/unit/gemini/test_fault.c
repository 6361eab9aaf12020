#include "gemini/fault.h"

#include "base/scan.h"
#include "tests/unit/unit.h"

#define RPC "type.googleapis.com/google.rpc."
#define KEY "AIzaSyA1234567890abcdefghijklmnopqrstuv"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static struct fault
fault_of(int status, const char *body)
{
	struct fault f;

	fault_parse(status, span_of(body), arena, &f);
	return f;
}

/* ---- the envelope in all its forms ---- */

static void
an_envelope_is_read(void **state)
{
	struct fault f = fault_of(400,
	    "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API "
	    "key.\","
	    "\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":\"" RPC "ErrorInfo\","
	    "\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis.com\",\"metadata\":{"
	    "\"service\":"
	    "\"generativelanguage.googleapis.com\"}},{\"@type\":\"" RPC "LocalizedMessage\","
	    "\"locale\":\"en-US\",\"message\":\"x\"}]}}");

	(void)state;
	assert_int_equal(f.http_status, 400);
	assert_int_equal(f.code, 400);
	assert_string_equal(f.status, "INVALID_ARGUMENT");
	assert_string_equal(f.message, "API key not valid. Please pass a valid API key.");
	assert_string_equal(f.reason, "API_KEY_INVALID");
	assert_int_equal(f.retry_ms, -1);
	assert_int_equal(f.period, QUOTA_UNKNOWN);
	assert_true(f.is_json);
}

static void
every_variant_of_the_envelope_is_understood(void **state)
{
	static const struct {
		const char *name, *body;
		int code;
		const char *status, *message, *reason;
		bool is_json;
	} rows[] = {
		{ "a list of one",
		    "[{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"S\"}}]", 429, "S",
		    "m", "", true },
		{ "indented with CRLF",
		    "{\r\n  \"error\": {\r\n    \"message\": \"m\"\r\n  }\r\n}\r\n", 503, "", "m",
		    "", true },
		{ "an envelope in the message",
		    "{\"error\":{\"code\":500,\"message\":\"{\\\"error\\\":{\\\"code\\\":429,"
		    "\\\"message\\\":"
		    "\\\"inner\\\",\\\"status\\\":\\\"RESOURCE_EXHAUSTED\\\"}}\",\"status\":"
		    "\"UNKNOWN\"}}",
		    429, "RESOURCE_EXHAUSTED", "inner", "", true },
		{ "an envelope in the envelope in the message",
		    "{\"error\":{\"message\":\"{\\\"error\\\":{\\\"message\\\":\\\"[{"
		    "\\\\\\\"error\\\\\\\":"
		    "{\\\\\\\"code\\\\\\\":404,\\\\\\\"message\\\\\\\":\\\\\\\"deep\\\\\\\"}}]\\\"}"
		    "}\"}}",
		    404, "", "deep", "", true },
		{ "a message that only looks like one",
		    "{\"error\":{\"message\":\"{\\\"a\\\":1}\"}}", 503, "", "{\"a\":1}", "", true },
		{ "no details", "{\"error\":{\"code\":400,\"message\":\"m\",\"details\":[]}}", 400,
		    "", "m", "", true },
		{ "nulls",
		    "{\"error\":{\"code\":null,\"message\":null,\"status\":null,\"details\":null}}",
		    503, "", "", "", true },
		{ "odd types",
		    "{\"error\":{\"code\":[],\"message\":7,\"status\":{},\"details\":\"x\","
		    "\"errors\":3}}",
		    503, "", "", "", true },
		{ "stray spaces in keys", "{\"error\":{\" code \":429,\"message \":\"m\"}}", 429,
		    "", "m", "", true },
		{ "doubled and trailing commas",
		    "{\"error\":{\"code\":429,,\"message\":\"a,,b\",\"details\":[{\"reason\":\"R\","
		    "},],}}",
		    429, "", "a,,b", "R", true },
		{ "the code as a word", "{\"error\":{\"code\":\"not_found\",\"message\":\"m\"}}",
		    503, "", "m", "not_found", true },
		{ "the code as a text", "{\"error\":{\"code\":\"404\",\"message\":\"m\"}}", 404, "",
		    "m", "", true },
		{ "OAuth's",
		    "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been "
		    "expired.\"}",
		    503, "", "Token has been expired.", "invalid_grant", false },
		{ "the legacy list",
		    "{\"error\":{\"code\":403,\"message\":\"m\",\"errors\":[{\"message\":\"m\","
		    "\"domain\":\"global\",\"reason\":\"forbidden\"}]}}",
		    403, "", "m", "forbidden", true },
		{ "the error alone", "{\"code\":499,\"message\":\"m\",\"status\":\"CANCELLED\"}",
		    499, "CANCELLED", "m", "", false },
		{ "HTML", "<!DOCTYPE html><html><title>Error 502</title></html>", 503, "", "", "",
		    false },
		{ "plain text", "upstream connect error\n", 503, "", "upstream connect error", "",
		    false },
		{ "nothing", "", 503, "", "", "", false },
		{ "white space", " \r\n", 503, "", "", "", false },
		{ "a cut envelope", "{\"error\":{\"code\":429,\"mess", 503, "", "", "", false },
		{ "some other JSON", "{\"totalTokens\":3}", 503, "", "", "", false },
		{ "an empty list", "[]", 503, "", "", "", false },
		{ "a list of numbers", "[1,2]", 503, "", "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = fault_of(503, rows[i].body);

		if (f.code != rows[i].code || strcmp(f.status, rows[i].status) != 0 ||
		    strcmp(f.message, rows[i].message) != 0 ||
		    strcmp(f.reason, rows[i].reason) != 0 || f.is_json != rows[i].is_json)
			fail_msg("%s: code=%d status=%s message=%s reason=%s is_json=%d",
			    rows[i].name, f.code, f.status, f.message, f.reason, f.is_json);
		assert_true(!f.is_json || scan_check(f.body, NULL, NULL));
		assert_true(f.is_json || f.body.len == 0);
	}
}

static void
the_first_blamed_field_is_named(void **state)
{
	struct fault f =
	    fault_of(400, "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_"
			  "ARGUMENT\",\"details\":["
			  "{\"@type\":\"" RPC
			  "BadRequest\",\"fieldViolations\":[{\"field\":\"generation_config\","
			  "\"description\":\"d\"},{\"field\":\"other\"}]}]}}");

	(void)state;
	assert_string_equal(f.field, "generation_config");
}

/* ---- secrets ---- */

static void
debug_info_is_not_relayed(void **state)
{
	static const struct {
		const char *details, *kept;
	} rows[] = {
		{ "[{\"@type\":\"" RPC "DebugInfo\",\"detail\":\"x\"}]", "[]" },
		{ "[{\"a\":1},{\"detail\":\"x\",\"@type\":\"" RPC "DebugInfo\"}]", "[{\"a\":1}]" },
		{ "[{\"@type\":\"" RPC "DebugInfo\"}, {\"a\":1} ,{\"b\":2}]",
		    "[{\"a\":1},{\"b\":2}]" },
		{ "[{\"a\":1},{\"@type\":\"" RPC "DebugInfo\"},{\"b\":2}]",
		    "[{\"a\":1},{\"b\":2}]" },
		{ "[7,null,{\"@type\":\"" RPC "DebugInfo\"}]", "[7,null]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf in = BUF_INIT, out = BUF_INIT;
		struct fault f;

		buf_printf(&in, "{\"error\": {\"code\":400,\"details\":%s,\"message\":\"m\"}}",
		    rows[i].details);
		buf_printf(&out, "{\"error\": {\"code\":400,\"details\":%s,\"message\":\"m\"}}",
		    rows[i].kept);
		f = fault_of(400, buf_text(&in));
		assert_true(f.is_json);
		if (!span_eq(f.body, buf_span(&out)))
			fail_msg("%.*s", SPAN_ARG(f.body));
		buf_fini(&in);
		buf_fini(&out);
	}
}

static void
no_planted_key_survives(void **state)
{
	static const char *const bodies[] = {
		"{\"error\":{\"code\":403,\"message\":\"Permission denied: Consumer 'api_key:" KEY
		"' has been suspended.\",\"status\":\"PERMISSION_DENIED\",\"details\":[{\"reason\":"
		"\"CONSUMER_SUSPENDED\",\"metadata\":{\"consumer\":\"api_key:" KEY "\"}}]}}",
		"[{\"error\":{\"message\":\"bad " KEY "\",\"status\":\"" KEY "\"}}]",
		"{\"error\":{\"message\":\"{\\\"error\\\":{\\\"message\\\":\\\"" KEY "\\\"}}\"}}",
		"{\"error\":{\"details\":[{\"@type\":\"" RPC "DebugInfo\",\"detail\":\"" KEY "\"},"
		"{\"fieldViolations\":[{\"field\":\"" KEY "\"}]}]}}",
		"plain text with " KEY " in it",
		"{\"error\":\"" KEY "\",\"error_description\":\"" KEY "\"}",
		"{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"limit: "
		"5, model: " KEY "\",\"details\":[{\"violations\":[{\"quotaId\":\"" KEY "\"}]}]}}",
		"{\"error\":{\"details\":[{\"reason\":\"VALIDATION_REQUIRED\",\"metadata\":{"
		"\"validation_link\":\"https://a.example/" KEY "\"}}]}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct fault f = fault_of(403, bodies[i]);

		assert_null(strstr(f.message, KEY));
		assert_null(strstr(f.status, KEY));
		assert_null(strstr(f.reason, KEY));
		assert_null(strstr(f.field, KEY));
		assert_null(strstr(f.quota_id, KEY));
		assert_null(strstr(f.quota_model, KEY));
		assert_null(strstr(f.validation_link, KEY));
		assert_false(span_has(f.body, KEY));
	}
}

/* ---- quota ---- */

#define MINUTE_ID "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
#define DAY_ID    "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
#define TOKENS_ID "GenerateContentPaidTierInputTokensPerModelPerMinute"
#define REGION_ID "GenerateContentRequestsPerMinutePerProjectPerRegion"

/* A violation without its value, with it, and with its model as well. */
#define V(id)               "{\"quotaId\":\"" id "\"}"
#define V_OF(id, n)         "{\"quotaId\":\"" id "\",\"quotaValue\":\"" n "\"}"
#define V_FOR(id, n, model) "{\"quotaDimensions\":{\"model\":\"" model "\"}," V_REST(id, n)
#define V_REST(id, n)       "\"quotaId\":\"" id "\",\"quotaValue\":\"" n "\"}"

/* What a quota error says; each may be NULL. */
struct quota_words {
	const char *message, *violations, *reason, *metadata, *delay;
};

static void
write_quota_error(struct buf *b, const struct quota_words *q)
{
	buf_printf(
	    b, "{\"error\":{\"code\":429,\"message\":\"%s\",", q->message ? q->message : "m");
	buf_add_lit(b, "\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[");
	if (q->violations)
		buf_printf(
		    b, "{\"@type\":\"" RPC "QuotaFailure\",\"violations\":[%s]},", q->violations);
	if (q->reason)
		buf_printf(b,
		    "{\"@type\":\"" RPC "ErrorInfo\",\"reason\":\"%s\",\"metadata\":{%s}},",
		    q->reason, q->metadata ? q->metadata : "");
	if (q->delay)
		buf_printf(b, "{\"@type\":\"" RPC "RetryInfo\",\"retryDelay\":\"%s\"},", q->delay);
	buf_add_lit(b, "{\"@type\":\"" RPC "Help\",\"links\":[]}]}}");
}

static struct fault
quota_fault(const struct quota_words *q)
{
	struct buf b = BUF_INIT;
	struct fault f;

	write_quota_error(&b, q);
	f = fault_of(429, buf_text(&b));
	buf_fini(&b);
	return f;
}

static void
quota_errors_are_classified(void **state)
{
	static const struct {
		const char *name;
		struct quota_words words;
		enum quota_period period;
		int64_t retry_ms, value;
		const char *model;
	} rows[] = {
		{ "requests per minute",
		    { .violations = V_FOR(MINUTE_ID, "2", "gemini-2.5-pro"), .delay = "56s" },
		    QUOTA_MINUTE, 56000, 2, "gemini-2.5-pro" },
		{ "requests per day, with a short delay that means nothing",
		    { .violations = V_OF(DAY_ID, "20"), .delay = "38s" }, QUOTA_DAY, 38000, 20,
		    "" },
		{ "three at once and a limit of zero",
		    { .violations = V(TOKENS_ID) "," V(MINUTE_ID) "," V(DAY_ID),
			.message = "limit: 0, model: gemini-2.0-flash" },
		    QUOTA_ZERO, -1, 0, "gemini-2.0-flash" },
		{ "a quotaValue of zero",
		    { .violations = V_OF(MINUTE_ID, "0") "," V_OF(DAY_ID, "5") }, QUOTA_ZERO, -1, 5,
		    "" },
		{ "the longest of several",
		    { .violations =
			    V_OF(MINUTE_ID, "1") "," V_OF(DAY_ID, "7") "," V_OF("XPerHour", "3") },
		    QUOTA_DAY, -1, 7, "" },
		{ "tokens per minute, the wait in words",
		    { .violations = V(TOKENS_ID),
			.message = "x, limit: 10000\\nPlease retry in 40.025771073s." },
		    QUOTA_MINUTE, 40026, 10000, "" },
		{ "half a request", { .message = "limit: 0.5" }, QUOTA_UNKNOWN, -1, -1, "" },
		{ "the account surface, short",
		    { .reason = "RATE_LIMIT_EXCEEDED",
			.metadata = "\"model\":\"gemini-x\"",
			.delay = "0.539477544s" },
		    QUOTA_UNKNOWN, 540, -1, "gemini-x" },
		{ "the account surface, long", { .reason = "RATE_LIMIT_EXCEEDED", .delay = "600s" },
		    QUOTA_UNKNOWN, 600000, -1, "" },
		{ "capacity",
		    { .reason = "MODEL_CAPACITY_EXHAUSTED", .message = "No capacity available" },
		    QUOTA_UNKNOWN, -1, -1, "" },
		{ "no details", { .message = "Resource has been exhausted (e.g. check quota)." },
		    QUOTA_UNKNOWN, -1, -1, "" },
		{ "the limit in ErrorInfo",
		    { .reason = "RATE_LIMIT_EXCEEDED",
			.metadata =
			    "\"quota_limit\":\"" REGION_ID "\",\"quota_limit_value\":\"60\"" },
		    QUOTA_MINUTE, -1, 60, "" },
		{ "a delay of nothing beside a day",
		    { .violations = V(DAY_ID), .delay = "0s", .message = "Please retry in 964ms." },
		    QUOTA_DAY, 0, -1, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = quota_fault(&rows[i].words);

		if (f.period != rows[i].period || f.retry_ms != rows[i].retry_ms ||
		    f.quota_value != rows[i].value || strcmp(f.quota_model, rows[i].model) != 0)
			fail_msg("%s: period=%d retry_ms=%lld value=%lld model=%s", rows[i].name,
			    f.period, (long long)f.retry_ms, (long long)f.quota_value,
			    f.quota_model);
		assert_string_equal(f.reason, rows[i].words.reason ? rows[i].words.reason : "");
	}
}

static void
each_violation_keeps_its_own_limit(void **state)
{
	static const struct {
		const char *name;
		struct quota_words words;
		struct quota_limits limits;
	} rows[] = {
		{ "all three",
		    { .violations = V_OF(DAY_ID, "100") "," V_OF(MINUTE_ID, "5") "," V_OF(
			  TOKENS_ID, "250000") },
		    { .rpm = 5, .tpm = 250000, .rpd = 100 } },
		{ "numbers, not texts",
		    { .violations = "{\"quotaId\":\"" MINUTE_ID "\",\"quotaValue\":5}" },
		    { .rpm = 5 } },
		{ "the value before the id",
		    { .violations = "{\"quotaValue\":\"5\",\"quotaId\":\"" MINUTE_ID "\"}" },
		    { .rpm = 5 } },
		{ "the number in the message, of the only one",
		    { .violations = V(DAY_ID), .message = "limit: 20, model: x" }, { .rpd = 20 } },
		{ "the number in the message, of one of two",
		    { .violations = V(DAY_ID) "," V(MINUTE_ID), .message = "limit: 20, model: x" },
		    { 0 } },
		{ "two numbers in the message",
		    { .violations = V(DAY_ID), .message = "limit: 20\\nlimit: 5" }, { 0 } },
		{ "another model's", { .violations = V_FOR(MINUTE_ID, "2", "other") },
		    { .rpm = 2 } },
		{ "ErrorInfo's",
		    { .reason = "R",
			.metadata =
			    "\"quota_limit\":\"" REGION_ID "\",\"quota_limit_value\":\"60\"" },
		    { .rpm = 60 } },
		{ "nothing at all", { .violations = V_OF(MINUTE_ID, "0") "," V_OF(TOKENS_ID, "x") },
		    { 0 } },
		{ "beyond a number", { .violations = V_OF(MINUTE_ID, "99999999999999999999") },
		    { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = quota_fault(&rows[i].words);

		if (memcmp(&f.limits, &rows[i].limits, sizeof(f.limits)) != 0)
			fail_msg("%s: %lld %lld %lld", rows[i].name, (long long)f.limits.rpm,
			    (long long)f.limits.tpm, (long long)f.limits.rpd);
	}
}

static void
a_limit_of_zero_in_errorinfo_is_no_quota(void **state)
{
	static const struct quota_words words = { .reason = "RATE_LIMIT_EXCEEDED",
		.metadata = "\"quota_limit\":\"" REGION_ID "\",\"quota_limit_value\":\"0\"" };
	struct fault f = quota_fault(&words);

	(void)state;
	assert_int_equal(f.period, QUOTA_ZERO);
	assert_int_equal(f.limits.rpm, 0);
}

static void
the_moment_of_reset_is_read(void **state)
{
	static const struct quota_words words = { .reason = "QUOTA_EXHAUSTED",
		.metadata = "\"quotaResetDelay\":\"11h2m3.5s\","
			    "\"quotaResetTimeStamp\":\"2026-01-02T03:04:05Z\"" };
	struct fault f = quota_fault(&words);

	(void)state;
	assert_string_equal(f.reason, "QUOTA_EXHAUSTED");
	assert_int_equal(f.reset_at_ms, INT64_C(1767323045000));
	assert_int_equal(f.retry_ms, 39723500);
}

static void
a_limit_of_zero_elsewhere_is_no_quota(void **state)
{
	struct fault f =
	    fault_of(400, "{\"error\":{\"code\":400,\"message\":\"limit: 0 per day\"}}");

	(void)state;
	assert_int_equal(f.period, QUOTA_UNKNOWN);
	assert_int_equal(f.quota_value, -1);
}

static void
an_error_amid_a_stream_keeps_its_own_code(void **state)
{
	struct fault f = fault_of(200,
	    "{\"error\":{\"code\":499,\"message\":\"The operation was "
	    "cancelled.\",\"status\":\"CANCELLED\","
	    "\"details\":[{\"@type\":\"" RPC "DebugInfo\",\"detail\":\"[ORIGINAL ERROR]\"}]}}");

	(void)state;
	assert_int_equal(f.http_status, 200);
	assert_int_equal(f.code, 499);
	assert_string_equal(f.status, "CANCELLED");
	assert_false(span_has(f.body, "ORIGINAL"));
}

static void
amid_a_stream_the_status_tells_where_the_code_does_not(void **state)
{
	static const struct {
		int http_status;
		const char *body;
		int code, decides;
	} rows[] = {
		{ 200, "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", 429, 429 },
		{ 200, "{\"error\":{\"code\":8,\"status\":\"RESOURCE_EXHAUSTED\"}}", 429, 429 },
		{ 200, "{\"error\":{\"code\":503,\"status\":\"RESOURCE_EXHAUSTED\"}}", 503, 503 },
		{ 200, "{\"error\":{\"status\":\"DEADLINE_EXCEEDED\"}}", 504, 504 },
		{ 200, "{\"error\":{\"status\":\"NEW\"}}", 200, 200 },
		{ 200, "{\"error\":{\"code\":8}}", 200, 200 },
		{ 500, "{\"error\":{\"code\":8,\"status\":\"RESOURCE_EXHAUSTED\"}}", 429, 500 },
		{ 403, "", 403, 403 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = fault_of(rows[i].http_status, rows[i].body);

		assert_int_equal(f.code, rows[i].code);
		assert_int_equal(fault_status(&f), rows[i].decides);
	}
}

/* ---- reasons and links ---- */

static void
the_reason_of_errorinfo_goes_before_any_other(void **state)
{
	static const struct {
		const char *body, *reason;
	} rows[] = {
		{ "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}],\"details\":[{"
		  "\"reason\":\"MODEL_CAPACITY_EXHAUSTED\"}]}}",
		    "MODEL_CAPACITY_EXHAUSTED" },
		{ "{\"error\":{\"code\":\"busy\",\"details\":[{\"reason\":\"R\"}]}}", "R" },
		{ "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}]}}",
		    "rateLimitExceeded" },
		/* A proxy's own words are not what the innermost says. */
		{ "{\"error\":{\"details\":[{\"reason\":\"PROXY\"}],\"message\":\"{\\\"error\\\":"
		  "{\\\"details\\\":[{\\\"reason\\\":\\\"API_KEY_INVALID\\\"}],\\\"message\\\":"
		  "\\\"m\\\"}}\"}}",
		    "API_KEY_INVALID" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = fault_of(429, rows[i].body);

		assert_string_equal(f.reason, rows[i].reason);
	}
}

#define VALIDATE(metadata, links)                                                                  \
	"{\"error\":{\"code\":403,\"details\":[{\"reason\":\"VALIDATION_REQUIRED\","               \
	"\"metadata\":{" metadata "}},{\"@type\":\"" RPC "Help\",\"links\":[" links "]}]}}"
#define LINK(url) "{\"description\":\"d\",\"url\":\"" url "\"}"

static void
where_an_account_is_confirmed_is_kept_for_the_operator(void **state)
{
	static const struct {
		const char *body, *link;
	} rows[] = {
		{ VALIDATE("\"validation_link\":\"https://accounts.google.com/v?a=1&b\"", ""),
		    "https://accounts.google.com/v?a=1&b" },
		{ VALIDATE("", LINK("https://support.google.com/x") "," LINK("https://g.co/v")),
		    "https://g.co/v" },
		{ VALIDATE(
		      "\"validation_link\":\"https://a.example/1\"", LINK("https://a.example/2")),
		    "https://a.example/1" },
		{ VALIDATE("", LINK("https://support.google.com/x")), "" },
		{ VALIDATE("", "7,null,{}"), "" },
		{ VALIDATE("\"validation_link\":\"http://a.example/\"", ""), "" },
		{ VALIDATE("\"validation_link\":\"javascript:alert(1)\"", ""), "" },
		{ VALIDATE("\"validation_link\":\"https://a/\\u001b[2J\"", ""), "" },
		{ VALIDATE("\"validation_link\":\"https://a/\\\"onclick\"", ""), "" },
		{ VALIDATE("\"validation_link\":\"https://a/ b\"", ""), "" },
		{ VALIDATE("\"validation_link\":\"https://a/\\u00e9\"", ""), "" },
		{ VALIDATE("\"validation_link\":{}", ""), "" },
		/* Of another refusal it is no such link. */
		{ "{\"error\":{\"details\":[{\"reason\":\"SERVICE_DISABLED\",\"links\":[" LINK(
		      "https://g.co/v") "]}]}}",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = fault_of(403, rows[i].body);

		if (strcmp(f.validation_link, rows[i].link) != 0)
			fail_msg("row %zu: %s", i, f.validation_link);
	}
}

static void
a_link_without_end_is_none(void **state)
{
	struct buf b = BUF_INIT;
	struct fault f;

	(void)state;
	buf_add_lit(&b, "{\"error\":{\"details\":[{\"reason\":\"VALIDATION_REQUIRED\","
			"\"metadata\":{\"validation_link\":\"https://a.example/");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&b, 'x');
	buf_add_lit(&b, "\"}}]}}");
	f = fault_of(403, buf_text(&b));
	assert_string_equal(f.reason, "VALIDATION_REQUIRED");
	assert_string_equal(f.validation_link, "");
	buf_fini(&b);
}

/* ---- hostile input ---- */

static void
any_cut_of_an_error_does_no_harm(void **state)
{
	static const struct quota_words words = { .message = "limit: 0, model: x\\nretry in 5s",
		.violations = V_FOR(DAY_ID, "20", "x"),
		.reason = "R",
		.metadata = "\"model\":\"m\"",
		.delay = "38s" };
	struct buf whole = BUF_INIT;

	(void)state;
	buf_add_char(&whole, '[');
	write_quota_error(&whole, &words);
	buf_add_char(&whole, ']');
	for (size_t len = 0; len < whole.len; len++) {
		char *exact = malloc(len > 0 ? len : 1);
		struct fault f;

		memcpy(exact, whole.data, len);
		fault_parse(503, span_mem(exact, len), arena, &f);
		assert_int_equal(f.code, 503);
		assert_false(f.is_json);
		free(exact);
	}
	buf_fini(&whole);
}

static void
envelopes_nested_without_end_are_read_to_a_bound(void **state)
{
	struct buf body = BUF_INIT;
	struct fault f;

	(void)state;
	buf_add_lit(&body, "{\"error\":{\"message\":\"core\"}}");
	for (int i = 0; i < 9; i++) {
		struct buf outer = BUF_INIT;

		buf_add_lit(&outer, "{\"error\":{\"message\":");
		scan_quote(&outer, buf_span(&body));
		buf_add_lit(&outer, "}}");
		buf_fini(&body);
		body = outer;
	}
	fault_parse(500, buf_span(&body), arena, &f);
	assert_true(f.is_json);
	assert_non_null(strstr(f.message, "core"));
	buf_fini(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_envelope_is_read),
		cmocka_unit_test(every_variant_of_the_envelope_is_understood),
		cmocka_unit_test(the_first_blamed_field_is_named),
		cmocka_unit_test(debug_info_is_not_relayed),
		cmocka_unit_test(no_planted_key_survives),
		cmocka_unit_test(quota_errors_are_classified),
		cmocka_unit_test(each_violation_keeps_its_own_limit),
		cmocka_unit_test(a_limit_of_zero_in_errorinfo_is_no_quota),
		cmocka_unit_test(the_moment_of_reset_is_read),
		cmocka_unit_test(a_limit_of_zero_elsewhere_is_no_quota),
		cmocka_unit_test(an_error_amid_a_stream_keeps_its_own_code),
		cmocka_unit_test(amid_a_stream_the_status_tells_where_the_code_does_not),
		cmocka_unit_test(the_reason_of_errorinfo_goes_before_any_other),
		cmocka_unit_test(where_an_account_is_confirmed_is_kept_for_the_operator),
		cmocka_unit_test(a_link_without_end_is_none),
		cmocka_unit_test(any_cut_of_an_error_does_no_harm),
		cmocka_unit_test(envelopes_nested_without_end_are_read_to_a_bound),
	};

	return cmocka_run_group_tests_name("gemini/fault", tests, setup, teardown);
}
