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
