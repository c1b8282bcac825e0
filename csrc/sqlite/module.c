/* module.c: the Lua module sse.sqlite.core: a handle to a store's thread. Only lua/sse/sqlite.lua
 * uses it. The functions here only put jobs into the thread's queue, and take what is done out of
 * it. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "direct.h"
#include "fork.h"
#include "handle.h"

#if LUA_VERSION_NUM < 504
#error "lua-sse needs Lua 5.4 or later"
#endif

#define TAKEN          256               /* jobs that are told in a turn of the loop */
#define NUDGE_AT_BYTES ((size_t)1 << 20) /* news taken, after which the thread may go on */

static text text_of(lua_State *L, int index)
{
    text t = { 0 };

    t.at = luaL_optlstring(L, index, NULL, &t.len);
    return t;
}

static int result(lua_State *L, const handle *h, bool ok)
{
    if (ok) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, handle_is_usable(h) ? "out of memory" : "the store is closed");
    lua_pushstring(L, handle_is_usable(h) ? "ENOMEM" : "ECLOSED");
    return 3;
}

/* --- what is asked ---------------------------------------------------------------------------- */

/* open(path, sync, busy_timeout, page_cache) -> handle, or nil, message, code */
static int f_open(lua_State *L)
{
    database_options options = { 0 };
    handle *h = NULL;
    const char *path = luaL_checkstring(L, 1);

    options.sync = (int)luaL_checkinteger(L, 2);
    options.busy_timeout = (int)luaL_checkinteger(L, 3);
    options.page_cache = luaL_checkinteger(L, 4);
    h = lua_newuserdatauv(L, sizeof *h, 0);
    memset(h, 0, sizeof *h);
    luaL_setmetatable(L, HANDLE_CLASS);
    options.path = strdup(path);
    h->forks = fork_count();
    h->quit = job_new(JOB_QUIT, 0, NULL);
    h->worker = options.path && h->quit ? worker_start(&options) : NULL;
    if (h->worker)
        return 1;
    free(options.path);
    lua_pushnil(L);
    lua_pushstring(L, "no memory, descriptor or thread is left");
    lua_pushstring(L, "ENOMEM");
    return 3;
}

/* handle:fd() -> the descriptor that can be read once there is something to take */
static int m_fd(lua_State *L)
{
    const handle *h = handle_check(L);

    luaL_argcheck(L, h->worker, 1, "the store is closed");
    lua_pushinteger(L, worker_out(h->worker)->pipe[0]);
    return 1;
}

/* handle:log(name, history, history_bytes, max_age) -> the number of a log, or nil, message, code
 */
static int m_log(lua_State *L)
{
    handle *h = handle_check(L);
    text texts[TEXTS] = { [TEXT_NAME] = text_of(L, 2) };
    lua_Integer history = luaL_checkinteger(L, 3), history_bytes = luaL_checkinteger(L, 4);
    lua_Integer max_age = luaL_optinteger(L, 5, 0);
    job *closed = h->closed;
    int number = closed ? closed->log : h->logs;
    job *j = job_new(JOB_OPEN, number, texts);

    if (j) {
        j->history = history;
        j->history_bytes = history_bytes;
        j->max_age = max_age;
    }
    if (!handle_put(h, j))
        return result(L, h, false);
    if (closed) {
        h->closed = closed->next;
        job_free(closed);
    } else {
        h->logs++;
    }
    lua_pushinteger(L, number);
    return 1;
}

/* handle:wake(): the thread takes what has been asked since the last wake. It is woken once for all
 * that a turn of the loop asks, so that one transaction does it. */
static int m_wake(lua_State *L)
{
    handle_flush(handle_check(L));
    return 0;
}

/* handle:append(log, ticket, event, id, key, dedupe, meta) -> true, or nil, message, code */
static int m_append(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);
    lua_Integer ticket = luaL_checkinteger(L, 3);
    sse_direct_result failure = { 0 };
    text texts[TEXTS];
    job *j = NULL;

    for (int i = 0; i < TEXTS; i++)
        texts[i] = text_of(L, 4 + i);
    j = handle_append(h, log, texts, &failure);
    if (j) {
        j->ticket = ticket;
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, failure.message);
    lua_pushstring(L, failure.code);
    return 3;
}

/* handle:read(log, ticket, after, limit) -> true, or nil, message, code. after: a position, or an
 * own id */
static int m_read(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);
    lua_Integer ticket = luaL_checkinteger(L, 3);
    text texts[TEXTS] = { 0 };
    bool by_id = lua_type(L, 4) == LUA_TSTRING;
    lua_Integer after = by_id ? -1 : luaL_checkinteger(L, 4), limit = luaL_checkinteger(L, 5);
    job *j = NULL;

    if (by_id)
        texts[TEXT_ID] = text_of(L, 4);
    j = job_new(JOB_READ, log, texts);
    if (j) {
        j->ticket = ticket;
        j->after = after;
        j->limit = limit;
    }
    return result(L, h, handle_put(h, j));
}

/* handle:watch(log, on) -> true, or nil, message, code */
static int m_watch(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);
    job *j = job_new(JOB_WATCH, log, NULL);

    if (j)
        j->on = lua_toboolean(L, 3);
    return result(L, h, handle_put(h, j));
}

/* handle:followers(log, n) -> true, or nil, message, code: the process has n followers now */
static int m_followers(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);
    lua_Integer followers = luaL_checkinteger(L, 3);
    job *j = job_new(JOB_FOLLOWERS, log, NULL);

    if (j)
        j->limit = followers;
    return result(L, h, handle_put(h, j));
}

/* handle:count(log, on) -> true, or nil, message, code: whether "others" is to come */
static int m_count(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);
    job *j = job_new(JOB_COUNT, log, NULL);

    if (j)
        j->on = lua_toboolean(L, 3);
    return result(L, h, handle_put(h, j));
}

/* handle:close_log(log) */
static int m_close_log(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);

    handle_put(h, job_new(JOB_CLOSE, log, NULL));
    return 0;
}

/* --- what comes back -------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *name, text t)
{
    if (!t.at)
        return;
    lua_pushlstring(L, t.at, t.len);
    lua_setfield(L, -2, name);
}

static void push_row(lua_State *L, const row *r)
{
    static const char *const names[TEXTS] = { "event", "id", "key", "dedupe", "meta" };

    lua_createtable(L, 0, 4);
    lua_pushinteger(L, r->position);
    lua_setfield(L, -2, "position");
    lua_pushinteger(L, r->time);
    lua_setfield(L, -2, "time");
    for (int i = 0; i < TEXTS; i++)
        set_text(L, names[i], r->text[i]);
}

static void push_rows(lua_State *L, const job *j)
{
    lua_Integer n = 0;

    lua_newtable(L);
    for (const row *r = j->rows; r; r = r->next) {
        push_row(L, r);
        lua_rawseti(L, -2, ++n);
    }
}

static void set_integer(lua_State *L, const char *name, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static int push_failure(lua_State *L, const job *j)
{
    lua_pushnil(L);
    lua_pushstring(L, j->message);
    lua_pushstring(L, j->code);
    return 3;
}

static int push_append(lua_State *L, const job *j)
{
    lua_pushinteger(L, j->position);
    lua_pushstring(L, j->epoch);
    if (!j->held)
        return 2;
    push_row(L, j->rows);
    return 3;
}

static int push_read(lua_State *L, const job *j)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, j->epoch);
    lua_setfield(L, -2, "epoch");
    set_integer(L, "first", j->first);
    set_integer(L, "head", j->head);
    if (j->after >= 0 || j->position > 0)
        set_integer(L, "after", j->position);
    push_rows(L, j);
    lua_setfield(L, -2, "records");
    return 1;
}

/* Pushes what the job has brought: the kind and what belongs to it. Returns how many values, 0 for
 * one of which nobody wants to hear. */
static int push_job(lua_State *L, const job *j)
{
    switch (j->kind) {
    case JOB_APPEND:
    case JOB_READ:
        lua_pushstring(L, "result");
        lua_pushinteger(L, j->ticket);
        if (j->code)
            return 2 + push_failure(L, j);
        return 2 + (j->kind == JOB_APPEND ? push_append(L, j) : push_read(L, j));
    case JOB_NEWS:
        lua_pushstring(L, "news");
        lua_pushinteger(L, j->log);
        push_rows(L, j);
        lua_pushstring(L, j->epoch);
        return 4;
    case JOB_OTHERS:
        lua_pushstring(L, "others");
        lua_pushinteger(L, j->log);
        lua_pushinteger(L, j->limit);
        return 3;
    case JOB_STATE:
        lua_pushstring(L, "state");
        lua_pushboolean(L, j->on);
        lua_pushstring(L, j->message);
        lua_pushstring(L, j->code);
        return 4;
    case JOB_QUIT:
        lua_pushstring(L, "quit");
        return 1;
    default:
        return 0;
    }
}

/* The thread has stopped telling news where the loop had too much to take. */
static void nudge(handle *h, size_t bytes)
{
    if (bytes > NUDGE_AT_BYTES)
        queue_wake(worker_in(h->worker));
}

/* The current job has been told. */
static void end_current(handle *h)
{
    if (h->current->kind == JOB_APPEND)
        h->waiting -= h->current->bytes;
    handle_recycle(h, h->current);
    h->current = NULL;
}

/* handle:take() -> whether the handle is of use in this process: not in a forked child. What has
 * been done until now is what `next` gives, and at most TAKEN of it: the loop has other things to
 * do. */
static int m_take(lua_State *L)
{
    handle *h = handle_check(L);
    queue *out = NULL;
    size_t bytes = 0;

    lua_pushboolean(L, !h->worker || !handle_is_forked(h));
    if (!h->worker || handle_is_forked(h))
        return 1;
    h->left = TAKEN;
    if (h->taken)
        return 1;
    out = worker_out(h->worker);
    queue_drain(out);
    bytes = queue_bytes(out);
    h->taken = queue_take_all(out);
    nudge(h, bytes);
    return 1;
}

/* Makes the oldest job that was taken and not told the current one; false: there is none. */
static bool go_on(handle *h)
{
    if (h->current && !h->current->wait && h->current->direct)
        end_current(h); /* a task has raised */
    if (!h->current && h->worker && h->taken && h->left > 0) {
        h->current = h->taken;
        h->taken = h->current->next;
        h->left--;
    }
    return h->current && h->worker;
}

/* next(handle) -> what has been done, one thing a call: "result", ticket, what `done` gets; "news",
 * log, records, epoch; "others", log, followers of the other processes; "state", is up, message,
 * code; "quit"; "more": `take` is to be called again in another turn; or nothing */
static int m_next(lua_State *L)
{
    handle *h = handle_check(L);
    int count = 0;

    luaL_checkstack(L, 20, NULL);
    while (count == 0 && go_on(h)) {
        const job *j = h->current;

        if (j->wait)
            direct_tell(L, h->current); /* runs tasks, which may close the store */
        else
            count = push_job(L, j); /* may raise for want of memory: then the job stays */
        end_current(h);
    }
    if (count > 0 || !h->worker || !h->taken)
        return count;
    lua_pushstring(L, "more");
    return 1;
}

/* handle:numbers() -> a table */
static int m_numbers(lua_State *L)
{
    handle *h = handle_check(L);
    worker_numbers *n = NULL;

    lua_createtable(L, 0, 6);
    if (!h->worker || handle_is_forked(h))
        return 1;
    n = worker_count(h->worker);
    set_integer(L, "appends", n->appends);
    set_integer(L, "commits", n->commits);
    set_integer(L, "reads", n->reads);
    set_integer(L, "failures", n->failures);
    set_integer(L, "checkpoints", n->checkpoints);
    set_integer(L, "wal_pages", n->wal_pages);
    return 1;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Has the thread end behind what was asked; false: it has been told, or is another process's. */
static bool quit(handle *h)
{
    job *j = h->quit;

    if (!handle_is_usable(h))
        return false;
    h->quit = NULL;
    handle_put(h, j);
    handle_flush(h);
    h->quitting = true;
    return true;
}

/* handle:quit() -> whether "quit" is to come: once all jobs before are done */
static int m_quit(lua_State *L)
{
    lua_pushboolean(L, quit(handle_check(L)));
    return 1;
}

/* handle:close(): waits for the thread's end. Behind "quit" that is at once. */
static int m_close(lua_State *L)
{
    handle *h = handle_check(L);
    worker *w = h->worker;

    if (!w)
        return 0;
    quit(h);
    h->worker = NULL;
    handle_drop_jobs(h);
    if (handle_is_forked(h))
        worker_forget(w);
    else
        worker_join(w);
    return 0;
}

static int mm_gc(lua_State *L)
{
    handle *h = handle_check(L);

    m_close(L);
    job_free(h->current);
    job_free(h->quit);
    h->current = h->quit = NULL;
    return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const luaL_Reg methods[] = {
    { "fd", m_fd },           { "wake", m_wake },
    { "log", m_log },         { "direct", direct_new },
    { "append", m_append },   { "read", m_read },
    { "watch", m_watch },     { "followers", m_followers },
    { "count", m_count },     { "close_log", m_close_log },
    { "take", m_take },       { "next", m_next },
    { "numbers", m_numbers }, { "quit", m_quit },
    { "close", m_close },     { NULL, NULL },
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", m_close }, { NULL, NULL } };
static const luaL_Reg functions[] = { { "open", f_open }, { NULL, NULL } };

int luaopen_sse_sqlite_core(lua_State *L);

__attribute__((visibility("default"))) int luaopen_sse_sqlite_core(lua_State *L)
{
    luaL_checkversion(L);
    luaL_newmetatable(L, HANDLE_CLASS);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    direct_register(L);
    luaL_newlib(L, functions);
    return 1;
}
