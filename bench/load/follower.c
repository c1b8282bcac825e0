#include "follower.h"

#include <stdlib.h>
#include <string.h>

#include "die.h"
#include "tally.h"

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

static void receive_event(load *l, load_follower *f, uint32_t number, int64_t published_at)
{
    if (number < f->expected && !f->fresh) {
        l->tally.repeated++;
        return;
    }
    if (number > f->expected)
        l->tally.missed += number - f->expected;
    f->fresh = false;
    f->expected = number + 1;
    if (f != &l->stuck)
        load_tally_add(l, number, published_at);
}

static void add_to_record(load *l, const char *bytes, size_t len)
{
    if (l->record_len + len > l->record_size) {
        l->record_size = 2 * (l->record_len + len);
        l->record = realloc(l->record, l->record_size);
        if (!l->record)
            load_die("out of memory");
    }
    memcpy(l->record + l->record_len, bytes, len);
    l->record_len += len;
}

void load_follower_feed(load *l, load_follower *f, char *bytes, size_t len)
{
    char *end = bytes + len, *at = bytes - f->partial_len;

    if (f->recorded)
        add_to_record(l, bytes, len);
    memcpy(at, f->partial, f->partial_len);
    f->partial_len = 0;
    while ((at = memchr(at, '@', (size_t)(end - at)))) {
        int64_t number, published_at;

        if (end - at < LOAD_MARK) {
            f->partial_len = (unsigned char)(end - at);
            memcpy(f->partial, at, f->partial_len);
            return;
        }
        if (at[11] == ':' && at[LOAD_MARK - 1] == '@' && read_digits(at + 1, 10, &number) &&
            read_digits(at + 12, 19, &published_at)) {
            receive_event(l, f, (uint32_t)number, published_at);
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
    f->expected = l->next_number;
    f->fresh = true;
    l->opening--;
    l->open++;
}

void load_follower_ended(load *l, load_follower *f)
{
    bool opening = f->state == LOAD_OPENING;

    f->state = LOAD_ENDED;
    if (f == &l->stuck)
        return;
    if (opening)
        load_die("the server ended a connection before its answer");
    l->open--;
    l->lost++;
}

bool load_follower_current(const load *l, const load_follower *f)
{
    return f->expected == l->next_number;
}
