#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "record.h"

#define MAX_IOV     256
#define MAX_DISCARD (64u << 20) /* SSE_LINGER_MS alone is no bound on a fast network */
#ifdef MSG_NOSIGNAL
#define NO_SIGNAL MSG_NOSIGNAL
#else
#define NO_SIGNAL 0 /* SO_NOSIGPIPE is set, or process.h handles SIGPIPE */
#endif

/* --- watching the socket ------------------------------------------------- */

static void on_socket(evutil_socket_t fd, short what, void *arg);

static void set_watched_events(sse_connection *c, short want)
{
    if (c->watched_events)
        event_del(&c->event);
    c->watched_events = want;
    if (!want)
        return;
    event_assign(&c->event, sse_loop_base(c->context->loop), c->fd,
                 (short)(want | EV_PERSIST | (c->edges ? EV_ET : 0)), on_socket, c);
    if (event_add(&c->event, NULL) != 0) {
        c->watched_events = 0;
        sse_connection_close(c, SSE_END_ERROR);
    }
}

/* Has libevent watch for readability while reading is on and for writability while the socket is
 * full; TLS may need the other one of both. */
static void update_watch(sse_connection *c)
{
    short want = (short)((c->reading ? EV_READ : 0) | (c->stalled ? EV_WRITE : 0));

    if (c->tls)
        want = sse_tls_events_to_watch(c->tls, want);
    if (want != c->watched_events)
        set_watched_events(c, want);
    if (c->tls && c->reading && sse_tls_pending(c->tls))
        event_active(&c->event, EV_READ, 0); /* decrypted bytes don't make the socket readable */
}

void sse_connection_watch_edges(sse_connection *c)
{
    if (c->edges || c->tls || sse_connection_ended(c))
        return;
    c->edges = true;
    if (c->watched_events)
        set_watched_events(c, c->watched_events);
}

/* --- the write queue ----------------------------------------------------- */

static int enqueue(sse_connection *c, sse_frame *frame, size_t sent)
{
    return sse_queue_push(&c->out, &c->context->count.queued, frame, sent);
}

int sse_connection_send_part(sse_connection *c, sse_frame *frame, sse_slice part)
{
    if (sse_connection_ended(c) || c->finishing)
        return SSE_ECLOSED;
    return sse_queue_push_part(&c->out, &c->context->count.queued, frame, part);
}

sse_backlog sse_connection_backlog(const sse_connection *c)
{
    if (!c->stalled)
        return (sse_backlog){ 0 };
    return sse_context_backlog(c->context, sse_queue_held(&c->out), c->deadline.due);
}

void sse_connection_drop_pending(sse_connection *c)
{
    sse_record_cut(c->context, &c->out, (sse_reason)c->reason);
    sse_queue_clear(&c->out);
}

/* --- ending -------------------------------------------------------------- */

/* The socket is full: waits until it is writable, for write_timeout from the last progress on. */
static void stall(sse_connection *c, bool progress)
{
    if ((progress || !c->stalled) && !c->deadline_final)
        sse_timer_wheel_set(&c->context->wheel, &c->deadline, c->context->limits.write_timeout);
    c->stalled = true;
    if (c->tls && sse_tls_encrypted_bytes(c->tls)) /* they count as sent */
        c->nothing_sent = false;
    update_watch(c);
}

static void move_to_list(sse_connection **list, sse_connection *c)
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
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    sse_connection_drop_tls(c); /* so that no close_notify is sent */
    sse_connection_close(c, reason);
}

void sse_connection_close(sse_connection *c, sse_reason reason)
{
    if (sse_connection_ended(c))
        return;
    c->reason = (uint8_t)reason;
    c->context->count.closed[reason]++;
    if (c->watched_events)
        event_del(&c->event);
    sse_timer_wheel_cancel(&c->context->wheel, &c->deadline);
    if (c->tls && reason != SSE_END_CLIENT)
        sse_tls_shut_down(c->tls);
    sse_connection_drop_tls(c);
    evutil_closesocket(c->fd);
    sse_connection_drop_pending(c);
    c->context->count.connections--;
    move_to_list(&c->context->closed, c);
    sse_context_wake(c->context);
}

/* Shuts the writing side, and waits until the client shuts its own. */
static void linger(sse_connection *c)
{
    if (c->lingering)
        return;
    if (c->tls && sse_tls_shut_down(c->tls) == SSE_EAGAIN) {
        stall(c, false);
        return;
    }
    c->lingering = true;
    shutdown(c->fd, SHUT_WR);
    if (c->eof) {
        sse_connection_close(c, SSE_END_SERVER);
        return;
    }
    sse_timer_wheel_set(&c->context->wheel, &c->deadline, SSE_LINGER_MS);
    sse_connection_set_reading(c, true);
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
    if (c->stalled && !c->deadline_final)
        sse_timer_wheel_cancel(&c->context->wheel, &c->deadline);
    c->stalled = false;
    update_watch(c);
}

static void on_queue_empty(sse_connection *c)
{
    unstall(c);
    if (c->finishing)
        linger(c);
    else
        c->protocol->on_drained(c);
}

/* The reason for a failed read or write: a peer that can't be reached timed out, any other error
 * is the peer's doing. */
static sse_reason reason_of_errno(int number)
{
    return number == ETIMEDOUT || number == EHOSTUNREACH || number == ENETUNREACH ? SSE_END_TIMEOUT
                                                                                  : SSE_END_CLIENT;
}

/* With more pieces than a plain write: small ones are copied into one record anyway. */
static ssize_t write_secure(sse_connection *c)
{
    struct iovec iov[MAX_IOV * 2];

    return sse_tls_write(c->tls, iov, sse_queue_iov(&c->out, iov, MAX_IOV * 2));
}

static ssize_t write_some(sse_connection *c)
{
    struct iovec iov[MAX_IOV];
    struct msghdr message = { .msg_iov = iov };
    ssize_t n = 0;

    if (c->tls)
        return write_secure(c);
    message.msg_iovlen = (size_t)sse_queue_iov(&c->out, iov, MAX_IOV);
    do
        n = sendmsg(c->fd, &message, NO_SIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Writes record by record until the socket is full, so that what is left over means a client that
 * is behind. */
static ssize_t write_piece_secure(sse_connection *c, sse_slice piece)
{
    size_t done = 0;
    ssize_t n = 0;

    do {
        struct iovec rest = { (char *)piece.at + done, piece.len - done };

        n = sse_tls_write(c->tls, &rest, 1);
        done += n > 0 ? (size_t)n : 0;
    } while (n > 0 && done < piece.len);
    return done > 0 ? (ssize_t)done : n;
}

/* Writes one piece: send() costs less than sendmsg(). */
static ssize_t write_piece(sse_connection *c, sse_slice piece)
{
    ssize_t n = 0;

    if (c->tls)
        return write_piece_secure(c, piece);
    do
        n = send(c->fd, piece.at, piece.len, NO_SIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Writes the queue until it is empty or the socket is full. Calls no callback. */
static void write_out(sse_connection *c)
{
    bool progress = false;

    while (sse_connection_pending(c) > 0) {
        sse_request *record = c->out.ring->record;
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
        c->nothing_sent = false;
        c->context->count.bytes_out += (uint64_t)n;
        sse_queue_advance(&c->out, (size_t)n);
        if (record && !c->out.ring)
            sse_record_complete(c->context, record);
    }
}

/* Has the protocol queue what is to be sent. True: there is more. */
static bool call_on_flush(sse_connection *c)
{
    if (!c->protocol->on_flush || c->stalled || c->finishing || sse_connection_ended(c))
        return false;
    return c->protocol->on_flush(c);
}

void sse_connection_write(sse_connection *c)
{
    if (sse_connection_ended(c))
        return;
    call_on_flush(c);
    if (sse_connection_ended(c))
        return;
    write_out(c);
    if (!sse_connection_ended(c) && sse_connection_pending(c) == 0)
        on_queue_empty(c);
}

static void add_to_flush(sse_connection *c)
{
    if (c->flush_scheduled)
        return;
    c->flush_scheduled = true;
    c->next_to_flush = NULL;
    *c->context->to_flush_tail = c;
    c->context->to_flush_tail = &c->next_to_flush;
    c->context->to_flush_count++;
    sse_context_wake(c->context);
}

/* Whether a full socket is tried again: until it took nothing once in this turn. Each try is a
 * system call, and a program that publishes in a loop would pay one for each event and each client
 * that does not read. */
static bool may_retry(const sse_connection *c)
{
    return !c->retry_failed || c->retry_turn != (uint16_t)sse_loop_turns(c->context->loop);
}

void sse_connection_flush(sse_connection *c, bool again)
{
    bool more = false, was_stalled = c->stalled;
    size_t before = sse_connection_pending(c);

    if (sse_connection_ended(c) || (was_stalled && !(again && may_retry(c))))
        return;
    do {
        more = call_on_flush(c);
        if (!sse_connection_ended(c))
            write_out(c);
        if (!sse_connection_ended(c) && sse_connection_pending(c) == 0)
            unstall(c);
    } while (more && !c->stalled && !sse_connection_ended(c));
    if (was_stalled && c->stalled && sse_connection_pending(c) == before) {
        c->retry_failed = true;
        c->retry_turn = (uint16_t)sse_loop_turns(c->context->loop);
        return;
    }
    add_to_flush(c); /* the end of the turn calls on_drained if the queue is empty */
}

void sse_connection_schedule_flush(sse_connection *c)
{
    if (!sse_connection_ended(c) && !c->stalled)
        add_to_flush(c);
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
        add_to_flush(c);
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
        c->nothing_sent = false;
        c->context->count.bytes_out += (uint64_t)n;
    }
    if (n == (ssize_t)piece.len)
        return SSE_OK;
    code = enqueue(c, frame, n > 0 ? (size_t)n : 0);
    if (code) { /* the client has a part of the frame and can't get the rest */
        sse_connection_close(c, SSE_END_ERROR);
        return code;
    }
    stall(c, n > 0);
    if (sse_context_full(c->context))
        sse_context_wake(c->context); /* to end the clients that are furthest behind */
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
    sse_connection_set_reading(c, false);
    if (c->lingering)
        sse_connection_close(c, SSE_END_SERVER);
    else
        c->protocol->on_eof(c);
}

/* Takes only those bytes out of the socket that the protocol wants. */
static ssize_t receive_own(sse_connection *c, char *to, size_t size)
{
    ssize_t n = recv(c->fd, to, size, MSG_PEEK);

    if (n <= 0)
        return n;
    return recv(c->fd, to, c->protocol->own_bytes(c, to, (size_t)n), 0);
}

static ssize_t receive(sse_connection *c, char *to, size_t size)
{
    if (c->tls)
        return sse_tls_read(c->tls, to, size);
    if (c->protocol->own_bytes)
        return receive_own(c, to, size);
    return recv(c->fd, to, size, 0);
}

static void read_some(sse_connection *c)
{
    sse_context *context = c->context;
    ssize_t n = receive(c, context->scratch, sizeof context->scratch);

    if (c->edges && (n > 0 || (n < 0 && errno == EINTR)))
        event_active(&c->event, EV_READ, 0); /* the end may have come with the bytes */
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0) {
        sse_connection_close(c, reason_of_errno(errno));
        return;
    }
    context->count.bytes_in += (uint64_t)n;
    if (n == 0)
        end_of_input(c);
    else if (c->lingering || c->finishing)
        discard(c, (size_t)n);
    else
        c->protocol->on_bytes(c, context->scratch, (size_t)n);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    sse_connection *c = arg;

    (void)fd;
    if (c->tls)
        what = sse_tls_events_ready(c->tls, what);
    if ((what & EV_WRITE) && c->stalled)
        sse_connection_write(c);
    if ((what & EV_READ) && !sse_connection_ended(c) && c->reading && !c->doomed)
        read_some(c);
    if (c->tls)
        update_watch(c); /* TLS may wait for something else now, or hold decrypted bytes */
    sse_loop_end_poll(c->context->loop);
}

void sse_connection_set_reading(sse_connection *c, bool on)
{
    if (sse_connection_ended(c))
        return;
    c->reading = on && !c->eof;
    update_watch(c);
}

bool sse_connection_broken(const sse_connection *c)
{
    int number = 0;
    socklen_t size = sizeof number;

    return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0 || number != 0;
}

/* --- deadlines ----------------------------------------------------------- */

static void on_deadline(sse_deadline *d)
{
    sse_connection *c = SSE_CONTAINER_OF(d, sse_connection, deadline);

    if (sse_timer_wheel_excuse(&c->context->wheel, d))
        return;
    if (c->lingering || c->deadline_final)
        sse_connection_close(c, SSE_END_SERVER);
    else if (c->stalled)
        sse_connection_close(c, SSE_END_TIMEOUT);
    else
        c->protocol->on_deadline(c);
}

void sse_connection_set_deadline(sse_connection *c, uint64_t ms)
{
    if (sse_connection_ended(c) || c->stalled || c->lingering || c->deadline_final)
        return;
    if (ms)
        sse_timer_wheel_set(&c->context->wheel, &c->deadline, ms);
    else
        sse_timer_wheel_cancel(&c->context->wheel, &c->deadline);
}

void sse_connection_set_final_deadline(sse_connection *c, uint64_t ms)
{
    if (sse_connection_ended(c) || c->lingering)
        return;
    c->deadline_final = true;
    sse_timer_wheel_set(&c->context->wheel, &c->deadline, ms);
}

/* --- a new connection ---------------------------------------------------- */

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
#ifdef TCP_USER_TIMEOUT /* no keep-alive probe is sent while data is unacknowledged */
    unsigned ms = write_timeout < INT32_MAX ? (unsigned)write_timeout : INT32_MAX;

    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
#else
    (void)write_timeout;
#endif
}

int sse_connection_new(sse_context *context, evutil_socket_t fd, const sse_protocol *protocol,
                       sse_connection **out)
{
    sse_connection *c = sse_slab_alloc(&context->connections, sizeof *c);

    if (!c) {
        evutil_closesocket(fd);
        return SSE_ENOMEM;
    }
    c->context = context;
    c->fd = fd;
    c->protocol = protocol;
    c->deadline.call = on_deadline;
    event_assign(&c->event, sse_loop_base(context->loop), fd, EV_READ | EV_PERSIST, on_socket, c);
    move_to_list(&context->open, c);
    context->count.connections++;
    *out = c;
    return SSE_OK;
}
