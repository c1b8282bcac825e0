/* multi.h: libcurl's multi interface on a loop: what all transfers of one loop share: connections,
 * TLS sessions, looked-up names, cookies. The curl handle is made with the first user and freed
 * SSE_MULTI_IDLE ms after the last, so that the next one finds its connection open; that time does
 * not keep the loop running. libcurl forbids most calls from within its own callbacks; retire and
 * resume hide that from their callers.
 */
#ifndef SSE_CLIENT_MULTI_H
#define SSE_CLIENT_MULTI_H

#include <stdbool.h>

#include "../base/loop.h"

#define SSE_MULTI_IDLE 10000

typedef struct sse_multi sse_multi;

/* One user: an easy handle and its owner. Embedded. */
typedef struct sse_multi_user {
    struct sse_multi_user *next; /* among the retired */
    void *easy;                  /* CURL *, made and configured by the owner */
    void (*on_done)(struct sse_multi_user *u, int curl_code); /* at most once; already removed */
    void (*destroy)(struct sse_multi_user *u); /* cleans the easy handle up and frees the owner */
    bool counted, added, retired;
    bool paused;   /* libcurl was told to pause; set by the owner */
    bool resuming; /* libcurl hands over what it kept: its owner must not pause now */
    bool keeps;    /* it failed while paused: libcurl may have kept bytes for it */
    bool failing;  /* being given up: what comes is to be refused, as when retired */
    bool lost;     /* one of its sockets could not be watched */
    bool parents;  /* in a forked child: begun before the fork */
    struct sse_multi_user *after, **link; /* among all that are counted */
} sse_multi_user;

int sse_multi_new(sse_multi **out, sse_loop *loop);
void sse_multi_free(sse_multi *m); /* every user must be retired; NULL is allowed */

sse_loop *sse_multi_loop(const sse_multi *m);

/* What easy handles share, a CURLSH *: TLS sessions, and with cookies those in memory too. */
void *sse_multi_share(const sse_multi *m, bool cookies);

/* Closes the idle connections now if nobody uses the handle; harmless at any time. */
void sse_multi_forget(sse_multi *m);

/* Hands the easy handle to libcurl. Never from within a callback of libcurl's (defer it).
 * SSE_ENOMEM, SSE_ESYS: nothing was added. */
int sse_multi_add(sse_multi *m, sse_multi_user *u);

/* Takes the handle back and calls destroy, at once or, within a callback of libcurl's, when it
 * returns. on_done is not called any more. Idempotent. */
void sse_multi_retire(sse_multi *m, sse_multi_user *u);

/* libcurl 7.88 sends the preface anew on a connection with prior knowledge that it uses again
 * (curl's issue 10634): each request needs its own. */
bool sse_multi_prior_knowledge_once(void);

/* The transfer is given up before its end: since 7.88 libcurl keeps an HTTP/2 stream's RST_STREAM
 * to itself until the connection has something else to send (curl's issue 17611). Where no other
 * stream uses the connection it is closed, so that the server hears of it. */
void sse_multi_abandon(sse_multi_user *u);

/* Lets a paused handle go on; its callbacks run before this returns. Never from within a callback
 * of libcurl's. A failure of the handle is reported by on_done. */
void sse_multi_resume(sse_multi *m, sse_multi_user *u);

/* Takes the handle back and reports that code by on_done. Its owner must refuse what its callbacks
 * are given from now on: libcurl may hand over what a paused handle kept. Never from within a
 * callback of libcurl's. */
void sse_multi_fail(sse_multi *m, sse_multi_user *u, int curl_code);

/* From enter to leave, which nest, users that are retired are not destroyed yet. */
void sse_multi_enter(sse_multi *m);
void sse_multi_leave(sse_multi *m);

#endif
