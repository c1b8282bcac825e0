/* master.h: a process that starts others by fork, without running a loop, and looks after them. One
 * at a time in a process. */
#ifndef SSE_BASE_MASTER_H
#define SSE_BASE_MASTER_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether the system has fork for programs. */
#if defined(__EMSCRIPTEN__) || defined(__wasi__) || defined(_WIN32)
#define SSE_HAS_FORK 0
#else
#define SSE_HAS_FORK 1
#endif

/* Takes over SIGTERM, SIGINT, SIGHUP and SIGCHLD. SSE_EBUSY: there is a master already; SSE_ESYS.
 */
int sse_master_begin(void);

/* Gives the signals back as they were. */
void sse_master_end(void);

bool sse_master_is_begun(void);

/* Waits until a signal has come, one of the descriptors is ready (as poll says in `revents`), or
 * `ms` are over; -1: no limit. `fds` has room for one more behind its `count`. Returns how many
 * signals it has put into `numbers`, oldest first; the rest is told by the next call. */
size_t sse_master_wait(struct pollfd *fds, size_t count, int ms, int *numbers, size_t most);

/* Writes to standard error as much as can be written without waiting: a terminal that was stopped,
 * or a pipe that nobody reads, does not hold the master up. Returns how many bytes. */
size_t sse_master_say(const char *text, size_t len);

/* Forks. In the child, which gets 0, the master is over: signals are as before sse_master_begin,
 * but SIGINT and SIGHUP, which a terminal sends to all processes at once, do nothing. No signal
 * that is sent to the child before that is lost. Returns -1 and errno where it can't. */
pid_t sse_master_fork(void);

/* Whether a child has ended, -1 for any: its id, and *status as of waitpid; else 0. */
pid_t sse_master_reap(pid_t pid, int *status);

/* More workers than that can't be. */
enum { SSE_MOST_WORKERS = 1024 };

/* How many processors this process may use, from 1 to SSE_MOST_WORKERS. */
int sse_processors(void);

#endif
