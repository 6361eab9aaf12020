/*
 * Makes the text of a configuration file ready for libconfuse, which drops signs that it does
 * not know without a word, takes a comment inside a list for a value, counts the lines of
 * comments twice, lets a forgotten quote swallow the rest of the file, and puts the environment
 * into texts, which a reload would find wiped.
 * Pure.  Owns nothing.
 */
#include "config/private.h"

#include <string.h>

struct cleaning {
	struct span in; /* borrowed */
	size_t at;
	int line;
	const char *path;      /* borrowed */
	struct buf *out;       /* borrowed */
	struct faults *faults; /* borrowed */
	char before[2];        /* the last two signs or letters that went out, to know "= { }" */
};

static int
peek(const struct cleaning *c, size_t ahead)
{
	return c->at + ahead < c->in.len ? (unsigned char)c->in.p[c->at + ahead] : -1;
}

static void
put(struct cleaning *c, int sign)
{
	buf_add_char(c->out, (char)sign);
	c->before[0] = c->before[1];
	c->before[1] = (char)sign;
}

static void
skip_line(struct cleaning *c)
{
	while (peek(c, 0) >= 0 && peek(c, 0) != '\n')
		c->at++;
}

static void
skip_comment(struct cleaning *c)
{
	int from = c->line;

	for (c->at += 2; peek(c, 0) >= 0; c->at++) {
		if (peek(c, 0) == '*' && peek(c, 1) == '/') {
			c->at += 2;
			buf_add_char(c->out, ' ');
			return;
		}
		if (peek(c, 0) == '\n') {
			buf_add_char(c->out, '\n');
			c->line++;
		}
	}
	faults_at(c->faults, c->path, from, "the comment that begins here is not closed");
}

static void
refuse_variable(struct cleaning *c)
{
	faults_at(c->faults, c->path, c->line,
	    "${...} is not replaced in this file; give the setting by the environment instead");
}

/* A backslash between double quotes, with the sign behind it. */
static void
clean_escape(struct cleaning *c)
{
	int sign = peek(c, 1);

	if (sign < 0 || sign == '\n')
		return;
	if (strchr("\\\"$", sign) != NULL)
		buf_add_char(c->out, '\\');
	else
		faults_at(c->faults, c->path, c->line,
		    "only \\\\, \\\" and \\$ can stand behind a backslash");
	buf_add_char(c->out, (char)sign);
	c->at++;
}

/* A quoted text ends on its line; one that does not is closed there, so that it swallows no more.
 */
static void
clean_quoted(struct cleaning *c)
{
	int quote = peek(c, 0), sign;

	put(c, quote);
	for (c->at++; (sign = peek(c, 0)) >= 0 && sign != '\n'; c->at++) {
		if (sign == quote) {
			put(c, quote);
			c->at++;
			return;
		}
		if (sign == '\\' && quote == '"') {
			clean_escape(c);
		} else if (sign == '\\') { /* between single quotes it stands for itself */
			buf_add_lit(c->out, "\\\\");
		} else if (sign == '$' && quote == '"' && peek(c, 1) == '{') {
			refuse_variable(c);
			buf_add_lit(c->out, "\\$");
		} else {
			buf_add_char(c->out, (char)sign);
		}
	}
	faults_at(
	    c->faults, c->path, c->line, "the text that begins here is not closed on its line");
	put(c, quote);
}

static void
clean_word(struct cleaning *c)
{
	while (peek(c, 0) >= 0 && strchr(CLEAN_WORD_ENDS, peek(c, 0)) == NULL) {
		if (peek(c, 0) == '$' && peek(c, 1) == '{') {
			refuse_variable(c);
			c->at += 2;
			continue;
		}
		put(c, peek(c, 0));
		c->at++;
	}
}

static void
clean_sign(struct cleaning *c)
{
	int sign = peek(c, 0);

	if (sign == '\n') {
		c->line++;
		buf_add_char(c->out, '\n');
	} else if (sign == ' ' || sign == '\t' || sign == '\r') {
		buf_add_char(c->out, ' ');
	} else if (sign == '+' && peek(c, 1) == '=') {
		put(c, '+');
		put(c, '=');
		c->at++;
	} else if (sign == '+' || sign == '*') {
		faults_at(c->faults, c->path, c->line,
		    "a value with a %c in it must stand in quotes", sign);
	} else {
		/* The library says nothing of an empty list, but gives a list of one empty text. */
		if (sign == '}' && c->before[1] == '{' && c->before[0] == '=')
			buf_add_lit(c->out, "\"\"");
		put(c, sign);
	}
	c->at++;
}

static void
clean_next(struct cleaning *c)
{
	int sign = peek(c, 0);

	if (sign == '#' || (sign == '/' && peek(c, 1) == '/'))
		skip_line(c);
	else if (sign == '/' && peek(c, 1) == '*')
		skip_comment(c);
	else if (sign == '"' || sign == '\'')
		clean_quoted(c);
	else if (strchr(CLEAN_WORD_ENDS, sign) != NULL)
		clean_sign(c);
	else
		clean_word(c);
}

/* False at the first byte that no text has: what it means behind that is not worth saying. */
static bool
is_text(struct span in, const char *path, struct faults *faults)
{
	int line = 1;

	for (size_t i = 0; i < in.len; i++) {
		unsigned char sign = (unsigned char)in.p[i];

		if (sign == '\n')
			line++;
		else if ((sign < 0x20 && sign != '\r' && sign != '\t') || sign == 0x7f) {
			faults_at(faults, path, line,
			    "a byte 0x%02x has no place in a configuration file", sign);
			return false;
		}
	}
	return true;
}

bool
clean_text(struct span in, const char *path, struct buf *out, struct faults *faults)
{
	struct cleaning c = { .in = in, .line = 1, .path = path, .out = out, .faults = faults };

	if (!is_text(in, path, faults))
		return false;
	if (span_starts(in, "\xef\xbb\xbf")) /* some editors put a byte order mark in front */
		c.at = 3;
	while (peek(&c, 0) >= 0)
		clean_next(&c);
	return true;
}
