/* transfer_head.h: the response head: its lines, its bounds, the time it may take. */
#ifndef SSE_CLIENT_TRANSFER_HEAD_H
#define SSE_CLIENT_TRANSFER_HEAD_H

#include "transfer_state.h"

/* libcurl's CURLOPT_HEADERFUNCTION; `arg` is the transfer. Calls on_head after the final head's
 * last line. After a failure the bytes are refused, which makes libcurl end the transfer. */
size_t sse_transfer_on_header(char *bytes, size_t size, size_t count, void *arg);

/* Frees the lines of the current head. May be called again. */
void sse_transfer_clear_head(sse_transfer *t);

/* The timer fails the transfer with SSE_ETIMEDOUT when the connecting takes longer than
 * connect_timeout, or a head from its first byte on. Init comes first, once. Start: SSE_ENOMEM. */
void sse_transfer_init_head_timer(sse_transfer *t);
int sse_transfer_start_head_timer(sse_transfer *t);

#endif
