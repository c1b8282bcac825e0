/* peer.h: a client of a fuzz target, at the other end of a server's connection, which sends what
 * the input says. */
#ifndef SSE_FUZZ_PEER_H
#define SSE_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../csrc/http/connection.h"
#include "../csrc/http/turn.h"

/* The bytes of an input that were not read yet. */
typedef struct input {
    const uint8_t *at;
    size_t len;
} input;

/* Reads the next byte; 0 at the end. */
static inline uint8_t take_byte(input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->at++;
}

/* Aborts, so that libFuzzer reports the input, unless `ok`; `what` says what was expected. */
void require(bool ok, const char *what);

typedef struct peer {
    int fd;          /* -1: closed */
    uint8_t next_id; /* of an HTTP/2 stream */
} peer;

/* Connects to the server; closes the connection that the peer had. Bits of the input's next byte:
 * 0: HTTP/2; 1 to 3: index of its initial window size; 4: the server's socket has a small send
 * buffer; 5: the first SETTINGS frame is empty. */
void peer_connect(peer *p, sse_context *context, input *in);

/* Shuts down the sending side of the socket. */
void peer_shut(peer *p);
void peer_close(peer *p);

/* Sends bytes of the input as they are; the input's next byte says how many. */
void peer_put_bytes(peer *p, input *in);

/* Sends an HTTP/2 frame, whose type, flags, stream and payload the input chooses; the length may be
 * wrong. */
void peer_put_frame(peer *p, input *in);

/* Sends a request for "/KAABBCC", where K is one of "fhba", as the input chooses, and AABBCC are
 * three bytes of the input in hexadecimal digits. http2: on the next stream. last_id: the value of
 * Last-Event-ID, empty for none. */
void peer_put_request(peer *p, input *in, bool http2, const char *last_id);

/* Reads the target of such a request on the server's side: K and the three bytes; 0 for those that
 * a shorter target lacks. */
void peer_read_target(sse_slice target, uint8_t out[4]);

/* Reads at most `most` bytes, and drops them. */
void peer_read(peer *p, size_t most);

#endif
