/* address_limits.h: how many connections each client address holds. One client has a whole /64 of
 * IPv6, so all of that counts as one address; an IPv4 address is the same mapped into IPv6. */
#ifndef SSE_SERVER_ADDRESS_LIMITS_H
#define SSE_SERVER_ADDRESS_LIMITS_H

#include <stddef.h>
#include <sys/socket.h>

#include "../wire/hash.h"

typedef struct sse_address sse_address;

typedef struct sse_address_limits {
    sse_address **slots;
    size_t cap, count;
    sse_hash_seed seed; /* random: no client can pick addresses that collide */
} sse_address_limits;

/* The address's entry with its count raised by one, made where there is none; NULL: out of memory,
 * or the count is at `most` already (*refused). */
sse_address *sse_address_limits_enter(sse_address_limits *table, const struct sockaddr *from,
                                      size_t most, int *refused);

/* Lowers the count; the entry goes with its last connection. */
void sse_address_limits_leave(sse_address_limits *table, sse_address *address);

void sse_address_limits_free(sse_address_limits *table);

#endif
