#include "load.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../wire/error.h"

/* TLS 1.2 with forward secrecy and authenticated encryption only, which is also what HTTP/2 allows
 * (RFC 9113 appendix A). */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
/* AES-128 comes first because it costs the least time and memory. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

/* The SSL_CTX that is set up, and where to write what failed. */
typedef struct loader {
    SSL_CTX *ctx;
    const char *label; /* name of the option, for messages: see sse_tls_identity */
    char *message;
    size_t size;
    bool passphrase_asked; /* OpenSSL asked for a passphrase */
} loader;

/* --- error messages ------------------------------------------------------ */

/* Of OpenSSL's queue of errors the first one is the cause; the others come from its callers. */
const char *sse_tls_error_text(void)
{
    unsigned long number = ERR_peek_error();
    const char *text = NULL;

    if (ERR_SYSTEM_ERROR(number))
        return strerror(ERR_GET_REASON(number));
    text = ERR_reason_error_string(number);
    return text ? text : "no reason given";
}

__attribute__((format(printf, 4, 5))) static int fail(const loader *l, int code, const char *option,
                                                      const char *format, ...)
{
    int n = snprintf(l->message, l->size, "%s.%s: ", l->label, option);
    va_list list;

    va_start(list, format);
    if (n >= 0 && (size_t)n < l->size)
        vsnprintf(l->message + n, l->size - (size_t)n, format, list);
    va_end(list);
    ERR_clear_error();
    return code;
}

static int out_of_memory(const loader *l)
{
    snprintf(l->message, l->size, "%s: %s", l->label, sse_error_text(SSE_ENOMEM));
    ERR_clear_error();
    return SSE_ENOMEM;
}

/* Checked before OpenSSL reads the file, whose messages for a missing file are misleading. */
static int check_readable(const loader *l, const char *option, const char *path)
{
    FILE *file = fopen(path, "rb");

    if (!file)
        return fail(l, SSE_ECERT, option, "cannot read '%s': %s", path, strerror(errno));
    fclose(file);
    return SSE_OK;
}

/* --- certificates -------------------------------------------------------- */

static int add_chain(const loader *l, const char *path)
{
    BIO *file = BIO_new_file(path, "rb");
    X509 *next = NULL;
    int count = 0;

    if (!file)
        return fail(l, SSE_ECERT, "chain", "cannot read '%s': %s", path, sse_tls_error_text());
    while ((next = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
        count++;
        if (SSL_CTX_add0_chain_cert(l->ctx, next) == 1)
            continue;
        X509_free(next);
        break;
    }
    BIO_free(file);
    if (!next && count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error(); /* only the end of the file */
        return SSE_OK;
    }
    return fail(l, SSE_ECERT, "chain", "no certificates in '%s': %s", path, sse_tls_error_text());
}

/* Gives no passphrase: OpenSSL's own prompt would stop the server. */
static int on_passphrase(char *to, int size, int writing, void *asked)
{
    (void)to;
    (void)size;
    (void)writing;
    if (asked)
        *(bool *)asked = true;
    return -1;
}

static int load_key(const loader *l, const char *path)
{
    if (SSL_CTX_use_PrivateKey_file(l->ctx, path, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(l->ctx) == 1)
        return SSE_OK;
    return fail(l, SSE_ECERT, "key", "'%s' holds no key of the certificate: %s", path,
                l->passphrase_asked ? "it is protected by a passphrase" : sse_tls_error_text());
}

static int load_identity(const loader *l, const sse_tls_identity *id)
{
    const char *key = id->key ? id->key : id->cert;
    int code = check_readable(l, "cert", id->cert);

    if (!code)
        code = check_readable(l, "key", key);
    if (!code && id->chain)
        code = check_readable(l, "chain", id->chain);
    if (code)
        return code;
    if (SSL_CTX_use_certificate_chain_file(l->ctx, id->cert) != 1)
        return fail(l, SSE_ECERT, "cert", "no certificate that can be used in '%s': %s", id->cert,
                    sse_tls_error_text());
    code = load_key(l, key);
    if (code)
        return code;
    return id->chain ? add_chain(l, id->chain) : SSE_OK;
}

/* Makes tickets depend on the file of authorities: a ticket tells that its client's certificate was
 * verified, so it must not be valid with other authorities. */
static int set_session_id_context(const loader *l, const char *path)
{
    unsigned char hash[EVP_MAX_MD_SIZE], bytes[4096];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    FILE *file = path ? fopen(path, "rb") : NULL;
    unsigned len = 0;
    size_t n = 0;
    bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    while (good && file && (n = fread(bytes, 1, sizeof bytes, file)) > 0)
        good = EVP_DigestUpdate(md, bytes, n) == 1;
    good = good && EVP_DigestFinal_ex(md, hash, &len) == 1 &&
           SSL_CTX_set_session_id_context(l->ctx, hash, SSL_MAX_SID_CTX_LENGTH) == 1;
    EVP_MD_CTX_free(md);
    if (file)
        fclose(file);
    return good ? SSE_OK : out_of_memory(l);
}

static int load_client_ca(loader *l, const char *path)
{
    STACK_OF(X509_NAME) *names = NULL;
    int code = SSE_OK;

    l->label = "tls";
    if (!path)
        return set_session_id_context(l, NULL);
    code = check_readable(l, "client_ca", path);
    if (code)
        return code;
    names = SSL_load_client_CA_file(path);
    if (!names || SSL_CTX_load_verify_file(l->ctx, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail(l, SSE_ECERT, "client_ca", "no certificates in '%s': %s", path,
                    sse_tls_error_text());
    }
    SSL_CTX_set_client_CA_list(l->ctx, names); /* owns them from now on */
    SSL_CTX_set_verify(l->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return set_session_id_context(l, path);
}

/* --- versions and ciphers ------------------------------------------------ */

static int set_version(const loader *l, const char *text)
{
    int version = 0;

    if (!text || strcmp(text, "1.2") == 0)
        version = TLS1_2_VERSION;
    else if (strcmp(text, "1.3") == 0)
        version = TLS1_3_VERSION;
    if (!version)
        return fail(l, SSE_EINVAL, "min_version", "expected \"1.2\" or \"1.3\", got '%s'", text);
    if (SSL_CTX_set_min_proto_version(l->ctx, version) != 1)
        return fail(l, SSE_EINVAL, "min_version", "'%s': %s", text, sse_tls_error_text());
    return SSE_OK;
}

/* Appends to `out` a cipher list's suites of TLS 1.3, or with `suites` false all others. */
static void pick_suites(const char *list, bool suites, char *out)
{
    size_t len = 0;

    for (const char *at = list; *at; at += len + (at[len] != '\0')) {
        len = strcspn(at, ":, ");
        if (len == 0 || (strncmp(at, "TLS_", 4) == 0) != suites)
            continue;
        if (*out)
            strcat(out, ":");
        strncat(out, at, len);
    }
}

/* OpenSSL has one list for TLS 1.3 and one for TLS 1.2. The default stays for the one that the
 * option says nothing for. */
static int set_ciphers(const loader *l, const char *list)
{
    char *ciphers = calloc(1, list ? strlen(list) + 1 : 1);
    char *suites = calloc(1, list ? strlen(list) + 1 : 1);
    int code = SSE_OK;

    if (!ciphers || !suites) {
        code = out_of_memory(l);
        goto done;
    }
    if (list) {
        pick_suites(list, false, ciphers);
        pick_suites(list, true, suites);
    }
    if (list && !*ciphers && !*suites)
        code = fail(l, SSE_EINVAL, "ciphers", "the list is empty");
    else if (SSL_CTX_set_cipher_list(l->ctx, *ciphers ? ciphers : CIPHERS) != 1 ||
             SSL_CTX_set_ciphersuites(l->ctx, *suites ? suites : SUITES) != 1)
        code = fail(l, SSE_EINVAL, "ciphers", "'%s': %s", list, sse_tls_error_text());
done:
    free(ciphers);
    free(suites);
    return code;
}

/* --- everything ---------------------------------------------------------- */

int sse_tls_load_certificate(const sse_tls_options *options, const sse_tls_identity *id,
                             SSL_CTX *ctx, char *message, size_t size)
{
    loader l = { ctx, "tls", message, size, false };
    int code = set_version(&l, options->min_version);

    SSL_CTX_set_default_passwd_cb(ctx, on_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &l.passphrase_asked);
    if (!code)
        code = set_ciphers(&l, options->ciphers);
    l.label = id->label;
    if (!code)
        code = load_identity(&l, id);
    if (!code)
        code = load_client_ca(&l, options->client_ca);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    return code;
}
