/*
 * Encryption at rest.  Runs in the janitor and in workers; owns the keys, in memory that is
 * locked, guarded and left out of core dumps, and wiped when it is let go.
 *
 * The key file is text, so that a person can see that a copy is whole:
 *
 *	pollux keys 1
 *	1 6f1c...e2		number, 32 bytes in hex; numbers rise
 *
 * A sealed value is the key's number (u32, little endian), a random nonce of 24 bytes, the
 * ciphertext and a tag of 16 bytes.  Nonces of that length may be drawn at random for ever.
 */
#include "store/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"

#define HEADER      "pollux keys 1\n"
#define KEY_BYTES   crypto_kdf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define OVERHEAD    (4 + NONCE_BYTES + TAG_BYTES)
#define FILE_MAX    8192 /* far more than SEAL_KEYS_MAX lines */

/* Which subkey: with the eight characters of a context it names one use for good. */
enum { SUBKEY_SEALING = 1, SUBKEY_HASHING = 2, SUBKEY_FINGERPRINT = 3 };

struct key {
	uint32_t number;
	unsigned char master[KEY_BYTES];
	unsigned char sealing[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
};

struct seal {
	size_t count;
	struct key keys[SEAL_KEYS_MAX]; /* numbers rise */
};

/* ---- reading the file ---- */

static bool
key_line_parse(struct span line, uint32_t after, struct key *out)
{
	struct span number = span_cut(&line, ' ');
	int64_t n;

	if (!span_int(number, (int64_t)after + 1, UINT32_MAX, &n))
		return false;
	out->number = (uint32_t)n;
	return text_unhex(line, out->master, KEY_BYTES);
}

static bool
keys_parse(struct seal *s, struct span text, const char *path, struct err *e)
{
	if (!span_starts(text, HEADER))
		return err_set(e, ERR_CONFIG, "%s is not a key file of Pollux", path);
	text = span_mem(text.p + sizeof(HEADER) - 1, text.len - (sizeof(HEADER) - 1));
	while (text.len) {
		uint32_t after = s->count ? s->keys[s->count - 1].number : 0;
		struct span line = span_cut(&text, '\n');

		if (s->count == SEAL_KEYS_MAX)
			return err_set(e, ERR_CONFIG, "key file %s holds more than %d keys", path,
			    SEAL_KEYS_MAX);
		/* A last line without its end was cut off, perhaps in the middle of the hex. */
		if (!text.p || !key_line_parse(line, after, &s->keys[s->count]))
			return err_set(e, ERR_CONFIG, "key file %s is damaged in line %zu", path,
			    s->count + 2);
		s->count++;
	}
	if (s->count == 0)
		return err_set(e, ERR_CONFIG, "key file %s holds no key", path);
	return true;
}

static void
keys_derive(struct seal *s)
{
	for (size_t i = 0; i < s->count; i++)
		crypto_kdf_derive_from_key(s->keys[i].sealing, sizeof(s->keys[i].sealing),
		    SUBKEY_SEALING, "sealing_", s->keys[i].master);
}

static bool
file_is_private(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(e, "key file %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "key file %s is not a regular file", path);
	if (st.st_mode & 077)
		return err_set(e, ERR_CONFIG,
		    "key file %s may be read or written by others (mode %04o): chmod 600 %s", path,
		    (unsigned)(st.st_mode & 07777), path);
	return true;
}

static bool
file_read(int fd, struct buf *out, const char *path, struct err *e)
{
	ssize_t n;

	/* Taken at once, so that growing leaves no copies of keys behind in freed memory. */
	buf_reserve(out, FILE_MAX + 1);
	while ((n = read(fd, out->data + out->len, FILE_MAX + 1 - out->len)) > 0)
		out->len += (size_t)n;
	if (n < 0)
		return err_errno(e, "key file %s cannot be read", path);
	if (out->len > FILE_MAX)
		return err_set(e, ERR_CONFIG, "%s is not a key file of Pollux", path);
	return true;
}

static bool
keys_load(struct seal *s, int fd, const char *path, struct err *e)
{
	struct buf text = BUF_INIT;
	bool ok = file_is_private(fd, path, e) && file_read(fd, &text, path, e) &&
		  keys_parse(s, buf_span(&text), path, e);

	if (ok)
		keys_derive(s);
	buf_wipe(&text);
	return ok;
}

/* ---- making the file ---- */

static bool
write_whole(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

static bool
write_new_key(const char *path, struct err *e)
{
	unsigned char key[KEY_BYTES];
	char hex[2 * KEY_BYTES + 1];
	char text[sizeof(HEADER) + sizeof(hex) + 8];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = false;

	if (fd < 0)
		return err_errno(e, "key file %s cannot be made", path);
	crypto_kdf_keygen(key);
	text_hex(hex, key, sizeof(key));
	snprintf(text, sizeof(text), HEADER "1 %s\n", hex);
	ok = write_whole(fd, text, strlen(text)) ||
	     err_errno(e, "key file %s cannot be written", path);
	close(fd);
	mem_wipe(key, sizeof(key));
	mem_wipe(hex, sizeof(hex));
	mem_wipe(text, sizeof(text));
	return ok;
}

/* A name in a directory is durable only when the directory is. */
static void
sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_printf("%.*s/", (int)(slash - path), path) : mem_dup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	mem_free(dir);
}

/* Written beside and then linked into place: a half-written key file is never seen, and one
 * that stands there already is never replaced. */
static bool
key_file_make(const char *path, struct err *e)
{
	char *beside = mem_printf("%s.new", path);
	bool ok;

	unlink(beside);
	ok = write_new_key(beside, e);
	if (ok && link(beside, path) != 0 && errno != EEXIST)
		ok = err_errno(e, "key file %s cannot be made", path);
	unlink(beside);
	if (ok)
		sync_directory_of(path);
	mem_free(beside);
	return ok;
}

/* ---- opening and closing ---- */

static int
key_file_open(const char *path, bool create, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT && create) {
		if (!key_file_make(path, e))
			return -1;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	if (fd < 0)
		err_errno(e, "key file %s cannot be opened", path);
	return fd;
}

static struct seal *
seal_alloc(void)
{
	int ready = sodium_init();
	struct seal *s;

	assert(ready >= 0); /* no random numbers: nothing may be sealed */
	s = sodium_malloc(sizeof(*s));
	if (!s)
		mem_exhausted(sizeof(*s));
	memset(s, 0, sizeof(*s));
	return s;
}

struct seal *
seal_open(const char *key_file, bool create, struct err *e)
{
	struct seal *s = seal_alloc();
	int fd = key_file_open(key_file, create, e);
	bool ok = fd >= 0 && keys_load(s, fd, key_file, e);

	if (fd >= 0)
		close(fd);
	if (ok)
		sodium_mprotect_readonly(s);
	else
		seal_close(&s);
	return s;
}

void
seal_close(struct seal **slot)
{
	if (!*slot)
		return;
	sodium_free(*slot); /* overwrites it first */
	*slot = NULL;
}

/* ---- sealing ---- */

static void
put_u32(unsigned char *out, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(n >> (8 * i));
}

static uint32_t
get_u32(const unsigned char *in)
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void
seal_wrap(const struct seal *s, struct buf *out, struct span plain, struct span associated)
{
	const struct key *k = &s->keys[s->count - 1];
	unsigned char *at, *nonce;

	buf_reserve(out, plain.len + OVERHEAD);
	at = (unsigned char *)out->data + out->len;
	nonce = at + 4;
	put_u32(at, k->number);
	randombytes_buf(nonce, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL,
	    (const unsigned char *)plain.p, plain.len, (const unsigned char *)associated.p,
	    associated.len, NULL, nonce, k->sealing);
	out->len += plain.len + OVERHEAD;
	out->data[out->len] = '\0';
}

static const struct key *
key_find(const struct seal *s, uint32_t number)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->keys[i].number == number)
			return &s->keys[i];
	return NULL;
}

bool
seal_unwrap(const struct seal *s, struct buf *out, struct span sealed, struct span associated,
    struct err *e)
{
	const unsigned char *in = (const unsigned char *)sealed.p;
	const struct key *k;
	size_t len;

	if (sealed.len < OVERHEAD)
		return err_set(e, ERR_SYSTEM, "a sealed value is too short to be one");
	k = key_find(s, get_u32(in));
	if (!k)
		return err_set(e, ERR_SYSTEM,
		    "a value was sealed with key %" PRIu32 ", which the key file does not hold",
		    get_u32(in));
	len = sealed.len - OVERHEAD;
	buf_reserve(out, len);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)out->data + out->len, NULL,
		NULL, in + 4 + NONCE_BYTES, len + TAG_BYTES, (const unsigned char *)associated.p,
		associated.len, in + 4, k->sealing) != 0)
		return err_set(e, ERR_SYSTEM, "a sealed value is damaged or not in its place");
	out->len += len;
	out->data[out->len] = '\0';
	return true;
}

/* ---- keyed hashes ---- */

static void
hash_with(const struct seal *s, unsigned subkey, const char purpose[8], struct span text,
    unsigned char out[SEAL_HASH_BYTES])
{
	unsigned char key[crypto_generichash_KEYBYTES];

	_Static_assert(crypto_kdf_CONTEXTBYTES == 8, "a purpose is a context of crypto_kdf");
	crypto_kdf_derive_from_key(key, sizeof(key), subkey, purpose, s->keys[0].master);
	crypto_generichash(
	    out, SEAL_HASH_BYTES, (const unsigned char *)text.p, text.len, key, sizeof(key));
	mem_wipe(key, sizeof(key));
}

void
seal_hash(const struct seal *s, const char purpose[8], struct span text,
    unsigned char out[SEAL_HASH_BYTES])
{
	hash_with(s, SUBKEY_HASHING, purpose, text, out);
}

void
seal_fingerprint(const struct seal *s, unsigned char out[SEAL_HASH_BYTES])
{
	hash_with(s, SUBKEY_FINGERPRINT, "finger__", SPAN("pollux key file"), out);
}
