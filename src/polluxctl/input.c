/*
 * Standard input.  Nothing is read unless the word said takes it, so polluxctl never waits on a
 * terminal or a pipe without need.
 */
#include "polluxctl/input.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_ROOM (64u << 10)
#define LINES_MAX   (48u << 20) /* escaped it must still fit a frame */
#define READ_BYTES  (64u << 10)

/* A terminal left without echo by Ctrl-C would be a nuisance. */
static struct termios before;
static volatile sig_atomic_t is_dark;

static void
light_up(void)
{
	if (is_dark)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	is_dark = 0;
}

static void
on_signal(int signo)
{
	light_up();
	signal(signo, SIG_DFL);
	raise(signo);
}

static void
go_dark(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct termios dark;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	dark = before;
	dark.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	is_dark = 1;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &dark);
}

static bool
read_all(struct buf *out, size_t max, bool one_line, struct err *e)
{
	for (;;) {
		buf_reserve(out, READ_BYTES);
		ssize_t n = read(STDIN_FILENO, out->data + out->len, READ_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "standard input cannot be read");
		if (n == 0)
			return true;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		if (out->len > max)
			return err_set(
			    e, ERR_TOO_LARGE, "standard input has more than %zu bytes", max);
		if (one_line && out->data[out->len - 1] == '\n')
			return true;
	}
}

bool
input_secret(const char *prompt, struct buf *out, struct err *e)
{
	bool ask = isatty(STDIN_FILENO);

	buf_reserve(out, SECRET_ROOM + 2 * READ_BYTES);
	if (!ask)
		return read_all(out, SECRET_ROOM, false, e);
	fprintf(stderr, "%s (it is not shown): ", prompt);
	fflush(stderr);
	go_dark();
	bool ok = read_all(out, SECRET_ROOM, true, e);

	light_up();
	fputc('\n', stderr);
	return ok;
}

bool
input_lines(const char *prompt, struct buf *out, struct err *e)
{
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "%s; Ctrl-D ends.\n", prompt);
	return read_all(out, LINES_MAX, false, e);
}
