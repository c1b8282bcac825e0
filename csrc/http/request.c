#include "request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

sse_client sse_client_of_address(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return sse_client_of_bytes(&((const struct sockaddr_in6 *)address)->sin6_addr, 16);
    if (address->sa_family == AF_INET)
        return sse_client_of_bytes(&((const struct sockaddr_in *)address)->sin_addr, 4);
    return (sse_client){ .len = address->sa_family == AF_UNIX ? SSE_CLIENT_UNIX : 0 };
}

sse_client sse_client_of_socket(evutil_socket_t fd)
{
    struct sockaddr_storage from = { 0 };
    socklen_t size = sizeof from;

    if (getpeername(fd, (struct sockaddr *)&from, &size))
        return (sse_client){ 0 };
    return sse_client_of_address((struct sockaddr *)&from);
}

void sse_client_text(const sse_client *client, char *out, size_t size)
{
    out[0] = '\0';
    if (client->len == SSE_CLIENT_UNIX)
        snprintf(out, size, "unix");
    else if (client->len > 0)
        inet_ntop(client->len == 4 ? AF_INET : AF_INET6, client->bytes, out, (socklen_t)size);
}

/* Copies the bytes of a slice to *to, and moves *to behind them. */
static sse_slice copy_slice(char **to, sse_slice s)
{
    sse_slice copy = { *to, s.len };

    if (s.len)
        memcpy(*to, s.at, s.len);
    *to += s.len;
    return copy;
}

sse_request *sse_request_new(const sse_http1_head *head, size_t max_body_size)
{
    size_t bytes = head->method.len + head->target.len;
    sse_request *r = NULL;
    char *to = NULL;

    for (size_t i = 0; i < head->field_count; i++)
        bytes += head->fields[i].name.len + head->fields[i].value.len;
    bytes += sizeof *r + head->field_count * sizeof r->fields[0];
    r = malloc(bytes);
    if (!r)
        return NULL;
    r->memory = bytes;
    to = (char *)&r->fields[head->field_count];
    r->refs = 1;
    r->counter = NULL;
    r->record = NULL;
    r->client.len = 0;
    r->named = r->secure = false;
    r->host = (sse_slice){ NULL, 0 };
    r->method = copy_slice(&to, head->method);
    r->target = copy_slice(&to, head->target);
    r->major = 1;
    r->minor = head->minor;
    r->field_count = head->field_count;
    for (size_t i = 0; i < head->field_count; i++) {
        r->fields[i].name = copy_slice(&to, head->fields[i].name);
        r->fields[i].value = copy_slice(&to, head->fields[i].value);
    }
    sse_buffer_init(&r->body, max_body_size);
    return r;
}

void sse_request_drop_body(sse_request *request)
{
    if (request->counter)
        *request->counter -= request->memory;
    request->counter = NULL;
    sse_buffer_free(&request->body);
}

void sse_request_unref(sse_request *request)
{
    if (!request || --request->refs > 0)
        return;
    sse_request_drop_body(request);
    free(request->record);
    free(request);
}
