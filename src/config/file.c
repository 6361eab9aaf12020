/*
 * The configuration file: from bytes to entries with their lines.
 * Runs wherever a configuration is read, in one thread (libconfuse has one lexer for the process).
 *
 * libconfuse reads it, but would stop at the first name that it does not know.  So there are
 * three steps, and through all of them a line stays where it is:
 *
 *	clean	(clean.c) comments go, what the library would misread is refused;
 *	walk	from name to name: says which are unknown, and blanks them with their values;
 *	parse	what is left, by libconfuse.
 */
#include "config/private.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "config/values.h"

#define FILE_LARGEST    (1024 * 1024)
#define NOT_OF_THE_FORM "not of the form NAME = VALUE or NAME = { VALUE, ... }"

/* What the steps work on. */
struct reading {
	const char *path;        /* borrowed */
	struct faults *faults;   /* borrowed */
	struct entries *entries; /* borrowed */
	struct buf text;         /* cleaned; may hold secrets */
};

static bool
read_all(int fd, struct buf *text, struct err *e)
{
	for (;;) {
		ssize_t n;

		buf_reserve(text, 4096);
		n = read(fd, text->data + text->len, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "cannot be read");
		if (n == 0)
			return true;
		text->len += (size_t)n;
		text->data[text->len] = '\0';
		if (text->len > FILE_LARGEST)
			return err_set(e, ERR_CONFIG, "is larger than %d KiB", FILE_LARGEST / 1024);
	}
}

/* "-c /dev/null": nothing but defaults, environment and -D. */
static bool
is_null_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

bool
file_read(const char *path, struct buf *text, bool *missing, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	bool ok;

	*missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (fd < 0)
		return err_errno(e, "cannot be read");
	if (fstat(fd, &st) != 0)
		ok = err_errno(e, "cannot be read");
	else if (!S_ISREG(st.st_mode) && !is_null_device(&st))
		ok = err_set(e, ERR_CONFIG, "is not a regular file");
	else
		ok = read_all(fd, text, e);
	close(fd);
	return ok;
}

/* ---- walk ---- */

/* A piece of cleaned text: 'w' a word or a quoted text, '+' the sign "+=", else the sign itself;
 * 0 at the end. */
struct token {
	char kind;
	size_t at, end;
	int line;
};

struct walk {
	struct reading *r;
	size_t at;
	int line;
	struct span section; /* borrowed from the text; p == NULL: outside */
	int section_line;
	struct token latest; /* the name of the latest known setting */
	int refused_line;    /* where stray words were refused: once is enough */
};

static struct token
token_next(struct walk *w)
{
	const char *text = buf_text(&w->r->text);
	struct token t;

	for (; text[w->at] == ' ' || text[w->at] == '\n'; w->at++)
		w->line += text[w->at] == '\n';
	t = (struct token){ .kind = 'w', .at = w->at, .end = w->at, .line = w->line };
	if (text[t.at] == '"' || text[t.at] == '\'') {
		for (t.end++; text[t.end] != text[t.at]; t.end++)
			t.end += text[t.end] == '\\';
		t.end++;
	} else if (text[t.at] == '\0' || strchr(CLEAN_WORD_ENDS, text[t.at]) != NULL) {
		t.kind = text[t.at];
		t.end += t.kind == '\0' ? 0 : t.kind == '+' ? 2 : 1;
	} else {
		t.end += strcspn(text + t.end, CLEAN_WORD_ENDS);
	}
	w->at = t.end;
	return t;
}

/* A word without its quotes.  Names have no escapes: one with a backslash is unknown as it is. */
static struct span
token_text(const struct walk *w, struct token t)
{
	const char *p = buf_text(&w->r->text) + t.at;
	size_t quotes = *p == '"' || *p == '\'';

	return span_mem(p + quotes, t.end - t.at - 2 * quotes);
}

static void
blank(struct walk *w, size_t from, size_t to)
{
	for (char *p = w->r->text.data; from < to; from++)
		if (p[from] != '\n')
			p[from] = ' ';
}

/* From behind an opening brace to behind the one that closes it. */
static void
skip_braces(struct walk *w)
{
	for (int depth = 1; depth > 0;) {
		struct token t = token_next(w);

		if (t.kind == '\0')
			return;
		depth += (t.kind == '{') - (t.kind == '}');
	}
}

static void
say_unknown_section(struct walk *w, struct token name)
{
	struct span text = token_text(w, name);
	const char *near = setting_nearest_section(text);

	faults_at(w->r->faults, w->r->path, name.line, "there is no section %s%s%s",
	    value_quote(text).text, near == NULL ? "" : "; did you mean ",
	    near == NULL ? "" : near);
}

static void
say_unknown_key(struct walk *w, struct token name)
{
	struct span key = token_text(w, name);
	const char *near = setting_nearest(w->section, key);

	if (w->section.p == NULL)
		faults_at(w->r->faults, w->r->path, name.line, "%s stands outside of every section",
		    value_quote(key).text);
	else
		faults_at(w->r->faults, w->r->path, name.line,
		    "there is no setting %s in section %.*s%s%s", value_quote(key).text,
		    SPAN_ARG(w->section), near == NULL ? "" : "; did you mean ",
		    near == NULL ? "" : near);
}

/* The cursor stands behind the equal sign. */
static void
walk_value(struct walk *w, struct token name)
{
	struct token first = token_next(w);
	bool known = w->section.p != NULL && setting_find(w->section, token_text(w, name)) != NULL;

	if (first.kind == '{')
		skip_braces(w);
	else if (first.kind != 'w') /* no value: the next turn stands before this sign again */
		w->at = first.at;
	if (known) {
		w->latest = name;
	} else {
		say_unknown_key(w, name);
		blank(w, name.at, w->at);
	}
}

/* A word in the place of a name: most often the rest of a value such as 64 KiB.  It is not
 * repeated, for it may as well be the rest of a password. */
static void
refuse_word(struct walk *w, struct token word)
{
	bool spilled = w->latest.line == word.line;

	if (w->refused_line != word.line)
		faults_at(w->r->faults, w->r->path, word.line, "%s",
		    spilled ? "a value of several words must stand in quotes" : NOT_OF_THE_FORM);
	w->refused_line = word.line;
	blank(w, spilled ? w->latest.at : word.at, word.end);
	w->at = word.end;
	w->line = word.line;
}

/* The cursor stands behind the opening brace.  False when nothing behind here can be relied on. */
static bool
walk_section(struct walk *w, struct token name)
{
	struct span text = token_text(w, name);

	if (!setting_is_section(text)) {
		say_unknown_section(w, name);
		skip_braces(w);
		blank(w, name.at, w->at);
		return true;
	}
	if (w->section.p != NULL) {
		faults_at(w->r->faults, w->r->path, name.line,
		    "section %.*s begins inside section %.*s of line %d, which is not closed",
		    SPAN_ARG(text), SPAN_ARG(w->section), w->section_line);
		w->r->text.len = name.at;
		w->r->text.data[name.at] = '\0';
		return false;
	}
	w->section = text;
	w->section_line = name.line;
	return true;
}

/* One statement; false at the end and where the library will find something to say. */
static bool
walk_on(struct walk *w)
{
	struct token name = token_next(w), next;

	if (name.kind == '\0' && w->section.p != NULL)
		faults_at(w->r->faults, w->r->path, w->section_line, "section %.*s is not closed",
		    SPAN_ARG(w->section));
	if (name.kind == '}' && w->section.p != NULL) {
		w->section = SPAN_NONE;
		return true;
	}
	if (name.kind != 'w')
		return false;
	next = token_next(w);
	if (next.kind == '=' || next.kind == '+') {
		walk_value(w, name);
		return true;
	}
	if (next.kind == 'w')
		next = token_next(w);
	if (next.kind == '{')
		return walk_section(w, name);
	if (w->section.p == NULL || setting_find(w->section, token_text(w, name)) != NULL)
		return false;
	refuse_word(w, name);
	return true;
}

/* ---- parse ---- */

/* libconfuse hands its callbacks no context, and its lexer is one for the whole process anyway. */
static struct reading *parsing;

static struct entry *
entry_latest(struct entries *es, const struct setting *s, const char *model)
{
	for (size_t i = es->count; i-- > 0;) {
		struct entry *e = &es->items[i];

		if (e->setting == s && (model == NULL || strcmp(e->model, model) == 0))
			return e;
	}
	return NULL;
}

/* Called for each value in the order of the file; cfg is its section. */
static int
take_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct reading *r = parsing;
	const struct setting *s = setting_find(span_of(cfg->name), span_of(opt->name));
	const char *model = cfg->title;
	struct entry *e;
	char *origin;

	*(const char **)result = value;
	if (s == NULL) /* the walk has left known names only */
		return 0;
	e = entry_latest(r->entries, s, model);
	if (e == NULL || opt->nvalues == 1) { /* 1: behind an equal sign; more: further in a list */
		if (e != NULL)
			faults_add(r->faults, false, cfg->line,
			    "%s:%d: %s is set a second time; line %d does not count", r->path,
			    cfg->line, s->name, e->line);
		origin = mem_printf("file %s:%d", r->path, cfg->line);
		e = entries_add(r->entries, s, model, origin, cfg->line);
		mem_free(origin);
	}
	entry_add_value(r->entries, e, span_of(value));
	return 0;
}

/* The library's words, if they quote no value: that may be a password in the wrong place. */
static void
take_fault(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct buf words = BUF_INIT;

	if (strchr(fmt, '%') == NULL || strncmp(fmt, "missing", strlen("missing")) == 0) {
		buf_vprintf(&words, fmt, ap);
		faults_at(parsing->faults, parsing->path, cfg->line, "%s", buf_text(&words));
	} else {
		faults_at(parsing->faults, parsing->path, cfg->line, NOT_OF_THE_FORM);
	}
	buf_fini(&words);
}

/* The options of a section: all are lists of texts, so that every value comes to take_value. */
static cfg_opt_t *
options_of(const char *section)
{
	bool model = strcmp(section, SETTING_MODEL) == 0;
	size_t n = model ? setting_model_count() : setting_count(), used = 0;
	cfg_opt_t *opts = mem_array(n + 1, sizeof(*opts));

	for (size_t i = 0; i < n; i++) {
		const struct setting *s = model ? setting_model_at(i) : setting_at(i);

		if (strcmp(s->section, section) == 0)
			opts[used++] = (cfg_opt_t)CFG_STR_LIST_CB(s->key, 0, CFGF_NONE, take_value);
	}
	opts[used] = (cfg_opt_t)CFG_END();
	return opts;
}

static cfg_opt_t *
options_new(void)
{
	cfg_opt_t *opts = mem_array(setting_count() + 2, sizeof(*opts));
	size_t n = 0;

	opts[n++] =
	    (cfg_opt_t)CFG_SEC(SETTING_MODEL, options_of(SETTING_MODEL), CFGF_MULTI | CFGF_TITLE);
	for (size_t i = 0; i < setting_count(); i++) {
		const char *section = setting_at(i)->section;

		if (i == 0 || strcmp(section, setting_at(i - 1)->section) != 0)
			opts[n++] = (cfg_opt_t)CFG_SEC(section, options_of(section), CFGF_NONE);
	}
	opts[n] = (cfg_opt_t)CFG_END();
	return opts;
}

static void
options_free(cfg_opt_t *opts)
{
	for (size_t i = 0; opts[i].name != NULL; i++)
		mem_free(opts[i].subopts);
	mem_free(opts);
}

/* A block counts as one even when nothing is set in it. */
static void
take_models(cfg_t *cfg, struct reading *r)
{
	unsigned int n = cfg_size(cfg, SETTING_MODEL);

	for (unsigned int i = 0; i < n; i++) {
		cfg_t *block = cfg_getnsec(cfg, SETTING_MODEL, i);
		char *origin = mem_printf("file %s:%d", r->path, block->line);

		entries_add(r->entries, NULL, block->title, origin, block->line);
		mem_free(origin);
	}
}

static void
parse(struct reading *r)
{
	cfg_opt_t *opts = options_new();
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);
	size_t faults = r->faults->errors;

	options_free(opts); /* the library made a copy */
	if (cfg == NULL)
		mem_exhausted(sizeof(*cfg));
	parsing = r;
	cfg_set_error_function(cfg, take_fault);
	if (cfg_parse_buf(cfg, buf_text(&r->text)) != CFG_SUCCESS && r->faults->errors == faults)
		faults_add(
		    r->faults, true, 0, "%s: cannot be read as a configuration file", r->path);
	take_models(cfg, r);
	parsing = NULL;
	cfg_free(cfg);
}

void
file_parse(struct span text, const char *path, struct entries *entries, struct faults *faults)
{
	struct reading r = { .path = path, .faults = faults, .entries = entries };
	struct walk w = { .r = &r, .line = 1 };

	buf_init(&r.text);
	if (clean_text(text, path, &r.text, faults)) {
		while (walk_on(&w))
			;
		parse(&r);
	}
	buf_wipe(&r.text);
}
