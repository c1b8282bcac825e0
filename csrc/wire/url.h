/* url.h: parses URLs by the web's rules (WHATWG URL, the basic URL parser), for schemes that have a
 * host: http, https, ws, wss, ftp. Of a URL with another scheme only the scheme is read. No I/O. */
#ifndef SSE_WIRE_URL_H
#define SSE_WIRE_URL_H

#include "buffer.h"
#include "slice.h"
#include "url_host.h"

/* User and password are percent-decoded; all other parts are as the web serializes them. */
typedef enum sse_url_part {
    SSE_URL_SCHEME,
    SSE_URL_HOST, /* a domain in ASCII, an IPv4 address or an IPv6 address in brackets */
    SSE_URL_PORT, /* absent if it is the scheme's default */
    SSE_URL_PATH, /* begins with "/" */
    SSE_URL_QUERY,
    SSE_URL_FRAGMENT,
    SSE_URL_USER,
    SSE_URL_PASSWORD,
    SSE_URL_HREF,    /* the whole URL */
    SSE_URL_REQUEST, /* the URL without user, password and fragment */
    SSE_URL_ORIGIN,  /* scheme://host[:port]; "null" if the scheme has no host */
    SSE_URL_PARTS
} sse_url_part;

/* A part that the URL lacks is absent. A URL whose scheme has no host has four parts only: scheme,
 * origin, and href and request, both as they were given. */
typedef struct sse_url {
    sse_buffer part[SSE_URL_PARTS];
    bool has[SSE_URL_PARTS]; /* false: the part is absent */
} sse_url;

/* Parses `text`, relative to `base` unless that is absent. *out is to be freed by sse_url_free. On
 * failure *why (out: a static string) says what is wrong, and *out owns nothing: SSE_EINVAL,
 * SSE_ETOOBIG (past SSE_MAX_URL), SSE_ENOMEM. */
int sse_url_parse(sse_url *out, sse_slice text, sse_slice base, sse_url_to_ascii *to_ascii,
                  const char **why);
void sse_url_free(sse_url *u);

/* Returns a part, which lives as long as the URL; absent if the URL lacks it. */
sse_slice sse_url_get(const sse_url *u, sse_url_part part);

#endif
