#include "bind.h"

void sse_open_request(lua_State *L)
{
    (void)L;
}
