/*
 * Types of media: as somebody wrote them, by a file's name, by the first bytes.  Declared in
 * media.h.  Pure, runs in workers, owns nothing.
 *
 * Where a type has several names it gets the one that the Gemini API reference lists
 * (audio/mp3, video/mov).  Texts that it does not list, such as source code and JSON, are
 * text/plain: under their own names Gemini refuses them.
 */
#include "dialect/media.h"

#include <ctype.h>

#define MIME_MAX     127 /* a type's name with both halves; each may be that long (RFC 6838, 4.2) */
#define NAME_END_MAX 8   /* the longest end of a file's name that is known */

/* A type and the words that mean it. */
struct meaning {
	const char *mime, *words; /* words: between blanks */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
has_word(const char *words, struct span word)
{
	struct span rest = span_of(words);

	while (rest.p != NULL) {
		struct span one = span_cut(&rest, ' ');

		if (one.len == word.len && strncasecmp(one.p, word.p, word.len) == 0)
			return true;
	}
	return false;
}

static const char *
find_meaning(const struct meaning *list, size_t n, struct span word)
{
	for (size_t i = 0; word.len > 0 && i < n; i++)
		if (has_word(list[i].words, word))
			return list[i].mime;
	return NULL;
}

/* ---- as somebody wrote it ---- */

static const struct meaning aliases[] = {
	{ "image/jpeg", "image/jpg image/pjpeg image/jfif" },
	{ "image/png", "image/x-png" },
	{ "audio/wav", "audio/x-wav audio/wave audio/x-pn-wav audio/vnd.wave" },
	{ "audio/mp3", "audio/mpeg audio/mpeg3 audio/x-mpeg audio/x-mp3 audio/mpga" },
	{ "audio/flac", "audio/x-flac" },
	{ "audio/aiff", "audio/x-aiff audio/aif" },
	{ "audio/aac", "audio/x-aac audio/aacp audio/m4a audio/x-m4a" },
	{ "audio/ogg", "audio/opus audio/vorbis audio/x-ogg application/ogg" },
	{ "video/mov", "video/quicktime" },
	{ "video/avi", "video/x-msvideo video/msvideo" },
	{ "video/wmv", "video/x-ms-wmv" },
	{ "video/x-flv", "video/flv" },
	{ "video/mp4", "video/x-m4v" },
	{ "application/pdf", "application/x-pdf" },
	{ "text/rtf", "application/rtf" },
	{ "text/xml", "application/xml" },
	{ "text/html", "application/xhtml+xml" },
	{ "text/javascript", "application/javascript application/x-javascript" },
	{ "text/plain", "text/markdown text/x-markdown application/json application/jsonl "
			"application/x-ndjson application/yaml application/x-yaml application/toml "
			"application/sql application/x-sh application/x-typescript" },
	/* What servers and browsers say when they do not know. */
	{ "", "application/octet-stream application/x-octet-stream binary/octet-stream "
	      "application/binary application/download application/x-download "
	      "application/force-download application/unknown unknown/unknown" },
};

static bool
is_token(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$&-^_.+", c) != NULL);
}

/* type "/" subtype, as it may be registered (RFC 6838, 4.2). */
static bool
is_mime(struct span s)
{
	size_t slash = 0, slashes = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '/') {
			slash = i;
			slashes++;
		} else if (!is_token(s.p[i])) {
			return false;
		}
	return slashes == 1 && slash > 0 && slash + 1 < s.len && s.len <= MIME_MAX;
}

static bool
is_raw_sound(struct span mime)
{
	return has_word("audio/l16 audio/pcm audio/x-pcm audio/x-l16", mime);
}

/* It cannot be understood without its parameters: ";rate=24000;channels=1". */
static struct span
raw_sound(struct span parameters, struct arena *arena)
{
	struct buf b = BUF_INIT;
	struct span mime;
	int64_t number;

	buf_add_lit(&b, "audio/L16");
	while (parameters.p != NULL) {
		struct span value = span_trim(span_cut(&parameters, ';'));
		struct span name = span_trim(span_cut(&value, '='));

		if (span_is_nocase(name, "rate") && span_int(span_trim(value), 1, 1000000, &number))
			buf_printf(&b, ";rate=%lld", (long long)number);
		if (span_is_nocase(name, "channels") && span_int(span_trim(value), 1, 256, &number))
			buf_printf(&b, ";channels=%lld", (long long)number);
	}
	mime = arena_span(arena, buf_span(&b));
	buf_fini(&b);
	return mime;
}

struct span
media_mime(struct span plain, struct arena *arena)
{
	struct span rest = plain, mime = span_trim(span_cut(&rest, ';'));
	const char *alias;
	char *lower;

	if (!is_mime(mime))
		return SPAN_NONE;
	if (is_raw_sound(mime))
		return raw_sound(rest, arena);
	alias = find_meaning(aliases, COUNT(aliases), mime);
	if (alias != NULL)
		return alias[0] != '\0' ? span_of(alias) : SPAN_NONE;
	lower = arena_dup_span(arena, mime);
	for (size_t i = 0; i < mime.len; i++)
		lower[i] = (char)tolower((unsigned char)lower[i]);
	return span_mem(lower, mime.len);
}

/* ---- by name ---- */

static const struct meaning names[] = {
	{ "image/png", "png" },
	{ "image/jpeg", "jpg jpeg jpe jfif" },
	{ "image/webp", "webp" },
	{ "image/heic", "heic" },
	{ "image/heif", "heif" },
	{ "image/gif", "gif" },
	{ "image/avif", "avif" },
	{ "image/bmp", "bmp" },
	{ "image/tiff", "tif tiff" },
	{ "image/svg+xml", "svg" },
	{ "audio/wav", "wav" },
	{ "audio/mp3", "mp3 mpga" },
	{ "audio/flac", "flac" },
	{ "audio/ogg", "ogg oga opus" },
	{ "audio/aac", "aac m4a" },
	{ "audio/aiff", "aiff aif" },
	{ "audio/webm", "weba" },
	{ "video/mp4", "mp4 m4v" },
	{ "video/mpeg", "mpeg" },
	{ "video/mpg", "mpg" },
	{ "video/mov", "mov qt" },
	{ "video/avi", "avi" },
	{ "video/x-flv", "flv" },
	{ "video/webm", "webm" },
	{ "video/wmv", "wmv" },
	{ "video/3gpp", "3gp 3gpp" },
	{ "video/x-matroska", "mkv" },
	{ "application/pdf", "pdf" },
	{ "text/html", "html htm" },
	{ "text/css", "css" },
	{ "text/csv", "csv" },
	{ "text/xml", "xml" },
	{ "text/rtf", "rtf" },
	{ "text/javascript", "js mjs" },
	{ "text/plain",
	    "txt text log md markdown rst tex json jsonl yaml yml toml ini conf diff patch tsv srt "
	    "vtt py ts tsx jsx c h cc cpp hpp cs java kt swift go rs rb php pl lua r sh sql" },
};

/* Of a URL its path, which may be empty; of anything else all. */
static struct span
path_of(struct span name)
{
	const char *host = name.len > 0 ? memmem(name.p, name.len, "://", 3) : NULL;
	const char *path;

	if (host == NULL)
		return name;
	name = span_cut(&name, '#');
	name = span_cut(&name, '?');
	host += 3;
	if (host >= name.p + name.len)
		return SPAN_NONE;
	path = memchr(host, '/', (size_t)(name.p + name.len - host));
	return path != NULL ? span_mem(path, (size_t)(name.p + name.len - path)) : SPAN_NONE;
}

const char *
media_mime_of_name(struct span plain)
{
	struct span name = path_of(plain);
	size_t end = 0;

	while (end < name.len && end <= NAME_END_MAX && name.p[name.len - end - 1] != '.')
		end++;
	if (end == name.len || end > NAME_END_MAX)
		return NULL;
	return find_meaning(names, COUNT(names), span_mem(name.p + name.len - end, end));
}

static const struct meaning audio_formats[] = {
	{ "audio/wav", "wav wave" },
	{ "audio/mp3", "mp3 mpeg mpga" },
	{ "audio/flac", "flac" },
	{ "audio/ogg", "ogg opus oga" },
	{ "audio/aac", "aac m4a mp4" },
	{ "audio/aiff", "aiff aif" },
	{ "audio/webm", "webm" },
	{ "audio/L16;rate=24000", "pcm16 pcm" },
};

const char *
media_mime_of_audio(struct span format, struct arena *arena)
{
	struct span mime;

	if (!span_has(format, "/"))
		return find_meaning(audio_formats, COUNT(audio_formats), span_trim(format));
	mime = media_mime(format, arena);
	return mime.len > 0 ? mime.p : NULL;
}

const char *
media_as_audio(const char *mime)
{
	static const struct meaning sounds[] = {
		{ "audio/webm", "video/webm" },
		{ "audio/aac", "video/mp4" },
		{ "audio/ogg", "video/ogg" },
	};
	const char *sound = find_meaning(sounds, COUNT(sounds), span_of(mime));

	return sound != NULL ? sound : mime;
}

/* ---- by the first bytes ---- */

/* Files that begin so. */
static const struct magic {
	const char *mime;
	struct span bytes;
} magics[] = {
	{ "image/png", SPAN("\x89PNG\r\n\x1a\n") },
	{ "image/jpeg", SPAN("\xff\xd8\xff") },
	{ "image/gif", SPAN("GIF87a") },
	{ "image/gif", SPAN("GIF89a") },
	{ "image/tiff", SPAN("II*\0") },
	{ "image/tiff", SPAN("MM\0*") },
	{ "application/pdf", SPAN("%PDF-") },
	{ "audio/flac", SPAN("fLaC") },
	{ "audio/mp3", SPAN("ID3") },
	{ "video/x-flv", SPAN("FLV\x01") },
	{ "video/mpeg", SPAN("\0\0\x01\xba") },
	{ "video/mpeg", SPAN("\0\0\x01\xb3") },
	{ "video/wmv", SPAN("\x30\x26\xb2\x75\x8e\x66\xcf\x11") },
	{ "text/rtf", SPAN("{\\rtf") },
};

static bool
has_at(struct span s, size_t at, const char *bytes, size_t len)
{
	return s.len >= at + len && memcmp(s.p + at, bytes, len) == 0;
}

#define HAS_AT(s, at, literal) has_at((s), (at), "" literal, sizeof(literal) - 1)

static const char *
sniff_riff(struct span s)
{
	if (HAS_AT(s, 8, "WEBP"))
		return "image/webp";
	if (HAS_AT(s, 8, "WAVE"))
		return "audio/wav";
	return HAS_AT(s, 8, "AVI ") ? "video/avi" : NULL;
}

/* ISO base media: the major brand, then those that it is compatible with. */
static const char *
sniff_brand(struct span s)
{
	static const struct meaning brands[] = {
		{ "image/heic", "heic heix heim heis hevc hevx" },
		{ "image/avif", "avif avis" },
		{ "audio/aac", "M4A M4B F4A" },
		{ "video/mov", "qt" },
		{ "video/3gpp", "3gp4 3gp5 3gp6 3gp7 3ge6 3gg6 3gs7" },
	};
	const char *mime = find_meaning(brands, COUNT(brands), span_trim(span_mem(s.p + 8, 4)));

	if (mime != NULL)
		return mime;
	if (!HAS_AT(s, 8, "mif1") && !HAS_AT(s, 8, "msf1"))
		return "video/mp4";
	if (span_has(s, "avif"))
		return "image/avif";
	return span_has(s, "heic") ? "image/heic" : "image/heif";
}

/* Containers that say behind their first word what they hold. */
static const char *
sniff_container(struct span s)
{
	if (HAS_AT(s, 0, "RIFF"))
		return sniff_riff(s);
	if (HAS_AT(s, 4, "ftyp") && s.len >= 12)
		return sniff_brand(s);
	if (HAS_AT(s, 0, "OggS"))
		return span_has(s, "theora") ? "video/ogg" : "audio/ogg";
	if (HAS_AT(s, 0, "\x1a\x45\xdf\xa3"))
		return span_has(s, "webm") ? "video/webm" : "video/x-matroska";
	if (HAS_AT(s, 0, "FORM") && (HAS_AT(s, 8, "AIFF") || HAS_AT(s, 8, "AIFC")))
		return "audio/aiff";
	if (HAS_AT(s, 0, "BM") && HAS_AT(s, 6, "\0\0\0\0"))
		return "image/bmp";
	return NULL;
}

/* A frame of MPEG sound without anything in front: sync bits, layer, and no forbidden rate. */
static const char *
sniff_frame(struct span s)
{
	const unsigned char *u = (const unsigned char *)s.p;

	if (s.len < 3 || u[0] != 0xff)
		return NULL;
	if ((u[1] & 0xf6) == 0xf0)
		return "audio/aac";
	if ((u[1] & 0xe6) == 0xe2 && (u[2] & 0xf0) != 0xf0 && (u[2] & 0x0c) != 0x0c)
		return "audio/mp3";
	return NULL;
}

static const char *
sniff_markup(struct span s)
{
	static const char *const html[] = { "<!doctype html", "<html", "<head", "<body", "<title",
		"<script" };

	if (HAS_AT(s, 0, "\xef\xbb\xbf"))
		s = span_mem(s.p + 3, s.len - 3);
	s = span_trim(s);
	for (size_t i = 0; i < COUNT(html); i++)
		if (s.len >= strlen(html[i]) && strncasecmp(s.p, html[i], strlen(html[i])) == 0)
			return "text/html";
	if (span_starts(s, "<svg"))
		return "image/svg+xml";
	if (!span_starts(s, "<?xml"))
		return NULL;
	if (span_has_nocase(s, "<html"))
		return "text/html";
	return span_has(s, "<svg") ? "image/svg+xml" : "text/xml";
}

const char *
media_sniff(struct span bytes)
{
	const char *mime;

	if (bytes.len > MEDIA_SNIFF_BYTES)
		bytes.len = MEDIA_SNIFF_BYTES;
	if (bytes.len == 0)
		return NULL;
	for (size_t i = 0; i < COUNT(magics); i++)
		if (has_at(bytes, 0, magics[i].bytes.p, magics[i].bytes.len))
			return magics[i].mime;
	mime = sniff_container(bytes);
	if (mime == NULL)
		mime = sniff_frame(bytes);
	return mime != NULL ? mime : sniff_markup(bytes);
}
