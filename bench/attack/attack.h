/* attack: hostile clients of a server on this machine, at a bounded rate. This header has the types
 * that its files share. main.c reads the options, paces the attack and measures the server's
 * memory; http1.c and http2.c are the attacks; peer.c is one connection. Everything runs on one
 * thread and one event_base.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct attack attack;
typedef struct attack_peer attack_peer;

/* An attack. Each of its peers connects, sends first bytes, and acts again and again. */
typedef struct attack_kind {
    const char *name, *about;
    unsigned count;   /* peers, unless an option says otherwise */
    unsigned rate;    /* acts a second of all peers together, unless an option says otherwise */
    unsigned seconds; /* least duration in which the server's limit takes effect; 0: any */
    bool reads;       /* reads what the server sends, and drops it */
    bool narrow;      /* connects with small segments and a small receive buffer */
    /* Sends the first bytes of a connection; NULL: none. */
    void (*begin)(attack_peer *peer);
    /* Acts, when all bytes of the act before are sent; NULL: no acts. */
    void (*act)(attack_peer *peer);
} attack_kind;

struct attack {
    struct event_base *base;
    const attack_kind *kind;
    int port;
    unsigned count;
    attack_peer *peers;
    unsigned long opened, acts;
    unsigned long ended;               /* connections that the server ended */
    unsigned long refused;             /* responses with status 503 */
    unsigned long long sent, received; /* bytes */
};

struct attack_peer {
    attack *attack;
    int fd; /* -1: not connected */
    bool connected;
    struct event *event;
    char *out; /* bytes to send: out_sent to out_len */
    size_t out_len, out_sent, out_size;
    unsigned number;      /* index among the peers */
    unsigned step;        /* acts since it connected */
    uint32_t next_stream; /* id of the next HTTP/2 stream */
};

#endif
