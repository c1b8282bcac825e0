#include "transfer_code.h"

#include <errno.h>
#include <stdlib.h>

#include "../wire/error.h"
#include "close_on_exec.h"

#define TOO_LARGE 100 /* CURLE_TOO_LARGE, which older headers lack */

static int code_of_connect(const sse_transfer *t)
{
    long error = t->socket_error;

    if (!error)
        curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
    switch (error) {
    case EMFILE:
    case ENFILE:
        return SSE_EMFILE;
    case ETIMEDOUT:
        return SSE_ETIMEDOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
        return SSE_EHOSTUNREACH;
    case EACCES:
    case EPERM:
        return SSE_EACCES;
    default:
        return SSE_ECONNREFUSED;
    }
}

/* With socks5:// the target's name is looked up here, not by the proxy: a name that is not found is
 * no failure of the proxy. */
static int code_of_proxy(CURL *easy)
{
    long error = 0;

    curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &error);
    return error == CURLPX_RESOLVE_HOST ? SSE_ENOTFOUND : SSE_EPROXY;
}

static int code_of_result(const sse_transfer *t, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return SSE_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return SSE_ENOTFOUND;
    case CURLE_PROXY:
        return code_of_proxy(t->easy);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return SSE_EPROXY;
    case CURLE_COULDNT_CONNECT:
        return code_of_connect(t);
    case CURLE_OPERATION_TIMEDOUT:
        return SSE_ETIMEDOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2_STREAM: /* the server reset the stream */
        return SSE_ECONNRESET;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return SSE_ECERT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
        return SSE_ETLS;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: URLs of other schemes do not get here */
    case CURLE_HTTP2:
        return SSE_EPROTO;
    case CURLE_URL_MALFORMAT:
        return SSE_EINVAL;
    case CURLE_OUT_OF_MEMORY:
        return SSE_ENOMEM;
    default:
        return SSE_ESYS;
    }
}

/* Says whether libcurl got no usable response to CONNECT: a connection was made for this request
 * and lost before the TLS handshake was done. Without TLS there is no CONNECT, and a proxy's own
 * response cannot be told from the server's. */
static bool is_lost_in_tunnel(const sse_transfer *t, CURLcode code)
{
    curl_off_t tls = 0;
    long made = 0;

    if (!t->https || t->head_done || code == CURLE_SSL_CONNECT_ERROR)
        return false;
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &made);
    curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T, &tls);
    return made > 0 && tls == 0 &&
           (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
            code == CURLE_WEIRD_SERVER_REPLY || code == TOO_LARGE || code == CURLE_OUT_OF_MEMORY);
}

static bool is_refused_by_proxy(const sse_transfer *t)
{
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status >= 300;
}

/* Says whether the head had a line longer than libcurl takes. Before 8.6 libcurl calls that out of
 * memory; where twice the largest head can still be allocated, a long line is meant. */
static bool is_long_line(const sse_transfer *t, CURLcode code)
{
    curl_off_t first = 0;
    void *probe = NULL;

    if (t->head_done || (code != CURLE_OUT_OF_MEMORY && code != TOO_LARGE))
        return false;
    curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    if (first > 0 && code == CURLE_OUT_OF_MEMORY) {
        probe = malloc(2 * SSE_MAX_RESPONSE_HEAD);
        free(probe);
    }
    return first > 0 && (probe || code == TOO_LARGE);
}

/* Says whether no file descriptor is left, for results that libcurl gives for that reason and for
 * others. */
static bool lacks_descriptors(CURLcode code)
{
    return (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
            code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
            code == CURLE_OUT_OF_MEMORY || code == CURLE_COULDNT_CONNECT) &&
           !sse_has_descriptor();
}

int sse_transfer_map_result(const sse_transfer *t, CURLcode result, const char **text)
{
    int code = code_of_result(t, result);

    if (!code || t->entry.failing) /* the result is then what sse_multi_fail was given */
        return code;
    if (is_refused_by_proxy(t) || is_lost_in_tunnel(t, result))
        return SSE_EPROXY;
    if (is_long_line(t, result)) {
        *text = "a line of the response's head is too long";
        return SSE_ETOOBIG;
    }
    if (code == SSE_EMFILE || lacks_descriptors(result)) {
        *text = "no file descriptor is left for a socket or a file";
        return SSE_EMFILE;
    }
    if (result == CURLE_SSL_CACERT_BADFILE && !t->own_ca)
        *text =
            "this system has no certificates of authorities to check the server's with: install "
            "the package ca-certificates, or give 'tls' = { ca = path }";
    return code;
}
