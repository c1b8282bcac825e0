/* core.c: luaopen_sse_core, the list of classes. */
#include "bind.h"
#include "class.h"

int luaopen_sse_core(lua_State *L)
{
    luaL_checkversion(L);
    lua_newtable(L);
    sse_open_class(L);
    sse_open_loop(L);
    sse_open_parser(L);
    sse_open_encoder(L);
    sse_open_transfer(L);
    sse_open_url(L);
    sse_open_server(L);
    sse_open_request(L);
    sse_open_stream(L);
    sse_open_channel(L);
    sse_open_file(L);
    sse_open_random(L);
    sse_open_stress(L);
    return 1;
}
