#include "bind.h"

void sse_open_transfer(lua_State *L)
{
    (void)L;
}
