#include "tls.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../base/heap.h"
#include "../wire/error.h"
#include "context_struct.h"
#include "socket_bio.h"

#define MAX_RECORD      16384       /* bytes of plaintext in one record (RFC 8446 section 5.1) */
#define MAX_READ        (64u << 10) /* bytes read from the socket in one call */
#define MANY_HANDSHAKES 64          /* at once: the heap is trimmed after so many */
#define IS_LETTER(ch)   ((ch) >= 'A' && (ch) <= 'Z')

struct sse_tls {
    SSL *ssl;
    sse_tls_context *context;
    sse_tls_socket socket;
    sse_certificate *certificate; /* the client's, once it was asked for; or NULL */
    uint16_t encrypted_bytes;     /* see sse_tls_encrypted_bytes; at most MAX_RECORD */
    bool read_wants_write, write_wants_read;
    bool first_byte_seen : 1; /* detect_plain_http has seen the first byte */
    bool established : 1;
    bool plain : 1;
    bool shut_down : 1; /* close_notify was sent */
    bool broken : 1;    /* a call of OpenSSL failed for good: nothing more can be written */
    bool pending : 1;   /* see sse_tls_pending */
};

/* --- new and free -------------------------------------------------------- */

/* A handshake needs 40 KiB and more for a moment. After many at once (all clients come back after a
 * restart) glibc would keep all of these pages, so the heap is trimmed when three quarters of the
 * handshakes are done, and once more after the last. */
static void end_handshake(sse_tls_context *context)
{
    context->handshaking--;
    if ((context->most_handshaking < MANY_HANDSHAKES ||
         context->handshaking > context->most_handshaking / 4) &&
        (!context->trim_again || context->handshaking > 0))
        return;
    context->trim_again = context->handshaking > 0;
    context->most_handshaking = context->handshaking;
    sse_heap_trim();
}

static void begin_handshake(sse_tls_context *context)
{
    context->handshaking++;
    if (context->handshaking > context->most_handshaking)
        context->most_handshaking = context->handshaking;
}

int sse_tls_new(sse_tls_context *context, evutil_socket_t fd, sse_tls **out)
{
    sse_tls *tls = calloc(1, sizeof *tls);
    SSL *ssl = SSL_new(context->ssl_contexts[0]);
    BIO *bio = BIO_new(context->socket_method);

    if (!tls || !ssl || !bio) {
        BIO_free(bio);
        SSL_free(ssl);
        free(tls);
        ERR_clear_error();
        return SSE_ENOMEM;
    }
    BIO_set_data(bio, &tls->socket);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    tls->ssl = ssl;
    tls->context = sse_tls_context_ref(context);
    tls->socket.fd = fd;
    begin_handshake(context);
    *out = tls;
    return SSE_OK;
}

void sse_tls_free(sse_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    sse_certificate_unref(tls->certificate);
    if (!tls->established) {
        tls->context->count->failures++;
        end_handshake(tls->context);
    }
    sse_tls_context_unref(tls->context);
    free(tls);
}

/* --- reading ------------------------------------------------------------- */

static void check_handshake(sse_tls *tls)
{
    if (tls->established || !SSL_is_init_finished(tls->ssl))
        return;
    tls->established = true;
    tls->context->count->handshakes++;
    if (SSL_session_reused(tls->ssl))
        tls->context->count->resumed++;
    end_handshake(tls->context);
}

/* The errno for a call of OpenSSL that did not succeed: EAGAIN, 0 after the client's close_notify,
 * or why the connection can't go on. *wants_other: OpenSSL's error is `other`. */
static int error_of_call(sse_tls *tls, int returned, bool *wants_other, int other)
{
    int error = SSL_get_error(tls->ssl, returned);

    *wants_other = error == other;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return EAGAIN;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    tls->broken = true;
    ERR_clear_error();
    return error == SSL_ERROR_SYSCALL && tls->socket.error ? tls->socket.error : EPROTO;
}

/* What recv or sendmsg would return for n bytes, or for the error where n is 0. */
static ssize_t result(size_t n, int error)
{
    if (n > 0)
        return (ssize_t)n;
    errno = error;
    return error ? -1 : 0;
}

/* Looks at the client's first byte: a request of HTTP begins with a letter, no TLS record does. */
static void detect_plain_http(sse_tls *tls)
{
    unsigned char first = 0;

    tls->first_byte_seen = recv(tls->socket.fd, &first, 1, MSG_PEEK) == 1;
    tls->plain = tls->first_byte_seen && IS_LETTER(first);
}

static ssize_t read_records(sse_tls *tls, char *to, size_t size)
{
    size_t total = 0, n = 0;

    ERR_clear_error();
    tls->socket.budget = MAX_READ;
    tls->socket.empty = tls->pending = false;
    while (total < size) {
        int got = SSL_read_ex(tls->ssl, to + total, size - total, &n), error = 0;

        check_handshake(tls);
        if (got == 1) {
            total += n;
            continue;
        }
        error = error_of_call(tls, got, &tls->read_wants_write, SSL_ERROR_WANT_WRITE);
        tls->pending = error != EAGAIN && total > 0; /* the next call returns the error */
        return result(total, error);
    }
    tls->pending = true; /* `to` is full: there may be more */
    return (ssize_t)total;
}

ssize_t sse_tls_read(sse_tls *tls, void *to, size_t size)
{
    if (!tls->first_byte_seen)
        detect_plain_http(tls);
    if (tls->plain || tls->shut_down)
        return recv(tls->socket.fd, to, size, 0);
    return read_records(tls, to, size);
}

bool sse_tls_pending(const sse_tls *tls)
{
    return tls->pending;
}

/* --- writing ------------------------------------------------------------- */

/* Copies pieces into one record. */
static size_t gather(char *to, const struct iovec *iov, int count)
{
    size_t len = 0;

    for (int i = 0; i < count && len < MAX_RECORD; i++) {
        size_t room = MAX_RECORD - len;
        size_t n = iov[i].iov_len < room ? iov[i].iov_len : room;

        memcpy(to + len, iov[i].iov_base, n);
        len += n;
    }
    return len;
}

static ssize_t write_record(sse_tls *tls, const void *bytes, size_t len)
{
    size_t n = 0;
    int error = 0, done = 0;

    ERR_clear_error();
    done = SSL_write_ex(tls->ssl, bytes, len, &n);
    if (done == 1) {
        tls->encrypted_bytes = 0;
        tls->write_wants_read = false;
        return (ssize_t)n;
    }
    error = error_of_call(tls, done, &tls->write_wants_read, SSL_ERROR_WANT_READ);
    if (error == EAGAIN)
        tls->encrypted_bytes = (uint16_t)len;
    return result(0, error ? error : EPIPE);
}

ssize_t sse_tls_write(sse_tls *tls, const struct iovec *iov, int count)
{
    char record[MAX_RECORD];

    if (!tls->established || tls->shut_down || tls->broken) {
        errno = EPIPE;
        return -1;
    }
    if (tls->encrypted_bytes) /* OpenSSL wants the same length again, not the bytes */
        return write_record(tls, "", tls->encrypted_bytes);
    if (count > 0 && iov[0].iov_len >= MAX_RECORD)
        return write_record(tls, iov[0].iov_base, MAX_RECORD);
    return write_record(tls, record, gather(record, iov, count));
}

size_t sse_tls_encrypted_bytes(const sse_tls *tls)
{
    return tls->encrypted_bytes;
}

int sse_tls_shut_down(sse_tls *tls)
{
    bool ignored = false;
    int done = 0;

    if (!tls->established || tls->shut_down || tls->broken || tls->encrypted_bytes)
        return SSE_OK;
    ERR_clear_error();
    done = SSL_shutdown(tls->ssl);
    if (done < 0 && error_of_call(tls, done, &ignored, 0) == EAGAIN)
        return SSE_EAGAIN;
    tls->shut_down = true;
    tls->pending = false;
    return SSE_OK;
}

/* --- what to wait for ---------------------------------------------------- */

short sse_tls_events_to_watch(const sse_tls *tls, short wanted)
{
    int want = 0;

    if (wanted & EV_READ)
        want |= tls->read_wants_write ? EV_WRITE : EV_READ;
    if (wanted & EV_WRITE)
        want |= tls->write_wants_read ? EV_READ : EV_WRITE;
    return (short)want;
}

short sse_tls_events_ready(const sse_tls *tls, short happened)
{
    int ready = happened;

    if (tls->read_wants_write && (happened & EV_WRITE))
        ready |= EV_READ;
    if (tls->write_wants_read && (happened & EV_READ))
        ready |= EV_WRITE;
    return (short)ready;
}

/* --- what was negotiated ------------------------------------------------- */

bool sse_tls_is_plain(const sse_tls *tls)
{
    return tls->plain;
}

bool sse_tls_established(const sse_tls *tls)
{
    return tls->established;
}

sse_slice sse_tls_alpn(const sse_tls *tls)
{
    const unsigned char *at = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(tls->ssl, &at, &len);
    return (sse_slice){ (const char *)at, len };
}

sse_certificate *sse_tls_client_certificate(sse_tls *tls)
{
    const X509 *shown = tls->certificate ? NULL : SSL_get0_peer_certificate(tls->ssl);

    if (shown)
        tls->certificate = sse_certificate_read(shown);
    return sse_certificate_ref(tls->certificate);
}
