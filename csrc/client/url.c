#include "url.h"

#include <curl/curl.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/error.h"
#include "../wire/url_host.h"

/* Appends a UTF-8 domain in ASCII, by UTS 46 as browsers do it. libcurl would do it only where the
 * locale is a UTF-8 one, and most Lua programs have "C". */
static int to_ascii(const char *domain, sse_buffer *out)
{
    uint8_t *ascii = NULL;
    int code =
        idn2_lookup_u8((const uint8_t *)domain, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    if (code)
        return code == IDN2_MALLOC ? SSE_ENOMEM : SSE_EINVAL;
    code = sse_buffer_append(out, (const char *)ascii, strlen((const char *)ascii));
    idn2_free(ascii);
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
