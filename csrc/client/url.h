/* url.h: URLs as the web reads them, and only those that libcurl reads in the same way. */
#ifndef SSE_CLIENT_URL_H
#define SSE_CLIENT_URL_H

#include "../wire/url.h"

/* sse_url_parse with libcurl's IDNA, then libcurl's own parser beside it: SSE_EINVAL where libcurl
 * would take the request to another host, port, path or query. */
int sse_url_read(sse_url *out, sse_slice text, sse_slice base, const char **why);

#endif
