/* sink: N clients that request a path and drop what they receive, until the server ends all
 * responses or standard input ends. usage: sink PORT N PATH ACCEPT-ENCODING */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_client(int port, const char *path, const char *accept)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    char request[1024];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int len =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: %s\r\n\r\n", path, accept);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("sink: connect");
    if (write(fd, request, (size_t)len) != len)
        die("sink: write");
    return fd;
}

/* Returns false if the input ended. */
static bool read_and_drop(struct pollfd *fds, int n)
{
    static char bytes[65536];

    if (poll(fds, (nfds_t)n + 1, -1) < 0)
        die("sink: poll");
    for (int i = 0; i < n; i++) {
        if (!fds[i].revents)
            continue;
        if (read(fds[i].fd, bytes, sizeof bytes) <= 0) {
            close(fds[i].fd);
            fds[i].fd = -1;
        }
    }
    return !fds[n].revents;
}

int main(int argc, char **argv)
{
    int n = argc == 5 ? atoi(argv[2]) : 0;
    struct pollfd *fds = calloc((size_t)n + 1, sizeof *fds);

    if (n < 1 || !fds) {
        fprintf(stderr, "usage: sink PORT N PATH ACCEPT-ENCODING\n");
        return 1;
    }
    for (int i = 0; i < n; i++)
        fds[i] = (struct pollfd){ open_client(atoi(argv[1]), argv[3], argv[4]), POLLIN, 0 };
    fds[n] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
    while (read_and_drop(fds, n))
        continue;
    return 0;
}
