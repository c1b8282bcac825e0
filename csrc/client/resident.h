/* resident.h: this module stays loaded. */
#ifndef SSE_CLIENT_RESIDENT_H
#define SSE_CLIENT_RESIDENT_H

/* Keeps the module, and by that the libraries it is linked with, in memory until the process ends:
 * lua_close unloads C modules, and libcurl's thread that looks a name up may still run then. Where
 * the system can't do that, nothing happens. */
void sse_stay_resident(void);

#endif
