#include "peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MARK ".sse-" /* in the names of all such sockets */

static bool make_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, strlen(path) + 1);
    return true;
}

/* Binds the socket to a name in the folder that begins with `base`. */
static bool bind_in(peers *p, const char *folder, const char *base)
{
    struct sockaddr_un address;

    for (int i = 0; i < 100; i++) {
        int len = snprintf(p->path, sizeof p->path, "%s/%s" MARK "%ld-%d", folder, base,
                           (long)getpid(), i);

        if (len < 0 || (size_t)len >= sizeof p->path || !make_address(&address, p->path))
            return false;
        if (bind(p->socket, (struct sockaddr *)&address, sizeof address) == 0)
            return true;
        if (errno != EADDRINUSE)
            return false;
    }
    return false;
}

void peers_open(peers *p, const char *file)
{
    const char *temporary = getenv("TMPDIR"), *base = NULL;
    char *real = realpath(file, NULL), *slash = real ? strrchr(real, '/') : NULL;
    bool bound = false;

    *p = (peers){ .socket = socket(AF_UNIX, SOCK_DGRAM, 0) };
    if (p->socket >= 0 && slash) {
        base = slash + 1;
        *slash = '\0';
        bound = bind_in(p, real, base) ||
                bind_in(p, temporary && *temporary ? temporary : "/tmp", "events");
    }
    free(real);
    if (!bound) {
        if (p->socket >= 0)
            close(p->socket);
        p->socket = -1;
        return;
    }
    fcntl(p->socket, F_SETFL, O_NONBLOCK);
    fcntl(p->socket, F_SETFD, FD_CLOEXEC);
}

static int run_with_path(database *d, statement s, const char *path)
{
    sqlite3_stmt *st = database_get(d, s);
    int rc = SQLITE_OK;

    if (!st)
        return sqlite3_errcode(d->db);
    sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
    if (s == ADD_PEER)
        sqlite3_bind_int64(st, 2, getpid());
    rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int peers_announce(database *d, peers *p)
{
    int rc = SQLITE_OK;

    if (p->socket < 0 || p->announced)
        return SQLITE_OK;
    rc = run_with_path(d, ADD_PEER, p->path);
    p->announced = rc == SQLITE_OK;
    return rc;
}

void peers_take(const peers *p)
{
    char byte = 0;

    while (p->socket >= 0 && recv(p->socket, &byte, 1, 0) >= 0)
        continue;
}

/* Adds a path to those of the others. false: out of memory. */
static bool add(peers *p, const char *path)
{
    if (p->count == p->room) {
        int room = 2 * p->room + 4;
        char(*others)[PEER_PATH] = realloc(p->others, (size_t)room * PEER_PATH);

        if (!others)
            return false;
        p->others = others;
        p->room = room;
    }
    snprintf(p->others[p->count++], PEER_PATH, "%s", path);
    return true;
}

int peers_read(database *d, peers *p)
{
    sqlite3_stmt *st = database_get(d, READ_PEERS);
    int rc = SQLITE_OK;

    p->count = 0;
    if (!st)
        return sqlite3_errcode(d->db);
    if (p->announced)
        sqlite3_bind_text(st, 1, p->path, -1, SQLITE_STATIC);
    for (rc = sqlite3_step(st); rc == SQLITE_ROW; rc = sqlite3_step(st)) {
        const char *path = (const char *)sqlite3_column_text(st, 0);

        if (!path || !add(p, path)) {
            rc = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

const char *peers_wake(const peers *p)
{
    const char *dead = NULL;
    int sender = p->socket;

    if (sender < 0 && p->count > 0)
        sender = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (int i = 0; i < p->count && sender >= 0; i++) {
        struct sockaddr_un to;
        bool sent = make_address(&to, p->others[i]) &&
                    sendto(sender, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to) >= 0;

        if (!sent && (errno == ECONNREFUSED || errno == ENOENT))
            dead = p->others[i];
    }
    if (sender >= 0 && sender != p->socket)
        close(sender);
    return dead;
}

int peers_forget(database *d, const char *path)
{
    const char *base = strrchr(path, '/');
    struct stat about;
    int rc = run_with_path(d, DROP_PEER, path);

    if (rc == SQLITE_OK && base && strstr(base, MARK) && lstat(path, &about) == 0 &&
        S_ISSOCK(about.st_mode))
        unlink(path);
    return rc;
}

void peers_close(peers *p)
{
    free(p->others);
    p->others = NULL;
    p->count = p->room = 0;
    if (p->socket < 0)
        return;
    close(p->socket);
    unlink(p->path);
    p->socket = -1;
}
