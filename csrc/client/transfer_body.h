/* transfer_body.h: the response body: decoded, and handed over in shares of a turn of the loop. */
#ifndef SSE_CLIENT_TRANSFER_BODY_H
#define SSE_CLIENT_TRANSFER_BODY_H

#include "transfer_state.h"

/* libcurl's CURLOPT_WRITEFUNCTION; `arg` is the transfer. Calls on_body. */
size_t sse_transfer_on_body(char *bytes, size_t size, size_t count, void *arg);

/* Makes a decoder for what Content-Encoding says in these fields of the final head. A coding that
 * cannot be decoded fails the transfer only when a body comes. */
void sse_transfer_prepare_decoder(sse_transfer *t, const sse_http1_field *fields, size_t count);

/* Says whether received bytes were not yet handed over. */
bool sse_transfer_has_undelivered(const sse_transfer *t);

/* A deferred call of the transfer `arg`: hands over what was received, as far as the turn's share
 * and a pause allow, then lets libcurl receive more. Reports the end after the last piece. */
void sse_transfer_continue_body(void *arg);

#endif
