#include "key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "../wire/base64url.h"
#include "../wire/error.h"
#include "pkey.h"

#define MAX_EXPONENT_BITS 64 /* of an RSA key */

const char *sse_algorithm_name(sse_algorithm algorithm)
{
    static const char *const names[] = { "HS256", "RS256", "ES256", "EdDSA" };

    return names[algorithm];
}

void sse_key_free(sse_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    OPENSSL_cleanse(key->secret, key->secret_len);
    free(key);
}

static sse_key *new_key(sse_algorithm algorithm, size_t secret_len)
{
    sse_key *key = calloc(1, sizeof *key + secret_len);

    if (key) {
        key->algorithm = algorithm;
        key->secret_len = secret_len;
    }
    return key;
}

/* --- secrets ---------------------------------------------------------------------------------- */

static bool contains(sse_slice text, const char *what)
{
    size_t len = strlen(what);

    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.at + i, what, len) == 0)
            return true;
    return false;
}

bool sse_key_is_pem(sse_slice text)
{
    return contains(text, "-----BEGIN ");
}

/* Whether the 10 bytes begin the DER of a public key or of a certificate (RFC 5280): a sequence
 * that begins with a sequence that begins with an identifier, or with the certificate's version. */
static bool begins_der(const unsigned char *at)
{
    if (at[0] != 0x30)
        return false;
    at += at[1] & 0x80 ? 2 + (at[1] & 3) : 2;
    return at[0] == 0x30 && (at[2] == 0x06 || (at[1] == 0x82 && at[4] == 0xa0));
}

/* Whether the text, of 12 characters at least, begins base64 of such DER. */
static bool begins_base64_der(const char *text)
{
    char chars[12], der[12] = { 0 };
    size_t len = 0;

    for (size_t i = 0; i < sizeof chars; i++)
        chars[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    return sse_base64url_decode((sse_slice){ chars, sizeof chars }, der, &len) &&
           begins_der((const unsigned char *)der);
}

/* Whether the bytes are a key that may be public: in PEM, of OpenSSH, as JSON, in DER, or in base64
 * of that, as servers show it that leave out the lines of PEM around it (also x5c of a JWK). */
static bool looks_public(sse_slice s)
{
    static const char *const beginnings[] = { "ssh-", "ecdsa-sha2-", "{" };

    if (sse_key_is_pem(s))
        return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        size_t len = strlen(beginnings[i]);

        if (s.len > len && memcmp(s.at, beginnings[i], len) == 0 &&
            (beginnings[i][0] != '{' || contains(s, "\"kty\"")))
            return true;
    }
    if (s.len < 40)
        return false;
    return begins_der((const unsigned char *)s.at) || begins_base64_der(s.at);
}

int sse_key_of_secret(sse_slice secret, sse_key **out, const char **why)
{
    sse_key *key = NULL;

    if (looks_public(secret)) {
        *why = "expected a secret, got a key that may be public: anybody could sign with it";
        return SSE_EINVAL;
    }
    if (secret.len < SSE_MIN_SECRET) {
        *why = "a secret needs at least 32 bytes, as sse.crypto.random(32) has";
        return SSE_EINVAL;
    }
    key = new_key(SSE_HS256, secret.len);
    if (!key) {
        *why = sse_error_text(SSE_ENOMEM);
        return SSE_ENOMEM;
    }
    memcpy(key->secret, secret.at, secret.len);
    key->can_sign = true;
    *out = key;
    return SSE_OK;
}

static int key_of_octets(sse_slice k, sse_key **out, const char **why)
{
    size_t room = sse_base64url_room(k.len), len = 0;
    char *bytes = k.at ? malloc(room) : NULL;
    int code = SSE_EINVAL;

    if (k.at && !bytes) {
        *why = sse_error_text(SSE_ENOMEM);
        return SSE_ENOMEM;
    }
    if (bytes && sse_base64url_decode(k, bytes, &len))
        code = sse_key_of_secret((sse_slice){ bytes, len }, out, why);
    else
        *why = "a JSON Web Key of the kty oct needs k, in base64url";
    if (bytes)
        OPENSSL_cleanse(bytes, room);
    free(bytes);
    return code;
}

/* --- keys of OpenSSL -------------------------------------------------------------------------- */

/* What is wrong with an RSA key, or NULL. */
static const char *fault_of_rsa(const EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);
    BIGNUM *e = NULL;
    const char *why = NULL;

    if (bits < SSE_MIN_RSA_BITS)
        return "an RSA key needs at least 2048 bits";
    if (bits > SSE_MAX_RSA_BITS)
        return "an RSA key can have 16384 bits at most";
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
        return "the RSA key has no exponent";
    if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > MAX_EXPONENT_BITS)
        why = "the exponent of an RSA key must be odd, at least 3, and below 2^64";
    BN_free(e);
    return why;
}

static bool is_p256(const EVP_PKEY *pkey)
{
    char name[32];
    size_t len = 0;

    return EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) == 1 &&
           strcmp(name, "prime256v1") == 0;
}

/* Finds the algorithm of a key; returns what is wrong with the key, or NULL. */
static const char *find_algorithm(const EVP_PKEY *pkey, sse_algorithm *out)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        *out = SSE_RS256;
        return fault_of_rsa(pkey);
    case EVP_PKEY_EC:
        *out = SSE_ES256;
        return is_p256(pkey) ? NULL : "a key of an elliptic curve must be of P-256 (prime256v1)";
    case EVP_PKEY_ED25519:
        *out = SSE_EDDSA;
        return NULL;
    default:
        return "expected a key of RSA, of the curve P-256, or of Ed25519";
    }
}

/* Empties OpenSSL's queue of errors; returns whether one of them is for lack of memory. */
static bool lacked_memory(void)
{
    bool lacked = false;
    unsigned long number = 0;

    while ((number = ERR_get_error()))
        lacked = lacked || ERR_GET_REASON(number) == ERR_R_MALLOC_FAILURE;
    return lacked;
}

/* Makes a key of OpenSSL's, which it takes over. NULL: *why, or SSE_ENOMEM where that is NULL. */
static int take(EVP_PKEY *pkey, bool has_private, sse_key **out, const char **why)
{
    sse_algorithm algorithm = SSE_RS256;
    sse_key *key = NULL;

    if (pkey)
        *why = find_algorithm(pkey, &algorithm);
    if (pkey && !*why)
        key = new_key(algorithm, 0);
    if (lacked_memory() && !key)
        *why = NULL;
    if (!key) {
        int code = *why ? SSE_EINVAL : SSE_ENOMEM;

        EVP_PKEY_free(pkey);
        *why = *why ? *why : sse_error_text(SSE_ENOMEM);
        return code;
    }
    key->pkey = pkey;
    key->can_sign = has_private;
    *out = key;
    return SSE_OK;
}

/* Gives no passphrase: OpenSSL's own prompt would stop the program. */
static int on_passphrase(char *to, int size, int writing, void *asked)
{
    (void)to;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

int sse_key_of_pem(sse_slice pem, sse_key **out, const char **why)
{
    BIO *bio = pem.len < INT32_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    bool has_private = contains(pem, "PRIVATE KEY-----"), asked = false;
    EVP_PKEY *pkey = NULL;

    *why = NULL;
    if (bio && has_private)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &asked);
    else if (bio)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, on_passphrase, &asked);
    if (bio && !pkey) {
        if (asked)
            *why = "the key is protected by a passphrase";
        else if (contains(pem, "-----BEGIN CERTIFICATE"))
            *why = "expected a key, got a certificate: openssl x509 -pubkey -noout shows its key";
        else
            *why = "expected a key in PEM: BEGIN PUBLIC KEY or BEGIN PRIVATE KEY";
    }
    BIO_free(bio);
    return take(pkey, has_private, out, why);
}

int sse_key_of_jwk(const sse_jwk *jwk, sse_key **out, const char **why)
{
    EVP_PKEY *pkey = NULL;

    *why = NULL;
    if (jwk->kty.at && sse_slice_is(jwk->kty, "oct"))
        return key_of_octets(jwk->k, out, why);
    if (!jwk->kty.at)
        *why = "expected a JSON Web Key, with its kty";
    else if (sse_slice_is(jwk->kty, "RSA"))
        pkey = sse_pkey_of_rsa(jwk, why);
    else if (!jwk->crv.at)
        *why = "expected a JSON Web Key of the kty RSA, EC, OKP or oct, with crv for EC and OKP";
    else if (sse_slice_is(jwk->kty, "EC") && sse_slice_is(jwk->crv, "P-256"))
        pkey = sse_pkey_of_p256(jwk, why);
    else if (sse_slice_is(jwk->kty, "OKP") && sse_slice_is(jwk->crv, "Ed25519"))
        pkey = sse_pkey_of_ed25519(jwk, why);
    else
        *why = "expected a JSON Web Key of RSA, of the curve P-256, of Ed25519, or a secret";
    return take(pkey, jwk->d.at != NULL, out, why);
}
