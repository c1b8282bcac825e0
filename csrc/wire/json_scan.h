/* json_scan.h: finds the bytes of a JSON string that need a closer look, 16 at a time with SSE2 or
 * NEON, else 8 at a time (SSE_SCAN_PORTABLE forces that). */
#ifndef SSE_WIRE_JSON_SCAN_H
#define SSE_WIRE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(SSE_SCAN_PORTABLE)
#include <emmintrin.h>
#define SSE_JSON_SSE2 1
#define SSE_JSON_STEP 16
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SSE_SCAN_PORTABLE)
#include <arm_neon.h>
#define SSE_JSON_NEON 1
#define SSE_JSON_STEP 16
#else
#define SSE_JSON_STEP 8
#endif

#define SSE_JSON_HOT static inline __attribute__((always_inline))

/* Says whether a byte ends a run of plain characters: '"', '\' or a control character. */
static inline bool sse_json_is_stop(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* Returns eight bytes, the first one the lowest. */
static inline uint64_t sse_json_word(const char *at)
{
    uint64_t word = 0;

    memcpy(&word, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* sse_json_block looks at SSE_JSON_STEP bytes. It returns how many of them come before the first
 * stop; *high (out): one of these is not ASCII. */
#if defined(SSE_JSON_SSE2)

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

#elif defined(SSE_JSON_NEON)

/* Returns four bits for each byte, all of them set where the byte's highest bit is. */
static inline uint64_t sse_json_mask(uint8x16_t v)
{
    uint8x16_t signs = vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(v), 7));

    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(signs), 4)), 0);
}

static inline int sse_json_block(const char *at, bool *high)
{
    uint8x16_t v = vld1q_u8((const uint8_t *)at);
    uint8x16_t stops =
        vorrq_u8(vcltq_u8(v, vdupq_n_u8(0x20)),
                 vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')), vceqq_u8(v, vdupq_n_u8('\\'))));
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
    uint64_t word = sse_json_word(at), stops = 0, before = UINT64_MAX;
    int plain = 8;

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

/* Returns how many of SSE_JSON_STEP bytes come before the first one that is a stop or not ASCII. */
SSE_JSON_HOT int sse_json_ascii_block(const char *at)
{
#if defined(SSE_JSON_SSE2)
    __m128i v = _mm_loadu_si128((const __m128i *)at);
    __m128i found = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: also what is not ASCII */

    found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    return __builtin_ctz((unsigned)_mm_movemask_epi8(found) | 0x10000u);
#else
    bool high = false;
    int plain = sse_json_block(at, &high);

    return high ? 0 : plain; /* what comes from the beginning again loses nothing but time */
#endif
}

/* Compares texts of one length; short ones by two words that may overlap. */
SSE_JSON_HOT bool sse_json_same(const char *a, const char *b, size_t len)
{
    uint64_t x[2] = { 0 }, y[2] = { 0 };
    uint32_t v[2] = { 0 }, w[2] = { 0 };

    if (len > 16 || len < 4)
        return memcmp(a, b, len) == 0;
    if (len >= 8) {
        memcpy(&x[0], a, 8);
        memcpy(&x[1], a + len - 8, 8);
        memcpy(&y[0], b, 8);
        memcpy(&y[1], b + len - 8, 8);
        return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
    }
    memcpy(&v[0], a, 4);
    memcpy(&v[1], a + len - 4, 4);
    memcpy(&w[0], b, 4);
    memcpy(&w[1], b + len - 4, 4);
    return ((v[0] ^ w[0]) | (v[1] ^ w[1])) == 0;
}

/* --- for writing: copies, which stop also at DEL and at what is not ASCII --------------------- */

/* Returns 0x80 in bytes of word that are special: a stop, DEL or not ASCII. Above the lowest such
 * byte others may be marked, too. */
static inline uint64_t sse_json_specials(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"', escape = word ^ ones * '\\', del = word ^ ones * 0x7F;
    uint64_t less = (word - ones * 0x20) | (quote - ones) | (escape - ones) | (del - ones);

    return (less | word) & highs;
}

/* Copies SSE_JSON_STEP bytes, and returns how many come before the first special one. */
static inline int sse_json_copy_block(char *to, const char *from)
{
#if defined(SSE_JSON_SSE2)
    __m128i v = _mm_loadu_si128((const __m128i *)from);
    __m128i found = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: also what is not ASCII */

    _mm_storeu_si128((__m128i *)to, v);
    found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    found = _mm_or_si128(found, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));
    return __builtin_ctz((unsigned)_mm_movemask_epi8(found) | 0x10000u);
#else
    for (int i = 0; i < SSE_JSON_STEP; i += 8) {
        uint64_t word = sse_json_word(from + i), found = sse_json_specials(word);

        memcpy(to + i, from + i, 8);
        if (found)
            return i + __builtin_ctzll(found) / 8;
    }
    return SSE_JSON_STEP;
#endif
}

/* Copies up to 16 bytes, and says whether none of them is special. Goes by two words that may
 * overlap, instead of by bytes. */
SSE_JSON_HOT bool sse_json_copy_few(char *to, const char *from, size_t len)
{
    uint64_t a = 0, b = 0;
    uint32_t first = 0, last = 0;

    if (len >= 8) {
        memcpy(&a, from, 8);
        memcpy(&b, from + len - 8, 8);
        memcpy(to, &a, 8);
        memcpy(to + len - 8, &b, 8);
        return !(sse_json_specials(a) | sse_json_specials(b));
    }
    if (len >= 4) {
        memcpy(&first, from, 4);
        memcpy(&last, from + len - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + len - 4, &last, 4);
        return !sse_json_specials((uint64_t)first << 32 | last);
    }
    if (len == 0)
        return true;
    a = (unsigned char)from[0]; /* of one to three bytes these three are all */
    a = a << 8 | (unsigned char)from[len / 2];
    a = a << 8 | (unsigned char)from[len - 1];
    to[0] = from[0];
    to[len / 2] = from[len / 2];
    to[len - 1] = from[len - 1];
    return !sse_json_specials(a << 40 | 0x2020202020);
}

/* Copies a text, and says whether nothing in it is special. If something is, the copy is of no use.
 */
SSE_JSON_HOT bool sse_json_copy_plain(char *to, const char *from, size_t len)
{
    size_t i = 0;

    if (len <= 16)
        return sse_json_copy_few(to, from, len);
    for (; i + SSE_JSON_STEP <= len; i += SSE_JSON_STEP)
        if (sse_json_copy_block(to + i, from + i) < SSE_JSON_STEP)
            return false;
    i = len - SSE_JSON_STEP; /* the last bytes, with some that were looked at */
    return sse_json_copy_block(to + i, from + i) == SSE_JSON_STEP;
}

/* Says whether `c` is at `at`, with a byte behind it that is no blank. */
SSE_JSON_HOT bool sse_json_is_tight(const char *at, const char *end, char c)
{
    return end - at > 1 && at[0] == c && (unsigned char)at[1] > ' ';
}

SSE_JSON_HOT const char *sse_json_skip_blanks(const char *at, const char *end)
{
    if (at < end && (unsigned char)*at > ' ')
        return at;
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

#endif
