/*
 * What a dialect may ask of the house while it translates one request (struct dialect_house):
 * models with their aliases and what is known of them, and calls of functions with their
 * signatures.  Part of an exchange.
 */
#ifndef POLLUX_GATE_HOUSE_H
#define POLLUX_GATE_HOUSE_H

#include "dialect/dialect.h"
#include "gate/gate.h"

struct house {
	const struct gate *gate; /* borrowed */
	const char *client;      /* borrowed: its id, or "" */
	const char *request_id;  /* borrowed, for the log */
	unsigned lacks;    /* what this request has to do without, from refusals of upstream's */
	unsigned in_force; /* what it did without when it was translated last */
	bool found_models; /* the catalogue is to be saved */
	size_t recalled;   /* what looking for calls has cost so far: see house.c */
	struct savings *savings; /* records on their way to the store; NULL: none so far */
	loop_fn *saved;          /* called when the last of them is there; or NULL */
	void *ctx;
	struct dialect_house face; /* to be given to the dialect */
};

void house_init(struct house *, const struct gate *, const char *client, const char *request_id);
/* What upstream refused of the call can be done without: notes it for this request and, where it
 * lasts, for the model.  False: nothing in these words helps, or it was done without already. */
bool house_learn(struct house *, struct span model, struct span refusal);
/* The store has not yet acknowledged all that was remembered. */
bool house_is_saving(const struct house *);
void house_leave(struct house *); /* nothing calls back any more */

/* The operator's choices as the dialects know them. */
void house_options(const struct config *, struct dialect_options *);

#endif
