/*
 * Media in requests: data URLs, bare base64, URLs of Google's own; read and written as a part of
 * Gemini's.  Pure.  Base64 that is good as it stands is borrowed from the request, never copied.
 */
#ifndef POLLUX_DIALECT_MEDIA_H
#define POLLUX_DIALECT_MEDIA_H

#include <stdbool.h>
#include "base/err.h"
#include "base/mem.h"
#include "base/rope.h"
#include "base/text.h"
#include "dialect/dialect.h"

/* ---- data URLs and base64 (data_url.c) ---- */

/* "data:MIME;base64,DATA" taken apart. */
struct data_url {
	struct span mime; /* as media_mime gives it: may be empty */
	struct span data; /* base64 of the standard alphabet, padded: fit to stand in JSON */
};
bool data_url_is(struct span escaped); /* begins with "data:", in any case */
/*
 * escaped: as the scanner gives it.  White space is taken out, the URL-safe alphabet, escapes and
 * missing padding are mended, a payload that is not base64 is percent-decoded and encoded: then
 * data lies in the arena, else in the request.  False: field is to blame, "is not base64" and the
 * like; no data at all is refused too.
 */
bool data_url_read(
    struct span escaped, struct arena *, struct data_url *, const char *field, struct err *);
/* The same of base64 without a URL around it. */
bool media_base64(
    struct span escaped, struct arena *, struct span *data, const char *field, struct err *);
/* Appends bytes as base64, padded. */
void media_base64_add(struct buf *out, const void *bytes, size_t len);

/* ---- parts (media.c) ---- */

/* A medium that a request names. */
struct media {
	/* Escaped: a data URL, http(s), gs://, Google's file URI, files/ID, YouTube. */
	struct span url;
	struct span mime;  /* plain: what the client says; may be empty */
	const char *kind;  /* "image", "video", "audio", "application": for what says nothing */
	const char *field; /* its path in the request; in the arena */
	/* "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH": of this part; or NULL. */
	const char *resolution;
	struct span extra; /* more members, raw: "\"videoMetadata\":{...}"; or empty */
};
/*
 * Appends one part, {"inlineData":{...}} or {"fileData":{...}}.  A URL that is to be fetched is
 * noted in call->remotes and its place kept; where the client does not say what it is, its mime
 * there is the kind with "*" for a subtype.  False: err names the field.
 */
bool media_write(const struct media *, const struct dialect_request *, struct arena *,
    struct call *, struct rope *out, struct err *);
/* The same where bare base64 may stand in place of the URL: input_audio.data, file.file_data. */
bool media_write_data(const struct media *, const struct dialect_request *, struct arena *,
    struct call *, struct rope *out, struct err *);

/* ---- types (media_type.c) ---- */

/*
 * A MIME type as Gemini knows it: lower case, "image/jpeg" for "image/jpg", without parameters
 * (Gemini refuses "text/plain;charset=utf-8") but those of raw sound, "audio/L16;rate=24000".
 * Empty when it is none or says nothing ("application/octet-stream").
 */
struct span media_mime(struct span plain, struct arena *);
/* By the end of a file's name or of a URL's path: "application/pdf"; NULL: unknown. */
const char *media_mime_of_name(struct span plain);
/* OpenAI's names of audio formats, or a MIME type as it is; NULL: unknown. */
const char *media_mime_of_audio(struct span format, struct arena *);
#define MEDIA_SNIFF_BYTES 512 /* more are not looked at */
/* What the first bytes say: "image/png"; NULL: nothing known. */
const char *media_sniff(struct span bytes);
/* Some containers hold sound as well as films, and their first bytes do not say: the name of
 * this one where sound was meant; any other type as it is. */
const char *media_as_audio(const char *mime);

#endif
