/* recording.h: how the record of a response (record.h) comes to know what was sent. */
#ifndef SSE_HTTP_RECORDING_H
#define SSE_HTTP_RECORDING_H

#include "exchange_types.h"
#include "record.h"

/* The transport of an exchange whose request has a record: the protocol's, and the record notes
 * what is sent. */
extern const sse_transport sse_recording_transport;

/* An exchange with that transport ends. It still has its session. */
void sse_recording_end(sse_exchange *x, sse_reason reason);

/* The protocol has sent a response of its own, with `bytes` of body, in place of what was begun in
 * the exchange. */
void sse_recording_replace(sse_exchange *x, int status, size_t bytes, sse_queue *queue);

/* The protocol has sent a response of its own to a request that became no exchange; NULL: nothing
 * is known of the request. Keeps a reference of its own. */
void sse_recording_refusal(const sse_connection *c, sse_request *request, int status, size_t bytes,
                           sse_queue *queue);

/* Makes a request of what is known of a head that can't be parsed; empty slices and a `minor` of -1
 * say that something is not known. NULL: the context does not record, or there is no memory. */
sse_request *sse_recording_unread(const sse_context *context, sse_slice method, sse_slice target,
                                  int major, int minor);

/* The same of the first line of an HTTP/1 head. */
sse_request *sse_recording_unread_line(const sse_context *context, sse_slice head);

#endif
