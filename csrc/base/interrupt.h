/* interrupt.h: tells running loops of a SIGINT whose handler belongs to the program that embeds
 * Lua. That of the standalone lua sets a debug hook, which can only raise "interrupted!" when Lua
 * code runs: a loop that waits has to leave. */
#ifndef SSE_BASE_INTERRUPT_H
#define SSE_BASE_INTERRUPT_H

#include <stdatomic.h>
#include <stdbool.h>

/* One running loop's entry in the process's list. Embedded in the loop, zeroed at first. */
typedef struct sse_interrupt {
    _Atomic(struct sse_interrupt *) next;
    void (*call)(void *arg);
    void *arg;
    bool listed;
} sse_interrupt;

/* From now on call(arg) is called, within the signal handler and in whichever thread that runs,
 * right after the program's own handler of SIGINT. For that the handler is replaced by one that
 * calls both, as long as any loop is listed. Where SIGINT has no handler nothing is replaced. */
void sse_interrupt_begin(sse_interrupt *i, void (*call)(void *arg), void *arg);

/* No call is under way any more when this function returns. Does nothing for an entry that is not
 * listed. */
void sse_interrupt_end(sse_interrupt *i);

/* Between hold and release, which nest, SIGINT's handler is libevent's, which restores the one that
 * it has found: the program's own. */
void sse_interrupt_hold(void);
void sse_interrupt_release(void);

/* For a fork: the list can't change between lock and unlock; reset is called in the child, where no
 * other thread is left. */
void sse_interrupt_lock(void);
void sse_interrupt_unlock(void);
void sse_interrupt_reset(void);

#endif
