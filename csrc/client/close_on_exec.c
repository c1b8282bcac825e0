#include "close_on_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void sse_close_on_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags >= 0 && !(flags & FD_CLOEXEC))
        fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int sse_socket(int domain, int type, int protocol)
{
    int fd = -1;

#ifdef SOCK_CLOEXEC
    fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0 || errno != EINVAL) /* a kernel that does not know the flag */
        return fd;
#endif
    fd = socket(domain, type, protocol);
    if (fd >= 0)
        sse_close_on_exec(fd);
    return fd;
}

bool sse_has_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno != EMFILE && errno != ENFILE;
    close(fd);
    return true;
}

void sse_hidden_pair_expect(sse_hidden_pair *p)
{
    for (int i = 0; i < 2; i++)
        p->fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 2; i++)
        if (p->fd[i] >= 0)
            close(p->fd[i]);
}

static bool is_unnamed_socket(int fd)
{
    struct sockaddr_un name = { .sun_family = AF_UNSPEC };
    socklen_t len = sizeof name;

    return fd >= 0 && !getsockname(fd, (struct sockaddr *)&name, &len) &&
           name.sun_family == AF_UNIX && (len <= sizeof name.sun_family || !*name.sun_path);
}

void sse_hidden_pair_close_on_exec(sse_hidden_pair *p)
{
    if (is_unnamed_socket(p->fd[0]) && is_unnamed_socket(p->fd[1])) {
        sse_close_on_exec(p->fd[0]);
        sse_close_on_exec(p->fd[1]);
    }
    p->fd[0] = p->fd[1] = -1;
}
