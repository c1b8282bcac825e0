/* parser.h: for the binding of what carries a stream to a parser. */
#ifndef SSE_BIND_PARSER_H
#define SSE_BIND_PARSER_H

#include <stddef.h>

#include "lua_api.h"

/* Raises unless the value at index is a parser. */
void sse_lparser_check(lua_State *L, int index);

/* Feeds the parser (checked before) at index from C; no protected call is needed, for it never
 * raises. Its callbacks run on L; an error in one is kept for run()/turn() by sse_report, and the
 * events behind it are delivered all the same. The codes of sse_parser_feed. */
int sse_lparser_feed(lua_State *L, int index, const char *bytes, size_t len);

/* Registers the class; the module table is on top of the stack. */
void sse_open_parser(lua_State *L);

#endif
