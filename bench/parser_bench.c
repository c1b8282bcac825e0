/* parser_bench.c: the parser with callbacks in C; memchr over the same bytes as a lower bound;
 * what Lua alone costs (the same strings pushed, the same function called, nothing parsed); and
 * inputs on which a parser may be slow.
 * usage: parser_bench FILE...   prints FILE, what, events and bytes a pass, best seconds a pass
 *        parser_bench           prints input, seconds for its size and for twice the size */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../csrc/wire/buffer.h"
#include "../csrc/wire/error.h"
#include "../csrc/wire/parser.h"

#define PIECE         16384
#define ROUNDS        7
#define ROUND_SECONDS 0.12

/* An event that was parsed before the measurement. */
typedef struct kept {
    sse_slice data, type, id;
} kept;

typedef struct job {
    const char *bytes;
    size_t len, piece;
    size_t count; /* in the last pass */
    size_t data;  /* bytes of data in them */
    sse_parser *parser;
    lua_State *L;
    kept *events;
    size_t room;
} job;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *allocate(void *at, size_t size)
{
    at = realloc(at, size);
    if (!at)
        die("realloc");
    return at;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds for one pass, in the best round. */
static double best_of(void (*pass)(job *), job *j)
{
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds(), taken = 0;
        int passes = 0;

        do {
            pass(j);
            passes++;
            taken = seconds() - start;
        } while (taken < ROUND_SECONDS);
        if (taken / passes < best)
            best = taken / passes;
    }
    return best;
}

static void on_event(void *user, const sse_event *event)
{
    job *j = user;

    j->count++;
    j->data += event->data.len;
}

static void pass_parser(job *j)
{
    j->count = j->data = 0;
    sse_parser_reset(j->parser);
    for (size_t at = 0; at < j->len; at += j->piece) {
        size_t len = j->len - at < j->piece ? j->len - at : j->piece;

        if (sse_parser_feed(j->parser, j->bytes + at, len) != SSE_OK)
            abort();
    }
}

static void pass_memchr(job *j)
{
    const char *at = j->bytes, *end = at + j->len;

    j->count = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        j->count++;
        at++;
    }
}

static sse_slice copy_of(sse_slice s)
{
    char *at = allocate(NULL, s.len + 1);

    memcpy(at, s.at, s.len);
    return (sse_slice){ at, s.len };
}

static void keep_event(void *user, const sse_event *event)
{
    job *j = user;

    if (j->count == j->room) {
        j->room = j->room * 2 + 64;
        j->events = allocate(j->events, j->room * sizeof *j->events);
    }
    j->events[j->count++] =
        (kept){ copy_of(event->data), copy_of(event->type), copy_of(event->id) };
}

/* Stack: 1 is the function, 2 the type of all events. An id that is the same as the event's
 * before is not pushed as a new string. */
static void pass_lua(job *j)
{
    lua_settop(j->L, 2);
    lua_pushliteral(j->L, "");
    for (size_t i = 0; i < j->count; i++) {
        const kept *e = &j->events[i];

        if (e->id.len > 0) {
            lua_pushlstring(j->L, e->id.at, e->id.len);
            lua_replace(j->L, 3);
        }
        lua_pushvalue(j->L, 1);
        lua_pushlstring(j->L, e->data.at, e->data.len);
        lua_pushvalue(j->L, 2);
        lua_pushvalue(j->L, 3);
        lua_call(j->L, 3, 0);
    }
}

static double best_of_lua(job *j)
{
    const sse_parser_callbacks callbacks = { .on_event = keep_event };
    double best = 0;

    j->count = 0;
    if (sse_parser_new(&j->parser, NULL, &callbacks, j))
        abort();
    sse_parser_feed(j->parser, j->bytes, j->len);
    sse_parser_free(j->parser);
    j->L = luaL_newstate();
    if (!j->L ||
        luaL_dostring(j->L, "local events, bytes = 0, 0 return function(data, type, id) "
                            "events, bytes = events + 1, bytes + #data return type, id end"))
        abort();
    lua_pushlstring(j->L, j->events[0].type.at, j->events[0].type.len);
    best = best_of(pass_lua, j);
    lua_close(j->L);
    for (size_t i = 0; i < j->count; i++) {
        free((char *)j->events[i].data.at);
        free((char *)j->events[i].type.at);
        free((char *)j->events[i].id.at);
    }
    free(j->events);
    return best;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    long len = 0;
    char *bytes = NULL;

    if (!file || fseek(file, 0, SEEK_END) || (len = ftell(file)) <= 0)
        die(path);
    rewind(file);
    *size = (size_t)len;
    bytes = allocate(NULL, *size);
    if (fread(bytes, 1, *size, file) != *size)
        die(path);
    fclose(file);
    return bytes;
}

static sse_parser *counting_parser(job *j)
{
    const sse_parser_callbacks callbacks = { .on_event = on_event };

    if (sse_parser_new(&j->parser, NULL, &callbacks, j))
        abort();
    return j->parser;
}

static void run_file(const char *path)
{
    job j = { .piece = PIECE };
    char *bytes = read_file(path, &j.len);
    double best = 0;

    j.bytes = bytes;
    counting_parser(&j);
    best = best_of(pass_parser, &j);
    sse_parser_free(j.parser);
    printf("%s\tc\t%zu\t%zu\t%.9f\n", path, j.count, j.len, best);
    best = best_of(pass_memchr, &j);
    printf("%s\tmemchr\t%zu\t%zu\t%.9f\n", path, j.count, j.len, best);
    best = best_of_lua(&j);
    printf("%s\tlua-alone\t%zu\t%zu\t%.9f\n", path, j.count, j.len, best);
    free(bytes);
}

/* --- inputs that may be slow ------------------------------------------------------------------ */

static void repeat(sse_buffer *b, const char *text, size_t times)
{
    while (times-- > 0)
        if (sse_buffer_append(b, text, strlen(text)))
            abort();
}

static void long_line(sse_buffer *b, size_t times)
{
    repeat(b, "data:", 1);
    repeat(b, "x", times * 262144);
    repeat(b, "\n\n", 1);
}

static void many_lines(sse_buffer *b, size_t times)
{
    repeat(b, "data:x\n", times * 50000);
    repeat(b, "\n", 1);
}

static void one_cr(sse_buffer *b, size_t times)
{
    repeat(b, "data:x\r", 1);
    repeat(b, "\n", times * 1000000);
}

static double trap_seconds(void (*make)(sse_buffer *, size_t), size_t times, size_t piece)
{
    job j = { .piece = piece };
    sse_buffer b;
    double best = 0;

    sse_buffer_init(&b, SIZE_MAX);
    make(&b, times);
    j.bytes = b.data;
    j.len = b.len;
    counting_parser(&j);
    best = best_of(pass_parser, &j);
    if (j.count != 1)
        abort();
    sse_parser_free(j.parser);
    sse_buffer_free(&b);
    return best;
}

static void run_traps(void)
{
    static const struct {
        const char *name;
        void (*make)(sse_buffer *, size_t);
        size_t piece;
    } traps[] = {
        { "256 KiB line in pieces of 4 bytes", long_line, 4 },
        { "50,000 data lines in one event", many_lines, PIECE },
        { "one CR among a million LFs", one_cr, PIECE },
    };

    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        double once = trap_seconds(traps[i].make, 1, traps[i].piece);
        double twice = trap_seconds(traps[i].make, 2, traps[i].piece);

        printf("%s\t%.9f\t%.9f\n", traps[i].name, once, twice);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    if (argc == 1)
        run_traps();
    return 0;
}
