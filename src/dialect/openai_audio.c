/*
 * Speech in an answer: see openai_audio.h.  Pure, runs in workers, owns nothing.
 *
 * Pieces of base64 cannot be joined as they are, since each may end in padding: they are
 * decoded, three bytes are encoded as soon as they are there, and the rest is carried on.
 *
 * (RFC 4648; RFC 2586 and Gemini API reference for audio/L16; Multimedia Programming Interface
 * and Data Specifications 1.0 for WAVE.)
 */
#include "dialect/openai_audio.h"

#include "base/scan.h"

#define WAV_HEAD_BYTES 44
#define WAV_UNKNOWN    UINT32_MAX /* a length that is not known when the head is written */
#define RATE_DEFAULT   24000
#define RATE_MAX       768000
#define CHANNELS_MAX   32

/* ---- base64 ---- */

struct join {
	struct buf *out; /* NULL: only counts */
	unsigned char carry[3];
	size_t carried;
	size_t bytes; /* decoded so far */
};

static void
join_flush(struct join *j)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *c = j->carry;
	char quad[4];

	if (j->carried == 0 || j->out == NULL) {
		j->carried = 0;
		return;
	}
	for (size_t i = j->carried; i < 3; i++)
		j->carry[i] = 0;
	quad[0] = letters[c[0] >> 2];
	quad[1] = letters[(c[0] & 3) << 4 | c[1] >> 4];
	quad[2] = j->carried > 1 ? letters[(c[1] & 15) << 2 | c[2] >> 6] : '=';
	quad[3] = j->carried > 2 ? letters[c[2] & 63] : '=';
	buf_add(j->out, quad, 4);
	j->carried = 0;
}

static void
join_byte(struct join *j, unsigned char byte)
{
	j->carry[j->carried++] = byte;
	j->bytes++;
	if (j->carried == 3)
		join_flush(j);
}

/* Of both alphabets; -1: none. */
static int
letter_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* What is no base64 is passed over. */
static void
join_base64(struct join *j, struct span escaped)
{
	struct buf plain = BUF_INIT;
	uint32_t bits = 0;
	int count = 0, value;

	if (scan_has_escape(escaped)) {
		scan_text(&plain, escaped);
		escaped = buf_span(&plain);
	}
	for (size_t i = 0; i < escaped.len; i++) {
		if ((value = letter_value(escaped.p[i])) < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			join_byte(j, (unsigned char)(bits >> count));
		}
	}
	buf_fini(&plain);
}

/* ---- samples ---- */

struct samples {
	int64_t rate, channels;
};

/* "audio/L16;codec=pcm;rate=24000" */
static bool
samples_read(struct span escaped, struct samples *s)
{
	struct buf plain = BUF_INIT;
	struct span rest, name, value;
	bool is_samples;

	*s = (struct samples){ RATE_DEFAULT, 1 };
	scan_text(&plain, escaped);
	rest = buf_span(&plain);
	value = span_trim(span_cut(&rest, ';'));
	is_samples = span_is_nocase(value, "audio/L16") || span_is_nocase(value, "audio/pcm");
	while (is_samples && rest.len > 0) {
		int64_t n;

		value = span_cut(&rest, ';');
		name = span_trim(span_cut(&value, '='));
		if (span_is_nocase(name, "rate") && span_int(span_trim(value), 1, RATE_MAX, &n))
			s->rate = n;
		if (span_is_nocase(name, "channels") &&
		    span_int(span_trim(value), 1, CHANNELS_MAX, &n))
			s->channels = n;
	}
	buf_fini(&plain);
	return is_samples;
}

static void
put_le(unsigned char *p, uint32_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

/* 16 bit each, little-endian, as Gemini gives them. */
static void
wav_head(struct join *j, const struct samples *s, uint32_t bytes)
{
	unsigned char head[WAV_HEAD_BYTES] = "RIFF....WAVEfmt ";
	uint32_t whole =
	    bytes < WAV_UNKNOWN - WAV_HEAD_BYTES ? bytes + WAV_HEAD_BYTES - 8 : WAV_UNKNOWN;

	put_le(head + 4, whole, 4);
	put_le(head + 16, 16, 4); /* bytes of the format that follows */
	put_le(head + 20, 1, 2);  /* plain samples */
	put_le(head + 22, (uint32_t)s->channels, 2);
	put_le(head + 24, (uint32_t)s->rate, 4);
	put_le(head + 28, (uint32_t)(s->rate * s->channels * 2), 4);
	put_le(head + 32, (uint32_t)s->channels * 2, 2);
	put_le(head + 34, 16, 2);
	memcpy(head + 36, "data", 4);
	put_le(head + 40, bytes, 4);
	for (size_t i = 0; i < sizeof(head); i++)
		join_byte(j, head[i]);
}

/* ---- the audio of a message ---- */

bool
openai_audio_is(const struct part *p)
{
	struct buf plain = BUF_INIT;
	bool is;

	if (p->kind != PART_INLINE_DATA)
		return false;
	scan_text(&plain, p->mime);
	is = plain.len > 6 && span_is_nocase(span_mem(plain.data, 6), "audio/");
	buf_fini(&plain);
	return is;
}

static void
begin(struct openai_audio *a, struct arena *arena, const struct part *p)
{
	if (!a->begun)
		openai_kept_set(&a->mime, arena, p->mime);
	a->begun = true;
}

void
openai_audio_keep(struct openai_audio *a, struct arena *arena, const struct part *p)
{
	begin(a, arena, p);
	openai_pieces_add(&a->parts, arena, p->data);
}

static void
join_parts(const struct openai_audio *a, struct join *j)
{
	for (const struct openai_text *t = a->parts.first; t != NULL; t = t->next)
		join_base64(j, t->json);
}

void
openai_audio_write(const struct openai_audio *a, bool raw, struct buf *out)
{
	struct join j = { .out = out }, counted = { .out = NULL };
	struct samples s;

	if (!raw && samples_read(openai_kept_span(&a->mime), &s)) {
		join_parts(a, &counted);
		wav_head(
		    &j, &s, counted.bytes < WAV_UNKNOWN ? (uint32_t)counted.bytes : WAV_UNKNOWN);
	}
	join_parts(a, &j);
	join_flush(&j);
}

void
openai_audio_stream(
    struct openai_audio *a, struct arena *arena, const struct part *p, bool raw, struct buf *out)
{
	struct join j = { .out = out, .carried = a->carried };
	struct samples s;
	bool is_first = !a->begun;

	begin(a, arena, p);
	memcpy(j.carry, a->carry, a->carried);
	if (is_first && !raw && samples_read(openai_kept_span(&a->mime), &s))
		wav_head(&j, &s, WAV_UNKNOWN);
	join_base64(&j, p->data);
	a->carried = j.carried;
	memcpy(a->carry, j.carry, j.carried);
}

void
openai_audio_end(struct openai_audio *a, struct buf *out)
{
	struct join j = { .out = out, .carried = a->carried };

	memcpy(j.carry, a->carry, a->carried);
	join_flush(&j);
	a->carried = 0;
}
