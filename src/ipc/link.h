/*
 * Links: Unix streams that carry frames {u32 length, u16 kind, u16 flags, u64 id} + body
 * between the processes of one daemon, little endian.  A reply carries the id of its question;
 * file descriptors may ride along.  The first frame each way is HELLO with the protocol
 * version: another version ends the link with a clear line.
 *
 * A link never blocks: what the socket does not take waits in a bounded queue.  A frame over
 * LINK_FRAME_MAX, or a queue over its bound, ends the link.  A message kind that this end does
 * not know is answered with REFUSED when it is a question, and else left alone.
 */
#ifndef POLLUX_IPC_LINK_H
#define POLLUX_IPC_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/loop.h"
#include "base/text.h"

#define LINK_PROTOCOL_VERSION 1
#define LINK_FRAME_MAX        (64u << 20)  /* bytes of one body */
#define LINK_QUEUE_MAX        (128u << 20) /* bytes that may wait for a slow reader */
#define LINK_HEAD_BYTES       16
#define LINK_FLAG_FD          1u           /* flags: a descriptor rides along; no other is known */

enum message {
#define MESSAGE(name, number, help) MESSAGE_##name = number,
#include "ipc/messages.def"
#undef MESSAGE
};
const char *message_name(enum message); /* "unknown" for a number that is none */
bool message_is_known(unsigned kind);

struct frame {
	enum message kind;
	uint64_t id;      /* of the question; 0 where none is asked */
	struct span body; /* borrowed, valid during the call */
	int fd;           /* -1; a callee that keeps it sets it to -1, else it is closed */
};

/* The front of a stream, read without a link: what arrives is bounded and checked here alone. */
struct link_head {
	uint32_t length; /* of the body */
	uint16_t kind;   /* perhaps none that is known */
	uint16_t flags;
	uint64_t id;
};
enum link_parsed { LINK_PARSED_PART, LINK_PARSED_FRAME, LINK_PARSED_BAD };
/* FRAME: head and body (in the input) are set, and the frame is LINK_HEAD_BYTES + body.len long.
 * BAD: why is set. */
enum link_parsed link_parse(struct span in, struct link_head *, struct span *body,
    const char **why);
/* The same as bytes, appended; length must be the body's. */
void link_put(struct buf *out, const struct link_head *, struct span body);

struct link;
typedef void link_frame_fn(void *ctx, struct link *, struct frame *);
/* The other end is gone or broke the protocol (why is never NULL); the link is closed behind the
 * call. */
typedef void link_gone_fn(void *ctx, struct link *, const char *why);

/* Takes the connected fd over.  Both callbacks come from the loop, never from inside a call
 * here. */
struct link *link_open(struct loop *, int fd, link_frame_fn *, link_gone_fn *, void *ctx);
/* Safe inside its own callbacks; what is queued gets one try to leave. */
void link_close(struct link **);

/* Connects to a path; nonblocking in effect (Unix sockets).  NULL with err. */
struct link *link_connect(struct loop *, const char *path, link_frame_fn *, link_gone_fn *,
    void *ctx, struct err *);

/* False: the link has ended, or its queue is full and it ends now (gone will say so). */
bool link_send(struct link *, enum message, uint64_t id, struct span body);
/* fd is duplicated; false also when no descriptor is left for that, and the link goes on. */
bool link_send_fd(struct link *, enum message, uint64_t id, struct span body, int fd);
size_t link_queued_bytes(const struct link *);
bool link_is_greeted(const struct link *); /* the other end is there: its HELLO came */
bool link_peer(const struct link *, uid_t *uid, gid_t *gid, pid_t *pid); /* SO_PEERCRED */
void link_set_ctx(struct link *, void *ctx);

/* A listening Unix socket at path: a dead one is replaced, a live one is an error.  -1 with err. */
int link_listen(const char *path, mode_t mode, struct err *);
/* A connected pair for a child and its parent; both close-on-exec and nonblocking. */
bool link_pair(int fds[2], struct err *);

/*
 * Blocking question and answer for programs without a loop of their own life (polluxctl):
 * sends kind with body, calls progress (may be NULL) for PROGRESS frames, appends the body of
 * the reply to answer.  timeout_ms: of silence, each frame begins it anew; -1: none.  Errors:
 * UNAVAILABLE when nobody is there or he goes away, SLOW when the time is over, CONFLICT with the
 * other end's line when it said REFUSED.
 */
bool link_ask(const char *path, enum message kind, struct span body, int64_t timeout_ms,
    void (*progress)(void *ctx, struct span body), void *ctx, struct buf *answer, struct err *);

#endif
