/*
 * Server-sent events (WHATWG HTML, 9.2), read byte by byte and written.
 *
 * The reader takes any split of the stream, CR, LF or CRLF line ends, "data:" with or
 * without a space, several data lines for one event (joined by LF), comments and unknown
 * fields.  Lines that are no field at all (Gemini puts a bare JSON error into the middle of
 * a stream) are not dropped as the standard would, but handed to stray, one line at a time
 * without its end; they do not end the event that they interrupt.  Text behind the last blank
 * line is given as an event by sse_finish, since Gemini's last event may come without one.
 */
#ifndef POLLUX_BASE_SSE_H
#define POLLUX_BASE_SSE_H

#include <stdbool.h>
#include "base/text.h"

/* data is borrowed and valid during the call.  False stops the reading: sse_feed returns false
 * at once. */
typedef bool sse_fn(void *ctx, struct span data);

struct sse {
	sse_fn *event;
	sse_fn *stray;
	void *ctx;
	size_t max_bytes;  /* of one event or line */
	struct buf line;   /* the beginning of a line whose end has not come */
	struct buf data;   /* the event's data lines so far */
	bool has_data;
	bool after_cr;     /* a LF now belongs to the CR before */
	bool too_large;    /* an event went over max_bytes: nothing more is read */
	bool stopped;      /* by a callback or as too large: nothing more is read or given */
	bool at_start;     /* a byte order mark may still come */
};

void sse_init(struct sse *, size_t max_bytes, sse_fn *event, sse_fn *stray, void *ctx);
void sse_fini(struct sse *);
bool sse_feed(struct sse *, struct span in); /* false: stopped by a callback or too large */
bool sse_finish(struct sse *);               /* end of the stream: gives what is still held */

/* Writing: "data: " + one line of JSON + blank line; ": " + text + blank line.  JSON that
 * stands on several lines all the same becomes several data lines of one event. */
void sse_write(struct buf *out, struct span one_line);
void sse_comment(struct buf *out, const char *text);

#endif
