/* sender: an HTTP server that only writes prebuilt events of 1 KiB, as fast as each client reads
 * them. GET /N sends chunks of N events (1 to 64); any other request ends the server. A process
 * for each client.
 * usage: sender SECONDS   prints its port; ends after that many seconds at the latest */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENT = 1024, MAX_EVENTS = 64 };

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n";

static size_t build_chunk(char *at, int events)
{
    char *start = at;

    at += sprintf(at, "%x\r\n", (unsigned)events * EVENT);
    for (int i = 0; i < events; i++, at += EVENT) {
        memset(at, 'a' + i % 26, EVENT);
        memcpy(at, "data: ", 6);
        memcpy(at + EVENT - 2, "\n\n", 2);
    }
    memcpy(at, "\r\n", 2);
    return (size_t)(at - start) + 2;
}

/* Builds whole chunks of at least 64 KiB, which one write sends, however small a chunk is. */
static size_t build(char *bytes, int events)
{
    size_t len = 0;

    for (int sent = 0; sent < MAX_EVENTS; sent += events)
        len += build_chunk(bytes + len, events);
    return len;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n <= 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static void serve(int fd)
{
    static char request[4096], bytes[2 * MAX_EVENTS * (EVENT + 16)];
    size_t got = 0, len = 0;
    int events = 0;

    while (!strstr(request, "\r\n\r\n")) {
        ssize_t n = read(fd, request + got, sizeof request - 1 - got);

        if (n <= 0)
            return;
        got += (size_t)n;
    }
    if (sscanf(request, "GET /%d ", &events) != 1 || events < 1 || events > MAX_EVENTS) {
        kill(getppid(), SIGTERM);
        return;
    }
    len = build(bytes, events);
    if (write_all(fd, head, sizeof head - 1))
        return;
    while (!write_all(fd, bytes, len))
        ;
}

static void leave(int number)
{
    (void)number;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (argc != 2 || listener < 0 || bind(listener, (struct sockaddr *)&address, len) ||
        listen(listener, 16) || getsockname(listener, (struct sockaddr *)&address, &len)) {
        perror("sender");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN); /* write fails instead when a client has left */
    signal(SIGCHLD, SIG_IGN);
    signal(SIGTERM, leave);
    signal(SIGALRM, leave);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    fclose(stdout); /* so that its reader need not wait */
    for (alarm((unsigned)atoi(argv[1]));;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            continue;
        if (fork() == 0) {
            alarm((unsigned)atoi(argv[1]));
            serve(fd);
            _exit(0);
        }
        close(fd);
    }
}
