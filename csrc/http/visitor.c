#include "visitor.h"

#include "../wire/http1_check.h"

void sse_visitor_find(sse_connection *c, sse_request *request)
{
    const sse_trust *trust = &c->context->trust;
    sse_forwarded found;

    request->client = sse_connection_client(c);
    request->secure = c->tls || c->proxied_tls;
    /* The fields of a client that the proxy does not name are not the proxy's. */
    if (c->unnamed || !sse_networks_have(trust->networks, trust->count, &request->client))
        return;
    sse_forwarded_read(request->fields, request->field_count, trust, &request->client, &found);
    request->client = found.client;
    request->named = found.named;
    request->host = found.host;
    if (found.scheme != SSE_SCHEME_UNKNOWN)
        request->secure = found.scheme == SSE_SCHEME_HTTPS;
}

sse_slice sse_visitor_host(const sse_request *request)
{
    if (request->host.at)
        return request->host;
    for (size_t i = 0; i < request->field_count; i++)
        if (sse_slice_is_name(request->fields[i].name, "Host"))
            return request->fields[i].value;
    return sse_http1_target_authority(request->target);
}

bool sse_visitor_is_served(const sse_context *context, const sse_request *request)
{
    if (!context->hosts)
        return true;
    return sse_hosts_have(context->hosts, context->host_count, sse_visitor_host(request),
                          request->secure);
}

bool sse_visitor_enter(sse_context *context, const sse_request *request, void **entry)
{
    *entry = NULL;
    if (!request->named || !context->limits.max_connections_per_address)
        return true;
    return context->enter_address(context->user, &request->client, entry);
}
