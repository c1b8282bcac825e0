/* failing_redis.c: connections of csrc/redis and look-ups of names while the n-th allocation of
 * theirs or of hiredis fails, for every n: that one alone, and that one and all after it. Nothing
 * crashes, the connection says that it is lost, and the next one works. The allocator is replaced
 * for the whole program, as only glibc lets one do; sanitizers have their own. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../csrc/redis/connection.h"
#include "../../csrc/redis/resolver.h"

#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
#define CAN_FAIL 1
#else
#define CAN_FAIL 0
#endif

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            fail(#condition, __LINE__); \
    } while (0)

static __thread long until_failure = -1; /* allocations that still succeed; negative: all of them */
static bool for_good;                    /* all allocations from the n-th on fail, not it alone */
static bool failed;                      /* an allocation failed */
static long nth;
static int listener;
static struct sockaddr_un place = { .sun_family = AF_UNIX };

static void fail(const char *what, int line)
{
    until_failure = -1;
    fprintf(stderr, "failing_redis.c:%d: allocation %ld%s: %s\n", line, nth,
            for_good ? " and all from there" : "", what);
    unlink(place.sun_path);
    _exit(1);
}

#if CAN_FAIL

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);
void __libc_free(void *at);

static bool must_fail(void)
{
    if (until_failure < 0 || until_failure-- > 0)
        return false;
    failed = true;
    until_failure = for_good ? 0 : -1;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return must_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
    return must_fail() ? NULL : __libc_realloc(at, size);
}

void free(void *at)
{
    __libc_free(at);
}

#endif

/* --- a connection ----------------------------------------------------------------------------- */

#define LARGE  100000 /* bytes of a command, more than a Unix socket takes at once */
#define LENGTH 30000  /* of a long string in a reply */

static char large[LARGE], string[LENGTH];

static int accept_one(void)
{
    long left = until_failure;
    int peer = -1;

    until_failure = -1;
    peer = accept(listener, NULL, NULL);
    until_failure = left;
    CHECK(peer >= 0);
    return peer;
}

/* Writes commands, and takes them out of the socket meanwhile. */
static bool send_commands(connection *c, int peer)
{
    const char *args[] = { "SET", "key", large };
    size_t lengths[] = { 3, 3, LARGE };
    write_result result = WRITE_REST;
    char taken[65536];

    for (int i = 0; i < 3; i++) {
        if (!connection_add(c, 3, args, lengths))
            return false;
    }
    while (result != WRITE_DONE) {
        if (!connection_write(c, &result))
            return false;
        while (recv(peer, taken, sizeof taken, MSG_DONTWAIT) > 0)
            continue;
    }
    return true;
}

static void send_all(int peer, const char *bytes, size_t len)
{
    CHECK(write(peer, bytes, len) == (ssize_t)len);
}

static void send_replies(int peer)
{
    static const char replies[] = "*4\r\n$3\r\nabc\r\n*2\r\n:1\r\n$-1\r\n+OK\r\n-ERR no\r\n:5\r\n"
                                  "*0\r\n$30000\r\n";

    send_all(peer, replies, sizeof replies - 1);
    send_all(peer, string, LENGTH);
    send_all(peer, "\r\n", 2);
}

/* Returns how many replies came; *ok: whether the connection holds. */
static int take_replies(connection *c, bool *ok)
{
    int count = 0;

    *ok = connection_read(c);
    for (bool is_right = true; is_right && connection_take(c, &is_right); count++) {
        connection_free_reply(c);
        *ok = *ok && is_right;
    }
    *ok = *ok && !c->redis->reader->err;
    return count;
}

static void use_connection(void)
{
    connection c = { 0 };
    bool ok = false;
    int peer = -1, count = 0;

    if (connection_start_unix(&c, place.sun_path) != CONNECT_STARTED) {
        CHECK(failed && errno == ENOMEM);
        close(accept_one());
        return;
    }
    peer = accept_one();
    ok = send_commands(&c, peer);
    if (ok) {
        send_replies(peer);
        count = take_replies(&c, &ok);
    }
    CHECK(ok ? count == 4 : failed && c.redis->errstr[0]);
    connection_close(&c);
    close(peer);
}

/* --- a name ----------------------------------------------------------------------------------- */

static void look_up(void)
{
    resolver *r = resolver_start("localhost");
    struct pollfd p = { .events = POLLIN };

    if (!r) {
        CHECK(failed);
        return;
    }
    p.fd = resolver_fd(r);
    CHECK(poll(&p, 1, 10000) == 1 && resolver_is_done(r));
    CHECK(resolver_count(r) > 0 || resolver_error(r)[0]);
    resolver_drop(r);
}

/* Returns how many allocations a scenario makes. */
static long run_all(void (*scenario)(void))
{
    for (int mode = 0; mode < 2; mode++) {
        for_good = mode == 1;
        nth = 0;
        do {
            failed = false;
            until_failure = CAN_FAIL ? nth : -1;
            scenario();
            until_failure = -1;
            nth += failed;
        } while (failed);
        scenario();
    }
    return nth;
}

int main(void)
{
    const char *folder = getenv("TMPDIR");
    long most = 0;

    signal(SIGPIPE, SIG_IGN);
    snprintf(place.sun_path, sizeof place.sun_path, "%s/failing_redis.%d", folder ? folder : "/tmp",
             (int)getpid());
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(place.sun_path);
    CHECK(listener >= 0 && !bind(listener, (struct sockaddr *)&place, sizeof place));
    CHECK(!listen(listener, 4));
    most = run_all(use_connection) + run_all(look_up);
    unlink(place.sun_path);
    printf("redis: each of %ld allocations failed\n", most);
    return 0;
}
