#define _GNU_SOURCE /* memmem */
#include "stuck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "die.h"
#include "follower.h"
#include "report.h"
#include "tally.h"
#include "wait.h"

static bool is_open(const load *l)
{
    return l->stuck.state != LOAD_OPENING;
}

/* Whether the server ended the stream, or the newest event came whole: its mark, and the blank line
 * at its end. */
static bool is_current(const load *l)
{
    size_t tail = l->record_len < 8 ? l->record_len : 8;

    return l->stuck.state == LOAD_ENDED ||
           (load_follower_current(l, &l->stuck) &&
            memmem(l->record + l->record_len - tail, tail, "\n\n", 2));
}

static void open_stream(load *l)
{
    l->stuck.state = LOAD_OPENING;
    if (l->transport->open(l, &l->stuck) != 0 || !load_wait(l, is_open))
        load_die("the stuck follower was not answered");
}

void load_phase_stuck(load *l, unsigned times, unsigned burst)
{
    int64_t before;
    load_span s;

    load_control_collect(l);
    before = load_report_memory(l);
    l->stuck.recorded = true;
    l->stuck.receive_buffer = 4096;
    open_stream(l);
    l->stuck.expected = l->next_number;
    l->transport->pause(l, &l->stuck, true);
    s = load_span_begin(l);
    load_control_publish(l, times, burst);
    printf("stuck followers=%u published=%u", l->open, times * burst);
    load_span_print(l, s);
    load_report_tally(l);
    if (before >= 0)
        printf(" grown=%lld", (long long)(load_report_memory(l) - before));
    printf("\n");
}

/* Finds the last event that came whole and has an id. Stores the id in `id`, which has `room`
 * bytes; returns the event's number + 1, or 0 for none. */
static uint32_t find_last_whole(load *l, char *id, size_t room)
{
    char *start = l->record, *end = l->record + l->record_len;
    uint32_t next = 0;

    for (char *blank; (blank = memmem(start, (size_t)(end - start), "\n\n", 2));
         start = blank + 2) {
        char *field = memmem(start, (size_t)(blank - start), "id: ", 4);
        char *mark = memchr(start, '@', (size_t)(blank - start));
        size_t len = field ? strcspn(field + 4, "\r\n") : 0;

        if (!field || !mark || len >= room)
            continue;
        memcpy(id, field + 4, len);
        id[len] = '\0';
        next = (uint32_t)strtoul(mark + 1, NULL, 10) + 1;
    }
    return next;
}

void load_phase_return(load *l)
{
    static char id[512];
    uint32_t next;
    uint64_t missed;
    bool closed, gap;

    l->transport->pause(l, &l->stuck, false);
    load_wait(l, is_current);
    closed = l->stuck.state == LOAD_ENDED;
    next = find_last_whole(l, id, sizeof id);
    if (!closed)
        l->transport->leave(l, &l->stuck, true);
    l->record_len = 0;
    l->stuck.partial_len = 0;
    l->stuck.expected = next;
    l->stuck.fresh = false;
    l->stuck.last_event_id = id;
    load_tally_begin(l, 0);
    open_stream(l);
    load_wait(l, is_current);
    missed = l->tally.missed;
    gap = memmem(l->record, l->record_len, "event: sse-gap", 14) != NULL;
    printf("return closed=%d last=%u missed=%llu repeated=%llu gap=%d current=%d\n", closed, next,
           (unsigned long long)missed, (unsigned long long)l->tally.repeated, gap,
           load_follower_current(l, &l->stuck));
}
