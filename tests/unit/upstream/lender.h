/*
 * A pool that is played: who is lent, and why not, is what the test says; what it is told is kept.
 * Stands in for upstream/pool.c.
 */
#ifndef POLLUX_TESTS_UPSTREAM_LENDER_H
#define POLLUX_TESTS_UPSTREAM_LENDER_H

#include "base/err.h"
#include "tests/unit/unit.h"
#include "upstream/pool.h"

#define LENDER_MAX 8

struct lender {
	const char *ids[LENDER_MAX]; /* in the order that they are lent in; NULL ends them */
	bool rests;                  /* nobody is lent for now */
	int64_t free_in_ms;          /* what a refusal says */
	bool counts_tokens;
	bool is_full;                /* nothing may be sent twice */
	struct moment lent_at;

	int lent, refused, written, again, settled;
	int answered; /* the last one's status */
	struct moment written_at; /* the last */
	struct moment again_at;   /* the last */
	struct wish wish;         /* the last */
	struct settlement end;    /* the last */
	struct verdict verdict;   /* the last one's */
	char settled_id[32];
};

static struct lender lender;

static inline bool
lender_was_tried(const struct wish *w, const char *id)
{
	for (size_t i = 0; i < w->tried_count; i++)
		if (strcmp(w->tried[i], id) == 0)
			return true;
	return false;
}

bool
pool_lend(struct pool *p, const struct wish *w, struct moment now, struct lease *out,
    int64_t *free_in_ms, struct err *e)
{
	assert_null(p);
	lender.wish = *w;
	for (size_t i = 0; !lender.rests && i < LENDER_MAX && lender.ids[i]; i++) {
		if (lender_was_tried(w, lender.ids[i]))
			continue;
		*out = (struct lease){ .label = lender.ids[i],
			.secret = "a-secret",
			.model = w->model,
			.since_ms = now.ms };
		snprintf(out->id, sizeof(out->id), "%s", lender.ids[i]);
		lender.lent_at = now;
		lender.lent++;
		return true;
	}
	lender.refused++;
	*free_in_ms = lender.free_in_ms;
	return err_set(e, ERR_UNAVAILABLE, "every credential was tried");
}

void
lease_written(struct pool *p, struct lease *l, struct moment now)
{
	assert_null(p);
	assert_string_not_equal(l->id, "");
	lender.written++;
	lender.written_at = now;
}

bool
lease_again(struct pool *p, struct lease *l, struct moment now)
{
	assert_null(p);
	assert_string_not_equal(l->id, "");
	lender.again++;
	lender.again_at = now;
	return !lender.is_full;
}

void
lease_answered(struct pool *p, struct lease *l, int http_status, struct moment now)
{
	(void)now;
	assert_null(p);
	assert_string_not_equal(l->id, "");
	lender.answered = http_status;
}

void
lease_settle(struct pool *p, struct lease *l, const struct settlement *end, struct moment now)
{
	assert_null(p);
	assert_string_not_equal(l->id, "");
	assert_true(now.ms >= lender.lent_at.ms);
	lender.settled++;
	lender.verdict = *end->verdict;
	lender.end = *end;
	lender.end.verdict = &lender.verdict;
	snprintf(lender.settled_id, sizeof(lender.settled_id), "%s", l->id);
	*l = (struct lease){ 0 };
}

bool
pool_counts_tokens(struct pool *p, struct span model, struct moment now)
{
	(void)now;
	assert_null(p);
	return lender.counts_tokens && model.len > 0;
}

uint64_t
pool_changes(const struct pool *p)
{
	assert_null(p);
	return 0;
}

size_t
pool_size(struct pool *p, struct moment now)
{
	size_t n = 0;

	(void)now;
	assert_null(p);
	while (n < LENDER_MAX && lender.ids[n])
		n++;
	return n;
}

#endif
