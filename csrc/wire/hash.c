#include "hash.h"

#define ROTATE(x, bits) (((x) << (bits)) | ((x) >> (64 - (bits))))

typedef struct state {
    uint64_t a, b, c, d;
} state;

static void sip_round(state *v)
{
    v->a += v->b;
    v->b = ROTATE(v->b, 13) ^ v->a;
    v->a = ROTATE(v->a, 32);
    v->c += v->d;
    v->d = ROTATE(v->d, 16) ^ v->c;
    v->a += v->d;
    v->d = ROTATE(v->d, 21) ^ v->a;
    v->c += v->b;
    v->b = ROTATE(v->b, 17) ^ v->c;
    v->c = ROTATE(v->c, 32);
}

/* Reads n bytes (at most eight) as a little-endian number. */
static uint64_t load(const char *at, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return word;
}

static void absorb(state *v, uint64_t word)
{
    v->d ^= word;
    sip_round(v);
    v->a ^= word;
}

uint64_t sse_hash(const sse_hash_seed *seed, sse_slice bytes)
{
    state v = { seed->k[0] ^ 0x736f6d6570736575u, seed->k[1] ^ 0x646f72616e646f6du,
                seed->k[0] ^ 0x6c7967656e657261u, seed->k[1] ^ 0x7465646279746573u };
    size_t at = 0;

    for (; bytes.len - at >= 8; at += 8)
        absorb(&v, load(bytes.at + at, 8));
    absorb(&v, load(bytes.at + at, bytes.len - at) | (uint64_t)bytes.len << 56);
    v.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}
