/*
 * How many tokens a prompt will count: rather too many than too few, and soon about right.
 */
#include "tests/unit/unit.h"

#include "upstream/estimate.h"
#include "base/mem.h"
#include "tests/unit/gemini/pieces.h"

#define MODEL SPAN("gemini-2.5-flash")
#define IMAGE 1290
#define OTHER 258

struct world {
	struct estimates *estimates;
	struct arena *arena;
};

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->estimates = estimates_new();
	w->arena = arena_new(0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	estimates_free(&w->estimates);
	arena_free(&w->arena);
	mem_free(w);
	return 0;
}

/* {"contents":[{"parts":[{"text":"..."}]}]}: the text is repeated until it is so many bytes. */
static struct body
text_of(struct world *w, const char *what, size_t bytes)
{
	struct buf b = BUF_INIT;
	struct body body;

	buf_add_lit(&b, "{\"contents\":[{\"parts\":[{\"text\":\"");
	for (size_t begin = b.len; b.len - begin < bytes;)
		buf_add_text(&b, what);
	buf_add_lit(&b, "\"}]}]}");
	body = body_of(w->arena, arena_span(w->arena, buf_span(&b)));
	buf_fini(&b);
	return body;
}

static uint64_t
tokens_of(struct world *w, const char *what, size_t bytes)
{
	struct body b = text_of(w, what, bytes);

	return estimate_tokens(w->estimates, MODEL, &b);
}

static void
learn_of(struct world *w, struct span model, const char *what, size_t bytes, double tokens)
{
	struct body b = text_of(w, what, bytes);

	estimate_learn(w->estimates, model, &b, (int64_t)tokens);
}

/* As upstream would count a text of these, so much for each byte of it. */
static void
learn(struct world *w, const char *what, size_t bytes, double tokens_of_byte)
{
	learn_of(w, MODEL, what, bytes, (double)bytes * tokens_of_byte);
}

/* What is written, and what each byte of it may be worth to a tokenizer. */
#define PROSE   "the people of the first mountain could see no water now, "
#define DIGITS  "8401957362"
#define CJK     "\xe7\x9a\x84\xe4\xb8\x80\xe6\x98\xaf"
#define GREEK   "\xce\xb1\xce\xb2"
#define ETHIOP  "\xe1\x88\x80"
#define EMOJI   "\xf0\x9f\x98\x80"
#define RANDOM  "aGVsbG8gd29ybGQhIHdoYXQgYXJlIHlvdSBkb2luZz"
#define LONG    "qzxvkwjpfhgbmtrnsdlcyuaoei"
#define MARKS   "};{)(\\\"\\n,:;"
#define ESCAPED "\\u7684\\u4e00\\u662f"

/* ---- what a body holds ---- */

static void
text_counts_by_its_kind(void **state)
{
	static const struct {
		const char *what;
		double least, most; /* tokens of a byte */
	} cases[] = {
		{ PROSE, 0.25, 0.45 },
		{ DIGITS, 1.0, 1.11 },
		{ CJK, 1.0 / 3, 0.5 },
		{ GREEK, 0.5, 0.6 },
		{ ETHIOP, 0.5, 0.8 },
		{ EMOJI, 1.0, 1.11 },
		{ RANDOM, 0.75, 1.0 },
		{ LONG, 0.3, 0.6 },
		{ MARKS, 0.7, 1.1 },
		{ ESCAPED, 1.0 / 6, 0.25 },
		{ "\\ud83d\\ude00", 1.0 / 3, 0.4 },
		{ "\\u0031\\n", 2.0 / 8, 0.3 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		double tokens = (double)tokens_of(*state, cases[i].what, 10000) / 10000;

		if (tokens < cases[i].least || tokens > cases[i].most)
			fail_msg("%s: %f", cases[i].what, tokens);
	}
}

static void
no_text_counts_more_than_its_bytes_and_a_tenth(void **state)
{
	struct world *w = *state;
	char all[256];

	for (int i = 0; i < 200; i++) {
		learn(w, PROSE, 500, 1000);
		learn(w, EMOJI GREEK CJK MARKS, 500, 1000);
	}
	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	assert_true(tokens_of(w, all, 10000) <= 11300);
	assert_true(tokens_of(w, PROSE, 10000) <= 11300);
}

static void
nothing_counts_as_one(void **state)
{
	struct world *w = *state;
	struct body none = BODY_NONE, empty = body_of(w->arena, SPAN(""));

	assert_int_equal(estimate_tokens(w->estimates, MODEL, &none), 1);
	assert_int_equal(estimate_tokens(w->estimates, MODEL, &empty), 1);
}

/* Of the parts, however the body is cut; data bytes stand for "DATA". */
static uint64_t
tokens_of_parts(struct world *w, const char *parts, const char *data, size_t data_len)
{
	struct buf b = BUF_INIT;
	const char *place = strstr(parts, "DATA");
	uint64_t tokens = 0;

	buf_add_lit(&b, "{\"contents\":[{\"parts\":[{");
	buf_add(&b, parts, place ? (size_t)(place - parts) : strlen(parts));
	for (size_t i = 0; i < data_len; i++)
		buf_add_char(&b, data[i % strlen(data)]);
	if (place)
		buf_add_text(&b, place + 4);
	buf_add_lit(&b, "}]}]}");
	for (size_t bytes = 1; bytes < b.len; bytes += 1 + b.len / 7) {
		struct body body = pieces_of(w->arena, buf_span(&b), bytes);
		uint64_t now = estimate_tokens(w->estimates, MODEL, &body);

		assert_true(tokens == 0 || tokens == now);
		tokens = now;
	}
	buf_fini(&b);
	return tokens;
}

#define AROUND 80 /* at most, of the names of members, signs and brackets */

static void
media_count_by_their_kind(void **state)
{
	static const struct {
		const char *part, *data;
		size_t data_len;
		uint64_t tokens;
	} cases[] = {
		{ "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"DATA\"}", "A", 40000,
		    IMAGE },
		{ "\"inline_data\":{\"data\":\"DATA\",\"mime_type\":\"image/jpeg\"}", "A", 4,
		    IMAGE },
		{ "\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"DATA\"}", "A", 64000,
		    OTHER + 48000 / 64 },
		{ "\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"DATA\"}", "A", 0,
		    OTHER },
		{ "\"inlineData\":{\"data\":\"DATA\"}", "A", 6400, OTHER + 4800 / 64 },
		{ "\"inlineData\":{\"mimeType\":\"imag\",\"data\":\"DATA\"}", "A", 0, OTHER },
		{ "\"inlineData\":{\"mimeType\":7,\"data\":null}", "A", 0, OTHER },
		{ "\"inlineData\":{}", "A", 0, OTHER },
		{ "\"fileData\":{\"fileUri\":\"files/x\",\"mimeType\":\"video/mp4\"}", "A", 0,
		    OTHER },
		{ "\"file_data\":{\"file_uri\":\"files/x\"}", "A", 0, OTHER },
		/* A text that is sent as a file is a text: 3,000 digits; 3,000 bytes of prose. */
		{ "\"inlineData\":{\"mimeType\":\"text/csv\",\"data\":\"DATA\"}", "MTIz", 4000,
		    3300 },
		{ "\"inlineData\":{\"mimeType\":\"text/plain\",\"data\":\"DATA\"}",
		    "b24gdGhlIHdhdGVy", 4000, 3000 / 4 * 143 / 100 },
		{ "\"inlineData\":null", "A", 0, 0 },
		{ "\"inlineData\":[1,{\"data\":\"x\"}]", "A", 0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t tokens =
		    tokens_of_parts(*state, cases[i].part, cases[i].data, cases[i].data_len);

		if (tokens < cases[i].tokens || tokens > cases[i].tokens + AROUND)
			fail_msg("%s: %llu", cases[i].part, (unsigned long long)tokens);
	}
}

static void
what_stands_before_between_and_behind_media_is_text(void **state)
{
	static const char parts[] =
	    "\"text\":\"12345678901234567890\"},"
	    "{\"inlineData\":{\"data\":\"DATA\",\"mimeType\":\"image/png\"}},"
	    "{\"text\":\"12345678901234567890\"},"
	    "{\"inlineData\":{\"data\":\"AAAA\",\"mimeType\":\"image/png\"}},"
	    "{\"text\":\"12345678901234567890\"";

	assert_in_range(tokens_of_parts(*state, parts, "A", 10000), 2 * IMAGE + 66,
	    2 * IMAGE + 66 + 3 * AROUND);
}

static void
what_a_function_gave_is_text_whatever_it_looks_like(void **state)
{
	static const char part[] =
	    "\"functionResponse\":{\"name\":\"f\",\"response\":"
	    "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"DATA\"}}}";

	assert_in_range(tokens_of_parts(*state, part, "7", 10000), 11000, 11000 + AROUND);
}

static void
a_broken_body_is_all_text(void **state)
{
	struct world *w = *state;
	struct body b =
	    body_of(w->arena, SPAN("{\"contents\":[}}}}{{\"inlineData\":{\"data\":\"7777777777"));

	assert_in_range(estimate_tokens(w->estimates, MODEL, &b), 20, 60);
}

/* ---- learning ---- */

static void
it_follows_upwards_at_once(void **state)
{
	learn(*state, PROSE, 20000, 0.8);
	assert_true(tokens_of(*state, PROSE, 10000) >= 8000);
}

static void
it_slowly_follows_downwards(void **state)
{
	uint64_t at_first = tokens_of(*state, CJK, 10000);

	learn(*state, CJK, 20000, 0.25);
	assert_true(tokens_of(*state, CJK, 10000) > at_first * 95 / 100);
	for (int i = 0; i < 400; i++)
		learn(*state, CJK, 20000, 0.25);
	assert_in_range(tokens_of(*state, CJK, 10000), 2500, 2900);
}

/* What was learned of one kind says nothing of another: clients change what they talk about. */
static void
no_change_of_what_is_said_surprises_it(void **state)
{
	static const struct {
		const char *what;
		double tokens_of_byte;
	} kinds[] = {
		{ PROSE, 0.24 },
		{ DIGITS, 1.0 },
		{ CJK, 1.0 / 3 },
		{ GREEK, 0.4 },
		{ ETHIOP, 2.0 / 3 },
		{ EMOJI, 1.0 },
		{ RANDOM, 0.7 },
	};

	for (size_t before = 0; before < COUNT(kinds); before++) {
		struct world *w = *state;

		estimates_free(&w->estimates);
		w->estimates = estimates_new();
		for (int i = 0; i < 1000; i++)
			learn(w, kinds[before].what, 3000, kinds[before].tokens_of_byte);
		for (size_t i = 0; i < COUNT(kinds); i++)
			if ((double)tokens_of(w, kinds[i].what, 3000) <
			    3000 * kinds[i].tokens_of_byte)
				fail_msg("%s behind %s: %llu", kinds[i].what, kinds[before].what,
				    (unsigned long long)tokens_of(w, kinds[i].what, 3000));
	}
}

/* Not the average: one in twenty is dense, and it is enough for that one nearly always. */
static void
one_dense_prompt_outweighs_many_light_ones(void **state)
{
	for (int i = 0; i < 200; i++)
		learn(*state, PROSE, 20000, i % 20 == 0 ? 0.4 : 0.2);
	assert_in_range(tokens_of(*state, PROSE, 10000), 2800, 4600);
}

static void
a_short_prompt_moves_it_less(void **state)
{
	uint64_t at_first = tokens_of(*state, PROSE, 10000), then;

	learn_of(*state, MODEL, PROSE, 57, 60);
	then = tokens_of(*state, PROSE, 10000);
	assert_in_range(then, at_first + 1, at_first * 3 / 2);
	learn(*state, PROSE, 100000, 0.7);
	assert_true(tokens_of(*state, PROSE, 10000) >= 7000);
}

static void
it_stays_within_bounds(void **state)
{
	for (int i = 0; i < 4000; i++)
		learn(*state, DIGITS PROSE MARKS CJK, 20000, 0.00001);
	assert_true(tokens_of(*state, DIGITS, 10000) >= 5000);
	assert_true(tokens_of(*state, PROSE, 10000) >= 1000);
	for (int i = 0; i < 100; i++)
		learn(*state, DIGITS PROSE MARKS CJK, 1000, 1000.0);
	assert_true(tokens_of(*state, PROSE, 10000) <= 11300);
}

static void
each_model_has_its_own(void **state)
{
	uint64_t before = tokens_of(*state, PROSE, 10000);

	for (int i = 0; i < 10; i++)
		learn_of(*state, SPAN("gemini-x"), PROSE, 20000, 20000);
	assert_int_equal(tokens_of(*state, PROSE, 10000), before);
}

static void
media_and_nonsense_teach_nothing(void **state)
{
	struct world *w = *state;
	struct body image = body_of(w->arena,
	    SPAN("{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"files/x\"}}]}]}"));
	struct body text = text_of(w, PROSE, 10000), none = BODY_NONE;
	uint64_t before = tokens_of(w, PROSE, 10000);
	char name[65];

	memset(name, 'm', sizeof(name));
	estimate_learn(w->estimates, MODEL, &image, 100000);
	estimate_learn(w->estimates, MODEL, &text, 0);
	estimate_learn(w->estimates, MODEL, &text, -1);
	estimate_learn(w->estimates, MODEL, &none, 7);
	assert_int_equal(tokens_of(w, PROSE, 10000), before);
	estimate_learn(w->estimates, SPAN_NONE, &text, 10000);
	assert_int_equal(estimate_tokens(w->estimates, SPAN_NONE, &text), before);
	estimate_learn(w->estimates, span_mem(name, sizeof(name)), &text, 10000);
	assert_int_equal(
	    estimate_tokens(w->estimates, span_mem(name, sizeof(name)), &text), before);
}

/* Names come from clients. */
static void
models_that_were_not_heard_of_for_longest_are_forgotten(void **state)
{
	struct world *w = *state;
	struct body text = text_of(w, PROSE, 10000);
	uint64_t before = tokens_of(w, PROSE, 10000);
	char name[32];

	learn(w, PROSE, 20000, 0.9);
	learn_of(w, SPAN("gemini-old"), PROSE, 20000, 18000);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "invented-%d", i);
		learn_of(w, span_of(name), PROSE, 20000, 18000);
		if (i % 50 == 0)
			learn(w, PROSE, 20000, 0.9);
	}
	assert_true(estimate_tokens(w->estimates, MODEL, &text) > before);
	assert_true(estimate_tokens(w->estimates, span_of(name), &text) > before);
	assert_int_equal(estimate_tokens(w->estimates, SPAN("gemini-old"), &text), before);
	assert_int_equal(estimate_tokens(w->estimates, SPAN("invented-7"), &text), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(text_counts_by_its_kind),
		CASE(no_text_counts_more_than_its_bytes_and_a_tenth),
		CASE(nothing_counts_as_one),
		CASE(media_count_by_their_kind),
		CASE(what_stands_before_between_and_behind_media_is_text),
		CASE(what_a_function_gave_is_text_whatever_it_looks_like),
		CASE(a_broken_body_is_all_text),
		CASE(it_follows_upwards_at_once),
		CASE(it_slowly_follows_downwards),
		CASE(no_change_of_what_is_said_surprises_it),
		CASE(one_dense_prompt_outweighs_many_light_ones),
		CASE(a_short_prompt_moves_it_less),
		CASE(it_stays_within_bounds),
		CASE(each_model_has_its_own),
		CASE(media_and_nonsense_teach_nothing),
		CASE(models_that_were_not_heard_of_for_longest_are_forgotten),
	};

	return cmocka_run_group_tests_name("upstream/estimate", tests, NULL, NULL);
}
