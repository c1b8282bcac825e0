/* handle.h: the Lua object that stands for a store's thread: what has been asked in this turn of
 * the loop, and what the thread has done. */
#ifndef SSE_SQLITE_HANDLE_H
#define SSE_SQLITE_HANDLE_H

#include <lua.h>

#include "worker.h"

#define HANDLE_CLASS "sse.sqlite.handle"

typedef struct handle {
    worker *worker;    /* NULL: closed */
    unsigned forks;    /* fork_count() when it was made */
    int logs;          /* how many had to be open at once so far */
    job *closed;       /* the JOB_CLOSE of logs whose numbers are free for others */
    job *asked, *last; /* that the thread has not been given yet */
    int asked_count;
    job *taken; /* that the thread has done, and that have not been told yet */
    job *spare; /* jobs that are done with, for other appends */
    int spare_count;
    job *current;   /* is being told */
    int left;       /* jobs that may still be told in this turn */
    size_t waiting; /* bytes of appends that have no result yet */
    job *quit;      /* by which the thread ends, also where no memory is left; NULL: it was told */
    bool quitting;
} handle;

/* The handle at index 1; else raises. */
handle *handle_check(lua_State *L);

/* Whether this process is a forked child of the thread's. */
bool handle_is_forked(const handle *h);

/* Whether the thread takes jobs: not once the store is closed, nor in a forked child. */
bool handle_is_usable(const handle *h);

/* Asks for the job, which handle_flush hands over. Returns false where there is none for want of
 * memory, or no thread. */
bool handle_put(handle *h, job *j);

/* Asks for an append. Returns its job; or NULL, and *failure says why. */
job *handle_append(handle *h, int log, const text texts[TEXTS], sse_direct_result *failure);

/* Hands the thread what has been asked. */
void handle_flush(handle *h);

/* The job is done with. */
void handle_recycle(handle *h, job *j);

/* Frees what has been asked or done, and was not handed over. */
void handle_drop_jobs(handle *h);

#endif
