/*
 * Entry of a worker: one thread, one loop, libmicrohttpd and libcurl on it.
 */
#ifndef POLLUX_PROC_WORKER_H
#define POLLUX_PROC_WORKER_H

#include "proc/process.h"

_Noreturn void worker_main(const struct birth *);

#endif
