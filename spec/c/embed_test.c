/* embed_test.c: a program that embeds Lua closes its state while a thread of libcurl's looks a name
 * up. libcurl must still be in memory when the lookup returns. getaddrinfo below takes the place of
 * the C library's, and returns right after lua_close. */
#include <lauxlib.h>
#include <lualib.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_key_t thread_key; /* its destructor runs when the thread has left libcurl */
static bool begun, closed, ended;

static void set(bool *flag)
{
    pthread_mutex_lock(&lock);
    *flag = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Waits until a flag is set; returns false after ten seconds. */
static bool await(const bool *flag)
{
    struct timespec late = { .tv_sec = time(NULL) + 10 };
    bool value = false;

    pthread_mutex_lock(&lock);
    while (!*flag && !pthread_cond_timedwait(&changed, &lock, &late))
        ;
    value = *flag;
    pthread_mutex_unlock(&lock);
    return value;
}

static void on_thread_end(void *arg)
{
    (void)arg;
    set(&ended);
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out)
{
    (void)node;
    (void)service;
    (void)hints;
    *out = NULL;
    pthread_setspecific(thread_key, &thread_key);
    set(&begun);
    await(&closed);
    return EAI_NONAME;
}

/* A turn with a deferred call does not wait. */
static const char script[] = "local sse, core = require 'sse', require 'sse.core' "
                             "sse.EventSource 'http://a.name.that.takes.long:1/' "
                             "for _ = 1, 9 do core.defer(function() end) core.turn() end";

int main(void)
{
    lua_State *L = luaL_newstate();

    if (!L || pthread_key_create(&thread_key, on_thread_end))
        return 1;
    luaL_openlibs(L);
    if (luaL_dostring(L, script)) {
        fprintf(stderr, "embed_test: %s\n", lua_tostring(L, -1));
        return 1;
    }
    if (!await(&begun)) { /* this libcurl looks names up without getaddrinfo */
        puts("embed: no thread looks names up");
        return 0;
    }
    lua_close(L);
    set(&closed);
    if (!await(&ended)) {
        fputs("embed_test: the thread did not end\n", stderr);
        return 1;
    }
    puts("embed: a lookup outlives its Lua state");
    return 0;
}
