/* stress.c: collections at any call that may run one, in the build of `make stress`; in others
 * nothing. */
#include "stress.h"

#ifdef SSE_STRESS_ALLOC

#include <stdint.h>
#include <stdlib.h>

static unsigned every; /* collects at one call of this many; 0: never */
static uint64_t random_state;

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value = text ? strtoull(text, NULL, 10) : 0;

    return value > 0 ? value : otherwise;
}

/* xorshift64 */
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void sse_stress(lua_State *L)
{
    if (every > 0 && next_random() % every == 0 && lua_gc(L, LUA_GCISRUNNING) == 1)
        lua_gc(L, LUA_GCCOLLECT);
}

/* stress(n): from now on collects at one call of n; 0: never. Returns what n was before. */
static int f_stress(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);

    luaL_argcheck(L, n >= 0 && n <= 1000000, 1, "expected 0 to 1000000");
    lua_pushinteger(L, (lua_Integer)every);
    every = (unsigned)n;
    return 1;
}

void sse_open_stress(lua_State *L)
{
    random_state = from_environment("SSE_STRESS_SEED", 1);
    every = (unsigned)from_environment("SSE_STRESS_ALLOC", 100);
    lua_pushcfunction(L, f_stress);
    lua_setfield(L, -2, "stress");
}

#else

void sse_open_stress(lua_State *L)
{
    (void)L;
}

#endif
