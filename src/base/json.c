/*
 * jansson with typed getters: see json.h.
 *
 * Used in every process, never on the way of a request; owns nothing.  Whether a text is JSON
 * is decided by the scanner, so that one grammar holds in the whole house and a fault is told
 * in the same words with its place.  jansson's own words are never passed on: they quote the
 * input, which may be a secret.
 */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/scan.h"

#define FIELD_BYTES sizeof(((struct err *)NULL)->field)

static const char *
or_empty(const char *path)
{
	return path ? path : "";
}

/* What jansson refuses although the scanner took it. */
static bool
refuse_tree(const json_error_t *why, size_t len, const char *path, struct err *e)
{
	switch (json_error_code(why)) {
	case json_error_out_of_memory:
		mem_exhausted(len);
	case json_error_numeric_overflow:
		return err_field(e, path, "a number in the JSON text is too large");
	default:
		return err_field(e, path, "the JSON text cannot be used, near line %d", why->line);
	}
}

json_t *
json_parse(struct span text, const char *path, struct err *e)
{
	const char *fault;
	size_t fault_at;
	json_error_t why;
	json_t *tree;

	if (!scan_check(text, &fault, &fault_at)) {
		err_field(e, or_empty(path), "invalid JSON: %s at byte %zu", fault, fault_at);
		return NULL;
	}
	tree = json_loadb(text.p, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!tree)
		refuse_tree(&why, text.len, or_empty(path), e);
	return tree;
}

/* ---- getters ---- */

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction or exponent";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

static void
field_name(char out[FIELD_BYTES], const char *path, const char *key)
{
	/* Cut when too long, as err.h cuts it. */
	if (path && *path)
		(void)!snprintf(out, FIELD_BYTES, "%s.%s", path, key);
	else
		(void)!snprintf(out, FIELD_BYTES, "%s", key);
}

static bool
refuse(struct err *e, const char *path, const char *key, const char *words)
{
	char field[FIELD_BYTES];

	field_name(field, path, key);
	return err_field(e, field, "%s %s", field, words);
}

static bool
refuse_type(
    struct err *e, const char *path, const char *key, const char *wanted, const json_t *value)
{
	char field[FIELD_BYTES];

	field_name(field, path, key);
	return err_field(e, field, "%s must be %s, not %s", field, wanted, type_name(value));
}

/* The member, or NULL where it is absent or null; false when obj is no object. */
static bool
look_up(const json_t *obj, const char *key, const char *path, json_t **value, struct err *e)
{
	*value = NULL;
	if (!json_is_object(obj))
		return err_field(e, or_empty(path), "%s must be an object",
		    path && *path ? path : "the JSON text");
	*value = json_object_get(obj, key);
	if (json_is_null(*value))
		*value = NULL;
	return true;
}

static bool
want(const json_t *obj, const char *key, const char *path, json_t **value, struct err *e)
{
	if (!look_up(obj, key, path, value, e))
		return false;
	return *value || refuse(e, path, key, "is required");
}

static bool
read_text(const json_t *value, const char *key, const char *path, const char **out, struct err *e)
{
	const char *text = json_string_value(value);

	if (!text)
		return refuse_type(e, path, key, "a string", value);
	if (strlen(text) != json_string_length(value))
		return refuse(e, path, key, "must not contain a NUL character");
	*out = text;
	return true;
}

static bool
read_int(const json_t *value, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *out, struct err *e)
{
	char field[FIELD_BYTES];
	int64_t number;

	if (!json_is_integer(value))
		return refuse_type(e, path, key, "an integer", value);
	number = json_integer_value(value);
	if (number < min || number > max) {
		field_name(field, path, key);
		return err_field(
		    e, field, "%s must be from %" PRId64 " to %" PRId64, field, min, max);
	}
	*out = number;
	return true;
}

bool
json_want_text(
    const json_t *obj, const char *key, const char *path, const char **out, struct err *e)
{
	json_t *value;

	return want(obj, key, path, &value, e) && read_text(value, key, path, out, e);
}

bool
json_opt_text(const json_t *obj, const char *key, const char *path, const char **out, struct err *e)
{
	json_t *value;

	if (!look_up(obj, key, path, &value, e))
		return false;
	return !value || read_text(value, key, path, out, e);
}

bool
json_want_int(const json_t *obj, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *out, struct err *e)
{
	json_t *value;

	return want(obj, key, path, &value, e) && read_int(value, key, path, min, max, out, e);
}

bool
json_opt_int(const json_t *obj, const char *key, const char *path, int64_t min, int64_t max,
    int64_t *out, struct err *e)
{
	json_t *value;

	if (!look_up(obj, key, path, &value, e))
		return false;
	return !value || read_int(value, key, path, min, max, out, e);
}

bool
json_opt_bool(const json_t *obj, const char *key, const char *path, bool *out, struct err *e)
{
	json_t *value;

	if (!look_up(obj, key, path, &value, e))
		return false;
	if (value && !json_is_boolean(value))
		return refuse_type(e, path, key, "true or false", value);
	if (value)
		*out = json_is_true(value);
	return true;
}

/* ---- printing ---- */

static int
append(const char *bytes, size_t len, void *out)
{
	buf_add(out, bytes, len);
	return 0;
}

void
json_print(struct buf *out, const json_t *tree)
{
	int failed = json_dump_callback(tree, append, out, JSON_COMPACT | JSON_ENCODE_ANY);

	/* Only a tree with a circle in it cannot be printed. */
	assert(!failed);
}
