/* push_server.c: what a delivered event costs the server, over HTTP/1.1 and over HTTP/2: waits for
 * STREAMS event streams, pushes EVENTS shared frames of BYTES to all of them, one each INTERVAL ms,
 * ends them, and prints the CPU time of it. `push_server STREAMS EVENTS BYTES INTERVAL`. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../csrc/net/server.h"
#include "../csrc/net/stream.h"

typedef struct bench {
    sse_loop *loop;
    sse_server *server;
    sse_exchange **streams;
    size_t open, wanted, events, sent, behind, bytes;
    unsigned interval;
    sse_timer timer;
    double cpu;
    uint64_t out;
} bench;

static void on_end(void *user, sse_reason reason)
{
    (void)user;
    (void)reason;
}

static const sse_exchange_events events = { NULL, on_end, NULL };

static double cpu_now(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void on_request(void *user, sse_exchange *x)
{
    bench *b = user;
    sse_stream_options options = { .status = 200, .retry = SSE_NO_RETRY, .keep_alive = 0 };
    sse_stream *stream = NULL;
    size_t bad = 0;

    if (sse_stream_open(x, &options, &stream, &bad))
        abort();
    sse_stream_listen(stream, b, &events);
    b->streams[b->open++] = x;
    if (b->open == b->wanted)
        sse_timer_start(&b->timer, 1000, false);
}

static void finish(bench *b)
{
    const sse_counters *c = sse_server_counters(b->server);
    double cpu = cpu_now() - b->cpu, delivered = (double)b->sent * (double)b->wanted;

    printf("%zu connections, %zu streams: %.3f us of CPU and %.1f bytes a delivered event; %zu "
           "behind; %ld KiB resident\n",
           c->connections, c->streams, cpu * 1e6 / delivered,
           (double)(c->bytes_out - b->out) / delivered,
           b->behind, resident_kib());
    for (size_t i = 0; i < b->wanted; i++)
        sse_exchange_finish(b->streams[i], SSE_END_SERVER);
    sse_server_stop_listening(b->server);
}

static void on_timer(void *arg)
{
    bench *b = arg;
    char *text = NULL;
    sse_frame *frame = NULL;

    if (b->sent == 0) {
        b->cpu = cpu_now();
        b->out = sse_server_counters(b->server)->bytes_out;
    }
    if (b->sent == b->events) {
        finish(b);
        return;
    }
    text = malloc(b->bytes);
    memset(text, 'x', b->bytes);
    memcpy(text, "data: ", 6);
    memcpy(text + b->bytes - 2, "\n\n", 2);
    frame = sse_frame_new((sse_slice){ text, b->bytes });
    free(text);
    for (size_t i = 0; i < b->wanted; i++) {
        int code = sse_exchange_push(b->streams[i], frame);

        if (code && code != SSE_EAGAIN)
            abort();
        b->behind += code == SSE_EAGAIN;
    }
    sse_frame_unref(frame);
    b->sent++;
    sse_timer_start(&b->timer, b->interval, false);
}

static void on_idle(void *user)
{
    bench *b = user;

    sse_loop_stop(b->loop);
}

int main(int count, char **args)
{
    static bench b;
    sse_server_options options = { .backlog = 4096, .limits = sse_default_limits };
    char message[256];

    if (count != 5)
        return 2;
    b.wanted = strtoul(args[1], NULL, 10);
    b.events = strtoul(args[2], NULL, 10);
    b.bytes = strtoul(args[3], NULL, 10);
    b.interval = (unsigned)strtoul(args[4], NULL, 10);
    b.streams = calloc(b.wanted, sizeof *b.streams);
    options.limits.max_connections = 20000;
    if (!b.streams || sse_loop_new(&b.loop) ||
        sse_server_new(b.loop, &options, &b, on_request, on_idle, &b.server, message,
                       sizeof message) ||
        sse_server_listen(b.server, message, sizeof message))
        return 1;
    sse_timer_init(&b.timer, b.loop, on_timer, &b);
    sse_loop_keep(b.loop);
    printf("%d\n", sse_server_port(b.server));
    fflush(stdout);
    sse_loop_run(b.loop);
    sse_timer_stop(&b.timer);
    sse_server_free(b.server);
    sse_loop_release(b.loop);
    sse_loop_free(b.loop);
    free(b.streams);
    return 0;
}
