/*
 * curl's easy handles, made ready and kept for the next call: the options that are the same
 * for every call are set once, when a handle is made.  For net/fetch.c alone.
 */
#ifndef POLLUX_NET_EASY_H
#define POLLUX_NET_EASY_H

#include <stdbool.h>
#include <curl/curl.h>
#include "base/err.h"

struct easies;
struct fetcher_config;

/* Initialises libcurl too, so call it in the process that uses it, after the fork.  NULL: a
 * proxy or a CA file that cannot serve. */
struct easies *easies_new(const struct fetcher_config *, struct err *);
void easies_free(struct easies **); /* every handle was given back, every multi is gone */
bool easies_have_proxy(const struct easies *);
/* Never NULL.  A guarded one shares neither names nor TLS sessions with those that are not. */
CURL *easies_take(struct easies *, bool guarded);
void easies_give(
    struct easies *, CURL *); /* out of its multi; what the call had set is forgotten */

#endif
