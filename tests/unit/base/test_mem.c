/* base/mem: memory that is there or the process is not, and arenas. */
#include "tests/unit/unit.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/text.h"

static bool
is_zero(const void *p, size_t size)
{
	const char *bytes = p;

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* The signal that ends a child in which fn runs; 0 when it comes back.  The child's words go
 * nowhere. */
static int
fatal_signal_of(void (*fn)(void))
{
	static const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
fresh_memory_is_zeroed(void **state)
{
	char *p = mem_alloc(100), *q = mem_array(10, 10);

	(void)state;
	assert_true(is_zero(p, 100));
	assert_true(is_zero(q, 100));
	mem_free(p);
	mem_free(q);
}

static void
nothing_can_be_asked_for_and_freed(void **state)
{
	void *p = mem_alloc(0);

	(void)state;
	assert_non_null(p);
	p = mem_resize(p, 0);
	assert_non_null(p);
	mem_free(p);
	mem_free(NULL);
}

static void
resizing_keeps_what_was_there(void **state)
{
	char *p = mem_dup("hello");

	(void)state;
	p = mem_resize(p, 100000);
	assert_string_equal(p, "hello");
	mem_free(p);
}

static void
copies_of_spans_end_in_nul(void **state)
{
	char *some = mem_dup_span(span_mem("abcdef", 3)), *none = mem_dup_span(SPAN_NONE);

	(void)state;
	assert_string_equal(some, "abc");
	assert_string_equal(none, "");
	mem_free(some);
	mem_free(none);
}

static void
printed_text_has_the_length_it_needs(void **state)
{
	char *p = mem_printf("%0*d|%s", 5000, 7, "end");

	(void)state;
	assert_int_equal(strlen(p), 5004);
	assert_string_equal(p + 5000, "|end");
	mem_free(p);
}

static void
ask_for_too_many(void)
{
	mem_free(mem_array(SIZE_MAX / 2, 3));
}

static void
say_exhausted(void)
{
	mem_exhausted(1);
}

static void
a_product_that_overflows_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(fatal_signal_of(ask_for_too_many), SIGABRT);
}

static void
exhaustion_ends_the_process_even_without_stderr(void **state)
{
	(void)state;
	assert_int_equal(fatal_signal_of(say_exhausted), SIGABRT);
}

static void
wiping_leaves_zeros(void **state)
{
	char secret[] = "secret";

	(void)state;
	mem_wipe(secret, sizeof(secret));
	assert_true(is_zero(secret, sizeof(secret)));
	mem_wipe(NULL, 0);
}

/* ---- arenas ---- */

static void
an_arena_hands_out_zeroed_and_aligned_memory(void **state)
{
	struct arena *a = arena_new(1024);

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		char *p = arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		assert_true(is_zero(p, size));
		memset(p, 0xff, size);
	}
	arena_free(&a);
	assert_null(a);
}

static void
pieces_of_an_arena_do_not_overlap(void **state)
{
	struct arena *a = arena_new(512);
	unsigned char *piece[200];

	(void)state;
	for (size_t i = 0; i < COUNT(piece); i++)
		memset(piece[i] = arena_alloc(a, i), (int)i, i);
	for (size_t i = 0; i < COUNT(piece); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal(piece[i][j], i);
	arena_free(&a);
}

static void
two_pieces_of_nothing_are_two(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_ptr_not_equal(arena_alloc(a, 0), arena_alloc(a, 0));
	arena_free(&a);
}

static void
an_arena_takes_its_first_chunk_when_it_is_needed(void **state)
{
	struct arena *a = arena_new(4096);
	size_t empty = arena_bytes(a);

	(void)state;
	assert_true(empty < 256);
	arena_alloc(a, 1);
	assert_in_range(arena_bytes(a), empty + 4096, empty + 4096 + 64);
	arena_free(&a);
}

static void
a_large_piece_has_a_chunk_of_its_own(void **state)
{
	struct arena *a = arena_new(4096);
	char *before = arena_alloc(a, 16), *after;
	size_t bytes = arena_bytes(a);

	(void)state;
	assert_true(is_zero(arena_alloc(a, 1 << 20), 1 << 20));
	assert_in_range(arena_bytes(a), bytes + (1 << 20), bytes + (1 << 20) + 128);
	after = arena_alloc(a, 16);
	assert_true(after > before && after - before < 4096);
	arena_free(&a);
}

static void
a_reset_arena_keeps_one_chunk_and_zeroes_again(void **state)
{
	struct arena *a = arena_new(1024);
	size_t one;

	(void)state;
	arena_alloc(a, 1);
	one = arena_bytes(a);
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(a, 200), 0xff, 200);
	arena_alloc(a, 100000);
	arena_reset(a);
	assert_int_equal(arena_bytes(a), one);
	for (int i = 0; i < 4; i++)
		assert_true(is_zero(arena_alloc(a, 200), 200));
	assert_int_equal(arena_bytes(a), one);
	arena_free(&a);
}

static void
an_arena_that_is_reset_each_time_does_not_grow(void **state)
{
	struct arena *a = arena_new(1024);
	size_t after_first = 0;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 20; i++)
			arena_alloc(a, 97);
		arena_reset(a);
		if (round == 0)
			after_first = arena_bytes(a);
	}
	assert_int_equal(arena_bytes(a), after_first);
	arena_free(&a);
}

static void
an_empty_arena_can_be_reset_and_freed_twice(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	arena_reset(a);
	arena_free(&a);
	arena_free(&a);
	arena_free(NULL);
}

static void
an_arena_copies_text_and_spans(void **state)
{
	struct arena *a = arena_new(0);
	char source[] = "abcdef";
	struct span copy = arena_span(a, span_mem(source, 3));

	(void)state;
	assert_string_equal(arena_dup(a, source), "abcdef");
	assert_string_equal(arena_dup_span(a, span_mem(source, 2)), "ab");
	assert_string_equal(arena_dup_span(a, SPAN_NONE), "");
	assert_string_equal(arena_printf(a, "%s-%d", source, 7), "abcdef-7");
	memset(source, 'x', sizeof(source));
	assert_true(span_is(copy, "abc"));
	assert_int_equal(copy.p[3], '\0');
	arena_free(&a);
}

static void
absent_and_empty_spans_stay_what_they_are(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_null(arena_span(a, SPAN_NONE).p);
	assert_non_null(arena_span(a, SPAN("")).p);
	arena_free(&a);
}

static void
ask_an_arena_for_too_much(void)
{
	static struct arena *volatile a; /* reachable when the child dies */

	a = arena_new(0);
	arena_alloc(a, SIZE_MAX - 3);
}

static void
a_size_that_overflows_an_arena_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(fatal_signal_of(ask_an_arena_for_too_much), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_memory_is_zeroed),
		cmocka_unit_test(nothing_can_be_asked_for_and_freed),
		cmocka_unit_test(resizing_keeps_what_was_there),
		cmocka_unit_test(copies_of_spans_end_in_nul),
		cmocka_unit_test(printed_text_has_the_length_it_needs),
		cmocka_unit_test(a_product_that_overflows_ends_the_process),
		cmocka_unit_test(exhaustion_ends_the_process_even_without_stderr),
		cmocka_unit_test(wiping_leaves_zeros),
		cmocka_unit_test(an_arena_hands_out_zeroed_and_aligned_memory),
		cmocka_unit_test(pieces_of_an_arena_do_not_overlap),
		cmocka_unit_test(two_pieces_of_nothing_are_two),
		cmocka_unit_test(an_arena_takes_its_first_chunk_when_it_is_needed),
		cmocka_unit_test(a_large_piece_has_a_chunk_of_its_own),
		cmocka_unit_test(a_reset_arena_keeps_one_chunk_and_zeroes_again),
		cmocka_unit_test(an_arena_that_is_reset_each_time_does_not_grow),
		cmocka_unit_test(an_empty_arena_can_be_reset_and_freed_twice),
		cmocka_unit_test(an_arena_copies_text_and_spans),
		cmocka_unit_test(absent_and_empty_spans_stay_what_they_are),
		cmocka_unit_test(a_size_that_overflows_an_arena_ends_the_process),
	};

	return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
