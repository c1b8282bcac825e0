#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/sds.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tls.h"

#define READS_AT_ONCE 4 /* of 16 KiB: hiredis's own size */

/* --- bounds of a reply ------------------------------------------------------------------------ */

/* Makes an array as hiredis does, unless it is too long or lies too deep in others: hiredis
 * allocates at once for as many elements as the server says will follow, and frees what is nested
 * by recursion. */
static void *create_bounded_array(const redisReadTask *task, element_count elements)
{
    connection *c = task->privdata;
    int depth = 0;

    for (const redisReadTask *t = task; t && depth <= MAX_REPLY_DEPTH; t = t->parent)
        depth++;
    c->elements += (size_t)elements;
    if (elements <= MAX_ARRAY_ELEMENTS && c->elements <= MAX_REPLY_ELEMENTS &&
        depth <= MAX_REPLY_DEPTH)
        return c->create_array(task, elements);
    c->refused = true;
    return NULL;
}

static void bound_arrays(connection *c)
{
    redisReader *reader = c->redis->reader;

    c->functions = *reader->fn;
    c->create_array = c->functions.createArray;
    c->functions.createArray = create_bounded_array;
    reader->fn = &c->functions;
    reader->privdata = c;
}

static void set_error(redisContext *r, int err, const char *text)
{
    size_t len = strlen(text);

    r->err = err;
    if (len >= sizeof r->errstr)
        len = sizeof r->errstr - 1;
    memcpy(r->errstr, text, len);
    r->errstr[len] = '\0';
}

/* --- connecting ------------------------------------------------------------------------------- */

static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
    }
    return fd;
}

static connect_result start(connection *c, const struct sockaddr *address, socklen_t len)
{
    int fd = open_socket(address->sa_family), error = 0;

    if (fd < 0)
        return CONNECT_FAILED;
    if (connect(fd, address, len) && errno != EINPROGRESS && errno != EINTR) {
        error = errno;
        close(fd);
        errno = error;
        return CONNECT_FAILED;
    }
    c->redis = redisConnectFd(fd);
    if (!c->redis) {
        close(fd);
        errno = ENOMEM;
        return CONNECT_FAILED;
    }
    c->redis->flags &= ~REDIS_BLOCK;
    bound_arrays(c);
    return CONNECT_STARTED;
}

connect_result connection_start_tcp(connection *c, const char *address, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    connect_result result = CONNECT_NO_ADDRESS;

    if (getaddrinfo(address, port, &hints, &found))
        return CONNECT_NO_ADDRESS;
    result = start(c, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return result;
}

connect_result connection_start_unix(connection *c, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path)
        return CONNECT_NO_ADDRESS;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return start(c, (struct sockaddr *)&address, sizeof address);
}

int connection_error(const connection *c)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(c->redis->fd, SOL_SOCKET, SO_ERROR, &error, &len))
        return errno;
    return error;
}

/* --- bytes ------------------------------------------------------------------------------------ */

bool connection_add(connection *c, int count, const char **args, const size_t *lengths)
{
    return redisAppendCommandArgv(c->redis, count, args, lengths) == REDIS_OK;
}

bool connection_add_bytes(connection *c, const char *bytes, size_t len)
{
    return redisAppendFormattedCommand(c->redis, bytes, len) == REDIS_OK;
}

/* hiredis 0.14 has no buffer any more where it could not make an empty one. It reads the length of
 * what is left only for who asks whether all is written. */
bool connection_write(connection *c, write_result *result)
{
    redisContext *r = c->redis;
    size_t before = sdslen(r->obuf);

    *result = WRITE_DONE;
    if (before == 0)
        return true;
    if (c->tls)
        tls_begin();
    if (redisBufferWrite(r, NULL) != REDIS_OK)
        return false;
    if (!r->obuf) {
        set_error(r, REDIS_ERR_OOM, "Out of memory");
        return false;
    }
    c->sent += before - sdslen(r->obuf);
    if (sdslen(r->obuf) > 0)
        *result = c->tls && tls_wants_bytes(c->tls) ? WRITE_NEEDS_BYTES : WRITE_REST;
    return true;
}

bool connection_read(connection *c)
{
    redisReader *reader = c->redis->reader;

    for (int i = 0; i < READS_AT_ONCE || (c->tls && tls_has_bytes(c->tls)); i++) {
        size_t before = reader->len, count = 0;

        if (c->tls)
            tls_begin();
        if (redisBufferRead(c->redis) != REDIS_OK)
            return false;
        count = reader->len - before;
        c->received += count;
        c->unfinished += count;
        if (count == 0)
            break;
    }
    return true;
}

redisReply *connection_take(connection *c, bool *ok)
{
    void *reply = NULL;

    *ok = true;
    if (c->reply)
        return c->reply;
    if (redisReaderGetReply(c->redis->reader, &reply) != REDIS_OK) {
        set_error(c->redis, c->redis->reader->err,
                  c->refused ? "a reply of too many elements" : c->redis->reader->errstr);
        *ok = false;
        return NULL;
    }
    c->reply = reply;
    if (reply) {
        c->unfinished = c->elements = 0;
    } else if (c->unfinished > MAX_REPLY_BYTES) {
        set_error(c->redis, REDIS_ERR_OTHER, "a reply of more than 64 MiB");
        *ok = false;
    }
    return reply;
}

void connection_free_reply(connection *c)
{
    if (c->reply)
        freeReplyObject(c->reply);
    c->reply = NULL;
}

void connection_close(connection *c)
{
    connection_free_reply(c);
    if (c->redis)
        redisFree(c->redis);
    c->redis = NULL;
    c->tls = NULL;
}
