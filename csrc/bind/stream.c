#include "bind.h"

void sse_open_stream(lua_State *L)
{
    (void)L;
}
