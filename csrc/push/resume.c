#include "resume.h"

sse_last_id sse_last_id_read(sse_slice text)
{
    bool looked_at = text.len > 0 && text.len <= SSE_MAX_LAST_ID;

    return (sse_last_id){ text, looked_at && sse_position_is(text), 0 };
}

/* Places an id by what the store says. */
static sse_log_place locate_in_store(const sse_channel *c, sse_slice id, const sse_view *view,
                                     uint64_t own, uint64_t *next)
{
    uint64_t position = 0;

    *next = view->first;
    if (!sse_log_read_id(&c->log, id, &position)) {
        if (own == 0)
            return SSE_LOG_UNKNOWN;
        position = own;
    }
    if (position >= view->next) {
        *next = view->next;
        return SSE_LOG_FUTURE;
    }
    if (position + 1 < view->first)
        return SSE_LOG_EXPIRED;
    *next = position + 1;
    return SSE_LOG_FOUND;
}

sse_resume sse_resume_locate(const sse_channel *c, sse_last_id *id, const sse_view *view,
                             uint64_t own)
{
    sse_resume r = { SSE_RESUME_SINGLE, SSE_LOG_UNKNOWN, view ? view->first : c->log.first };
    sse_slice text = id->text;

    if (text.len == 0) {
        r.form = SSE_RESUME_NO_ID;
        return r;
    }
    if (text.len > SSE_MAX_LAST_ID)
        return r;
    if (id->has_parts && !own && sse_log_find(&c->log, SSE_LOG_ID, text) == 0) {
        text = sse_position_part(text, c->tag, &id->at);
        r.form = text.at ? SSE_RESUME_PART : SSE_RESUME_NO_PART;
        if (!text.at)
            return r;
    }
    r.place = view ? locate_in_store(c, text, view, own, &r.next)
                   : sse_log_locate(&c->log, text, &r.next);
    return r;
}

bool sse_resume_is_known(const sse_resume *r)
{
    return r->form == SSE_RESUME_PART || r->place != SSE_LOG_UNKNOWN;
}
