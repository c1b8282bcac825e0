#include "bind.h"

void sse_open_server(lua_State *L)
{
    (void)L;
}
