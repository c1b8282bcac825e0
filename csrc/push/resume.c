#include "resume.h"

sse_resume sse_resume_locate(const sse_channel *c, sse_slice id)
{
    sse_resume r = { SSE_BROUGHT_PLAIN, SSE_LOG_STRANGE, c->log.first };

    if (id.len == 0) {
        r.brought = SSE_BROUGHT_NONE;
        return r;
    }
    if (id.len > SSE_MAX_BROUGHT_ID) /* reading all of it would only cost time */
        return r;
    if (sse_position_is(id) && sse_log_find(&c->log, SSE_LOG_ID, id) == 0) {
        id = sse_position_part(id, c->tag);
        r.brought = id.at ? SSE_BROUGHT_PART : SSE_BROUGHT_OTHERS;
        if (!id.at)
            return r;
    }
    r.place = sse_log_locate(&c->log, id, &r.next);
    return r;
}

bool sse_resume_is_known(const sse_resume *r)
{
    return r->brought == SSE_BROUGHT_PART || r->place != SSE_LOG_STRANGE;
}
