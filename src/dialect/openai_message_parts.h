/*
 * The parts that the content of a message of OpenAI's chat is made of: text, refusals, media in
 * all their forms.  Read as they come, told once the message's role is known.  Pure.
 */
#ifndef POLLUX_DIALECT_OPENAI_MESSAGE_PARTS_H
#define POLLUX_DIALECT_OPENAI_MESSAGE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/rope.h"
#include "base/scan.h"
#include "dialect/dialect.h"
#include "dialect/openai_message_extra.h"
#include "dialect/turns.h"

enum message_part_kind { MESSAGE_TEXT, MESSAGE_REFUSAL, MESSAGE_MEDIA };

/* What a medium is made of; escaped, p == NULL: not said. */
struct message_source {
	struct span data;      /* a URL, or base64 */
	const char *data_name; /* the member it stood in; NULL: it stood for the whole */
	struct span file_id, format, filename, detail;
	const char
	    *wrong; /* the member that is no string; "": the whole is neither that nor an object */
};

struct message_part {
	enum message_part_kind kind;
	struct span text;            /* escaped */
	const struct medium *medium; /* what is known of its type */
	struct message_source source;
	struct message_extra *extra; /* in the arena; NULL: nothing rides along */
};

struct message_parts {             /* zeroed: none */
	struct message_part *list; /* owned */
	size_t count, room;
	const char *name; /* in the message: "content", "images" */
	size_t message;   /* which one, for paths */
};
void message_parts_fini(struct message_parts *);

/* A value of "content": a string, or a list of parts; not null.  False: err names the place. */
bool message_content_read(struct message_parts *, struct scan *, struct arena *, struct err *);
bool message_parts_read(struct message_parts *, struct scan *, struct arena *, struct err *);

/* What media are written with. */
struct message_media {
	const struct dialect_request *req; /* all borrowed */
	struct arena *arena;
	struct call *call;
	const struct model_facts *facts;
	const struct turns *turns;
	bool of_model;  /* what was signed is told with its signature */
	bool of_result; /* since Gemini 3 it stands in the result, as its data and nothing else */
	const char *
	    *resolution; /* the highest that is asked for, where parts cannot have their own */
	struct err *err;
};
/* Appends parts.list[at], a MESSAGE_MEDIA, as a part of Gemini's.  False: err names the place. */
bool message_media_write(
    const struct message_media *, const struct message_parts *, size_t at, struct rope *out);
/* Against parts.list[at].type. */
bool message_part_refuse(const struct message_parts *, size_t at, const char *what, struct err *);

#endif
