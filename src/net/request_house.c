/*
 * What requests have in common.  Runs in workers.  Owns the streams until they are closed.
 */
#include "net/request_house.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

static void
stream_is_closed(void *arg)
{
	struct request_house *h = arg;

	h->n_streams--;
	h->place_is_free(h->server);
}

void
request_house_init(struct request_house *h, const struct stream_owner *requests)
{
	list_init(&h->streams);
	h->n_streams = 0;
	h->ids_left = 0;
	h->stream_owner = *requests;
	h->stream_owner.closed = stream_is_closed;
	h->stream_owner.house = h;
}

void
request_house_fini(struct request_house *h)
{
	stream_free_all(&h->streams);
	h->n_streams = 0;
}

void
request_house_make_id(struct request_house *h, char out[REQUEST_ID_SIZE])
{
	if (h->ids_left == 0) {
		ssize_t n = getrandom(h->ids, sizeof(h->ids), 0);

		/* Less is only given where more than 256 bytes were asked for and a signal came. */
		assert(n >= REQUEST_ID_BYTES);
		h->ids_left = (size_t)n / REQUEST_ID_BYTES;
	}
	memcpy(out, "req_", 4);
	text_hex(out + 4, h->ids[--h->ids_left], REQUEST_ID_BYTES);
}

struct stream *
request_house_stream(struct request_house *h, const struct answer *a, enum answer_length length,
    bool answers_head, const char *request_id, void *ctx)
{
	enum stream_framing framing = length == ANSWER_CHUNKED ? STREAM_CHUNKED : STREAM_RAW;
	struct buf head = BUF_INIT;
	struct stream *s;

	if (!answer_may_have_body(a->status))
		length = ANSWER_TO_THE_END;
	if (!answer_may_have_body(a->status) || answers_head)
		framing = STREAM_BODILESS;
	answer_print_head(&head, a, length, request_id, loop_wall_ms(h->loop));
	s = stream_new(
	    h->loop, &h->stream, framing, buf_span(&head), &h->stream_owner, ctx, &h->streams);
	if (length == ANSWER_SIZED && framing == STREAM_RAW)
		stream_promise(s, a->length_bytes);
	h->n_streams++;
	buf_fini(&head);
	return s;
}
