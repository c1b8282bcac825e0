/* close_on_exec.h: descriptors that a child which is executed does not get: they would keep
 * connections open that are closed here. */
#ifndef SSE_CLIENT_CLOSE_ON_EXEC_H
#define SSE_CLIENT_CLOSE_ON_EXEC_H

#include <stdbool.h>

/* socket(2), closed when a child is executed. -1 with errno. */
int sse_socket(int domain, int type, int protocol);

void sse_close_on_exec(int fd); /* harmless on a closed one */

/* Pairs that a library opens for itself and tells nobody of. They get the two lowest numbers that
 * are free: expect right before, and right after ask for them to be closed in children. What is no
 * pair of unnamed sockets is left alone. */
typedef struct sse_hidden_pair {
    int fd[2]; /* -1: none is expected */
} sse_hidden_pair;

void sse_hidden_pair_expect(sse_hidden_pair *p);
void sse_hidden_pair_close_on_exec(sse_hidden_pair *p);

/* Whether another descriptor can be had. */
bool sse_has_descriptor(void);

#endif
