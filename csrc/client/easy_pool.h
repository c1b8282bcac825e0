/* easy_pool.h: easy handles of libcurl that have served a transfer and may serve another. Making a
 * handle costs more than resetting one. */
#ifndef SSE_CLIENT_EASY_POOL_H
#define SSE_CLIENT_EASY_POOL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define SSE_EASY_POOL 16 /* handles that are kept; each has some 6 KiB */

/* All zeros: an empty one. */
typedef struct sse_easy_pool {
    CURL *handles[SSE_EASY_POOL];
    size_t count;
} sse_easy_pool;

/* Returns a handle without options, or NULL: out of memory. */
CURL *sse_easy_pool_take(sse_easy_pool *p);

/* Takes a handle back that libcurl's multi interface has no more. `clean`: its transfer has ended
 * well, and had no option that is private, such as credentials, cookies, a certificate, a body.
 * Another handle is freed: what curl_easy_reset leaves of these differs between releases. */
void sse_easy_pool_give(sse_easy_pool *p, CURL *easy, bool clean);

void sse_easy_pool_free(sse_easy_pool *p);

#endif
