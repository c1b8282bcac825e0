/* proxy_header_fuzz.c: a PROXY header is read without a byte past its end, means the same whole and
 * byte by byte, and takes no byte of what follows. */
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Parses a copy of the bytes that ends where they end. */
static int parse(const uint8_t *data, size_t size, sse_proxy_header *out, size_t *length)
{
    char *copy = malloc(size ? size : 1);
    int code = SSE_OK;

    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    *length = sse_proxy_header_length((sse_slice){ copy, size });
    code = sse_proxy_header_parse((sse_slice){ copy, size }, out);
    free(copy);
    return code;
}

static bool same(const sse_proxy_header *a, const sse_proxy_header *b)
{
    return a->secure == b->secure && a->unnamed == b->unnamed && a->client.len == b->client.len &&
           memcmp(a->client.bytes, b->client.bytes, a->client.len) == 0;
}

/* Feeds byte by byte, as far as more are wanted. */
static int parse_slowly(const uint8_t *data, size_t size, sse_proxy_header *out, size_t *used)
{
    size_t length = 0;
    int code = SSE_EAGAIN;

    for (*used = 0; *used < size && code == SSE_EAGAIN; ++*used) {
        must(length == 0 || length > *used);
        code = parse(data, *used + 1, out, &length);
    }
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sse_proxy_header whole, slow;
    size_t length = 0, ignored = 0, used = 0;
    int code = parse(data, size, &whole, &length);

    must(code == SSE_OK || code == SSE_EAGAIN || code == SSE_EPROTO);
    must(code != SSE_OK || length == size);
    must(code != SSE_OK || whole.client.len == 0 || whole.client.len == 4 ||
         whole.client.len == 16);
    if (length > 0 && length < size)
        code = parse(data, length, &whole, &ignored);
    else
        length = size;
    must(parse_slowly(data, size, &slow, &used) == code || code == SSE_EPROTO);
    must(code != SSE_OK || (used == length && same(&whole, &slow)));
    return 0;
}
