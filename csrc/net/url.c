#include "url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../wire/error.h"

#ifndef CURLU_PUNYCODE
#define CURLU_PUNYCODE 0
#endif

static const char *explain(CURLUcode code)
{
#if LIBCURL_VERSION_NUM >= 0x075000
    return curl_url_strerror(code);
#else
    (void)code;
    return "malformed";
#endif
}

/* One part as a string of ours; *out stays NULL where the URL has none. */
static int get(CURLU *u, CURLUPart part, unsigned flags, char **out)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(u, part, &text, flags);

    if (code == CURLUE_URLDECODE) /* a control character: better no URL than one without it */
        return SSE_EINVAL;
    if (code)
        return SSE_OK;
    *out = strdup(text);
    curl_free(text);
    return *out ? SSE_OK : SSE_ENOMEM;
}

static void lower(char *s)
{
    for (; s && *s; s++)
        *s = (char)tolower((unsigned char)*s);
}

static int set_origin(sse_url *u)
{
    size_t len = strlen(u->scheme) + strlen(u->host) + (u->port ? strlen(u->port) : 0) + 5;

    u->origin = malloc(len);
    if (!u->origin)
        return SSE_ENOMEM;
    snprintf(u->origin, len, "%s://%s%s%s", u->scheme, u->host, u->port ? ":" : "",
             u->port ? u->port : "");
    return SSE_OK;
}

static int get_parts(CURLU *u, sse_url *out)
{
    const struct {
        CURLUPart part;
        unsigned flags;
        char **out;
    } parts[] = {
        { CURLUPART_SCHEME, 0, &out->scheme },
        { CURLUPART_HOST, CURLU_PUNYCODE, &out->host },
        { CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, &out->port },
        { CURLUPART_PATH, 0, &out->path },
        { CURLUPART_QUERY, 0, &out->query },
        { CURLUPART_FRAGMENT, 0, &out->fragment },
        { CURLUPART_USER, CURLU_URLDECODE, &out->user },
        { CURLUPART_PASSWORD, CURLU_URLDECODE, &out->password },
    };
    int code = SSE_OK;

    for (size_t i = 0; !code && i < sizeof parts / sizeof parts[0]; i++)
        code = get(u, parts[i].part, parts[i].flags, parts[i].out);
    /* In the C locale libidn2 cannot read a non-ASCII host: it stays as it was written. */
    if (!code && !out->host)
        code = get(u, CURLUPART_HOST, 0, &out->host);
    return code;
}

/* The serializations, with what was brought into normal form put back. */
static int get_whole(CURLU *u, sse_url *out)
{
    int code = SSE_OK;

    if (curl_url_set(u, CURLUPART_HOST, out->host, 0) ||
        curl_url_set(u, CURLUPART_PORT, out->port, 0))
        return SSE_EINVAL;
    code = get(u, CURLUPART_URL, 0, &out->href);
    if (code)
        return code;
    curl_url_set(u, CURLUPART_USER, NULL, 0);
    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    code = get(u, CURLUPART_URL, 0, &out->request);
    return code ? code : set_origin(out);
}

static int parse(CURLU *u, sse_url *out, const char *text, const char *base, const char **why)
{
    const unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
    CURLUcode set = CURLUE_OK;
    int code = SSE_OK;

    if (base)
        set = curl_url_set(u, CURLUPART_URL, base, flags);
    if (!set)
        set = curl_url_set(u, CURLUPART_URL, text, flags);
    if (set) {
        *why = explain(set);
        return set == CURLUE_OUT_OF_MEMORY ? SSE_ENOMEM : SSE_EINVAL;
    }
    *why = "user or password holds a control character";
    code = get_parts(u, out);
    if (code)
        return code;
    *why = "no scheme or no host";
    if (!out->scheme || !out->host || !*out->host)
        return SSE_EINVAL;
    lower(out->scheme);
    lower(out->host);
    *why = "the host is not valid";
    return get_whole(u, out);
}

int sse_url_parse(sse_url *out, const char *text, const char *base, const char **why)
{
    CURLU *u = curl_url();
    int code = SSE_ENOMEM;

    *why = NULL;
    memset(out, 0, sizeof *out);
    if (u)
        code = parse(u, out, text, base, why);
    curl_url_cleanup(u);
    if (code)
        sse_url_free(out);
    return code;
}

void sse_url_free(sse_url *u)
{
    char **parts[] = { &u->scheme, &u->host,     &u->port, &u->path,    &u->query, &u->fragment,
                       &u->user,   &u->password, &u->href, &u->request, &u->origin };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        free(*parts[i]);
        *parts[i] = NULL;
    }
}
