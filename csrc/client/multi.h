/* multi.h: libcurl's multi interface on a loop, and what all transfers of the loop share:
 * connections, TLS sessions, looked-up names, cookies. libcurl's multi handle is created for the
 * first transfer and freed SSE_MULTI_IDLE ms after the last one, so that the next transfer finds
 * its connection open; that wait does not keep the loop running. libcurl forbids most calls from
 * within its own callbacks: see what each function here says. */
#ifndef SSE_CLIENT_MULTI_H
#define SSE_CLIENT_MULTI_H

#include <stdbool.h>

#include "../base/loop.h"

#define SSE_MULTI_IDLE 10000

/* ms: as CURLOPT_CONNECTTIMEOUT_MS, a limit that is never reached. */
#define SSE_NO_CONNECT_LIMIT (1L << 30)

typedef struct sse_multi sse_multi;

/* One easy handle and its owner. Embedded in the owner, which sets the first three fields. */
typedef struct sse_multi_entry {
    void *easy; /* CURL *, created and configured by the owner */
    /* The transfer has ended with this CURLcode: called once at most, when libcurl has the handle
     * no more. May call any function that is allowed outside of libcurl's callbacks. */
    void (*on_done)(struct sse_multi_entry *e, int curl_code);
    void (*destroy)(struct sse_multi_entry *e); /* cleans the easy handle up, frees the owner */
    bool paused;   /* libcurl was told to pause: set by the owner, cleared here */
    bool resuming; /* libcurl hands over what it kept during a pause: the owner must not pause */
    bool failing;  /* by sse_multi_fail: the owner must refuse all bytes */
    bool removed;  /* by sse_multi_remove: the owner must refuse all bytes */
    bool added;    /* libcurl has the handle */
    bool listed;   /* is in the list of entries: from add until it is removed for good */
    bool curl_keeps_bytes; /* failed while paused: libcurl may still hold bytes for it */
    bool unwatched;        /* one of its sockets could not be watched */
    bool from_parent;      /* in a forked child: the parent process began it */
    uint64_t connect_due;  /* ms: when libcurl would give the connecting up; 0: no more. Set by the
                              owner, whose own timer judges, after libcurl has read what came */
    struct sse_multi_entry *next, **link; /* in the list of entries */
    struct sse_multi_entry *next_removed; /* among those that wait to be destroyed */
} sse_multi_entry;

/* SSE_ENOMEM, SSE_ESYS. Every entry must be removed before free. NULL is allowed in free. */
int sse_multi_new(sse_multi **out, sse_loop *loop);
void sse_multi_free(sse_multi *m);

sse_loop *sse_multi_loop(const sse_multi *m);

/* Returns what easy handles share, a CURLSH *: TLS sessions, and with `cookies` the cookies in
 * memory too. */
void *sse_multi_share(const sse_multi *m, bool cookies);

/* Closes the idle connections now if there is no transfer. Allowed at any time. */
void sse_multi_close_idle(sse_multi *m);

/* Hands the easy handle to libcurl. Never from within a callback of libcurl's (defer the call).
 * SSE_ENOMEM, SSE_ESYS: nothing was added. */
int sse_multi_add(sse_multi *m, sse_multi_entry *e);

/* Takes the handle from libcurl and calls destroy: at once, or within a callback of libcurl's as
 * soon as libcurl has returned. on_done is not called any more. May be called again until then. */
void sse_multi_remove(sse_multi *m, sse_multi_entry *e);

/* Resumes a paused handle; its callbacks run before this returns. Never from within a callback of
 * libcurl's. A failure is reported by on_done. */
void sse_multi_resume(sse_multi *m, sse_multi_entry *e);

/* Takes the handle from libcurl and calls on_done with this code. Never from within a callback of
 * libcurl's. */
void sse_multi_fail(sse_multi *m, sse_multi_entry *e, int curl_code);

/* For code outside of libcurl that calls an owner's callbacks: between the two, which nest, entries
 * that are removed are not destroyed yet. */
void sse_multi_begin_callbacks(sse_multi *m);
void sse_multi_end_callbacks(sse_multi *m);

#endif
