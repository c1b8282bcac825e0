/* transfer_options.h: what a transfer is started with: its options and callbacks. */
#ifndef SSE_CLIENT_TRANSFER_OPTIONS_H
#define SSE_CLIENT_TRANSFER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../wire/http1.h"
#include "../wire/slice.h"

/* Bounds on all heads of one response together: interim heads, the final head and trailers. The
 * first two are the defaults. The third is the most bytes that an option can allow, and libcurl
 * itself takes no line over 100 KiB. */
#define SSE_RESPONSE_HEAD     ((size_t)64 << 10) /* bytes */
#define SSE_RESPONSE_FIELDS   100
#define SSE_MAX_RESPONSE_HEAD ((size_t)256 << 10) /* bytes */

typedef struct sse_transfer sse_transfer;

/* The loop calls these, never sse_transfer_start or sse_transfer_resume. A callback may call any
 * function of transfer.h on its own transfer or on another. After sse_transfer_free no callback of
 * that transfer is called. */
typedef struct sse_transfer_callbacks {
    /* Called once, with the final head; heads of status 1xx are skipped. The fields live until the
     * callback returns. */
    void (*on_head)(void *user, int status, const sse_http1_field *fields, size_t count);
    /* Takes a piece of the body: at most 16 KiB, decoded (gzip, deflate, br) unless the transfer is
     * `raw`. A result other than SSE_OK fails the transfer with that code. */
    int (*on_body)(void *user, const char *bytes, size_t len);
    /* Called once, at the end: with SSE_OK after a whole response, else with a code and a message
     * that lives until the callback returns. The caller still has to call sse_transfer_free. */
    void (*on_done)(void *user, int code, const char *message);
} sse_transfer_callbacks;

enum { SSE_VERSION_ANY, SSE_VERSION_1_1, SSE_VERSION_2 };

#define SSE_CONNECT_TIMEOUT 30000 /* ms */

/* While as many transfers are under way, a request for an event stream (by its Accept) asks for no
 * compression. */
#define SSE_COMPRESSED_STREAMS 256

/* NULL or 0 means the default. sse_transfer_start copies what it needs. */
typedef struct sse_transfer_options {
    const char *url;    /* absolute, http or https, without user:password */
    const char *method; /* default: GET, or POST with a body */
    const sse_http1_field *headers;
    size_t header_count;
    sse_slice body;           /* absent: none */
    uint64_t connect_timeout; /* ms for name lookup, connection and TLS together, and again for each
                                 head from its first byte to its end; 0:
                                 SSE_CONNECT_TIMEOUT */
    size_t max_head_size;     /* bytes; 0: SSE_RESPONSE_HEAD */
    size_t max_fields;        /* 0: SSE_RESPONSE_FIELDS */
    bool cookies;             /* keep and send cookies, in memory that the loop's transfers share */
    const char *cookie_file;  /* keep cookies in this file instead: read at the start, written at
                                 the end, created with permissions for its owner alone */
    const char *user, *password;
    const char *proxy;      /* URL; "": no proxy; NULL: from the environment */
    const char *no_proxy;   /* hosts reached without a proxy, separated by commas; NULL: from the
                               environment */
    const char *ca;         /* file or folder of PEM certificates, also for an HTTPS proxy */
    const char *cert, *key; /* PEM files of the client's certificate and its key */
    bool insecure;          /* accept any certificate of the server */
    bool insecure_proxy;    /* accept any certificate of an HTTPS proxy */
    int version;            /* ANY: over TLS as ALPN agrees, else HTTP/1.1. 2: no other; over TLS by
                               ALPN, else by prior knowledge */
    const char *unix_socket; /* path of the socket to connect to; the URL's host is then only sent
                                as a name, and no proxy is used */
    bool raw;                /* ask for no compression, and hand over the body undecoded */
} sse_transfer_options;

#endif
