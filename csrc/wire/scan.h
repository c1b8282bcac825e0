/* scan.h: finds line ends in one pass over the bytes, in blocks of 64, with SSE2, NEON or 8-byte
 * words (SSE_SCAN_PORTABLE forces the words). In the same pass it finds out whether all bytes are
 * ASCII. */
#ifndef SSE_WIRE_SCAN_H
#define SSE_WIRE_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(SSE_SCAN_PORTABLE)
#include <emmintrin.h>
#define SSE_SCAN_SSE2 1
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SSE_SCAN_PORTABLE)
#include <arm_neon.h>
#define SSE_SCAN_NEON 1
#endif

#define SSE_SCAN_BLOCK 64

typedef struct sse_scan {
    const char *base; /* of the current block */
    const char *next; /* of the block behind it */
    uint64_t ends;    /* a bit for each CR or LF of the block that was not returned yet */
    bool non_ascii;   /* the block has a byte outside of ASCII */
} sse_scan;

/* sse_scan_block returns a bit for each CR or LF among 64 bytes, the first byte's the lowest;
 * *non_ascii (out): one of the bytes is not ASCII. */
#if defined(SSE_SCAN_SSE2)

static inline __m128i sse_scan_16(__m128i v)
{
    return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\r')),
                        _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
}

static inline uint64_t sse_scan_block(const char *at, bool *non_ascii)
{
    const __m128i *v = (const __m128i *)at;
    __m128i a = _mm_loadu_si128(v), b = _mm_loadu_si128(v + 1);
    __m128i c = _mm_loadu_si128(v + 2), d = _mm_loadu_si128(v + 3);
    __m128i all = _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d));

    *non_ascii = _mm_movemask_epi8(all) != 0;
    a = sse_scan_16(a);
    b = sse_scan_16(b);
    c = sse_scan_16(c);
    d = sse_scan_16(d);
    if (!_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))))
        return 0;
    return (uint64_t)(unsigned)_mm_movemask_epi8(a) |
           (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 |
           (uint64_t)(unsigned)_mm_movemask_epi8(c) << 32 |
           (uint64_t)(unsigned)_mm_movemask_epi8(d) << 48;
}

#elif defined(SSE_SCAN_NEON)

/* Of each byte that is CR or LF, sets the one bit that stands for its place among eight. */
static inline uint8x16_t sse_scan_16(uint8x16_t v)
{
    const uint8x16_t bits = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
    uint8x16_t ends = vorrq_u8(vceqq_u8(v, vdupq_n_u8('\r')), vceqq_u8(v, vdupq_n_u8('\n')));

    return vandq_u8(ends, bits);
}

static inline uint64_t sse_scan_block(const char *at, bool *non_ascii)
{
    const uint8_t *bytes = (const uint8_t *)at;
    uint8x16_t a = vld1q_u8(bytes), b = vld1q_u8(bytes + 16);
    uint8x16_t c = vld1q_u8(bytes + 32), d = vld1q_u8(bytes + 48);
    uint8x16_t sums = vpaddq_u8(vpaddq_u8(sse_scan_16(a), sse_scan_16(b)),
                                vpaddq_u8(sse_scan_16(c), sse_scan_16(d)));

    *non_ascii = vmaxvq_u8(vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d))) >= 0x80;
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

#else

/* Returns 0x80 in each byte of word that equals byte, 0 in all others. */
static inline uint64_t sse_scan_equal(uint64_t word, unsigned char byte)
{
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    uint64_t x = word ^ 0x0101010101010101u * byte;

    return ~(((x & low) + low) | x | low);
}

static inline uint64_t sse_scan_block(const char *at, bool *non_ascii)
{
    uint64_t ends = 0, all = 0;

    for (int i = 0; i < SSE_SCAN_BLOCK / 8; i++) {
        uint64_t word = 0, found = 0;

        memcpy(&word, at + 8 * i, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        all |= word;
        found = sse_scan_equal(word, '\r') | sse_scan_equal(word, '\n');
        /* The multiplication gathers one bit of each byte in the highest byte. */
        ends |= ((found >> 7) * 0x0102040810204080u >> 56) << 8 * i;
    }
    *non_ascii = (all & 0x8080808080808080u) != 0;
    return ends;
}

#endif

static inline void sse_scan_init(sse_scan *s, const char *at)
{
    *s = (sse_scan){ .base = at, .next = at };
}

/* Returns the first CR or LF in [at, end), or `end`. In all calls `end` and the bytes before it are
 * the same, and `at` never decreases. *non_ascii becomes true if a byte before the line end is not
 * ASCII; it may become true if one near the line is not. */
static inline const char *sse_scan_line(sse_scan *s, const char *at, const char *end,
                                        bool *non_ascii)
{
    *non_ascii |= s->non_ascii;
    for (;;) {
        while (s->ends) {
            const char *eol = s->base + __builtin_ctzll(s->ends);

            s->ends &= s->ends - 1;
            if (eol >= at) /* else it is the LF of a CRLF, which the caller has skipped */
                return eol;
        }
        if (s->next == end)
            return end;
        s->base = s->next;
        if (end - s->base >= SSE_SCAN_BLOCK) {
            s->ends = sse_scan_block(s->base, &s->non_ascii);
            s->next = s->base + SSE_SCAN_BLOCK;
        } else {
            char padded[SSE_SCAN_BLOCK] = { 0 };

            memcpy(padded, s->base, (size_t)(end - s->base));
            s->ends = sse_scan_block(padded, &s->non_ascii);
            s->next = end;
        }
        *non_ascii |= s->non_ascii;
    }
}

#endif
