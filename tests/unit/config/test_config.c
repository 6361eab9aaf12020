/* A snapshot from all its sources: what beats what, what is refused, what it can be asked. */
#include "tests/unit/unit.h"

#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"

#define MOST 8

/* What a daemon is started with; the lines that it says are gathered. */
struct start {
	const char *text;          /* of the file; NULL: none is given */
	const char *options[MOST]; /* of -D */
	const char *environ[MOST];
};

struct world {
	char dir[64];
	char *path; /* of the file */
	struct config_input *input;
	struct config *config;
	struct buf said; /* "E line\n", "W line\n"; the path of the file as "conf" */
};

static void
hear(void *ctx, bool is_error, const char *line)
{
	struct world *w = ctx;
	const char *path = strstr(line, w->path);

	assert_null(strchr(line, '\n'));
	buf_add_text(&w->said, is_error ? "E " : "W ");
	if (path != NULL) {
		buf_add(&w->said, line, (size_t)(path - line));
		buf_add_text(&w->said, "conf");
		line = path + strlen(w->path);
	}
	buf_printf(&w->said, "%s\n", line);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static size_t
length(const char *const *list)
{
	size_t n = 0;

	while (n < MOST && list[n] != NULL)
		n++;
	return n;
}

static void
stop(struct world *w)
{
	config_free(&w->config);
	config_input_free(&w->input);
	buf_clear(&w->said);
}

/* Loads; w->config is NULL when it was refused. */
static struct config *
start(struct world *w, struct start s)
{
	char *env[MOST + 2] = { "HOME=/home/u" };

	stop(w);
	for (size_t i = 0; i < length(s.environ); i++)
		env[i + 1] = (char *)s.environ[i];
	if (s.text != NULL)
		write_file(w->path, s.text);
	w->input = config_input_new(
	    s.text == NULL ? NULL : w->path, s.options, length(s.options), env, hear, w);
	if (w->input != NULL)
		w->config = config_load(w->input, hear, w);
	return w->config;
}

static const char *
shown(const struct world *w, const char *name)
{
	static struct buf text;

	buf_clear(&text);
	if (!config_value(w->config, name, &text))
		return NULL;
	return buf_text(&text);
}

static int
setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	strcpy(w->dir, "/tmp/pollux-test-config-XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		return -1;
	w->path = mem_printf("%s/pollux.conf", w->dir);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	stop(w);
	unlink(w->path);
	rmdir(w->dir);
	buf_fini(&w->said);
	mem_free(w->path);
	mem_free(w);
	return 0;
}

static void
without_a_word_everything_has_its_default(void **state)
{
	struct world *w = *state;
	const struct config *c = start(w, (struct start){ .text = "" });

	assert_non_null(c);
	assert_int_equal(c->server_listen.count, 1);
	assert_string_equal(c->server_listen.items[0], "127.0.0.1:8080");
	assert_int_equal(c->server_workers, 0);
	assert_int_equal(c->server_max_body_bytes, 128 * 1024 * 1024);
	assert_int_equal(c->server_header_timeout_ms, 10000);
	assert_int_equal(c->server_idle_timeout_ms, 75000);
	assert_int_equal(c->server_drain_timeout_ms, 600000);
	assert_int_equal(c->state_map_size_bytes, 1024 * 1024 * 1024);
	assert_string_equal(c->upstream_gemini_url, "https://generativelanguage.googleapis.com");
	assert_string_equal(c->upstream_proxy, "");
	assert_int_equal(c->upstream_max_attempts, 4);
	assert_string_equal(c->pool_pick, "thompson");
	assert_int_equal(c->pool_freeze_max_ms, 86400000);
	assert_false(c->auth_anonymous);
	assert_int_equal(c->queue_max_wait_ms, 30000);
	assert_string_equal(c->log_target, "");
	assert_string_equal(c->log_level, "info");
	assert_int_equal(c->log_debug.count, 0);
	assert_int_equal(c->model_count, 0);
	assert_string_equal(config_origin(c, "server.workers"), "default");
	assert_string_equal(buf_text(&w->said), "");
}

static void
the_directories_have_a_default_in_which_all_hangs_together(void **state)
{
	struct world *w = *state;
	const struct config *c = start(w, (struct start){ .text = "" });
	char *key = mem_printf("%s/key", c->state_dir);

	assert_int_equal(c->state_dir[0], '/');
	assert_int_equal(c->server_run_dir[0], '/');
	assert_string_equal(c->state_key_file, key);
	mem_free(key);
	c = start(w, (struct start){ .text = "state { dir = /srv/p/ }" });
	assert_string_equal(c->state_dir, "/srv/p");
	assert_string_equal(c->state_key_file, "/srv/p/key");
	c = start(w, (struct start){ .text = "state { dir = /srv/p key_file = /k }" });
	assert_string_equal(c->state_key_file, "/k");
}

static void
options_beat_the_environment_which_beats_the_file(void **state)
{
	struct world *w = *state;
	struct start s = { .text = "server {\n workers = 1 }",
		.environ = { "POLLUX_SERVER_WORKERS=2" },
		.options = { "server.workers=3", "server.workers=4" } };
	char *origin = mem_printf("file %s:2", w->path);

	assert_int_equal(start(w, s)->server_workers, 4);
	assert_string_equal(config_origin(w->config, "server.workers"), "-D");
	s.options[0] = NULL;
	assert_int_equal(start(w, s)->server_workers, 2);
	assert_string_equal(
	    config_origin(w->config, "server.workers"), "environment POLLUX_SERVER_WORKERS");
	s.environ[0] = NULL;
	assert_int_equal(start(w, s)->server_workers, 1);
	assert_string_equal(config_origin(w->config, "server.workers"), origin);
	mem_free(origin);
}

static void
the_settings_own_name_in_the_environment_beats_the_known_one(void **state)
{
	struct world *w = *state;
	const struct config *c =
	    start(w, (struct start){ .text = "",
			 .environ = { "POLLUX_SERVER_LISTEN=a:1,b:2", "PORT=9000",
			     "HOST=::", "QUEUE_MAX_WAIT_MS=250" } });

	assert_int_equal(c->server_listen.count, 2);
	assert_int_equal(c->queue_max_wait_ms, 250);
	c = start(w, (struct start){ .text = "", .environ = { "PORT=9000", "HOST=::" } });
	assert_string_equal(c->server_listen.items[0], "[::]:9000");
	assert_string_equal(config_origin(c, "server.listen"), "environment HOST and PORT");
}

static void
all_faults_are_said_in_the_order_of_their_lines(void **state)
{
	struct world *w = *state;

	assert_null(start(w,
	    (struct start){ .text = "server {\n"
				    "	workers = many\n"
				    "	wrkers = 3\n"
				    "	max_body = 12 KB\n"
				    "	listen = { 127.0.0.1:1, nowhere }\n"
				    "}\n"
				    "upstream { proxy = ftp://u:geheim@p }\n"
				    "pool {\n pick = random freeze_min = 2h\n freeze_max = 1h }\n"
				    "model \"a b\" { }\n"
				    "model m { alias = m }\n" }));
	assert_string_equal(buf_text(&w->said),
	    "E conf:2: server.workers: \"many\" is not a whole number\n"
	    "E conf:3: there is no setting \"wrkers\" in section server; did you mean "
	    "server.workers\n"
	    "E conf:4: a value of several words must stand in quotes\n"
	    "E conf:5: server.listen: \"nowhere\" is not an address: HOST:PORT, [IPV6]:PORT or "
	    "*:PORT\n"
	    "E conf:7: upstream.proxy: the value is not a URL: SCHEME://HOST[:PORT], SCHEME one "
	    "of: "
	    "http socks5 socks5h\n"
	    "E conf:9: pool.pick: \"random\" is none of: thompson least-used round-robin order\n"
	    "E conf:9: pool.freeze_min: it is longer than pool.freeze_max\n"
	    "E conf:11: \"a b\" cannot be the name of a model\n"
	    "E conf:12: model.alias: m stands for itself\n");
}

static void
faults_of_options_and_environment_are_said_at_once(void **state)
{
	struct world *w = *state;

	assert_null(start(
	    w, (struct start){ .text = "",
		   .options = { "server.wrkers=3", "server.workers=x", "model.a b.enabled=no",
		       "upstream.proxy=http://u:geheim@p" },
		   .environ = { "POLLUX_LOG_LEVEL=loud", "PORT=70000", "PROXY=u:geheim@p" } }));
	assert_null(w->input);
	assert_string_equal(buf_text(&w->said),
	    "E -D: there is no setting \"server.wrkers\"; did you mean server.workers\n"
	    "E -D upstream.proxy: a password does not belong on the command line; use the file or "
	    "the "
	    "environment\n"
	    "E environment PORT: server.listen: \"127.0.0.1:70000\" is not an address: HOST:PORT, "
	    "[IPV6]:PORT or *:PORT\n"
	    "E environment PROXY: upstream.proxy: the value is not a URL: SCHEME://HOST[:PORT], "
	    "SCHEME one "
	    "of: http socks5 socks5h\n"
	    "E environment POLLUX_LOG_LEVEL: log.level: \"loud\" is none of: error warn info "
	    "debug\n"
	    "E -D: server.workers: \"x\" is not a whole number\n"
	    "E -D: \"a b\" cannot be the name of a model\n");
}

static void
an_unknown_variable_is_only_a_warning(void **state)
{
	struct world *w = *state;

	assert_non_null(
	    start(w, (struct start){ .text = "",
			 .environ = { "POLLUX_SERVICE_HOST=10.0.0.1", "POLLUX_LOG_LEVL=debug" } }));
	assert_string_equal(buf_text(&w->said),
	    "W environment: there is no setting \"POLLUX_SERVICE_HOST\"\n"
	    "W environment: there is no setting \"POLLUX_LOG_LEVL\"; did you mean "
	    "POLLUX_LOG_LEVEL\n");
}

static void
an_empty_list_of_addresses_is_refused_where_it_was_said(void **state)
{
	struct world *w = *state;

	assert_null(start(w, (struct start){ .text = "server {\n listen = {} }" }));
	assert_string_equal(
	    buf_text(&w->said), "E conf:2: server.listen: at least one address is needed\n");
	assert_null(start(w, (struct start){ .text = "", .options = { "server.listen=" } }));
	assert_string_equal(
	    buf_text(&w->said), "E -D: server.listen: at least one address is needed\n");
}

static void
a_run_dir_too_long_for_sockets_is_refused(void **state)
{
	struct world *w = *state;
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/control.sock");
	char option[256] = "server.run_dir=/", *path = strchr(option, '/');

	memset(path + 1, 'x', most);
	assert_null(start(w, (struct start){ .text = "", .options = { option } }));
	assert_string_equal(buf_text(&w->said), "E -D: server.run_dir: the path is too long for "
						"the names of the sockets in it: it has 95 bytes "
						"and the system allows 94\n");
	path[most] = '\0';
	assert_non_null(start(w, (struct start){ .text = "", .options = { option } }));
}

static void
a_file_that_was_named_must_be_there(void **state)
{
	struct world *w = *state;
	char *env[] = { "HOME=/home/u", NULL };

	stop(w);
	unlink(w->path);
	w->input = config_input_new(w->path, NULL, 0, env, hear, w);
	assert_non_null(w->input);
	assert_null(config_load(w->input, hear, w));
	assert_string_equal(
	    buf_text(&w->said), "E conf: cannot be read: No such file or directory\n");
}

static void
a_directory_is_no_file(void **state)
{
	struct world *w = *state;
	char *env[] = { "HOME=/home/u", NULL };

	stop(w);
	w->input = config_input_new("/", NULL, 0, env, hear, w);
	assert_null(config_load(w->input, hear, w));
	assert_string_equal(buf_text(&w->said), "E /: is not a regular file\n");
}

/* A daemon leaves the directory it was started in, and reads the file again at each reload. */
static void
a_relative_path_is_kept_from_where_it_was_said(void **state)
{
	struct world *w = *state;
	char *env[] = { "HOME=/home/u", NULL }, here[4096];

	stop(w);
	write_file(w->path, "server { workers = 7 }");
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(w->dir), 0);
	w->input = config_input_new("pollux.conf", NULL, 0, env, hear, w);
	assert_int_equal(chdir("/"), 0);
	w->config = config_load(w->input, hear, w);
	assert_int_equal(chdir(here), 0);
	assert_non_null(w->config);
	assert_int_equal(w->config->server_workers, 7);
	assert_string_equal(w->config->file, w->path);
}

/* As root the installed paths serve, so this says something only to others. */
static void
without_home_the_directories_must_be_given(void **state)
{
	struct world *w = *state;
	char *env[] = { NULL };
	const char *options[] = { "state.dir=/s", "server.run_dir=/r" };

	stop(w);
	write_file(w->path, "");
	w->input = config_input_new(w->path, NULL, 0, env, hear, w);
	w->config = config_load(w->input, hear, w);
	if (geteuid() == 0)
		assert_non_null(w->config);
	else
		assert_string_equal(buf_text(&w->said),
		    "E server.run_dir: HOME is not set, so the directory must be given\n"
		    "E state.dir: HOME is not set, so the directory must be given\n");
	stop(w);
	w->input = config_input_new(w->path, options, 2, env, hear, w);
	w->config = config_load(w->input, hear, w);
	assert_non_null(w->config);
	assert_string_equal(w->config->state_key_file, "/s/key");
}

static void
without_any_file_the_snapshot_names_none(void **state)
{
	struct world *w = *state;
	struct buf where = BUF_INIT;

	if (config_default_file(&where) && access(buf_text(&where), F_OK) == 0) {
		buf_fini(&where);
		skip(); /* this machine has a configuration of its own */
	}
	assert_non_null(start(w, (struct start){ .text = NULL }));
	assert_string_equal(w->config->file, "");
	buf_fini(&where);
}

/* The master wipes argv and environ; what it was told must not change with that. */
static void
an_input_is_a_copy_and_loads_again(void **state)
{
	struct world *w = *state;
	char option[] = "server.workers=5", variable[] = "POLLUX_LOG_LEVEL=debug",
	     home[] = "HOME=/h";
	char *env[] = { variable, home, NULL };
	const char *options[] = { option };
	struct config *first;

	stop(w);
	write_file(w->path, "pool { pick = order }");
	w->input = config_input_new(w->path, options, 1, env, hear, w);
	memset(option, 'x', sizeof(option) - 1);
	memset(variable, 'x', sizeof(variable) - 1);
	memset(home, 'x', sizeof(home) - 1);
	first = config_load(w->input, hear, w);
	assert_non_null(first);
	write_file(w->path, "pool { pick = least-used }");
	w->config = config_load(w->input, hear, w);
	assert_int_equal(w->config->server_workers, 5);
	assert_string_equal(w->config->log_level, "debug");
	assert_string_equal(w->config->pool_pick, "least-used");
	assert_string_equal(first->pool_pick, "order");
	assert_string_equal(w->config->state_dir, first->state_dir);
	config_free(&first);
}

static void
keys_of_the_environment_are_handed_over_and_wiped(void **state)
{
	struct world *w = *state;
	struct config_secrets *s;

	assert_non_null(
	    start(w, (struct start){ .text = "",
			 .environ = { "GEMINI_API_KEYS=g1,g2", "POLLUX_CLIENT_KEYS=c1" } }));
	s = config_input_secrets(w->input);
	assert_string_equal(s->gemini_keys[1], "g2");
	assert_string_equal(s->client_keys[0], "c1");
	config_secrets_wipe(s);
	assert_null(s->gemini_keys);
	assert_null(s->client_keys);
	assert_true(s->has_gemini_keys);
	config_secrets_wipe(s);
}

static void
models_stand_in_the_order_of_the_file_and_options_add_to_them(void **state)
{
	struct world *w = *state;
	const struct config *c = start(w,
	    (struct start){ .text =
				"model b { alias = gemini-2.5-pro display_name = \"B \xc3\xa9\" }\n"
				"model a { }\nmodel gemini-2.5-flash { input_token_limit = 1000 }",
		.options = { "model.gemini-2.5-flash.enabled=no", "model.new.alias=a",
		    "model.b.display_name=C" } });

	assert_int_equal(c->model_count, 4);
	assert_string_equal(c->models[0].name, "b");
	assert_string_equal(c->models[0].alias, "gemini-2.5-pro");
	assert_string_equal(c->models[0].display_name, "C");
	assert_true(c->models[0].enabled);
	assert_string_equal(c->models[1].name, "a");
	assert_string_equal(c->models[1].alias, "");
	assert_string_equal(c->models[2].name, "gemini-2.5-flash");
	assert_int_equal(c->models[2].input_token_limit, 1000);
	assert_false(c->models[2].enabled);
	assert_string_equal(c->models[3].name, "new");
	assert_ptr_equal(config_model_find(c, SPAN("a")), &c->models[1]);
	assert_null(config_model_find(c, SPAN("ab")));
}

static void
values_of_models_can_be_asked_for_by_name(void **state)
{
	struct world *w = *state;
	char *origin = mem_printf("file %s:2", w->path);

	start(w, (struct start){ .text = "model gemini-2.5-flash {\n enabled = off }" });
	assert_string_equal(shown(w, "model.gemini-2.5-flash.enabled"), "no");
	assert_string_equal(shown(w, "model.gemini-2.5-flash.input_token_limit"), "0");
	assert_string_equal(config_origin(w->config, "model.gemini-2.5-flash.enabled"), origin);
	assert_string_equal(config_origin(w->config, "model.gemini-2.5-flash.alias"), "default");
	assert_null(shown(w, "model.other.enabled"));
	assert_string_equal(shown(w, "model.gemini-2.5-flash.rpm"), "0");
	assert_null(shown(w, "model.gemini-2.5-flash.colour"));
	mem_free(origin);
}

static void
every_name_has_a_value_an_origin_and_help(void **state)
{
	struct world *w = *state;
	size_t n = 0;

	start(w, (struct start){ .text = "" });
	assert_string_equal(config_name(0), "server.listen");
	for (; config_name(n) != NULL; n++) {
		assert_non_null(shown(w, config_name(n)));
		assert_string_equal(config_origin(w->config, config_name(n)), "default");
		assert_non_null(config_help(n));
	}
	assert_true(n > 20);
	assert_null(config_help(n));
	assert_null(config_name(n + 1000));
	assert_null(config_origin(w->config, "server"));
	assert_null(config_origin(w->config, "server.nothing"));
	assert_null(config_origin(w->config, ""));
	assert_null(shown(w, "nothing.at.all"));
}

static void
values_are_shown_as_they_would_be_written(void **state)
{
	struct world *w = *state;

	start(w,
	    (struct start){
		.text =
		    "server { listen = { a:1, b:2 } max_body = 65536 idle_timeout = 120s }\n"
		    "upstream { proxy = http://user:geheim@p:3128/ }\nauth { anonymous = TRUE }" });
	assert_string_equal(shown(w, "server.listen"), "a:1, b:2");
	assert_string_equal(shown(w, "server.max_body"), "64 KiB");
	assert_string_equal(shown(w, "server.idle_timeout"), "2m");
	assert_string_equal(shown(w, "upstream.proxy"), "http://user:***@p:3128");
	assert_string_equal(w->config->upstream_proxy, "http://user:geheim@p:3128");
	assert_string_equal(shown(w, "auth.anonymous"), "yes");
}

/* ---- comparing two ---- */

static void
note_difference(void *ctx, const char *name, bool restart)
{
	buf_printf(ctx, "%s%s ", name, restart ? "!" : "");
}

static void
what_differs_is_named_with_what_it_takes(void **state)
{
	struct world *w = *state;
	struct buf found = BUF_INIT;
	struct config *old;

	start(w, (struct start){ .text = "server { workers = 2 }\nlog { debug = {pool} }\n"
					 "model gone { }\nmodel kept { alias = a }" });
	old = w->config;
	w->config = NULL;
	start(w,
	    (struct start){
		.text =
		    "# moved\nserver { workers = 3 max_body = 1MiB }\n"
		    "log { debug = {pool, fetch} }\nmodel kept { alias = b }\nmodel fresh { }" });
	config_diff(old, w->config, note_difference, &found);
	assert_string_equal(buf_text(&found),
	    "server.workers! server.max_body log.debug model.gone model.kept.alias model.fresh ");
	buf_clear(&found);
	config_diff(old, old, note_difference, &found);
	assert_string_equal(buf_text(&found), "");
	config_free(&old);
	buf_fini(&found);
}

/* The sample, with every setting switched on: all lines that have no space behind their '#'. */
static char *
sample_switched_on(void)
{
	const char *top = getenv("POLLUX_SRCDIR");
	char *path = mem_printf("%s/etc/pollux.conf", top == NULL ? "." : top), line[256];
	struct buf text = BUF_INIT;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *sign = strchr(line, '#');

		if (sign != NULL && sign[1] != ' ' && sign[1] != '\n')
			*sign = ' ';
		buf_add_text(&text, line);
	}
	fclose(f);
	mem_free(path);
	return text.data;
}

static void
the_sample_file_shows_the_defaults(void **state)
{
	struct world *w = *state;
	struct buf found = BUF_INIT;
	struct config *plain;
	char *sample = sample_switched_on();

	start(w, (struct start){ .text = "" });
	plain = w->config;
	w->config = NULL;
	start(w, (struct start){ .text = sample });
	assert_string_equal(buf_text(&w->said), "");
	config_diff(plain, w->config, note_difference, &found);
	assert_string_equal(buf_text(&found), "model.gemini-2.5-flash model.fast ");
	assert_string_not_equal(config_origin(w->config, "log.debug"), "default");
	config_free(&plain);
	buf_fini(&found);
	mem_free(sample);
}

static void
the_default_places_are_absolute_paths(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	setenv("HOME", "/home/u", 1);
	assert_true(config_default_file(&out));
	assert_non_null(strstr(buf_text(&out), "/pollux.conf"));
	buf_clear(&out);
	assert_true(config_default_state_dir(&out));
	assert_int_equal(buf_text(&out)[0], '/');
	buf_clear(&out);
	assert_true(config_default_run_dir(&out));
	assert_int_equal(buf_text(&out)[0], '/');
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_everything_has_its_default),
		cmocka_unit_test(the_directories_have_a_default_in_which_all_hangs_together),
		cmocka_unit_test(options_beat_the_environment_which_beats_the_file),
		cmocka_unit_test(the_settings_own_name_in_the_environment_beats_the_known_one),
		cmocka_unit_test(all_faults_are_said_in_the_order_of_their_lines),
		cmocka_unit_test(faults_of_options_and_environment_are_said_at_once),
		cmocka_unit_test(an_unknown_variable_is_only_a_warning),
		cmocka_unit_test(an_empty_list_of_addresses_is_refused_where_it_was_said),
		cmocka_unit_test(a_run_dir_too_long_for_sockets_is_refused),
		cmocka_unit_test(a_file_that_was_named_must_be_there),
		cmocka_unit_test(a_directory_is_no_file),
		cmocka_unit_test(a_relative_path_is_kept_from_where_it_was_said),
		cmocka_unit_test(without_home_the_directories_must_be_given),
		cmocka_unit_test(without_any_file_the_snapshot_names_none),
		cmocka_unit_test(an_input_is_a_copy_and_loads_again),
		cmocka_unit_test(keys_of_the_environment_are_handed_over_and_wiped),
		cmocka_unit_test(models_stand_in_the_order_of_the_file_and_options_add_to_them),
		cmocka_unit_test(values_of_models_can_be_asked_for_by_name),
		cmocka_unit_test(every_name_has_a_value_an_origin_and_help),
		cmocka_unit_test(values_are_shown_as_they_would_be_written),
		cmocka_unit_test(what_differs_is_named_with_what_it_takes),
		cmocka_unit_test(the_sample_file_shows_the_defaults),
		cmocka_unit_test(the_default_places_are_absolute_paths),
	};

	return cmocka_run_group_tests_name("config/config", tests, setup, teardown);
}
