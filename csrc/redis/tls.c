#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SSE_REDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *openssl;
};

bool tls_is_supported(void)
{
    return true;
}

/* The text of OpenSSL's oldest error; NULL: there is none. */
static const char *reason_of_error(void)
{
    unsigned long error = ERR_peek_error();

    if (ERR_GET_LIB(error) == ERR_LIB_SYS)
        return strerror(ERR_GET_REASON(error));
    return error ? ERR_reason_error_string(error) : NULL;
}

static void explain(char *message, size_t size, const char *what, const char *file)
{
    const char *reason = reason_of_error();

    snprintf(message, size, "%s%s%s%s%s", what, file ? " " : "", file ? file : "",
             reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
}

static bool load(SSL_CTX *openssl, const tls_options *o, char *message, size_t size)
{
    const char *key = o->key ? o->key : o->cert;

    SSL_CTX_set_min_proto_version(openssl, TLS1_2_VERSION);
    SSL_CTX_set_verify(openssl, o->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (o->ca ? !SSL_CTX_load_verify_locations(openssl, o->ca, NULL)
              : !SSL_CTX_set_default_verify_paths(openssl)) {
        explain(message, size, "can't load the authorities", o->ca);
        return false;
    }
    if (o->cert && SSL_CTX_use_certificate_chain_file(openssl, o->cert) != 1) {
        explain(message, size, "can't load the certificate", o->cert);
        return false;
    }
    if (o->cert && SSL_CTX_use_PrivateKey_file(openssl, key, SSL_FILETYPE_PEM) != 1) {
        explain(message, size, "can't load the key", key);
        return false;
    }
    return true;
}

tls_context *tls_context_new(const tls_options *options, char *message, size_t size)
{
    tls_context *t = calloc(1, sizeof *t);

    ERR_clear_error();
    snprintf(message, size, "out of memory");
    if (!t)
        return NULL;
    t->openssl = SSL_CTX_new(TLS_client_method());
    if (t->openssl && load(t->openssl, options, message, size))
        return t;
    tls_context_free(t);
    return NULL;
}

void tls_context_free(tls_context *t)
{
    if (t)
        SSL_CTX_free(t->openssl);
    free(t);
}

/* Asks for a host, whose certificate is expected. An address is no name that could be asked for. */
static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

bool tls_start(tls_context *t, redisContext *redis, const char *host, void **session, char *message,
               size_t size)
{
    SSL *ssl = NULL;
    const char *reason = NULL;

    ERR_clear_error();
    ssl = SSL_new(t->openssl);
    if (!ssl || !expect_host(ssl, host)) {
        explain(message, size, "can't begin TLS", NULL);
        SSL_free(ssl);
        return false;
    }
    if (redisInitiateSSL(redis, ssl) == REDIS_OK) {
        *session = ssl;
        return true;
    }
    reason = tls_reason(ssl);
    snprintf(message, size, "%s", reason ? reason : redis->errstr);
    if (!redis->privctx)
        SSL_free(ssl);
    return false;
}

const char *tls_reason(void *session)
{
    long result = SSL_get_verify_result(session);

    if (result != X509_V_OK && SSL_get_verify_mode(session) != SSL_VERIFY_NONE)
        return X509_verify_cert_error_string(result);
    return reason_of_error();
}

void tls_begin(void)
{
    ERR_clear_error();
}

bool tls_has_bytes(void *session)
{
    return SSL_pending(session) > 0;
}

bool tls_wants_bytes(void *session)
{
    return SSL_want_read(session);
}

#else

bool tls_is_supported(void)
{
    return false;
}

tls_context *tls_context_new(const tls_options *options, char *message, size_t size)
{
    (void)options;
    snprintf(message, size,
             "this build has no TLS: it was made with hiredis %d.%d, without libhiredis_ssl, which "
             "comes with hiredis 1.0",
             HIREDIS_MAJOR, HIREDIS_MINOR);
    return NULL;
}

void tls_context_free(tls_context *t)
{
    (void)t;
}

bool tls_start(tls_context *t, redisContext *redis, const char *host, void **session, char *message,
               size_t size)
{
    (void)t;
    (void)redis;
    (void)host;
    (void)session;
    snprintf(message, size, "this build has no TLS");
    return false;
}

const char *tls_reason(void *session)
{
    (void)session;
    return NULL;
}

void tls_begin(void)
{
}

bool tls_has_bytes(void *session)
{
    (void)session;
    return false;
}

bool tls_wants_bytes(void *session)
{
    (void)session;
    return false;
}

#endif
