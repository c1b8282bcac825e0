#include "parser.h"

#include <stdlib.h>

#include "block.h"
#include "error.h"
#include "scan.h"
#include "utf8.h"

#define LONGEST_NAME 5 /* "event", "retry" */

/* Worth a third of the time where lines are short. */
#define HOT static inline __attribute__((always_inline))

enum { FIELD_NONE, FIELD_COMMENT, FIELD_DATA, FIELD_EVENT, FIELD_ID, FIELD_RETRY };

/* Where in a line the last piece ended. */
enum { LINE_START, LINE_NAME, LINE_COLON, LINE_VALUE, LINE_SKIP };

struct sse_parser {
    const char *at, *end; /* what is left of the piece at hand */
    sse_scan scan;        /* its line ends */
    sse_block block;
    sse_buffer line; /* the value of a line that a piece cut, unless it is data */
    sse_buffer last_id;
    sse_buffer later; /* fed while a piece was at hand */
    sse_buffer taken; /* the piece at hand, where it was `later` before */
    unsigned fields;  /* 1 << FIELD_... of those that are stored */
    unsigned wanted;
    int error; /* until reset */
    unsigned char line_state, field, bom, name_len;
    char name[LONGEST_NAME];
    bool high, after_cr, block_ended, new_id, busy, dropped, calling, doomed;
    sse_parser_callbacks call;
    void *user;
};

/* --- lines ------------------------------------------------------------------------------------ */

static int take_retry(sse_item *item, sse_slice value)
{
    int64_t ms = 0;

    for (size_t i = 0; i < value.len; i++) {
        int digit = value.at[i] - '0';

        if (digit < 0 || digit > 9)
            return 0;
        ms = ms > (INT64_MAX - digit) / 10 ? INT64_MAX : ms * 10 + digit;
    }
    item->event.retry = ms;
    return value.len > 0 ? SSE_ITEM_RETRY : 0;
}

static int take_comment(sse_parser *p, sse_item *item, sse_slice text, bool high)
{
    sse_buffer whole;

    if (sse_block_is_broken(&p->block, text, high)) {
        int code = SSE_OK;

        sse_buffer_init(&whole, SIZE_MAX);
        code = sse_utf8_replace(&whole, text);
        sse_buffer_free(&p->line); /* where text may be */
        p->line = whole;
        if (code)
            return code;
        text = sse_buffer_slice(&whole);
        p->line.len = 0; /* its bytes stay until the item was used */
    }
    item->text = text;
    return SSE_ITEM_COMMENT;
}

/* The kind of the item that the line makes, 0, or a code. */
HOT int take_value(sse_parser *p, sse_item *item, int field, sse_slice value, bool high,
                   bool in_piece)
{
    if (field == FIELD_DATA)
        return sse_block_add_data(&p->block, value, high, in_piece);
    if (sse_block_too_big(&p->block, value.len))
        return SSE_ETOOBIG;
    switch (field) {
    case FIELD_COMMENT:
        return take_comment(p, item, value, high);
    case FIELD_EVENT:
        return sse_block_hold(&p->block, &p->block.type, value, high, in_piece);
    case FIELD_RETRY:
        return take_retry(item, value);
    case FIELD_ID:
        return memchr(value.at, 0, value.len)
                   ? SSE_OK
                   : sse_block_hold(&p->block, &p->block.id, value, high, in_piece);
    default:
        return SSE_OK;
    }
}

HOT int named(const char *at, size_t len, const char *name, size_t name_len, int field)
{
    if (len < name_len || memcmp(at, name, name_len) != 0 ||
        (len > name_len && at[name_len] != ':'))
        return FIELD_NONE;
    return field;
}

/* The field that the line, not empty, is for; the length of its name goes to *name. */
HOT int field_of(const char *at, size_t len, size_t *name)
{
    switch (at[0]) {
    case 'd':
        return named(at, len, "data", *name = 4, FIELD_DATA);
    case 'e':
        return named(at, len, "event", *name = 5, FIELD_EVENT);
    case 'i':
        return named(at, len, "id", *name = 2, FIELD_ID);
    case 'r':
        return named(at, len, "retry", *name = 5, FIELD_RETRY);
    case ':':
        return *name = 0, FIELD_COMMENT;
    default:
        return *name = 0, FIELD_NONE;
    }
}

/* A line, not empty, that is whole within the piece. */
HOT int take_line(sse_parser *p, sse_item *item, const char *at, const char *eol, bool high)
{
    size_t name = 0;
    int field = field_of(at, (size_t)(eol - at), &name);

    if (!(p->fields & 1u << field))
        return 0;
    at += name;
    if (at < eol)
        at++;
    if (at < eol && *at == ' ' && field != FIELD_COMMENT)
        at++;
    return take_value(p, item, field, (sse_slice){ at, (size_t)(eol - at) }, high, true);
}

/* --- lines that a piece cut ------------------------------------------------------------------- */

/* The line's field is known, or that it has none. */
static int open_value(sse_parser *p, int field, int state)
{
    bool stored = p->fields & 1u << field;
    int code = stored && field == FIELD_DATA ? sse_block_open_data(&p->block) : SSE_OK;

    p->field = (unsigned char)field;
    p->line_state = (unsigned char)(stored ? state : LINE_SKIP);
    p->high = false;
    return code;
}

static int add_to_name(sse_parser *p, char c)
{
    static const char *const known[] = { "data", "event", "id", "retry" };
    size_t len = p->name_len;

    if (c == ':')
        return len == 0 ? open_value(p, FIELD_COMMENT, LINE_VALUE)
                        : open_value(p, field_of(p->name, len, &len), LINE_COLON);
    if (len < LONGEST_NAME) {
        p->name[len++] = c;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (!strncmp(p->name, known[i], len)) {
                p->name_len = (unsigned char)len;
                return SSE_OK;
            }
        }
    }
    p->line_state = LINE_SKIP;
    return SSE_OK;
}

static int add_to_value(sse_parser *p, const char *at, size_t len)
{
    if (p->field == FIELD_DATA)
        return sse_block_grow_data(&p->block, (sse_slice){ at, len });
    return sse_block_too_big(&p->block, p->line.len + len) ? SSE_ETOOBIG
                                                           : sse_buffer_append(&p->line, at, len);
}

/* A part of a line; no line end in it. */
static int cut_line(sse_parser *p, const char *at, const char *end, bool high)
{
    int code = SSE_OK;

    if (p->line_state == LINE_START) {
        p->line_state = LINE_NAME;
        p->name_len = 0;
    }
    while (!code && at < end && p->line_state == LINE_NAME)
        code = add_to_name(p, *at++);
    if (!code && at < end && p->line_state == LINE_COLON) {
        p->line_state = LINE_VALUE;
        at += *at == ' ';
    }
    if (!code && at < end && p->line_state == LINE_VALUE) {
        p->high |= high;
        code = add_to_value(p, at, (size_t)(end - at));
    }
    return code;
}

static int close_line(sse_parser *p, sse_item *item)
{
    int state = p->line_state, field = p->field;
    sse_slice value = sse_buffer_slice(&p->line);

    p->line_state = LINE_START;
    p->line.len = 0; /* its bytes stay until the item was used */
    if (state == LINE_SKIP)
        return 0;
    if (state == LINE_NAME) {
        size_t name = 0;

        field = field_of(p->name, p->name_len, &name);
        return p->fields & 1u << field ? take_value(p, item, field, SSE_SLICE(""), false, true) : 0;
    }
    return field == FIELD_DATA ? sse_block_close_data(&p->block, p->high)
                               : take_value(p, item, field, value, p->high, false);
}

/* --- the piece at hand ------------------------------------------------------------------------ */

/* The BOM, and the LF of a CRLF that was cut. */
static void skip_start(sse_parser *p)
{
    static const char bom[] = "\xEF\xBB\xBF";

    while (p->bom < 3 && p->at < p->end) {
        if (*p->at == bom[p->bom]) {
            p->bom++;
            p->at++;
            continue;
        }
        if (p->bom > 0)
            p->line_state = LINE_SKIP; /* EF or EF BB begins a name that is none of ours */
        p->bom = 3;
    }
    if (p->after_cr && p->at < p->end) {
        p->after_cr = false;
        p->at += *p->at == '\n';
    }
}

/* Behind the line end at eol. */
HOT const char *after_end(sse_parser *p, const char *eol)
{
    const char *next = eol + 1;

    if (*eol == '\r') {
        if (next == p->end)
            p->after_cr = true;
        else if (*next == '\n')
            next++;
    }
    return next;
}

/* The last event id changes at the block's end, with data or without. */
static int commit_id(sse_parser *p, sse_item *item)
{
    sse_slice id = sse_held_slice(&p->block.id), last = sse_buffer_slice(&p->last_id);
    int code = SSE_OK;

    sse_held_clear(&p->block.id);
    if (id.len == last.len && (id.len == 0 || (id.at[id.len - 1] == last.at[id.len - 1] &&
                                               !memcmp(id.at, last.at, id.len))))
        return 0;
    p->last_id.len = 0;
    if (id.len > p->last_id.cap)
        code = sse_buffer_reserve(&p->last_id, id.len);
    if (code)
        return code;
    if (id.len > 0)
        memcpy(p->last_id.data, id.at, id.len);
    p->last_id.len = id.len;
    p->new_id = true;
    if (!(p->wanted & SSE_ITEM_ID))
        return SSE_OK;
    item->text = sse_buffer_slice(&p->last_id);
    return SSE_ITEM_ID;
}

HOT int end_block(sse_parser *p, sse_item *item)
{
    sse_slice type = sse_held_slice(&p->block.type);

    p->block_ended = false;
    if (p->block.id.where != SSE_NOWHERE) {
        int got = commit_id(p, item);

        p->block_ended = got > 0; /* the event is the next item */
        if (got != 0)
            return got;
    }
    sse_held_clear(&p->block.type);
    if (p->block.data.where == SSE_NOWHERE)
        return 0;
    item->event.type = type.len ? type : SSE_SLICE("message");
    item->event.data = sse_held_slice(&p->block.data);
    item->event.id = sse_buffer_slice(&p->last_id);
    item->event.retry = SSE_NO_RETRY;
    item->same_id = !p->new_id;
    p->new_id = false;
    sse_held_clear(&p->block.data);
    return SSE_ITEM_EVENT;
}

/* The end of a line that began in an earlier piece. */
static int resume_line(sse_parser *p, sse_item *item)
{
    bool high = false;
    const char *at = p->at, *eol = sse_scan_line(&p->scan, at, p->end, &high);
    int code = cut_line(p, at, eol, high);

    p->at = eol;
    if (code || eol == p->end)
        return code;
    p->at = after_end(p, eol);
    return close_line(p, item);
}

/* Up to the next item, or the piece's end. */
static int take_lines(sse_parser *p, sse_item *item)
{
    const char *at = p->at, *const end = p->end;
    sse_scan scan = p->scan;
    int got = 0;

    while (got == 0 && at < end) {
        bool high = false;
        const char *eol = sse_scan_line(&scan, at, end, &high);

        if (eol == end) {
            got = cut_line(p, at, end, high);
            at = end;
            break;
        }
        got = eol == at ? end_block(p, item) : take_line(p, item, at, eol, high);
        at = after_end(p, eol);
    }
    p->at = at;
    p->scan = scan;
    return got;
}

static void take_piece(sse_parser *p, const char *at, size_t len)
{
    p->at = at;
    p->end = len > 0 ? at + len : at;
    sse_scan_init(&p->scan, at);
}

static bool next_piece(sse_parser *p)
{
    sse_buffer_free(&p->taken);
    p->taken = p->later;
    sse_buffer_init(&p->later, SIZE_MAX);
    take_piece(p, p->taken.data, p->taken.len);
    return p->taken.len > 0;
}

/* Forgets the block and the line at hand; memory stays. */
static void clear(sse_parser *p)
{
    p->at = p->end = NULL;
    p->line_state = LINE_START;
    p->after_cr = p->block_ended = false;
    p->bom = 0;
    p->line.len = 0;
    sse_block_clear(&p->block);
    sse_buffer_free(&p->later);
}

static void trim(sse_parser *p)
{
    sse_block_trim(&p->block);
    sse_buffer_trim(&p->line, p->line.len ? SSE_KEEP_BUSY : SSE_KEEP_IDLE);
}

static int finish(sse_parser *p, int code)
{
    if (code) {
        p->error = code;
        clear(p);
    } else if (p->dropped) {
        code = SSE_ESTOPPED;
    }
    p->busy = p->dropped = false;
    sse_buffer_free(&p->taken);
    trim(p);
    return code;
}

/* --- the interface ---------------------------------------------------------------------------- */

int sse_parser_begin(sse_parser *p, const char *bytes, size_t len)
{
    if (p->error)
        return p->error;
    if (p->busy) {
        p->error = sse_buffer_append(&p->later, bytes, len);
        return p->error ? p->error : SSE_EBUSY;
    }
    p->busy = true;
    take_piece(p, bytes, len);
    return SSE_OK;
}

int sse_parser_next(sse_parser *p, sse_item *item)
{
    int got = p->error;

    while (got == 0) {
        if (p->block_ended)
            got = end_block(p, item);
        if (got == 0 && (p->bom < 3 || p->after_cr))
            skip_start(p);
        if (got == 0 && p->at < p->end && p->line_state != LINE_START)
            got = resume_line(p, item);
        if (got == 0 && p->at < p->end)
            got = take_lines(p, item);
        if (got > 0)
            return got;
        if (got == 0)
            got = sse_block_settle(&p->block);
        if (got == 0 && !next_piece(p))
            break;
    }
    return finish(p, got);
}

static void call_back(sse_parser *p, int kind, const sse_item *item)
{
    switch (kind) {
    case SSE_ITEM_EVENT:
        p->call.on_event(p->user, &item->event);
        break;
    case SSE_ITEM_RETRY:
        p->call.on_retry(p->user, item->event.retry);
        break;
    case SSE_ITEM_COMMENT:
        p->call.on_comment(p->user, item->text);
        break;
    default:
        p->call.on_id(p->user, item->text);
        break;
    }
}

static void destroy(sse_parser *p)
{
    sse_buffer *all[] = { &p->line, &p->last_id, &p->later, &p->taken };

    sse_block_free(&p->block);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sse_buffer_free(all[i]);
    free(p);
}

int sse_parser_feed(sse_parser *p, const char *bytes, size_t len)
{
    sse_item item = { 0 };
    int got = sse_parser_begin(p, bytes, len);

    if (got)
        return got == SSE_EBUSY ? SSE_OK : got;
    p->calling = true;
    while ((got = sse_parser_next(p, &item)) > 0)
        call_back(p, got, &item);
    p->calling = false;
    if (p->doomed)
        destroy(p);
    return got;
}

void sse_parser_want(sse_parser *p, unsigned wanted)
{
    p->wanted = wanted;
    p->fields = 1u << FIELD_ID;
    if (wanted & SSE_ITEM_EVENT)
        p->fields |= 1u << FIELD_DATA | 1u << FIELD_EVENT;
    if (wanted & SSE_ITEM_RETRY)
        p->fields |= 1u << FIELD_RETRY;
    if (wanted & SSE_ITEM_COMMENT)
        p->fields |= 1u << FIELD_COMMENT;
}

static unsigned wanted_by(const sse_parser_callbacks *call)
{
    return (call->on_event ? SSE_ITEM_EVENT : 0u) | (call->on_retry ? SSE_ITEM_RETRY : 0u) |
           (call->on_comment ? SSE_ITEM_COMMENT : 0u) | (call->on_id ? SSE_ITEM_ID : 0u);
}

int sse_parser_new(sse_parser **out, const sse_parser_options *options,
                   const sse_parser_callbacks *callbacks, void *user)
{
    sse_parser *p = calloc(1, sizeof *p);

    if (!p)
        return SSE_ENOMEM;
    sse_block_init(&p->block,
                   options && options->max_event_size ? options->max_event_size
                                                      : SSE_DEFAULT_MAX_EVENT,
                   options && options->raw);
    p->user = user;
    p->new_id = true;
    if (callbacks)
        p->call = *callbacks;
    sse_parser_want(p, callbacks ? wanted_by(callbacks) : options ? options->wanted : 0);
    sse_buffer_init(&p->line, SIZE_MAX); /* bounded by sse_block_too_big */
    sse_buffer_init(&p->last_id, SIZE_MAX);
    sse_buffer_init(&p->later, SIZE_MAX);
    sse_buffer_init(&p->taken, SIZE_MAX);
    *out = p;
    return SSE_OK;
}

void sse_parser_free(sse_parser *p)
{
    if (!p)
        return;
    if (!p->calling) {
        destroy(p);
        return;
    }
    sse_parser_stop(p);
    p->doomed = true;
}

void sse_parser_reset(sse_parser *p)
{
    if (p->doomed)
        return;
    clear(p);
    p->error = SSE_OK;
    p->dropped = p->busy;
    if (!p->busy)
        trim(p);
}

void sse_parser_stop(sse_parser *p)
{
    clear(p);
    if (!p->error)
        p->error = SSE_ESTOPPED;
    if (!p->busy)
        trim(p);
}

sse_slice sse_parser_last_id(const sse_parser *p)
{
    return sse_buffer_slice(&p->last_id);
}

int sse_parser_set_last_id(sse_parser *p, sse_slice id)
{
    sse_buffer next;
    int code = SSE_OK;

    for (size_t i = 0; i < id.len; i++)
        if (id.at[i] == 0 || id.at[i] == '\r' || id.at[i] == '\n')
            return SSE_EINVAL;
    sse_buffer_init(&next, SIZE_MAX);
    code = sse_buffer_append(&next, id.at, id.len); /* id may be a part of the present one */
    if (code)
        return code;
    sse_buffer_free(&p->last_id);
    p->last_id = next;
    p->new_id = true;
    return SSE_OK;
}

size_t sse_parser_memory(const sse_parser *p)
{
    return sizeof *p + p->block.data.own.cap + p->block.type.own.cap + p->block.id.own.cap +
           p->line.cap + p->last_id.cap + p->later.cap + p->taken.cap;
}
