/* multi_run.h: libcurl's work on sockets and timeouts, and what follows when it has returned. */
#ifndef SSE_CLIENT_MULTI_RUN_H
#define SSE_CLIENT_MULTI_RUN_H

#include "multi_state.h"

/* libcurl has been, or will be, at work for this shard: sse_multi_run_postponed asks it for
 * transfers that have ended. */
void sse_multi_touch(sse_multi *m, sse_shard *s);

/* Does what had to wait until libcurl returned. Each on_done may do anything, also start and remove
 * transfers. Within libcurl's callbacks it does nothing. */
void sse_multi_run_postponed(sse_multi *m);

/* curl_multi_socket_action, with all that comes before and after it. */
void sse_multi_act(sse_multi *m, sse_shard *s, curl_socket_t fd, int events);

/* Callbacks of the shards, whose `arg` is the sse_multi. */
void sse_multi_on_action(void *arg, sse_shard *s, curl_socket_t fd, int events);
void sse_multi_on_unwatched(void *arg, CURL *easy);
bool sse_multi_must_queue(void *arg);

/* A deferred call, its argument is the sse_multi: serves sockets that are ready. */
void sse_multi_serve_ready(void *arg);

#endif
