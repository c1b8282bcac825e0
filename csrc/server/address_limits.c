#include "address_limits.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/error.h"

struct sse_address {
    sse_address *next;
    unsigned char key[16]; /* an IPv6 prefix, or IPv4 as it is mapped into IPv6 */
    size_t connections;
};

enum { PREFIX = 64 / 8, MAPPED = 96 / 8 }; /* bytes */

static void key_of(const sse_client *client, unsigned char key[16])
{
    static const unsigned char mapped[MAPPED] = { [10] = 0xff, [11] = 0xff };

    memset(key, 0, 16);
    if (client->len == 16) {
        memcpy(key, client->bytes, PREFIX);
    } else {
        memcpy(key, mapped, MAPPED);
        memcpy(key + MAPPED, client->bytes, 4);
    }
}

static sse_address **slot_of(const sse_address_limits *table, const unsigned char key[16])
{
    sse_slice bytes = { (const char *)key, 16 };

    return &table->slots[sse_hash(&table->seed, bytes) % table->cap];
}

static int grow(sse_address_limits *table)
{
    sse_address_limits grown = { .cap = table->cap ? table->cap * 2 : 64,
                                 .count = table->count,
                                 .seed = table->seed };

    grown.slots = calloc(grown.cap, sizeof(sse_address *));
    if (!grown.slots)
        return SSE_ENOMEM;
    for (size_t i = 0; i < table->cap; i++) {
        while (table->slots[i]) {
            sse_address *a = table->slots[i];
            sse_address **slot = slot_of(&grown, a->key);

            table->slots[i] = a->next;
            a->next = *slot;
            *slot = a;
        }
    }
    free(table->slots);
    *table = grown;
    return SSE_OK;
}

sse_address *sse_address_limits_enter(sse_address_limits *table, const sse_client *client,
                                      size_t most, int *refused)
{
    unsigned char key[16];
    sse_address *a = NULL, **slot = NULL;

    *refused = 0;
    if (table->count >= table->cap && grow(table))
        return NULL;
    key_of(client, key);
    slot = slot_of(table, key);
    for (a = *slot; a && memcmp(a->key, key, 16) != 0; a = a->next)
        ;
    if (a && a->connections >= most) {
        *refused = 1;
        return NULL;
    }
    if (!a) {
        a = calloc(1, sizeof *a);
        if (!a)
            return NULL;
        memcpy(a->key, key, 16);
        a->next = *slot;
        *slot = a;
        table->count++;
    }
    a->connections++;
    return a;
}

void sse_address_limits_leave(sse_address_limits *table, sse_address *address)
{
    sse_address **slot = slot_of(table, address->key);

    if (--address->connections > 0)
        return;
    while (*slot != address)
        slot = &(*slot)->next;
    *slot = address->next;
    free(address);
    table->count--;
}

void sse_address_limits_free(sse_address_limits *table)
{
    free(table->slots); /* the entries were freed with their last connections */
    table->slots = NULL;
    table->cap = 0;
}
