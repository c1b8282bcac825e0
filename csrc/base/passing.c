#include "passing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../wire/error.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

/* Room for one descriptor beside a message, aligned as its header has to be. */
typedef union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} control;

static int code_of_errno(void)
{
    switch (errno) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case ENOBUFS: /* some systems say so of a full queue of datagrams */
    case EINTR:
        return SSE_EAGAIN;
    default:
        return SSE_ECLOSED;
    }
}

int sse_pair_make(bool datagrams, evutil_socket_t pair[2])
{
    if (socketpair(AF_UNIX, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0, pair))
        return errno == EMFILE || errno == ENFILE ? SSE_EMFILE : SSE_ESYS;
    for (int i = 0; i < 2; i++) {
        evutil_make_socket_nonblocking(pair[i]);
        evutil_make_socket_closeonexec(pair[i]);
#ifdef SO_NOSIGPIPE
        setsockopt(pair[i], SOL_SOCKET, SO_NOSIGPIPE, &(int){ 1 }, sizeof(int));
#endif
    }
    return SSE_OK;
}

ssize_t sse_pair_read(evutil_socket_t fd, void *to, size_t size)
{
    ssize_t got = recv(fd, to, size, 0);

    return got < 0 ? code_of_errno() : got;
}

ssize_t sse_pair_write(evutil_socket_t fd, const void *from, size_t len)
{
    ssize_t sent = send(fd, from, len, MSG_NOSIGNAL);

    return sent < 0 ? code_of_errno() : sent;
}

int sse_pair_pass(evutil_socket_t to, int passed, const void *from, size_t len)
{
    control room = { .bytes = { 0 } };
    struct iovec part = { .iov_base = (void *)from, .iov_len = len };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof passed);
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
    return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? code_of_errno() : SSE_OK;
}

ssize_t sse_pair_take(evutil_socket_t fd, int *passed, void *to, size_t size)
{
    control room = { .bytes = { 0 } };
    struct iovec part = { .iov_base = to, .iov_len = size };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room.bytes
    };
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = NULL;

    *passed = -1;
    if (got < 0)
        return code_of_errno();
    header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof *passed)) {
        memcpy(passed, CMSG_DATA(header), sizeof *passed);
        fcntl(*passed, F_SETFD, FD_CLOEXEC);
    }
    return got;
}
