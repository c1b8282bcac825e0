/* policy.h: which proxies a server trusts, and which hosts it answers for. */
#ifndef SSE_SERVER_POLICY_H
#define SSE_SERVER_POLICY_H

#include "../wire/authority.h"
#include "../wire/forwarded.h"

typedef struct sse_policy_options {
    const sse_slice *trusted; /* the proxies, as sse_network_parse reads them */
    size_t trusted_count;
    unsigned proxy_fields;  /* those that the proxies write: bits of wire/forwarded.h */
    const sse_slice *hosts; /* as sse_host_pattern_parse reads them; NULL: all */
    size_t host_count;
} sse_policy_options;

/* Zeroed: no proxy, and all hosts. */
typedef struct sse_policy {
    sse_trust trust;
    sse_host_pattern *hosts; /* NULL: all */
    size_t host_count;
    sse_network *networks; /* of `trust` */
    char *texts;           /* of the hosts, which point into them */
} sse_policy;

/* Reads the options, which it copies. SSE_EINVAL: `message` (of `size` bytes) names the option and
 * the text that is wrong; SSE_ENOMEM. After an error, too, the policy is to be freed. */
int sse_policy_read(sse_policy *p, const sse_policy_options *options, char *message, size_t size);

void sse_policy_free(sse_policy *p);

#endif
