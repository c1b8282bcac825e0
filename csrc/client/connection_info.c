#include "connection_info.h"

#include <curl/curl.h>
#include <stddef.h>
#include <string.h>

/* Functions of OpenSSL, NULL where libcurl is linked with another TLS library. They are called only
 * if libcurl says that the connection uses OpenSSL. */
#if defined(__ELF__) && defined(__GNUC__)
#define HAVE_WEAK 1
const char *SSL_get_version(const void *ssl) __attribute__((weak));
const void *SSL_get_current_cipher(const void *ssl) __attribute__((weak));
const char *SSL_CIPHER_get_name(const void *cipher) __attribute__((weak));
void SSL_get0_alpn_selected(const void *ssl, const unsigned char **name, unsigned *len)
    __attribute__((weak));
#endif

static const char *name_protocol(CURL *easy)
{
    long version = 0;

    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    switch (version) {
    case CURL_HTTP_VERSION_1_0:
        return "HTTP/1.0";
    case CURL_HTTP_VERSION_1_1:
        return "HTTP/1.1";
    case CURL_HTTP_VERSION_2_0:
        return "HTTP/2";
    case 30: /* CURL_HTTP_VERSION_3, which older headers lack */
        return "HTTP/3";
    default:
        return NULL;
    }
}

#ifdef HAVE_WEAK
/* The connection's SSL *; NULL where libcurl does not use OpenSSL for it. */
static const void *ssl_of(CURL *easy)
{
    struct curl_tlssessioninfo *info = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) || !info)
        return NULL;
    return info->backend == CURLSSLBACKEND_OPENSSL ? info->internals : NULL;
}
#endif

static void read_tls(sse_connection_info *out, CURL *easy)
{
#ifdef HAVE_WEAK
    const void *ssl = ssl_of(easy), *cipher = NULL;

    if (!ssl || !SSL_get_version || !SSL_get_current_cipher || !SSL_CIPHER_get_name)
        return;
    out->tls_version = SSL_get_version(ssl);
    cipher = SSL_get_current_cipher(ssl);
    if (cipher)
        out->tls_cipher = SSL_CIPHER_get_name(cipher);
#else
    (void)out;
    (void)easy;
#endif
}

void sse_connection_info_read(sse_connection_info *out, void *easy, bool https)
{
    *out = (sse_connection_info){ .protocol = name_protocol(easy), .tls = https };
    if (https)
        read_tls(out, easy);
}

bool sse_connection_is_http2(const sse_connection_info *info)
{
    return info->protocol && !strcmp(info->protocol, "HTTP/2");
}

bool sse_connection_may_be_http2(void *easy)
{
#ifdef HAVE_WEAK
    const void *ssl = ssl_of(easy);
    const unsigned char *name = NULL;
    unsigned len = 0;

    if (!ssl || !SSL_get0_alpn_selected)
        return true;
    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == 2 && !memcmp(name, "h2", 2);
#else
    (void)easy;
    return true;
#endif
}
