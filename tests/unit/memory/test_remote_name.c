/*
 * Names of what lives at Google: which are any, and where requests and answers have them.
 */
#include "tests/unit/unit.h"

#include "memory/remote_name.h"
#include "tests/unit/gemini/pieces.h"

#define BASE   SPAN("http://127.0.0.1:8080/")
#define GOOGLE "https://generativelanguage.googleapis.com"

static int
setup(void **state)
{
	*state = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	arena_free((struct arena **)state);
	return 0;
}

static void
assert_text(struct span is, const char *wanted, const char *of)
{
	if (!span_is(is, wanted))
		fail_msg("%s: \"%.*s\"", of, SPAN_ARG(is));
}

static void
what_can_have_an_owner_is_a_name(void **state)
{
	static const char *const names[] = { "files/abc-123", "files/a", "cachedContents/x_1",
		"batches/b", "operations/o", "tunedModels/t", "fileSearchStores/s",
		"fileSearchStores/s/documents/d", "fileSearchStores/s/upload/operations/o",
		"fileSearchStores/s/operations/o", "corpora/c/documents/d/chunks/k",
		"models/veo-3.0/operations/op-1", "tunedModels/t/operations/o",
		"generatedFiles/g" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (!remote_name_is_valid(span_of(names[i])))
			fail_msg("%s", names[i]);
}

static void
all_else_is_no_name(void **state)
{
	static const char *const names[] = { "", "files", "files/", "/files/a", "files/a/",
		"files//a", "files/a b", "files/a:download", "files/a?b", "files/../x", "files/..",
		"files/.", "files/%2e", "files/a\n", "Files/a", "models/gemini-2.5-flash", "models",
		"things/x", "files/a/b", "operations", "tunedModels/t/operations",
		"auth_tokens/secret", "files/a/b/c/d/e/f/g/h/i",
		"https://generativelanguage.googleapis.com/v1beta/files/a", "files/\xC3\xA9",
		"projects/p/locations/l" };
	char longest[REMOTE_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (remote_name_is_valid(span_of(names[i])))
			fail_msg("%s", names[i]);
	assert_false(remote_name_is_valid(SPAN_NONE));
	assert_false(remote_name_is_valid(SPAN("files/a\0b")));
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "files/", 6);
	assert_true(remote_name_is_valid(span_mem(longest, REMOTE_NAME_MAX)));
	assert_false(remote_name_is_valid(span_mem(longest, REMOTE_NAME_MAX + 1)));
}

static void
some_stay_until_they_are_deleted(void **state)
{
	(void)state;
	assert_true(remote_name_is_lasting(SPAN("tunedModels/t")));
	assert_true(remote_name_is_lasting(SPAN("fileSearchStores/s/documents/d")));
	assert_false(remote_name_is_lasting(SPAN("files/f")));
	assert_false(remote_name_is_lasting(SPAN("tunedModelsX/f")));
}

static void
a_part_has_a_whole(void **state)
{
	static const struct {
		const char *name, *parent;
	} cases[] = {
		{ "fileSearchStores/s/documents/d", "fileSearchStores/s" },
		{ "fileSearchStores/s/upload/operations/o", "fileSearchStores/s" },
		{ "tunedModels/t/operations/o", "tunedModels/t" },
		{ "corpora/c/documents/d/chunks/k", "corpora/c/documents/d" },
		{ "models/m/operations/o", "" },
		{ "files/f", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_text(
		    remote_name_parent(span_of(cases[i].name)), cases[i].parent, cases[i].name);
}

static void
a_path_names_what_it_leads_to(void **state)
{
	static const struct {
		const char *path, *name;
	} cases[] = {
		{ "/v1beta/files/f-1", "files/f-1" },
		{ "/v1beta/files/f-1/", "files/f-1" },
		{ "/v1beta/files/f-1:download", "files/f-1" },
		{ "/v1alpha/files/f-1", "files/f-1" },
		{ "/download/v1beta/files/f-1:download", "files/f-1" },
		{ "/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore",
		    "fileSearchStores/s" },
		{ "/v1beta/fileSearchStores/s/documents", "fileSearchStores/s" },
		{ "/v1beta/fileSearchStores/s/documents/d", "fileSearchStores/s/documents/d" },
		{ "/v1beta/models/veo-3/operations/op-1", "models/veo-3/operations/op-1" },
		{ "/v1beta/operations/op-1:cancel", "operations/op-1" },
		{ "/v1beta/tunedModels/t-1:generateContent", "tunedModels/t-1" },
		{ "/v1beta/tunedModels/t-1/permissions", "tunedModels/t-1" },
		{ "/v1beta/batches/b:updateGenerateContentBatch", "batches/b" },
		{ "/v1beta/files", "" },
		{ "/v1beta/files:register", "" },
		{ "/v1beta/models/gemini-2.5-flash:generateContent", "" },
		{ "/upload/v1beta/files", "" },
		{ "/v1beta", "" },
		{ "/v1beta/", "" },
		{ "/files/f-1", "" },
		{ "v1beta/files/f-1", "" },
		{ "/v1beta//files/f-1", "" },
		{ "/v1beta/files/f 1", "" },
		{ "/", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_text(
		    remote_name_of_path(span_of(cases[i].path)), cases[i].name, cases[i].path);
}

static void
a_uri_is_googles_or_below_the_base_or_somebody_elses(void **state)
{
	static const struct {
		const char *uri, *name;
	} cases[] = {
		{ "files/f-1", "files/f-1" },
		{ GOOGLE "/v1beta/files/f-1", "files/f-1" },
		{ GOOGLE "/v1beta/files/f-1:download?alt=media", "files/f-1" },
		{ "HTTPS://GenerativeLanguage.GoogleAPIs.com/v1beta/files/f-1", "files/f-1" },
		{ "http://127.0.0.1:8080/v1beta/files/f-1", "files/f-1" },
		{ "http://127.0.0.1:80801/v1beta/files/f-1", "" },
		{ "http://127.0.0.1:8080", "" },
		{ GOOGLE ".evil.example/v1beta/files/f-1", "" },
		{ GOOGLE "@evil.example/v1beta/files/f-1", "" },
		{ "https://example.com/v1beta/files/f-1", "" },
		{ "https://www.youtube.com/watch?v=files/f-1", "" },
		{ "gs://bucket/files/f-1", "" },
		{ GOOGLE "/v1beta/models/gemini", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_text(
		    remote_name_of_uri(span_of(cases[i].uri), BASE), cases[i].name, cases[i].uri);
	assert_int_equal(remote_name_of_uri(SPAN("/v1beta/files/f"), SPAN_NONE).len, 0);
}

/* ---- requests ---- */

/* The names that a body has, parted by blanks, wherever it is cut. */
static void
assert_names(struct arena *a, const char *text, const char *wanted)
{
	for (size_t bytes = 1; bytes <= strlen(text) + 1; bytes += 1 + bytes / 3) {
		struct body b = pieces_of(a, span_of(text), bytes);
		struct remote_names names;
		struct buf told = BUF_INIT;

		remote_names_init(&names);
		remote_names_of_body(&names, &b, BASE);
		for (size_t i = 0; i < names.n; i++)
			buf_printf(&told, "%s%.*s", i > 0 ? " " : "", SPAN_ARG(names.names[i]));
		assert_text(buf_span(&told), wanted, text);
		buf_fini(&told);
	}
}

static void
a_body_names_files_caches_and_stores(void **state)
{
	static const struct {
		const char *text, *names;
	} cases[] = {
		{ "{\"contents\":[{\"parts\":[{\"fileData\":{\"mimeType\":\"image/"
		  "png\",\"fileUri\":"
		  "\"" GOOGLE "/v1beta/files/a\"}},{\"file_data\":{\"file_uri\":\"files/b\"}}]}],"
		  "\"cachedContent\":\"cachedContents/c\"}",
		    "files/a files/b cachedContents/c" },
		{ "{\"cached_content\":\"cachedContents/c\"}", "cachedContents/c" },
		{ "{\"fileUri\":\"https:\\/\\/generativelanguage.googleapis.com\\/v1beta\\/files\\/"
		  "a\"}",
		    "files/a" },
		{ "{\"fileUri\":\"files/a\",\"x\":{\"fileUri\":\"files/a\"}}", "files/a" },
		{ "{\"tools\":[{\"fileSearch\":{\"fileSearchStoreNames\":[\"fileSearchStores/s\","
		  "\"fileSearchStores/t\",7],\"topK\":3}}]}",
		    "fileSearchStores/s fileSearchStores/t" },
		{ "{\"batch\":{\"displayName\":\"files/no\",\"inputConfig\":{\"fileName\":\"files/"
		  "in\"}}}",
		    "files/in" },
		{ "{\"batch\":{\"input_config\":{\"requests\":{\"requests\":[{\"request\":{"
		  "\"contents\":"
		  "[{\"parts\":[{\"fileData\":{\"fileUri\":\"files/a\"}}]}]}}]}}}}",
		    "files/a" },
		{ "{\"model\":\"tunedModels/t\",\"contents\":[]}", "tunedModels/t" },
		{ "{\"instances\":[{\"video\":{\"uri\":\"" GOOGLE
		  "/v1beta/files/v:download?alt=media\"}}]}",
		    "files/v" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_names(*state, cases[i].text, cases[i].names);
}

static void
what_is_no_name_of_googles_is_left_alone(void **state)
{
	static const char *const texts[] = {
		"{\"contents\":[{\"parts\":[{\"text\":\"see files/a and cachedContents/c\"}]}]}",
		"{\"fileUri\":\"https://www.youtube.com/watch?v=1\"}",
		"{\"fileUri\":\"gs://bucket/files/a\"}",
		"{\"fileUri\":{\"x\":\"files/a\"}}",
		"{\"fileUri\":null}",
		"{\"model\":\"models/gemini-2.5-flash\"}",
		"{\"contents\":[{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{"
		"\"fileUri\":"
		"\"files/a\"}}},{\"functionResponse\":{\"response\":{\"fileUri\":\"files/"
		"b\"}}}]}]}",
		"{\"tools\":[{\"functionDeclarations\":[{\"parameters\":{\"properties\":{"
		"\"fileUri\":"
		"{\"default\":\"files/a\"}}}}]}]}",
		"{\"tools\":[{\"function_declarations\":[{\"fileUri\":\"files/a\"}]}]}",
		"{\"contents\":[{}],\"x\":[\"files/a\"]}",
		"--boundary\r\ncontent-type: application/json\r\n\r\n{\"fileUri\":\"files/a\"}",
		"",
		"\"files/a\"",
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_names(*state, texts[i], "");
}

static void
of_too_many_or_too_long_names_some_are_left_out(void **state)
{
	struct buf text = BUF_INIT;
	struct remote_names names;
	struct body b;

	buf_add_lit(&text, "[");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "%s{\"fileUri\":\"files/f%d\"}", i ? "," : "", i);
	buf_add_lit(&text, "]");
	b = body_of(*state, buf_span(&text));
	remote_names_init(&names);
	remote_names_of_body(&names, &b, BASE);
	assert_int_equal(names.n, REMOTE_NAMES);

	buf_clear(&text);
	buf_add_lit(&text, "[");
	for (int i = 0; i < 64; i++)
		buf_printf(&text, "%s{\"fileUri\":\"files/%0190d\"}", i ? "," : "", i);
	buf_add_lit(&text, ",{\"fileUri\":\"");
	for (int i = 0; i < 100000; i++)
		buf_add_lit(&text, "files/");
	buf_add_lit(&text, "\"},{\"fileUri\":\"files/short\"}]");
	b = body_of(*state, buf_span(&text));
	remote_names_init(&names);
	remote_names_of_body(&names, &b, BASE);
	assert_in_range(names.n, 16, 32);
	assert_text(names.names[names.n - 1], "files/short", "the last one");
	buf_fini(&text);
}

/* ---- answers ---- */

static void
assert_shown(struct arena *a, const char *answer, const char *wanted)
{
	struct remote_shown shown[8];
	size_t n = remote_names_of_answer(span_of(answer), a, shown, COUNT(shown));
	struct buf told = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		buf_printf(&told, "%s%.*s", i > 0 ? " " : "", SPAN_ARG(shown[i].name));
		if (shown[i].until_wall_ms > 0)
			buf_printf(&told, "@%lld", (long long)shown[i].until_wall_ms);
	}
	assert_text(buf_span(&told), wanted, answer);
	buf_fini(&told);
}

static void
an_answer_shows_objects(void **state)
{
	static const struct {
		const char *answer, *shown;
	} cases[] = {
		{ "{\"file\":{\"name\":\"files/a\",\"mimeType\":\"image/png\",\"uri\":\"" GOOGLE
		  "/v1beta/files/a\",\"expirationTime\":\"2026-01-02T03:04:05.678Z\"}}",
		    "files/a@1767323045678" },
		{ "{\"uri\":\"" GOOGLE
		  "/v1beta/files/a\",\"expirationTime\":\"2026-01-02T03:04:05Z\","
		  "\"name\":\"files/a\"}",
		    "files/a@1767323045000" },
		{ "{\"name\":\"cachedContents/c\",\"model\":\"models/m\",\"expireTime\":"
		  "\"2026-01-02T03:04:05Z\",\"usageMetadata\":{\"totalTokenCount\":1}}",
		    "cachedContents/c@1767323045000" },
		{ "{\"files\":[{\"name\":\"files/a\"},{\"name\":\"files/"
		  "b\"}],\"nextPageToken\":\"x\"}",
		    "files/a files/b" },
		{ "{\"cachedContents\":[{\"name\":\"cachedContents/c\"}]}", "cachedContents/c" },
		{ "{\"name\":\"models/veo-3/operations/o\"}", "models/veo-3/operations/o" },
		{ "{\"name\":\"batches/b\",\"metadata\":{\"name\":\"batches/b\",\"output\":"
		  "{\"responsesFile\":\"files/"
		  "out\"}},\"done\":true,\"response\":{\"responsesFile\":"
		  "\"files/out\"}}",
		    "files/out batches/b" },
		{ "{\"operations\":[{\"name\":\"batches/b\"}]}", "batches/b" },
		{ "{\"name\":\"models/v/operations/o\",\"done\":true,\"response\":{"
		  "\"generateVideoResponse\":{\"generatedSamples\":[{\"video\":{\"uri\":\"" GOOGLE
		  "/v1beta/files/v:download?alt=media\"}}]}}}",
		    "files/v models/v/operations/o" },
		{ "{\"name\":\"tunedModels/t/operations/o\",\"metadata\":{\"tunedModel\":"
		  "\"tunedModels/t\"}}",
		    "tunedModels/t tunedModels/t/operations/o" },
		{ "{\"name\":\"files\\/a\"}", "files/a" },
		{ "[{\"name\":\"files/a\"},{\"name\":\"files/b\"}]", "files/a files/b" },
		{ "{\"name\":\"files/a\",\"expirationTime\":\"in an hour\"}", "files/a" },
		{ "{\"name\":\"files/a\",\"expirationTime\":17}", "files/a" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_shown(*state, cases[i].answer, cases[i].shown);
}

/* A model, or a client, may put any names into what is only its own words. */
static void
what_was_said_is_not_shown(void **state)
{
	static const char *const answers[] = {
		"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"files/a\","
		"\"args\":{\"name\":\"files/b\"}}}]}}]}",
		"{\"name\":\"models/m\",\"metadata\":{\"output\":{\"inlinedResponses\":{"
		"\"inlinedResponses\":[{\"response\":{\"name\":\"files/a\"},\"metadata\":{\"name\":"
		"\"files/b\"}}]}}}}",
		"{\"models\":[{\"name\":\"models/gemini\"}]}",
		"{\"displayName\":\"files/a\"}",
		"{\"name\":\"auth_tokens/a\"}",
		"{\"name\":null,\"file\":\"files/a\",\"files\":[\"files/a\",[7]]}",
		"{\"name\":\"files/a\"",
		"{\"name\":\"files/a\"}}",
		"{\"name\":\"files/a\",\"files\":[{\"name\":\"files/b\"}]x}",
		"",
		"\"files/a\"",
		"<html>",
	};

	for (size_t i = 0; i < COUNT(answers); i++)
		assert_shown(*state, answers[i], "");
}

static void
a_long_list_is_read_as_far_as_there_is_room(void **state)
{
	struct buf text = BUF_INIT;
	struct remote_shown shown[8];

	buf_add_lit(&text, "{\"files\":[");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "%s{\"name\":\"files/f%d\"}", i ? "," : "", i);
	buf_add_lit(&text, "]}");
	assert_int_equal(remote_names_of_answer(buf_span(&text), *state, shown, 8), 8);
	buf_fini(&text);
}

static void
depth_is_bounded(void **state)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < 100; i++)
		buf_add_lit(&text, "{\"metadata\":");
	buf_add_lit(&text, "{\"name\":\"files/a\"}");
	for (int i = 0; i < 100; i++)
		buf_add_lit(&text, "}");
	assert_shown(*state, buf_text(&text), "");
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(what_can_have_an_owner_is_a_name),
		CASE(all_else_is_no_name),
		CASE(some_stay_until_they_are_deleted),
		CASE(a_part_has_a_whole),
		CASE(a_path_names_what_it_leads_to),
		CASE(a_uri_is_googles_or_below_the_base_or_somebody_elses),
		CASE(a_body_names_files_caches_and_stores),
		CASE(what_is_no_name_of_googles_is_left_alone),
		CASE(of_too_many_or_too_long_names_some_are_left_out),
		CASE(an_answer_shows_objects),
		CASE(what_was_said_is_not_shown),
		CASE(a_long_list_is_read_as_far_as_there_is_room),
		CASE(depth_is_bounded),
	};

	return cmocka_run_group_tests_name("memory/remote_name", tests, NULL, NULL);
}
