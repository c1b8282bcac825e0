/* encoder.h: reads an event or a comment that Lua hands over: for encode, streams and channels. */
#ifndef SSE_BIND_ENCODER_H
#define SSE_BIND_ENCODER_H

#include "../wire/encoder.h"
#include "class.h"

typedef struct sse_message {
    sse_event event;
    int table;         /* where on the stack the data is while it is a table, else 0 */
    sse_slice comment; /* where it is not absent, the message is this comment and no event */
    bool received;     /* it was a MessageEvent: the id may be that of an event before it */
} sse_message;

/* Reads the value at index: a table { event, id, data, retry } or { comment }, a MessageEvent, or a
 * string, which is the data. Anything else raises. `data` may be a table: see sse_complete_message.
 * Pushes up to 8 values that the message's slices point into: use the slices before these values
 * leave the stack. */
void sse_check_message(lua_State *L, int index, sse_message *message);

/* The same for what a channel publishes: the table may have `key` and `dedupe`, too; where it has
 * not, *key and *dedupe are absent. *has_meta: it has a `meta`, which stays in the table. */
void sse_check_publication(lua_State *L, int index, sse_message *message, sse_slice *key,
                           sse_slice *dedupe, bool *has_meta);

/* Makes the data of a table, as JSON, the last thing before the message is used: the bytes are gone
 * with the next call that may run the program's code. Raises on what JSON does not have. */
void sse_complete_message(lua_State *L, sse_state *st, sse_message *message);

/* Raises where there is an argument at index: the function `name` takes no more before it. */
void sse_check_alone(lua_State *L, const char *name, int index);

/* Appends the message's bytes, or nothing where it fails. The codes are sse_encode_event's. */
int sse_encode_message(sse_buffer *out, const sse_message *message, const char **field);

/* Pushes nil, a message that names the field (or NULL), and the code's name, for a code that
 * sse_encode_message gave; returns 3. */
int sse_fail_message(lua_State *L, int code, const char *field);

/* Adds the functions; the module table is on top of the stack. */
void sse_open_encoder(lua_State *L);

#endif
