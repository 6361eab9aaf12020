/*
 * A TLS server for tests, with a certificate of its own making for 127.0.0.1 and upstream.test.
 */
#ifndef POLLUX_TESTS_NET_TLS_H
#define POLLUX_TESTS_NET_TLS_H

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/unit.h"

struct tls {
	char dir[64];
	pid_t pid;
	int port;
};

static inline void
remove_dir(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

/* A server with a certificate of its own making; false when there is no openssl to do it. */
static inline bool
tls_start(struct tls *t)
{
	char line[1024], pem[128];
	int out[2];
	FILE *from;

	if (system("openssl version >/dev/null 2>&1") != 0)
		return false;
	snprintf(t->dir, sizeof(t->dir), "%s/pollux-tls-XXXXXX", P_tmpdir);
	assert_non_null(mkdtemp(t->dir));
	snprintf(pem, sizeof(pem), "%s/both.pem", t->dir);
	snprintf(line, sizeof(line),
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
	    "-subj /CN=pollux-test -addext subjectAltName=IP:127.0.0.1,DNS:upstream.test -keyout "
	    "%s -out %s/ca.pem "
	    "2>/dev/null && cat %s/ca.pem >>%s",
	    pem, t->dir, t->dir, pem);
	assert_int_equal(system(line), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	t->pid = fork();
	if (t->pid == 0) {
		dup2(out[1], 1);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC),
		    2); /* it tells of each refused client */
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pem,
		    "-key", pem, "-www", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	from = fdopen(out[0], "r");
	while (fgets(line, sizeof(line), from))
		if (sscanf(line, "ACCEPT 127.0.0.1:%d", &t->port) == 1)
			break;
	fclose(from);
	assert_true(t->port > 0);
	return true;
}

static inline void
tls_stop(struct tls *t)
{
	kill(t->pid, SIGKILL);
	assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
	remove_dir(t->dir);
}

#endif
