/* inflater.c: lets specs decode gzip and zlib bodies piece by piece, to show what a client has
 * of them at any moment, and whether the trailer is right. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#define NAME "spec.inflater"

typedef struct inflater {
    z_stream z;
    bool open, ended;
} inflater;

static int f_new(lua_State *L)
{
    inflater *i = lua_newuserdatauv(L, sizeof *i, 0);

    memset(i, 0, sizeof *i);
    luaL_setmetatable(L, NAME);
    i->open = inflateInit2(&i->z, 15 + 32) == Z_OK;
    return i->open ? 1 : luaL_error(L, "inflateInit2 failed");
}

/* inflater:feed(bytes) -> plain; raises an error if the bytes are invalid or go on after the
 * end. */
static int m_feed(lua_State *L)
{
    inflater *i = luaL_checkudata(L, 1, NAME);
    size_t len = 0;
    luaL_Buffer out;
    int code = Z_OK;

    i->z.next_in = (unsigned char *)luaL_checklstring(L, 2, &len);
    i->z.avail_in = (uInt)len;
    if (i->ended && len > 0)
        return luaL_error(L, "bytes behind the end");
    luaL_buffinit(L, &out);
    do {
        i->z.next_out = (unsigned char *)luaL_prepbuffsize(&out, 4096);
        i->z.avail_out = 4096;
        code = inflate(&i->z, Z_SYNC_FLUSH);
        luaL_addsize(&out, 4096 - i->z.avail_out);
    } while (code == Z_OK && i->z.avail_out == 0);
    luaL_pushresult(&out);
    i->ended = i->ended || code == Z_STREAM_END;
    if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
        return luaL_error(L, "inflate: %s", i->z.msg ? i->z.msg : "error");
    if (i->ended && i->z.avail_in > 0)
        return luaL_error(L, "bytes behind the end");
    return 1;
}

/* Whether the end came, with the right checksum and length. */
static int m_ended(lua_State *L)
{
    inflater *i = luaL_checkudata(L, 1, NAME);

    lua_pushboolean(L, i->ended);
    return 1;
}

static int mm_gc(lua_State *L)
{
    inflater *i = luaL_checkudata(L, 1, NAME);

    if (i->open)
        inflateEnd(&i->z);
    i->open = false;
    return 0;
}

static const luaL_Reg functions[] = { { "new", f_new }, { NULL, NULL } };
static const luaL_Reg methods[] = { { "feed", m_feed }, { "ended", m_ended }, { NULL, NULL } };

__attribute__((visibility("default"))) int luaopen_spec_inflater(lua_State *L);

int luaopen_spec_inflater(lua_State *L)
{
    luaL_newmetatable(L, NAME);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, mm_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, functions);
    return 1;
}
