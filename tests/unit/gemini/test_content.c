#include "gemini/content.h"

#include "tests/unit/unit.h"

#define TEXT_IS(buf, words) assert_string_equal(buf_text(&(buf)), words)

static void
turns_and_their_parts_are_written_in_order(void **state)
{
	struct buf b = BUF_INIT;
	struct content_list l;

	(void)state;
	content_begin(&l, &b);
	content_turn(&l, "user");
	content_text(&l, SPAN("a"));
	content_text(&l, SPAN("b\\n"));
	content_turn(&l, "model");
	content_raw(&l, SPAN("{\"x\":1}"));
	content_end(&l);
	TEXT_IS(b, "[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"text\":\"b\\n\"}]},"
		   "{\"role\":\"model\",\"parts\":[{\"x\":1}]}]");
	assert_int_equal(l.turns, 2);
	buf_fini(&b);
}

static void
a_turn_without_parts_gets_a_space(void **state)
{
	struct buf b = BUF_INIT;
	struct content_list l;

	(void)state;
	content_begin(&l, &b);
	content_turn(&l, "user");
	content_text(&l, SPAN(""));
	content_turn(&l, "user");
	content_end(&l);
	TEXT_IS(b, "[{\"role\":\"user\",\"parts\":[{\"text\":\" \"}]},"
		   "{\"role\":\"user\",\"parts\":[{\"text\":\" \"}]}]");
	buf_fini(&b);
}

static void
a_list_without_turns_is_empty(void **state)
{
	struct buf b = BUF_INIT;
	struct content_list l;

	(void)state;
	content_begin(&l, &b);
	content_end(&l);
	TEXT_IS(b, "[]");
	buf_fini(&b);
}

static void
an_object_is_written_with_its_commas_and_quotes(void **state)
{
	struct buf b = BUF_INIT;
	struct object_writer o;

	(void)state;
	object_begin(&o, &b);
	object_text(&o, "plain", SPAN("a\"b\n"));
	object_escaped(&o, "escaped", SPAN("\\u00e9"));
	object_int(&o, "int", -7);
	object_bool(&o, "bool", false);
	object_raw(&o, "raw", SPAN("[1]"));
	object_key(&o, "own");
	buf_add_lit(&b, "null");
	object_end(&o);
	TEXT_IS(b, "{\"plain\":\"a\\\"b\\n\",\"escaped\":\"\\u00e9\",\"int\":-7,\"bool\":false,"
		   "\"raw\":[1],\"own\":null}");
	buf_fini(&b);
}

static void
an_object_without_members_is_empty(void **state)
{
	struct buf b = BUF_INIT;
	struct object_writer o;

	(void)state;
	object_begin(&o, &b);
	object_end(&o);
	TEXT_IS(b, "{}");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_and_their_parts_are_written_in_order),
		cmocka_unit_test(a_turn_without_parts_gets_a_space),
		cmocka_unit_test(a_list_without_turns_is_empty),
		cmocka_unit_test(an_object_is_written_with_its_commas_and_quotes),
		cmocka_unit_test(an_object_without_members_is_empty),
	};

	return cmocka_run_group_tests_name("gemini/content", tests, NULL, NULL);
}
