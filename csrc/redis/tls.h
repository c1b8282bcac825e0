/* tls.h: TLS over a connection, where hiredis has it: since version 1.0, as a library of its own.
 * The Makefile defines SSE_REDIS_TLS where the library is found. */
#ifndef SSE_REDIS_TLS_H
#define SSE_REDIS_TLS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

/* Files, or NULL: the system's authorities, no certificate of one's own. */
typedef struct tls_options {
    const char *ca, *cert, *key;
    bool insecure; /* the server's certificate is not checked */
} tls_options;

typedef struct tls_context tls_context;

bool tls_is_supported(void);

/* What connections share. NULL: `message` says why. */
tls_context *tls_context_new(const tls_options *options, char *message, size_t size);
void tls_context_free(tls_context *t);

/* Has the bytes of a connection be TLS's from here on; nothing was sent before. The server's
 * certificate must be for `host`. *session (out): for tls_reason, as long as the connection is
 * open. false: `message` says why. */
bool tls_start(tls_context *t, redisContext *redis, const char *host, void **session, char *message,
               size_t size);

/* What TLS has against a connection that is lost; NULL: nothing. */
const char *tls_reason(void *session);

/* Before bytes are read or written: forgets errors of other users of OpenSSL in this thread, which
 * it would take for the connection's. */
void tls_begin(void);

/* Whether bytes that were received wait in OpenSSL. */
bool tls_has_bytes(void *session);

/* Whether what is to be written waits for bytes of the server, as while hands are shaken. */
bool tls_wants_bytes(void *session);

#endif
