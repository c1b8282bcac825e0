#include "pkey.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>

#include "../wire/base64url.h"

#define MAX_PART (SSE_MAX_RSA_BITS / 8) /* bytes of a member */
#define CURVE    32 /* bytes of a coordinate of P-256, and of a key of Ed25519 */

/* What becomes a key: OpenSSL's parameters, and the numbers that they refer to. */
typedef struct builder {
    OSSL_PARAM_BLD *parameters;
    BIGNUM *numbers[8];
    int count;
} builder;

static void free_builder(builder *b)
{
    while (b->count > 0)
        BN_clear_free(b->numbers[--b->count]);
    OSSL_PARAM_BLD_free(b->parameters);
}

/* Decodes a member of exactly `size` bytes. */
static bool decode_sized(sse_slice text, unsigned char *to, size_t size)
{
    char bytes[CURVE + 3];
    size_t len = 0;
    bool good = text.at && text.len == sse_base64url_size(size) &&
                sse_base64url_decode(text, bytes, &len) && len == size;

    if (good)
        memcpy(to, bytes, size);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return good;
}

/* Adds a member that is a number. */
static bool add_number(builder *b, const char *name, sse_slice text, const char **why)
{
    char bytes[MAX_PART + 3];
    size_t len = 0;
    BIGNUM *number = NULL;

    if (text.len > sse_base64url_size(MAX_PART) || !sse_base64url_decode(text, bytes, &len) ||
        len == 0) {
        *why = "a number of the JSON Web Key is not base64url, or too long";
        return false;
    }
    number = BN_secure_new();
    if (number && !BN_bin2bn((const unsigned char *)bytes, (int)len, number)) {
        BN_free(number);
        number = NULL;
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    if (!number)
        return false;
    b->numbers[b->count++] = number;
    return OSSL_PARAM_BLD_push_BN(b->parameters, name, number) == 1;
}

/* Makes the key of a builder whose parameters are complete. */
static EVP_PKEY *build(const builder *b, const char *type, bool has_private, const char **why)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(b->parameters);
    EVP_PKEY *key = NULL;
    int selection = has_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;

    if (ctx && parameters && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, selection, parameters) != 1)
        *why = "the members of the JSON Web Key are no key";
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *sse_pkey_of_rsa(const sse_jwk *jwk, const char **why)
{
    const struct {
        const char *name;
        sse_slice text;
        bool needed;
    } members[] = {
        { OSSL_PKEY_PARAM_RSA_N, jwk->n, true },
        { OSSL_PKEY_PARAM_RSA_E, jwk->e, true },
        { OSSL_PKEY_PARAM_RSA_D, jwk->d, false },
        { OSSL_PKEY_PARAM_RSA_FACTOR1, jwk->p, false },
        { OSSL_PKEY_PARAM_RSA_FACTOR2, jwk->q, false },
        { OSSL_PKEY_PARAM_RSA_EXPONENT1, jwk->dp, false },
        { OSSL_PKEY_PARAM_RSA_EXPONENT2, jwk->dq, false },
        { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, jwk->qi, false },
    };
    size_t count = jwk->d.at ? sizeof members / sizeof members[0] : 2;
    builder b = { .parameters = OSSL_PARAM_BLD_new() };
    EVP_PKEY *key = NULL;
    bool good = b.parameters != NULL;

    for (size_t i = 0; good && i < count; i++) {
        if (members[i].text.at)
            good = add_number(&b, members[i].name, members[i].text, why);
        else if (members[i].needed) {
            *why = "a JSON Web Key of the kty RSA needs n and e";
            good = false;
        }
    }
    if (good)
        key = build(&b, "RSA", jwk->d.at != NULL, why);
    free_builder(&b);
    return key;
}

/* Whether the private and the public part belong together; true for a public key. */
static bool is_pair(EVP_PKEY *key, bool has_private)
{
    EVP_PKEY_CTX *ctx = has_private ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    bool good = !has_private || (ctx && EVP_PKEY_pairwise_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);
    return good;
}

EVP_PKEY *sse_pkey_of_p256(const sse_jwk *jwk, const char **why)
{
    unsigned char point[1 + 2 * CURVE] = { 4 }; /* SEC 1 2.3.3: both coordinates */
    builder b = { .parameters = NULL };
    EVP_PKEY *key = NULL;

    if (!decode_sized(jwk->x, point + 1, CURVE) ||
        !decode_sized(jwk->y, point + 1 + CURVE, CURVE)) {
        *why = "a JSON Web Key of the curve P-256 needs x and y, base64url of 32 bytes each";
        return NULL;
    }
    b.parameters = OSSL_PARAM_BLD_new();
    if (b.parameters &&
        OSSL_PARAM_BLD_push_utf8_string(b.parameters, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                        0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b.parameters, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         sizeof point) == 1 &&
        (!jwk->d.at || add_number(&b, OSSL_PKEY_PARAM_PRIV_KEY, jwk->d, why)))
        key = build(&b, "EC", jwk->d.at != NULL, why);
    free_builder(&b);
    if (key && !is_pair(key, jwk->d.at != NULL)) {
        *why = "the private part of the JSON Web Key does not fit the public one";
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* A private key of Ed25519 whose public part is `expected`. */
static EVP_PKEY *private_ed25519(sse_slice d, const unsigned char *expected, const char **why)
{
    unsigned char bytes[CURVE], made[CURVE];
    size_t len = sizeof made;
    EVP_PKEY *key = NULL;

    if (!decode_sized(d, bytes, CURVE)) {
        *why = "d of a JSON Web Key of Ed25519 must be base64url of 32 bytes";
        return NULL;
    }
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, CURVE);
    OPENSSL_cleanse(bytes, sizeof bytes);
    if (!key || EVP_PKEY_get_raw_public_key(key, made, &len) != 1)
        goto fail;
    if (memcmp(made, expected, CURVE) == 0)
        return key;
    *why = "the private part of the JSON Web Key does not fit the public one";
fail:
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *sse_pkey_of_ed25519(const sse_jwk *jwk, const char **why)
{
    unsigned char bytes[CURVE];

    if (!decode_sized(jwk->x, bytes, CURVE)) {
        *why = "a JSON Web Key of Ed25519 needs x, base64url of 32 bytes";
        return NULL;
    }
    if (jwk->d.at)
        return private_ed25519(jwk->d, bytes, why);
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, CURVE);
}
