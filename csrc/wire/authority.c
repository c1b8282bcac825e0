#include "authority.h"

#include "http1_chars.h"

/* Reads a port of at most 65535; an empty one is -1. */
static int parse_port(sse_slice text, int *port)
{
    int value = 0;

    *port = -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!sse_http1_is_digit(text.at[i]))
            return SSE_EINVAL;
        value = value * 10 + (text.at[i] - '0');
        if (value > 65535)
            return SSE_EINVAL;
        *port = value;
    }
    return SSE_OK;
}

static bool is_reg_name(sse_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (sse_http1_in(sse_http1_host, s.at[i]))
            continue;
        if (s.at[i] != '%' || s.len - i < 3 || sse_http1_hex(s.at[i + 1]) < 0 ||
            sse_http1_hex(s.at[i + 2]) < 0)
            return false;
        i += 2;
    }
    return s.len > 0;
}

int sse_authority_parse(sse_slice text, sse_authority *out)
{
    const char *end = NULL;
    sse_client address;

    if (text.len == 0)
        return SSE_EINVAL;
    *out = (sse_authority){ .host = text, .port = -1, .is_ipv6 = text.at[0] == '[' };
    end = memchr(text.at, out->is_ipv6 ? ']' : ':', text.len);
    if (out->is_ipv6) {
        if (!end)
            return SSE_EINVAL;
        out->host = (sse_slice){ text.at + 1, (size_t)(end - text.at) - 1 };
        end++;
        if (!memchr(out->host.at, ':', out->host.len) || sse_client_parse(out->host, &address))
            return SSE_EINVAL;
    } else {
        if (end)
            out->host.len = (size_t)(end - text.at);
        if (!is_reg_name(out->host))
            return SSE_EINVAL;
    }
    if (!end || end == text.at + text.len)
        return SSE_OK;
    if (*end != ':')
        return SSE_EINVAL;
    end++;
    return parse_port((sse_slice){ end, (size_t)(text.at + text.len - end) }, &out->port);
}

/* --- the hosts of a server -------------------------------------------------------------------- */

/* The host without the dot that may end a name. */
static sse_slice without_dot(sse_slice host)
{
    if (host.len > 1 && host.at[host.len - 1] == '.')
        host.len--;
    return host;
}

static bool ends_with(sse_slice text, const char *end)
{
    size_t len = strlen(end);

    return text.len > len && sse_slice_is_name((sse_slice){ text.at + text.len - len, len }, end);
}

static bool is_of_this_machine(sse_slice host, const sse_client *address)
{
    return sse_slice_is_name(host, "localhost") || ends_with(host, ".localhost") ||
           sse_client_is_loopback(address);
}

int sse_host_pattern_parse(sse_slice text, sse_host_pattern *out, const char **why)
{
    sse_authority authority;

    *why = "expected a host such as 'app.example', '*.app.example', 'app.example:8080' or "
           "'[2001:db8::1]'";
    *out = (sse_host_pattern){ .any_label = text.len > 2 && memcmp(text.at, "*.", 2) == 0 };
    if (out->any_label) {
        text.at += 2;
        text.len -= 2;
    }
    if (sse_authority_parse(text, &authority) || memchr(authority.host.at, '*', authority.host.len))
        return SSE_EINVAL;
    if (sse_client_parse(authority.host, &out->address))
        out->address.len = 0;
    if (out->any_label && (out->address.len || authority.host.at[0] == '.'))
        return SSE_EINVAL;
    out->name = without_dot(authority.host);
    out->port = authority.port;
    if (out->any_label) { /* the dot before the name */
        out->name.at--;
        out->name.len++;
    }
    return SSE_OK;
}

static bool has_name(const sse_host_pattern *p, sse_slice host, const sse_client *address)
{
    size_t label = 0;

    if (p->address.len)
        return address->len == p->address.len &&
               memcmp(address->bytes, p->address.bytes, address->len) == 0;
    if (!p->any_label)
        return sse_slice_same_name(host, p->name);
    while (label < host.len && host.at[label] != '.')
        label++;
    return label > 0 &&
           sse_slice_same_name((sse_slice){ host.at + label, host.len - label }, p->name);
}

bool sse_hosts_have(const sse_host_pattern *patterns, size_t count, sse_slice host, bool secure)
{
    sse_authority authority;
    sse_client address;
    int port = 0;

    if (sse_authority_parse(host, &authority))
        return false;
    if (sse_client_parse(authority.host, &address))
        address.len = 0;
    host = without_dot(authority.host);
    if (is_of_this_machine(host, &address))
        return true;
    port = authority.port >= 0 ? authority.port : secure ? 443 : 80;
    for (size_t i = 0; i < count; i++)
        if ((patterns[i].port < 0 || patterns[i].port == port) &&
            has_name(&patterns[i], host, &address))
            return true;
    return false;
}
