#include "proxy_header.h"

#include "http1_chars.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

enum {
    MAX_LINE = 107,    /* of version 1, with its CRLF */
    SIGNED = 12,       /* bytes of version 2's signature */
    FIXED = 16,        /* what every header of version 2 begins with */
    TCP_IPV4 = 0x11,   /* a family of version 2, with the protocol in the low bits */
    TCP_IPV6 = 0x21,   /* another one */
    IPV4_BLOCK = 12,   /* bytes of two addresses and two ports */
    IPV6_BLOCK = 36,   /* the same of IPv6 */
    UNIX_BLOCK = 216,  /* the same of Unix sockets: two paths */
    VECTOR = 3,        /* bytes before a vector's value: its type and length */
    TLS_VECTOR = 0x20, /* PP2_TYPE_SSL */
    TLS_LEN = 5,       /* the least that is in it: a byte of flags, a result */
    TLS_CLIENT = 0x01, /* the flag for a client that has talked TLS */
};

static bool begins(sse_slice bytes, const char *with, size_t len)
{
    return memcmp(bytes.at, with, bytes.len < len ? bytes.len : len) == 0;
}

static bool begins_line(sse_slice bytes)
{
    return begins(bytes, "PROXY ", 6);
}

static bool begins_version_2(sse_slice bytes)
{
    return begins(bytes, SIGNATURE, SIGNED);
}

static unsigned two_bytes(const char *at)
{
    return (unsigned)(unsigned char)at[0] << 8 | (unsigned char)at[1];
}

size_t sse_proxy_header_length(sse_slice bytes)
{
    const char *end = NULL;

    if (bytes.len == 0)
        return 0;
    if (begins_version_2(bytes))
        return bytes.len < FIXED ? 0 : FIXED + two_bytes(bytes.at + FIXED - 2);
    if (!begins_line(bytes))
        return bytes.len;
    end = memchr(bytes.at, '\n', bytes.len);
    if (end)
        return (size_t)(end + 1 - bytes.at);
    return bytes.len < MAX_LINE ? 0 : bytes.len;
}

/* --- version 1 -------------------------------------------------------------------------------- */

/* Cuts a word and the one space behind it off *rest. The last word has none behind it. */
static sse_slice cut_word(sse_slice *rest)
{
    const char *space = rest->len ? memchr(rest->at, ' ', rest->len) : NULL;
    sse_slice word = { rest->at, space ? (size_t)(space - rest->at) : rest->len };
    size_t used = word.len + (space ? 1 : 0);

    *rest = (sse_slice){ rest->at + used, rest->len - used };
    return word;
}

static bool is_port(sse_slice word)
{
    unsigned value = 0;

    if (word.len == 0 || word.len > 5 || (word.len > 1 && word.at[0] == '0'))
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (!sse_http1_is_digit(word.at[i]))
            return false;
        value = value * 10 + (unsigned)(word.at[i] - '0');
    }
    return value <= 65535;
}

/* Reads an address of the line's family. */
static bool take_address(sse_slice *rest, bool is_ipv6, sse_client *out)
{
    sse_slice word = cut_word(rest);

    return (word.len > 0 && memchr(word.at, ':', word.len) != NULL) == is_ipv6 &&
           sse_client_parse(word, out) == SSE_OK;
}

/* Reads the words behind "PROXY ", without the CRLF. */
static int parse_words(sse_slice rest, sse_proxy_header *out)
{
    sse_slice family = cut_word(&rest), port;
    bool is_ipv6 = sse_slice_is(family, "TCP6");
    sse_client own;

    if (sse_slice_is(family, "UNKNOWN")) { /* whatever follows */
        out->unnamed = true;
        return SSE_OK;
    }
    if (!is_ipv6 && !sse_slice_is(family, "TCP4"))
        return SSE_EPROTO;
    if (!take_address(&rest, is_ipv6, &out->client) || !take_address(&rest, is_ipv6, &own))
        return SSE_EPROTO;
    port = cut_word(&rest);
    return is_port(port) && is_port(rest) ? SSE_OK : SSE_EPROTO;
}

static int parse_line(sse_slice bytes, sse_proxy_header *out)
{
    sse_slice line = { bytes.at, bytes.len - 2 };

    if (bytes.len > MAX_LINE || bytes.len < 8 || memcmp(bytes.at + line.len, "\r\n", 2) != 0)
        return SSE_EPROTO;
    if (memchr(line.at, '\r', line.len) || memchr(line.at, '\0', line.len))
        return SSE_EPROTO;
    return parse_words((sse_slice){ line.at + 6, line.len - 6 }, out);
}

/* --- version 2 -------------------------------------------------------------------------------- */

/* Reads the type-length-value vectors behind the addresses. */
static int parse_vectors(sse_slice rest, sse_proxy_header *out)
{
    while (rest.len > 0) {
        size_t len = rest.len < VECTOR ? 0 : two_bytes(rest.at + 1);

        if (rest.len < VECTOR || rest.len - VECTOR < len)
            return SSE_EPROTO;
        if (rest.at[0] == TLS_VECTOR) {
            if (len < TLS_LEN)
                return SSE_EPROTO;
            out->secure = (rest.at[VECTOR] & TLS_CLIENT) != 0;
        }
        rest = (sse_slice){ rest.at + VECTOR + len, rest.len - VECTOR - len };
    }
    return SSE_OK;
}

/* How many bytes the addresses of a family take; -1: there is no such family. */
static int block_of(unsigned family)
{
    static const int blocks[] = { 0, IPV4_BLOCK, IPV6_BLOCK, UNIX_BLOCK };

    return family >> 4 <= 3 && (family & 15) <= 2 ? blocks[family >> 4] : -1;
}

static int parse_version_2(sse_slice bytes, sse_proxy_header *out)
{
    unsigned command = (unsigned char)bytes.at[SIGNED],
             family = (unsigned char)bytes.at[SIGNED + 1];
    sse_slice rest = { bytes.at + FIXED, bytes.len - FIXED };
    int block = block_of(family);

    if (command == 0x20) /* LOCAL: by the proxy itself, whatever follows */
        return SSE_OK;
    if (command != 0x21 || block < 0 || rest.len < (size_t)block)
        return SSE_EPROTO;
    if (family == TCP_IPV4)
        out->client = sse_client_of_bytes(rest.at, 4);
    else if (family == TCP_IPV6)
        out->client = sse_client_of_bytes(rest.at, 16);
    else
        out->unnamed = true;
    if (family >> 4 == 0) /* unspecified: nothing that follows counts */
        return SSE_OK;
    return parse_vectors((sse_slice){ rest.at + block, rest.len - (size_t)block }, out);
}

int sse_proxy_header_parse(sse_slice bytes, sse_proxy_header *out)
{
    size_t length = sse_proxy_header_length(bytes);

    *out = (sse_proxy_header){ 0 };
    if (length > SSE_MAX_PROXY_HEADER)
        return SSE_EPROTO;
    if (length == 0 || length > bytes.len)
        return SSE_EAGAIN;
    if (length < bytes.len)
        return SSE_EPROTO;
    if (begins_version_2(bytes))
        return parse_version_2(bytes, out);
    return begins_line(bytes) ? parse_line(bytes, out) : SSE_EPROTO;
}
