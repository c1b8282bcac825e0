#define _GNU_SOURCE /* sched_getaffinity */
#include "master.h"

#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#include "../wire/error.h"

enum { SIGNALS = 4, MOST_AT_ONCE = 64 };

static const int numbers_of_master[SIGNALS] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
static struct sigaction before[SIGNALS]; /* what the signals did before sse_master_begin */
static int signal_pipe[2] = { -1, -1 };  /* the handler writes a byte for each signal */

/* --- signals ---------------------------------------------------------------------------------- */

static void on_signal(int number)
{
    int error = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t written = write(signal_pipe[1], &byte, 1); /* full: as many signals wait already */

    (void)written;
    errno = error;
}

/* A handler that does nothing, rather than SIG_IGN: programs that a worker executes do not inherit
 * a handler. */
static void on_nothing(int number)
{
    (void)number;
}

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void close_pipe(void)
{
    close(signal_pipe[0]);
    close(signal_pipe[1]);
    signal_pipe[0] = signal_pipe[1] = -1;
}

bool sse_master_is_begun(void)
{
    return signal_pipe[0] >= 0;
}

int sse_master_begin(void)
{
    if (sse_master_is_begun())
        return SSE_EBUSY;
    if (pipe(signal_pipe))
        return SSE_ESYS;
    for (int i = 0; i < 2; i++) {
        evutil_make_socket_nonblocking(signal_pipe[i]);
        evutil_make_socket_closeonexec(signal_pipe[i]);
    }
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(numbers_of_master[i], NULL, &before[i]);
        set_handler(numbers_of_master[i], on_signal);
    }
    return SSE_OK;
}

void sse_master_end(void)
{
    if (!sse_master_is_begun())
        return;
    for (int i = 0; i < SIGNALS; i++)
        sigaction(numbers_of_master[i], &before[i], NULL);
    close_pipe();
}

/* --- waiting ---------------------------------------------------------------------------------- */

static size_t take_signals(int *numbers, size_t most)
{
    unsigned char bytes[MOST_AT_ONCE];
    ssize_t got = read(signal_pipe[0], bytes, most < sizeof bytes ? most : sizeof bytes); /* -1:
                                                                                             none */

    for (ssize_t i = 0; i < got; i++)
        numbers[i] = bytes[i];
    return got > 0 ? (size_t)got : 0;
}

size_t sse_master_wait(struct pollfd *fds, size_t count, int ms, int *numbers, size_t most)
{
    fds[count] = (struct pollfd){ .fd = signal_pipe[0], .events = POLLIN };
    if (poll(fds, (nfds_t)(count + 1), ms) < 0)
        for (size_t i = 0; i < count; i++)
            fds[i].revents = 0; /* EINTR: a signal has come */
    return take_signals(numbers, most);
}

pid_t sse_master_reap(pid_t pid, int *status)
{
    pid_t ended = 0;

    do
        ended = waitpid(pid, status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    return ended > 0 ? ended : 0;
}

/* --- standard error --------------------------------------------------------------------------- */

/* poll says that a pipe is writable where a write of PIPE_BUF bytes does not wait. */
size_t sse_master_say(const char *text, size_t len)
{
    size_t said = 0;

    while (said < len) {
        struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
        size_t piece = len - said < PIPE_BUF ? len - said : PIPE_BUF;
        ssize_t written = 0;

        if (poll(&fd, 1, 0) <= 0 || !(fd.revents & POLLOUT))
            break;
        written = write(STDERR_FILENO, text + said, piece);
        if (written <= 0)
            break;
        said += (size_t)written;
    }
    return said;
}

/* --- fork ------------------------------------------------------------------------------------- */

pid_t sse_master_fork(void)
{
    sigset_t all, as_it_was;
    pid_t pid = 0;
    int error = 0;

    fflush(NULL); /* or the child would write it again */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &as_it_was);
#if SSE_HAS_FORK
    pid = fork();
#else
    pid = -1;
    errno = ENOSYS;
#endif
    error = errno;
    if (pid == 0) {
        sse_master_end();
        set_handler(SIGINT, on_nothing);
        set_handler(SIGHUP, on_nothing);
    }
    pthread_sigmask(SIG_SETMASK, &as_it_was, NULL);
    errno = error;
    return pid;
}

int sse_processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef CPU_COUNT
    cpu_set_t set;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
#endif
    return count < 1 ? 1 : count > SSE_MOST_WORKERS ? SSE_MOST_WORKERS : (int)count;
}
