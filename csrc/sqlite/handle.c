#include "handle.h"

#include <lauxlib.h>

#include "fork.h"

#define ENOUGH       32                 /* jobs that are handed over before the turn is over */
#define SPARE        256                /* jobs kept for others, */
#define SPARE_ROOM   1024               /* each with texts of so many bytes at most */
#define MAX_IN_BYTES ((size_t)64 << 20) /* of appends that have no result yet */

/* --- jobs ------------------------------------------------------------------------------------- */

handle *handle_check(lua_State *L)
{
    return luaL_checkudata(L, 1, HANDLE_CLASS);
}

bool handle_is_forked(const handle *h)
{
    return h->forks != fork_count();
}

bool handle_is_usable(const handle *h)
{
    return h->worker && !h->quitting && !handle_is_forked(h);
}

bool handle_put(handle *h, job *j)
{
    if (!j || !handle_is_usable(h)) {
        job_free(j);
        return false;
    }
    if (h->asked_count >= ENOUGH)
        handle_flush(h);
    j->next = NULL;
    if (h->asked)
        h->last->next = j;
    else
        h->asked = j;
    h->last = j;
    h->asked_count++;
    return true;
}

static job *fail(sse_direct_result *failure, const char *code, const char *message)
{
    failure->code = code;
    failure->message = message;
    return NULL;
}

job *handle_append(handle *h, int log, const text texts[TEXTS], sse_direct_result *failure)
{
    job *j = NULL;

    if (!handle_is_usable(h))
        return fail(failure, "ECLOSED", "the store is closed");
    if (h->waiting > MAX_IN_BYTES)
        return fail(failure, "EFULL",
                    "the store is too far behind: 64 MiB of events wait to be written");
    j = h->spare;
    if (j) {
        h->spare = j->next;
        h->spare_count--;
    }
    j = j ? job_renew(j, JOB_APPEND, log, texts) : job_new(JOB_APPEND, log, texts);
    if (!handle_put(h, j))
        return fail(failure, "ENOMEM", "out of memory");
    h->waiting += j->bytes;
    return j;
}

void handle_recycle(handle *h, job *j)
{
    if (!j)
        return;
    job_drop_rows(j);
    if (j->kind == JOB_CLOSE && h->worker) {
        j->next = h->closed;
        h->closed = j;
        return;
    }
    if (j->kind != JOB_APPEND || !h->worker || h->spare_count >= SPARE || j->room > SPARE_ROOM) {
        job_free(j);
        return;
    }
    j->next = h->spare;
    h->spare = j;
    h->spare_count++;
}

void handle_flush(handle *h)
{
    if (!h->asked || !h->worker || handle_is_forked(h))
        return;
    queue_put_all(worker_in(h->worker), h->asked, h->last);
    h->asked = NULL;
    h->asked_count = 0;
}

static void drop(job **list)
{
    while (*list) {
        job *j = *list;

        *list = j->next;
        job_free(j);
    }
}

void handle_drop_jobs(handle *h)
{
    drop(&h->asked);
    drop(&h->taken);
    drop(&h->spare);
    drop(&h->closed);
    h->spare_count = 0;
}
