/* Single values of the configuration: which texts are read, as what, and how they are shown. */
#include "tests/unit/unit.h"

#include <inttypes.h>

#include "config/values.h"

static void
whole_numbers_are_read(void **state)
{
	struct err e = ERR_INIT;
	int64_t n;

	(void)state;
	assert_true(value_int(SPAN("0"), &n, &e) && n == 0);
	assert_true(value_int(SPAN("4096"), &n, &e) && n == 4096);
	assert_true(value_int(SPAN("-7"), &n, &e) && n == -7);
}

static void
what_is_no_whole_number_is_refused_in_words(void **state)
{
	static const char *const bad[] = { "", "x", "1x", "1.5", "1e3", "0x10", " 1",
		"9223372036854775808", "--1" };
	int64_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		assert_false(value_int(span_of(bad[i]), &n, &e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.text, "is not a whole number"));
	}
}

static void
yes_and_no_have_four_words_each(void **state)
{
	static const struct {
		const char *text;
		bool value;
	} cases[] = {
		{ "yes", true },
		{ "true", true },
		{ "on", true },
		{ "1", true },
		{ "Yes", true },
		{ "no", false },
		{ "false", false },
		{ "off", false },
		{ "0", false },
		{ "OFF", false },
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool value = !cases[i].value;

		assert_true(value_bool(span_of(cases[i].text), &value, &e));
		assert_int_equal(value, cases[i].value);
	}
}

static void
nothing_else_is_yes_or_no(void **state)
{
	static const char *const bad[] = { "", "y", "2", "ye", "yess", "01", "enabled" };
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		assert_false(value_bool(span_of(bad[i]), &value, &e));
		assert_non_null(strstr(e.text, "neither yes nor no"));
	}
}

static void
durations_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "500ms", 500 },
		{ "10s", 10000 },
		{ "5m", 300000 },
		{ "24h", 86400000 },
		{ "7d", 604800000 },
		{ "10 s", 10000 },
		{ "90S", 90000 },
		{ "106751991167d", INT64_C(9223372036828800000) },
	};
	struct err e = ERR_INIT;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(value_duration(span_of(cases[i].text), &ms, &e));
		assert_int_equal(ms, cases[i].ms);
	}
}

static void
what_is_no_duration_is_refused(void **state)
{
	static const char *const bad[] = { "", "s", "10", "1.5s", "-1s", "10 seconds", "1h30m",
		"106751991168d", "99999999999999999999s", "10\xc2\xb5s" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		assert_false(value_duration(span_of(bad[i]), &ms, &e));
		assert_non_null(strstr(e.text, "is not a time such as"));
	}
}

static void
sizes_may_have_a_unit_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "10B", 10 },
		{ "64 KiB", 65536 },
		{ "64KiB", 65536 },
		{ "64kib", 65536 },
		{ "64K", 65536 },
		{ "128 MiB", 134217728 },
		{ "1 GiB", 1073741824 },
		{ "1G", 1073741824 },
		{ "8388607 TiB", UINT64_C(9223370937343148032) },
	};
	struct err e = ERR_INIT;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(value_bytes(span_of(cases[i].text), &bytes, &e));
		assert_true(bytes == cases[i].bytes);
	}
}

static void
what_is_no_size_is_refused(void **state)
{
	/* "64 KB" could mean 64,000: better to ask than to guess */
	static const char *const bad[] = { "", "KiB", "-1", "64 KB", "1.5 GiB", "1 PiB",
		"8388608 TiB", "99999999999999999999", "64 Ki", "64\tX" };
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		assert_false(value_bytes(span_of(bad[i]), &bytes, &e));
		assert_non_null(strstr(e.text, "is not a size such as"));
	}
}

static void
a_choice_is_given_as_it_is_listed(void **state)
{
	struct err e = ERR_INIT;
	struct span word;

	(void)state;
	assert_true(value_choice(SPAN("JSON"), "text json", &word, &e));
	assert_true(span_is(word, "json"));
	assert_true(value_choice(SPAN("text"), "text json", &word, &e));
	assert_true(span_is(word, "text"));
	assert_false(value_choice(SPAN("xml"), "text json", &word, &e));
	assert_string_equal(e.text, "\"xml\" is none of: text json");
	assert_false(value_choice(SPAN(""), "text json", &word, &e));
	assert_false(value_choice(SPAN("text json"), "text json", &word, &e));
}

static void
a_text_is_utf8_without_control_characters(void **state)
{
	static const char *const good[] = { "", "plain", "f\xc3\xbcr", "\xe4\xb8\xad",
		"\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "a\nb", "\t", "\x1b[31m", "\x7f", "\x80", "\xc0\x80",
		"\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xc3", "\xe4\xb8", "\xf0\x9f\x98", "\xc3(", "\xe4\xb8(",
		"\xff" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(value_text(span_of(good[i]), &e));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(value_text(span_of(bad[i]), &e));
	assert_false(value_text(span_mem("a\0b", 3), &e));
}

static void
a_path_is_absolute(void **state)
{
	struct err e = ERR_INIT;
	char *longest = malloc(5000);

	(void)state;
	assert_true(value_path(SPAN("/var/lib/pollux"), &e));
	assert_true(value_path(SPAN("/"), &e));
	assert_false(value_path(SPAN("var/lib"), &e));
	assert_string_equal(e.text, "\"var/lib\" is not an absolute path");
	assert_false(value_path(SPAN("~/pollux"), &e));
	assert_false(value_path(SPAN(""), &e));
	assert_false(value_path(SPAN("/a\nb"), &e));
	memset(longest, '/', 5000);
	assert_false(value_path(span_mem(longest, 5000), &e));
	free(longest);
}

static void
addresses_are_read(void **state)
{
	static const char *const good[] = { "127.0.0.1:8080", "0.0.0.0:80", "localhost:8080",
		"my-host.example.org:1", "*:8080", "[::1]:8080", "[::]:80", "[fe80::1]:0",
		"127.0.0.1:0", "[::ffff:10.0.0.1]:65535", "3com.example:80" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct err e = ERR_INIT;

		if (!value_address(span_of(good[i]), &e))
			fail_msg("%s: %s", good[i], e.text);
	}
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = { "", ":", ":80", "8080", "localhost",
		"localhost:", "localhost:x", "localhost:65536", "localhost:-1", "256.0.0.1:80",
		"1.2.3:80", "1.2.3.4.5:80", "::1:80", "[::1]", "[::1]80", "[::1", "[::g]:80",
		"[127.0.0.1]:80", "[]:80", "a b:80", "*", "**:80", "http://localhost:80",
		"unix:/run/pollux/sock", "-a:80", "a-:80", "a..b:80", ".a:80", "a_b:80",
		"\xc3\xbc:80", "[::1]:80:80", "localhost:80 " };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		if (value_address(span_of(bad[i]), &e))
			fail_msg("%s was taken for an address", bad[i]);
		assert_non_null(
		    strstr(e.text, "is not an address: HOST:PORT, [IPV6]:PORT or *:PORT"));
	}
}

static void
a_host_name_has_at_most_253_letters(void **state)
{
	char name[300];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 10 == 9 ? '.' : 'a';
	memcpy(name + 253, ":80", 4);
	assert_true(value_address(span_of(name), &e));
	memcpy(name + 253, "a:80", 5);
	assert_false(value_address(span_of(name), &e));
	memset(name, 'a', 64);
	memcpy(name + 64, ":80", 4);
	assert_false(value_address(span_of(name), &e));
}

static void
names_have_their_own_letters(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_true(value_word(SPAN("pool"), &e));
	assert_false(value_word(SPAN("Pool"), &e));
	assert_false(value_word(SPAN(""), &e));
	assert_false(value_word(SPAN("a b"), &e));
	assert_true(value_account(SPAN("pollux"), &e));
	assert_true(value_account(SPAN("1000"), &e));
	assert_false(value_account(SPAN("-root"), &e));
	assert_false(value_account(SPAN("a:b"), &e));
	assert_false(value_account(SPAN(""), &e));
	assert_true(value_model(SPAN("gemini-2.5-flash"), &e));
	assert_true(value_model(SPAN("tunedModels/x@1+2:free"), &e));
	/* A block of that name was taken, and its limits held for nothing. */
	assert_false(value_model(SPAN("models/gemini-2.5-flash"), &e));
	assert_string_equal(e.text,
	    "\"models/gemini-2.5-flash\": the name stands without \"models/\"");
	assert_false(value_model(SPAN(""), &e));
	assert_false(value_model(SPAN("a b"), &e));
	assert_false(value_model(SPAN("a\"b"), &e));
	assert_false(value_model(span_mem("a\0b", 3), &e));
}

static void
the_log_goes_to_three_words_or_a_path(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_true(value_target(SPAN("stderr"), &e));
	assert_true(value_target(SPAN("syslog"), &e));
	assert_true(value_target(SPAN("journal"), &e));
	assert_true(value_target(SPAN("/var/log/pollux.log"), &e));
	assert_false(value_target(SPAN("pollux.log"), &e));
	assert_false(value_target(SPAN(""), &e));
	assert_false(value_target(SPAN("/a\nb"), &e));
}

static void
urls_are_read_without_the_slash_at_their_end(void **state)
{
	static const struct {
		const char *text, *schemes;
		bool proxy;
		const char *url;
	} cases[] = {
		{ "https://a.example", "http https", false, "https://a.example" },
		{ "https://a.example/", "http https", false, "https://a.example" },
		{ "https://a.example/base//", "http https", false, "https://a.example/base" },
		{ "HTTP://a.example:8080/x", "http https", false, "http://a.example:8080/x" },
		{ "http://[::1]:80", "http https", false, "http://[::1]:80" },
		{ "http://127.0.0.1", "http https", false, "http://127.0.0.1" },
		{ "socks5h://p:1080", "http socks5 socks5h", true, "socks5h://p:1080" },
		{ "http://u:pa%40ss@p:3128/", "http socks5 socks5h", true,
		    "http://u:pa%40ss@p:3128" },
		{ "http://u:a@b@p:3128", "http socks5 socks5h", true, "http://u:a@b@p:3128" },
		{ "http://token@p", "http socks5 socks5h", true, "http://token@p" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		if (!value_url(span_of(cases[i].text), cases[i].schemes, cases[i].proxy, &out, &e))
			fail_msg("%s: %s", cases[i].text, e.text);
		assert_string_equal(buf_text(&out), cases[i].url);
		buf_fini(&out);
	}
}

static void
what_is_no_url_is_refused(void **state)
{
	static const char *const bad[] = { "", "a.example", "http:", "http:/", "http://",
		"http:///x", "https//a", "://a", "ftp://a", "http://a b", "http://a:0",
		"http://a:65536", "http://a:", "http://a:x", "http://[::1", "http://[x]",
		"http://a?b", "http://a#b", "http://a/\n", "http://\xc3\xbc", "http://a_b",
		"http://1.2.3", "http://u:p@a", "http://a|b" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		if (value_url(span_of(bad[i]), "http https", false, &out, &e))
			fail_msg("%s was taken for a URL", bad[i]);
		assert_string_equal(buf_text(&out), "");
		buf_fini(&out);
	}
}

static void
no_error_about_a_url_holds_its_password(void **state)
{
	static const char *const bad[] = { "http://u:geheim@", "http://u:geheim@p/path",
		"ftp://u:geheim@p", "u:geheim@p", "http://u:geheim @p", "http://u:ge/heim@p",
		"http://u:geheim@p:x" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		assert_false(value_url(span_of(bad[i]), "http socks5", true, &out, &e));
		assert_null(strstr(e.text, "heim"));
		buf_fini(&out);
	}
}

static void
a_password_in_a_url_is_not_shown(void **state)
{
	static const struct {
		const char *url, *shown;
		bool has_login;
	} cases[] = {
		{ "http://p:3128", "http://p:3128", false },
		{ "", "", false },
		{ "http://user:geheim@p:3128", "http://user:***@p:3128", true },
		{ "http://user:a:b@c@p", "http://user:***@p", true },
		{ "http://token@p", "http://***@p", true },
		{ "http://@p", "http://***@p", true },
		{ "https://a.example/x@y", "https://a.example/x@y", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;

		value_show_url(&out, span_of(cases[i].url));
		assert_string_equal(buf_text(&out), cases[i].shown);
		assert_int_equal(value_url_has_login(span_of(cases[i].url)), cases[i].has_login);
		buf_fini(&out);
	}
}

static void
durations_and_sizes_are_shown_so_that_they_read_back(void **state)
{
	static const struct {
		int64_t n;
		const char *duration, *bytes;
	} cases[] = {
		{ 0, "0s", "0" },
		{ 1, "1ms", "1" },
		{ 500, "500ms", "500" },
		{ 1000, "1s", "1000" },
		{ 90000, "90s", "90000" },
		{ 120000, "2m", "120000" },
		{ 604800000, "7d", "590625 KiB" },
		{ 65536, "65536ms", "64 KiB" },
		{ 134217728, "134217728ms", "128 MiB" },
		{ 1073741824, "1073741824ms", "1 GiB" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;
		int64_t ms;
		uint64_t bytes;

		value_show_duration(&out, cases[i].n);
		assert_string_equal(buf_text(&out), cases[i].duration);
		assert_true(value_duration(buf_span(&out), &ms, &e) && ms == cases[i].n);
		buf_clear(&out);
		value_show_bytes(&out, (uint64_t)cases[i].n);
		assert_string_equal(buf_text(&out), cases[i].bytes);
		assert_true(
		    value_bytes(buf_span(&out), &bytes, &e) && bytes == (uint64_t)cases[i].n);
		buf_fini(&out);
	}
}

static void
a_quoted_text_is_short_and_harmless(void **state)
{
	char longest[500];
	struct value_quoted q;

	(void)state;
	assert_string_equal(value_quote(SPAN("")).text, "\"\"");
	assert_string_equal(value_quote(SPAN("a b")).text, "\"a b\"");
	assert_string_equal(value_quote(SPAN("a\nb\x1b\xff")).text, "\"a?b??\"");
	memset(longest, 'x', sizeof(longest));
	q = value_quote(span_mem(longest, sizeof(longest)));
	assert_true(strlen(q.text) < sizeof(q.text));
	assert_non_null(strstr(q.text, "xxx...\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_read),
		cmocka_unit_test(what_is_no_whole_number_is_refused_in_words),
		cmocka_unit_test(yes_and_no_have_four_words_each),
		cmocka_unit_test(nothing_else_is_yes_or_no),
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(sizes_may_have_a_unit_of_1024),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(a_choice_is_given_as_it_is_listed),
		cmocka_unit_test(a_text_is_utf8_without_control_characters),
		cmocka_unit_test(a_path_is_absolute),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_host_name_has_at_most_253_letters),
		cmocka_unit_test(names_have_their_own_letters),
		cmocka_unit_test(the_log_goes_to_three_words_or_a_path),
		cmocka_unit_test(urls_are_read_without_the_slash_at_their_end),
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(no_error_about_a_url_holds_its_password),
		cmocka_unit_test(a_password_in_a_url_is_not_shown),
		cmocka_unit_test(durations_and_sizes_are_shown_so_that_they_read_back),
		cmocka_unit_test(a_quoted_text_is_short_and_harmless),
	};

	return cmocka_run_group_tests_name("config/values", tests, NULL, NULL);
}
