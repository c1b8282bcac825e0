/* url.h: URLs as libcurl reads them, with the web's serialization. */
#ifndef SSE_NET_URL_H
#define SSE_NET_URL_H

/* Each is its own string or NULL where the URL has none; lower-case scheme and host. */
typedef struct sse_url {
    char *scheme, *host, *port;
    char *path, *query, *fragment;
    char *user, *password; /* percent-decoded */
    char *href;            /* the whole URL, normalized */
    char *request;         /* the same without user, password and fragment */
    char *origin;          /* scheme://host[:port], the default port left out */
} sse_url;

/* Resolves text against base (NULL: text must be absolute). SSE_EINVAL, *why (static) says why;
 * SSE_ENOMEM. */
int sse_url_parse(sse_url *out, const char *text, const char *base, const char **why);
void sse_url_free(sse_url *u);

#endif
