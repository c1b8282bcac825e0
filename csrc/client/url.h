/* url.h: parses URLs by the web's rules, and refuses those that libcurl would read otherwise. */
#ifndef SSE_CLIENT_URL_H
#define SSE_CLIENT_URL_H

#include "../wire/url.h"

/* sse_url_parse, with libidn2 for domains that are not ASCII. Then libcurl's own parser
 * reads the result: SSE_EINVAL where it finds another scheme, host, port, path or query. Else out,
 * *why and codes as for sse_url_parse. */
int sse_url_read(sse_url *out, sse_slice text, sse_slice base, const char **why);

#endif
