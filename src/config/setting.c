/*
 * The table of settings, made from settings.def, and what can be done with one of them: find
 * it by name, write its value into the snapshot, show it, compare it.
 * Runs wherever a configuration is read.  Owns nothing.
 */
#include "config/private.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "config/config.h"
#include "config/values.h"

#define OFFSET_TEXT(type, member)     offsetof(type, member)
#define OFFSET_PATH(type, member)     offsetof(type, member)
#define OFFSET_URL(type, member)      offsetof(type, member)
#define OFFSET_INT(type, member)      offsetof(type, member)
#define OFFSET_BOOL(type, member)     offsetof(type, member)
#define OFFSET_CHOICE(type, member)   offsetof(type, member)
#define OFFSET_LIST(type, member)     offsetof(type, member)
#define OFFSET_DURATION(type, member) offsetof(type, member##_ms)
#define OFFSET_BYTES(type, member)    offsetof(type, member##_bytes)

#define RELOAD  false
#define RESTART true

static const struct setting settings[] = {
#define SETTING(section, key, type, def, min, max, change, help)                                   \
	{ #section, #key, #section "." #key, SETTING_##type, def, min, max, change, help,          \
		OFFSET_##type(struct config, section##_##key) },
#include "config/settings.def"
};

static const struct setting model_settings[] = {
#define MODEL_SETTING(key, type, def, min, max, change, help)                                      \
	{ SETTING_MODEL, #key, SETTING_MODEL "." #key, SETTING_##type, def, min, max, change,      \
		help, OFFSET_##type(struct config_model, key) },
#include "config/settings.def"
};

#define COUNT       (sizeof(settings) / sizeof(settings[0]))
#define MODEL_COUNT (sizeof(model_settings) / sizeof(model_settings[0]))

size_t
setting_count(void)
{
	return COUNT;
}

const struct setting *
setting_at(size_t i)
{
	return &settings[i];
}

size_t
setting_model_count(void)
{
	return MODEL_COUNT;
}

const struct setting *
setting_model_at(size_t i)
{
	return &model_settings[i];
}

bool
setting_is_section(struct span section)
{
	if (span_is(section, SETTING_MODEL))
		return true;
	for (size_t i = 0; i < COUNT; i++)
		if (span_is(section, settings[i].section))
			return true;
	return false;
}

const struct setting *
setting_find(struct span section, struct span key)
{
	bool model = span_is(section, SETTING_MODEL);
	const struct setting *table = model ? model_settings : settings;

	for (size_t i = 0; i < (model ? MODEL_COUNT : COUNT); i++)
		if (span_is(section, table[i].section) && span_is(key, table[i].key))
			return &table[i];
	return NULL;
}

const struct setting *
setting_find_dotted(struct span name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (span_is(name, settings[i].name))
			return &settings[i];
	return NULL;
}

bool
setting_split(struct span name, struct span *section, struct span *model, struct span *key)
{
	const char *last = name.len == 0 ? NULL : memrchr(name.p, '.', name.len);
	struct span rest = name;

	*model = SPAN_NONE;
	if (last == NULL)
		return false;
	*section = span_cut(&rest, '.');
	*key = rest;
	if (!span_is(*section, SETTING_MODEL))
		return true;
	if (rest.p > last) /* one dot alone */
		return false;
	*model = span_mem(rest.p, (size_t)(last - rest.p));
	*key = span_mem(last + 1, name.len - (size_t)(last - name.p) - 1);
	return true;
}

/* The table of names gives a static text, so the word may be a copy that dies here. */
static const char *
nearest(struct span word, const char *const *names, size_t n)
{
	char *text = mem_dup_span(word);
	const char *found = text_nearest(text, names, n);

	mem_free(text);
	return found;
}

const char *
setting_nearest_section(struct span word)
{
	const char *names[COUNT + 1];
	size_t n = 0;

	names[n++] = SETTING_MODEL;
	for (size_t i = 0; i < COUNT; i++)
		if (i == 0 || strcmp(settings[i].section, settings[i - 1].section) != 0)
			names[n++] = settings[i].section;
	return nearest(word, names, n);
}

/* A near key of the same section, else the same key of another section, else a near whole name. */
const char *
setting_nearest(struct span section, struct span key)
{
	bool model = span_is(section, SETTING_MODEL);
	const struct setting *table = model ? model_settings : settings;
	const char *names[COUNT + MODEL_COUNT], *found;
	struct buf whole = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < (model ? MODEL_COUNT : COUNT); i++)
		if (span_is(section, table[i].section))
			names[n++] = table[i].key;
	found = nearest(key, names, n);
	if (found != NULL)
		return setting_find(section, span_of(found))->name;
	for (size_t i = 0; i < COUNT; i++)
		if (span_is(key, settings[i].key))
			return settings[i].name;
	for (n = 0; n < COUNT; n++)
		names[n] = settings[n].name;
	buf_printf(&whole, "%.*s.%.*s", SPAN_ARG(section), SPAN_ARG(key));
	found = nearest(buf_span(&whole), names, n);
	buf_fini(&whole);
	return found;
}

void
setting_env_name(const struct setting *s, struct buf *out)
{
	buf_add_lit(out, "POLLUX_");
	for (const char *p = s->name; *p != '\0'; p++)
		buf_add_char(out, *p == '.' ? '_' : (char)toupper((unsigned char)*p));
}

static void *
place_of(const struct setting *s, void *base)
{
	return (char *)base + s->offset;
}

static const void *
place_in(const struct setting *s, const void *base)
{
	return (const char *)base + s->offset;
}

static const char *
text_in(const struct setting *s, const void *base)
{
	return *(const char *const *)place_in(s, base);
}

static bool
write_int(const struct setting *s, void *base, struct span value, struct err *e)
{
	int64_t n, min, max;

	if (!value_int(value, &n, e) || !value_int(span_of(s->min), &min, e) ||
	    !value_int(span_of(s->max), &max, e))
		return false;
	if (n < min || n > max)
		return err_set(
		    e, ERR_CONFIG, "%" PRId64 " is out of range: %s to %s", n, s->min, s->max);
	*(int64_t *)place_of(s, base) = n;
	return true;
}

/* Where "never" is the default, it is a value. */
static bool
may_be_never(const struct setting *s)
{
	return strcmp(s->def, "never") == 0;
}

static bool
write_duration(const struct setting *s, void *base, struct span value, struct err *e)
{
	int64_t ms, min, max;

	if (may_be_never(s) && span_is(value, "never")) {
		*(int64_t *)place_of(s, base) = 0;
		return true;
	}
	if (!value_duration(value, &ms, e) || !value_duration(span_of(s->min), &min, e) ||
	    !value_duration(span_of(s->max), &max, e))
		return false;
	if (ms < min || ms > max)
		return err_set(e, ERR_CONFIG, "%s is out of range: %s to %s%s",
		    value_quote(value).text, s->min, s->max, may_be_never(s) ? ", or never" : "");
	*(int64_t *)place_of(s, base) = ms;
	return true;
}

static bool
write_bytes(const struct setting *s, void *base, struct span value, struct err *e)
{
	uint64_t n, min, max;

	if (!value_bytes(value, &n, e) || !value_bytes(span_of(s->min), &min, e) ||
	    !value_bytes(span_of(s->max), &max, e))
		return false;
	if (n < min || n > max)
		return err_set(e, ERR_CONFIG, "%s is out of range: %s to %s",
		    value_quote(value).text, s->min, s->max);
	*(uint64_t *)place_of(s, base) = n;
	return true;
}

static bool
write_url(const struct setting *s, void *base, struct span value, struct arena *a, struct err *e)
{
	struct buf url = BUF_INIT;
	bool ok = value_url(value, s->min, strcmp(s->max, "proxy") == 0, &url, e);

	if (ok)
		*(const char **)place_of(s, base) = arena_dup_span(a, buf_span(&url));
	buf_wipe(&url);
	return ok;
}

static bool
has_form(const char *form, struct span value, struct err *e)
{
	static const struct {
		const char *form;
		bool (*check)(struct span, struct err *);
	} forms[] = {
		{ "", value_text },
		{ "account", value_account },
		{ "target", value_target },
		{ "model", value_model },
		{ "address", value_address },
		{ "word", value_word },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(form, forms[i].form) == 0)
			return forms[i].check(value, e);
	return err_set(e, ERR_CONFIG, "settings.def knows no form \"%s\"", form);
}

static bool
write_text(const struct setting *s, void *base, struct span value, struct arena *a, struct err *e)
{
	if (!has_form(s->min, value, e))
		return false;
	*(const char **)place_of(s, base) = arena_dup_span(a, value);
	return true;
}

static bool
write_path(const struct setting *s, void *base, struct span value, struct arena *a, struct err *e)
{
	if (!value_path(value, e))
		return false;
	while (value.len > 1 && value.p[value.len - 1] == '/')
		value.len--;
	*(const char **)place_of(s, base) = arena_dup_span(a, value);
	return true;
}

static bool
write_choice(const struct setting *s, void *base, struct span value, struct arena *a, struct err *e)
{
	struct span word;

	if (!value_choice(value, s->min, &word, e))
		return false;
	*(const char **)place_of(s, base) = arena_dup_span(a, word);
	return true;
}

/* Each value is cut at its commas as well, so that every source may write lists as -D has to. */
static bool
write_list(const struct setting *s, void *base, const char *const *values, size_t count,
    struct arena *a, struct err *e)
{
	struct config_list list = { NULL, 0 };
	const char **items;
	size_t room = 0;

	for (size_t i = 0; i < count; i++) {
		room++;
		for (const char *p = values[i]; *p != '\0'; p++)
			room += *p == ',';
	}
	items = arena_alloc(a, (room + 1) * sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		struct span rest = span_of(values[i]);

		while (rest.p != NULL) {
			struct span item = span_trim(span_cut(&rest, ','));

			if (item.len == 0)
				continue;
			if (!has_form(s->min, item, e))
				return false;
			items[list.count++] = arena_dup_span(a, item);
		}
	}
	list.items = items;
	*(struct config_list *)place_of(s, base) = list;
	return true;
}

bool
setting_write(const struct setting *s, void *base, const char *const *values, size_t count,
    struct arena *a, struct err *e)
{
	struct span value;

	if (s->type == SETTING_LIST)
		return write_list(s, base, values, count, a, e);
	if (count != 1)
		return err_set(e, ERR_CONFIG, "takes one value, not a list");
	value = span_trim(span_of(values[0]));
	switch (s->type) {
	case SETTING_INT:
		return write_int(s, base, value, e);
	case SETTING_BOOL:
		return value_bool(value, place_of(s, base), e);
	case SETTING_DURATION:
		return write_duration(s, base, value, e);
	case SETTING_BYTES:
		return write_bytes(s, base, value, e);
	case SETTING_CHOICE:
		return write_choice(s, base, value, a, e);
	default:
		break;
	}
	if (value.len == 0 && s->def[0] == '\0') { /* as if nobody had said it */
		*(const char **)place_of(s, base) = "";
		return true;
	}
	if (s->type == SETTING_URL)
		return write_url(s, base, value, a, e);
	if (s->type == SETTING_PATH)
		return write_path(s, base, value, a, e);
	return write_text(s, base, value, a, e);
}

static void
show_list(const struct config_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_add_lit(out, ", ");
		buf_add_text(out, list->items[i]);
	}
}

void
setting_show(const struct setting *s, const void *base, struct buf *out)
{
	switch (s->type) {
	case SETTING_INT:
		buf_add_int(out, *(const int64_t *)place_in(s, base));
		break;
	case SETTING_BOOL:
		buf_add_text(out, *(const bool *)place_in(s, base) ? "yes" : "no");
		break;
	case SETTING_DURATION:
		if (may_be_never(s) && *(const int64_t *)place_in(s, base) == 0)
			buf_add_text(out, "never");
		else
			value_show_duration(out, *(const int64_t *)place_in(s, base));
		break;
	case SETTING_BYTES:
		value_show_bytes(out, *(const uint64_t *)place_in(s, base));
		break;
	case SETTING_LIST:
		show_list(place_in(s, base), out);
		break;
	case SETTING_URL:
		value_show_url(out, span_of(text_in(s, base)));
		break;
	default:
		buf_add_text(out, text_in(s, base));
		break;
	}
}

static bool
list_equal(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

bool
setting_equal(const struct setting *s, const void *a, const void *b)
{
	switch (s->type) {
	case SETTING_INT:
	case SETTING_DURATION:
	case SETTING_BYTES:
		return memcmp(place_in(s, a), place_in(s, b), sizeof(int64_t)) == 0;
	case SETTING_BOOL:
		return *(const bool *)place_in(s, a) == *(const bool *)place_in(s, b);
	case SETTING_LIST:
		return list_equal(place_in(s, a), place_in(s, b));
	default:
		return strcmp(text_in(s, a), text_in(s, b)) == 0;
	}
}

static void
list_copy(struct config_list *to, const struct config_list *from, struct arena *arena)
{
	const char **items = arena_alloc(arena, (from->count + 1) * sizeof(*items));

	for (size_t i = 0; i < from->count; i++)
		items[i] = arena_dup(arena, from->items[i]);
	*to = (struct config_list){ items, from->count };
}

void
setting_copy(const struct setting *s, void *to, const void *from, struct arena *arena)
{
	switch (s->type) {
	case SETTING_INT:
	case SETTING_DURATION:
	case SETTING_BYTES:
		memcpy(place_of(s, to), place_in(s, from), sizeof(int64_t));
		break;
	case SETTING_BOOL:
		*(bool *)place_of(s, to) = *(const bool *)place_in(s, from);
		break;
	case SETTING_LIST:
		list_copy(place_of(s, to), place_in(s, from), arena);
		break;
	default:
		*(const char **)place_of(s, to) = arena_dup(arena, text_in(s, from));
		break;
	}
}

void
setting_wipe(const struct setting *s, void *base)
{
	char **text = place_of(s, base);

	if (s->type == SETTING_URL && *text != NULL && (*text)[0] != '\0') {
		mem_wipe(*text, strlen(*text));
		*text = NULL;
	}
}

bool
setting_holds_login(const struct setting *s, struct span value)
{
	return s->type == SETTING_URL && value_url_has_login(span_trim(value));
}
