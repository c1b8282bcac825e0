/* tls.h: TLS on the accepting side of one socket: reads and writes as recv and sendmsg do, the
 * handshake within the first reads. Calls nobody. The socket stays the caller's. */
#ifndef SSE_TLS_TLS_H
#define SSE_TLS_TLS_H

#include <event2/util.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../wire/slice.h"
#include "context.h"

typedef struct sse_tls sse_tls;

/* For an accepted socket that doesn't block. SSE_ENOMEM. The context must outlive it. */
int sse_tls_new(sse_tls_context *context, evutil_socket_t fd, sse_tls **out);

/* Without a word to the client. One whose handshake isn't done counts as a failed one. NULL is
 * allowed. */
void sse_tls_free(sse_tls *tls);

/* As recv: bytes that were decrypted, 0 after the client's close_notify, -1 and errno: EAGAIN while
 * there is nothing or the handshake goes on, ECONNRESET where the connection ended without
 * close_notify, EPROTO where what came is no TLS or was refused. */
ssize_t sse_tls_read(sse_tls *tls, void *to, size_t size);

/* As sendmsg: how many bytes of the pieces were taken, at most one record (16 KiB), or -1 and
 * errno. After EAGAIN the first sse_tls_held bytes are encrypted already: the next call must begin
 * with the same ones. */
ssize_t sse_tls_write(sse_tls *tls, const struct iovec *iov, int count);
size_t sse_tls_held(const sse_tls *tls);

/* close_notify: no byte is written after it, and what is read is no longer decrypted. SSE_EAGAIN:
 * the socket is full; again when it is not. */
int sse_tls_end(sse_tls *tls);

/* More can be read though the socket need not show it: read again without waiting. */
bool sse_tls_pending(const sse_tls *tls);

/* What to wait for (EV_READ, EV_WRITE) where the caller wants to read and write so, and which of
 * both may go on after what has happened: TLS may have to write in order to read, and the other way
 * round. */
short sse_tls_watch(const sse_tls *tls, short wanted);
short sse_tls_ready(const sse_tls *tls, short happened);

/* The client speaks HTTP without TLS: what is read is what it sent, writing is impossible. */
bool sse_tls_is_plain(const sse_tls *tls);

bool sse_tls_established(const sse_tls *tls);

/* The client has sent what was not read yet: it is not the one who is late. */
bool sse_tls_unread(const sse_tls *tls);

/* The protocol negotiated by ALPN ("http/1.1"), empty where the client named none. */
sse_slice sse_tls_alpn(const sse_tls *tls);

/* The subject of the client's certificate (RFC 2253, UTF-8), of a longer one the first size - 1
 * bytes. False: none. */
bool sse_tls_client_subject(const sse_tls *tls, char *out, size_t size);

#endif
