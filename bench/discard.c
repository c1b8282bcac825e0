/* discard: N clients that request a path. Their sockets are emptied a few times a second, and the
 * bytes are dropped in the kernel where that is possible, so that they cost far less than a server
 * that sends to them. On each line of standard input it empties them once more and prints the bytes
 * of the client that has the fewest, of the one that has the most, and its own CPU time in us.
 * usage: discard PORT N PATH */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
enum { FLAGS = MSG_DONTWAIT | MSG_TRUNC }; /* for TCP: drops what it does not copy */
#else
enum { FLAGS = MSG_DONTWAIT };
#endif
enum { EVERY_MS = 50, PIECE = 1 << 20 };

struct client {
    int fd;
    long long bytes;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_client(int port, const char *path)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    char request[1024];
    int fd = socket(AF_INET, SOCK_STREAM, 0), room = PIECE;
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room)
        || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("discard: connect");
    if (write(fd, request, (size_t)len) != len)
        die("discard: write");
    return fd;
}

static void empty(struct client *clients, int n)
{
    static char bytes[PIECE];

    for (int i = 0; i < n; i++) {
        ssize_t got = 0;

        while ((got = recv(clients[i].fd, bytes, sizeof bytes, FLAGS)) > 0) {
            clients[i].bytes += got;
            if (got < PIECE)
                break;
        }
        if (got == 0) {
            fprintf(stderr, "discard: the server has ended a response\n");
            exit(1);
        }
    }
}

static void report(struct client *clients, int n)
{
    struct rusage used;
    long long fewest = clients[0].bytes, most = fewest;

    for (int i = 0; i < n; i++) {
        fewest = clients[i].bytes < fewest ? clients[i].bytes : fewest;
        most = clients[i].bytes > most ? clients[i].bytes : most;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("%lld %lld %lld\n", fewest, most,
           (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec
               + used.ru_stime.tv_usec);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int n = argc == 4 ? atoi(argv[2]) : 0;
    struct client *clients = calloc((size_t)(n < 1 ? 1 : n), sizeof *clients);
    char line[64];

    if (n < 1 || !clients) {
        fprintf(stderr, "usage: discard PORT N PATH\n");
        return 1;
    }
    for (int i = 0; i < n; i++)
        clients[i].fd = open_client(atoi(argv[1]), argv[3]);
    for (;;) {
        struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
        int ready = poll(&input, 1, EVERY_MS);

        empty(clients, n);
        if (ready > 0) {
            if (read(STDIN_FILENO, line, sizeof line) <= 0)
                return 0;
            report(clients, n);
        }
    }
}
