/*
 * curl's easy handles, made ready and kept for the next call: the options that are the same
 * for every call are set once, when a handle is made.  For net/fetch.c alone.
 */
#ifndef POLLUX_NET_EASY_H
#define POLLUX_NET_EASY_H

#include <curl/curl.h>
#include "base/err.h"

struct easies;
struct fetcher_config;

/* Initialises libcurl too, so call it in the process that uses it, after the fork.  False words: a
 * proxy or a CA file that cannot serve. */
struct easies *easies_new(const struct fetcher_config *, struct err *);
void easies_free(struct easies **); /* every handle was given back, every multi is gone */
CURL *easies_take(struct easies *); /* never NULL */
void easies_give(
    struct easies *, CURL *); /* out of its multi; what the call had set is forgotten */

#endif
