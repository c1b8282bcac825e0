#include "url.h"

#include <curl/curl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#include "../wire/error.h"
#include "../wire/url_host.h"

#ifndef CURLU_PUNYCODE
#define CURLU_PUNYCODE 0
#endif

/* Appends the domain in ASCII (IDNA), by libcurl. `domain` is in the encoding of the locale. */
static int convert(const char *domain, sse_buffer *out)
{
    CURLU *u = curl_url();
    char *text = NULL;
    int code = SSE_EINVAL;

    if (!u)
        return SSE_ENOMEM;
    if (!curl_url_set(u, CURLUPART_SCHEME, "http", 0) &&
        !curl_url_set(u, CURLUPART_HOST, domain, 0) &&
        !curl_url_get(u, CURLUPART_HOST, &text, CURLU_PUNYCODE))
        code = sse_buffer_append(out, text, strlen(text));
    curl_free(text);
    curl_url_cleanup(u);
    return code;
}

/* Converts a UTF-8 domain to ASCII. libcurl expects it in the encoding of the locale, which is "C"
 * in most Lua programs, so this thread has a UTF-8 locale during the call. */
static int to_ascii(const char *domain, sse_buffer *out)
{
    static const char *const names[] = { "C.UTF-8", "en_US.UTF-8", "UTF-8" };
    locale_t utf8 = (locale_t)0, before = (locale_t)0;
    int code = SSE_EINVAL;

    for (size_t i = 0; !utf8 && i < sizeof names / sizeof names[0]; i++)
        utf8 = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
    if (!utf8)
        return SSE_EINVAL;
    before = uselocale(utf8);
    code = convert(domain, out);
    uselocale(before);
    freelocale(utf8);
    return code;
}

/* Compares IPv6 addresses, which libcurl may write in another way: its text is normalized first. */
static bool is_same_host(sse_slice theirs, sse_slice ours)
{
    sse_buffer host;
    const char *why = NULL;
    bool same = false;

    sse_buffer_init(&host, SSE_MAX_URL);
    same = !sse_url_host(&host, theirs, to_ascii, &why) &&
           sse_slice_equal(sse_buffer_slice(&host), ours);
    sse_buffer_free(&host);
    return same;
}

/* Says whether libcurl's parser found the same part. It does not tell an empty part from none. */
static bool is_same_part(CURLU *u, CURLUPart part, sse_slice ours)
{
    char *text = NULL;
    bool same = false;

    if (curl_url_get(u, part, &text, 0))
        return ours.len == 0;
    if (part == CURLUPART_HOST && *text == '[')
        same = is_same_host(sse_slice_text(text), ours);
    else
        same = sse_slice_equal(sse_slice_text(text), ours);
    curl_free(text);
    return same;
}

/* Compares what libcurl parsed with `url`, part by part. SSE_EINVAL where they differ. */
static int compare(CURLU *u, const sse_url *url)
{
    static const struct {
        CURLUPart theirs;
        sse_url_part ours;
    } parts[] = { { CURLUPART_SCHEME, SSE_URL_SCHEME },
                  { CURLUPART_HOST, SSE_URL_HOST },
                  { CURLUPART_PORT, SSE_URL_PORT },
                  { CURLUPART_PATH, SSE_URL_PATH },
                  { CURLUPART_QUERY, SSE_URL_QUERY } };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!is_same_part(u, parts[i].theirs, sse_url_get(url, parts[i].ours)))
            return SSE_EINVAL;
    return SSE_OK;
}

/* Has libcurl parse the URL as a request would send it. */
static int check_by_libcurl(const sse_url *url)
{
    sse_slice request = sse_url_get(url, SSE_URL_REQUEST);
    char *text = strndup(request.at, request.len);
    CURLU *u = curl_url();
    int code = SSE_ENOMEM;

    if (u && text) {
        code = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) ? SSE_EINVAL
                                                                              : compare(u, url);
    }
    curl_url_cleanup(u);
    free(text);
    return code;
}

int sse_url_read(sse_url *out, sse_slice text, sse_slice base, const char **why)
{
    int code = sse_url_parse(out, text, base, to_ascii, why);

    if (code || !out->has[SSE_URL_HOST])
        return code;
    code = check_by_libcurl(out);
    *why = code == SSE_EINVAL ? "libcurl does not read it as the web does" : sse_error_text(code);
    if (code)
        sse_url_free(out);
    return code;
}
