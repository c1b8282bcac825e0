#include "process.h"

#include <event2/util.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interrupt.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sse_process_entry *entries;
static sse_process_entry *watcher; /* the loop that watches signals, or NULL */
static int closed_socket = -1;     /* its peer is closed; made before any fork, because a child may
                                      have no descriptor left */
static bool watches_fork;

/* --- SIGPIPE ---------------------------------------------------------------------------------- */

/* A handler that does nothing, rather than SIG_IGN: programs that this one executes do not inherit
 * a handler. */
static void on_pipe(int number)
{
    (void)number;
}

static bool pipe_handler_is(void (*handler)(int))
{
    struct sigaction now;

    return !sigaction(SIGPIPE, NULL, &now) && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == handler;
}

static void set_pipe_handler(void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
}

/* --- fork ------------------------------------------------------------------------------------- */

static int make_closed_socket(void)
{
    evutil_socket_t pair[2];

    if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return -1;
    evutil_closesocket(pair[1]);
    evutil_make_socket_nonblocking(pair[0]);
    evutil_make_socket_closeonexec(pair[0]);
#ifdef SO_NOSIGPIPE
    setsockopt(pair[0], SOL_SOCKET, SO_NOSIGPIPE, &(int){ 1 }, sizeof(int));
#endif
    return (int)pair[0];
}

void sse_replace_socket(int fd, int closed_fd)
{
    if (fd < 0 || closed_fd < 0 || dup2(closed_fd, fd) < 0)
        return;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    sse_interrupt_lock();
}

static void after_fork(void)
{
    sse_interrupt_unlock();
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    after_fork(); /* no other thread is left */
    sse_interrupt_reset();
    if (closed_socket < 0)
        closed_socket = make_closed_socket();
    for (sse_process_entry *e = entries; e; e = e->next)
        e->on_fork(e->arg, pthread_equal(e->thread, pthread_self()), closed_socket);
}

/* --- the list of loops ------------------------------------------------------------------------ */

void sse_process_join(sse_process_entry *e,
                      void (*on_fork)(void *arg, bool own_thread, int closed_fd), void *arg)
{
    *e = (sse_process_entry){ .thread = pthread_self(), .on_fork = on_fork, .arg = arg };
    pthread_mutex_lock(&lock);
    if (!watches_fork)
        watches_fork = pthread_atfork(before_fork, after_fork, in_child) == 0;
    if (closed_socket < 0)
        closed_socket = make_closed_socket();
    if (!entries && pipe_handler_is(SIG_DFL))
        set_pipe_handler(on_pipe);
    e->next = entries;
    e->link = &entries;
    if (e->next)
        e->next->link = &e->next;
    entries = e;
    pthread_mutex_unlock(&lock);
}

void sse_process_leave(sse_process_entry *e)
{
    pthread_mutex_lock(&lock);
    if (watcher == e)
        watcher = NULL;
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
    if (!entries) {
        if (pipe_handler_is(on_pipe))
            set_pipe_handler(SIG_DFL);
        if (closed_socket >= 0)
            close(closed_socket);
        closed_socket = -1;
    }
    pthread_mutex_unlock(&lock);
}

bool sse_process_add_signal(sse_process_entry *e)
{
    bool ok = false;

    pthread_mutex_lock(&lock);
    ok = !watcher || watcher == e;
    if (ok) {
        watcher = e;
        e->signals++;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

void sse_process_remove_signal(sse_process_entry *e)
{
    pthread_mutex_lock(&lock);
    if (--e->signals == 0)
        watcher = NULL;
    pthread_mutex_unlock(&lock);
}

bool sse_process_watches_signals(void)
{
    bool watches = false;

    pthread_mutex_lock(&lock);
    watches = watcher != NULL;
    pthread_mutex_unlock(&lock);
    return watches;
}
