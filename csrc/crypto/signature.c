#include "signature.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../wire/error.h"

#define MAC     32 /* bytes of an HMAC of SHA-256 */
#define HALF    32 /* bytes of each of the two numbers of a signature of P-256 */
#define MAX_DER 80 /* bytes of these two numbers in DER: 72 */

static const EVP_MD *digest_of(const sse_key *key)
{
    return key->algorithm == SSE_EDDSA ? NULL : EVP_sha256();
}

static bool make_mac(const sse_key *key, sse_slice data, unsigned char *out)
{
    unsigned len = 0;

    return key->secret_len < INT32_MAX &&
           HMAC(EVP_sha256(), key->secret, (int)key->secret_len, (const unsigned char *)data.at,
                data.len, out, &len) &&
           len == MAC;
}

/* --- signatures of P-256: two numbers of 32 bytes here, DER for OpenSSL ----------------------- */

static bool der_of_halves(sse_slice signature, unsigned char der[MAX_DER], size_t *len)
{
    const unsigned char *at = (const unsigned char *)signature.at;
    ECDSA_SIG *made = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(at, HALF, NULL), *s = BN_bin2bn(at + HALF, HALF, NULL);
    unsigned char *to = der;
    int written = 0;

    if (made && r && s && ECDSA_SIG_set0(made, r, s) == 1) {
        r = s = NULL;
        written = i2d_ECDSA_SIG(made, &to);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(made);
    *len = written > 0 ? (size_t)written : 0;
    return written > 0;
}

static bool halves_of_der(const unsigned char *der, size_t len, unsigned char *out)
{
    ECDSA_SIG *read = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool good = read && BN_bn2binpad(ECDSA_SIG_get0_r(read), out, HALF) == HALF &&
                BN_bn2binpad(ECDSA_SIG_get0_s(read), out + HALF, HALF) == HALF;

    ECDSA_SIG_free(read);
    return good;
}

/* --- by OpenSSL's keys ------------------------------------------------------------------------ */

static bool sign(const sse_key *key, sse_slice data, unsigned char *out, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestSignInit(ctx, NULL, digest_of(key), NULL, key->pkey) == 1 &&
                EVP_DigestSign(ctx, out, len, (const unsigned char *)data.at, data.len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static bool verify(const sse_key *key, sse_slice data, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        ctx && EVP_DigestVerifyInit(ctx, NULL, digest_of(key), NULL, key->pkey) == 1 &&
        EVP_DigestVerify(ctx, signature, len, (const unsigned char *)data.at, data.len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

int sse_signature_make(const sse_key *key, sse_slice data, unsigned char *out, size_t *len)
{
    unsigned char der[MAX_DER];
    size_t der_len = sizeof der;

    if (!key->can_sign)
        return SSE_ESTATE;
    *len = SSE_MAX_SIGNATURE;
    switch (key->algorithm) {
    case SSE_HS256:
        *len = MAC;
        return make_mac(key, data, out) ? SSE_OK : SSE_ENOMEM;
    case SSE_ES256:
        *len = (size_t)2 * HALF;
        return sign(key, data, der, &der_len) && halves_of_der(der, der_len, out) ? SSE_OK
                                                                                  : SSE_ENOMEM;
    default:
        return sign(key, data, out, len) ? SSE_OK : SSE_ENOMEM;
    }
}

int sse_signature_check(const sse_key *key, sse_slice data, sse_slice signature)
{
    unsigned char bytes[MAX_DER];
    size_t len = 0;
    bool good = false;

    switch (key->algorithm) {
    case SSE_HS256:
        good = make_mac(key, data, bytes) &&
               sse_same_bytes(signature, (sse_slice){ (const char *)bytes, MAC });
        break;
    case SSE_ES256:
        good = signature.len == (size_t)2 * HALF && der_of_halves(signature, bytes, &len) &&
               verify(key, data, bytes, len);
        break;
    default:
        good = verify(key, data, (const unsigned char *)signature.at, signature.len);
    }
    return good ? SSE_OK : SSE_EACCES;
}

bool sse_same_bytes(sse_slice a, sse_slice b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}
