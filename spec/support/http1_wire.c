/* http1_wire.c: lets specs feed csrc/wire's HTTP/1 parser with bytes cut anywhere. Each piece
 * arrives in a new block of exactly the size of the bytes that are held, so that a sanitizer
 * sees a read past the end, and the use of an address that was kept from the call before. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "../../csrc/wire/error.h"
#include "../../csrc/wire/http1_body.h"
#include "../../csrc/wire/http1_head.h"
#include "../../csrc/wire/http1_response.h"

typedef struct peer {
    lua_State *L;
    sse_http1_limits limits;
    uint64_t max_body_size;
    char *held;
    size_t len, scanned;
    bool in_body;
    sse_http1_head head;
    sse_http1_body body;
    sse_http1_refusal refusal;
} peer;

static void hold(peer *p, const char *bytes, size_t len)
{
    char *held = malloc(p->len + len + (p->len + len == 0));

    if (!held)
        luaL_error(p->L, "not enough memory");
    if (p->len)
        memcpy(held, p->held, p->len);
    if (len)
        memcpy(held + p->len, bytes, len);
    free(p->held);
    p->held = held;
    p->len += len;
}

static void drop(peer *p, size_t n)
{
    char *old = p->held;
    size_t left = p->len - n;

    p->held = NULL;
    p->len = 0;
    hold(p, old + n, left);
    free(old);
}

static void set_slice(lua_State *L, const char *name, sse_slice s)
{
    lua_pushlstring(L, s.at, s.len);
    lua_setfield(L, -2, name);
}

static void set_bool(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* Appends a request to the list on top of the stack. */
static void push_request(peer *p)
{
    lua_State *L = p->L;
    const sse_http1_head *h = &p->head;

    lua_newtable(L);
    set_slice(L, "method", h->method);
    set_slice(L, "target", h->target);
    set_integer(L, "minor", h->minor);
    set_bool(L, "keep_alive", h->keep_alive);
    set_bool(L, "chunked", h->chunked);
    set_bool(L, "expect_continue", h->expect_continue);
    if (h->content_length >= 0)
        set_integer(L, "content_length", h->content_length);
    lua_newtable(L);
    for (size_t i = 0; i < h->field_count; i++) {
        lua_pushlstring(L, h->fields[i].name.at, h->fields[i].name.len);
        lua_pushliteral(L, ": ");
        lua_pushlstring(L, h->fields[i].value.at, h->fields[i].value.len);
        lua_concat(L, 3);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "fields");
    set_slice(L, "body", SSE_SLICE(""));
    set_bool(L, "done", false);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static void add_body(peer *p, sse_slice data)
{
    lua_State *L = p->L;

    lua_rawgeti(L, -1, (lua_Integer)lua_rawlen(L, -1));
    lua_getfield(L, -1, "body");
    lua_pushlstring(L, data.at, data.len);
    lua_concat(L, 2);
    lua_setfield(L, -2, "body");
    set_bool(L, "done", p->body.done);
    lua_pop(L, 1);
}

static int take_head(peer *p)
{
    size_t used = 0;
    int code = sse_http1_parse_head(p->held, p->len, &p->limits, &p->scanned, &p->head, &used,
                                    &p->refusal);

    if (code)
        return code;
    if (used > p->len || used > p->limits.max_head_size + 8)
        luaL_error(p->L, "used %d of %d bytes", (int)used, (int)p->len);
    push_request(p);
    code = sse_http1_body_init(&p->body, &p->head, p->max_body_size,
                               p->limits.max_head_size > used ? p->limits.max_head_size - used : 0,
                               &p->refusal);
    p->scanned = 0;
    p->in_body = true;
    drop(p, used);
    return code;
}

static int take_body(peer *p)
{
    size_t used = 0;
    sse_slice data = { NULL, 0 };
    int code = sse_http1_body_feed(&p->body, p->held, p->len, &used, &data, &p->refusal);

    if (code)
        return code;
    if (used > p->len || (data.len && (data.at < p->held || data.at + data.len > p->held + used)))
        luaL_error(p->L, "the data is not within the bytes used");
    add_body(p, data);
    p->in_body = !p->body.done;
    drop(p, used);
    return used == 0 && p->in_body ? SSE_EAGAIN : SSE_OK;
}

static int take(peer *p, const char *bytes, size_t len)
{
    int code = SSE_OK;

    hold(p, bytes, len);
    while (code == SSE_OK)
        code = p->in_body ? take_body(p) : take_head(p);
    return code;
}

static size_t option(lua_State *L, int index, const char *name, size_t otherwise)
{
    lua_Integer n = lua_getfield(L, index, name) == LUA_TNIL ? (lua_Integer)otherwise
                                                             : luaL_checkinteger(L, -1);

    lua_pop(L, 1);
    return (size_t)n;
}

/* feed(pieces, limits): pieces is an array of strings. Returns an array of the requests; if one
 * was refused, the table also has `status`, `reason` and `given` (bytes given until then). */
static int f_feed(lua_State *L)
{
    peer p = { .L = L };
    int code = SSE_EAGAIN;
    size_t given = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    p.limits.max_head_size = option(L, 2, "max_head_size", 16384);
    p.limits.max_target = option(L, 2, "max_target", 8192);
    p.max_body_size = option(L, 2, "max_body_size", 1 << 20);
    lua_newtable(L);
    for (lua_Integer i = 1; code == SSE_EAGAIN && i <= (lua_Integer)lua_rawlen(L, 1); i++) {
        size_t len = 0;
        const char *bytes = NULL;

        lua_rawgeti(L, 1, i);
        bytes = luaL_checklstring(L, -1, &len);
        lua_insert(L, 3); /* keeps the piece alive below the list */
        code = take(&p, bytes, len);
        given += len;
        lua_remove(L, 3);
    }
    free(p.held);
    if (code != SSE_EAGAIN) {
        set_integer(L, "status", p.refusal.status);
        lua_pushstring(L, p.refusal.reason);
        lua_setfield(L, -2, "reason");
        set_integer(L, "given", (lua_Integer)given);
    }
    return 1;
}

/* write_head(minor, status, { name, value, ... }, max) -> bytes, or nil, code, index */
static int f_write_head(lua_State *L)
{
    sse_http1_field fields[SSE_HTTP1_MAX_FIELDS];
    size_t count = lua_rawlen(L, 3) / 2, bad = 0;
    sse_buffer out;
    int code = SSE_OK;

    luaL_argcheck(L, count <= SSE_HTTP1_MAX_FIELDS, 3, "too many");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 3, (lua_Integer)i * 2 + 1);
        lua_rawgeti(L, 3, (lua_Integer)i * 2 + 2);
        fields[i].name.at = lua_tolstring(L, -2, &fields[i].name.len);
        fields[i].value.at = lua_tolstring(L, -1, &fields[i].value.len);
        lua_pop(L, 2); /* the table keeps them */
    }
    sse_buffer_init(&out, (size_t)luaL_optinteger(L, 4, 1 << 16));
    code = sse_http1_write_head(&out, (int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2),
                                fields, count, &bad);
    if (code) {
        bool changed = out.len != 0;

        sse_buffer_free(&out);
        if (changed)
            return luaL_error(L, "a failed write_head left bytes");
        lua_pushnil(L);
        lua_pushstring(L, sse_error_name(code));
        lua_pushinteger(L, (lua_Integer)bad + 1);
        return 3;
    }
    lua_pushlstring(L, out.data, out.len);
    sse_buffer_free(&out);
    return 1;
}

static int f_reason(lua_State *L)
{
    lua_pushstring(L, sse_http1_reason((int)luaL_checkinteger(L, 1)));
    return 1;
}

static const luaL_Reg functions[] = {
    { "feed", f_feed }, { "write_head", f_write_head }, { "reason", f_reason }, { NULL, NULL }
};

__attribute__((visibility("default"))) int luaopen_spec_http1_wire(lua_State *L);

int luaopen_spec_http1_wire(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
