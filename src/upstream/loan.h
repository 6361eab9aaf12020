/*
 * A lease at work: one request made with the credential that was lent, from lending to settling.
 * When its minute begins, when the first byte of the answer came, what upstream refused it with
 * and what that means.  What attempts and relays have in common.
 */
#ifndef POLLUX_UPSTREAM_LOAN_H
#define POLLUX_UPSTREAM_LOAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/mem.h"
#include "base/rope.h"
#include "base/text.h"
#include "gemini/fault.h"
#include "upstream/outcome.h"
#include "upstream/pool.h"
#include "upstream/upstream.h"

#define LOAN_WORDS_BYTES (256u << 10) /* of a refusal; more is not read */
#define LOAN_WORDS_MS    10000        /* nor is longer waited for: another credential may do */

/* Embedded in its owner; zeroed: there is none.  Members are to be read alone. */
struct loan {
	struct upstream *up;   /* borrowed */
	struct lease lease;    /* settled exactly once */
	bool written;          /* the pool was told so */
	int status;            /* 0: no head yet */
	int64_t first_byte_ms; /* since it was lent; -1: none came */
	struct buf words;      /* owned: what a refusal says */
	struct timer patience; /* with these words */
};

/* Takes the lease over.  One that was settled may begin anew. */
void loan_begin(struct loan *, struct upstream *, struct lease *);
bool loan_is_open(const struct loan *);
/* All of the request is out: its minute begins now. */
void loan_written(struct loan *);
/* It may have been read, and is to be sent once more.  False: there is no room for a second one. */
bool loan_again(struct loan *);
void loan_head(struct loan *, int status);
/* prompt_tokens: as upstream counted them; -1: it did not say.  Settled already, it does nothing.
 */
void loan_settle(struct loan *, const struct verdict *, int64_t prompt_tokens);
void loan_fini(struct loan *); /* was settled, or never begun */

/* The head was a refusal: its words follow.  enough: that they do not end in time. */
void loan_refused(struct loan *, loop_fn *enough, void *ctx);
/* False: no more is wanted. */
bool loan_add_words(struct loan *, struct span);
/* What the refusal is and means: of its words, or of an error amid a stream.  body: that was sent,
 * for limits that it breaks by itself; the fault and its texts are in the arena. */
const struct fault *loan_judge(
    struct loan *, struct span words, const struct body *, struct arena *, struct verdict *);

#endif
