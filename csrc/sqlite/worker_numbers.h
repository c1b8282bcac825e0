/* worker_numbers.h: what a store's thread counts. */
#ifndef SSE_SQLITE_WORKER_NUMBERS_H
#define SSE_SQLITE_WORKER_NUMBERS_H

#include <stdatomic.h>

typedef struct worker worker; /* the thread: see worker_state.h */

typedef struct worker_numbers {
    atomic_llong appends, commits, reads, failures, checkpoints, wal_pages;
} worker_numbers;

#endif
