#include "tests/unit/upstream/world.h"
#include "admit/client.h"

static void
store_client(struct world *w, const char *key, const char *label, bool enabled)
{
	struct client c = {
		.source = CLIENT_FROM_OPERATOR, .enabled = enabled, .created_wall_ms = T0
	};
	struct buf record = BUF_INIT;
	struct err e = ERR_INIT;

	snprintf(c.id, sizeof(c.id), "%.12s", label);
	snprintf(c.label, sizeof(c.label), "%s", label);
	client_hash(w->seal, span_of(key), c.hash);
	client_encode(&c, &record);
	struct txn t = store_write(w->store);

	store_put(&t, TABLE_CLIENT, span_mem(c.hash, sizeof(c.hash)), buf_span(&record));
	assert_true(store_end(&t, &e));
	buf_fini(&record);
}

static void
a_key_is_taken_from_each_of_the_four_places(void **state)
{
	static const struct {
		const char *authorization, *goog, *x_api_key, *query;
		const char *key; /* NULL: none */
	} rows[] = {
		{ "Bearer abc", NULL, NULL, NULL, "abc" },
		{ "bearer   abc ", NULL, NULL, NULL, "abc" },
		{ "BEARER\tabc", NULL, NULL, NULL, "abc" },
		{ NULL, "abc", NULL, NULL, "abc" },
		{ NULL, NULL, "abc", NULL, "abc" },
		{ NULL, NULL, NULL, "alt=sse&key=abc", "abc" },
		{ NULL, NULL, NULL, "key=a%2Bb", "a+b" },
		{ "Basic abc", NULL, NULL, NULL, NULL },
		{ "Bearer", NULL, NULL, NULL, NULL },
		{ "Bearer ", NULL, NULL, NULL, NULL },
		{ "Bearerabc", NULL, NULL, NULL, NULL },
		{ NULL, NULL, NULL, "key=", NULL },
		{ NULL, NULL, NULL, "monkey=abc", NULL },
		{ NULL, NULL, NULL, NULL, NULL },
		/* An SDK's placeholder elsewhere does not hide the key. */
		{ "Basic x", NULL, NULL, "key=abc", "abc" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span got =
		    client_presented(span_of(rows[i].authorization), span_of(rows[i].goog),
			span_of(rows[i].x_api_key), span_of(rows[i].query), arena);

		if (!rows[i].key)
			assert_int_equal(got.len, 0);
		else
			assert_true(span_is(got, rows[i].key));
	}
	arena_free(&arena);
}

static void
only_a_stored_and_enabled_key_is_known(void **state)
{
	struct world *w = *state;
	struct client c;
	struct err e = ERR_INIT;

	store_client(w, "plx-good-0123456789", "good", true);
	store_client(w, "plx-off-0123456789", "off", false);
	assert_true(client_identify(w->store, w->seal, SPAN("plx-good-0123456789"), &c, &e));
	assert_string_equal(c.label, "good");
	assert_false(client_identify(w->store, w->seal, SPAN("plx-good-012345678"), &c, &e));
	assert_int_equal(e.kind, ERR_UNAUTHORIZED);
	assert_false(client_identify(w->store, w->seal, SPAN("plx-off-0123456789"), &c, &e));
	assert_int_equal(e.kind, ERR_UNAUTHORIZED);
	assert_null(strstr(e.text, "plx-off"));
	assert_false(client_identify(w->store, w->seal, SPAN(""), &c, &e));
}

static void
keys_that_are_made_differ_and_pass_the_check(void **state)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	client_make_key(&a);
	client_make_key(&b);
	assert_true(span_starts(buf_span(&a), CLIENT_KEY_PREFIX));
	assert_false(span_eq(buf_span(&a), buf_span(&b)));
	assert_true(a.len >= 36);
	assert_true(client_check_key(buf_span(&a), &e));
	buf_wipe(&a);
	buf_wipe(&b);
}

static void
a_key_brought_along_is_checked(void **state)
{
	struct err e = ERR_INIT;
	char longest[258];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_true(client_check_key(SPAN("sixteen-letters-"), &e));
	assert_false(client_check_key(SPAN("fifteen-letters"), &e));
	assert_true(client_check_key((struct span){ longest, 256 }, &e));
	assert_false(client_check_key((struct span){ longest, 257 }, &e));
	assert_false(client_check_key(SPAN("with a blank in it"), &e));
	assert_false(client_check_key(SPAN("with,a-comma-in-it"), &e));
	assert_false(client_check_key(SPAN("with-\xc3\xa4-umlaut-in-it"), &e));
}

static void
a_record_comes_back_as_it_was_stored_and_no_broken_one_does(void **state)
{
	struct client c = { .id = "0123456789ab",
		.label = "shop",
		.source = CLIENT_FROM_FIRST_RUN,
		.enabled = true,
		.created_wall_ms = T0 };
	struct client back;
	struct buf record = BUF_INIT;
	struct span hash = { (const char *)c.hash, sizeof(c.hash) };

	(void)state;
	client_encode(&c, &record);
	assert_true(client_decode(hash, buf_span(&record), &back));
	assert_memory_equal(&back, &c, sizeof(c));
	record_put_text(&record, 77, SPAN("of a newer binary"));
	assert_true(client_decode(hash, buf_span(&record), &back));
	assert_false(client_decode(SPAN("short"), buf_span(&record), &back));
	buf_clear(&record);
	record_put_text(&record, 1, SPAN("an id that is far too long to be one"));
	assert_false(client_decode(hash, buf_span(&record), &back));
	assert_false(client_decode(hash, SPAN(""), &back));
	buf_fini(&record);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_taken_from_each_of_the_four_places),
		cmocka_unit_test_setup_teardown(
		    only_a_stored_and_enabled_key_is_known, world_open, world_close),
		cmocka_unit_test(keys_that_are_made_differ_and_pass_the_check),
		cmocka_unit_test(a_key_brought_along_is_checked),
		cmocka_unit_test(a_record_comes_back_as_it_was_stored_and_no_broken_one_does),
	};

	return cmocka_run_group_tests_name("admit/client", tests, NULL, NULL);
}
