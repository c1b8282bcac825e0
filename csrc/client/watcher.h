/* watcher.h: what a libcurl multi handle waits for, on the loop: its sockets as libevent's events,
 * its timeout as a timer. */
#ifndef SSE_CLIENT_WATCHER_H
#define SSE_CLIENT_WATCHER_H

#include <curl/curl.h>
#include <stdbool.h>

#include "../base/loop.h"
#include "close_on_exec.h"

#define SSE_MAX_UNWATCHED 16

struct sse_socket_watch;
struct sse_watcher;

/* A socket that is ready, or a timeout that has come, and waits to be served. */
typedef struct sse_ready {
    struct sse_watcher *watcher;
    curl_socket_t fd; /* CURL_SOCKET_TIMEOUT: the watcher's timeout */
    short what;       /* EV_READ, EV_WRITE; 0: it is not in the queue */
    uint64_t order;   /* in the queue */
    struct sse_ready *before, *after;
} sse_ready;

/* The one that waits longest is the first. Several watchers have one queue. All zeros: an empty
 * one. */
typedef struct sse_ready_queue {
    sse_ready *first, *last;
    sse_unserved unserved;
} sse_ready_queue;

typedef struct sse_watcher_callbacks {
    /* A socket is ready (events: CURL_CSELECT_...), or the timeout has come (fd:
     * CURL_SOCKET_TIMEOUT): curl_multi_socket_action is to be called. */
    void (*on_action)(void *arg, curl_socket_t fd, int events);
    /* A socket of this easy handle cannot be watched. Called from within libcurl. */
    void (*on_unwatched)(void *arg, CURL *easy);
    /* Asked when there is something to be served: true puts it into the queue, instead of a call
     * of on_action. */
    bool (*must_queue)(void *arg);
    void *arg;
} sse_watcher_callbacks;

/* Embedded in its owner. */
typedef struct sse_watcher {
    sse_loop *loop;
    CURLM *curl; /* NULL: nothing is watched */
    sse_watcher_callbacks callbacks;
    sse_ready_queue *queue;
    sse_ready timeout; /* in the queue when it has come */
    struct sse_socket_watch *watches;
    sse_timer timer;
    uint64_t timer_due;      /* sse_loop_now of the timeout */
    sse_deferred timer_call; /* queued for a timeout of 0, and while `timer` could not be started */
    sse_hidden_pair resolver; /* the sockets that libcurl's resolver is about to open */
    curl_socket_t unwatched[SSE_MAX_UNWATCHED]; /* sockets that could not be watched */
    size_t unwatched_count; /* of such sockets; `unwatched` holds no more than its size */
} sse_watcher;

void sse_watcher_init(sse_watcher *w, sse_loop *loop, sse_ready_queue *queue,
                      sse_watcher_callbacks callbacks);

/* Takes the first out of the queue, which must not be empty, and calls on_action for it. */
void sse_watcher_serve_first(sse_ready_queue *queue);

/* From here to sse_watcher_stop, sockets and timeout of the multi handle are watched. Stop comes
 * after curl_multi_cleanup, which still calls the watcher. */
void sse_watcher_start(sse_watcher *w, CURLM *curl);
void sse_watcher_stop(sse_watcher *w);

/* Sets the options that let the watcher hear when the easy handle's name is looked up. Comes before
 * curl_multi_add_handle. */
void sse_watcher_add_easy(sse_watcher *w, CURL *easy);

/* Says whether the easy handle uses one of the sockets that could not be watched since the last
 * clear; true for every handle when there are more than SSE_MAX_UNWATCHED. */
bool sse_watcher_is_unwatched(const sse_watcher *w, CURL *easy);
void sse_watcher_clear_unwatched(sse_watcher *w);

#endif
