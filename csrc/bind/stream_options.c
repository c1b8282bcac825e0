#include "stream_options.h"

#include <math.h>

#include "response.h"

static lua_Number check_number(lua_State *L, const char *name, lua_Number least)
{
    lua_Number n = lua_tonumber(L, -1);

    if (lua_type(L, -1) != LUA_TNUMBER || !(n >= least) || n > 9e15)
        luaL_error(L, "event_stream: option '%s' must be a number of at least %d, got %s", name,
                   (int)least, luaL_tolstring(L, -1, NULL));
    return n;
}

/* options.name as a number, or `otherwise` where it is absent; false counts as 0 where that is
 * allowed. */
static int64_t option(lua_State *L, int index, const char *name, int64_t otherwise, bool false_is_0)
{
    int64_t value = otherwise;
    int type = lua_getfield(L, index, name);

    if (type == LUA_TBOOLEAN && false_is_0 && !lua_toboolean(L, -1))
        value = 0;
    else if (type != LUA_TNIL)
        value = (int64_t)ceil(check_number(L, name, false_is_0 ? 1 : 0));
    lua_pop(L, 1);
    return value;
}

static sse_compress check_compress(lua_State *L)
{
    static const char *const names[] = { "shared", "window", NULL };
    int type = lua_getfield(L, 2, "compress");
    sse_compress mode = SSE_COMPRESS_SHARED;

    if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        mode = SSE_COMPRESS_OFF;
    else if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        mode = luaL_checkoption(L, -1, NULL, names) ? SSE_COMPRESS_WINDOW : SSE_COMPRESS_SHARED;
    lua_pop(L, 1);
    return mode;
}

void sse_check_stream_options(lua_State *L, sse_stream_options *options, sse_http1_field *fields)
{
    *options = (sse_stream_options){ .status = 200,
                                     .retry = SSE_NO_RETRY,
                                     .heartbeat = SSE_HEARTBEAT_DEFAULT,
                                     .max_life = SSE_MAX_LIFE_DEFAULT,
                                     .compress = SSE_COMPRESS_SHARED };
    if (lua_isnil(L, 2))
        return;
    luaL_checktype(L, 2, LUA_TTABLE);
    options->status = (int)option(L, 2, "status", 200, false);
    options->retry = option(L, 2, "retry", SSE_NO_RETRY, false);
    options->heartbeat = option(L, 2, "heartbeat", SSE_HEARTBEAT_DEFAULT, true);
    lua_getfield(L, 2, "heartbeat_event"); /* the table keeps the string */
    options->heartbeat_event.at = luaL_optlstring(L, -1, NULL, &options->heartbeat_event.len);
    lua_pop(L, 1);
    options->max_pending = (size_t)option(L, 2, "max_pending", 0, false);
    options->max_life = option(L, 2, "max_life", SSE_MAX_LIFE_DEFAULT, true);
    options->compress = check_compress(L);
    lua_getfield(L, 2, "finish");
    options->finish = lua_toboolean(L, -1);
    lua_pop(L, 1);
    lua_getfield(L, 2, "headers"); /* stays on the stack: the fields point into it */
    options->count = sse_check_fields(L, lua_gettop(L), fields);
    options->fields = fields;
}
