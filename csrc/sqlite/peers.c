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
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    return true;
}

/* The address of the socket that has the name in the file. */
static bool find_address(const peers *p, const char *name, struct sockaddr_un *address)
{
    char path[2 * PEER_PATH];
    int len = 0;

    errno = ENAMETOOLONG;
    if (!name || (name[0] != '/' && !p->folder[0]))
        return false;
    len = snprintf(path, sizeof path, "%s%s", name[0] == '/' ? "" : p->folder, name);
    return len > 0 && (size_t)len < sizeof path && make_address(address, path);
}

/* Whether errno says, after a call that names a socket, that nobody has it. */
static bool is_dead(void)
{
    return errno == ECONNREFUSED || errno == ENOENT;
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

    free(p->others);
    *p = (peers){ .socket = socket(AF_UNIX, SOCK_DGRAM, 0) };
    p->name = p->path;
    if (p->socket >= 0 && slash) {
        base = slash + 1;
        *slash = '\0';
        if (strlen(real) + 1 < sizeof p->folder)
            snprintf(p->folder, sizeof p->folder, "%s/", real);
        bound = bind_in(p, real, base);
        if (bound)
            p->name = strrchr(p->path, '/') + 1;
        else
            bound = bind_in(p, temporary && *temporary ? temporary : "/tmp", "events");
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

static int run_with_name(database *d, statement s, const char *name)
{
    sqlite3_stmt *st = database_get(d, s);
    int rc = SQLITE_OK;

    if (!st)
        return sqlite3_errcode(d->db);
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
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
    rc = run_with_name(d, DROP_PEER, p->name);
    if (rc == SQLITE_OK)
        rc = run_with_name(d, ADD_PEER, p->name);
    p->announced = rc == SQLITE_OK;
    return rc;
}

static void close_socket(peers *p)
{
    if (p->socket < 0)
        return;
    close(p->socket);
    unlink(p->path);
    p->socket = -1;
}

bool peers_is_known(database *d, peers *p, const char *file)
{
    sqlite3_stmt *st = p->socket >= 0 ? database_get(d, FIND_PEER) : NULL;
    struct stat about;
    int rc = SQLITE_OK;

    if (!st)
        return true;
    sqlite3_bind_text(st, 1, p->name, -1, SQLITE_STATIC);
    rc = sqlite3_step(st);
    sqlite3_reset(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return true;
    if (p->announced && lstat(p->path, &about) != 0) {
        close_socket(p);
        peers_open(p, file);
        return false;
    }
    return p->announced == (rc == SQLITE_ROW);
}

void peers_take(const peers *p)
{
    char byte = 0;

    while (p->socket >= 0 && recv(p->socket, &byte, 1, 0) >= 0)
        continue;
}

/* Adds a name to those of the others. false: out of memory. */
static bool add(peers *p, const char *name)
{
    if (p->count == p->room) {
        int room = 2 * p->room + 4;
        char(*others)[PEER_PATH] = realloc(p->others, (size_t)room * PEER_PATH);

        if (!others)
            return false;
        p->others = others;
        p->room = room;
    }
    snprintf(p->others[p->count++], PEER_PATH, "%s", name);
    return true;
}

/* The statement that gives the names of the others. */
static sqlite3_stmt *read_others(database *d, const peers *p)
{
    sqlite3_stmt *st = database_get(d, READ_PEERS);

    if (st && p->announced)
        sqlite3_bind_text(st, 1, p->name, -1, SQLITE_STATIC);
    return st;
}

int peers_read(database *d, peers *p)
{
    sqlite3_stmt *st = read_others(d, p);
    int rc = SQLITE_OK;

    p->count = 0;
    if (!st)
        return sqlite3_errcode(d->db);
    for (rc = sqlite3_step(st); rc == SQLITE_ROW; rc = sqlite3_step(st)) {
        const char *name = (const char *)sqlite3_column_text(st, 0);

        if (!name || !add(p, name)) {
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
        bool sent = find_address(p, p->others[i], &to) &&
                    sendto(sender, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to) >= 0;

        if (!sent && is_dead())
            dead = p->others[i];
    }
    if (sender >= 0 && sender != p->socket)
        close(sender);
    return dead;
}

/* Whether nobody has the socket of that name: connecting to it is refused, which wakes nobody. A
 * process that is stopped has it. errno says why. */
static bool is_refused(const peers *p, const char *name)
{
    struct sockaddr_un to;
    int probe = find_address(p, name, &to) ? socket(AF_UNIX, SOCK_DGRAM, 0) : -1;
    bool refused = false;

    if (probe < 0)
        return false;
    refused = connect(probe, (struct sockaddr *)&to, sizeof to) != 0 && is_dead();
    if (refused) {
        int why = errno;

        close(probe);
        errno = why;
        return true;
    }
    close(probe);
    return false;
}

char *peers_find_dead(database *d, const peers *p)
{
    sqlite3_stmt *st = read_others(d, p);
    char *dead = NULL;

    while (st && !dead && sqlite3_step(st) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(st, 0);

        if (name && is_refused(p, name))
            dead = strdup(name);
    }
    if (st)
        sqlite3_reset(st);
    return dead;
}

/* Another process may have forgotten it by now, and a third one may have a socket of that name. A
 * file of a dead socket keeps others from that name. */
int peers_forget(database *d, const peers *p, const char *name)
{
    struct sockaddr_un at;
    struct stat about;

    if (!is_refused(p, name))
        return SQLITE_OK;
    if (errno == ECONNREFUSED && strstr(name, MARK) && find_address(p, name, &at) &&
        lstat(at.sun_path, &about) == 0 && S_ISSOCK(about.st_mode))
        unlink(at.sun_path);
    return run_with_name(d, DROP_PEER, name);
}

void peers_leave(database *d, peers *p)
{
    if (p->announced && d->db && database_run(d, BEGIN_WRITE) == SQLITE_OK) {
        run_with_name(d, DROP_PEER, p->name);
        peers_read(d, p);
        database_run(d, COMMIT);
        peers_wake(p);
    }
    close_socket(p);
    free(p->others);
    p->others = NULL;
    p->count = p->room = 0;
}
