/*
 * Native requests: the first byte picks the operation, then come query, model and body, each but
 * the last ended by a line end.  What goes on must be free of credentials and fit for a URL, and
 * the body the very bytes, save of the model "alias", which has another name upstream.
 */
#include <assert.h>
#include "base/rope.h"
#include "base/scan.h"
#include "dialect/dialect.h"
#include "gemini/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static bool
find_model(void *ctx, struct span bare, struct dialect_model *out, struct err *e)
{
	(void)ctx;
	(void)e;
	*out = (struct dialect_model){ .name = span_is(bare, "alias") ? SPAN("gemini-x") : bare };
	return true;
}

static void
check_body(const struct dialect_request *req, const struct call *c)
{
	struct buf sent = BUF_INIT;

	if (c->bodies == NULL)
		return;
	body_flatten(&c->bodies[0], &sent);
	if (span_is(c->model, "gemini-x"))
		assert(scan_check(buf_span(&sent), NULL, NULL));
	else
		assert(c->bodies[0].count == 1 && c->bodies[0].pieces[0].p == req->body.p &&
		       span_eq(buf_span(&sent), req->body));
	buf_fini(&sent);
}

static void
check(const struct dialect_request *req, const struct call *c)
{
	static const char *const credentials[] = { "key", "access_token", "oauth_token" };
	struct buf url = BUF_INIT;
	struct span value;

	assert(c->parts == 1 && c->choices == 1);
	check_body(req, c);
	assert(c->op == OP_MODELS_LIST || model_name_is_valid(c->model));
	for (size_t i = 0; i < sizeof(credentials) / sizeof(credentials[0]); i++)
		assert(!text_query_get(c->query, credentials[i], &value));
	call_url(c, "https://gemini.example", &url);
	for (size_t i = 0; i < url.len; i++)
		assert((unsigned char)url.data[i] > ' ' && url.data[i] != '#');
	buf_fini(&url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new(0);
	struct buf bytes = BUF_INIT;
	struct span rest = span_mem(data + 1, len > 0 ? len - 1 : 0);
	const struct dialect_house house = { .model = find_model };
	struct dialect_request req = { .op = OP_GENERATE, .house = &house };
	struct dialect_out out = { .arena = arena, .bytes = &bytes };
	struct err e = ERR_INIT;
	struct call c;

	if (len > 0)
		req.op = (enum operation)(data[0] % OPERATION_COUNT);
	req.query = span_cut(&rest, '\n');
	req.model = span_cut(&rest, '\n');
	req.body = rest;
	if (dialect_native.decode(&req, arena, &c, &e)) {
		check(&req, &c);
	} else {
		dialect_native.fail(&out, &e);
		assert(scan_check(buf_span(&bytes), NULL, NULL));
	}
	buf_fini(&bytes);
	arena_free(&arena);
	return 0;
}
