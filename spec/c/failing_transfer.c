/* failing_transfer.c: requests while the n-th allocation of the library or of libevent fails, for
 * every n: that one alone, and that one and all after it. Each request ends exactly once, with its
 * response or SSE_ENOMEM, and then the loop ends. libcurl's own allocations succeed. */
#include "failing_malloc.h"

#undef malloc
#undef calloc
#undef realloc
#undef free

#include <arpa/inet.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../csrc/client/resident.h"
#include "../../csrc/client/transfer.h"

#define REQUESTS 3

static long until_failure = -1; /* allocations that still succeed; negative: all of them */
static bool for_good;           /* all allocations from the n-th on fail, not it alone */
static bool failed;             /* an allocation failed */
static long nth;
static char url[64];

static void fail(const char *what)
{
    fprintf(stderr, "failing_transfer.c: allocation %ld%s: %s\n", nth,
            for_good ? " and all from there" : "", what);
    _exit(1);
}

static bool must_fail(void)
{
    if (until_failure < 0 || until_failure-- > 0)
        return false;
    failed = true;
    until_failure = for_good ? 0 : -1;
    return true;
}

void *failing_malloc(size_t size)
{
    return must_fail() ? NULL : malloc(size);
}

void *failing_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : calloc(count, size);
}

void *failing_realloc(void *at, size_t size)
{
    return must_fail() ? NULL : realloc(at, size);
}

void failing_free(void *at)
{
    free(at);
}

void sse_stay_resident(void)
{ /* nothing is ever unloaded in this program */
}

/* --- a server, in a process of its own -------------------------------------------------------- */

static void respond(int client)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nok";
    char bytes[4096];
    size_t len = 0;
    ssize_t got = 0;

    while (len < sizeof bytes && (got = read(client, bytes + len, sizeof bytes - len)) > 0) {
        len += (size_t)got;
        if (len >= 4 && !memcmp(bytes + len - 4, "\r\n\r\n", 4))
            break;
    }
    if (len > 0 && write(client, reply, sizeof reply - 1) < 0)
        len = 0;
    close(client);
}

static pid_t serve(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pid_t pid = 0;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
        listen(listener, 64) || getsockname(listener, (struct sockaddr *)&address, &len))
        fail("no server");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    pid = fork();
    while (pid == 0)
        respond(accept(listener, NULL, NULL));
    close(listener);
    return pid;
}

/* --- requests --------------------------------------------------------------------------------- */

typedef struct request {
    sse_transfer *transfer;
    int ends, code;
    size_t bytes;
} request;

static void on_head(void *user, int status, const sse_http1_field *fields, size_t count)
{
    (void)user;
    (void)fields;
    if (status != 200 || count != 2)
        fail("another head");
}

static int on_body(void *user, const char *bytes, size_t len)
{
    request *r = user;

    (void)bytes;
    r->bytes += len;
    return SSE_OK;
}

static void on_done(void *user, int code, const char *message)
{
    request *r = user;

    (void)message;
    r->ends++;
    r->code = code;
}

static void check(const request *r, int started)
{
    if (started) {
        if (started != SSE_ENOMEM)
            fail("another code of start");
        return;
    }
    if (r->ends != 1)
        fail("not one end");
    if (r->code && r->code != SSE_ENOMEM)
        fail(sse_error_name(r->code));
    if (r->code && !failed)
        fail("out of memory without a failure");
    if (!r->code && r->bytes != 2)
        fail("another body");
}

/* Runs the requests; returns whether an allocation failed. */
static bool run(void)
{
    static const sse_transfer_callbacks callbacks = { on_head, on_body, on_done };
    request requests[REQUESTS] = { 0 };
    int started[REQUESTS] = { 0 };
    sse_loop *loop = NULL;
    sse_multi *multi = NULL;
    const char *why = NULL;

    if (sse_loop_new(&loop) || sse_multi_new(&multi, loop))
        fail("no loop");
    failed = false;
    until_failure = nth;
    for (int i = 0; i < REQUESTS; i++) {
        sse_transfer_options options = { .url = url };

        started[i] = sse_transfer_start(&requests[i].transfer, multi, &options, &callbacks,
                                        &requests[i], &why);
    }
    if (sse_loop_run(loop))
        fail("the loop failed");
    until_failure = -1;
    for (int i = 0; i < REQUESTS; i++) {
        check(&requests[i], started[i]);
        if (!started[i])
            sse_transfer_free(requests[i].transfer);
    }
    sse_multi_free(multi);
    sse_loop_free(loop);
    return failed;
}

int main(void)
{
    pid_t server = 0;
    long most = 0;

    signal(SIGPIPE, SIG_IGN);
    server = serve();
    event_set_mem_functions(failing_malloc, failing_realloc, failing_free);
    alarm(120); /* in case a request never ends */
    for (int mode = 0; mode < 2; mode++) {
        for_good = mode == 1;
        for (nth = 0; run(); nth++)
            ;
        most = nth > most ? nth : most;
    }
    kill(server, SIGTERM);
    printf("transfer: each of %ld allocations failed\n", most);
    return 0;
}
