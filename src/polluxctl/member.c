/*
 * Members of answers: see member.h.
 */
#include "polluxctl/member.h"

#include <inttypes.h>
#include <time.h>

const char *
member_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

int64_t
member_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

void
member_add_span(struct buf *out, int64_t seconds)
{
	if (seconds < 60)
		buf_printf(out, "%" PRId64 "s", seconds);
	else if (seconds < 3600)
		buf_printf(out, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		buf_printf(out, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
	else
		buf_printf(out, "%" PRId64 "d%02" PRId64 "h", seconds / 86400, seconds / 3600 % 24);
}

void
member_add_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		n /= 1024;
	buf_printf(out, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

void
member_add_day(struct buf *out, int64_t unix_s)
{
	time_t when = (time_t)unix_s;
	char text[32] = "-";
	struct tm tm;

	if (unix_s > 0 && localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	buf_add_text(out, text);
}

/* Control characters of two bytes, too. */
void
member_add_clean(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f) {
			buf_add_char(out, '?');
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			buf_add_char(out, '?');
			p++;
		} else {
			buf_add_char(out, (char)*p);
		}
	}
}

/* "4ms", "810ms", "2.3s", "1m12s" */
void
member_add_ms(struct buf *out, int64_t ms)
{
	if (ms < 1000)
		buf_printf(out, "%" PRId64 "ms", ms);
	else if (ms < 60000)
		buf_printf(out, "%.1fs", (double)ms / 1000);
	else
		member_add_span(out, ms / 1000);
}
