#include "interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(sse_interrupt *) first;
static atomic_int handling;       /* handlers that are going through the list */
static unsigned holds;            /* of sse_interrupt_hold */
static struct sigaction previous; /* the program's action, while on_sigint is the handler */

/* --- the handler ------------------------------------------------------------------------------ */

/* The program's handler may not return: then nobody is told. */
static void on_sigint(int number, siginfo_t *info, void *context)
{
    int error = 0;

    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(number, info, context);
    else
        previous.sa_handler(number);
    error = errno;
    atomic_fetch_add(&handling, 1);
    for (const sse_interrupt *i = atomic_load(&first); i; i = atomic_load(&i->next))
        i->call(i->arg);
    atomic_fetch_sub(&handling, 1);
    errno = error;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_sigint;
}

static bool is_function(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) ||
           (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* The flags and the mask stay the program's. */
static void install(void)
{
    struct sigaction now;

    if (holds > 0 || !atomic_load(&first) || sigaction(SIGINT, NULL, &now) || is_ours(&now) ||
        !is_function(&now))
        return;
    previous = now;
    now.sa_flags |= SA_SIGINFO;
    now.sa_sigaction = on_sigint;
    sigaction(SIGINT, &now, NULL);
}

/* A handler that was set meanwhile stays, as SIG_DFL does, which the standalone lua sets at the
 * first SIGINT. */
static void uninstall(void)
{
    struct sigaction now;

    if (!sigaction(SIGINT, NULL, &now) && is_ours(&now))
        sigaction(SIGINT, &previous, NULL);
}

/* --- the list --------------------------------------------------------------------------------- */

void sse_interrupt_begin(sse_interrupt *i, void (*call)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    i->call = call;
    i->arg = arg;
    i->listed = true;
    atomic_store(&i->next, atomic_load(&first));
    atomic_store(&first, i);
    install();
    pthread_mutex_unlock(&lock);
}

void sse_interrupt_end(sse_interrupt *i)
{
    _Atomic(sse_interrupt *) *link = &first;

    if (!i->listed)
        return;
    pthread_mutex_lock(&lock);
    while (atomic_load(link) != i)
        link = &atomic_load(link)->next;
    atomic_store(link, atomic_load(&i->next));
    i->listed = false;
    if (!atomic_load(&first))
        uninstall();
    while (atomic_load(&handling) > 0) /* a handler in another thread may have come to it */
        sched_yield();
    pthread_mutex_unlock(&lock);
}

void sse_interrupt_hold(void)
{
    pthread_mutex_lock(&lock);
    if (holds++ == 0)
        uninstall();
    pthread_mutex_unlock(&lock);
}

void sse_interrupt_release(void)
{
    pthread_mutex_lock(&lock);
    holds--;
    install();
    pthread_mutex_unlock(&lock);
}

/* --- fork ------------------------------------------------------------------------------------- */

void sse_interrupt_lock(void)
{
    pthread_mutex_lock(&lock);
}

void sse_interrupt_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void sse_interrupt_reset(void)
{
    atomic_store(&handling, 0);
}
