/* systemd.h: what systemd passes to a service, and what the service tells it
 * (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)). Environment variables and datagrams,
 * without its library: on other systems nothing is passed, and nothing is told. */
#ifndef SSE_BASE_SYSTEMD_H
#define SSE_BASE_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSE_SYSTEMD_FIRST 3 /* the first descriptor that is passed */

/* How many sockets were passed to this process, and not to a parent of it. They get closed when a
 * program is executed. */
int sse_systemd_sockets(void);

/* The name of the i-th of them from 0 on, as FileDescriptorName= of the unit says; *len bytes that
 * the environment owns. NULL: it has none. */
const char *sse_systemd_name(int i, size_t *len);

/* Sends lines such as "READY=1" to the service manager. False: there is none that wants to hear of
 * the process, or it could not be told. */
bool sse_systemd_notify(const char *text, size_t len);

/* After how many milliseconds without "WATCHDOG=1" the process is killed; 0: never. */
uint64_t sse_systemd_watchdog(void);

#endif
