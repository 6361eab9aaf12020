/*
 * The steps of an exchange, top to bottom: one client request and its answer.
 */
#ifndef POLLUX_GATE_EXCHANGE_H
#define POLLUX_GATE_EXCHANGE_H

#include "net/server.h"

/* The handler to give to server_new, with a struct gate (gate/gate.h) as its context. */
extern const struct server_handler exchange_handler;

#endif
