#include "easy_pool.h"

CURL *sse_easy_pool_take(sse_easy_pool *p)
{
    return p->count > 0 ? p->handles[--p->count] : curl_easy_init();
}

void sse_easy_pool_give(sse_easy_pool *p, CURL *easy, bool clean)
{
    if (!easy)
        return;
    if (!clean || p->count == SSE_EASY_POOL) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    p->handles[p->count++] = easy;
}

void sse_easy_pool_free(sse_easy_pool *p)
{
    while (p->count > 0)
        curl_easy_cleanup(p->handles[--p->count]);
}
