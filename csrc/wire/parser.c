#include "parser.h"

#include <stdlib.h>

#include "block.h"
#include "cut_line.h"
#include "error.h"
#include "field.h"
#include "scan.h"
#include "utf8.h"

struct sse_parser {
    const char *at, *end;    /* the rest of the piece at hand */
    sse_scan scan;           /* the piece's line ends */
    sse_block block;         /* the fields since the last empty line */
    sse_cut_line line;       /* the line that the last piece cut */
    sse_buffer last_id;      /* the last event id */
    sse_buffer ignored;      /* of the last block of unknown fields: the beginning */
    uint64_t ignored_blocks; /* how many came since the last event: see sse_parser_ignored */
    sse_buffer queued;       /* bytes that were fed while a piece was at hand */
    sse_buffer dequeued;     /* the piece at hand, if it was queued before */
    unsigned stored_fields;  /* 1 << SSE_FIELD_... of each field that is not ignored */
    unsigned wanted;         /* SSE_ITEM_... */
    int error;               /* returned by each feed until reset */
    unsigned char bom;       /* bytes of a BOM seen; 3: no BOM is expected any more */
    bool after_cr;           /* the last piece ended in CR: an LF that follows is part of it */
    bool block_ended;        /* an id was returned: the event of the same block comes next */
    bool ignoring;           /* a line of an unknown field came since the last empty line */
    bool id_changed;  /* the last event id changed since the last event, or no event has come */
    bool busy;        /* a piece is at hand */
    bool was_reset;   /* since that piece was handed over */
    bool in_callback; /* sse_parser_feed is at work: sse_parser_free has to wait */
    bool freed;       /* by sse_parser_free, in a callback */
    sse_parser_callbacks callbacks;
    void *user;
};

/* --- lines ------------------------------------------------------------------------------------ */

/* Reads a retry field. Returns SSE_ITEM_RETRY, or 0 where the value is not a number. */
static int read_retry(sse_item *item, sse_slice value)
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

/* Makes item->text the comment, without broken UTF-8. Returns SSE_ITEM_COMMENT or a code. */
static int read_comment(sse_parser *p, sse_item *item, sse_slice text, bool non_ascii)
{
    sse_buffer whole;

    if (sse_block_needs_repair(&p->block, text, non_ascii)) {
        int code = SSE_OK;

        sse_buffer_init(&whole, SIZE_MAX);
        code = sse_utf8_replace(&whole, text);
        sse_buffer_free(&p->line.value); /* only now, since `text` may lie there */
        p->line.value = whole;
        if (code)
            return code;
        text = sse_buffer_slice(&whole);
        p->line.value.len = 0; /* the bytes stay in place, where item->text refers to them */
    }
    item->text = text;
    return SSE_ITEM_COMMENT;
}

/* Takes the value of a line. in_piece: it lies in the piece at hand, so need not be copied yet.
 * Returns the kind of the item that the line makes, 0, or a code. */
SSE_INLINED int read_value(sse_parser *p, sse_item *item, int field, sse_slice value,
                           bool non_ascii, bool in_piece)
{
    if (field == SSE_FIELD_DATA)
        return sse_block_add_data(&p->block, value, non_ascii, in_piece);
    if (sse_block_is_too_big(&p->block, value.len))
        return SSE_ETOOBIG;
    switch (field) {
    case SSE_FIELD_COMMENT:
        return read_comment(p, item, value, non_ascii);
    case SSE_FIELD_EVENT:
        return sse_block_set_field(&p->block, &p->block.type, value, non_ascii, in_piece);
    case SSE_FIELD_RETRY:
        return read_retry(item, value);
    case SSE_FIELD_ID:
        return memchr(value.at, 0, value.len)
                   ? SSE_OK
                   : sse_block_set_field(&p->block, &p->block.id, value, non_ascii, in_piece);
    default:
        return SSE_OK;
    }
}

/* Keeps the beginning of a line of an unknown field, behind the earlier ones of the block. */
static int keep_ignored(sse_parser *p, sse_slice line)
{
    sse_buffer *kept = &p->ignored;
    int code = SSE_OK;

    if (!p->line.keeps_unknown)
        return SSE_OK;
    if (!p->ignoring)
        kept->len = 0;
    p->ignoring = true;
    if (kept->len > 0 && kept->len < SSE_MAX_IGNORED)
        code = sse_buffer_append(kept, "\n", 1);
    if (!code && line.len > SSE_MAX_IGNORED - kept->len)
        line.len = SSE_MAX_IGNORED - kept->len;
    return code || line.len == 0 ? code : sse_buffer_append(kept, line.at, line.len);
}

/* Takes a line that is not empty and whole within the piece. Returns as read_value does. */
SSE_INLINED int read_line(sse_parser *p, sse_item *item, const char *at, const char *eol,
                          bool non_ascii)
{
    size_t name = 0;
    int field = sse_field_find(at, (size_t)(eol - at), &name);

    if (!(p->stored_fields & 1u << field))
        return field ? 0 : keep_ignored(p, (sse_slice){ at, (size_t)(eol - at) });
    at += name;
    if (at < eol)
        at++;
    if (at < eol && *at == ' ' && field != SSE_FIELD_COMMENT)
        at++;
    return read_value(p, item, field, (sse_slice){ at, (size_t)(eol - at) }, non_ascii, true);
}

/* Takes a part of a line that the piece's end cuts. */
static int cut_line(sse_parser *p, const char *at, const char *end, bool non_ascii)
{
    sse_slice part = { at, (size_t)(end - at) };

    return sse_cut_line_add(&p->line, &p->block, p->stored_fields, part, non_ascii);
}

/* Takes the end of a cut line. Returns as read_value does. */
static int close_line(sse_parser *p, sse_item *item)
{
    int state = p->line.state, field = p->line.field;
    sse_slice value = sse_buffer_slice(&p->line.value);

    p->line.state = SSE_LINE_START;
    p->line.value.len = 0; /* the bytes stay in place, where `value` refers to them */
    if (state == SSE_LINE_SKIP)
        return field ? 0 : keep_ignored(p, value);
    if (state == SSE_LINE_NAME) {
        size_t name = 0;

        field = sse_field_find(p->line.name, p->line.name_len, &name);
        if (!field)
            return keep_ignored(p, (sse_slice){ p->line.name, p->line.name_len });
        return p->stored_fields & 1u << field
                   ? read_value(p, item, field, SSE_SLICE(""), false, true)
                   : 0;
    }
    return field == SSE_FIELD_DATA ? sse_block_close_data(&p->block, p->line.non_ascii)
                                   : read_value(p, item, field, value, p->line.non_ascii, false);
}

/* --- the piece at hand ------------------------------------------------------------------------ */

/* Skips the BOM at the start of a stream, and the LF of a CRLF that a piece cut. */
static void skip_start(sse_parser *p)
{
    static const char bom[] = "\xEF\xBB\xBF";

    while (p->bom < 3 && p->at < p->end) {
        if (*p->at == bom[p->bom]) {
            p->bom++;
            p->at++;
            continue;
        }
        if (p->bom > 0) { /* no known field begins with EF or EF BB */
            p->line.state = SSE_LINE_SKIP;
            p->line.field = SSE_FIELD_NONE;
        }
        p->bom = 3;
    }
    if (p->after_cr && p->at < p->end) {
        p->after_cr = false;
        p->at += *p->at == '\n';
    }
}

/* Returns where the line end at eol ends. */
SSE_INLINED const char *skip_line_end(sse_parser *p, const char *eol)
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

/* At the end of a block, with data or without, its id becomes the last event id. Returns
 * SSE_ITEM_ID if the id has changed and such items are wanted, else 0, or a code. */
static int commit_id(sse_parser *p, sse_item *item)
{
    sse_slice id = sse_block_field_value(&p->block.id), last = sse_buffer_slice(&p->last_id);
    int code = SSE_OK;

    sse_block_field_clear(&p->block.id);
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
    p->id_changed = true;
    if (!(p->wanted & SSE_ITEM_ID))
        return SSE_OK;
    item->text = sse_buffer_slice(&p->last_id);
    return SSE_ITEM_ID;
}

/* Ends the block. Returns SSE_ITEM_EVENT, 0, a code, or SSE_ITEM_ID: then call it once more. */
SSE_INLINED int end_block(sse_parser *p, sse_item *item)
{
    sse_slice type = sse_block_field_value(&p->block.type);

    p->block_ended = false;
    if (p->block.id.place != SSE_VALUE_ABSENT) {
        int got = commit_id(p, item);

        p->block_ended = got > 0; /* the event is the next item */
        if (got != 0)
            return got;
    }
    sse_block_field_clear(&p->block.type);
    if (p->block.data.place == SSE_VALUE_ABSENT) {
        p->ignored_blocks += p->ignoring;
        p->ignoring = false;
        return 0;
    }
    p->ignored_blocks = 0;
    p->ignoring = false;
    item->event.type = type.len ? type : SSE_SLICE("message");
    item->event.data = sse_block_field_value(&p->block.data);
    item->event.id = sse_buffer_slice(&p->last_id);
    item->event.retry = SSE_NO_RETRY;
    item->same_id = !p->id_changed;
    p->id_changed = false;
    sse_block_field_clear(&p->block.data);
    return SSE_ITEM_EVENT;
}

/* Goes on with a line that began in an earlier piece. */
static int resume_line(sse_parser *p, sse_item *item)
{
    bool non_ascii = false;
    const char *at = p->at, *eol = sse_scan_line(&p->scan, at, p->end, &non_ascii);
    int code = cut_line(p, at, eol, non_ascii);

    p->at = eol;
    if (code || eol == p->end)
        return code;
    p->at = skip_line_end(p, eol);
    return close_line(p, item);
}

/* Parses up to the next item or the end of the piece. Returns the item's kind, 0 or a code. */
static int read_lines(sse_parser *p, sse_item *item)
{
    const char *at = p->at, *const end = p->end;
    sse_scan scan = p->scan;
    int got = 0;

    while (got == 0 && at < end) {
        bool non_ascii = false;
        const char *eol = sse_scan_line(&scan, at, end, &non_ascii);

        if (eol == end) {
            got = cut_line(p, at, end, non_ascii);
            at = end;
            break;
        }
        got = eol == at ? end_block(p, item) : read_line(p, item, at, eol, non_ascii);
        at = skip_line_end(p, eol);
    }
    p->at = at;
    p->scan = scan;
    return got;
}

static void set_piece(sse_parser *p, const char *at, size_t len)
{
    p->at = at;
    p->end = len > 0 ? at + len : at;
    sse_scan_init(&p->scan, at);
}

/* Takes the queued bytes as the next piece. Returns false if there are none. */
static bool next_piece(sse_parser *p)
{
    sse_buffer_free(&p->dequeued);
    p->dequeued = p->queued;
    sse_buffer_init(&p->queued, SIZE_MAX);
    set_piece(p, p->dequeued.data, p->dequeued.len);
    return p->dequeued.len > 0;
}

/* Drops the piece at hand, the unfinished line and block, and queued bytes. Keeps the buffers. */
static void clear_input(sse_parser *p)
{
    p->at = p->end = NULL;
    p->line.state = SSE_LINE_START;
    p->after_cr = p->block_ended = p->ignoring = false;
    p->ignored_blocks = 0;
    p->bom = 0;
    p->line.value.len = 0;
    sse_block_clear(&p->block);
    sse_buffer_free(&p->queued);
}

static void trim_buffers(sse_parser *p)
{
    sse_block_trim(&p->block);
    sse_buffer_trim(&p->line.value, p->line.value.len ? SSE_KEEP_USED : SSE_KEEP_EMPTY);
}

/* The piece is used up, or `code` ended it. Returns what feed returns. */
static int end_feed(sse_parser *p, int code)
{
    if (code) {
        p->error = code;
        clear_input(p);
    } else if (p->was_reset) {
        code = SSE_ESTOPPED;
    }
    p->busy = p->was_reset = false;
    sse_buffer_free(&p->dequeued);
    trim_buffers(p);
    return code;
}

/* --- interface -------------------------------------------------------------------------------- */

int sse_parser_begin(sse_parser *p, const char *bytes, size_t len)
{
    if (p->error)
        return p->error;
    if (p->busy) {
        p->error = sse_buffer_append(&p->queued, bytes, len);
        return p->error ? p->error : SSE_EBUSY;
    }
    p->busy = true;
    set_piece(p, bytes, len);
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
        if (got == 0 && p->at < p->end && p->line.state != SSE_LINE_START)
            got = resume_line(p, item);
        if (got == 0 && p->at < p->end)
            got = read_lines(p, item);
        if (got > 0)
            return got;
        if (got == 0)
            got = sse_block_copy_fields(&p->block);
        if (got == 0 && !next_piece(p))
            break;
    }
    return end_feed(p, got);
}

/* Whether the end of the stream cuts a line that belongs to an event. */
static bool cuts_event(const sse_parser *p)
{
    bool has_data = p->block.data.place != SSE_VALUE_ABSENT;
    int field = p->line.field;

    if (p->line.state == SSE_LINE_START)
        return false;
    if (p->line.state == SSE_LINE_NAME) /* of the known names only "data" begins with a d */
        return has_data || p->line.name[0] == 'd';
    return field == SSE_FIELD_DATA ||
           (has_data && field != SSE_FIELD_COMMENT && field != SSE_FIELD_NONE);
}

int sse_parser_begin_end(sse_parser *p)
{
    if (p->error || p->busy)
        return p->error ? p->error : SSE_EBUSY;
    if (cuts_event(p))
        return SSE_EUNFINISHED;
    p->busy = true;
    set_piece(p, "", 0);
    p->block_ended = p->block.data.place != SSE_VALUE_ABSENT;
    if (p->block_ended)
        p->line.state = SSE_LINE_START; /* no field of the event, and of no block of its own */
    return SSE_OK;
}

uint64_t sse_parser_ignored(sse_parser *p, sse_slice *text)
{
    if (p->line.state == SSE_LINE_SKIP && p->line.field == SSE_FIELD_NONE) {
        p->line.state = SSE_LINE_START;
        keep_ignored(p, sse_buffer_slice(&p->line.value)); /* without memory: less of it */
        p->line.value.len = 0;
    }
    if (p->ignoring && p->block.data.place == SSE_VALUE_ABSENT) {
        p->ignored_blocks++;
        p->ignoring = false;
    }
    *text = sse_buffer_slice(&p->ignored);
    return p->ignored_blocks;
}

static void call_back(sse_parser *p, int kind, const sse_item *item)
{
    if (kind == SSE_ITEM_EVENT)
        p->callbacks.on_event(p->user, &item->event);
    else if (kind == SSE_ITEM_RETRY)
        p->callbacks.on_retry(p->user, item->event.retry);
    else if (kind == SSE_ITEM_COMMENT)
        p->callbacks.on_comment(p->user, item->text);
    else
        p->callbacks.on_id(p->user, item->text);
}

static void destroy(sse_parser *p)
{
    sse_buffer *all[] = { &p->line.value, &p->last_id, &p->ignored, &p->queued, &p->dequeued };

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
    p->in_callback = true;
    while ((got = sse_parser_next(p, &item)) > 0)
        call_back(p, got, &item);
    p->in_callback = false;
    if (p->freed)
        destroy(p);
    return got;
}

void sse_parser_want(sse_parser *p, unsigned wanted)
{
    p->wanted = wanted;
    p->stored_fields = 1u << SSE_FIELD_ID;
    if (wanted & SSE_ITEM_EVENT)
        p->stored_fields |= 1u << SSE_FIELD_DATA | 1u << SSE_FIELD_EVENT;
    if (wanted & SSE_ITEM_RETRY)
        p->stored_fields |= 1u << SSE_FIELD_RETRY;
    if (wanted & SSE_ITEM_COMMENT)
        p->stored_fields |= 1u << SSE_FIELD_COMMENT;
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
    p->id_changed = true;
    if (callbacks)
        p->callbacks = *callbacks;
    p->line.keeps_unknown = options && options->keep_ignored;
    sse_parser_want(p, callbacks ? wanted_by(callbacks) : options ? options->wanted : 0);
    sse_buffer_init(&p->line.value, SIZE_MAX); /* bounded by sse_block_is_too_big */
    sse_buffer_init(&p->last_id, SIZE_MAX);
    sse_buffer_init(&p->ignored, SIZE_MAX); /* bounded by keep_ignored */
    sse_buffer_init(&p->queued, SIZE_MAX);
    sse_buffer_init(&p->dequeued, SIZE_MAX);
    *out = p;
    return SSE_OK;
}

void sse_parser_free(sse_parser *p)
{
    if (!p)
        return;
    if (!p->in_callback) {
        destroy(p);
        return;
    }
    sse_parser_stop(p);
    p->freed = true;
}

void sse_parser_reset(sse_parser *p)
{
    if (p->freed)
        return;
    clear_input(p);
    p->error = SSE_OK;
    p->was_reset = p->busy;
    if (!p->busy)
        trim_buffers(p);
}

void sse_parser_stop(sse_parser *p)
{
    clear_input(p);
    if (!p->error)
        p->error = SSE_ESTOPPED;
    if (!p->busy)
        trim_buffers(p);
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
    code = sse_buffer_append(&next, id.at, id.len); /* `id` may be a part of last_id */
    if (code)
        return code;
    sse_buffer_free(&p->last_id);
    p->last_id = next;
    p->id_changed = true;
    return SSE_OK;
}

size_t sse_parser_memory(const sse_parser *p)
{
    return sizeof *p + p->block.data.own.cap + p->block.type.own.cap + p->block.id.own.cap +
           p->line.value.cap + p->last_id.cap + p->ignored.cap + p->queued.cap + p->dequeued.cap;
}
