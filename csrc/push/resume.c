#include "resume.h"

sse_resume sse_resume_locate(const sse_channel *c, sse_slice id)
{
    sse_resume r = { SSE_RESUME_SINGLE, SSE_LOG_UNKNOWN, c->log.first };

    if (id.len == 0) {
        r.form = SSE_RESUME_NO_ID;
        return r;
    }
    if (id.len > SSE_MAX_LAST_ID)
        return r;
    if (sse_position_is(id) && sse_log_find(&c->log, SSE_LOG_ID, id) == 0) {
        id = sse_position_part(id, c->tag);
        r.form = id.at ? SSE_RESUME_PART : SSE_RESUME_NO_PART;
        if (!id.at)
            return r;
    }
    r.place = sse_log_locate(&c->log, id, &r.next);
    return r;
}

bool sse_resume_is_known(const sse_resume *r)
{
    return r->form == SSE_RESUME_PART || r->place != SSE_LOG_UNKNOWN;
}
