/*
 * An order for a call, checked and put into curl's options.  For net/fetch.c alone.
 */
#ifndef POLLUX_NET_ORDER_H
#define POLLUX_NET_ORDER_H

#include <stdbool.h>
#include <curl/curl.h>

/* Up to this (order_copies_body) curl sends the body together with the head, and keeps a copy to do
 * so.  A larger one, or one that streams, it asks for bit by bit through CURLOPT_READFUNCTION. */
#define ORDER_COPIED_BODY_BYTES 16384

struct fetch_order;

const char *order_fault(
    const struct fetch_order *); /* why it cannot be carried out; NULL: it can */
bool order_copies_body(const struct fetch_order *);
/* Method, URL, headers, body and connect timeout.  headers is given back to order_free_headers when
 * the transfer is over, also after false (which says that curl does not take it). */
bool order_apply(const struct fetch_order *, CURL *easy, struct curl_slist **headers);
void order_free_headers(struct curl_slist **); /* wiped: they hold credentials */

#endif
