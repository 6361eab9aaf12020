/*
 * The configuration file, from bytes to snapshot.  Whatever the bytes are: either a snapshot
 * comes of it in which every setting has a value, or at least one error is said; and no line
 * that is said can forge another.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
hear(void *ctx, bool is_error, const char *line)
{
	size_t *errors = ctx;

	for (; *line != '\0'; line++)
		assert((unsigned char)*line >= 0x20 && *line != 0x7f);
	*errors += is_error;
}

static void
no_difference(void *ctx, const char *name, bool restart)
{
	(void)ctx;
	(void)name;
	(void)restart;
	assert(!"a snapshot differs from itself");
}

static void
ask_everything(const struct config *c)
{
	struct buf value = BUF_INIT;

	for (size_t i = 0; config_name(i) != NULL; i++) {
		bool known = config_value(c, config_name(i), &value);

		assert(known && config_origin(c, config_name(i)) != NULL);
	}
	for (size_t i = 0; i < c->model_count; i++)
		assert(config_model_find(c, span_of(c->models[i].name)) == &c->models[i]);
	config_diff(c, c, no_difference, NULL);
	buf_fini(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int fd = -1;
	static struct config_input *input;
	char *env[] = { (char[]){ "HOME=/home/u" }, NULL };
	size_t errors = 0;
	struct config *c;

	if (fd < 0) {
		char path[64];

		fd = memfd_create("pollux.conf", MFD_CLOEXEC);
		assert(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		input = config_input_new(path, NULL, 0, env, hear, &errors);
		assert(input != NULL && errors == 0);
	}
	if (ftruncate(fd, 0) != 0 || pwrite(fd, data, len, 0) != (ssize_t)len)
		return 0;
	c = config_load(input, hear, &errors);
	assert((c == NULL) == (errors > 0));
	if (c != NULL)
		ask_everything(c);
	config_free(&c);
	return 0;
}
