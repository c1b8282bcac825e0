#include "turn.h"

#include <stdlib.h>

#include "../base/process.h"
#include "../wire/deflater.h"
#include "bodies.h"
#include "connection.h"
#include "exchange.h"
#include "overload.h"
#include "record.h"

/* --- the end of a turn ------------------------------------------------------------------------ */

static bool is_slice_over(const sse_context *context)
{
    return sse_loop_slice_over(context->loop, sse_loop_now_us(context->loop));
}

/* Flushes the connections that are in the list now, as far as the slice goes. What is added
 * meanwhile waits for the next turn: a callback that sends more at each on_drain must not keep the
 * loop here. */
static void flush_connections(sse_context *context)
{
    bool over = false;

    for (size_t n = context->to_flush_count; n > 0 && context->to_flush && !over; n--) {
        sse_connection *c = context->to_flush;

        context->to_flush = c->next_to_flush;
        if (!context->to_flush)
            context->to_flush_tail = &context->to_flush;
        context->to_flush_count--;
        c->flush_scheduled = false;
        sse_connection_write(c);
        over = is_slice_over(context);
    }
    if (context->to_flush)
        sse_context_wake(context);
}

static void free_connection(sse_connection *c)
{
    sse_context *context = c->context;

    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->protocol->on_closed(c, (sse_reason)c->reason);
    if (context->on_connection_free)
        context->on_connection_free(context->user, c);
    sse_slab_free(&context->connections, c);
}

/* Frees closed connections, as far as the slice goes. Those that are still in to_flush are freed
 * once they are not. */
static void free_closed(sse_context *context)
{
    sse_connection *next = NULL;
    bool over = false;

    for (sse_connection *c = context->closed; c && !over; c = next) {
        next = c->next;
        if (c->flush_scheduled)
            continue;
        free_connection(c);
        over = is_slice_over(context);
    }
    if (context->closed)
        sse_context_wake(context);
}

/* Writes what the socket takes at once of what is queued, and closes the connection. */
static void close_now(sse_connection *c)
{
    if (c->protocol->on_closing)
        c->protocol->on_closing(c);
    if (sse_connection_pending(c) > 0 || c->protocol->on_closing)
        sse_connection_flush(c, false);
    sse_connection_close(c, SSE_END_SERVER);
}

/* Closes connections that are to be closed. Without `sliced` all of them, whatever time it takes.
 */
static void close_doomed(sse_context *context, bool sliced)
{
    sse_connection *next = NULL;
    bool over = false;

    for (sse_connection *c = context->open; c && !over; c = next) {
        next = c->next;
        if (!c->doomed)
            continue;
        close_now(c);
        over = sliced && is_slice_over(context);
    }
    context->has_doomed = over;
    if (over)
        sse_context_wake(context);
}

/* The one place where connections, exchanges, event streams and followers are freed, and where an
 * exchange ends because of what its client did: no caller holds a pointer to one here. The order
 * matters, since a step may leave work for later steps. The program is called (on_end, on_recorded)
 * when nothing but followers is left to free. What is flushed has a slice, and so have the ends;
 * each step does at least one thing, and the next turn goes on. */
static void end_turn(void *arg)
{
    sse_context *context = arg;

    sse_slice_begin(context->loop);
    if (context->opened_count > 0)
        context->begin_streams(context);
    sse_bodies_refuse_newest(context);
    flush_connections(context);
    sse_slice_begin(context->loop);
    if (context->has_doomed)
        close_doomed(context, true);
    sse_overload_shed(context);
    if (context->http2_ended_streams)
        context->end_http2_streams(context);
    free_closed(context);
    sse_exchange_report_ended(context);
    if (context->recorded)
        sse_record_report(context);
    if (context->left_followers)
        context->free_followers(context);
}

/* --- the life of a context -------------------------------------------------------------------- */

/* A forked child keeps the listener, but must not touch the parent's connections. */
static void replace_sockets(void *arg, int closed_fd)
{
    sse_context *context = arg;

    for (sse_connection *c = context->open; c; c = c->next)
        sse_replace_socket(c->fd, closed_fd);
}

void sse_context_start(sse_context *context, sse_loop *loop, const sse_limits *limits)
{
    sse_context_init(context, loop, limits, end_turn);
    sse_overload_init(context);
    sse_loop_add_fork_handler(loop, &context->fork_handler, replace_sockets, context);
}

void sse_context_close_all(sse_context *context)
{
    for (sse_connection *c = context->open; c; c = c->next)
        c->doomed = true;
    close_doomed(context, true);
}

void sse_context_shut_down(sse_context *context, uint64_t within, uint64_t retry)
{
    sse_connection *next = NULL;

    if (context->shutdown.on)
        return;
    context->shutdown = (sse_shutdown){
        .on = true,
        .within = within,
        .until = sse_loop_now(context->loop) + within,
        .retry = retry,
        .streams = context->count.streams,
    };
    for (sse_connection *c = context->open; c; c = next) {
        next = c->next;
        if (c->protocol->on_shutdown)
            c->protocol->on_shutdown(c);
        else /* the protocol is not known yet */
            sse_connection_set_deadline(c, SSE_UNUSED_MS);
    }
}

void sse_context_free(sse_context *context)
{
    for (sse_connection *c = context->open; c; c = c->next)
        c->doomed = true;
    close_doomed(context, false);
    while (sse_context_has_work(context))
        end_turn(context);
    sse_loop_undefer(context->loop, &context->turn_end);
    sse_loop_remove_fork_handler(&context->fork_handler);
    sse_timer_wheel_stop(&context->wheel);
    sse_slab_destroy(&context->connections);
    sse_slab_destroy(&context->sessions);
    sse_slab_destroy(&context->exchanges);
    sse_slab_destroy(&context->streams);
    sse_slab_destroy(&context->compressed_streams);
    sse_deflater_free(context->deflater);
    free(context->opened);
    sse_slab_destroy(&context->http2_streams);
    sse_slab_destroy(&context->followers);
}
