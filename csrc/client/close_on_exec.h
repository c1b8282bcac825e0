/* close_on_exec.h: descriptors that executed child processes don't inherit: a child that holds one
 * keeps a connection open which this process has closed. */
#ifndef SSE_CLIENT_CLOSE_ON_EXEC_H
#define SSE_CLIENT_CLOSE_ON_EXEC_H

#include <stdbool.h>

/* socket(2) with close-on-exec set. Returns -1 with errno. */
int sse_socket(int domain, int type, int protocol);

void sse_close_on_exec(int fd); /* harmless on a closed descriptor */

/* For a pair of sockets that a library opens for itself and shows to nobody. Such a pair gets the
 * two lowest free numbers. Call expect right before the library opens the pair, which notes these
 * numbers, and close_on_exec right after; it does nothing unless both are unnamed sockets. */
typedef struct sse_hidden_pair {
    int fd[2]; /* the numbers noted; -1: none */
} sse_hidden_pair;

void sse_hidden_pair_expect(sse_hidden_pair *p);
void sse_hidden_pair_close_on_exec(sse_hidden_pair *p);

/* Says whether the process can open one more descriptor. */
bool sse_has_descriptor(void);

#endif
