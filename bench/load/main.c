/* load: opens followers of an event stream, publishes, checks and measures.
 * usage: load PORT [--events TARGET] [--publish TARGET] [--gc TARGET] [--size BYTES] [--pids N,N]
 *             [--pipeline] [--in-target] [--tls] [--http2 STREAMS] [PHASE...]
 * --gc: target of a request that makes the server collect garbage; --pids: the server's processes;
 * --pipeline: a burst is that many requests at once; --in-target: a publish has no body, the query
 * has the payload's mark; --tls: over TLS; --http2: followers over HTTP/2, STREAMS on a connection.
 * Without phases, prints "ready" and reads phases from its input, one a line, up to "quit":
 *   connect:N      N followers connect; ends when each has its response's head
 *   memory         the server's memory, and how much it has grown since before connect
 *   events:K       K events; the next is published when one has its response and every follower has
 *                  received it
 *   burst:KxB      the same with B events a request: ?burst=B, and a body of B payloads of equal
 * size rate:RxK       K events at R a second stuck:KxB      a burst:KxB beside one more follower,
 * which stops reading after its response's head return         that follower reads what it was
 * sent, and connects again with its last event id churn:NxP      N followers come; the oldest leave
 * once there are P; an event for each 100 leave          all leave get:TARGET     prints the
 * response's body free-port      (alone, PORT 0) prints a free port Without --pids, CPU and memory
 * are not printed. Exits with status 1 and a message if the server refuses a request or ends a
 * connection; events that are missing or came twice are counted. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "churn.h"
#include "die.h"
#include "http1.h"
#include "http2.h"
#include "phases.h"
#include "publisher.h"
#include "stuck.h"
#include "tls.h"

static void print_free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        load_die("no free port");
    printf("%d\n", ntohs(address.sin_port));
}

static void read_option(load *l, const char *name, char *value)
{
    if (strcmp(name, "--events") == 0)
        l->events = value;
    else if (strcmp(name, "--publish") == 0)
        l->publish = value;
    else if (strcmp(name, "--gc") == 0)
        l->gc = value;
    else if (strcmp(name, "--size") == 0)
        l->size = (size_t)atoi(value);
    else if (strcmp(name, "--pids") == 0)
        load_processes_parse(&l->processes, value);
    else if (strcmp(name, "--http2") == 0)
        l->transport = &load_http2, l->streams = (unsigned)atoi(value);
    else
        load_die("unknown option '%s'", name);
    if (l->size < LOAD_MARK)
        load_die("--size: %d bytes at least, got %s", LOAD_MARK, value);
}

/* Returns the first argument that is a phase. */
static char **read_options(load *l, char **arg)
{
    for (; *arg && strncmp(*arg, "--", 2) == 0; arg++) {
        if (strcmp(*arg, "--pipeline") == 0) {
            l->pipeline = true;
            continue;
        }
        if (strcmp(*arg, "--in-target") == 0) {
            l->in_target = true;
            continue;
        }
        if (strcmp(*arg, "--tls") == 0) {
            l->io = &load_tls_io;
            continue;
        }
        if (!arg[1])
            load_die("option '%s' wants a value", *arg);
        read_option(l, arg[0], arg[1]);
        arg++;
    }
    return arg;
}

static void run_phase(load *l, const char *phase)
{
    unsigned a, b;
    double rate;

    if (strncmp(phase, "get:", 4) == 0)
        load_phase_get(l, phase + 4);
    else if (strcmp(phase, "memory") == 0)
        load_phase_memory(l);
    else if (strcmp(phase, "leave") == 0)
        load_phase_leave(l);
    else if (strcmp(phase, "return") == 0)
        load_phase_return(l);
    else if (sscanf(phase, "connect:%u", &a) == 1)
        load_phase_connect(l, a);
    else if (sscanf(phase, "events:%u", &a) == 1)
        load_phase_publish(l, "events", a, 1);
    else if (sscanf(phase, "burst:%ux%u", &a, &b) == 2)
        load_phase_publish(l, "burst", a, b);
    else if (sscanf(phase, "stuck:%ux%u", &a, &b) == 2)
        load_phase_stuck(l, a, b);
    else if (sscanf(phase, "rate:%lfx%u", &rate, &b) == 2)
        load_phase_rate(l, rate, b);
    else if (sscanf(phase, "churn:%ux%u", &a, &b) == 2)
        load_phase_churn(l, a, b);
    else
        load_die("unknown phase '%s'", phase);
}

static void run_input(load *l)
{
    char line[512];

    printf("ready\n");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "quit") == 0)
            return;
        run_phase(l, line);
    }
}

int main(int argc, char **argv)
{
    static load l = {
        .events = "/events",
        .publish = "/publish",
        .size = 100,
        .transport = &load_http1,
        .io = &load_plain_io,
    };
    char **phase;

    if (argc < 2)
        load_die("usage: load PORT [OPTION...] [PHASE...]");
    if (argc > 2 && strcmp(argv[2], "free-port") == 0) {
        print_free_port();
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    l.port = atoi(argv[1]);
    phase = read_options(&l, argv + 2);
    l.base = event_base_new();
    load_publisher_open(&l);
    if (!*phase)
        run_input(&l);
    for (; *phase; phase++)
        run_phase(&l, *phase);
    return 0;
}
