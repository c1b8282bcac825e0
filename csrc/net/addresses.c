#include "addresses.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/error.h"
#include "../wire/slice.h"

struct sse_address {
    sse_address *next;
    unsigned char key[16]; /* IPv6, or IPv4 mapped into it */
    size_t connections;
};

static void key_of(const struct sockaddr *from, unsigned char key[16])
{
    memset(key, 0, 16);
    if (from->sa_family == AF_INET6) {
        memcpy(key, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
    } else if (from->sa_family == AF_INET) {
        key[10] = key[11] = 0xff;
        memcpy(key + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
    }
}

/* A client that picks its addresses to collide needs as many addresses as it gains steps. */
static size_t hash(const unsigned char key[16])
{
    uint64_t h = sse_slice_hash((sse_slice){ (const char *)key, 16 });

    return (size_t)(h ^ (h >> 32));
}

static int grow(sse_addresses *table)
{
    size_t cap = table->cap ? table->cap * 2 : 64;
    sse_address **slots = calloc(cap, sizeof *slots);

    if (!slots)
        return SSE_ENOMEM;
    for (size_t i = 0; i < table->cap; i++) {
        while (table->slots[i]) {
            sse_address *a = table->slots[i];
            sse_address **slot = &slots[hash(a->key) % cap];

            table->slots[i] = a->next;
            a->next = *slot;
            *slot = a;
        }
    }
    free(table->slots);
    table->slots = slots;
    table->cap = cap;
    return SSE_OK;
}

sse_address *sse_addresses_enter(sse_addresses *table, const struct sockaddr *from, size_t most,
                                 int *refused)
{
    unsigned char key[16];
    sse_address *a = NULL, **slot = NULL;

    *refused = 0;
    if (table->count >= table->cap && grow(table))
        return NULL;
    key_of(from, key);
    slot = &table->slots[hash(key) % table->cap];
    for (a = *slot; a && memcmp(a->key, key, 16); a = a->next)
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

void sse_addresses_leave(sse_addresses *table, sse_address *address)
{
    sse_address **slot = &table->slots[hash(address->key) % table->cap];

    if (--address->connections > 0)
        return;
    while (*slot != address)
        slot = &(*slot)->next;
    *slot = address->next;
    free(address);
    table->count--;
}

void sse_addresses_free(sse_addresses *table)
{
    free(table->slots); /* every entry left with its last connection */
    table->slots = NULL;
    table->cap = 0;
}
