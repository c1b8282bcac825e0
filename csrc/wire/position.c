#include "position.h"

#include "error.h"

#define TAG_CHARS (SSE_MAX_TAG - 1)

void sse_position_tag(sse_slice name, char tag[SSE_MAX_TAG])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const sse_hash_seed seed = { { 0, 0 } };
    uint64_t h = sse_hash(&seed, name);

    for (size_t i = 0; i < TAG_CHARS; i++, h /= 36)
        tag[i] = digits[h % 36];
    tag[TAG_CHARS] = '\0';
}

int sse_position_append(sse_buffer *out, const char *tag, const sse_log *log, uint64_t position)
{
    char part[SSE_MAX_TAG + SSE_MAX_ID];
    size_t len = TAG_CHARS;

    memcpy(part, tag, len);
    part[len++] = ':';
    len += sse_log_id(log, position, part + len);
    return sse_buffer_append(out, part, len);
}

static bool is_lower_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* Length of the part "xxxxxxx:epoch-digits" that s begins with; 0: s begins otherwise. */
static size_t part_len(sse_slice s)
{
    size_t i = 0, digits = 0;

    while (i < s.len && is_lower_or_digit(s.at[i]))
        i++;
    if (i != TAG_CHARS || i == s.len || s.at[i++] != ':')
        return 0;
    while (i < s.len && is_lower_or_digit(s.at[i]))
        i++;
    if (i == TAG_CHARS + 1 || i == s.len || s.at[i++] != '-')
        return 0;
    for (; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        digits++;
    return digits ? i : 0;
}

bool sse_position_is(sse_slice id)
{
    for (;;) {
        size_t len = part_len(id);

        if (len == 0)
            return false;
        if (len == id.len)
            return true;
        if (id.at[len] != ',')
            return false;
        id = (sse_slice){ id.at + len + 1, id.len - len - 1 };
    }
}

/* Finds the part with the tag in the bytes of `id` from *at on, which is the begin of a part and
 * becomes that of the part behind the one found. */
static sse_slice find_part(sse_slice id, const char *tag, size_t *at)
{
    while (*at < id.len) {
        sse_slice rest = { id.at + *at, id.len - *at };
        size_t len = part_len(rest);

        if (len == 0)
            break;
        *at += len + 1;
        if (memcmp(rest.at, tag, TAG_CHARS) == 0)
            return (sse_slice){ rest.at + TAG_CHARS + 1, len - TAG_CHARS - 1 };
    }
    *at = 0;
    return (sse_slice){ NULL, 0 };
}

sse_slice sse_position_part(sse_slice id, const char *tag, size_t *at)
{
    size_t first = 0;
    sse_slice part = find_part(id, tag, at);

    if (!part.at && id.len > 0) { /* parts in another order than asked for */
        part = find_part(id, tag, &first);
        *at = first;
    }
    return part;
}
