#include "client.h"

#include "http1_chars.h"

enum { GROUPS = 8, MAPPED = 12 }; /* of an IPv6 address: groups, bytes before a mapped IPv4 one */

static const uint8_t mapped[MAPPED] = { [10] = 0xff, [11] = 0xff };

sse_client sse_client_of_bytes(const void *bytes, size_t len)
{
    sse_client client = { .len = (uint8_t)len };

    if (len == 16 && memcmp(bytes, mapped, MAPPED) == 0) {
        client.len = 4;
        bytes = (const uint8_t *)bytes + MAPPED;
    }
    memcpy(client.bytes, bytes, client.len);
    return client;
}

/* --- text ------------------------------------------------------------------------------------- */

static bool parse_ipv4(sse_slice text, uint8_t out[4])
{
    int groups = 0, digits = 0, value = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (sse_http1_is_digit(c) && digits < 3 && !(digits > 0 && value == 0)) {
            value = value * 10 + (c - '0');
            digits++;
        } else if (c == '.' && digits > 0 && value <= 255 && groups < 3) {
            out[groups++] = (uint8_t)value;
            digits = value = 0;
        } else {
            return false;
        }
    }
    if (groups < 3 || digits == 0 || value > 255)
        return false;
    out[3] = (uint8_t)value;
    return true;
}

/* Reads a group of one to four hexadecimal digits. Returns how many there are; 0: it is none. */
static size_t parse_group(sse_slice text, uint8_t out[2])
{
    unsigned value = 0;
    size_t digits = 0;

    while (digits < text.len && sse_http1_hex(text.at[digits]) >= 0) {
        if (digits == 4)
            return 0;
        value = value << 4 | (unsigned)sse_http1_hex(text.at[digits++]);
    }
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return digits;
}

/* Moves the groups behind "::" to the end, and fills the gap with zeros. False: there is no "::"
 * and a group is missing, or "::" stands for none. */
static bool fill_gap(uint8_t out[16], int groups, int gap)
{
    size_t behind = (size_t)(groups - gap) * 2;

    if (gap < 0)
        return groups == GROUPS;
    if (groups >= GROUPS)
        return false;
    memmove(out + 16 - behind, out + (size_t)gap * 2, behind);
    memset(out + (size_t)gap * 2, 0, (size_t)(GROUPS - groups) * 2);
    return true;
}

static sse_slice behind(sse_slice text, size_t n)
{
    return (sse_slice){ text.at + n, text.len - n };
}

/* RFC 4291 section 2.2. */
static bool parse_ipv6(sse_slice text, uint8_t out[16])
{
    int groups = 0, gap = -1; /* `gap`: how many groups stand before "::" */

    if (text.len >= 2 && text.at[0] == ':' && text.at[1] == ':') {
        gap = 0;
        text = behind(text, 2);
    } else if (text.len == 0) {
        return false;
    }
    while (text.len > 0) {
        size_t digits = 0;

        if (groups <= GROUPS - 2 && memchr(text.at, '.', text.len) &&
            parse_ipv4(text, out + (size_t)groups * 2))
            return fill_gap(out, groups + 2, gap);
        if (groups == GROUPS || !(digits = parse_group(text, out + (size_t)groups * 2)))
            return false;
        groups++;
        text = behind(text, digits);
        if (text.len == 0)
            break;
        if (text.at[0] != ':' || text.len == 1)
            return false;
        text = behind(text, 1);
        if (text.at[0] == ':') {
            if (gap >= 0)
                return false;
            gap = groups;
            text = behind(text, 1);
        }
    }
    return fill_gap(out, groups, gap);
}

int sse_client_parse(sse_slice text, sse_client *out)
{
    uint8_t bytes[16];

    if (parse_ipv4(text, bytes))
        *out = sse_client_of_bytes(bytes, 4);
    else if (parse_ipv6(text, bytes))
        *out = sse_client_of_bytes(bytes, 16);
    else
        return SSE_EINVAL;
    return SSE_OK;
}

/* --- networks --------------------------------------------------------------------------------- */

/* Reads a number from 0 to `most` without zeros before it; -1: it is none. */
static int parse_bits(sse_slice text, int most)
{
    int value = 0;

    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.at[0] == '0'))
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!sse_http1_is_digit(text.at[i]))
            return -1;
        value = value * 10 + (text.at[i] - '0');
    }
    return value <= most ? value : -1;
}

/* Whether all bits of the network's address behind `bits` are 0. */
static bool is_first(const sse_network *network)
{
    for (unsigned bit = network->bits; bit < network->first.len * 8u; bit++)
        if (network->first.bytes[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    return true;
}

/* Sets the bits of a network whose address was read, from the text behind the slash. */
static int set_bits(sse_network *out, sse_slice text, bool is_ipv6, const char **why)
{
    int bits = parse_bits(text, is_ipv6 ? 128 : 32);

    *why = is_ipv6 ? "a number from 0 to 128 is expected behind the '/'"
                   : "a number from 0 to 32 is expected behind the '/'";
    if (bits < 0)
        return SSE_EINVAL;
    if (is_ipv6 && out->first.len == 4) { /* a mapped address */
        *why = "at least /96 is expected behind an IPv4 address that is mapped into IPv6";
        bits -= MAPPED * 8;
    }
    if (bits < 0)
        return SSE_EINVAL;
    out->bits = (uint8_t)bits;
    *why = "the address before the '/' is not the first one of that network";
    return is_first(out) ? SSE_OK : SSE_EINVAL;
}

int sse_network_parse(sse_slice text, sse_network *out, const char **why)
{
    const char *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
    sse_slice address = { text.at, slash ? (size_t)(slash - text.at) : text.len };

    if (sse_slice_is(text, "unix")) {
        *out = (sse_network){ .first = { .len = SSE_CLIENT_UNIX } };
        return SSE_OK;
    }
    *why = "expected an address, a network such as '10.0.0.0/8' or '2001:db8::/32', or 'unix'";
    if (sse_client_parse(address, &out->first))
        return SSE_EINVAL;
    out->bits = (uint8_t)(out->first.len * 8);
    if (!slash)
        return SSE_OK;
    return set_bits(out, behind(text, address.len + 1), memchr(text.at, ':', address.len) != NULL,
                    why);
}

static bool has(const sse_network *network, const sse_client *client)
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;

    if (client->len == 0 || network->first.len != client->len)
        return false;
    if (memcmp(network->first.bytes, client->bytes, whole) != 0)
        return false;
    return rest == 0 || (network->first.bytes[whole] ^ client->bytes[whole]) >> (8 - rest) == 0;
}

bool sse_networks_have(const sse_network *networks, size_t count, const sse_client *client)
{
    for (size_t i = 0; i < count; i++)
        if (has(&networks[i], client))
            return true;
    return false;
}

bool sse_client_is_loopback(const sse_client *client)
{
    static const sse_network own[] = { { { 4, { 127 } }, 8 }, { { 16, { [15] = 1 } }, 128 } };

    return sse_networks_have(own, 2, client);
}
