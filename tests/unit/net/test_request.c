/*
 * Bodies on their way in: handed on as they come or gathered, held back, broken off, and
 * answered before their end.
 */
#include "tests/unit/net/door.h"

#include <fcntl.h>

#define GET        "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define TO_P       "POST /p HTTP/1.1\r\nHost: x\r\n"
#define SIZED(n)   TO_P "Content-Length: " n "\r\n\r\n"
#define CHUNKED    TO_P "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNK_SIZE 1000

enum framing { BY_LENGTH, BY_CHUNKS, FRAMINGS };

/* More than the kernel's buffers on both sides hold. */
#define MUCH ((size_t)12 << 20)

static const char *
bytes_of_bodies(void)
{
	static char bytes[MUCH];

	if (!bytes[1])
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)(i * 7 + i / 251);
	return bytes;
}

/* A request with a body of that size, as it goes over the wire. */
static struct buf
make_upload(enum framing framing, size_t len)
{
	struct buf b = BUF_INIT;

	assert_true(len <= MUCH);
	if (framing == BY_LENGTH) {
		buf_printf(&b, TO_P "Content-Length: %zu\r\n\r\n", len);
		buf_add(&b, bytes_of_bodies(), len);
		return b;
	}
	buf_add_lit(&b, CHUNKED);
	for (size_t i = 0; i < len; i += CHUNK_SIZE) {
		size_t n = len - i < CHUNK_SIZE ? len - i : CHUNK_SIZE;

		buf_printf(&b, "%zx\r\n", n);
		buf_add(&b, bytes_of_bodies() + i, n);
		buf_add_lit(&b, "\r\n");
	}
	buf_add_lit(&b, "0\r\n\r\n");
	return b;
}

static void
check_bytes(struct span got, size_t len)
{
	assert_int_equal(got.len, len);
	assert_memory_equal(got.p, bytes_of_bodies(), len);
}

static void
turn_some(struct door *d)
{
	for (int i = 0; i < 30; i++)
		loop_turn(d->loop, 0);
}

/* Sends what the kernel takes; false: it takes no more, though the loop was turned often. */
static bool
push(struct door *d, struct client *c, struct span s, size_t *sent)
{
	for (int idle = 0; *sent < s.len && idle < 100; loop_turn(d->loop, 0)) {
		ssize_t n = send(c->fd, s.p + *sent, s.len - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		idle = n > 0 ? 0 : idle + 1;
		*sent += n > 0 ? (size_t)n : 0;
	}
	return *sent == s.len;
}

/* ---- handed on ---- */

static void
a_taken_body_is_handed_on_as_it_comes(void **state)
{
	static const char *const texts[FRAMINGS][3] = {
		{ SIZED("10") "hello", "wor", "ld" },
		{ CHUNKED "5\r\nhello\r\n", "3\r\nwor\r\n", "2\r\nld\r\n0\r\n\r\n" },
	};
	struct door *d = *state;

	d->on_head = take_it;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct client c = client_dial(d);

		buf_clear(&d->taken);
		client_say(d, &c, texts[f][0]);
		turn_until(d, d->taken.len == 5);
		client_say(d, &c, texts[f][1]);
		turn_until(d, d->taken.len == 8);
		assert_int_equal(d->readies, f);
		assert_int_equal(request_body(d->request).len, 0);
		client_say(d, &c, texts[f][2]);
		client_hear(d, &c, "fine");
		assert_string_equal(buf_text(&d->taken), "helloworld");
		/* ready has come, and the body was empty. */
		assert_string_equal(buf_text(&d->seen), "POST /p  \n");
		buf_clear(&d->seen);
		client_close(&c);
	}
}

static void
a_taken_body_is_the_same_however_it_is_split(void **state)
{
	struct door *d = *state;

	d->on_head = take_it;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, 2500);

		for (size_t step = 1; step < text.len; step += step < 3 ? 1 : 397) {
			struct client c = client_dial(d);

			buf_clear(&d->taken);
			for (size_t at = 0; at < text.len; at += step) {
				size_t left = text.len - at;

				client_send(d, &c, text.data + at, left < step ? left : step);
				loop_turn(d->loop, 0);
			}
			client_hear(d, &c, "fine");
			check_bytes(buf_span(&d->taken), 2500);
			client_close(&c);
		}
		buf_fini(&text);
	}
}

static void
a_taken_body_may_be_as_large_as_it_likes(void **state)
{
	struct door *d = *state;
	size_t len = 3 << 20;

	d->config.max_body_bytes = 8;
	door_reopen(d);
	d->on_head = take_it;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct client c = client_dial(d);
		struct buf text = make_upload(f, len);

		buf_clear(&d->taken);
		client_send(d, &c, text.data, text.len);
		client_hear(d, &c, "fine");
		check_bytes(buf_span(&d->taken), len);
		buf_fini(&text);
		client_close(&c);
	}
	assert_int_equal(d->too_larges, 0);
}

static void
a_taken_body_may_be_empty(void **state)
{
	static const char *const texts[] = { GET, SIZED("0"), CHUNKED "0\r\n\r\n" };
	struct door *d = *state;

	d->on_head = take_it;
	d->on_ready = say_ok;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct client c = client_dial(d);

		client_say(d, &c, texts[i]);
		client_hear(d, &c, "fine");
		assert_int_equal(d->readies, (int)i + 1);
		client_close(&c);
	}
	assert_int_equal(d->pieces, 0);
}

static void
a_client_that_asks_for_leave_to_send_a_taken_body_gets_it(void **state)
{
	struct door *d = *state;
	struct client c = client_dial(d);

	d->on_head = take_it;
	d->on_ready = say_ok;
	client_say(d, &c, TO_P "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	client_hear(d, &c, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(d->readies + d->pieces, 0);
	client_say(d, &c, "12345");
	client_hear(d, &c, "fine");
	assert_string_equal(buf_text(&d->taken), "12345");
	client_close(&c);
}

static void
what_follows_a_taken_body_is_the_next_request(void **state)
{
	struct door *d = *state;

	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, 5000);
		struct client c = client_dial(d);

		d->on_head = take_it;
		buf_clear(&d->taken);
		buf_add_lit(&text, GET);
		client_send(d, &c, text.data, text.len);
		turn_until(d, d->readies == 2 * f + 2);
		turn_until(d, ({
			client_take(&c, SIZE_MAX);
			count_in(&c, "fine") == 2;
		}));
		check_bytes(buf_span(&d->taken), 5000);
		buf_fini(&text);
		client_close(&c);
	}
	assert_string_equal(buf_text(&d->seen), "POST /p  \nGET /a  \nPOST /p  \nGET /a  \n");
}

static void
chunks_that_cannot_be_read_end_a_taken_body_without_ready(void **state)
{
	struct door *d = *state;
	struct client c = client_dial(d);

	d->on_head = take_it;
	client_say(d, &c, CHUNKED "3\r\nabc\r\nzz\r\n");
	turn_until(d, d->dones == 1);
	client_hear(d, &c, "HTTP/1.1 400 ");
	assert_string_equal(buf_text(&d->taken), "abc");
	assert_int_equal(d->readies + d->gones, 0);
	client_close(&c);
}

/* ---- held back ---- */

static void
pause_it(struct door *d, struct span piece)
{
	(void)piece;
	request_pause_body(d->request);
}

static void
take_and_pause(struct door *d, struct request *r)
{
	take_it(d, r);
	request_pause_body(r);
}

static void
a_client_is_made_to_wait_while_its_body_is_paused(void **state)
{
	struct door *d = *state;
	size_t len = MUCH;

	d->on_head = take_it;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, len);
		struct client c = client_dial(d);
		size_t sent = 0;

		buf_clear(&d->taken);
		d->pieces = 0;
		d->on_piece = pause_it;
		assert_false(push(d, &c, buf_span(&text), &sent));
		assert_int_equal(d->pieces, 1);
		assert_int_equal(d->readies, f);
		d->on_piece = NULL;
		request_resume_body(d->request);
		client_send(d, &c, text.data + sent, text.len - sent);
		client_hear(d, &c, "fine");
		check_bytes(buf_span(&d->taken), len);
		buf_fini(&text);
		client_close(&c);
	}
}

static void
pausing_at_every_piece_loses_and_repeats_nothing(void **state)
{
	struct door *d = *state;
	size_t len = 200000;

	d->on_head = take_it;
	d->on_piece = pause_it;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, len);
		struct client c = client_dial(d);
		size_t sent = 0;

		buf_clear(&d->taken);
		d->pieces = 0;
		turn_until(d, ({
			int before = d->pieces;

			push(d, &c, buf_span(&text), &sent);
			assert_true(d->pieces <= before + 1);
			if (d->request)
				request_resume_body(d->request);
			client_has(&c, "fine");
		}));
		check_bytes(buf_span(&d->taken), len);
		assert_true(d->pieces > (f == BY_CHUNKS ? 199 : 10));
		buf_fini(&text);
		client_close(&c);
	}
}

static void
pause_and_resume(struct door *d, struct span piece)
{
	(void)piece;
	request_pause_body(d->request);
	request_pause_body(d->request);
	request_resume_body(d->request);
	request_resume_body(d->request);
}

static void
a_pause_that_ends_within_the_piece_is_none(void **state)
{
	struct door *d = *state;

	d->on_head = take_it;
	d->on_piece = pause_and_resume;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, 50000);
		struct client c = client_dial(d);

		buf_clear(&d->taken);
		client_send(d, &c, text.data, text.len);
		client_hear(d, &c, "fine");
		check_bytes(buf_span(&d->taken), 50000);
		buf_fini(&text);
		client_close(&c);
	}
}

static void
a_pause_in_the_head_holds_the_first_piece(void **state)
{
	static const char *const texts[] = {
		SIZED("5") "12345",
		CHUNKED "5\r\n12345\r\n0\r\n\r\n",
		TO_P "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n12345",
	};
	struct door *d = *state;

	d->on_head = take_and_pause;
	d->on_ready = say_ok;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct client c = client_dial(d);

		buf_clear(&d->taken);
		client_say(d, &c, texts[i]);
		turn_until(d, d->heads == (int)i + 1);
		turn_some(d);
		assert_int_equal(d->pieces, (int)i);
		request_resume_body(d->request);
		client_hear(d, &c, "fine");
		assert_string_equal(buf_text(&d->taken), "12345");
		client_close(&c);
	}
}

static void
a_pause_holds_the_end_too(void **state)
{
	static const char *const texts[] = { GET, SIZED("0"), CHUNKED "0\r\n\r\n",
		SIZED("5") "12345", CHUNKED "5\r\n12345\r\n0\r\n\r\n" };
	struct door *d = *state;

	d->on_ready = say_ok;
	d->on_piece = pause_it;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct client c = client_dial(d);

		d->on_head = i < 3 ? take_and_pause : take_it;
		client_say(d, &c, texts[i]);
		turn_until(d, d->heads == (int)i + 1 && (i < 3 || d->pieces == (int)i - 2));
		turn_some(d);
		assert_int_equal(d->readies, (int)i);
		request_resume_body(d->request);
		client_hear(d, &c, "fine");
		client_close(&c);
	}
}

static void
pausing_too_late_is_harmless(void **state)
{
	struct door *d = *state;
	struct client c = client_dial(d);

	d->on_head = take_it;
	client_say(d, &c, SIZED("5") "12345");
	turn_until(d, d->readies == 1);
	request_pause_body(d->request);
	turn_some(d);
	request_resume_body(d->request);
	say_ok(d, d->request);
	request_pause_body(d->request);
	client_hear(d, &c, "fine");
	client_close(&c);
}

/* ---- slow clients ---- */

static void
a_client_that_we_hold_up_is_not_slow(void **state)
{
	struct door *d = *state;

	d->config.header_timeout_ms = 30;
	door_reopen(d);
	d->on_head = take_it;
	d->on_ready = say_ok;
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, 40000);
		struct client c = client_dial(d);
		int64_t began_ms;

		buf_clear(&d->taken);
		d->on_piece = pause_it;
		client_send(d, &c, text.data, 20000);
		turn_until(d, d->taken.len > 0);
		began_ms = loop_clock_ms();
		turn_until(d, loop_clock_ms() > began_ms + 150);
		assert_int_equal(d->dones, f);
		assert_false(client_is_closed(&c));
		d->on_piece = NULL;
		request_resume_body(d->request);
		client_send(d, &c, text.data + 20000, text.len - 20000);
		client_hear(d, &c, "fine");
		check_bytes(buf_span(&d->taken), 40000);
		buf_fini(&text);
		client_close(&c);
	}
}

static void
a_slow_client_gains_nothing_by_our_pauses(void **state)
{
	struct door *d = *state;
	struct client c;

	d->config.header_timeout_ms = 60;
	door_reopen(d);
	d->on_head = take_it;
	d->on_piece = pause_it;
	c = client_dial(d);
	client_say(d, &c, SIZED("100000"));
	turn_until(d, ({
		if (d->request)
			request_resume_body(d->request);
		usleep(2000);
		if (!client_has(&c, "408"))
			send(c.fd, "x", 1, MSG_NOSIGNAL);
		client_has(&c, "HTTP/1.1 408 Request Timeout\r\n");
	}));
	turn_until(d, d->dones == 1);
	assert_true(d->pieces > 1);
	assert_int_equal(d->readies + d->gones, 0);
	client_close(&c);
}

static void
a_slow_taken_body_gets_a_bare_408_then_done(void **state)
{
	static const char *const heads[] = { SIZED("100000") "abc", CHUNKED "3\r\nabc\r\n" };
	struct door *d = *state;

	d->config.header_timeout_ms = 30;
	door_reopen(d);
	d->on_head = take_it;
	for (int f = 0; f < FRAMINGS; f++) {
		struct client c = client_dial(d);

		client_say(d, &c, heads[f]);
		client_hear_end(d, &c);
		assert_true(span_starts(buf_span(&c.in), "HTTP/1.1 408 Request Timeout\r\n"));
		turn_until(d, d->dones == f + 1);
		client_close(&c);
	}
	assert_int_equal(d->readies + d->gones, 0);
}

/* ---- clients that leave ---- */

enum leaving { BY_CLOSE, BY_RESET, BY_HALF_CLOSE, LEAVINGS };

static void
leave_by(struct client *c, int how)
{
	if (how == BY_CLOSE)
		client_close(c);
	else if (how == BY_RESET)
		client_reset(c);
	else
		shutdown(c->fd, SHUT_WR);
}

static void
a_client_that_leaves_in_a_taken_body_is_gone(void **state)
{
	static const char *const heads[] = { SIZED("5") "12", CHUNKED "5\r\n12" };
	struct door *d = *state;
	int n = 0;

	for (int paused = 0; paused < 3; paused++)
		for (int i = 0; i < FRAMINGS * LEAVINGS; i++) {
			struct client c = client_dial(d);

			d->on_head = paused == 2 ? take_and_pause : take_it;
			d->on_piece = paused == 1 ? pause_it : NULL;
			client_say(d, &c, heads[i % FRAMINGS]);
			turn_until(d, d->heads == n + 1);
			turn_some(d);
			leave_by(&c, i / FRAMINGS);
			turn_until(d, d->dones == n + 1);
			n++;
			assert_int_equal(d->gones, n);
			client_close(&c);
		}
	assert_int_equal(d->readies, 0);
	turn_until(d, server_connections(d->server) == 0);
}

static void
answer_the_gone(struct door *d, struct request *r)
{
	assert_true(request_is_gone(r));
	request_resume_body(r);
	request_pause_body(r);
	say_ok(d, r);
	request_drop_body(r);
}

/*
 * Bytes wait in the kernel, and nobody is to be troubled with them.  Where they fill its buffers
 * only a reset comes past them: an end stands in line.
 */
static void
nothing_is_handed_on_behind_gone(void **state)
{
	struct door *d = *state;

	d->on_head = take_it;
	d->on_gone = answer_the_gone;
	for (int how = 0; how < LEAVINGS; how++) {
		struct buf text = make_upload(BY_LENGTH, MUCH);
		struct client c = client_dial(d);
		size_t sent = 0, most = how == BY_RESET ? text.len : 50000;

		d->pieces = 0;
		d->on_piece = pause_it;
		assert_int_equal(push(d, &c, span_mem(text.data, most), &sent), how != BY_RESET);
		turn_until(d, d->pieces == 1);
		leave_by(&c, how);
		turn_until(d, d->gones == how + 1);
		turn_until(d, d->dones == how + 1);
		assert_int_equal(d->pieces, 1);
		buf_fini(&text);
		client_close(&c);
		turn_until(d, server_connections(d->server) == 0);
	}
}

/* The edge of the end comes once, and here before the body is held back. */
static void
an_end_that_came_before_the_pause_is_noticed(void **state)
{
	static const char *const texts[] = { GET, SIZED("5") "12345", SIZED("5") "12",
		CHUNKED "5\r\n12345\r\n0\r\n\r\n", CHUNKED "5\r\n12345\r\n" };
	struct door *d = *state;
	int n = 0;

	d->on_head = take_and_pause;
	for (size_t i = 0; i < COUNT(texts); i++)
		for (int how = BY_CLOSE; how < LEAVINGS; how++) {
			struct client c = client_dial(d);

			turn_until(d, server_connections(d->server) == 1);
			send(c.fd, texts[i], strlen(texts[i]), MSG_NOSIGNAL);
			leave_by(&c, how);
			/* A reset may outrun the bytes; then there never was a request. */
			turn_until(d, server_connections(d->server) == 0 &&
					  (d->dones == n + 1 || how == BY_RESET));
			n = d->dones;
			assert_int_equal(d->gones, n);
			client_close(&c);
		}
	assert_int_equal(d->readies + d->pieces, 0);
}

static void
freeing_the_server_ends_a_paused_body(void **state)
{
	struct door *d = *state;
	struct client a = client_dial(d), b = client_dial(d);

	d->on_head = take_and_pause;
	client_say(d, &a, SIZED("5") "12");
	client_say(d, &b, CHUNKED "5\r\n12");
	turn_until(d, d->heads == 2);
	turn_some(d);
	server_free(&d->server);
	assert_int_equal(d->dones, 2);
	assert_int_equal(d->gones + d->readies + d->pieces, 0);
	client_close(&a);
	client_close(&b);
}

/* ---- answers before the end ---- */

static void
stream_no(struct door *d, struct request *r)
{
	struct header promise = { "content-length", "6" };

	d->stream = request_stream(r, 401, &promise, 1, NULL, NULL);
	stream_write(d->stream, SPAN("no key"));
	stream_end(d->stream);
}

static void (*const refusals[])(struct door *, struct request *) = { say_no, stream_no };

static void
answer_it(struct door *d, struct span piece)
{
	(void)piece;
	say_no(d, d->request);
}

static void
stream_it(struct door *d, struct span piece)
{
	(void)piece;
	stream_no(d, d->request);
}

static void
pause_and_answer_it(struct door *d, struct span piece)
{
	pause_it(d, piece);
	answer_it(d, piece);
}

static void
an_answer_is_there_before_the_end_of_a_large_body(void **state)
{
	static void (*const ways[])(struct door *, struct span) = { answer_it, stream_it };
	struct door *d = *state;

	d->on_head = take_it;
	for (int i = 0; i < (int)COUNT(ways); i++) {
		struct client c = client_dial(d);

		d->on_piece = ways[i];
		client_say(d, &c, SIZED("20971520") "abc");
		client_hear_end(d, &c);
		assert_true(span_ends(buf_span(&c.in), "\r\n\r\nno key"));
		assert_true(span_has(buf_span(&c.in), "\r\nConnection: close\r\n"));
		turn_until(d, d->dones == i + 1);
		client_close(&c);
	}
	turn_until(d, server_connections(d->server) == 0);
}

static void
the_small_rest_of_an_answered_body_is_read_and_the_connection_kept(void **state)
{
	static const char *const texts[][2] = {
		{ SIZED("10") "hello", "world" },
		{ CHUNKED "5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n" },
		/* It has its leave to send. */
		{ TO_P "Expect: 100-continue\r\nContent-Length: 10\r\n\r\nhello", "world" },
	};
	static void (*const ways[])(
	    struct door *, struct span) = { answer_it, pause_and_answer_it, NULL };
	struct door *d = *state;
	int n = 0;

	for (int i = 0; i < (int)(COUNT(texts) * COUNT(ways)); i++) {
		const char *const *parts = texts[(size_t)i % COUNT(texts)];
		struct client c = client_dial(d);

		d->on_head = take_it;
		d->on_ready = NULL;
		d->on_piece = ways[(size_t)i / COUNT(texts)];
		buf_clear(&d->taken);
		client_say(d, &c, parts[0]);
		turn_until(d, d->taken.len == 5);
		if (!d->on_piece)
			say_no(d, d->request);
		client_say(d, &c, parts[1]);
		client_hear(d, &c, "no key");
		turn_until(d, d->dones == ++n);
		assert_string_equal(buf_text(&d->taken), "hello");
		assert_int_equal(d->readies, n / 2);
		d->on_head = NULL;
		d->on_ready = say_ok;
		client_say(d, &c, GET);
		client_hear(d, &c, "fine");
		turn_until(d, d->dones == ++n);
		client_close(&c);
	}
	assert_int_equal(d->gones, 0);
}

/* However much of it was handed on: the bound is for what is dropped. */
static void
the_small_rest_of_a_large_body_is_read_too(void **state)
{
	struct door *d = *state;

	d->config.drain_bytes = 5000;
	door_reopen(d);
	for (int f = 0; f < FRAMINGS; f++) {
		struct buf text = make_upload(f, 100000);
		struct client c = client_dial(d);

		d->on_head = take_it;
		d->on_ready = NULL;
		buf_clear(&d->taken);
		client_send(d, &c, text.data, text.len - 1200);
		turn_until(d, d->taken.len > 90000);
		turn_some(d);
		say_no(d, d->request);
		client_send(d, &c, text.data + text.len - 1200, 1200);
		client_hear(d, &c, "no key");
		d->on_head = NULL;
		d->on_ready = say_ok;
		client_say(d, &c, GET);
		client_hear(d, &c, "fine");
		buf_fini(&text);
		client_close(&c);
	}
}

static void
a_stream_begins_behind_the_small_rest_of_its_body(void **state)
{
	static const char *const texts[FRAMINGS][2] = {
		{ SIZED("10") "hello", "world" },
		{ CHUNKED "5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n" },
	};
	struct door *d = *state;

	d->on_head = take_it;
	d->on_piece = stream_it;
	for (int f = 0; f < FRAMINGS; f++) {
		struct client c = client_dial(d);

		buf_clear(&d->taken);
		client_say(d, &c, texts[f][0]);
		turn_until(d, d->taken.len == 5);
		client_say(d, &c, texts[f][1]);
		client_hear_end(d, &c);
		assert_true(span_starts(buf_span(&c.in), "HTTP/1.1 401 "));
		assert_true(span_ends(buf_span(&c.in), "\r\n\r\nno key"));
		turn_until(d, d->dones == f + 1);
		assert_string_equal(buf_text(&d->taken), "hello");
		client_close(&c);
	}
	assert_int_equal(d->readies + d->gones, 0);
}

/* The whole is sent before the first byte of the answer is read.  Chunks are only found to be too
 * many when the bound is passed. */
static void
an_answer_before_the_end_of_a_large_body_can_be_read_behind_it(void **state)
{
	static void (*const ways[])(
	    struct door *, struct span) = { answer_it, stream_it, pause_and_answer_it };
	struct door *d = *state;
	size_t len = MUCH;

	d->config.stream.linger_bytes = 1;
	d->on_head = take_it;
	for (int i = 0; i < FRAMINGS * (int)COUNT(ways); i++) {
		struct buf text = make_upload(i % FRAMINGS, len);
		struct client c;

		d->config.drain_bytes = i % FRAMINGS == BY_LENGTH ? 13 << 20 : 7 << 20;
		door_reopen(d);
		c = client_dial(d);
		d->pieces = 0;
		d->on_piece = ways[i / FRAMINGS];
		client_send(d, &c, text.data, text.len);
		client_hear(d, &c, "no key");
		assert_int_equal(d->pieces, 1);
		buf_fini(&text);
		client_close(&c);
		turn_until(d, d->dones == i + 1 && server_connections(d->server) == 0);
	}
	assert_int_equal(d->readies + d->gones, 0);
}

/* It lies in the library and in the kernel, and the connection is suspended. */
static void
a_paused_body_can_be_answered(void **state)
{
	struct door *d = *state;
	size_t len = MUCH;

	d->config.drain_bytes = 13 << 20;
	door_reopen(d);
	d->on_head = take_it;
	d->on_piece = pause_it;
	for (int i = 0; i < FRAMINGS * (int)COUNT(refusals); i++) {
		struct buf text = make_upload(i % FRAMINGS, len);
		struct client c = client_dial(d);
		size_t sent = 0;

		d->pieces = 0;
		assert_false(push(d, &c, buf_span(&text), &sent));
		refusals[i / FRAMINGS](d, d->request);
		request_resume_body(d->request);
		client_send(d, &c, text.data + sent, text.len - sent);
		client_hear(d, &c, "no key");
		assert_int_equal(d->pieces, 1);
		buf_fini(&text);
		client_close(&c);
		turn_until(d, d->dones == i + 1);
	}
	assert_int_equal(d->readies + d->gones, 0);
}

/* It waits for the answer, or for nothing at all: 408 would be the wrong word. */
static void
a_client_that_sends_no_more_gets_its_answer(void **state)
{
	static const char *const heads[] = { SIZED("100000") "abc", CHUNKED "64\r\nabc" };
	struct door *d = *state;
	int before = count_descriptors(), n = 0;

	d->config.header_timeout_ms = 30;
	door_reopen(d);
	for (int drains = 0; drains < 2; drains++)
		for (int i = 0; i < FRAMINGS * (int)COUNT(refusals); i++) {
			struct client c;

			d->config.drain_bytes = drains ? 1 << 20 : 10;
			door_reopen(d);
			d->on_head = take_it;
			c = client_dial(d);
			buf_clear(&d->taken);
			client_say(d, &c, heads[i % FRAMINGS]);
			turn_until(d, d->taken.len == 3);
			refusals[i / FRAMINGS](d, d->request);
			client_hear_end(d, &c);
			assert_true(span_starts(buf_span(&c.in), "HTTP/1.1 401 "));
			assert_true(span_ends(buf_span(&c.in), "\r\n\r\nno key"));
			turn_until(d, d->dones == ++n);
			client_close(&c);
			turn_until(d, server_connections(d->server) == 0);
		}
	assert_int_equal(d->readies + d->gones, 0);
	assert_int_equal(count_descriptors(), before);
}

static void
an_early_answer_does_not_wait_as_long_as_a_slow_body(void **state)
{
	struct door *d = *state;
	struct client c = client_dial(d);

	d->on_head = say_no;
	/* Turned for 20 seconds, and the rule for bodies is LONG_MS. */
	client_say(d, &c, SIZED("5"));
	client_hear_end(d, &c);
	assert_true(span_ends(buf_span(&c.in), "\r\n\r\nno key"));
	client_close(&c);
}

static void
a_refused_head_is_answered_though_its_body_never_comes(void **state)
{
	static const char *const heads[] = { SIZED("5"), CHUNKED };
	struct door *d = *state;

	d->config.header_timeout_ms = 30;
	door_reopen(d);
	for (int i = 0; i < FRAMINGS * (int)COUNT(refusals); i++) {
		struct client c = client_dial(d);

		d->on_head = refusals[i / FRAMINGS];
		client_say(d, &c, heads[i % FRAMINGS]);
		client_hear_end(d, &c);
		assert_true(span_ends(buf_span(&c.in), "\r\n\r\nno key"));
		turn_until(d, d->dones == i + 1);
		client_close(&c);
	}
	assert_int_equal(d->gones, 0);
}

/* The library still has its descriptor of the socket when the rest comes after all. */
static void
bytes_behind_an_answer_that_did_not_wait_do_no_harm(void **state)
{
	static const char *const texts[][2] = {
		{ SIZED("10") "hello", "world" GET GET },
		{ CHUNKED "a\r\nhello", "world\r\n0\r\n\r\n" GET },
	};
	struct door *d = *state;

	d->config.header_timeout_ms = 30;
	door_reopen(d);
	d->on_head = take_it;
	for (int i = 0; i < 20; i++) {
		struct client c = client_dial(d);

		buf_clear(&d->taken);
		client_say(d, &c, texts[i % FRAMINGS][0]);
		turn_until(d, d->taken.len == 5);
		begin_stream(d, d->request);
		stream_write(d->stream, SPAN("begun"));
		client_hear(d, &c, "begun");
		client_say(d, &c, texts[i % FRAMINGS][1]);
		turn_some(d);
		stream_write(d->stream, SPAN("ended"));
		stream_end(d->stream);
		client_hear_end(d, &c);
		assert_true(
		    span_ends(buf_span(&c.in), "\r\n\r\n5\r\nbegun\r\n5\r\nended\r\n0\r\n\r\n"));
		client_close(&c);
		turn_until(d, server_connections(d->server) == 0);
		assert_int_equal(d->dones, i + 1);
	}
	assert_int_equal(d->heads, 20);
	assert_int_equal(d->gones, 0);
}

static void
a_gathered_body_can_be_answered_before_its_end(void **state)
{
	struct door *d = *state;
	struct client c = client_dial(d);

	client_say(d, &c, SIZED("10") "hello");
	turn_until(d, d->heads == 1);
	turn_some(d);
	say_no(d, d->request);
	assert_int_equal(request_body(d->request).len, 0);
	client_say(d, &c, "world" GET);
	client_hear(d, &c, "no key");
	turn_until(d, d->readies == 1);
	assert_string_equal(buf_text(&d->seen), "GET /a  \n");
	client_close(&c);
}

static void
a_client_that_leaves_behind_an_early_answer_is_gone(void **state)
{
	struct door *d = *state;

	d->on_head = take_it;
	for (int i = 0; i < 2 * (int)COUNT(refusals); i++) {
		struct client c = client_dial(d);

		d->pieces = 0;
		client_say(d, &c, SIZED("100000") "abc");
		turn_until(d, d->pieces == 1);
		refusals[i / 2](d, d->request);
		leave_by(&c, i % 2);
		turn_until(d, d->dones == i + 1);
		assert_int_equal(d->gones, i + 1);
		client_close(&c);
	}
	turn_until(d, server_connections(d->server) == 0);
}

/* ---- memory ---- */

/* In kB: VmRSS, VmHWM (its peak), VmSize. */
static long
memory_kb(const char *what)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, what, strlen(what)) == 0 && line[strlen(what)] == ':')
			kb = atol(line + strlen(what) + 1);
	fclose(f);
	assert_true(kb >= 0);
	return kb;
}

/* From here on VmHWM is the peak. */
static bool
forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	bool ok = fd >= 0 && write(fd, "5", 1) == 1;

	close(fd);
	return ok;
}

/* valgrind keeps its account of each byte in this process. */
static bool
memory_can_be_measured(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return forget_peak() && !(preloaded && strstr(preloaded, "vgpreload"));
}

static void
send_mb(struct door *d, struct client *c, enum framing framing, int mb)
{
	static char part[1 << 16];

	memset(part, 'x', sizeof(part));
	for (int i = 0; i < mb * 16; i++) {
		if (framing == BY_CHUNKS)
			client_say(d, c, "10000\r\n");
		client_send(d, c, part, sizeof(part));
		if (framing == BY_CHUNKS)
			client_say(d, c, "\r\n");
	}
	if (framing == BY_CHUNKS)
		client_say(d, c, "0\r\n\r\n");
}

static void
count_ready(void *ctx, struct request *r)
{
	((struct door *)ctx)->readies++;
	((struct door *)ctx)->request = r;
}

/* A large block that was freed moves the threshold from which malloc() maps memory. */
static void
free_a_large_block(void)
{
	size_t len = 31 << 20;
	char *volatile block = malloc(len);

	memset(block, 1, len);
	free(block);
}

static void
a_body_of_100_mb_costs_its_size_and_at_most_4_mb(void **state)
{
	static const char *const heads[] = { SIZED("104857600"), CHUNKED };
	struct door *d = *state;

	d->config.max_body_bytes = 100 << 20;
	d->handler.ready = count_ready;
	door_reopen(d);
	if (!memory_can_be_measured())
		skip();
	for (int i = 0; i < 2 * FRAMINGS; i++) {
		struct client c = client_dial(d);
		long before_kb;

		if (i == FRAMINGS)
			free_a_large_block();
		before_kb = memory_kb("VmRSS");
		forget_peak();
		client_say(d, &c, heads[i % FRAMINGS]);
		send_mb(d, &c, i % FRAMINGS, 100);
		turn_until(d, d->readies == i + 1);
		assert_int_equal(request_body(d->request).len, 100 << 20);
		assert_in_range(memory_kb("VmHWM") - before_kb, 100 << 10, 104 << 10);
		request_drop_body(d->request);
		assert_true(memory_kb("VmRSS") - before_kb < 4 << 10);
		say_ok(d, d->request);
		client_hear(d, &c, "fine");
		client_close(&c);
	}
}

static void
count_piece(void *ctx, struct span piece)
{
	(void)piece;
	((struct door *)ctx)->pieces++;
}

static void
take_and_count(struct door *d, struct request *r)
{
	request_take_body(r, count_piece, d);
}

static void
a_taken_body_costs_nothing(void **state)
{
	static const char *const heads[] = { SIZED("67108864"), CHUNKED };
	struct door *d = *state;

	d->on_head = take_and_count;
	d->on_ready = say_ok;
	if (!memory_can_be_measured())
		skip();
	for (int f = 0; f < FRAMINGS; f++) {
		struct client c = client_dial(d);
		long before_kb = memory_kb("VmRSS");

		forget_peak();
		client_say(d, &c, heads[f]);
		send_mb(d, &c, f, 64);
		client_hear(d, &c, "fine");
		assert_true(memory_kb("VmHWM") - before_kb < 4 << 10);
		client_close(&c);
	}
}

static void
a_declared_length_reserves_nothing(void **state)
{
	struct door *d = *state;
	struct client c[20];
	long before_kb;

	d->config.max_body_bytes = UINT64_MAX;
	door_reopen(d);
	before_kb = memory_kb("VmSize");
	for (size_t i = 0; i < COUNT(c); i++) {
		c[i] = client_dial(d);
		client_say(d, &c[i], SIZED("4294967296") "abc");
		turn_until(d, d->heads == (int)i + 1);
	}
	turn_some(d);
	assert_true(memory_kb("VmSize") - before_kb < 16 << 10);
	for (size_t i = 0; i < COUNT(c); i++)
		client_close(&c[i]);
	turn_until(d, d->dones == (int)COUNT(c));
}

static void
say_much(struct door *d, struct request *r)
{
	size_t len = 16 << 20;

	(void)d;
	request_answer(r, 200, NULL, 0, span_mem(arena_alloc(request_arena(r), len), len));
}

static void
drop_it(struct door *d, struct request *r)
{
	(void)d;
	request_drop_body(r);
	assert_int_equal(request_body(r).len, 0);
}

static void
a_large_body_can_be_dropped_at_any_time_behind_ready(void **state)
{
	static void (*const answers[])(
	    struct door *, struct request *) = { NULL, say_ok, say_much, begin_stream };
	struct door *d = *state;
	struct buf text = make_upload(BY_LENGTH, 1 << 20);

	for (int i = 0; i < 2 * (int)COUNT(answers); i++) {
		struct client c = client_dial(d);

		client_send(d, &c, text.data, text.len);
		turn_until(d, d->readies == i + 1);
		assert_int_equal(request_body(d->request).len, 1 << 20);
		if (answers[i / 2])
			answers[i / 2](d, d->request);
		if (i % 2) /* it may be over before */
			turn_until(d, i / 2 == 1 || (loop_turn(d->loop, 1), true));
		if (d->request) {
			drop_it(d, d->request);
			drop_it(d, d->request);
		}
		d->on_gone = drop_it;
		client_close(&c);
		turn_until(d, d->dones == i + 1);
	}
	buf_fini(&text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, door_setup, door_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		/* First, since what others freed would hide what is not given back. */
		CASE(a_body_of_100_mb_costs_its_size_and_at_most_4_mb),
		CASE(a_taken_body_is_handed_on_as_it_comes),
		CASE(a_taken_body_is_the_same_however_it_is_split),
		CASE(a_taken_body_may_be_as_large_as_it_likes),
		CASE(a_taken_body_may_be_empty),
		CASE(a_client_that_asks_for_leave_to_send_a_taken_body_gets_it),
		CASE(what_follows_a_taken_body_is_the_next_request),
		CASE(chunks_that_cannot_be_read_end_a_taken_body_without_ready),
		CASE(a_client_is_made_to_wait_while_its_body_is_paused),
		CASE(pausing_at_every_piece_loses_and_repeats_nothing),
		CASE(a_pause_that_ends_within_the_piece_is_none),
		CASE(a_pause_in_the_head_holds_the_first_piece),
		CASE(a_pause_holds_the_end_too),
		CASE(pausing_too_late_is_harmless),
		CASE(a_client_that_we_hold_up_is_not_slow),
		CASE(a_slow_client_gains_nothing_by_our_pauses),
		CASE(a_slow_taken_body_gets_a_bare_408_then_done),
		CASE(a_client_that_leaves_in_a_taken_body_is_gone),
		CASE(nothing_is_handed_on_behind_gone),
		CASE(an_end_that_came_before_the_pause_is_noticed),
		CASE(freeing_the_server_ends_a_paused_body),
		CASE(the_small_rest_of_an_answered_body_is_read_and_the_connection_kept),
		CASE(the_small_rest_of_a_large_body_is_read_too),
		CASE(a_stream_begins_behind_the_small_rest_of_its_body),
		CASE(an_answer_is_there_before_the_end_of_a_large_body),
		CASE(an_answer_before_the_end_of_a_large_body_can_be_read_behind_it),
		CASE(a_paused_body_can_be_answered),
		CASE(a_client_that_sends_no_more_gets_its_answer),
		CASE(an_early_answer_does_not_wait_as_long_as_a_slow_body),
		CASE(a_refused_head_is_answered_though_its_body_never_comes),
		CASE(bytes_behind_an_answer_that_did_not_wait_do_no_harm),
		CASE(a_gathered_body_can_be_answered_before_its_end),
		CASE(a_client_that_leaves_behind_an_early_answer_is_gone),
		CASE(a_taken_body_costs_nothing),
		CASE(a_declared_length_reserves_nothing),
		CASE(a_large_body_can_be_dropped_at_any_time_behind_ready),
	};

	return cmocka_run_group_tests_name("net/request", tests, NULL, NULL);
}
