#include "core.h"

#include "callbacks.h"
#include "channel.h"
#include "channel_numbers.h"
#include "class.h"
#include "crypto.h"
#include "descriptor.h"
#include "encoder.h"
#include "exchange.h"
#include "file.h"
#include "follow.h"
#include "hint.h"
#include "json.h"
#include "key.h"
#include "loop.h"
#include "master.h"
#include "parser.h"
#include "passing.h"
#include "random.h"
#include "reader.h"
#include "scrypt.h"
#include "search.h"
#include "server.h"
#include "shared_numbers.h"
#include "signals.h"
#include "store.h"
#include "stream.h"
#include "streams.h"
#include "stress.h"
#include "systemd.h"
#include "task.h"
#include "timer.h"
#include "transfer.h"
#include "unrun.h"
#include "url.h"
#include "watch.h"
#include "worker_sockets.h"

/* Raises unless the Lua that loads the module is the one it was compiled for. */
static void check_lua(lua_State *L)
{
    int running = (int)lua_version(L);

    if (running != LUA_VERSION_NUM)
        luaL_error(L, "sse.core was compiled for Lua %d.%d, and this is Lua %d.%d",
                   LUA_VERSION_NUM / 100, LUA_VERSION_NUM % 100, running / 100, running % 100);
    luaL_checkversion(L);
}

int luaopen_sse_core(lua_State *L)
{
    check_lua(L);
    lua_newtable(L);
    sse_open_class(L);
    sse_open_hint(L);
    sse_open_callbacks(L);
    sse_open_loop(L);
    sse_open_unrun(L);
    sse_open_task(L);
    sse_open_timer(L);
    sse_open_signal(L);
    sse_open_descriptor(L);
    sse_open_watch(L);
    sse_open_parser(L);
    sse_open_json(L);
    sse_open_encoder(L);
    sse_open_transfer(L);
    sse_open_url(L);
    sse_open_server(L);
    sse_open_exchange(L);
    sse_open_search(L);
    sse_open_stream(L);
    sse_open_streams(L);
    sse_open_channel(L);
    sse_open_channel_numbers(L);
    sse_open_store(L);
    sse_open_follow(L);
    sse_open_reader(L);
    sse_open_file(L);
    sse_open_random(L);
    sse_open_systemd(L);
    sse_open_master(L);
    sse_open_passing(L);
    sse_open_worker_sockets(L);
    sse_open_shared_numbers(L);
    sse_open_key(L);
    sse_open_crypto(L);
    sse_open_scrypt(L);
    sse_open_stress(L);
    return 1;
}
