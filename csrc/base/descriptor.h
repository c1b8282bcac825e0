/* descriptor.h: waits until a file descriptor can be read or written: a pipe, a socket, a terminal
 * that the program has opened itself. */
#ifndef SSE_BASE_DESCRIPTOR_H
#define SSE_BASE_DESCRIPTOR_H

#include "loop.h"

/* One wait. Embedded in its owner, zeroed at first. */
typedef struct sse_descriptor_wait {
    sse_loop *loop;
    struct event event;     /* where the descriptor is not ready yet */
    sse_deferred ready_now; /* where it is */
    bool waits;
    void (*call)(void *arg);
    void *arg;
} sse_descriptor_wait;

/* Calls call(arg) once: as soon as the descriptor can be read or written without blocking, also for
 * an error or the end; at the end of the loop's turn where it can be at once, as files always can.
 * The wait keeps the loop running. Several may be under way for one descriptor, which must not be
 * closed before they are over. SSE_ECLOSED: the descriptor is not open; SSE_ESYS. */
int sse_descriptor_wait_start(sse_descriptor_wait *w, sse_loop *loop, int fd, bool to_write,
                              void (*call)(void *arg), void *arg);

/* Ends the wait without the call. Does nothing where it is over. */
void sse_descriptor_wait_stop(sse_descriptor_wait *w);

#endif
