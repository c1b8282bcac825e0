#include "deflater.h"

#include <stdlib.h>
#include <zlib.h>

#include "coding.h"
#include "error.h"

#define MAX_PLAIN   ((size_t)1 << 30)
#define STORED_MOST 65535 /* bytes of a stored block */
#define STORED_HEAD 5
#define HOPELESS    128 /* so few bytes never get much fewer */
#define LEVEL       6

struct sse_deflater {
    z_stream z;
    sse_buffer out;
    size_t keep; /* of out's memory, between two blocks */
};

/* --- life ------------------------------------------------------------------------------------- */

static void *allocate(void *user, uInt count, uInt size)
{
    (void)user;
    return calloc(count, size);
}

static void release(void *user, void *at)
{
    (void)user;
    free(at);
}

sse_deflater *sse_deflater_new(bool window)
{
    sse_deflater *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    sse_buffer_init(&d->out, SIZE_MAX);
    d->keep = (size_t)(window ? 1 : 64) << 10;
    d->z.zalloc = allocate;
    d->z.zfree = release;
    if (deflateInit2(&d->z, LEVEL, Z_DEFLATED, window ? -11 : -13, window ? 3 : 6,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

void sse_deflater_free(sse_deflater *d)
{
    if (!d)
        return;
    deflateEnd(&d->z);
    sse_buffer_free(&d->out);
    free(d);
}

/* --- stored: what would not get smaller ------------------------------------------------------- */

static size_t stored_size(size_t plain)
{
    return plain + STORED_HEAD * ((plain + STORED_MOST - 1) / STORED_MOST);
}

static sse_frame *store(sse_slice plain)
{
    sse_frame *f = sse_frame_alloc(stored_size(plain.len));
    char *to = f ? sse_frame_body(f) : NULL;

    while (f && plain.len > 0) {
        size_t n = plain.len < STORED_MOST ? plain.len : STORED_MOST;
        char head[STORED_HEAD] = { 0, (char)n, (char)(n >> 8), (char)~n, (char)(~n >> 8) };

        memcpy(to, head, sizeof head);
        memcpy(to + sizeof head, plain.at, n);
        to += sizeof head + n;
        plain.at += n;
        plain.len -= n;
    }
    return f;
}

/* --- deflated --------------------------------------------------------------------------------- */

/* Appends the block to d->out, which may grow to `most` bytes; false: that wasn't enough. */
static bool deflate_into(sse_deflater *d, sse_slice plain, size_t most)
{
    z_stream *z = &d->z;

    z->next_in = (unsigned char *)(uintptr_t)plain.at;
    z->avail_in = (uInt)plain.len;
    z->next_out = (unsigned char *)d->out.data;
    z->avail_out = (uInt)most;
    deflate(z, Z_SYNC_FLUSH);
    d->out.len = most - z->avail_out;
    return z->avail_out > 0; /* else something may be left */
}

static sse_frame *taken_out(sse_deflater *d)
{
    sse_frame *f = sse_frame_new(sse_buffer_slice(&d->out));

    d->out.len = 0;
    sse_buffer_trim(&d->out, d->keep);
    return f;
}

/* One that nothing was deflated before, save what it may refer to. */
static int block(sse_deflater *d, sse_slice plain, sse_slice dictionary, sse_frame **out)
{
    size_t most = stored_size(plain.len);
    bool smaller = false;

    if (plain.len >= HOPELESS || dictionary.len > 0) {
        if (sse_buffer_reserve(&d->out, most))
            return SSE_ENOMEM;
        deflateReset(&d->z);
        if (dictionary.len > 0)
            deflateSetDictionary(&d->z, (const unsigned char *)dictionary.at, (uInt)dictionary.len);
        smaller = deflate_into(d, plain, most);
    }
    *out = smaller ? taken_out(d) : store(plain);
    d->out.len = 0;
    return *out ? SSE_OK : SSE_ENOMEM;
}

int sse_deflater_deflate(sse_deflater *d, sse_frame *f, sse_slice dictionary)
{
    sse_slice plain = sse_frame_payload(f);
    sse_frame **which = NULL;

    if (plain.len > MAX_PLAIN)
        return SSE_ETOOBIG;
    if (!f->deflated) {
        f->deflated = calloc(1, sizeof *f->deflated);
        if (!f->deflated)
            return SSE_ENOMEM;
        sse_deflated_check(f->deflated, plain);
    }
    which = dictionary.at ? &f->deflated->linked : &f->deflated->alone;
    return *which ? SSE_OK : block(d, plain, dictionary, which);
}

int sse_deflater_next(sse_deflater *d, sse_slice plain, sse_frame **out)
{
    size_t most = sse_deflater_most(plain.len);

    if (plain.len > MAX_PLAIN)
        return SSE_ETOOBIG;
    if (sse_buffer_reserve(&d->out, most))
        return SSE_ENOMEM;
    if (!deflate_into(d, plain, most))
        return SSE_ETOOBIG;
    *out = taken_out(d);
    return *out ? SSE_OK : SSE_ENOMEM;
}
