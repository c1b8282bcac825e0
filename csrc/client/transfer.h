/* transfer.h: one HTTP request over libcurl, on a loop. A transfer sends exactly one request and
 * follows no redirects. */
#ifndef SSE_CLIENT_TRANSFER_H
#define SSE_CLIENT_TRANSFER_H

#include <stdint.h>

#include "connection_info.h"
#include "multi.h"
#include "transfer_options.h"

/* Creates a transfer, whose request begins at the end of the loop's turn. The transfer keeps the
 * loop running until on_done or sse_transfer_free. The caller owns *out. SSE_EINVAL: an option is
 * refused, and *why (out: a static string) says which; SSE_ENOMEM. */
int sse_transfer_start(sse_transfer **out, sse_multi *m, const sse_transfer_options *options,
                       const sse_transfer_callbacks *callbacks, void *user, const char **why);

/* Frees a transfer at any stage, also within its own callbacks; a request under way is aborted.
 * NULL is allowed. */
void sse_transfer_free(sse_transfer *t);

/* From pause to resume on_body is not called. At most one piece waits here meanwhile; then the
 * sender has to wait. Once the head has come, a paused transfer does not keep the loop running,
 * because only its reader can resume it.
 * Also without a pause on_body is called for at most 1.5 ms, and with at most 64 KiB of a
 * compressed body, in each turn of the loop. */
void sse_transfer_pause(sse_transfer *t);
void sse_transfer_resume(sse_transfer *t);

/* Protocol and TLS of the connection: known from on_head on. */
const sse_connection_info *sse_transfer_connection_info(const sse_transfer *t);

/* The number of bytes that on_body was given so far. */
uint64_t sse_transfer_bytes(const sse_transfer *t);

/* The time (sse_loop_now) of the last piece of body; before it, of the end of the head; before
 * that, of the start. */
uint64_t sse_transfer_active(const sse_transfer *t);

#endif
