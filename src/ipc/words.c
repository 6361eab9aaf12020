/*
 * The words of control.sock.  In the janitor and in polluxctl; owns nothing.
 */
#include "ipc/words.h"

#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define NAME_PARTS   2 /* words in the longest name */
#define SPOKEN_BYTES 64

const struct word word_table[WORD_COUNT] = {
#define WORD(function, name, least, most, input, does, arguments, help)                            \
	{ name, least, most, WORD_INPUT_##input, WORD_##does, arguments, help },
#include "ipc/words.def"
};

/* The first parts of what was said, as a name would be written; "" when that is too long for one.
 */
static void
join(char out[SPOKEN_BYTES], const char *const *said, size_t parts)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < parts; i++) {
		int n = snprintf(out + len, SPOKEN_BYTES - len, "%s%s", i ? " " : "", said[i]);

		if (n < 0 || (size_t)n >= SPOKEN_BYTES - len) {
			out[0] = '\0';
			return;
		}
		len += (size_t)n;
	}
}

const struct word *
word_find(const char *const *said, size_t n, size_t *used)
{
	char spoken[SPOKEN_BYTES];

	for (size_t parts = n < NAME_PARTS ? n : NAME_PARTS; parts > 0; parts--) {
		join(spoken, said, parts);
		for (size_t i = 0; i < WORD_COUNT; i++) {
			if (strcmp(spoken, word_table[i].name) != 0)
				continue;
			*used = parts;
			return &word_table[i];
		}
	}
	return NULL;
}

bool
word_has_group(const char *group)
{
	size_t len = strlen(group);

	for (size_t i = 0; i < WORD_COUNT; i++)
		if (strncmp(word_table[i].name, group, len) == 0 && word_table[i].name[len] == ' ')
			return true;
	return false;
}

const char *
word_nearest(const char *const *said, size_t n)
{
	const char *names[WORD_COUNT], *nearest = NULL;
	char spoken[SPOKEN_BYTES];

	for (size_t i = 0; i < WORD_COUNT; i++)
		names[i] = word_table[i].name;
	for (size_t parts = n < NAME_PARTS ? n : NAME_PARTS; parts > 0 && !nearest; parts--) {
		join(spoken, said, parts);
		nearest = text_nearest(spoken, names, WORD_COUNT);
	}
	return nearest;
}

/* end: what stands behind the option where it has a value, "", or where it has none, "]". */
static bool
is_written(const struct word *w, const char *option, const char *end)
{
	struct span rest = span_of(w->arguments);
	char written[SPOKEN_BYTES];

	if (snprintf(written, sizeof(written), "[--%s%s", option, end) >= (int)sizeof(written))
		return false;
	while (rest.p)
		if (span_is(span_cut(&rest, ' '), written))
			return true;
	return false;
}

bool
word_takes_option(const struct word *w, const char *option)
{
	return is_written(w, option, "") || is_written(w, option, "]");
}

bool
word_is_flag(const char *option)
{
	for (size_t i = 0; i < WORD_COUNT; i++)
		if (is_written(&word_table[i], option, "]"))
			return true;
	return false;
}
