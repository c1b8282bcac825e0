#include "batch.h"

#include "../wire/error.h"

/* Drops a batch's frame. A frame that the log still holds loses only its deflated copy, because the
 * log's byte bound counts plain bytes. */
static void drop_batch(sse_batch *b)
{
    if (b->frame)
        sse_frame_drop_deflated(b->frame);
    sse_frame_unref(b->frame);
    b->frame = NULL;
}

void sse_batches_drop(sse_batches *b)
{
    for (int i = 0; i < SSE_BATCHES; i++)
        drop_batch(&b->kept[i]);
}

/* Finds the end of the batch that begins at position `from`: returns the position after its last
 * event, and stores the batch's payload bytes and number of events. */
static uint64_t batch_end(const sse_log *log, uint64_t from, size_t *bytes, uint32_t *events)
{
    uint64_t to = from;

    *bytes = 0;
    *events = 0;
    for (; to < log->next; to++) {
        const sse_log_entry *e = sse_log_at(log, to);

        if (e->superseded)
            continue;
        if (*events > 0 && *bytes + e->frame->payload > SSE_BATCH_BYTES)
            break;
        *bytes += e->frame->payload;
        ++*events;
    }
    return to;
}

/* Copies the payloads of the events from <= position < to, `bytes` in all, into a new frame. NULL:
 * out of memory. */
static sse_frame *join_events(const sse_log *log, uint64_t from, uint64_t to, size_t bytes)
{
    sse_frame *f = sse_frame_alloc(bytes);
    char *at = f ? sse_frame_body(f) : NULL;

    for (uint64_t i = from; f && i < to; i++) {
        const sse_log_entry *e = sse_log_at(log, i);
        sse_slice payload = sse_frame_payload(e->frame);

        if (e->superseded)
            continue;
        memcpy(at, payload.at, payload.len);
        at += payload.len;
    }
    return f;
}

/* A single event needs no copy: its batch is the log's own frame. */
static int make_batch(const sse_log *log, uint64_t from, sse_batch *b)
{
    size_t bytes = 0;
    uint32_t events = 0;

    b->from = from;
    b->to = batch_end(log, from, &bytes, &events);
    if (events == 1) { /* never 0: the newest event is not superseded */
        while (sse_log_at(log, from)->superseded)
            from++;
        b->frame = sse_frame_ref(sse_log_at(log, from)->frame);
        return SSE_OK;
    }
    b->frame = join_events(log, from, b->to, bytes);
    if (!b->frame)
        return SSE_ENOMEM;
    b->frame->events = events;
    return SSE_OK;
}

int sse_batches_get(sse_batches *b, const sse_log *log, uint64_t from, sse_frame **out,
                    uint64_t *to)
{
    sse_batch *batch = NULL;
    int code = SSE_OK;

    if (b->head != log->next)
        sse_batches_drop(b);
    b->head = log->next;
    for (int i = 0; i < SSE_BATCHES && !batch; i++)
        if (b->kept[i].frame && b->kept[i].from == from)
            batch = &b->kept[i];
    if (!batch) {
        batch = &b->kept[b->next++ % SSE_BATCHES];
        drop_batch(batch);
        code = make_batch(log, from, batch);
        if (code)
            return code;
    }
    *out = sse_frame_ref(batch->frame);
    *to = batch->to;
    return SSE_OK;
}
