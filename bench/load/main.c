/* load: opens followers of an event stream, publishes, checks and measures.
 * usage: load PORT [--events TARGET] [--publish TARGET] [--gc TARGET] [--size BYTES] [--pids N,N]
 *             [--pipeline] [--in-target] [--tls] [--http2 STREAMS] [PHASE...]
 * --in-target: a publish has no body, its payload's mark is in the query; --tls: over TLS;
 * --http2: followers over HTTP/2, so many on a connection.
 * Without phases it says "ready" and reads them from its input, one a line, up to "quit":
 *   connect:N      N followers, each until its answer's head came
 *   memory         the server's memory; after connect, what a follower costs it
 *   events:K       K events, the next as soon as one was answered and has reached every follower
 *   burst:KxB      the same with B events a request, `?burst=B`, its body B payloads of equal size
 *   rate:RxK       K events at R a second
 *   stuck:KxB      a burst:KxB beside one more follower that stops reading after its answer's head
 *   return         it reads what it was sent to the end and comes back with its last event id
 *   churn:NxP      N followers come, and leave once there are P; an event for each 100 of them
 *   leave          all leave
 *   get:TARGET     prints the answer's body
 *   free-port      (alone, PORT 0) prints a free port
 * Without --pids nothing is said of CPU and memory. Ends with 1 and a message when the server
 * refuses or breaks something off; events that are missing or came twice are counted. */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void load_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

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

static void read_pids(load *l, char *text)
{
    for (char *pid = strtok(text, ","); pid; pid = strtok(NULL, ",")) {
        if (l->pid_count == LOAD_MAX_PIDS)
            load_die("--pids: more than %d", LOAD_MAX_PIDS);
        l->pids[l->pid_count++] = (pid_t)atoi(pid);
    }
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
        read_pids(l, value);
    else if (strcmp(name, "--http2") == 0)
        l->transport = &load_http2, l->streams = (unsigned)atoi(value);
    else
        load_die("unknown option '%s'", name);
    if (l->size < LOAD_MARK)
        load_die("--size: %d bytes at least, got %s", LOAD_MARK, value);
}

/* Gives the first argument that is a phase. */
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
        .events = "/events", .publish = "/publish", .size = 100,
        .transport = &load_http1, .io = &load_plain_io,
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
