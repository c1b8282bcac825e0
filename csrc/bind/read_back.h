/* read_back.h: reads a channel's events back from their frames, for functions in Lua. */
#ifndef SSE_BIND_READ_BACK_H
#define SSE_BIND_READ_BACK_H

#include "../wire/frame.h"
#include "../wire/parser.h"
#include "lua_api.h"

/* Pushes the type and the data of the event in a frame, read back by the parser, which is made
 * where *parser is NULL. Raises where memory is short: an error may leave the parser in the middle
 * of the event. */
void sse_push_event_texts(lua_State *L, sse_parser **parser, const sse_frame *frame);

/* An object's parser serves one call at a time: reading may run a finalizer, which may read by the
 * same object. So a call takes the parser out of the object, and another meanwhile makes its own.
 */
sse_parser *sse_take_parser(sse_parser **of_object);

/* Gives the parser back, or frees it: where the object has another one by now, or where the call
 * has failed, which may have left it in the middle of an event. */
void sse_give_parser_back(sse_parser **of_object, sse_parser *parser, bool ok);

#endif
