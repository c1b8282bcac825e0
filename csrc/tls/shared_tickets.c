#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "shared_tickets.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "../wire/error.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

#define TRIES \
    1000000 /* of reading what is written to; the process that writes may have been killed */

typedef struct shared_tickets {
    atomic_uint writes; /* odd while the keys are written to */
    sse_tls_tickets tickets;
} shared_tickets;

static shared_tickets *shared; /* NULL: there are none */

int sse_shared_tickets_make(void)
{
    void *at =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int code = SSE_OK;

    if (at == MAP_FAILED)
        return SSE_ENOMEM;
#ifdef MADV_DONTDUMP
    madvise(at, sizeof *shared, MADV_DONTDUMP); /* no keys in a core file */
#endif
    sse_shared_tickets_drop();
    shared = at;
    code = sse_tls_tickets_init(&shared->tickets);
    if (code)
        sse_shared_tickets_drop();
    return code;
}

void sse_shared_tickets_rotate(void)
{
    sse_tls_tickets next;

    if (!shared)
        return;
    next = shared->tickets;
    if (sse_tls_tickets_rotate(&next)) {
        atomic_fetch_add(&shared->writes, 1);
        shared->tickets = next;
        atomic_fetch_add(&shared->writes, 1);
    }
    sse_tls_tickets_clear(&next);
}

void sse_shared_tickets_drop(void)
{
    if (!shared)
        return;
    sse_tls_tickets_clear(&shared->tickets);
    munmap(shared, sizeof *shared);
    shared = NULL;
}

bool sse_shared_tickets_get(sse_tls_tickets *to)
{
    for (int i = 0; shared && i < TRIES; i++) {
        unsigned before = atomic_load(&shared->writes);

        memcpy(to, &shared->tickets, sizeof *to);
        atomic_thread_fence(memory_order_seq_cst);
        if (before % 2 == 0 && before == atomic_load(&shared->writes))
            return true;
    }
    return false;
}
