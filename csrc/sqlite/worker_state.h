/* worker_state.h: what a store's thread has, for worker.c and what that is made of. */
#ifndef SSE_SQLITE_WORKER_STATE_H
#define SSE_SQLITE_WORKER_STATE_H

#include <pthread.h>

#include "fork.h"
#include "log.h"
#include "peers.h"
#include "presence.h"
#include "queue.h"
#include "worker_numbers.h"

struct worker {
    database_options options;
    queue in, out;
    pthread_t thread;
    fork_socket fork;
    worker_numbers count;

    /* of the thread alone */
    database d;
    peers peers;
    presence presence;
    log *logs; /* by their numbers */
    int log_count;
    uint64_t transaction; /* a number for each */
    int64_t data_version;
    int restart_pages; /* see checkpoint */
    bool is_up, told_state;
    bool behind;       /* the loop has too much news to take: nothing is told until it has */
    bool count_failed; /* count_followers has, and perhaps has told so */
    bool quit;
};

#endif
