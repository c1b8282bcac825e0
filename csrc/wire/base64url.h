/* base64url.h: base64url without padding (RFC 4648 section 5, RFC 7515 section 2). */
#ifndef SSE_WIRE_BASE64URL_H
#define SSE_WIRE_BASE64URL_H

#include "slice.h"

/* How many characters `len` bytes become. */
static inline size_t sse_base64url_size(size_t len)
{
    return len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
}

/* The most bytes that so many characters stand for. */
static inline size_t sse_base64url_room(size_t len)
{
    return len / 4 * 3 + 3;
}

/* Writes sse_base64url_size(len) characters. */
void sse_base64url_encode(const void *bytes, size_t len, char *to);

/* Decodes into `to`, which may be the text's own place. False: the text has another character, also
 * '=' or a blank, or is not what the bytes would be encoded as, so that no two texts stand for the
 * same bytes. */
bool sse_base64url_decode(sse_slice text, char *to, size_t *len);

#endif
