/* address_limits.h: counts the open connections of each client address, or its requests where these
 * come through a proxy. A /64 of IPv6 counts as one address, because one client has all of it. */
#ifndef SSE_SERVER_ADDRESS_LIMITS_H
#define SSE_SERVER_ADDRESS_LIMITS_H

#include <stddef.h>

#include "../wire/client.h"
#include "../wire/hash.h"

/* The entry of an address that has open connections or requests. */
typedef struct sse_address sse_address;

/* A hash table of entries. Begins zeroed but for the seed. */
typedef struct sse_address_limits {
    sse_address **slots;
    size_t cap;         /* slots */
    size_t count;       /* entries */
    sse_hash_seed seed; /* random, so that no client can choose addresses that collide */
} sse_address_limits;

/* Counts a connection from the address, and returns the address's entry. NULL: the address has
 * `most` connections already (*refused is 1), or out of memory (*refused is 0). */
sse_address *sse_address_limits_enter(sse_address_limits *table, const sse_client *client,
                                      size_t most, int *refused);

/* A connection of that entry has ended. The last one frees the entry. */
void sse_address_limits_leave(sse_address_limits *table, sse_address *address);

/* Every connection must have left. */
void sse_address_limits_free(sse_address_limits *table);

#endif
