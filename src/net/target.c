/*
 * Whom a URL names, and the checked addresses that a call to it is bound to.
 *
 * Runs wherever net/fetch.c does; owns the host's name and the pins.
 *
 * The URL is taken apart by curl's own parser with the flags that curl uses for a transfer, so that
 * both see the same host, whatever the spelling: 0x7f.1 and 2130706433 are 127.0.0.1 here too.
 *
 * Without a proxy the pins go to curl as what the name resolves to (CURLOPT_RESOLVE), so that it
 * may choose between them.  They lapse like any answer of DNS, and such calls share them
 * with nobody else (net/easy.c).  With a proxy one address takes the host's place in what the
 * proxy is asked for (CURLOPT_CONNECT_TO).  Either way TLS and the Host field keep the name.
 */
#include "net/target.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <string.h>
#include "base/mem.h"
#include "base/text.h"

/* Never with CURLU_PUNYCODE: it leaks what it cannot convert, in 7.88 and in 8.14. */
static char *
part_of(CURLU *url, CURLUPart part, unsigned flags)
{
	char *theirs = NULL, *ours;

	if (curl_url_get(url, part, &theirs, flags) != CURLUE_OK)
		return NULL;
	ours = mem_dup(theirs);
	curl_free(theirs);
	return ours;
}

/* "[::1]" is ::1. */
static void
strip_brackets(char *host)
{
	size_t len = strlen(host);

	if (len < 2 || host[0] != '[' || host[len - 1] != ']')
		return;
	memmove(host, host + 1, len - 2);
	host[len - 2] = '\0';
}

static bool
is_ascii(const char *host)
{
	for (; *host; host++)
		if ((unsigned char)*host <= 0x20 || (unsigned char)*host >= 0x7f)
			return false;
	return true;
}

static bool
is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

const char *
target_read(struct target *t, const char *text)
{
	CURLU *url = curl_url();
	CURLUcode rc;

	*t = (struct target){ 0 };
	if (!url)
		mem_exhausted(0);
	rc = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
	if (rc == CURLUE_OK) {
		t->host = part_of(url, CURLUPART_HOST, 0);
		t->port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	}
	curl_url_cleanup(url);
	if (!t->host || !t->port) {
		target_fini(t);
		return rc == CURLUE_USER_NOT_ALLOWED ? "the URL holds a user name"
						     : "the URL is not one";
	}
	if (!is_ascii(t->host)) { /* a conversion would be up to the locale */
		target_fini(t);
		return "the name of the URL's host is not in ASCII (xn--...)";
	}
	strip_brackets(t->host);
	t->literal = is_address(t->host);
	return NULL;
}

void
target_fini(struct target *t)
{
	mem_free(t->host);
	mem_free(t->port);
	curl_slist_free_all(t->pins);
	*t = (struct target){ 0 };
}

static void
add_address(struct buf *b, const struct sockaddr *sa)
{
	const void *bytes =
	    sa->sa_family == AF_INET
		? (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr
		: &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	char text[INET6_ADDRSTRLEN];
	const char *done = inet_ntop(sa->sa_family, bytes, text, sizeof(text));

	assert(done);
	buf_printf(b, sa->sa_family == AF_INET ? "%s" : "[%s]", text);
}

/* One rule for curl: "+HOST:PORT:ADDRESS,ADDRESS", or "::ADDRESS:", which fits every host. */
static void
write_pins(struct target *t, const struct addrinfo *list)
{
	struct buf rule = BUF_INIT;
	int count = 0;

	if (t->by_proxy)
		buf_add_lit(&rule, "::");
	else
		buf_printf(&rule, "+%s:%s:", t->host, t->port);
	for (; list && count < (t->by_proxy ? 1 : TARGET_ADDRESSES_MAX); list = list->ai_next) {
		if (count++ > 0)
			buf_add_char(&rule, ',');
		add_address(&rule, list->ai_addr);
	}
	if (t->by_proxy)
		buf_add_char(&rule, ':');
	t->pins = curl_slist_append(NULL, buf_text(&rule));
	if (!t->pins)
		mem_exhausted(rule.len);
	buf_fini(&rule);
}

bool
target_bind(struct target *t, const struct addrinfo *list, guard_fn *is_public, bool by_proxy)
{
	assert(list && !t->pins);
	for (const struct addrinfo *it = list; it; it = it->ai_next)
		if (!is_public(it->ai_addr))
			return false;
	t->by_proxy = by_proxy;
	/* An address is its own pin; curl's syntax has no place for an IPv6 one there. */
	if (by_proxy || !t->literal)
		write_pins(t, list);
	return true;
}

bool
target_pin(const struct target *t, CURL *easy, int64_t connect_ms)
{
	CURLoption which = t->by_proxy ? CURLOPT_CONNECT_TO : CURLOPT_RESOLVE;

	if (connect_ms < 1)
		connect_ms = 1; /* 0 would mean curl's default of five minutes */
	if (connect_ms > INT_MAX)
		connect_ms = INT_MAX;
	return curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, which, t->pins) == CURLE_OK;
}
