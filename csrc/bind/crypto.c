/* crypto.c: functions for sse.jwt and sse.crypto. What is decoded goes into memory of Lua's, so
 * that nothing is to be freed where Lua is out of memory. */
#include "crypto.h"

#include "../crypto/jws.h"
#include "../crypto/signature.h"
#include "../wire/base64url.h"
#include "../wire/error.h"
#include "class.h"
#include "key.h"

static sse_slice check_bytes(lua_State *L, int index)
{
    sse_slice bytes = { 0 };

    bytes.at = luaL_checklstring(L, index, &bytes.len);
    return bytes;
}

static void push_slice(lua_State *L, sse_slice s)
{
    lua_pushlstring(L, s.at, s.len);
}

/* Appends base64url to the buffer. */
static void add_base64url(luaL_Buffer *b, sse_slice bytes)
{
    size_t size = sse_base64url_size(bytes.len);

    sse_base64url_encode(bytes.at, bytes.len, luaL_prepbuffsize(b, size));
    luaL_addsize(b, size);
}

/* base64url(bytes) -> text */
static int f_base64url(lua_State *L)
{
    sse_slice bytes = check_bytes(L, 1);
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    add_base64url(&b, bytes);
    luaL_pushresult(&b);
    return 1;
}

/* base64url_decode(text) -> bytes, or nil */
static int f_base64url_decode(lua_State *L)
{
    sse_slice text = check_bytes(L, 1);
    size_t len = 0;
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, sse_base64url_room(text.len));

    if (!sse_base64url_decode(text, to, &len)) {
        lua_pushnil(L);
        return 1;
    }
    luaL_pushresultsize(&b, len);
    return 1;
}

/* --- signatures ------------------------------------------------------------------------------- */

/* signature(key, data) -> bytes */
static int f_signature(lua_State *L)
{
    const sse_key *key = sse_check_key(L, 1);
    unsigned char bytes[SSE_MAX_SIGNATURE];
    size_t len = 0;
    int code = sse_signature_make(key, check_bytes(L, 2), bytes, &len);

    if (code)
        return luaL_error(L, "can't sign: %s", sse_error_text(code));
    lua_pushlstring(L, (const char *)bytes, len);
    return 1;
}

/* is_signature(key, data, signature) -> boolean */
static int f_is_signature(lua_State *L)
{
    const sse_key *key = sse_check_key(L, 1);

    lua_pushboolean(L, sse_signature_check(key, check_bytes(L, 2), check_bytes(L, 3)) == SSE_OK);
    return 1;
}

/* same_bytes(a, b) -> boolean */
static int f_same_bytes(lua_State *L)
{
    lua_pushboolean(L, sse_same_bytes(check_bytes(L, 1), check_bytes(L, 2)));
    return 1;
}

/* --- tokens ----------------------------------------------------------------------------------- */

/* Reads the token at index 1 into memory that is left on the stack. */
static int read_token(lua_State *L, sse_jws *jws, const char **why)
{
    sse_slice token = check_bytes(L, 1);

    if (token.len > SSE_MAX_TOKEN) {
        *why = "the token has more than 64 KiB";
        return SSE_ETOOBIG;
    }
    return sse_jws_read(token, lua_newuserdatauv(L, sse_jws_room(token.len), 0), jws, why);
}

/* token_header(token) -> the header's JSON, its alg, its kid or nil; or nil, message, code. Nothing
 * is verified. */
static int f_token_header(lua_State *L)
{
    const char *why = NULL;
    sse_jws jws;
    int code = read_token(L, &jws, &why);

    if (code)
        return sse_fail(L, code, why);
    push_slice(L, jws.header);
    push_slice(L, jws.algorithm);
    if (!jws.kid.at)
        return 2;
    push_slice(L, jws.kid);
    return 3;
}

/* token_payload(token, key) -> the payload, once its signature was verified; or nil, message, code
 */
static int f_token_payload(lua_State *L)
{
    const sse_key *key = sse_check_key(L, 2);
    const char *why = NULL;
    sse_jws jws;
    int code = read_token(L, &jws, &why);

    if (!code)
        code = sse_jws_verify(&jws, key, &why);
    if (code)
        return sse_fail(L, code, why);
    push_slice(L, jws.payload);
    return 1;
}

/* check_claims(payload) -> true; or nil, message, code */
static int f_check_claims(lua_State *L)
{
    sse_slice payload = check_bytes(L, 1);
    const char *why = NULL;
    int code = sse_claims_check(payload, lua_newuserdatauv(L, payload.len + 1, 0), &why);

    if (code)
        return sse_fail(L, code, why);
    lua_pushboolean(L, true);
    return 1;
}

/* token(header, payload, key) -> the signed token */
static int f_token(lua_State *L)
{
    sse_slice header = check_bytes(L, 1), payload = check_bytes(L, 2), signed_part = { 0 };
    const sse_key *key = sse_check_key(L, 3);
    unsigned char bytes[SSE_MAX_SIGNATURE];
    luaL_Buffer b;
    size_t len = 0;
    int code = SSE_OK;

    luaL_buffinitsize(L, &b,
                      sse_base64url_size(header.len) + sse_base64url_size(payload.len) +
                          sse_base64url_size(sizeof bytes) + 2);
    add_base64url(&b, header);
    luaL_addchar(&b, '.');
    add_base64url(&b, payload);
    signed_part = (sse_slice){ luaL_buffaddr(&b), luaL_bufflen(&b) };
    code = sse_signature_make(key, signed_part, bytes, &len);
    if (code)
        return luaL_error(L, "can't sign: %s", sse_error_text(code));
    luaL_addchar(&b, '.');
    add_base64url(&b, (sse_slice){ (const char *)bytes, len });
    luaL_pushresult(&b);
    return 1;
}

static const luaL_Reg functions[] = {
    { "base64url", f_base64url },
    { "base64url_decode", f_base64url_decode },
    { "signature", f_signature },
    { "is_signature", f_is_signature },
    { "same_bytes", f_same_bytes },
    { "token_header", f_token_header },
    { "token_payload", f_token_payload },
    { "check_claims", f_check_claims },
    { "token", f_token },
    { NULL, NULL },
};

void sse_open_crypto(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
