/*
 * Single values of the configuration: from text to number, address or URL, and back to text.
 *
 * Pure.  Each reader takes the whole text, says false on anything else than the form it knows,
 * and then gives err words that complete "server.workers: ...".
 */
#ifndef POLLUX_CONFIG_VALUES_H
#define POLLUX_CONFIG_VALUES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/text.h"

bool value_int(struct span, int64_t *, struct err *);
bool value_bool(struct span, bool *, struct err *);          /* yes no true false on off 1 0 */
bool value_duration(struct span, int64_t *ms, struct err *); /* 500ms 10s 5m 24h 7d 0 */
bool value_bytes(struct span, uint64_t *, struct err *);     /* 4096, 64 KiB, 1 GiB */
/* words: "text json"; gives the one that it is, borrowed from words. */
bool value_choice(struct span, const char *words, struct span *, struct err *);

bool value_text(struct span, struct err *);    /* UTF-8 without control characters */
bool value_path(struct span, struct err *);    /* absolute */
bool value_address(struct span, struct err *); /* HOST:PORT, [IPV6]:PORT, *:PORT */
bool value_word(struct span, struct err *);    /* a subsystem: small letters, digits, - and _ */
bool value_account(struct span, struct err *); /* a user or group by name or number */
bool value_model(struct span, struct err *);   /* a model's name */
bool value_target(struct span, struct err *);  /* where the log goes */

/* schemes: "http https".  proxy: may hold user:password, but no path.  Appends it without a
 * slash at its end.  The words of the error never hold the text: it may have a password. */
bool value_url(struct span, const char *schemes, bool proxy, struct buf *out, struct err *);
bool value_url_has_login(struct span);

/* The largest unit that leaves a whole number. */
void value_show_duration(struct buf *, int64_t ms);
void value_show_bytes(struct buf *, uint64_t);
void value_show_url(struct buf *, struct span); /* the password is replaced by *** */

/* A text in quotes for an error's words: cut when long, harmless whatever bytes it has. */
struct value_quoted {
	char text[80];
};
struct value_quoted value_quote(struct span);

#endif
