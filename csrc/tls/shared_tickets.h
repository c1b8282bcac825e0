/* shared_tickets.h: keys of session tickets that a process and those that it forks later have in
 * common, so that a client can resume its session with any of them. The process that has made them
 * changes them; the others read. */
#ifndef SSE_TLS_SHARED_TICKETS_H
#define SSE_TLS_SHARED_TICKETS_H

#include <stdbool.h>

#include "tickets.h"

/* Makes the keys: from now on they are those of all TLS contexts of this process. SSE_ENOMEM;
 * SSE_ESYS: no randomness. */
int sse_shared_tickets_make(void);

/* Changes the key if it is old enough. Only for the process that has made the keys. Does nothing
 * where there are none. */
void sse_shared_tickets_rotate(void);

/* Overwrites the keys and forgets them. Harmless where there are none. */
void sse_shared_tickets_drop(void);

/* Copies the keys. False: there are none, or none that are whole. */
bool sse_shared_tickets_get(sse_tls_tickets *to);

#endif
