/* http1_chars.h: which bytes may stand where in HTTP (RFC 9110 section 5, RFC 3986 section 3.2). */
#ifndef SSE_WIRE_HTTP1_CHARS_H
#define SSE_WIRE_HTTP1_CHARS_H

#include <stdint.h>

#include "slice.h"

/* Sets of bytes, one bit each. */
extern const uint32_t sse_http1_token[8];  /* RFC 9110 section 5.6.2 */
extern const uint32_t sse_http1_target[8]; /* visible ASCII without "#" */
extern const uint32_t sse_http1_value[8];  /* RFC 9110 section 5.5: tab, space, visible, obs-text */
extern const uint32_t sse_http1_host[8];   /* unreserved and sub-delims of RFC 3986 without "," */

static inline bool sse_http1_in(const uint32_t set[8], char c)
{
    return set[(unsigned char)c >> 5] >> ((unsigned char)c & 31) & 1;
}

static inline bool sse_http1_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 0 to 15, or -1 for what is no hexadecimal digit. */
int sse_http1_hex(char c);

/* A token (RFC 9110 section 5.6.2): a method, a field name. What the value of a field may hold. */
bool sse_http1_is_token(sse_slice s);
bool sse_http1_is_value(sse_slice s);

/* The next element of a comma-separated list, without white space around it; *rest moves past it
 * and its comma. false: *rest was absent. An empty list has one empty element. */
bool sse_http1_next_element(sse_slice *rest, sse_slice *element);

#endif
