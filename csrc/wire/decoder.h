/* decoder.h: decodes the body of a response (Content-Encoding: gzip, deflate, br) piece by piece,
 * and never more at a time than the caller has room for. */
#ifndef SSE_WIRE_DECODER_H
#define SSE_WIRE_DECODER_H

#include <stdbool.h>
#include <stddef.h>

#include "slice.h"

typedef struct sse_decoder sse_decoder;

/* The codings that a request may offer, as a value of Accept-Encoding. */
#define SSE_DECODER_CODINGS "gzip, deflate, br"

/* A body of more than SSE_DECODER_FREE decoded bytes, SSE_DECODER_RATIO times as many as were
 * received, is taken for an attack: SSE_ETOOBIG. A body can grow to 1,032 times its size by gzip,
 * and to a million times by brotli. */
#define SSE_DECODER_FREE  ((size_t)16 << 20)
#define SSE_DECODER_RATIO 2000

/* `coding` is the value of a Content-Encoding field. *out is NULL if nothing is to be decoded: the
 * value is absent, empty or "identity". SSE_EPROTO: an unknown coding, or several; SSE_ENOMEM. */
int sse_decoder_new(sse_decoder **out, sse_slice coding);

void sse_decoder_free(sse_decoder *d); /* NULL is allowed */

/* Decodes bytes from the front of *in, which loses them, into at most `cap` bytes at `to`; *len
 * (out) is their number. When *len < cap, all of *in was consumed; else there may be more output
 * without further input. SSE_EPROTO: the body is broken, or goes on behind its end; SSE_ETOOBIG:
 * see above; SSE_ENOMEM. After a failure only sse_decoder_free may be called. */
int sse_decoder_run(sse_decoder *d, sse_slice *in, char *to, size_t cap, size_t *len);

/* For a body that ends here: whether it was cut, since the end that the coding marks has not come.
 * Some servers leave that end out of event streams: one that ends where the server flushed it, with
 * an empty line, has lost nothing. */
bool sse_decoder_is_cut(const sse_decoder *d);

#endif
