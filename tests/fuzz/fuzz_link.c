/*
 * What a peer may send: frames read from bytes alone, the same through a link, whole and in
 * pieces, and the bodies of writes.  However it comes, the same frames and the same end.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/loop.h"
#include "base/mem.h"
#include "ipc/link.h"
#include "store/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define INPUT_MAX 65536 /* what a socket takes at once */

struct reading {
	struct link *link;
	struct buf told;
};

/* ---- bytes ---- */

static void
check_write(struct span body)
{
	struct write_op ops[64];
	struct buf again = BUF_INIT;
	struct write_reader r;
	size_t n, i = 0, n_again;

	if (!write_check(body, &n, NULL) || n > 64)
		return;
	write_begin(&r, body);
	while (write_next(&r, &ops[i]))
		i++;
	assert(i == n);
	write_encode(&again, ops, n);
	assert(write_check(buf_span(&again), &n_again, NULL) && n_again == n);
	buf_fini(&again);
}

/* A frame as it stands is what its head and body make, and no part of it is whole. */
static void
check_frame(struct span frame, const struct link_head *head, struct span body)
{
	struct buf made = BUF_INIT;
	struct link_head part_head;
	struct span part_body;
	const char *why;

	link_put(&made, head, body);
	assert(span_eq(buf_span(&made), frame));
	for (size_t len = 0; len < frame.len; len += 1 + len / 4)
		assert(link_parse(span_mem(frame.p, len), &part_head, &part_body, &why) ==
		       LINK_PARSED_PART);
	buf_fini(&made);
	if (head->kind == MESSAGE_WRITE)
		check_write(body);
}

static void
read_bytes(struct span in)
{
	struct link_head head;
	struct span body;
	const char *why = NULL;
	enum link_parsed p;

	while ((p = link_parse(in, &head, &body, &why)) == LINK_PARSED_FRAME) {
		size_t len = LINK_HEAD_BYTES + body.len;

		assert(len <= in.len);
		check_frame(span_mem(in.p, len), &head, body);
		in = span_mem(in.p + len, in.len - len);
	}
	assert((p == LINK_PARSED_BAD) == (why != NULL));
}

/* ---- a link ---- */

static void
on_frame(void *ctx, struct link *l, struct frame *f)
{
	struct reading *r = ctx;

	assert(l == r->link && message_is_known(f->kind) && f->fd < 0);
	buf_printf(&r->told, "%s %llu %zu:", message_name(f->kind), (unsigned long long)f->id,
	    f->body.len);
	buf_add_span(&r->told, f->body);
}

static void
on_gone(void *ctx, struct link *l, const char *why)
{
	struct reading *r = ctx;

	assert(l == r->link);
	buf_printf(&r->told, "gone: %s", why);
	r->link = NULL;
}

/* Sends it in pieces whose sizes the given bytes name in turn; none: in one piece. */
static void
read_link(struct reading *r, struct span in, const uint8_t *sizes, size_t n)
{
	static struct loop *loop;
	int fds[2];

	if (!loop)
		loop = loop_new();
	if (!link_pair(fds, NULL))
		return;
	r->link = link_open(loop, fds[0], on_frame, on_gone, r);
	for (size_t turn = 0; in.len && r->link; turn++) {
		size_t len = n ? (size_t)sizes[turn % n] + 1 : in.len;
		ssize_t sent = send(fds[1], in.p, len < in.len ? len : in.len, MSG_NOSIGNAL);

		assert(sent > 0 || errno == EAGAIN || errno == EPIPE);
		if (sent > 0)
			in = span_mem(in.p + sent, in.len - (size_t)sent);
		loop_turn(loop, 0);
	}
	close(fds[1]);
	while (r->link)
		loop_turn(loop, 0);
	loop_turn(loop, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole = { .link = NULL }, split = { .link = NULL };
	struct span in = span_mem(data, size < INPUT_MAX ? size : INPUT_MAX);

	read_bytes(in);
	check_write(in);
	read_link(&whole, in, NULL, 0);
	read_link(&split, in, data, in.len < 16 ? in.len : 16);
	assert(span_eq(buf_span(&whole.told), buf_span(&split.told)));
	buf_fini(&whole.told);
	buf_fini(&split.told);
	return 0;
}
