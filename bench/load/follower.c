#include "load.h"

#include <stdlib.h>
#include <string.h>

static bool read_digits(const char *at, int count, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *value = *value * 10 + (at[i] - '0');
    }
    return true;
}

static void tally_one(load *l, uint32_t number, int64_t sent)
{
    load_tally *tally = &l->tally;
    uint32_t at = number - tally->first;
    int64_t delay = l->now - sent;

    tally->delivered++;
    load_histogram_add(&tally->delay, delay);
    if (at >= tally->count)
        return;
    if (++tally->got[at] == l->live)
        tally->last[at] = delay;
}

static void take(load *l, load_follower *f, uint32_t number, int64_t sent)
{
    if (number < f->next && !f->fresh) {
        l->tally.repeated++;
        return;
    }
    if (number > f->next)
        l->tally.missed += number - f->next;
    f->fresh = false;
    f->next = number + 1;
    if (f != &l->stuck)
        tally_one(l, number, sent);
}

static void record(load *l, const char *bytes, size_t len)
{
    if (l->record_len + len > l->record_room) {
        l->record_room = 2 * (l->record_len + len);
        l->record = realloc(l->record, l->record_room);
        if (!l->record)
            load_die("out of memory");
    }
    memcpy(l->record + l->record_len, bytes, len);
    l->record_len += len;
}

void load_follower_feed(load *l, load_follower *f, char *bytes, size_t len)
{
    char *end = bytes + len, *at = bytes - f->kept;

    if (f->watched)
        record(l, bytes, len);
    memcpy(at, f->tail, f->kept);
    f->kept = 0;
    while ((at = memchr(at, '@', (size_t)(end - at)))) {
        int64_t number, sent;

        if (end - at < LOAD_MARK) {
            f->kept = (unsigned char)(end - at);
            memcpy(f->tail, at, f->kept);
            return;
        }
        if (at[11] == ':' && at[LOAD_MARK - 1] == '@' && read_digits(at + 1, 10, &number) &&
            read_digits(at + 12, 19, &sent)) {
            take(l, f, (uint32_t)number, sent);
            at += LOAD_MARK;
        } else {
            at++;
        }
    }
}

void load_follower_opened(load *l, load_follower *f, int status)
{
    if (status != 200)
        load_die("GET %s was answered with status %d, expected 200", l->events, status);
    f->state = LOAD_OPEN;
    if (f == &l->stuck)
        return;
    f->next = l->next_number;
    f->fresh = true;
    l->opening--;
    l->live++;
}

void load_follower_ended(load *l, load_follower *f)
{
    bool opening = f->state == LOAD_OPENING;

    f->state = LOAD_ENDED;
    if (f == &l->stuck)
        return;
    if (opening)
        load_die("the server ended a connection before its answer");
    l->live--;
    l->lost++;
}

bool load_follower_current(const load *l, const load_follower *f)
{
    return f->next == l->next_number;
}

void load_tally_begin(load *l, uint32_t count)
{
    load_tally *tally = &l->tally;

    free(tally->got);
    free(tally->last);
    memset(tally, 0, sizeof *tally);
    tally->first = l->next_number;
    tally->count = count;
    tally->got = calloc(count + 1, sizeof *tally->got);
    tally->last = calloc(count + 1, sizeof *tally->last);
    if (!tally->got || !tally->last)
        load_die("out of memory");
}
