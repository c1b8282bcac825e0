#include "scrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../wire/error.h"

#define MAX_PARALLELIZATION 16
#define MORE_MEMORY         ((uint64_t)4 << 20) /* beside 128 * cost * block_size */

struct sse_scrypt {
    atomic_int owners; /* the caller and the thread: the last one frees */
    atomic_bool done;  /* the hash is there, or could not be made */
    atomic_bool told;  /* the thread has written, and uses the pipe no more */
    bool made;         /* written by the thread before `done` */
    int pipe[2];       /* the thread writes a byte when it is done */
    sse_scrypt_options options;
    unsigned char salt[SSE_SCRYPT_MAX_SALT], hash[SSE_SCRYPT_MAX_HASH];
    char password[];
};

/* --- threads that run ------------------------------------------------------------------------- */

static atomic_int running;

/* A process waits for its threads before it ends, since OpenSSL frees then what they use, and
 * before it forks, since the child would not get the locks that they hold. */
static void wait_for_threads(void)
{
    const struct timespec millisecond = { .tv_nsec = 1000000 };

    while (atomic_load(&running) > 0)
        nanosleep(&millisecond, NULL);
}

/* Called by the loop's thread. False: out of memory. */
static bool count_thread(void)
{
    static bool at_exit, at_fork;

    at_exit = at_exit || OPENSSL_atexit(wait_for_threads) == 1;
    at_fork = at_fork || pthread_atfork(wait_for_threads, NULL, NULL) == 0;
    if (!at_exit || !at_fork)
        return false;
    atomic_fetch_add(&running, 1);
    return true;
}

/* --- a hash ----------------------------------------------------------------------------------- */

static bool is_valid(const sse_scrypt_options *o)
{
    return o->cost >= 2 && (o->cost & (o->cost - 1)) == 0 && o->cost <= UINT32_MAX &&
           o->block_size >= 1 && o->block_size <= UINT16_MAX &&
           128 * o->cost * o->block_size <= SSE_SCRYPT_MAX_MEMORY && o->parallelization >= 1 &&
           o->parallelization <= MAX_PARALLELIZATION && o->salt.len <= SSE_SCRYPT_MAX_SALT &&
           o->size >= 1 && o->size <= SSE_SCRYPT_MAX_HASH;
}

static void make_hash(sse_scrypt *s)
{
    const sse_scrypt_options *o = &s->options;

    s->made = EVP_PBE_scrypt(s->password, o->password.len, s->salt, o->salt.len, o->cost,
                             o->block_size, o->parallelization, SSE_SCRYPT_MAX_MEMORY + MORE_MEMORY,
                             s->hash, o->size) == 1;
    ERR_clear_error();
}

static void close_pipe(sse_scrypt *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->pipe[i] >= 0)
            close(s->pipe[i]);
        s->pipe[i] = -1;
    }
}

static void give_up(sse_scrypt *s)
{
    size_t len = s->options.password.len;

    if (atomic_fetch_sub(&s->owners, 1) > 1)
        return;
    close_pipe(s);
    OPENSSL_cleanse(s->password, len);
    OPENSSL_cleanse(s->hash, sizeof s->hash);
    free(s);
}

static void *run(void *arg)
{
    sse_scrypt *s = arg;
    ssize_t written = 0;

    make_hash(s);
    atomic_store(&s->done, true);
    written = write(s->pipe[1], "", 1);
    (void)written; /* where it failed, the owner has gone */
    atomic_store(&s->told, true);
    give_up(s);
    OPENSSL_thread_stop();
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* Starts the thread, which gets no signal: those are for the program's threads. */
static int start_thread(sse_scrypt *s)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int failed = 0;

    if (!count_thread())
        return SSE_ENOMEM;
    if (pthread_attr_init(&attributes)) {
        atomic_fetch_sub(&running, 1);
        return SSE_ENOMEM;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_fetch_add(&s->owners, 1);
    failed = pthread_create(&thread, &attributes, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed) {
        atomic_fetch_sub(&s->owners, 1);
        atomic_fetch_sub(&running, 1);
    }
    return failed ? SSE_ESYS : SSE_OK;
}

static int open_pipe(sse_scrypt *s)
{
    if (pipe(s->pipe)) {
        s->pipe[0] = s->pipe[1] = -1;
        return errno == EMFILE || errno == ENFILE ? SSE_EMFILE : SSE_ESYS;
    }
    for (int i = 0; i < 2; i++)
        fcntl(s->pipe[i], F_SETFD, FD_CLOEXEC);
    return SSE_OK;
}

int sse_scrypt_start(const sse_scrypt_options *options, sse_scrypt **out, int *fd)
{
    sse_scrypt *s = NULL;
    int code = SSE_OK;

    if (!is_valid(options))
        return SSE_EINVAL;
    s = calloc(1, sizeof *s + options->password.len + 1);
    if (!s)
        return SSE_ENOMEM;
    atomic_init(&s->owners, 1);
    s->options = *options;
    s->pipe[0] = s->pipe[1] = -1;
    if (options->password.len)
        memcpy(s->password, options->password.at, options->password.len);
    if (options->salt.len)
        memcpy(s->salt, options->salt.at, options->salt.len);
    code = open_pipe(s);
    if (!code)
        code = start_thread(s);
    if (code) {
        give_up(s);
        return code;
    }
    *fd = s->pipe[0];
    *out = s;
    return SSE_OK;
}

int sse_scrypt_finish(sse_scrypt *s, unsigned char hash[SSE_SCRYPT_MAX_HASH])
{
    char byte = 0;

    while (!atomic_load(&s->done) && read(s->pipe[0], &byte, 1) < 0 && errno == EINTR)
        continue;
    if (!atomic_load(&s->done) || !s->made)
        return SSE_ENOMEM;
    memcpy(hash, s->hash, s->options.size);
    return SSE_OK;
}

/* Where the thread is done, the pipe is closed now, and not when the thread gets to it. */
void sse_scrypt_free(sse_scrypt *s)
{
    if (!s)
        return;
    if (atomic_load(&s->done)) {
        while (!atomic_load(&s->told))
            sched_yield();
        close_pipe(s);
    }
    give_up(s);
}
