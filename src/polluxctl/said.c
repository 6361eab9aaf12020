/*
 * The command line of polluxctl, read.
 */
#include "polluxctl/said.h"

#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ipc/words.h"

static bool
complain(const char *words, const char *what)
{
	fprintf(stderr, "polluxctl: %s %s; polluxctl --help shows how it is used\n", what, words);
	return false;
}

/* The value of argv[*i], which begins with an option: behind a '=', or the next argument. */
static const char *
value_of(int argc, char **argv, int *i, const char *attached)
{
	if (attached)
		return attached;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool
take_short(struct said *s, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *attached = arg[2] ? arg + 2 : NULL, *value;

	switch (arg[1]) {
	case 'h':
		s->help = true;
		return !attached || complain("is no option", arg);
	case 'V':
		s->version = true;
		return !attached || complain("is no option", arg);
	case 's':
	case 'c':
		value = value_of(argc, argv, i, attached);
		if (!value || !value[0])
			return complain("wants a path behind it", arg);
		*(arg[1] == 's' ? &s->socket : &s->file) = value;
		return true;
	default:
		return complain("is no option", arg);
	}
}

static bool
take_long(struct said *s, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	char plain[64];

	if (len == 0 || len >= sizeof(plain))
		return complain("is no option", "this");
	snprintf(plain, sizeof(plain), "%.*s", (int)len, name);
	if (!equals && strcmp(plain, "json") == 0)
		return s->json = true;
	if (!equals && strcmp(plain, "help") == 0)
		return s->help = true;
	if (!equals && strcmp(plain, "version") == 0)
		return s->version = true;
	if (word_is_flag(plain)) {
		if (equals)
			return complain("takes no value", argv[*i]);
		return json_object_set_new(s->options, plain, json_string("yes")) == 0;
	}
	const char *value = value_of(argc, argv, i, equals ? equals + 1 : NULL);

	if (!value)
		return complain("wants a value behind it", argv[*i]);
	/* Text that is not UTF-8 has no place in JSON. */
	return json_object_set_new(s->options, plain, json_string(value)) == 0 ||
	       complain("is not UTF-8", "the value of an option");
}

bool
said_parse(struct said *s, int argc, char **argv)
{
	bool only_words = false;

	*s = (struct said){ .options = json_object() };
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (!only_words && strcmp(arg, "--") == 0) {
			only_words = true;
		} else if (!only_words && arg[0] == '-' && arg[1] == '-') {
			if (!take_long(s, argc, argv, &i))
				return false;
		} else if (!only_words && arg[0] == '-' && arg[1]) {
			if (!take_short(s, argc, argv, &i))
				return false;
		} else if (s->word_count == SAID_WORDS_MAX) {
			return complain("are possible at once", "no more words");
		} else {
			s->words[s->word_count++] = arg;
		}
	}
	return true;
}

void
said_fini(struct said *s)
{
	json_decref(s->options);
	*s = (struct said){ .options = NULL };
}
