#include "forwarded.h"

#include "authority.h"
#include "http1_chars.h"

/* --- lists from the right --------------------------------------------------------------------- */

/* The elements of all fields of a name, the last one first. */
typedef struct elements {
    const sse_http1_field *fields;
    size_t left; /* fields that are still to be looked at */
    const char *name;
    sse_slice rest; /* of the current field's value; absent: it is used up */
    bool quoted;    /* commas in quoted strings separate nothing */
} elements;

static elements elements_of(const sse_http1_field *fields, size_t count, const char *name)
{
    return (elements){ .fields = fields, .left = count, .name = name };
}

/* Whether the quote at `at` is escaped, by an odd number of backslashes. */
static bool is_escaped(sse_slice text, size_t at)
{
    size_t before = at;

    while (before > 0 && text.at[before - 1] == '\\')
        before--;
    return (at - before) % 2 == 1;
}

/* Cuts the last element off *rest, which becomes absent with the first one. A quoted string is
 * found from its end, so what stands before the last element, however wrong, does not change it. */
static sse_slice cut_last(sse_slice *rest, bool quoted)
{
    bool in_string = false;
    sse_slice element;
    size_t at = rest->len;

    while (at > 0 && (in_string || rest->at[at - 1] != ',')) {
        at--;
        if (quoted && rest->at[at] == '"' && !(in_string && is_escaped(*rest, at)))
            in_string = !in_string;
    }
    element = (sse_slice){ rest->at + at, rest->len - at };
    *rest = at > 0 ? (sse_slice){ rest->at, at - 1 } : (sse_slice){ NULL, 0 };
    return sse_slice_trim(element);
}

/* The next element that is not empty. False: there is none. */
static bool next_element(elements *e, sse_slice *element)
{
    for (;;) {
        while (!e->rest.at) {
            if (e->left == 0)
                return false;
            e->left--;
            if (sse_slice_is_name(e->fields[e->left].name, e->name))
                e->rest = e->fields[e->left].value;
        }
        *element = cut_last(&e->rest, e->quoted);
        if (element->len > 0)
            return true;
    }
}

/* --- values ----------------------------------------------------------------------------------- */

/* Reads an address, maybe with a port; one of IPv6 with a port is in brackets. */
static int parse_node(sse_slice text, sse_client *out)
{
    sse_authority authority;

    if (sse_client_parse(text, out) == SSE_OK)
        return SSE_OK;
    if (sse_authority_parse(text, &authority))
        return SSE_EINVAL;
    return sse_client_parse(authority.host, out);
}

static sse_scheme parse_scheme(sse_slice text)
{
    if (sse_slice_is_name(text, "https"))
        return SSE_SCHEME_HTTPS;
    return sse_slice_is_name(text, "http") ? SSE_SCHEME_HTTP : SSE_SCHEME_UNKNOWN;
}

/* Sets the client, whom a proxy names. False: the walk along the proxies ends here. */
static bool take_client(sse_forwarded *out, sse_slice node, const sse_trust *trust)
{
    sse_client client;

    if (parse_node(node, &client))
        return false;
    out->client = client;
    out->named = true;
    return sse_networks_have(trust->networks, trust->count, &client);
}

/* --- X-Forwarded-* ---------------------------------------------------------------------------- */

/* Returns how many elements were read. */
static size_t read_x_forwarded_for(const sse_http1_field *fields, size_t count,
                                   const sse_trust *trust, sse_forwarded *out)
{
    elements list = elements_of(fields, count, "X-Forwarded-For");
    sse_slice element;
    size_t hops = 0;

    while (next_element(&list, &element)) {
        hops++;
        if (!take_client(out, element, trust))
            break;
    }
    return hops;
}

/* The element of the proxy that the client has talked to: the one as far from the right as the
 * client's in X-Forwarded-For, or the first one where later proxies have appended nothing. */
static sse_slice element_at(const sse_http1_field *fields, size_t count, const char *name,
                            size_t hops)
{
    elements list = elements_of(fields, count, name);
    sse_slice element, found = { NULL, 0 };

    do {
        if (!next_element(&list, &element))
            break;
        found = element;
    } while (hops-- > 1);
    return found;
}

static void read_x_forwarded(const sse_http1_field *fields, size_t count, const sse_trust *trust,
                             sse_forwarded *out)
{
    size_t hops = 0;
    sse_slice value;

    if (trust->fields & SSE_X_FORWARDED_FOR)
        hops = read_x_forwarded_for(fields, count, trust, out);
    if (trust->fields & SSE_X_FORWARDED_PROTO)
        out->scheme = parse_scheme(element_at(fields, count, "X-Forwarded-Proto", hops));
    if (trust->fields & SSE_X_FORWARDED_HOST) {
        value = element_at(fields, count, "X-Forwarded-Host", hops);
        if (sse_is_authority(value))
            out->host = value;
    }
}

/* --- Forwarded -------------------------------------------------------------------------------- */

/* The parameters of an element; absent ones are not there. */
typedef struct parameters {
    sse_slice node, scheme, host;
} parameters;

/* Cuts a value, a token or a quoted string, off *rest. Absent: there is none. Escapes stay, so a
 * value that has one is neither address nor host. */
static sse_slice cut_value(sse_slice *rest)
{
    bool quoted = rest->len > 0 && rest->at[0] == '"';
    size_t begin = quoted ? 1 : 0, at = begin;
    sse_slice value = { NULL, 0 };

    while (at < rest->len &&
           (quoted ? rest->at[at] != '"' : sse_http1_in(sse_http1_token, rest->at[at])))
        at += quoted && rest->at[at] == '\\' ? 2 : 1;
    if (quoted ? at >= rest->len : at == 0)
        return value;
    value = (sse_slice){ rest->at + begin, at - begin };
    at += begin; /* the closing quote */
    *rest = (sse_slice){ rest->at + at, rest->len - at };
    return value;
}

/* False: the parameter came before. */
static bool set_parameter(parameters *p, sse_slice name, sse_slice value)
{
    sse_slice ignored = { NULL, 0 };
    sse_slice *to = sse_slice_is_name(name, "for")     ? &p->node
                    : sse_slice_is_name(name, "proto") ? &p->scheme
                    : sse_slice_is_name(name, "host")  ? &p->host
                                                       : &ignored;

    if (to->at)
        return false;
    *to = value;
    return true;
}

/* Reads `name=value;name="value"`. False: the element is malformed. */
static bool parse_parameters(sse_slice rest, parameters *out)
{
    *out = (parameters){ 0 };
    for (;;) {
        const char *equals = rest.len ? memchr(rest.at, '=', rest.len) : NULL;
        sse_slice name, value;

        if (!equals)
            return false;
        name = sse_slice_trim((sse_slice){ rest.at, (size_t)(equals - rest.at) });
        rest.len -= (size_t)(equals + 1 - rest.at);
        rest.at = equals + 1;
        value = cut_value(&rest);
        if (!sse_http1_is_token(name) || !value.at || !set_parameter(out, name, value))
            return false;
        rest = sse_slice_trim(rest);
        if (rest.len == 0)
            return true;
        if (rest.at[0] != ';')
            return false;
        rest.at++;
        rest.len--;
    }
}

/* The element that names the client tells also the scheme and the host. */
static void read_forwarded(const sse_http1_field *fields, size_t count, const sse_trust *trust,
                           sse_forwarded *out)
{
    elements list = elements_of(fields, count, "Forwarded");
    sse_slice element;
    parameters p;

    list.quoted = true;
    while (next_element(&list, &element) && parse_parameters(element, &p)) {
        out->scheme = p.scheme.at ? parse_scheme(p.scheme) : SSE_SCHEME_UNKNOWN;
        out->host = p.host.at && sse_is_authority(p.host) ? p.host : (sse_slice){ NULL, 0 };
        if (!p.node.at || !take_client(out, p.node, trust))
            break;
    }
}

/* --- both ------------------------------------------------------------------------------------- */

static unsigned bit_of(sse_slice name)
{
    if (sse_slice_is_name(name, "X-Forwarded-For"))
        return SSE_X_FORWARDED_FOR;
    if (sse_slice_is_name(name, "X-Forwarded-Proto"))
        return SSE_X_FORWARDED_PROTO;
    if (sse_slice_is_name(name, "X-Forwarded-Host"))
        return SSE_X_FORWARDED_HOST;
    return sse_slice_is_name(name, "Forwarded") ? SSE_FORWARDED : 0;
}

void sse_forwarded_read(const sse_http1_field *fields, size_t count, const sse_trust *trust,
                        const sse_client *peer, sse_forwarded *out)
{
    unsigned there = 0;

    *out = (sse_forwarded){ .client = *peer };
    for (size_t i = 0; i < count; i++)
        there |= bit_of(fields[i].name);
    there &= trust->fields;
    if (there & ~(unsigned)SSE_FORWARDED)
        read_x_forwarded(fields, count, trust, out);
    else if (there)
        read_forwarded(fields, count, trust, out);
}
