/* sigint_test.c: a program that embeds Lua, with a handler of its own for SIGINT and two Lua states
 * in two threads. The handler sets a debug hook on the first state, as the standalone lua's does,
 * or does nothing of Lua's. */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static lua_State *first;
static lua_Hook hook; /* what the handler sets; NULL: nothing */
static volatile sig_atomic_t handled;

static void on_sigint(int number)
{
    (void)number;
    handled++;
    if (hook)
        lua_sethook(first, hook, LUA_MASKCOUNT, 1);
}

static void raise_own(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "own words");
}

static void call_told(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    lua_getglobal(L, "told");
    lua_call(L, 0, 0);
}

/* interrupt(): to the process */
static int f_interrupt(lua_State *L)
{
    (void)L;
    kill(getpid(), SIGINT);
    return 0;
}

/* Sends SIGINT once the loop of the first state waits, for which it has the time of a timer. */
static void *run_second(void *text)
{
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    lua_register(L, "interrupt", f_interrupt);
    if (luaL_dostring(L, text)) {
        fprintf(stderr, "sigint_test: the second state: %s\n", lua_tostring(L, -1));
        lua_close(L);
        return NULL;
    }
    lua_close(L);
    return text;
}

static const char second_text[] = "local sse = require 'sse' sse.sleep(50) interrupt() "
                                  "sse.sleep(50)";

static bool handler_is_own(void)
{
    struct sigaction now;

    return !sigaction(SIGINT, NULL, &now) && now.sa_handler == on_sigint;
}

/* Runs the text in the first state, and second_text in another thread. `wanted`: the error that the
 * text ends with, NULL for none. `elsewhere`: the other thread handles the signal. */
static bool check(const char *what, const char *text, const char *wanted, lua_Hook with,
                  bool elsewhere)
{
    sigset_t set;
    pthread_t thread;
    void *ok = NULL;
    const char *got = NULL;

    hook = with;
    handled = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(elsewhere ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL); /* inherited */
    if (pthread_create(&thread, NULL, run_second, (void *)second_text))
        return false;
    pthread_sigmask(elsewhere ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
    if (luaL_dostring(first, text))
        got = lua_tostring(first, -1);
    pthread_join(thread, &ok);
    if (!ok || handled != 1 || !handler_is_own() || !got != !wanted ||
        (got && !strstr(got, wanted))) {
        fprintf(stderr, "sigint_test: %s: handled %d times, handler %s, error %s\n", what,
                (int)handled, handler_is_own() ? "kept" : "lost", got ? got : "none");
        return false;
    }
    lua_settop(first, 0);
    return true;
}

#define HOUR  "timer = sse.every(3600 * 1000, print) "
#define BEGIN "sse = require 'sse' told = function() timer:stop() end "

int main(void)
{
    struct sigaction action = { .sa_handler = on_sigint };
    bool ok = true;

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    first = luaL_newstate();
    if (!first)
        return 1;
    luaL_openlibs(first);
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        ok = check("no hook", BEGIN "sse.sleep(200)", NULL, NULL, elsewhere) && ok;
        ok = check("a hook that raises", BEGIN HOUR "sse.run()", "own words", raise_own,
                   elsewhere) && ok;
        ok = check("a hook in a wait", "sse.sleep(3600 * 1000)", "own words", raise_own,
                   elsewhere) && ok;
        ok = check("a hook that raises nothing", "sse.run()", NULL, call_told, elsewhere) && ok;
    }
    lua_close(first);
    if (!handler_is_own() || !ok)
        return 1;
    puts("sigint: an embedder's handler and its hooks, two states in two threads");
    return 0;
}
