/* crowd: N clients that request a target, and read and drop what they are sent.
 * usage: crowd PORT N TARGET
 * Reads lines from its input, whose end ends it: "cut" closes all connections at once, "return ID"
 * requests the target again on new connections, with that Last-Event-ID ("return": without one). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_client(int port, const char *request)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    ssize_t len = (ssize_t)strlen(request);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    /* Each 1,024 clients come from an address of their own: the server bounds them by address. */
    static unsigned count;
    struct sockaddr_in own = { .sin_family = AF_INET };
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + count++ / 256 % 128);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("crowd: connect");
    if (write(fd, request, (size_t)len) != len)
        die("crowd: write");
    return fd;
}

static void open_all(struct pollfd *fds, int n, int port, const char *target, const char *id)
{
    char request[8192];

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", target,
             id ? "Last-Event-ID: " : "", id ? id : "", id ? "\r\n" : "");
    for (int i = 0; i < n; i++)
        fds[i] = (struct pollfd){ open_client(port, request), POLLIN, 0 };
}

static void close_all(struct pollfd *fds, int n)
{
    for (int i = 0; i < n; i++) {
        if (fds[i].fd >= 0)
            close(fds[i].fd);
        fds[i].fd = -1;
    }
}

static void read_and_drop(struct pollfd *fds, int n)
{
    static char bytes[65536];

    for (int i = 0; i < n; i++) {
        if (!fds[i].revents || read(fds[i].fd, bytes, sizeof bytes) > 0)
            continue;
        close(fds[i].fd);
        fds[i].fd = -1;
    }
}

/* Does what a line says; false: the input has ended. */
static bool obey(struct pollfd *fds, int n, char **argv)
{
    static char line[8192];

    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "cut") == 0)
        close_all(fds, n);
    else if (strncmp(line, "return", 6) == 0)
        open_all(fds, n, atoi(argv[1]), argv[3], line[6] ? line + 7 : NULL);
    return true;
}

int main(int argc, char **argv)
{
    int n = argc == 4 ? atoi(argv[2]) : 0;
    struct pollfd *fds = calloc((size_t)n + 1, sizeof *fds);
    struct rlimit files;

    if (n < 1 || !fds) {
        fprintf(stderr, "usage: crowd PORT N TARGET\n");
        return 1;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdin, NULL, _IONBF, 0);
    open_all(fds, n, atoi(argv[1]), argv[3], NULL);
    fds[n] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
    for (;;) {
        if (poll(fds, (nfds_t)n + 1, -1) < 0)
            die("crowd: poll");
        read_and_drop(fds, n);
        if (fds[n].revents && !obey(fds, n, argv))
            return 0;
    }
}
