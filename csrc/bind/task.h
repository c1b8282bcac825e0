/* task.h: tasks: coroutines that the loop resumes, and that may wait; and the class sse.task, what
 * sse.spawn returns. */
#ifndef SSE_BIND_TASK_H
#define SSE_BIND_TASK_H

#include "class.h"

/* Pops a function and calls it, without arguments, as a task until its first wait. Returns true,
 * and pushes the task's coroutine, where the task waits; false where it is over. An error of the
 * function is reported (see sse_report). */
bool sse_start_task(lua_State *L, sse_state *st);

/* Resumes the coroutine on top of the stack, which waits, with the n values on its own stack, and
 * pops it. An error of its function is told to those who wait for its task, which may raise. */
void sse_resume_task(lua_State *L, sse_state *st, int n);

/* Notes for whom the task of the coroutine on top of the stack runs: an address. */
void sse_set_task_owner(lua_State *L, sse_state *st, void *owner);

/* Whether the coroutine on top of the stack still runs the task that was noted for that owner. */
bool sse_is_task_of(lua_State *L, sse_state *st, const void *owner);

/* The function spawn(fn, ...) -> a task, which starts at the end of the loop's turn. */
int sse_spawn(lua_State *L);

/* Whether the calling coroutine is neither a task nor the one that runs the loop. */
bool sse_is_foreign_coroutine(lua_State *L, const sse_state *st);

/* Registers the class and adds the functions; the module table is on top of the stack. */
void sse_open_task(lua_State *L);

#endif
