/* connection_info.h: what a request and its peer agreed on. All texts are static. */
#ifndef SSE_CLIENT_CONNECTION_INFO_H
#define SSE_CLIENT_CONNECTION_INFO_H

#include <stdbool.h>

typedef struct sse_connection_info {
    const char *protocol;    /* "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"; NULL: not known yet */
    bool tls;                /* the connection to the server, or through its proxy, is encrypted */
    const char *tls_version; /* "TLSv1.3"; NULL: no TLS, or the TLS library doesn't tell */
    const char *tls_cipher;  /* "TLS_AES_256_GCM_SHA384"; NULL as above */
} sse_connection_info;

/* easy: a CURL * whose response head has come, from within a callback of libcurl's. */
void sse_connection_info_read(sse_connection_info *out, void *easy, bool https);

#endif
