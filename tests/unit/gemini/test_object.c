#include "gemini/object.h"

#include "tests/unit/unit.h"

#define TEXT_IS(buf, words) assert_string_equal(buf_text(&(buf)), words)

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
		cmocka_unit_test(an_object_is_written_with_its_commas_and_quotes),
		cmocka_unit_test(an_object_without_members_is_empty),
	};

	return cmocka_run_group_tests_name("gemini/object", tests, NULL, NULL);
}
