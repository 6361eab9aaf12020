/*
 * An order for a call, checked and put into curl's options.
 *
 * Runs wherever net/fetch.c does; owns nothing.
 */
#include "net/order.h"

#include <limits.h>
#include <string.h>
#include "base/mem.h"
#include "base/text.h"
#include "net/fetch_types.h"

static bool
is_method(const char *text)
{
	size_t n = text ? strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") : 0;

	return n > 0 && text[n] == '\0';
}

const char *
order_fault(const struct fetch_order *o)
{
	struct span rest = span_of(o->url);
	struct span scheme = span_cut(&rest, ':');

	if (!is_method(o->method))
		return "the method is not one";
	if ((!span_is_nocase(scheme, "http") && !span_is_nocase(scheme, "https")) ||
	    !span_starts(rest, "//"))
		return "the URL is not one of http or https";
	for (const char *const *it = o->headers; it && *it; it++)
		if ((*it)[strcspn(*it, "\r\n")] != '\0')
			return "a header holds a line break";
	return NULL;
}

static void
add_header(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (!longer)
		mem_exhausted(strlen(text));
	*list = longer;
}

static struct curl_slist *
copy_headers(const struct fetch_order *o)
{
	struct curl_slist *list = NULL;
	bool typed = false;

	/* Without these curl waits for a 100 before a large body, and calls any body a form. */
	add_header(&list, "Expect:");
	for (const char *const *it = o->headers; it && *it; it++) {
		struct span rest = span_of(*it);

		typed = typed || span_is_nocase(span_trim(span_cut(&rest, ':')), "content-type");
		add_header(&list, *it);
	}
	if (!typed)
		add_header(&list, "Content-Type:");
	return list;
}

void
order_free_headers(struct curl_slist **list)
{
	for (struct curl_slist *it = *list; it; it = it->next)
		mem_wipe(it->data, strlen(it->data));
	curl_slist_free_all(*list);
	*list = NULL;
}

/* A method that means to send something says "Content-Length: 0" when it sends nothing. */
static bool
method_sends(const char *method)
{
	return !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH");
}

/* curl_easy_setopt is a macro with a type check of its own, hence one more macro. */
#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (rc == CURLE_OK)                                                                \
			rc = curl_easy_setopt(easy, option, value);                                \
	} while (0)

bool
order_copies_body(const struct fetch_order *o)
{
	return o->streams_body ? o->body_bytes == 0 : body_len(&o->body) <= ORDER_COPIED_BODY_BYTES;
}

static CURLcode
apply_body(const struct fetch_order *o, CURL *easy)
{
	curl_off_t len = o->streams_body ? o->body_bytes : (curl_off_t)body_len(&o->body);
	struct buf copy = BUF_INIT;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, len >= 0 ? len : -1); /* -1: sent in chunks */
	if (order_copies_body(o)) {
		body_flatten(&o->body, &copy);
		SET(CURLOPT_COPYPOSTFIELDS, buf_text(&copy));
		buf_fini(&copy);
	}
	return rc;
}

static CURLcode
apply_method(const struct fetch_order *o, CURL *easy)
{
	bool sends = o->body.pieces || o->streams_body || method_sends(o->method);
	bool only_head = !sends && !strcmp(o->method, "HEAD");
	const char *implied = sends ? "POST" : only_head ? "HEAD" : "GET";
	CURLcode rc = CURLE_OK;

	/* The handle was used before: every option that a call may set is set, either way. */
	SET(CURLOPT_NOBODY, only_head ? 1L : 0L);
	if (!only_head)
		SET(CURLOPT_HTTPGET, 1L);
	if (sends && rc == CURLE_OK)
		rc = apply_body(o, easy);
	SET(CURLOPT_CUSTOMREQUEST, strcmp(o->method, implied) ? o->method : NULL);
	return rc;
}

bool
order_apply(const struct fetch_order *o, CURL *easy, struct curl_slist **headers)
{
	CURLcode rc = apply_method(o, easy);
	int64_t connect_ms = o->connect_timeout_ms;

	if (connect_ms <= 0 || connect_ms > INT_MAX)
		connect_ms = INT_MAX; /* 0 would mean curl's default of five minutes */
	*headers = copy_headers(o);
	SET(CURLOPT_URL, o->url);
	SET(CURLOPT_HTTPHEADER, *headers);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	/* What streams cannot be sent twice, so it may not meet a kept connection that is dead. */
	SET(CURLOPT_FRESH_CONNECT, o->streams_body ? 1L : 0L);
	return rc == CURLE_OK;
}
