#include "publish.h"

#include "../push/channel.h"
#include "direct.h"
#include "encoder.h"
#include "hint.h"

#define SSE_MAX_OWN_ID 1024 /* bytes; the most that an id given to publish may have */

static int fail_publish(lua_State *L, int code, const char *field)
{
    switch (code) {
    case SSE_EBUSY:
        return luaL_error(L, "a where function can't publish to the channel it filters");
    case SSE_EEXIST:
        return sse_fail(L, code,
                        "field 'id': an event with that id is held already" SSE_PAGE("eexist"));
    case SSE_ETOOBIG:
        return sse_fail(L, code, "the event is larger than history_bytes");
    case SSE_ECLOSED:
        return sse_fail(L, code, "the channel is closed");
    default:
        return sse_fail_message(L, code, field);
    }
}

/* Takes the id off a MessageEvent that is the id of the one published before: its own block had
 * none. Its event gets an id of the channel's. Otherwise notes the id. */
static void drop_repeated_id(lua_State *L, sse_event *event)
{
    sse_slice last = { 0 };

    lua_getiuservalue(L, 1, CHANNEL_RECEIVED_ID);
    if (lua_type(L, -1) == LUA_TSTRING)
        last.at = lua_tolstring(L, -1, &last.len);
    lua_pop(L, 1);
    if (last.at && event->id.at && sse_slice_equal(last, event->id)) {
        event->id = (sse_slice){ 0 };
        return;
    }
    lua_pushlstring(L, event->id.at ? event->id.at : "", event->id.len);
    lua_setiuservalue(L, 1, CHANNEL_RECEIVED_ID);
}

/* Publishes to the channel's own log. */
static int publish(lua_State *L, channel_object *o, const sse_publication *p, bool has_meta)
{
    uint64_t before = o->channel->counters.published, position = 0;
    const char *field = NULL;
    sse_slice id;
    int code = sse_channel_publish(o->channel, p, &position, &field);

    sse_state_release(o->st, &o->st->json);
    if (code)
        return fail_publish(L, code, field);
    id = sse_channel_id(o->channel, position);
    lua_pushlstring(L, id.at, id.len);
    if (o->channel->counters.published == before)
        return 1;
    if (has_meta)
        lua_getfield(L, 2, "meta");
    sse_channel_has_grown(L, has_meta);
    if (has_meta)
        lua_pop(L, 1);
    return 1;
}

static int on_published(lua_State *L, int status, lua_KContext top)
{
    (void)status;
    return lua_gettop(L) - (int)top;
}

static void push_text(lua_State *L, sse_slice s)
{
    if (s.at)
        lua_pushlstring(L, s.at, s.len);
    else
        lua_pushnil(L);
}

/* Publishes to the channel's store: calls the function `publish` of user value STORE with the
 * encoded event, id, key, dedupe and meta. That function may yield. */
static int publish_stored(lua_State *L, channel_object *o, const sse_publication *p, bool has_meta)
{
    sse_buffer *out = &o->st->encoded;
    sse_event event = p->event;
    const char *field = NULL;
    int top = lua_gettop(L), code = SSE_OK;

    event.id = (sse_slice){ 0 };
    out->len = 0;
    if (p->event.id.at)
        code = sse_encode_id(out, p->event.id, &field);
    out->len = 0;
    if (o->channel->closed || o->channel->refusing || o->channel->filtering)
        code = o->channel->filtering ? SSE_EBUSY : SSE_ECLOSED;
    if (!code)
        code = sse_encode_event(out, &event, &field);
    if (!code && out->len > o->channel->window->bounds.max_bytes)
        code = SSE_ETOOBIG;
    sse_state_release(o->st, &o->st->json);
    if (code) {
        o->channel->counters.refused++;
        sse_state_release(o->st, out);
        return fail_publish(L, code, field);
    }
    if (!has_meta && sse_direct_is_possible(L, o)) {
        const sse_slice texts[SSE_DIRECT_TEXTS] = {
            { out->data, out->len }, p->event.id, p->key, p->dedupe
        };
        return sse_direct_publish(L, o, texts);
    }
    lua_getiuservalue(L, 1, CHANNEL_STORE);
    lua_getfield(L, -1, "publish");
    lua_remove(L, -2);
    lua_pushlstring(L, out->data, out->len);
    sse_state_release(o->st, out);
    push_text(L, p->event.id);
    push_text(L, p->key);
    push_text(L, p->dedupe);
    if (has_meta)
        lua_getfield(L, 2, "meta");
    else
        lua_pushnil(L);
    lua_callk(L, 5, LUA_MULTRET, top, on_published);
    return on_published(L, LUA_OK, top);
}

int sse_publish(lua_State *L, channel_object *o)
{
    bool has_meta = false;
    sse_publication p = { 0 };
    sse_message message;

    if (lua_gettop(L) != 2)
        return luaL_error(
            L, "channel:publish takes one event, a table or a string" SSE_PAGE("events"));
    sse_check_publication(L, 2, &message, &p.key, &p.dedupe, &has_meta);
    if (message.comment.at)
        return luaL_error(L, "a channel has no comments: publish an event" SSE_PAGE("events"));
    if (!message.event.data.at)
        return luaL_error(L,
                          "an event needs data (data = \"\" for an empty one)" SSE_PAGE("events"));
    p.event = message.event;
    if (p.event.id.at && p.event.id.len == 0)
        return luaL_error(L, "field 'id' must not be empty");
    if (p.event.id.len > SSE_MAX_OWN_ID)
        return sse_fail(L, SSE_ETOOBIG,
                        "field 'id' is longer than 1024 bytes: clients could not send it back");
    if (p.event.id.at && sse_log_is_position(&o->channel->log, p.event.id))
        return sse_fail(L, SSE_EINVAL,
                        "field 'id' has the form of the channel's own ids" SSE_PAGE("events"));
    if (message.received)
        drop_repeated_id(L, &p.event);
    sse_complete_message(L, o->st, &message);
    p.event.data = message.event.data;
    if (o->channel->window)
        return publish_stored(L, o, &p, has_meta);
    return publish(L, o, &p, has_meta);
}
