#include "opening.h"

#include "addresses.h"

#define PORT_TRIES 16 /* ports that are tried for all addresses of a host where any will do */

void sse_listeners_free(sse_listener *list)
{
    while (list) {
        sse_listener *next = list->next;

        sse_listener_free(list);
        list = next;
    }
}

/* Adds a listener that is not open yet to the end of the list. */
static sse_listener *add(const sse_listening *of, sse_listener **list)
{
    sse_listener *l = sse_listener_new(of->context, of->user, of->on_accepted);

    while (*list)
        list = &(*list)->next;
    *list = l;
    return l;
}

/* Frees the last listener of the list. */
static void drop_last(sse_listener **list)
{
    while ((*list)->next)
        list = &(*list)->next;
    sse_listener_free(*list);
    *list = NULL;
}

/* Opens a listener for each address, all with one port; 0: the first one's. An address that this
 * machine has not is left out, unless there is no other. */
static int open_each(const sse_listening *of, sse_address_list *addresses, int port, bool reuse,
                     sse_listener **list, char *message, size_t size)
{
    int code = SSE_OK;

    for (size_t i = 0; i < addresses->count; i++) {
        int used = *list ? (*list)->port : port;
        sse_listener *l = add(of, list);

        if (!l)
            return SSE_ENOMEM;
        sse_address_set_port(&addresses->at[i].address, used);
        code = sse_listener_open(l, &addresses->at[i].address, addresses->at[i].size, reuse,
                                 of->backlog, message, size);
        if (code)
            drop_last(list);
        if (code && code != SSE_EADDRNOTAVAIL)
            return code;
    }
    return *list ? SSE_OK : code;
}

/* A port that the system chose for the first address may be in use on another one: then it chooses
 * anew. */
static int open_host(const sse_listening *of, const sse_listen_options *o, sse_listener **list,
                     char *message, size_t size)
{
    sse_address_list addresses;
    int code = sse_addresses_find(&addresses, o->host, message, size);

    if (code)
        return code;
    for (int tries = o->port == 0 ? PORT_TRIES : 1; tries > 0; tries--) {
        code = open_each(of, &addresses, o->port, o->port_reuse, list, message, size);
        if (code != SSE_EADDRINUSE)
            return code;
        sse_listeners_free(*list);
        *list = NULL;
    }
    return code;
}

static int open_unix(const sse_listening *of, const sse_listen_options *o, sse_listener **list,
                     char *message, size_t size)
{
    sse_listener *l = add(of, list);

    if (!l)
        return SSE_ENOMEM;
    return sse_listener_open_unix(l, o->unix_path, o->unix_mode, of->backlog, message, size);
}

static int open_copies(const sse_listening *of, const sse_listen_options *o, sse_listener **list,
                       char *message, size_t size)
{
    int code = SSE_OK;

    for (size_t i = 0; i < o->fd_count && !code; i++) {
        sse_listener *l = add(of, list);

        code = l ? sse_listener_open_copy(l, o->fds[i], of->backlog, message, size) : SSE_ENOMEM;
    }
    return code;
}

int sse_open_listeners(const sse_listening *of, const sse_listen_options *options,
                       sse_listener **list, char *message, size_t size)
{
    int code = SSE_OK;

    *list = NULL;
    if (options->fd_count > 0)
        code = open_copies(of, options, list, message, size);
    else if (options->unix_path)
        code = open_unix(of, options, list, message, size);
    else
        code = open_host(of, options, list, message, size);
    if (code) {
        sse_listeners_free(*list);
        *list = NULL;
    }
    for (sse_listener *l = *list; l; l = l->next)
        l->proxy_protocol = options->proxy_protocol;
    return code;
}
