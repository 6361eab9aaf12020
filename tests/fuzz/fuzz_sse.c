/*
 * The event reader on any bytes: whole and split at positions that the input names, it gives
 * the same events, stray lines and end.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct reading {
	struct buf told;     /* everything that was given, in order */
	unsigned stop_after; /* a callback says stop after so many calls; 0: never */
	unsigned calls;
};

static bool
tell(struct reading *r, char kind, struct span data)
{
	buf_add_char(&r->told, kind);
	buf_add_int(&r->told, (int64_t)data.len);
	buf_add_char(&r->told, ':');
	buf_add_span(&r->told, data);
	return ++r->calls != r->stop_after;
}

static bool
on_event(void *ctx, struct span data)
{
	return tell(ctx, 'e', data);
}

static bool
on_stray(void *ctx, struct span line)
{
	assert(!line.len || (!memchr(line.p, '\n', line.len) && !memchr(line.p, '\r', line.len)));
	return tell(ctx, 's', line);
}

/* Each piece is a block of its own that is gone afterwards: nothing may be read behind it, or
 * later. */
static bool
feed_copy(struct sse *reader, const char *p, size_t len)
{
	char *copy = mem_dup_span(span_mem(p, len));
	bool ok = sse_feed(reader, span_mem(copy, len));

	mem_free(copy);
	return ok;
}

/* Reads in pieces whose sizes the given bytes name in turn; none: in one piece. */
static void
read_stream(struct reading *r, struct span in, const uint8_t *sizes, size_t n, size_t max_bytes)
{
	struct sse reader;
	size_t at = 0, turn = 0;
	bool ok = true;

	sse_init(&reader, max_bytes, on_event, on_stray, r);
	while (ok && at < in.len) {
		size_t len = n ? (size_t)sizes[turn++ % n] % 24 : in.len;

		if (len > in.len - at)
			len = in.len - at;
		ok = feed_copy(&reader, in.p + at, len);
		at += len;
		/* A whole round of empty pieces would never end. */
		if (n && turn % n == 0 && at < in.len && ok)
			ok = feed_copy(&reader, in.p + at++, 1);
	}
	if (ok)
		ok = sse_finish(&reader);
	assert(ok != reader.stopped);
	assert(reader.line.len <= max_bytes && reader.data.len <= max_bytes);
	assert(ok || (!sse_feed(&reader, SPAN("data: late\n\n")) && !sse_finish(&reader)));
	tell(r, ok ? '.' : reader.too_large ? '>' : '!', SPAN_NONE);
	sse_fini(&reader);
}

/* What is written is read back as one event. */
static void
check_write(struct span data)
{
	struct reading r = { .stop_after = 0 }, expected = r;
	struct buf out = BUF_INIT;

	sse_write(&out, data);
	read_stream(&r, buf_span(&out), NULL, 0, SIZE_MAX);
	assert(r.calls == 2 && buf_text(&r.told)[0] == 'e');
	if (!data.len || !memchr(data.p, '\r', data.len)) {
		tell(&expected, 'e', data);
		tell(&expected, '.', SPAN_NONE);
		assert(span_eq(buf_span(&r.told), buf_span(&expected.told)));
	}
	buf_fini(&expected.told);
	buf_fini(&out);
	buf_fini(&r.told);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t one_by_one[] = { 1 };
	struct reading whole = { .stop_after = 0 }, split = whole, single = whole;
	size_t n, max_bytes;
	struct span in;

	if (size < 2)
		return 0;
	/* The first two bytes are settings, the stream itself names the sizes of its pieces. */
	max_bytes = data[0] < 0x80 ? (size_t)1 << 20 : data[0] & 0x7F;
	whole.stop_after = split.stop_after = single.stop_after = data[1] & 0x0F;
	data += 2;
	size -= 2;
	in = span_mem(data, size);
	n = size < 16 ? size : 16;
	read_stream(&whole, in, NULL, 0, max_bytes);
	read_stream(&split, in, data, n, max_bytes);
	read_stream(&single, in, one_by_one, 1, max_bytes);
	assert(span_eq(buf_span(&whole.told), buf_span(&split.told)));
	assert(span_eq(buf_span(&whole.told), buf_span(&single.told)));
	check_write(in);
	buf_fini(&whole.told);
	buf_fini(&split.told);
	buf_fini(&single.told);
	return 0;
}
