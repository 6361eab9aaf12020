/*
 * What a call sends.
 *
 * Pure.  Runs wherever net/fetch.c does; owns what waits of a body that streams.
 */
#include "net/upload.h"

#include <assert.h>
#include "net/fetch_types.h"
#include "net/order.h"

void
upload_init(struct upload *u, const struct fetch_order *o)
{
	assert(!o->streams_body || !o->body.pieces);
	*u = (struct upload){
		.body = o->body,
		.streams = o->streams_body,
		.announced = o->streams_body ? o->body_bytes : (int64_t)body_len(&o->body),
	};
	u->copied = order_copies_body(o);
}

void
upload_fini(struct upload *u)
{
	buf_fini(&u->queue);
	*u = (struct upload){ .ended = true };
}

static size_t
waiting(const struct upload *u)
{
	return u->queue.len - u->queue_at;
}

static size_t
read_queue(struct upload *u, char *p, size_t room)
{
	size_t len = waiting(u) < room ? waiting(u) : room;

	if (len > 0)
		memcpy(p, u->queue.data + u->queue_at, len);
	u->queue_at += len;
	if (waiting(u) == 0) {
		buf_clear(&u->queue);
		u->queue_at = 0;
	}
	return len;
}

static size_t
read_pieces(struct upload *u, char *p, size_t room)
{
	size_t len = 0;

	while (len < room && u->piece < u->body.count) {
		struct span rest = u->body.pieces[u->piece];
		size_t n = rest.len - u->at;

		if (n > room - len)
			n = room - len;
		if (n > 0)
			memcpy(p + len, rest.p + u->at, n);
		len += n;
		u->at += n;
		if (u->at == rest.len) {
			u->piece++;
			u->at = 0;
		}
	}
	return len;
}

bool
upload_is_out(const struct upload *u)
{
	if (u->announced >= 0)
		return u->given == (uint64_t)u->announced;
	return u->ended && waiting(u) == 0;
}

int64_t
upload_bytes(const struct upload *u)
{
	return u->announced >= 0 ? u->announced : (int64_t)u->given;
}

bool
upload_is_read(const struct upload *u)
{
	/* Of a known length curl does not ask for the end. */
	return u->copied || u->read || (u->announced >= 0 && upload_is_out(u));
}

enum upload_news
upload_read(struct upload *u, char *p, size_t room, size_t *len)
{
	*len = 0;
	if (u->fault)
		return UPLOAD_BAD;
	if (upload_is_out(u)) {
		u->read = true;
		return UPLOAD_DONE;
	}
	*len = u->streams ? read_queue(u, p, room) : read_pieces(u, p, room);
	u->given += *len;
	if (*len > 0)
		return UPLOAD_BYTES;
	if (!u->ended)
		return UPLOAD_WAIT;
	u->fault = "the body ended before the length that was announced";
	return UPLOAD_BAD;
}

bool
upload_rewind(struct upload *u, int64_t offset)
{
	size_t left = (size_t)offset;

	if (u->streams) /* what was given is not kept */
		return offset >= 0 && (uint64_t)offset == u->given;
	if (offset < 0 || (uint64_t)offset > (uint64_t)u->announced)
		return false;
	u->given = (uint64_t)offset;
	u->read = false;
	u->piece = 0;
	while (u->piece < u->body.count && left >= u->body.pieces[u->piece].len)
		left -= u->body.pieces[u->piece++].len;
	u->at = left;
	return true;
}

bool
upload_add(struct upload *u, struct span bytes)
{
	assert(u->streams);
	if (u->fault)
		return true;
	assert(!u->ended);
	if (u->announced >= 0 &&
	    bytes.len > (uint64_t)u->announced - u->given - (uint64_t)waiting(u)) {
		u->fault = "the body is longer than was announced";
	} else if (bytes.len > 0) {
		buf_drop_front(&u->queue, u->queue_at);
		u->queue_at = 0;
		buf_add_span(&u->queue, bytes);
	}
	u->full = waiting(u) > UPLOAD_HIGH_BYTES;
	return !u->full;
}

void
upload_end(struct upload *u)
{
	assert(u->streams);
	u->ended = true;
}

bool
upload_wants_more(struct upload *u)
{
	if (!u->full || u->ended || waiting(u) >= UPLOAD_LOW_BYTES)
		return false;
	u->full = false;
	return true;
}
