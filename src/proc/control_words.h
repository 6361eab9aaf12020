/*
 * The functions of the control words (ipc/words.def): each gets an ask and answers it exactly
 * once.  control_daemon.c, control_pool.c, control_list.c, control_keys.c, control_import.c,
 * control_test.c, control_clients.c.
 */
#ifndef POLLUX_PROC_CONTROL_WORDS_H
#define POLLUX_PROC_CONTROL_WORDS_H

struct control_ask;

#define WORD(function, name, least, most, input, does, arguments, help)                            \
	void control_##function(struct control_ask *);
#include "ipc/words.def"

#endif
