/* parser.h: the class sse.parser, and how another class feeds one. */
#ifndef SSE_BIND_PARSER_H
#define SSE_BIND_PARSER_H

#include <stddef.h>

#include "lua_api.h"

/* Raises unless the value at index is an object of sse.parser. */
void sse_check_parser(lua_State *L, int index);

/* Feeds bytes to the parser at index, which sse_check_parser has seen. Never raises, so it needs no
 * protected call around it. The callbacks run on L. An error in one goes to sse_report, and the
 * events after it are delivered all the same. Codes as sse_parser_feed's. */
int sse_feed_parser(lua_State *L, int index, const char *bytes, size_t len);

/* Registers the class; the module table is on top of the stack. */
void sse_open_parser(lua_State *L);

#endif
