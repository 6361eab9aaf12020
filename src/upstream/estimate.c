/*
 * How many tokens a prompt will count: see estimate.h.  Runs in workers, and in the janitor, which
 * probes; each learns for itself, from the answers that it brings.
 */
#include "upstream/estimate.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/text.h"
#include "gemini/outline.h"

/* Kinds of text, and how many tokens one of each may be: at first, at least, at most. */
#define KINDS(K)                                                                                   \
	K(WORDS, 1.3, 0.5, 4.0)  /* a word of Latin letters; a long one counts several times */    \
	K(JOINTS, 1.3, 0.5, 4.0) /* a word amid a word, as in camelCase; random ones are full */   \
	K(DIGITS, 1.0, 0.5, 1.1) /* each */                                                        \
	K(MARKS, 1.0, 0.2, 1.1)  /* punctuation, escapes, spaces that part no words */             \
	K(NEAR, 1.0, 0.15, 2.0)  /* characters of two bytes: Greek, Cyrillic, Arabic ... */        \
	K(EAST, 1.2, 0.3, 3.0)   /* of three: Chinese, Japanese, Korean */                         \
	K(FAR, 2.0, 0.3, 3.0)    /* of three: other scripts, symbols */                            \
	K(RARE, 4.0, 0.5, 4.0)   /* of four: pictures, old scripts */

enum kind {
#define KIND_ENUM(name, first, least, most) KIND_##name,
	KINDS(KIND_ENUM)
#undef KIND_ENUM
	    KIND_COUNT
};

static const struct {
	double first, least, most;
} kinds[KIND_COUNT] = {
#define KIND_ROW(name, first, least, most) { first, least, most },
	KINDS(KIND_ROW)
#undef KIND_ROW
};

#define TOKENS_MOST 1.1 /* of a byte of text, whatever it is */
#define SAFETY      1.1 /* prompts of one kind differ, too */
#define FALL        0.03125
#define HALF_WEIGHT 512.0 /* bytes of a prompt that moves it half as far as an endless one */

#define WORD_SHORT 6 /* letters; more of them count as another word, ... */
#define WORD_MORE  3 /* ... so many each */

#define IMAGE_TOKENS 1290
#define OTHER_TOKENS 258 /* also of a file of which only its URI is known */
#define OTHER_BYTES  64  /* of a medium for each token more */

#define NAME_MAX_LEN 64

struct model {
	char name[NAME_MAX_LEN];
	size_t name_len;           /* 0: the place is free */
	double tokens[KIND_COUNT]; /* of one of each kind */
	uint64_t heard;            /* when it was last learned of, by the count below */
};

struct estimates {
	struct model models[ESTIMATE_MODELS];
	uint64_t count; /* of what was learned */
};

struct estimates *
estimates_new(void)
{
	return mem_alloc(sizeof(struct estimates));
}

void
estimates_free(struct estimates **ep)
{
	mem_free(*ep);
	*ep = NULL;
}

/* ---- text ---- */

/* Text that is being read, byte by byte. */
struct reader {
	uint64_t count[KIND_COUNT];
	uint64_t bytes;
	unsigned letters; /* of the word that it is in; 0: none */
	bool spaced;      /* the last byte was a space, ... */
	bool numbered;    /* ... a digit */
	bool escapes;     /* it stands in JSON */
	unsigned escape;  /* how many bytes of an escape are still to come, at most */
	unsigned code;    /* as far as its hexadecimal digits have come */
};

#define ESCAPE_WHOLE 5 /* u and four digits */

/* Words that one of so many letters counts beside itself. */
static unsigned
words_more(unsigned letters)
{
	return letters > WORD_SHORT ? (letters - WORD_SHORT - 1) / WORD_MORE + 1 : 0;
}

static void
begin_word(struct reader *r)
{
	/* What is random has a capital, or a digit, at every other place. */
	r->count[r->letters > 0 || r->numbered ? KIND_JOINTS : KIND_WORDS]++;
	r->letters = 0;
}

static void
read_letters(struct reader *r, unsigned n)
{
	r->count[KIND_WORDS] += words_more(r->letters + n) - words_more(r->letters);
	r->letters += n;
	r->spaced = r->numbered = false;
}

static enum kind
kind_of_code(unsigned code)
{
	if (code < 0x800)
		return KIND_NEAR;
	return code >= 0x3000 && code < 0xd800 ? KIND_EAST : KIND_FAR;
}

/* "\n" is a mark, "\u4e2d" the character that it stands for; of a pair the first half counts. */
static void
read_escape(struct reader *r, unsigned char c)
{
	if (r->escape == ESCAPE_WHOLE && c != 'u') {
		r->count[KIND_MARKS]++;
		r->escape = 0;
		return;
	}
	if (r->escape < ESCAPE_WHOLE)
		r->code = r->code << 4 | (c <= '9' ? c & 15u : (c & 7u) + 9);
	else
		r->code = 0;
	if (--r->escape > 0)
		return;
	if (r->code < 0x80)
		r->count[KIND_MARKS]++;
	else if (r->code < 0xd800 || r->code > 0xdfff)
		r->count[kind_of_code(r->code)]++;
	else if (r->code < 0xdc00)
		r->count[KIND_RARE]++;
}

/* A character's first byte tells which it is, near enough; the others count nothing. */
static void
read_far_byte(struct reader *r, unsigned char c)
{
	if (c < 0xc0)
		return;
	if (c >= 0xf0)
		r->count[KIND_RARE]++;
	else
		r->count[c < 0xe0 ? KIND_NEAR : c >= 0xe3 && c <= 0xed ? KIND_EAST : KIND_FAR]++;
}

/* All but small letters, and what is part of an escape. */
static void
read_sign(struct reader *r, unsigned char c)
{
	bool spaced = r->spaced;

	r->spaced = c == ' ';
	r->letters = 0;
	r->numbered = c >= '0' && c <= '9';
	if (c >= 0x80) {
		read_far_byte(r, c);
		return;
	}
	/* A space before a word belongs to it. */
	r->count[KIND_MARKS] += spaced;
	if (r->numbered)
		r->count[KIND_DIGITS]++;
	else if (c == '\\' && r->escapes)
		r->escape = ESCAPE_WHOLE;
	else if (c != ' ')
		r->count[KIND_MARKS]++;
}

static size_t
small_letters(const char *at, size_t most)
{
	size_t n = 0;

	while (n < most && at[n] >= 'a' && at[n] <= 'z')
		n++;
	return n;
}

static void
read_bytes(struct reader *r, struct span bytes)
{
	r->bytes += bytes.len;
	for (size_t i = 0; i < bytes.len;) {
		unsigned char c = (unsigned char)bytes.p[i];
		bool capital = c >= 'A' && c <= 'Z';

		if (r->escape > 0) {
			read_escape(r, c);
		} else if (capital || (c >= 'a' && c <= 'z')) {
			size_t n = small_letters(bytes.p + i + 1, bytes.len - i - 1);

			if (capital || r->letters == 0)
				begin_word(r);
			read_letters(r, (unsigned)n + 1);
			i += n;
		} else {
			read_sign(r, c);
		}
		i++;
	}
}

/* ---- what a body holds ---- */

/* A body that is being weighed: text up to a place in its pieces, and the media met so far. */
struct weight {
	struct reader text;
	const struct span *piece; /* the first byte that was not read yet: its piece ... */
	size_t at;                /* ... and where in it */
	uint64_t media_tokens;
	bool has_media;
};

static void
read_until(struct weight *w, const struct span *piece, size_t at)
{
	for (; w->piece < piece; w->piece++, w->at = 0)
		read_bytes(&w->text, span_mem(w->piece->p + w->at, w->piece->len - w->at));
	if (at > w->at)
		read_bytes(&w->text, span_mem(w->piece->p + w->at, at - w->at));
	w->at = at > w->at ? at : w->at;
}

/* All before it is read, itself is not. */
static void
read_around(struct weight *w, struct outline_text data)
{
	if (!data.piece)
		return;
	read_until(w, data.piece, data.at);
	while (outline_text_cut(&data).len > 0)
		;
	w->piece = data.piece;
	w->at = data.at;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* A text that was sent as a file. */
static void
read_base64(struct reader *into, struct outline_text data)
{
	struct reader r = { .escapes = false };
	unsigned bits = 0, n = 0;

	for (struct span part; (part = outline_text_cut(&data)).len > 0;)
		for (size_t i = 0; i < part.len; i++) {
			int value = base64_value(part.p[i]);

			if (value < 0)
				continue;
			bits = bits << 6 | (unsigned)value;
			n += 6;
			if (n < 8)
				continue;
			n -= 8;
			const char byte = (char)(bits >> n);

			read_bytes(&r, span_mem(&byte, 1));
		}
	into->bytes += r.bytes;
	for (size_t k = 0; k < KIND_COUNT; k++)
		into->count[k] += r.count[k];
}

static bool
starts(struct outline_text text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text.len < len)
		return false;
	text.len = len;
	return outline_text_is(text, prefix);
}

static void
count_medium(struct weight *w, struct outline_text mime, struct outline_text data)
{
	w->has_media = true;
	if (starts(mime, "text/"))
		read_base64(&w->text, data);
	else if (starts(mime, "image/"))
		w->media_tokens += IMAGE_TOKENS;
	else
		w->media_tokens += OTHER_TOKENS + (uint64_t)data.len / 4 * 3 / OTHER_BYTES;
}

/* The value of the key just read, where it is a string; else it is skipped, and *text is empty. */
static bool
read_text(struct outline *o, struct outline_text *text)
{
	enum outline_token t = outline_next(o);

	*text = t == OUTLINE_STRING ? o->text : (struct outline_text){ NULL, 0, 0 };
	if (t == OUTLINE_OBJECT || t == OUTLINE_ARRAY)
		return outline_leave(o);
	return t != OUTLINE_BAD;
}

/* The value of an "inlineData" whose key was just read.  False: the body is broken. */
static bool
read_inline(struct outline *o, struct weight *w)
{
	struct outline_text mime = { NULL, 0, 0 }, data = mime, other;
	enum outline_token t = outline_next(o);

	if (t != OUTLINE_OBJECT)
		return t != OUTLINE_ARRAY || outline_leave(o);
	while ((t = outline_next(o)) == OUTLINE_KEY) {
		bool is_mime = span_is(outline_key(o), "mimeType");
		bool is_data = span_is(outline_key(o), "data");

		if (!read_text(o, is_mime ? &mime : is_data ? &data : &other))
			return false;
	}
	read_around(w, data);
	count_medium(w, mime, data);
	return t == OUTLINE_CLOSE;
}

static bool
read_member(struct outline *o, struct weight *w)
{
	struct span key = outline_key(o);

	if (span_is(key, "inlineData"))
		return read_inline(o, w);
	if (span_is(key, "fileData")) {
		w->has_media = true;
		w->media_tokens += OTHER_TOKENS;
		return outline_skip(o);
	}
	return !outline_is_foreign(o) || outline_skip(o);
}

/* Of a broken body so much as can be read; the rest counts as text. */
static struct weight
weigh(const struct body *body)
{
	struct weight w = { .text = { .escapes = true }, .piece = body->pieces };
	struct outline o;
	enum outline_token t;

	outline_init(&o, body);
	do
		t = outline_next(&o);
	while (t > OUTLINE_DONE && (t != OUTLINE_KEY || read_member(&o, &w)));
	if (body->count > 0)
		read_until(&w, body->pieces + body->count, 0);
	return w;
}

/* ---- what is known of models ---- */

static struct model *
find(struct estimates *e, struct span name)
{
	for (size_t i = 0; i < ESTIMATE_MODELS; i++)
		if (name.len > 0 &&
		    span_eq(span_mem(e->models[i].name, e->models[i].name_len), name))
			return &e->models[i];
	return NULL;
}

/* A place of its own: a free one, or that of whoever was not heard of for longest. */
static struct model *
make_room(struct estimates *e, struct span name)
{
	struct model *m = &e->models[0];

	for (size_t i = 1; i < ESTIMATE_MODELS; i++)
		if (e->models[i].heard < m->heard)
			m = &e->models[i];
	*m = (struct model){ .name_len = name.len };
	memcpy(m->name, name.p, name.len);
	for (size_t k = 0; k < KIND_COUNT; k++)
		m->tokens[k] = kinds[k].first;
	return m;
}

/* What the text of each kind is worth, as far as is known; gives the sum. */
static double
value(const struct model *m, const struct reader *text, double worth[KIND_COUNT])
{
	double sum = 0;

	for (size_t k = 0; k < KIND_COUNT; k++) {
		worth[k] = (double)text->count[k] * (m ? m->tokens[k] : kinds[k].first);
		sum += worth[k];
	}
	return sum;
}

static void
move(struct model *m, enum kind k, double to)
{
	m->tokens[k] = fmin(fmax(to, kinds[k].least), kinds[k].most);
}

/* What was too little is put on the kinds of which there was most, for they explain it best. */
static void
rise(struct model *m, const struct reader *text, const double worth[KIND_COUNT], double missing)
{
	double squares = 0;

	for (size_t k = 0; k < KIND_COUNT; k++)
		squares += worth[k] * worth[k];
	for (size_t k = 0; k < KIND_COUNT; k++)
		if (worth[k] > 0)
			move(m, k,
			    m->tokens[k] +
				missing * worth[k] * worth[k] / squares / (double)text->count[k]);
}

static void
sink(struct model *m, const double worth[KIND_COUNT], double sum, double by)
{
	for (size_t k = 0; k < KIND_COUNT; k++)
		if (worth[k] > 0)
			move(m, k, m->tokens[k] * (1 - by * worth[k] / sum));
}

/* ---- the whole ---- */

uint64_t
estimate_tokens(struct estimates *e, struct span model, const struct body *body)
{
	struct weight w = weigh(body);
	double worth[KIND_COUNT], sum = value(find(e, model), &w.text, worth);
	double most = (double)w.text.bytes * TOKENS_MOST;
	uint64_t tokens = w.media_tokens + (uint64_t)ceil(fmin(sum * SAFETY, most));

	return tokens > 0 ? tokens : 1;
}

void
estimate_learn(
    struct estimates *e, struct span model, const struct body *body, int64_t prompt_tokens)
{
	struct weight w = weigh(body);
	struct model *m;

	if (prompt_tokens <= 0 || w.has_media || w.text.bytes == 0 || model.len == 0 ||
	    model.len > NAME_MAX_LEN)
		return;
	m = find(e, model);
	if (!m)
		m = make_room(e, model);
	double bytes = (double)w.text.bytes, worth[KIND_COUNT];
	double seen = fmin((double)prompt_tokens, bytes * TOKENS_MOST);
	double sum = value(m, &w.text, worth);
	double pull = bytes / (bytes + HALF_WEIGHT);

	if (seen > sum && sum > 0)
		rise(m, &w.text, worth, (seen - sum) * pull);
	else if (sum > 0)
		sink(m, worth, sum, (1 - seen / sum) * pull * FALL);
	m->heard = ++e->count;
}
