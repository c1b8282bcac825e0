#include "http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../load/die.h"
#include "peer.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: 127.0.0.1\r\n"

enum { BODY = 1000000, PIECE = 16384, BOMB = 65536, PIPELINE = 1000 };

static const char *letters(size_t len)
{
    static char *made;
    static size_t room;

    if (len > room) {
        made = realloc(made, len);
        if (!made)
            load_die("out of memory");
        memset(made, 'x', len);
        room = len;
    }
    return made;
}

/* --- slow peers ------------------------------------------------------------------------------- */

static void begin_head(attack_peer *peer)
{
    attack_peer_send_text(peer, GET("/hello"));
}

/* An act sends one byte of a head that goes on for ever. */
static void drip_head(attack_peer *peer)
{
    static const char field[] = "X-Slow: yes\r\n";

    attack_peer_send(peer, field + peer->step % (sizeof field - 1), 1);
}

static void begin_body(attack_peer *peer)
{
    attack_peer_send_text(peer, "POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                "Content-Length: 1048576\r\n\r\n");
}

/* Acts send most of the body in pieces, then byte by byte. */
static void drip_body(attack_peer *peer)
{
    size_t len = peer->step < BODY / PIECE ? PIECE : 1;

    attack_peer_send(peer, letters(PIECE), len);
}

/* Requests several large responses at once. */
static void begin_reading_nothing(attack_peer *peer)
{
    attack_peer_send_text(peer, GET("/report") "\r\n" GET("/file") "\r\n" GET("/report") "\r\n");
}

static void look(attack_peer *peer)
{
    char bytes[64];
    ssize_t n = recv(peer->fd, bytes, sizeof bytes, 0);

    if (n > 0)
        peer->attack->received += (unsigned long long)n;
    if (n == 0) {
        peer->attack->ended++;
        attack_peer_close(peer, false);
    }
}

static void begin_following(attack_peer *peer)
{
    attack_peer_send_text(peer, GET("/events") "Accept: text/event-stream\r\n\r\n");
}

/* --- many peers, or much of something --------------------------------------------------------- */

/* Leaves at once: every second peer by a reset, every fourth after a request. */
static void begin_and_leave(attack_peer *peer)
{
    static const char request[] = GET("/hello") "\r\n";

    if (peer->number % 4 == 0)
        send(peer->fd, request, sizeof request - 1, 0);
    attack_peer_close(peer, peer->number % 2 == 0);
}

/* A third of the peers send nothing, a third follow and shut down their sending side, a third
 * stop in the middle of a head. */
static void begin_half(attack_peer *peer)
{
    static const char request[] = GET("/events") "\r\n";

    if (peer->number % 3 == 0)
        return;
    if (peer->number % 3 == 1) {
        attack_peer_send_text(peer, GET("/hello"));
        return;
    }
    send(peer->fd, request, sizeof request - 1, 0);
    shutdown(peer->fd, SHUT_WR);
}

/* Takes turns: a field of 64 KiB, 64 KiB of short fields, of cookies, a target of 64 KiB. */
static void bomb(attack_peer *peer)
{
    static const char *const fields[] = { NULL, "X-A: b\r\n", "Cookie: a=b; c=d\r\n" };
    unsigned variant = (peer->number + peer->step) % 4;

    if (variant == 3) {
        attack_peer_send_text(peer, "GET /");
        attack_peer_send(peer, letters(BOMB), BOMB);
        attack_peer_send_text(peer, " HTTP/1.1\r\n\r\n");
        return;
    }
    attack_peer_send_text(peer, GET("/hello"));
    if (variant == 0) {
        attack_peer_send_text(peer, "X-Long: ");
        attack_peer_send(peer, letters(BOMB), BOMB);
        attack_peer_send_text(peer, "\r\n");
    } else {
        for (size_t len = 0; len < BOMB; len += strlen(fields[variant]))
            attack_peer_send_text(peer, fields[variant]);
    }
    attack_peer_send_text(peer, "\r\n");
}

static void pipeline(attack_peer *peer)
{
    for (int i = 0; i < PIPELINE; i++)
        attack_peer_send_text(peer, GET("/hello") "\r\n");
}

/* Follows 64 channels with a long Last-Event-ID that no channel knows. */
static void strange_id(attack_peer *peer)
{
    attack_peer_send_text(peer, GET("/many") "Last-Event-ID: ");
    attack_peer_send(peer, letters(15000), 15000);
    attack_peer_send_text(peer, "\r\n\r\n");
}

static void leave(attack_peer *peer)
{
    attack_peer_close(peer, true);
}

const attack_kind attack_http1[] = {
    { "slow-heads", "a byte of a head a second", 500, 500, 12, true, false, begin_head, drip_head },
    { "slow-bodies", "1 MiB announced, the last bytes one by one", 200, 4000, 0, true, false,
      begin_body, drip_body },
    { "slow-readers", "large responses, taken 64 bytes at a time", 200, 400, 0, false, true,
      begin_reading_nothing, look },
    { "stalled-followers", "followers that stop reading", 200, 200, 13, false, true,
      begin_following, NULL },
    { "connect-flood", "connections that leave at once", 1000, 1000, 0, true, false,
      begin_and_leave, leave },
    { "too-many", "more silent connections than max_connections", 12000, 10000, 0, true, false,
      NULL, NULL },
    { "half-open", "silent, in mid-head, or with one side shut", 2000, 2000, 0, true, false,
      begin_half, NULL },
    { "header-bombs", "heads of 64 KiB", 50, 500, 0, true, false, NULL, bomb },
    { "pipelines", "1,000 requests in a write", 20, 10, 0, true, false, NULL, pipeline },
    { "strange-ids", "15 KB of Last-Event-ID, 64 channels", 20, 100, 0, true, false, strange_id,
      leave },
    { 0 },
};
