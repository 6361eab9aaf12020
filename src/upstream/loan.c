/*
 * A lease at work: see loan.h.  Runs in workers; owns the lease and the words of a refusal.
 */
#include "upstream/loan.h"

#include <assert.h>
#include <sodium.h>

void
loan_begin(struct loan *l, struct upstream *up, struct lease *lease)
{
	assert(!loan_is_open(l) && lease->id[0] != '\0');
	*l = (struct loan){ .up = up, .lease = *lease, .first_byte_ms = -1, .words = l->words };
	*lease = (struct lease){ 0 };
	buf_clear(&l->words);
	board_count_add(up->slot, BOARD_FETCHES, 1);
}

bool
loan_is_open(const struct loan *l)
{
	return l->lease.id[0] != '\0';
}

void
loan_written(struct loan *l)
{
	l->written = true;
	lease_written(l->up->pool, &l->lease, loop_clock_moment());
}

bool
loan_again(struct loan *l)
{
	bool may = lease_again(l->up->pool, &l->lease, loop_clock_moment());

	l->written = l->written && !may;
	return may;
}

static int64_t
age_ms(const struct loan *l)
{
	return loop_now_ms(l->up->loop) - l->lease.since_ms;
}

/* An answer may overtake its request; then as much was written as upstream cared for. */
void
loan_head(struct loan *l, int status)
{
	if (!l->written)
		loan_written(l);
	l->status = status;
	l->first_byte_ms = age_ms(l);
	lease_answered(l->up->pool, &l->lease, status, loop_moment(l->up->loop));
}

void
loan_settle(struct loan *l, const struct verdict *v, int64_t prompt_tokens)
{
	if (!loan_is_open(l))
		return;
	struct settlement s = { .verdict = v,
		.prompt_tokens = prompt_tokens,
		.first_byte_ms = l->first_byte_ms,
		.total_ms = age_ms(l),
		.http_status = l->status };

	loop_untimer(l->up->loop, &l->patience);
	board_count_add(l->up->slot, BOARD_FETCHES, -1);
	lease_settle(l->up->pool, &l->lease, &s, loop_clock_moment());
}

void
loan_fini(struct loan *l)
{
	assert(!loan_is_open(l));
	buf_fini(&l->words);
}

/* ---- refusals ---- */

void
loan_refused(struct loan *l, loop_fn *enough, void *ctx)
{
	loop_timer(l->up->loop, &l->patience, LOAN_WORDS_MS, enough, ctx);
}

bool
loan_add_words(struct loan *l, struct span bytes)
{
	size_t room = LOAN_WORDS_BYTES - l->words.len;

	buf_add(&l->words, bytes.p, bytes.len < room ? bytes.len : room);
	return bytes.len <= room;
}

/* What a limit of tokens needs to know of the request that broke it. */
static uint64_t
tokens_of(struct loan *l, const struct body *body)
{
	return body->pieces ? estimate_tokens(l->up->estimates, l->lease.model, body) : 0;
}

const struct fault *
loan_judge(struct loan *l, struct span words, const struct body *body, struct arena *arena,
    struct verdict *v)
{
	struct fault *f = arena_alloc(arena, sizeof(*f));
	uint64_t chance;

	randombytes_buf(&chance, sizeof(chance));
	fault_parse(l->status, words, arena, f);
	*v = outcome_of_fault(f, loop_wall_ms(l->up->loop), chance);
	if (v->outcome == OUTCOME_QUOTA_MINUTE && f->limits.tpm > 0)
		outcome_with_tokens(v, f, tokens_of(l, body));
	return f;
}
