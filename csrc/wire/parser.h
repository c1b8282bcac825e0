/* parser.h: event-stream bytes -> events, in any chunking (WHATWG HTML 9.2.6). No I/O.
 *
 * Two ways to use it. By callbacks: sse_parser_feed. By pulling, for callers that can't be called
 * back: sse_parser_begin hands over a piece, sse_parser_next gives one item after the other until
 * 0. Lines that are whole within a piece are used in place; only what a piece cuts is copied. */
#ifndef SSE_WIRE_PARSER_H
#define SSE_WIRE_PARSER_H

#include <stdint.h>

#include "event.h"

#define SSE_DEFAULT_MAX_EVENT ((size_t)16 << 20)

typedef struct sse_parser sse_parser;

/* All optional (NULL: not called, and what only they need is not stored). Slices live until the
 * callback returns, but event->id only until sse_parser_set_last_id. A callback may call
 * sse_parser_feed on another parser, and sse_parser_reset, sse_parser_stop or sse_parser_free on
 * this one (free is carried out when the feed returns); after these no further callback comes from
 * the bytes at hand. Feeding this parser from its own callback appends the bytes behind those at
 * hand (they are copied). */
typedef struct sse_parser_callbacks {
    /* The type is "message" where none was given. */
    void (*on_event)(void *user, const sse_event *event);
    /* Saturates at INT64_MAX. */
    void (*on_retry)(void *user, int64_t ms);
    /* Without the colon. */
    void (*on_comment)(void *user, sse_slice text);
    /* The last event id changed, at a block's end. */
    void (*on_id)(void *user, sse_slice id);
} sse_parser_callbacks;

/* What sse_parser_next gives, one bit each. */
enum {
    SSE_ITEM_EVENT = 1,   /* item.event */
    SSE_ITEM_RETRY = 2,   /* item.event.retry */
    SSE_ITEM_COMMENT = 4, /* item.text */
    SSE_ITEM_ID = 8,      /* item.text; comes before the event of the same block */
};

typedef struct sse_item {
    sse_event event;
    sse_slice text;
    bool same_id; /* event.id is that of the event before */
} sse_item;

typedef struct sse_parser_options {
    size_t max_event_size; /* value of the pending line + data gathered, their LFs included;
                              0: SSE_DEFAULT_MAX_EVENT */
    bool raw;              /* hand bytes through instead of replacing broken UTF-8 */
    unsigned wanted;       /* for pulling, without callbacks: the kinds of items to give */
} sse_parser_options;

/* options and callbacks may be NULL. */
int sse_parser_new(sse_parser **out, const sse_parser_options *options,
                   const sse_parser_callbacks *callbacks, void *user);
void sse_parser_free(sse_parser *p); /* NULL is allowed */

/* Any piece, also an empty one. SSE_ETOOBIG past the limit, as soon as the byte too many is seen,
 * and again on each call until reset; SSE_ENOMEM likewise; SSE_ESTOPPED where a callback reset,
 * stopped or freed the parser (the rest of the piece is dropped). */
int sse_parser_feed(sse_parser *p, const char *bytes, size_t len);

/* Hands a piece over; it must live until sse_parser_next gave 0 or a code. SSE_EBUSY: called
 * between two calls of next; the bytes were copied and come after those at hand. Other codes as for
 * feed. */
int sse_parser_begin(sse_parser *p, const char *bytes, size_t len);

/* The next item's kind (> 0); 0 where the piece is used up; or a code as for feed. Slices live
 * until the next call, but event.id only until sse_parser_set_last_id. Reset and stop may be called
 * in between. */
int sse_parser_next(sse_parser *p, sse_item *item);

/* A new connection: forgets the pending line, data, type and id buffer and arms the BOM check; the
 * last event id stays. */
void sse_parser_reset(sse_parser *p);

/* No further callback from the bytes at hand; feeds give SSE_ESTOPPED until reset. */
void sse_parser_stop(sse_parser *p);

/* From now on these kinds of items; a cut line at hand keeps to what was wanted as it began. For
 * pulling. */
void sse_parser_want(sse_parser *p, unsigned wanted);

sse_slice sse_parser_last_id(const sse_parser *p);

/* SSE_EINVAL where it holds NUL, CR or LF. */
int sse_parser_set_last_id(sse_parser *p, sse_slice id);

/* Bytes of memory it owns at present, itself included. */
size_t sse_parser_memory(const sse_parser *p);

#endif
