/*
 * Taking secrets out of texts that are not ours: see fault.h.  Google repeats keys in some of
 * its messages, so everything it says about a failure passes here.  Pure, runs in workers.
 */
#include "gemini/fault.h"

#define REDACTED "[redacted]"

/* What a secret looks like: its beginning, and at least so many bytes of a token behind. */
static const struct shape {
	const char *mark;
	size_t least;
	bool keeps_mark; /* only what follows is the secret */
	bool at_word;    /* only where a word begins: the mark is too short to be sure else */
} shapes[] = {
	{ "AIza", 8, false, false },
	{ "AQ.", 8, false, true },
	{ "ya29.", 8, false, false },
	{ "1//", 8, false, true },
	{ "api_key:", 1, false, false },
	{ "access_token=", 1, true, false },
	{ "key=", 1, true, false },
	{ "Bearer ", 8, true, false },
};

#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_token(char c)
{
	return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '~' || c == '+';
}

/* The letter of an escape like \n is no part of the word behind it. */
static bool
begins_word(struct span text, size_t at)
{
	return at == 0 || !is_alnum(text.p[at - 1]) || (at >= 2 && text.p[at - 2] == '\\');
}

/* The length of the secret with its mark, or 0. */
static size_t
match(const struct shape *s, struct span text, size_t at)
{
	size_t mark = strlen(s->mark), end = at + mark;

	if (!span_starts(span_mem(text.p + at, text.len - at), s->mark))
		return 0;
	if (s->at_word && !begins_word(text, at))
		return 0;
	while (end < text.len && is_token(text.p[end]))
		end++;
	return end - at >= mark + s->least ? end - at : 0;
}

static const struct shape *
shape_at(struct span text, size_t at)
{
	for (size_t i = 0; i < SHAPE_COUNT; i++)
		if (shapes[i].mark[0] == text.p[at] && match(&shapes[i], text, at) > 0)
			return &shapes[i];
	return NULL;
}

void
fault_redact(struct span text, struct buf *out)
{
	size_t at = 0, copied = 0;

	while (at < text.len) {
		const struct shape *s = shape_at(text, at);
		size_t len = s ? match(s, text, at) : 1;

		if (s != NULL) {
			buf_add(out, text.p + copied, at - copied);
			buf_add_text(out, s->keeps_mark ? s->mark : "");
			buf_add_lit(out, REDACTED);
			copied = at + len;
		}
		at += len;
	}
	if (text.len > copied)
		buf_add(out, text.p + copied, text.len - copied);
}
