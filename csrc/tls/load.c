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
/* AES-128 first: it costs the least, in memory too. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

/* What is being made, and where to say what went wrong with it. */
typedef struct maker {
    SSL_CTX *made;
    const char *label; /* the option at hand: "tls", 'tls.names["b.example"]' */
    char *message;
    size_t size;
    bool asked; /* for a passphrase */
} maker;

/* --- what went wrong ----------------------------------------------------- */

/* The first error is the cause, those behind it tell the way up. */
const char *sse_tls_why(void)
{
    unsigned long number = ERR_peek_error();
    const char *text = NULL;

    if (ERR_SYSTEM_ERROR(number))
        return strerror(ERR_GET_REASON(number));
    text = ERR_reason_error_string(number);
    return text ? text : "no reason given";
}

__attribute__((format(printf, 4, 5))) static int fail(const maker *m, int code, const char *option,
                                                      const char *format, ...)
{
    int n = snprintf(m->message, m->size, "%s.%s: ", m->label, option);
    va_list list;

    va_start(list, format);
    if (n >= 0 && (size_t)n < m->size)
        vsnprintf(m->message + n, m->size - (size_t)n, format, list);
    va_end(list);
    ERR_clear_error();
    return code;
}

static int out_of_memory(const maker *m)
{
    snprintf(m->message, m->size, "%s: %s", m->label, sse_error_text(SSE_ENOMEM));
    ERR_clear_error();
    return SSE_ENOMEM;
}

/* OpenSSL's own words for a file that isn't there are many and lead away from it. */
static int check_readable(const maker *m, const char *option, const char *path)
{
    FILE *file = fopen(path, "rb");

    if (!file)
        return fail(m, SSE_ECERT, option, "cannot read '%s': %s", path, strerror(errno));
    fclose(file);
    return SSE_OK;
}

/* --- certificates -------------------------------------------------------- */

static int add_chain(const maker *m, const char *path)
{
    BIO *file = BIO_new_file(path, "rb");
    X509 *next = NULL;
    int count = 0;

    if (!file)
        return fail(m, SSE_ECERT, "chain", "cannot read '%s': %s", path, sse_tls_why());
    while ((next = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
        count++;
        if (SSL_CTX_add0_chain_cert(m->made, next) == 1)
            continue;
        X509_free(next);
        break;
    }
    BIO_free(file);
    if (!next && count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error(); /* the end of the file */
        return SSE_OK;
    }
    return fail(m, SSE_ECERT, "chain", "no certificates in '%s': %s", path, sse_tls_why());
}

/* A prompt for it would stop the server. */
static int on_passphrase(char *to, int size, int writing, void *asked)
{
    (void)to;
    (void)size;
    (void)writing;
    if (asked)
        *(bool *)asked = true;
    return -1;
}

static int load_key(const maker *m, const char *path)
{
    if (SSL_CTX_use_PrivateKey_file(m->made, path, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(m->made) == 1)
        return SSE_OK;
    return fail(m, SSE_ECERT, "key", "'%s' holds no key of the certificate: %s", path,
                m->asked ? "it is protected by a passphrase" : sse_tls_why());
}

static int load_identity(const maker *m, const sse_tls_identity *id)
{
    const char *key = id->key ? id->key : id->cert;
    int code = check_readable(m, "cert", id->cert);

    if (!code)
        code = check_readable(m, "key", key);
    if (!code && id->chain)
        code = check_readable(m, "chain", id->chain);
    if (code)
        return code;
    if (SSL_CTX_use_certificate_chain_file(m->made, id->cert) != 1)
        return fail(m, SSE_ECERT, "cert", "no certificate that can be used in '%s': %s", id->cert,
                    sse_tls_why());
    code = load_key(m, key);
    if (code)
        return code;
    return id->chain ? add_chain(m, id->chain) : SSE_OK;
}

/* A ticket holds that its client was known: it is good only while the same authorities are. */
static int name_sessions(const maker *m, const char *path)
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
           SSL_CTX_set_session_id_context(m->made, hash, SSL_MAX_SID_CTX_LENGTH) == 1;
    EVP_MD_CTX_free(md);
    if (file)
        fclose(file);
    return good ? SSE_OK : out_of_memory(m);
}

static int require_client(maker *m, const char *path)
{
    STACK_OF(X509_NAME) *names = NULL;
    int code = SSE_OK;

    m->label = "tls";
    if (!path)
        return name_sessions(m, NULL);
    code = check_readable(m, "client_ca", path);
    if (code)
        return code;
    names = SSL_load_client_CA_file(path);
    if (!names || SSL_CTX_load_verify_file(m->made, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail(m, SSE_ECERT, "client_ca", "no certificates in '%s': %s", path, sse_tls_why());
    }
    SSL_CTX_set_client_CA_list(m->made, names); /* takes them over */
    SSL_CTX_set_verify(m->made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return name_sessions(m, path);
}

/* --- versions and ciphers ------------------------------------------------ */

static int set_version(const maker *m, const char *text)
{
    int version = 0;

    if (!text || strcmp(text, "1.2") == 0)
        version = TLS1_2_VERSION;
    else if (strcmp(text, "1.3") == 0)
        version = TLS1_3_VERSION;
    if (!version)
        return fail(m, SSE_EINVAL, "min_version", "expected \"1.2\" or \"1.3\", got '%s'", text);
    if (SSL_CTX_set_min_proto_version(m->made, version) != 1)
        return fail(m, SSE_EINVAL, "min_version", "'%s': %s", text, sse_tls_why());
    return SSE_OK;
}

/* Those parts of the list that are suites of TLS 1.3, or those that are not. */
static void pick(const char *list, bool suites, char *out)
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

/* OpenSSL has two lists; whoever names none for one of them leaves that one as it is. */
static int set_ciphers(const maker *m, const char *list)
{
    char *ciphers = calloc(1, list ? strlen(list) + 1 : 1);
    char *suites = calloc(1, list ? strlen(list) + 1 : 1);
    int code = SSE_OK;

    if (!ciphers || !suites) {
        code = out_of_memory(m);
        goto done;
    }
    if (list) {
        pick(list, false, ciphers);
        pick(list, true, suites);
    }
    if (list && !*ciphers && !*suites)
        code = fail(m, SSE_EINVAL, "ciphers", "the list is empty");
    else if (SSL_CTX_set_cipher_list(m->made, *ciphers ? ciphers : CIPHERS) != 1 ||
             SSL_CTX_set_ciphersuites(m->made, *suites ? suites : SUITES) != 1)
        code = fail(m, SSE_EINVAL, "ciphers", "'%s': %s", list, sse_tls_why());
done:
    free(ciphers);
    free(suites);
    return code;
}

/* --- all of it ----------------------------------------------------------- */

int sse_tls_load(const sse_tls_options *options, const sse_tls_identity *id, SSL_CTX *made,
                 char *message, size_t size)
{
    maker m = { made, "tls", message, size, false };
    int code = set_version(&m, options->min_version);

    SSL_CTX_set_default_passwd_cb(made, on_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(made, &m.asked);
    if (!code)
        code = set_ciphers(&m, options->ciphers);
    m.label = id->label;
    if (!code)
        code = load_identity(&m, id);
    if (!code)
        code = require_client(&m, options->client_ca);
    SSL_CTX_set_default_passwd_cb_userdata(made, NULL);
    return code;
}
