/* hint.h: what an error about a wrong call says beside what is wrong: hints for unknown names,
 * which the Lua layer knows, and how many arguments a function takes. */
#ifndef SSE_BIND_HINT_H
#define SSE_BIND_HINT_H

#include <stdbool.h>

#include "lua_api.h"

/* What a message ends in: the place of docs/errors.md where a family of mistakes is explained. */
#define SSE_PAGE(anchor) " [docs/errors.md#" anchor "]"

/* Pushes the hint for an unknown name: what the function given to `set_hint` returns, called with
 * `of`, which says of what the name is ("sse.stream", "event"), the name at index `name`, and up to
 * two tables at the indices `known` and `more` (0: none), whose keys are the known names. Pushes
 * nothing and returns false where there is no hint. */
bool sse_push_hint(lua_State *L, const char *of, int name, int known, int more);

/* Raises where the caller gave more than `most` arguments, trailing nils aside. `call` is the
 * function with its parameters, for the message: "stream:close()". */
void sse_check_count(lua_State *L, int most, const char *call);

/* Adds `set_hint`; the module table is on top of the stack. */
void sse_open_hint(lua_State *L);

#endif
