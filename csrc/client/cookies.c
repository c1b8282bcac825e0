#include "cookies.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../wire/slice.h"

typedef struct cookie {
    const char *line; /* as libcurl lists it: seven fields with tabs between them: domain, whether
                         subdomains get the cookie, path, secure, expiry, name, value */
    sse_slice site;   /* in `line` */
    size_t age;       /* place in libcurl's list, which has the older cookies of a site first */
} cookie;

/* libcurl takes no more than fifty cookies for one easy handle. A server's cookies could use up the
 * quota of the handle that does a request, so pruning has handles of its own, without a request,
 * and takes a new one after fifty cookies. */
enum { HANDLE_QUOTA = 50, LARGE_FILE = 1 << 20 };

typedef struct pruning {
    CURLSH *share;
    CURL *easy;
    int used; /* cookies that `easy` was given */
} pruning;

/* Returns a handle that still takes a cookie, or NULL. */
static CURL *get_handle(pruning *p)
{
    if (p->easy && p->used++ < HANDLE_QUOTA)
        return p->easy;
    curl_easy_cleanup(p->easy);
    p->used = 1;
    p->easy = curl_easy_init();
    if (p->easy && curl_easy_setopt(p->easy, CURLOPT_SHARE, p->share)) {
        curl_easy_cleanup(p->easy);
        p->easy = NULL;
    }
    return p->easy;
}

/* Returns the last two labels of a cookie's domain, or an IP address whole. */
static sse_slice site_of(const char *line)
{
    static const char http_only[] = "#HttpOnly_";
    const char *at = line, *end = NULL, *from = NULL;
    int dots = 0;

    if (!strncmp(at, http_only, sizeof http_only - 1))
        at += sizeof http_only - 1;
    end = from = at + strcspn(at, "\t");
    if (end > at && end[-1] >= '0' && end[-1] <= '9')
        return (sse_slice){ at, (size_t)(end - at) };
    while (from > at && (from[-1] != '.' || ++dots < 2))
        from--;
    return (sse_slice){ from, (size_t)(end - from) };
}

static int by_site_and_age(const void *left, const void *right)
{
    const cookie *a = left, *b = right;
    size_t len = a->site.len < b->site.len ? a->site.len : b->site.len;
    int order = memcmp(a->site.at, b->site.at, len);

    if (order == 0 && a->site.len != b->site.len)
        order = a->site.len < b->site.len ? -1 : 1;
    return order ? order : a->age < b->age ? -1 : 1;
}

/* Drops a cookie: gives it to libcurl once more with an expiry in 1970, so that libcurl drops it
 * when the next cookie comes. */
static void drop_cookie(pruning *p, const char *line)
{
    const char *expiry = line, *name = NULL;
    size_t before = 0;
    char *copy = NULL;

    for (int tabs = 0; expiry && tabs < 4; tabs++) {
        expiry = strchr(expiry, '\t');
        expiry = expiry ? expiry + 1 : NULL;
    }
    name = expiry ? strchr(expiry, '\t') : NULL;
    if (!name || !(copy = malloc(strlen(line) + 2)))
        return;
    before = (size_t)(expiry - line);
    memcpy(copy, line, before);
    copy[before] = '1';
    strcpy(copy + before + 1, name);
    if (get_handle(p))
        curl_easy_setopt(p->easy, CURLOPT_COOKIELIST, copy);
    free(copy);
}

/* Drops what is too much: of each site the oldest cookies, then cookies of one site after the
 * other. */
static void drop_excess(pruning *p, cookie *cookies, size_t count)
{
    size_t left = count;

    qsort(cookies, count, sizeof *cookies, by_site_and_age);
    for (size_t from = 0, to = 0; from < count; from = to) {
        while (to < count && sse_slice_equal(cookies[to].site, cookies[from].site))
            to++;
        for (; to - from > SSE_MAX_SITE_COOKIES; from++, left--) {
            drop_cookie(p, cookies[from].line);
            cookies[from].line = NULL;
        }
    }
    for (size_t i = 0; left > SSE_MAX_COOKIES && i < count; i++) {
        if (!cookies[i].line)
            continue;
        drop_cookie(p, cookies[i].line);
        left--;
    }
}

void sse_cookies_prune(CURLSH *share)
{
    pruning p = { .share = share };
    struct curl_slist *list = NULL;
    cookie *cookies = NULL;
    size_t count = 0;

    if (!get_handle(&p))
        return;
    curl_easy_getinfo(p.easy, CURLINFO_COOKIELIST, &list);
    for (const struct curl_slist *l = list; l; l = l->next)
        count++;
    if (count > SSE_MAX_SITE_COOKIES && (cookies = calloc(count, sizeof *cookies))) {
        size_t i = 0;

        for (const struct curl_slist *l = list; l; l = l->next, i++)
            cookies[i] = (cookie){ l->data, site_of(l->data), i };
        drop_excess(&p, cookies, count);
        free(cookies);
    }
    curl_slist_free_all(list);
    curl_easy_cleanup(p.easy);
}

/* Reads a file of cookies into a share object (CURLOPT_COOKIEFILE, "RELOAD"), or writes the file
 * from there (CURLOPT_COOKIEJAR, "FLUSH"). Each takes a handle of its own, because libcurl reads a
 * handle's files again when it writes. Returns whether that worked. */
static bool move_file(CURLSH *share, CURLoption option, const char *path, const char *command)
{
    CURL *easy = curl_easy_init();
    bool moved = easy && !curl_easy_setopt(easy, CURLOPT_SHARE, share) &&
                 !curl_easy_setopt(easy, option, path) &&
                 !curl_easy_setopt(easy, CURLOPT_COOKIELIST, command);

    curl_easy_cleanup(easy);
    return moved;
}

void sse_cookies_prune_file(const char *path)
{
    struct stat st = { 0 };
    CURLSH *share = NULL;

    if (stat(path, &st) || st.st_size <= LARGE_FILE || !(share = curl_share_init()))
        return;
    if (!curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) &&
        move_file(share, CURLOPT_COOKIEFILE, path, "RELOAD")) {
        sse_cookies_prune(share);
        move_file(share, CURLOPT_COOKIEJAR, path, "FLUSH");
    }
    curl_share_cleanup(share);
}
