#include "store.h"

#include <time.h>

#include "../push/channel.h"
#include "../push/resume.h"
#include "../push/window.h"
#include "channel.h"
#include "channel_object.h"
#include "direct.h"

/* --- records ---------------------------------------------------------------------------------- */

/* Milliseconds since 1970. */
static lua_Integer wall_now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_REALTIME, &t);
    return (lua_Integer)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* wall_now() -> milliseconds since 1970, an integer */
static int f_wall_now(lua_State *L)
{
    lua_pushinteger(L, wall_now());
    return 1;
}

/* Reads a text of the record at index, and leaves it on the stack, where the slice points into it.
 * Absent where the field is nil. */
static sse_slice text_of(lua_State *L, int index, const char *name)
{
    sse_slice s = { 0 };
    int type = lua_getfield(L, index, name);

    if (type == LUA_TNIL)
        return s;
    if (type != LUA_TSTRING)
        luaL_error(L, "store: field '%s' of a record must be a string or nil, got %s", name,
                   lua_typename(L, type));
    s.at = lua_tolstring(L, -1, &s.len);
    return s;
}

/* Reads a record that a store gave; pushes the values that its slices point into. */
static void check_record(lua_State *L, int index, sse_record *record)
{
    lua_Integer age = 0;

    luaL_checktype(L, index, LUA_TTABLE);
    record->event = text_of(L, index, "event");
    if (record->event.len < 2 || memcmp(record->event.at + record->event.len - 2, "\n\n", 2) != 0)
        luaL_error(L, "store: field 'event' of a record must end with an empty line");
    record->id = text_of(L, index, "id");
    record->key = text_of(L, index, "key");
    record->dedupe = text_of(L, index, "dedupe");
    if (lua_getfield(L, index, "time") == LUA_TNUMBER)
        age = wall_now() - (lua_Integer)lua_tonumber(L, -1);
    record->age = age > 0 ? (uint64_t)age * 1000 : 0;
}

/* --- the window ------------------------------------------------------------------------------- */

static channel_object *check_object(lua_State *L)
{
    return sse_check_channel(L, 1)->user;
}

static sse_channel *check_window(lua_State *L)
{
    sse_channel *c = sse_check_channel(L, 1);

    if (!c->window)
        luaL_error(L, "the channel has no store");
    return c;
}

static uint64_t check_position(lua_State *L, int index)
{
    lua_Integer position = luaL_checkinteger(L, index);

    luaL_argcheck(L, position >= 1, index, "a position is at least 1");
    return (uint64_t)position;
}

static int result(lua_State *L, int code)
{
    if (code)
        return sse_fail(L, code, NULL);
    lua_pushboolean(L, true);
    return 1;
}

/* window(channel, functions): the log of the new channel is kept in a store. `functions` has
 * publish(event, id, key, dedupe, meta), page(from), close() and unfollowed(); perhaps `direct`, by
 * which publishes go that need no Lua, and for these behind(): the window has not been told of an
 * event; published(): none is under way any more, of a channel that is to be closed; and
 * explain(message, code) -> the message of a failure for the program. */
static int f_window(lua_State *L)
{
    sse_channel *c = sse_check_channel(L, 1);

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_getfield(L, 2, "direct");
    sse_direct_take(L, 3, c->user);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, CHANNEL_STORE);
    if (!c->window && sse_window_open(c))
        return luaL_error(L, "%s", sse_error_text(SSE_ENOMEM));
    return 0;
}

/* window_state(channel) -> epoch, the window's first position, the position after its last,
 * whether it is loaded, whether loops of the process read from it */
static int f_window_state(lua_State *L)
{
    const sse_channel *c = check_window(L);

    lua_pushstring(L, c->log.epoch);
    lua_pushinteger(L, (lua_Integer)c->log.first);
    lua_pushinteger(L, (lua_Integer)c->log.next);
    lua_pushboolean(L, c->window->loaded);
    lua_pushboolean(L, c->readers != NULL);
    return 5;
}

/* window_publishing(channel) -> whether publishes that went by `direct` are under way */
static int f_window_publishing(lua_State *L)
{
    lua_pushboolean(L, check_object(L)->publishes.count > 0);
    return 1;
}

/* window_loaded(channel, is_loaded[, first]): whether the window has what the store's head has, and
 * is kept so; the first position of the store's history. */
static int f_window_loaded(lua_State *L)
{
    const sse_channel *c = check_window(L);

    c->window->loaded = lua_toboolean(L, 2);
    if (!lua_isnoneornil(L, 3))
        c->window->first = check_position(L, 3);
    return 0;
}

/* window_restart(channel, epoch, position, first, lost) -> true, or nil, message, "EBUSY": see
 * sse_window_restart */
static int f_window_restart(lua_State *L)
{
    sse_channel *c = check_window(L);
    channel_object *o = c->user;
    size_t len = 0;
    const char *epoch = luaL_checklstring(L, 2, &len);
    uint64_t position = check_position(L, 3), first = check_position(L, 4);
    bool valid = len > 0 && len <= SSE_MAX_EPOCH;

    for (size_t i = 0; i < len; i++)
        valid = valid && strchr("0123456789abcdefghijklmnopqrstuvwxyz", epoch[i]);
    if (!valid)
        return luaL_error(L, "store: an epoch has 1 to %d lower-case letters and digits",
                          SSE_MAX_EPOCH);
    o->position = 0; /* the event that was read last for filters may have been of another log */
    lua_pushnil(L);
    lua_setiuservalue(L, 1, CHANNEL_METAS);
    o->metas_from = position;
    return result(L, sse_window_restart(c, epoch, position, first, lua_toboolean(L, 5)));
}

/* window_append(channel, record, meta) -> true, or nil, message, code: the event at the window's
 * head. Raises where the record is none. */
static int f_window_append(lua_State *L)
{
    sse_channel *c = check_window(L);
    sse_record record = { 0 };
    int code = SSE_OK;

    lua_settop(L, 3);
    check_record(L, 2, &record);
    code = sse_window_append(c, &record);
    if (code)
        return result(L, code);
    lua_settop(L, 3);
    sse_channel_has_grown(L, !lua_isnil(L, 3));
    return result(L, SSE_OK);
}

/* window_done(channel, what[, position, id]): an append is over: "published" or "repeated", with
 * the event's position and id, or "refused". */
static int f_window_done(lua_State *L)
{
    channel_object *o = check_object(L);
    sse_channel_counters *n = &o->channel->counters;
    static const char *const names[] = { "published", "repeated", "refused", NULL };
    uint64_t *const counts[] = { &n->published, &n->repeated, &n->refused };

    ++*counts[luaL_checkoption(L, 2, NULL, names)];
    o->used = sse_loop_now(o->st->loop);
    if (lua_isnoneornil(L, 3) || check_position(L, 3) < o->newest)
        return 0;
    o->newest = check_position(L, 3);
    lua_settop(L, 4);
    lua_setiuservalue(L, 1, CHANNEL_LAST_ID);
    return 0;
}

/* window_close(channel): closes the channel, as channel:close() does one without a store. */
static int f_window_close(lua_State *L)
{
    channel_object *o = check_object(L);

    if (sse_channel_close(o->channel) == SSE_EBUSY)
        return sse_fail(L, SSE_EBUSY, NULL);
    if (o->self != LUA_NOREF)
        sse_loop_defer(o->st->loop, &o->unfollowed);
    return 0;
}

/* --- pages ------------------------------------------------------------------------------------ */

/* Drops the metas of the events of a page that is about to be replaced. */
static void drop_page_metas(lua_State *L, const sse_channel *c)
{
    const sse_log *log = &c->window->pages[c->window->next_page % SSE_PAGES].log;

    if (lua_getiuservalue(L, 1, CHANNEL_METAS) == LUA_TTABLE) {
        for (uint64_t at = log->oldest; at < log->next && at < c->log.oldest; at++) {
            lua_pushnil(L);
            lua_rawseti(L, -2, (lua_Integer)at);
        }
    }
    lua_pop(L, 1);
}

/* window_page(channel, position, records, metas) -> true, or nil, message, code. The page that was
 * asked for: consecutive records from `position` on, and position -> meta. Without records: the
 * page could not be read, and is asked for again by whoever still needs it. */
static int f_window_page(lua_State *L)
{
    sse_channel *c = check_window(L);
    sse_page *page = NULL;
    int code = SSE_OK, count = 0;

    lua_settop(L, 4);
    if (lua_isnil(L, 3)) {
        sse_window_end_page(c);
        return result(L, SSE_OK);
    }
    if (!c->filtering)
        drop_page_metas(L, c);
    code = sse_window_begin_page(c, check_position(L, 2), &page);
    count = page ? (int)lua_rawlen(L, 3) : 0;
    for (int i = 1; i <= count && !code; i++) {
        sse_record record = { 0 };

        lua_rawgeti(L, 3, i);
        check_record(L, 5, &record);
        code = sse_window_append_page(c, page, &record);
        lua_settop(L, 4);
        if (!code && lua_rawgeti(L, 4, (lua_Integer)(page->log.next - 1)) != LUA_TNIL)
            sse_channel_set_meta(L, page->log.next - 1);
        lua_settop(L, 4);
    }
    if (!code)
        sse_window_end_page(c);
    return result(L, code);
}

/* --- ids that clients bring ------------------------------------------------------------------- */

/* window_query(channel, id) -> what the id, or its part for the channel, says: a position; a
 * string, which may be an event's own id; or nil: nothing that the store could tell more of */
static int f_window_query(lua_State *L)
{
    const sse_channel *c = check_window(L);
    size_t len = 0;
    const char *text = luaL_optlstring(L, 2, "", &len);
    sse_last_id id = sse_last_id_read((sse_slice){ text, len });
    uint64_t position = 0;

    if (id.text.len == 0 || id.text.len > SSE_MAX_LAST_ID)
        return 0;
    if (sse_log_read_id(&c->log, id.text, &position) ||
        (id.has_parts &&
         sse_log_read_id(&c->log, sse_position_part(id.text, c->tag, &id.at), &position)))
        lua_pushinteger(L, position < LUA_MAXINTEGER ? (lua_Integer)position : LUA_MAXINTEGER);
    else
        lua_pushlstring(L, id.text.at, id.text.len);
    return 1;
}

static const luaL_Reg functions[] = {
    { "window", f_window },
    { "window_state", f_window_state },
    { "window_publishing", f_window_publishing },
    { "window_loaded", f_window_loaded },
    { "window_restart", f_window_restart },
    { "window_append", f_window_append },
    { "window_done", f_window_done },
    { "window_page", f_window_page },
    { "window_close", f_window_close },
    { "window_query", f_window_query },
    { "wall_now", f_wall_now },
    { NULL, NULL },
};

void sse_open_store(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
