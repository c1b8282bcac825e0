#include "fork.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER; /* threads that use SQLite read */
static fork_socket *sockets;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool registered;

static void before_fork(void)
{
    pthread_rwlock_wrlock(&lock);
}

static void after_fork(void)
{
    pthread_rwlock_unlock(&lock);
}

static void in_child(void)
{
    pthread_rwlock_init(&lock, NULL); /* its owner is another thread now: it can't be unlocked */
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

bool fork_watch(fork_socket *s, int *socket)
{
    pthread_once(&once, set_up);
    if (!registered)
        return false;
    pthread_rwlock_wrlock(&lock);
    *s = (fork_socket){ .next = sockets, .link = &sockets, .socket = socket };
    if (s->next)
        s->next->link = &s->next;
    sockets = s;
    pthread_rwlock_unlock(&lock);
    return true;
}

void fork_unwatch(fork_socket *s)
{
    pthread_rwlock_wrlock(&lock);
    if (s->link) {
        *s->link = s->next;
        if (s->next)
            s->next->link = s->link;
        s->link = NULL;
    }
    pthread_rwlock_unlock(&lock);
}

void fork_forbid(void)
{
    pthread_rwlock_rdlock(&lock);
}

void fork_allow(void)
{
    pthread_rwlock_unlock(&lock);
}
