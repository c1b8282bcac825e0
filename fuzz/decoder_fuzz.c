/* decoder_fuzz.c: decoding a body whole into a large buffer, and in pieces into a small one, gives
 * the same bytes or fails both times. Input: coding, size of the pieces, size of the buffer, the
 * body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../csrc/wire/decoder.h"
#include "../csrc/wire/error.h"

#define MOST \
    ((uint64_t)1 << 20) /* decoded bytes of an input that are looked at; it may have 2 GiB */

typedef struct result {
    int code;
    uint64_t bytes, hash;
} result;

static void add_to_result(result *r, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        r->hash = (r->hash ^ (unsigned char)bytes[i]) * 0x100000001B3u;
    r->bytes += len;
}

/* Feeds the decoder pieces of `step` bytes; each call may decode `cap` bytes. */
static result decode(sse_slice coding, const uint8_t *data, size_t size, size_t step, size_t cap)
{
    static char to[1 << 16];
    result r = { .hash = 1 };
    sse_decoder *d = NULL;

    r.code = sse_decoder_new(&d, coding);
    while (!r.code && size > 0 && r.bytes < MOST) {
        size_t n = size < step ? size : step, len = cap;
        sse_slice in = { (const char *)data, n };

        while (!r.code && (in.len > 0 || len == cap) && r.bytes < MOST) {
            r.code = sse_decoder_run(d, &in, to, cap, &len);
            if (len > cap || (!r.code && len < cap && in.len > 0))
                abort();
            add_to_result(&r, to, len);
        }
        data += n;
        size -= n;
    }
    sse_decoder_free(d);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codings[] = { "gzip", "deflate", "br" };
    sse_slice coding = { NULL, 0 };
    result whole, pieces;

    if (size < 3)
        return 0;
    coding = (sse_slice){ codings[data[0] % 3], strlen(codings[data[0] % 3]) };
    whole = decode(coding, data + 3, size - 3, size, 1 << 16);
    pieces = decode(coding, data + 3, size - 3, 1 + data[1] % 64, 1 + data[2] * 8);
    if (whole.bytes < MOST && pieces.bytes < MOST && !whole.code != !pieces.code)
        abort();
    if (!whole.code && !pieces.code && whole.bytes < MOST &&
        (whole.bytes != pieces.bytes || whole.hash != pieces.hash))
        abort();
    return 0;
}
