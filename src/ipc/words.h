/*
 * The words of control.sock, for both of its ends: proc/control.c answers them, polluxctl says
 * them.  The list is words.def.  Pure.
 */
#ifndef POLLUX_IPC_WORDS_H
#define POLLUX_IPC_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum word_input { WORD_INPUT_NONE, WORD_INPUT_SECRET, WORD_INPUT_LINES, WORD_INPUT_DASH };
enum word_does { WORD_READS, WORD_CHANGES };

enum word_index {
#define WORD(function, name, least, most, input, does, arguments, help) WORD_INDEX_##function,
#include "ipc/words.def"
	WORD_COUNT
};

struct word {
	const char *name;   /* "keys add" */
	size_t least, most; /* arguments that may follow it */
	enum word_input input;
	enum word_does does;
	const char *arguments; /* "[--label L] [--project P]" */
	const char *help;
};

extern const struct word word_table[WORD_COUNT]; /* in the order of enum word_index */

/* The word that said begins with; used: how many of said name it.  NULL when there is none. */
const struct word *word_find(const char *const *said, size_t n, size_t *used);
/* What was probably meant, "keys list", or NULL.  It is one of the table's texts. */
const char *word_nearest(const char *const *said, size_t n);
bool word_takes_option(const struct word *, const char *option); /* without its dashes */
bool word_is_flag(const char *option);  /* it has no value, in whichever word */
bool word_has_group(const char *group); /* "keys": the first part of several words */

#endif
