/*
 * A schema as a tree: names, places, pointers, and putting objects together.
 */
#include "dialect/schema_tree.h"

#include "tests/unit/unit.h"

/* ---- helpers ---- */

struct world {
	struct arena *arena;
};

static int
setup(void **state)
{
	static struct world w;

	w.arena = arena_new(0);
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_free(&w->arena);
	return 0;
}

static struct schema_node *
read_text(struct world *w, const char *json)
{
	struct schema_node *root = schema_tree_read(w->arena, span_of(json));

	assert_non_null(root);
	return root;
}

static void
assert_raw(const struct schema_node *node, const char *raw)
{
	assert_non_null(node);
	if (!span_is(node->raw, raw))
		fail_msg("%.*s is not %s", SPAN_ARG(node->raw), raw);
}

/* ---- reading ---- */

static void
every_value_keeps_its_text(void **state)
{
	static const struct {
		const char *json;
		enum scan_type type;
	} rows[] = {
		{ "null", SCAN_NULL },
		{ "true", SCAN_BOOL },
		{ "-1.50e+3", SCAN_NUMBER },
		{ "\"a\\n\"", SCAN_STRING },
		{ "[ 1 , {} ]", SCAN_ARRAY },
		{ "{ \"a\" : [] }", SCAN_OBJECT },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct schema_node *root = read_text(*state, rows[i].json);

		assert_int_equal(root->type, rows[i].type);
		assert_raw(root, rows[i].json);
		assert_null(root->parent);
	}
}

static void
lists_of_plain_values_stay_text(void **state)
{
	const struct schema_node *root =
	    read_text(*state, "{\"a\":[1,\"b\",null],\"b\":[],\"c\":[1,true],\"d\":[[]]}");

	assert_int_equal(schema_tree_find(root, SPAN("a"))->count, 0);
	assert_int_equal(schema_tree_find(root, SPAN("b"))->count, 0);
	assert_int_equal(schema_tree_find(root, SPAN("c"))->count, 2);
	assert_int_equal(schema_tree_find(root, SPAN("d"))->count, 1);
}

static void
false_in_a_list_is_remarked(void **state)
{
	const struct schema_node *root = read_text(*state, "[[true,{}],[{},false]]");

	assert_false(root->has_false);
	assert_false(root->children[0].has_false);
	assert_true(root->children[1].has_false);
}

static void
too_many_parts_are_not_read(void **state)
{
	struct world *w = *state;
	struct buf json = BUF_INIT;

	buf_add_lit(&json, "[true");
	for (int i = 2; i < SCHEMA_NODES_MAX; i++)
		buf_add_lit(&json, ",{}");
	buf_add_char(&json, ']');
	assert_non_null(schema_tree_read(w->arena, buf_span(&json)));
	json.len--;
	buf_add_lit(&json, ",{}]");
	assert_null(schema_tree_read(w->arena, buf_span(&json)));
	buf_fini(&json);
}

/* ---- names ---- */

static void
a_member_is_found_by_its_plain_name(void **state)
{
	const struct schema_node *root =
	    read_text(*state, "{\"b\":1,\"\\u0061\":2,\"\":3,\"ab\":4,\"a\\\"\":5}");

	assert_raw(schema_tree_find(root, SPAN("a")), "2");
	assert_raw(schema_tree_find(root, SPAN("b")), "1");
	assert_raw(schema_tree_find(root, SPAN("")), "3");
	assert_raw(schema_tree_find(root, SPAN_NONE), "3");
	assert_raw(schema_tree_find(root, SPAN("ab")), "4");
	assert_raw(schema_tree_find(root, SPAN("a\"")), "5");
	assert_null(schema_tree_find(root, SPAN("abc")));
	assert_null(schema_tree_find(schema_tree_find(root, SPAN("a")), SPAN("a")));
}

static void
of_equal_names_the_last_counts_at_the_place_of_the_first(void **state)
{
	const struct schema_node *root =
	    read_text(*state, "{\"a\":1,\"b\":2,\"a\":3,\"c\":4,\"\\u0061\":{\"x\":5},\"b\":6}");

	assert_int_equal(root->count, 3);
	assert_raw(&root->children[0], "{\"x\":5}");
	assert_raw(&root->children[1], "6");
	assert_raw(&root->children[2], "4");
	assert_raw(schema_tree_find(root, SPAN("a")), "{\"x\":5}");
	assert_ptr_equal(root->children[0].children[0].parent, &root->children[0]);
}

static void
ten_thousand_members_are_told_apart(void **state)
{
	struct buf json = BUF_INIT;
	const struct schema_node *root;
	char name[32];

	for (int i = 0; i < 10000; i++)
		buf_printf(&json, "%s\"n%d\":%d", i ? "," : "{", i * 7919 % 10000, i);
	buf_add_char(&json, '}');
	root = read_text(*state, buf_text(&json));
	assert_int_equal(root->count, 10000);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d", i * 7919 % 10000);
		assert_ptr_equal(schema_tree_find(root, span_of(name)), &root->children[i]);
	}
	buf_fini(&json);
}

/* ---- places ---- */

static void
a_pointer_leads_to_its_place(void **state)
{
	static const struct {
		const char *pointer, *raw; /* NULL: nowhere */
	} rows[] = {
		{ "/a/0", "{\"b\":1}" },
		{ "/a/0/b", "1" },
		{ "/a/1", "true" },
		{ "/a/2", NULL },
		{ "/a/-1", NULL },
		{ "/a/x", NULL },
		{ "/a/", NULL },
		{ "/p~1q~0r", "2" },
		{ "/~01", "3" },
		{ "/~2", "4" },
		{ "/", "5" },
		{ "//", NULL },
		{ "/t/0", NULL },
		{ "/p~1q~0r/0", NULL },
		{ "a", NULL },
	};
	struct schema_node *root = read_text(*state, "{\"a\":[{\"b\":1},true],\"p/q~r\":2,"
						     "\"~1\":3,\"~2\":4,\"\":5,\"t\":[1]}");

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct schema_node *found = schema_tree_point(root, span_of(rows[i].pointer));

		if (rows[i].raw == NULL)
			assert_null(found);
		else
			assert_raw(found, rows[i].raw);
	}
	assert_ptr_equal(schema_tree_point(root, SPAN("")), root);
	assert_ptr_equal(schema_tree_point(root, SPAN_NONE), root);
}

static void
a_place_is_told_as_a_path(void **state)
{
	struct schema_node *root = read_text(*state, "{\"a\":{\"b c\":[{},[{\"d\":1}]]}}");
	struct buf place = BUF_INIT;

	schema_tree_place(schema_tree_point(root, SPAN("/a/b c/1/0/d")), &place);
	assert_string_equal(buf_text(&place), ".a.b c[1][0].d");
	buf_clear(&place);
	schema_tree_place(root, &place);
	assert_int_equal(place.len, 0);
	buf_fini(&place);
}

/* ---- texts ---- */

static void
a_string_gives_its_text_and_its_words(void **state)
{
	struct world *w = *state;
	struct schema_node *root = read_text(w, "[\"a\\u0062\",\"c\",true,false,null,{}]");
	struct schema_node *at = root->children;

	assert_true(span_is(schema_tree_text(&at[0]), "a\\u0062"));
	assert_true(span_is(schema_tree_plain(w->arena, &at[0]), "ab"));
	assert_true(span_is(schema_tree_plain(w->arena, &at[1]), "c"));
	assert_true(schema_tree_is_word(&at[0], "ab"));
	assert_false(schema_tree_is_word(&at[0], "abc"));
	assert_false(schema_tree_is_word(&at[2], "true"));
	assert_true(schema_tree_is_true(&at[2]) && !schema_tree_is_false(&at[2]));
	assert_true(schema_tree_is_false(&at[3]) && !schema_tree_is_true(&at[3]));
	assert_false(schema_tree_is_false(&at[4]) || schema_tree_is_true(&at[4]));
	assert_false(schema_tree_is_false(NULL) || schema_tree_is_true(NULL));
}

/* ---- putting together ---- */

static void
joined_objects_have_the_members_of_all(void **state)
{
	struct world *w = *state;
	struct schema_parts second = { .node = read_text(w, "{\"b\":3,\"c\":4}") };
	struct schema_parts first = { .node = read_text(w, "{\"a\":1,\"b\":2}"), .next = &second };
	const struct schema_node *made = schema_tree_join(w->arena, &first);

	assert_int_equal(made->count, 3);
	assert_raw(&made->children[0], "1");
	assert_raw(&made->children[1], "3");
	assert_raw(&made->children[2], "4");
	assert_raw(schema_tree_find(made, SPAN("b")), "3");
	assert_int_equal(schema_tree_join(w->arena, NULL)->count, 0);
}

static void
strings_of_lists_become_names(void **state)
{
	struct world *w = *state;
	struct schema_parts second = { .node = read_text(w, "[\"a\",7,{},\"c\"]") };
	struct schema_parts first = { .node = read_text(w, "[\"b\",\"\\u0061\"]"),
		.next = &second };
	const struct schema_node *made = schema_tree_names(w->arena, &first);

	assert_int_equal(made->count, 3);
	assert_true(span_is(made->children[0].name, "b"));
	assert_true(span_is(made->children[1].name, "a"));
	assert_raw(&made->children[1], "\"a\"");
	assert_true(span_is(made->children[2].name, "c"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_keeps_its_text),
		cmocka_unit_test(lists_of_plain_values_stay_text),
		cmocka_unit_test(false_in_a_list_is_remarked),
		cmocka_unit_test(too_many_parts_are_not_read),
		cmocka_unit_test(a_member_is_found_by_its_plain_name),
		cmocka_unit_test(of_equal_names_the_last_counts_at_the_place_of_the_first),
		cmocka_unit_test(ten_thousand_members_are_told_apart),
		cmocka_unit_test(a_pointer_leads_to_its_place),
		cmocka_unit_test(a_place_is_told_as_a_path),
		cmocka_unit_test(a_string_gives_its_text_and_its_words),
		cmocka_unit_test(joined_objects_have_the_members_of_all),
		cmocka_unit_test(strings_of_lists_become_names),
	};

	return cmocka_run_group_tests_name("dialect/schema_tree", tests, setup, teardown);
}
