/* interrupt.h: Ctrl-C. The standalone lua's handler of SIGINT sets a debug hook, which raises
 * "interrupted!" when the main coroutine runs Lua code the next time. Here the hook is called also
 * where the loop waits, or runs a task. */
#ifndef SSE_BIND_INTERRUPT_H
#define SSE_BIND_INTERRUPT_H

#include "class.h"

/* From now on a hook that a handler of SIGINT sets while the loop runs ends the run. */
void sse_watch_interrupts(sse_state *st);

/* For run and turn, after the loop has returned: calls the hook, if one has ended the run, and
 * raises its error. Where it raises none, the return value says whether the loop is to go on. */
bool sse_call_hook(lua_State *L, sse_state *st);

#endif
