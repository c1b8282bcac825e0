#include "http1_chars.h"

const uint32_t sse_http1_token[8] = { 0, 0x03ff6cfau, 0xc7fffffeu, 0x57ffffffu, 0, 0, 0, 0 };
const uint32_t sse_http1_target[8] = { 0, 0xfffffff6u, 0xffffffffu, 0x7fffffffu, 0, 0, 0, 0 };
const uint32_t sse_http1_value[8] = { 0x00000200u, 0xffffffffu, 0xffffffffu, 0x7fffffffu,
                                      0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu };
const uint32_t sse_http1_host[8] = { 0, 0x2bff6fd2u, 0x87fffffeu, 0x47fffffeu, 0, 0, 0, 0 };

int sse_http1_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool sse_http1_next_element(sse_slice *rest, sse_slice *element)
{
    const char *comma = NULL;

    if (!rest->at)
        return false;
    comma = rest->len ? memchr(rest->at, ',', rest->len) : NULL;
    if (!comma) {
        *element = sse_slice_trim(*rest);
        *rest = (sse_slice){ NULL, 0 };
        return true;
    }
    *element = sse_slice_trim((sse_slice){ rest->at, (size_t)(comma - rest->at) });
    rest->len -= (size_t)(comma + 1 - rest->at);
    rest->at = comma + 1;
    return true;
}

/* --- authority (RFC 3986 section 3.2) --------------------------------------------------------- */

static bool is_port(sse_slice s)
{
    unsigned port = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (!sse_http1_is_digit(s.at[i]))
            return false;
        port = port * 10 + (unsigned)(s.at[i] - '0');
        if (port > 65535)
            return false;
    }
    return true;
}

static bool is_reg_name(sse_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (sse_http1_in(sse_http1_host, s.at[i]))
            continue;
        if (s.at[i] != '%' || s.len - i < 3 || sse_http1_hex(s.at[i + 1]) < 0 ||
            sse_http1_hex(s.at[i + 2]) < 0)
            return false;
        i += 2;
    }
    return s.len > 0;
}

static bool is_ipv4(sse_slice s)
{
    int groups = 1, digits = 0, value = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (sse_http1_is_digit(s.at[i]) && digits < 3 && !(digits > 0 && value == 0)) {
            value = value * 10 + (s.at[i] - '0');
            digits++;
        } else if (s.at[i] == '.' && digits > 0 && value <= 255) {
            groups++;
            digits = value = 0;
        } else {
            return false;
        }
    }
    return groups == 4 && digits > 0 && value <= 255;
}

static bool is_ipv6(sse_slice s)
{
    int groups = 0;
    bool gap = false;
    size_t i = 0;

    if (s.len >= 2 && s.at[0] == ':' && s.at[1] == ':')
        gap = true, i = 2;
    while (i < s.len) {
        size_t begin = i;

        while (i < s.len && sse_http1_hex(s.at[i]) >= 0)
            i++;
        if (i < s.len && s.at[i] == '.') {
            if (!is_ipv4((sse_slice){ s.at + begin, s.len - begin }))
                return false;
            groups += 2;
            break;
        }
        if (i == begin || i - begin > 4)
            return false;
        groups++;
        if (i == s.len)
            break;
        if (s.at[i++] != ':' || i == s.len)
            return false;
        if (s.at[i] == ':') {
            if (gap)
                return false;
            gap = true;
            i++;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

bool sse_http1_is_authority(sse_slice s)
{
    const char *end = NULL;
    sse_slice host = s, port = { NULL, 0 };

    if (s.len == 0)
        return false;
    end = s.at[0] == '[' ? memchr(s.at, ']', s.len) : memchr(s.at, ':', s.len);
    if (s.at[0] == '[') {
        if (!end)
            return false;
        end++;
        host = (sse_slice){ s.at + 1, (size_t)(end - s.at) - 2 };
    } else if (end) {
        host.len = (size_t)(end - s.at);
    }
    if (end && end < s.at + s.len) {
        if (*end != ':')
            return false;
        port = (sse_slice){ end + 1, (size_t)(s.at + s.len - end) - 1 };
    }
    return is_port(port) && (s.at[0] == '[' ? is_ipv6(host) : is_reg_name(host));
}

static bool all_in(const uint32_t set[8], sse_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!sse_http1_in(set, s.at[i]))
            return false;
    return true;
}

bool sse_http1_is_token(sse_slice s)
{
    return s.len > 0 && all_in(sse_http1_token, s);
}

bool sse_http1_is_value(sse_slice s)
{
    return all_in(sse_http1_value, s);
}
