#include "bind.h"

void sse_open_parser(lua_State *L)
{
    (void)L;
}
