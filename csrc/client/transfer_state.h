/* transfer_state.h: the state of a transfer, for transfer*.c alone. */
#ifndef SSE_CLIENT_TRANSFER_STATE_H
#define SSE_CLIENT_TRANSFER_STATE_H

#include <curl/curl.h>

#include "../wire/buffer.h"
#include "../wire/decoder.h"
#include "connection_info.h"
#include "multi.h"
#include "transfer_options.h"

struct sse_transfer {
    sse_multi_entry entry; /* first, so that a pointer to it is one to the transfer */
    sse_multi *multi;
    sse_loop *loop;
    sse_transfer_callbacks callbacks;
    void *user; /* the callbacks' first argument */
    CURL *easy;
    struct curl_slist *headers, *last_header; /* of the request */
    sse_deferred deferred; /* begins the request; from then on continues its body */
    bool common;           /* no option is private: easy handles may serve one after the other */
    bool https;
    bool own_ca;     /* the option `ca` names the authorities to trust, not libcurl */
    bool only_http2; /* fail unless the connection is HTTP/2 */
    bool keeps_loop; /* counts among what keeps the loop running */
    bool paused;     /* by sse_transfer_pause */
    uint64_t active; /* what sse_transfer_active returns */
    sse_connection_info connection_info;

    /* The response head: transfer_head.c. */
    sse_buffer head;          /* lines of the current head, each ended by NUL */
    size_t head_lines;        /* the number of them, status line included */
    size_t max_head_size;     /* bytes allowed in all heads and trailers together */
    size_t max_lines;         /* lines allowed in all of them: the fields and one status line */
    size_t seen_bytes;        /* so far, in all heads and trailers */
    size_t seen_lines;        /* so far, folded lines and empty ones not counted */
    uint64_t connect_timeout; /* ms of connecting, and from a head's first byte to its end */
    uint64_t head_began;      /* sse_loop_now of the current head's first byte; 0: none has come */
    sse_timer head_timer;
    bool connected;   /* there is a connection for the request */
    bool had_interim; /* a head of status 1xx has come */
    bool head_done;   /* on_head was called, or is being called */

    /* The body: transfer_body.c. */
    bool decodes;           /* decode what Content-Encoding names */
    sse_decoder *decoder;   /* NULL: the body is handed over as it is */
    int decoder_error;      /* fails the transfer with this code if a body comes; 0: none */
    bool decoder_full;      /* the last piece used up its room: the decoder may hold more output */
    sse_buffer undelivered; /* bytes as they were received, not all of them handed over */
    size_t undelivered_at;  /* offset of the first that was not */
    uint64_t bytes;         /* what sse_transfer_bytes returns */
    uint64_t now_us;        /* the time when the turn's share was last looked at */
    uint64_t turn;          /* the loop's turn that the next two fields are about */
    uint64_t turn_began_us; /* when the turn's share was first looked at */
    size_t turn_bytes;      /* decoded in that turn */

    /* The end: transfer_end.c. */
    int failure;              /* the code with which this side failed the transfer; 0: none */
    const char *failure_text; /* its message, static; NULL: the code's own text */
    int socket_error;         /* errno of the last socket that could not be made; 0: none */
    bool curl_done;           /* libcurl has ended the transfer, and curl_result is set */
    CURLcode curl_result;
    bool done; /* on_done was called, or is being called */
    char curl_message[CURL_ERROR_SIZE];
};

#endif
