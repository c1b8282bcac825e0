/* url_fuzz.c: a URL's serialization parses to the same URL, the URL for libcurl is printable ASCII,
 * and no part has characters that delimit another. Input: a URL and, after a LF, a base. */
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/error.h"
#include "../csrc/wire/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Stands for an IDNA library that returns anything: ASCII as a rule, sometimes not, or an error. */
static int to_ascii(const char *domain, sse_buffer *out)
{
    size_t len = strlen(domain);
    int code = len % 7 ? SSE_OK : SSE_EINVAL;

    for (size_t i = 0; !code && i < len; i++) {
        char c = len % 5 ? (char)(domain[i] & 0x7f) : domain[i];

        code = sse_buffer_append(out, &c, 1);
    }
    return code;
}

static void must_be_plain(sse_slice text, const char *without)
{
    for (size_t i = 0; i < text.len; i++)
        must(text.at[i] > ' ' && text.at[i] < 127 && !strchr(without, text.at[i]));
}

static void check(const sse_url *u)
{
    sse_slice request = sse_url_get(u, SSE_URL_REQUEST), origin = sse_url_get(u, SSE_URL_ORIGIN),
              path = sse_url_get(u, SSE_URL_PATH), href = sse_url_get(u, SSE_URL_HREF);
    const char *why = NULL;
    sse_url again;

    must_be_plain(request, "#");
    must_be_plain(sse_url_get(u, SSE_URL_HOST), "/\\?#@%|<>^");
    must_be_plain(sse_url_get(u, SSE_URL_PORT), ":/");
    must_be_plain(path, "?#\\\"<>^`{}");
    must(path.len > 0 && path.at[0] == '/');
    must(origin.len < request.len && !memcmp(origin.at, request.at, origin.len));
    must(request.at[origin.len] == '/');
    if (sse_url_parse(&again, href, (sse_slice){ 0 }, to_ascii, &why)) {
        must(false);
        return;
    }
    must(sse_slice_equal(href, sse_url_get(&again, SSE_URL_HREF)));
    must(sse_slice_equal(request, sse_url_get(&again, SSE_URL_REQUEST)));
    sse_url_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data, *lf = size ? memchr(bytes, '\n', size) : NULL;
    sse_slice text = { size ? bytes : "", lf ? (size_t)(lf - bytes) : size }, base = { 0 };
    const char *why = NULL;
    sse_url u;
    int code = SSE_OK;

    if (lf)
        base = (sse_slice){ lf + 1, size - text.len - 1 };
    code = sse_url_parse(&u, text, base, to_ascii, &why);
    must(code == SSE_OK || (code == SSE_EINVAL && why));
    if (!code && u.has[SSE_URL_HOST])
        check(&u);
    sse_url_free(&u);
    return 0;
}
