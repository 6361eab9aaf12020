/*
 * Gathering a body: what was added is there, and it costs its size and little more.
 */
#include "tests/unit/unit.h"

#include <unistd.h>
#include "net/body.h"

#define MB ((size_t)1 << 20)

static char
byte_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static void
add_upto(struct body *b, size_t len, size_t step, int64_t declared)
{
	char *piece = malloc(step);

	while (b->len < len) {
		size_t n = len - b->len < step ? len - b->len : step;

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(b->len + i);
		body_add(b, (struct span){ piece, n }, declared);
	}
	free(piece);
}

static void
check(const struct body *b, size_t len)
{
	struct span all = body_span(b);

	assert_int_equal(all.len, len);
	assert_non_null(all.p);
	assert_int_equal(all.p[len], '\0');
	for (size_t i = 0; i < len; i++)
		if (all.p[i] != byte_at(i))
			fail_msg("byte %zu of %zu", i, len);
}

static void
an_empty_body_is_an_empty_text(void **state)
{
	struct body b = BODY_INIT;

	(void)state;
	check(&b, 0);
	body_add(&b, SPAN_NONE, 5);
	check(&b, 0);
	assert_null(b.data);
	body_fini(&b);
	check(&b, 0);
}

/* The sizes lie around those at which memory is taken otherwise. */
static void
what_is_added_is_there_whatever_the_pieces(void **state)
{
	static const size_t sizes[] = { 1, 2, 63, 64, 65, 4095, 4096, 4097, BODY_MAP_BYTES - 2,
		BODY_MAP_BYTES - 1, BODY_MAP_BYTES, BODY_MAP_BYTES + 1, MB, 3 * MB + 1, 9 * MB };
	static const size_t steps[] = { 1000, 16384, 1000000, 10 * MB };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (size_t k = 0; k < COUNT(steps); k++)
			for (int declares = 0; declares < 2; declares++) {
				struct body b = BODY_INIT;

				add_upto(&b, sizes[i], steps[k], declares ? (int64_t)sizes[i] : -1);
				check(&b, sizes[i]);
				body_fini(&b);
				assert_null(b.data);
				assert_int_equal(b.len + b.cap, 0);
				add_upto(&b, 10, 3, -1);
				check(&b, 10);
				body_fini(&b);
				body_fini(&b);
			}
}

static void
room_is_taken_as_bytes_come_and_not_as_declared(void **state)
{
	struct body b = BODY_INIT;

	(void)state;
	add_upto(&b, 100, 10, INT64_MAX);
	assert_true(b.cap < 1000);
	add_upto(&b, 5 * MB, 10000, INT64_MAX);
	assert_true(b.cap <= 6 * MB + 10000);
	body_fini(&b);
}

static void
there_is_never_much_more_room_than_bytes(void **state)
{
	struct body b = BODY_INIT;

	(void)state;
	for (size_t len = 20000; len < 40 * MB; len += len / 3) {
		add_upto(&b, len, 20000, -1);
		if (len <= BODY_MAP_BYTES)
			assert_true(b.cap <= 2 * len);
		else
			assert_true(b.cap - len <= (len / 8 > MB ? len / 8 : MB) + 4096);
	}
	body_fini(&b);
}

static void
a_declared_length_is_not_exceeded(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct body b = BODY_INIT;

	(void)state;
	add_upto(&b, 50000, 16384, 50000);
	assert_int_equal(b.cap, 50001);
	body_fini(&b);
	add_upto(&b, 20 * MB, 16384, 20 * (int64_t)MB);
	assert_int_equal(b.cap, 20 * MB + page);
	body_fini(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_body_is_an_empty_text),
		cmocka_unit_test(what_is_added_is_there_whatever_the_pieces),
		cmocka_unit_test(room_is_taken_as_bytes_come_and_not_as_declared),
		cmocka_unit_test(there_is_never_much_more_room_than_bytes),
		cmocka_unit_test(a_declared_length_is_not_exceeded),
	};

	return cmocka_run_group_tests_name("net/body", tests, NULL, NULL);
}
