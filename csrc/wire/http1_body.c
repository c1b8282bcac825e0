/* http1_body.c: request bodies by Content-Length and by chunks (RFC 9112 sections 6 and 7). */
#include "http1_body.h"

#include "http1_chars.h"

enum body_state {
    LENGTH,
    SIZE,
    EXT_BEFORE, /* white space was seen, ";" must follow */
    EXT_NAME_BEFORE,
    EXT_NAME,
    EXT_NAME_AFTER, /* white space was seen, "=" or ";" must follow */
    EXT_VALUE_BEFORE,
    EXT_TOKEN,
    EXT_QUOTED,
    EXT_ESCAPE,
    EXT_QUOTED_AFTER,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF
};

static int too_large(sse_http1_refusal *refusal)
{
    return sse_http1_refusal_set(refusal, 413, "The body is too large.");
}

int sse_http1_body_init(sse_http1_body *b, const sse_http1_head *head, uint64_t max, size_t extra,
                        sse_http1_refusal *refusal)
{
    *b = (sse_http1_body){ .max = max, .extra = extra > UINT32_MAX ? UINT32_MAX : (uint32_t)extra };
    if (head->chunked) {
        b->state = SIZE;
        return SSE_OK;
    }
    if (head->content_length > 0) {
        b->left = (uint64_t)head->content_length;
        if (b->left > max)
            return too_large(refusal);
    }
    b->done = b->left == 0;
    return SSE_OK;
}

static int take_digit(sse_http1_body *b, char c, sse_http1_refusal *refusal)
{
    if (b->digits == 16) /* leading zeros without end */
        return sse_http1_refusal_set(refusal, 400, "A chunk size is malformed.");
    if (b->left > UINT64_MAX >> 4)
        return too_large(refusal);
    b->digits++;
    b->left = b->left << 4 | (uint64_t)sse_http1_hex(c);
    return b->left > b->max - b->total ? too_large(refusal) : SSE_OK;
}

/* Counts one byte of chunk extensions and trailers, which are bounded: nobody gets to see them. */
static int count_dropped(sse_http1_body *b, sse_http1_refusal *refusal)
{
    if (b->extra == 0)
        return sse_http1_refusal_set(refusal, 431, "Chunk extensions or trailers are too large.");
    b->extra--;
    return SSE_OK;
}

/* Returns the state after c, a byte of a chunk extension or the CR that ends it; -1: malformed (RFC
 * 9112 section 7.1.1, which allows white space around ";" and "=", and none before CR). */
static int next_in_extension(int state, char c)
{
    bool blank = c == ' ' || c == '\t';
    bool token = sse_http1_in(sse_http1_token, c), text = sse_http1_in(sse_http1_value, c);

    switch (state) {
    case SIZE:
    case EXT_QUOTED_AFTER:
        return c == ';' ? EXT_NAME_BEFORE : blank ? EXT_BEFORE : c == '\r' ? SIZE_LF : -1;
    case EXT_BEFORE:
        return c == ';' ? EXT_NAME_BEFORE : blank ? EXT_BEFORE : -1;
    case EXT_NAME_BEFORE:
        return token ? EXT_NAME : blank ? EXT_NAME_BEFORE : -1;
    case EXT_NAME:
        if (token || c == '\r')
            return token ? EXT_NAME : SIZE_LF;
        /* fall through */
    case EXT_NAME_AFTER:
        if (c == '=' || c == ';')
            return c == '=' ? EXT_VALUE_BEFORE : EXT_NAME_BEFORE;
        return blank ? EXT_NAME_AFTER : -1;
    case EXT_VALUE_BEFORE:
        return token ? EXT_TOKEN : c == '"' ? EXT_QUOTED : blank ? EXT_VALUE_BEFORE : -1;
    case EXT_TOKEN:
        return token ? EXT_TOKEN : next_in_extension(EXT_QUOTED_AFTER, c);
    case EXT_QUOTED:
        return c == '"' ? EXT_QUOTED_AFTER : c == '\\' ? EXT_ESCAPE : text ? EXT_QUOTED : -1;
    default:
        return text ? EXT_QUOTED : -1;
    }
}

static int step_size(sse_http1_body *b, char c, sse_http1_refusal *refusal)
{
    bool size = b->state == SIZE;
    int next = -1;

    if (size && sse_http1_hex(c) >= 0)
        return take_digit(b, c, refusal);
    if (b->digits > 0)
        next = next_in_extension(b->state, c);
    if (next < 0)
        return sse_http1_refusal_set(
            refusal, 400, size ? "A chunk size is malformed." : "A chunk extension is malformed.");
    b->state = (uint8_t)next;
    return next == SIZE_LF ? SSE_OK : count_dropped(b, refusal);
}

static int step_trailer(sse_http1_body *b, char c, sse_http1_refusal *refusal)
{
    if (b->state == TRAILER && c == '\r') {
        b->state = END_LF;
        return SSE_OK;
    }
    if (b->state == TRAILER_VALUE && c == '\r')
        b->state = TRAILER_LF;
    else if (b->state == TRAILER_NAME && c == ':')
        b->state = TRAILER_VALUE;
    else if (b->state != TRAILER_VALUE && sse_http1_in(sse_http1_token, c))
        b->state = TRAILER_NAME;
    else if (b->state != TRAILER_VALUE || !sse_http1_in(sse_http1_value, c))
        return sse_http1_refusal_set(refusal, 400, "A trailer is malformed.");
    return count_dropped(b, refusal);
}

/* Expects the CR of a line end, or the LF after it. */
static int step_line_end(sse_http1_body *b, char c, sse_http1_refusal *refusal)
{
    bool data = b->state == DATA_CR;

    if (c != (data ? '\r' : '\n'))
        return sse_http1_refusal_set(refusal, 400,
                                     data ? "A chunk is longer than its size." : "CR without LF.");
    switch (b->state) {
    case DATA_CR:
        b->state = DATA_LF;
        break;
    case DATA_LF:
        b->state = SIZE;
        b->digits = 0;
        break;
    case SIZE_LF:
        b->state = b->left > 0 ? DATA : TRAILER;
        break;
    case TRAILER_LF:
        b->state = TRAILER;
        break;
    default:
        b->done = true;
        break;
    }
    return SSE_OK;
}

static int step(sse_http1_body *b, char c, sse_http1_refusal *refusal)
{
    switch (b->state) {
    case SIZE_LF:
    case DATA_CR:
    case DATA_LF:
    case TRAILER_LF:
    case END_LF:
        return step_line_end(b, c, refusal);
    case TRAILER:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return step_trailer(b, c, refusal);
    default:
        return step_size(b, c, refusal);
    }
}

static sse_slice take_data(sse_http1_body *b, const char *bytes, size_t len)
{
    if (len > b->left)
        len = (size_t)b->left;
    b->left -= len;
    b->total += len;
    if (b->left == 0 && b->state == LENGTH)
        b->done = true;
    else if (b->left == 0)
        b->state = DATA_CR;
    return (sse_slice){ bytes, len };
}

int sse_http1_body_feed(sse_http1_body *b, const char *bytes, size_t len, size_t *used,
                        sse_slice *data, sse_http1_refusal *refusal)
{
    size_t at = 0;
    int code = SSE_OK;

    *data = (sse_slice){ bytes, 0 };
    while (at < len && !b->done && !code) {
        if (b->state == LENGTH || b->state == DATA) {
            *data = take_data(b, bytes + at, len - at);
            at += data->len;
            break;
        }
        code = step(b, bytes[at], refusal);
        if (!code)
            at++;
    }
    *used = at;
    return code;
}
