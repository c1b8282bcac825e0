#include "tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "../wire/error.h"

static int make_key(sse_ticket_key *key)
{
    if (RAND_bytes(key->name, sizeof key->name) != 1 ||
        RAND_priv_bytes(key->cipher, sizeof key->cipher) != 1 ||
        RAND_priv_bytes(key->mac, sizeof key->mac) != 1)
        return SSE_ESYS;
    return SSE_OK;
}

int sse_tls_tickets_init(sse_tls_tickets *tickets)
{
    tickets->count = 1;
    tickets->key_made_at = time(NULL);
    return make_key(&tickets->keys[0]);
}

void sse_tls_tickets_clear(sse_tls_tickets *tickets)
{
    OPENSSL_cleanse(tickets, sizeof *tickets);
}

/* Whoever gets a key can read all tickets that it encrypted. */
bool sse_tls_tickets_rotate(sse_tls_tickets *tickets)
{
    time_t now = time(NULL);
    sse_ticket_key new_key;

    if (now >= tickets->key_made_at && now - tickets->key_made_at < SSE_TICKET_KEY_SECONDS)
        return false;
    if (make_key(&new_key))
        return false;
    tickets->keys[1] = tickets->keys[0];
    tickets->keys[0] = new_key;
    /* where no ticket came for long, the key before is so old that it would have been dropped */
    tickets->count = now - tickets->key_made_at < 2 * SSE_TICKET_KEY_SECONDS ? 2 : 1;
    tickets->key_made_at = now;
    OPENSSL_cleanse(&new_key, sizeof new_key);
    return true;
}

static const sse_ticket_key *find_key(const sse_tls_tickets *tickets, const unsigned char *name)
{
    for (int i = 0; i < tickets->count; i++)
        if (memcmp(tickets->keys[i].name, name, sizeof tickets->keys[i].name) == 0)
            return &tickets->keys[i];
    return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const sse_ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int sse_tls_tickets_prepare(const sse_tls_tickets *tickets, SSL *ssl, unsigned char *name,
                            unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                            bool encrypt)
{
    const sse_ticket_key *key = NULL;

    if (encrypt) {
        key = &tickets->keys[0];
        memcpy(name, key->name, sizeof key->name);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            return -1;
    } else {
        key = find_key(tickets, name);
        if (!key)
            return 0; /* a full handshake follows */
    }
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt) != 1 ||
        !set_mac(mac, key))
        return -1;
    if (encrypt)
        return 1;
    /* 2: with a new ticket. In TLS 1.3 each ticket is for one use (RFC 8446 appendix C.4). */
    return key != &tickets->keys[0] || SSL_version(ssl) >= TLS1_3_VERSION ? 2 : 1;
}

/* --- when a session ends ---------------------------------------------------------------------- */

/* The earlier of `end` and the certificate's notAfter; now, if notAfter can't be read. */
static int64_t earlier_end(const X509 *certificate, int64_t end)
{
    int64_t now = time(NULL), expires = now;
    int days = 0, seconds = 0;

    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1)
        expires += (int64_t)days * 86400 + seconds;
    return expires < end ? expires : end;
}

/* When a session ends whose full handshake is done now: seconds of time(). */
static int64_t end_of_session(const SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    const X509 *own = SSL_get0_peer_certificate(ssl);
    int64_t end = (int64_t)time(NULL) + SSE_TICKET_SECONDS;

    if (own)
        end = earlier_end(own, end);
    for (int i = 0; i < sk_X509_num(chain); i++)
        end = earlier_end(sk_X509_value(chain, i), end);
    return end;
}

/* Reads when the session ends, which is stored in its ticket's application data. */
static bool read_end(SSL_SESSION *session, int64_t *end)
{
    void *at = NULL;
    size_t len = 0;

    if (SSL_SESSION_get0_ticket_appdata(session, &at, &len) != 1 || len != sizeof *end)
        return false;
    memcpy(end, at, sizeof *end);
    return true;
}

int sse_tls_ticket_on_issue(SSL *ssl, void *unused)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    int64_t end = 0, left = 0;

    (void)unused;
    if (!SSL_session_reused(ssl))
        end = end_of_session(ssl);
    else if (!read_end(session, &end))
        return 0;
    left = end - (int64_t)time(NULL);
    if (left < 0)
        left = 0;
    if (left < SSL_SESSION_get_timeout(session)) /* the client is told this lifetime */
        SSL_SESSION_set_timeout(session, (long)left);
    return SSL_SESSION_set1_ticket_appdata(session, &end, sizeof end);
}

SSL_TICKET_RETURN sse_tls_ticket_on_receive(SSL *ssl, SSL_SESSION *session,
                                            const unsigned char *key, size_t key_len,
                                            SSL_TICKET_STATUS status, void *unused)
{
    int64_t end = 0;

    (void)ssl;
    (void)key;
    (void)key_len;
    (void)unused;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!read_end(session, &end) || (int64_t)time(NULL) >= end)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}
