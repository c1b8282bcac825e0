#define _GNU_SOURCE /* dladdr */
#include "resolver.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct resolver {
    atomic_int owners; /* the caller, the thread: the last one frees */
    atomic_bool done;
    int pipe[2];
    int count, error;
    char addresses[MAX_ADDRESSES][ADDRESS_BYTES];
    char host[];
};

static void release(resolver *r)
{
    if (atomic_fetch_sub(&r->owners, 1) > 1)
        return;
    close(r->pipe[0]);
    close(r->pipe[1]);
    free(r);
}

/* Keeps this module loaded: a thread may still wait for an answer when the Lua state is closed. */
static void stay_loaded(void)
{
    static const char here = 0;
    Dl_info info;

    if (dladdr(&here, &info))
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

static bool is_known(const resolver *r, const char *address)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->addresses[i], address) == 0)
            return true;
    }
    return false;
}

static void *run(void *arg)
{
    resolver *r = arg;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *list = NULL;
    char *next = NULL;

    r->error = getaddrinfo(r->host, NULL, &hints, &list);
    for (struct addrinfo *a = list; a && r->count < MAX_ADDRESSES; a = a->ai_next) {
        next = r->addresses[r->count];
        if (!getnameinfo(a->ai_addr, a->ai_addrlen, next, ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST) &&
            !is_known(r, next))
            r->count++;
    }
    if (list)
        freeaddrinfo(list);
    atomic_store(&r->done, true);
    while (write(r->pipe[1], "", 1) < 0 && errno == EINTR)
        continue;
    release(r);
    return NULL;
}

static bool start_thread(resolver *r)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    bool ok = false;

    if (pthread_attr_init(&attributes))
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ok = pthread_create(&thread, &attributes, run, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return ok;
}

resolver *resolver_start(const char *host)
{
    size_t len = strlen(host) + 1;
    resolver *r = calloc(1, sizeof *r + len);

    if (!r)
        return NULL;
    memcpy(r->host, host, len);
    if (pipe(r->pipe)) {
        free(r);
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(r->pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(r->pipe[i], F_SETFD, FD_CLOEXEC);
    }
    atomic_init(&r->owners, 2);
    stay_loaded();
    if (start_thread(r))
        return r;
    atomic_store(&r->owners, 1);
    release(r);
    return NULL;
}

int resolver_fd(const resolver *r)
{
    return r->pipe[0];
}

bool resolver_is_done(const resolver *r)
{
    return atomic_load(&r->done);
}

int resolver_count(const resolver *r)
{
    return r->count;
}

const char *resolver_address(const resolver *r, int index)
{
    return r->addresses[index];
}

const char *resolver_error(const resolver *r)
{
    return r->error ? gai_strerror(r->error) : "it has no address";
}

void resolver_drop(resolver *r)
{
    release(r);
}
