#include "context.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "../wire/error.h"
#include "context_struct.h"
#include "load.h"
#include "shared_tickets.h"
#include "socket_bio.h"

/* --- OpenSSL's callbacks ------------------------------------------------- */

static sse_tls_context *context_of(SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* Chooses the protocol. Where client and server have none in common, the handshake fails (RFC 7301
 * section 3.2). Not called for a client without ALPN. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
                   const unsigned char *theirs, unsigned their_len, void *arg)
{
    const sse_slice *ours = arg;
    unsigned char *chosen = NULL;

    (void)ssl;
    if (SSL_select_next_proto(&chosen, len, (const unsigned char *)ours->at, (unsigned)ours->len,
                              theirs, their_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool same_host(const char *a, const char *b)
{
    return sse_slice_is_name((sse_slice){ a, strlen(a) }, b);
}

/* Whether a name of the options means the host: "*.b.example" means any name with one more label
 * (RFC 6125 section 6.4.3). */
static bool matches(const char *pattern, const char *host)
{
    const char *dot = NULL;

    if (pattern[0] != '*')
        return same_host(pattern, host);
    dot = strchr(host, '.');
    return dot && dot != host && same_host(pattern + 1, dot);
}

/* The index of the certificate for a host; 0: none of the names matches. A name is preferred to a
 * pattern, wherever they stand in the list. */
static size_t find_identity(const sse_tls_options *options, const char *host)
{
    size_t found = 0;

    for (size_t i = 1; i < options->count; i++) {
        const char *name = options->identities[i].name;

        if (!matches(name, host))
            continue;
        if (name[0] != '*')
            return i;
        found = i;
    }
    return found;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const sse_tls_context *context = arg;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    size_t i = host ? find_identity(&context->options, host) : 0;

    (void)alert;
    if (i == 0)
        return SSL_TLSEXT_ERR_NOACK;
    return SSL_set_SSL_CTX(ssl, context->ssl_contexts[i]) ? SSL_TLSEXT_ERR_OK
                                                          : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int encrypt)
{
    sse_tls_context *context = context_of(ssl);
    sse_tls_tickets shared;
    int result = 0;

    if (!sse_shared_tickets_get(&shared)) {
        sse_tls_tickets_rotate(&context->tickets);
        return sse_tls_tickets_prepare(&context->tickets, ssl, name, iv, cipher, mac, encrypt);
    }
    result = sse_tls_tickets_prepare(&shared, ssl, name, iv, cipher, mac, encrypt);
    sse_tls_tickets_clear(&shared);
    return result;
}

/* --- one SSL_CTX for each certificate ------------------------------------ */

/* Sets what does not depend on the certificate. An idle connection keeps no buffers, and the server
 * keeps nothing of a session. */
static void configure(SSL_CTX *ctx, sse_tls_context *context)
{
    SSL_CTX_set_app_data(ctx, context);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(ctx, 1); /* one recv for a record instead of two: header and rest */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, SSE_TICKET_KEY_SECONDS);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
    SSL_CTX_set_session_ticket_cb(ctx, sse_tls_ticket_on_issue, sse_tls_ticket_on_receive, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, context);
    if (context->options.alpn.len)
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, &context->options.alpn);
}

static int make_ssl_ctx(sse_tls_context *context, const sse_tls_identity *id, char *message,
                        size_t size, SSL_CTX **out)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int code = SSE_ENOMEM;

    if (!ctx) {
        snprintf(message, size, "tls: %s", sse_tls_error_text());
        ERR_clear_error();
        return code;
    }
    configure(ctx, context);
    code = sse_tls_load_certificate(&context->options, id, ctx, message, size);
    if (code)
        SSL_CTX_free(ctx);
    else
        *out = ctx;
    return code;
}

static void free_ssl_contexts(SSL_CTX **ssl_contexts, size_t count)
{
    for (size_t i = 0; ssl_contexts && i < count; i++)
        SSL_CTX_free(ssl_contexts[i]);
    free(ssl_contexts);
}

int sse_tls_context_read(sse_tls_context *context, char *message, size_t size)
{
    size_t count = context->options.count;
    SSL_CTX **ssl_contexts = calloc(count, sizeof(SSL_CTX *));
    int code = ssl_contexts ? SSE_OK : SSE_ENOMEM;

    ERR_clear_error();
    if (code)
        snprintf(message, size, "tls: %s", sse_error_text(code));
    for (size_t i = 0; i < count && !code; i++)
        code =
            make_ssl_ctx(context, &context->options.identities[i], message, size, &ssl_contexts[i]);
    if (code) {
        free_ssl_contexts(ssl_contexts, count);
        return code;
    }
    sse_tls_context_drop(context);
    context->aside = ssl_contexts;
    return SSE_OK;
}

void sse_tls_context_use(sse_tls_context *context)
{
    if (!context->aside)
        return;
    /* Open connections hold references to the old ones. */
    free_ssl_contexts(context->ssl_contexts, context->options.count);
    context->ssl_contexts = context->aside;
    context->aside = NULL;
}

void sse_tls_context_drop(sse_tls_context *context)
{
    free_ssl_contexts(context->aside, context->options.count);
    context->aside = NULL;
}

/* --- new and free -------------------------------------------------------- */

static bool copy(const char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return *to || !text;
}

static bool copy_identity(sse_tls_identity *to, const sse_tls_identity *from)
{
    return copy(&to->label, from->label) && copy(&to->name, from->name) &&
           copy(&to->cert, from->cert) && copy(&to->key, from->key) &&
           copy(&to->chain, from->chain);
}

static bool copy_options(sse_tls_options *to, const sse_tls_options *from)
{
    sse_tls_identity *identities = calloc(from->count, sizeof *identities);
    char *alpn = malloc(from->alpn.len + 1);

    to->identities = identities;
    to->alpn = (sse_slice){ alpn, from->alpn.len };
    if (!identities || !alpn)
        return false;
    if (from->alpn.len)
        memcpy(alpn, from->alpn.at, from->alpn.len);
    for (to->count = 0; to->count < from->count; to->count++)
        if (!copy_identity(&identities[to->count], &from->identities[to->count])) {
            to->count++;
            return false;
        }
    return copy(&to->min_version, from->min_version) && copy(&to->ciphers, from->ciphers) &&
           copy(&to->client_ca, from->client_ca);
}

static void free_options(sse_tls_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        const sse_tls_identity *id = &options->identities[i];

        free((char *)id->label);
        free((char *)id->name);
        free((char *)id->cert);
        free((char *)id->key);
        free((char *)id->chain);
    }
    free((sse_tls_identity *)options->identities);
    free((char *)options->alpn.at);
    free((char *)options->min_version);
    free((char *)options->ciphers);
    free((char *)options->client_ca);
}

int sse_tls_context_new(const sse_tls_options *options, sse_tls_counters *count,
                        sse_tls_context **out, char *message, size_t size)
{
    sse_tls_context *context = calloc(1, sizeof *context);
    int code = SSE_ENOMEM;

    snprintf(message, size, "tls: %s", sse_error_text(code));
    if (!context)
        return code;
    context->refs = 1;
    context->count = count;
    context->socket_method = sse_tls_socket_method();
    if (context->socket_method && copy_options(&context->options, options)) {
        code = sse_tls_tickets_init(&context->tickets);
        if (code)
            snprintf(message, size, "tls: no random numbers: %s", sse_tls_error_text());
        else
            code = sse_tls_context_read(context, message, size);
    }
    if (code) {
        sse_tls_context_unref(context);
        return code;
    }
    sse_tls_context_use(context);
    *out = context;
    return SSE_OK;
}

sse_tls_context *sse_tls_context_ref(sse_tls_context *context)
{
    context->refs++;
    return context;
}

void sse_tls_context_unref(sse_tls_context *context)
{
    if (!context || --context->refs > 0)
        return;
    sse_tls_context_drop(context);
    free_ssl_contexts(context->ssl_contexts, context->options.count);
    free_options(&context->options);
    BIO_meth_free(context->socket_method);
    sse_tls_tickets_clear(&context->tickets);
    free(context);
}
