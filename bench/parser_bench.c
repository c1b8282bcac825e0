/* parser_bench.c: the parser counted in C, and memchr over the same bytes as the floor.
 * usage: parser_bench FILE...   prints FILE, what, events a pass, bytes a pass, best seconds a
 * pass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../csrc/wire/error.h"
#include "../csrc/wire/parser.h"

#define PIECE         16384
#define ROUNDS        7
#define ROUND_SECONDS 0.12

typedef struct counts {
    size_t events, bytes; /* bytes of data: what a caller would read */
} counts;

typedef struct input {
    char *bytes;
    size_t len;
} input;

typedef size_t pass(const input *in, sse_parser *parser);

static counts counted;

static void on_event(void *user, const sse_event *event)
{
    (void)user;
    counted.events++;
    counted.bytes += event->data.len;
}

static size_t pass_parser(const input *in, sse_parser *parser)
{
    counted = (counts){ 0 };
    sse_parser_reset(parser);
    for (size_t at = 0; at < in->len; at += PIECE) {
        size_t len = in->len - at < PIECE ? in->len - at : PIECE;

        if (sse_parser_feed(parser, in->bytes + at, len) != SSE_OK)
            abort();
    }
    return counted.events;
}

static size_t pass_memchr(const input *in, sse_parser *parser)
{
    const char *at = in->bytes, *end = at + in->len;
    size_t lines = 0;

    (void)parser;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    return lines;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The best round's seconds for one pass. */
static double best_of(pass *run, const input *in, sse_parser *parser, size_t *count)
{
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds(), taken = 0;
        int passes = 0;

        do {
            *count = run(in, parser);
            passes++;
            taken = seconds() - start;
        } while (taken < ROUND_SECONDS);
        if (taken / passes < best)
            best = taken / passes;
    }
    return best;
}

static input read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    input in = { 0 };
    long len = 0;

    if (!file || fseek(file, 0, SEEK_END) || (len = ftell(file)) <= 0)
        exit((perror(path), 1));
    rewind(file);
    in.len = (size_t)len;
    in.bytes = malloc(in.len);
    if (!in.bytes || fread(in.bytes, 1, in.len, file) != in.len)
        exit((perror(path), 1));
    fclose(file);
    return in;
}

int main(int argc, char **argv)
{
    const sse_parser_callbacks callbacks = { .on_event = on_event };

    for (int i = 1; i < argc; i++) {
        input in = read_file(argv[i]);
        sse_parser *parser = NULL;
        size_t count = 0;
        double best = 0;

        if (sse_parser_new(&parser, NULL, &callbacks, NULL))
            return 1;
        best = best_of(pass_parser, &in, parser, &count);
        printf("%s\tc\t%zu\t%zu\t%.9f\n", argv[i], count, in.len, best);
        best = best_of(pass_memchr, &in, parser, &count);
        printf("%s\tmemchr\t%zu\t%zu\t%.9f\n", argv[i], count, in.len, best);
        sse_parser_free(parser);
        free(in.bytes);
    }
    return 0;
}
