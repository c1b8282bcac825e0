#include "unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../wire/error.h"

#define SECOND_LOOK 20 /* ms */
#define IN_USE      "it is in use: another process listens on it"
#define NO_SOCKET   "the file exists already and is no socket"

#ifdef __APPLE__
#define MTIME st_mtimespec
#else
#define MTIME st_mtim
#endif

int sse_listen_code(int number)
{
    switch (number) {
    case EADDRINUSE:
        return SSE_EADDRINUSE;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return SSE_EADDRNOTAVAIL;
    case EACCES:
    case EPERM:
    case EROFS:
        return SSE_EACCES;
    case EMFILE:
    case ENFILE:
        return SSE_EMFILE;
    case ENOMEM:
        return SSE_ENOMEM;
    case EBADF:
        return SSE_ECLOSED;
    default:
        return SSE_ESYS;
    }
}

/* --- the file --------------------------------------------------------------------------------- */

static int note_file(sse_unix_file *file, const char *path)
{
    struct stat info;

    if (lstat(path, &info))
        return SSE_ESYS;
    file->path = strdup(path);
    if (!file->path)
        return SSE_ENOMEM;
    file->device = info.st_dev;
    file->inode = info.st_ino;
    file->owner = getpid();
    return SSE_OK;
}

void sse_unix_file_remove(sse_unix_file *file)
{
    struct stat info;

    if (file->path && file->owner == getpid() && lstat(file->path, &info) == 0 &&
        info.st_dev == file->device && info.st_ino == file->inode)
        unlink(file->path);
    free(file->path);
    file->path = NULL;
}

/* --- binding ---------------------------------------------------------------------------------- */

/* Binds. The permissions are set by the umask, so that the file never has others. */
static int bind_with_mode(evutil_socket_t fd, const struct sockaddr_un *address, int mode)
{
    mode_t before = mode >= 0 ? umask(0777 & ~(mode_t)mode) : 0;
    int result = bind(fd, (const struct sockaddr *)address, sizeof *address), number = errno;

    if (mode >= 0)
        umask(before);
    errno = number;
    return result;
}

/* Whether a connection to the path is refused, or there is no file any more. */
static bool is_refused(const struct sockaddr_un *address)
{
    evutil_socket_t fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool refused = false;

    if (fd < 0)
        return false;
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
              (errno == ECONNREFUSED || errno == ENOENT);
    evutil_closesocket(fd);
    return refused;
}

/* Whether nobody listens on the path's socket. Another process that starts at the same time may
 * have bound it and not listen yet, so that the look is repeated after a moment. */
static bool is_stale(const struct sockaddr_un *address)
{
    if (!is_refused(address))
        return false;
    poll(NULL, 0, SECOND_LOOK);
    return is_refused(address);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->MTIME.tv_sec == b->MTIME.tv_sec &&
           a->MTIME.tv_nsec == b->MTIME.tv_nsec; /* a new file may get the inode of a removed one */
}

/* Removes the file at the path if it is the stale one, which `stale` is of. Another process may
 * have put its own socket in its place at any moment. So the file is moved aside, where nobody else
 * finds it, and then looked at; another one is put back. NULL: done; else why not, by errno. */
static const char *remove_stale(const char *path, const struct stat *stale)
{
    char aside[sizeof((struct sockaddr_un *)0)->sun_path + 32];
    struct stat moved;
    bool same = false;

    snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    if (rename(path, aside))
        return errno == ENOENT ? NULL : strerror(errno);
    same = lstat(aside, &moved) == 0 && same_file(&moved, stale);
    if (same || link(aside, path) == 0 || errno == EEXIST)
        unlink(aside);
    else
        rename(aside, path); /* not every system lets us link another user's socket */
    errno = EADDRINUSE;
    return same ? NULL : IN_USE;
}

/* Binds, in place of a socket that nobody listens on. NULL: done; else why not, by errno. */
static const char *bind_or_replace(evutil_socket_t fd, const struct sockaddr_un *address, int mode)
{
    struct stat info;
    const char *why = NULL;

    if (bind_with_mode(fd, address, mode) == 0)
        return NULL;
    if (errno != EADDRINUSE)
        return strerror(errno);
    if (lstat(address->sun_path, &info) == 0) {
        if (!S_ISSOCK(info.st_mode))
            why = NO_SOCKET;
        else if (!is_stale(address))
            why = IN_USE;
        errno = EADDRINUSE;
        if (!why)
            why = remove_stale(address->sun_path, &info);
        if (why)
            return why;
    }
    if (bind_with_mode(fd, address, mode) == 0)
        return NULL;
    return errno == EADDRINUSE ? IN_USE : strerror(errno);
}

/* Returns a listening socket, or -1, errno and *why. */
static evutil_socket_t open_socket(const struct sockaddr_un *address, int mode, int backlog,
                                   sse_unix_file *file, const char **why)
{
    evutil_socket_t fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int number = 0;

    if (fd < 0) {
        *why = strerror(errno);
        return -1;
    }
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    *why = bind_or_replace(fd, address, mode);
    if (!*why && note_file(file, address->sun_path) == SSE_OK && listen(fd, backlog) == 0)
        return fd;
    number = errno;
    if (!*why) { /* it is bound */
        *why = strerror(number);
        unlink(address->sun_path);
        sse_unix_file_remove(file);
    }
    evutil_closesocket(fd);
    errno = number;
    return -1;
}

int sse_unix_listen(const char *path, int mode, int backlog, evutil_socket_t *fd,
                    sse_unix_file *file, char *message, size_t size)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *why = NULL;
    size_t len = strlen(path);
    int number = 0;

    if (len >= sizeof address.sun_path) {
        snprintf(message, size,
                 "cannot listen on the Unix socket '%.60s...': a path may have %d bytes, and this "
                 "has %zu",
                 path, (int)sizeof address.sun_path - 1, len);
        return SSE_ETOOBIG;
    }
    memcpy(address.sun_path, path, len + 1);
    *fd = open_socket(&address, mode, backlog, file, &why);
    if (*fd >= 0)
        return SSE_OK;
    number = errno;
    snprintf(message, size, "cannot listen on the Unix socket '%s': %s", path, why);
    return sse_listen_code(number);
}
