/* base/log and base/log_target: how lines read, that none can be forged, and where they go. */
#include "tests/unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <regex.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "base/text.h"

#define STAMP "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

struct world {
	char dir[32];
	char path[64]; /* of the log file, or of the socket */
	char moved[64];
	char got[65536]; /* what was written */
	int stderr_kept;
	int reader; /* the end that the test reads, -1 for none */
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/pollux-log-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/log", w->dir);
	snprintf(w->moved, sizeof(w->moved), "%s/log.1", w->dir);
	w->stderr_kept = -1;
	w->reader = -1;
	log_set_process("worker 2");
	*state = w;
	return 0;
}

static void
restore_stderr(struct world *w)
{
	log_close();
	if (w->stderr_kept >= 0) {
		dup2(w->stderr_kept, STDERR_FILENO);
		close(w->stderr_kept);
	}
	w->stderr_kept = -1;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	restore_stderr(w);
	if (w->reader >= 0)
		close(w->reader);
	unlink(w->path);
	unlink(w->moved);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void
open_file(struct world *w, enum log_format format, enum log_level level, const char *debug)
{
	struct err e = ERR_INIT;

	if (!log_open(w->path, format, level, debug, &e))
		fail_msg("%s", e.text);
}

static const char *
read_file(struct world *w, const char *path)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	w->got[fread(w->got, 1, sizeof(w->got) - 1, f)] = '\0';
	fclose(f);
	return w->got;
}

/* The one line that is in the file, which is emptied. */
static const char *
take_line(struct world *w)
{
	char *end = strchr(read_file(w, w->path), '\n');

	assert_non_null(end);
	assert_string_equal(end, "\n");
	*end = '\0';
	assert_int_equal(truncate(w->path, 0), 0);
	return w->got;
}

static json_t *
take_object(struct world *w)
{
	json_error_t why;
	json_t *o = json_loads(take_line(w), JSON_REJECT_DUPLICATES, &why);

	if (!o)
		fail_msg("%s in %s", why.text, w->got);
	return o;
}

/* What of a text line comes behind the words "it happened". */
static const char *
take_pairs(struct world *w)
{
	const char *at = strstr(take_line(w), ": it happened");

	assert_non_null(at);
	return at + strlen(": it happened");
}

static bool
is_like(const char *text, const char *pattern)
{
	regex_t r;
	bool matches;

	assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
	matches = regexec(&r, text, 0, NULL, 0) == 0;
	regfree(&r);
	return matches;
}

static const char *
member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	assert_non_null(text);
	return text;
}

/* ---- how lines read ---- */

static void
a_line_of_text_has_its_shape(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("pool", "credential frozen", "label=%s for=%ds", "a", 40);
	assert_true(
	    is_like(take_line(w), STAMP "info worker 2 pool: credential frozen label=a for=40s$"));
}

static void
a_line_without_pairs_ends_with_its_words(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_error("store", "the disk is full", NULL);
	assert_true(is_like(take_line(w), STAMP "error worker 2 store: the disk is full$"));
}

static void
a_line_of_json_is_an_object_with_the_pairs_as_members(void **state)
{
	struct world *w = *state;
	json_t *o;

	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	log_warn("pool", "credential frozen", "label=%s for=%ds tries=%zu left=%" PRId64, "7", 40,
	    (size_t)3, INT64_MIN);
	o = take_object(w);
	assert_true(is_like(member(o, "ts"),
	    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"));
	assert_string_equal(member(o, "level"), "warn");
	assert_string_equal(member(o, "process"), "worker 2");
	assert_string_equal(member(o, "subsystem"), "pool");
	assert_string_equal(member(o, "msg"), "credential frozen");
	assert_string_equal(member(o, "label"), "7");
	assert_string_equal(member(o, "for"), "40s");
	assert_int_equal(json_integer_value(json_object_get(o, "tries")), 3);
	assert_true(json_integer_value(json_object_get(o, "left")) == INT64_MIN);
	assert_int_equal(json_object_size(o), 9);
	json_decref(o);
}

static void
a_pair_cannot_take_the_name_of_a_fixed_member(void **state)
{
	struct world *w = *state;
	json_t *o;

	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	log_info("master", "it ended", "process=%s level=%d", "janitor", 3);
	o = take_object(w);
	assert_string_equal(member(o, "process"), "worker 2");
	assert_string_equal(member(o, "process_"), "janitor");
	assert_int_equal(json_integer_value(json_object_get(o, "level_")), 3);
	json_decref(o);
}

static void
values_are_quoted_where_they_would_be_misread(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "plain-1.2_3/x:y", " v=plain-1.2_3/x:y" },
		{ "", " v=\"\"" },
		{ "two words", " v=\"two words\"" },
		{ "a=b", " v=\"a=b\"" },
		{ "say \"hi\"", " v=\"say \\\"hi\\\"\"" },
		{ "back\\slash", " v=\"back\\\\slash\"" },
		{ "caf\xc3\xa9", " v=\"caf\xc3\xa9\"" },
		{ "100%s%n", " v=100%s%n" },
	};
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		log_info("x", "it happened", "v=%s", cases[i].value);
		assert_string_equal(take_pairs(w), cases[i].text);
	}
}

static void
the_format_alone_says_where_a_pair_begins(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("x", "it happened", "a=%s b=%s  c=%d", "1 b=2", "x c=\"9\"", 3);
	assert_string_equal(take_pairs(w), " a=\"1 b=2\" b=\"x c=\\\"9\\\"\" c=3");
	log_info("x", "it happened", "a=%s at byte %d b=%5.2f c=%% d=% d e=%.*s", "bad", 7, 1.5, 4,
	    2, "xyz");
	assert_string_equal(take_pairs(w), " a=\"bad at byte 7\" b=\" 1.50\" c=% d=\" 4\" e=xy");
	log_info("x", "it happened", "cause=\"%s k=%d\" n=%d", "so", 1, 2);
	assert_string_equal(take_pairs(w), " cause=\"so k=1\" n=2");
}

static void
text_without_a_key_becomes_a_note(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("x", "it happened", "by %s", "a=b");
	assert_string_equal(take_pairs(w), " note=\"by a=b\"");
	log_info("x", "it happened", "by %s n=%d", "chance", 1);
	assert_string_equal(take_pairs(w), " note=\"by chance\" n=1");
	log_info("x", "it happened", "%s", "");
	assert_string_equal(take_pairs(w), "");
}

static void
errno_can_be_named_and_is_left_alone(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	errno = ENOENT;
	log_info("x", "it happened", "a=%d cause=%m", 1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(take_pairs(w), " a=1 cause=\"No such file or directory\"");
}

/* ---- forging ---- */

static void
no_input_can_begin_a_line_or_reach_a_terminal(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "x\n2026-01-01 00:00:00.000Z info y: z",
		    " v=\"x\\n2026-01-01 00:00:00.000Z info y: z\"" },
		{ "\r\t\b\x1b[2J\x7f", " v=\"\\r\\t\\x08\\x1b[2J\\x7f\"" },
		{ "\xc2\x9b"
		  "2J",
		    " v=\"\\u009b2J\"" },
		{ "\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6", " v=\"\\u2028\\u202e\\u2066\"" },
		{ "\xff\xc0\x8a\xed\xa0\x80", " v=\"\\xff\\xc0\\x8a\\xed\\xa0\\x80\"" },
		{ "\xf4\x90\x80\x80\xe2\x82", " v=\"\\xf4\\x90\\x80\\x80\\xe2\\x82\"" },
	};
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		log_info("x", "it happened", "v=%s", cases[i].value);
		assert_string_equal(take_pairs(w), cases[i].text);
	}
}

static void
words_and_names_are_escaped_as_well(void **state)
{
	struct world *w = *state;

	log_set_process("work\ner");
	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("s\nub", "wo\nrds \"so\"", NULL);
	assert_true(is_like(take_line(w), "info work\\\\ner s\\\\nub: wo\\\\nrds \"so\"$"));
}

static void
json_stays_json_whatever_comes(void **state)
{
	static const struct {
		const char *value, *back;
	} cases[] = {
		{ "a\"},{\"level\":\"error", "a\"},{\"level\":\"error" },
		{ "\n\r\t\x01\x1f\x7f\\", "\n\r\t\x01\x1f\x7f\\" },
		{ "\xe2\x80\xa8\xc2\x85", "\xe2\x80\xa8\xc2\x85" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\xff-\xed\xa0\x80", "\xef\xbf\xbd-\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "1", "1" },
		{ "", "" },
	};
	struct world *w = *state;

	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *o;

		log_info("x", cases[i].value, "v=%s n=%d", cases[i].value, 5);
		o = take_object(w);
		assert_string_equal(member(o, "v"), cases[i].back);
		assert_string_equal(member(o, "msg"), cases[i].back);
		assert_int_equal(json_integer_value(json_object_get(o, "n")), 5);
		json_decref(o);
	}
}

/* ---- too much ---- */

static void
a_long_value_leaves_room_for_the_others(void **state)
{
	struct world *w = *state;
	char longest[5000];
	const char *text;

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("x", "it happened", "path=%s id=%d", longest, 77);
	text = take_pairs(w);
	assert_int_equal(strspn(text + strlen(" path=\""), "x"), 1024);
	assert_non_null(strstr(text, "x...\" id=77"));
}

static void
a_long_value_is_not_shortened_within_a_character(void **state)
{
	struct world *w = *state;
	char text[2000] = "x";
	json_t *o;

	for (size_t i = 1; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4);
	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	log_info("x", "it happened", "v=%s", text);
	o = take_object(w);
	assert_null(strstr(member(o, "v"), "\xef\xbf\xbd"));
	assert_int_equal(strlen(member(o, "v")), 1024 + 3);
	json_decref(o);
}

static void
a_line_that_is_too_long_is_still_one_whole_line(void **state)
{
	static const char *const fillings[] = { "x", "\x01", "\"", "\xff", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", " ", "\xe2\x80\xa8" };
	struct world *w = *state;

	for (size_t f = 0; f < COUNT(fillings); f++)
		for (int format = 0; format < 2; format++)
			for (int width = 3980; width < 4100; width++) {
				char text[8200] = "";
				size_t n = strlen(fillings[f]);

				/* Moves the border through every byte of what stands around it. */
				for (size_t at = 0; at < (size_t)width / 6; at += n)
					memcpy(text + at, fillings[f], n + 1);
				open_file(w, format, LOG_LEVEL_INFO, NULL);
				log_info("x", "it happened",
				    "a=%s b=%s c=%s d=%s e=%s f=%s g=%d%.*s", text, text, text,
				    text, text, text, 4711, width % 7, "xxxxxxx");
				if (format == LOG_FORMAT_JSON)
					json_decref(take_object(w));
				else
					take_line(w);
				assert_true(strlen(w->got) < 4096);
			}
}

static void
a_flood_of_values_ends_in_a_line_as_well(void **state)
{
	struct world *w = *state;
	char *flood = malloc(200000);

	memset(flood, '\n', 199999);
	flood[199999] = '\0';
	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	log_info("x", flood, "a=%s b=%s n=%d c=%s", flood, flood, 12345, flood);
	json_decref(take_object(w));
	log_info("x", "it happened", "%s", flood);
	json_decref(take_object(w));
	free(flood);
}

static void
a_number_is_whole_or_not_there(void **state)
{
	struct world *w = *state;
	char *flood = malloc(9000);

	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	for (size_t len = 8150; len < 8250; len++) {
		json_t *o, *n;

		memset(flood, 'x', len);
		flood[len] = '\0';
		log_info("x", "it happened", "a=%s n=%d", flood, 123456789);
		o = take_object(w);
		n = json_object_get(o, "n");
		assert_true(!n || json_integer_value(n) == 123456789);
		json_decref(o);
	}
	free(flood);
}

static void
more_pairs_than_a_line_knows_stay_in_the_last_value(void **state)
{
	struct world *w = *state;
	char format[600] = "";
	json_t *o;

	for (int i = 0; i < 40; i++)
		sprintf(format + strlen(format), "k%d=%%%d$d ", i, 1);
	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	log_line(LOG_LEVEL_INFO, "x", "it happened", format, 6);
	o = take_object(w);
	assert_int_equal(json_object_size(o), 5 + 24);
	assert_true(is_like(member(o, "k23"), "^6 k24=6 "));
	json_decref(o);
}

static void
a_format_beyond_all_measure_becomes_a_note(void **state)
{
	struct world *w = *state;
	char format[2000];
	json_t *o;

	memset(format, 'a', sizeof(format));
	memcpy(format + sizeof(format) - 6, " b=%d", 6);
	open_file(w, LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL);
	log_line(LOG_LEVEL_INFO, "x", "it happened", format, 6);
	o = take_object(w);
	assert_int_equal(strlen(member(o, "note")), 1024 + 3);
	json_decref(o);
}

/* ---- which lines are wanted ---- */

static void
lines_below_the_level_are_not_written(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, NULL);
	log_info("x", "no", NULL);
	log_debug("x", "no", NULL);
	assert_string_equal(read_file(w, w->path), "");
	log_warn("x", "yes", NULL);
	take_line(w);
	log_error("x", "yes", NULL);
	take_line(w);
}

static void
debug_is_switched_on_for_each_subsystem(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "pool, fetch");
	assert_true(log_wants(LOG_LEVEL_DEBUG, "pool"));
	assert_true(log_wants(LOG_LEVEL_DEBUG, "fetch"));
	assert_false(log_wants(LOG_LEVEL_DEBUG, "poo"));
	assert_false(log_wants(LOG_LEVEL_DEBUG, "pool,"));
	assert_false(log_wants(LOG_LEVEL_DEBUG, "link"));
	assert_false(log_wants(LOG_LEVEL_INFO, "pool"));
	log_debug("fetch", "yes", "n=%d", 1);
	assert_true(is_like(take_line(w), "debug worker 2 fetch: yes n=1$"));
}

static int
counted(int *n)
{
	return ++*n;
}

static void
an_unwanted_debug_line_costs_no_arguments(void **state)
{
	struct world *w = *state;
	int n = 0;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_debug("x", "no", "n=%d", counted(&n));
	assert_int_equal(n, 0);
}

static void
levels_have_names(void **state)
{
	static const char *const bad[] = { "", "INFO", "info ", "warning", "4" };
	enum log_level level = LOG_LEVEL_INFO;

	(void)state;
	assert_true(log_level_parse("error", &level));
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(log_level_parse(bad[i], &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

/* ---- files ---- */

static void
a_log_file_is_for_its_owner_and_group(void **state)
{
	struct world *w = *state;
	mode_t before = umask(0);
	struct stat st;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	umask(before);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void
a_log_file_is_appended_to(void **state)
{
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("x", "first", NULL);
	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("x", "second", NULL);
	assert_true(is_like(read_file(w, w->path), "x: first\n.*x: second\n$"));
}

static void
a_reopened_file_is_a_new_one_on_the_same_descriptor(void **state)
{
	struct world *w = *state;
	int fd;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	fd = log_fd();
	assert_true(fd > 2);
	log_info("x", "before", NULL);
	assert_int_equal(rename(w->path, w->moved), 0);
	log_info("x", "still there", NULL);
	assert_true(log_reopen(NULL));
	assert_int_equal(log_fd(), fd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	log_info("x", "after", NULL);
	assert_true(is_like(read_file(w, w->moved), "before\n.*still there\n$"));
	assert_true(is_like(take_line(w), "after$"));
}

static void
a_file_that_cannot_be_opened_anew_stays_the_old_one(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	assert_int_equal(rename(w->path, w->moved), 0);
	assert_int_equal(mkdir(w->path, 0700), 0);
	assert_false(log_reopen(&e));
	assert_non_null(strstr(e.text, w->path));
	log_info("x", "not lost", NULL);
	assert_true(is_like(read_file(w, w->moved), "not lost\n$"));
	rmdir(w->path);
}

static void
a_target_that_is_none_is_refused_and_the_log_stays(void **state)
{
	static const char *const bad[] = { "", "log", "./log", "stdout", "syslogd",
		"syslog:", "syslog:log", "journal:/nowhere/at/all", "/nowhere/at/all", "/tmp" };
	struct world *w = *state;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		assert_false(log_open(bad[i], LOG_FORMAT_JSON, LOG_LEVEL_ERROR, "x", &e));
		assert_true(strlen(e.text) > 0);
		log_info("x", "still here", NULL);
		assert_true(is_like(take_line(w), "info worker 2 x: still here$"));
	}
}

static void
a_socket_path_beyond_the_systems_limit_is_refused(void **state)
{
	char target[300] = "syslog:/";
	struct err e = ERR_INIT;

	(void)state;
	memset(target + 8, 'x', sizeof(target) - 9);
	assert_false(log_open(target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, &e));
	assert_non_null(strstr(e.text, "too long"));
}

static void
a_full_disk_loses_lines_and_counts_them(void **state)
{
	struct world *w = *state;
	uint64_t before = log_lost();

	assert_true(log_open("/dev/full", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL));
	for (int i = 0; i < 3; i++)
		log_info("x", "lost", NULL);
	assert_int_equal(log_lost() - before, 3);
	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	log_info("x", "found", NULL);
	assert_true(is_like(
	    read_file(w, w->path), "warn worker 2 log: lines were lost count=3\n.*found\n$"));
	assert_int_equal(truncate(w->path, 0), 0);
	log_info("x", "next", NULL);
	assert_true(is_like(take_line(w), "x: next$"));
}

/* In a child, since the limit holds for the whole process. */
static void
log_into_a_small_file(struct world *w)
{
	struct rlimit limit = { 120, RLIM_INFINITY };
	uint64_t before = log_lost();

	signal(SIGXFSZ, SIG_DFL);
	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	setrlimit(RLIMIT_FSIZE, &limit);
	log_info("x", "goes in whole", NULL);
	log_info("x", "goes in half, then the limit comes", "n=%d", 1);
	log_info("x", "not at all", NULL);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	log_info("x", "again", NULL);
	_exit(log_lost() - before == 2 ? 0 : 1);
}

static void
a_torn_line_is_ended_before_the_next(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid;

	open_file(w, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
	pid = fork();
	if (pid == 0)
		log_into_a_small_file(w);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_like(read_file(w, w->path),
	    "whole\n[^\n]* goes[^\n]*\n[^\n]*: lines were lost count=2\n[^\n]*x: again\n$"));
}

/* ---- stderr ---- */

static void
take_over_stderr(struct world *w, int fd, int reader)
{
	w->stderr_kept = dup(STDERR_FILENO);
	w->reader = reader;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void
stderr_to_pipe(struct world *w)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	take_over_stderr(w, p[1], p[0]);
}

/* What came so far; the test's own stderr is put back first, should it fail. */
static const char *
read_stderr(struct world *w)
{
	ssize_t n = read(w->reader, w->got, sizeof(w->got) - 1);

	w->got[n > 0 ? n : 0] = '\0';
	return w->got;
}

static void
before_it_is_opened_the_log_is_stderr(void **state)
{
	struct world *w = *state;

	stderr_to_pipe(w);
	log_info("x", "early", NULL);
	log_debug("x", "too fine", NULL);
	read_stderr(w);
	restore_stderr(w);
	assert_true(is_like(w->got, STAMP "info worker 2 x: early\n$"));
	assert_int_equal(log_fd(), -1);
}

static void
the_flags_of_stderr_are_left_alone(void **state)
{
	struct world *w = *state;
	int flags;

	stderr_to_pipe(w);
	assert_true(log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL));
	log_info("x", "there", NULL);
	flags = fcntl(STDERR_FILENO, F_GETFL);
	read_stderr(w);
	restore_stderr(w);
	assert_false(flags & O_NONBLOCK);
	assert_true(is_like(w->got, "x: there\n$"));
}

/* Writes until nothing goes in any more; a log that waited would never come back. */
static void
flood(struct world *w, bool open)
{
	uint64_t before;

	stderr_to_pipe(w);
	if (open)
		log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL);
	before = log_lost();
	while (log_lost() < before + 5)
		log_info("x", "drop", NULL);
	while (*read_stderr(w))
		;
	log_info("x", "after the flood", NULL);
	read_stderr(w);
	restore_stderr(w);
	assert_true(is_like(w->got, "log: lines were lost count=5\n[^\n]*after the flood\n$"));
}

static void
a_pipe_that_nobody_empties_does_not_hold_us_up(void **state)
{
	flood(*state, true);
}

static void
nor_does_it_before_the_log_is_opened(void **state)
{
	flood(*state, false);
}

static void
log_into_a_broken_pipe(struct world *w, bool open)
{
	uint64_t lost;
	sigset_t pending;
	int status;

	stderr_to_pipe(w);
	if (open)
		log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL);
	close(w->reader);
	w->reader = -1;
	signal(SIGPIPE, SIG_DFL);
	lost = log_lost();
	log_info("x", "nobody reads", NULL);
	lost = log_lost() - lost;
	status = sigpending(&pending);
	restore_stderr(w);
	assert_int_equal(lost, 1);
	assert_int_equal(status, 0);
	assert_false(sigismember(&pending, SIGPIPE));
}

static void
a_pipe_without_a_reader_does_not_kill(void **state)
{
	log_into_a_broken_pipe(*state, true);
}

static void
nor_does_it_kill_before_the_log_is_opened(void **state)
{
	log_into_a_broken_pipe(*state, false);
}

static void
a_socket_as_stderr_neither_blocks_nor_kills(void **state)
{
	struct world *w = *state;
	uint64_t before, lost;
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	take_over_stderr(w, s[1], s[0]);
	log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL);
	signal(SIGPIPE, SIG_DFL);
	log_info("x", "there", NULL);
	read_stderr(w);
	before = log_lost();
	while (log_lost() < before + 2)
		log_info("x", "drop", NULL);
	close(w->reader);
	w->reader = -1;
	log_info("x", "nobody reads", NULL);
	lost = log_lost() - before;
	restore_stderr(w);
	assert_int_equal(lost, 3);
	assert_true(is_like(w->got, "x: there\n$"));
}

static void
a_closed_stderr_loses_lines(void **state)
{
	struct world *w = *state;
	uint64_t lost = log_lost();

	w->stderr_kept = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	assert_true(log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL, NULL));
	log_info("x", "nowhere", NULL);
	lost = log_lost() - lost;
	restore_stderr(w);
	assert_int_equal(lost, 1);
}

/* ---- the system's log ---- */

static int
listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
open_socket(struct world *w, const char *word, enum log_format format)
{
	char target[128];
	struct err e = ERR_INIT;

	w->reader = listen_at(w->path);
	snprintf(target, sizeof(target), "%s:%s", word, w->path);
	if (!log_open(target, format, LOG_LEVEL_DEBUG, NULL, &e))
		fail_msg("%s", e.text);
}

static void
flush_lost(struct world *w)
{
	/* Lines that earlier tests lost are told of first. */
	log_info("x", "begin", NULL);
	while (*read_stderr(w))
		;
}

static void
syslog_gets_the_priority_and_no_time(void **state)
{
	static const char *const want[] = { "<27>", "<28>", "<30>", "<31>" };
	struct world *w = *state;

	open_socket(w, "syslog", LOG_FORMAT_TEXT);
	flush_lost(w);
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		char all[128];

		log_line(level, "pool", "frozen", "label=%s", "a b");
		snprintf(all, sizeof(all),
		    "^%spolluxd\\[%d\\]: [a-z]+ worker 2 pool: frozen label=\"a b\"$", want[level],
		    (int)getpid());
		assert_true(is_like(read_stderr(w), all));
	}
}

static void
the_journal_gets_fields(void **state)
{
	struct world *w = *state;

	open_socket(w, "journal", LOG_FORMAT_TEXT);
	flush_lost(w);
	log_warn("pool", "frozen", "label=%s", "a\nPRIORITY=0");
	assert_true(is_like(read_stderr(w),
	    "^PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=polluxd\nSYSLOG_PID=[0-9]+\n"
	    "MESSAGE=warn worker 2 pool: frozen label=\"a\\\\nPRIORITY=0\"\n$"));
}

static void
json_goes_to_the_journal_as_its_message(void **state)
{
	struct world *w = *state;
	const char *message;
	json_t *o;

	open_socket(w, "journal", LOG_FORMAT_JSON);
	flush_lost(w);
	log_warn("pool", "frozen", "n=%d", 1);
	message = strstr(read_stderr(w), "MESSAGE=");
	assert_non_null(message);
	o = json_loads(message + strlen("MESSAGE="), 0, NULL);
	assert_non_null(o);
	assert_string_equal(member(o, "msg"), "frozen");
	json_decref(o);
}

static void
a_restarted_syslog_is_found_again(void **state)
{
	struct world *w = *state;
	uint64_t before;

	open_socket(w, "syslog", LOG_FORMAT_TEXT);
	flush_lost(w);
	before = log_lost();
	close(w->reader);
	log_info("x", "while it was away", NULL);
	assert_int_equal(log_lost() - before, 1);
	w->reader = listen_at(w->path);
	log_info("x", "back", NULL);
	assert_true(is_like(read_stderr(w), "lines were lost count=1$"));
	assert_true(is_like(read_stderr(w), "x: back$"));
	assert_int_equal(log_lost() - before, 1);
}

static void
a_syslog_that_does_not_read_does_not_hold_us_up(void **state)
{
	struct world *w = *state;
	uint64_t before;

	open_socket(w, "syslog", LOG_FORMAT_TEXT);
	flush_lost(w);
	before = log_lost();
	for (int i = 0; i < 5000; i++)
		log_info("x", "drop", NULL);
	assert_true(log_lost() > before);
	assert_true(log_reopen(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_of_text_has_its_shape),
		TEST(a_line_without_pairs_ends_with_its_words),
		TEST(a_line_of_json_is_an_object_with_the_pairs_as_members),
		TEST(a_pair_cannot_take_the_name_of_a_fixed_member),
		TEST(values_are_quoted_where_they_would_be_misread),
		TEST(the_format_alone_says_where_a_pair_begins),
		TEST(text_without_a_key_becomes_a_note),
		TEST(errno_can_be_named_and_is_left_alone),
		TEST(no_input_can_begin_a_line_or_reach_a_terminal),
		TEST(words_and_names_are_escaped_as_well),
		TEST(json_stays_json_whatever_comes),
		TEST(a_long_value_leaves_room_for_the_others),
		TEST(a_long_value_is_not_shortened_within_a_character),
		TEST(a_line_that_is_too_long_is_still_one_whole_line),
		TEST(a_flood_of_values_ends_in_a_line_as_well),
		TEST(a_number_is_whole_or_not_there),
		TEST(more_pairs_than_a_line_knows_stay_in_the_last_value),
		TEST(a_format_beyond_all_measure_becomes_a_note),
		TEST(lines_below_the_level_are_not_written),
		TEST(debug_is_switched_on_for_each_subsystem),
		TEST(an_unwanted_debug_line_costs_no_arguments),
		TEST(levels_have_names),
		TEST(a_log_file_is_for_its_owner_and_group),
		TEST(a_log_file_is_appended_to),
		TEST(a_reopened_file_is_a_new_one_on_the_same_descriptor),
		TEST(a_file_that_cannot_be_opened_anew_stays_the_old_one),
		TEST(a_target_that_is_none_is_refused_and_the_log_stays),
		TEST(a_socket_path_beyond_the_systems_limit_is_refused),
		TEST(a_full_disk_loses_lines_and_counts_them),
		TEST(a_torn_line_is_ended_before_the_next),
		TEST(before_it_is_opened_the_log_is_stderr),
		TEST(the_flags_of_stderr_are_left_alone),
		TEST(a_pipe_that_nobody_empties_does_not_hold_us_up),
		TEST(nor_does_it_before_the_log_is_opened),
		TEST(a_pipe_without_a_reader_does_not_kill),
		TEST(nor_does_it_kill_before_the_log_is_opened),
		TEST(a_socket_as_stderr_neither_blocks_nor_kills),
		TEST(a_closed_stderr_loses_lines),
		TEST(syslog_gets_the_priority_and_no_time),
		TEST(the_journal_gets_fields),
		TEST(json_goes_to_the_journal_as_its_message),
		TEST(a_restarted_syslog_is_found_again),
		TEST(a_syslog_that_does_not_read_does_not_hold_us_up),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
