/*
 * The scanner on any bytes: it agrees with jansson, whatever it takes survives unescaping and
 * quoting, and whatever is quoted is JSON.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/scan.h"
#include "tests/fuzz/scan_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Bytes that are no UTF-8 are replaced once; then nothing changes any more. */
static void
check_quote(struct span plain)
{
	struct buf quoted = BUF_INIT, text = BUF_INIT, again = BUF_INIT;
	struct scan s;
	struct span escaped;

	scan_quote(&quoted, plain);
	scan_init(&s, buf_span(&quoted));
	assert(scan_string(&s, &escaped) && scan_end(&s));
	scan_text(&text, escaped);
	scan_quote(&again, buf_span(&text));
	assert(span_eq(buf_span(&quoted), buf_span(&again)));
	assert(text.len >= plain.len);
	buf_fini(&quoted);
	buf_fini(&text);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_mem(data, size);
	const char *difference = oracle_disagrees(text);

	if (difference)
		fprintf(stderr, "%s\n", difference);
	assert(!difference);
	check_quote(text);
	return 0;
}
