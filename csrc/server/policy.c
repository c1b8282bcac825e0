#include "policy.h"

#include <stdio.h>
#include <stdlib.h>

/* Says which text of which option is wrong, and why. */
static int complain(const char *option, sse_slice text, const char *why, char *message, size_t size)
{
    int shown = text.len < 80 ? (int)text.len : 80;

    snprintf(message, size, "option '%s': '%.*s': %s", option, shown, text.at, why);
    return SSE_EINVAL;
}

static int read_networks(sse_policy *p, const sse_policy_options *o, char *message, size_t size)
{
    const char *why = NULL;

    p->networks = calloc(o->trusted_count + 1, sizeof *p->networks);
    if (!p->networks)
        return SSE_ENOMEM;
    for (size_t i = 0; i < o->trusted_count; i++)
        if (sse_network_parse(o->trusted[i], &p->networks[i], &why))
            return complain("trusted_proxies", o->trusted[i], why, message, size);
    p->trust = (sse_trust){ p->networks, o->trusted_count, o->proxy_fields };
    return SSE_OK;
}

static int read_hosts(sse_policy *p, const sse_policy_options *o, char *message, size_t size)
{
    const char *why = NULL;
    size_t bytes = 0;
    char *to = NULL;

    for (size_t i = 0; i < o->host_count; i++)
        bytes += o->hosts[i].len;
    p->hosts = calloc(o->host_count + 1, sizeof *p->hosts);
    p->texts = malloc(bytes + 1);
    if (!p->hosts || !p->texts)
        return SSE_ENOMEM;
    to = p->texts;
    for (size_t i = 0; i < o->host_count; i++) {
        sse_slice text = { to, o->hosts[i].len };

        memcpy(to, o->hosts[i].at, text.len);
        to += text.len;
        if (sse_host_pattern_parse(text, &p->hosts[i], &why))
            return complain("hosts", text, why, message, size);
    }
    p->host_count = o->host_count;
    return SSE_OK;
}

int sse_policy_read(sse_policy *p, const sse_policy_options *options, char *message, size_t size)
{
    int code = read_networks(p, options, message, size);

    if (!code && options->hosts)
        code = read_hosts(p, options, message, size);
    return code;
}

void sse_policy_free(sse_policy *p)
{
    free(p->networks);
    free(p->hosts);
    free(p->texts);
}
