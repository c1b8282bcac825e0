/* failing_redis_queue.c: what csrc/redis makes of events, while the n-th allocation fails, for
 * every n: nothing is leaked or half done, and what comes out has the right bytes. */
#include "failing_state.h"

#include <string.h>
#include <unistd.h>

#include "../../csrc/redis/command.h"

#define COMMAND \
    "*8\r\n$7\r\nEVALSHA\r\n$13\r\n\xdc\0\x02\xce\0\0\0\x09\xce\0\0\0\x02\r\n" \
    "$30\r\nw:1:1 9 3 -1 0 -1\ndata: x\n\nown\r\n$22\r\nw:1:2 2 -1 -1 -1 -1\n\n\n\r\n" \
    "$4\r\n=own\r\n$1\r\n=\r\n$0\r\n\r\n$0\r\n\r\n"

/* A run of two events. */
static union {
    run run;
    char room[sizeof(run) + 2 * sizeof(append *)];
} two;

static void make_command(queue *q)
{
    static const char *const words[] = { "EVALSHA" };
    char *command = NULL;
    size_t len = 0;

    queue_take(q, &two.run, queue_run_size(q, 200, 1000));
    CHECK(two.run.count == 2 && queue_run_size(q, 200, 1000) == 0);
    command = command_append(1, words, &(size_t){ 7 }, &two.run, SSE_SLICE("w:1:"), &len);
    CHECK(command || failed);
    CHECK(!command || len == sizeof COMMAND - 1);
    CHECK(!command || memcmp(command, COMMAND, len) == 0);
    failing_free(command);
    run_free(&two.run);
}

/* Two events wait, a third one may not, and the two go in one run. */
static void play(void)
{
    const sse_slice first[TEXTS] = {
        SSE_SLICE("data: x\n\n"), SSE_SLICE("own"), { 0 }, SSE_SLICE("")
    };
    const sse_slice second[TEXTS] = { SSE_SLICE("\n\n") };
    tally t = { .most = 2, .owner = getpid(), .full = "full" };
    sse_direct_result why = { 0 };
    queue q;

    queue_init(&q, &t);
    if (queue_add(&q, first, 1, &why) && queue_add(&q, second, 1, &why)) {
        CHECK(!queue_add(&q, second, 1, &why) && strcmp(why.code, "EFULL") == 0);
        CHECK(append_text(q.first, SSE_DIRECT_ID).len == 3);
        CHECK(!append_text(q.first, SSE_DIRECT_KEY).at);
        make_command(&q);
    } else {
        CHECK(failed && strcmp(why.code, "ENOMEM") == 0 && t.refused == 1);
    }
    queue_free(&q);
    CHECK(t.count == 0 && t.bytes == 0);
}

int main(void)
{
    scenario = "appends";
    for (int one = 0; one < 2; one++) {
        one_failure = one;
        failed = true;
        for (nth = 0; failed; nth++) {
            until_failure = nth;
            failed = false;
            live = 0;
            play();
            CHECK(live == 0);
        }
        CHECK(nth > 3);
    }
    printf("%-14s %3ld allocations, each failed in turn\n", scenario, nth - 1);
    return 0;
}
