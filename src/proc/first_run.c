/*
 * The first janitor's first work.  Runs before its loop, so it writes without a committer.
 *
 * A record with source env is the environment's: what is no longer listed there is disabled, not
 * deleted, and enabled when it is listed again.  A key that an operator added stays his, listed or
 * not.
 */
#include "proc/first_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "admit/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "pollux/control.h"
#include "proc/records.h"
#include "proc/sockets.h"
#include "upstream/credential.h"

/* The note of a key that was disabled for that. */
#define UNLISTED    "no longer in the environment"
#define LABEL_BYTES 64

/* Keys of Gemini's. */

struct keys {
	const struct first_run *run;
	struct credential_set set;
	struct map *listed; /* ids of what is listed now */
	struct map *labels; /* made in this run */
	struct changes changes;
	size_t next; /* for labels */
	size_t added, enabled, disabled;
};

static bool
key_label_is_taken(void *ctx, struct span label)
{
	struct keys *k = ctx;

	return map_get(k->labels, label) || credential_set_find(&k->set, label);
}

static void
add_key(struct keys *k, const char *id, struct span secret)
{
	struct credential cred = { .enabled = true,
		.source = CREDENTIAL_FROM_ENVIRONMENT,
		.created_wall_ms =
		    k->run->now_wall_ms + (int64_t)k->added, /* they keep their order */
		.project = (char[]){ "" },
		.note = (char[]){ "" } };
	char label[LABEL_BYTES];

	label_make(label, sizeof(label), "env", &k->next, key_label_is_taken, k);
	map_put(k->labels, span_of(label), k);
	memcpy(cred.id, id, sizeof(cred.id));
	cred.label = label;
	cred.secret = mem_dup_span(secret);
	changes_put_credential(&k->changes, &cred);
	mem_wipe(cred.secret, secret.len);
	mem_free(cred.secret);
	k->added++;
}

static void
set_enabled(struct keys *k, struct credential *cred, bool enabled, const char *note)
{
	cred->enabled = enabled;
	mem_free(cred->note);
	cred->note = mem_dup(note);
	changes_put_credential(&k->changes, cred);
	*(enabled ? &k->enabled : &k->disabled) += 1;
}

static void
take_key(struct keys *k, size_t position, const char *pasted)
{
	char id[CREDENTIAL_ID_LEN + 1];
	struct err e = ERR_INIT;
	struct span secret;

	if (span_trim(span_of(pasted)).len == 0)
		return;
	if (!credential_check_secret(span_of(pasted), &secret, &e)) {
		log_warn("first-run", "a key of the environment is left out",
		    "which=GEMINI_API_KEYS: key %zu: %s", position, e.text);
		return;
	}
	credential_make_id(secret, k->run->seal, id);
	if (map_put(k->listed, span_of(id), k))
		return; /* listed twice */
	struct credential *cred = map_get(k->set.by_id, span_of(id));

	if (!cred)
		add_key(k, id, secret);
	else if (cred->source == CREDENTIAL_FROM_ENVIRONMENT && !cred->enabled &&
		 strcmp(cred->note, UNLISTED) == 0)
		set_enabled(k, cred, true, "");
}

static void
drop_unlisted_keys(struct keys *k)
{
	for (size_t i = 0; i < k->set.count; i++) {
		struct credential *cred = &k->set.items[i];

		if (cred->source == CREDENTIAL_FROM_ENVIRONMENT && cred->enabled &&
		    !map_get(k->listed, span_of(cred->id)))
			set_enabled(k, cred, false, UNLISTED);
	}
}

static bool
take_keys(const struct first_run *run, struct err *e)
{
	char *const *listed = run->birth->secrets->gemini_keys;
	struct keys k = { .run = run, .changes = CHANGES_INIT, .next = 1 };

	if (!run->birth->secrets->has_gemini_keys)
		return true;
	if (!credential_set_load(
		&k.set, run->store, board_generation(run->board, BOARD_GEN_CREDENTIALS), e))
		return false;
	k.listed = map_new();
	k.labels = map_new();
	for (size_t i = 0; listed && listed[i]; i++)
		take_key(&k, i + 1, listed[i]);
	drop_unlisted_keys(&k);
	bool ok = changes_commit(&k.changes, run->store, run->board, e);

	if (ok && k.changes.count)
		log_info("first-run", "keys of the environment",
		    "added=%zu enabled=%zu disabled=%zu", k.added, k.enabled, k.disabled);
	changes_fini(&k.changes);
	map_free(&k.listed);
	map_free(&k.labels);
	credential_set_fini(&k.set);
	return ok;
}

/* Client keys. */

struct clients {
	const struct first_run *run;
	struct client_list list;
	struct map *listed; /* hashes of what is listed now */
	struct map *labels; /* made in this run */
	struct changes changes;
	size_t next;
};

static struct client *
client_of(const struct clients *c, const unsigned char hash[SEAL_HASH_BYTES])
{
	for (size_t i = 0; i < c->list.count; i++)
		if (memcmp(c->list.items[i].hash, hash, SEAL_HASH_BYTES) == 0)
			return &c->list.items[i];
	return NULL;
}

static bool
client_name_is_taken(void *ctx, struct span label)
{
	struct clients *c = ctx;

	return map_get(c->labels, label) || client_list_find(&c->list, label);
}

static void
add_client(struct clients *c, struct span key)
{
	struct client client;
	char label[LABEL_BYTES];

	label_make(label, sizeof(label), "env", &c->next, client_name_is_taken, c);
	map_put(c->labels, span_of(label), c);
	client_make(&client, c->run->seal, key, label, CLIENT_FROM_ENVIRONMENT,
	    c->run->now_wall_ms + (int64_t)c->changes.count);
	changes_put_client(&c->changes, &client);
	log_info("first-run", "client key of the environment added", "label=%s", label);
}

static void
take_client(struct clients *c, size_t position, const char *pasted)
{
	struct span key = span_trim(span_of(pasted));
	unsigned char hash[SEAL_HASH_BYTES];
	struct err e = ERR_INIT;

	if (key.len == 0)
		return;
	if (!client_check_key(key, &e)) {
		log_warn("first-run", "a client key of the environment is left out",
		    "which=POLLUX_CLIENT_KEYS: key %zu: %s", position, e.text);
		return;
	}
	client_hash(c->run->seal, key, hash);
	if (map_put(c->listed, span_mem(hash, sizeof(hash)), c))
		return; /* listed twice */
	const struct client *there = client_of(c, hash);

	if (!there)
		add_client(c, key);
	else if (!there->enabled)
		/* Perhaps the operator shut him out: only the operator lets him in again. */
		log_warn("first-run", "a client key of the environment is disabled",
		    "label=%s help=polluxctl clients enable %s", there->label, there->label);
}

static void
drop_unlisted_clients(struct clients *c)
{
	for (size_t i = 0; i < c->list.count; i++) {
		struct client *client = &c->list.items[i];

		if (client->source != CLIENT_FROM_ENVIRONMENT || !client->enabled ||
		    map_get(c->listed, span_mem(client->hash, sizeof(client->hash))))
			continue;
		client->enabled = false;
		changes_put_client(&c->changes, client);
		log_info("first-run", "client key disabled: it is no longer in the environment",
		    "label=%s", client->label);
	}
}

static bool
take_clients(const struct first_run *run, struct err *e)
{
	char *const *listed = run->birth->secrets->client_keys;
	struct clients c = { .run = run, .changes = CHANGES_INIT, .next = 1 };

	if (!listed)
		return true;
	if (!client_list_load(&c.list, run->store, e))
		return false;
	c.listed = map_new();
	c.labels = map_new();
	for (size_t i = 0; listed[i]; i++)
		take_client(&c, i + 1, listed[i]);
	drop_unlisted_clients(&c);
	bool ok = changes_commit(&c.changes, run->store, run->board, e);

	changes_fini(&c.changes);
	map_free(&c.listed);
	map_free(&c.labels);
	client_list_fini(&c.list);
	return ok;
}

/* A client when there is none. */

static char *
file_of(const struct birth *b)
{
	return mem_printf("%s/%s", b->config->state_dir, POLLUX_FIRST_RUN_FILE);
}

static bool
write_file(const char *path, struct span key, struct err *e)
{
	struct buf text = BUF_INIT;
	int fd;

	unlink(path); /* of an earlier first run whose key is gone: never written through a link */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, "%s cannot be made", path);
	buf_reserve(&text, key.len + 256);
	buf_printf(&text,
	    "# Made at the first start of Pollux.  Keep the key and remove this file.\n"
	    "client key: %.*s\n",
	    SPAN_ARG(key));
	bool ok = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;

	if (!ok)
		err_errno(e, "%s cannot be written", path);
	buf_wipe(&text);
	close(fd);
	if (!ok)
		unlink(path);
	return ok;
}

static void
show_key(struct span key)
{
	fprintf(stderr,
	    "\n"
	    "  A client key was made.  Programs present it to Pollux; it is shown this once:\n"
	    "\n"
	    "      %.*s\n"
	    "\n",
	    SPAN_ARG(key));
}

static bool
make_client(const struct first_run *run, struct err *e)
{
	char *path = file_of(run->birth);
	struct changes changes = CHANGES_INIT;
	struct buf key = BUF_INIT;
	struct client client;

	client_make_key(&key);
	client_make(&client, run->seal, buf_span(&key), "first-run", CLIENT_FROM_FIRST_RUN,
	    run->now_wall_ms);
	changes_put_client(&changes, &client);
	/* The file first: a key that nobody was told is worse than one that is not valid. */
	bool ok = (run->to_terminal || write_file(path, buf_span(&key), e)) &&
		  changes_commit(&changes, run->store, run->board, e);

	if (ok && run->to_terminal)
		show_key(buf_span(&key));
	else if (ok)
		log_info(
		    "first-run", "a client key was made and written to a file", "file=%s", path);
	else if (!run->to_terminal)
		unlink(path);
	changes_fini(&changes);
	buf_wipe(&key);
	mem_free(path);
	return ok;
}

static const char *
open_address(const struct birth *b)
{
	for (const char *const *name = b->listen_names; *name; name++)
		if (!sockets_is_loopback(*name))
			return *name;
	return NULL;
}

static bool
need_client(const struct first_run *run, struct err *e)
{
	const char *address = open_address(run->birth);
	struct txn t = store_read(run->store);
	uint64_t clients = store_count(&t, TABLE_CLIENT);

	if (!store_end(&t, e))
		return false;
	if (clients > 0 || run->birth->config->auth_anonymous)
		return true;
	if (address)
		return err_set(e, ERR_CONFIG,
		    "server.listen: %s can be reached from outside, but there is no client key yet: "
		    "give some in the environment (POLLUX_CLIENT_KEYS=...), or start once on "
		    "loopback, where one is made, or write auth.anonymous = yes to let everybody in",
		    address);
	return make_client(run, e);
}

bool
first_run(const struct first_run *run, struct err *e)
{
	first_run_tidy(run->birth, run->store);
	if (!run->birth->secrets)
		return true;
	return take_keys(run, e) && take_clients(run, e) && need_client(run, e);
}

static bool
has_first_client(struct store *store)
{
	struct client_list list;
	struct err e = ERR_INIT;
	bool found = false;

	if (!client_list_load(&list, store, &e))
		return true; /* it cannot be told, so the file stays */
	for (size_t i = 0; i < list.count; i++)
		found |= list.items[i].source == CLIENT_FROM_FIRST_RUN;
	client_list_fini(&list);
	return found;
}

void
first_run_tidy(const struct birth *b, struct store *store)
{
	char *path = file_of(b);

	if (access(path, F_OK) == 0 && !has_first_client(store)) {
		if (unlink(path) == 0)
			log_info("first-run",
			    "the file of the first client key is removed: that key is gone",
			    "file=%s", path);
		else
			log_warn("first-run", "the file of a key that is gone cannot be removed",
			    "file=%s error=%s", path, strerror(errno));
	}
	mem_free(path);
}
