/*
 * The looks of an answer: tables and sentences for people, made of the daemon's JSON.
 */
#ifndef POLLUX_POLLUXCTL_LOOKS_H
#define POLLUX_POLLUXCTL_LOOKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "ipc/words.h"

/* An answer, good or bad, to standard output; word may be NULL. */
void looks_print(FILE *, bool colours, const struct word *, const json_t *answer);
/* All words, for --help. */
void looks_words(FILE *);

#endif
