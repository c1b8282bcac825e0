#include "deflater.h"

#include <stdlib.h>
#include <zlib.h>

#include "coding.h"
#include "error.h"

#define MAX_PLAIN    ((size_t)1 << 30)
#define MAX_STORED   65535 /* plain bytes of one stored block */
#define STORED_HEAD  5
#define MIN_DEFLATED 128 /* fewer bytes than that hardly shrink without a dictionary */
#define LEVEL        6

struct sse_deflater {
    z_stream z;
    sse_buffer out;
    size_t kept; /* bytes of out's memory that stay between two blocks */
};

/* --- birth and end ---------------------------------------------------------------------------- */

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
    d->kept = (size_t)(window ? 1 : 64) << 10;
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

/* --- stored blocks ---------------------------------------------------------------------------- */

/* With an empty block at the end, as zlib ends a block with Z_SYNC_FLUSH: some decoders, Go's for
 * one, hold back what stored blocks have until an empty one comes. */
static size_t stored_size(size_t plain)
{
    return plain + STORED_HEAD * ((plain + MAX_STORED - 1) / MAX_STORED + 1);
}

/* Makes a frame of stored blocks. NULL: out of memory. */
static sse_frame *store(sse_slice plain)
{
    static const char empty[STORED_HEAD] = { 0, 0, 0, (char)0xff, (char)0xff };
    sse_frame *f = sse_frame_alloc(stored_size(plain.len));
    char *to = f ? sse_frame_body(f) : NULL;

    if (f)
        memcpy(to + stored_size(plain.len) - STORED_HEAD, empty, STORED_HEAD);
    while (f && plain.len > 0) {
        size_t n = plain.len < MAX_STORED ? plain.len : MAX_STORED;
        char head[STORED_HEAD] = { 0, (char)n, (char)(n >> 8), (char)~n, (char)(~n >> 8) };

        memcpy(to, head, sizeof head);
        memcpy(to + sizeof head, plain.at, n);
        to += sizeof head + n;
        plain.at += n;
        plain.len -= n;
    }
    return f;
}

/* --- deflated blocks -------------------------------------------------------------------------- */

/* Deflates to d->out, which has room for `most` bytes; false: the block may take more. */
static bool deflate_into(sse_deflater *d, sse_slice plain, size_t most)
{
    z_stream *z = &d->z;

    z->next_in = (unsigned char *)(uintptr_t)plain.at;
    z->avail_in = (uInt)plain.len;
    z->next_out = (unsigned char *)d->out.data;
    z->avail_out = (uInt)most;
    deflate(z, Z_SYNC_FLUSH);
    d->out.len = most - z->avail_out;
    return z->avail_out > 0; /* with no room left, zlib may hold back the rest */
}

/* Makes a frame of the block in d->out, and empties d->out. NULL: out of memory. */
static sse_frame *take_output(sse_deflater *d)
{
    sse_frame *f = sse_frame_new(sse_buffer_slice(&d->out));

    d->out.len = 0;
    sse_buffer_trim(&d->out, d->kept);
    return f;
}

/* Makes a block that refers to no bytes but its own and the dictionary. It is a stored one where a
 * deflated one would not be smaller. */
static int make_block(sse_deflater *d, sse_slice plain, sse_slice dictionary, sse_frame **out)
{
    size_t most = stored_size(plain.len);
    bool smaller = false;

    if (plain.len >= MIN_DEFLATED || dictionary.len > 0) {
        if (sse_buffer_reserve(&d->out, most))
            return SSE_ENOMEM;
        deflateReset(&d->z);
        if (dictionary.len > 0)
            deflateSetDictionary(&d->z, (const unsigned char *)dictionary.at, (uInt)dictionary.len);
        smaller = deflate_into(d, plain, most);
    }
    *out = smaller ? take_output(d) : store(plain);
    d->out.len = 0;
    return *out ? SSE_OK : SSE_ENOMEM;
}

int sse_deflater_deflate_frame(sse_deflater *d, sse_frame *f, sse_slice dictionary)
{
    sse_slice plain = sse_frame_payload(f);
    sse_frame **which = NULL;

    if (plain.len > MAX_PLAIN)
        return SSE_ETOOBIG;
    if (!f->deflated) {
        f->deflated = calloc(1, sizeof *f->deflated);
        if (!f->deflated)
            return SSE_ENOMEM;
        sse_deflated_set_checks(f->deflated, plain);
    }
    which = dictionary.at ? &f->deflated->linked : &f->deflated->standalone;
    return *which ? SSE_OK : make_block(d, plain, dictionary, which);
}

int sse_deflater_deflate_next(sse_deflater *d, sse_slice plain, sse_frame **out)
{
    size_t most = sse_deflater_bound(plain.len);

    if (plain.len > MAX_PLAIN)
        return SSE_ETOOBIG;
    if (sse_buffer_reserve(&d->out, most))
        return SSE_ENOMEM;
    if (!deflate_into(d, plain, most))
        return SSE_ETOOBIG;
    *out = take_output(d);
    return *out ? SSE_OK : SSE_ENOMEM;
}
