/* scan.h: the next line end, and on the way whether the line has a byte outside of ASCII: one pass over
 * the bytes with SSE2, NEON or 8-byte words. SSE_SCAN_PORTABLE forces the last. */
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

/* The rest of a piece that is too short for a block. */
static inline const char *sse_scan_bytes(const char *at, const char *end, bool *high)
{
    for (; at < end && *at != '\n' && *at != '\r'; at++)
        *high |= (unsigned char)*at >= 0x80;
    return at;
}

#if defined(SSE_SCAN_SSE2)

static inline unsigned sse_scan_ends(__m128i v)
{
    __m128i cr = _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'));
    __m128i lf = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(cr, lf));
}

/* Passes over blocks of 64 bytes that hold no line end. */
static inline const char *sse_scan_long(const char *at, const char *end, bool *high)
{
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
    __m128i seen = _mm_setzero_si128();

    for (; end - at >= 64; at += 64) {
        __m128i a = _mm_loadu_si128((const __m128i *)at), b = _mm_loadu_si128((const __m128i *)(at + 16));
        __m128i c = _mm_loadu_si128((const __m128i *)(at + 32)), d = _mm_loadu_si128((const __m128i *)(at + 48));
        __m128i ab = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(a, cr), _mm_cmpeq_epi8(a, lf)),
                                  _mm_or_si128(_mm_cmpeq_epi8(b, cr), _mm_cmpeq_epi8(b, lf)));
        __m128i cd = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(c, cr), _mm_cmpeq_epi8(c, lf)),
                                  _mm_or_si128(_mm_cmpeq_epi8(d, cr), _mm_cmpeq_epi8(d, lf)));

        if (_mm_movemask_epi8(_mm_or_si128(ab, cd)))
            break;
        seen = _mm_or_si128(seen, _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
    }
    *high |= _mm_movemask_epi8(seen) != 0;
    return at;
}

/* The first CR or LF in [at, end), or end. *high becomes true where a byte before it is not ASCII. */
static inline const char *sse_scan_line(const char *at, const char *end, bool *high)
{
    unsigned seen = 0, ends = 0;

    for (int blocks = 0; end - at >= 16; blocks++) {
        __m128i v = _mm_loadu_si128((const __m128i *)at);

        ends = sse_scan_ends(v);
        seen |= (unsigned)_mm_movemask_epi8(v) & (ends - 1) & ~ends; /* the bytes before the first end */
        if (ends) {
            *high |= seen != 0;
            return at + __builtin_ctz(ends);
        }
        at += 16;
        if (blocks == 3)
            at = sse_scan_long(at, end, high);
    }
    *high |= seen != 0;
    return sse_scan_bytes(at, end, high);
}

#elif defined(SSE_SCAN_NEON)

/* Four bits for each byte of a comparison, lowest first. */
static inline uint64_t sse_scan_mask(uint8x16_t v)
{
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(v), 4)), 0);
}

static inline const char *sse_scan_line(const char *at, const char *end, bool *high)
{
    const uint8x16_t cr = vdupq_n_u8('\r'), lf = vdupq_n_u8('\n'), top = vdupq_n_u8(0x80);
    uint64_t seen = 0;

    for (; end - at >= 16; at += 16) {
        uint8x16_t v = vld1q_u8((const uint8_t *)at);
        uint64_t ends = sse_scan_mask(vorrq_u8(vceqq_u8(v, cr), vceqq_u8(v, lf)));

        seen |= sse_scan_mask(vcgeq_u8(v, top)) & (ends - 1) & ~ends;
        if (ends) {
            *high |= seen != 0;
            return at + __builtin_ctzll(ends) / 4;
        }
    }
    *high |= seen != 0;
    return sse_scan_bytes(at, end, high);
}

#else

static inline uint64_t sse_scan_has(uint64_t word, unsigned char byte)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t x = word ^ ones * byte;

    return (x - ones) & ~x & ones << 7; /* not 0 where a byte of word equals byte */
}

static inline const char *sse_scan_line(const char *at, const char *end, bool *high)
{
    uint64_t seen = 0;

    for (; end - at >= 8; at += 8) {
        uint64_t word = 0;

        memcpy(&word, at, 8);
        if (sse_scan_has(word, '\r') | sse_scan_has(word, '\n'))
            break;
        seen |= word;
    }
    *high |= (seen & 0x8080808080808080u) != 0;
    return sse_scan_bytes(at, end, high);
}

#endif
#endif
