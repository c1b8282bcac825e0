/* multi_entries.h: the list of all entries, and how an entry leaves libcurl. */
#ifndef SSE_CLIENT_MULTI_ENTRIES_H
#define SSE_CLIENT_MULTI_ENTRIES_H

#include "multi_state.h"

/* A timer's call: gives memory back to the system. */
void sse_multi_on_trim_timer(void *arg);

/* Puts the entry into the list. It leaves when it is destroyed. */
void sse_multi_list(sse_multi *m, sse_multi_entry *e);

/* Takes the entry's handle from libcurl, and calls on_done with the code unless it is removed. */
void sse_multi_fail_entry(sse_multi *m, sse_multi_entry *e, CURLcode code);

/* Destroys the removed entries while the turn has time for it, since each may close a connection;
 * the rest in a later turn. Never from within libcurl's callbacks. */
void sse_multi_destroy_removed(sse_multi *m);
void sse_multi_destroy_all_removed(sse_multi *m);

/* A deferred call, its argument is the sse_multi: goes on where time was over. */
void sse_multi_on_destroy_call(void *arg);

#endif
