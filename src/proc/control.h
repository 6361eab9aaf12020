/*
 * The control socket: one list of words (ipc/words.def), one answer in JSON each.  Served by
 * the janitor.
 *
 * A word's function gets an ask and answers it exactly once, at once or later (when a commit
 * is done, when a key was tested).  Whoever asked may leave meanwhile: the answer is then dropped.
 * Of the words that change what is stored one is done at a time, so that none works on a list
 * that another is about to change.
 */
#ifndef POLLUX_PROC_CONTROL_H
#define POLLUX_PROC_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include "base/err.h"
#include "base/loop.h"
#include "ipc/board.h"
#include "ipc/link.h"
#include "net/fetch.h"
#include "proc/process.h"
#include "proc/records.h"
#include "store/store.h"
#include "store/writer.h"

/* What control words work on; all borrowed from the janitor. */
struct control {
	struct loop *loop;
	const struct birth *birth;
	struct store *store;
	const struct seal *seal;
	struct board *board;
	struct committer *committer;
	struct fetcher *fetcher;
	struct link **master;         /* the birth link; *master is NULL when the master is gone */
	struct list asks;             /* owned: those not yet answered, in the order they came */
	struct list answered;         /* owned: freed behind the turn */
	struct control_ask *changing; /* the one of these that changes something now */
	uint64_t next_id;             /* of questions to the master */
};

struct control_ask;

void control_init(struct control *); /* the members above "asks" are set */
/* Refuses what is still open.  The committer must be freed before, its callbacks come to asks. */
void control_fini(struct control *);
/* A CONTROL frame of polluxctl's. */
void control_frame(struct control *, struct link *, const struct frame *);
void control_forget(struct control *, struct link *); /* that link is gone */
/* A DONE or REFUSED of the master's. */
void control_master_replied(struct control *, const struct frame *);

/* For the rooms of the words. */
struct control *control_of(const struct control_ask *);
/* The words behind those that name it: "keys rm a b" has 2, "a" and "b". */
size_t control_argument_count(const struct control_ask *);
struct span control_argument(const struct control_ask *, size_t i); /* empty behind the last */
const char *control_option(const struct control_ask *, const char *name); /* NULL when not given */
bool control_flag(const struct control_ask *, const char *name); /* an option without a value */
struct span control_input(const struct control_ask *); /* what came on polluxctl's standard input */
/* What a word needs until it is answered, or until the janitor ends: drop is called then. */
void control_keep_take(struct control_ask *, void *state, void (*drop)(void *state));
void control_progress(struct control_ask *, size_t done, size_t of);

/* One of these answers an ask; members may be NULL. */
void control_answer_take(struct control_ask *, json_t *members); /* {"ok": true, ...} */
void control_answer_text(struct control_ask *, struct span);     /* all of it, as JSON */
void control_refuse(struct control_ask *, const struct err *);   /* {"ok": false, "error": ...} */
void control_refuse_take(struct control_ask *, const struct err *, json_t *members);
/* The same with "usage": true: it was said wrongly. */
void control_refuse_usage(struct control_ask *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One commit of these, none is fine; answers with members once it is durable, or refuses. */
void control_commit_take(struct control_ask *, const struct changes *, json_t *members);
/* Asks it of the master, and answers as he does. */
void control_ask_master(struct control_ask *, enum message);

/* Words of a commit that failed, with what the operator can do about it. */
void control_explain(const struct control *, const struct err *cause, struct err *out);
/* Refuses with "no WHAT is called X", and the nearest of labels (n of them) where one is near.  X
 * is not repeated when it may be a key. */
void control_refuse_unknown(
    struct control_ask *, const char *what, struct span named, const char *const *labels, size_t n);
/* An option that names something: its value, or NULL; false: it was refused, since it is no name.
 * check: of that record's room. */
bool control_name(struct control_ask *, const char *option,
    bool (*check)(struct span, struct err *), const char **out);

#endif
