/*
 * dialect/media.c and media_type.c: what a request names as media, as a part of Gemini's; the
 * rows of the mapping of image_url, video_url, input_audio and file, and types of media.
 */
#include "dialect/media.h"
#include "base/scan.h"
#include "tests/unit/unit.h"

#define FIELD "messages[0].content[1].image_url.url"

struct world {
	struct arena *arena;
	struct call call;
	struct rope rope;
	struct dialect_options options;
	struct dialect_request req;
	struct media media;
	struct err err;
};

static int
open_world(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->arena = arena_new(0);
	w->rope = ROPE_INIT;
	w->req.options = &w->options;
	w->media.kind = "image";
	w->media.field = FIELD;
	*state = w;
	return 0;
}

static int
close_world(void **state)
{
	struct world *w = *state;

	rope_fini(&w->rope);
	arena_free(&w->arena);
	mem_free(w);
	return 0;
}

/* What was written, with what came later put in. */
static const char *
written(struct world *w)
{
	struct body b = rope_body(&w->rope, w->arena);
	struct buf text = BUF_INIT;
	const char *copy;

	for (struct remote *r = w->call.remotes; r != NULL; r = r->next)
		*r->place = SPAN("{\"mimeType\":\"x/y\",\"data\":\"LATE\"}");
	body_flatten(&b, &text);
	copy = arena_dup(w->arena, buf_text(&text));
	buf_fini(&text);
	return copy;
}

static void
clear(struct world *w)
{
	rope_clear(&w->rope);
	w->call.remotes = NULL;
	w->err = ERR_INIT;
}

static void
expect(struct world *w, const char *url, const char *part)
{
	clear(w);
	w->media.url = span_of(url);
	if (!media_write(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err))
		fail_msg("%s: %s", url, w->err.text);
	assert_string_equal(written(w), part);
	assert_true(scan_check(span_of(written(w)), NULL, NULL));
}

static void
expect_data(struct world *w, const char *data, const char *part)
{
	clear(w);
	w->media.url = span_of(data);
	if (!media_write_data(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err))
		fail_msg("%s: %s", data, w->err.text);
	assert_string_equal(written(w), part);
}

static void
expect_refused(struct world *w, const char *url, const char *words)
{
	char want[1024];

	clear(w);
	w->media.url = span_of(url);
	snprintf(want, sizeof(want), "%s %s", FIELD, words);
	if (media_write(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err))
		fail_msg("%s was taken", url);
	assert_int_equal(w->err.kind, ERR_BAD_REQUEST);
	assert_string_equal(w->err.field, FIELD);
	assert_string_equal(w->err.text, want);
	assert_null(w->call.remotes);
}

#define INLINE(mime, data) "{\"inlineData\":{\"mimeType\":\"" mime "\",\"data\":\"" data "\"}}"
#define LATER              "{\"inlineData\":{\"mimeType\":\"x/y\",\"data\":\"LATE\"}}"

/* ---- data ---- */

static void
a_data_url_becomes_inline_data(void **state)
{
	expect(*state, "data:image/png;base64,QUJD", INLINE("image/png", "QUJD"));
}

static void
image_jpg_is_image_jpeg(void **state)
{
	expect(*state, "data:image/jpg;base64,QUJD", INLINE("image/jpeg", "QUJD"));
}

static void
url_safe_base64_with_blanks_and_without_padding_is_mended(void **state)
{
	expect(*state, "data:image/png;base64,-_ 8\\n", INLINE("image/png", "+/8="));
}

static void
a_percent_coded_payload_is_decoded_and_encoded(void **state)
{
	expect(*state, "data:image/svg+xml,%3Csvg%2F%3E", INLINE("image/svg+xml", "PHN2Zy8+"));
}

static void
a_text_document_stays_inline_data_and_loses_its_charset(void **state)
{
	expect(*state, "data:text/csv;charset=utf-8;base64,QUJD", INLINE("text/csv", "QUJD"));
}

static void
a_large_payload_is_borrowed(void **state)
{
	struct world *w = *state;
	struct buf text = BUF_INIT;
	size_t before;
	struct body b;

	buf_add_text(&text, "data:video/mp4;base64,");
	for (int i = 0; i < 1 << 20; i++)
		buf_add_text(&text, "QUJD");
	w->media.url = buf_span(&text);
	before = arena_bytes(w->arena);
	assert_true(media_write(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err));
	b = rope_body(&w->rope, w->arena);
	assert_int_equal(b.count, 3);
	assert_ptr_equal(b.pieces[1].p, text.data + strlen("data:video/mp4;base64,"));
	assert_int_equal(b.pieces[1].len, 4 << 20);
	assert_true(arena_bytes(w->arena) - before < 100000);
	buf_fini(&text);
}

static void
data_without_a_type_is_told_by_the_client_or_by_its_bytes(void **state)
{
	struct world *w = *state;

	expect(w, "data:;base64,iVBORw0KGgo=", INLINE("image/png", "iVBORw0KGgo="));
	expect(w, "data:application/octet-stream;base64,iVBORw0KGgo=",
	    INLINE("image/png", "iVBORw0KGgo="));
	w->media.mime = SPAN("image/webp");
	expect(w, "data:;base64,QUJD", INLINE("image/webp", "QUJD"));
	expect(w, "data:image/gif;base64,QUJD", INLINE("image/gif", "QUJD"));
}

static void
data_of_no_type_at_all_is_refused(void **state)
{
	expect_refused(*state, "data:;base64,QUJD", "does not say what type its data is of");
	expect_refused(*state, "data:application/octet-stream;base64,QUJD",
	    "does not say what type its data is of");
}

static void
a_document_of_no_type_is_a_pdf(void **state)
{
	struct world *w = *state;

	w->media.kind = "application";
	expect_data(w, "QUJD", INLINE("application/pdf", "QUJD"));
	expect_data(w, "JVBERi0xLjQ=", INLINE("application/pdf", "JVBERi0xLjQ="));
	expect_data(w, "iVBORw0KGgo=", INLINE("image/png", "iVBORw0KGgo="));
	w->media.mime = SPAN("text/plain");
	expect_data(w, "QUJD", INLINE("text/plain", "QUJD"));
}

/* A popular gateway loses it without a word. */
static void
a_pdf_in_a_file_part_is_not_dropped(void **state)
{
	struct world *w = *state;

	w->media.kind = "application";
	expect_data(w,
	    "data:application/pdf;base64,JVBERi0xLjQ=", INLINE("application/pdf", "JVBERi0xLjQ="));
}

static void
sound_comes_bare_or_as_a_url(void **state)
{
	struct world *w = *state;

	w->media.kind = "audio";
	w->media.mime = SPAN("audio/wav");
	expect_data(w, "QUJD", INLINE("audio/wav", "QUJD"));
	expect_data(w, "data:audio/mpeg;base64,QUJD", INLINE("audio/mp3", "QUJD"));
	expect_data(w, "https://example.com/a.wav", LATER);
	expect_data(w, "files/abc",
	    "{\"fileData\":{\"fileUri\":\"https://generativelanguage.googleapis.com/v1beta/"
	    "files/abc\",\"mimeType\":\"audio/wav\"}}");
	expect_data(w, "files\\/abc",
	    "{\"fileData\":{\"fileUri\":\"https://generativelanguage.googleapis.com/v1beta/"
	    "files/abc\",\"mimeType\":\"audio/wav\"}}");
	w->media.mime = SPAN("audio/L16;rate=24000");
	expect_data(w, "QUJD", INLINE("audio/L16;rate=24000", "QUJD"));
	w->media.mime = SPAN_NONE;
	expect_data(w, "GkXfo0KCRHdlYm0A", INLINE("audio/webm", "GkXfo0KCRHdlYm0A"));
}

static void
broken_base64_is_refused_by_its_field(void **state)
{
	struct world *w = *state;

	expect_refused(w, "data:image/png;base64,QUJ*", "is not base64");
	expect_refused(w, "data:image/png;base64,", "holds no data");
	expect_refused(w, "data:image/png", "is not a data URL: data:TYPE;base64,DATA");
	clear(w);
	w->media.url = SPAN("QUJ*");
	assert_false(media_write_data(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err));
	assert_string_equal(w->err.text, FIELD " is not base64");
	assert_string_equal(w->err.field, FIELD);
}

/* ---- what Google fetches itself ---- */

#define FILE_OF(uri)       "{\"fileData\":{\"fileUri\":\"" uri "\"}}"
#define FILE_AS(uri, mime) "{\"fileData\":{\"fileUri\":\"" uri "\",\"mimeType\":\"" mime "\"}}"
#define GEMINI_FILE        "https://generativelanguage.googleapis.com/v1beta/files/ab-12"

static void
a_file_of_geminis_is_named_by_its_full_uri(void **state)
{
	struct world *w = *state;

	expect(w, "files/ab-12", FILE_OF(GEMINI_FILE));
	expect(w, "files\\/ab-12", FILE_OF(GEMINI_FILE));
	expect(w, GEMINI_FILE, FILE_OF(GEMINI_FILE));
	expect(w, "https://GenerativeLanguage.googleapis.com/v1/files/ab-12?x=1",
	    FILE_OF(GEMINI_FILE));
	assert_null(w->call.remotes);
	w->media.mime = SPAN("application/pdf");
	expect(w, "files/ab-12", FILE_AS(GEMINI_FILE, "application/pdf"));
}

static void
what_only_looks_like_a_file_of_geminis_is_fetched_like_any_other(void **state)
{
	static const char *const urls[] = {
		"https://generativelanguage.googleapis.com.example.com/v1beta/files/ab",
		"https://generativelanguage.googleapis.com@example.com/v1beta/files/ab",
		"https://example.com/v1beta/files/ab",
		"https://generativelanguage.googleapis.com/v1beta/models/ab",
		"https://generativelanguage.googleapis.com/v1beta/files/a/b",
	};
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(urls); i++) {
		expect(w, urls[i], LATER);
		assert_true(span_is(w->call.remotes->url, urls[i]));
	}
}

static void
youtube_is_named_and_never_downloaded(void **state)
{
	static const char *const urls[] = { "https://www.youtube.com/watch?v=abc&t=3",
		"https://youtube.com/shorts/abc", "https://m.youtube.com/watch?v=abc",
		"http://YouTube.com/watch?v=abc", "https://youtu.be/abc" };
	struct world *w = *state;
	char part[256];

	w->media.mime = SPAN("video/mp4");
	for (size_t i = 0; i < COUNT(urls); i++) {
		snprintf(part, sizeof(part), FILE_OF("%s"), urls[i]);
		expect(w, urls[i], part);
		assert_null(w->call.remotes);
	}
}

static void
what_only_looks_like_youtube_is_fetched_like_any_other(void **state)
{
	static const char *const urls[] = { "https://youtube.com.example.com/watch",
		"https://www.youtube.com@example.com/watch", "https://notyoutube.com/",
		"https://example.com/?u=https://youtube.com/", "https://i.ytimg.com/vi/abc/0.jpg" };

	for (size_t i = 0; i < COUNT(urls); i++)
		expect(*state, urls[i], LATER);
}

static void
a_bucket_is_named_with_the_type_of_its_ending(void **state)
{
	struct world *w = *state;

	expect(w, "gs://bucket/a/cat.png", FILE_AS("gs://bucket/a/cat.png", "image/png"));
	expect(w, "gs://bucket/film.MOV", FILE_AS("gs://bucket/film.MOV", "video/mov"));
	expect(w, "gs:\\/\\/bucket\\/a.pdf", FILE_AS("gs://bucket/a.pdf", "application/pdf"));
	expect(w, "gs://bucket/nothing", FILE_OF("gs://bucket/nothing"));
	w->media.mime = SPAN("image/webp");
	expect(w, "gs://bucket/cat.png", FILE_AS("gs://bucket/cat.png", "image/webp"));
	assert_null(w->call.remotes);
}

/* ---- what is to be fetched ---- */

static void
an_http_url_is_noted_and_its_place_kept(void **state)
{
	struct world *w = *state;
	struct remote *r;

	expect(w, "https://example.com/cat.png?s=\\u00e9", LATER);
	r = w->call.remotes;
	assert_non_null(r);
	assert_null(r->next);
	assert_true(span_is(r->url, "https://example.com/cat.png?s=\xc3\xa9"));
	assert_string_equal(r->field, FIELD);
	assert_true(span_is(r->mime, "image/*"));
	w->media.mime = SPAN("image/JPG");
	expect(w, "HTTP://[2001:db8::1]:8080/cat", LATER);
	assert_true(span_is(w->call.remotes->mime, "image/jpeg"));
}

static void
urls_are_noted_in_their_order(void **state)
{
	struct world *w = *state;
	const struct remote *r;
	char url[64];

	for (int i = 0; i < 3; i++) {
		snprintf(url, sizeof(url), "https://example.com/%d", i);
		w->media.url = span_of(arena_dup(w->arena, url));
		assert_true(media_write(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err));
	}
	assert_string_equal(written(w), LATER LATER LATER);
	r = w->call.remotes;
	for (int i = 0; i < 3; i++, r = r->next) {
		snprintf(url, sizeof(url), "https://example.com/%d", i);
		assert_true(span_is(r->url, url));
	}
	assert_null(r);
}

static void
more_urls_than_500_are_refused(void **state)
{
	struct world *w = *state;

	w->media.url = SPAN("https://example.com/");
	for (int i = 0; i < 500; i++)
		assert_true(media_write(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err));
	assert_false(media_write(&w->media, &w->req, w->arena, &w->call, &w->rope, &w->err));
	assert_string_equal(w->err.field, FIELD);
}

static void
passthrough_leaves_an_http_url_to_google(void **state)
{
	struct world *w = *state;

	w->options.remote_media = REMOTE_MEDIA_PASSTHROUGH;
	expect(w, "https://example.com/cat.png?x=1",
	    FILE_AS("https://example.com/cat.png?x=1", "image/png"));
	expect(w, "https://example.com/cat", FILE_OF("https://example.com/cat"));
	w->media.mime = SPAN("image/webp");
	expect(
	    w, "https://example.com/cat.png", FILE_AS("https://example.com/cat.png", "image/webp"));
	assert_null(w->call.remotes);
}

static void
reject_refuses_an_http_url_and_nothing_else(void **state)
{
	struct world *w = *state;

	w->options.remote_media = REMOTE_MEDIA_REJECT;
	expect_refused(w, "https://example.com/cat.png",
	    "is a URL, and this server fetches none: send a data URL");
	expect(w, "data:image/png;base64,QUJD", INLINE("image/png", "QUJD"));
	expect(w, "files/ab-12", FILE_OF(GEMINI_FILE));
	expect(w, "https://youtu.be/abc", FILE_OF("https://youtu.be/abc"));
	expect(w, "gs://bucket/cat.png", FILE_AS("gs://bucket/cat.png", "image/png"));
}

static void
other_schemes_and_relative_urls_are_refused(void **state)
{
	static const char *const urls[] = { "file:///etc/passwd", "ftp://example.com/cat.png",
		"javascript:alert(1)", "cat.png", "/cat.png", "//example.com/cat.png",
		"http:", "http://", "https:///cat.png", "http://?x", "gs://", "gs:///cat.png",
		"youtube.com/watch?v=abc", "blob:https://example.com/1", "files/", "files/a/b",
		"files/../x", "iVBORw0KGgo=", "http//example.com", "://example.com/", "http://:80/",
		"http://user@/" };

	for (size_t i = 0; i < COUNT(urls); i++)
		expect_refused(*state, urls[i],
		    "is no URL of data:, http:, https: or gs:, and no file of Gemini's");
}

static void
what_is_no_url_at_all_is_refused(void **state)
{
	struct world *w = *state;
	char *text = arena_alloc(w->arena, 100001);

	expect_refused(w, "", "is empty");
	expect_refused(w, " \\n", "is empty");
	expect_refused(w, "http://example.com/\\u0000", "holds a control character");
	expect_refused(w, "http://example.com/\\r\\nHost: x", "holds a control character");
	memset(text, 'x', 100000);
	memcpy(text, "http://", 7);
	expect_refused(w, text, "is too long for a URL");
	text[9000] = '\0';
	expect_refused(w, text, "is too long for a URL");
}

static void
blanks_around_a_url_do_not_matter(void **state)
{
	struct world *w = *state;

	expect(w, " https://example.com/cat.png\\n", LATER);
	assert_true(span_is(w->call.remotes->url, "https://example.com/cat.png"));
}

/* ---- what stands beside a medium ---- */

static void
resolution_and_more_members_stand_in_the_part(void **state)
{
	struct world *w = *state;

	w->media.resolution = "MEDIA_RESOLUTION_LOW";
	w->media.extra = SPAN("\"videoMetadata\":{\"fps\":2}");
#define BESIDE                                                                                     \
	",\"mediaResolution\":{\"level\":\"MEDIA_RESOLUTION_LOW\"},\"videoMetadata\":{\"fps\":2}}"
	expect(w, "data:image/png;base64,QUJD",
	    "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"QUJD\"}" BESIDE);
	expect(w, "https://youtu.be/abc",
	    "{\"fileData\":{\"fileUri\":\"https://youtu.be/abc\"}" BESIDE);
	expect(w, "https://example.com/cat",
	    "{\"inlineData\":{\"mimeType\":\"x/y\",\"data\":\"LATE\"}" BESIDE);
}

static void
quotes_in_a_url_stay_in_their_string(void **state)
{
	expect(*state, "gs://b/\\\"\\\\.png", FILE_AS("gs://b/\\\"\\\\.png", "image/png"));
}

/* ---- types ---- */

struct row {
	const char *from, *to; /* to NULL: none */
};

static void
expect_types(const struct row *rows, size_t n, const char *(*type)(struct span))
{
	for (size_t i = 0; i < n; i++) {
		const char *got = type(span_of(rows[i].from));

		if ((got == NULL) != (rows[i].to == NULL) ||
		    (got != NULL && strcmp(got, rows[i].to) != 0))
			fail_msg("%s: %s, not %s", rows[i].from, got ? got : "none",
			    rows[i].to ? rows[i].to : "none");
	}
}

static struct arena *types_arena;

static const char *
mime(struct span text)
{
	struct span got = media_mime(text, types_arena);

	return got.len > 0 ? arena_dup_span(types_arena, got) : NULL;
}

static const char *
audio(struct span format)
{
	return media_mime_of_audio(format, types_arena);
}

static void
a_mime_type_is_cleaned(void **state)
{
	static const struct row rows[] = {
		{ "image/png", "image/png" },
		{ " Image/PNG ; charset=binary", "image/png" },
		{ "image/jpg", "image/jpeg" },
		{ "image/pjpeg", "image/jpeg" },
		{ "audio/x-wav", "audio/wav" },
		{ "audio/wave", "audio/wav" },
		{ "audio/mpeg", "audio/mp3" },
		{ "audio/x-m4a", "audio/aac" },
		{ "audio/webm;codecs=opus", "audio/webm" },
		{ "video/quicktime", "video/mov" },
		{ "video/x-msvideo", "video/avi" },
		{ "application/json", "text/plain" },
		{ "text/markdown; charset=UTF-8", "text/plain" },
		{ "text/html; charset=utf-8", "text/html" },
		{ "audio/L16;rate=16000", "audio/L16;rate=16000" },
		{ "audio/l16; Rate=24000; channels=1; x=y", "audio/L16;rate=24000;channels=1" },
		{ "audio/pcm;rate=24000", "audio/L16;rate=24000" },
		{ "audio/pcm;rate=\"1\"", "audio/L16" },
		{ "application/vnd.ms-excel", "application/vnd.ms-excel" },
		{ "application/octet-stream", NULL },
		{ "binary/octet-stream", NULL },
		{ "", NULL },
		{ "png", NULL },
		{ "image/", NULL },
		{ "/png", NULL },
		{ "image/*", NULL },
		{ "a/b/c", NULL },
		{ "image/p\"g", NULL },
		{ "image/p\\ng", NULL },
		{ "im age/png", NULL },
	};
	struct world *w = *state;

	types_arena = w->arena;
	expect_types(rows, COUNT(rows), mime);
}

static void
a_mime_type_of_enormous_length_is_none(void **state)
{
	struct world *w = *state;
	char text[200];

	memset(text, 'x', sizeof(text));
	text[5] = '/';
	assert_int_equal(media_mime(span_mem(text, sizeof(text)), w->arena).len, 0);
	assert_int_equal(media_mime(span_mem(text, 127), w->arena).len, 127);
}

static void
input_audio_formats_are_types(void **state)
{
	static const struct row rows[] = {
		{ "wav", "audio/wav" },
		{ "mp3", "audio/mp3" },
		{ "MP3", "audio/mp3" },
		{ "flac", "audio/flac" },
		{ "ogg", "audio/ogg" },
		{ "opus", "audio/ogg" },
		{ "aac", "audio/aac" },
		{ "m4a", "audio/aac" },
		{ "aiff", "audio/aiff" },
		{ "webm", "audio/webm" },
		{ "pcm16", "audio/L16;rate=24000" },
		{ "audio/x-flac", "audio/flac" },
		{ "audio/L16;rate=8000", "audio/L16;rate=8000" },
		{ "audio/amr", "audio/amr" },
		{ "g711_ulaw", NULL },
		{ "", NULL },
		{ "wav mp3", NULL },
		{ "audio/", NULL },
	};
	struct world *w = *state;

	types_arena = w->arena;
	expect_types(rows, COUNT(rows), audio);
}

static void
a_name_tells_the_type_by_its_ending(void **state)
{
	static const struct row rows[] = {
		{ "cat.png", "image/png" },
		{ "CAT.JPEG", "image/jpeg" },
		{ "a.b.pdf", "application/pdf" },
		{ ".md", "text/plain" },
		{ "main.py", "text/plain" },
		{ "table.csv", "text/csv" },
		{ "song.m4a", "audio/aac" },
		{ "film.webm", "video/webm" },
		{ "C:\\\\what? #1.pdf", "application/pdf" },
		{ "https://example.com/cat.png", "image/png" },
		{ "https://example.com/cat.png?name=x.pdf", "image/png" },
		{ "https://example.com/cat.png#x.pdf", "image/png" },
		{ "https://example.com/get?name=x.pdf", NULL },
		{ "https://example.py", NULL },
		{ "https://example.py/", NULL },
		{ "https://", NULL },
		{ "", NULL },
		{ "pdf", NULL },
		{ "cat.", NULL },
		{ "cat.pn/g", NULL },
		{ "cat.docx", NULL },
		{ "cat.abcdefghijklmnop", NULL },
	};

	(void)state;
	expect_types(rows, COUNT(rows), media_mime_of_name);
}

static void
the_first_bytes_tell_the_type(void **state)
{
#define BYTES(literal, type)                                                                       \
	{                                                                                          \
		SPAN(literal), type                                                                \
	}
	static const struct {
		struct span bytes;
		const char *mime;
	} rows[] = {
		BYTES("\x89PNG\r\n\x1a\n", "image/png"),
		BYTES("\xff\xd8\xff\xe0", "image/jpeg"),
		BYTES("GIF89a..", "image/gif"),
		BYTES("RIFF....WEBPVP8 ", "image/webp"),
		BYTES("RIFF....WAVEfmt ", "audio/wav"),
		BYTES("RIFF....AVI LIST", "video/avi"),
		BYTES("RIFF....????", NULL),
		BYTES("\0\0\0\x18"
		      "ftypheic\0\0\0\0",
		    "image/heic"),
		BYTES("\0\0\0\x18"
		      "ftypmif1\0\0\0\0mif1heic",
		    "image/heic"),
		BYTES("\0\0\0\x18"
		      "ftypmif1\0\0\0\0mif1avif",
		    "image/avif"),
		BYTES("\0\0\0\x18"
		      "ftypmif1\0\0\0\0",
		    "image/heif"),
		BYTES("\0\0\0\x18"
		      "ftypavif\0\0\0\0",
		    "image/avif"),
		BYTES("\0\0\0\x18"
		      "ftypisom\0\0\2\0",
		    "video/mp4"),
		BYTES("\0\0\0\x18"
		      "ftypM4A \0\0\2\0",
		    "audio/aac"),
		BYTES("\0\0\0\x18"
		      "ftypqt  \0\0\2\0",
		    "video/mov"),
		BYTES("\0\0\0\x18"
		      "ftyp3gp5\0\0\2\0",
		    "video/3gpp"),
		BYTES("\0\0\0\x18"
		      "ftyp",
		    NULL),
		BYTES("ID3\x03", "audio/mp3"),
		BYTES("\xff\xfb\x90\x64", "audio/mp3"),
		BYTES("\xff\xf3\x82\xc4", "audio/mp3"),
		BYTES("\xff\xf1\x50\x80", "audio/aac"),
		BYTES("\xff\xfe"
		      "t\0e\0",
		    NULL),
		BYTES("\xff", NULL),
		BYTES("fLaC\0\0\0\x22", "audio/flac"),
		BYTES("OggS\0\2........OpusHead", "audio/ogg"),
		BYTES("OggS\0\2........\x80theora", "video/ogg"),
		BYTES("FORM....AIFFCOMM", "audio/aiff"),
		BYTES("\x1a\x45\xdf\xa3\x42\x82\x84webm", "video/webm"),
		BYTES("\x1a\x45\xdf\xa3\x42\x82\x88matroska", "video/x-matroska"),
		BYTES("FLV\x01\x05", "video/x-flv"),
		BYTES("\0\0\x01\xba\x44", "video/mpeg"),
		BYTES("\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", "video/wmv"),
		BYTES("BM....\0\0\0\0", "image/bmp"),
		BYTES("BMW is a car", NULL),
		BYTES("II*\0....", "image/tiff"),
		BYTES("%PDF-1.7", "application/pdf"),
		BYTES("{\\rtf1", "text/rtf"),
		BYTES("<!DOCTYPE html><p>", "text/html"),
		BYTES("\xef\xbb\xbf\r\n <HTML>", "text/html"),
		BYTES("<?xml version='1.0'?><html>", "text/html"),
		BYTES("<?xml version='1.0'?><svg/>", "image/svg+xml"),
		BYTES("<?xml version='1.0'?><a/>", "text/xml"),
		BYTES("<svg xmlns=''/>", "image/svg+xml"),
		BYTES("Hello", NULL),
		BYTES(" ", NULL),
		BYTES("", NULL),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = media_sniff(rows[i].bytes);

		if ((got == NULL) != (rows[i].mime == NULL) ||
		    (got != NULL && strcmp(got, rows[i].mime) != 0))
			fail_msg("row %zu: %s, not %s", i, got ? got : "none",
			    rows[i].mime ? rows[i].mime : "none");
	}
	assert_null(media_sniff(SPAN_NONE));
}

static void
first_bytes_may_end_anywhere(void **state)
{
	static const char *const texts[] = { "RIFF....WEBPVP8 ", "....ftypmif1....heic",
		"OggS.....theora", "\x1a\x45\xdf\xa3webm", "FORM....AIFF", "BM1234", "\xff\xfb\x90",
		"<?xml <svg", "\xef\xbb\xbf <html" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			char *exact = malloc(len + (len == 0));

			assert_non_null(exact);
			memcpy(exact, texts[i], len);
			media_sniff(span_mem(exact, len));
			free(exact);
		}
}

static void
a_container_is_sound_where_sound_was_meant(void **state)
{
	(void)state;
	assert_string_equal(media_as_audio("video/webm"), "audio/webm");
	assert_string_equal(media_as_audio("video/mp4"), "audio/aac");
	assert_string_equal(media_as_audio("audio/wav"), "audio/wav");
	assert_string_equal(media_as_audio("text/html"), "text/html");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_data_url_becomes_inline_data),
		TEST(image_jpg_is_image_jpeg),
		TEST(url_safe_base64_with_blanks_and_without_padding_is_mended),
		TEST(a_percent_coded_payload_is_decoded_and_encoded),
		TEST(a_text_document_stays_inline_data_and_loses_its_charset),
		TEST(a_large_payload_is_borrowed),
		TEST(data_without_a_type_is_told_by_the_client_or_by_its_bytes),
		TEST(data_of_no_type_at_all_is_refused),
		TEST(a_document_of_no_type_is_a_pdf),
		TEST(a_pdf_in_a_file_part_is_not_dropped),
		TEST(sound_comes_bare_or_as_a_url),
		TEST(broken_base64_is_refused_by_its_field),
		TEST(a_file_of_geminis_is_named_by_its_full_uri),
		TEST(what_only_looks_like_a_file_of_geminis_is_fetched_like_any_other),
		TEST(youtube_is_named_and_never_downloaded),
		TEST(what_only_looks_like_youtube_is_fetched_like_any_other),
		TEST(a_bucket_is_named_with_the_type_of_its_ending),
		TEST(an_http_url_is_noted_and_its_place_kept),
		TEST(urls_are_noted_in_their_order),
		TEST(more_urls_than_500_are_refused),
		TEST(passthrough_leaves_an_http_url_to_google),
		TEST(reject_refuses_an_http_url_and_nothing_else),
		TEST(other_schemes_and_relative_urls_are_refused),
		TEST(what_is_no_url_at_all_is_refused),
		TEST(blanks_around_a_url_do_not_matter),
		TEST(resolution_and_more_members_stand_in_the_part),
		TEST(quotes_in_a_url_stay_in_their_string),
		TEST(a_mime_type_is_cleaned),
		TEST(a_mime_type_of_enormous_length_is_none),
		TEST(input_audio_formats_are_types),
		TEST(a_name_tells_the_type_by_its_ending),
		TEST(the_first_bytes_tell_the_type),
		TEST(first_bytes_may_end_anywhere),
		TEST(a_container_is_sound_where_sound_was_meant),
	};

	return cmocka_run_group_tests_name("dialect/media", tests, NULL, NULL);
}
