#include "record.h"

#include "class.h"
#include "request.h"

void sse_keep_for_entry(lua_State *L, sse_request *r)
{
    if (lua_isnil(L, -1))
        lua_pop(L, 1);
    else
        r->record->owner = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void set_text(lua_State *L, const char *name, sse_slice s)
{
    if (s.len == 0)
        return;
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

void sse_push_entry(lua_State *L, sse_request *r)
{
    sse_record *record = r->record;
    char address[64];

    lua_createtable(L, 0, 10);
    if (record->owner) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, record->owner);
        luaL_unref(L, LUA_REGISTRYINDEX, record->owner);
        record->owner = 0;
        lua_setfield(L, -2, "req");
    }
    sse_client_text(&r->client, address, sizeof address);
    set_text(L, "method", r->method);
    set_text(L, "target", r->target);
    set_text(L, "remote_address", sse_slice_text(address));
    sse_push_protocol(L, r);
    lua_setfield(L, -2, "protocol");
    sse_set_number(L, "status", (uint64_t)record->status);
    sse_set_number(L, "bytes", record->bytes);
    sse_set_number(L, "time", (uint64_t)record->time);
    lua_pushnumber(L, (lua_Number)record->us / 1000);
    lua_setfield(L, -2, "ms");
    lua_pushstring(L, sse_reason_name((sse_reason)record->reason));
    lua_setfield(L, -2, "reason");
}
