/* queue.h: jobs that one thread hands to another, with a pipe that wakes the other one. */
#ifndef SSE_SQLITE_QUEUE_H
#define SSE_SQLITE_QUEUE_H

#include <pthread.h>

#include "job.h"

typedef struct queue {
    pthread_mutex_t lock;
    job *first, **last;
    size_t bytes; /* of the texts and rows of the jobs in the queue */
    int pipe[2];  /* the first end can be read while jobs are in the queue */
} queue;

/* false: the system has no pipe left. */
bool queue_open(queue *q);

/* Frees the jobs that are left, and closes the pipe. */
void queue_close(queue *q);

/* Closes the pipe alone, in a forked child. */
void queue_forget(queue *q);

/* From any thread: adds a job, and wakes the other thread. */
void queue_put(queue *q, job *j);

/* Adds the jobs first .. last, which are linked, and wakes the other thread, unless it has yet to
 * take what was added before. */
void queue_put_all(queue *q, job *first, job *last);

/* Wakes the other thread. */
void queue_wake(const queue *q);

/* After a wake, before queue_take_all: makes the pipe one that can't be read. */
void queue_drain(const queue *q);

/* Takes all jobs out, oldest first; NULL: there is none. */
job *queue_take_all(queue *q);

size_t queue_bytes(queue *q);

#endif
