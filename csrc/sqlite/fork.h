/* fork.h: a child that is forked while a thread uses SQLite has SQLite's locks as they were then,
 * for ever. So a fork waits until no thread does. */
#ifndef SSE_SQLITE_FORK_H
#define SSE_SQLITE_FORK_H

#include <stdbool.h>

/* A socket by which others know that the process lives: a forked child closes it, and sets it to
 * -1. */
typedef struct fork_socket {
    struct fork_socket *next, **link;
    int *socket;
} fork_socket;

/* A number that is another one in a forked child, from the first fork_watch on. */
unsigned fork_count(void);

/* From now on; false: the system has no memory left. */
bool fork_watch(fork_socket *s, int *socket);
void fork_unwatch(fork_socket *s);

/* Between these a thread uses SQLite. Not for long: whoever forks waits. */
void fork_forbid(void);
void fork_allow(void);

#endif
