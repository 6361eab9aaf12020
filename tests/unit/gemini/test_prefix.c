/*
 * How a prompt begins: one hash for a conversation as it grows, another for each other one.
 */
#include "tests/unit/unit.h"

#include "gemini/prefix.h"
#include "tests/unit/gemini/pieces.h"

#define MODEL  SPAN("gemini-2.5-flash")
#define SYSTEM "\"systemInstruction\":{\"parts\":[{\"text\":\"You are a kind helper.\"}]}"
#define TOOLS                                                                                      \
	"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":"          \
	"\"OBJECT\"}}]}]"
#define FIRST  "{\"role\":\"user\",\"parts\":[{\"text\":\"What is a pollux?\"}]}"
#define ANSWER "{\"role\":\"model\",\"parts\":[{\"text\":\"A star.\"}]}"
#define LATER  "{\"role\":\"user\",\"parts\":[{\"text\":\"And a castor?\"}]}"

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

/* White space behind the value makes it long enough. */
static struct span
padded(struct arena *a, const char *text)
{
	struct buf b = BUF_INIT;
	struct span s;

	buf_add_text(&b, text);
	while (b.len < PREFIX_BODY_MIN)
		buf_add_char(&b, ' ');
	s = arena_span(a, buf_span(&b));
	buf_fini(&b);
	return s;
}

static uint64_t
hash_for(struct arena *a, struct span model, const char *text)
{
	struct body b = body_of(a, padded(a, text));

	return prefix_hash(model, &b);
}

static uint64_t
hash(struct arena *a, const char *text)
{
	return hash_for(a, MODEL, text);
}

#define BODY "{" SYSTEM "," TOOLS ",\"contents\":[" FIRST "]}"

static void
it_stays_while_the_conversation_grows(void **state)
{
	uint64_t h = hash(*state, BODY);

	assert_true(h != 0);
	assert_true(
	    hash(*state, "{" SYSTEM "," TOOLS ",\"contents\":[" FIRST "," ANSWER "]}") == h);
	assert_true(hash(*state, "{" SYSTEM "," TOOLS ",\"contents\":[" FIRST "," ANSWER "," LATER
				 "]}") == h);
}

static void
what_does_not_begin_the_prompt_does_not_matter(void **state)
{
	static const char *const bodies[] = {
		"{\"generationConfig\":{\"temperature\":0.5}," SYSTEM "," TOOLS
		",\"contents\":[" FIRST "]}",
		"{" SYSTEM "," TOOLS ",\"contents\":[" FIRST "],\"safetySettings\":[{\"x\":[]}]}",
		"{" SYSTEM "," TOOLS ",\"toolConfig\":{},\"contents\":[" FIRST "],\"labels\":null}",
	};

	for (size_t i = 0; i < COUNT(bodies); i++)
		assert_true(hash(*state, bodies[i]) == hash(*state, BODY));
}

static void
white_space_order_and_spelling_do_not_matter(void **state)
{
	static const char *const bodies[] = {
		"{\"contents\":[" FIRST "]," TOOLS "," SYSTEM "}",
		"{ \"system_instruction\" : {\"parts\":[ {\"text\":\"You are a kind helper.\"} ]} "
		",\n"
		"\"contents\":[\t{\"parts\" : [{ \"text\":\"What is a "
		"pollux?\"}],\r\n\"role\":\"user\"}],"
		"\"tools\" :[{\"function_declarations\":[{\"parameters\":{\"type\":\"OBJECT\"},"
		"\"name\":\"f\"}]}]}",
	};

	for (size_t i = 0; i < COUNT(bodies); i++)
		assert_true(hash(*state, bodies[i]) == hash(*state, BODY));
}

static void
another_beginning_has_another_hash(void **state)
{
	static const char *const bodies[] = {
		BODY,
		"{" TOOLS ",\"contents\":[" FIRST "]}",
		"{" SYSTEM ",\"contents\":[" FIRST "]}",
		"{\"contents\":[" FIRST "]}",
		"{" SYSTEM "," TOOLS ",\"contents\":[" LATER "]}",
		"{" SYSTEM "," TOOLS ",\"contents\":[" ANSWER "," FIRST "]}",
		"{" SYSTEM "," TOOLS ",\"cachedContent\":\"cachedContents/a\",\"contents\":[" FIRST
		"]}",
		"{" SYSTEM "," TOOLS ",\"cachedContent\":\"cachedContents/b\",\"contents\":[" FIRST
		"]}",
		/* Another text, another tool, another kind of value. */
		"{\"systemInstruction\":{\"parts\":[{\"text\":\"You are a kind helper!\"}]}," TOOLS
		",\"contents\":[" FIRST "]}",
		"{" SYSTEM ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"g\",\"parameters\":{"
		"\"type\":\"OBJECT\"}}]}],\"contents\":[" FIRST "]}",
		"{" SYSTEM ",\"tools\":[],\"contents\":[" FIRST "]}",
		"{" SYSTEM ",\"tools\":{},\"contents\":[" FIRST "]}",
		"{" SYSTEM ",\"tools\":null,\"contents\":[" FIRST "]}",
		"{" SYSTEM ",\"tools\":\"null\",\"contents\":[" FIRST "]}",
		/* What moves from one to the other. */
		"{\"systemInstruction\":{\"text\":\"a\"},\"tools\":{\"text\":\"b\"},\"contents\":"
		"[" FIRST "]}",
		"{\"systemInstruction\":{\"text\":\"b\"},\"tools\":{\"text\":\"a\"},\"contents\":"
		"[" FIRST "]}",
		"{\"tools\":[[1],2],\"contents\":[" FIRST "]}",
		"{\"tools\":[1,[2]],\"contents\":[" FIRST "]}",
		"{\"tools\":[[1,2]],\"contents\":[" FIRST "]}",
		"{\"tools\":[2,[1]],\"contents\":[" FIRST "]}",
		"{\"tools\":{\"a\":1,\"b\":2},\"contents\":[" FIRST "]}",
		"{\"tools\":{\"a\":2,\"b\":1},\"contents\":[" FIRST "]}",
		"{\"tools\":{\"a\":1,\"a\":1},\"contents\":[" FIRST "]}",
		"{\"tools\":{\"a\":1},\"contents\":[" FIRST "]}",
	};

	for (size_t i = 0; i < COUNT(bodies); i++)
		for (size_t j = 0; j < i; j++)
			if (hash(*state, bodies[i]) == hash(*state, bodies[j]))
				fail_msg("%s\n%s", bodies[i], bodies[j]);
}

static void
another_model_has_another_hash(void **state)
{
	assert_true(hash_for(*state, SPAN("gemini-2.5-pro"), BODY) != hash(*state, BODY));
	assert_true(hash_for(*state, SPAN_NONE, BODY) != hash(*state, BODY));
}

static void
a_turn_without_a_role_is_the_users(void **state)
{
	uint64_t h = hash(*state, "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}");

	assert_true(h != 0);
	assert_true(
	    h == hash(*state, "{\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}," ANSWER "]}"));
	assert_true(hash(*state, "{\"contents\":[{\"role\":\"\",\"parts\":[]}]}") != 0);
}

/* While one version replaces another, workers of both choose by it: where this changes,
 * PREFIX_VERSION is to move. */
static void
it_is_the_same_in_every_process_and_version(void **state)
{
	assert_int_equal(PREFIX_VERSION, 1);
	assert_true(hash(*state, BODY) == UINT64_C(0xF38A703680E63B48));
	assert_true(prefix_hash_text(SPAN("client")) == UINT64_C(0x3CB779931A9B944C));
}

static void
where_the_body_is_cut_does_not_matter(void **state)
{
	struct span text = padded(*state, BODY);
	struct body whole = body_of(*state, text);

	for (size_t bytes = 1; bytes < 70; bytes++) {
		struct body b = pieces_of(*state, text, bytes);

		assert_true(prefix_hash(MODEL, &b) == prefix_hash(MODEL, &whole));
	}
}

static void
short_bodies_have_none(void **state)
{
	struct span text = padded(*state, BODY);
	struct body least = body_of(*state, text);
	struct body shorter = body_of(*state, span_mem(text.p, text.len - 1));

	assert_int_equal(text.len, PREFIX_BODY_MIN);
	assert_true(prefix_hash(MODEL, &least) != 0);
	assert_true(prefix_hash(MODEL, &shorter) == 0);
}

static void
what_has_no_such_beginning_has_none(void **state)
{
	static const char *const bodies[] = {
		"",
		"[]",
		"null",
		"{}",
		"{\"content\":{\"parts\":[{\"text\":\"embed me\"}]}}",
		"{\"requests\":[{\"content\":{\"parts\":[]}}]}",
		"{\"contents\":[]}",
		"{\"contents\":\"hi\"}",
		"{\"contents\":[1]}",
		"{\"contents\":[" ANSWER "]}",
		"{\"contents\":[{\"role\":\"function\",\"parts\":[]}]}",
		"{" SYSTEM "}",
		/* Broken before, in and behind the beginning. */
		"{" SYSTEM " \"contents\":[" FIRST "]}",
		"{\"contents\":[{\"role\":\"user\",\"parts\":[}]}",
		"{\"contents\":[" FIRST,
		"{\"contents\":[" FIRST "]",
		"{\"contents\":[" FIRST "]} x",
		"{\"contents\":[" FIRST "],\"a\":\"",
	};

	for (size_t i = 0; i < COUNT(bodies); i++)
		if (hash(*state, bodies[i]) != 0)
			fail_msg("%s", bodies[i]);
}

/* A body whose first turn is one text of len times c, and then one of d. */
static uint64_t
hash_of_long(struct arena *a, size_t len, char c, char d)
{
	struct buf text = BUF_INIT;
	struct body b;
	uint64_t h;

	buf_add_lit(&text, "{\"contents\":[{\"parts\":[{\"text\":\"");
	for (size_t i = 0; i + 1 < len; i++)
		buf_add_char(&text, c);
	buf_add_char(&text, d);
	buf_add_lit(&text, "\"}]}]}");
	b = pieces_of(a, buf_span(&text), 5000);
	h = prefix_hash(MODEL, &b);
	buf_fini(&text);
	return h;
}

static void
of_a_long_text_its_beginning_and_length_count(void **state)
{
	size_t len = PREFIX_TEXT_MAX;
	uint64_t h = hash_of_long(*state, 3 * len, 'a', 'a');

	assert_true(h != 0);
	assert_true(hash_of_long(*state, 3 * len, 'a', 'b') == h);
	assert_true(hash_of_long(*state, 3 * len + 1, 'a', 'a') != h);
	assert_true(hash_of_long(*state, 3 * len, 'b', 'a') != h);
	assert_true(hash_of_long(*state, len, 'a', 'b') != hash_of_long(*state, len, 'a', 'a'));
}

static void
hostile_depth_has_none(void **state)
{
	struct buf text = BUF_INIT;

	buf_add_lit(&text, "{\"tools\":");
	for (int i = 0; i < 1000000; i++)
		buf_add_lit(&text, "[");
	assert_true(hash(*state, buf_text(&text)) == 0);
	buf_clear(&text);
	buf_add_lit(&text, "{\"contents\":[" FIRST "],\"tools\":");
	for (int i = 0; i < 100000; i++)
		buf_add_lit(&text, "{\"a\":");
	assert_true(hash(*state, buf_text(&text)) == 0);
	buf_fini(&text);
}

/* Each of these makes the end of a string be looked for once more. */
static void
quotes_and_backslashes_without_end_are_read_once(void **state)
{
	struct buf text = BUF_INIT;
	struct body b;

	buf_add_lit(&text, "{\"contents\":[{\"parts\":[{\"text\":\"");
	for (int i = 0; i < 4000000; i++)
		buf_add_text(&text, i % 3 ? "\\\\" : "\\\"");
	buf_add_lit(&text, "\"}]}]}");
	b = pieces_of(*state, buf_span(&text), 16384);
	assert_true(prefix_hash(MODEL, &b) != 0);
	b = pieces_of(*state, buf_span(&text), 7);
	assert_true(prefix_hash(MODEL, &b) != 0);
	buf_fini(&text);
}

static void
a_text_has_a_hash_of_its_own(void **state)
{
	static const char *const texts[] = { "", "a", "b", "ab", "ba", "aaaaaaaa", "aaaaaaaaa",
		"aaaaaaaab", "01234567", "012345678", "cli_1", "cli_2" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(prefix_hash_text(span_of(texts[i])) != 0);
		for (size_t j = 0; j < i; j++)
			assert_true(prefix_hash_text(span_of(texts[i])) !=
				    prefix_hash_text(span_of(texts[j])));
	}
}

/* The choice of a credential takes bits from anywhere in it. */
static void
every_bit_is_set_about_as_often(void **state)
{
	size_t set[64] = { 0 };
	char text[16];

	(void)state;
	for (int i = 0; i < 4096; i++) {
		uint64_t h;

		snprintf(text, sizeof(text), "c%d", i);
		h = prefix_hash_text(span_of(text));
		for (int bit = 0; bit < 64; bit++)
			set[bit] += h >> bit & 1;
	}
	for (int bit = 0; bit < 64; bit++)
		assert_in_range(set[bit], 2048 - 200, 2048 + 200); /* six deviations */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(it_stays_while_the_conversation_grows),
		CASE(what_does_not_begin_the_prompt_does_not_matter),
		CASE(white_space_order_and_spelling_do_not_matter),
		CASE(another_beginning_has_another_hash),
		CASE(another_model_has_another_hash),
		CASE(a_turn_without_a_role_is_the_users),
		CASE(it_is_the_same_in_every_process_and_version),
		CASE(where_the_body_is_cut_does_not_matter),
		CASE(short_bodies_have_none),
		CASE(what_has_no_such_beginning_has_none),
		CASE(of_a_long_text_its_beginning_and_length_count),
		CASE(hostile_depth_has_none),
		CASE(quotes_and_backslashes_without_end_are_read_once),
		CASE(a_text_has_a_hash_of_its_own),
		CASE(every_bit_is_set_about_as_often),
	};

	return cmocka_run_group_tests_name("gemini/prefix", tests, NULL, NULL);
}
