/*
 * Recorded answers of Gemini, through the reader and the dialect of OpenAI's chat.  They lie in
 * gemini-recorded under the directory that POLLUX_DATA names; without it these tests are
 * skipped.
 */
#include "dialect/openai_chat.h"

#include <dirent.h>
#include "base/json.h"
#include "base/scan.h"
#include "tests/unit/unit.h"

#define MAX_BYTES (1 << 20)

typedef void file_fn(const char *path, struct span text);

/* ---- files ---- */

static struct span
file_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = BUF_INIT;
	char room[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(room, 1, sizeof(room), f)) > 0)
		buf_add(&b, room, n);
	fclose(f);
	return buf_span(&b);
}

static int
each_in(const char *folder, const char *prefix, const char *suffix, file_fn *fn)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		struct span name = span_of(entry->d_name), text;
		char path[4096];

		if (!span_starts(name, prefix) || !span_ends(name, suffix))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		text = file_read(path);
		fn(path, text);
		free((char *)text.p);
		count++;
	}
	closedir(d);
	return count;
}

static void
each_recording(const char *prefix, const char *suffix, file_fn *fn)
{
	static const char *const surfaces[] = { "googleai", "vertexai" };
	const char *data = getenv("POLLUX_DATA");
	int count = 0;

	if (data == NULL || data[0] == '\0') {
		print_message("skipped: POLLUX_DATA is not set\n");
		skip();
	}
	for (size_t i = 0; i < COUNT(surfaces); i++) {
		char folder[2048];

		snprintf(folder, sizeof(folder), "%s/gemini-recorded/%s", data, surfaces[i]);
		count += each_in(folder, prefix, suffix, fn);
	}
	assert_true(count > 0);
}

/* ---- answers ---- */

struct replay {
	struct arena *arena;
	struct chat_notes notes;
	struct call call;
	struct buf bytes;
	struct dialect_out out;
	struct err err;
	struct fault fault;
	bool has_candidates, failed;
};

static void
replay_init(struct replay *r, bool stream)
{
	*r = (struct replay){ .arena = arena_new(0),
		.notes = { .include_usage = true, .logprobs = true } };
	r->call = (struct call){ .op = stream ? OP_STREAM : OP_GENERATE,
		.stream = stream,
		.framing = stream ? FRAMING_SSE : FRAMING_UNARY,
		.model_asked = SPAN("gemini-x"),
		.parts = 1,
		.choices = 1,
		.notes = &r->notes };
	r->out = (struct dialect_out){ .dialect = &dialect_openai_chat,
		.arena = r->arena,
		.bytes = &r->bytes,
		.call = &r->call,
		.request_id = "req1",
		.created_s = 1700000000 };
}

static void
replay_fini(struct replay *r)
{
	arena_free(&r->arena);
	buf_fini(&r->bytes);
}

static bool
replay_chunk(void *ctx, const struct chunk *k)
{
	struct replay *r = ctx;

	r->has_candidates =
	    r->has_candidates || k->candidate_count > 0 || k->block_reason.p != NULL;
	if (k->error.p == NULL) {
		dialect_openai_chat.encode(&r->out, k);
		return true;
	}
	fault_parse(200, k->raw, r->arena, &r->fault);
	r->out.fault = &r->fault;
	return err_set(&r->err, ERR_UPSTREAM, "an error amid the stream");
}

/* As the exchange does it: chunks, then the end or the failure. */
static void
replay_stream(struct replay *r, struct span text, size_t split)
{
	struct chunk_reader *reader =
	    chunk_reader_new(FRAMING_SSE, OP_STREAM, MAX_BYTES, replay_chunk, r);
	bool ok = chunk_reader_feed(reader, span_mem(text.p, split), &r->err) &&
		  chunk_reader_feed(reader, span_mem(text.p + split, text.len - split), &r->err) &&
		  chunk_reader_finish(reader, &r->err) &&
		  dialect_openai_chat.finish(&r->out, &r->err);

	r->failed = !ok;
	r->out.begun = r->bytes.len > 0;
	if (!ok)
		(dialect_openai_chat.fail)(&r->out, &r->err); /* cmocka has a macro of that name */
	chunk_reader_free(&reader);
}

/* ---- what must hold of every stream ---- */

static int
times(const char *text, const char *words)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, words)) != NULL; p += strlen(words))
		n++;
	return n;
}

static void
check_events(const char *path, const struct replay *r)
{
	struct span rest = buf_span(&r->bytes);

	if (!r->out.begun) {
		if (!scan_check(rest, NULL, NULL))
			fail_msg("%s: %.*s", path, SPAN_ARG(rest));
		return;
	}
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		if (!span_starts(line, "data: "))
			fail_msg("%s: no event: %.*s", path, SPAN_ARG(line));
		line = span_mem(line.p + 6, line.len - 6);
		if (!span_is(line, "[DONE]") && !scan_check(line, NULL, NULL))
			fail_msg("%s: no JSON: %.*s", path, SPAN_ARG(line));
		assert_int_equal(span_cut(&rest, '\n').len, 0);
	}
}

static void
check_end(const char *path, const struct replay *r)
{
	const char *text = buf_text(&r->bytes);
	int choices = times(text, "\"role\":\"assistant\"");
	int finished = times(text, ",\"finish_reason\":\"");

	if (times(text, "[DONE]") != !r->failed || times(text, "\"error\":{") != r->failed ||
	    finished != (r->failed ? 0 : choices))
		fail_msg("%s: %s", path, text);
	if (!r->failed)
		assert_int_equal(times(text, "\"usage\":{"), 1);
}

/* Under valgrind, which takes fifty times as long, every hundredth split has to do. */
static size_t
stride(void)
{
	return getenv("POLLUX_WRAPPER") != NULL ? 101 : 1;
}

static void
replay_at_every_split(const char *path, struct span text)
{
	struct replay whole;

	replay_init(&whole, true);
	replay_stream(&whole, text, text.len);
	check_events(path, &whole);
	check_end(path, &whole);
	/* What was recorded as a success succeeds, where it has not lost its end. */
	if (strstr(path, "success") != NULL && span_has(text, "finishReason") && whole.failed)
		fail_msg("%s: %s", path, whole.err.text);
	for (size_t split = 0; split < text.len; split += stride()) {
		struct replay again;

		replay_init(&again, true);
		replay_stream(&again, text, split);
		if (!span_eq(buf_span(&again.bytes), buf_span(&whole.bytes)))
			fail_msg("%s, split at %zu:\n%s\ninstead of\n%s", path, split,
			    buf_text(&again.bytes), buf_text(&whole.bytes));
		replay_fini(&again);
	}
	replay_fini(&whole);
}

static void
recorded_streams_give_the_same_at_every_split(void **state)
{
	(void)state;
	each_recording("streaming-", ".txt", replay_at_every_split);
}

static void
replay_line_ends(const char *path, struct span text)
{
	struct replay whole, other;
	struct buf turned = BUF_INIT;
	bool has_cr = memchr(text.p, '\r', text.len) != NULL;

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n' && !has_cr)
			buf_add_char(&turned, '\r');
		if (text.p[i] != '\r')
			buf_add_char(&turned, text.p[i]);
	}
	replay_init(&whole, true);
	replay_init(&other, true);
	replay_stream(&whole, text, text.len);
	replay_stream(&other, buf_span(&turned), 0);
	if (!span_eq(buf_span(&other.bytes), buf_span(&whole.bytes)))
		fail_msg("%s", path);
	replay_fini(&whole);
	replay_fini(&other);
	buf_fini(&turned);
}

static void
recorded_streams_give_the_same_with_other_line_ends(void **state)
{
	(void)state;
	each_recording("streaming-", ".txt", replay_line_ends);
}

/* ---- plain answers ---- */

static bool
replay_plain_split(struct replay *r, struct span text, size_t split)
{
	struct chunk_reader *reader;
	bool ok;

	replay_init(r, false);
	reader = chunk_reader_new(FRAMING_UNARY, OP_GENERATE, MAX_BYTES, replay_chunk, r);
	ok = chunk_reader_feed(reader, span_mem(text.p, split), &r->err) &&
	     chunk_reader_feed(reader, span_mem(text.p + split, text.len - split), &r->err) &&
	     chunk_reader_finish(reader, &r->err);
	chunk_reader_free(&reader);
	return ok;
}

static void
replay_plain(const char *path, struct span text)
{
	struct replay r;
	bool ok = replay_plain_split(&r, text, text.len);

	if (r.out.fault != NULL) {
		assert_true(r.fault.is_json);
		assert_in_range(r.fault.code, 400, 599);
		assert_true(scan_check(r.fault.body, NULL, NULL));
		assert_false(span_has(r.fault.body, "DebugInfo"));
	} else if (!ok) {
		fail_msg("%s: %s", path, r.err.text);
	} else if (dialect_openai_chat.finish(&r.out, &r.err) != r.has_candidates) {
		fail_msg("%s: %s", path, r.err.text);
	}
	assert_true(r.bytes.len == 0 || scan_check(buf_span(&r.bytes), NULL, NULL));
	replay_fini(&r);
}

static void
recorded_plain_answers_are_understood(void **state)
{
	(void)state;
	each_recording("unary-", ".json", replay_plain);
}

/* A plain answer is held until it is whole, so that it is split only around its line ends. */
static void
replay_plain_at_line_ends(const char *path, struct span text)
{
	struct replay whole, again;

	if (!replay_plain_split(&whole, text, text.len) || whole.out.fault != NULL ||
	    !dialect_openai_chat.finish(&whole.out, &whole.err)) {
		replay_fini(&whole);
		return;
	}
	size_t most = stride() > 1 ? 4 : 64;

	for (size_t split = 1, ends = 0; split < text.len && ends < most; split++) {
		if (text.p[split - 1] != '\n' && text.p[split] != '\n')
			continue;
		ends++;
		assert_true(replay_plain_split(&again, text, split));
		assert_true(dialect_openai_chat.finish(&again.out, &again.err));
		if (!span_eq(buf_span(&again.bytes), buf_span(&whole.bytes)))
			fail_msg("%s, split at %zu", path, split);
		replay_fini(&again);
	}
	replay_fini(&whole);
}

static void
recorded_plain_answers_give_the_same_at_every_split(void **state)
{
	(void)state;
	each_recording("unary-", ".json", replay_plain_at_line_ends);
}

/* ---- citations ---- */

/* The bytes of so many code points of a text. */
static struct span
text_between(const char *text, long long start, long long end)
{
	const char *from = NULL, *p = text;

	for (long long at = 0;; p++) {
		bool starts = ((unsigned char)*p & 0xC0) != 0x80;

		if (starts && at == start && from == NULL)
			from = p;
		if (starts && at == end)
			return span_mem(from, (size_t)(p - from));
		if (*p == '\0')
			fail_msg("%lld to %lld is not in: %s", start, end, text);
		at += starts;
	}
}

/* Google says beside each place which words stand there. */
static void
check_annotations(const char *path, const json_t *message)
{
	const char *content = json_string_value(json_object_get(message, "content"));
	const json_t *supports = json_object_get(
	    json_object_get(json_object_get(json_object_get(message, "extra_content"), "google"),
		"grounding_metadata"),
	    "groundingSupports");
	json_t *note, *support;
	size_t i, j;

	assert_true(json_array_size(json_object_get(message, "annotations")) > 0);
	json_array_foreach(json_object_get(message, "annotations"), i, note) {
		const json_t *of = json_object_get(note, "url_citation");
		struct span words =
		    text_between(content, json_integer_value(json_object_get(of, "start_index")),
			json_integer_value(json_object_get(of, "end_index")));
		bool found = false;

		json_array_foreach(supports, j, support)
			found = found ||
				span_is(words, json_string_value(json_object_get(
						   json_object_get(support, "segment"), "text")));
		if (!found)
			fail_msg("%s: nothing was said of: %.*s", path, SPAN_ARG(words));
	}
}

static void
replay_grounded(const char *path, struct span text)
{
	struct err e = ERR_INIT;
	struct replay r;
	json_t *answer;

	if (strstr(path, "empty-grounding-chunks") != NULL)
		return; /* nothing that could be linked to */
	assert_true(replay_plain_split(&r, text, text.len));
	assert_true(dialect_openai_chat.finish(&r.out, &r.err));
	answer = json_parse(buf_span(&r.bytes), "", &e);
	assert_non_null(answer);
	check_annotations(path,
	    json_object_get(json_array_get(json_object_get(answer, "choices"), 0), "message"));
	json_decref(answer);
	replay_fini(&r);
}

static void
recorded_grounding_is_annotated_where_google_says_it_is(void **state)
{
	(void)state;
	each_recording("unary-success-google-", ".json", replay_grounded);
}

/* ---- pages ---- */

static void
read_page(const char *path, struct span text)
{
	struct arena *arena = arena_new(0);
	struct fault f;

	fault_parse(404, text, arena, &f);
	assert_int_equal(f.code, 404);
	assert_false(f.is_json);
	if (f.message[0] != '\0')
		fail_msg("%s: %s", path, f.message);
	arena_free(&arena);
}

static void
a_recorded_page_is_no_envelope(void **state)
{
	(void)state;
	each_recording("unary-", ".html", read_page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_streams_give_the_same_at_every_split),
		cmocka_unit_test(recorded_streams_give_the_same_with_other_line_ends),
		cmocka_unit_test(recorded_plain_answers_are_understood),
		cmocka_unit_test(recorded_plain_answers_give_the_same_at_every_split),
		cmocka_unit_test(recorded_grounding_is_annotated_where_google_says_it_is),
		cmocka_unit_test(a_recorded_page_is_no_envelope),
	};

	return cmocka_run_group_tests_name("dialect/recordings", tests, NULL, NULL);
}
