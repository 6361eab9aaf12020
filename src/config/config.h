/*
 * Settings: one immutable snapshot for each process.
 *
 * Sources, weakest first: built-in defaults < the file < the environment < -D.  (What is
 * changed at run time will stand between file and environment.)  settings.def is the one
 * list: struct, parser, -D, environment names, `config list`, manual checks follow from it.
 *
 * Two steps, because the environment and the command line exist once but the file is read
 * again at each reload: config_input_new() reads what the process was born with (and takes
 * the secrets out of it), config_load() makes a snapshot from that and the file.
 */
#ifndef POLLUX_CONFIG_CONFIG_H
#define POLLUX_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/text.h"

/* A list of texts; owned by the snapshot. */
struct config_list {
	const char *const *items;
	size_t count;
};

/* C type and member name of each setting type.  Durations are in ms, sizes in bytes. */
#define CONFIG_MEMBER_TEXT(s, k)     const char *s##_##k;        /* never NULL, may be "" */
#define CONFIG_MEMBER_PATH(s, k)     const char *s##_##k;        /* absolute, or "" */
#define CONFIG_MEMBER_URL(s, k)      const char *s##_##k;        /* no slash at its end, or "" */
#define CONFIG_MEMBER_INT(s, k)      int64_t s##_##k;
#define CONFIG_MEMBER_BOOL(s, k)     bool s##_##k;
#define CONFIG_MEMBER_DURATION(s, k) int64_t s##_##k##_ms;
#define CONFIG_MEMBER_BYTES(s, k)    uint64_t s##_##k##_bytes;
#define CONFIG_MEMBER_CHOICE(s, k)   const char *s##_##k;        /* one of the listed words */
#define CONFIG_MEMBER_LIST(s, k)     struct config_list s##_##k;

/* One model "NAME" { } block. */
struct config_model {
	const char *name;
	const char *display_name; /* "" when not given */
	const char *alias;        /* what NAME stands for upstream; "" when NAME is one itself */
	int64_t rpm, tpm, rpd;    /* for one credential; 0: not set */
	int64_t input_token_limit; /* 0: as upstream says */
	bool enabled;
};

struct config {
#define SETTING(section, key, type, def, min, max, flags, help) CONFIG_MEMBER_##type(section, key)
#include "config/settings.def"
#undef SETTING
	struct config_model *models; /* owned; in the order of the file */
	size_t model_count;
	const char *file;            /* the file that was read, or "" */
	struct config_private *priv; /* owned: arena, origins */
};

/* Secrets that came by the environment; handed to the janitor, then wiped. */
struct config_secrets {
	char **gemini_keys; /* owned; NULL-terminated, or NULL */
	char **client_keys; /* owned; NULL-terminated, or NULL */
	bool has_gemini_keys; /* set, if only to "": env keys that are not listed are disabled */
};

/* Called for each warning and each error that is found, one line without its end. */
typedef void config_say_fn(void *ctx, bool is_error, const char *line);

struct config_input;

/*
 * file: -c, or NULL for the default place, where a missing file is fine.  overrides:
 * "section.key=value" from -D, in order.  env: environ.  All is copied.  Faults of -D and
 * bad values in the environment are errors; unknown POLLUX_* variables are warnings.  NULL
 * when there was an error (each was said).
 */
struct config_input *config_input_new(const char *file, const char *const *overrides, size_t n,
    char *const *env, config_say_fn *say, void *ctx);
void config_input_free(struct config_input **); /* wipes secrets still held */
struct config_secrets *config_input_secrets(struct config_input *); /* borrowed, may be changed */
void config_secrets_wipe(struct config_secrets *);

/* NULL when the file or the whole is not valid; every fault is said with file and line. */
struct config *config_load(const struct config_input *, config_say_fn *say, void *ctx);
void config_free(struct config **);

/* "default", "file /etc/x:12", "environment POLLUX_X", "-D"; NULL for an unknown name. */
const char *config_origin(const struct config *, const char *dotted_name);
/* The value as text, as `config list` and `config get` show it; false for an unknown name. */
bool config_value(const struct config *, const char *dotted_name, struct buf *out);
/* The names in order, "server.listen" first; NULL behind the last. */
const char *config_name(size_t i);
const char *config_help(size_t i);
/* Settings that differ between two snapshots, one call each; restart: needs more than a reload. */
void config_diff(const struct config *old, const struct config *new_,
    void (*fn)(void *ctx, const char *name, bool restart), void *ctx);

/* What takes a restart keeps, until then, the value that the running daemon has. */
void config_keep_running(struct config *new_, const struct config *running);

const struct config_model *config_model_find(const struct config *, struct span name); /* or NULL */

/* Where polluxd and polluxctl look when nobody said: installed paths for root, XDG for others.
 * Each is written to out, NUL-terminated; false when it cannot be told (no HOME). */
bool config_default_file(struct buf *out);
bool config_default_run_dir(struct buf *out);
bool config_default_state_dir(struct buf *out);

#endif
