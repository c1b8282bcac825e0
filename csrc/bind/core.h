/* core.h: the module sse.core. */
#ifndef SSE_BIND_CORE_H
#define SSE_BIND_CORE_H

#include "lua_api.h"

#if defined(__GNUC__)
#define SSE_EXPORT __attribute__((visibility("default")))
#else
#define SSE_EXPORT
#endif

/* Called by `require "sse.core"`: pushes the module's table. The library exports nothing else. */
SSE_EXPORT int luaopen_sse_core(lua_State *L);

#endif
