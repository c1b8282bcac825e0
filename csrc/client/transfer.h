/* transfer.h: one HTTP request over libcurl on the loop: exactly one, redirects are not followed.
 */
#ifndef SSE_CLIENT_TRANSFER_H
#define SSE_CLIENT_TRANSFER_H

#include <stdint.h>

#include "../wire/http1.h"
#include "connection_info.h"
#include "multi.h"

/* Of a response's heads (interim ones and trailers included): bytes and fields by default, and the
 * most bytes that an option can allow. libcurl takes no line over 100 KiB. */
#define SSE_RESPONSE_HEAD     ((size_t)64 << 10)
#define SSE_RESPONSE_FIELDS   100
#define SSE_MAX_RESPONSE_HEAD ((size_t)256 << 10)

typedef struct sse_transfer sse_transfer;

/* All come from the loop, never from within start or resume. Each may call any function of this
 * file on this transfer or another, sse_transfer_free too: after it no callback comes. */
typedef struct sse_transfer_callbacks {
    /* The final head, once; heads of status 1xx are skipped. Fields live until the callback
     * returns. */
    void (*on_head)(void *user, int status, const sse_http1_field *fields, size_t count);
    /* A piece of body, decoded (gzip, deflate, br) and of at most 16 KiB. Anything but SSE_OK fails
     * the transfer with that code. */
    int (*on_body)(void *user, const char *bytes, size_t len);
    /* The end, once: SSE_OK after a whole response, or a code and a message that lives until the
     * callback returns. The transfer stays until sse_transfer_free. */
    void (*on_done)(void *user, int code, const char *message);
} sse_transfer_callbacks;

enum { SSE_HTTP2_AUTO, SSE_HTTP2_OFF, SSE_HTTP2_ON };

/* NULL or 0: the default. Nothing is kept of it after start. */
typedef struct sse_transfer_options {
    const char *url;    /* absolute, http or https; must hold no user:password */
    const char *method; /* GET; POST where there is a body */
    const sse_http1_field *headers;
    size_t header_count;
    sse_slice body;           /* absent: none */
    uint64_t connect_timeout; /* ms for name, connection and TLS, and again for a head from its
                                 first byte to its end; 0: 300 s */
    size_t max_head;          /* bytes; 0: SSE_RESPONSE_HEAD */
    size_t max_fields;        /* 0: SSE_RESPONSE_FIELDS */
    bool cookies; /* keep and send cookies, in the memory that the loop's transfers share */
    const char *cookie_file; /* or in this file, read at the start and written at the end;
                                made for its owner alone where there is none */
    const char *user, *password;
    const char *proxy;       /* URL; "" for none; NULL: what the environment says */
    const char *no_proxy;    /* hosts that need none, by commas; NULL: what the environment says */
    const char *ca;          /* file or folder of PEM certificates; of an HTTPS proxy's too */
    const char *cert, *key;  /* PEM files */
    bool insecure;           /* accept any certificate of the server */
    bool insecure_proxy;     /* accept any certificate of an HTTPS proxy */
    int http2;               /* AUTO: by ALPN. ON: also without TLS, by prior knowledge */
    const char *unix_socket; /* path; the URL's host is then only a name, and no proxy is used */
    bool raw;                /* ask for no compression and hand the body through as it is */
} sse_transfer_options;

/* Starts a request at the end of the loop's turn; keeps the loop running until on_done or free.
 * SSE_EINVAL: a header or method that would break the request, *why (a static string) says which;
 * SSE_ENOMEM. */
int sse_transfer_start(sse_transfer **out, sse_multi *m, const sse_transfer_options *options,
                       const sse_transfer_callbacks *callbacks, void *user, const char **why);

/* Gives the request up, at any stage, also within its own callback. NULL is allowed. */
void sse_transfer_free(sse_transfer *t);

/* After pause no on_body comes until resume; one piece may be held back, then the sender feels it.
 * Without a pause, too, a body has 3 ms of a turn of the loop, a compressed one up to 64 KiB. Once
 * the head has come, a paused transfer does not keep the loop running: only its reader could go on
 * with it. */
void sse_transfer_pause(sse_transfer *t);
void sse_transfer_resume(sse_transfer *t);

/* What was agreed on with the peer. Known from on_head on. */
const sse_connection_info *sse_transfer_connection_info(const sse_transfer *t);

uint64_t sse_transfer_bytes(const sse_transfer *t);  /* of body handed over so far */
uint64_t sse_transfer_active(const sse_transfer *t); /* sse_loop_now of the last bytes of body, of
                                                        the end of the head, or of the start */

#endif
