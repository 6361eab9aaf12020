/*
 * The daemon's main: arguments, check of the configuration, into the background, and over to
 * proc/master.c.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "config/config.h"
#include "proc/master.h"
#include "proc/process.h"

#define OVERRIDES_MAX 256

enum exit_code { EXIT_ORDERLY = 0, EXIT_FAULT = 1, EXIT_USAGE = 2 };

extern char **environ;

struct arguments {
	bool foreground;
	bool check_only;
	const char *file; /* NULL: the default place */
	const char *overrides[OVERRIDES_MAX];
	size_t override_count;
};

static void
print_help(FILE *to)
{
	fputs(
	    "usage: polluxd [-f] [-t] [-c FILE] [-D SECTION.KEY=VALUE]... [-V] [-h]\n"
	    "\n"
	    "One dependable endpoint in front of many Gemini credentials.\n"
	    "\n"
	    "  -f                    stay in front and log to stderr\n"
	    "  -t                    check the configuration, say what is wrong with it, and end\n"
	    "  -c FILE               read this configuration file\n"
	    "  -D SECTION.KEY=VALUE  override one setting; may be given several times\n"
	    "  -V                    print the version and end\n"
	    "  -h                    print this help and end\n"
	    "\n"
	    "Settings: pollux.conf(5).  Control of a running daemon: polluxctl(1).\n",
	    to);
}

/* -1: go on; else the code to end with. */
static int
parse(int argc, char **argv, struct arguments *a)
{
	static const struct option long_options[] = { { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "ftc:D:Vh", long_options, NULL)) != -1) {
		switch (option) {
		case 'f':
			a->foreground = true;
			break;
		case 't':
			a->check_only = true;
			break;
		case 'c':
			a->file = optarg;
			break;
		case 'D':
			if (a->override_count == OVERRIDES_MAX) {
				fprintf(stderr, "polluxd: more than %d -D are not possible\n",
				    OVERRIDES_MAX);
				return EXIT_USAGE;
			}
			a->overrides[a->override_count++] = optarg;
			break;
		case 'V':
			printf("polluxd %s\n", PACKAGE_VERSION);
			return EXIT_ORDERLY;
		case 'h':
			print_help(stdout);
			return EXIT_ORDERLY;
		default:
			print_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "polluxd: unexpected argument \"%s\"\n", argv[optind]);
		print_help(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static void
say(void *ctx, bool is_error, const char *line)
{
	(void)ctx;
	fprintf(stderr, "polluxd: %s%s\n", is_error ? "" : "warning: ", line);
}

/* The first process: waits until the daemon is READY or says why not, and ends with its word. */
static int
await_ready(int fd)
{
	char line[1200];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(line) - 1 && (got = read(fd, line + n, sizeof(line) - 1 - n)) > 0)
		n += (size_t)got;
	line[n] = '\0';
	if (n == 1 && line[0] == '\0')
		return EXIT_ORDERLY;
	fprintf(
	    stderr, "polluxd: %s\n", n ? line : "it ended before it was ready; the log says why");
	return EXIT_FAULT;
}

/* stderr stays until the daemon is READY: proc/master.c leaves it then. */
static void
leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* In the daemon: true, with the descriptor to report to.  In the first process it does not return.
 */
static bool
go_to_background(int *ready_fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0) {
		perror("polluxd: pipe");
		return false;
	}
	pid_t pid = fork();

	if (pid < 0) {
		perror("polluxd: fork");
		return false;
	}
	if (pid > 0) {
		close(fds[1]);
		exit(await_ready(fds[0]));
	}
	close(fds[0]);
	setsid();
	leave_terminal();
	*ready_fd = fds[1];
	return true;
}

static int
run(const struct arguments *a, struct config_input *input, struct config *config)
{
	struct master_start start = {
		.input = input, .config = config, .foreground = a->foreground, .ready_fd = -1
	};

	process_wipe_environment();
	if (!a->foreground && !go_to_background(&start.ready_fd)) {
		config_free(&start.config);
		return EXIT_FAULT;
	}
	return master_run(&start);
}

int
main(int argc, char **argv)
{
	char **arguments = process_keep_arguments(argc, argv);

	close_range(STDERR_FILENO + 1, ~0U, 0); /* what a careless parent left open */
	process_forbid_cores();
	struct arguments a = { .file = NULL };
	int code = parse(argc, arguments, &a);

	if (code >= 0)
		return code;
	struct config_input *input =
	    config_input_new(a.file, a.overrides, a.override_count, environ, say, NULL);
	struct config *config = input ? config_load(input, say, NULL) : NULL;

	if (!config) {
		code = EXIT_FAULT;
	} else if (a.check_only) {
		printf("polluxd: the configuration is valid%s%s\n", config->file[0] ? ": " : "",
		    config->file);
		config_free(&config);
		code = EXIT_ORDERLY;
	} else {
		code = run(&a, input, config);
	}
	config_input_free(&input);
	return code;
}
