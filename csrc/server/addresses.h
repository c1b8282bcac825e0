/* addresses.h: the addresses that a host stands for, which a server listens on. */
#ifndef SSE_SERVER_ADDRESSES_H
#define SSE_SERVER_ADDRESSES_H

#include <stddef.h>
#include <sys/socket.h>

#define SSE_MAX_ADDRESSES 8 /* of one host; further ones are left out */

typedef struct sse_address_list {
    size_t count;
    struct {
        struct sockaddr_storage address; /* its port is 0 */
        socklen_t size;
    } at[SSE_MAX_ADDRESSES];
} sse_address_list;

/* Finds the addresses of a host, an address or a name, each once. "localhost" is 127.0.0.1 and ::1,
 * whatever the system's tables say (RFC 6761 section 6.3). SSE_ENOTFOUND: `message` (of `size`
 * bytes) says why. Blocks while the system looks a name up. */
int sse_addresses_find(sse_address_list *list, const char *host, char *message, size_t size);

/* Sets the port of an address. */
void sse_address_set_port(struct sockaddr_storage *address, int port);

/* Writes "127.0.0.1:80" or "[::1]:80". */
void sse_address_text(const struct sockaddr_storage *address, char *out, size_t size);

#endif
