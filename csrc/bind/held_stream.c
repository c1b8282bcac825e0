#include "held_stream.h"

#include "stream.h"

void sse_keep_stream(lua_State *L, int index)
{
    stream_object *o = sse_check_stream_object(L, index);

    if (!o->stream)
        return;
    o->has |= STREAM_KNOWN_TO_LISTENERS;
    sse_anchor(L, index, &o->self);
}

void sse_settle_stream(lua_State *L, int index)
{
    sse_settle_stream_object(L, index, sse_check_stream_object(L, index));
}

void *sse_hold_stream(sse_stream *stream)
{
    stream_object *o = sse_object_of_stream(stream);

    if (!o || o->self == LUA_NOREF || o->held == STREAM_MAX_HELD)
        return NULL;
    o->held++;
    return o;
}

void sse_push_held_stream(lua_State *L, void *held)
{
    const stream_object *o = held;

    if (o)
        lua_rawgeti(L, LUA_REGISTRYINDEX, o->self);
    else
        sse_push_stream(L);
}

void sse_release_stream(lua_State *L, void *held)
{
    stream_object *o = held;

    if (!o || --o->held > 0)
        return;
    if (sse_push_stream_object(L, o))
        sse_settle_stream_object(L, lua_gettop(L), o);
    lua_pop(L, 1);
}
