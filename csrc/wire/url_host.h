/* url_host.h: the host of a URL (WHATWG URL, section 3.5). */
#ifndef SSE_WIRE_URL_HOST_H
#define SSE_WIRE_URL_HOST_H

#include "buffer.h"
#include "slice.h"

#define SSE_MAX_URL ((size_t)64 << 10) /* bytes, as it is given and as it is serialized */

/* Writes a domain that is not ASCII (valid UTF-8, NUL-terminated, no ASCII that a domain may not
 * hold) in ASCII: Unicode's UTS 46 with Punycode. SSE_OK, SSE_EINVAL or SSE_ENOMEM. */
typedef int sse_url_to_ascii(const char *domain, sse_buffer *out);

/* Appends the percent-decoded text. */
int sse_url_decode(sse_buffer *out, sse_slice text);

/* Appends the host in its one spelling: lower case, an IPv4 address in four decimal numbers, an
 * IPv6 address compressed and in brackets. SSE_EINVAL, *why says why; SSE_ETOOBIG, SSE_ENOMEM. */
int sse_url_host(sse_buffer *out, sse_slice text, sse_url_to_ascii *to_ascii, const char **why);

#endif
