#include "socket_bio.h"

#include <errno.h>
#include <sys/socket.h>

static int socket_read(BIO *bio, char *to, int size)
{
    sse_tls_socket *s = BIO_get_data(bio);
    size_t want = (size_t)size < s->budget ? (size_t)size : s->budget;
    ssize_t n = 0;

    BIO_clear_retry_flags(bio);
    if (s->empty || want == 0) { /* the socket's event tells what else there is */
        BIO_set_retry_read(bio);
        return -1;
    }
    n = recv(s->fd, to, want, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        s->empty = true;
        BIO_set_retry_read(bio);
        return -1;
    }
    s->error = n < 0 ? errno : ECONNRESET;
    if (n <= 0)
        return (int)n;
    s->empty = (size_t)n < want;
    s->budget -= (uint32_t)n;
    return (int)n;
}

static int socket_write(BIO *bio, const char *bytes, int len)
{
    sse_tls_socket *s = BIO_get_data(bio);
    int flags = 0;
    ssize_t n = 0;

#ifdef MSG_NOSIGNAL
    flags = MSG_NOSIGNAL;
#endif
    do
        n = send(s->fd, bytes, (size_t)len, flags);
    while (n < 0 && errno == EINTR);
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_write(bio);
    else if (n < 0)
        s->error = errno;
    return (int)n;
}

static long socket_ctrl(BIO *bio, int what, long number, void *arg)
{
    (void)bio;
    (void)number;
    (void)arg;
    return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *sse_tls_socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sse socket");

    if (!method)
        return NULL;
    BIO_meth_set_read(method, socket_read);
    BIO_meth_set_write(method, socket_write);
    BIO_meth_set_ctrl(method, socket_ctrl);
    return method;
}
