#include "follow.h"

#include "channel.h"
#include "filter.h"
#include "held_stream.h"
#include "stream.h"

/* Keeps the object of the stream, the first argument, until the stream has ended, where the
 * channel's listeners are to be told of it. Nothing is kept for a channel without listeners. */
static void keep_for_listeners(lua_State *L, const sse_channel *c)
{
    if (c->presence.wanted)
        sse_keep_stream(L, 1);
}

#define CHANNELS_AT 6 /* the first channel among follow's arguments */

static int fail_follow(lua_State *L, int code, int bad)
{
    if (code == SSE_EEXIST)
        return luaL_error(L, "stream:follow: it follows channel '%s' already",
                          sse_check_channel(L, bad)->name);
    if (code == SSE_ETOOBIG) {
        lua_pushfstring(L, "a stream follows at most %d channels; it goes on with those before",
                        SSE_MAX_FOLLOWED);
        return sse_fail(L, code, lua_tostring(L, -1));
    }
    if (code == SSE_ECLOSED && bad <= lua_gettop(L))
        return sse_fail(L, code, "the channel is closed");
    return sse_fail(L, code, NULL);
}

/* Reads where a follower begins: as sse_check_from does, or a table { after, from }, which keeps
 * the string. */
static void check_begin(lua_State *L, int index, sse_follow_options *options)
{
    if (lua_type(L, index) != LUA_TTABLE) {
        sse_check_from(L, index, options);
        return;
    }
    lua_rawgeti(L, index, 1);
    options->after.at = luaL_optlstring(L, -1, NULL, &options->after.len);
    lua_rawgeti(L, index, 2);
    sse_check_from(L, lua_gettop(L), options);
    lua_pop(L, 2);
}

/* follow(stream, last_id, from, where, again, channel, ...) -> true, or nil, message, code; or
 * "pending" where stores are to say where the stream begins: then `place` and `placed` are to
 * follow. `from`:
 * see check_begin. Bit i of `again` says that last_id tells nothing about channel i any more: the
 * stream has followed it before. */
static int f_follow(lua_State *L)
{
    sse_stream *stream = sse_check_stream(L, 1);
    sse_follow_options options = { 0 };
    sse_channel *channels[SSE_MAX_FOLLOWED];
    size_t bad = 0, n = 0;
    int code = SSE_ECLOSED, top = lua_gettop(L);

    if (top - CHANNELS_AT >= SSE_MAX_FOLLOWED)
        return fail_follow(L, SSE_ETOOBIG, 0);
    options.last_id.at = luaL_optlstring(L, 2, NULL, &options.last_id.len);
    check_begin(L, 3, &options);
    options.skip_id = (uint64_t)luaL_checkinteger(L, 5);
    for (int i = CHANNELS_AT; i <= top; i++)
        channels[n++] = sse_check_channel(L, i);
    if (!stream)
        return sse_fail(L, SSE_ECLOSED, NULL);
    if (!lua_isnil(L, 4)) {
        options.filter = sse_push_filter(L, 4, 1);
        lua_replace(L, 4);
        options.filter->refs++; /* our own reference, until followers have theirs */
        sse_anchor_filter(L, 4);
    }
    for (int i = CHANNELS_AT; i <= top; i++) {
        sse_keep_channel(L, i);
        keep_for_listeners(L, channels[i - CHANNELS_AT]);
    }
    bad = n;
    stream = sse_check_stream(L, 1); /* a finalizer may have run the loop, which ended the stream */
    if (stream)
        code = sse_stream_follow(stream, channels, n, &options, &bad);
    if (options.filter) {
        options.filter->refs--;
        sse_anchor_filter(L, 4);
    }
    sse_settle_stream(L, 1);
    if (code == SSE_EAGAIN) {
        lua_pushliteral(L, "pending");
        return 1;
    }
    if (code)
        return fail_follow(L, code, CHANNELS_AT + (int)bad);
    lua_pushboolean(L, true);
    return 1;
}

/* --- placing by what stores say --------------------------------------------------------------- */

static uint64_t number_of(lua_State *L, const char *name)
{
    lua_Integer number = 0;

    lua_getfield(L, -1, name);
    number = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number > 0 ? (uint64_t)number : 0;
}

/* Reads the i-th of the list of views at `index`; NULL where it is false. */
static const sse_view *check_view(lua_State *L, int index, int i, sse_view *view)
{
    bool is_view = lua_rawgeti(L, index, i) == LUA_TTABLE;

    if (is_view)
        *view = (sse_view){ number_of(L, "first"),  number_of(L, "next"), number_of(L, "oldest"),
                            number_of(L, "newest"), number_of(L, "last"), number_of(L, "after") };
    lua_pop(L, 1);
    return is_view ? view : NULL;
}

/* place(stream, last_id, from, views, again, channel, ...): places the stream's followers of the
 * channels, with the arguments of `follow`. views: for each channel what its store says, { first,
 * next, oldest, newest, last, after } (see sse_view), or false for one without a store. */
static int f_place(lua_State *L)
{
    sse_stream *stream = sse_check_stream(L, 1);
    sse_follow_options options = { 0 };
    sse_channel *channels[SSE_MAX_FOLLOWED];
    sse_view kept[SSE_MAX_FOLLOWED];
    const sse_view *views[SSE_MAX_FOLLOWED];
    size_t n = 0;
    int top = lua_gettop(L);

    luaL_argcheck(L, top - CHANNELS_AT < SSE_MAX_FOLLOWED, top, "too many channels");
    options.last_id.at = luaL_optlstring(L, 2, NULL, &options.last_id.len);
    check_begin(L, 3, &options);
    luaL_checktype(L, 4, LUA_TTABLE);
    options.skip_id = (uint64_t)luaL_checkinteger(L, 5);
    for (int i = CHANNELS_AT; i <= top; i++, n++) {
        channels[n] = sse_check_channel(L, i);
        views[n] = check_view(L, 4, (int)n + 1, &kept[n]);
    }
    if (stream)
        sse_stream_place(stream, channels, n, &options, views);
    sse_settle_stream(L, 1);
    return 0;
}

/* placed(stream): all its followers have been placed */
static int f_placed(lua_State *L)
{
    sse_stream *stream = sse_check_stream(L, 1);

    if (stream)
        sse_stream_placed(stream);
    sse_settle_stream(L, 1);
    return 0;
}

/* unfollow(stream, channel) -> whether the stream followed the channel */
static int f_unfollow(lua_State *L)
{
    sse_stream *stream = sse_check_stream(L, 1);
    sse_channel *c = sse_check_channel(L, 2);

    keep_for_listeners(L, c); /* it may have followed before the channel had listeners */
    lua_pushboolean(L, stream && sse_stream_unfollow(stream, c));
    sse_settle_stream(L, 1);
    return 1;
}

static const luaL_Reg functions[] = {
    { "follow", f_follow }, { "unfollow", f_unfollow },
    { "place", f_place },   { "placed", f_placed },
    { NULL, NULL },
};

void sse_open_follow(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
