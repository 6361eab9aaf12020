/*
 * Entry of the janitor: it alone writes the store, and it answers control.sock.
 */
#ifndef POLLUX_PROC_JANITOR_H
#define POLLUX_PROC_JANITOR_H

#include "proc/process.h"

_Noreturn void janitor_main(const struct birth *);

#endif
