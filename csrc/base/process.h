/* process.h: what all loops of a process share: what happens to them in a forked child, which of
 * them watches signals, and how SIGPIPE is handled. */
#ifndef SSE_BASE_PROCESS_H
#define SSE_BASE_PROCESS_H

#include <pthread.h>
#include <stdbool.h>

/* One loop's entry in the process's list. Embedded in the loop. */
typedef struct sse_process_entry {
    struct sse_process_entry *next, **link;
    pthread_t thread; /* the thread that ran the loop last */
    void (*on_fork)(void *arg, bool own_thread, int closed_fd);
    void *arg;
    size_t signals; /* how many the loop watches */
} sse_process_entry;

/* Adds a loop. In a forked child, before fork returns, on_fork is called. own_thread: the thread
 * that forked is the one that ran the loop last; otherwise the loop's state is unknown, because its
 * thread was stopped anywhere. closed_fd is for sse_replace_socket.
 *
 * While the list has an entry, SIGPIPE does not end the process: writing to a socket or pipe whose
 * reader is closed fails with EPIPE. A program that has set SIGPIPE itself keeps its setting, and
 * programs that this one executes start with the default. */
void sse_process_join(sse_process_entry *e,
                      void (*on_fork)(void *arg, bool own_thread, int closed_fd), void *arg);
void sse_process_leave(sse_process_entry *e);

/* From now on the calling thread is the one that runs the loop. */
static inline void sse_process_set_thread(sse_process_entry *e)
{
    e->thread = pthread_self();
}

/* Counts a signal that the loop watches. False: another loop watches signals; libevent delivers the
 * signals of a process to one loop only. */
bool sse_process_add_signal(sse_process_entry *e);
void sse_process_remove_signal(sse_process_entry *e);

/* Whether any loop of the process watches signals. */
bool sse_process_watches_signals(void);

/* For a forked child: replaces the socket `fd`, which the parent goes on using, by a duplicate of
 * `closed_fd`, a socket whose peer is closed. The number stays the same, and nothing that is done
 * to it in the child reaches the parent's peer. Does nothing where either is negative. */
void sse_replace_socket(int fd, int closed_fd);

#endif
