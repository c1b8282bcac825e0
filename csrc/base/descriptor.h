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

/* A watch that goes on: for a module that hands over through a descriptor what its own thread has
 * done, or that has a connection. Embedded in its owner, zeroed at first. */
typedef struct sse_descriptor_watch {
    sse_loop *loop; /* NULL: it is over */
    struct event event;
    bool keeps;
    void (*call)(void *arg);
    void *arg;
} sse_descriptor_watch;

/* Calls call(arg) whenever the descriptor can be read, or written. Does not keep the loop running.
 * SSE_ESYS. */
int sse_descriptor_watch_start(sse_descriptor_watch *w, sse_loop *loop, int fd, bool to_write,
                               void (*call)(void *arg), void *arg);

/* Whether the watch keeps the loop running. Does nothing where it is over. */
void sse_descriptor_watch_keep(sse_descriptor_watch *w, bool keeps);

/* Ends the watch; harmless where it is over. */
void sse_descriptor_watch_stop(sse_descriptor_watch *w);

#endif
