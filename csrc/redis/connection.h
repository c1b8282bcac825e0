/* connection.h: one connection to a Redis server: a socket of our own, and hiredis's buffers and
 * protocol on it. Nothing here waits: the caller asks the loop when the socket can be read or
 * written. */
#ifndef SSE_REDIS_CONNECTION_H
#define SSE_REDIS_CONNECTION_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_REPLY_BYTES    ((size_t)64 << 20) /* of one reply */
#define MAX_ARRAY_ELEMENTS 65536              /* of one array */
#define MAX_REPLY_ELEMENTS ((size_t)1 << 20)  /* of all arrays of a reply */
#define MAX_REPLY_DEPTH    6                  /* of arrays in arrays */

#if HIREDIS_MAJOR < 1
typedef int element_count;
#else
typedef size_t element_count;
#endif

/* Zeroed at first. Stays where it is while it is open. */
typedef struct connection {
    redisContext *redis;                 /* NULL: closed */
    redisReplyObjectFunctions functions; /* hiredis's, but for arrays */
    void *(*create_array)(const redisReadTask *task, element_count elements);
    redisReply *reply; /* taken out of the reader, and not handed on yet */
    size_t unfinished; /* bytes received since the last whole reply */
    size_t elements;   /* of the arrays begun since then */
    bool refused;      /* a reply had too many elements */
    uint64_t sent, received;
    void *tls; /* tls.h's session, or NULL */
} connection;

typedef enum connect_result {
    CONNECT_STARTED,
    CONNECT_NO_ADDRESS, /* the text is no numeric address, or the path is too long */
    CONNECT_FAILED,     /* errno says why */
} connect_result;

typedef enum write_result {
    WRITE_DONE,
    WRITE_REST,        /* the rest can be written once the socket takes more */
    WRITE_NEEDS_BYTES, /* TLS: once the server has sent something */
} write_result;

/* Begins to connect. Once the socket can be written, connection_error says whether that worked. */
connect_result connection_start_tcp(connection *c, const char *address, const char *port);
connect_result connection_start_unix(connection *c, const char *path);

/* The socket's error, as errno has it; 0: it is connected. */
int connection_error(const connection *c);

/* Adds a command to what is to be written. false: out of memory. */
bool connection_add(connection *c, int count, const char **args, const size_t *lengths);

/* The same of a command that is made already. */
bool connection_add_bytes(connection *c, const char *bytes, size_t len);

/* Writes what the socket takes. false: the connection is lost, and errstr says why. */
bool connection_write(connection *c, write_result *result);

/* Reads what has arrived, up to a bound. No bytes are left where the loop does not see them. false:
 * the connection is lost, and errstr says why; replies that came before can still be taken. */
bool connection_read(connection *c);

/* Takes the next whole reply; NULL: there is none. *ok = false: what came is no reply. The reply is
 * freed by connection_free_reply. */
redisReply *connection_take(connection *c, bool *ok);
void connection_free_reply(connection *c);

void connection_close(connection *c);

#endif
