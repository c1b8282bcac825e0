/* json.c: decode, encode, get and array of sse.json, and the method json of MessageEvents. */
#include "json.h"

#include "../wire/json_find.h"
#include "hint.h"
#include "json_array.h"
#include "json_decode.h"
#include "json_encode.h"

#define MAX_INDENT 16
#define FEW_KEYS   16

static const char checker_key = 0; /* its address is the registry key of set_json_check's function
                                    */

/* --- decode ----------------------------------------------------------------------------------- */

/* Pushes nil and the message that tells of a fault. */
static int push_fault(lua_State *L, sse_slice text, const sse_json_fault *fault)
{
    char message[SSE_JSON_FAULT_MAX];

    sse_json_fault_text(text, fault, message);
    lua_pushnil(L);
    lua_pushfstring(L, "JSON: %s", message);
    return 2;
}

static sse_slice check_text(lua_State *L, int index)
{
    sse_slice text = { 0 };

    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "JSON: expected a string to decode, got %s",
                   lua_isnone(L, index) ? "nil" : luaL_typename(L, index));
    text.at = lua_tolstring(L, index, &text.len);
    return text;
}

/* Has the Lua layer check the options at index, which are not nil. */
static void check_options(lua_State *L, const char *where, int index)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &checker_key);
    lua_pushstring(L, where);
    lua_pushvalue(L, index);
    lua_call(L, 2, 0);
}

/* decode(text, { null, utf8 }) -> value; or nil, message */
static int f_decode(lua_State *L)
{
    sse_slice text = check_text(L, 1);
    sse_json_options options = { 0 };
    sse_json_fault fault;

    sse_check_count(L, 2, "json.decode(text, options)");
    if (!lua_isnoneornil(L, 2)) {
        check_options(L, "sse.json.decode", 2);
        lua_getfield(L, 2, "null");
        options.null = lua_toboolean(L, -1);
        lua_getfield(L, 2, "utf8");
        options.replace = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "replace") == 0;
    }
    if (!sse_json_push(L, text, &options, &fault))
        return push_fault(L, text, &fault);
    return 1;
}

/* --- get -------------------------------------------------------------------------------------- */

static inline void check_key(lua_State *L, int index, sse_json_key *key)
{
    int type = lua_type(L, index), whole = 0;

    if (type == LUA_TSTRING) {
        key->name.at = lua_tolstring(L, index, &key->name.len);
        return;
    }
    if (type != LUA_TNUMBER)
        luaL_error(L, "JSON: expected a name (a string) or a place (a whole number from 1), got %s",
                   luaL_typename(L, index));
    key->name.at = NULL;
    key->place = lua_tointegerx(L, index, &whole);
    if (!whole || key->place < 1)
        luaL_error(L, "JSON: a place is a whole number from 1, got %s",
                   luaL_tolstring(L, index, NULL));
}

/* check_json_keys(key, ...) raises where get would. */
static int f_check_keys(lua_State *L)
{
    int count = lua_gettop(L);
    sse_json_key key;

    luaL_checkstack(L, LUA_MINSTACK, "JSON");
    for (int i = 1; i <= count; i++)
        check_key(L, i, &key);
    return 0;
}

/* Pushes the value to which the keys lead that are at the indexes from 2 to `last`, in a text that
 * is on the stack. */
static int get(lua_State *L, sse_slice text, int last)
{
    static const sse_json_options options = { 0 };
    sse_json_value value;
    size_t count = last > 1 ? (size_t)last - 1 : 0;
    sse_json_key few[FEW_KEYS], *keys = few;
    sse_json_fault fault = { 0 };
    sse_json_found found = SSE_JSON_FOUND;

    if (count == 0)
        return sse_json_push(L, text, &options, &fault) ? 1 : push_fault(L, text, &fault);
    if (count > FEW_KEYS)
        keys = lua_newuserdatauv(L, count * sizeof *keys, 0);
    for (size_t i = 0; i < count; i++)
        check_key(L, (int)i + 2, &keys[i]);
    found = sse_json_find(text, keys, count, &value, &fault);
    if (found == SSE_JSON_BROKEN)
        return push_fault(L, text, &fault);
    if (found == SSE_JSON_NOT_FOUND)
        lua_pushnil(L);
    else if (value.string.raw.at)
        sse_json_push_string(L, &value.string);
    else if (keys[count - 1].name.at && sse_slice_is(value.text, "null"))
        lua_pushnil(L);
    else if (!sse_json_push(L, value.text, &options, &fault))
        return push_fault(L, text, &fault);
    return 1;
}

/* get(text, key, ...) -> value; nil; or nil, message */
static int f_get(lua_State *L)
{
    return get(L, check_text(L, 1), lua_gettop(L));
}

/* event:json(key, ...); further upvalues: the metatable of MessageEvents, the string "data" */
static int m_event_json(lua_State *L)
{
    int last = lua_gettop(L);
    sse_slice text;

    if (lua_istable(L, 1)) {
        lua_pushvalue(L, lua_upvalueindex(SSE_JSON_UPVALUES + 2));
        if (lua_rawget(L, 1) == LUA_TSTRING) {
            text.at = lua_tolstring(L, -1, &text.len);
            return get(L, text, last);
        }
        if (lua_getmetatable(L, 1) && lua_rawequal(L, -1, lua_upvalueindex(SSE_JSON_UPVALUES + 1)))
            check_text(L, -2); /* the program has written to the event's data */
    }
    return luaL_error(L, "call it with ':' (event:json)");
}

/* json_method(metatable) -> the method json of events with that metatable */
static int f_json_method(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    sse_json_push_upvalues(L);
    lua_pushvalue(L, 1);
    lua_pushliteral(L, "data");
    lua_pushcclosure(L, m_event_json, SSE_JSON_UPVALUES + 2);
    return 1;
}

/* --- encode ----------------------------------------------------------------------------------- */

static const sse_json_style in_one_line = { { "", 0 }, false };

/* Makes the JSON of the value at index in st->json. */
static sse_slice encode(lua_State *L, sse_state *st, int index, const sse_json_style *style,
                        const char *prefix)
{
    st->json.len = 0;
    sse_json_encode(L, st, index, style, prefix);
    return sse_buffer_slice(&st->json);
}

sse_slice sse_json_of(lua_State *L, sse_state *st, int index, const char *prefix)
{
    return encode(L, st, index, &in_one_line, prefix);
}

/* Reads the options at 2, which the Lua layer has checked: indent is a number or a string. */
static sse_json_style check_style(lua_State *L)
{
    sse_json_style style = in_one_line;

    check_options(L, "sse.json.encode", 2);
    lua_getfield(L, 2, "sort");
    style.sort = lua_toboolean(L, -1);
    if (lua_getfield(L, 2, "indent") == LUA_TNUMBER) {
        lua_Integer spaces = lua_tointeger(L, -1);

        style.indent.at = "                ";
        style.indent.len = (size_t)(spaces < 0 ? 0 : spaces < MAX_INDENT ? spaces : MAX_INDENT);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        style.indent.at = lua_tolstring(L, -1, &style.indent.len); /* stays on the stack */
    }
    return style;
}

/* encode(value, { indent, sort }) -> text */
static int f_encode(lua_State *L)
{
    sse_state *st = lua_touserdata(L, lua_upvalueindex(1)); /* instead of a look into the registry
                                                             */
    sse_json_style style = in_one_line;
    sse_slice text;

    if (lua_gettop(L) != 1) {
        sse_check_count(L, 2, "json.encode(value, options)");
        lua_settop(L, 2);
        if (!lua_isnil(L, 2))
            style = check_style(L);
    }
    text = encode(L, st, 1, &style, "");
    lua_pushlstring(L, text.at, text.len);
    sse_state_release(st, &st->json);
    return 1;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* set_json_check(fn): fn(name of a function, table of options) raises on what is wrong there. */
static int f_set_json_check(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &checker_key);
    return 0;
}

static const luaL_Reg decoders[] = { { "json_decode", f_decode },
                                     { "json_get", f_get },
                                     { NULL, NULL } };
static const luaL_Reg functions[] = { { "check_json_keys", f_check_keys },
                                      { "json_array", sse_json_array },
                                      { "json_method", f_json_method },
                                      { "set_json_check", f_set_json_check },
                                      { NULL, NULL } };

void sse_open_json(lua_State *L)
{
    sse_state *st = sse_state_get(L);

    st->json_array = sse_json_open_array(L);
    luaL_setfuncs(L, functions, 0);
    sse_json_push_upvalues(L);
    luaL_setfuncs(L, decoders, SSE_JSON_UPVALUES);
    lua_pushlightuserdata(L, st);
    lua_pushcclosure(L, f_encode, 1);
    lua_setfield(L, -2, "json_encode");
    sse_json_push_null(L);
    lua_setfield(L, -2, "json_null");
}
