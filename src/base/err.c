/*
 * What went wrong, in words.  Runs in every process and owns nothing: an err lives where its
 * caller put it, and needs no freeing.
 */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int status;
} kinds[] = {
#define ERR_ROW(kind, name, status) { name, status },
	ERR_KINDS(ERR_ROW)
#undef ERR_ROW
};

static size_t
utf8_length(unsigned char lead)
{
	if (lead < 0xc0)
		return 1;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Takes a sequence off the end whose rest fell behind the end of the room. */
static void
cut_torn_sequence(char *text, size_t len)
{
	size_t start = len;

	while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
		return;
	start--;
	if (utf8_length((unsigned char)text[start]) > len - start)
		text[start] = '\0';
}

static void
print_into(char *out, size_t size, const char *fmt, va_list ap)
{
	int len = vsnprintf(out, size, fmt, ap);

	if (len < 0)
		out[0] = '\0';
	else if ((size_t)len >= size)
		cut_torn_sequence(out, size - 1);
}

static void __attribute__((format(printf, 3, 4)))
print_text(char *out, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_into(out, size, fmt, ap);
	va_end(ap);
}

/*
 * The words may name what stands in the err already ("%s", e->text), so they are made beside
 * it and only then put in its place.
 */
static void
fill(struct err *e, enum err_kind kind, int64_t retry_ms, const char *field, const char *fmt,
    va_list ap)
{
	struct err made = { .kind = kind, .retry_ms = retry_ms };

	assert(kind > ERR_NONE && kind < ERR_KIND_COUNT);
	if (!e)
		return;
	print_into(made.text, sizeof(made.text), fmt, ap);
	if (field)
		print_text(made.field, sizeof(made.field), "%s", field);
	*e = made;
}

bool
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, 0, NULL, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_retry(struct err *e, enum err_kind kind, int64_t retry_ms, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, retry_ms > 0 ? retry_ms : 0, NULL, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_field(struct err *e, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, ERR_BAD_REQUEST, 0, field, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_errno(struct err *e, const char *fmt, ...)
{
	int number = errno;
	enum err_kind kind = number == ENOSPC || number == EDQUOT ? ERR_FULL : ERR_SYSTEM;
	char what[sizeof(e->text)];
	va_list ap;

	if (!e)
		return false;
	va_start(ap, fmt);
	print_into(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(e, kind, "%s: %s", what, strerror(number));
	errno = number;
	return false;
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;
	size_t len;

	if (!e)
		return;
	va_start(ap, fmt);
	print_into(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = strlen(text);
	print_text(text + len, sizeof(text) - len, "%s", e->text);
	memcpy(e->text, text, sizeof(text));
}

const char *
err_kind_name(enum err_kind kind)
{
	assert((unsigned)kind < ERR_KIND_COUNT);
	return kinds[kind].name;
}

int
err_kind_status(enum err_kind kind)
{
	assert((unsigned)kind < ERR_KIND_COUNT);
	return kinds[kind].status;
}
