/* failing_crypto.c: csrc/crypto while the n-th allocation fails, ours or OpenSSL's, for every n: no
 * key is made of half of its parts, no wrong signature is taken, nothing leaks. */
#include "failing_state.h"

#include <openssl/crypto.h>

#include "../../csrc/crypto/jws.h"
#include "../../csrc/crypto/signature.h"
#include "../../csrc/wire/error.h"

/* --- OpenSSL's allocations -------------------------------------------------------------------- */

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 || must_fail() ? NULL : malloc(size);
}

static void *crypto_realloc(void *at, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return must_fail() ? NULL : realloc(at, size);
}

static void crypto_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    free(at);
}

/* --- keys and signatures ---------------------------------------------------------------------- */

typedef struct sample {
    const char *name;
    sse_jwk jwk;
    const char *pem; /* NULL: the key is the JSON Web Key */
} sample;

#define TEXT(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }

/* RFC 7515 appendix A.3 and RFC 8037 appendix A.1; a secret, and two keys in PEM. */
static const sample samples[] = {
    { "HS256",
      { .kty = TEXT("oct"), .k = TEXT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") },
      NULL },
    { "ES256",
      { .kty = TEXT("EC"),
        .crv = TEXT("P-256"),
        .x = TEXT("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        .y = TEXT("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        .d = TEXT("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI") },
      NULL },
    { "EdDSA",
      { .kty = TEXT("OKP"),
        .crv = TEXT("Ed25519"),
        .x = TEXT("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        .d = TEXT("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A") },
      NULL },
    { "EdDSA",
      { .kty = { 0 } },
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n" },
    { "RS256",
      { .kty = { 0 } },
      "-----BEGIN PRIVATE KEY-----\n"
      "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC+TBkj2F6cGOiI\n"
      "QZ9xuXP+w46h7oCcXDzx1mukq3Yj8qoi4YdOGxwfZCb+dbsnQu2/HN7CBNzvty27\n"
      "kpB1bfoCvUIicGj0ZjW1yT2DGG7EArN7K5GOUPr3MAMLamm4vIeCIDEB9h/kKHw7\n"
      "gLlAhSO3MH/srTKteSIzzcpwlAng5q0CxcoscK9cWY+bOEH2mglyNmXHsFpwwZhP\n"
      "sMl/yB0lmo4EDu9vbi53HwrA3L1sLfiVppvjOE1g5U7NGfJkHDVGHounz9/zzBKy\n"
      "LFUaHUQuovCue92+xDD28J7cL13M3zW9rTUVVHbk8NaJ4LhUbpszfr9/Pba4Bpks\n"
      "xcKQFCMjAgMBAAECggEACkHWzxBQFTDgg8upuPsKjg5jZ0YQR51PKafpmHAnh4uC\n"
      "cSvf261paCXBVlDpPBYG85iuRx30/LTOccBWKgY6BiDGak3N0nKZ7YkB2EmeWtFc\n"
      "dESmbVnfFSjQ2TIsraj30uNCUP0/vdAS1jA7jAdBJBQoqQyy4RfY6JrskQHhwG4G\n"
      "lKlOQUWf3dIUb8dZtvRJ+HB5S6SxoIIAO/DqQ+MTgS5STRc58rApaLBCNghZcu6Q\n"
      "momtZ3zAhbvajbUvTzpsgxGNpRq6VxQAK6Mf3iSa/WDpnW6rSoGcTJN+HLWrD/L2\n"
      "9KCyX/zULKdAneAd5sb/jr6L3sLdbSU8yfBGeNnR7QKBgQD/OayWr9yitMgttCx6\n"
      "IBt/QyRa9Ea9n2BykrO9Cn0xPFnLR+1IPK6ejdxyXiVTvl+JT4PGF/1Q1nvP0mIh\n"
      "vqKZowFLdkTf3bZEAbqzhCT0ssjF2hVib7Mf4BjjagiM2v5igIJ1+C7QinL6sxox\n"
      "RrCV2vvr4OS+xqhJOE2LvrF/xwKBgQC+3/iPOll709COvESY9seFvyUMcqp9YzdH\n"
      "S8eWT3BJoeH4qKvZt0muy1Fi6v3kIfmD9OnE7sP9e9rIK2aJ7As4Bx42sEQOacNk\n"
      "HLqSYk0EqOY76FhevjTYQmBAfGwKn1VBRx7cfK8TyMvRGqmzYHAOIh1ljPlUtB6U\n"
      "bSCavqq5xQKBgC3uISMVDu2w/v1KmV54/LnQSXCc2UYyslasE/CHPLRpmfc9QHRp\n"
      "hzs9aFiknK8PaX36c0po8stjbfCeec580iI39XmxFP/8lFp0vTalJ0lqCzuf3Y1T\n"
      "cLbhy1jRsiw3FOSBH/k+6p3Y7Iw1QxdvE0REnmV6mW/DrHFQ0pO9g4/tAoGAdT6e\n"
      "L1xoGufA8+wxNsRfSohe+YZ1sw9+pQynTGz/TDtj0pnI9bLgT74T/+7YhYlY+vU1\n"
      "owIG4W1ytgHyukWDnqbAqFcddr0AiD4dXE2FgZc91Q6jOY8cZrpe5T2IH/4/IBnP\n"
      "mx/7auusRoVaOBTEv+m0pOwzOxRotENUA7mapQECgYAlEWhtAVDzttKDGXcVbaWp\n"
      "zfOQvc5X9wOz3oqoyCn5Y1lwhTb7H34+KNStdSwZQ4wleUeQ14MnVLuCoL7HsMtW\n"
      "5qBf6bi2W7dMPKflknHrW5FpEHOAs2qK86qgR2xWelcQL5mIiS5bc2+ZfWCSQfHm\n"
      "NLwtC25Pt2KNm4fOPfpeCw==\n"
      "-----END PRIVATE KEY-----\n" },
};

static int make_key(const sample *s, sse_key **out)
{
    const char *why = NULL;
    int code = s->pem ? sse_key_of_pem(sse_slice_text(s->pem), out, &why)
                      : sse_key_of_jwk(&s->jwk, out, &why);

    CHECK((code != SSE_OK) == (why != NULL));
    return code;
}

/* Runs all of it with failures from the nth allocation on; returns whether one came. */
static bool run(const sample *s)
{
    const sse_slice data = SSE_SLICE("data");
    unsigned char signature[SSE_MAX_SIGNATURE];
    sse_slice made = { (const char *)signature, 0 };
    sse_key *key = NULL;
    int code = SSE_OK;

    scenario = s->name;
    failed = false;
    live = 0;
    until_failure = nth;
    code = make_key(s, &key);
    CHECK(code == SSE_OK ? key != NULL : failed && !key && live == 0);
    if (code)
        goto done;
    code = sse_signature_make(key, data, signature, &made.len);
    CHECK(code == SSE_OK || failed);
    if (!code) {
        CHECK(sse_signature_check(key, data, made) == SSE_OK || failed);
        signature[made.len - 1] ^= 1;
        CHECK(sse_signature_check(key, data, made) != SSE_OK);
        signature[made.len - 1] ^= 1;
    }
    until_failure = -1;
    CHECK(code || sse_signature_check(key, data, made) == SSE_OK);
    sse_key_free(key);
done:
    until_failure = -1;
    CHECK(live == 0);
    return failed;
}

int main(void)
{
    long most = 0;

    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1) {
        fprintf(stderr, "failing_crypto.c: OpenSSL has allocated before\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        nth = 100000; /* once without failures: OpenSSL keeps what it has loaded */
        run(&samples[i]);
        for (int mode = 0; mode < 2; mode++) {
            one_failure = mode == 0;
            for (nth = 0; run(&samples[i]); nth += one_failure ? 1 : 7)
                ;
            most = nth > most ? nth : most;
        }
    }
    printf("crypto: each of %ld allocations failed\n", most);
    return 0;
}
