/*
 * The control vocabulary: what a program may say to control.sock and what it gets.
 *
 * A request is one CONTROL frame (doc/links.md) whose body is a JSON object
 *	{"words": ["keys", "add"], "options": {"label": "a"}, "input": "secret, or lines"}
 * and the answer is one DONE frame with
 *	{"ok": true, ...}   or   {"ok": false, "error": "what and what to do", "usage": true?}
 * after any number of PROGRESS frames {"done": 12, "of": 100}.
 *
 * Secrets go into "input", never into words: words may appear in a process list.
 */
#ifndef POLLUX_CONTROL_H
#define POLLUX_CONTROL_H

#define POLLUX_EXIT_DONE        0
#define POLLUX_EXIT_REFUSED     1
#define POLLUX_EXIT_USAGE       2
#define POLLUX_EXIT_UNREACHABLE 3

#define POLLUX_CONTROL_SOCKET "control.sock"
#define POLLUX_JANITOR_SOCKET "janitor.sock"
#define POLLUX_BOARD_FILE     "board"
#define POLLUX_PID_FILE       "polluxd.pid"
#define POLLUX_FIRST_RUN_FILE "first-run"

#endif
