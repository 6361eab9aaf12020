/*
 * curl's easy handles and the options that every call has in common: which protocols, which proxy,
 * whom to trust, how large the buffers are.
 *
 * Runs in every process that fetches (worker, janitor).  Owns the idle handles, the share
 * that lets all shards know each other's TLS sessions and names, another for guarded calls,
 * and the proxy's credentials.
 *
 * Guarded calls go to addresses that were checked and are told to curl as what their hosts' names
 * resolve to: with one share for all, others would go there too, and they where others go.
 */
#include "net/easy.h"

#include <assert.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/fetch_types.h"

/*
 * Room for what one read brings.  A stream's delta is a few hundred bytes and most whole
 * answers fit into 4 KiB; a large one (an image, an embedding batch) costs one read for each
 * 4 KiB, which is little beside what it costs to make.  With 16 KiB ten thousand waiting
 * streams would hold 160 MB for it: libcurl before 8.8 has one such buffer in each transfer.
 */
#define READ_BYTES 4096L
/* libcurl 8 keeps a send buffer of this size until the transfer ends; its default is 64 KiB. */
#define SEND_BYTES 16384L
/* Google closes an idle connection after about four minutes: be the first. */
#define IDLE_AGE_S 118L
/* An idle handle costs some 6 KiB, making one 4 us: keep as many as two full shards need. */
#define IDLE_EASIES_MAX 256

struct easies {
	CURLSH *share;         /* owned */
	CURLSH *guarded_share; /* owned */
	char *proxy; /* owned; "" or scheme://host:port, so that curl's words carry no secret */
	char *proxy_user;     /* owned; NULL: none */
	char *proxy_password; /* owned; NULL: none */
	bool tunnel;      /* CONNECT also for http: the proxy must not read or change requests */
	char *ca_file;    /* owned; NULL: none was found */
	char *user_agent; /* owned; NULL: none */
	size_t n_idle;
	CURL *idle[IDLE_EASIES_MAX];
};

/* Where distributions keep their bundle, for a libcurl that was built without knowing it. */
static const char *const ca_places[] = {
	"/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* newer Fedora */
	"/etc/ssl/ca-bundle.pem",                            /* openSUSE */
	"/etc/ssl/cert.pem",
};

static const char *
system_ca_file(void)
{
	const char *builtin = curl_version_info(CURLVERSION_NOW)->cainfo;

	if (builtin && access(builtin, R_OK) == 0)
		return builtin;
	for (size_t i = 0; i < sizeof(ca_places) / sizeof(ca_places[0]); i++)
		if (access(ca_places[i], R_OK) == 0)
			return ca_places[i];
	return NULL;
}

static bool
choose_ca_file(struct easies *all, const char *wanted, struct err *e)
{
	if (wanted && *wanted) {
		if (access(wanted, R_OK) != 0)
			return err_errno(e, "the CA file \"%s\" cannot be read", wanted);
		all->ca_file = mem_dup(wanted);
		return true;
	}
	if (system_ca_file())
		all->ca_file = mem_dup(system_ca_file());
	else
		log_warn("fetch",
		    "no CA bundle was found: no https server will be trusted; install "
		    "ca-certificates or set upstream.ca_file",
		    "tried=%s", ca_places[0]);
	return true;
}

static void
forget(char **secret)
{
	if (*secret)
		mem_wipe(*secret, strlen(*secret));
	mem_free(*secret);
	*secret = NULL;
}

/* A part of the URL as our own string; NULL when it has none. */
static char *
url_part(CURLU *url, CURLUPart part, unsigned flags)
{
	char *theirs = NULL, *ours;

	if (curl_url_get(url, part, &theirs, flags) != CURLUE_OK)
		return NULL;
	ours = mem_dup(theirs);
	mem_wipe(theirs, strlen(theirs));
	curl_free(theirs);
	return ours;
}

/* Takes the proxy apart: curl quotes the text of an odd one in its errors, so it gets its
 * credentials as options of their own. */
static bool
read_proxy(struct easies *all, CURLU *url)
{
	char *scheme = url_part(url, CURLUPART_SCHEME, 0);
	char *host = url_part(url, CURLUPART_HOST, 0);
	char *port = url_part(url, CURLUPART_PORT, 0);
	char *path = url_part(url, CURLUPART_PATH, 0);
	char *query = url_part(url, CURLUPART_QUERY, 0);
	bool http = scheme && strcmp(scheme, "http") == 0;
	bool socks = scheme && (!strcmp(scheme, "socks5") || !strcmp(scheme, "socks5h"));
	bool good = (http || socks) && host && *host && !query && (!path || !strcmp(path, "/"));

	if (good) {
		all->proxy = mem_printf("%s://%s:%s", scheme, host,
		    port   ? port
		    : http ? "80"
			   : "1080");
		all->proxy_user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
		all->proxy_password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
		all->tunnel = http;
	}
	mem_free(scheme);
	mem_free(host);
	mem_free(port);
	mem_free(path);
	mem_free(query);
	return good;
}

static bool
choose_proxy(struct easies *all, const char *wanted, struct err *e)
{
	CURLU *url;
	bool good;

	if (!wanted || !*wanted) {
		all->proxy = mem_dup(""); /* not NULL: that would ask the environment */
		return true;
	}
	url = curl_url();
	if (!url)
		mem_exhausted(0);
	good = curl_url_set(url, CURLUPART_URL, wanted, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	       read_proxy(all, url);
	curl_url_cleanup(url);
	if (!good)
		return err_set(e, ERR_CONFIG,
		    "the proxy must read http://, socks5:// or socks5h://, then HOST:PORT");
	return true;
}

/* curl_easy_setopt is a macro with a type check of its own, hence one more macro. */
#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (rc == CURLE_OK)                                                                \
			rc = curl_easy_setopt(easy, option, value);                                \
	} while (0)

static CURLcode
set_limits(CURL *easy)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_BUFFERSIZE, READ_BYTES);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXAGE_CONN, IDLE_AGE_S);
	/* Without it, giving up a call whose name is still being looked up waits for the
	 * resolver's thread, up to many seconds, with the whole loop. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	return rc;
}

static CURLcode
set_route(const struct easies *all, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_SHARE, all->share);
	SET(CURLOPT_PROXY, all->proxy);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_HTTPPROXYTUNNEL, all->tunnel ? 1L : 0L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (all->proxy_user)
		SET(CURLOPT_PROXYUSERNAME, all->proxy_user);
	if (all->proxy_password)
		SET(CURLOPT_PROXYPASSWORD, all->proxy_password);
	SET(CURLOPT_USERAGENT, all->user_agent);
	/* With a CA path set (Debian's default) curl reads the whole bundle anew for each
	 * connection: 27 ms and 900 kB instead of 1.4 ms and 55 kB. */
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CAINFO, all->ca_file);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return rc;
}

static CURL *
easy_new(const struct easies *all, struct err *e)
{
	CURL *easy = curl_easy_init();
	CURLcode rc;

	if (!easy)
		mem_exhausted(0);
	rc = set_limits(easy);
	if (rc == CURLE_OK)
		rc = set_route(all, easy);
	if (rc == CURLE_OK)
		return easy;
	curl_easy_cleanup(easy);
	err_set(
	    e, ERR_SYSTEM, "this libcurl lacks something Pollux needs: %s", curl_easy_strerror(rc));
	return NULL;
}

static CURLSH *
share_new(void)
{
	CURLSH *share = curl_share_init();

	if (!share)
		mem_exhausted(0);
	/* One thread: no lock functions are needed. */
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	return share;
}

struct easies *
easies_new(const struct fetcher_config *config, struct err *e)
{
	struct easies *all = mem_alloc(sizeof(*all));
	CURL *first = NULL;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		mem_exhausted(0);
	all->share = share_new();
	all->guarded_share = share_new();
	if (config->user_agent && *config->user_agent)
		all->user_agent = mem_dup(config->user_agent);
	if (choose_ca_file(all, config->ca_file, e) && choose_proxy(all, config->proxy, e))
		first = easy_new(all, e);
	if (first)
		easies_give(all, first);
	else
		easies_free(&all);
	return all;
}

void
easies_free(struct easies **slot)
{
	struct easies *all = slot ? *slot : NULL;
	CURLSHcode rc;

	if (!all)
		return;
	while (all->n_idle > 0)
		curl_easy_cleanup(all->idle[--all->n_idle]);
	rc = curl_share_cleanup(all->share);
	assert(rc == CURLSHE_OK); /* no handle is out any more */
	rc = curl_share_cleanup(all->guarded_share);
	assert(rc == CURLSHE_OK);
	mem_free(all->proxy);
	forget(&all->proxy_user);
	forget(&all->proxy_password);
	mem_free(all->ca_file);
	mem_free(all->user_agent);
	mem_free(all);
	curl_global_cleanup();
	*slot = NULL;
}

bool
easies_have_proxy(const struct easies *all)
{
	return all->proxy[0] != '\0';
}

CURL *
easies_take(struct easies *all, bool guarded)
{
	CURL *easy = all->n_idle > 0 ? all->idle[--all->n_idle] : easy_new(all, NULL);

	/* These options were accepted once: only memory can refuse them. */
	if (!easy)
		mem_exhausted(0);
	if (guarded && curl_easy_setopt(easy, CURLOPT_SHARE, all->guarded_share) != CURLE_OK)
		mem_exhausted(0);
	return easy;
}

void
easies_give(struct easies *all, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	if (all->n_idle == IDLE_EASIES_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	/* Whatever points into the call that is over, or holds a copy of its words. */
	SET(CURLOPT_URL, NULL);
	SET(CURLOPT_HTTPHEADER, NULL);
	SET(CURLOPT_POSTFIELDS, NULL);
	SET(CURLOPT_CUSTOMREQUEST, NULL);
	SET(CURLOPT_RESOLVE, NULL);
	SET(CURLOPT_CONNECT_TO, NULL);
	SET(CURLOPT_SHARE, all->share);
	SET(CURLOPT_ERRORBUFFER, NULL);
	SET(CURLOPT_PRIVATE, NULL);
	if (rc == CURLE_OK)
		all->idle[all->n_idle++] = easy;
	else
		curl_easy_cleanup(easy);
}
