/* service.c: executes a program as systemd does: with sockets from descriptor 3 on, and variables
 * that name the process. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) int luaopen_spec_service(lua_State *L);

enum { FIRST = 3, HIGH = 100, MOST = 16 };

/* Moves the descriptors of the list to FIRST and the next ones, and closes all others. */
static void pass_descriptors(lua_State *L, int list)
{
    int count = (int)luaL_len(L, list);

    for (int i = 0; i < count; i++) { /* out of the way of one another */
        lua_rawgeti(L, list, i + 1);
        if (dup2((int)luaL_checkinteger(L, -1), HIGH + i) < 0)
            luaL_error(L, "dup2: %s", strerror(errno));
        lua_pop(L, 1);
    }
    for (int i = 0; i < count; i++)
        dup2(HIGH + i, FIRST + i);
    for (int fd = FIRST + count; fd < HIGH + MOST; fd++)
        close(fd);
}

/* Sets variables of a list, "NAME=value"; a value "self" is the id of this process. */
static void set_variables(lua_State *L, int list)
{
    char id[32];

    snprintf(id, sizeof id, "%d", (int)getpid());
    for (int i = 1; i <= (int)luaL_len(L, list); i++) {
        const char *text = (lua_rawgeti(L, list, i), luaL_checkstring(L, -1));
        const char *equals = strchr(text, '=');

        luaL_argcheck(L, equals, list, "expected NAME=value");
        lua_pushlstring(L, text, (size_t)(equals - text));
        setenv(lua_tostring(L, -1), strcmp(equals + 1, "self") == 0 ? id : equals + 1, 1);
        lua_pop(L, 2);
    }
}

/* exec(descriptors, variables, { program, argument, ... }) */
static int f_exec(lua_State *L)
{
    char *arguments[MOST] = { NULL };
    int count = (int)luaL_len(L, 3);

    luaL_argcheck(L, luaL_len(L, 1) <= MOST, 1, "too many");
    luaL_argcheck(L, count > 0 && count < MOST, 3, "too many, or none");
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 3, i + 1);
        arguments[i] = (char *)luaL_checkstring(L, -1); /* the list keeps it */
        lua_pop(L, 1);
    }
    pass_descriptors(L, 1);
    set_variables(L, 2);
    execvp(arguments[0], arguments);
    return luaL_error(L, "%s: %s", arguments[0], strerror(errno));
}

static const luaL_Reg functions[] = { { "exec", f_exec }, { NULL, NULL } };

int luaopen_spec_service(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
