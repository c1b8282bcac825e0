/* unrun.h: a program that ends without having run the loop. A script that makes an EventSource, a
 * server, a timer or a task and then ends, since it lacks `sse.run()`, does nothing and says
 * nothing. When its Lua state is closed, a line on standard error names what is missing. Nothing is
 * said where something was left when the loop last ran, since the program may have meant to end
 * then; where the program closed its server itself; in a forked child, of what the parent made; nor
 * after os.exit, unless that is told to close the state. */
#ifndef SSE_BIND_UNRUN_H
#define SSE_BIND_UNRUN_H

#include "class.h"

/* Makes room for the check, before an object is made that waits for the loop. Raises where there is
 * no memory. */
void sse_unrun_prepare(lua_State *L, const sse_state *st);

/* Arms the check, when the object has been made: finalizers run in the reverse order, so the check
 * comes before the object's own. Does not raise. */
void sse_unrun_arm(lua_State *L, sse_state *st);

/* Registers the check's class. */
void sse_open_unrun(lua_State *L);

#endif
