#include "multi_entries.h"

#include "../base/heap.h"
#include "curl_bugs.h"

static bool have_many_ended(const sse_multi *m)
{
    return m->most_entries - m->entry_count >= SSE_MULTI_MANY &&
           m->entry_count <= m->most_entries / 2;
}

void sse_multi_on_trim_timer(void *arg)
{
    sse_multi *m = arg;

    m->trim_due = false;
    if (!have_many_ended(m)) /* as many have been started again */
        return;
    m->most_entries = m->entry_count;
    if (m->on_many_ended)
        m->on_many_ended(m->on_many_ended_arg);
    sse_heap_trim();
}

void sse_multi_list(sse_multi *m, sse_multi_entry *e)
{
    e->listed = true;
    e->next = m->entries;
    e->link = &m->entries;
    if (e->next)
        e->next->link = &e->next;
    m->entries = e;
    m->entry_count++;
    if (m->entry_count > m->most_entries)
        m->most_entries = m->entry_count;
}

static void unlist_entry(sse_multi *m, sse_multi_entry *e)
{
    if (!e->listed)
        return;
    e->listed = false;
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
    m->entry_count--;
    if (!m->trim_due && have_many_ended(m))
        m->trim_due = sse_timer_start(&m->trim_timer, SSE_MULTI_TRIM, false) == SSE_OK;
}

/* Takes the handle of an aborted transfer from libcurl. The entry is removed or failing, so that
 * its owner refuses what libcurl may hand over. */
static void take_from_curl(sse_multi *m, sse_multi_entry *e)
{
    sse_entry_queue_take(e);
    if (e->added) {
        sse_curl_close_when_aborted(e->easy);
        if (e->paused) {
            m->in_curl++;
            e->curl_keeps_bytes = !sse_curl_discard_kept(e->easy);
            m->in_curl--;
        }
        sse_shard_remove(e->shard, e, false);
        sse_shard_close_later(e->shard);
    }
    sse_lane_leave(e);
}

static void destroy_entry(sse_multi *m, sse_multi_entry *e)
{
    take_from_curl(m, e);
    if (e->curl_keeps_bytes)
        sse_curl_free_kept(e->easy);
    e->curl_keeps_bytes = false;
    unlist_entry(m, e);
    e->destroy(e);
}

static void destroy_first_removed(sse_multi *m)
{
    sse_multi_entry *e = m->removed;

    m->removed = e->next_removed;
    destroy_entry(m, e);
}

void sse_multi_destroy_removed(sse_multi *m)
{
    while (m->removed && sse_multi_has_time(m, &m->destroyed)) {
        uint64_t began = sse_loop_now_us(m->loop);

        destroy_first_removed(m);
        sse_multi_spend(m, &m->destroyed, began);
    }
    if (m->removed)
        sse_loop_defer(m->loop, &m->destroy_call);
}

void sse_multi_destroy_all_removed(sse_multi *m)
{
    while (m->removed)
        destroy_first_removed(m);
}

void sse_multi_on_destroy_call(void *arg)
{
    sse_multi *m = arg;

    if (!m->in_curl)
        sse_multi_destroy_removed(m);
}

void sse_multi_fail_entry(sse_multi *m, sse_multi_entry *e, CURLcode code)
{
    e->failing = true;
    take_from_curl(m, e);
    if (!e->removed)
        e->on_done(e, code);
}
