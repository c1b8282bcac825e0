#include "connection.h"

#include "../wire/deflater.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define MAX_IOV 64
#define MAX_DISCARD \
    (64u << 20) /* SSE_LINGER_MS is the real bound; this one is for a fast network */
#ifdef MSG_NOSIGNAL
#define NO_SIGNAL MSG_NOSIGNAL
#else
#define NO_SIGNAL 0 /* SO_NOSIGPIPE, or SIGPIPE ignored */
#endif
#define FLUSHES_A_TURN 512 /* then accepts, timers and other sockets have their turn */

const char *sse_reason_name(sse_reason reason)
{
    static const char *const names[] = { "open", "finished", "client", "server",
                                         "slow", "timeout",  "error" };

    return names[reason];
}

/* --- watching ------------------------------------------------------------ */

static void on_socket(evutil_socket_t fd, short what, void *arg);

/* Watches what is wanted now: readability unless reading is off, writability while bytes wait. */
static void watch(sse_connection *c)
{
    short want = (short)((c->reading ? EV_READ : 0) |
                         (sse_connection_pending(c) && c->stalled ? EV_WRITE : 0));
    evutil_socket_t fd = event_get_fd(&c->event);

    if (want == c->watching)
        return;
    if (c->watching)
        event_del(&c->event);
    c->watching = want;
    if (!want)
        return;
    event_assign(&c->event, sse_loop_base(c->pool->loop), fd, (short)(want | EV_PERSIST), on_socket,
                 c);
    if (event_add(&c->event, NULL) != 0) {
        c->watching = 0;
        sse_connection_close(c, SSE_END_ERROR);
    }
}

/* --- the queue, and what all of them hold ---------------------------------- */

static int enqueue(sse_connection *c, sse_frame *frame, size_t sent)
{
    int code = sse_queue_push(&c->out, frame, sent);

    if (!code)
        c->pool->count.buffered += sse_queue_view(&c->out, frame).len - sent;
    return code;
}

static void advance(sse_connection *c, size_t n)
{
    c->pool->count.buffered -= n;
    sse_queue_advance(&c->out, n);
}

void sse_connection_drop_pending(sse_connection *c)
{
    c->pool->count.buffered -= sse_connection_pending(c);
    sse_queue_clear(&c->out);
}

/* --- the end ------------------------------------------------------------- */

static void move_to(sse_connection **list, sse_connection *c)
{
    if (c->link) {
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
    }
    c->next = *list;
    c->link = list;
    if (c->next)
        c->next->link = &c->next;
    *list = c;
}

void sse_connection_reset(sse_connection *c, sse_reason reason)
{
    struct linger none = { .l_onoff = 1 };

    if (sse_connection_ended(c))
        return;
    setsockopt(event_get_fd(&c->event), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    sse_connection_close(c, reason);
}

void sse_connection_close(sse_connection *c, sse_reason reason)
{
    if (sse_connection_ended(c))
        return;
    c->reason = (uint8_t)reason;
    c->pool->count.closed[reason]++;
    if (c->watching)
        event_del(&c->event);
    sse_wheel_cancel(&c->pool->wheel, &c->deadline);
    evutil_closesocket(event_get_fd(&c->event));
    sse_connection_drop_pending(c);
    c->pool->count.connections--;
    move_to(&c->pool->dead, c);
    sse_pool_wake(c->pool);
}

static void linger(sse_connection *c)
{
    if (c->lingering)
        return;
    c->lingering = true;
    shutdown(event_get_fd(&c->event), SHUT_WR);
    if (c->eof) {
        sse_connection_close(c, SSE_END_SERVER);
        return;
    }
    sse_wheel_set(&c->pool->wheel, &c->deadline, SSE_LINGER_MS);
    sse_connection_read(c, true);
}

void sse_connection_finish(sse_connection *c)
{
    if (sse_connection_ended(c) || c->finishing)
        return;
    c->finishing = true;
    if (sse_connection_pending(c) == 0)
        linger(c);
}

/* --- writing ------------------------------------------------------------- */

static void unstall(sse_connection *c)
{
    if (c->stalled && !c->hurried)
        sse_wheel_cancel(&c->pool->wheel, &c->deadline);
    c->stalled = false;
    watch(c);
}

static void drained(sse_connection *c)
{
    unstall(c);
    if (c->finishing)
        linger(c);
    else
        c->protocol->on_drained(c);
}

/* The socket takes no more: wait for it, but not without end. */
static void stall(sse_connection *c, bool progress)
{
    if ((progress || !c->stalled) && !c->hurried)
        sse_wheel_set(&c->pool->wheel, &c->deadline, c->pool->limits.write_timeout);
    c->stalled = true;
    watch(c);
}

/* Why a read or a write failed: the peer said so, or nothing is heard of it any more. */
static sse_reason reason_of_errno(int number)
{
    return number == ETIMEDOUT || number == EHOSTUNREACH || number == ENETUNREACH ? SSE_END_TIMEOUT
                                                                                  : SSE_END_CLIENT;
}

static ssize_t write_some(sse_connection *c)
{
    struct iovec iov[MAX_IOV];
    struct msghdr message = { .msg_iov = iov };
    ssize_t n = 0;

    message.msg_iovlen = (size_t)sse_queue_iov(&c->out, iov, MAX_IOV);
    do
        n = sendmsg(event_get_fd(&c->event), &message, NO_SIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* One piece: send() costs less than sendmsg(). */
static ssize_t write_piece(sse_connection *c, sse_slice piece)
{
    ssize_t n = 0;

    do
        n = send(event_get_fd(&c->event), piece.at, piece.len, NO_SIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Writes until nothing is left or the socket is full. Calls nobody. */
static void write_out(sse_connection *c)
{
    bool progress = false;

    while (sse_connection_pending(c) > 0) {
        ssize_t n = write_some(c);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            stall(c, progress);
            return;
        }
        if (n < 0) {
            sse_connection_close(c, reason_of_errno(errno));
            return;
        }
        progress = true;
        c->fresh = false;
        c->pool->count.bytes_out += (uint64_t)n;
        advance(c, (size_t)n);
    }
}

static void write_from_loop(sse_connection *c)
{
    if (sse_connection_ended(c))
        return;
    write_out(c);
    if (!sse_connection_ended(c) && sse_connection_pending(c) == 0)
        drained(c);
}

static void mark_dirty(sse_connection *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = NULL;
    *c->pool->dirty_tail = c;
    c->pool->dirty_tail = &c->next_dirty;
    c->pool->dirty_count++;
    sse_pool_wake(c->pool);
}

void sse_connection_flush(sse_connection *c, bool again)
{
    if (sse_connection_ended(c) || (c->stalled && !again))
        return;
    write_out(c);
    if (!sse_connection_ended(c) && sse_connection_pending(c) == 0)
        unstall(c);
    mark_dirty(c); /* what an empty queue means is told at the end of the turn */
}

int sse_connection_send(sse_connection *c, sse_frame *frame)
{
    int code = SSE_OK;

    if (sse_connection_ended(c) || c->finishing)
        return SSE_ECLOSED;
    code = enqueue(c, frame, 0);
    if (code)
        return code;
    if (!c->stalled)
        mark_dirty(c);
    return SSE_OK;
}

int sse_connection_push(sse_connection *c, sse_frame *frame)
{
    sse_slice piece = sse_queue_view(&c->out, frame);
    ssize_t n = 0;
    int code = SSE_OK;

    if (c->stalled || sse_connection_pending(c) > 0 || c->finishing) {
        code = sse_connection_send(c, frame);
        return code ? code : SSE_EAGAIN;
    }
    if (sse_connection_ended(c))
        return SSE_ECLOSED;
    n = write_piece(c, piece);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        sse_connection_close(c, reason_of_errno(errno));
        return SSE_ECLOSED;
    }
    if (n > 0) {
        c->fresh = false;
        c->pool->count.bytes_out += (uint64_t)n;
    }
    if (n == (ssize_t)piece.len)
        return SSE_OK;
    if (n > 0)
        piece.len -= (size_t)n; /* of what is left */
    if (c->pool->count.buffered + piece.len > c->pool->limits.max_buffered) {
        c->pool->count.overflowed++;
        sse_connection_close(c, SSE_END_SLOW);
        return SSE_ECLOSED;
    }
    code = enqueue(c, frame, n > 0 ? (size_t)n : 0);
    if (code) { /* half a frame can't stay half */
        sse_connection_close(c, SSE_END_ERROR);
        return code;
    }
    stall(c, n > 0);
    return SSE_EAGAIN;
}

/* --- reading ------------------------------------------------------------- */

static void discard(sse_connection *c, size_t n)
{
    c->discarded += (uint32_t)n;
    if (c->discarded > MAX_DISCARD)
        sse_connection_close(c, SSE_END_SERVER);
}

static void end_of_input(sse_connection *c)
{
    c->eof = true;
    sse_connection_read(c, false);
    if (c->lingering)
        sse_connection_close(c, SSE_END_SERVER);
    else
        c->protocol->on_eof(c);
}

static void read_some(sse_connection *c)
{
    sse_pool *pool = c->pool;
    ssize_t n = recv(event_get_fd(&c->event), pool->scratch, sizeof pool->scratch, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0) {
        sse_connection_close(c, reason_of_errno(errno));
        return;
    }
    pool->count.bytes_in += (uint64_t)n;
    if (n == 0)
        end_of_input(c);
    else if (c->lingering || c->finishing)
        discard(c, (size_t)n);
    else
        c->protocol->on_bytes(c, pool->scratch, (size_t)n);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    sse_connection *c = arg;

    (void)fd;
    if (what & EV_WRITE)
        write_from_loop(c);
    if ((what & EV_READ) && !sse_connection_ended(c) && c->reading)
        read_some(c);
}

void sse_connection_read(sse_connection *c, bool on)
{
    if (sse_connection_ended(c))
        return;
    c->reading = on && !c->eof;
    watch(c);
}

bool sse_connection_broken(const sse_connection *c)
{
    int number = 0;
    socklen_t size = sizeof number;

    return getsockopt(event_get_fd(&c->event), SOL_SOCKET, SO_ERROR, &number, &size) != 0 ||
           number != 0;
}

/* --- deadlines ----------------------------------------------------------- */

static void on_deadline(sse_deadline *d)
{
    sse_connection *c = SSE_OWNER(d, sse_connection, deadline);

    if (c->lingering || c->hurried)
        sse_connection_close(c, SSE_END_SERVER);
    else if (c->stalled)
        sse_connection_close(c, SSE_END_TIMEOUT);
    else
        c->protocol->on_deadline(c);
}

void sse_connection_deadline(sse_connection *c, uint64_t ms)
{
    if (sse_connection_ended(c) || c->stalled || c->lingering || c->hurried)
        return;
    if (ms)
        sse_wheel_set(&c->pool->wheel, &c->deadline, ms);
    else
        sse_wheel_cancel(&c->pool->wheel, &c->deadline);
}

void sse_connection_hurry(sse_connection *c, uint64_t ms)
{
    if (sse_connection_ended(c) || c->lingering)
        return;
    c->hurried = true;
    sse_wheel_set(&c->pool->wheel, &c->deadline, ms);
}

/* --- birth --------------------------------------------------------------- */

void sse_connection_set_options(evutil_socket_t fd, uint64_t write_timeout)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef SO_NOSIGPIPE
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
#if defined(TCP_KEEPIDLE) && defined(TCP_KEEPINTVL) && defined(TCP_KEEPCNT)
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 60 }, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){ 15 }, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 4 }, sizeof(int));
#endif
#ifdef TCP_USER_TIMEOUT /* keep-alive probes stop while data is unacknowledged: bound that too */
    unsigned ms = write_timeout < INT32_MAX ? (unsigned)write_timeout : INT32_MAX;

    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
#else
    (void)write_timeout;
#endif
}

int sse_connection_new(sse_pool *pool, evutil_socket_t fd, const sse_protocol *protocol,
                       sse_connection **out)
{
    sse_connection *c = sse_slab_take(&pool->connections, sizeof *c);

    if (!c) {
        evutil_closesocket(fd);
        return SSE_ENOMEM;
    }
    c->pool = pool;
    c->protocol = protocol;
    c->deadline.call = on_deadline;
    event_assign(&c->event, sse_loop_base(pool->loop), fd, EV_READ | EV_PERSIST, on_socket, c);
    move_to(&pool->open, c);
    pool->count.connections++;
    *out = c;
    return SSE_OK;
}

/* --- the pool ------------------------------------------------------------ */

/* What becomes dirty meanwhile waits for the next turn: a callback that answers each drain with
 * more must not keep the loop here. */
static void flush_dirty(sse_pool *pool)
{
    size_t n = pool->dirty_count < FLUSHES_A_TURN ? pool->dirty_count : FLUSHES_A_TURN;

    while (n-- > 0) {
        sse_connection *c = pool->dirty;

        pool->dirty = c->next_dirty;
        if (!pool->dirty)
            pool->dirty_tail = &pool->dirty;
        pool->dirty_count--;
        c->dirty = false;
        write_from_loop(c);
    }
    if (pool->dirty)
        sse_pool_wake(pool);
}

static void free_dead(sse_pool *pool)
{
    sse_connection *next = NULL;

    for (sse_connection *c = pool->dead; c; c = next) {
        next = c->next;
        if (c->dirty)
            continue; /* it is on that list too: when its turn has come */
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
        c->protocol->on_closed(c, (sse_reason)c->reason);
        if (pool->on_connection_gone)
            pool->on_connection_gone(pool->user, c);
        sse_slab_give(&pool->connections, c);
    }
}

static void end_turn(void *arg)
{
    sse_pool *pool = arg;

    flush_dirty(pool);
    free_dead(pool); /* may end exchanges, so before their calls */
    if (pool->on_turn_end)
        pool->on_turn_end(pool);
}

void sse_pool_init(sse_pool *pool, sse_loop *loop, const sse_limits *limits)
{
    pool->loop = loop;
    pool->limits = *limits;
    pool->ended_tail = &pool->ended;
    pool->dirty_tail = &pool->dirty;
    sse_wheel_init(&pool->wheel, loop);
    sse_deferred_init(&pool->turn_end, end_turn, pool);
}

void sse_pool_wake(sse_pool *pool)
{
    sse_loop_defer(pool->loop, &pool->turn_end);
}

void sse_pool_close_all(sse_pool *pool)
{
    while (pool->open) {
        sse_connection *c = pool->open;

        if (sse_connection_pending(c) > 0)
            sse_connection_flush(c, false);
        sse_connection_close(c, SSE_END_SERVER);
    }
}

void sse_pool_drain(sse_pool *pool, uint64_t within, uint64_t retry)
{
    sse_connection *next = NULL;

    if (pool->draining.on)
        return;
    pool->draining =
        (sse_draining){ true, sse_loop_now(pool->loop) + within, within, retry, pool->count.streams,
                        0 };
    for (sse_connection *c = pool->open; c; c = next) {
        next = c->next;
        if (c->protocol->on_drain)
            c->protocol->on_drain(c);
        else /* nobody has said yet what he speaks */
            sse_connection_deadline(c, SSE_UNUSED_MS);
    }
}

void sse_pool_free(sse_pool *pool)
{
    while (!sse_pool_settled(pool))
        end_turn(pool);
    sse_loop_undefer(pool->loop, &pool->turn_end);
    sse_wheel_stop(&pool->wheel);
    sse_slab_free(&pool->connections);
    sse_slab_free(&pool->sessions);
    sse_slab_free(&pool->exchanges);
    sse_slab_free(&pool->streams);
    sse_slab_free(&pool->packed_streams);
    sse_deflater_free(pool->deflater);
    sse_slab_free(&pool->followers);
}
