/* socket_bio.h: the accepted socket of a TLS connection as OpenSSL reads and writes it (a BIO): how
 * much one call may read, and what became of it. */
#ifndef SSE_TLS_SOCKET_BIO_H
#define SSE_TLS_SOCKET_BIO_H

#include <event2/util.h>
#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sse_tls_socket {
    evutil_socket_t fd;
    int error;       /* errno of the last failure; ECONNRESET: the client closed the connection */
    uint32_t budget; /* bytes that may still be read; the owner sets it before each read */
    bool empty;      /* the socket gave less than asked for; the owner clears it before each read */
} sse_tls_socket;

/* The method of such BIOs; each one's data is its sse_tls_socket. For BIO_meth_free. NULL: out of
 * memory. */
BIO_METHOD *sse_tls_socket_method(void);

#endif
