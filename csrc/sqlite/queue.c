#include "queue.h"

#include <fcntl.h>
#include <unistd.h>

bool queue_open(queue *q)
{
    *q = (queue){ .pipe = { -1, -1 } };
    q->last = &q->first;
    if (pipe(q->pipe)) {
        q->pipe[0] = q->pipe[1] = -1;
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(q->pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(q->pipe[i], F_SETFD, FD_CLOEXEC);
    }
    pthread_mutex_init(&q->lock, NULL);
    return true;
}

static void free_all(job *j)
{
    while (j) {
        job *next = j->next;

        job_free(j);
        j = next;
    }
}

void queue_close(queue *q)
{
    if (q->pipe[0] < 0)
        return;
    free_all(q->first);
    q->first = NULL;
    close(q->pipe[0]);
    close(q->pipe[1]);
    q->pipe[0] = q->pipe[1] = -1;
    pthread_mutex_destroy(&q->lock);
}

void queue_forget(queue *q)
{
    close(q->pipe[0]);
    close(q->pipe[1]);
}

void queue_wake(const queue *q)
{
    if (write(q->pipe[1], "", 1) < 0)
        return; /* the pipe is full, so it can be read */
}

void queue_put_all(queue *q, job *first, job *last)
{
    size_t bytes = 0;
    bool was_empty = false;

    last->next = NULL;
    for (const job *j = first; j; j = j->next)
        bytes += j->bytes + j->row_bytes;
    pthread_mutex_lock(&q->lock);
    was_empty = !q->first;
    *q->last = first;
    q->last = &last->next;
    q->bytes += bytes;
    pthread_mutex_unlock(&q->lock);
    if (was_empty)
        queue_wake(q);
}

void queue_put(queue *q, job *j)
{
    queue_put_all(q, j, j);
}

void queue_drain(const queue *q)
{
    char bytes[64];

    while (read(q->pipe[0], bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        continue;
}

job *queue_take_all(queue *q)
{
    job *all = NULL;

    pthread_mutex_lock(&q->lock);
    all = q->first;
    q->first = NULL;
    q->last = &q->first;
    q->bytes = 0;
    pthread_mutex_unlock(&q->lock);
    return all;
}

size_t queue_bytes(queue *q)
{
    size_t bytes = 0;

    pthread_mutex_lock(&q->lock);
    bytes = q->bytes;
    pthread_mutex_unlock(&q->lock);
    return bytes;
}
