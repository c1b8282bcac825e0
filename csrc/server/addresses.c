#include "addresses.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../wire/error.h"
#include "../wire/slice.h"

static bool has(const sse_address_list *list, const struct addrinfo *a)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].size == a->ai_addrlen &&
            memcmp(&list->at[i].address, a->ai_addr, a->ai_addrlen) == 0)
            return true;
    return false;
}

/* Adds what the system knows of a host. Returns getaddrinfo's code. */
static int add(sse_address_list *list, const char *host)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found = NULL;
    int code = getaddrinfo(host, "0", &hints, &found);

    if (code)
        return code;
    for (struct addrinfo *a = found; a && list->count < SSE_MAX_ADDRESSES; a = a->ai_next) {
        if (has(list, a) || a->ai_addrlen > sizeof list->at[0].address)
            continue;
        memset(&list->at[list->count], 0, sizeof list->at[0]);
        memcpy(&list->at[list->count].address, a->ai_addr, a->ai_addrlen);
        list->at[list->count++].size = a->ai_addrlen;
    }
    freeaddrinfo(found);
    return 0;
}

static bool is_localhost(const char *host)
{
    sse_slice name = sse_slice_text(host);

    return sse_slice_is_name(name, "localhost") || sse_slice_is_name(name, "localhost.");
}

int sse_addresses_find(sse_address_list *list, const char *host, char *message, size_t size)
{
    int code = 0;

    list->count = 0;
    if (is_localhost(host)) {
        code = add(list, "127.0.0.1");
        add(list, "::1"); /* fails where the system knows no IPv6 */
    } else {
        code = add(list, host);
    }
    if (list->count > 0)
        return SSE_OK;
    snprintf(message, size, "cannot listen on '%s': %s", host, gai_strerror(code));
    return SSE_ENOTFOUND;
}

void sse_address_set_port(struct sockaddr_storage *address, int port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
}

void sse_address_text(const struct sockaddr_storage *address, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;

        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        snprintf(out, size, "[%s]:%d", text, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;

        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        snprintf(out, size, "%s:%d", text, ntohs(four->sin_port));
    }
}
