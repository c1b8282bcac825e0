/* encoder.c: Lua tables to events, encode and set_message_class. */
#include "encoder.h"

#include <string.h>

#include "hint.h"
#include "json.h"

#define EVENTS SSE_PAGE("events")

static const char class_key = 0; /* its address is the registry key of MessageEvents' metatable */

/* --- reading a table -------------------------------------------------------------------------- */

static const char *const message_names[] = { "event", "data", "id", "retry", "comment", NULL };
static const char *const publication_names[] = { "event", "data",   "id",   "retry", "comment",
                                                 "key",   "dedupe", "meta", NULL };

/* Raises: the event at `index` has a field with an unknown name, which is on the stack behind its
 * value. */
static int unknown_name(lua_State *L, const char *const *known)
{
    const char *of = known == message_names ? "event" : "publication";
    const char *further = known == message_names ? "comment" : "key, dedupe, meta";
    int name = lua_absindex(L, -2), table = 0;

    lua_newtable(L);
    table = lua_gettop(L);
    for (int i = 0; known[i]; i++) {
        if (known == publication_names && strcmp(known[i], "comment") == 0)
            continue; /* known for an error of its own */
        lua_pushboolean(L, true);
        lua_setfield(L, table, known[i]);
    }
    if (sse_push_hint(L, of, name, table, 0))
        return luaL_error(L, "unknown field '%s' (expected event, data, id, retry, %s; %s)" EVENTS,
                          luaL_tolstring(L, name, NULL), further, lua_tostring(L, table + 1));
    return luaL_error(L, "unknown field '%s' (expected event, data, id, retry, %s)" EVENTS,
                      luaL_tolstring(L, name, NULL), further);
}

static void check_names(lua_State *L, int index, const char *const *known)
{
    bool any = false;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        int i = 0;

        while (name && known[i] && strcmp(name, known[i]) != 0)
            i++;
        if (!name || !known[i])
            unknown_name(L, known);
        lua_pop(L, 1);
        any = true;
    }
    if (!any)
        luaL_error(L, "an empty event: expected event, data, id, retry or comment" EVENTS);
}

static int bad_field(lua_State *L, const char *name, const char *expected, int index)
{
    return luaL_error(L, "field '%s' must be %s, got %s" EVENTS, name, expected,
                      luaL_typename(L, index));
}

/* Reads table[name], a string (with `numbers` also a number), and leaves it on the stack, where the
 * slice points into it. Absent where the field is nil. */
static sse_slice text_field(lua_State *L, int index, const char *name, bool numbers)
{
    sse_slice s = { 0 };
    int type = lua_getfield(L, index, name);

    if (type == LUA_TNIL)
        return s;
    if (type != LUA_TSTRING && !(numbers && type == LUA_TNUMBER))
        bad_field(L, name, numbers ? "a string or a number" : "a string", -1);
    s.at = lua_tolstring(L, -1, &s.len);
    return s;
}

/* Reads the data. Of a table *table (out) is where it is on the stack. */
static sse_slice data_field(lua_State *L, int index, int *table)
{
    sse_slice s = { 0 };

    switch (lua_getfield(L, index, "data")) {
    case LUA_TNIL:
        return s;
    case LUA_TSTRING:
    case LUA_TNUMBER:
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TTABLE:
        *table = lua_gettop(L);
        return SSE_SLICE("");
    default:
        bad_field(L, "data", "a string, a number, a boolean or a table", -1);
    }
    s.at = lua_tolstring(L, -1, &s.len);
    return s;
}

static int64_t retry_field(lua_State *L, int index)
{
    int whole = 0;
    lua_Integer ms = 0;

    if (lua_getfield(L, index, "retry") == LUA_TNIL) {
        lua_pop(L, 1);
        return SSE_NO_RETRY;
    }
    if (lua_type(L, -1) == LUA_TNUMBER)
        ms = lua_tointegerx(L, -1, &whole);
    if (!whole || ms < 0)
        bad_field(L, "retry", "a whole number of milliseconds, at least 0", -1);
    lua_pop(L, 1);
    return ms;
}

/* --- an event that was received --------------------------------------------------------------- */

static bool is_message_event(lua_State *L, int index)
{
    bool same = false;

    if (!lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
    same = lua_type(L, -1) == LUA_TTABLE && lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* Reads a field of a MessageEvent, which is a string unless the program has written to it, and
 * leaves it on the stack. Its metatable's __index is left out, since that raises for some names. */
static sse_slice received_field(lua_State *L, int index, const char *name)
{
    sse_slice s = { 0 };

    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TSTRING)
        bad_field(L, name, "a string", -1);
    s.at = lua_tolstring(L, -1, &s.len);
    return s;
}

/* Reads a MessageEvent: the type "message" and an empty id are what an event has without the field.
 * `data` is read as of any table, since the program may have written a table to it. */
static void check_received(lua_State *L, int index, sse_message *message)
{
    sse_event *event = &message->event;

    event->type = received_field(L, index, "type");
    if (sse_slice_is(event->type, "message"))
        event->type = (sse_slice){ 0 };
    event->id = received_field(L, index, "lastEventId");
    if (event->id.len == 0)
        event->id = (sse_slice){ 0 };
    event->data = data_field(L, index, &message->table);
    if (!event->data.at)
        luaL_error(L, "an event needs data (data = \"\" for an empty one)" EVENTS);
    message->received = true;
}

/* Raises: what was given at `index` is no event. */
static int no_event(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TNUMBER)
        return luaL_error(L,
                          "expected an event (a table) or its data (a string), got number %s "
                          "(write { data = ... })" EVENTS,
                          luaL_tolstring(L, index, NULL));
    return luaL_error(L, "expected an event (a table) or its data (a string), got %s" EVENTS,
                      luaL_typename(L, index));
}

static void check_message(lua_State *L, int index, sse_message *message, const char *const *known)
{
    sse_event *event = &message->event;

    luaL_checkstack(L, LUA_MINSTACK, "too many arguments");
    *message = (sse_message){ .event.retry = SSE_NO_RETRY };
    if (lua_type(L, index) == LUA_TSTRING) {
        event->data.at = lua_tolstring(L, index, &event->data.len);
        return;
    }
    if (lua_type(L, index) != LUA_TTABLE)
        no_event(L, index);
    if (is_message_event(L, index)) {
        check_received(L, index, message);
        return;
    }
    check_names(L, index, known);
    message->comment = text_field(L, index, "comment", false);
    event->type = text_field(L, index, "event", false);
    event->id = text_field(L, index, "id", true);
    event->data = data_field(L, index, &message->table);
    event->retry = retry_field(L, index);
    if (message->comment.at &&
        (event->type.at || event->id.at || event->data.at || event->retry >= 0))
        luaL_error(L, "field 'comment' stands alone: send the event on its own");
    if (!message->comment.at && !event->data.at && !event->id.at && event->retry < 0)
        luaL_error(L, "an event needs data (data = \"\" for an empty one)" EVENTS);
}

void sse_check_message(lua_State *L, int index, sse_message *message)
{
    check_message(L, lua_absindex(L, index), message, message_names);
}

void sse_complete_message(lua_State *L, sse_state *st, sse_message *message)
{
    if (message->table)
        message->event.data = sse_json_of(L, st, message->table, "field 'data': ");
}

/* Reads table[name], a string or a number that is not empty, and leaves it on the stack. Absent
 * where the field is nil. */
static sse_slice tag_field(lua_State *L, int index, const char *name)
{
    sse_slice s = { 0 };
    int type = lua_getfield(L, index, name);

    if (type == LUA_TSTRING || type == LUA_TNUMBER)
        s.at = lua_tolstring(L, -1, &s.len);
    if (type != LUA_TNIL && s.len == 0)
        luaL_error(L, "channel:publish: field '%s' must be a string or a number, not empty, got %s",
                   name, type == LUA_TSTRING ? "string \"\"" : lua_typename(L, type));
    return s;
}

void sse_check_publication(lua_State *L, int index, sse_message *message, sse_slice *key,
                           sse_slice *dedupe, bool *has_meta)
{
    index = lua_absindex(L, index);
    check_message(L, index, message, publication_names);
    *key = *dedupe = (sse_slice){ 0 };
    *has_meta = false;
    if (lua_type(L, index) != LUA_TTABLE || message->received)
        return;
    switch (lua_getfield(L, index, "meta")) {
    case LUA_TNIL:
    case LUA_TTABLE:
    case LUA_TSTRING:
    case LUA_TNUMBER:
    case LUA_TBOOLEAN:
        break;
    default:
        luaL_error(
            L,
            "channel:publish: field 'meta' must be a table, a string, a number or a boolean, "
            "got %s",
            luaL_typename(L, -1));
    }
    *has_meta = !lua_isnil(L, -1);
    lua_pop(L, 1);
    *key = tag_field(L, index, "key");
    *dedupe = tag_field(L, index, "dedupe");
}

void sse_check_alone(lua_State *L, const char *name, int index)
{
    if (!lua_isnoneornil(L, index))
        luaL_error(L,
                   "%s takes one table or string; a type goes into the table: "
                   "{ event = \"time\", data = ... }",
                   name);
}

int sse_encode_message(sse_buffer *out, const sse_message *message, const char **field)
{
    if (message->comment.at)
        return sse_encode_comment(out, message->comment);
    return sse_encode_event(out, &message->event, field);
}

int sse_fail_message(lua_State *L, int code, const char *field)
{
    if (code != SSE_EINVAL || !field)
        return sse_fail(L, code, NULL);
    lua_pushfstring(L, "field '%s' holds CR, LF or NUL, which can't be sent" EVENTS, field);
    return sse_fail(L, code, lua_tostring(L, -1));
}

/* --- functions -------------------------------------------------------------------------------- */

static int f_encode(lua_State *L)
{
    sse_state *st = sse_state_get(L);
    sse_message message;
    const char *field = NULL;
    int code = SSE_OK;

    luaL_checkany(L, 1);
    sse_check_alone(L, "sse.encode", 2);
    lua_settop(L, 1);
    sse_check_message(L, 1, &message);
    sse_complete_message(L, st, &message);
    st->encoded.len = 0;
    code = sse_encode_message(&st->encoded, &message, &field);
    sse_state_release(st, &st->json);
    if (!code)
        lua_pushlstring(L, st->encoded.data, st->encoded.len); /* copies before it may collect */
    sse_state_release(st, &st->encoded);
    return code ? sse_fail_message(L, code, field) : 1;
}

/* set_message_class(metatable): that of the events which the client makes. */
static int f_set_message_class(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &class_key);
    return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const luaL_Reg functions[] = { { "encode", f_encode },
                                      { "set_message_class", f_set_message_class },
                                      { NULL, NULL } };

void sse_open_encoder(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
