/*
 * Probes.  Run in workers; each answers for the whole daemon, since all see the same board.
 */
#include "gate/probe.h"

static int
ready(const struct gate *g, struct buf *body)
{
	if (pool_in_sight(g->upstream->pool, loop_moment(g->loop))) {
		buf_add_lit(body, "{\"status\":\"ready\"}\n");
		return 200;
	}
	if (pool_size(g->upstream->pool, loop_moment(g->loop)) == 0)
		buf_add_lit(body,
		    "{\"status\":\"not ready\",\"reason\":\"no credential is enabled: add one with "
		    "\\\"polluxctl keys add\\\"\"}\n");
	else
		buf_add_lit(body,
		    "{\"status\":\"not ready\",\"reason\":\"every credential is frozen: "
		    "\\\"polluxctl keys list\\\" says until when\"}\n");
	return 503;
}

static int
health(const struct gate *g, struct buf *body)
{
	bool in_sight = pool_in_sight(g->upstream->pool, loop_moment(g->loop));

	buf_printf(body, "{\"status\":\"%s\",\"version\":\"%s\",\"credentials\":%zu",
	    in_sight ? "ok" : "degraded", PACKAGE_VERSION,
	    pool_size(g->upstream->pool, loop_moment(g->loop)));
	for (enum board_count c = 0; c < BOARD_COUNT_COUNT; c++)
		buf_printf(body, ",\"%s\":%lld", board_count_name(c),
		    (long long)board_count_sum(g->board, c));
	buf_add_lit(body, "}\n");
	return 200;
}

int
probe_answer(const struct gate *g, enum door door, struct buf *body)
{
	switch (door) {
	case DOOR_READY:
		return ready(g, body);
	case DOOR_HEALTH:
		return health(g, body);
	case DOOR_ALIVE:
	case DOOR_ASK:
	case DOOR_RELAY:
		break;
	}
	buf_add_lit(body, "{\"status\":\"ok\"}\n");
	return 200;
}
