#include "context.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../wire/error.h"
#include "context_struct.h"
#include "load.h"
#include "socket_bio.h"

/* --- callbacks ----------------------------------------------------------- */

static sse_tls_context *context_of(SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* RFC 7301 section 3.2: where both have none in common, the handshake fails. A client that names
 * none doesn't come here. */
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

/* "*.b.example" is any name of one label more (RFC 6125 section 6.4.3). */
static bool matches(const char *pattern, const char *host)
{
    const char *dot = NULL;

    if (pattern[0] != '*')
        return strcasecmp(pattern, host) == 0;
    dot = strchr(host, '.');
    return dot && dot != host && strcasecmp(pattern + 1, dot) == 0;
}

/* A name before a pattern, wherever they stand in the list. */
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
    return SSL_set_SSL_CTX(ssl, context->served[i]) ? SSL_TLSEXT_ERR_OK
                                                    : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int encrypt)
{
    return sse_tls_tickets_use(&context_of(ssl)->tickets, ssl, name, iv, cipher, mac, encrypt);
}

/* --- making one ---------------------------------------------------------- */

/* An idle connection keeps no buffers, and the server nothing of a session. */
static void set_manners(SSL_CTX *made, sse_tls_context *context)
{
    SSL_CTX_set_app_data(made, context);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(made, 1); /* one recv for a record, not one for its head and one more */
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(made, SSE_TICKET_KEY_SECONDS);
    SSL_CTX_set_num_tickets(made, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(made, on_ticket);
    SSL_CTX_set_session_ticket_cb(made, sse_tls_ticket_give, sse_tls_ticket_take, NULL);
    SSL_CTX_set_tlsext_servername_callback(made, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(made, context);
    if (context->options.alpn.len)
        SSL_CTX_set_alpn_select_cb(made, on_alpn, &context->options.alpn);
}

static int make_one(sse_tls_context *context, const sse_tls_identity *id, char *message,
                    size_t size, SSL_CTX **out)
{
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());
    int code = SSE_ENOMEM;

    if (!made) {
        snprintf(message, size, "tls: %s", sse_tls_why());
        ERR_clear_error();
        return code;
    }
    set_manners(made, context);
    code = sse_tls_load(&context->options, id, made, message, size);
    if (code)
        SSL_CTX_free(made);
    else
        *out = made;
    return code;
}

static void free_served(SSL_CTX **served, size_t count)
{
    for (size_t i = 0; served && i < count; i++)
        SSL_CTX_free(served[i]);
    free(served);
}

int sse_tls_context_reload(sse_tls_context *context, char *message, size_t size)
{
    size_t count = context->options.count;
    SSL_CTX **served = calloc(count, sizeof(SSL_CTX *));
    int code = served ? SSE_OK : SSE_ENOMEM;

    ERR_clear_error();
    if (code)
        snprintf(message, size, "tls: %s", sse_error_text(code));
    for (size_t i = 0; i < count && !code; i++)
        code = make_one(context, &context->options.identities[i], message, size, &served[i]);
    if (code) {
        free_served(served, count);
        return code;
    }
    free_served(context->served, count); /* its connections hold what they use */
    context->served = served;
    return SSE_OK;
}

/* --- birth and end ------------------------------------------------------- */

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

int sse_tls_context_new(const sse_tls_options *options, sse_tls_context **out, char *message,
                        size_t size)
{
    sse_tls_context *context = calloc(1, sizeof *context);
    int code = SSE_ENOMEM;

    snprintf(message, size, "tls: %s", sse_error_text(code));
    if (!context)
        return code;
    context->socket = sse_tls_socket_method();
    if (context->socket && copy_options(&context->options, options)) {
        code = sse_tls_tickets_init(&context->tickets);
        if (code)
            snprintf(message, size, "tls: no random numbers: %s", sse_tls_why());
        else
            code = sse_tls_context_reload(context, message, size);
    }
    if (code) {
        sse_tls_context_free(context);
        return code;
    }
    *out = context;
    return SSE_OK;
}

void sse_tls_context_free(sse_tls_context *context)
{
    if (!context)
        return;
    free_served(context->served, context->options.count);
    free_options(&context->options);
    BIO_meth_free(context->socket);
    sse_tls_tickets_clear(&context->tickets);
    free(context);
}

const sse_tls_counters *sse_tls_context_counters(const sse_tls_context *context)
{
    return &context->count;
}
