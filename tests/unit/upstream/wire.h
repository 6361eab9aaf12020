/*
 * Fetches that are played: what comes back, and when, is what the test says.  Stands in for
 * net/fetch.c.
 */
#ifndef POLLUX_TESTS_UPSTREAM_WIRE_H
#define POLLUX_TESTS_UPSTREAM_WIRE_H

#include "base/mem.h"
#include "net/fetch.h"
#include "tests/unit/unit.h"

struct fetch {
	struct fetch_events events;
	void *ctx;
	char method[16], url[512], key[128];
	struct buf body; /* as it was ordered, and what was sent behind it */
	size_t header_count;
	bool streams, ended, paused;
	int64_t first_byte_ms, total_ms;
};

static struct fetch *wire; /* under way; NULL: none is */
static int wires, wires_cancelled;

static inline void
wire_cut(struct fetch *f)
{
	if (wire == f)
		wire = NULL;
	buf_fini(&f->body);
	mem_free(f);
}

struct fetch *
fetch_start(
    struct fetcher *all, const struct fetch_order *o, const struct fetch_events *events, void *ctx)
{
	struct fetch *f = mem_alloc(sizeof(*f));

	assert_null(all);
	assert_null(wire); /* one try at a time */
	f->events = *events;
	f->ctx = ctx;
	snprintf(f->method, sizeof(f->method), "%s", o->method);
	snprintf(f->url, sizeof(f->url), "%s", o->url);
	snprintf(f->key, sizeof(f->key), "%s", o->headers[0]);
	while (o->headers[f->header_count])
		f->header_count++;
	body_flatten(&o->body, &f->body);
	f->streams = o->streams_body;
	f->first_byte_ms = o->first_byte_timeout_ms;
	f->total_ms = o->total_timeout_ms;
	wires++;
	return wire = f;
}

void
fetch_pause(struct fetch *f)
{
	f->paused = true;
}

void
fetch_resume(struct fetch *f)
{
	f->paused = false;
}

void
fetch_cancel(struct fetch **f)
{
	if (!*f)
		return;
	wires_cancelled++;
	wire_cut(*f);
	*f = NULL;
}

bool
fetch_send(struct fetch *f, struct span bytes)
{
	assert_true(f->streams && !f->ended);
	buf_add_span(&f->body, bytes);
	return true;
}

void
fetch_send_end(struct fetch *f)
{
	assert_false(f->ended);
	f->ended = true;
}

/* ---- what upstream does ---- */

static inline void
wire_written(void)
{
	wire->events.written(wire->ctx);
}

static inline void
wire_head(int status, const char *type)
{
	struct fetch_head head = {
		.status = status, .content_type = span_of(type), .content_length = -1
	};

	wire->events.head(wire->ctx, &head);
}

static inline void
wire_says(const char *text)
{
	wire->events.data(wire->ctx, span_of(text));
}

static inline void
wire_ends(enum fetch_result result)
{
	struct fetch *f = wire;

	wire = NULL;
	f->events.end(f->ctx, result, result == FETCH_OK ? "" : "broke");
	wire_cut(f);
}

/* A whole answer. */
static inline void
wire_answers(int status, const char *body)
{
	wire_written();
	wire_head(status, "application/json");
	wire_says(body);
	if (wire)
		wire_ends(FETCH_OK);
}

#endif
