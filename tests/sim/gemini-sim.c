/*
 * A small simulator of Gemini's API, for trying Pollux out and for load on loopback.  Never
 * installed.  It answers like the real service in shape, not in wit: the model repeats what
 * it was told.
 *
 *	gemini-sim [--listen 127.0.0.1:0] [--port-file FILE] [--delay-ms N]
 *
 * Any x-goog-api-key is taken but those that begin with "invalid" (400 API_KEY_INVALID),
 * "minute" (429 for 30 s), "day" (429 until midnight), "overloaded" (503) or "broken" (500).
 * --delay-ms: pause between the events of a stream.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX (64u << 20)

struct call {
	char *body; /* owned */
	size_t len, size;
};

struct model {
	const char *id;
	const char *title;
	const char *method;
	long input, output;
};

static const struct model models[] = {
	{ "gemini-2.5-pro", "Gemini 2.5 Pro", "generateContent", 1048576, 65536 },
	{ "gemini-2.5-flash", "Gemini 2.5 Flash", "generateContent", 1048576, 65536 },
	{ "gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", "generateContent", 1048576, 65536 },
	{ "gemini-3.5-flash", "Gemini 3.5 Flash", "generateContent", 1048576, 65536 },
	{ "gemini-embedding-001", "Gemini Embedding 001", "embedContent", 2048, 1 },
};
#define MODEL_COUNT (sizeof(models) / sizeof(models[0]))

static long delay_ms;

/* Answers. */

static enum MHD_Result
send_text(struct MHD_Connection *c, unsigned status, const char *type, char *text_taken)
{
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(strlen(text_taken), text_taken, MHD_RESPMEM_MUST_FREE);

	MHD_add_response_header(r, "Content-Type", type);
	enum MHD_Result rc = MHD_queue_response(c, status, r);

	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result
send_json(struct MHD_Connection *c, unsigned status, json_t *taken)
{
	char *text = json_dumps(taken, JSON_INDENT(2));

	json_decref(taken);
	return send_text(c, status, "application/json; charset=UTF-8", text);
}

static enum MHD_Result
send_error(struct MHD_Connection *c, unsigned status, const char *name, const char *message,
    json_t *details)
{
	return send_json(c, status,
	    json_pack("{s:{s:i,s:s,s:s,s:o}}", "error", "code", (int)status, "message", message,
		"status", name, "details", details ? details : json_array()));
}

static json_t *
quota_details(const char *quota, const char *retry)
{
	return json_pack("[{s:s,s:[{s:s,s:s}]},{s:s,s:s}]", "@type",
	    "type.googleapis.com/google.rpc.QuotaFailure", "violations", "quotaId", quota,
	    "quotaValue", "10", "@type", "type.googleapis.com/google.rpc.RetryInfo", "retryDelay",
	    retry);
}

/* Keys that misbehave; MHD_YES when one did and an answer is queued. */
static int
refuse_by_key(struct MHD_Connection *c, const char *key)
{
	if (!key)
		return send_error(c, 403, "PERMISSION_DENIED",
		    "Method doesn't allow unregistered callers (callers without established "
		    "identity).",
		    NULL);
	if (strncmp(key, "invalid", 7) == 0)
		return send_error(c, 400, "INVALID_ARGUMENT",
		    "API key not valid. Please pass a valid API key.",
		    json_pack("[{s:s,s:s,s:s}]", "@type",
			"type.googleapis.com/google.rpc.ErrorInfo", "reason", "API_KEY_INVALID",
			"domain", "googleapis.com"));
	if (strncmp(key, "minute", 6) == 0)
		return send_error(c, 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.",
		    quota_details("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "30s"));
	if (strncmp(key, "day", 3) == 0)
		return send_error(c, 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.",
		    quota_details("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "38s"));
	if (strncmp(key, "overloaded", 10) == 0)
		return send_error(c, 503, "UNAVAILABLE",
		    "The model is overloaded. Please try again later.", NULL);
	if (strncmp(key, "broken", 6) == 0)
		return send_error(c, 500, "INTERNAL", "An internal error has occurred.", NULL);
	return -1;
}

/* Models. */

static json_t *
model_json(const struct model *m)
{
	return json_pack("{s:s+,s:s,s:s,s:i,s:i,s:[s,s]}", "name", "models/", m->id, "version",
	    "001", "displayName", m->title, "inputTokenLimit", (int)m->input, "outputTokenLimit",
	    (int)m->output, "supportedGenerationMethods", m->method, "countTokens");
}

static const struct model *
model_find(const char *id, size_t len)
{
	for (size_t i = 0; i < MODEL_COUNT; i++)
		if (strlen(models[i].id) == len && memcmp(models[i].id, id, len) == 0)
			return &models[i];
	return NULL;
}

static enum MHD_Result
list_models(struct MHD_Connection *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < MODEL_COUNT; i++)
		json_array_append_new(list, model_json(&models[i]));
	return send_json(c, 200, json_pack("{s:o}", "models", list));
}

static enum MHD_Result
unknown_model(struct MHD_Connection *c, const char *id, size_t len)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "models/%.*s is not found for API version v1beta, or is not supported for "
	    "generateContent. Call "
	    "ListModels to see the list of available models and their supported methods.",
	    (int)(len > 128 ? 128 : len), id);
	return send_error(c, 404, "NOT_FOUND", text, NULL);
}

/* Talking. */

/* The text of the last content that has one. */
static const char *
last_words(const json_t *body)
{
	json_t *contents = json_object_get(body, "contents");

	for (size_t i = json_array_size(contents); i-- > 0;) {
		json_t *parts = json_object_get(json_array_get(contents, i), "parts");

		for (size_t k = json_array_size(parts); k-- > 0;) {
			const char *text =
			    json_string_value(json_object_get(json_array_get(parts, k), "text"));

			if (text && *text)
				return text;
		}
	}
	return "nothing";
}

static long
tokens_of(const char *text)
{
	return (long)strlen(text) / 4 + 1;
}

static json_t *
answer_json(const struct model *m, const char *text, const char *finish, long prompt, long said)
{
	json_t *candidate = json_pack("{s:{s:s,s:[{s:s}]},s:i}", "content", "role", "model",
	    "parts", "text", text, "index", 0);

	if (finish)
		json_object_set_new(candidate, "finishReason", json_string(finish));
	return json_pack("{s:[o],s:{s:i,s:i,s:i},s:s,s:s}", "candidates", candidate,
	    "usageMetadata", "promptTokenCount", (int)prompt, "candidatesTokenCount", (int)said,
	    "totalTokenCount", (int)(prompt + said), "modelVersion", m->id, "responseId",
	    "sim-response");
}

/* A stream: the answer, a word at a time. */
struct stream {
	const struct model *model;
	char *words; /* owned */
	char *at;
	long prompt, said;
	int sse; /* else a JSON array */
	int events;
	char *event; /* owned: being sent */
	size_t sent, len;
	int over;
};

static char *
next_piece(struct stream *s, const char **finish)
{
	size_t n = strcspn(s->at, " ");

	if (s->at[n] == ' ')
		n++;
	char *piece = strndup(s->at, n);

	s->at += n;
	s->said++;
	*finish = *s->at ? NULL : "STOP";
	return piece;
}

static void
make_event(struct stream *s)
{
	const char *finish;
	char *piece = next_piece(s, &finish);
	json_t *json = answer_json(s->model, piece, finish, s->prompt, s->said);
	char *text = json_dumps(json, s->sse ? JSON_COMPACT : JSON_INDENT(2));
	int n;

	free(s->event);
	if (s->sse)
		n = asprintf(&s->event, "data: %s\r\n\r\n", text);
	else
		n = asprintf(
		    &s->event, "%s%s%s", s->events ? ",\r\n" : "[", text, finish ? "\n]" : "");
	s->len = n < 0 ? 0 : (size_t)n;
	s->sent = 0;
	s->events++;
	s->over = finish != NULL;
	free(text);
	free(piece);
	json_decref(json);
}

static ssize_t
read_stream(void *ctx, uint64_t pos, char *out, size_t max)
{
	struct stream *s = ctx;

	(void)pos;
	if (s->sent == s->len) {
		if (s->over)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (s->events && delay_ms)
			nanosleep(
			    &(struct timespec){ delay_ms / 1000, delay_ms % 1000 * 1000000 }, NULL);
		make_event(s);
	}
	size_t n = s->len - s->sent < max ? s->len - s->sent : max;

	memcpy(out, s->event + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void
free_stream(void *ctx)
{
	struct stream *s = ctx;

	free(s->words);
	free(s->event);
	free(s);
}

static char *
wording_of(const json_t *body)
{
	char *words;

	if (asprintf(&words, "Hello from the simulator. You said: %s", last_words(body)) < 0)
		abort();
	return words;
}

static enum MHD_Result
talk(struct MHD_Connection *c, const struct model *m, const json_t *body)
{
	char *words = wording_of(body);
	json_t *answer =
	    answer_json(m, words, "STOP", tokens_of(last_words(body)), tokens_of(words));

	free(words);
	return send_json(c, 200, answer);
}

static enum MHD_Result
talk_in_pieces(struct MHD_Connection *c, const struct model *m, const json_t *body)
{
	const char *alt = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "alt");
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->model = m;
	s->words = s->at = wording_of(body);
	s->prompt = tokens_of(last_words(body));
	s->sse = alt && strcmp(alt, "sse") == 0;
	struct MHD_Response *r =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, s, free_stream);

	MHD_add_response_header(
	    r, "Content-Type", s->sse ? "text/event-stream" : "application/json; charset=UTF-8");
	enum MHD_Result rc = MHD_queue_response(c, 200, r);

	MHD_destroy_response(r);
	return rc;
}

static json_t *
embedding(const char *text)
{
	json_t *values = json_array();
	unsigned h = 5381;

	for (const char *p = text; *p; p++)
		h = h * 33 + (unsigned char)*p;
	for (int i = 0; i < 8; i++) {
		h = h * 1103515245u + 12345u;
		json_array_append_new(values, json_real((h >> 16 & 1023) / 1024.0 - 0.5));
	}
	return json_pack("{s:o}", "values", values);
}

static const char *
embedded_text(const json_t *request)
{
	json_t *parts = json_object_get(json_object_get(request, "content"), "parts");
	const char *text = json_string_value(json_object_get(json_array_get(parts, 0), "text"));

	return text ? text : "";
}

static enum MHD_Result
embed_many(struct MHD_Connection *c, const json_t *body)
{
	json_t *list = json_array(), *request;
	size_t i;

	json_array_foreach(json_object_get(body, "requests"), i, request)
	    json_array_append_new(list, embedding(embedded_text(request)));
	return send_json(c, 200, json_pack("{s:o}", "embeddings", list));
}

static enum MHD_Result
do_verb(struct MHD_Connection *c, const struct model *m, const char *verb, const json_t *body)
{
	if (strcmp(verb, "generateContent") == 0)
		return talk(c, m, body);
	if (strcmp(verb, "streamGenerateContent") == 0)
		return talk_in_pieces(c, m, body);
	if (strcmp(verb, "countTokens") == 0)
		return send_json(
		    c, 200, json_pack("{s:i}", "totalTokens", (int)tokens_of(last_words(body))));
	if (strcmp(verb, "embedContent") == 0)
		return send_json(
		    c, 200, json_pack("{s:o}", "embedding", embedding(embedded_text(body))));
	if (strcmp(verb, "batchEmbedContents") == 0)
		return embed_many(c, body);
	return send_error(c, 404, "NOT_FOUND", "Method not found.", NULL);
}

/* Routing. */

static enum MHD_Result
answer(struct MHD_Connection *c, const char *method, const char *url, const struct call *call)
{
	static const char prefix[] = "/v1beta/models";
	int refused =
	    refuse_by_key(c, MHD_lookup_connection_value(c, MHD_HEADER_KIND, "x-goog-api-key"));

	if (refused >= 0)
		return (enum MHD_Result)refused;
	if (strncmp(url, prefix, sizeof(prefix) - 1) != 0)
		return send_error(c, 404, "NOT_FOUND", "Requested entity was not found.", NULL);
	const char *id = url + sizeof(prefix) - 1;

	if (*id == '\0')
		return list_models(c);
	id++;
	size_t len = strcspn(id, ":");
	const struct model *m = model_find(id, len);

	if (!m)
		return unknown_model(c, id, len);
	if (strcmp(method, "GET") == 0)
		return send_json(c, 200, model_json(m));
	json_error_t fault;
	json_t *body = json_loadb(call->body ? call->body : "", call->len, 0, &fault);

	if (!json_is_object(body) || id[len] != ':') {
		json_decref(body);
		return send_error(
		    c, 400, "INVALID_ARGUMENT", "Invalid JSON payload received.", NULL);
	}
	enum MHD_Result rc = do_verb(c, m, id + len + 1, body);

	json_decref(body);
	return rc;
}

static enum MHD_Result
handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **request)
{
	struct call *call = *request;

	(void)ctx;
	(void)version;
	if (!call) {
		*request = calloc(1, sizeof(*call));
		return *request ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		if (call->len + *len > BODY_MAX)
			return MHD_NO;
		while (call->size < call->len + *len)
			call->size = call->size ? call->size * 2 : 4096;
		call->body = realloc(call->body, call->size);
		if (!call->body)
			abort();
		memcpy(call->body + call->len, data, *len);
		call->len += *len;
		*len = 0;
		return MHD_YES;
	}
	return answer(c, method, url, call);
}

static void
completed(void *ctx, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why)
{
	struct call *call = *request;

	(void)ctx;
	(void)c;
	(void)why;
	if (call)
		free(call->body);
	free(call);
	*request = NULL;
}

/* Starting. */

static int
parse_listen(const char *text, struct sockaddr_in *out)
{
	char host[64];
	const char *colon = strrchr(text, ':');

	memset(out, 0, sizeof(*out));
	out->sin_family = AF_INET;
	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return 0;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	out->sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static int
write_port(const char *file, unsigned port)
{
	char temporary[4096];

	snprintf(temporary, sizeof(temporary), "%s.new", file);
	FILE *f = fopen(temporary, "w");

	if (!f)
		return 0;
	fprintf(f, "%u\n", port);
	return fclose(f) == 0 && rename(temporary, file) == 0; /* it appears whole */
}

static void
nothing(int signo)
{
	(void)signo;
}

static void
wait_for_end(void)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	while (sigwait(&set, &signo) != 0)
		;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "listen", required_argument, NULL, 'l' },
		{ "port-file", required_argument, NULL, 'p' },
		{ "delay-ms", required_argument, NULL, 'd' }, { NULL, 0, NULL, 0 } };
	const char *listen_on = "127.0.0.1:0", *port_file = NULL;
	struct sockaddr_in where;
	sigset_t set;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'l')
			listen_on = optarg;
		else if (option == 'p')
			port_file = optarg;
		else if (option == 'd')
			delay_ms = atol(optarg);
		else {
			fputs("usage: gemini-sim [--listen IPV4:PORT] [--port-file FILE] "
			      "[--delay-ms N]\n",
			    stderr);
			return 2;
		}
	}
	if (!parse_listen(listen_on, &where)) {
		fprintf(stderr, "gemini-sim: --listen wants IPV4:PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, nothing);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL); /* inherited by the server's thread; taken by sigwait */

	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;

	if (delay_ms) /* a pause must hold up its own stream alone */
		flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION;
	struct MHD_Daemon *d = MHD_start_daemon(flags, 0, NULL, NULL, handle, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&where, MHD_OPTION_NOTIFY_COMPLETED, completed,
	    NULL, MHD_OPTION_END);

	if (!d) {
		fprintf(
		    stderr, "gemini-sim: cannot listen on %s: %s\n", listen_on, strerror(errno));
		return 1;
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);

	printf("gemini-sim: listening on port %u\n", info ? info->port : 0);
	fflush(stdout);
	if (port_file && !write_port(port_file, info ? info->port : 0)) {
		fprintf(stderr, "gemini-sim: %s cannot be written\n", port_file);
		MHD_stop_daemon(d);
		return 1;
	}
	wait_for_end();
	MHD_stop_daemon(d);
	return 0;
}
