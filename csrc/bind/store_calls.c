#include "store_calls.h"

typedef struct page_call {
    channel_object *o;
    uint64_t from;
} page_call;

static int call_page(lua_State *L)
{
    const page_call *call = lua_touserdata(L, 1);

    sse_push_value(L, call->o->self, CHANNEL_STORE);
    lua_getfield(L, -1, "page");
    lua_pushinteger(L, (lua_Integer)call->from);
    lua_call(L, 1, 0);
    return 0;
}

/* The channel has followers, so its object is anchored. */
void sse_store_on_page_wanted(void *user, uint64_t from)
{
    page_call call = { user, from };

    sse_protect(call.o->st, call_page, &call);
}

int sse_store_close(lua_State *L, channel_object *o)
{
    if (o->channel->refusing)
        return 0;
    o->channel->refusing = true;
    lua_getiuservalue(L, 1, CHANNEL_STORE);
    lua_getfield(L, -1, "close");
    lua_call(L, 0, 0);
    return 0;
}
