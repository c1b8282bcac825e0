/* tls.h: TLS on one accepted socket. It reads and writes as recv and sendmsg do; the handshake
 * happens within the first reads. The socket stays the caller's. Calls no callback. */
#ifndef SSE_TLS_TLS_H
#define SSE_TLS_TLS_H

#include <event2/util.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../wire/slice.h"
#include "certificate.h"
#include "context.h"

typedef struct sse_tls sse_tls;

/* For a non-blocking socket. *out holds a reference to the context. SSE_ENOMEM. */
int sse_tls_new(sse_tls_context *context, evutil_socket_t fd, sse_tls **out);

/* Frees without sending anything. An unfinished handshake counts as failed. NULL is allowed. */
void sse_tls_free(sse_tls *tls);

/* As recv: the number of decrypted bytes; 0 after the client's close_notify; -1 with errno. EAGAIN:
 * there is nothing, or the handshake goes on; ECONNRESET: the connection ended without
 * close_notify; EPROTO: the client sent what is no TLS, or was refused. */
ssize_t sse_tls_read(sse_tls *tls, void *to, size_t size);

/* As sendmsg: the number of bytes taken, at most one record (16 KiB), or -1 with errno. After
 * EAGAIN the first sse_tls_encrypted_bytes bytes are encrypted already, and the next call must
 * begin with the same ones. */
ssize_t sse_tls_write(sse_tls *tls, const struct iovec *iov, int count);
size_t sse_tls_encrypted_bytes(const sse_tls *tls);

/* Sends close_notify: no byte is written after it, and what is read is no longer decrypted.
 * SSE_EAGAIN: the socket is full; call again when it is writable. Sends nothing, and returns
 * SSE_OK, where the handshake is not done or the client has got a part of a record only. */
int sse_tls_shut_down(sse_tls *tls);

/* Whether more can be read although the socket may not be readable: read again without waiting. */
bool sse_tls_pending(const sse_tls *tls);

/* TLS may have to write in order to read, and the other way round. The first translates what the
 * caller wants to do (EV_READ, EV_WRITE) into what to watch the socket for, the second translates
 * what the socket is ready for into what the caller may do. */
short sse_tls_events_to_watch(const sse_tls *tls, short wanted);
short sse_tls_events_ready(const sse_tls *tls, short happened);

/* Whether the client speaks HTTP without TLS. Then sse_tls_read gives what it sent, and nothing can
 * be written. */
bool sse_tls_is_plain(const sse_tls *tls);

/* Whether the handshake is done. */
bool sse_tls_established(const sse_tls *tls);

/* The protocol negotiated by ALPN ("http/1.1"); empty for a client without ALPN. */
sse_slice sse_tls_alpn(const sse_tls *tls);

/* The certificate that the client has shown, read at the first call, with a reference for the
 * caller. NULL: the client has shown none, or there is no memory. */
sse_certificate *sse_tls_client_certificate(sse_tls *tls);

#endif
