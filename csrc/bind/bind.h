/* bind.h: what core.c opens, one line a class file. Each registers its classes and adds its
 * functions to the module table on top of the stack. */
#ifndef SSE_BIND_BIND_H
#define SSE_BIND_BIND_H

#include "lua_api.h"

#if defined(__GNUC__)
#define SSE_EXPORT __attribute__((visibility("default")))
#else
#define SSE_EXPORT
#endif

SSE_EXPORT int luaopen_sse_core(lua_State *L);

void sse_open_class(lua_State *L);
void sse_open_loop(lua_State *L);
void sse_open_parser(lua_State *L);
void sse_open_encoder(lua_State *L);
void sse_open_server(lua_State *L);
void sse_open_request(lua_State *L);
void sse_open_stream(lua_State *L);
void sse_open_transfer(lua_State *L);
void sse_open_channel(lua_State *L);
void sse_open_file(lua_State *L);
void sse_open_url(lua_State *L);
void sse_open_random(lua_State *L);
void sse_open_stress(lua_State *L);

#endif
