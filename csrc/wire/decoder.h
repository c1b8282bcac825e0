/* decoder.h: the body of a response decoded, a piece at a time and never more than its caller has
 * room for. Content-Encoding: gzip, deflate, br. */
#ifndef SSE_WIRE_DECODER_H
#define SSE_WIRE_DECODER_H

#include <stddef.h>

#include "slice.h"

typedef struct sse_decoder sse_decoder;

/* The codings that a request may offer. */
#define SSE_DECODER_CODINGS "gzip, deflate, br"

/* Past this many decoded bytes, a body that grew by more than this factor is taken for an attack:
 * SSE_ETOOBIG. gzip can't grow beyond 1,032, brotli by a million. */
#define SSE_DECODER_FREE  ((size_t)16 << 20)
#define SSE_DECODER_RATIO 2000

/* `coding` is the value of a Content-Encoding field. *out is NULL where nothing is to be decoded
 * (absent, empty or "identity"). SSE_EPROTO: another coding, or several; SSE_ENOMEM. */
int sse_decoder_new(sse_decoder **out, sse_slice coding);

void sse_decoder_free(sse_decoder *d); /* NULL is allowed */

/* Decodes from the front of *in, which loses what was consumed, at most `cap` bytes into `to`;
 * *len (out): how many. When *len < cap, all of the input is consumed. SSE_EPROTO: the body is
 * broken, or goes on behind its end; SSE_ETOOBIG: see above; SSE_ENOMEM. After a failure the
 * decoder is only good for sse_decoder_free. */
int sse_decoder_run(sse_decoder *d, sse_slice *in, char *to, size_t cap, size_t *len);

#endif
