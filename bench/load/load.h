/* load: the load generator of the server's benchmarks. This header has the types that its files
 * share; each file's functions are in a header of its own. From the bottom up, nothing calls a file
 * above it:
 *
 *   die clock histogram processes   messages, time, durations, the server's CPU and memory
 *   socket tls                      connections, plain or with TLS
 *   tally follower                  what followers received
 *   http1 http2                     transports: how a follower's stream is opened and read
 *   publisher                       the connection that publishes
 *   wait control subscribe          what a phase does and waits for
 *   report phases stuck churn       the phases, and the line that each prints
 *   main                            options, and which phases to run
 *
 * Everything runs on one thread and one event_base. Only what belongs to a follower is freed before
 * the program ends.
 */
#ifndef LOAD_H
#define LOAD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "processes.h"
#include "socket.h"

/* A payload begins with its mark of LOAD_MARK bytes: '@', ten digits of the event's number, ':', 19
 * digits of the time when it was published in ns, '@'. LOAD_PATIENCE: seconds without any progress
 * after which a wait fails. LOAD_MAX_OPENING: followers that may be connecting at one time. */
enum { LOAD_MARK = 32, LOAD_PATIENCE = 30, LOAD_MAX_OPENING = 256 };

typedef struct load load;

enum load_state { LOAD_IDLE, LOAD_OPENING, LOAD_OPEN, LOAD_ENDED };

/* One client that follows the server's event stream. */
typedef struct load_follower {
    enum load_state state;
    uint32_t expected;         /* number of the event that has to come next */
    bool fresh;                /* no event came yet; older ones than `expected` may come first */
    bool recorded;             /* the body's bytes are added to l->record */
    unsigned char partial_len; /* bytes in `partial` */
    char partial[LOAD_MARK];   /* what came of a mark that was cut */
    unsigned source;           /* for load_socket_open */
    int receive_buffer;        /* for load_socket_open */
    const char *last_event_id; /* to send with the request, or NULL */
    void *connection;          /* the transport's */
    unsigned stream;           /* of an HTTP/2 connection */
} load_follower;

/* How followers reach the server. It tells load_follower_opened, _feed and _ended what comes. */
typedef struct load_transport {
    /* Sends the request for the stream. Returns 0, or -1 with errno set. */
    int (*open)(load *l, load_follower *follower);
    /* Closes the stream; none of the three functions is called any more. */
    void (*leave)(load *l, load_follower *follower, bool reset);
    /* Stops reading from the socket (true), or reads again (false). */
    void (*pause)(load *l, load_follower *follower, bool paused);
} load_transport;

/* A connection for requests with a response of known length each. */
typedef struct load_publisher {
    load_socket socket;
    struct event *readable, *writable;
    char *out; /* requests that the socket has not taken: out_sent to out_len */
    size_t out_len, out_sent, out_size;
    char in[65536];
    size_t in_len;
    char body[65536]; /* of the last response, ends with '\0' */
    unsigned pending; /* requests whose response has not come */
} load_publisher;

/* What the followers received in one phase. */
typedef struct load_tally {
    uint64_t delivered, missed, repeated; /* events, summed over the followers */
    /* Events first to first + count - 1 are also looked at one by one; count may be 0. */
    uint32_t first, count;
    uint32_t *received; /* followers that received each of these events */
    int64_t *last;      /* ns from publishing each of them until the last follower received it */
    load_histogram delay;
} load_tally;

struct load {
    struct event_base *base;
    int port;
    const char *events, *publish, *gc; /* request targets; gc: NULL if the server has none */
    size_t size;                       /* bytes of a payload */
    bool pipeline;                     /* a burst is as many requests, instead of one */
    bool in_target;                    /* a publish is a request to ?mark=MARK without a body */
    load_processes processes;          /* the server's; may be none */
    const load_transport *transport;
    const load_io *io;
    unsigned streams; /* most on an HTTP/2 connection */
    load_publisher publisher;

    load_follower *followers;
    unsigned follower_count;
    unsigned opening, open; /* followers in these states */
    unsigned lost;          /* followers that the server ended */
    uint32_t next_number;   /* of the next event that is published */
    int64_t read_at;        /* when the last bytes were read, ns */
    uint64_t reads;         /* how many reads there were, to see that something happens */
    int64_t idle_memory;    /* the server's, before there were followers */
    load_tally tally;

    load_follower stuck; /* one that stops reading; it is in no count and no tally */
    char *record;        /* what it received */
    size_t record_len, record_size;
};

#endif
