/*
 * Main of a fuzz target where there is no fuzzing engine: hands each file named on the command
 * line, and each file of a directory named there, to the target, once.  It speaks TAP; a file
 * that crashes the target takes the process along, as it should.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int files, failures;

static void
tell(bool ok, const char *path, const char *why)
{
	printf("%sok %d - %s%s%s\n", ok ? "" : "not ", ++files, path, why ? " # " : "",
	    why ? why : "");
	fflush(stdout);
	failures += !ok;
}

/* Exactly as long as the file, so that a read past its end is seen by the sanitizers. */
static uint8_t *
file_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	long size;
	uint8_t *data = NULL;

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
	    (data = malloc(size > 0 ? (size_t)size : 1)) != NULL) {
		*len = fread(data, 1, (size_t)size, f);
		if (*len != (size_t)size) {
			free(data);
			data = NULL;
		}
	}
	fclose(f);
	return data;
}

static void
replay_file(const char *path)
{
	size_t len = 0;
	uint8_t *data = file_read(path, &len);

	if (data == NULL) {
		tell(false, path, strerror(errno));
		return;
	}
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	tell(true, path, NULL);
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		replay_file(path);
		return;
	}
	n = scandir(path, &entries, is_visible, alphasort);
	if (n <= 0) {
		tell(false, path, n < 0 ? strerror(errno) : "no file in it");
		return;
	}
	for (int i = 0; i < n; i++) {
		char name[PATH_MAX];

		if (snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) <
		    (int)sizeof(name))
			replay(name);
		else
			tell(false, entries[i]->d_name, "its path is too long");
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("1..%d\n", files);
	return failures > 0;
}
