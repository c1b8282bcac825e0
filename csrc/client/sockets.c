#include "sockets.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/process.h"

/* Out of memory, the socket is used without being listed. */
static int on_opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    sse_sockets *s = arg;
    size_t capacity = s->capacity ? s->capacity * 2 : 8;
    int *longer = NULL;

    (void)purpose;
    if (s->count == s->capacity) {
        longer = realloc(s->fds, capacity * sizeof *longer);
        if (!longer)
            return CURL_SOCKOPT_OK;
        s->fds = longer;
        s->capacity = capacity;
    }
    s->fds[s->count++] = fd;
    return CURL_SOCKOPT_OK;
}

static int on_close(void *arg, curl_socket_t fd)
{
    sse_sockets *s = arg;
    size_t i = s->count;

    while (i > 0 && s->fds[i - 1] != fd)
        i--;
    if (i > 0)
        s->fds[i - 1] = s->fds[--s->count];
    return close(fd);
}

void sse_sockets_add_easy(sse_sockets *s, void *easy)
{
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_opened);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, s);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s);
}

void sse_sockets_replace(const sse_sockets *s, int closed_fd)
{
    for (size_t i = 0; i < s->count; i++)
        sse_replace_socket(s->fds[i], closed_fd);
}

void sse_sockets_free(sse_sockets *s)
{
    free(s->fds);
    *s = (sse_sockets){ 0 };
}
