#include "transfer_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../wire/error.h"
#include "../wire/http1_chars.h"
#include "close_on_exec.h"
#include "cookies.h"
#include "curl_bugs.h"
#include "private_file.h"
#include "transfer_body.h"
#include "transfer_end.h"
#include "transfer_head.h"

/* Bytes read at a time. 64 KiB made a busy stream up to an eighth faster, but each source keeps the
 * memory once it was filled. */
#define RECEIVE_BUFFER (32L << 10)

#define SET(option, value) \
    do { \
        CURLcode set_code = curl_easy_setopt(t->easy, CURLOPT_##option, value); \
        if (set_code) \
            return set_code; \
    } while (0)

static int add_line(sse_transfer *t, const char *line)
{
    struct curl_slist *added = curl_slist_append(NULL, line);

    if (!added)
        return SSE_ENOMEM;
    if (t->headers)
        t->last_header->next = added;
    else
        t->headers = added;
    t->last_header = added;
    return SSE_OK;
}

/* libcurl sends an empty value for "Name;", and no such header for "Name: ". */
static void write_line(char *line, const sse_http1_field *f)
{
    memcpy(line, f->name.at, f->name.len);
    line += f->name.len;
    if (sse_slice_trim(f->value).len == 0) {
        strcpy(line, ";");
        return;
    }
    memcpy(line, ": ", 2);
    memcpy(line + 2, f->value.at, f->value.len);
    line[2 + f->value.len] = '\0';
}

static int add_header(sse_transfer *t, const sse_http1_field *f, const char **why)
{
    char small[256], *line = small;
    size_t size = f->name.len + f->value.len + 3;
    int code = SSE_OK;

    if (!sse_http1_is_token(f->name)) {
        *why = "a header's name is not a token";
        return SSE_EINVAL;
    }
    if (!sse_http1_is_value(f->value)) {
        *why = "a header's value holds a control character";
        return SSE_EINVAL;
    }
    if (size > sizeof small && !(line = malloc(size)))
        return SSE_ENOMEM;
    write_line(line, f);
    code = add_line(t, line);
    if (line != small)
        free(line);
    return code;
}

static const sse_http1_field *find_header(const sse_transfer_options *o, const char *name)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (sse_slice_is_name(o->headers[i].name, name))
            return &o->headers[i];
    return NULL;
}

/* Whether the request says nothing of compression and is to ask for it. Each compressed body takes
 * some 10 to 40 KiB for its decoder, and an event stream keeps them for as long as it is open. */
static bool asks_for_compression(const sse_transfer *t, const sse_transfer_options *o)
{
    const sse_http1_field *accept = find_header(o, "accept");

    if (o->raw || find_header(o, "accept-encoding"))
        return false;
    return !accept || !sse_slice_is_name(accept->value, "text/event-stream") ||
           sse_multi_count(t->multi) < SSE_COMPRESSED_STREAMS;
}

/* Whether the request is one with a body for libcurl. */
static bool has_body(const sse_transfer_options *o)
{
    return o->body.at || (o->method && !strcmp(o->method, "POST"));
}

static int add_headers(sse_transfer *t, const sse_transfer_options *o, const char **why)
{
    int code = SSE_OK;

    for (size_t i = 0; !code && i < o->header_count; i++)
        code = add_header(t, &o->headers[i], why);
    /* "Name:" suppresses a header that libcurl would add on its own, where there is a body. */
    if (!code && has_body(o) && !find_header(o, "content-type"))
        code = add_line(t, "Content-Type:");
    if (!code && has_body(o) && !find_header(o, "expect"))
        code = add_line(t, "Expect:");
    if (!code && asks_for_compression(t, o))
        code = add_line(t, "Accept-Encoding: " SSE_DECODER_CODINGS);
    return code;
}

static CURLcode set_request(sse_transfer *t, const sse_transfer_options *o)
{
    bool head = o->method && !strcmp(o->method, "HEAD");

    SET(URL, o->url);
    SET(HTTPHEADER, t->headers);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(PROTOCOLS_STR, "http,https");
#else
    SET(PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    if (has_body(o)) {
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)o->body.len);
        SET(COPYPOSTFIELDS, o->body.at ? o->body.at : "");
    } else {
        SET(HTTPGET, 1L);
    }
    if (head)
        SET(NOBODY, 1L);
    else if (o->method)
        SET(CUSTOMREQUEST, o->method);
    return CURLE_OK;
}

/* Opens the sockets in libcurl's place, because child processes would inherit those of libcurl. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    sse_transfer *t = arg;
    int fd = sse_socket(address->family, address->socktype, address->protocol);

    (void)purpose;
    t->socket_error = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Called by libcurl when there is a connection for the request, before anything is sent. */
static int on_connection(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    sse_transfer *t = arg;
    bool http2 = !t->https || sse_connection_may_be_http2(t->easy);

    (void)ip, (void)local_ip, (void)port, (void)local_port;
    t->connected = true;
    sse_multi_on_connection(&t->entry, http2);
    if (!t->only_http2 || http2)
        return CURL_PREREQFUNC_OK;
    sse_transfer_set_failure(t, SSE_EPROTO, SSE_NO_HTTP2);
    return CURL_PREREQFUNC_ABORT;
}

static CURLcode set_callbacks(sse_transfer *t)
{
    SET(ERRORBUFFER, t->curl_message);
    SET(HEADERFUNCTION, sse_transfer_on_header);
    SET(HEADERDATA, t);
    SET(WRITEFUNCTION, sse_transfer_on_body);
    SET(WRITEDATA, t);
    SET(OPENSOCKETFUNCTION, on_open_socket);
    SET(OPENSOCKETDATA, t);
    SET(PREREQFUNCTION, on_connection);
    SET(PREREQDATA, t);
    SET(SUPPRESS_CONNECT_HEADERS, 1L);
    SET(NOSIGNAL, 1L);
    SET(BUFFERSIZE, RECEIVE_BUFFER);
    SET(FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(QUICK_EXIT, 1L); /* don't wait for a thread that looks a name up */
#endif
    return CURLE_OK;
}

static CURLcode set_connection(sse_transfer *t, const sse_transfer_options *o)
{
    uint64_t ms = t->connect_timeout;

    SET(CONNECTTIMEOUT_MS, (long)(ms < SSE_NO_CONNECT_LIMIT ? ms : SSE_NO_CONNECT_LIMIT));
    SET(TCP_KEEPALIVE, 1L); /* detects a peer that died while its stream was silent */
    if (o->unix_socket) {
        SET(UNIX_SOCKET_PATH, o->unix_socket);
        SET(PROXY, ""); /* not the environment's either */
        return CURLE_OK;
    }
    if (o->proxy)
        SET(PROXY, o->proxy);
    if (o->no_proxy)
        SET(NOPROXY, o->no_proxy);
    return CURLE_OK;
}

static CURLcode set_version(sse_transfer *t, const sse_transfer_options *o)
{
    bool http2 = o->version == SSE_VERSION_2 || (t->https && o->version != SSE_VERSION_1_1);
    long plain_version = http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1;

    SET(HTTP_VERSION, t->https && http2 ? (long)CURL_HTTP_VERSION_2TLS : plain_version);
    /* libcurl would send a request for HTTP/1.1 over an open HTTP/2 connection, and mix responses
     * up. Connections with different TLS options are not shared, so requests for HTTP/1.1 set an
     * option that only Schannel follows. */
    SET(SSL_OPTIONS, http2 ? 0L : (long)CURLSSLOPT_REVOKE_BEST_EFFORT);
    t->entry.multiplexes = http2 && (t->https || !sse_curl_resends_preface());
    if (http2 && !t->https) {
        SET(HTTPPROXYTUNNEL, 1L); /* else libcurl asks the proxy by HTTP/1.1 */
        SET(FRESH_CONNECT, (long)sse_curl_resends_preface());
        SET(FORBID_REUSE, (long)sse_curl_resends_preface());
    }
    /* Rather wait for a connection that is being made, for a stream of it, than open another. */
    if (http2)
        SET(PIPEWAIT, 1L);
    return CURLE_OK;
}

static CURLcode set_identity(sse_transfer *t, const sse_transfer_options *o)
{
    if (o->user)
        SET(USERNAME, o->user);
    if (o->password)
        SET(PASSWORD, o->password);
    if (o->cookie_file) {
        sse_cookies_prune_file(o->cookie_file);
        SET(COOKIEFILE, o->cookie_file);
        SET(COOKIEJAR, o->cookie_file);
    } else if (o->cookies) {
        sse_cookies_prune(sse_multi_share(t->multi, true));
        SET(COOKIEFILE, "");
    }
    SET(SHARE, sse_multi_share(t->multi, o->cookies && !o->cookie_file));
    return CURLE_OK;
}

/* Names the authorities to trust: those of `ca`, and no others, or libcurl's own. libcurl reads a
 * file of them once for all connections of a multi handle, but only where no folder is named beside
 * the file; else for each connection, which takes 20 ms and 900 KiB for a system's authorities. Its
 * defaults may name both, with the same certificates. */
static CURLcode set_authorities(sse_transfer *t, const char *ca, bool folder)
{
    const char *file = NULL;

    if (!ca)
        curl_easy_getinfo(t->easy, CURLINFO_CAINFO, &file);
    if (!ca && !file)
        return CURLE_OK;
    if (ca)
        SET(CAINFO, folder ? NULL : ca);
    /* NULL is refused where the TLS library knows no folders. */
    if (folder)
        SET(CAPATH, ca);
    else
        curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
    if (!ca)
        return CURLE_OK;
    /* A libcurl without HTTPS proxies refuses these options, and then the proxy. */
    curl_easy_setopt(t->easy, CURLOPT_PROXY_CAINFO, folder ? NULL : ca);
    curl_easy_setopt(t->easy, CURLOPT_PROXY_CAPATH, folder ? ca : NULL);
    return CURLE_OK;
}

static CURLcode set_tls(sse_transfer *t, const sse_transfer_options *o)
{
    CURLcode set = CURLE_OK;
    struct stat st = { 0 };
    bool folder = o->ca && !stat(o->ca, &st) && S_ISDIR(st.st_mode);

    t->own_ca = o->ca != NULL;
    set = set_authorities(t, o->ca, folder);
    if (set)
        return set;
    if (o->insecure_proxy) {
        curl_easy_setopt(t->easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(t->easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
    }
    if (o->cert)
        SET(SSLCERT, o->cert);
    if (o->key)
        SET(SSLKEY, o->key);
    SET(SSL_VERIFYPEER, o->insecure ? 0L : 1L);
    SET(SSL_VERIFYHOST, o->insecure ? 0L : 2L);
    return CURLE_OK;
}

/* A hash of what two transfers must have in common to use one connection: scheme, host and port of
 * the URL, and how it is reached. */
static uint64_t hash_origin(const sse_transfer *t, const sse_transfer_options *o)
{
    const char *const parts[] = { o->unix_socket, o->proxy, o->no_proxy, o->ca, o->cert };
    const sse_hash_seed *seed = sse_loop_seed(t->loop);
    const char *host = strstr(o->url, "://");
    size_t len = host ? (size_t)(host - o->url) + 3 : 0;
    uint64_t hash = 0;

    len += strcspn(o->url + len, "/?#");
    hash = sse_hash(seed, (sse_slice){ o->url, len });
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i])
            hash = hash * 31 + sse_hash(seed, sse_slice_text(parts[i])) + i;
    return hash * 31 + (uint64_t)o->insecure * 2 + (uint64_t)t->entry.multiplexes;
}

int sse_transfer_configure(sse_transfer *t, const sse_transfer_options *o, const char **why)
{
    int code = SSE_OK;
    CURLcode set = CURLE_OK;

    *why = NULL;
    t->only_http2 = o->version == SSE_VERSION_2;
    if (o->method && !sse_http1_is_token((sse_slice){ o->method, strlen(o->method) })) {
        *why = "the method is not a token";
        return SSE_EINVAL;
    }
    if (o->unix_socket && strlen(o->unix_socket) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        *why = "the path of the Unix socket is too long";
        return SSE_EINVAL;
    }
    if (o->cookie_file && !sse_create_private_file(o->cookie_file)) {
        *why = "the file for cookies cannot be written";
        return SSE_EINVAL;
    }
    code = add_headers(t, o, why);
    if (code)
        return code;
    if ((set = set_request(t, o)) || (set = set_callbacks(t)) || (set = set_connection(t, o)) ||
        (set = set_version(t, o)) || (set = set_identity(t, o)) || (set = set_tls(t, o))) {
        *why = curl_easy_strerror(set);
        return set == CURLE_OUT_OF_MEMORY ? SSE_ENOMEM : SSE_EINVAL;
    }
    t->entry.origin = hash_origin(t, o);
    return SSE_OK;
}
