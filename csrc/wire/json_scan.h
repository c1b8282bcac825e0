/* json_scan.h: finds the bytes of a JSON string that need a closer look, 16 at a time with SSE2 or
 * NEON, else 8 at a time (SSE_SCAN_PORTABLE forces that). */
#ifndef SSE_WIRE_JSON_SCAN_H
#define SSE_WIRE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(SSE_SCAN_PORTABLE)
#include <emmintrin.h>
#define SSE_JSON_STEP 16
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SSE_SCAN_PORTABLE)
#include <arm_neon.h>
#define SSE_JSON_STEP 16
#else
#define SSE_JSON_STEP 8
#endif

/* Says whether a byte ends a run of plain characters: '"', '\' or a control character. */
static inline bool sse_json_is_stop(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* sse_json_block looks at SSE_JSON_STEP bytes. It returns how many of them come before the first
 * stop; *high (out): one of these is not ASCII. */
#if defined(__SSE2__) && !defined(SSE_SCAN_PORTABLE)

static inline int sse_json_block(const char *at, bool *high)
{
    __m128i v = _mm_loadu_si128((const __m128i *)at);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    unsigned stops =
        (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, escape)));
    int plain = __builtin_ctz(stops | 0x10000u);

    *high = ((unsigned)_mm_movemask_epi8(v) & ((1u << plain) - 1)) != 0;
    return plain;
}

#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SSE_SCAN_PORTABLE)

/* Returns four bits for each byte, all of them set where the byte's highest bit is. */
static inline uint64_t sse_json_mask(uint8x16_t v)
{
    uint8x16_t signs = vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(v), 7));

    return vget_lane_u64(
        vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(signs), 4)), 0);
}

static inline int sse_json_block(const char *at, bool *high)
{
    uint8x16_t v = vld1q_u8((const uint8_t *)at);
    uint8x16_t stops = vorrq_u8(vcltq_u8(v, vdupq_n_u8(0x20)),
                                vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')),
                                         vceqq_u8(v, vdupq_n_u8('\\'))));
    uint64_t mask = sse_json_mask(stops);
    int plain = mask ? __builtin_ctzll(mask) / 4 : 16;
    uint64_t before = plain < 16 ? ((uint64_t)1 << 4 * plain) - 1 : UINT64_MAX;

    *high = (sse_json_mask(v) & before) != 0;
    return plain;
}

#else

/* Returns 0x80 in each byte of word that is smaller than n (at most 0x80), 0 in all others. */
static inline uint64_t sse_json_less(uint64_t word, unsigned n)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t sums = (word & ~highs) + ones * (0x80 - n);

    return ~(sums | word) & highs;
}

static inline int sse_json_block(const char *at, bool *high)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word = 0, stops = 0, before = UINT64_MAX;
    int plain = 8;

    memcpy(&word, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    stops = sse_json_less(word, 0x20) | sse_json_less(word ^ ones * '"', 1) |
            sse_json_less(word ^ ones * '\\', 1);
    if (stops) {
        plain = __builtin_ctzll(stops) / 8;
        before = ((uint64_t)1 << 8 * plain) - 1;
    }
    *high = (word & before & highs) != 0;
    return plain;
}

#endif

/* Returns the first stop in [at, end), or `end`. *non_ascii becomes true if a byte before it is not
 * ASCII. */
static inline const char *sse_json_plain(const char *at, const char *end, bool *non_ascii)
{
    while (end - at >= SSE_JSON_STEP) {
        bool high = false;
        int plain = sse_json_block(at, &high);

        *non_ascii |= high;
        at += plain;
        if (plain < SSE_JSON_STEP)
            return at;
    }
    for (; at < end && !sse_json_is_stop((unsigned char)*at); at++)
        *non_ascii |= (unsigned char)*at >= 0x80;
    return at;
}

static inline const char *sse_json_skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

#endif
