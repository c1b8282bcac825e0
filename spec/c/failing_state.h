/* failing_state.h: when allocations fail, for the programs of failing_malloc.h: each includes it
 * once, in the file that has main. Those of other libraries fail by must_fail. */
#ifndef SSE_SPEC_FAILING_STATE_H
#define SSE_SPEC_FAILING_STATE_H

#include "failing_malloc.h"

#undef malloc
#undef calloc
#undef realloc
#undef free

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            fail(__FILE__, #condition, __LINE__); \
    } while (0)

static long until_failure = -1; /* allocations that still succeed; negative: all of them */
static bool one_failure;        /* only that allocation fails; else all after it, too */
static bool failed;             /* an allocation failed */
static long live;               /* blocks that are allocated */
static const char *scenario = "";
static long nth;

static void fail(const char *file, const char *what, int line)
{
    fprintf(stderr, "%s:%d: %s, allocation %ld: %s\n", file, line, scenario, nth, what);
    exit(1);
}

static bool must_fail(void)
{
    if (until_failure < 0)
        return false;
    if (until_failure > 0) {
        until_failure--;
        return false;
    }
    failed = true;
    if (one_failure)
        until_failure = -1;
    return true;
}

void *failing_malloc(size_t size)
{
    void *at = must_fail() ? NULL : malloc(size);

    live += at != NULL;
    return at;
}

void *failing_calloc(size_t count, size_t size)
{
    void *at = must_fail() ? NULL : calloc(count, size);

    live += at != NULL;
    return at;
}

void *failing_realloc(void *at, size_t size)
{
    void *moved = must_fail() ? NULL : realloc(at, size);

    live += moved && !at;
    return moved;
}

void failing_free(void *at)
{
    live -= at != NULL;
    free(at);
}

#endif
