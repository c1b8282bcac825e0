/* worker.h: the store's thread, the only one that uses the file. What waits is done in one
 * transaction; then those that watch are told, and then those that asked. */
#ifndef SSE_SQLITE_WORKER_H
#define SSE_SQLITE_WORKER_H

#include "database.h"
#include "queue.h"
#include "worker_numbers.h"

/* Starts the thread. Takes the options' path. NULL: no memory, pipe or thread is left. */
worker *worker_start(const database_options *options);

queue *worker_in(worker *w);  /* what is to be done */
queue *worker_out(worker *w); /* what has been done, and what has happened */
worker_numbers *worker_count(worker *w);

/* Waits for the thread's end, which a JOB_QUIT leads to, and frees everything. */
void worker_join(worker *w);

/* Closes the descriptors that a forked child has of its parent's worker. The memory stays: another
 * thread may have been in the middle of changing it. */
void worker_forget(worker *w);

#endif
