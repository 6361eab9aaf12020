/*
 * Media as strangers write them: data URLs, base64, URLs.  What is taken must be base64 that any
 * decoder takes, saying what an understanding of the text that is slower and simpler says;
 * whatever is written must be JSON.
 */
#include <assert.h>
#include <sodium.h>
#include <string.h>
#include "base/scan.h"
#include "dialect/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The bytes behind base64, byte by byte; false: it is none. */
static bool
decode_slowly(struct span plain, struct buf *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t count = 0, padding = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < plain.len; i++) {
		char c = plain.p[i];
		const char *digit;

		if (c == ' ' || (c >= '\t' && c <= '\r'))
			continue;
		if (c == '=') {
			padding++;
			continue;
		}
		c = c == '-' ? '+' : c == '_' ? '/' : c;
		digit = c != '\0' ? strchr(digits, c) : NULL;
		if (digit == NULL || padding > 0)
			return false;
		bits = bits << 6 | (unsigned)(digit - digits);
		if (count++ % 4 > 0)
			buf_add_char(out, (char)(bits >> (6 - 2 * ((count - 1) % 4))));
	}
	return count > 0 && count % 4 != 1 && padding <= 3;
}

static void
check_data(struct span data, const struct buf *want)
{
	struct buf got = BUF_INIT;
	size_t n = 0;

	assert(data.len > 0 && data.len % 4 == 0);
	buf_reserve(&got, data.len);
	assert(sodium_base642bin((unsigned char *)got.data, data.len, data.p, data.len, NULL, &n,
		   NULL, sodium_base64_VARIANT_ORIGINAL) == 0);
	assert(n == want->len && memcmp(got.data, buf_text(want), n) == 0);
	buf_fini(&got);
}

static void
check_base64(struct span escaped, struct span plain, struct arena *arena)
{
	struct buf want = BUF_INIT;
	struct err e = ERR_INIT;
	struct span data;
	bool good = decode_slowly(plain, &want);

	assert(media_base64(escaped, arena, &data, "x", &e) == good);
	if (good)
		check_data(data, &want);
	else
		assert(e.kind == ERR_BAD_REQUEST && strcmp(e.field, "x") == 0);
	buf_fini(&want);
}

static bool
says_base64(struct span head)
{
	bool says = false;

	span_cut(&head, ';');
	while (head.p != NULL)
		says = span_is_nocase(span_trim(span_cut(&head, ';')), "base64") || says;
	return says;
}

static void
check_data_url(struct span escaped, struct span plain, struct arena *arena)
{
	struct buf bytes = BUF_INIT, want = BUF_INIT;
	struct span rest = plain, head;
	struct data_url url;
	struct err e = ERR_INIT;

	if (!data_url_read(escaped, arena, &url, "x", &e)) {
		assert(e.kind == ERR_BAD_REQUEST && strcmp(e.field, "x") == 0);
		return;
	}
	assert(data_url_is(escaped));
	assert(url.mime.len == 0 || span_eq(media_mime(url.mime, arena), url.mime));
	head = span_cut(&rest, ',');
	text_percent_decode(&bytes, rest, false);
	if (says_base64(head))
		assert(decode_slowly(buf_span(&bytes), &want));
	else
		buf_add_span(&want, buf_span(&bytes));
	check_data(url.data, &want);
	buf_fini(&bytes);
	buf_fini(&want);
}

static void
check_part(struct span escaped, struct arena *arena, enum remote_media remote, const char *kind)
{
	const struct dialect_options options = { .remote_media = remote };
	const struct dialect_request req = { .options = &options };
	struct media m = { .url = escaped, .kind = kind, .field = "x" };
	struct rope rope = ROPE_INIT;
	struct buf text = BUF_INIT;
	struct call call = { 0 };
	struct err e = ERR_INIT;

	if (media_write_data(&m, &req, arena, &call, &rope, &e)) {
		struct body b = rope_body(&rope, arena);

		if (call.remotes != NULL)
			*call.remotes->place = SPAN("{}");
		body_flatten(&b, &text);
		assert(scan_check(buf_span(&text), NULL, NULL));
	} else {
		assert(e.kind == ERR_BAD_REQUEST && strcmp(e.field, "x") == 0);
	}
	rope_clear(&rope);
	e = ERR_INIT;
	call.remotes = NULL;
	if (!media_write(&m, &req, arena, &call, &rope, &e))
		assert(e.kind == ERR_BAD_REQUEST && strcmp(e.field, "x") == 0);
	rope_fini(&rope);
	buf_fini(&text);
}

static void
check_all(struct span escaped)
{
	static const char *const kinds[] = { "image", "audio", "application" };
	struct arena *arena = arena_new(0);
	struct buf plain = BUF_INIT;

	scan_text(&plain, escaped);
	check_base64(escaped, buf_span(&plain), arena);
	check_data_url(escaped, buf_span(&plain), arena);
	for (int i = 0; i < 3; i++)
		check_part(escaped, arena, (enum remote_media)i, kinds[i]);
	media_mime_of_name(buf_span(&plain));
	media_mime_of_audio(buf_span(&plain), arena);
	media_sniff(buf_span(&plain));
	buf_fini(&plain);
	arena_free(&arena);
}

/* As it stands where it is the inside of a string of JSON, else quoted. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf quoted = BUF_INIT;
	struct span escaped;
	struct scan s;

	buf_add_char(&quoted, '"');
	buf_add(&quoted, data, len);
	buf_add_char(&quoted, '"');
	scan_init(&s, buf_span(&quoted));
	if (!scan_string(&s, &escaped) || !scan_end(&s)) {
		buf_clear(&quoted);
		scan_quote(&quoted, span_mem(data, len));
		escaped = span_mem(quoted.data + 1, quoted.len - 2);
	}
	check_all(escaped);
	buf_fini(&quoted);
	return 0;
}
