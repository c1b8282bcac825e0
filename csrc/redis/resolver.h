/* resolver.h: looks up a host's addresses on a thread of its own, so that the loop never waits for
 * a name. */
#ifndef SSE_REDIS_RESOLVER_H
#define SSE_REDIS_RESOLVER_H

#include <stdbool.h>

#define MAX_ADDRESSES 16
#define ADDRESS_BYTES 80 /* of an address as text, with the name of an interface */

typedef struct resolver resolver;

/* Starts a look-up. NULL: no memory, descriptor or thread is left. */
resolver *resolver_start(const char *host);

/* The descriptor that can be read once the look-up is over. */
int resolver_fd(const resolver *r);

/* Whether the look-up is over. */
bool resolver_is_done(const resolver *r);

/* After the end: the number of addresses found, and each as text; 0: there is none, and
 * resolver_error says why. */
int resolver_count(const resolver *r);
const char *resolver_address(const resolver *r, int index);
const char *resolver_error(const resolver *r);

/* The caller no longer needs the look-up, whether or not it is over. A thread that still waits for
 * an answer frees what is left when it has one. */
void resolver_drop(resolver *r);

#endif
