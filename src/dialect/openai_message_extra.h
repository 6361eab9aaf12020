/*
 * What rides along in a message of OpenAI's chat, in a part or in a call, and OpenAI has no word
 * for: extra_content.google (Google's own extension), and the other places where clients and
 * gateways leave a thought signature.  What is not as expected there is passed over in silence.
 * Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_MESSAGE_EXTRA_H
#define POLLUX_DIALECT_OPENAI_MESSAGE_EXTRA_H

#include <stdbool.h>
#include "base/scan.h"
#include "base/text.h"
#include "dialect/turns.h"

/* Where a signature may stand, the best place first. */
enum message_signed {
	SIGNED_GOOGLE,       /* extra_content.google.thought_signature */
	SIGNED_GOOGLE_CAMEL, /* extra_content.google.thoughtSignature */
	SIGNED_FUNCTION,     /* function.thought_signature */
	SIGNED_ITSELF,       /* thought_signature */
	SIGNED_PROVIDER, /* provider_specific_fields.thought_signature, .thought_signatures[0] */
	SIGNED_PLACES
};

struct message_extra {
	struct span signatures[SIGNED_PLACES]; /* escaped */
	bool thought;                          /* extra_content.google.thought */
	struct span parts; /* extra_content.google.parts, raw; p == NULL: none */
	struct span
	    video_metadata; /* extra_content.google.video_metadata, a raw object; or empty */
};

/* Takes the value ahead when the member is one of these; false: it is another's. */
bool message_extra_read(struct message_extra *, struct scan *, struct span key);
/* The same inside of "function": what stands there is another place. */
bool message_extra_read_function(struct message_extra *, struct scan *, struct span key);
/* The first that is base64, fit to go upstream; empty: there is none. */
struct span message_extra_signature(const struct message_extra *, const struct turns *);

#endif
