/* parser.h: for the binding of what carries a stream to a parser. */
#ifndef SSE_BIND_PARSER_H
#define SSE_BIND_PARSER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "../wire/parser.h"

/* Whether the value is a parser. */
bool sse_lparser_is(lua_State *L, int index);

/* Feeds the parser at index from C, within a protected call. Its callbacks run on L; an error in
 * one is kept for run()/turn() by sse_report, and the events behind it are delivered all the same.
 * The codes of sse_parser_feed; never raises, but for a value that is no parser. */
int sse_lparser_feed(lua_State *L, int index, const char *bytes, size_t len);

/* The parser itself, for its state (reset, last id); not to be fed past the two ways above. */
sse_parser *sse_lparser_get(lua_State *L, int index);

/* Pushes nil, message (the limit in it where it was passed), name of the code; returns 3. */
int sse_lparser_fail(lua_State *L, int index, int code);

#endif
