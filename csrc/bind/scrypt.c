/* scrypt.c: the class sse.scrypt: a password that is being hashed. Only lua/sse/shared/password.lua
 * uses it. */
#include "scrypt.h"

#include "../crypto/scrypt.h"
#include "../wire/error.h"
#include "class.h"

typedef struct scrypt_object {
    sse_scrypt *scrypt; /* NULL once closed */
    size_t size;        /* bytes of the hash */
} scrypt_object;

static const sse_class scrypt_class;

static uint64_t check_count(lua_State *L, int index)
{
    lua_Integer n = luaL_checkinteger(L, index);

    return n > 0 ? (uint64_t)n : 0;
}

/* scrypt(password, salt, cost, block_size, parallelization, size) -> an object with the methods
 * `finish` and `close`, and a descriptor that can be read once the hash is there; or nil, message,
 * code */
static int f_scrypt(lua_State *L)
{
    sse_scrypt_options options = { .cost = check_count(L, 3),
                                   .block_size = check_count(L, 4),
                                   .parallelization = check_count(L, 5),
                                   .size = (size_t)check_count(L, 6) };
    scrypt_object *o = NULL;
    int code = SSE_OK, fd = -1;

    options.password.at = luaL_checklstring(L, 1, &options.password.len);
    options.salt.at = luaL_checklstring(L, 2, &options.salt.len);
    o = sse_class_new(L, &scrypt_class, sizeof *o, 0);
    o->size = options.size;
    code = sse_scrypt_start(&options, &o->scrypt, &fd);
    if (code)
        return sse_fail(L, code, NULL);
    lua_pushinteger(L, fd);
    return 2;
}

static int m_finish(lua_State *L)
{
    const scrypt_object *o = sse_class_check(L, 1, &scrypt_class);
    unsigned char hash[SSE_SCRYPT_MAX_HASH];
    int code = o->scrypt ? sse_scrypt_finish(o->scrypt, hash) : SSE_ECLOSED;

    if (code)
        return sse_fail(L, code, NULL);
    lua_pushlstring(L, (const char *)hash, o->size);
    return 1;
}

static int mm_gc(lua_State *L)
{
    scrypt_object *o = lua_touserdata(L, 1);

    sse_scrypt_free(o->scrypt);
    o->scrypt = NULL;
    return 0;
}

static int m_close(lua_State *L)
{
    sse_class_check(L, 1, &scrypt_class);
    return mm_gc(L);
}

static const luaL_Reg methods[] = {
    { "finish", m_finish },
    { "close", m_close },
    { NULL, NULL },
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class scrypt_class = {
    .name = "sse.scrypt",
    .methods = methods,
    .metamethods = metamethods,
};

void sse_open_scrypt(lua_State *L)
{
    sse_class_register(L, &scrypt_class);
    lua_pushcfunction(L, f_scrypt);
    lua_setfield(L, -2, "scrypt");
}
