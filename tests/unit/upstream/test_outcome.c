/*
 * What each error means for a scheduler ("Gemini errors, quota and what the scheduler does"): a
 * test for each row of its table but those of quotas.  What a row says of tries and pauses stands
 * in outcome_facts() and in try_other, try_same.
 */
#include "gemini/chunk.h"
#include "gemini/model.h"
#include "tests/unit/upstream/outcome_world.h"

/* ---- rows 1 to 8: the way, the key, the request ---- */

static void
a_transport_error_before_the_answer_counts_against_the_credential_as_a_whole(void **state)
{
	static const enum fetch_result results[] = { FETCH_DNS, FETCH_CONNECT, FETCH_TLS,
		FETCH_RESET };

	(void)state;
	for (size_t i = 0; i < COUNT(results); i++) {
		struct verdict v = outcome_of_fetch(results[i]);

		assert_outcome(&v, OUTCOME_UNREACHABLE, true, true);
		assert_free(&v);
	}
	assert_facts(OUTCOME_UNREACHABLE, OUTCOME_BLAMES_FAILURE, OUTCOME_BREAKS_WHOLE, 0);
	assert_pause(OUTCOME_UNREACHABLE, 0, 500);
}

static void
a_key_that_is_invalid_or_expired_is_disabled(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {
		{ 400, ERROR("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
			   REASON("API_KEY_INVALID")) },
		{ 400, ERROR("INVALID_ARGUMENT", "new words", REASON("API_KEY_INVALID")) },
		{ 400, BAD("API key not valid. Please pass a valid API key.") },
		{ 400, BAD("API key expired. Please renew the API key.") },
		{ 403, NO_ACCESS("new words", REASON("API_KEY_INVALID")) },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);

		assert_disabled(&v, OUTCOME_KEY_INVALID, false);
	}
}

static void
a_place_that_is_not_served_freezes_the_credential_as_a_whole_for_a_day(void **state)
{
	struct verdict v = verdict_on(400,
	    ERROR("FAILED_PRECONDITION", "User location is not supported for the API use.", ""));

	(void)state;
	assert_outcome(&v, OUTCOME_REGION, true, false);
	assert_frozen_for(&v, FREEZE_WHOLE, DAY);
	v = verdict_on(400, BAD("User location is not supported for the API use."));
	assert_relayed(&v);
}

static void
a_refused_thought_signature_blames_nobody_and_can_be_mended(void **state)
{
	static const char *const messages[] = { BAD("Thought signature is not valid."),
		BAD("Function call is missing a thought_signature in functionCall parts.") };

	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct verdict v = verdict_on(400, messages[i]);

		assert_relayed(&v);
		assert_true(
		    model_lacks_now(model_lacks_named(span_of(fault.message))) & LACKS(SIGNATURES));
	}
}

static void
a_refused_option_blames_nobody_and_can_be_stripped(void **state)
{
	static const char *const bodies[] = { BAD("Penalty is not enabled for this model"),
		BAD("Logprobs is not enabled for this model"),
		BAD("Multiple candidates is not enabled for this model"),
		BAD("Thinking level is not supported for this model.") };

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(400, bodies[i]);

		assert_relayed(&v);
		assert_int_not_equal(model_lacks_named(span_of(fault.message)), 0);
	}
}

static void
any_other_400_413_or_501_is_relayed(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {
		{ 400, BAD("Invalid JSON payload received. Unknown name \\\"foo\\\"") },
		{ 400, BAD("The input token count (9) exceeds the maximum number of tokens allowed "
			   "(8).") },
		{ 400, "<html>Bad Request</html>" },
		{ 405, "" },
		{ 409, ERROR("ABORTED", "x", "") },
		{ 413, "too big" },
		{ 416, "" },
		{ 501, ERROR("UNIMPLEMENTED", "no", "") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);

		assert_relayed(&v);
	}
}

static void
a_401_of_an_account_keeps_its_reason_so_that_the_token_can_be_refreshed(void **state)
{
	struct verdict v = verdict_on(
	    401, ERROR("UNAUTHENTICATED", "Request had invalid authentication credentials.",
		     REASON("ACCESS_TOKEN_EXPIRED")));

	(void)state;
	assert_disabled(&v, OUTCOME_KEY_INVALID, false);
	assert_string_equal(fault.reason, "ACCESS_TOKEN_EXPIRED");
}

static void
a_401_disables_an_api_key(void **state)
{
	struct verdict v = verdict_on(401, ERROR("UNAUTHENTICATED", "no", ""));

	(void)state;
	assert_disabled(&v, OUTCOME_KEY_INVALID, false);
}

/* Each key in turn was disabled by one client who asked for such a method. */
static void
a_401_of_a_method_that_takes_no_api_keys_is_relayed(void **state)
{
	struct verdict v =
	    verdict_on(401, ERROR("UNAUTHENTICATED", "new words", REASON("CREDENTIALS_MISSING")));

	(void)state;
	assert_relayed(&v);
	v = verdict_on(
	    401, ERROR("UNAUTHENTICATED", "API keys are not supported by this API.", ""));
	assert_relayed(&v);
}

/* ---- rows 9 to 16: credit, rights, things that are not there ---- */

static void
a_402_or_words_of_prepaid_credit_disable(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {
		{ 402, ERROR("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", "") },
		{ 402, ERROR("RESOURCE_EXHAUSTED", "new words", "") },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", "") },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "No Prepay Credit is left.", "") },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.",
			   RETRY("5s")) },
		{ 200, "{\"error\":{\"code\":402,\"message\":\"x\"}}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);

		assert_disabled(&v, OUTCOME_NO_CREDIT, false);
	}
}

/* Lesson 25: billing, not rate. */
static void
an_account_without_credits_is_disabled(void **state)
{
	struct verdict v =
	    verdict_on(429, SPENT(REASON("INSUFFICIENT_G1_CREDITS_BALANCE") "," RETRY("3s")));

	(void)state;
	assert_disabled(&v, OUTCOME_NO_CREDIT, false);
}

static void
a_suspended_a_leaked_or_a_denied_one_is_disabled_with_its_project(void **state)
{
	static const char *const bodies[] = {
		NO_ACCESS(
		    "Permission denied: Consumer 'api_key:AIzaSyA1234567' has been suspended.",
		    REASON("CONSUMER_SUSPENDED")),
		NO_ACCESS(
		    "Permission denied: Consumer 'api_key:AIzaSyA1234567' has been suspended.", ""),
		NO_ACCESS("new words", REASON("CONSUMER_SUSPENDED")),
		NO_ACCESS("Your API key was reported as leaked. Please use another API key.", ""),
		NO_ACCESS("Your project has been denied access. Please contact support.", ""),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(403, bodies[i]);

		assert_disabled(&v, OUTCOME_SUSPENDED, true);
	}
}

static void
a_disabled_api_a_blocked_key_or_an_unregistered_caller_is_disabled_alone(void **state)
{
	static const char *const bodies[] = {
		NO_ACCESS("Generative Language API has not been used in project 12345678 before or "
			  "it is disabled.",
		    REASON("SERVICE_DISABLED")),
		NO_ACCESS("Generative Language API has not been used in project 12345678 before or "
			  "it is disabled.",
		    ""),
		NO_ACCESS("x", REASON("BILLING_DISABLED")),
		NO_ACCESS("x", REASON("USER_PROJECT_DENIED")),
		NO_ACCESS("x", REASON("API_KEY_SERVICE_BLOCKED")),
		NO_ACCESS("x", REASON("API_KEY_HTTP_REFERRER_BLOCKED")),
		NO_ACCESS("x", REASON("API_KEY_IP_ADDRESS_BLOCKED")),
		NO_ACCESS("x", REASON("API_KEY_ANDROID_APP_BLOCKED")),
		NO_ACCESS("x", REASON("API_KEY_IOS_APP_BLOCKED")),
		NO_ACCESS("Method doesn't allow unregistered callers (callers without established "
			  "identity).",
		    ""),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(403, bodies[i]);

		assert_disabled(&v, OUTCOME_KEY_DENIED, false);
	}
}

static void
an_account_that_must_be_validated_is_disabled_and_its_link_kept(void **state)
{
	struct verdict v =
	    verdict_on(403, NO_ACCESS("Verify your account to continue.",
				INFO("VALIDATION_REQUIRED",
				    "\"validation_link\":\"https://accounts.google.com/v?x=1\"")));

	(void)state;
	assert_disabled(&v, OUTCOME_NEEDS_VALIDATION, false);
	assert_string_equal(fault.validation_link, "https://accounts.google.com/v?x=1");
}

static void
a_403_on_a_named_resource_is_relayed(void **state)
{
	static const char *const bodies[] = {
		NO_ACCESS(
		    "You do not have permission to access the File x or it may not exist.", ""),
		NO_ACCESS("You do not have permission to access tuned model tunedModels/x.", ""),
		NO_ACCESS("CachedContent not found (or permission denied)", ""),
		/* The name is the client's. */
		NO_ACCESS("You do not have permission to access the File has been suspended or it "
			  "may not exist.",
		    ""),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(403, bodies[i]);

		assert_relayed(&v);
	}
}

static void
any_other_403_freezes_the_model_for_half_an_hour_and_asks_one_other(void **state)
{
	static const char *const bodies[] = { NO_ACCESS("something new", ""),
		NO_ACCESS("x", REASON("ACCESS_TOKEN_SCOPE_INSUFFICIENT")),
		NO_ACCESS("x", REASON("SECURITY_POLICY_VIOLATED")), NO_ACCESS("", "") };

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(403, bodies[i]);

		assert_outcome(&v, OUTCOME_FORBIDDEN, true, false);
		assert_frozen_for(&v, FREEZE_OWN, 30 * MINUTE);
	}
	assert_facts(OUTCOME_FORBIDDEN, OUTCOME_BLAMES_NONE, OUTCOME_BREAKS_NONE, 1);
}

static void
a_404_of_the_model_freezes_it_for_a_day_and_asks_one_other(void **state)
{
	static const char *const bodies[] = {
		NOT_FOUND("gemini-5.0-flash", "generateContent"),
		NOT_FOUND("gemini-5.0-flash", "streamGenerateContent"),
		NOT_FOUND("gemini-5.0-flash", "countTokens"),
		NOT_FOUND("gemini-embedding-009", "embedContent"),
		NOT_FOUND("text-embedding-009", "batchEmbedContents"),
		ERROR("NOT_FOUND", "models/x is not found for API version v1beta", ""),
		ERROR("NOT_FOUND", "models/gemini-1.0-pro is no longer available.", ""),
		ERROR("NOT_FOUND", "This model models/x is no longer available to new users.", ""),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(404, bodies[i]);

		assert_outcome(&v, OUTCOME_MODEL_UNKNOWN, true, false);
		assert_frozen_for(&v, FREEZE_OWN, DAY);
	}
	assert_facts(OUTCOME_MODEL_UNKNOWN, OUTCOME_BLAMES_NONE, OUTCOME_BREAKS_NONE, 1);
}

/* Google has one sentence for both.  One client that asks a chat model to embed would take it from
 * everybody for a day. */
static void
a_404_of_a_method_that_the_model_does_not_have_freezes_nothing(void **state)
{
	static const char *const bodies[] = {
		NOT_FOUND("gemini-2.5-flash", "embedContent"),
		NOT_FOUND("gemini-2.5-flash", "predict"),
		NOT_FOUND("gemini-2.5-flash", "bidiGenerateContent"),
		NOT_FOUND("gemini-embedding-001", "generateContent"),
		NOT_FOUND("gemini-embedding-001", "countTokens"),
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(404, bodies[i]);

		assert_relayed(&v);
		outcome_err(v.outcome, &fault, &e);
		assert_int_equal(e.kind, ERR_MODEL_NOT_FOUND);
	}
}

static void
a_404_of_a_resource_is_relayed(void **state)
{
	static const char *const bodies[] = { ERROR("NOT_FOUND", "Not found: cache content", ""),
		ERROR("NOT_FOUND", "Requested entity was not found.", ""),
		ERROR("NOT_FOUND", "The File models/x is no longer available", ""),
		"<html>Error 404</html>", "" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(404, bodies[i]);

		assert_relayed(&v);
		outcome_err(v.outcome, &fault, &e);
		assert_int_equal(e.kind, ERR_NOT_FOUND);
	}
}

/* ---- rows 25 to 31: upstream's own trouble ---- */

static void
a_499_that_is_not_ours_blames_nobody_and_is_tried_once_more(void **state)
{
	struct verdict v = verdict_on(499, ERROR("CANCELLED", "The operation was cancelled.", ""));

	(void)state;
	assert_outcome(&v, OUTCOME_CANCELLED, true, true);
	assert_free(&v);
	assert_blames_nobody(OUTCOME_CANCELLED);
}

static void
a_500_counts_softly_against_credential_and_model_and_asks_two_others(void **state)
{
	static const int statuses[] = { 500, 502, 505, 507, 520, 599, 302 };

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct verdict v = verdict_on(statuses[i], "<html>Bad Gateway</html>");

		assert_outcome(&v, OUTCOME_SERVER_ERROR, true, true);
		assert_free(&v);
		v = verdict_on(statuses[i], ERROR("", "An internal error has occurred.", ""));
		assert_outcome(&v, OUTCOME_SERVER_ERROR, true, true);
	}
	assert_facts(OUTCOME_SERVER_ERROR, OUTCOME_BLAMES_FAILURE, OUTCOME_BREAKS_OWN, 2);
	assert_pause(OUTCOME_SERVER_ERROR, 250, 750);
}

static void
a_503_cools_the_model_and_no_credential(void **state)
{
	static const char *const bodies[] = {
		ERROR("UNAVAILABLE", "The model is overloaded. Please try again later.", ""),
		ERROR("UNAVAILABLE", "This model is currently experiencing high demand", ""),
		ERROR("UNAVAILABLE", "x", RETRY("30s")),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct verdict v = verdict_on(503, bodies[i]);

		assert_outcome(&v, OUTCOME_OVERLOADED, true, true);
		assert_free(&v);
	}
	assert_facts(OUTCOME_OVERLOADED, OUTCOME_BLAMES_NONE, OUTCOME_BREAKS_MODEL, 2);
	assert_pause(OUTCOME_OVERLOADED, 500, 1500);
}

static void
a_504_blames_nobody_and_asks_one_other(void **state)
{
	static const int statuses[] = { 504, 408 };

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct verdict v = verdict_on(
		    statuses[i], ERROR("DEADLINE_EXCEEDED", "The request timed out.", ""));

		assert_outcome(&v, OUTCOME_TIMED_OUT, true, false);
		assert_free(&v);
	}
	assert_facts(OUTCOME_TIMED_OUT, OUTCOME_BLAMES_NONE, OUTCOME_BREAKS_NONE, 1);
}

/* A key that hangs is not asked again and again; that Google itself was slow is another matter. */
static void
silence_counts_against_the_credential_as_a_whole(void **state)
{
	static const enum fetch_result results[] = { FETCH_CONNECT_SLOW, FETCH_FIRST_BYTE_SLOW,
		FETCH_IDLE };

	(void)state;
	for (size_t i = 0; i < COUNT(results); i++) {
		struct verdict v = outcome_of_fetch(results[i]);

		assert_outcome(&v, OUTCOME_SILENT, true, false);
		assert_free(&v);
	}
	assert_facts(OUTCOME_SILENT, OUTCOME_BLAMES_FAILURE, OUTCOME_BREAKS_WHOLE, 1);
}

static void
an_empty_answer_blames_nobody_and_asks_one_other(void **state)
{
	(void)state;
	assert_facts(OUTCOME_EMPTY, OUTCOME_BLAMES_NONE, OUTCOME_BREAKS_NONE, 1);
}

static void
a_blocked_prompt_is_an_answer(void **state)
{
	static const struct {
		const char *body;
		bool says;
	} rows[] = { { "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", true },
		{ "{\"candidates\":[]}", false },
		{ "{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}", false } };
	struct chunk k;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(chunk_parse(span_of(rows[i].body), OP_GENERATE, arena, &k, &e));
		assert_int_equal(chunk_says_something(&k, OP_GENERATE), rows[i].says);
	}
}

static void
an_error_amid_a_stream_freezes_as_one_before_it(void **state)
{
	struct verdict v = verdict_on(
	    200, "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[" QUOTA(
		     V_OF(RPM, "2")) "," RETRY("56s") "]}}");

	(void)state;
	assert_outcome(&v, OUTCOME_QUOTA_MINUTE, true, true);
	assert_frozen_for(&v, FREEZE_QUOTA, 56 * S);
	v = verdict_on(200, SPENT(QUOTA(V(RPD))));
	assert_frozen_until_midnight(&v);
	v = verdict_on(200, ERROR("UNAVAILABLE", "The model is overloaded.", ""));
	assert_outcome(&v, OUTCOME_OVERLOADED, true, true);
	v = verdict_on(200, "{\"error\":{\"code\":499,\"message\":\"The operation was "
			    "cancelled.\",\"status\":\"CANCELLED\"}}");
	assert_outcome(&v, OUTCOME_CANCELLED, true, true);
	v = verdict_on(200, "{\"error\":{\"message\":\"?\"}}");
	assert_outcome(&v, OUTCOME_SERVER_ERROR, true, true);
}

static void
an_answer_that_breaks_off_counts_against_credential_and_model(void **state)
{
	static const enum fetch_result results[] = { FETCH_CUT, FETCH_PROTOCOL };

	(void)state;
	for (size_t i = 0; i < COUNT(results); i++) {
		struct verdict v = outcome_of_fetch(results[i]);

		assert_outcome(&v, OUTCOME_GARBLED, true, true);
		assert_free(&v);
	}
	assert_facts(OUTCOME_GARBLED, OUTCOME_BLAMES_FAILURE, OUTCOME_BREAKS_OWN, 0);
	assert_facts(OUTCOME_BROKE_OFF, OUTCOME_BLAMES_FAILURE, OUTCOME_BREAKS_OWN, 0);
}

/* What was reset may have been read. */
static void
only_what_had_no_connection_was_surely_not_sent(void **state)
{
	static const struct {
		enum fetch_result result;
		bool unsent;
	} rows[] = { { FETCH_OK, false }, { FETCH_DNS, true }, { FETCH_CONNECT, true },
		{ FETCH_CONNECT_SLOW, true }, { FETCH_TLS, true }, { FETCH_FORBIDDEN, true },
		{ FETCH_REFUSED, true }, { FETCH_RESET, false }, { FETCH_CUT, false },
		{ FETCH_PROTOCOL, false }, { FETCH_FIRST_BYTE_SLOW, false }, { FETCH_IDLE, false },
		{ FETCH_TOTAL_SLOW, false } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(outcome_of_fetch(rows[i].result).unsent, rows[i].unsent);
}

static void
what_upstream_has_no_part_in_blames_nobody(void **state)
{
	static const struct {
		enum fetch_result result;
		enum outcome outcome;
	} rows[] = { { FETCH_OK, OUTCOME_OK }, { FETCH_TOTAL_SLOW, OUTCOME_OUT_OF_TIME },
		{ FETCH_REFUSED, OUTCOME_REFUSED } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = outcome_of_fetch(rows[i].result);

		assert_outcome(&v, rows[i].outcome, false, false);
		assert_free(&v);
		assert_blames_nobody(rows[i].outcome);
	}
	assert_blames_nobody(OUTCOME_DROPPED);
}

/* ---- hostile and absurd ---- */

/* No client is to talk us out of a credential. */
static void
words_that_a_client_may_have_written_decide_nothing(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum outcome outcome;
	} rows[] = {
		{ 400, BAD("Invalid JSON payload received. Unknown name \\\"API key not valid\\\""),
		    OUTCOME_REFUSED },
		{ 400, ERROR("FAILED_PRECONDITION", "x: User location is not supported", ""),
		    OUTCOME_REFUSED },
		{ 403, NO_ACCESS("No: Your API key was reported as leaked", ""),
		    OUTCOME_FORBIDDEN },
		{ 403, NO_ACCESS("The File has been suspended.", ""), OUTCOME_FORBIDDEN },
		{ 403, NO_ACCESS("Permission denied: Consumer 'x' is something new.", ""),
		    OUTCOME_FORBIDDEN },
		{ 403, NO_ACCESS("x CONSUMER_SUSPENDED SERVICE_DISABLED", ""), OUTCOME_FORBIDDEN },
		{ 403, NO_ACCESS("x", REASON("API_KEY_NEW")), OUTCOME_FORBIDDEN },
		{ 404, ERROR("NOT_FOUND", "File models/x is not found", ""), OUTCOME_REFUSED },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "Slow down. Not prepay credits", ""),
		    OUTCOME_QUOTA_VAGUE },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "Model 'prepay credits' is busy", ""),
		    OUTCOME_QUOTA_VAGUE },
		{ 429, ERROR("RESOURCE_EXHAUSTED", "Busy. No capacity available", ""),
		    OUTCOME_QUOTA_VAGUE },
		{ 503, ERROR("UNAVAILABLE", "API key not valid", REASON("API_KEY_INVALID")),
		    OUTCOME_OVERLOADED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict v = verdict_on(rows[i].status, rows[i].body);

		if (v.outcome != rows[i].outcome)
			fail_msg("row %zu: %s", i, outcome_name(v.outcome));
		assert_false(v.disable);
	}
}

static void
a_portal_on_the_way_knows_nothing_of_our_credentials(void **state)
{
	static const int statuses[] = { 401, 402, 403, 503 };

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct verdict v = verdict_on(statuses[i], "<html>log in here</html>");

		assert_outcome(&v, OUTCOME_SERVER_ERROR, true, true);
		assert_free(&v);
	}
	struct verdict v = verdict_on(400, "API key not valid. Please pass a valid API key.");

	assert_relayed(&v);
	v = verdict_on(429, "Your prepayment credits are depleted.");
	assert_outcome(&v, OUTCOME_QUOTA_VAGUE, true, false);
}

static void
the_status_of_the_answer_outranks_the_code_in_it(void **state)
{
	struct verdict v =
	    verdict_on(500, "{\"error\":{\"code\":403,\"message\":\"Your API key was "
			    "reported as leaked\"}}");

	(void)state;
	assert_outcome(&v, OUTCOME_SERVER_ERROR, true, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_transport_error_before_the_answer_counts_against_the_credential_as_a_whole),
		T(a_key_that_is_invalid_or_expired_is_disabled),
		T(a_place_that_is_not_served_freezes_the_credential_as_a_whole_for_a_day),
		T(a_refused_thought_signature_blames_nobody_and_can_be_mended),
		T(a_refused_option_blames_nobody_and_can_be_stripped),
		T(any_other_400_413_or_501_is_relayed),
		T(a_401_of_an_account_keeps_its_reason_so_that_the_token_can_be_refreshed),
		T(a_401_disables_an_api_key),
		T(a_401_of_a_method_that_takes_no_api_keys_is_relayed),
		T(a_402_or_words_of_prepaid_credit_disable),
		T(an_account_without_credits_is_disabled),
		T(a_suspended_a_leaked_or_a_denied_one_is_disabled_with_its_project),
		T(a_disabled_api_a_blocked_key_or_an_unregistered_caller_is_disabled_alone),
		T(an_account_that_must_be_validated_is_disabled_and_its_link_kept),
		T(a_403_on_a_named_resource_is_relayed),
		T(any_other_403_freezes_the_model_for_half_an_hour_and_asks_one_other),
		T(a_404_of_the_model_freezes_it_for_a_day_and_asks_one_other),
		T(a_404_of_a_method_that_the_model_does_not_have_freezes_nothing),
		T(a_404_of_a_resource_is_relayed),
		T(a_499_that_is_not_ours_blames_nobody_and_is_tried_once_more),
		T(a_500_counts_softly_against_credential_and_model_and_asks_two_others),
		T(a_503_cools_the_model_and_no_credential),
		T(a_504_blames_nobody_and_asks_one_other),
		T(silence_counts_against_the_credential_as_a_whole),
		T(an_empty_answer_blames_nobody_and_asks_one_other),
		T(a_blocked_prompt_is_an_answer),
		T(an_error_amid_a_stream_freezes_as_one_before_it),
		T(an_answer_that_breaks_off_counts_against_credential_and_model),
		T(only_what_had_no_connection_was_surely_not_sent),
		T(what_upstream_has_no_part_in_blames_nobody),
		T(words_that_a_client_may_have_written_decide_nothing),
		T(a_portal_on_the_way_knows_nothing_of_our_credentials),
		T(the_status_of_the_answer_outranks_the_code_in_it),
	};

	return cmocka_run_group_tests_name("upstream/outcome", tests, NULL, NULL);
}
