#include "process.h"

#include <event2/util.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sse_member *members;
static sse_member *watcher;  /* that watches signals */
static int dead_socket = -1; /* made with the first member: a child may have no descriptor left */
static bool watches_fork;

/* --- SIGPIPE ---------------------------------------------------------------------------------- */

/* A handler, unlike SIG_IGN, is not inherited by the programs that this one starts. */
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

static int make_dead_socket(void)
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

void sse_replace_socket(int fd, int dead)
{
    if (fd < 0 || dead < 0 || dup2(dead, fd) < 0)
        return;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    pthread_mutex_unlock(&lock); /* no other thread is left */
    if (dead_socket < 0)
        dead_socket = make_dead_socket();
    for (sse_member *m = members; m; m = m->next)
        m->on_fork(m->arg, pthread_equal(m->thread, pthread_self()), dead_socket);
}

/* --- members ---------------------------------------------------------------------------------- */

void sse_member_join(sse_member *m, void (*on_fork)(void *arg, bool ours, int dead), void *arg)
{
    *m = (sse_member){ .thread = pthread_self(), .on_fork = on_fork, .arg = arg };
    pthread_mutex_lock(&lock);
    if (!watches_fork)
        watches_fork = pthread_atfork(before_fork, after_fork, in_child) == 0;
    if (dead_socket < 0)
        dead_socket = make_dead_socket();
    if (!members && pipe_handler_is(SIG_DFL))
        set_pipe_handler(on_pipe);
    m->next = members;
    m->link = &members;
    if (m->next)
        m->next->link = &m->next;
    members = m;
    pthread_mutex_unlock(&lock);
}

void sse_member_leave(sse_member *m)
{
    pthread_mutex_lock(&lock);
    if (watcher == m)
        watcher = NULL;
    *m->link = m->next;
    if (m->next)
        m->next->link = m->link;
    if (!members) {
        if (pipe_handler_is(on_pipe))
            set_pipe_handler(SIG_DFL);
        if (dead_socket >= 0)
            close(dead_socket);
        dead_socket = -1;
    }
    pthread_mutex_unlock(&lock);
}

bool sse_member_add_signal(sse_member *m)
{
    bool ok = false;

    pthread_mutex_lock(&lock);
    ok = !watcher || watcher == m;
    if (ok) {
        watcher = m;
        m->signals++;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

void sse_member_remove_signal(sse_member *m)
{
    pthread_mutex_lock(&lock);
    if (--m->signals == 0)
        watcher = NULL;
    pthread_mutex_unlock(&lock);
}
