/*
 * What of Gemini's own API is handed on as it is (upstream/relay.h): the client's side of it, and
 * what must be changed all the same: credentials are taken out, and addresses of Google's that
 * the client is to use next become ours.
 *
 * What a path or a gathered body names goes to the credential that owns it, what makes something
 * new to the one where this client's things are (memory/remote.h, lesson 64).  Whose things an
 * answer shows is remembered before its end goes out.  A list shows what one credential has.
 */
#ifndef POLLUX_GATE_PASSAGE_H
#define POLLUX_GATE_PASSAGE_H

#include "gate/house.h"
#include "gate/response.h"
#include "gate/routes.h"

/* In the query of an upload's address: which credential it was begun with. */
#define PASSAGE_CREDENTIAL "pollux_credential"

struct passage;

/*
 * The head is there, and the client is known.  Large uploads are taken as they come, of any size;
 * others are gathered, for another credential may have to be tried with them.  label: where the
 * exchange keeps the label of the credential tried last.  trace: borrowed, or NULL.  NULL: the
 * answer is given already.
 */
struct passage *passage_open(
    struct response *, const struct route *, struct house *, char label[64], struct trace *trace);
void passage_ready(struct passage *); /* the body is whole */
void passage_full(struct passage *);  /* the client takes no more for now */
void passage_drained(struct passage *);
void passage_close(struct passage **); /* stops what runs; empty is fine */

#endif
