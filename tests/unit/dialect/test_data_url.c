/*
 * dialect/data_url.c: base64 and data URLs in the escaped text of a request, as programs write
 * them, and what must not be taken for them.
 */
#include <sodium.h>
#include "dialect/media.h"
#include "tests/unit/unit.h"

#define FIELD "messages[0].content[1].image_url.url"

static int
open_arena(void **state)
{
	*state = arena_new(0);
	return 0;
}

static int
close_arena(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

static void
expect_span(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("\"%.*s\", not \"%s\"", SPAN_ARG(got), want);
}

struct row {
	const char *text; /* escaped, as in JSON */
	const char *data;
};

static void
expect_base64(void **state, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span data;
		struct err e = ERR_INIT;

		if (!media_base64(span_of(rows[i].text), *state, &data, FIELD, &e))
			fail_msg("\"%s\": %s", rows[i].text, e.text);
		expect_span(data, rows[i].data);
	}
}

static void
expect_broken(void **state, const char *text, const char *words)
{
	struct err e = ERR_INIT;
	struct span data;
	char want[256];

	snprintf(want, sizeof(want), "%s %s", FIELD, words);
	if (media_base64(span_of(text), *state, &data, FIELD, &e))
		fail_msg("\"%s\" was taken", text);
	assert_int_equal(e.kind, ERR_BAD_REQUEST);
	assert_string_equal(e.field, FIELD);
	assert_string_equal(e.text, want);
}

/* ---- base64 ---- */

static void
standard_base64_is_borrowed(void **state)
{
	static const char *const texts[] = { "QQ==", "QUI=", "QUJD", "+/+/", "AAAAAAAA",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/abcdefgh" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct span data, text = span_of(texts[i]);
		struct err e = ERR_INIT;

		assert_true(media_base64(text, *state, &data, FIELD, &e));
		assert_ptr_equal(data.p, text.p);
		assert_int_equal(data.len, text.len);
	}
}

static void
a_hundred_megabytes_are_never_copied(void **state)
{
	static const char head[] = "data:video/mp4;base64,";
	size_t len = 100u << 20, before = arena_bytes(*state);
	char *text = mem_alloc(sizeof(head) + len);
	struct err e = ERR_INIT;
	struct data_url url;

	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'A', len);
	assert_true(data_url_read(span_mem(text, sizeof(head) - 1 + len), *state, &url, FIELD, &e));
	assert_ptr_equal(url.data.p, text + sizeof(head) - 1);
	assert_int_equal(url.data.len, len);
	assert_true(arena_bytes(*state) - before < 100000);
	/* One bad byte, in the last block. */
	text[sizeof(head) - 1 + len - 5] = '*';
	assert_false(
	    data_url_read(span_mem(text, sizeof(head) - 1 + len), *state, &url, FIELD, &e));
	mem_free(text);
}

static void
white_space_around_base64_costs_no_copy(void **state)
{
	static const char *const texts[] = { " QUJD", "QUJD ", "\\nQUJD\\r\\n", " \\tQUJD\\n " };

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct span data;
		struct err e = ERR_INIT;

		assert_true(media_base64(span_of(texts[i]), *state, &data, FIELD, &e));
		expect_span(data, "QUJD");
		assert_ptr_equal(data.p, strstr(texts[i], "QUJD"));
	}
}

static void
white_space_within_base64_is_taken_out(void **state)
{
	static const struct row rows[] = {
		{ "QU\\nJD", "QUJD" },
		{ "QU\\r\\nJD\\r\\n", "QUJD" },
		{ "Q U\\tJ D", "QUJD" },
		{ "QUI\\n=", "QUI=" },
		{ "QQ=\\u000a=\\u000A", "QQ==" },
		{ "\\fQUJD\\f", "QUJD" },
	};

	expect_base64(state, rows, COUNT(rows));
}

static void
the_url_safe_alphabet_is_mended(void **state)
{
	static const struct row rows[] = {
		{ "-_-_", "+/+/" },
		{ "A-B_", "A+B/" },
		{ "_-8", "/+8=" },
		{ "-_+/", "+/+/" },
	};

	expect_base64(state, rows, COUNT(rows));
}

static void
missing_padding_is_put_back(void **state)
{
	static const struct row rows[] = {
		{ "QQ", "QQ==" },
		{ "QUI", "QUI=" },
		{ "QQ=", "QQ==" },
		{ "QUJDRA", "QUJDRA==" },
	};

	expect_base64(state, rows, COUNT(rows));
}

static void
padding_too_much_is_taken_off(void **state)
{
	static const struct row rows[] = {
		{ "QUJD=", "QUJD" },
		{ "QUJD===", "QUJD" },
		{ "QUI==", "QUI=" },
		{ "QQ===", "QQ==" },
	};

	expect_base64(state, rows, COUNT(rows));
}

static void
bits_that_belong_to_no_byte_are_cleared(void **state)
{
	static const struct row rows[] = {
		{ "QR==", "QQ==" },
		{ "Q/==", "Qw==" },
		{ "QUJ=", "QUI=" },
		{ "QUL", "QUI=" },
	};

	expect_base64(state, rows, COUNT(rows));
}

/* PHP escapes slashes, .NET the plus sign. */
static void
escapes_of_json_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "QUJ\\/", "QUJ/" },
		{ "\\/\\/\\/\\/", "////" },
		{ "AA\\u002BB", "AA+B" },
		{ "AA\\u002bB", "AA+B" },
		{ "\\u0041\\u0051\\u003d=", "AQ==" },
		{ "AA\\u002DB", "AA+B" },
	};

	expect_base64(state, rows, COUNT(rows));
}

static void
a_long_text_is_mended_at_any_place(void **state)
{
	char text[400], want[400];

	for (size_t at = 0; at < 200; at++) {
		struct err e = ERR_INIT;
		struct span data;

		memset(text, 'A', 200);
		memset(want, 'A', 200);
		want[at] = '/';
		want[200] = '\0';
		memmove(text + at + 2, text + at + 1, 199 - at);
		memcpy(text + at, "\\/", 2);
		assert_true(media_base64(span_mem(text, 201), *state, &data, FIELD, &e));
		expect_span(data, want);
	}
}

static void
what_is_not_base64_is_refused_by_its_field(void **state)
{
	static const char *const texts[] = { "Q", "QUJDR", "QUJ*", "*UJD", "QU.JD",
		"QQ==QQ==", "Q=QQ", "=QUJD", "====", "=", "QUJD====", "QUJ\\\\", "QUJ\\\"",
		"QUJ\\b", "QU\xc3\xa9J", "QU\\u00e9J", "QU\\ud83d\\ude00", "QU\\u0000D", "QUJ%44",
		"http://example.com/cat.png", "{\\\"a\\\":1}", "QUJD\\\\n" };

	for (size_t i = 0; i < COUNT(texts); i++)
		expect_broken(state, texts[i], "is not base64");
}

static void
every_byte_that_is_no_digit_is_found_in_every_place(void **state)
{
	static const char fine[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_ ";
	char text[132];

	for (int c = 0x20; c < 0x100; c++)
		for (size_t at = 0; at < 131; at += 13) {
			struct err e = ERR_INIT;
			struct span data;

			if (strchr(fine, c) != NULL || c == '\\')
				continue;
			memset(text, 'A', sizeof(text));
			text[at] = (char)c;
			if (media_base64(span_mem(text, sizeof(text)), *state, &data, FIELD, &e))
				fail_msg("byte %d at %zu was taken", c, at);
		}
}

static void
empty_data_is_refused(void **state)
{
	static const char *const texts[] = { "", " ", "\\n", " \\r\\n\\t" };

	for (size_t i = 0; i < COUNT(texts); i++)
		expect_broken(state, texts[i], "holds no data");
}

static void
bytes_are_encoded_behind_what_is_there(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add_text(&b, "<");
	media_base64_add(&b, "ABC", 3);
	media_base64_add(&b, "\xff\xfe", 2);
	media_base64_add(&b, "", 0);
	media_base64_add(&b, "A", 1);
	buf_add_text(&b, ">");
	assert_string_equal(buf_text(&b), "<QUJD//4=QQ==>");
	buf_fini(&b);
}

/* ---- data URLs ---- */

static void
a_data_url_is_known_by_its_beginning(void **state)
{
	(void)state;
	assert_true(data_url_is(span_of("data:image/png;base64,AAAA")));
	assert_true(data_url_is(span_of("DATA:,x")));
	assert_true(data_url_is(span_of(" \\ndata:")));
	assert_true(data_url_is(span_of("\\u0064ata:x")));
	assert_false(data_url_is(span_of("dat")));
	assert_false(data_url_is(span_of("data")));
	assert_false(data_url_is(span_of("http://data:80/")));
	assert_false(data_url_is(span_of("\\u012data:")));
	assert_false(data_url_is(span_of("")));
	assert_false(data_url_is(SPAN_NONE));
}

static void
a_data_url_is_taken_apart(void **state)
{
	static const struct {
		const char *url, *mime, *data;
	} rows[] = {
		{ "data:image/png;base64,QUJD", "image/png", "QUJD" },
		{ "DATA:Image/PNG;BASE64,QUJD", "image/png", "QUJD" },
		{ "data:image/jpg;base64,QUJD", "image/jpeg", "QUJD" },
		{ "data:image\\/png;base64,QUJ\\/", "image/png", "QUJ/" },
		{ "data:image/svg\\u002Bxml;base64,QUJD", "image/svg+xml", "QUJD" },
		{ " data:image/png;base64, QUJD", "image/png", "QUJD" },
		{ "data:image/png; base64 ,QUJD", "image/png", "QUJD" },
		{ "data:image/png;base64,QUJ%2F%0AQQ%3D%3d", "image/png", "QUJ/QQ==" },
		{ "data:text/plain;charset=utf-8;base64,QUJD", "text/plain", "QUJD" },
		{ "data:application/pdf;name=a%20b.pdf;base64,QUJD", "application/pdf", "QUJD" },
		{ "data:application/pdf;name=\\u4e2d.pdf;base64,QUJD", "application/pdf", "QUJD" },
		{ "data:audio/L16;rate=16000;base64,QUJD", "audio/L16;rate=16000", "QUJD" },
		{ "data:;base64,QUJD", "", "QUJD" },
		{ "data:application/octet-stream;base64,QUJD", "", "QUJD" },
		{ "data:nonsense;base64,QUJD", "", "QUJD" },
		{ "data:image/png\\u002cQUJD", "image/png", "UVVKRA==" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct data_url url;

		if (!data_url_read(span_of(rows[i].url), *state, &url, FIELD, &e))
			fail_msg("%s: %s", rows[i].url, e.text);
		expect_span(url.mime, rows[i].mime);
		expect_span(url.data, rows[i].data);
	}
}

static void
percent_coded_base64_is_understood(void **state)
{
	static const char *const urls[] = { "data:image/png;base64,%2FwA%3D",
		"data:image/png;base64,%2fw%0D%0AA%3d", "data:image/png;base64,\\u00252FwA=" };

	for (size_t i = 0; i < COUNT(urls); i++) {
		struct err e = ERR_INIT;
		struct data_url url;

		assert_true(data_url_read(span_of(urls[i]), *state, &url, FIELD, &e));
		expect_span(url.data, "/wA=");
	}
}

static void
a_payload_that_is_not_base64_is_decoded_and_encoded(void **state)
{
	static const struct {
		const char *url, *mime, *bytes;
	} rows[] = {
		{ "data:text/plain,Hello%20world", "text/plain", "Hello world" },
		{ "data:,a+b", "", "a+b" },
		{ "data:text/plain;charset=utf-8,caf%C3%A9", "text/plain", "caf\xc3\xa9" },
		{ "data:text/plain,caf\xc3\xa9 \\u00e9\\n", "text/plain",
		    "caf\xc3\xa9 \xc3\xa9\n" },
		{ "data:text/plain,back\\\\n", "text/plain", "back\\n" },
		{ "data:text/plain,100%", "text/plain", "100%" },
		{ "data:image/svg+xml,%3Csvg%2F%3E", "image/svg+xml", "<svg/>" },
		{ "data:text/html,\\u003cb\\u003e", "text/html", "<b>" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char bytes[64] = { 0 };
		struct err e = ERR_INIT;
		struct data_url url;
		size_t n = 0;

		if (!data_url_read(span_of(rows[i].url), *state, &url, FIELD, &e))
			fail_msg("%s: %s", rows[i].url, e.text);
		expect_span(url.mime, rows[i].mime);
		assert_int_equal(sodium_base642bin(bytes, sizeof(bytes), url.data.p, url.data.len,
				     NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL),
		    0);
		expect_span(span_mem(bytes, n), rows[i].bytes);
	}
}

static void
a_broken_data_url_is_refused_by_its_field(void **state)
{
	static const struct {
		const char *url, *words;
	} rows[] = {
		{ "data:", "is not a data URL: data:TYPE;base64,DATA" },
		{ "data:image/png;base64", "is not a data URL: data:TYPE;base64,DATA" },
		{ "image/png;base64,QUJD", "is not a data URL: data:TYPE;base64,DATA" },
		{ "data:image/png;base64,", "holds no data" },
		{ "data:image/png;base64,\\n", "holds no data" },
		{ "data:text/plain,", "holds no data" },
		{ "data:image/png;base64,QUJ*", "is not base64" },
		{ "data:image/png;base64,data:image/png;base64,QUJD", "is not base64" },
		{ "data:image/png;base64,QUJ%GG", "is not base64" },
		{ "data:image/png;base64,QUJ%4", "is not base64" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct data_url url;
		char want[256];

		snprintf(want, sizeof(want), "%s %s", FIELD, rows[i].words);
		if (data_url_read(span_of(rows[i].url), *state, &url, FIELD, &e))
			fail_msg("\"%s\" was taken", rows[i].url);
		assert_int_equal(e.kind, ERR_BAD_REQUEST);
		assert_string_equal(e.field, FIELD);
		assert_string_equal(e.text, want);
	}
}

static void
a_head_without_end_is_not_looked_at_for_ever(void **state)
{
	size_t len = 100000, before = arena_bytes(*state);
	char *text = mem_alloc(len);
	struct err e = ERR_INIT;
	struct data_url url;

	memset(text, 'x', len);
	memcpy(text, "data:", 5);
	text[len - 1] = ',';
	assert_false(data_url_read(span_mem(text, len), *state, &url, FIELD, &e));
	assert_string_equal(e.field, FIELD);
	assert_int_equal(arena_bytes(*state), before);
	mem_free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(standard_base64_is_borrowed),
		TEST(a_hundred_megabytes_are_never_copied),
		TEST(white_space_around_base64_costs_no_copy),
		TEST(white_space_within_base64_is_taken_out),
		TEST(the_url_safe_alphabet_is_mended),
		TEST(missing_padding_is_put_back),
		TEST(padding_too_much_is_taken_off),
		TEST(bits_that_belong_to_no_byte_are_cleared),
		TEST(escapes_of_json_are_understood),
		TEST(a_long_text_is_mended_at_any_place),
		TEST(what_is_not_base64_is_refused_by_its_field),
		TEST(every_byte_that_is_no_digit_is_found_in_every_place),
		TEST(empty_data_is_refused),
		TEST(bytes_are_encoded_behind_what_is_there),
		TEST(a_data_url_is_known_by_its_beginning),
		TEST(a_data_url_is_taken_apart),
		TEST(percent_coded_base64_is_understood),
		TEST(a_payload_that_is_not_base64_is_decoded_and_encoded),
		TEST(a_broken_data_url_is_refused_by_its_field),
		TEST(a_head_without_end_is_not_looked_at_for_ever),
	};

	return cmocka_run_group_tests_name("dialect/data_url", tests, NULL, NULL);
}
