/* direct.h: appends that come from a channel in C, by ../wire/direct.h. */
#ifndef SSE_SQLITE_DIRECT_H
#define SSE_SQLITE_DIRECT_H

#include "handle.h"

/* handle:direct(log) -> what the log of that number has as its field `direct`. Its method `waits`
 * says whether appends have no result yet, and `abandon` fails them: the store is closed. */
int direct_new(lua_State *L);

/* Tells the channel of the result of a job that has one waiting. Runs tasks, and may raise. */
void direct_tell(lua_State *L, job *j);

void direct_register(lua_State *L);

#endif
