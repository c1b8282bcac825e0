/* visitor.h: whom a request comes from, by which scheme and for which host: as its connection says,
 * or the proxies that the server trusts. */
#ifndef SSE_HTTP_VISITOR_H
#define SSE_HTTP_VISITOR_H

#include "connection.h"

/* Finds it out for a request whose head has just arrived on the connection. */
void sse_visitor_find(sse_connection *c, sse_request *request);

/* The request's host, maybe with a port: as a trusted proxy tells, or as its field Host or its
 * target does. Absent where HTTP/1.0 has neither. */
sse_slice sse_visitor_host(const sse_request *request);

/* Whether the server answers for the request's host. */
bool sse_visitor_is_served(const sse_context *context, const sse_request *request);

/* What a request for another host is rejected with, by status 421. */
#define SSE_NOT_SERVED "this server does not answer for that host"

/* Counts a request whose client a trusted proxy has named, since the client's connections are not
 * known; *entry is for sse_exchange_count. NULL: it is not counted. False: the client has as many
 * as it may already. */
bool sse_visitor_enter(sse_context *context, const sse_request *request, void **entry);

#endif
