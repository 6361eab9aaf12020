/*
 * What becomes of a lease: written, sent once more, answered, settled.  And of its credential, when
 * it is to be lent no more: see pool.h.  Runs in workers and in the janitor, which probes; works on
 * what the pool owns.
 */
#include "upstream/pool.h"

#include "base/log.h"
#include "upstream/allowance.h"
#include "upstream/pool_inside.h"

#define DISABLED_FREEZE_MS 60000 /* far more than a commit takes */

/* ---- on its way ---- */

/* Upstream has it within the margin.  On its way out it may have been overtaken by midnight. */
static void
stamp(struct pool *p, const struct lease *l, struct held *h, struct moment now)
{
	int64_t margin_ms = p->house.config->pool_margin_ms;
	struct moment there = { now.ms + margin_ms, now.wall_ms + margin_ms };

	lease_line_doubt(h->place);
	allowance_stamp(p->house.board, &h->line.allowance, now.ms);
	if (h->line.allowance.day)
		fitness_day_late(board_row(p->house.board, h->line.scope, h->line.model, false),
		    l->since_ms, there);
}

void
lease_written(struct pool *p, struct lease *l, struct moment now)
{
	if (l->id[0] == '\0')
		return;
	struct held *h = holdings_at(&p->holdings, l->place);

	stamp(p, l, h, now);
	h->line.written = true;
	held_write(h);
}

bool
lease_again(struct pool *p, struct lease *l, struct moment now)
{
	struct held *h = holdings_at(&p->holdings, l->place);
	struct allowance *a = &h->line.allowance, second;
	struct board_row *scope = board_row(p->house.board, h->line.scope, h->line.model, false);
	struct fitness_limits set = pool_limits_now(p, h->line.model), limits;
	struct fitness_pass why;

	if (!a->requests && !a->tokens && !a->day)
		return true;
	if (!h->line.written)
		stamp(p, l, h, now);
	limits = allowance_limits(&set, scope, now);
	bool booked = allowance_book(p->house.board, scope, &limits, window_amount(a->tokens),
	    p->house.config->pool_margin_ms, now, &second, &why);

	if (booked)
		*a = second;
	h->line.written = !booked;
	held_write(h);
	return booked;
}

void
lease_answered(struct pool *p, struct lease *l, int http_status, struct moment now)
{
	if (l->id[0] == '\0')
		return;
	struct held *h = holdings_at(&p->holdings, l->place);
	struct fitness_rows rows =
	    settle_rows(p->house.board, h->line.subject, h->line.scope, h->line.model, false);

	if (!h->line.probes_own && !h->line.probes_whole && !h->line.probes_model)
		return;
	settle_answered(&rows, &h->line, http_status, now);
	held_write(h);
}

void
pool_renew(struct pool *p, struct moment now)
{
	for (uint32_t i = 0; i < p->holdings.room; i++) {
		struct held *h = &p->holdings.items[i];

		if (!h->used || h->line.written)
			continue;
		lease_line_doubt(h->place);
		allowance_renew(p->house.board, &h->line.allowance, now.ms);
		held_write(h);
	}
}

/* ---- lent no more ---- */

static void
lost_write(const char *label)
{
	log_warn("pool", "a disabled credential could not be stored", "label=%s", label);
}

/* Nobody lends it until all have read the record: other workers have not yet, and here a reload for
 * another record may come before this one is committed. */
static void
hold_back(struct pool *p, uint32_t i, enum outcome why, struct moment now)
{
	struct fitness_freeze f = { .until_ms = now.ms + DISABLED_FREEZE_MS, .cause = why };

	fitness_freeze(
	    board_row(p->house.board, p->inventory.now->items[i].subject, BOARD_WHOLE, true), &f,
	    now);
}

static void
disable(struct pool *p, uint32_t i, enum outcome why, struct moment now)
{
	struct credential changed = p->inventory.now->set.items[i];
	struct buf record = BUF_INIT;

	if (!changed.enabled)
		return; /* the operator, or another request, was faster */
	changed.enabled = false;
	changed.note = (char *)outcome_name(why);
	credential_encode(&changed, &record);
	struct write_op op = { .table = TABLE_CREDENTIAL,
		.key = span_of(changed.id),
		.value = buf_span(&record),
		.only_change = true };

	if (!p->house.write || !p->house.write(p->house.ctx, &op, 1))
		lost_write(changed.label);
	buf_wipe(&record);
	if (p->inventory.now->items[i].subject >= 0)
		hold_back(p, i, why, now);
	inventory_disable(&p->inventory, i);
	log_error(
	    "pool", "credential disabled", "label=%s cause=%s", changed.label, outcome_name(why));
}

/* Projects are denied, not keys: those that say they are of the same one go with it. */
static void
disable_as_told(
    struct pool *p, const struct lease *l, enum settle_end end, enum outcome why, struct moment now)
{
	inventory_refresh(&p->inventory, now);
	uint32_t i = p->inventory.now ? inventory_find(&p->inventory, span_of(l->id)) : CHOICE_NONE;

	if (i == CHOICE_NONE)
		return;
	const char *project = p->inventory.now->set.items[i].project;

	disable(p, i, why, now);
	if (end != SETTLE_DISABLE_PROJECT || project[0] == '\0')
		return;
	for (uint32_t k = 0; k < p->inventory.now->set.count; k++)
		if (strcmp(p->inventory.now->set.items[k].project, project) == 0)
			disable(p, k, why, now);
}

/* ---- settling ---- */

/* Where it is sure that nothing was sent, nothing counts. */
static bool
was_never_sent(const struct held *h, const struct settlement *end)
{
	return !h->line.written && end->http_status == 0 && end->verdict->unsent;
}

static void
settle_allowance(struct pool *p, const struct lease *l, struct held *h,
    const struct fitness_rows *rows, const struct settlement *end, struct moment now)
{
	struct allowance *a = &h->line.allowance;

	if (was_never_sent(h, end)) {
		lease_line_doubt(h->place);
		allowance_return(p->house.board, rows->scope, a, now);
		return;
	}
	if (!h->line.written)
		stamp(p, l, h, now);
	allowance_settle(p->house.board, rows->scope, a, end->prompt_tokens);
}

static uint32_t
traced_ms(int64_t ms)
{
	return ms < 0 || ms >= UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static void
fill_try(struct trace_try *t, const struct settlement *end)
{
	if (!t)
		return;
	t->outcome = (uint8_t)end->verdict->outcome;
	t->http_status = (uint16_t)end->http_status;
	t->first_byte_ms = traced_ms(end->first_byte_ms);
	t->total_ms = traced_ms(end->total_ms);
}

void
lease_settle(struct pool *p, struct lease *l, const struct settlement *end, struct moment now)
{
	struct pool_snapshot *s = l->snapshot;

	if (l->id[0] == '\0')
		return;
	struct held *h = holdings_at(&p->holdings, l->place);
	struct fitness_rows rows =
	    settle_rows(p->house.board, h->line.subject, h->line.scope, h->line.model, false);
	struct settled settled = { .board = p->house.board,
		.config = p->house.config,
		.chance = &p->chance,
		.unproven = &p->unproven,
		.label = l->label,
		.key = s->set.items[l->index].board_key,
		.name = l->model,
		.subject = h->line.subject,
		.scope = h->line.scope,
		.model = h->line.model,
		.probes_own = h->line.probes_own,
		.probes_whole = h->line.probes_whole,
		.probes_model = h->line.probes_model };

	settle_allowance(p, l, h, &rows, end, now);
	fitness_returned(rows.own);
	fitness_returned(rows.whole);
	fitness_returned(board_row(p->house.board, BOARD_EVERYONE, BOARD_WHOLE, false));
	enum settle_end what = settle_apply(&settled, end, now);

	if (what != SETTLE_ON)
		disable_as_told(p, l, what, end->verdict->outcome, now);
	fill_try(l->try_, end);
	holdings_leave(&p->holdings, l->place);
	*l = (struct lease){ 0 };
	inventory_release(s);
}
