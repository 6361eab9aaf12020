/*
 * One transfer inside curl.
 *
 * Runs in every process that fetches.  Owns what waits to be sent and what is kept of the answer's
 * head.  The caller's functions run inside curl's callbacks, so that nothing is copied on the way
 * up.  Curl cannot be told anything there; what they ask for is noted, refused to curl by the
 * next callback, and done when curl returns.
 */
#include "net/transfer.h"

#include <stdio.h>
#include "net/verdict.h"

/* ---- whether the request is out ---- */

static void
tell_written(struct transfer *t)
{
	t->unwritten = false;
	t->events.written(t->ctx);
}

/* Curl was given all, and says it has sent as much.  (For a chunked body that counts frames too, in
 * some versions; for a request without a body it says that some of the head was sent.) */
static bool
is_out(const struct transfer *t)
{
	curl_off_t body = 0;
	long all = 0;

	if (!upload_is_read(&t->upload))
		return false;
	curl_easy_getinfo(t->seat.easy, CURLINFO_SIZE_UPLOAD_T, &body);
	curl_easy_getinfo(t->seat.easy, CURLINFO_REQUEST_SIZE, &all);
	return all > 0 && body >= upload_bytes(&t->upload);
}

bool
transfer_flushed(struct transfer *t)
{
	if (t->course.state == COURSE_OVER || !t->unwritten)
		return true;
	if (!is_out(t))
		return false;
	tell_written(t);
	return true;
}

void
transfer_sent_no_more(struct transfer *t)
{
	if (t->unwritten && t->reply.whole)
		tell_written(t);
}

/* ---- curl's callbacks: inside, curl may not be called ---- */

static void
on_status(struct transfer *t)
{
	course_move(&t->course, COURSE_READING);
	t->wishes->rearm(t);
}

/* Curl reads on until all is sent, even when the answer has come to its end (and there is nothing
 * to send for now). */
static void
check_whole(struct transfer *t)
{
	bool empty = t->reply.status == 204 || t->reply.status == 304;

	if (t->upload.streams && !upload_is_out(&t->upload) &&
	    t->body_bytes == (empty ? 0 : t->reply.length))
		t->wishes->whole(t);
}

static void
on_head(struct transfer *t)
{
	struct fetch_head head;

	/* Sent and answered before curl returned. */
	if (t->unwritten && is_out(t))
		tell_written(t);
	if (t->course.state == COURSE_OVER)
		return;
	reply_head(&t->reply, &head);
	t->events.head(t->ctx, &head);
	reply_drop_headers(&t->reply);
	if (t->course.state == COURSE_OVER)
		return;
	/* Of a refusal curl ends the sending by itself, but not while that is paused. */
	if (t->course.starved)
		t->wishes->go_on(t);
	check_whole(t);
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	enum reply_news news;

	if (t->course.state == COURSE_OVER)
		return 0;
	if (t->course.state == COURSE_CONNECTING || t->reply.whole)
		return size * n; /* a proxy's words, or a trailer */
	t->course.heard_at = loop_now_ms(t->loop);
	news = reply_line(&t->reply, span_mem(p, size * n));
	if (news == REPLY_STATUS)
		on_status(t);
	else if (news == REPLY_HEAD)
		on_head(t);
	return news != REPLY_BAD && t->course.state != COURSE_OVER ? size * n : 0;
}

static size_t
on_data(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->course.state == COURSE_OVER)
		return CURL_WRITEFUNC_ERROR;
	if (!t->reply.whole || size * n == 0)
		return size * n;
	if (t->course.paused) {
		t->held = true;
		return CURL_WRITEFUNC_PAUSE; /* curl keeps these bytes, at most one read's worth */
	}
	t->course.heard_at = loop_now_ms(t->loop);
	t->body_bytes += (int64_t)(size * n);
	t->events.data(t->ctx, span_mem(p, size * n));
	if (t->course.state == COURSE_OVER)
		return CURL_WRITEFUNC_ERROR;
	check_whole(t);
	return size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	enum upload_news news;
	size_t len;

	if (t->course.state == COURSE_OVER)
		return CURL_READFUNC_ABORT; /* the body may be gone */
	news = upload_read(&t->upload, p, size * n, &len);
	if (news == UPLOAD_BAD)
		return CURL_READFUNC_ABORT;
	t->course.starved = news == UPLOAD_WAIT;
	t->course.sent_at = t->course.heard_at = loop_now_ms(t->loop);
	if (news == UPLOAD_WAIT)
		return CURL_READFUNC_PAUSE;
	if (upload_wants_more(&t->upload))
		t->events.sent(t->ctx);
	return t->course.state == COURSE_OVER ? CURL_READFUNC_ABORT : len;
}

/* The same body again, on another connection. */
static int
on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;
	bool good = t->course.state != COURSE_OVER && origin == SEEK_SET &&
		    upload_rewind(&t->upload, offset);

	return good ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/*
 * Where a kept connection was dead curl goes on to the next that it kept, and there may be many of
 * them: with each the request may have arrived, and count.  Once more is enough, on a new one.
 */
static bool
is_resent_on_a_kept_one(const struct transfer *t)
{
	long opened = 0;

	if (t->course.state != COURSE_SENDING)
		return false;
	curl_easy_getinfo(t->seat.easy, CURLINFO_NUM_CONNECTS, &opened);
	return opened == 0;
}

/* Once; and once more, if the caller says so. */
static bool
may_begin(struct transfer *t)
{
	t->unwanted = t->began && t->events.again && !t->events.again(t->ctx);
	t->began = true;
	return !t->unwanted && t->course.state != COURSE_OVER;
}

/* The connection stands, proxy and TLS included; the request goes out next. */
static int
on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct transfer *t = arg;

	(void)to, (void)from, (void)to_port, (void)from_port;
	if (t->course.state == COURSE_OVER)
		return CURL_PREREQFUNC_ABORT;
	t->resent = is_resent_on_a_kept_one(t);
	if (t->resent)
		return CURL_PREREQFUNC_ABORT;
	course_move(&t->course, COURSE_SENDING);
	if (!may_begin(t))
		return CURL_PREREQFUNC_ABORT;
	t->unwritten = t->events.written != NULL;
	if (t->unwritten)
		seat_is_sending(&t->seat);
	t->course.sent_at = loop_now_ms(t->loop);
	t->wishes->rearm(t);
	return CURL_PREREQFUNC_OK;
}

/* curl_easy_setopt is a macro with a type check of its own, hence one more macro. */
#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (rc == CURLE_OK)                                                                \
			rc = curl_easy_setopt(easy, option, value);                                \
	} while (0)

bool
transfer_connect(struct transfer *t, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_ERRORBUFFER, t->words);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, (void *)t);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, (void *)t);
	SET(CURLOPT_READFUNCTION, on_body);
	SET(CURLOPT_READDATA, (void *)t);
	SET(CURLOPT_SEEKFUNCTION, on_rewind);
	SET(CURLOPT_SEEKDATA, (void *)t);
	SET(CURLOPT_PREREQFUNCTION, on_sending);
	SET(CURLOPT_PREREQDATA, (void *)t);
	return rc == CURLE_OK;
}

bool
transfer_go_on(struct transfer *t)
{
	int still = CURLPAUSE_CONT;

	if (t->held && t->course.paused)
		still = CURLPAUSE_RECV;
	else
		t->held = false;
	return seat_unpause(&t->seat, still);
}

/* ---- curl has ended it ---- */

bool
transfer_was_stale(const struct transfer *t, CURLcode code)
{
	long opened = 1;

	if (t->course.state != COURSE_SENDING || t->reply.bytes > 0)
		return false;
	if (t->resent)
		return true;
	if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR && code != CURLE_GOT_NOTHING)
		return false;
	curl_easy_getinfo(t->seat.easy, CURLINFO_NUM_CONNECTS, &opened);
	return opened == 0;
}

/* What we know better than curl; NULL: nothing. */
static const char *
own_words(const struct transfer *t)
{
	if (t->reply.fault)
		return t->reply.fault;
	if (t->upload.fault)
		return t->upload.fault;
	if (t->unwanted)
		return "the connection broke, and the request was not to be sent twice";
	return t->seat.walled ? "an address that is not public was about to be connected to" : NULL;
}

/* Curl names hosts and ports, and now and then a piece of what a server sent. */
static void
settle_words(struct transfer *t, enum fetch_result result, CURLcode code)
{
	if (result == FETCH_OK)
		t->words[0] = '\0';
	else if (own_words(t))
		snprintf(t->words, sizeof(t->words), "%s", own_words(t));
	else if (code == CURLE_OK)
		snprintf(t->words, sizeof(t->words), "closed inside the answer's head");
	else if (!t->words[0])
		snprintf(t->words, sizeof(t->words), "%s", curl_easy_strerror(code));
	for (char *c = t->words; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
}

static enum fetch_result
judge(const struct transfer *t, CURLcode code)
{
	struct progress progress = { .sent = t->course.state != COURSE_CONNECTING,
		.status = t->course.state == COURSE_READING,
		.head = t->reply.whole };
	enum fetch_result result = verdict(code, progress);

	if (t->reply.fault)
		return FETCH_PROTOCOL;
	if (result != FETCH_OK && t->upload.fault)
		return FETCH_REFUSED;
	return result != FETCH_OK && t->seat.walled ? FETCH_FORBIDDEN : result;
}

enum fetch_result
transfer_result(struct transfer *t, CURLcode code)
{
	enum fetch_result result = judge(t, code);

	settle_words(t, result, code);
	return result;
}
