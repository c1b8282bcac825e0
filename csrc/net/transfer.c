#include "transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../wire/buffer.h"
#include "../wire/error.h"
#include "private_file.h"

/* Read at a time. More would gain a busy stream a few percent; but a pause may leave one buffer's
 * worth with libcurl, which, inflated a thousandfold, must stay below the 64 MiB it keeps. */
#define RECEIVE_BUFFER (32L << 10)

struct sse_transfer {
    sse_multi_user use; /* first: a user is its transfer */
    sse_multi *multi;
    sse_loop *loop;
    sse_transfer_callbacks callbacks;
    void *user;
    CURL *easy;
    struct curl_slist *headers;
    sse_buffer head;    /* lines of the response head, each ended by NUL */
    size_t lines;       /* of it, the status line included */
    sse_deferred later; /* start, then resume */
    uint64_t bytes, active;
    sse_negotiated negotiated;
    int failure; /* why this side stopped libcurl */
    bool https, kept, head_done, paused, done;
    char message[CURL_ERROR_SIZE];
};

/* --- the response head ------------------------------------------------------------------------ */

static void forget_head(sse_transfer *t)
{
    sse_buffer_free(&t->head);
    t->lines = 0;
}

static int keep_line(sse_transfer *t, const char *line, size_t len)
{
    bool folded = t->lines > 1 && (*line == ' ' || *line == '\t');
    int code = sse_buffer_reserve(&t->head, len + 1);

    if (code)
        return code;
    if (folded)
        t->head.data[t->head.len - 1] = ' '; /* RFC 9112 5.2: a fold is a space */
    else
        t->lines++;
    sse_buffer_append(&t->head, line, len);
    return sse_buffer_append(&t->head, "", 1);
}

static sse_slice trim(const char *from, const char *to)
{
    return sse_slice_trim((sse_slice){ from, (size_t)(to - from) });
}

/* The kept lines but the first as fields; what has no colon is no field. */
static size_t split_head(const sse_transfer *t, sse_http1_field *fields)
{
    const char *line = t->head.data, *end = line + t->head.len;
    size_t count = 0;

    for (line += strlen(line) + 1; line < end; line += strlen(line) + 1) {
        const char *colon = strchr(line, ':');

        if (!colon || colon == line)
            continue;
        fields[count].name = trim(line, colon);
        fields[count++].value = trim(colon + 1, line + strlen(line));
    }
    return count;
}

static int finish_head(sse_transfer *t)
{
    sse_http1_field *fields = NULL;
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) {
        forget_head(t); /* interim: the final head follows, but for 101, which nobody asked for */
        return status == 101 ? SSE_EPROTO : SSE_OK;
    }
    fields = calloc(t->lines, sizeof *fields);
    if (!fields)
        return SSE_ENOMEM;
    t->head_done = true;
    sse_negotiated_read(&t->negotiated, t->easy, t->https);
    t->callbacks.on_head(t->user, (int)status, fields, split_head(t, fields));
    free(fields);
    forget_head(t);
    return SSE_OK;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    sse_transfer *t = arg;
    size_t all = size * count, len = all;
    int code = SSE_OK;

    if (t->use.retired || t->failure)
        return 0;
    t->active = sse_loop_now(t->loop);
    if (t->head_done)
        return all; /* a trailer */
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    if (len > 0)
        code = memchr(bytes, '\0', len) ? SSE_EPROTO : keep_line(t, bytes, len);
    else if (t->lines > 0)
        code = finish_head(t);
    if (code)
        t->failure = code;
    return code || t->use.retired ? 0 : all;
}

/* --- the body --------------------------------------------------------------------------------- */

static size_t give_up(sse_transfer *t)
{
    sse_multi_abandon(&t->use);
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    sse_transfer *t = arg;
    size_t len = size * count;

    if (t->use.retired || t->failure)
        return give_up(t);
    if (t->paused)
        return CURL_WRITEFUNC_PAUSE;
    t->active = sse_loop_now(t->loop);
    t->bytes += len;
    t->failure = t->callbacks.on_body(t->user, bytes, len);
    return t->failure || t->use.retired ? give_up(t) : len;
}

/* --- the end ---------------------------------------------------------------------------------- */

static int connect_failure(CURL *easy)
{
    long error = 0;

    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    switch (error) {
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

/* socks5:// resolves the target's name here: that failure is none of the proxy's. */
static int proxy_failure(CURL *easy)
{
    long error = 0;

    curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &error);
    return error == CURLPX_RESOLVE_HOST ? SSE_ENOTFOUND : SSE_EPROXY;
}

static int map_code(CURL *easy, CURLcode code)
{
    long proxy_status = 0;

    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status >= 300)
        return SSE_EPROXY;
    switch (code) {
    case CURLE_OK:
        return SSE_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return SSE_ENOTFOUND;
    case CURLE_PROXY:
        return proxy_failure(easy);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return SSE_EPROXY;
    case CURLE_COULDNT_CONNECT:
        return connect_failure(easy);
    case CURLE_OPERATION_TIMEDOUT:
        return SSE_ETIMEDOUT;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2_STREAM: /* the server reset it: the answer broke off */
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
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9; other schemes were refused before */
    case CURLE_BAD_CONTENT_ENCODING:
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

static void keep(sse_transfer *t)
{
    if (!t->kept)
        sse_loop_keep(t->loop);
    t->kept = true;
}

static void release(sse_transfer *t)
{
    if (t->kept)
        sse_loop_release(t->loop);
    t->kept = false;
}

static void finish(sse_transfer *t, int code, const char *message)
{
    t->done = true;
    release(t);
    sse_loop_undefer(t->loop, &t->later);
    t->callbacks.on_done(t->user, code, message);
}

static const char *text_of(const sse_transfer *t, CURLcode code)
{
    if (code == CURLE_PARTIAL_FILE)
        return "the connection broke off before the end of the answer";
    return *t->message ? t->message : curl_easy_strerror(code);
}

static void on_curl_done(sse_multi_user *use, int curl_code)
{
    sse_transfer *t = (sse_transfer *)use;
    int code = map_code(t->easy, (CURLcode)curl_code);

    if (t->failure == SSE_ETOOBIG && !t->head_done)
        finish(t, t->failure, "the response's head is too large");
    else if (t->failure)
        finish(t, t->failure, sse_error_text(t->failure));
    else if (code)
        finish(t, code, text_of(t, (CURLcode)curl_code));
    else if (!t->head_done)
        finish(t, SSE_EPROTO, "the answer has no HTTP head");
    else
        finish(t, SSE_OK, NULL);
}

static void destroy(sse_multi_user *use)
{
    sse_transfer *t = (sse_transfer *)use;

    if (t->easy)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    sse_buffer_free(&t->head);
    free(t);
}

/* --- the request ------------------------------------------------------------------------------ */

#define SET(option, value) \
    do { \
        CURLcode set_code = curl_easy_setopt(t->easy, CURLOPT_##option, value); \
        if (set_code) \
            return set_code; \
    } while (0)

static int add_line(sse_transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);

    if (!longer)
        return SSE_ENOMEM;
    t->headers = longer;
    return SSE_OK;
}

static int add_header(sse_transfer *t, const sse_http1_field *f, const char **why)
{
    char *line = NULL;
    int code = SSE_OK;

    if (!sse_http1_is_token(f->name)) {
        *why = "a header's name is not a token";
        return SSE_EINVAL;
    }
    if (!sse_http1_is_value(f->value)) {
        *why = "a header's value holds a control character";
        return SSE_EINVAL;
    }
    line = malloc(f->name.len + f->value.len + 3);
    if (!line)
        return SSE_ENOMEM;
    /* libcurl's way to send an empty value is "Name;"; "Name: " would leave the header out. */
    if (sse_slice_trim(f->value).len == 0)
        sprintf(line, "%.*s;", (int)f->name.len, f->name.at);
    else
        sprintf(line, "%.*s: %.*s", (int)f->name.len, f->name.at, (int)f->value.len, f->value.at);
    code = add_line(t, line);
    free(line);
    return code;
}

static bool has_header(const sse_transfer_options *o, const char *name)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (o->headers[i].name.len == strlen(name) &&
            curl_strnequal(o->headers[i].name.at, name, strlen(name)))
            return true;
    return false;
}

static int add_headers(sse_transfer *t, const sse_transfer_options *o, const char **why)
{
    int code = SSE_OK;

    for (size_t i = 0; !code && i < o->header_count; i++)
        code = add_header(t, &o->headers[i], why);
    /* libcurl's own ideas about a body: none of them is asked for. */
    if (!code && !has_header(o, "content-type"))
        code = add_line(t, "Content-Type:");
    if (!code && !has_header(o, "expect"))
        code = add_line(t, "Expect:");
    return code;
}

static CURLcode set_request(sse_transfer *t, const sse_transfer_options *o)
{
    bool head = o->method && !strcmp(o->method, "HEAD");
    bool post = o->method && !strcmp(o->method, "POST");

    SET(URL, o->url);
    SET(HTTPHEADER, t->headers);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(PROTOCOLS_STR, "http,https");
#else
    SET(PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    if (o->body.at || post) {
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)o->body.len);
        SET(COPYPOSTFIELDS, o->body.at ? o->body.at : "");
    } else {
        SET(HTTPGET, 1L);
    }
    if (head)
        SET(NOBODY, 1L);
    else if (o->method)
        SET(CUSTOMREQUEST, o->method);
    if (!o->raw)
        SET(ACCEPT_ENCODING, ""); /* whatever this libcurl can decode */
    return CURLE_OK;
}

static CURLcode set_callbacks(sse_transfer *t)
{
    SET(ERRORBUFFER, t->message);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, t);
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, t);
    SET(SUPPRESS_CONNECT_HEADERS, 1L);
    SET(NOSIGNAL, 1L);
    SET(BUFFERSIZE, RECEIVE_BUFFER);
    SET(FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(QUICK_EXIT, 1L); /* giving up must not wait for the thread that looks a name up */
#endif
    return CURLE_OK;
}

static CURLcode set_connection(sse_transfer *t, const sse_transfer_options *o)
{
    if (o->connect_timeout)
        SET(CONNECTTIMEOUT_MS,
            (long)(o->connect_timeout < 1u << 30 ? o->connect_timeout : 1u << 30));
    SET(TCP_KEEPALIVE, 1L); /* a dead peer of a silent stream is found out */
    if (o->unix_socket) {
        SET(UNIX_SOCKET_PATH, o->unix_socket);
        SET(PROXY, ""); /* not even the environment's */
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
    bool http2 = o->http2 == SSE_HTTP2_ON || (t->https && o->http2 != SSE_HTTP2_OFF);
    long plain_version = http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1;

    SET(HTTP_VERSION, t->https && http2 ? (long)CURL_HTTP_VERSION_2TLS : plain_version);
    /* libcurl would give a transfer of HTTP/1.1 a connection of HTTP/2 and mix responses up. It
     * keeps connections of different TLS options apart; only Schannel heeds this one. */
    SET(SSL_OPTIONS, http2 ? 0L : (long)CURLSSLOPT_REVOKE_BEST_EFFORT);
    if (http2 && !t->https) {
        SET(FRESH_CONNECT, (long)sse_multi_prior_knowledge_once());
        SET(FORBID_REUSE, (long)sse_multi_prior_knowledge_once());
    }
    /* Rather a stream of a connection that is being made than a connection more. */
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
        SET(COOKIEFILE, o->cookie_file);
        SET(COOKIEJAR, o->cookie_file);
    } else if (o->cookies) {
        SET(COOKIEFILE, "");
    }
    SET(SHARE, sse_multi_share(t->multi, o->cookies && !o->cookie_file));
    return CURLE_OK;
}

static CURLcode set_tls(sse_transfer *t, const sse_transfer_options *o)
{
    struct stat st = { 0 };
    bool folder = o->ca && !stat(o->ca, &st) && S_ISDIR(st.st_mode);

    if (folder)
        SET(CAPATH, o->ca);
    else if (o->ca)
        SET(CAINFO, o->ca);
    /* A libcurl that knows no HTTPS proxies refuses these, and later the proxy. */
    if (o->ca)
        curl_easy_setopt(t->easy, folder ? CURLOPT_PROXY_CAPATH : CURLOPT_PROXY_CAINFO, o->ca);
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

static int configure(sse_transfer *t, const sse_transfer_options *o, const char **why)
{
    int code = SSE_OK;
    CURLcode set = CURLE_OK;

    *why = NULL;
    if (o->method && !sse_http1_is_token((sse_slice){ o->method, strlen(o->method) })) {
        *why = "the method is not a token";
        return SSE_EINVAL;
    }
    if (o->unix_socket && strlen(o->unix_socket) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        *why = "the path of the Unix socket is too long";
        return SSE_EINVAL;
    }
    if (o->cookie_file && !sse_private_file(o->cookie_file)) {
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
    return SSE_OK;
}

/* --- interface -------------------------------------------------------------------------------- */

static void resume(void *arg)
{
    sse_transfer *t = arg;

    sse_multi_resume(t->multi, &t->use);
}

static void begin(void *arg)
{
    sse_transfer *t = arg;
    int code = SSE_OK;

    t->later.call = resume;
    code = sse_multi_add(t->multi, &t->use);
    if (code)
        finish(t, code, sse_error_text(code));
}

int sse_transfer_start(sse_transfer **out, sse_multi *m, const sse_transfer_options *options,
                       const sse_transfer_callbacks *callbacks, void *user, const char **why)
{
    sse_transfer *t = calloc(1, sizeof *t);
    int code = SSE_ENOMEM;

    *why = NULL;
    if (!t)
        return code;
    t->use = (sse_multi_user){ .on_done = on_curl_done, .destroy = destroy };
    t->multi = m;
    t->loop = sse_multi_loop(m);
    t->callbacks = *callbacks;
    t->user = user;
    t->https = curl_strnequal(options->url, "https:", 6);
    sse_buffer_init(&t->head, SSE_MAX_RESPONSE_HEAD);
    t->easy = t->use.easy = curl_easy_init();
    if (t->easy)
        code = configure(t, options, why);
    if (code) {
        destroy(&t->use);
        return code;
    }
    t->active = sse_loop_now(t->loop);
    keep(t);
    sse_deferred_init(&t->later, begin, t);
    sse_loop_defer(t->loop, &t->later);
    *out = t;
    return SSE_OK;
}

void sse_transfer_free(sse_transfer *t)
{
    if (!t)
        return;
    release(t);
    sse_loop_undefer(t->loop, &t->later);
    sse_multi_retire(t->multi, &t->use);
}

void sse_transfer_pause(sse_transfer *t)
{
    t->paused = true; /* libcurl is told by the answer to its next piece */
    if (t->head_done)
        release(t);
    if (t->use.added)
        sse_loop_undefer(t->loop, &t->later);
}

void sse_transfer_resume(sse_transfer *t)
{
    if (!t->paused)
        return;
    t->paused = false;
    if (t->done)
        return;
    keep(t);
    if (t->use.added)
        sse_loop_defer(t->loop, &t->later);
}

const sse_negotiated *sse_transfer_negotiated(const sse_transfer *t)
{
    return &t->negotiated;
}

uint64_t sse_transfer_bytes(const sse_transfer *t)
{
    return t->bytes;
}

uint64_t sse_transfer_active(const sse_transfer *t)
{
    return t->active;
}
