/*
 * What a dialect may ask of the house while it translates one request (struct dialect_house):
 * models with their aliases and what is known of them, and calls of functions with their
 * signatures.  Beside it what an exchange asks itself: whose is what the request names, and
 * whether all that it gave names to is stored.  Part of an exchange.
 */
#ifndef POLLUX_GATE_HOUSE_H
#define POLLUX_GATE_HOUSE_H

#include "dialect/dialect.h"
#include "gate/gate.h"
#include "upstream/credential.h"

#define HOUSE_PATIENCE_MS 250 /* the last bytes of an answer wait no longer for the store */

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
	struct timer patience;             /* of house_await */
	char owner[CREDENTIAL_ID_LEN + 1]; /* of what the request names */
	struct dialect_house face;         /* to be given to the dialect */
};

void house_init(struct house *, const struct gate *, const char *client, const char *request_id);
/* What upstream refused of the call can be done without: notes it for this request and, where it
 * lasts, for the model.  False: nothing in these words helps, or it was done without already. */
bool house_learn(struct house *, struct span model, struct span refusal);
/*
 * The credential that owns what a call names (files, caches, a tuned model; memory/remote.h): its
 * id, there as long as the house; empty: the call names nothing that is known.  False: what it
 * names belongs to different ones.  A call that names nothing costs a walk over its keys.
 */
bool house_owner(struct house *, const struct call *, struct span *owner, struct err *);
/* The same of a body and one more name, perhaps empty; with no body: of that name alone. */
bool house_owner_of_body(
    struct house *, const struct body *, struct span name, struct span *owner, struct err *);
/* Remembers the owner of all that an answer shows; house_is_saving() says whether that takes a
 * while. */
void house_remember_owner(
    struct house *, struct span answer, const char owner[CREDENTIAL_ID_LEN + 1]);
/* It is there no more. */
void house_forget_object(struct house *, struct span name);

/* The store has not yet acknowledged all that was remembered. */
bool house_is_saving(const struct house *);
/* Calls back once it has, or after HOUSE_PATIENCE_MS with a warning; from inside this call where
 * nothing is waited for. */
void house_await(struct house *, loop_fn *saved, void *ctx);
void house_leave(struct house *); /* nothing calls back any more */

/* The operator's choices as the dialects know them. */
void house_options(const struct config *, struct dialect_options *);

#endif
