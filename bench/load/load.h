/* load: the load generator of the server's benchmark. main.c reads the phases to run; phases.c and
 * churn.c run them; a transport (http1.c, http2.c) opens followers, over plain sockets or TLS's
 * (tls.c); publisher.c asks the server to publish; follower.c checks what comes; measure.c looks at
 * the server's processes. Everything runs on one thread and one event_base; nothing is freed before
 * the end but what comes and goes with followers.
 */
#ifndef LOAD_H
#define LOAD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Every payload begins with '@', ten digits of its number, ':', 19 digits of nanoseconds, '@'. */
enum { LOAD_MARK = 32, LOAD_MAX_PIDS = 16, LOAD_PATIENCE = 30, LOAD_AT_ONCE = 256 };

typedef struct load load;
typedef struct load_follower load_follower;

/* --- measure.c -------------------------------------------------------------------------------- */

/* Durations in ns, in buckets 1/128 wide at most. */
enum { LOAD_SUB = 128, LOAD_BUCKETS = 58 * LOAD_SUB };
typedef struct load_histogram {
    uint64_t count, buckets[LOAD_BUCKETS];
} load_histogram;

void load_histogram_add(load_histogram *histogram, int64_t ns);
/* The value that this share (0 to 1) of all is at most; 0 of none. */
int64_t load_histogram_at(const load_histogram *histogram, double share);

int64_t load_now(void); /* ns, monotonic */
/* Of the server's processes together; negative where the system doesn't tell. */
int64_t load_cpu(const load *l);    /* ns, user and system */
int64_t load_memory(const load *l); /* bytes, Pss less the pages of files; else what is resident */
int load_descriptors(const load *l);

/* --- sockets ---------------------------------------------------------------------------------- */

typedef struct load_io load_io;
typedef struct load_socket {
    int fd; /* -1: none */
    const load_io *io;
    void *state;      /* of the io */
    const char *alpn; /* what to ask for over TLS, NULL: http/1.1; set before it is opened */
} load_socket;

struct load_io {
    /* Called when the socket is writable after connect, and again as it asks: 0 ready, EV_READ or
     * EV_WRITE to wait for, -1 failed. */
    int (*start)(load_socket *socket);
    /* As recv and send: -1 with EAGAIN when it would block. */
    ssize_t (*read)(load_socket *socket, char *bytes, size_t len);
    ssize_t (*write)(load_socket *socket, const char *bytes, size_t len);
    void (*close)(load_socket *socket);
};
extern const load_io load_plain_io, load_tls_io;

/* A socket on its way to the server; `turn` spreads sockets over loopback's addresses, 0 takes the
 * system's choice; `room`: bytes of the receive buffer, 0 the system's. -1 with errno set. */
int load_socket_open(load *l, load_socket *socket, unsigned turn, int room);
/* With a reset instead of an orderly end, where asked for. */
void load_socket_close(load_socket *socket, bool reset);

/* --- transports ------------------------------------------------------------------------------- */

typedef struct load_transport {
    /* Subscribes; load_follower_opened, _feed and _ended tell how it goes. 0 or -1, errno set. */
    int (*open)(load *l, load_follower *follower);
    void (*leave)(load *l, load_follower *follower, bool reset);
    /* Stops reading, and reads again. */
    void (*pause)(load *l, load_follower *follower, bool paused);
} load_transport;
extern const load_transport load_http1, load_http2; /* http2: l->streams on a connection */

/* --- follower.c ------------------------------------------------------------------------------- */

enum load_state { LOAD_IDLE, LOAD_OPENING, LOAD_OPEN, LOAD_ENDED };
struct load_follower {
    enum load_state state;
    uint32_t next; /* the number that has to come */
    bool fresh;    /* nothing came yet: up to `next` may come first */
    bool watched;  /* what it gets is kept in l->record */
    unsigned char kept;
    char tail[LOAD_MARK]; /* the beginning of a mark */
    unsigned turn;
    int room;                  /* bytes of the receive buffer, 0 the system's choice */
    const char *last_event_id; /* to send, or NULL */
    void *connection;          /* of the transport, and its number there */
    unsigned stream;
};

/* The answer's head came, with that status. */
void load_follower_opened(load *l, load_follower *follower, int status);
/* Bytes of the body. The LOAD_MARK bytes in front of them may be overwritten. */
void load_follower_feed(load *l, load_follower *follower, char *bytes, size_t len);
/* The server ended it, or it broke off. */
void load_follower_ended(load *l, load_follower *follower);
/* Nothing is owed to it. */
bool load_follower_current(const load *l, const load_follower *follower);

/* --- publisher.c ------------------------------------------------------------------------------ */

typedef struct load_publisher {
    load_socket socket;
    struct event *readable, *writable;
    char *out, in[65536], body[65536]; /* body: the last answer's */
    size_t out_len, out_sent, out_room, in_len, body_len;
    unsigned owed; /* answers that have not come */
} load_publisher;

/* Waits for a server that was just started. */
void load_publisher_open(load *l);
/* Queues a request; answers come in order. Ends the program where the server refuses. */
void load_request(load *l, const char *method, const char *target, const char *body, size_t len);
/* The next `count` events, in one turn of the server if it can. */
void load_publish(load *l, unsigned count);

/* --- the whole -------------------------------------------------------------------------------- */

/* What one phase saw. */
typedef struct load_tally {
    uint64_t delivered, missed, repeated;
    uint32_t first, count; /* the numbers below are for; 0: not looked at one by one */
    uint32_t *got;         /* followers, for each of them */
    int64_t *last;         /* ns, from publish to the last follower */
    load_histogram delay;
} load_tally;

struct load {
    struct event_base *base;
    int port;
    const char *events, *publish, *gc; /* targets; gc: NULL for none */
    size_t size;                       /* bytes of a payload */
    bool pipeline;                     /* a burst is requests one after the other */
    bool in_target;                    /* the mark goes in ?mark=, and the request has no body */
    pid_t pids[LOAD_MAX_PIDS];
    int pid_count;
    const load_transport *transport;
    const load_io *io;
    unsigned streams; /* of an HTTP/2 connection */
    load_publisher publisher;

    load_follower *followers;
    unsigned count;         /* of followers */
    unsigned opening, live; /* of them */
    unsigned lost;          /* ended by the server */
    uint32_t next_number;
    int64_t now;    /* of the last read */
    uint64_t moved; /* reads: something happens */
    int64_t idle_memory;
    load_tally tally;

    load_follower stuck;
    char *record;
    size_t record_len, record_room;
};

/* Prints why and ends the program. */
void load_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Turns the loop until `done`; false when nothing moved for LOAD_PATIENCE seconds. */
bool load_wait(load *l, bool (*done)(load *l));
void load_turn(load *l);
/* Waits until the server's processes do next to nothing. */
void load_wait_quiet(load *l);
/* Has the server collect its garbage, where it can. */
void load_collect(load *l);
bool load_answered(load *l);
void load_tally_begin(load *l, uint32_t count);
void load_open_followers(load *l, unsigned count);
void load_leave(load *l, load_follower *follower, bool reset);

/* Each phase prints one line: its name, then key=value. */
void load_phase_connect(load *l, unsigned count);
void load_phase_leave(load *l);
void load_phase_memory(load *l);
void load_phase_publish(load *l, const char *name, unsigned turns, unsigned burst);
void load_phase_rate(load *l, double rate, unsigned count);
void load_phase_stuck(load *l, unsigned turns, unsigned burst);
void load_phase_return(load *l);
void load_phase_churn(load *l, unsigned count, unsigned pool);
void load_phase_get(load *l, const char *target);

#endif
