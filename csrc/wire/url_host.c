#include "url_host.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

static const char BAD_IPV4[] = "the host ends in a number and is no IPv4 address";
static const char BAD_IPV6[] = "the host is no IPv6 address";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sse_url_decode(sse_buffer *out, sse_slice text)
{
    int code = sse_buffer_reserve(out, text.len);

    for (size_t i = 0; !code && i < text.len; i++) {
        char c = text.at[i];

        if (c == '%' && i + 2 < text.len && hex_value(text.at[i + 1]) >= 0 &&
            hex_value(text.at[i + 2]) >= 0) {
            c = (char)(hex_value(text.at[i + 1]) << 4 | hex_value(text.at[i + 2]));
            i += 2;
        }
        code = sse_buffer_append(out, &c, 1);
    }
    return code;
}

/* --- IPv4 ------------------------------------------------------------------------------------- */

/* Reads a number of an IPv4 address: decimal, octal after "0", hexadecimal after "0x". A number
 * past 32 bits gives some *value past 32 bits. Returns false if the text is not a number. */
static bool read_number(sse_slice text, uint64_t *value)
{
    int base = 10;

    *value = 0;
    if (text.len == 0)
        return false;
    if (text.len >= 2 && text.at[0] == '0') {
        bool hex = (text.at[1] | 0x20) == 'x';

        base = hex ? 16 : 8;
        text.at += hex ? 2 : 1;
        text.len -= hex ? 2 : 1;
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_value(text.at[i]);

        if (digit < 0 || digit >= base)
            return false;
        if (*value <= UINT32_MAX)
            *value = *value * (uint64_t)base + (uint64_t)digit;
    }
    return true;
}

static bool all_digits(sse_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return text.len > 0;
}

/* Removes the last label of a domain. Returns false if it was the only one. */
static bool take_last_label(sse_slice *domain, sse_slice *label)
{
    size_t from = domain->len;

    while (from > 0 && domain->at[from - 1] != '.')
        from--;
    *label = (sse_slice){ domain->at + from, domain->len - from };
    domain->len = from > 0 ? from - 1 : 0;
    return from > 0;
}

static sse_slice without_final_dot(sse_slice domain)
{
    if (domain.len > 1 && domain.at[domain.len - 1] == '.')
        domain.len--;
    return domain;
}

/* Says whether the last label is a number: then the host must be an IPv4 address. */
static bool ends_in_number(sse_slice domain)
{
    sse_slice label;
    uint64_t value = 0;

    domain = without_final_dot(domain);
    take_last_label(&domain, &label);
    return all_digits(label) || read_number(label, &value);
}

/* Appends an IPv4 address of up to four numbers. The last number fills all bytes that are left:
 * "127.1" is 127.0.0.1. */
static int write_ipv4(sse_buffer *out, sse_slice domain, const char **why)
{
    uint64_t parts[4] = { 0 }, address = 0; /* the last number first */
    char text[16];
    int count = 0;
    bool more = true;
    sse_slice label;

    *why = BAD_IPV4;
    for (domain = without_final_dot(domain); more; count++) {
        more = take_last_label(&domain, &label);
        if (count == 4 || !read_number(label, &parts[count]))
            return SSE_EINVAL;
    }
    if (parts[0] >= (uint64_t)1 << 8 * (5 - count))
        return SSE_EINVAL;
    address = parts[0];
    for (int i = 1; i < count; i++) {
        if (parts[i] > 255)
            return SSE_EINVAL;
        address |= parts[i] << 8 * (4 - count + i);
    }
    snprintf(text, sizeof text, "%u.%u.%u.%u", (unsigned)(address >> 24),
             (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
             (unsigned)(address & 255));
    return sse_buffer_append(out, text, strlen(text));
}

/* --- IPv6 ------------------------------------------------------------------------------------- */

typedef struct ipv6 {
    unsigned piece[8]; /* 16 bits each */
    int count;         /* pieces read */
    int compress;      /* number of pieces before "::", or -1 */
} ipv6;

/* Reads four decimal numbers without leading zeros as the last two pieces. */
static bool read_embedded_ipv4(ipv6 *a, const char *at, const char *end)
{
    for (int i = 0; i < 4; i++) {
        unsigned value = 0;
        const char *from = at;

        if (i > 0 && (at == end || *at++ != '.'))
            return false;
        for (from = at; at < end && *at >= '0' && *at <= '9' && at - from < 3; at++)
            value = value * 10 + (unsigned)(*at - '0');
        if (at == from || value > 255 || (*from == '0' && at - from > 1))
            return false;
        a->piece[a->count + i / 2] = a->piece[a->count + i / 2] << 8 | value;
    }
    a->count += 2;
    return at == end;
}

/* Reads a piece and the colon behind it, and moves *at to the next piece. */
static bool read_piece(ipv6 *a, const char **at, const char *end)
{
    const char *from = *at;
    unsigned value = 0;

    for (; *at < end && *at - from < 4 && hex_value(**at) >= 0; ++*at)
        value = value << 4 | (unsigned)hex_value(**at);
    if (*at < end && **at == '.' && *at > from) {
        *at = end;
        return a->count <= 6 && read_embedded_ipv4(a, from, end);
    }
    if (*at == from)
        return false;
    a->piece[a->count++] = value;
    if (*at == end)
        return true;
    return *(*at)++ == ':' && *at < end;
}

static bool read_ipv6(ipv6 *a, const char *at, const char *end)
{
    *a = (ipv6){ .compress = -1 };
    if (at < end && *at == ':') {
        if (end - at < 2 || at[1] != ':')
            return false;
        at += 2;
        a->compress = 0;
    }
    while (at < end) {
        if (a->count == 8)
            return false;
        if (*at != ':') {
            if (!read_piece(a, &at, end))
                return false;
            continue;
        }
        if (a->compress >= 0) /* a second "::": its first colon ended the piece */
            return false;
        a->compress = a->count;
        at++;
    }
    return a->compress >= 0 ? a->count < 8 : a->count == 8;
}

/* Moves the pieces behind "::" to the end, and puts zeros between. */
static void expand(ipv6 *a)
{
    int behind = a->count - a->compress;

    if (a->compress < 0)
        return;
    for (int i = 1; i <= behind; i++) {
        a->piece[8 - i] = a->piece[a->count - i];
        if (a->count - i < 8 - behind)
            a->piece[a->count - i] = 0;
    }
}

/* Finds the longest run of two zeros or more, the first of several; *len is 0 if there is none. */
static void longest_zeros(const ipv6 *a, int *from, int *len)
{
    *from = *len = 0;
    for (int i = 0; i < 8; i++) {
        int run = 0;

        while (i + run < 8 && a->piece[i + run] == 0)
            run++;
        if (run > 1 && run > *len) {
            *from = i;
            *len = run;
        }
        i += run;
    }
}

static int write_ipv6(sse_buffer *out, sse_slice text, const char **why)
{
    ipv6 a;
    char buffer[48] = "[";
    size_t len = 1;
    int from = 0, zeros = 0;

    *why = BAD_IPV6;
    if (!read_ipv6(&a, text.at, text.at + text.len)) {
        if (memchr(text.at, '%', text.len))
            *why = "an IPv6 address in a URL has no zone";
        return SSE_EINVAL;
    }
    expand(&a);
    longest_zeros(&a, &from, &zeros);
    for (int i = 0; i < 8; i++) {
        if (zeros > 0 && i == from) {
            len += (size_t)snprintf(buffer + len, sizeof buffer - len, i == 0 ? "::" : ":");
            i += zeros - 1;
            continue;
        }
        len +=
            (size_t)snprintf(buffer + len, sizeof buffer - len, i == 7 ? "%x" : "%x:", a.piece[i]);
    }
    buffer[len++] = ']';
    return sse_buffer_append(out, buffer, len);
}

/* --- domains ---------------------------------------------------------------------------------- */

static bool is_forbidden(char c)
{
    return (unsigned char)c <= ' ' || c == 127 || strchr("#%/:<>?@[\\]^|", c);
}

static int check_domain(sse_slice domain, const char **why)
{
    for (size_t i = 0; i < domain.len; i++)
        if (is_forbidden(domain.at[i])) {
            *why = "the host holds a character that none may hold";
            return SSE_EINVAL;
        }
    *why = "no host";
    return domain.len > 0 ? SSE_OK : SSE_EINVAL;
}

static bool is_ascii(sse_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= 128)
            return false;
    return true;
}

/* Converts a domain that is not ASCII in place. */
static int to_ascii_domain(sse_buffer *domain, sse_url_to_ascii *to_ascii, const char **why)
{
    sse_buffer ascii;
    int code = sse_buffer_append(domain, "", 1);

    if (code)
        return code;
    *why = "the host is no domain name, or can't be written in ASCII";
    if (sse_utf8_valid((sse_slice){ domain->data, domain->len - 1 }) != domain->len - 1)
        return SSE_EINVAL;
    sse_buffer_init(&ascii, SSE_MAX_URL);
    code = to_ascii(domain->data, &ascii);
    sse_buffer_free(domain);
    *domain = ascii;
    if (code)
        return code;
    return is_ascii(sse_buffer_slice(domain)) ? SSE_OK : SSE_EINVAL;
}

/* Appends the host for this percent-decoded domain, which may also be an IPv4 address. */
static int write_domain(sse_buffer *out, sse_buffer *domain, sse_url_to_ascii *to_ascii,
                        const char **why)
{
    sse_slice text = sse_buffer_slice(domain);
    int code = check_domain(text, why);

    if (!code && !is_ascii(text)) {
        code = to_ascii_domain(domain, to_ascii, why);
        text = sse_buffer_slice(domain);
        if (!code)
            code = check_domain(text, why);
    }
    if (code)
        return code;
    if (ends_in_number(text))
        return write_ipv4(out, text, why);
    for (size_t i = 0; i < domain->len; i++)
        if (domain->data[i] >= 'A' && domain->data[i] <= 'Z')
            domain->data[i] = (char)(domain->data[i] | 0x20);
    return sse_buffer_append(out, domain->data, domain->len);
}

int sse_url_host(sse_buffer *out, sse_slice text, sse_url_to_ascii *to_ascii, const char **why)
{
    sse_buffer domain;
    int code = SSE_OK;

    if (text.len > 0 && text.at[0] == '[') {
        *why = "the host's '[' has no ']'";
        if (text.at[text.len - 1] != ']')
            return SSE_EINVAL;
        return write_ipv6(out, (sse_slice){ text.at + 1, text.len - 2 }, why);
    }
    sse_buffer_init(&domain, SSE_MAX_URL);
    code = sse_url_decode(&domain, text);
    if (!code)
        code = write_domain(out, &domain, to_ascii, why);
    sse_buffer_free(&domain);
    return code;
}
