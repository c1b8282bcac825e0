/* address_limits_test.c: which addresses share one per-address limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/server/address_limits.h"

static sse_address *enter(sse_address_limits *table, const char *text, int *refused)
{
    sse_client client;

    if (sse_client_parse(sse_slice_text(text), &client)) {
        fprintf(stderr, "addresses: %s is none\n", text);
        exit(EXIT_FAILURE);
    }
    return sse_address_limits_enter(table, &client, 1, refused);
}

/* With a limit of one connection an address: returns 1 if the second address is refused after the
 * first entered, 0 if not, -1 if the table is wrong. */
static int share_a_limit(const char *first, const char *second)
{
    sse_address_limits table = { 0 };
    int refused = 0;
    sse_address *a = enter(&table, first, &refused), *b = enter(&table, second, &refused);

    if (b)
        sse_address_limits_leave(&table, b);
    if (a)
        sse_address_limits_leave(&table, a);
    if (!a || table.count > 0)
        refused = -1;
    sse_address_limits_free(&table);
    return refused;
}

int main(void)
{
    static const struct {
        const char *first, *second;
        int same;
    } pairs[] = {
        { "192.0.2.1", "192.0.2.1", 1 },
        { "192.0.2.1", "192.0.2.2", 0 },
        { "192.0.2.1", "::ffff:192.0.2.1", 1 },
        { "::ffff:192.0.2.1", "::ffff:192.0.2.2", 0 },
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", 1 },
        { "2001:db8:1:2::1", "2001:db8:1:3::1", 0 },
        { "fe80::1", "2001:db8::1", 0 },
        { "::1", "::1", 1 },
        { "::1", "127.0.0.1", 0 },
    };
    size_t count = sizeof pairs / sizeof pairs[0], wrong = 0;

    for (size_t i = 0; i < count; i++) {
        if (share_a_limit(pairs[i].first, pairs[i].second) == pairs[i].same)
            continue;
        fprintf(stderr, "addresses: %s and %s: expected %s\n", pairs[i].first, pairs[i].second,
                pairs[i].same ? "one client" : "two");
        wrong++;
    }
    printf("addresses: %zu pairs: %s\n", count, wrong ? "FAILED" : "as they should be");
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
