/*
 * The control program: says one line to control.sock and prints the answer, as a table or as
 * JSON.  It speaks to the daemon and never opens the store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/json.h"
#include "base/mem.h"
#include "config/config.h"
#include "ipc/link.h"
#include "ipc/words.h"
#include "pollux/control.h"
#include "polluxctl/input.h"
#include "polluxctl/looks.h"
#include "polluxctl/said.h"

#define SILENCE_MAX_MS 120000 /* keys test may take a minute */
#define BAR_WIDTH      30

extern char **environ;

static void
print_help(FILE *to)
{
	fputs(
	    "usage: polluxctl [--json] [-s SOCKET] [-c FILE] WORD... [--OPTION VALUE]...\n"
	    "\n"
	    "Speaks to a running polluxd.\n"
	    "\n"
	    "  --json     print the answer as the daemon gave it\n"
	    "  -s SOCKET  its control socket; else $POLLUX_SOCKET, else as the configuration says\n"
	    "  -c FILE    the configuration that says where\n"
	    "  -V, -h     print the version, or this help, and end\n"
	    "\n"
	    "Words:\n",
	    to);
	looks_words(to);
	fputs(
	    "\nKeys are read from standard input, never from arguments: those can be seen in ps.\n"
	    "Exit: 0 done, 1 refused or failed, 2 wrongly used, 3 no daemon reached.\n",
	    to);
}

/* The socket. */

static void
say_fault(void *ctx, bool is_error, const char *line)
{
	(void)ctx;
	if (is_error)
		fprintf(stderr, "polluxctl: %s\n", line);
}

/* In the configuration's run directory; false: what is wrong with it was said. */
static bool
socket_configured(const char *file, struct buf *path)
{
	struct config_input *input = config_input_new(file, NULL, 0, environ, say_fault, NULL);
	struct config *config = input ? config_load(input, say_fault, NULL) : NULL;
	bool ok = config != NULL;

	if (ok)
		buf_printf(path, "%s/%s", config->server_run_dir, POLLUX_CONTROL_SOCKET);
	else
		fputs("polluxctl: so the daemon's socket is not known; give it with -s\n", stderr);
	config_free(&config);
	config_input_free(&input);
	return ok;
}

static bool
find_socket(const struct said *s, struct buf *path)
{
	static const char installed[] = POLLUX_RUNDIR "/" POLLUX_CONTROL_SOCKET;
	const char *environment = getenv("POLLUX_SOCKET");

	if (s->socket || (environment && environment[0])) {
		buf_add_text(path, s->socket ? s->socket : environment);
		return true;
	}
	if (!socket_configured(s->file, path))
		return false;
	/* Somebody who may control the system's daemon, but has none of his own. */
	if (!s->file && access(buf_text(path), F_OK) != 0 &&
	    (access(installed, F_OK) == 0 || errno == EACCES)) {
		buf_clear(path);
		buf_add_text(path, installed);
	}
	return true;
}

/* The question. */

static bool
read_input(const struct said *s, const struct word *word, struct buf *input, struct err *e)
{
	const char *key = json_string_value(json_object_get(s->options, "key"));

	switch (word ? word->input : WORD_INPUT_NONE) {
	case WORD_INPUT_SECRET:
		return input_secret("Gemini key", input, e);
	case WORD_INPUT_LINES:
		return input_lines("KEY, LABEL,KEY or LABEL,KEY,PROJECT on each line", input, e);
	case WORD_INPUT_DASH:
		return !key || strcmp(key, "-") != 0 || input_secret("Client key", input, e);
	case WORD_INPUT_NONE:
		break;
	}
	return true;
}

static bool
put_words(const struct said *s, json_t *question)
{
	json_t *words = json_array();
	bool ok = true;

	for (size_t i = 0; i < s->word_count; i++)
		ok &= json_array_append_new(words, json_string(s->words[i])) == 0;
	json_object_set_new(question, "words", words);
	json_object_set(question, "options", s->options);
	return ok;
}

/* The question as JSON; false: what was typed is no text. */
static bool
make_question(const struct said *s, const struct word *word, struct buf *out, struct err *e)
{
	json_t *question = json_object();
	struct buf input = BUF_INIT;
	bool ok = read_input(s, word, &input, e);

	if (ok && !put_words(s, question))
		ok = err_set(e, ERR_BAD_REQUEST, "the words are not UTF-8");
	if (ok && input.len &&
	    json_object_set_new(question, "input", json_stringn(input.data, input.len)) != 0)
		ok = err_set(e, ERR_BAD_REQUEST, "what came on standard input is not UTF-8 text");
	if (ok) {
		buf_reserve(out, input.len * 2 + 4096);
		json_print(out, question);
	}
	buf_wipe(&input);
	json_decref(question);
	return ok;
}

/* The answer. */

static void
show_progress(void *ctx, struct span body)
{
	struct err e = ERR_INIT;
	json_t *p = json_parse(body, "", &e);
	int64_t done = 0, of = 0;

	(void)ctx;
	if (p && json_want_int(p, "done", "", 0, INT64_MAX, &done, &e) &&
	    json_want_int(p, "of", "", 1, INT64_MAX, &of, &e)) {
		int bar = (int)((double)done / (double)of * BAR_WIDTH);

		fprintf(stderr, "\r[%.*s%*s] %lld/%lld ", bar, "##############################",
		    BAR_WIDTH - bar, "", (long long)done, (long long)of);
		if (done >= of)
			fputs("\r\033[K", stderr);
	}
	json_decref(p);
}

static int
unreached(const struct err *e)
{
	fprintf(stderr, "polluxctl: %s\n", e->text);
	if (e->kind == ERR_FORBIDDEN)
		fputs("Only root, the daemon's user and members of its group may open it.\n",
		    stderr);
	else if (e->kind == ERR_UNAVAILABLE || e->kind == ERR_SLOW)
		fputs("Is polluxd running?  Start it, or name its socket with -s, $POLLUX_SOCKET "
		      "or -c.\n",
		    stderr);
	return e->kind == ERR_CONFLICT || e->kind == ERR_TOO_LARGE ? POLLUX_EXIT_REFUSED
								   : POLLUX_EXIT_UNREACHABLE;
}

static bool
wants_colours(FILE *to)
{
	const char *none = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fileno(to)) && !(none && none[0]) && !(term && strcmp(term, "dumb") == 0);
}

static int
show_answer(const struct said *s, const struct word *word, struct span body)
{
	struct err e = ERR_INIT;
	json_t *answer = json_parse(body, "", &e);
	const char *error;

	if (!answer) {
		fprintf(
		    stderr, "polluxctl: the daemon's answer cannot be understood: %s\n", e.text);
		return POLLUX_EXIT_REFUSED;
	}
	bool ok = json_is_true(json_object_get(answer, "ok"));
	bool usage = json_is_true(json_object_get(answer, "usage"));

	if (s->json)
		printf("%.*s\n", SPAN_ARG(body));
	else
		looks_print(stdout, wants_colours(stdout), word, answer);
	error = json_string_value(json_object_get(answer, "error"));
	if (!ok && !s->json)
		fprintf(stderr, "polluxctl: %s\n", error ? error : "refused");
	json_decref(answer);
	if (ok)
		return POLLUX_EXIT_DONE;
	return usage ? POLLUX_EXIT_USAGE : POLLUX_EXIT_REFUSED;
}

static int
ask(const struct said *s, const char *path, const struct word *word)
{
	struct buf question = BUF_INIT, answer = BUF_INIT;
	struct err e = ERR_INIT;
	int code;

	if (!make_question(s, word, &question, &e)) {
		fprintf(stderr, "polluxctl: %s\n", e.text);
		code = POLLUX_EXIT_REFUSED;
	} else if (!link_ask(path, MESSAGE_CONTROL, buf_span(&question), SILENCE_MAX_MS,
		       !s->json && isatty(STDERR_FILENO) ? show_progress : NULL, NULL, &answer,
		       &e)) {
		code = unreached(&e);
	} else {
		code = show_answer(s, word, buf_span(&answer));
	}
	buf_wipe(&question);
	buf_wipe(&answer);
	if (fflush(stdout) != 0 && code == POLLUX_EXIT_DONE) {
		perror("polluxctl: the answer cannot be printed");
		code = POLLUX_EXIT_REFUSED;
	}
	return code;
}

static int
say(const struct said *s)
{
	size_t used = 0;
	const struct word *word = word_find(s->words, s->word_count, &used);
	struct buf path = BUF_INIT;
	int code = POLLUX_EXIT_USAGE;

	if (find_socket(s, &path))
		code = ask(s, buf_text(&path), word);
	else
		code = POLLUX_EXIT_UNREACHABLE;
	buf_fini(&path);
	return code;
}

int
main(int argc, char **argv)
{
	struct said s;
	int code = POLLUX_EXIT_DONE;

	if (!said_parse(&s, argc, argv)) {
		code = POLLUX_EXIT_USAGE;
	} else if (s.version) {
		printf("polluxctl %s\n", PACKAGE_VERSION);
	} else if (s.help || (s.word_count == 1 && strcmp(s.words[0], "help") == 0 && !s.json)) {
		print_help(stdout); /* without a daemon: its words are known here too */
	} else if (s.word_count == 0) {
		print_help(stderr);
		code = POLLUX_EXIT_USAGE;
	} else {
		code = say(&s);
	}
	said_fini(&s);
	return code;
}
