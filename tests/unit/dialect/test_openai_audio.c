/*
 * Sound in answers: samples get a head, pieces become one, in plain answers and in streams.
 */
#include "dialect/openai_audio.h"

#include <sodium.h>
#include "tests/unit/dialect/chat_answer.h"

#define SOUND_MAX 4096

struct sound {
	unsigned char bytes[SOUND_MAX];
	size_t len;
};

static struct sound
decoded(const char *base64)
{
	struct sound s;

	if (sodium_base642bin(s.bytes, sizeof(s.bytes), base64, strlen(base64), NULL, &s.len, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0)
		fail_msg("no base64: %s", base64);
	return s;
}

static uint32_t
le(const struct sound *s, size_t at, size_t bytes)
{
	uint32_t value = 0;

	assert_true(at + bytes <= s->len);
	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | s->bytes[at + i - 1];
	return value;
}

/* Parts of one type, joined as a plain answer joins them. */
static struct sound
joined(const char *mime, const char *const *parts, bool raw)
{
	struct arena *arena = arena_new(0);
	struct openai_audio a = { 0 };
	struct buf out = BUF_INIT;
	struct sound s;

	for (; *parts != NULL; parts++) {
		struct part p = {
			.kind = PART_INLINE_DATA, .mime = span_of(mime), .data = span_of(*parts)
		};

		assert_true(openai_audio_is(&p));
		openai_audio_keep(&a, arena, &p);
	}
	openai_audio_write(&a, raw, &out);
	s = decoded(buf_text(&out));
	buf_fini(&out);
	arena_free(&arena);
	return s;
}

/* The same through a stream.  Every piece can be decoded by itself, and all of them together. */
static struct sound
streamed(const char *mime, const char *const *parts, bool raw)
{
	struct arena *arena = arena_new(0);
	struct openai_audio a = { 0 };
	struct buf all = BUF_INIT, one = BUF_INIT;
	struct sound s;

	for (; *parts != NULL; parts++) {
		struct part p = {
			.kind = PART_INLINE_DATA, .mime = span_of(mime), .data = span_of(*parts)
		};

		buf_clear(&one);
		openai_audio_stream(&a, arena, &p, raw, &one);
		decoded(buf_text(&one));
		buf_add_span(&all, buf_span(&one));
	}
	buf_clear(&one);
	openai_audio_end(&a, &one);
	decoded(buf_text(&one));
	buf_add_span(&all, buf_span(&one));
	s = decoded(buf_text(&all));
	buf_fini(&all);
	buf_fini(&one);
	arena_free(&arena);
	return s;
}

#define PARTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define IS(sound, at, text)                                                                        \
	do {                                                                                       \
		assert_int_equal((sound).len - (at), strlen(text));                                \
		assert_memory_equal((sound).bytes + (at), text, strlen(text));                     \
	} while (0)

/* ---- joining ---- */

static void
pieces_of_base64_are_joined_by_their_bytes(void **state)
{
	const struct {
		const char *const *parts;
		const char *bytes;
	} rows[] = {
		{ PARTS("YQ=="), "a" },
		{ PARTS("YQ==", "Yg=="), "ab" },
		{ PARTS("YQ==", "YmM=", "ZGVm", "Zw=="), "abcdefg" },
		{ PARTS("YWI=", "", "Yw=="), "abc" },
		{ PARTS("YWJj"), "abc" },
		{ PARTS(""), "" },
		{ PARTS("YQ", "Yg"), "ab" },                 /* without padding */
		{ PARTS("Pz8_", "fn5-"), "???~~~" },         /* the URL's alphabet */
		{ PARTS("Pz8\\/", "fn5\\u002b"), "???~~~" }, /* escapes of JSON */
		{ PARTS("YW\\nI="), "ab" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sound plain = joined("audio/mp3", rows[i].parts, false);
		struct sound stream = streamed("audio/mp3", rows[i].parts, false);

		IS(plain, 0, rows[i].bytes);
		IS(stream, 0, rows[i].bytes);
	}
}

/* ---- samples ---- */

static void
samples_get_the_head_of_a_wav_file(void **state)
{
	struct sound s = joined("audio/L16;codec=pcm;rate=16000", PARTS("AAEC", "Aw=="), false);

	(void)state;
	assert_int_equal(s.len, 44 + 4);
	assert_memory_equal(s.bytes, "RIFF", 4);
	assert_int_equal(le(&s, 4, 4), 36 + 4);
	assert_memory_equal(s.bytes + 8, "WAVEfmt ", 8);
	assert_int_equal(le(&s, 16, 4), 16);
	assert_int_equal(le(&s, 20, 2), 1);
	assert_int_equal(le(&s, 22, 2), 1);
	assert_int_equal(le(&s, 24, 4), 16000);
	assert_int_equal(le(&s, 28, 4), 32000);
	assert_int_equal(le(&s, 32, 2), 2);
	assert_int_equal(le(&s, 34, 2), 16);
	assert_memory_equal(s.bytes + 36, "data", 4);
	assert_int_equal(le(&s, 40, 4), 4);
	assert_memory_equal(s.bytes + 44, "\0\1\2\3", 4);
}

static void
a_stream_of_samples_has_one_head_of_unknown_length(void **state)
{
	struct sound s = streamed("audio/L16;rate=24000", PARTS("AAEC", "Aw==", "BAU="), false);

	(void)state;
	assert_int_equal(s.len, 44 + 6);
	assert_memory_equal(s.bytes, "RIFF", 4);
	assert_int_equal(le(&s, 4, 4), UINT32_MAX);
	assert_int_equal(le(&s, 24, 4), 24000);
	assert_int_equal(le(&s, 40, 4), UINT32_MAX);
	assert_memory_equal(s.bytes + 44, "\0\1\2\3\4\5", 6);
}

static void
the_rate_is_the_types_own(void **state)
{
	static const struct {
		const char *mime;
		uint32_t rate, channels; /* rate 0: no samples, no head */
	} rows[] = {
		{ "audio/L16", 24000, 1 },
		{ "audio/l16; RATE=8000 ;codec=pcm", 8000, 1 },
		{ "audio/pcm;rate=44100;channels=2", 44100, 2 },
		{ "audio\\/L16;rate=48000", 48000, 1 },
		{ "audio/L16;rate=0", 24000, 1 },
		{ "audio/L16;rate=99999999;channels=1000", 24000, 1 },
		{ "audio/L16;rate=x;channels=;=;", 24000, 1 },
		{ "audio/wav", 0, 0 },
		{ "audio/mpeg;rate=8000", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sound s = joined(rows[i].mime, PARTS("AAE="), false);

		assert_int_equal(s.len, rows[i].rate ? 46 : 2);
		if (rows[i].rate == 0)
			continue;
		assert_int_equal(le(&s, 24, 4), rows[i].rate);
		assert_int_equal(le(&s, 22, 2), rows[i].channels);
		assert_int_equal(le(&s, 28, 4), rows[i].rate * rows[i].channels * 2);
	}
}

static void
who_asked_for_samples_gets_them_bare(void **state)
{
	struct sound plain = joined("audio/L16;rate=24000", PARTS("YQ==", "Yg=="), true);
	struct sound stream = streamed("audio/L16;rate=24000", PARTS("YQ==", "Yg=="), true);

	(void)state;
	IS(plain, 0, "ab");
	IS(stream, 0, "ab");
}

/* ---- in a message ---- */

#define SOUND(data) "{\"inlineData\":{\"mimeType\":\"audio/mp3\",\"data\":\"" data "\"}}"

static void
several_sounds_are_one_audio_of_the_message(void **state)
{
	(void)state;
	ANSWERS(PLAIN("\"content\":\"a\",\"refusal\":null,\"audio\":{\"id\":\"audio_*\","
		      "\"expires_at\":1700003600,\"transcript\":\"\",\"data\":\"YWI=\"}",
		    "stop"),
	    PART(SOUND("YQ==")), LAST(TEXT("a") "," SOUND("Yg=="), "STOP"));
}

static void
a_stream_says_once_what_clients_would_join(void **state)
{
	(void)state;
	STREAMS(DELTA(ROLE) DELTA("{\"audio\":{\"id\":\"audio_*\",\"expires_at\":1700003600,"
				  "\"transcript\":\"\",\"data\":\"YWJj\"}}")
		    DELTA("{\"audio\":{\"data\":\"ZGVm\"}}")
			DELTA("{\"audio\":{\"data\":\"Zw==\"}}") FINISH("stop") DONE,
	    PART(SOUND("YWJjZA==")), PART(SOUND("ZWY=")), LAST(SOUND("Zw=="), "STOP"));
}

static void
notes_say_whether_samples_stay_bare(void **state)
{
	static const char chunk[] =
	    LAST("{\"inlineData\":{\"mimeType\":\"audio/L16\",\"data\":\"AAE=\"}}", "STOP");

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct answer a;

		answer_init(&a, i & 1);
		a.notes.raw_audio = i & 2;
		answer_gets_all(&a, CHUNKS(chunk));
		if (i & 2)
			answer_lacks(&a, "\"data\":\"UklGR");
		else
			answer_has(&a, "\"data\":\"UklGR");
		answer_fini(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_base64_are_joined_by_their_bytes),
		cmocka_unit_test(samples_get_the_head_of_a_wav_file),
		cmocka_unit_test(a_stream_of_samples_has_one_head_of_unknown_length),
		cmocka_unit_test(the_rate_is_the_types_own),
		cmocka_unit_test(who_asked_for_samples_gets_them_bare),
		cmocka_unit_test(several_sounds_are_one_audio_of_the_message),
		cmocka_unit_test(a_stream_says_once_what_clients_would_join),
		cmocka_unit_test(notes_say_whether_samples_stay_bare),
	};

	return cmocka_run_group_tests_name("dialect/openai_audio", tests, NULL, NULL);
}
