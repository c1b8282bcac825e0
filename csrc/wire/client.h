/* client.h: a client's address, and networks of addresses. An IPv4 address that is mapped into IPv6
 * (::ffff:192.0.2.1) always becomes the IPv4 one. */
#ifndef SSE_WIRE_CLIENT_H
#define SSE_WIRE_CLIENT_H

#include "error.h"
#include "slice.h"

#define SSE_CLIENT_UNIX 1 /* the `len` of a client of a Unix socket, which has no address */

/* A client's address. */
typedef struct sse_client {
    uint8_t len; /* 4: IPv4, 16: IPv6, SSE_CLIENT_UNIX, 0: unknown */
    uint8_t bytes[16];
} sse_client;

/* The client of an address of 4 or 16 bytes, in network order. */
sse_client sse_client_of_bytes(const void *bytes, size_t len);

/* Reads "192.0.2.1" or "2001:db8::1", and nothing else: no zeros before a decimal number, no
 * brackets, port, zone or blanks. SSE_EINVAL. */
int sse_client_parse(sse_slice text, sse_client *out);

/* The addresses that begin with the same `bits` bits, or all Unix sockets. */
typedef struct sse_network {
    sse_client first;
    uint8_t bits;
} sse_network;

/* Reads an address, "10.0.0.0/8", "2001:db8::/32" or "unix". A network's address must be its first
 * one. SSE_EINVAL: *why is a static text that says what is expected. */
int sse_network_parse(sse_slice text, sse_network *out, const char **why);

/* Whether the client is in one of the networks. An IPv4 address is in no network of IPv6. */
bool sse_networks_have(const sse_network *networks, size_t count, const sse_client *client);

/* Whether the client is on this machine: 127.0.0.0/8, ::1. */
bool sse_client_is_loopback(const sse_client *client);

#endif
