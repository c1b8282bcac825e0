/* peer.h: a client of a fuzz target, at the other end of a server's socket: what an input makes it
 * send. */
#ifndef SSE_FUZZ_PEER_H
#define SSE_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../csrc/http/connection.h"

/* What is left of an input; bytes past its end are 0. */
typedef struct input {
    const uint8_t *at;
    size_t len;
} input;

static inline uint8_t take(input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->at++;
}

/* Aborts, for libFuzzer, with what was expected. */
void require(bool ok, const char *what);

typedef struct peer {
    int fd;          /* -1: closed */
    uint8_t next_id; /* of a stream of HTTP/2 */
} peer;

/* Opens a connection of the server context, as the input's next byte says. Bit 0: HTTP/2; bits 1 to
 * 3: its first window; bit 4: a small send buffer of the server's socket; bit 5: empty SETTINGS.
 * The peer's earlier connection, if it is open, is closed. */
void peer_connect(peer *p, sse_context *context, input *in);

void peer_shut(peer *p); /* it sends no more */
void peer_close(peer *p);

/* As many bytes of the input as it says, as they are. */
void peer_put_bytes(peer *p, input *in);

/* A frame of any kind on any stream, with a payload of the length it should have or another. */
void peer_put_frame(peer *p, input *in);

/* A request that reads "/KAABBCC", where K is one of "fhba" and the rest three bytes of the input
 * in hexadecimal digits; http2: on the next stream. `last_id` is what it brings as Last-Event-ID,
 * or empty. */
void peer_put_request(peer *p, input *in, bool http2, const char *last_id);

void peer_read(peer *p, size_t most);

#endif
