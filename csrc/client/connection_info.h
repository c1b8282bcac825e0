/* connection_info.h: which protocol and which encryption a request and its response use. */
#ifndef SSE_CLIENT_CONNECTION_INFO_H
#define SSE_CLIENT_CONNECTION_INFO_H

#include <stdbool.h>

/* All texts are static. */
typedef struct sse_connection_info {
    const char *protocol;    /* "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"; NULL: not known yet */
    bool tls;                /* the connection to the server, or through its proxy, is encrypted */
    const char *tls_version; /* "TLSv1.3"; NULL: no TLS, or the TLS library doesn't tell */
    const char *tls_cipher;  /* "TLS_AES_256_GCM_SHA384"; NULL as above */
} sse_connection_info;

/* Fills *out. `easy` is a CURL * whose response head has come. To be called from within one of
 * libcurl's callbacks, where the connection is known. `https`: the URL is. */
void sse_connection_info_read(sse_connection_info *out, void *easy, bool https);

/* Says whether the protocol is HTTP/2. */
bool sse_connection_is_http2(const sse_connection_info *info);

/* Says whether a new TLS connection can carry HTTP/2: false where server and client did not agree
 * to HTTP/2, true also where the TLS library doesn't tell. `easy` is a CURL * whose request is
 * about to be sent. To be called from within one of libcurl's callbacks. */
bool sse_connection_may_be_http2(void *easy);

#endif
