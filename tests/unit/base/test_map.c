/* base/map: the hash map and the intrusive lists. */
#include "tests/unit/unit.h"
#include "base/map.h"

static int values[4];

static void
what_was_put_is_found_and_nothing_else(void **state)
{
	struct map *m = map_new();

	(void)state;
	assert_null(map_get(m, SPAN("a")));
	assert_null(map_put(m, SPAN("a"), &values[0]));
	assert_null(map_put(m, SPAN("b"), &values[1]));
	assert_ptr_equal(map_get(m, SPAN("a")), &values[0]);
	assert_ptr_equal(map_get(m, SPAN("b")), &values[1]);
	assert_null(map_get(m, SPAN("ab")));
	assert_int_equal(map_count(m), 2);
	map_free(&m);
	assert_null(m);
}

static void
putting_again_gives_back_the_old_value(void **state)
{
	struct map *m = map_new();

	(void)state;
	map_put(m, SPAN("a"), &values[0]);
	assert_ptr_equal(map_put(m, SPAN("a"), &values[1]), &values[0]);
	assert_ptr_equal(map_get(m, SPAN("a")), &values[1]);
	assert_int_equal(map_count(m), 1);
	map_free(&m);
}

static void
removing_gives_the_value_once(void **state)
{
	struct map *m = map_new();

	(void)state;
	map_put(m, SPAN("a"), &values[0]);
	assert_ptr_equal(map_remove(m, SPAN("a")), &values[0]);
	assert_null(map_remove(m, SPAN("a")));
	assert_null(map_get(m, SPAN("a")));
	assert_int_equal(map_count(m), 0);
	map_free(&m);
}

static void
keys_are_bytes_and_are_copied(void **state)
{
	struct map *m = map_new();
	char key[] = "a\0b";

	(void)state;
	map_put(m, span_mem(key, 3), &values[0]);
	map_put(m, SPAN("a"), &values[1]);
	map_put(m, SPAN_NONE, &values[2]);
	memset(key, 'x', sizeof(key));
	assert_ptr_equal(map_get(m, SPAN("a\0b")), &values[0]);
	assert_ptr_equal(map_get(m, SPAN("a")), &values[1]);
	assert_ptr_equal(map_get(m, SPAN("")), &values[2]);
	map_free(&m);
}

static struct span
number_key(char *room, int i)
{
	return span_mem(room, (size_t)sprintf(room, "key-%d", i));
}

static void
many_keys_come_and_go(void **state)
{
	enum { N = 20000 };
	static char cell[N];
	struct map *m = map_new();
	char room[32];

	(void)state;
	for (int i = 0; i < N; i++)
		assert_null(map_put(m, number_key(room, i), &cell[i]));
	for (int i = 0; i < N; i += 2)
		assert_ptr_equal(map_remove(m, number_key(room, i)), &cell[i]);
	assert_int_equal(map_count(m), N / 2);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(map_get(m, number_key(room, i)), i % 2 ? &cell[i] : NULL);
	map_free(&m);
}

static bool
mark(void *ctx, struct span key, void *value)
{
	int *seen = ctx;

	assert_int_equal(key.len, 1);
	assert_ptr_equal(value, &values[key.p[0] - '0']);
	seen[key.p[0] - '0']++;
	return true;
}

static bool
stop_at_second(void *ctx, struct span key, void *value)
{
	int *calls = ctx;

	(void)key;
	(void)value;
	return ++*calls < 2;
}

static void
each_pair_is_visited_once_until_told_to_stop(void **state)
{
	struct map *m = map_new();
	int seen[4] = { 0 }, calls = 0;

	(void)state;
	map_each(m, mark, seen);
	for (int i = 0; i < 4; i++)
		map_put(m, span_mem(&"0123"[i], 1), &values[i]);
	map_each(m, mark, seen);
	for (int i = 0; i < 4; i++)
		assert_int_equal(seen[i], 1);
	map_each(m, stop_at_second, &calls);
	assert_int_equal(calls, 2);
	map_free(&m);
}

static void
count_one(void *value)
{
	++*(int *)value;
}

static void
freeing_hands_over_each_value(void **state)
{
	struct map *m = map_new(), *none = NULL;
	int freed = 0;

	(void)state;
	map_put(m, SPAN("a"), &freed);
	map_put(m, SPAN("b"), &freed);
	map_free_values(&m, count_one);
	assert_int_equal(freed, 2);
	assert_null(m);
	map_free_values(&m, count_one);
	map_free(&none);
	map_free(NULL);
}

/* ---- lists ---- */

struct thing {
	int number;
	struct list link;
};

static void
assert_numbers(const struct list *head, const char *want)
{
	char got[16] = "";

	list_for_each(at, head)
	    sprintf(got + strlen(got), "%d", list_entry(at, struct thing, link)->number);
	assert_string_equal(got, want);
}

static void
items_are_added_at_both_ends(void **state)
{
	struct thing t[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
	struct list head;

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
	list_push(&head, &t[0].link);
	list_push(&head, &t[1].link);
	list_unshift(&head, &t[2].link);
	assert_false(list_is_empty(&head));
	assert_numbers(&head, "312");
}

static void
removing_twice_is_fine(void **state)
{
	struct thing t[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
	struct list head;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_push(&head, &t[i].link);
	list_remove(&t[1].link);
	list_remove(&t[1].link);
	assert_numbers(&head, "13");
	list_push(&head, &t[1].link);
	assert_numbers(&head, "132");
}

static void
shifting_empties_from_the_front(void **state)
{
	struct thing t[2] = { { .number = 1 }, { .number = 2 } };
	struct list head;

	(void)state;
	list_init(&head);
	list_push(&head, &t[0].link);
	list_push(&head, &t[1].link);
	assert_ptr_equal(list_shift(&head), &t[0].link);
	assert_ptr_equal(list_shift(&head), &t[1].link);
	assert_null(list_shift(&head));
	list_remove(&t[0].link);
	assert_true(list_is_empty(&head));
}

static void
items_may_be_removed_while_walking(void **state)
{
	struct thing t[4] = { { .number = 1 }, { .number = 2 }, { .number = 3 }, { .number = 4 } };
	struct list head;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 4; i++)
		list_push(&head, &t[i].link);
	list_for_each_safe(at, next, &head) if (list_entry(at, struct thing, link)->number % 2)
	    list_remove(at);
	assert_numbers(&head, "24");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_and_nothing_else),
		cmocka_unit_test(putting_again_gives_back_the_old_value),
		cmocka_unit_test(removing_gives_the_value_once),
		cmocka_unit_test(keys_are_bytes_and_are_copied),
		cmocka_unit_test(many_keys_come_and_go),
		cmocka_unit_test(each_pair_is_visited_once_until_told_to_stop),
		cmocka_unit_test(freeing_hands_over_each_value),
		cmocka_unit_test(items_are_added_at_both_ends),
		cmocka_unit_test(removing_twice_is_fine),
		cmocka_unit_test(shifting_empties_from_the_front),
		cmocka_unit_test(items_may_be_removed_while_walking),
	};

	return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
