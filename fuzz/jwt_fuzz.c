/* jwt_fuzz.c: a token of arbitrary bytes is refused or verified, and verified only where this test
 * has signed it. Input: a byte that says what is done, and the bytes. */
#include <stdlib.h>
#include <string.h>

#include "../csrc/crypto/jws.h"
#include "../csrc/crypto/signature.h"
#include "../csrc/wire/base64url.h"
#include "../csrc/wire/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX 4096 /* bytes of an input that count */

static sse_key *keys[3]; /* a secret, and keys of ES256 and EdDSA (RFC 7515, RFC 8037) */

static void must(bool condition)
{
    if (!condition)
        abort();
}

#define TEXT(literal) { literal, sizeof(literal) - 1 }

static void make_keys(void)
{
    static const sse_jwk jwks[] = {
        { .kty = TEXT("oct"), .k = TEXT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") },
        { .kty = TEXT("EC"),
          .crv = TEXT("P-256"),
          .x = TEXT("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
          .y = TEXT("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
          .d = TEXT("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI") },
        { .kty = TEXT("OKP"),
          .crv = TEXT("Ed25519"),
          .x = TEXT("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
          .d = TEXT("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A") },
    };
    const char *why = NULL;

    for (int i = 0; !keys[2] && i < 3; i++)
        must(sse_key_of_jwk(&jwks[i], &keys[i], &why) == SSE_OK);
}

/* Reads and verifies a token by each key; returns whether one has signed it. */
static bool verify(sse_slice token)
{
    char *room = malloc(sse_jws_room(token.len)), *claims = NULL;
    const char *why = NULL;
    bool verified = false;
    sse_jws jws;
    int code = sse_jws_read(token, room, &jws, &why);

    must(code == SSE_OK || ((code == SSE_EINVAL || code == SSE_ETOOBIG) && why));
    for (int i = 0; !code && i < 3; i++)
        verified = sse_jws_verify(&jws, keys[i], &why) == SSE_OK || verified;
    if (!code) {
        claims = malloc(jws.payload.len + 1);
        sse_claims_check(jws.payload, claims, &why);
    }
    free(claims);
    free(room);
    return verified;
}

/* Writes base64url of the bytes to *to, which is moved behind it. */
static void put(char **to, const void *bytes, size_t len)
{
    sse_base64url_encode(bytes, len, *to);
    *to += sse_base64url_size(len);
}

/* Makes a token of a header and a payload, up to and after the first LF, with a signature of the
 * key, or with a wrong one. */
static void sign(const char *bytes, size_t size, const sse_key *key, bool wrong)
{
    const char *lf = size ? memchr(bytes, '\n', size) : NULL;
    size_t head = lf ? (size_t)(lf - bytes) : size, len = 0;
    char *token = malloc(3 * size + 400), *to = token;
    unsigned char signature[SSE_MAX_SIGNATURE];

    put(&to, bytes, head);
    *to++ = '.';
    put(&to, lf ? lf + 1 : bytes, lf ? size - head - 1 : 0);
    must(!sse_signature_make(key, (sse_slice){ token, (size_t)(to - token) }, signature, &len));
    if (wrong)
        signature[0] ^= 1;
    *to++ = '.';
    put(&to, signature, len);
    must(!verify((sse_slice){ token, (size_t)(to - token) }) || !wrong);
    free(token);
}

/* A key of arbitrary bytes is one or is none. */
static void make(sse_slice text, bool pem)
{
    const char *why = NULL;
    sse_key *key = NULL;
    sse_jwk jwk = { .kty = TEXT("RSA"), .n = text, .e = TEXT("AQAB"), .k = text };
    int code = pem ? sse_key_of_pem(text, &key, &why) : sse_key_of_jwk(&jwk, &key, &why);

    must((code == SSE_OK) == (key != NULL) && (code == SSE_OK || why));
    sse_key_free(key);
    key = NULL;
    jwk.kty = (sse_slice)TEXT("oct");
    sse_key_of_jwk(&jwk, &key, &why);
    sse_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 1;
    size_t len = size > MAX ? MAX : size ? size - 1 : 0;

    make_keys();
    if (size == 0)
        return 0;
    switch (data[0] % 8) {
    case 0 ... 2:
        sign(bytes, len, keys[data[0] % 8], data[0] & 8);
        break;
    case 3:
    case 4:
        make((sse_slice){ bytes, len }, data[0] % 8 == 3);
        break;
    default:
        must(!verify((sse_slice){ bytes, len }));
    }
    return 0;
}
