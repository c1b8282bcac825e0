#include "base64url.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void sse_base64url_encode(const void *bytes, size_t len, char *to)
{
    const unsigned char *at = bytes;

    for (; len >= 3; len -= 3, at += 3) {
        *to++ = digits[at[0] >> 2];
        *to++ = digits[(at[0] & 3) << 4 | at[1] >> 4];
        *to++ = digits[(at[1] & 15) << 2 | at[2] >> 6];
        *to++ = digits[at[2] & 63];
    }
    if (len == 0)
        return;
    *to++ = digits[at[0] >> 2];
    *to++ = digits[(at[0] & 3) << 4 | (len == 2 ? at[1] >> 4 : 0)];
    if (len == 2)
        *to = digits[(at[1] & 15) << 2];
}

/* The digit's value, or -1. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool sse_base64url_decode(sse_slice text, char *to, size_t *len)
{
    uint32_t bits = 0; /* what is read and not written yet, in the lowest `count` bits */
    unsigned count = 0;
    const char *start = to;

    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.at[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (char)(bits >> count & 0xff);
            bits &= (1u << count) - 1;
        }
    }
    *len = (size_t)(to - start);
    return bits == 0 && count < 6;
}
