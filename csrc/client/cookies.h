/* cookies.h: a bound on the number of cookies that libcurl keeps, since libcurl has none. */
#ifndef SSE_CLIENT_COOKIES_H
#define SSE_CLIENT_COOKIES_H

#include <curl/curl.h>

#define SSE_MAX_SITE_COOKIES 180  /* of a site: hosts whose names end in the same two labels */
#define SSE_MAX_COOKIES      1000 /* in all: listing n of them takes libcurl n * n steps */

/* Drops cookies of a share object: of each site that has too many the oldest, then any until
 * SSE_MAX_COOKIES are left. Out of memory, more cookies stay. */
void sse_cookies_prune(CURLSH *share);

/* Does the same to a file of cookies if it is larger than 1 MiB. */
void sse_cookies_prune_file(const char *path);

#endif
