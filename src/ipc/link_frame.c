/*
 * Frames as bytes, and the names of their kinds.  Pure: what comes from the other end of a
 * link is bounded and checked here before anything is made of it.
 */
#include "ipc/link.h"

const char *
message_name(enum message m)
{
	switch (m) {
#define MESSAGE(name, number, help)                                                                \
	case MESSAGE_##name:                                                                       \
		return #name;
#include "ipc/messages.def"
#undef MESSAGE
	}
	return "unknown";
}

bool
message_is_known(unsigned kind)
{
	switch (kind) {
#define MESSAGE(name, number, help) case number:
#include "ipc/messages.def"
#undef MESSAGE
		return true;
	default:
		return false;
	}
}

/* ---- frames as bytes ---- */

static uint64_t
get_le(const char *in, int bytes)
{
	uint64_t n = 0;

	for (int i = 0; i < bytes; i++)
		n |= (uint64_t)(unsigned char)in[i] << (8 * i);
	return n;
}

static void
put_le(struct buf *out, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_add_char(out, (char)(n >> (8 * i)));
}

enum link_parsed
link_parse(struct span in, struct link_head *head, struct span *body, const char **why)
{
	/* A length over the bound is refused before the rest of the head is there. */
	if (in.len >= 4 && get_le(in.p, 4) > LINK_FRAME_MAX) {
		*why = "it sent a frame that is too large";
		return LINK_PARSED_BAD;
	}
	if (in.len < LINK_HEAD_BYTES)
		return LINK_PARSED_PART;
	head->length = (uint32_t)get_le(in.p, 4);
	head->kind = (uint16_t)get_le(in.p + 4, 2);
	head->flags = (uint16_t)get_le(in.p + 6, 2);
	head->id = get_le(in.p + 8, 8);
	if (head->flags & ~LINK_FLAG_FD) {
		*why = "it sent a frame with an unknown flag";
		return LINK_PARSED_BAD;
	}
	if (in.len - LINK_HEAD_BYTES < head->length)
		return LINK_PARSED_PART;
	*body = span_mem(in.p + LINK_HEAD_BYTES, head->length);
	return LINK_PARSED_FRAME;
}

void
link_put(struct buf *out, const struct link_head *head, struct span body)
{
	buf_reserve(out, LINK_HEAD_BYTES + body.len);
	put_le(out, head->length, 4);
	put_le(out, head->kind, 2);
	put_le(out, head->flags, 2);
	put_le(out, head->id, 8);
	buf_add_span(out, body);
}
