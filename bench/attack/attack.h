/* attack: peers that mean a server harm, at a bounded rate. main.c reads what to do, keeps the time
 * and looks at the server's memory; peer.c is one connection; http1.c and http2.c are the attacks.
 * Everything runs on one thread and one event_base; sockets of loopback only.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct attack attack;
typedef struct attack_peer attack_peer;

typedef struct attack_kind {
    const char *name, *about;
    unsigned count, rate; /* peers, and acts a second of all together; by default */
    unsigned seconds;     /* that the bound needs to show; 0: any time does */
    bool reads;           /* takes what the server sends, and drops it */
    bool narrow;          /* asks for little room: small segments, a small receive buffer */
    /* The connection is there: the first bytes. */
    void (*begin)(attack_peer *peer);
    /* An act; called while nothing of the one before is left to send. NULL: none. A peer that is
     * not connected connects instead. */
    void (*act)(attack_peer *peer);
} attack_kind;

/* Both end with a kind without a name. */
extern const attack_kind attack_http1[], attack_http2[];

struct attack {
    struct event_base *base;
    const attack_kind *kind;
    int port;
    unsigned count;
    attack_peer *peers;
    unsigned long opened, ended, refused, acts; /* ended: by the server; refused: by a 503 */
    unsigned long long sent, received;          /* bytes */
};

struct attack_peer {
    attack *attack;
    int fd; /* -1: not connected */
    bool connected;
    struct event *event;
    char *out;
    size_t out_len, out_sent, out_room;
    unsigned number;      /* among the peers */
    unsigned step;        /* of the attack, since it connected */
    uint32_t next_stream; /* of HTTP/2 */
};

/* Begins to connect. */
void attack_peer_open(attack_peer *peer);
/* With a reset instead of an orderly end, where asked for. */
void attack_peer_close(attack_peer *peer, bool reset);
/* Connects, or acts. Whether it did: not while bytes of the act before are on their way. */
bool attack_peer_act(attack_peer *peer);
/* Bytes to send after those that wait. */
void attack_peer_send(attack_peer *peer, const void *bytes, size_t len);
void attack_peer_send_text(attack_peer *peer, const char *text);

/* Ends the program with a message. */
void load_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
