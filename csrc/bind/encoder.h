/* encoder.h: what Lua hands over to be sent, as an event or a comment: one reading for encode and
 * streams. */
#ifndef SSE_BIND_ENCODER_H
#define SSE_BIND_ENCODER_H

#include "../wire/encoder.h"
#include "lua_api.h"

typedef struct sse_message {
    sse_event event;
    sse_slice comment; /* not absent: this is a comment and nothing else */
} sse_message;

/* Reads the table at index { event, id, data, retry } or { comment }, or a string, which is data.
 * Misuse raises. Strings it makes stay on the stack (up to 8 values), and the slices are good as
 * long as they do: take bytes before lua_settop. data that is a table goes through the function
 * given to set_json. */
void sse_check_message(lua_State *L, int index, sse_message *message);

/* The same of a table { event, id, data, retry, key, dedupe }, or a string: what a channel
 * publishes. A tag that the table lacks is absent. */
void sse_check_publication(lua_State *L, int index, sse_message *message, sse_slice *key,
                           sse_slice *dedupe);

/* Raises where an argument is at index too: `name` takes one. */
void sse_check_alone(lua_State *L, const char *name, int index);

/* Appends it, or nothing. Codes of sse_encode_event. */
int sse_encode_message(sse_buffer *out, const sse_message *message, const char **field);

/* Pushes nil, message, name of the code for what sse_encode_message gave; returns 3. */
int sse_fail_message(lua_State *L, int code, const char *field);

/* Adds the functions; the module table is on top of the stack. */
void sse_open_encoder(lua_State *L);

#endif
