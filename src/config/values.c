/*
 * Single values of the configuration: what forms they have and how they are shown.
 * Runs wherever a configuration is read.  Owns nothing.
 */
#include "config/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#define MODEL_NAME_LONGEST 120 /* as on the board: limits of a longer one could not be kept */
#define ACCOUNT_LONGEST    64

struct unit {
	const char *name;
	uint64_t scale;
};

static const struct unit duration_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static const struct unit byte_units[] = {
	{ "TiB", UINT64_C(1) << 40 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "T", UINT64_C(1) << 40 },
	{ "G", UINT64_C(1) << 30 },
	{ "M", UINT64_C(1) << 20 },
	{ "K", UINT64_C(1) << 10 },
	{ "B", 1 },
	{ "", 1 },
};

struct value_quoted
value_quote(struct span s)
{
	struct value_quoted q;
	size_t n = 0, room = sizeof(q.text) - sizeof("\"...\"");

	q.text[n++] = '"';
	for (size_t i = 0; i < s.len && n < room; i++)
		q.text[n++] = s.p[i] < 0x20 || s.p[i] > 0x7e ? '?' : s.p[i];
	snprintf(q.text + n, sizeof(q.text) - n, "%s\"", s.len > n - 1 ? "..." : "");
	return q;
}

static bool
span_is_made_of(struct span s, const char *letters)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '\0' || strchr(letters, s.p[i]) == NULL)
			return false;
	return true;
}

bool
value_int(struct span s, int64_t *out, struct err *e)
{
	if (!span_int(s, INT64_MIN, INT64_MAX, out))
		return err_set(e, ERR_CONFIG, "%s is not a whole number", value_quote(s).text);
	return true;
}

bool
value_bool(struct span s, bool *out, struct err *e)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (span_is_nocase(s, yes[i]) || span_is_nocase(s, no[i])) {
			*out = span_is_nocase(s, yes[i]);
			return true;
		}
	}
	return err_set(e, ERR_CONFIG, "%s is neither yes nor no", value_quote(s).text);
}

/* A number and a unit behind it, multiplied; false on another form and on overflow. */
static bool
scaled(struct span s, const struct unit *units, size_t n, int64_t *out)
{
	size_t digits = 0;
	struct span unit;
	int64_t number;

	while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	if (!span_int(span_mem(s.p, digits), 0, INT64_MAX, &number))
		return false;
	unit = span_trim(span_mem(s.p + digits, s.len - digits));
	for (size_t i = 0; i < n; i++) {
		if (!span_is_nocase(unit, units[i].name))
			continue;
		if ((uint64_t)number > INT64_MAX / units[i].scale)
			return false;
		*out = number * (int64_t)units[i].scale;
		return true;
	}
	return false;
}

bool
value_duration(struct span s, int64_t *ms, struct err *e)
{
	if (span_is(s, "0")) {
		*ms = 0;
		return true;
	}
	if (!scaled(s, duration_units, sizeof(duration_units) / sizeof(duration_units[0]), ms))
		return err_set(e, ERR_CONFIG, "%s is not a time such as 500ms, 10s, 5m, 24h or 7d",
		    value_quote(s).text);
	return true;
}

bool
value_bytes(struct span s, uint64_t *bytes, struct err *e)
{
	int64_t n;

	if (!scaled(s, byte_units, sizeof(byte_units) / sizeof(byte_units[0]), &n))
		return err_set(e, ERR_CONFIG,
		    "%s is not a size such as 4096, 64 KiB, 128 MiB or 1 GiB", value_quote(s).text);
	*bytes = (uint64_t)n;
	return true;
}

bool
value_choice(struct span s, const char *words, struct span *out, struct err *e)
{
	struct span rest = span_of(words);

	while (rest.p != NULL) {
		struct span word = span_cut(&rest, ' ');

		if (word.len == s.len && strncasecmp(word.p, s.p, s.len) == 0) {
			*out = word;
			return true;
		}
	}
	return err_set(e, ERR_CONFIG, "%s is none of: %s", value_quote(s).text, words);
}

/* The well-formed sequences of UTF-8 by their first byte (Unicode, table 3-7). */
static const struct utf8_row {
	unsigned char from, to;               /* the first byte */
	unsigned char second_from, second_to; /* the second; all further ones are 80 to BF */
	size_t width;
} utf8_rows[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* Bytes of the sequence that s begins with; 0: it is none. */
static size_t
utf8_width(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < sizeof(utf8_rows) / sizeof(utf8_rows[0]); i++) {
		const struct utf8_row *row = &utf8_rows[i];

		if (p[0] < row->from || p[0] > row->to)
			continue;
		if (row->width > s.len)
			return 0;
		if (row->width > 1 && (p[1] < row->second_from || p[1] > row->second_to))
			return 0;
		for (size_t k = 2; k < row->width; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return row->width;
	}
	return 0;
}

bool
value_text(struct span s, struct err *e)
{
	while (s.len > 0) {
		size_t n = utf8_width(s);

		if (n == 0)
			return err_set(e, ERR_CONFIG, "the value is not valid UTF-8");
		if (n == 1 && ((unsigned char)s.p[0] < 0x20 || s.p[0] == 0x7f))
			return err_set(e, ERR_CONFIG, "the value has a control character in it");
		s = span_mem(s.p + n, s.len - n);
	}
	return true;
}

bool
value_path(struct span s, struct err *e)
{
	if (!value_text(s, e))
		return false;
	if (!span_starts(s, "/"))
		return err_set(e, ERR_CONFIG, "%s is not an absolute path", value_quote(s).text);
	if (s.len >= PATH_MAX)
		return err_set(e, ERR_CONFIG, "the path is longer than the system allows");
	return true;
}

static bool
is_ipv6(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool
is_ipv4(struct span s)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	if (s.p == NULL || s.len >= sizeof(text))
		return false;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET, text, &address) == 1;
}

/* A name of the DNS (RFC 1123) or an IPv4 address; what ends in a number can only be the latter. */
static bool
is_host(struct span s)
{
	struct span rest = s, label = SPAN_NONE;

	if (s.len == 0 || s.len > 253)
		return false;
	while (rest.p != NULL) {
		label = span_cut(&rest, '.');
		if (label.len == 0 || label.len > 63 || label.p[0] == '-' ||
		    label.p[label.len - 1] == '-' || !span_is_made_of(label, LETTERS DIGITS "-"))
			return false;
	}
	return !span_is_made_of(label, DIGITS) || is_ipv4(s);
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; port is SPAN_NONE when there is none. */
static bool
host_split(struct span s, struct span *host, struct span *port, bool *bracketed)
{
	*bracketed = span_starts(s, "[");
	if (*bracketed) {
		const char *end = memchr(s.p, ']', s.len);

		if (end == NULL)
			return false;
		*host = span_mem(s.p + 1, (size_t)(end - s.p) - 1);
		*port = span_mem(end + 1, s.len - (size_t)(end - s.p) - 1);
		if (port->len == 0) {
			*port = SPAN_NONE;
			return true;
		}
		if (port->p[0] != ':')
			return false;
		*port = span_mem(port->p + 1, port->len - 1);
		return true;
	}
	*port = s;
	*host = span_cut(port, ':');
	return true;
}

bool
value_address(struct span s, struct err *e)
{
	struct span host, port;
	bool bracketed;
	int64_t number;

	if (host_split(s, &host, &port, &bracketed) && span_int(port, 0, 65535, &number) &&
	    (bracketed ? is_ipv6(host) : span_is(host, "*") || is_host(host)))
		return true;
	return err_set(e, ERR_CONFIG, "%s is not an address: HOST:PORT, [IPV6]:PORT or *:PORT",
	    value_quote(s).text);
}

bool
value_word(struct span s, struct err *e)
{
	if (s.len == 0 || s.len > 32 ||
	    !span_is_made_of(s, "abcdefghijklmnopqrstuvwxyz" DIGITS "-_"))
		return err_set(
		    e, ERR_CONFIG, "%s is not the name of a subsystem", value_quote(s).text);
	return true;
}

bool
value_account(struct span s, struct err *e)
{
	if (s.len == 0 || s.len > ACCOUNT_LONGEST || s.p[0] == '-' ||
	    !span_is_made_of(s, LETTERS DIGITS "._-$@"))
		return err_set(
		    e, ERR_CONFIG, "%s cannot be the name of an account", value_quote(s).text);
	return true;
}

bool
value_model(struct span s, struct err *e)
{
	if (s.len == 0 || s.len > MODEL_NAME_LONGEST ||
	    !span_is_made_of(s, LETTERS DIGITS "._:/@+-"))
		return err_set(
		    e, ERR_CONFIG, "%s cannot be the name of a model", value_quote(s).text);
	/* It would be the name of no model that is ever asked for, and its limits of none. */
	if (span_starts(s, "models/"))
		return err_set(
		    e, ERR_CONFIG, "%s: the name stands without \"models/\"", value_quote(s).text);
	return true;
}

bool
value_target(struct span s, struct err *e)
{
	if (span_is(s, "stderr") || span_is(s, "syslog") || span_is(s, "journal"))
		return true;
	if (!span_starts(s, "/"))
		return err_set(e, ERR_CONFIG,
		    "%s is none of: stderr, syslog, journal, an absolute path",
		    value_quote(s).text);
	return value_path(s, e);
}

struct url {
	struct span scheme, login, host, port, path;
	bool has_login, bracketed;
};

static bool
url_split(struct span s, struct url *u)
{
	const char *colon = s.len == 0 ? NULL : memchr(s.p, ':', s.len);
	const char *slash, *at;
	struct span authority;

	if (colon == NULL || !span_starts(span_mem(colon, s.len - (size_t)(colon - s.p)), "://"))
		return false;
	u->scheme = span_mem(s.p, (size_t)(colon - s.p));
	authority = span_mem(colon + 3, s.len - u->scheme.len - 3);
	slash = authority.len == 0 ? NULL : memchr(authority.p, '/', authority.len);
	u->path = SPAN_NONE;
	if (slash != NULL) {
		u->path = span_mem(slash, authority.len - (size_t)(slash - authority.p));
		authority.len -= u->path.len;
	}
	at = authority.len == 0 ? NULL : memrchr(authority.p, '@', authority.len);
	u->has_login = at != NULL;
	u->login = SPAN_NONE;
	if (at != NULL) {
		u->login = span_mem(authority.p, (size_t)(at - authority.p));
		authority = span_mem(at + 1, authority.len - u->login.len - 1);
	}
	return host_split(authority, &u->host, &u->port, &u->bracketed);
}

static bool
is_visible(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || strchr("\"<>\\^`{|}?#", s.p[i]) != NULL)
			return false;
	return true;
}

bool
value_url(struct span s, const char *schemes, bool proxy, struct buf *out, struct err *e)
{
	struct url u;
	struct span scheme = SPAN_NONE;
	int64_t port;

	while (s.len > 0 && s.p[s.len - 1] == '/')
		s.len--;
	if (!is_visible(s) || !url_split(s, &u) ||
	    !value_choice(u.scheme, schemes, &scheme, NULL) ||
	    !(u.bracketed ? is_ipv6(u.host) : is_host(u.host)) ||
	    (u.port.p != NULL && !span_int(u.port, 1, 65535, &port)))
		return err_set(e, ERR_CONFIG,
		    "the value is not a URL: SCHEME://HOST[:PORT], SCHEME one of: %s", schemes);
	if (u.has_login && !proxy)
		return err_set(e, ERR_CONFIG, "a user or password cannot stand in this URL");
	if (u.path.len > 0 && proxy)
		return err_set(e, ERR_CONFIG, "the URL of a proxy has no path");
	buf_add_span(out, scheme);
	buf_add(out, s.p + scheme.len, s.len - scheme.len);
	return true;
}

bool
value_url_has_login(struct span s)
{
	struct url u;

	return url_split(s, &u) && u.has_login;
}

void
value_show_url(struct buf *out, struct span s)
{
	struct url u;
	const char *colon, *behind;

	if (!url_split(s, &u) || !u.has_login) {
		buf_add_span(out, s);
		return;
	}
	buf_printf(out, "%.*s://", SPAN_ARG(u.scheme));
	/* Some proxies take a token in the place of the name: a lone one is not shown either. */
	colon = u.login.len == 0 ? NULL : memchr(u.login.p, ':', u.login.len);
	if (colon != NULL)
		buf_add(out, u.login.p, (size_t)(colon - u.login.p) + 1);
	buf_add_lit(out, "***");
	behind = u.login.p + u.login.len; /* the @ */
	buf_add(out, behind, s.len - (size_t)(behind - s.p));
}

void
value_show_duration(struct buf *out, int64_t ms)
{
	size_t i = 0;

	if (ms == 0) {
		buf_add_lit(out, "0s");
		return;
	}
	while (ms % (int64_t)duration_units[i].scale != 0)
		i++;
	buf_add_int(out, ms / (int64_t)duration_units[i].scale);
	buf_add_text(out, duration_units[i].name);
}

void
value_show_bytes(struct buf *out, uint64_t bytes)
{
	for (size_t i = 0; bytes != 0 && i < 4; i++) { /* the four in full letters */
		uint64_t scale = byte_units[i].scale;

		if (bytes % scale == 0) {
			buf_printf(out, "%" PRIu64 " %s", bytes / scale, byte_units[i].name);
			return;
		}
	}
	buf_printf(out, "%" PRIu64, bytes);
}
