/*
 * From curl's error codes to the results of net/fetch.h.  Pure; for net/fetch.c alone.
 */
#ifndef POLLUX_NET_VERDICT_H
#define POLLUX_NET_VERDICT_H

#include <stdbool.h>
#include <curl/curl.h>
#include "net/fetch_types.h"

/* How far the call had come when curl ended it. */
struct progress {
	bool sent;   /* the request, or its first byte, went out */
	bool status; /* a final status line came */
	bool head;   /* the whole head came */
};

enum fetch_result verdict(CURLcode, struct progress);

#endif
