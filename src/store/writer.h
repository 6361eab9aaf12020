/*
 * Both ends of writing.
 *
 * A worker hands records to its writer, which sends them over a link to the janitor and keeps
 * them until they are acknowledged; when the janitor was away they are sent again.  The
 * janitor's committer gathers what has arrived, commits it in one transaction (full sync, at
 * most 1,000 records), bumps the board generations of the tables touched, and only then
 * acknowledges.  A record is the whole new value, so writing one twice does no harm.
 */
#ifndef POLLUX_STORE_WRITER_H
#define POLLUX_STORE_WRITER_H

#include <stdbool.h>
#include "base/err.h"
#include "base/loop.h"
#include "base/text.h"
#include "ipc/board.h"
#include "ipc/link.h"
#include "store/store.h"
#include "store/write.h"

/* err is NULL when it is committed. */
typedef void writer_fn(void *ctx, const struct err *);

/* The worker's end.  Reconnects by itself (50 ms doubling to 1 s).  queue_bytes bounds what may
 * wait. */
struct writer;
struct writer *writer_new(struct loop *, const char *janitor_path, size_t queue_bytes);
void writer_free(struct writer **); /* outstanding callbacks are not called */
/* All ops in one commit.  Copies.  done may be NULL; it is called from the loop and may free the
 * writer.  False when the queue is full or they do not fit a frame (done is not called). */
bool writer_write(struct writer *, const struct write_op *, size_t n, writer_fn *done, void *ctx);
size_t writer_waiting(const struct writer *); /* writes not yet acknowledged */

/* The janitor's end. */
struct committer;
struct committer *committer_new(struct loop *, struct store *, struct board *);
void committer_free(struct committer **); /* commits what still waits */
/* done may be NULL; it is called from the loop (or from committer_free) and may not free the
 * committer. */
void committer_add(struct committer *, const struct write_op *, size_t n, writer_fn *done,
    void *ctx);
/* A WRITE frame of a worker: parsed, added, answered with DONE or REFUSED on the link once
 * committed.  The link may end meanwhile: tell committer_forget. */
void committer_frame(struct committer *, struct link *, const struct frame *);
void committer_forget(struct committer *, struct link *);

#endif
