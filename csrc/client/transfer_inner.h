/* transfer_inner.h: what the files of a transfer share: its state, and what each does for it. */
#ifndef SSE_CLIENT_TRANSFER_INNER_H
#define SSE_CLIENT_TRANSFER_INNER_H

#include <curl/curl.h>

#include "../wire/buffer.h"
#include "../wire/decoder.h"
#include "../wire/error.h"
#include "transfer.h"

struct sse_transfer {
    sse_multi_user use; /* first: a user is its transfer */
    sse_multi *multi;
    sse_loop *loop;
    sse_transfer_callbacks callbacks;
    void *user;
    CURL *easy;
    struct curl_slist *headers;

    /* The response head: transfer_head.c. */
    sse_buffer head;  /* its lines, each ended by NUL */
    size_t lines;     /* of it, the status line included */
    size_t max_head;  /* bytes of all heads and trailers together */
    size_t max_lines; /* of all of them but the final status line */
    size_t seen, seen_lines;
    uint64_t head_limit; /* ms from a head's first byte to its end */
    uint64_t head_begun; /* when the head at hand began; 0: not yet */
    sse_timer head_timer;

    /* The body: transfer_body.c. */
    sse_decoder *decoder; /* NULL: the body is taken as it comes */
    int undecodable;      /* the code that fails the transfer when a body comes */
    sse_buffer raw;       /* bytes as they were received, from raw_at on not yet handed over */
    size_t raw_at;
    uint64_t turn;       /* the loop's turn in which turn_bytes were decoded */
    uint64_t now;        /* microseconds, as last looked at */
    uint64_t turn_began; /* microseconds: the first bytes handed over in it */
    size_t turn_bytes;

    sse_deferred later; /* the start, then what sse_transfer_go_on does */
    uint64_t bytes, active;
    sse_connection_info connection_info;
    int failure;     /* why this side stopped libcurl */
    const char *why; /* its text, or NULL for the code's own; static */
    int os_error;    /* of the socket that could not be made */
    CURLcode result; /* libcurl's, once `ended` */
    bool decodes;    /* undo what Content-Encoding says */
    bool https, kept, head_done, paused, done;
    bool interim; /* a head of status 1xx has come */
    bool more;    /* the decoder holds more output than there was room for */
    bool ended;   /* libcurl is done; what was received is still being decoded */
    char message[CURL_ERROR_SIZE];
};

/* --- transfer_life.c -------------------------------------------------------------------------- */

/* Notes why this side gives the transfer up; what is noted first stays. */
void sse_transfer_note(sse_transfer *t, int code, const char *why);

/* Tells the end: what was noted, or libcurl's result. May free it. */
void sse_transfer_finish(sse_transfer *t);

/* Ends it from outside of libcurl's callbacks, as noted. May free it. */
void sse_transfer_fail(sse_transfer *t);

/* --- transfer_setup.c ------------------------------------------------------------------------- */

/* Makes the easy handle do what the options say. SSE_EINVAL with *why, SSE_ENOMEM. */
int sse_transfer_configure(sse_transfer *t, const sse_transfer_options *o, const char **why);

/* --- transfer_head.c -------------------------------------------------------------------------- */

size_t sse_transfer_on_header(char *bytes, size_t size, size_t count, void *arg);
void sse_transfer_forget_head(sse_transfer *t);

/* Limits the time that a head takes from its first byte on. SSE_ENOMEM. */
int sse_transfer_watch_head(sse_transfer *t);

/* --- transfer_body.c -------------------------------------------------------------------------- */

size_t sse_transfer_on_body(char *bytes, size_t size, size_t count, void *arg);

/* Prepares for a body that is coded so. Failures show when a body comes. */
void sse_transfer_decode(sse_transfer *t, const sse_http1_field *fields, size_t count);

/* Whether bytes were received that were not handed over yet. */
bool sse_transfer_holds(const sse_transfer *t);

/* Goes on after a pause or with the next turn's share of decoding. A deferred call. */
void sse_transfer_go_on(void *arg);

/* --- transfer_code.c -------------------------------------------------------------------------- */

/* What a result of libcurl's means: a code of wire/error.h, and with *why (out) a text where
 * libcurl has none that fits. */
int sse_transfer_code(const sse_transfer *t, CURLcode result, const char **why);

#endif
