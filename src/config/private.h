/*
 * What the rooms of config/ share: the table of settings in memory, entries (a setting that
 * some source gives a value to), and the faults that are found on the way.
 */
#ifndef POLLUX_CONFIG_PRIVATE_H
#define POLLUX_CONFIG_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

/* setting.c: settings.def as a table, and a setting's value in the struct it belongs to. */

enum setting_type {
	SETTING_TEXT,
	SETTING_PATH,
	SETTING_URL,
	SETTING_INT,
	SETTING_BOOL,
	SETTING_DURATION,
	SETTING_BYTES,
	SETTING_CHOICE,
	SETTING_LIST
};

struct setting {
	const char *section; /* "model" for what stands in a model block */
	const char *key;
	const char *name;    /* "server.listen"; "model.alias" */
	enum setting_type type;
	const char *def, *min, *max; /* as settings.def explains */
	bool restart;
	const char *help;
	size_t offset; /* into struct config, or struct config_model */
};

#define SETTING_MODEL "model" /* the section that has a name for each of its blocks */

size_t setting_count(void);
const struct setting *setting_at(size_t i);
size_t setting_model_count(void);
const struct setting *setting_model_at(size_t i);
bool setting_is_section(struct span section); /* "model" too */
const struct setting *setting_find(struct span section, struct span key); /* or NULL */
const struct setting *setting_find_dotted(struct span name); /* none of a model; or NULL */
/* "server.listen", or "model.NAME.key" where NAME may hold dots; model is SPAN_NONE elsewhere.
 * False when it has no such form; the names themselves may be unknown. */
bool setting_split(struct span name, struct span *section, struct span *model, struct span *key);
/* A name to suggest in place of an unknown one, or NULL; section may be SPAN_NONE. */
const char *setting_nearest_section(struct span word);
const char *setting_nearest(struct span section, struct span key);
void setting_env_name(const struct setting *, struct buf *out); /* appends POLLUX_SERVER_LISTEN */

/* Reads the values into base; what it makes lies in the arena.  The words of err complete
 * "server.workers: ..." and never hold what may be a secret. */
bool setting_write(const struct setting *, void *base, const char *const *values, size_t count,
    struct arena *, struct err *);
/* As `config list` shows it: without a password. */
void setting_show(const struct setting *, const void *base, struct buf *out);
bool setting_equal(const struct setting *, const void *a, const void *b);
void setting_copy(const struct setting *, void *to, const void *from, struct arena *);
void setting_wipe(const struct setting *, void *base); /* overwrites what may be a secret */
/* The value would be a proxy's URL with user and password in it. */
bool setting_holds_login(const struct setting *, struct span value);

/* entry.c */

struct entry {
	const struct setting *setting; /* NULL: says only that there is a block of this name */
	const char *model;             /* NAME of a model block; else NULL */
	const char **values;
	size_t count, cap;
	const char *origin; /* "file /etc/x:12", "environment POLLUX_X", "-D" */
	int line;           /* in the file; 0 elsewhere */
};

struct entries {
	struct arena *arena; /* owned: the items and all they point to */
	struct entry *items;
	size_t count, cap;
};

void entries_init(struct entries *);
void entries_fini(struct entries *); /* wipes the values: a proxy may have a password */
/* Copies all; gives the item, borrowed until the next call. */
struct entry *entries_add(struct entries *, const struct setting *, const char *model,
    const char *origin, int line);
void entry_add_value(struct entries *, struct entry *, struct span value);
const char *origin_place(const char *origin); /* the origin as the start of a fault's line */

#define FAULTS_MOST 100 /* more are not listed, only said to be there */

struct faults {
	struct fault_line {
		int line;
		bool is_error;
		char *text; /* owned */
	} *items;
	size_t count, errors;
};

void faults_add(struct faults *, bool is_error, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* An error at that line of the file: "PATH:LINE: ...". */
void faults_at(struct faults *, const char *path, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void faults_sort(struct faults *); /* by line; those of one line stay in order */
void faults_fini(struct faults *);

/* clean.c */

/* What ends a word that is not quoted. */
#define CLEAN_WORD_ENDS " \t\r\n#\"'{}()=,+*"

/* Appends the file's text without comments, with every quoted text on one line and closed, and
 * with nothing in it that libconfuse would misread; each byte stays on its line.  False when it is
 * no text at all. */
bool clean_text(struct span in, const char *path, struct buf *out, struct faults *);

/* file.c */

/* False with missing set when there is no such file, false with a fault when it cannot be read. */
bool file_read(const char *path, struct buf *text, bool *missing, struct err *);
void file_parse(struct span text, const char *path, struct entries *, struct faults *);

/* environ.c */

struct config_secrets;
const char *environ_get(char *const *env, const char *name); /* borrowed, or NULL */
void environ_read(char *const *env, struct entries *, struct config_secrets *, struct faults *);

/* override.c: "section.key=value" of -D. */
void override_read(const char *text, struct entries *, struct faults *);

/* places.c: where things are when nobody said. */

struct places {
	char *file, *state_dir, *run_dir; /* owned; NULL: cannot be told */
};

void places_find(struct places *, bool is_root, char *const *env);
void places_fini(struct places *);

#endif
