#include "response.h"

/* Room for the fields that the core adds to a program's: an event stream adds up to 5. */
#define RESERVED_FIELDS 8

size_t sse_check_fields(lua_State *L, int index, sse_http1_field fields[SSE_HTTP1_MAX_FIELDS])
{
    size_t count = 0;

    if (lua_isnoneornil(L, index))
        return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    count = (size_t)lua_rawlen(L, index) / 2;
    if (count > SSE_HTTP1_MAX_FIELDS - RESERVED_FIELDS)
        luaL_error(L, "too many headers: %d, at most %d", (int)count,
                   SSE_HTTP1_MAX_FIELDS - RESERVED_FIELDS);
    for (size_t i = 0; i < count * 2; i++) {
        sse_slice *s = i % 2 ? &fields[i / 2].value : &fields[i / 2].name;

        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TSTRING)
            luaL_error(L, "header names and values must be strings, got %s", luaL_typename(L, -1));
        s->at = lua_tolstring(L, -1, &s->len);
        lua_pop(L, 1); /* the table keeps it */
    }
    return count;
}

int sse_raise_bad_field(lua_State *L, const sse_http1_field *fields, size_t count, size_t bad)
{
    if (bad >= count)
        return luaL_error(L, "a header can't be sent");
    lua_pushlstring(L, fields[bad].name.at, fields[bad].name.len);
    return luaL_error(
        L,
        "header '%s' can't be sent: a name is letters, digits and -, a value has no CR, LF or "
        "NUL, and Content-Type of an event stream is fixed",
        lua_tostring(L, -1));
}

int sse_push_sent(lua_State *L, int code)
{
    if (code == SSE_OK) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (code == SSE_ESTATE)
        return luaL_error(L, "no streamed answer was started: call write_head first");
    return sse_fail(L, code, NULL);
}
