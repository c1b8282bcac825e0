#include "fork.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

/* A fork waits for the threads that use SQLite, which hold `using` to read; and those that would
 * begin meanwhile wait at the gate, so that many threads can't keep it waiting for ever. Nobody
 * keeps the gate for long but a fork. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t using = PTHREAD_RWLOCK_INITIALIZER;
static fork_socket *sockets; /* changed by who has the gate */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool registered;
static unsigned forks;

static void before_fork(void)
{
    pthread_mutex_lock(&gate);
    pthread_rwlock_wrlock(&using);
}

static void after_fork(void)
{
    pthread_rwlock_unlock(&using);
    pthread_mutex_unlock(&gate);
}

static void in_child(void)
{
    forks++;
    pthread_rwlock_init(&using, NULL); /* its owner is another thread now: it can't be unlocked */
    pthread_mutex_init(&gate, NULL);
    for (; sockets; sockets = sockets->next) {
        if (*sockets->socket >= 0)
            close(*sockets->socket);
        *sockets->socket = -1;
        sockets->link = NULL;
    }
}

static void set_up(void)
{
    registered = pthread_atfork(before_fork, after_fork, in_child) == 0;
}

unsigned fork_count(void)
{
    return forks;
}

bool fork_watch(fork_socket *s, int *socket)
{
    pthread_once(&once, set_up);
    if (!registered)
        return false;
    pthread_mutex_lock(&gate);
    *s = (fork_socket){ .next = sockets, .link = &sockets, .socket = socket };
    if (s->next)
        s->next->link = &s->next;
    sockets = s;
    pthread_mutex_unlock(&gate);
    return true;
}

void fork_unwatch(fork_socket *s)
{
    pthread_mutex_lock(&gate);
    if (s->link) {
        *s->link = s->next;
        if (s->next)
            s->next->link = s->link;
        s->link = NULL;
    }
    pthread_mutex_unlock(&gate);
}

void fork_forbid(void)
{
    pthread_mutex_lock(&gate);
    pthread_rwlock_rdlock(&using);
    pthread_mutex_unlock(&gate);
}

void fork_allow(void)
{
    pthread_rwlock_unlock(&using);
}
