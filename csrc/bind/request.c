#include "request.h"

#include <stdbool.h>

/* Values of several fields are joined by a comma, but those of Cookie (RFC 9113 section 8.2.3). */
void sse_push_header(lua_State *L, const sse_request *r, sse_slice name)
{
    const char *between = sse_slice_is_name(name, "cookie") ? "; " : ", ";
    luaL_Buffer b;
    bool any = false;

    luaL_buffinit(L, &b);
    for (size_t i = 0; i < r->field_count; i++) {
        if (!sse_slice_same_name(r->fields[i].name, name))
            continue;
        if (any)
            luaL_addlstring(&b, between, 2);
        luaL_addlstring(&b, r->fields[i].value.at, r->fields[i].value.len);
        any = true;
    }
    luaL_pushresult(&b);
    if (!any)
        lua_pushnil(L);
}

static void push_lower(lua_State *L, sse_slice name)
{
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, name.len);

    for (size_t i = 0; i < name.len; i++)
        to[i] = sse_ascii_lower(name.at[i]);
    luaL_pushresultsize(&b, name.len);
}

void sse_push_headers(lua_State *L, const sse_request *r)
{
    lua_createtable(L, 0, (int)r->field_count);
    for (size_t i = 0; i < r->field_count; i++) {
        push_lower(L, r->fields[i].name);
        sse_push_header(L, r, r->fields[i].name);
        lua_rawset(L, -3);
    }
}

void sse_push_protocol(lua_State *L, const sse_request *r)
{
    if (r->minor < 0)
        lua_pushnil(L);
    else if (r->major > 1) /* which has no minor versions */
        lua_pushfstring(L, "HTTP/%d", r->major);
    else
        lua_pushfstring(L, "HTTP/%d.%d", r->major, r->minor);
}
