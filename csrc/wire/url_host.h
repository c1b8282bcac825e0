/* url_host.h: parses and serializes the host of a URL (WHATWG URL, section 3.5). */
#ifndef SSE_WIRE_URL_HOST_H
#define SSE_WIRE_URL_HOST_H

#include "buffer.h"
#include "slice.h"

/* Bytes of a URL as it is given, and as it is serialized. */
#define SSE_MAX_URL ((size_t)64 << 10)

/* A function that appends a domain in ASCII: by Unicode's UTS 46, with Punycode. The domain is
 * valid UTF-8, ends in NUL, is not ASCII, and holds no ASCII character that a domain may not hold.
 * SSE_OK, SSE_EINVAL or SSE_ENOMEM. */
typedef int sse_url_to_ascii(const char *domain, sse_buffer *out);

/* Appends the text percent-decoded. SSE_ETOOBIG, SSE_ENOMEM. */
int sse_url_decode(sse_buffer *out, sse_slice text);

/* Appends the host in its canonical form: a domain in lower-case ASCII, an IPv4 address as four
 * decimal numbers, an IPv6 address compressed and in brackets. SSE_EINVAL with *why (out: a static
 * string), SSE_ETOOBIG, SSE_ENOMEM. */
int sse_url_host(sse_buffer *out, sse_slice text, sse_url_to_ascii *to_ascii, const char **why);

#endif
