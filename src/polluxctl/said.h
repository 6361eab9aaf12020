/*
 * What was written on polluxctl's command line.
 */
#ifndef POLLUX_POLLUXCTL_SAID_H
#define POLLUX_POLLUXCTL_SAID_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SAID_WORDS_MAX 1100

struct said {
	bool json;
	const char *socket; /* -s, or NULL */
	const char *file;   /* -c, or NULL */
	bool help, version;
	const char *words[SAID_WORDS_MAX]; /* borrowed from argv */
	size_t word_count;
	json_t *options; /* owned: "label": "L" */
};

/* Options may stand before, between and behind the words.  False: it was said on stderr. */
bool said_parse(struct said *, int argc, char **argv);
void said_fini(struct said *);

#endif
