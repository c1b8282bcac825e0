/* url.h: URLs as the web reads them (WHATWG URL, the basic URL parser), for the schemes that have
 * a host: http, https, ws, wss, ftp. Of any other scheme only the name is read. No I/O. */
#ifndef SSE_WIRE_URL_H
#define SSE_WIRE_URL_H

#include "buffer.h"
#include "slice.h"
#include "url_host.h"

/* SSE_URL_USER and SSE_URL_PASSWORD are percent-decoded, the rest is as the web serializes it. */
typedef enum sse_url_part {
    SSE_URL_SCHEME,
    SSE_URL_HOST, /* a domain in ASCII, an IPv4 address or an IPv6 address in brackets */
    SSE_URL_PORT, /* absent where it is the scheme's default */
    SSE_URL_PATH, /* begins with "/" */
    SSE_URL_QUERY,
    SSE_URL_FRAGMENT,
    SSE_URL_USER,
    SSE_URL_PASSWORD,
    SSE_URL_HREF,    /* the whole URL */
    SSE_URL_REQUEST, /* the same without user, password and fragment */
    SSE_URL_ORIGIN,  /* scheme://host[:port]; "null" where the scheme has no host */
    SSE_URL_PARTS
} sse_url_part;

/* A part that the URL does not have is absent. A URL whose scheme has no host has the scheme, href,
 * request (both as they were given) and origin. */
typedef struct sse_url {
    sse_buffer part[SSE_URL_PARTS];
    bool has[SSE_URL_PARTS];
} sse_url;

/* Reads text, relative to base where base is not absent. SSE_EINVAL, SSE_ETOOBIG (past SSE_MAX_URL)
 * or SSE_ENOMEM; *why, a static string, then says what was wrong and *out owns nothing. */
int sse_url_parse(sse_url *out, sse_slice text, sse_slice base, sse_url_to_ascii *to_ascii,
                  const char **why);
void sse_url_free(sse_url *u);

/* One part, absent where the URL has none. */
sse_slice sse_url_get(const sse_url *u, sse_url_part part);

#endif
