#include "search.h"

#define DELAY_MS    1000
#define COST_FACTOR 100 /* the time between two searches is as much longer than a search takes */
#define STEP        ((size_t)64 << 10) /* bytes */
#define STEP_US     1000               /* after which a step leaves the rest to the next turn */
#define CYCLES      2 /* the end of the collector's present cycle, and one from its start */

typedef struct search {
    sse_state *st;
    sse_timer timer;
    sse_deferred step;
    bool wanted;     /* the timer or the step is waiting */
    int cycles;      /* that are still to end */
    uint64_t cost;   /* microseconds that the last search took */
    uint64_t begins; /* ms of the loop's clock: not before then is the next one */
} search;

static const char search_key = 0; /* its address is the registry key of the search */

static const sse_class search_class;

/* Runs the incremental collector for STEP_US, or the generational one to its end. */
static int call_collect(lua_State *L)
{
    search *s = lua_touserdata(L, 1);
    const sse_loop *loop = s->st->loop;
    uint64_t began = sse_loop_now_us(loop), now = began;

    if (!lua_gc(L, LUA_GCISRUNNING)) {
        s->cycles = 0;
    } else if (lua_gc(L, LUA_GCINC, 0, 0, 0) == LUA_GCGEN) {
        lua_gc(L, LUA_GCGEN, 0, 0); /* collects all: the generational collector has no small steps
                                     */
        s->cycles = 0;
    }
    do {
        if (s->cycles > 0 && sse_collector_step(L, STEP))
            s->cycles--;
        now = sse_loop_now_us(loop);
    } while (s->cycles > 0 && now - began < STEP_US);
    s->cost += now - began;
    return 0;
}

static void on_step(void *arg)
{
    search *s = arg;
    sse_loop *loop = s->st->loop;
    uint64_t pause = 0;

    if (!sse_protect(s->st, call_collect, s))
        s->cycles = 0;
    if (s->cycles > 0) {
        sse_loop_defer(loop, &s->step);
        return;
    }
    s->wanted = false;
    pause = s->cost * COST_FACTOR / 1000;
    s->begins = sse_loop_now(loop) + pause;
}

static void on_timer(void *arg)
{
    search *s = arg;

    s->cycles = CYCLES;
    s->cost = 0;
    sse_loop_defer(s->st->loop, &s->step);
}

void sse_search_soon(lua_State *L, sse_state *st)
{
    search *s = NULL;
    uint64_t now = sse_loop_now(st->loop), delay = DELAY_MS;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &search_key);
    s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!s || s->wanted)
        return;
    if (s->begins > now + delay)
        delay = s->begins - now;
    s->wanted = sse_timer_start(&s->timer, delay, false) == SSE_OK;
}

static int mm_gc(lua_State *L)
{
    search *s = lua_touserdata(L, 1);

    if (!s->st || !s->st->loop)
        return 0;
    s->wanted = true; /* from now on nothing is started */
    sse_timer_stop(&s->timer);
    sse_loop_undefer(s->st->loop, &s->step);
    return 0;
}

static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class search_class = { .name = "sse.search", .metamethods = metamethods };

void sse_open_search(lua_State *L)
{
    search *s = NULL;

    sse_class_register(L, &search_class);
    s = sse_class_new(L, &search_class, sizeof *s, 0);
    s->st = sse_state_get(L);
    sse_timer_init(&s->timer, s->st->loop, on_timer, s);
    sse_deferred_init(&s->step, on_step, s);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &search_key);
}
