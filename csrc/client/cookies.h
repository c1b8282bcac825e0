/* cookies.h: a bound on the cookies that libcurl keeps, of which it has none of its own. */
#ifndef SSE_CLIENT_COOKIES_H
#define SSE_CLIENT_COOKIES_H

#include <curl/curl.h>

#define SSE_MAX_SITE_COOKIES 180  /* of hosts whose names end in the same two labels */
#define SSE_MAX_COOKIES      1000 /* libcurl lists n of them in a time that grows with n * n */

/* Takes the oldest cookies of each site that has too many, then whatever is too much, out of the
 * cookies of a share object. Where memory is short,
 * cookies stay. */
void sse_cookies_prune(CURLSH *share);

/* The same for a file of cookies, where it is larger than a MiB. */
void sse_cookies_prune_file(const char *path);

#endif
