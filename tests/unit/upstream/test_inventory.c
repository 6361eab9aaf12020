/*
 * The credentials that a process has loaded: when they are loaded anew, and what leases keep of the
 * old ones.
 */
#include "upstream/inventory.h"

#include "tests/unit/upstream/world.h"

#define MANY (10 * INVENTORY_A_MS) /* are used for 10 ms at least */

static const struct config config;

static struct moment
at(int64_t ms)
{
	return (struct moment){ 1000 + ms, T0 + ms };
}

/* One transaction for all: a commit of its own for each would take a while. */
static void
add_many(struct world *w, int from, int n)
{
	struct buf record = BUF_INIT;
	struct err e = ERR_INIT;
	struct txn t = store_write(w->store);

	for (int i = from; i < from + n; i++) {
		char id[CREDENTIAL_ID_LEN + 1], label[16], secret[32];
		struct credential c = { .label = label,
			.secret = secret,
			.project = (char[]){ "" },
			.note = (char[]){ "" },
			.enabled = true,
			.created_wall_ms = T0 + i };

		snprintf(label, sizeof(label), "key-%d", i);
		snprintf(secret, sizeof(secret), "AIza-%05d-aaaaaaaaaaaa", i);
		credential_make_id(span_of(secret), w->seal, id);
		buf_clear(&record);
		credential_encode(&c, &record);
		store_put(&t, TABLE_CREDENTIAL, span_of(id), buf_span(&record));
	}
	if (!store_end(&t, &e))
		fail_msg("%s", e.text);
	board_bump(w->board, BOARD_GEN_CREDENTIALS);
	buf_wipe(&record);
}

static void
a_few_are_loaded_anew_at_once(void **state)
{
	struct world *w = *state;
	struct inventory v;

	add_many(w, 0, 3);
	inventory_init(&v, w->store, w->board, &config);
	for (int i = 3; i < INVENTORY_A_MS; i++) {
		add_many(w, i, 1);
		inventory_refresh(&v, at(0));
		assert_int_equal(v.now->set.count, i + 1);
	}
	inventory_fini(&v);
}

/* Of ten thousand keys three thousand were found to be invalid, and the workers did nothing but
 * load: six hundred requests a second were left of thirty thousand. */
static void
many_are_used_for_a_while_before_they_are_loaded_anew(void **state)
{
	struct world *w = *state;
	struct inventory v;

	add_many(w, 0, MANY);
	inventory_init(&v, w->store, w->board, &config);
	add_many(w, MANY, 1);
	inventory_refresh(&v, at(0));
	assert_int_equal(v.now->set.count, MANY + 1);

	add_many(w, MANY + 1, 1);
	inventory_refresh(&v, at(1));
	inventory_refresh(&v, at(9));
	assert_int_equal(v.now->set.count, MANY + 1);
	inventory_refresh(&v, at(10));
	assert_int_equal(v.now->set.count, MANY + 2);

	/* Who comes long behind the last change waits for nothing. */
	add_many(w, MANY + 2, 1);
	inventory_refresh(&v, at(60000));
	assert_int_equal(v.now->set.count, MANY + 3);
	inventory_fini(&v);
}

static void
what_did_not_change_is_not_loaded_anew(void **state)
{
	struct world *w = *state;
	struct inventory v;

	add_many(w, 0, 2);
	inventory_init(&v, w->store, w->board, &config);
	const struct pool_snapshot *before = v.now;

	inventory_refresh(&v, at(60000));
	assert_ptr_equal(v.now, before);
	inventory_fini(&v);
}

static void
a_set_that_is_lent_from_outlives_the_loading(void **state)
{
	struct world *w = *state;
	struct inventory v;

	add_many(w, 0, 1);
	inventory_init(&v, w->store, w->board, &config);
	struct pool_snapshot *old = v.now;

	old->leases++;
	add_many(w, 1, 1);
	inventory_refresh(&v, at(0));
	assert_ptr_not_equal(v.now, old);
	assert_string_equal(old->set.items[0].secret, "AIza-00000-aaaaaaaaaaaa");
	assert_false(old->current);
	inventory_release(old);
	inventory_fini(&v);
}

static void
who_is_disabled_here_is_not_counted_as_enabled(void **state)
{
	struct world *w = *state;
	struct inventory v;

	add_many(w, 0, 3);
	inventory_init(&v, w->store, w->board, &config);
	uint32_t i = inventory_find(&v, span_of(v.now->set.items[1].id));

	assert_int_equal(i, 1);
	inventory_disable(&v, i);
	inventory_disable(&v, i);
	assert_int_equal(v.now->enabled, 2);
	assert_false(v.now->items[i].enabled);
	assert_int_equal(inventory_find(&v, SPAN("0123456789abcdef")), CHOICE_NONE);
	inventory_fini(&v);
}

/* The pause once went by the clock of days: set back by an hour, it lasted for an hour. */
static void
what_could_not_be_read_is_read_again_soon_whatever_hour_it_is(void **state)
{
	struct world *w = *state;
	struct inventory v;

	add_many(w, 0, 1);
	inventory_init(&v, w->store, w->board, &config);
	add_many(w, 1, 1);
	v.unread_generation = board_generation(w->board, BOARD_GEN_CREDENTIALS);
	v.unread_until_ms = at(SECOND).ms; /* as a failure leaves it */
	inventory_refresh(&v, (struct moment){ 1000 + 999, T0 + 60 * MINUTE });
	assert_int_equal(v.now->set.count, 1);
	inventory_refresh(&v, (struct moment){ 1000 + 1000, T0 - 60 * MINUTE });
	assert_int_equal(v.now->set.count, 2);
	inventory_fini(&v);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_open, world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_few_are_loaded_anew_at_once),
		TEST(many_are_used_for_a_while_before_they_are_loaded_anew),
		TEST(what_did_not_change_is_not_loaded_anew),
		TEST(a_set_that_is_lent_from_outlives_the_loading),
		TEST(who_is_disabled_here_is_not_counted_as_enabled),
		TEST(what_could_not_be_read_is_read_again_soon_whatever_hour_it_is),
	};

	return cmocka_run_group_tests_name("upstream/inventory", tests, NULL, NULL);
}
