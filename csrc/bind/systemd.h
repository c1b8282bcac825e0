/* systemd.h: what lua/sse/server/systemd.lua needs of systemd. */
#ifndef SSE_BIND_SYSTEMD_H
#define SSE_BIND_SYSTEMD_H

#include "lua_api.h"

/* Adds `systemd_sockets`, `systemd_notify` and `systemd_watchdog`; the module table is on top of
 * the stack. */
void sse_open_systemd(lua_State *L);

#endif
