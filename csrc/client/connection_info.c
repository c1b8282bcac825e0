#include "connection_info.h"

#include <curl/curl.h>
#include <stddef.h>

/* Functions of OpenSSL, NULL where libcurl is linked with another TLS library. They are called only
 * if libcurl says that the connection uses OpenSSL. */
#if defined(__ELF__) && defined(__GNUC__)
#define HAVE_WEAK 1
const char *SSL_get_version(const void *ssl) __attribute__((weak));
const void *SSL_get_current_cipher(const void *ssl) __attribute__((weak));
const char *SSL_CIPHER_get_name(const void *cipher) __attribute__((weak));
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

static void read_tls(sse_connection_info *out, CURL *easy)
{
#ifdef HAVE_WEAK
    struct curl_tlssessioninfo *info = NULL;
    const void *cipher = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) || !info || !info->internals)
        return;
    if (info->backend != CURLSSLBACKEND_OPENSSL || !SSL_get_version || !SSL_get_current_cipher ||
        !SSL_CIPHER_get_name)
        return;
    out->tls_version = SSL_get_version(info->internals);
    cipher = SSL_get_current_cipher(info->internals);
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
