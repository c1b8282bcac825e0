/* resident.h: the module stays loaded after lua_close. */
#ifndef SSE_CLIENT_RESIDENT_H
#define SSE_CLIENT_RESIDENT_H

/* Keeps the module, and so the libraries it is linked with, in memory until the process ends.
 * lua_close unloads C modules, but a thread of libcurl that looks a name up may still be running
 * then. Does nothing where the system lacks RTLD_NODELETE. */
void sse_stay_resident(void);

#endif
