#include "tls.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "die.h"

enum { RECORD = 16384 }; /* most bytes of plain text in a TLS record */

/* The one context of all sockets. */
static SSL_CTX *context(void)
{
    static SSL_CTX *ctx;

    if (ctx)
        return ctx;
    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
        load_die("no TLS: %s", ERR_reason_error_string(ERR_peek_error()));
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return ctx;
}

static SSL *new_ssl(load_socket *s)
{
    const char *alpn = s->alpn ? s->alpn : "http/1.1";
    unsigned char list[32] = { (unsigned char)strlen(alpn) };
    SSL *ssl = SSL_new(context());

    memcpy(list + 1, alpn, list[0]);
    if (!ssl || SSL_set_fd(ssl, s->fd) != 1 || SSL_set_alpn_protos(ssl, list, list[0] + 1u) != 0)
        load_die("no TLS: %s", ERR_reason_error_string(ERR_peek_error()));
    return ssl;
}

/* What an OpenSSL call that returned no success means: -1 with errno, or 0 at the end of the data.
 */
static int failure_of(SSL *ssl, int returned)
{
    switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        ERR_clear_error();
        errno = EPROTO;
        return -1;
    }
}

static int tls_start(load_socket *s)
{
    int done, error;

    if (!s->state) {
        if (load_plain_io.start(s) != 0)
            return -1;
        s->state = new_ssl(s);
    }
    ERR_clear_error();
    done = SSL_connect(s->state);
    if (done == 1)
        return 0;
    error = SSL_get_error(s->state, done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return error == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE;
    failure_of(s->state, done);
    return -1;
}

/* Leaves no decrypted bytes in OpenSSL, since no event of the socket would tell of them: a further
 * record is begun only where `bytes` has room for the whole of it. */
static ssize_t tls_read(load_socket *s, char *bytes, size_t len)
{
    size_t total = 0, n = 0;

    ERR_clear_error();
    while (total == 0 || len - total >= RECORD || SSL_pending(s->state) > 0) {
        int got = SSL_read_ex(s->state, bytes + total, len - total, &n);

        if (got != 1) {
            int end = failure_of(s->state, got);

            return total > 0 ? (ssize_t)total : end;
        }
        total += n;
        if (total == len)
            break;
    }
    return (ssize_t)total;
}

static ssize_t tls_write(load_socket *s, const char *bytes, size_t len)
{
    size_t n = 0;
    int done;

    ERR_clear_error();
    done = SSL_write_ex(s->state, bytes, len, &n);
    return done == 1 ? (ssize_t)n : failure_of(s->state, done);
}

static void tls_close(load_socket *s)
{
    if (s->state && SSL_is_init_finished(s->state))
        SSL_shutdown(s->state);
    ERR_clear_error();
    SSL_free(s->state);
    s->state = NULL;
}

const load_io load_tls_io = { tls_start, tls_read, tls_write, tls_close };
