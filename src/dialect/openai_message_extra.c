/*
 * What rides along in messages, parts and calls: see openai_message_extra.h.  Pure, runs in
 * workers, owns nothing.
 */
#include "dialect/openai_message_extra.h"

/* A string; anything else is passed over. */
static void
read_text(struct scan *s, struct span *out)
{
	*out = SPAN_NONE;
	if (scan_type(s) == SCAN_STRING)
		scan_string(s, out);
	else
		scan_skip(s, NULL);
}

/* One, or a list of them of which the first counts. */
static void
read_first_text(struct scan *s, struct span *out)
{
	struct span each;

	if (scan_type(s) != SCAN_ARRAY) {
		read_text(s, out);
		return;
	}
	*out = SPAN_NONE;
	scan_array(s);
	while (scan_item(s)) {
		read_text(s, &each);
		if (out->len == 0)
			*out = each;
	}
}

static void
read_value(struct scan *s, enum scan_type wanted, struct span *out)
{
	bool is_wanted = scan_type(s) == wanted;

	*out = SPAN_NONE;
	scan_skip(s, is_wanted ? out : NULL);
}

typedef void member_fn(struct message_extra *, struct scan *, struct span key);

/* Each member of an object; anything else is passed over. */
static void
read_members(struct message_extra *x, struct scan *s, member_fn *read)
{
	struct span key;

	if (scan_type(s) != SCAN_OBJECT) {
		scan_skip(s, NULL);
		return;
	}
	scan_object(s);
	while (scan_member(s, &key))
		read(x, s, key);
}

static void
read_google(struct message_extra *x, struct scan *s, struct span key)
{
	if (scan_key_is(key, "thought_signature"))
		read_text(s, &x->signatures[SIGNED_GOOGLE]);
	else if (scan_key_is(key, "thoughtSignature"))
		read_text(s, &x->signatures[SIGNED_GOOGLE_CAMEL]);
	else if (scan_key_is(key, "thought") && scan_type(s) == SCAN_BOOL)
		scan_bool(s, &x->thought);
	else if (scan_key_is(key, "parts"))
		scan_skip(s, &x->parts);
	else if (scan_key_is(key, "video_metadata") || scan_key_is(key, "videoMetadata"))
		read_value(s, SCAN_OBJECT, &x->video_metadata);
	else
		scan_skip(s, NULL);
}

static void
read_extra_content(struct message_extra *x, struct scan *s, struct span key)
{
	if (scan_key_is(key, "google"))
		read_members(x, s, read_google);
	else
		scan_skip(s, NULL);
}

static void
read_provider_field(struct message_extra *x, struct scan *s, struct span key)
{
	if (scan_key_is(key, "thought_signature") || scan_key_is(key, "thought_signatures"))
		read_first_text(s, &x->signatures[SIGNED_PROVIDER]);
	else
		scan_skip(s, NULL);
}

static bool
read_member(struct message_extra *x, struct scan *s, struct span key, enum message_signed directly)
{
	if (scan_key_is(key, "extra_content"))
		read_members(x, s, read_extra_content);
	else if (scan_key_is(key, "provider_specific_fields"))
		read_members(x, s, read_provider_field);
	else if (scan_key_is(key, "thought_signature"))
		read_text(s, &x->signatures[directly]);
	else
		return false;
	return true;
}

bool
message_extra_read(struct message_extra *x, struct scan *s, struct span key)
{
	return read_member(x, s, key, SIGNED_ITSELF);
}

bool
message_extra_read_function(struct message_extra *x, struct scan *s, struct span key)
{
	return read_member(x, s, key, SIGNED_FUNCTION);
}

struct span
message_extra_signature(const struct message_extra *x, const struct turns *t)
{
	for (size_t i = 0; i < SIGNED_PLACES; i++) {
		struct span s = turns_signature(t, x->signatures[i]);

		if (s.len > 0)
			return s;
	}
	return SPAN_NONE;
}
