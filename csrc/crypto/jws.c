#include "jws.h"

#include "../wire/base64url.h"
#include "../wire/error.h"
#include "members.h"
#include "signature.h"

static int fail(const char **why, int code, const char *text)
{
    *why = text;
    return code;
}

/* Decodes a part of the token to *room, moves *room behind it, and puts a NUL there, as the JSON
 * reader wants. */
static bool decode(sse_slice part, char **room, sse_slice *out)
{
    *out = (sse_slice){ *room, 0 };
    if (!sse_base64url_decode(part, *room, &out->len))
        return false;
    *room += out->len;
    *(*room)++ = '\0';
    return true;
}

/* Splits the token at its two points. */
static bool split(sse_slice token, sse_slice parts[3])
{
    const char *at = token.at, *end = token.at + token.len;

    for (int i = 0; i < 3; i++) {
        const char *point = memchr(at, '.', (size_t)(end - at));

        if ((point != NULL) != (i < 2))
            return false;
        parts[i] = (sse_slice){ at, (size_t)((point ? point : end) - at) };
        at = point ? point + 1 : end;
    }
    return true;
}

static int read_header(char *room, sse_jws *out, const char **why)
{
    sse_members members;
    const sse_member *algorithm = NULL, *kid = NULL;
    int code = sse_members_read(out->header, room, &members, why);

    if (code)
        return code;
    if (sse_members_find(&members, "crit"))
        return fail(why, SSE_EINVAL, "the header has crit, which asks for extensions");
    if (sse_members_find(&members, "b64") || sse_members_find(&members, "zip"))
        return fail(why, SSE_EINVAL, "the header has b64 or zip, which are not supported");
    algorithm = sse_members_find(&members, "alg");
    kid = sse_members_find(&members, "kid");
    if (!algorithm || algorithm->kind != SSE_JSON_STRING)
        return fail(why, SSE_EINVAL, "the header has no alg");
    if (kid && kid->kind != SSE_JSON_STRING)
        return fail(why, SSE_EINVAL, "the header's kid is no string");
    out->algorithm = algorithm->text;
    out->kid = kid ? kid->text : (sse_slice){ 0 };
    return SSE_OK;
}

int sse_jws_read(sse_slice token, char *room, sse_jws *out, const char **why)
{
    sse_slice parts[3];

    if (token.len > SSE_MAX_TOKEN)
        return fail(why, SSE_ETOOBIG, "the token has more than 64 KiB");
    if (!split(token, parts))
        return fail(why, SSE_EINVAL, "expected three parts between points");
    out->signed_part = (sse_slice){ token.at, parts[0].len + 1 + parts[1].len };
    if (!decode(parts[0], &room, &out->header) || !decode(parts[1], &room, &out->payload) ||
        !decode(parts[2], &room, &out->signature))
        return fail(why, SSE_EINVAL, "a part is not base64url");
    return read_header(room, out, why);
}

int sse_jws_verify(const sse_jws *jws, const sse_key *key, const char **why)
{
    if (!sse_slice_is(jws->algorithm, sse_algorithm_name(key->algorithm)))
        return fail(why, SSE_EACCES, "the token's alg is not that of the key");
    if (sse_signature_check(key, jws->signed_part, jws->signature))
        return fail(why, SSE_EACCES, "the signature is not that of the key");
    return SSE_OK;
}

static bool is_number(const sse_member *m)
{
    return !m || m->kind == SSE_JSON_INTEGER || m->kind == SSE_JSON_DOUBLE;
}

static bool is_string(const sse_member *m)
{
    return !m || m->kind == SSE_JSON_STRING;
}

int sse_claims_check(sse_slice payload, char *room, const char **why)
{
    static const char *const numbers[] = { "exp", "nbf", "iat" };
    static const char *const strings[] = { "iss", "sub", "jti" };
    sse_members members;
    const sse_member *aud = NULL;
    int code = sse_members_read(payload, room, &members, why);

    if (code)
        return code;
    for (int i = 0; i < 3; i++)
        if (!is_number(sse_members_find(&members, numbers[i])))
            return fail(why, SSE_EINVAL, "exp, nbf and iat must be numbers");
    for (int i = 0; i < 3; i++)
        if (!is_string(sse_members_find(&members, strings[i])))
            return fail(why, SSE_EINVAL, "iss, sub and jti must be strings");
    aud = sse_members_find(&members, "aud");
    if (aud && !aud->has_text)
        return fail(why, SSE_EINVAL, "aud must be a string or an array of strings");
    return SSE_OK;
}
