#include "bind.h"

void sse_open_encoder(lua_State *L)
{
    (void)L;
}
