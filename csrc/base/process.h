/* process.h: what the loops of a process share: the watch for fork, the signals, SIGPIPE. */
#ifndef SSE_BASE_PROCESS_H
#define SSE_BASE_PROCESS_H

#include <pthread.h>
#include <stdbool.h>

/* One loop's place among those of the process. Embedded. */
typedef struct sse_member {
    struct sse_member *next, **link;
    pthread_t thread; /* that ran it last */
    /* In a child, before fork returns: `ours`: this thread has the loop; what another thread had is
     * in nobody knows what state. `dead` is for sse_replace_socket. */
    void (*on_fork)(void *arg, bool ours, int dead);
    void *arg;
    size_t signals; /* that it watches */
} sse_member;

/* While there is a member, writing to a socket or pipe whose reader has gone is an error and no
 * end of the process, unless the program has its own way with SIGPIPE; children that it starts are
 * left alone. */
void sse_member_join(sse_member *m, void (*on_fork)(void *arg, bool ours, int dead), void *arg);
void sse_member_leave(sse_member *m);

/* The thread that calls this has it from now on. */
static inline void sse_member_here(sse_member *m)
{
    m->thread = pthread_self();
}

/* libevent gives a process's signals to one loop only. false: another member watches some. */
bool sse_member_add_signal(sse_member *m);
void sse_member_remove_signal(sse_member *m);

/* In a forked child: the socket, which the parent still uses, gives way to one whose peer has gone.
 * Whatever is done to it then, the parent's peer hears nothing of. */
void sse_replace_socket(int fd, int dead);

#endif
