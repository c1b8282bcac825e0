#include "decoder.h"

#include <brotli/decode.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "error.h"

typedef enum coding_kind { GZIP, DEFLATE, BROTLI } coding_kind;

struct sse_decoder {
    coding_kind kind;
    bool begun; /* zlib's state is set up */
    bool ended; /* the end that the coding marks has come */
    z_stream z;
    BrotliDecoderState *brotli;
    unsigned char first; /* the first byte of a deflate body, until the second shows the format */
    bool has_first;
    char tail[3];                 /* the last decoded bytes, zeros before the first */
    size_t trailing;              /* bytes behind the end of a deflate body */
    uint64_t bytes_in, bytes_out; /* so far */
};

/* --- new and free ----------------------------------------------------------------------------- */

static int find_kind(sse_slice coding, coding_kind *out)
{
    if (sse_slice_is_name(coding, "gzip") || sse_slice_is_name(coding, "x-gzip"))
        *out = GZIP;
    else if (sse_slice_is_name(coding, "deflate"))
        *out = DEFLATE;
    else if (sse_slice_is_name(coding, "br"))
        *out = BROTLI;
    else
        return SSE_EPROTO;
    return SSE_OK;
}

int sse_decoder_new(sse_decoder **out, sse_slice coding)
{
    sse_decoder *d = NULL;
    coding_kind kind = GZIP;

    *out = NULL;
    coding = sse_slice_trim(coding);
    if (coding.len == 0 || sse_slice_is_name(coding, "identity"))
        return SSE_OK;
    if (find_kind(coding, &kind))
        return SSE_EPROTO;
    d = calloc(1, sizeof *d);
    if (!d)
        return SSE_ENOMEM;
    d->kind = kind;
    if (kind == BROTLI)
        d->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (kind == BROTLI && !d->brotli) {
        free(d);
        return SSE_ENOMEM;
    }
    *out = d;
    return SSE_OK;
}

void sse_decoder_free(sse_decoder *d)
{
    if (!d)
        return;
    if (d->begun)
        inflateEnd(&d->z);
    if (d->brotli)
        BrotliDecoderDestroyInstance(d->brotli);
    free(d);
}

/* --- zlib ------------------------------------------------------------------------------------- */

/* Sets zlib's state up. As "deflate" servers send zlib's format or, some of them, bare deflate
 * blocks: the first two bytes show which (RFC 1950 2.2). */
static int begin_zlib(sse_decoder *d, unsigned char second)
{
    bool zlib = (d->first & 0x0F) == Z_DEFLATED && ((d->first << 8) + second) % 31 == 0;
    int bits = d->kind == GZIP ? MAX_WBITS + 16 : zlib ? MAX_WBITS : -MAX_WBITS;

    if (inflateInit2(&d->z, bits) != Z_OK)
        return SSE_ENOMEM;
    d->begun = true;
    return SSE_OK;
}

/* Decodes from *in, which loses the bytes that zlib consumed, to z.next_out. */
static int inflate_some(sse_decoder *d, sse_slice *in)
{
    int status = Z_OK;

    d->z.next_in = (Bytef *)(uintptr_t)in->at; /* which zlib only reads */
    d->z.avail_in = in->len < UINT_MAX ? (uInt)in->len : UINT_MAX;
    status = inflate(&d->z, Z_NO_FLUSH);
    in->len -= (size_t)((const char *)d->z.next_in - in->at);
    in->at = (const char *)d->z.next_in;
    if (status == Z_STREAM_END)
        d->ended = true;
    else if (status == Z_MEM_ERROR)
        return SSE_ENOMEM;
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return SSE_EPROTO;
    return SSE_OK;
}

/* Takes bytes behind the end: another gzip member (RFC 1952 2.2), or up to four bytes behind a
 * deflate body, since some servers send zlib's checksum behind bare blocks. */
static int take_trailing(sse_decoder *d, sse_slice *in)
{
    if (d->kind == GZIP) {
        d->ended = false;
        return inflateReset(&d->z) == Z_OK ? SSE_OK : SSE_EPROTO;
    }
    d->trailing += in->len;
    in->at += in->len;
    in->len = 0;
    return d->trailing <= 4 ? SSE_OK : SSE_EPROTO;
}

/* Begins a deflate body whose first byte is d->first and whose second is the first of *in. */
static int begin_deflate(sse_decoder *d, const sse_slice *in)
{
    unsigned char byte = (unsigned char)*in->at;
    sse_slice first = { (const char *)&d->first, 1 };
    int code = SSE_OK;

    code = begin_zlib(d, byte);
    return code ? code : inflate_some(d, &first);
}

static int run_zlib(sse_decoder *d, sse_slice *in, char *to, size_t cap, size_t *len)
{
    int code = SSE_OK;

    d->z.next_out = (Bytef *)to;
    d->z.avail_out = (uInt)cap;
    if (!d->begun && d->kind == GZIP)
        code = begin_zlib(d, 0);
    if (!code && !d->begun && !d->has_first) {
        d->first = (unsigned char)*in->at++;
        in->len--;
        d->has_first = true;
    }
    if (!code && !d->begun && in->len > 0)
        code = begin_deflate(d, in);
    if (!code && d->begun && !d->ended)
        code = inflate_some(d, in);
    while (!code && d->begun && d->z.avail_out > 0 && in->len > 0)
        code = d->ended ? take_trailing(d, in) : inflate_some(d, in);
    *len = cap - d->z.avail_out;
    return code;
}

/* --- brotli ----------------------------------------------------------------------------------- */

static int run_brotli(sse_decoder *d, sse_slice *in, char *to, size_t cap, size_t *len)
{
    const uint8_t *next = (const uint8_t *)in->at;
    uint8_t *out = (uint8_t *)to;
    size_t left = in->len, room = cap;
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_ERROR;

    if (d->ended)
        return left > 0 ? SSE_EPROTO : SSE_OK;
    result = BrotliDecoderDecompressStream(d->brotli, &left, &next, &room, &out, NULL);
    *in = (sse_slice){ (const char *)next, left };
    *len = cap - room;
    d->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    if (result == BROTLI_DECODER_RESULT_ERROR) {
        int code = BrotliDecoderGetErrorCode(d->brotli);

        return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
                       code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES
                   ? SSE_ENOMEM
                   : SSE_EPROTO;
    }
    return d->ended && left > 0 ? SSE_EPROTO : SSE_OK;
}

/* --- any coding ------------------------------------------------------------------------------- */

static void keep_tail(sse_decoder *d, const char *bytes, size_t len)
{
    size_t new = len < sizeof d->tail ? len : sizeof d->tail;

    memmove(d->tail, d->tail + new, sizeof d->tail - new);
    memcpy(d->tail + sizeof d->tail - new, bytes + len - new, new);
}

int sse_decoder_run(sse_decoder *d, sse_slice *in, char *to, size_t cap, size_t *len)
{
    size_t before = in->len;
    int code = SSE_OK;

    *len = 0;
    code = d->kind == BROTLI        ? run_brotli(d, in, to, cap, len)
           : before > 0 || d->begun ? run_zlib(d, in, to, cap, len)
                                    : SSE_OK;
    d->bytes_in += before - in->len;
    d->bytes_out += *len;
    keep_tail(d, to, *len);
    if (!code && d->bytes_out > SSE_DECODER_FREE && d->bytes_out / SSE_DECODER_RATIO > d->bytes_in)
        return SSE_ETOOBIG;
    return code;
}

/* --- a body that was cut ---------------------------------------------------------------------- */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Whether what was decoded ends with an empty line, or is nothing. */
static bool ends_with_empty_line(const sse_decoder *d)
{
    const char *last = d->tail + sizeof d->tail - 1;

    if (d->bytes_out == 0)
        return true;
    if (*last == '\n' && last[-1] == '\r') /* CRLF is one line end */
        last--;
    return is_line_end(*last) && is_line_end(last[-1]);
}

/* Whether no part of a block has come. Brotli's decoder does not tell. */
static bool is_between_blocks(const sse_decoder *d)
{
    return d->kind == BROTLI || (d->begun && d->z.data_type & 128); /* zlib.h, inflate() */
}

bool sse_decoder_is_cut(const sse_decoder *d)
{
    return !d->ended && d->bytes_in > 0 && !(is_between_blocks(d) && ends_with_empty_line(d));
}
