/* multi.h: the transfers of a loop: libcurl's multi interface, and what all transfers share:
 * connections, TLS sessions, looked-up names, cookies. Handles of libcurl (shard.h) are created as
 * transfers need them, and closed SSE_SHARD_IDLE ms after the last transfer of each, so that the
 * next transfer finds its connection open; that wait does not keep the loop running. Work beyond a
 * share of a turn waits for the next turn: starts of transfers, and sockets that are ready. libcurl
 * forbids most calls from within its own callbacks: see what each function here says. */
#ifndef SSE_CLIENT_MULTI_H
#define SSE_CLIENT_MULTI_H

#include <stdbool.h>

#include "../base/loop.h"
#include "multi_entry.h"

struct sse_easy_pool;

/* SSE_ENOMEM, SSE_ESYS. Every entry must be removed before free. NULL is allowed in free. */
int sse_multi_new(sse_multi **out, sse_loop *loop);
void sse_multi_free(sse_multi *m);

/* call(arg) comes a second after half of many transfers have ended, before memory is given back to
 * the system: the owners of such transfers are to free what they hold. */
void sse_multi_set_on_many_ended(sse_multi *m, void (*call)(void *arg), void *arg);

/* Counts the entry, from here until it is destroyed by sse_multi_remove. */
void sse_multi_enter(sse_multi *m, sse_multi_entry *e);

/* The number of entries, those that have not been added yet included. */
size_t sse_multi_count(const sse_multi *m);

/* How often the process has become a forked child of what it was. */
unsigned sse_multi_forks(const sse_multi *m);

sse_loop *sse_multi_loop(const sse_multi *m);

/* Returns what easy handles share, a CURLSH *: TLS sessions, and with `cookies` the cookies in
 * memory too. */
void *sse_multi_share(const sse_multi *m, bool cookies);

/* The loop's handles that wait for another transfer. */
struct sse_easy_pool *sse_multi_easy_pool(sse_multi *m);

/* Closes the idle connections now if there is no transfer. Allowed at any time. */
void sse_multi_close_idle(sse_multi *m);

/* Hands the easy handle of an entered entry to libcurl, now or when its turn has come: after
 * transfers that were added before, and where it may share an HTTP/2 connection, after the one that
 * opens it. Never from within a callback of libcurl's (defer the call). A failure is reported by
 * on_done, which may come before this returns. */
void sse_multi_add(sse_multi *m, sse_multi_entry *e);

/* Both are called within libcurl's callbacks. on_connection: there is a connection for the
 * transfer. on_head: the response has begun. */
void sse_multi_on_connection(sse_multi_entry *e, bool http2);
void sse_multi_on_head(sse_multi_entry *e, bool http2);

/* For what is to be started soon: whether this turn of the loop has time for it. */
bool sse_multi_may_start(sse_multi *m);

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
