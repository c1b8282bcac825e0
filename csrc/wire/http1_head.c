/* http1_head.c: the bytes of a request head. A state machine checks each byte once and finds the
 * end; then the lines, known to be well-formed, are cut into slices. */
#include "http1_head.h"

#include "http1_chars.h"
#include "http1_check.h"

enum {
    MAX_METHOD = 32,
    MAX_EMPTY_LINES = 4,
    STATE_BITS = 5,
    COUNT_BITS = 7, /* SSE_HTTP1_MAX_FIELDS fits */
};

enum scan_state {
    START,
    START_LF,
    METHOD,
    TARGET,
    VERSION, /* and one state more for each of its bytes that matched */
    VERSION_END = VERSION + 8,
    LINE_LF,
    FIELD,
    NAME,
    VALUE,
    VALUE_LF,
    END_LF,
    STATES
};

_Static_assert(STATES <= 1 << STATE_BITS, "the state must fit its bits");
_Static_assert(SSE_HTTP1_MAX_FIELDS < 1 << COUNT_BITS, "the count of fields must fit its bits");

typedef struct scan {
    const char *bytes;
    size_t at;     /* the byte to look at */
    size_t line;   /* where the request line begins */
    size_t target; /* where the target begins, once in it */
    unsigned state, fields;
    sse_http1_refusal *refusal;
} scan;

/* State, count of fields and position are packed into one number, *scanned: between two calls a
 * connection keeps nothing else. */
static void unpack(scan *s, size_t packed)
{
    s->state = packed & ((1u << STATE_BITS) - 1);
    s->fields = packed >> STATE_BITS & ((1u << COUNT_BITS) - 1);
    s->at = packed >> (STATE_BITS + COUNT_BITS);
    while (s->line + 1 < s->at && s->bytes[s->line] == '\r')
        s->line += 2;
    s->target = s->line;
    while (s->state == TARGET && s->bytes[s->target++] != ' ')
        continue;
}

static size_t pack(const scan *s)
{
    return (s->at << COUNT_BITS | s->fields) << STATE_BITS | s->state;
}

static int bad(const scan *s, const char *reason)
{
    return sse_http1_refusal_set(s->refusal, 400, reason);
}

/* Skips bytes that are legal in the current state without going through the state machine one by
 * one. Stops at the first other byte, which `step` then judges. */
static void skip_legal(scan *s, size_t end)
{
    const uint32_t *set = s->state == VALUE    ? sse_http1_value
                          : s->state == NAME   ? sse_http1_token
                          : s->state == TARGET ? sse_http1_target
                                               : NULL;

    if (set)
        while (s->at < end && sse_http1_in(set, s->bytes[s->at]))
            s->at++;
}

static int step_start(scan *s, char c)
{
    if (c != '\r') {
        s->line = s->at;
        s->state = METHOD;
        return sse_http1_in(sse_http1_token, c) ? SSE_OK : bad(s, "The method is not a token.");
    }
    if (s->at >= (size_t)MAX_EMPTY_LINES * 2)
        return bad(s, "Too many empty lines before the request.");
    s->state = START_LF;
    return SSE_OK;
}

static int step_method(scan *s, char c)
{
    if (c == ' ') {
        s->state = TARGET;
        s->target = s->at + 1;
        return SSE_OK;
    }
    if (!sse_http1_in(sse_http1_token, c))
        return bad(s, "The method is not a token.");
    if (s->at - s->line >= MAX_METHOD)
        return sse_http1_refusal_set(s->refusal, 501, "The method is too long to be a known one.");
    return SSE_OK;
}

static int step_target(scan *s, char c)
{
    if (sse_http1_in(sse_http1_target, c))
        return SSE_OK;
    if (s->at == s->target)
        return bad(s, "The request has no target.");
    if (c == '\r')
        return bad(s, "The request line has no version.");
    if (c != ' ')
        return bad(s, "The target holds a character that must be percent-encoded.");
    s->state = VERSION;
    return SSE_OK;
}

static int step_version(scan *s, char c)
{
    unsigned at = s->state - VERSION;
    bool digit = sse_http1_is_digit(c);

    if ((at == 5 && digit && c != '1') || (at == 7 && digit && c > '1'))
        return sse_http1_refusal_set(s->refusal, 505, "The server speaks HTTP/1.0 and HTTP/1.1.");
    if (at == 5 || at == 7 ? !digit : at < 8 && c != "HTTP/1.1"[at])
        return bad(s, "The version is malformed.");
    if (at == 8 && c != '\r')
        return bad(s, "The request line does not end after the version.");
    s->state++;
    return SSE_OK;
}

static int step_field(scan *s, char c)
{
    if (c == '\r') {
        s->state = END_LF;
        return SSE_OK;
    }
    if (c == ' ' || c == '\t')
        return bad(s, "A field line begins with white space.");
    if (s->fields >= SSE_HTTP1_MAX_FIELDS)
        return sse_http1_refusal_set(s->refusal, 431, "Too many header fields.");
    s->fields++;
    s->state = NAME;
    return sse_http1_in(sse_http1_token, c) ? SSE_OK : bad(s, "A field name is not a token.");
}

static int step_name(scan *s, char c)
{
    if (c == ':') {
        s->state = VALUE;
        return SSE_OK;
    }
    if (c == ' ' || c == '\t')
        return bad(s, "White space before the colon of a field.");
    return sse_http1_in(sse_http1_token, c) ? SSE_OK : bad(s, "A field name is not a token.");
}

static int step_value(scan *s, char c)
{
    if (c == '\r') {
        s->state = VALUE_LF;
        return SSE_OK;
    }
    if (c == '\n')
        return bad(s, "A line ends by LF alone.");
    if (!sse_http1_in(sse_http1_value, c))
        return bad(s, "A field value holds a control character.");
    return SSE_OK;
}

static int step_lf(scan *s, char c)
{
    if (c != '\n')
        return bad(s, "CR without LF.");
    s->state = s->state == START_LF ? START : FIELD;
    return SSE_OK;
}

/* Judges one byte. SSE_EAGAIN: the head goes on; SSE_OK: it was the head's last byte; SSE_EPROTO.
 */
static int step(scan *s, char c)
{
    bool last = s->state == END_LF;
    int code = SSE_OK;

    switch (s->state) {
    case START:
        code = step_start(s, c);
        break;
    case METHOD:
        code = step_method(s, c);
        break;
    case TARGET:
        code = step_target(s, c);
        break;
    case FIELD:
        code = step_field(s, c);
        break;
    case NAME:
        code = step_name(s, c);
        break;
    case VALUE:
        code = step_value(s, c);
        break;
    case START_LF:
    case LINE_LF:
    case VALUE_LF:
    case END_LF:
        code = step_lf(s, c);
        break;
    default:
        code = step_version(s, c);
        break;
    }
    return code ? code : last ? SSE_OK : SSE_EAGAIN;
}

/* Refuses a head that has passed a limit, or has reached it without its end. */
static int check_limits(const scan *s, const sse_http1_limits *limits)
{
    bool head = s->state > START_LF && s->at - s->line >= limits->max_head_size;

    if (s->state == TARGET && (head || s->at - s->target > limits->max_target))
        return sse_http1_refusal_set(s->refusal, 414, "The target is too long.");
    if (head)
        return sse_http1_refusal_set(s->refusal, 431, "The request head is too large.");
    return SSE_EAGAIN;
}

/* How far skip_legal may go: not over the byte that would break a limit, so that a limit is found
 * at the same byte however the input was split. */
static size_t skip_end(const scan *s, const sse_http1_limits *limits, size_t len)
{
    size_t left = len - s->at, head = limits->max_head_size - (s->at - s->line);

    if (s->state == TARGET && left > limits->max_target - (s->at - s->target))
        left = limits->max_target - (s->at - s->target);
    return s->at + (left > head - 1 ? head - 1 : left);
}

/* Scans until the head ends. SSE_OK: s->at is the byte after the blank line. */
static int find_end(scan *s, const sse_http1_limits *limits, size_t len)
{
    int code = SSE_EAGAIN;

    while (code == SSE_EAGAIN && s->at < len) {
        if (s->state > START_LF) {
            skip_legal(s, skip_end(s, limits, len));
            if (s->at == len)
                break;
        }
        code = step(s, s->bytes[s->at]);
        if (code == SSE_OK || code == SSE_EAGAIN)
            s->at++;
        if (code == SSE_EAGAIN)
            code = check_limits(s, limits);
    }
    return code;
}

static sse_slice trim(const char *at, const char *end)
{
    return sse_slice_trim((sse_slice){ at, (size_t)(end - at) });
}

/* Cuts the lines into slices. The scan has seen that they are well-formed, so each delimiter that
 * is looked for is there. */
static void cut(const scan *s, sse_http1_head *out)
{
    const char *at = s->bytes + s->line, *end = s->bytes + s->at;
    const char *sp = memchr(at, ' ', (size_t)(end - at));

    out->method = (sse_slice){ at, (size_t)(sp - at) };
    at = sp + 1;
    sp = memchr(at, ' ', (size_t)(end - at));
    out->target = (sse_slice){ at, (size_t)(sp - at) };
    out->minor = sp[sizeof " HTTP/1." - 1] - '0';
    at = sp + sizeof " HTTP/1.1\r\n" - 1;
    out->field_count = s->fields;
    for (size_t i = 0; i < s->fields; i++) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *cr = memchr(colon, '\r', (size_t)(end - colon));

        out->fields[i].name = (sse_slice){ at, (size_t)(colon - at) };
        out->fields[i].value = trim(colon + 1, cr);
        at = cr + 2;
    }
}

int sse_http1_parse_head(const char *bytes, size_t len, const sse_http1_limits *limits,
                         size_t *scanned, sse_http1_head *out, size_t *used,
                         sse_http1_refusal *refusal)
{
    scan s = { .bytes = bytes, .refusal = refusal };
    int code = SSE_OK;

    unpack(&s, *scanned);
    code = find_end(&s, limits, len);
    *scanned = pack(&s);
    if (code)
        return code;
    cut(&s, out);
    *used = s.at;
    return sse_http1_check_head(out, refusal);
}
