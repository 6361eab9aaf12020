/*
 * The key file, sealing and keyed hashes.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/seal.h"
#include "tests/unit/small_disk.h"

#define KEY_A  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B  "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define HEADER "pollux keys 1\n"

struct place {
	char dir[64];
	char path[80];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/test-seal-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/key", p->dir);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char beside[96];
	bool left;

	snprintf(beside, sizeof(beside), "%s.new", p->path);
	left = unlink(beside) == 0;
	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return left ? -1 : 0;
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct seal *
open_seal(const char *path, bool create)
{
	struct err e = ERR_INIT;
	struct seal *s = seal_open(path, create, &e);

	if (!s)
		fail_msg("%s", e.text);
	return s;
}

static struct seal *
seal_with(struct place *p, const char *text)
{
	write_file(p->path, text, 0600);
	return open_seal(p->path, false);
}

/* ---- the file ---- */

static void
a_new_key_file_is_private_and_is_read_again(void **state)
{
	struct place *p = *state;
	unsigned char one[SEAL_HASH_BYTES], two[SEAL_HASH_BYTES];
	struct stat st;
	struct seal *s = open_seal(p->path, true);

	seal_fingerprint(s, one);
	seal_close(&s);
	assert_null(s);
	seal_close(&s);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, strlen(HEADER "1 " KEY_A "\n"));
	s = open_seal(p->path, true);
	seal_fingerprint(s, two);
	assert_memory_equal(one, two, sizeof(one));
	seal_close(&s);
}

static void
two_new_keys_differ(void **state)
{
	struct place *p = *state;
	unsigned char one[SEAL_HASH_BYTES], two[SEAL_HASH_BYTES];
	struct seal *s = open_seal(p->path, true);

	seal_fingerprint(s, one);
	seal_close(&s);
	unlink(p->path);
	s = open_seal(p->path, true);
	seal_fingerprint(s, two);
	assert_memory_not_equal(one, two, sizeof(one));
	seal_close(&s);
}

static void
a_missing_key_file_is_not_made_unasked(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	assert_null(seal_open(p->path, false, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_non_null(strstr(e.text, p->path));
	assert_int_equal(access(p->path, F_OK), -1);
}

static void
a_key_file_that_others_may_touch_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666 };
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(modes); i++) {
		struct err e = ERR_INIT;

		write_file(p->path, HEADER "1 " KEY_A "\n", modes[i]);
		assert_null(seal_open(p->path, true, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.text, "chmod 600"));
		assert_null(strstr(e.text, KEY_A));
	}
}

static void
damaged_key_files_are_refused_without_showing_them(void **state)
{
	static const char *const cases[] = {
		"",
		"pollux keys 2\n1 " KEY_A "\n",
		"1 " KEY_A "\n",
		HEADER,
		HEADER "\n",
		HEADER "1 " KEY_A,
		HEADER "1 " KEY_A "0\n",
		HEADER "1 0123\n",
		HEADER "0 " KEY_A "\n",
		HEADER "-1 " KEY_A "\n",
		HEADER "4294967296 " KEY_A "\n",
		HEADER "1  " KEY_A "\n",
		HEADER "1 " KEY_A "\n1 " KEY_B "\n",
		HEADER "2 " KEY_A "\n1 " KEY_B "\n",
		HEADER "1 " KEY_A "\n\n",
		HEADER "1 " KEY_A " # mine\n",
		HEADER "x\n",
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;

		write_file(p->path, cases[i], 0600);
		assert_null(seal_open(p->path, true, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_null(strstr(e.text, "0011"));
	}
}

static void
a_key_file_cut_anywhere_is_refused(void **state)
{
	const char whole[] = HEADER "1 " KEY_A "\n2 " KEY_B "\n";
	size_t one_key = strlen(HEADER "1 " KEY_A "\n");
	struct place *p = *state;

	for (size_t len = 0; len < strlen(whole); len++) {
		char text[sizeof(whole)];
		struct seal *s;

		memcpy(text, whole, len);
		text[len] = '\0';
		write_file(p->path, text, 0600);
		s = seal_open(p->path, true, NULL);
		assert_int_equal(s != NULL, len == one_key); /* which is a whole file of its own */
		seal_close(&s);
	}
}

static void
a_huge_file_or_a_directory_is_no_key_file(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	char *text = calloc(1, 100001);

	memset(text, 'k', 100000);
	memcpy(text, HEADER, strlen(HEADER));
	write_file(p->path, text, 0600);
	assert_null(seal_open(p->path, true, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_null(seal_open(p->dir, true, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	free(text);
}

static void
a_file_holds_so_many_keys_and_no_more(void **state)
{
	struct place *p = *state;

	for (int n = SEAL_KEYS_MAX; n <= SEAL_KEYS_MAX + 1; n++) {
		struct buf text = BUF_INIT;
		struct seal *s;

		buf_add_text(&text, HEADER);
		for (int i = 1; i <= n; i++)
			buf_printf(&text, "%d " KEY_A "\n", i * 1000);
		write_file(p->path, buf_text(&text), 0600);
		s = seal_open(p->path, false, NULL);
		assert_int_equal(s != NULL, n == SEAL_KEYS_MAX);
		seal_close(&s);
		buf_fini(&text);
	}
}

/* A crash in the middle of making one leaves the name beside it. */
static void
what_a_crash_left_beside_the_file_does_not_matter(void **state)
{
	struct place *p = *state;
	char beside[96];
	struct seal *s;

	snprintf(beside, sizeof(beside), "%s.new", p->path);
	write_file(beside, "half a k", 0600);
	s = open_seal(p->path, true);
	seal_close(&s);
	assert_int_equal(access(beside, F_OK), -1);
}

static int
make_key_without_room(void *ctx)
{
	struct place *p = ctx;
	struct err e = ERR_INIT;
	char filler[96] = "";
	int fd;

	if (!small_disk(p->dir, "4k"))
		return SMALL_DISK_NONE;
	snprintf(filler, sizeof(filler), "%s/filler", p->dir);
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, filler, sizeof(filler)) > 0)
		continue;
	if (seal_open(p->path, true, &e))
		return 1;
	return e.kind == ERR_FULL && access(p->path, F_OK) != 0 ? 0 : 2;
}

static void
no_half_key_file_is_left_on_a_full_disk(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(make_key_without_room(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SMALL_DISK_NONE)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- sealing ---- */

static void
what_is_sealed_comes_back_in_its_place_only(void **state)
{
	static const char *const texts[] = { "", "x", "AIzaSyD-a-secret-of-39-characters-000000" };
	struct seal *s = seal_with(*state, HEADER "1 " KEY_A "\n");

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct buf sealed = BUF_INIT, plain = BUF_INIT;
		struct err e = ERR_INIT;

		seal_wrap(s, &sealed, span_of(texts[i]), SPAN("credential\0one"));
		assert_int_equal(sealed.len, strlen(texts[i]) + 44);
		assert_false(strlen(texts[i]) > 1 && span_has(buf_span(&sealed), texts[i]));
		assert_true(seal_unwrap(s, &plain, buf_span(&sealed), SPAN("credential\0one"), &e));
		assert_true(span_is(buf_span(&plain), texts[i]));
		buf_clear(&plain);
		assert_false(
		    seal_unwrap(s, &plain, buf_span(&sealed), SPAN("credential\0two"), &e));
		assert_false(seal_unwrap(s, &plain, buf_span(&sealed), SPAN_NONE, &e));
		assert_int_equal(plain.len, 0);
		assert_int_equal(e.kind, ERR_SYSTEM);
		buf_fini(&sealed);
		buf_fini(&plain);
	}
	seal_close(&s);
}

static void
sealing_appends_to_what_is_there(void **state)
{
	struct seal *s = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct buf sealed = BUF_INIT, plain = BUF_INIT;
	struct err e = ERR_INIT;

	buf_add_text(&sealed, "before");
	seal_wrap(s, &sealed, SPAN("text"), SPAN("place"));
	assert_true(span_starts(buf_span(&sealed), "before"));
	buf_add_text(&plain, "> ");
	assert_true(
	    seal_unwrap(s, &plain, span_mem(sealed.data + 6, sealed.len - 6), SPAN("place"), &e));
	assert_true(span_is(buf_span(&plain), "> text"));
	buf_fini(&sealed);
	buf_fini(&plain);
	seal_close(&s);
}

static void
the_same_text_is_never_sealed_the_same(void **state)
{
	struct seal *s = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct buf one = BUF_INIT, two = BUF_INIT;

	seal_wrap(s, &one, SPAN("text"), SPAN("place"));
	seal_wrap(s, &two, SPAN("text"), SPAN("place"));
	assert_false(span_eq(buf_span(&one), buf_span(&two)));
	buf_fini(&one);
	buf_fini(&two);
	seal_close(&s);
}

static void
a_change_of_any_bit_and_any_cut_is_noticed(void **state)
{
	struct seal *s = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct buf sealed = BUF_INIT, plain = BUF_INIT;

	seal_wrap(s, &sealed, SPAN("secret"), SPAN("place"));
	for (size_t bit = 0; bit < sealed.len * 8; bit++) {
		sealed.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_false(seal_unwrap(s, &plain, buf_span(&sealed), SPAN("place"), NULL));
		sealed.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < sealed.len; len++) {
		char *exact = malloc(len + 1);

		memcpy(exact, sealed.data, len);
		assert_false(seal_unwrap(s, &plain, span_mem(exact, len), SPAN("place"), NULL));
		free(exact);
	}
	assert_int_equal(plain.len, 0);
	assert_true(seal_unwrap(s, &plain, buf_span(&sealed), SPAN("place"), NULL));
	buf_fini(&sealed);
	buf_fini(&plain);
	seal_close(&s);
}

static void
another_key_does_not_open_it(void **state)
{
	struct seal *a = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct seal *b = seal_with(*state, HEADER "1 " KEY_B "\n");
	struct buf sealed = BUF_INIT, plain = BUF_INIT;

	seal_wrap(a, &sealed, SPAN("secret"), SPAN("place"));
	assert_false(seal_unwrap(b, &plain, buf_span(&sealed), SPAN("place"), NULL));
	buf_fini(&sealed);
	buf_fini(&plain);
	seal_close(&a);
	seal_close(&b);
}

static void
a_rotated_file_opens_old_values_and_seals_with_the_last_key(void **state)
{
	struct seal *before = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct seal *after = seal_with(*state, HEADER "1 " KEY_A "\n7 " KEY_B "\n");
	struct buf old = BUF_INIT, new_ = BUF_INIT, plain = BUF_INIT;
	struct err e = ERR_INIT;

	seal_wrap(before, &old, SPAN("old"), SPAN("place"));
	seal_wrap(after, &new_, SPAN("new"), SPAN("place"));
	assert_memory_equal(old.data, "\x01\0\0\0", 4);
	assert_memory_equal(new_.data, "\x07\0\0\0", 4);
	assert_true(seal_unwrap(after, &plain, buf_span(&old), SPAN("place"), &e));
	assert_true(seal_unwrap(after, &plain, buf_span(&new_), SPAN("place"), &e));
	assert_true(span_is(buf_span(&plain), "oldnew"));
	assert_false(seal_unwrap(before, &plain, buf_span(&new_), SPAN("place"), &e));
	assert_non_null(strstr(e.text, "key 7"));
	buf_fini(&old);
	buf_fini(&new_);
	buf_fini(&plain);
	seal_close(&before);
	seal_close(&after);
}

/* ---- hashes ---- */

static void
a_hash_depends_on_key_purpose_and_text(void **state)
{
	struct seal *a = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct seal *b = seal_with(*state, HEADER "1 " KEY_B "\n");
	unsigned char h[5][SEAL_HASH_BYTES];

	seal_hash(a, "client__", SPAN("plx-1"), h[0]);
	seal_hash(a, "client__", SPAN("plx-2"), h[1]);
	seal_hash(a, "cookie__", SPAN("plx-1"), h[2]);
	seal_hash(b, "client__", SPAN("plx-1"), h[3]);
	seal_hash(a, "client__", SPAN("plx-1"), h[4]);
	assert_memory_equal(h[0], h[4], SEAL_HASH_BYTES);
	for (int i = 1; i <= 3; i++)
		assert_memory_not_equal(h[0], h[i], SEAL_HASH_BYTES);
	seal_close(&a);
	seal_close(&b);
}

static void
hashes_and_fingerprint_outlive_a_rotation(void **state)
{
	struct seal *before = seal_with(*state, HEADER "1 " KEY_A "\n");
	struct seal *after = seal_with(*state, HEADER "1 " KEY_A "\n2 " KEY_B "\n");
	unsigned char one[SEAL_HASH_BYTES], two[SEAL_HASH_BYTES];

	seal_hash(before, "client__", SPAN("plx-1"), one);
	seal_hash(after, "client__", SPAN("plx-1"), two);
	assert_memory_equal(one, two, sizeof(one));
	seal_fingerprint(before, one);
	seal_fingerprint(after, two);
	assert_memory_equal(one, two, sizeof(one));
	seal_close(&before);
	seal_close(&after);
}

static void
the_fingerprint_is_no_hash_that_could_be_asked_for(void **state)
{
	struct seal *s = seal_with(*state, HEADER "1 " KEY_A "\n");
	unsigned char print[SEAL_HASH_BYTES], hash[SEAL_HASH_BYTES];

	seal_fingerprint(s, print);
	seal_hash(s, "finger__", SPAN("pollux key file"), hash);
	assert_memory_not_equal(print, hash, sizeof(print));
	seal_close(&s);
}

int
main(void)
{
#define SEAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		SEAL_TEST(a_new_key_file_is_private_and_is_read_again),
		SEAL_TEST(two_new_keys_differ),
		SEAL_TEST(a_missing_key_file_is_not_made_unasked),
		SEAL_TEST(a_key_file_that_others_may_touch_is_refused),
		SEAL_TEST(damaged_key_files_are_refused_without_showing_them),
		SEAL_TEST(a_key_file_cut_anywhere_is_refused),
		SEAL_TEST(a_huge_file_or_a_directory_is_no_key_file),
		SEAL_TEST(a_file_holds_so_many_keys_and_no_more),
		SEAL_TEST(what_a_crash_left_beside_the_file_does_not_matter),
		SEAL_TEST(no_half_key_file_is_left_on_a_full_disk),
		SEAL_TEST(what_is_sealed_comes_back_in_its_place_only),
		SEAL_TEST(sealing_appends_to_what_is_there),
		SEAL_TEST(the_same_text_is_never_sealed_the_same),
		SEAL_TEST(a_change_of_any_bit_and_any_cut_is_noticed),
		SEAL_TEST(another_key_does_not_open_it),
		SEAL_TEST(a_rotated_file_opens_old_values_and_seals_with_the_last_key),
		SEAL_TEST(a_hash_depends_on_key_purpose_and_text),
		SEAL_TEST(hashes_and_fingerprint_outlive_a_rotation),
		SEAL_TEST(the_fingerprint_is_no_hash_that_could_be_asked_for),
	};

	return cmocka_run_group_tests_name("store/seal", tests, NULL, NULL);
}
