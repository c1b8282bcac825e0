/* parser.c: the class sse.parser: takes bytes, calls back with events. */
#include "parser.h"

#include <string.h>

#include "../wire/parser.h"
#include "class.h"
#include "hint.h"

enum { ON_EVENT = 1, ON_RETRY, ON_COMMENT, ON_ID, OWNER, LAST_TYPE, LAST_ID, VALUES = LAST_ID };

typedef struct parser_object {
    sse_parser *parser;
    sse_state *st;
    size_t max_event_size;
    size_t items;       /* how many events, retries, comments and ids were delivered */
    lua_Integer events; /* how many of these were events */
    size_t charged;
    unsigned wanted;  /* which SSE_ITEM_... have a callback */
    const char *type; /* the bytes of the Lua string in user value LAST_TYPE; NULL: there is none */
    size_t type_len;
    bool id_kept; /* user value LAST_ID is the last event id */
    bool owned;   /* callbacks get user value OWNER as their first argument */
} parser_object;

static const sse_class parser_class;

static parser_object *check(lua_State *L, int index)
{
    parser_object *o = sse_class_check(L, index, &parser_class);

    if (!o->parser)
        luaL_error(L, "the parser was closed with its Lua state");
    return o;
}

/* --- options ---------------------------------------------------------------------------------- */

static int bad_option(lua_State *L, const char *name, const char *expected, int index)
{
    return luaL_error(L, "parser: option '%s' must be %s, got %s", name, expected,
                      luaL_typename(L, index));
}

/* Makes the function options[name] user value n of the object on top of the stack. Returns whether
 * there is such a function. */
static bool take_callback(lua_State *L, const char *name, int n)
{
    int type = lua_getfield(L, 1, name);

    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        bad_option(L, name, "a function", -1);
    lua_setiuservalue(L, -2, n);
    return type == LUA_TFUNCTION;
}

static unsigned take_callbacks(lua_State *L)
{
    return (take_callback(L, "on_event", ON_EVENT) ? SSE_ITEM_EVENT : 0u) |
           (take_callback(L, "on_retry", ON_RETRY) ? SSE_ITEM_RETRY : 0u) |
           (take_callback(L, "on_comment", ON_COMMENT) ? SSE_ITEM_COMMENT : 0u) |
           (take_callback(L, "on_id", ON_ID) ? SSE_ITEM_ID : 0u);
}

static size_t max_option(lua_State *L)
{
    lua_Integer max = (lua_Integer)SSE_DEFAULT_MAX_EVENT;
    int whole = 1;

    if (lua_getfield(L, 1, "max_event_size") != LUA_TNIL)
        max = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &whole) : 0;
    if (!whole || max < 1)
        bad_option(L, "max_event_size", "a whole number of at least 1 (bytes)", -1);
    lua_pop(L, 1);
    return (size_t)max;
}

static bool flag_option(lua_State *L, const char *name)
{
    bool value = false;

    lua_getfield(L, 1, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static bool raw_option(lua_State *L)
{
    bool raw = false;

    if (lua_getfield(L, 1, "utf8") != LUA_TNIL) {
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

        raw = !strcmp(text, "raw");
        if (!raw && strcmp(text, "replace") != 0)
            bad_option(L, "utf8", "\"replace\" or \"raw\"", -1);
    }
    lua_pop(L, 1);
    return raw;
}

/* Makes the string at index the parser's last event id. */
static void set_last_id(lua_State *L, parser_object *o, int index)
{
    sse_slice id = { 0 };
    int code = SSE_OK;

    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "parser: last_event_id must be a string, got %s", luaL_typename(L, index));
    id.at = lua_tolstring(L, index, &id.len);
    code = sse_parser_set_last_id(o->parser, id);
    if (code)
        luaL_error(L, "parser: last_event_id: %s",
                   code == SSE_EINVAL ? "CR, LF and NUL can't be part of an id"
                                      : sse_error_text(code));
}

static int f_parser(lua_State *L)
{
    parser_object *o = NULL;
    sse_parser_options options = { 0 };

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    o = sse_class_new(L, &parser_class, sizeof *o, VALUES);
    options.max_event_size = o->max_event_size = max_option(L);
    options.raw = raw_option(L);
    options.keep_ignored = flag_option(L, "keep_ignored");
    options.wanted = o->wanted = take_callbacks(L);
    o->st = sse_state_get(L);
    if (sse_parser_new(&o->parser, &options, NULL, NULL))
        return luaL_error(L, "not enough memory");
    if (lua_getfield(L, 1, "last_event_id") != LUA_TNIL)
        set_last_id(L, o, -1);
    lua_pop(L, 1);
    o->owned = lua_getfield(L, 1, "owner") != LUA_TNIL;
    lua_setiuservalue(L, -2, OWNER);
    return 1;
}

/* --- delivering ------------------------------------------------------------------------------- */

/* deliver keeps on the stack what most events need, at these indices. */
enum { AT_PARSER = 1, AT_EVENT, AT_OWNER, AT_TYPE, TOP = AT_TYPE };

/* Pushes the event's type. Most events have the type of the one before: its Lua string is kept, on
 * the stack and as a user value. */
static void push_type(lua_State *L, parser_object *o, sse_slice type)
{
    if (o->type && o->type_len == type.len && !memcmp(o->type, type.at, type.len)) {
        lua_pushvalue(L, AT_TYPE);
        return;
    }
    o->type = NULL;
    lua_pushlstring(L, type.at, type.len);
    lua_copy(L, -1, AT_TYPE);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, AT_PARSER, LAST_TYPE);
    o->type = lua_tolstring(L, -1, &o->type_len);
}

/* Pushes the event's last event id. Its Lua string is kept as a user value from the second event in
 * a row that has it: where each event has an id of its own, keeping would be wasted work. */
static void push_id(lua_State *L, parser_object *o, const sse_item *item)
{
    if (o->id_kept) {
        lua_getiuservalue(L, AT_PARSER, LAST_ID);
        return;
    }
    lua_pushlstring(L, item->event.id.at, item->event.id.len);
    o->id_kept = item->same_id;
    if (!o->id_kept)
        return;
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, AT_PARSER, LAST_ID);
}

static void push_owner(lua_State *L, const parser_object *o)
{
    if (o->owned)
        lua_pushvalue(L, AT_OWNER);
}

static void call_item(lua_State *L, parser_object *o, int kind, const sse_item *item)
{
    bool id_in_parser = false; /* the id is bytes of the parser, not a Lua string yet */

    switch (kind) {
    case SSE_ITEM_EVENT:
        o->events++;
        o->id_kept = o->id_kept && item->same_id; /* right also if a later line raises */
        id_in_parser = !o->id_kept && item->event.id.len > 0;
        lua_pushvalue(L, AT_EVENT);
        push_owner(L, o);
        if (id_in_parser)
            push_id(L, o, item); /* first: a finalizer may set another id, which moves the bytes */
        lua_pushlstring(L, item->event.data.at, item->event.data.len);
        push_type(L, o, item->event.type);
        if (id_in_parser)
            lua_rotate(L, -3, -1); /* data, type, id */
        else
            push_id(L, o, item);
        break;
    case SSE_ITEM_RETRY:
        lua_getiuservalue(L, AT_PARSER, ON_RETRY);
        push_owner(L, o);
        lua_pushinteger(L, item->event.retry);
        break;
    default:
        if (lua_getiuservalue(L, AT_PARSER, kind == SSE_ITEM_ID ? ON_ID : ON_COMMENT) == LUA_TNIL) {
            lua_pop(L, 1); /* the rest of a comment whose callback was taken away meanwhile */
            return;
        }
        push_owner(L, o);
        lua_pushlstring(L, item->text.at, item->text.len);
        break;
    }
    lua_call(L, lua_gettop(L) - TOP - 1, 0);
}

/* deliver(parser) -> code. Calls back for each item of the piece at hand. It pulls the items from
 * the parser, instead of being called by the parser, because a Lua error that a callback raises
 * must not jump over a C function of the parser. */
static int deliver(lua_State *L)
{
    parser_object *o = lua_touserdata(L, 1);
    sse_item item;
    int got = SSE_OK;

    lua_getiuservalue(L, AT_PARSER, ON_EVENT);
    lua_getiuservalue(L, AT_PARSER, OWNER);
    lua_getiuservalue(L, AT_PARSER, LAST_TYPE);
    while ((got = sse_parser_next(o->parser, &item)) > 0) {
        o->items++;
        call_item(L, o, got, &item);
        if (o->st->stress_gc)
            lua_gc(L, LUA_GCCOLLECT);
    }
    lua_pushinteger(L, got);
    return 1;
}

/* Drops the rest of the piece at hand. Feeds fail until the parser is reset. */
static void drop_piece(parser_object *o)
{
    sse_item item;

    sse_parser_stop(o->parser);
    sse_parser_next(o->parser, &item);
}

/* --- feeding ---------------------------------------------------------------------------------- */

static int fail(lua_State *L, const parser_object *o, int code)
{
    if (code == SSE_ETOOBIG)
        lua_pushfstring(L, "event larger than %I bytes (max_event_size)",
                        (LUAI_UACINT)o->max_event_size);
    else
        lua_pushstring(L, code == SSE_ESTOPPED ? "the parser was stopped or reset"
                                               : sse_error_text(code));
    return sse_fail(L, code, lua_tostring(L, -1));
}

static void charge(lua_State *L, parser_object *o)
{
    sse_charge(L, o->st, &o->charged, sse_parser_memory(o->parser));
}

/* Delivers what the parser at index 1 was given; `code` says whether it took that. Returns what
 * feed does. */
static int deliver_items(lua_State *L, parser_object *o, int code)
{
    if (code == SSE_OK) {
        lua_pushcfunction(L, deliver);
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
            drop_piece(o);
            return lua_error(L);
        }
        code = (int)lua_tointeger(L, -1);
        charge(L, o);
    }
    if (code)
        return fail(L, o, code);
    lua_pushboolean(L, 1);
    return 1;
}

static int m_feed(lua_State *L)
{
    parser_object *o = check(L, 1);
    size_t len = 0;
    const char *bytes = luaL_checklstring(L, 2, &len);
    int code = SSE_OK;

    sse_check_count(L, 2, "parser:feed(bytes)");
    lua_settop(L, 2);
    code = sse_parser_begin(o->parser, bytes, len);
    if (code != SSE_EBUSY)
        return deliver_items(L, o, code);
    lua_pushboolean(L, 1); /* the feed at work takes these bytes, too */
    return 1;
}

/* core.finish_parser(parser): the stream has ended: delivers an event that lacks its empty line
 * alone. Returns true; or nil, message, code: "EUNFINISHED" if the end cuts an event. */
static int f_finish_parser(lua_State *L)
{
    parser_object *o = check(L, 1);

    lua_settop(L, 1);
    return deliver_items(L, o, sse_parser_begin_end(o->parser));
}

/* core.ignored_blocks(parser), of one with keep_ignored, at the end of a stream: how many blocks of
 * unknown fields came since the last event, and the beginning of the last one's lines. */
static int f_ignored_blocks(lua_State *L)
{
    sse_slice text = { 0 };

    lua_pushinteger(L, (lua_Integer)sse_parser_ignored(check(L, 1)->parser, &text));
    lua_pushlstring(L, text.at, text.len);
    return 2;
}

void sse_check_parser(lua_State *L, int index)
{
    check(L, index);
}

int sse_feed_parser(lua_State *L, int index, const char *bytes, size_t len)
{
    parser_object *o = lua_touserdata(L, index);
    int code = o->parser ? sse_parser_begin(o->parser, bytes, len) : SSE_ESTOPPED;
    size_t before = 0;

    if (code || !lua_checkstack(L, LUA_MINSTACK))
        return code == SSE_EBUSY ? SSE_OK : code ? code : (drop_piece(o), SSE_ENOMEM);
    index = lua_absindex(L, index);
    lua_pushcfunction(L, sse_with_traceback);
    for (;;) {
        before = o->items;
        lua_pushcfunction(L, deliver);
        lua_pushvalue(L, index);
        if (lua_pcall(L, 1, 1, -3) == LUA_OK)
            break;
        sse_report(o->st, L);
        if (o->items == before) { /* it failed before it delivered an item: it would again */
            drop_piece(o);
            lua_pushinteger(L, SSE_ENOMEM);
            break;
        }
    }
    code = (int)lua_tointeger(L, -1);
    lua_pop(L, 2);
    charge(L, o);
    return code;
}

/* parser:deliver(bytes): feeds as a transfer does: an error in a callback is kept for the loop to
 * raise, and the events after it are delivered. */
static int m_deliver(lua_State *L)
{
    size_t len = 0;
    parser_object *o = check(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    int code = SSE_OK;

    lua_settop(L, 2);
    code = sse_feed_parser(L, 1, bytes, len);
    if (code)
        return fail(L, o, code);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- state, and what a program may set -------------------------------------------------------- */

static int m_reset(lua_State *L)
{
    parser_object *o = check(L, 1);

    sse_check_count(L, 1, "parser:reset()");
    sse_parser_reset(o->parser);
    charge(L, o);
    return 0;
}

static int m_stop(lua_State *L)
{
    parser_object *o = check(L, 1);

    sse_check_count(L, 1, "parser:stop()");
    sse_parser_stop(o->parser);
    return 0;
}

static int p_last_event_id(lua_State *L)
{
    sse_slice id = sse_parser_last_id(check(L, 1)->parser);

    lua_pushlstring(L, id.at, id.len);
    return 1;
}

static int p_memory(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sse_parser_memory(check(L, 1)->parser));
    return 1;
}

static int p_events(lua_State *L)
{
    lua_pushinteger(L, check(L, 1)->events);
    return 1;
}

static int s_last_event_id(lua_State *L)
{
    set_last_id(L, check(L, 1), 2);
    return 0;
}

/* parser.on_comment = function, or nil, with which comments are skipped without being stored. */
static int s_on_comment(lua_State *L)
{
    parser_object *o = check(L, 1);

    if (!lua_isnil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    o->wanted &= ~(unsigned)SSE_ITEM_COMMENT;
    if (!lua_isnil(L, 2))
        o->wanted |= SSE_ITEM_COMMENT;
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, ON_COMMENT);
    sse_parser_want(o->parser, o->wanted);
    return 0;
}

static int mm_gc(lua_State *L)
{
    parser_object *o = sse_class_check(L, 1, &parser_class);

    sse_parser_free(o->parser);
    o->parser = NULL;
    if (o->st)
        sse_discharge(o->st, &o->charged);
    return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const luaL_Reg methods[] = {
    { "feed", m_feed }, { "deliver", m_deliver }, { "reset", m_reset },
    { "stop", m_stop }, { NULL, NULL },
};
static const luaL_Reg properties[] = {
    { "last_event_id", p_last_event_id },
    { "memory", p_memory },
    { "events", p_events },
    { NULL, NULL },
};
static const luaL_Reg setters[] = {
    { "last_event_id", s_last_event_id },
    { "on_comment", s_on_comment },
    { NULL, NULL },
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class parser_class = { "sse.parser", methods, properties, metamethods, setters };

static const luaL_Reg functions[] = {
    { "parser", f_parser },
    { "finish_parser", f_finish_parser },
    { "ignored_blocks", f_ignored_blocks },
    { NULL, NULL },
};

void sse_open_parser(lua_State *L)
{
    sse_class_register(L, &parser_class);
    luaL_setfuncs(L, functions, 0);
}
