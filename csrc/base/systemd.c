#include "systemd.h"

#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 1024 /* sockets */

/* Reads a variable that is a whole number from 1 to `most`; 0: it is not there, or something else.
 */
static uint64_t read_number(const char *name, uint64_t most)
{
    const char *text = getenv(name);
    unsigned long long value = 0;
    char *end = NULL;

    if (!text || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    value = strtoull(text, &end, 10);
    return errno || *end || value > most ? 0 : value;
}

static bool is_for_us(const char *name)
{
    return read_number(name, INT32_MAX) == (uint64_t)getpid();
}

int sse_systemd_sockets(void)
{
    int count = is_for_us("LISTEN_PID") ? (int)read_number("LISTEN_FDS", MOST) : 0;

    for (int i = 0; i < count; i++)
        if (fcntl(SSE_SYSTEMD_FIRST + i, F_SETFD, FD_CLOEXEC))
            return 0; /* the variables are not about this process */
    return count;
}

const char *sse_systemd_name(int i, size_t *len)
{
    const char *name = getenv("LISTEN_FDNAMES"), *end = NULL;

    for (; name && i > 0; i--) {
        end = strchr(name, ':');
        name = end ? end + 1 : NULL;
    }
    if (!name)
        return NULL;
    *len = strcspn(name, ":");
    return name;
}

/* Where notifications go: a path, or a name after "@" that is in no folder (Linux). 0: nowhere. */
static socklen_t read_address(struct sockaddr_un *address)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || (path[0] != '/' && path[0] != '@') || len >= sizeof address->sun_path)
        return 0;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len);
    if (path[0] == '/')
        return sizeof *address;
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

bool sse_systemd_notify(const char *text, size_t len)
{
    struct sockaddr_un address;
    socklen_t size = read_address(&address);
    evutil_socket_t fd = size ? socket(AF_UNIX, SOCK_DGRAM, 0) : -1;
    ssize_t sent = -1;

    if (fd < 0)
        return false;
    evutil_make_socket_closeonexec(fd);
    evutil_make_socket_nonblocking(fd); /* a manager that does not read holds nobody up */
    sent = sendto(fd, text, len, 0, (const struct sockaddr *)&address, size);
    evutil_closesocket(fd);
    return sent == (ssize_t)len;
}

uint64_t sse_systemd_watchdog(void)
{
    if (getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID"))
        return 0;
    return read_number("WATCHDOG_USEC", UINT64_MAX) / 1000;
}
