#include "tests/unit/upstream/world.h"

static void
a_pasted_key_is_trimmed_and_checked(void **state)
{
	static const struct {
		const char *pasted;
		const char *clean; /* NULL: refused */
	} rows[] = {
		{ "AIzaSyA-0123456789", "AIzaSyA-0123456789" },
		{ "  AIzaSyA-0123456789\r\n", "AIzaSyA-0123456789" },
		{ "", NULL },
		{ "  \n", NULL },
		{ "short", NULL },
		{ "\"AIzaSyA-0123456789\"", NULL },
		{ "AIzaSyA 0123456789", NULL },
		{ "AIzaSyA\n0123456789", NULL },
		{ "AIzaSyA,0123456789", NULL },
		{ "AIzaSyA\x01"
		  "0123456789",
		    NULL },
		{ "AIzaSy\xc3\xa4"
		  "0123456789",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct span clean;
		bool ok = credential_check_secret(span_of(rows[i].pasted), &clean, &e);

		assert_int_equal(ok, rows[i].clean != NULL);
		if (ok)
			assert_true(span_is(clean, rows[i].clean));
		else
			assert_int_equal(e.kind, ERR_BAD_REQUEST);
		/* What was pasted stands in no error. */
		if (!ok && strlen(rows[i].pasted) > 6)
			assert_null(strstr(e.text, "0123456789"));
	}
}

static void
a_record_comes_back_as_it_was_stored(void **state)
{
	struct credential c = { .label = (char *)"main",
		.secret = (char *)"AIzaSyA-0123456789",
		.project = (char *)"p1",
		.note = (char *)"why",
		.source = CREDENTIAL_FROM_ENVIRONMENT,
		.enabled = true,
		.created_wall_ms = T0 };
	struct credential back;
	struct buf record = BUF_INIT;

	(void)state;
	credential_encode(&c, &record);
	assert_true(credential_decode(SPAN("0123456789abcdef"), buf_span(&record), &back));
	assert_string_equal(back.id, "0123456789abcdef");
	assert_int_equal(back.board_key, UINT64_C(0x0123456789abcdef));
	assert_string_equal(back.label, "main");
	assert_string_equal(back.secret, "AIzaSyA-0123456789");
	assert_string_equal(back.project, "p1");
	assert_string_equal(back.note, "why");
	assert_int_equal(back.source, CREDENTIAL_FROM_ENVIRONMENT);
	assert_true(back.enabled);
	assert_int_equal(back.created_wall_ms, T0);
	/* No truncation of a record reads as a credential without its secret. */
	for (size_t n = 0; n < record.len; n++) {
		struct credential cut;

		if (!credential_decode(
			SPAN("0123456789abcdef"), (struct span){ record.data, n }, &cut))
			continue;
		assert_string_equal(cut.secret, "AIzaSyA-0123456789");
		credential_fini(&cut);
	}
	credential_fini(&back);
	buf_wipe(&record);
}

static void
a_key_has_the_same_id_however_often_it_comes(void **state)
{
	struct world *w = *state;
	char a[CREDENTIAL_ID_LEN + 1], b[CREDENTIAL_ID_LEN + 1], c[CREDENTIAL_ID_LEN + 1];

	credential_make_id(SPAN("AIzaSyA-0123456789"), w->seal, a);
	credential_make_id(SPAN("AIzaSyA-0123456789"), w->seal, b);
	credential_make_id(SPAN("AIzaSyA-012345678X"), w->seal, c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strlen(a), CREDENTIAL_ID_LEN);
}

static void
a_hint_does_not_give_a_key_away(void **state)
{
	struct credential c = { .secret = (char *)"AIzaSyA-0123456789abcdefghijklmnopq9x2Q" };
	struct credential shorter = { .secret = (char *)"tiny-secret" };
	struct buf out = BUF_INIT;

	(void)state;
	credential_hint(&c, &out);
	assert_string_equal(buf_text(&out), "AIza...9x2Q");
	buf_clear(&out);
	credential_hint(&shorter, &out);
	assert_string_equal(buf_text(&out), "...");
	buf_fini(&out);
}

static void
a_set_is_found_by_id_and_by_label_in_order_of_creation(void **state)
{
	struct world *w = *state;
	char first[CREDENTIAL_ID_LEN + 1], second[CREDENTIAL_ID_LEN + 1];
	struct credential_set set;
	struct err e = ERR_INIT;

	world_add(w, "later", "AIzaSyA-later-0123456789", true, T0 + 2, second);
	world_add(w, "sooner", "AIzaSyA-sooner-0123456789", false, T0 + 1, first);
	assert_true(credential_set_load(&set, w->store, 9, &e));
	assert_int_equal(set.count, 2);
	assert_int_equal(set.generation, 9);
	assert_string_equal(set.items[0].label, "sooner");
	assert_ptr_equal(credential_set_find(&set, span_of(second)), &set.items[1]);
	assert_ptr_equal(credential_set_find(&set, SPAN("sooner")), &set.items[0]);
	assert_null(credential_set_find(&set, SPAN("nobody")));
	credential_set_fini(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pasted_key_is_trimmed_and_checked),
		cmocka_unit_test(a_record_comes_back_as_it_was_stored),
		cmocka_unit_test_setup_teardown(
		    a_key_has_the_same_id_however_often_it_comes, world_open, world_close),
		cmocka_unit_test(a_hint_does_not_give_a_key_away),
		cmocka_unit_test_setup_teardown(
		    a_set_is_found_by_id_and_by_label_in_order_of_creation, world_open,
		    world_close),
	};

	return cmocka_run_group_tests_name("upstream/credential", tests, NULL, NULL);
}
