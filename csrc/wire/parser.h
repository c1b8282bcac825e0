/* parser.h: the events of an event stream (WHATWG HTML 9.2.6), whose bytes come in pieces, cut
 * anywhere. No I/O.
 *
 * There are two ways to use a parser. With callbacks: sse_parser_feed. Without: sse_parser_begin
 * hands a piece over, then each sse_parser_next returns an item, and 0 after the last. A value that
 * lies whole within a piece is used in place: bytes are copied only where a piece ends before the
 * event does, where data has several lines, and where broken UTF-8 is replaced. */
#ifndef SSE_WIRE_PARSER_H
#define SSE_WIRE_PARSER_H

#include <stdint.h>

#include "event.h"

#define SSE_DEFAULT_MAX_EVENT ((size_t)16 << 20)

typedef struct sse_parser sse_parser;

/* All optional: NULL is not called, and fields that only this callback needs are not stored. Slices
 * live until the callback returns; event->id, however, only until sse_parser_set_last_id. A
 * callback may feed another parser. On its own parser it may call sse_parser_reset, sse_parser_stop
 * and sse_parser_free (which frees when the feed returns); after these the rest of the piece leads
 * to no callback. It may also feed its own parser: the bytes are copied, and parsed behind the
 * piece at hand. */
typedef struct sse_parser_callbacks {
    /* An event. Its type is "message" if the stream named none. */
    void (*on_event)(void *user, const sse_event *event);
    /* A retry field; numbers past INT64_MAX become INT64_MAX. */
    void (*on_retry)(void *user, int64_t ms);
    /* A comment, without its colon. */
    void (*on_comment)(void *user, sse_slice text);
    /* The last event id has changed. Comes at the end of a block, before its event. */
    void (*on_id)(void *user, sse_slice id);
} sse_parser_callbacks;

/* The kinds of items, one bit each. */
enum {
    SSE_ITEM_EVENT = 1,   /* item.event */
    SSE_ITEM_RETRY = 2,   /* item.event.retry */
    SSE_ITEM_COMMENT = 4, /* item.text */
    SSE_ITEM_ID = 8,      /* item.text; comes before the event of the same block */
};

typedef struct sse_item {
    sse_event event;
    sse_slice text;
    bool same_id; /* event.id is the same as of the event before */
} sse_item;

typedef struct sse_parser_options {
    size_t max_event_size; /* bytes of an event's data, with its LFs, and of the value of a line of
                              another field together; 0: SSE_DEFAULT_MAX_EVENT */
    bool raw;              /* leave broken UTF-8 as it is; else it is replaced by U+FFFD */
    bool keep_ignored;     /* for sse_parser_ignored; else unknown lines are not stored at all */
    unsigned wanted;       /* without callbacks: the kinds of items to return */
} sse_parser_options;

/* Both options and callbacks may be NULL. SSE_ENOMEM. */
int sse_parser_new(sse_parser **out, const sse_parser_options *options,
                   const sse_parser_callbacks *callbacks, void *user);
void sse_parser_free(sse_parser *p); /* NULL is allowed */

/* Parses a piece, which may be empty. SSE_ETOOBIG: an event is past max_event_size, noticed with
 * the first byte too many; SSE_ENOMEM. Both come again on each call until sse_parser_reset.
 * SSE_ESTOPPED: a callback has reset, stopped or freed the parser, and the rest of the piece is
 * dropped. */
int sse_parser_feed(sse_parser *p, const char *bytes, size_t len);

/* Hands a piece over, which must live until sse_parser_next returns 0 or a code. SSE_EBUSY: another
 * piece is at hand; these bytes were copied and are parsed behind it. Other codes as for feed. */
int sse_parser_begin(sse_parser *p, const char *bytes, size_t len);

/* Returns the kind of the next item (> 0), 0 at the end of the piece, or a code as feed does.
 * Slices live until the next call; item->event.id, however, only until sse_parser_set_last_id.
 * Reset and stop may be called between two calls. */
int sse_parser_next(sse_parser *p, sse_item *item);

/* Takes the end of the stream as the end of its last block, where that has data and its last line
 * is complete; sse_parser_next then returns its items. SSE_EUNFINISHED: the end cuts an event.
 * SSE_EBUSY: a piece is at hand. Other codes as for feed. Call it at most once for a stream. */
int sse_parser_begin_end(sse_parser *p);

/* For the end of a stream, of a parser with keep_ignored: returns how many blocks came since the
 * last event that have lines of unknown fields, and no data. The last one, which the end may cut,
 * counts too; *text (out) is the beginning of its unknown lines, and lives until the parser is used
 * again. */
uint64_t sse_parser_ignored(sse_parser *p, sse_slice *text);

/* Prepares for a new stream: drops the unfinished line and block, and expects a BOM again. The last
 * event id stays. */
void sse_parser_reset(sse_parser *p);

/* Drops the rest of the piece at hand; feeds return SSE_ESTOPPED until reset. */
void sse_parser_stop(sse_parser *p);

/* For use without callbacks: changes the kinds of items to return. A line of which a part was
 * parsed already goes by the kinds that were wanted when it began. */
void sse_parser_want(sse_parser *p, unsigned wanted);

/* Returns the last event id; it lives until the parser is used again. */
sse_slice sse_parser_last_id(const sse_parser *p);

/* SSE_EINVAL: the id holds NUL, CR or LF; SSE_ENOMEM. */
int sse_parser_set_last_id(sse_parser *p, sse_slice id);

/* Returns the bytes of memory that the parser has now, itself included. */
size_t sse_parser_memory(const sse_parser *p);

#endif
