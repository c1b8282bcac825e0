#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "url_host.h"

/* The schemes that have a host (WHATWG URL's special ones but "file"), and their default ports. */
static const struct {
    const char *scheme;
    unsigned port;
} special[] = { { "http", 80 }, { "https", 443 }, { "ws", 80 }, { "wss", 443 }, { "ftp", 21 } };

enum { SPECIAL_COUNT = sizeof special / sizeof special[0] };

/* The characters that are percent-encoded in each part, besides control characters and bytes past
 * ASCII (WHATWG URL, 1.3). */
#define IN_PATH " \"#<>?^`{}"
static const char in_fragment[] = " \"<>`", in_query[] = " \"#<>'", in_path[] = IN_PATH,
                  in_user[] = IN_PATH "/:;=@[\\]|";

typedef struct reader {
    sse_url *url;         /* what is read */
    const char *at, *end; /* the text that is left */
    sse_url_to_ascii *to_ascii;
    const char *why; /* why the URL was refused */
} reader;

static int refuse(reader *r, const char *why)
{
    r->why = why;
    return SSE_EINVAL;
}

static int append(sse_url *u, sse_url_part part, const char *bytes, size_t len)
{
    u->has[part] = true;
    return sse_buffer_append(&u->part[part], bytes, len);
}

static int append_text(sse_url *u, sse_url_part part, const char *text)
{
    return append(u, part, text, strlen(text));
}

/* Copies a part of another URL, unless the other lacks it. */
static int copy_part(sse_url *u, sse_url_part part, const sse_url *from)
{
    sse_slice text = sse_url_get(from, part);

    return text.at ? append(u, part, text.at, text.len) : SSE_OK;
}

/* Appends text to a part, percent-encoding the characters of `set`. */
static int append_encoded(sse_url *u, sse_url_part part, const char *from, const char *to,
                          const char *set)
{
    int code = append(u, part, "", 0);
    char triple[4];

    for (; !code && from < to; from++) {
        unsigned char c = (unsigned char)*from;

        if (c > 31 && c < 127 && !strchr(set, c)) {
            code = append(u, part, from, 1);
        } else {
            snprintf(triple, sizeof triple, "%%%02X", c);
            code = append(u, part, triple, 3);
        }
    }
    return code;
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* Returns the first place of one of the characters, or the end of the text. */
static const char *find(const reader *r, const char *characters)
{
    const char *at = r->at;

    while (at < r->end && (!*at || !strchr(characters, *at)))
        at++;
    return at;
}

/* Returns the index in `special` of the URL's scheme, or -1. */
static int find_special(const sse_url *u)
{
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (sse_slice_is(sse_url_get(u, SSE_URL_SCHEME), special[i].scheme))
            return i;
    return -1;
}

/* --- user, host, port ------------------------------------------------------------------------- */

/* Reads user and password, which end at `end`, where the "@" is. */
static int read_user(reader *r, const char *end)
{
    const char *colon = memchr(r->at, ':', (size_t)(end - r->at));
    bool has_password = colon && colon + 1 < end;
    int code = SSE_OK;

    if ((colon ? colon : end) > r->at || has_password)
        code = append_encoded(r->url, SSE_URL_USER, r->at, colon ? colon : end, in_user);
    if (!code && has_password)
        code = append_encoded(r->url, SSE_URL_PASSWORD, colon + 1, end, in_user);
    return code;
}

static int read_port(reader *r, const char *from, const char *end)
{
    unsigned port = 0;
    char text[8];

    for (const char *at = from; at < end; at++) {
        if (*at < '0' || *at > '9')
            return refuse(r, "the port is not a number");
        port = port * 10 + (unsigned)(*at - '0');
        if (port > 65535)
            return refuse(r, "the port is larger than 65535");
    }
    if (from == end || port == special[find_special(r->url)].port)
        return SSE_OK;
    snprintf(text, sizeof text, "%u", port);
    return append_text(r->url, SSE_URL_PORT, text);
}

/* Reads host and port up to `end`. */
static int read_host(reader *r, const char *end)
{
    const char *colon = r->at;
    bool in_brackets = false;
    int code = SSE_OK;

    for (; colon < end && (*colon != ':' || in_brackets); colon++)
        in_brackets = *colon == '[' || (in_brackets && *colon != ']');
    if (colon == r->at)
        return refuse(r, "no host");
    r->url->has[SSE_URL_HOST] = true;
    code = sse_url_host(&r->url->part[SSE_URL_HOST], (sse_slice){ r->at, (size_t)(colon - r->at) },
                        r->to_ascii, &r->why);
    if (!code && colon < end)
        code = read_port(r, colon + 1, end);
    return code;
}

/* Reads user, password, host and port. Of several "@" the last ends user and password. */
static int read_authority(reader *r)
{
    const char *end = NULL, *at = NULL;
    int code = SSE_OK;

    while (r->at < r->end && is_slash(*r->at))
        r->at++;
    end = find(r, "/\\?#");
    for (const char *c = r->at; c < end; c++)
        if (*c == '@')
            at = c;
    if (at) {
        code = read_user(r, at);
        r->at = at + 1;
    }
    if (!code)
        code = read_host(r, end);
    r->at = end;
    return code;
}

/* --- path, query, fragment -------------------------------------------------------------------- */

/* Returns 1 or 2 if the segment consists of as many dots, each "." or "%2e"; else 0. */
static int count_dots(const char *from, const char *to)
{
    int count = 0;

    while (from < to) {
        if (*from == '.')
            from++;
        else if (to - from >= 3 && from[0] == '%' && from[1] == '2' && (from[2] | 0x20) == 'e')
            from += 3;
        else
            return 0;
        if (++count > 2)
            return 0;
    }
    return count;
}

/* Removes the last "/" of a path and what is behind it. */
static void drop_last_segment(sse_buffer *path)
{
    while (path->len > 0 && path->data[--path->len] != '/')
        continue;
}

/* Reads up to the query or the fragment, and appends the segments to the URL's path. */
static int read_path(reader *r)
{
    const char *end = find(r, "?#");
    int code = append(r->url, SSE_URL_PATH, "", 0);

    if (r->at < end && is_slash(*r->at))
        r->at++;
    while (!code) {
        const char *stop = r->at;
        int dots = 0;

        while (stop < end && !is_slash(*stop))
            stop++;
        dots = count_dots(r->at, stop);
        if (dots == 2)
            drop_last_segment(&r->url->part[SSE_URL_PATH]);
        if (dots == 0 || stop == end)
            code = append_text(r->url, SSE_URL_PATH, "/");
        if (!code && dots == 0)
            code = append_encoded(r->url, SSE_URL_PATH, r->at, stop, in_path);
        r->at = stop;
        if (stop == end)
            break;
        r->at++;
    }
    return code;
}

static int read_query_and_fragment(reader *r)
{
    int code = SSE_OK;

    if (r->at < r->end && *r->at == '?') {
        const char *stop = find(r, "#");

        code = append_encoded(r->url, SSE_URL_QUERY, r->at + 1, stop, in_query);
        r->at = stop;
    }
    if (!code && r->at < r->end)
        code = append_encoded(r->url, SSE_URL_FRAGMENT, r->at + 1, r->end, in_fragment);
    return code;
}

/* --- scheme and base -------------------------------------------------------------------------- */

/* Reads a URL behind its scheme, which is that of `base`, or where the text has none. What the text
 * lacks is copied from `base`. */
static int read_relative(reader *r, const sse_url *base)
{
    static const sse_url_part kept[] = { SSE_URL_USER, SSE_URL_PASSWORD, SSE_URL_HOST,
                                         SSE_URL_PORT };
    bool slash = r->at < r->end && is_slash(*r->at);
    bool same_path = r->at == r->end || *r->at == '?' || *r->at == '#';
    int code = SSE_OK;

    if (slash && r->end - r->at > 1 && is_slash(r->at[1])) {
        code = read_authority(r);
        return code ? code : read_path(r);
    }
    for (size_t i = 0; !code && i < sizeof kept / sizeof kept[0]; i++)
        code = copy_part(r->url, kept[i], base);
    if (!code && !slash)
        code = copy_part(r->url, SSE_URL_PATH, base);
    if (!code && same_path && (r->at == r->end || *r->at == '#'))
        code = copy_part(r->url, SSE_URL_QUERY, base);
    if (code || same_path)
        return code;
    drop_last_segment(&r->url->part[SSE_URL_PATH]);
    return read_path(r);
}

/* Reads "name:" and puts the name in lower case. Reads nothing if the text begins otherwise. */
static int read_scheme(reader *r)
{
    const char *at = r->at;
    sse_buffer *scheme = &r->url->part[SSE_URL_SCHEME];
    int code = SSE_OK;

    while (at < r->end && (((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') ||
                           (at > r->at && *at && strchr("0123456789+-.", *at))))
        at++;
    if (at == r->at || at == r->end || *at != ':')
        return SSE_OK;
    code = append(r->url, SSE_URL_SCHEME, r->at, (size_t)(at - r->at));
    for (size_t i = 0; i < scheme->len; i++)
        if (scheme->data[i] >= 'A' && scheme->data[i] <= 'Z')
            scheme->data[i] = (char)(scheme->data[i] | 0x20);
    r->at = at + 1;
    return code;
}

/* Reads all parts; user and password stay percent-encoded. base NULL: the text must be absolute. */
static int read_url(reader *r, const sse_url *base)
{
    bool same_scheme = false, slashes = false;
    int code = read_scheme(r), scheme = find_special(r->url);

    if (code)
        return code;
    if (!r->url->has[SSE_URL_SCHEME]) {
        if (!base || find_special(base) < 0)
            return refuse(r, "no scheme");
        code = copy_part(r->url, SSE_URL_SCHEME, base);
        same_scheme = true;
    } else if (scheme < 0) {
        return SSE_OK;
    } else if (base) {
        slashes = r->end - r->at > 1 && r->at[0] == '/' && r->at[1] == '/';
        same_scheme = !slashes && scheme == find_special(base);
    }
    if (!code && same_scheme)
        code = read_relative(r, base);
    else if (!code && !(code = read_authority(r)))
        code = read_path(r);
    return code ? code : read_query_and_fragment(r);
}

/* --- serialization ---------------------------------------------------------------------------- */

/* Appends the text `before` and a part of the URL to another part; nothing if the URL lacks the
 * former. */
static int append_part(sse_url *u, sse_url_part to, const char *before, sse_url_part part)
{
    sse_slice text = sse_url_get(u, part);
    int code = SSE_OK;

    if (!text.at)
        return SSE_OK;
    code = append_text(u, to, before);
    return code ? code : append(u, to, text.at, text.len);
}

/* Appends scheme, host and port, and before the host user and password if wanted. */
static int append_origin(sse_url *u, sse_url_part to, bool with_user)
{
    int code = append_part(u, to, "", SSE_URL_SCHEME);

    if (!code)
        code = append_text(u, to, "://");
    if (!code && with_user && u->has[SSE_URL_USER]) {
        code = append_part(u, to, "", SSE_URL_USER);
        if (!code)
            code = append_part(u, to, ":", SSE_URL_PASSWORD);
        if (!code)
            code = append_text(u, to, "@");
    }
    if (!code)
        code = append_part(u, to, "", SSE_URL_HOST);
    return code ? code : append_part(u, to, ":", SSE_URL_PORT);
}

/* Makes origin, request and href of the other parts. */
static int serialize(sse_url *u)
{
    int code = append_origin(u, SSE_URL_ORIGIN, false);

    if (!code)
        code = append_origin(u, SSE_URL_REQUEST, false);
    if (!code)
        code = append_origin(u, SSE_URL_HREF, true);
    for (int i = 0; !code && i < 2; i++) {
        sse_url_part to = i ? SSE_URL_HREF : SSE_URL_REQUEST;

        code = append_part(u, to, "", SSE_URL_PATH);
        if (!code)
            code = append_part(u, to, "?", SSE_URL_QUERY);
    }
    return code ? code : append_part(u, SSE_URL_HREF, "#", SSE_URL_FRAGMENT);
}

/* Percent-decodes a part. SSE_EINVAL: it holds a control character. */
static int decode_part(sse_url *u, sse_url_part part)
{
    sse_buffer decoded;
    int code = SSE_OK;

    if (!u->has[part])
        return SSE_OK;
    sse_buffer_init(&decoded, SSE_MAX_URL);
    code = sse_url_decode(&decoded, sse_buffer_slice(&u->part[part]));
    for (size_t i = 0; !code && i < decoded.len; i++)
        if ((unsigned char)decoded.data[i] < ' ')
            code = SSE_EINVAL;
    sse_buffer_free(&u->part[part]);
    u->part[part] = decoded;
    return code;
}

/* Makes the parts that are made of others. `text` is the URL as it was given, cleaned. */
static int finish_url(reader *r, sse_slice text)
{
    int code = SSE_OK;

    if (!r->url->has[SSE_URL_HOST]) {
        code = append(r->url, SSE_URL_HREF, text.at, text.len);
        if (!code)
            code = append(r->url, SSE_URL_REQUEST, text.at, text.len);
        return code ? code : append_text(r->url, SSE_URL_ORIGIN, "null");
    }
    code = serialize(r->url);
    if (code)
        return code;
    r->why = "user or password holds a control character";
    code = decode_part(r->url, SSE_URL_USER);
    return code ? code : decode_part(r->url, SSE_URL_PASSWORD);
}

/* --- interface -------------------------------------------------------------------------------- */

/* Appends the text without control characters and spaces around it, and without tabs and line ends
 * anywhere. */
static int clean_text(sse_buffer *out, sse_slice text)
{
    int code = text.len > SSE_MAX_URL ? SSE_ETOOBIG : SSE_OK;

    while (text.len > 0 && (unsigned char)*text.at <= ' ')
        text.at++, text.len--;
    while (text.len > 0 && (unsigned char)text.at[text.len - 1] <= ' ')
        text.len--;
    for (size_t i = 0; !code && i < text.len; i++)
        if (text.at[i] != '\t' && text.at[i] != '\n' && text.at[i] != '\r')
            code = sse_buffer_append(out, &text.at[i], 1);
    return code;
}

static void init(sse_url *u)
{
    memset(u, 0, sizeof *u);
    for (int i = 0; i < SSE_URL_PARTS; i++)
        sse_buffer_init(&u->part[i], SSE_MAX_URL);
}

/* Parses the text into r->url. `finished`: makes all parts, not only those that a base needs. */
static int parse(reader *r, sse_slice text, const sse_url *base, bool finished)
{
    sse_buffer cleaned;
    sse_slice all;
    int code = SSE_OK;

    sse_buffer_init(&cleaned, SSE_MAX_URL);
    code = clean_text(&cleaned, text);
    all = sse_buffer_slice(&cleaned);
    r->at = all.at;
    r->end = all.at + all.len;
    if (!code)
        code = read_url(r, base);
    if (!code && finished)
        code = finish_url(r, all);
    sse_buffer_free(&cleaned);
    return code;
}

int sse_url_parse(sse_url *out, sse_slice text, sse_slice base, sse_url_to_ascii *to_ascii,
                  const char **why)
{
    sse_url other;
    reader r = { .url = &other, .to_ascii = to_ascii };
    int code = SSE_OK;

    init(out);
    init(&other);
    if (base.at)
        code = parse(&r, base, NULL, false);
    r.url = out;
    if (!code)
        code = parse(&r, text, base.at ? &other : NULL, true);
    sse_url_free(&other);
    if (code)
        sse_url_free(out);
    *why = code == SSE_EINVAL ? r.why : sse_error_text(code);
    if (code == SSE_ETOOBIG)
        *why = "longer than 65536 bytes";
    return code;
}

void sse_url_free(sse_url *u)
{
    for (int i = 0; i < SSE_URL_PARTS; i++) {
        sse_buffer_free(&u->part[i]);
        u->has[i] = false;
    }
}

sse_slice sse_url_get(const sse_url *u, sse_url_part part)
{
    return u->has[part] ? sse_buffer_slice(&u->part[part]) : (sse_slice){ NULL, 0 };
}
