/* wake.h: a pipe by which a signal handler, in any thread, wakes the loop. */
#ifndef SSE_BASE_WAKE_H
#define SSE_BASE_WAKE_H

#include <event2/event_struct.h>

typedef struct sse_wake {
    int pipe[2];
    struct event event; /* the pipe can be read */
    void (*call)(void *arg);
    void *arg;
} sse_wake;

/* Opens the pipe; call(arg) is called from the base's loop once it was woken. SSE_ESYS. */
int sse_wake_make(sse_wake *w, struct event_base *base, void (*call)(void *arg), void *arg);

/* Closes the pipe; does nothing where there is none (pipe[0] is -1). */
void sse_wake_drop(sse_wake *w);

/* May be called within a signal handler. */
void sse_wake_up(const sse_wake *w);

#endif
