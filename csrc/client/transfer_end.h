/* transfer_end.h: how a transfer fails and ends. */
#ifndef SSE_CLIENT_TRANSFER_END_H
#define SSE_CLIENT_TRANSFER_END_H

#include "transfer_state.h"

/* Records why this side fails the transfer; `text` (static, or NULL for the code's own text) is the
 * message. A later failure does not replace an earlier one. Nothing is reported yet. */
void sse_transfer_set_failure(sse_transfer *t, int code, const char *text);

#define SSE_NO_HTTP2 "the server did not agree to HTTP/2"

/* Calls on_done, with the recorded failure or else with what libcurl's result means. The callback
 * may free the transfer. */
void sse_transfer_report_end(sse_transfer *t);

/* Takes the transfer back from libcurl if it is there, and reports the recorded failure. The
 * callback may free the transfer. Never from within a callback of libcurl's. */
void sse_transfer_abort(sse_transfer *t);

/* Counts the transfer among what keeps the loop running, or no more. Both may be called again. */
void sse_transfer_keep_loop(sse_transfer *t);
void sse_transfer_release_loop(sse_transfer *t);

/* Stops the timer and the deferred call, and releases the loop. May be called again. */
void sse_transfer_leave_loop(sse_transfer *t);

#endif
