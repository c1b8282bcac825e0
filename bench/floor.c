/* floor: the least that sending one event to many costs without sharing writes: one process, one
 * epoll, and for each event one send() a subscriber of a frame that is built once. GET
 * subscribes; POST /publish sends its body as an event, with ?burst=B as B events of equal size.
 * A subscriber whose socket is full is closed. Sets TCP_NODELAY, as the servers beside it do.
 * usage: floor   prints its port */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, MAX_REQUEST = 262144, EVENTS = 1024 };

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Cache-Control: no-cache, no-transform\r\n"
                                  "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char published[] = "HTTP/1.1 204 No Content\r\n\r\n";

static int subscribers[MAX_FDS], place[MAX_FDS]; /* place: index in subscribers, -1 for none */
static int count;
static char *unread[MAX_FDS]; /* the part that came of a request */
static size_t unread_len[MAX_FDS];
static int poller;
static unsigned long long offset;

static void drop(int fd)
{
    if (place[fd] >= 0) {
        subscribers[place[fd]] = subscribers[--count];
        place[subscribers[place[fd]]] = place[fd];
        place[fd] = -1;
    }
    free(unread[fd]);
    unread[fd] = NULL;
    unread_len[fd] = 0;
    close(fd);
}

static void send_event(const char *data, size_t size)
{
    static char event[MAX_REQUEST + 64], frame[MAX_REQUEST + 128];
    int event_len = sprintf(event, "id: 0badcafe-%llu\ndata: %.*s\n\n", ++offset, (int)size, data);
    int len = sprintf(frame, "%x\r\n%s\r\n", (unsigned)event_len, event);

    for (int i = count; i-- > 0;)
        if (send(subscribers[i], frame, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
            drop(subscribers[i]);
}

static void publish(int fd, const char *head, const char *body, size_t len)
{
    const char *option = strstr(head, "?burst=");
    size_t burst = option && option < body ? (size_t)atoi(option + 7) : 1;

    for (size_t i = 0; i < burst; i++)
        send_event(body + i * (len / burst), len / burst);
    send(fd, published, sizeof published - 1, MSG_NOSIGNAL);
}

static void subscribe(int fd)
{
    send(fd, stream_head, sizeof stream_head - 1, MSG_NOSIGNAL);
    place[fd] = count;
    subscribers[count++] = fd;
}

/* Handles a request; returns how many bytes it had, 0 if it has not come whole. */
static size_t serve(int fd, const char *bytes, size_t len)
{
    const char *end = strstr(bytes, "\r\n\r\n"), *field;
    size_t body;

    if (!end)
        return 0;
    end += 4;
    if (bytes[0] == 'G') {
        subscribe(fd);
        return (size_t)(end - bytes);
    }
    field = strstr(bytes, "Content-Length:");
    body = field && field < end ? (size_t)atol(field + 15) : 0;
    if (len < (size_t)(end - bytes) + body)
        return 0;
    publish(fd, bytes, end, body);
    return (size_t)(end - bytes) + body;
}

static void keep(int fd, const char *bytes, size_t len)
{
    free(unread[fd]);
    unread[fd] = NULL;
    unread_len[fd] = len;
    if (len == 0)
        return;
    unread[fd] = malloc(len);
    if (!unread[fd])
        abort();
    memcpy(unread[fd], bytes, len);
}

static void on_readable(int fd)
{
    static char bytes[MAX_REQUEST + 1];
    size_t len = unread_len[fd], at = 0, took;
    ssize_t n;

    if (len > 0)
        memcpy(bytes, unread[fd], len);
    n = recv(fd, bytes + len, MAX_REQUEST - len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(fd);
        return;
    }
    len += (size_t)n;
    bytes[len] = '\0';
    while (at < len && (took = serve(fd, bytes + at, len - at)) > 0)
        at += took;
    if (len - at > 0 || unread[fd])
        keep(fd, bytes + at, len - at);
}

static void watch(int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
        abort();
}

static void accept_all(int listener)
{
    int fd, on = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        place[fd] = -1;
        watch(fd);
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        perror("floor");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void)
{
    static struct epoll_event events[EVENTS];
    int listener = listen_anywhere();

    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(listener);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                on_readable(events[i].data.fd);
        }
    }
}
