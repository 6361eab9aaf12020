/*
 * Log lines: which are wanted, and how they read.  Runs in every process and owns the
 * process's one log; where its lines go is base/log_target.c.
 *
 * A line is made on the stack, so that the log works where memory does not.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/log_target.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/text.h"

#define PAIRS_MAX    24   /* what comes after belongs to the last one's value */
#define FORMAT_BYTES 512  /* a longer format is written without telling its pairs apart */
#define RAW_BYTES    8192 /* of all pairs of a line as printed, before any is shortened */
#define VALUE_BYTES  1024 /* of one value, so that a long one leaves room for the others */
#define ENDING_BYTES 8    /* kept back for what closes a line that was cut */
#define KEY_LETTERS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static const struct {
	const char *name;
	int priority; /* syslog's */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static struct {
	struct log_target target;
	enum log_format format;
	enum log_level level;
	char *debug; /* owned; NULL or subsystems, comma separated */
	char process[48];
	uint64_t lost;
	uint64_t lost_unsaid; /* of those, the ones that no line has told of yet */
} logger = {
	.target = LOG_TARGET_STDERR_INIT,
	.format = LOG_FORMAT_TEXT,
	.level = LOG_LEVEL_INFO,
	.process = "polluxd",
};

/* ---- a line being written ---- */

struct line {
	char text[LOG_LINE_BYTES];
	size_t len;
	bool json;
	bool cut; /* something had no room, so nothing follows but the ending */
};

static bool
has_room(const struct line *l, size_t len)
{
	return !l->cut && l->len + len <= sizeof(l->text) - ENDING_BYTES;
}

/* All or nothing: an escape or a character is never torn. */
static void
put(struct line *l, const char *p, size_t len)
{
	if (!has_room(l, len)) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->len, p, len);
	l->len += len;
}

static void
put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

/* What must stand there, cut or not; ENDING_BYTES are enough for all of it. */
static void
put_ending(struct line *l, const char *text)
{
	size_t len = strlen(text);

	memcpy(l->text + l->len, text, len);
	l->len += len;
}

/* Decodes one character; its length, or 0 when the bytes are no UTF-8 (RFC 3629). */
static size_t
utf8_decode(const unsigned char *p, size_t len, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n < 2 ? p[0] : p[0] & (0xffu >> (n + 1));

	if (n == 0 || n > len || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return n;
}

/* Control characters, and those that break lines or turn the direction of what follows. */
static bool
is_deceptive(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static void __attribute__((format(printf, 2, 3))) put_escape(struct line *l, const char *fmt, ...)
{
	char text[16];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_text(l, text);
}

static void
put_deceptive(struct line *l, uint32_t c)
{
	if (c == '\n')
		put_text(l, "\\n");
	else if (c == '\t')
		put_text(l, "\\t");
	else if (c == '\r')
		put_text(l, "\\r");
	else if (c < 0x80 && !l->json)
		put_escape(l, "\\x%02x", (unsigned)c);
	else
		put_escape(l, "\\u%04x", (unsigned)c);
}

/* Text that cannot end the line, nor, when quoted, the quotes that it stands in. */
static void
put_escaped(struct line *l, struct span s, bool quoted)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n;

	for (size_t i = 0; i < s.len && !l->cut; i += n ? n : 1) {
		uint32_t c = 0;

		n = utf8_decode(p + i, s.len - i, &c);
		if (n == 0 && l->json)
			put_text(l, "\\ufffd");
		else if (n == 0)
			put_escape(l, "\\x%02x", p[i]);
		else if (c == '\\' || (c == '"' && quoted))
			put(l, (char[]){ '\\', (char)c }, 2);
		else if (is_deceptive(c))
			put_deceptive(l, c);
		else
			put(l, s.p + i, n);
	}
}

/* In text, what reads the same with and without quotes goes without. */
static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\"\\=", s.p[i]))
			return false;
	return s.len > 0 && s.len <= VALUE_BYTES;
}

/* The head of a text that is too long, not ending within a character. */
static struct span
shorten(struct span s)
{
	s.len = VALUE_BYTES;
	while (s.len && ((unsigned char)s.p[s.len] & 0xc0) == 0x80)
		s.len--;
	return s;
}

static void
put_quoted(struct line *l, struct span s)
{
	bool is_long = s.len > VALUE_BYTES;

	put_text(l, "\"");
	if (l->cut)
		return;
	put_escaped(l, is_long ? shorten(s) : s, true);
	put_ending(l, l->cut || is_long ? "...\"" : "\"");
}

/* ---- pairs ---- */

/*
 * One pair as its format has it.  Its value is found by printing the format up to its '=' and
 * seeing how long that is: whatever the value holds, it cannot move that border.
 */
struct pair {
	struct span key;
	size_t from; /* in the format: behind the '=' */
	size_t gap;  /* white space before the key */
	bool is_number;
};

struct pairs {
	char format[FORMAT_BYTES]; /* without its quotes: those are given where they are needed */
	size_t format_len;
	struct pair pair[PAIRS_MAX];
	size_t n;
	char raw[RAW_BYTES]; /* the format, printed */
	size_t raw_len;
};

static bool
is_number_format(const char *value)
{
	size_t n;

	if (*value++ != '%')
		return false;
	value += strspn(value, "hlzjt");
	n = strspn(value, "diu");
	return n == 1 && (value[n] == '\0' || value[n] == ' ');
}

static size_t
key_length(const char *at)
{
	size_t n = strspn(at, KEY_LETTERS);

	return at[n] == '=' ? n : 0;
}

/* What stands between the value before and this one's: white space, key and '='. */
static size_t
key_room(const struct pair *p)
{
	return p->gap + p->key.len + 1;
}

static void
read_format(struct pairs *ps, const char *fmt)
{
	size_t gap = 0, key_len;
	bool quoted = false;

	for (const char *at = fmt; *at; at++) {
		if (*at == '"') {
			quoted = !quoted;
			gap = 0;
			continue;
		}
		key_len = !quoted && (gap || at == fmt) ? key_length(at) : 0;
		if (key_len && ps->n < PAIRS_MAX) {
			ps->pair[ps->n++] = (struct pair){
				.key = { ps->format + ps->format_len, key_len },
				.from = ps->format_len + key_len + 1,
				.gap = gap,
				.is_number = is_number_format(at + key_len + 1),
			};
			memcpy(ps->format + ps->format_len, at, key_len);
			ps->format_len += key_len;
			at += key_len;
		}
		gap = *at == ' ' ? gap + 1 : 0;
		ps->format[ps->format_len++] = *at;
	}
}

/* Prints as much as there is room for; the length that all would take. */
static size_t
print_raw(char *out, size_t size, int error, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	errno = error; /* for %m */
	len = vsnprintf(out, size, fmt, again);
	va_end(again);
	return len > 0 ? (size_t)len : 0;
}

/* Where in the printed text the pair's value begins, be it in what was cut off. */
static size_t
value_start(struct pairs *ps, const struct pair *p, int error, va_list ap)
{
	char none[1], kept = ps->format[p->from];
	size_t start;

	ps->format[p->from] = '\0';
	start = print_raw(none, sizeof(none), error, ps->format, ap);
	ps->format[p->from] = kept;
	return start;
}

static void
put_pair(struct line *l, struct span key, struct span value, bool is_number)
{
	static const char *const taken[] = { "ts", "level", "process", "subsystem", "msg" };

	/* Quotes, colon, comma, underscore; and a number is of no use cut. */
	if (!has_room(l, key.len + 8 + (is_number ? value.len : 0))) {
		l->cut = true;
		return;
	}
	put_text(l, l->json ? ",\"" : " ");
	put(l, key.p, key.len);
	for (size_t i = 0; l->json && i < sizeof(taken) / sizeof(taken[0]); i++)
		if (span_is(key, taken[i]))
			put_text(l, "_");
	put_text(l, l->json ? "\":" : "=");
	if (is_number || (!l->json && is_plain(value) && has_room(l, value.len)))
		put(l, value.p, value.len);
	else
		put_quoted(l, value);
}

/* What is printed between two borders, as far as it was printed at all. */
static void
put_printed(struct line *l, const struct pairs *ps, const struct pair *p, size_t start, size_t end)
{
	bool is_whole = end <= ps->raw_len;

	if (start > ps->raw_len || end < start || (p->is_number && !is_whole)) {
		l->cut = true;
		return;
	}
	put_pair(l, p->key, span_mem(ps->raw + start, (is_whole ? end : ps->raw_len) - start),
	    p->is_number);
}

/* Text before the first key, or all of a format that has none. */
static void
put_note(struct line *l, const struct pairs *ps, size_t end)
{
	static const struct pair note = { .key = SPAN("note") };

	if (end > 0)
		put_printed(l, ps, &note, 0, end);
}

static void
put_pairs(struct line *l, int error, const char *fmt, va_list ap)
{
	struct pairs ps;
	size_t len, start, next, end;

	ps.n = ps.format_len = 0;
	if (strlen(fmt) < sizeof(ps.format)) {
		read_format(&ps, fmt);
		ps.format[ps.format_len] = '\0';
		fmt = ps.format;
	}
	len = print_raw(ps.raw, sizeof(ps.raw), error, fmt, ap);
	ps.raw_len = len < sizeof(ps.raw) ? len : sizeof(ps.raw) - 1;
	if (ps.n == 0) {
		put_note(l, &ps, len);
		return;
	}
	start = value_start(&ps, &ps.pair[0], error, ap);
	put_note(l, &ps, start - key_room(&ps.pair[0]));
	for (size_t i = 0; i < ps.n; i++, start = next) {
		next = end = len;
		if (i + 1 < ps.n) {
			next = value_start(&ps, &ps.pair[i + 1], error, ap);
			end = next - key_room(&ps.pair[i + 1]);
		}
		put_printed(l, &ps, &ps.pair[i], start, end);
	}
}

/* ---- the line as a whole ---- */

static void
put_time(struct line *l, char between)
{
	int64_t now_ms = loop_clock_wall_ms();
	time_t seconds = (time_t)(now_ms / 1000);
	char text[48];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02d%c%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, between, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(now_ms % 1000));
	put_text(l, text);
}

static void
put_head_text(struct line *l, enum log_level level, const char *subsystem, const char *words)
{
	if (!log_target_stamps(&logger.target)) {
		put_time(l, ' ');
		put_text(l, " ");
	}
	put_text(l, levels[level].name);
	put_text(l, " ");
	put_escaped(l, span_of(logger.process), false);
	put_text(l, " ");
	put_escaped(l, span_of(subsystem), false);
	put_text(l, ": ");
	put_escaped(l, span_of(words), false);
}

static void
put_head_json(struct line *l, enum log_level level, const char *subsystem, const char *words)
{
	put_text(l, "{\"ts\":\"");
	put_time(l, 'T');
	put_text(l, "\",\"level\":");
	put_quoted(l, span_of(levels[level].name));
	put_text(l, ",\"process\":");
	put_quoted(l, span_of(logger.process));
	put_text(l, ",\"subsystem\":");
	put_quoted(l, span_of(subsystem));
	put_text(l, ",\"msg\":");
	put_quoted(l, span_of(words));
}

static bool __attribute__((format(printf, 4, 0))) write_line(enum log_level level,
    const char *subsystem, const char *words, const char *pairs, va_list ap, int error)
{
	struct line l;

	l.len = 0;
	l.cut = false;
	l.json = logger.format == LOG_FORMAT_JSON;
	if (l.json)
		put_head_json(&l, level, subsystem, words);
	else
		put_head_text(&l, level, subsystem, words);
	if (pairs)
		put_pairs(&l, error, pairs, ap);
	put_ending(&l, l.json ? "}\n" : "\n");
	return log_target_write(&logger.target, levels[level].priority, span_mem(l.text, l.len));
}

static void __attribute__((format(printf, 1, 2))) tell_of_lost(const char *pairs, ...)
{
	va_list ap;

	va_start(ap, pairs);
	if (write_line(LOG_LEVEL_WARN, "log", "lines were lost", pairs, ap, 0))
		logger.lost_unsaid = 0;
	va_end(ap);
}

void
log_line(enum log_level level, const char *subsystem, const char *words, const char *pairs, ...)
{
	int error = errno;
	va_list ap;

	if (!log_wants(level, subsystem))
		return;
	if (logger.lost_unsaid)
		tell_of_lost("count=%llu", (unsigned long long)logger.lost_unsaid);
	va_start(ap, pairs);
	if (!write_line(level, subsystem, words, pairs, ap, error)) {
		logger.lost++;
		logger.lost_unsaid++;
	}
	va_end(ap);
	errno = error;
}

uint64_t
log_lost(void)
{
	return logger.lost;
}

/* ---- settings ---- */

bool
log_open(const char *target, enum log_format format, enum log_level level, const char *debug,
    struct err *e)
{
	struct log_target opened;

	if (!log_target_open(&opened, target, e))
		return false;
	log_close();
	logger.target = opened;
	logger.format = format;
	logger.level = level;
	logger.debug = debug && *debug ? mem_dup(debug) : NULL;
	return true;
}

bool
log_reopen(struct err *e)
{
	return log_target_reopen(&logger.target, e);
}

void
log_close(void)
{
	log_target_close(&logger.target);
	mem_free(logger.debug);
	logger.debug = NULL;
	logger.format = LOG_FORMAT_TEXT;
	logger.level = LOG_LEVEL_INFO;
}

int
log_fd(void)
{
	return logger.target.fd == 2 ? -1 : logger.target.fd;
}

void
log_set_process(const char *name)
{
	snprintf(logger.process, sizeof(logger.process), "%s", name);
}

static bool
is_debugged(const char *subsystem)
{
	struct span rest = span_of(logger.debug);

	while (rest.p)
		if (span_is(span_trim(span_cut(&rest, ',')), subsystem))
			return true;
	return false;
}

bool
log_wants(enum log_level level, const char *subsystem)
{
	if (level <= logger.level)
		return true;
	return level == LOG_LEVEL_DEBUG && logger.debug && is_debugged(subsystem);
}

bool
log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(text, levels[i].name) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}
