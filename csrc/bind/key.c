/* key.c: the class sse.key. Functions: key_of_secret(bytes), key_of_pem(text), key_of_jwk(table) ->
 * key, or nil, message, code. */
#include "key.h"

#include "../wire/error.h"
#include "class.h"

typedef struct key_object {
    sse_key *key; /* NULL until it is made */
} key_object;

static const sse_class key_class;

const sse_key *sse_check_key(lua_State *L, int index)
{
    const key_object *o = sse_class_check(L, index, &key_class);

    if (!o->key)
        luaL_error(L, "a key that was not made");
    return o->key;
}

static key_object *new_object(lua_State *L)
{
    return sse_class_new(L, &key_class, sizeof(key_object), 0);
}

static int finish(lua_State *L, int code, const char *why)
{
    return code ? sse_fail(L, code, why) : 1;
}

static sse_slice check_bytes(lua_State *L, int index)
{
    sse_slice bytes = { 0 };

    bytes.at = luaL_checklstring(L, index, &bytes.len);
    return bytes;
}

/* Makes a key of the bytes at index 1. */
static int make_key(lua_State *L, int (*make)(sse_slice, sse_key **, const char **))
{
    sse_slice bytes = check_bytes(L, 1);
    key_object *o = new_object(L);
    const char *why = NULL;
    int code = make(bytes, &o->key, &why);

    return finish(L, code, why);
}

static int f_key_of_secret(lua_State *L)
{
    return make_key(L, sse_key_of_secret);
}

static int f_key_of_pem(lua_State *L)
{
    return make_key(L, sse_key_of_pem);
}

/* A member of the JSON Web Key at index 1: a string, or absent. The table keeps the string. */
static sse_slice member(lua_State *L, const char *name)
{
    sse_slice text = { 0 };

    lua_pushstring(L, name);
    if (lua_rawget(L, 1) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    lua_pop(L, 1);
    return text;
}

static int f_key_of_jwk(lua_State *L)
{
    sse_jwk jwk;
    key_object *o = NULL;
    const char *why = NULL;
    int code = SSE_OK;

    luaL_checktype(L, 1, LUA_TTABLE);
    jwk = (sse_jwk){
        .kty = member(L, "kty"),
        .crv = member(L, "crv"),
        .k = member(L, "k"),
        .n = member(L, "n"),
        .e = member(L, "e"),
        .p = member(L, "p"),
        .q = member(L, "q"),
        .dp = member(L, "dp"),
        .dq = member(L, "dq"),
        .qi = member(L, "qi"),
        .x = member(L, "x"),
        .y = member(L, "y"),
        .d = member(L, "d"),
    };
    o = new_object(L);
    code = sse_key_of_jwk(&jwk, &o->key, &why);
    return finish(L, code, why);
}

/* f_is_pem(text) -> whether it is a key in PEM */
static int f_is_pem(lua_State *L)
{
    lua_pushboolean(L, sse_key_is_pem(check_bytes(L, 1)));
    return 1;
}

static int p_algorithm(lua_State *L)
{
    lua_pushstring(L, sse_algorithm_name(sse_check_key(L, 1)->algorithm));
    return 1;
}

static int p_can_sign(lua_State *L)
{
    lua_pushboolean(L, sse_check_key(L, 1)->can_sign);
    return 1;
}

static int mm_gc(lua_State *L)
{
    key_object *o = lua_touserdata(L, 1);

    sse_key_free(o->key);
    o->key = NULL;
    return 0;
}

static const luaL_Reg functions[] = {
    { "key_of_secret", f_key_of_secret },
    { "key_of_pem", f_key_of_pem },
    { "key_of_jwk", f_key_of_jwk },
    { "is_pem", f_is_pem },
    { NULL, NULL },
};
static const luaL_Reg methods[] = { { NULL, NULL } };
static const luaL_Reg properties[] = {
    { "algorithm", p_algorithm },
    { "can_sign", p_can_sign },
    { NULL, NULL },
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class key_class = { "sse.key", methods, properties, metamethods, NULL };

void sse_open_key(lua_State *L)
{
    sse_class_register(L, &key_class);
    luaL_setfuncs(L, functions, 0);
}
