/*
 * What curl's verdict on a transfer means to the caller.  One code means different things
 * before the request went out and after: only then may an answer be lost.
 *
 * Pure.  Runs wherever net/fetch.c does.
 */
#include "net/verdict.h"

static enum fetch_result
before_sending(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return FETCH_DNS;
	case CURLE_OPERATION_TIMEDOUT: /* the connection's clock is the only one that curl is given
					*/
		return FETCH_CONNECT_SLOW;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_SETFAILED:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_USE_SSL_FAILED:
		return FETCH_TLS;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_LOGIN_DENIED: /* a user name in the URL */
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_BAD_FUNCTION_ARGUMENT:
		return FETCH_REFUSED;
	default: /* refused, unreachable, or the proxy said no */
		return FETCH_CONNECT;
	}
}

static enum fetch_result
after_sending(CURLcode code, struct progress p)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT: /* as curl tried once more, after a stale connection */
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_OPERATION_TIMEDOUT:
		return before_sending(code);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* no status line, or an HTTP that does not exist */
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_OUT_OF_MEMORY: /* curl 7's word for a header line over its bound */
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE: /* curl 8's */
#endif
		return FETCH_PROTOCOL;
	default:
		return p.status ? FETCH_CUT : FETCH_RESET;
	}
}

enum fetch_result
verdict(CURLcode code, struct progress p)
{
	if (code == CURLE_OK && p.head)
		return FETCH_OK;
	if (code == CURLE_OK) /* closed inside the head, or behind a 100 */
		return p.status ? FETCH_CUT : FETCH_RESET;
	return p.sent ? after_sending(code, p) : before_sending(code);
}
