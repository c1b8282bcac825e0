/* http1_fuzz.c: the same bytes give the same requests and the same refusal however they are split,
 * and every slice that is reported lies within them. The first two bytes of an input choose the
 * split and the limits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../csrc/wire/error.h"
#include "../csrc/wire/http1_body.h"
#include "../csrc/wire/http1_head.h"

typedef struct peer {
    sse_http1_limits limits;
    const char *bytes; /* of the whole input */
    size_t at, end;    /* bytes consumed; bytes that have arrived */
    size_t scanned;    /* the head parser's */
    bool in_body;
    sse_http1_head head;
    sse_http1_body body;
    sse_http1_refusal refusal;
    uint64_t hash; /* of everything reported */
    size_t requests, body_bytes;
} peer;

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void hash_bytes(peer *p, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        p->hash = (p->hash ^ at[i]) * 1099511628211u;
}

static void hash_slice(peer *p, sse_slice s, const char *low, const char *high)
{
    require(s.at >= low && s.at + s.len <= high, "a slice is not within the input");
    hash_bytes(p, s.at, s.len);
    hash_bytes(p, "|", 1);
}

static void hash_head(peer *p, const char *low, size_t used)
{
    const sse_http1_head *h = &p->head;

    require(h->field_count <= SSE_HTTP1_MAX_FIELDS, "too many fields");
    require(!(h->chunked && h->content_length >= 0), "both lengths");
    hash_slice(p, h->method, low, low + used);
    hash_slice(p, h->target, low, low + used);
    hash_bytes(p, &h->minor, sizeof h->minor);
    hash_bytes(p, &h->content_length, sizeof h->content_length);
    hash_bytes(p, (bool[]){ h->keep_alive, h->chunked, h->expect_continue }, 3);
    for (size_t i = 0; i < h->field_count; i++) {
        hash_slice(p, h->fields[i].name, low, low + used);
        hash_slice(p, h->fields[i].value, low, low + used);
    }
    p->requests++;
}

static int take_head(peer *p)
{
    size_t len = p->end - p->at, used = 0;
    char *copy = malloc(len ? len : 1); /* the sanitizer sees a read past its end */
    int code = SSE_OK;

    require(copy != NULL, "memory");
    memcpy(copy, p->bytes + p->at, len);
    code = sse_http1_parse_head(copy, len, &p->limits, &p->scanned, &p->head, &used, &p->refusal);
    if (!code) {
        require(used <= len, "a head longer than the input");
        hash_head(p, copy, used);
        code = sse_http1_body_init(&p->body, &p->head, 300, 64, &p->refusal);
        p->at += used;
        p->scanned = 0;
        p->in_body = true;
    }
    free(copy);
    return code;
}

static int take_body(peer *p)
{
    const char *low = p->bytes + p->at;
    size_t used = 0;
    sse_slice data = { NULL, 0 };
    int code = sse_http1_body_feed(&p->body, low, p->end - p->at, &used, &data, &p->refusal);

    if (code)
        return code;
    require(used <= p->end - p->at, "more used than given");
    require(data.at >= low && data.at + data.len <= low + used, "data is not within the input");
    hash_bytes(p, data.at, data.len);
    p->body_bytes += data.len;
    p->at += used;
    p->in_body = !p->body.done;
    return used == 0 && p->in_body ? SSE_EAGAIN : SSE_OK;
}

/* Parses `len` bytes that arrive in pieces: the first of `first` bytes, the others of `step` bytes
 * (0: all the rest). */
static void feed(peer *p, size_t len, size_t first, size_t step)
{
    int code = SSE_EAGAIN;

    p->end = first < len ? first : len;
    for (;;) {
        do
            code = p->in_body ? take_body(p) : take_head(p);
        while (code == SSE_OK);
        if (code != SSE_EAGAIN || p->end == len)
            break;
        p->end = step && len - p->end > step ? p->end + step : len;
    }
    hash_bytes(p, &p->refusal.status, sizeof p->refusal.status);
    if (code == SSE_EPROTO)
        require(p->refusal.status >= 400 && p->refusal.reason, "a refusal without a reason");
    else
        require(code == SSE_EAGAIN && p->refusal.status == 0, "neither open nor refused");
}

static void same(const peer *a, const peer *b)
{
    require(a->hash == b->hash && a->requests == b->requests && a->body_bytes == b->body_bytes,
            "another split, another outcome");
    require(a->refusal.status == b->refusal.status && a->refusal.reason == b->refusal.reason,
            "another split, another refusal");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static peer whole, bytewise, split; /* too large for the stack; assigned below */
    peer start = { .limits = { 16384, 8192 } };

    if (size < 2)
        return 0;
    if (data[1] & 1)
        start.limits = (sse_http1_limits){ 40 + data[1], 10 + data[1] / 2 };
    start.bytes = (const char *)data + 2;
    size -= 2;
    whole = bytewise = split = start;
    feed(&whole, size, size, 0);
    feed(&bytewise, size, 1, 1);
    feed(&split, size, data[0], data[1] >> 1);
    same(&whole, &bytewise);
    same(&whole, &split);
    return 0;
}
