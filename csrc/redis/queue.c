#include "queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "digits.h"

#define MAX_EVENT_BYTES   ((size_t)32 << 20)
#define MAX_WAITING_BYTES ((uint64_t)64 << 20)
#define MAX_HEAD          128 /* five lengths */
#define OVERHEAD          100 /* bytes that an event takes beside its texts */

void queue_init(queue *q, tally *t)
{
    *q = (queue){ .tally = t, .end = &q->first };
}

static void count(queue *q, const append *a, bool is_added)
{
    uint64_t bytes = a->len + OVERHEAD;

    q->count += is_added ? 1 : (uint64_t)-1;
    q->bytes += is_added ? bytes : -bytes;
    q->tally->count += is_added ? 1 : (uint64_t)-1;
    q->tally->bytes += is_added ? bytes : -bytes;
}

void queue_free(queue *q)
{
    while (q->first) {
        append *a = q->first;

        q->first = a->next;
        count(q, a, false);
        free(a);
    }
    q->end = &q->first;
}

void queue_move(queue *q, tally *t)
{
    q->tally->count -= q->count;
    q->tally->bytes -= q->bytes;
    t->count += q->count;
    t->bytes += q->bytes;
    q->tally = t;
}

/* --- adding ----------------------------------------------------------------------------------- */

static bool fail(sse_direct_result *failure, const char *code, const char *message)
{
    failure->code = code;
    failure->message = message;
    return false;
}

static bool may_add(const tally *t, size_t len, sse_direct_result *failure)
{
    if (t->owner != getpid())
        return fail(failure, "ECLOSED", "the store is closed");
    if (len > MAX_EVENT_BYTES)
        return fail(failure, "ETOOBIG", "redis: the event is larger than 32 MiB");
    if (t->code[0])
        return fail(failure, t->code, t->message);
    if (t->count >= t->most)
        return fail(failure, "EFULL", t->full);
    if (t->bytes > MAX_WAITING_BYTES)
        return fail(failure, "EFULL", "redis: 64 MiB of events wait already");
    return true;
}

/* Writes a length that may be missing; returns how many bytes. */
static size_t write_length(char *out, bool has, size_t len)
{
    *out++ = ' ';
    if (has)
        return 1 + write_digits(out, len);
    out[0] = '-';
    out[1] = '1';
    return 3;
}

static size_t write_head(char *out, const sse_slice texts[TEXTS])
{
    size_t len = 0;

    for (int i = 0; i < TEXTS; i++)
        len += write_length(out + len, texts[i].at, texts[i].len);
    out[len++] = '\n';
    return len;
}

append *queue_add(queue *q, const sse_slice texts[TEXTS], int bounds, sse_direct_result *failure)
{
    char head[MAX_HEAD];
    size_t head_len = 0, len = 0;
    append *a = NULL;

    head_len = len = write_head(head, texts);
    for (int i = 0; i < TEXTS; i++)
        len += texts[i].len;
    if (!may_add(q->tally, len, failure)) {
        q->tally->refused++;
        return NULL;
    }
    a = malloc(sizeof *a + len);
    if (!a) {
        q->tally->refused++;
        fail(failure, "ENOMEM", "out of memory");
        return NULL;
    }
    *a = (append){ .done = NO_DONE, .bounds = bounds, .head_len = head_len, .len = len };
    memcpy(a->bytes, head, head_len);
    len = head_len;
    for (int i = 0; i < TEXTS; i++) {
        a->has[i] = texts[i].at;
        a->lens[i] = texts[i].len;
        if (texts[i].len > 0)
            memcpy(a->bytes + len, texts[i].at, texts[i].len);
        len += texts[i].len;
    }
    *q->end = a;
    q->end = &a->next;
    count(q, a, true);
    return a;
}

sse_slice append_text(const append *a, int text)
{
    const char *at = a->bytes + a->head_len;

    for (int i = 0; i < text; i++)
        at += a->lens[i];
    return a->has[text] ? (sse_slice){ at, a->lens[text] } : (sse_slice){ 0 };
}

/* --- runs ------------------------------------------------------------------------------------- */

int queue_run_size(const queue *q, int most, size_t bytes)
{
    size_t sum = 0;
    int n = 0;

    for (const append *a = q->first; a && n < most; a = a->next, n++) {
        sum += a->len + OVERHEAD;
        if (n > 0 && sum > bytes)
            break;
    }
    return n;
}

void queue_take(queue *q, run *r, int n)
{
    *r = (run){ .queue = q, .count = n };
    for (int i = 0; i < n; i++) {
        r->list[i] = q->first;
        q->first = q->first->next;
    }
    if (!q->first)
        q->end = &q->first;
}

void queue_give_back(run *r, int count)
{
    queue *q = r->queue;

    while (r->count > count) {
        append *a = r->list[--r->count];

        a->next = q->first;
        if (!q->first)
            q->end = &a->next;
        q->first = a;
    }
}

void run_drop(run *r, int i)
{
    count(r->queue, r->list[i], false);
    free(r->list[i]);
    r->list[i] = NULL;
}

void run_free(run *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->list[i])
            run_drop(r, i);
}
