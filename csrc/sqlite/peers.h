/* peers.h: the processes that have the file open wake one another after a commit, by datagrams to
 * Unix sockets. The sockets' names are in the file: those beside it without the folder, so that it
 * does not matter by which path a process sees it. A process that has died is forgotten once its
 * socket refuses. */
#ifndef SSE_SQLITE_PEERS_H
#define SSE_SQLITE_PEERS_H

#include "database.h"

#define PEER_PATH 104 /* bytes of the longest path and a NUL; sun_path has as much everywhere */

typedef struct peers {
    int socket; /* -1: nobody wakes this process */
    bool announced;
    char folder[PEER_PATH];    /* of the file, with a slash at its end; "": it is too long */
    char path[PEER_PATH];      /* of the socket */
    const char *name;          /* in the file: a part of `path` */
    char (*others)[PEER_PATH]; /* the names of the other processes, as read last */
    int count, room;
} peers;

/* Makes a socket beside the file, or where its path is too long in the folder of temporary files.
 * Without one, news of other processes come only with the next look. */
void peers_open(peers *p, const char *file);

/* Writes the socket's name into the file, within a transaction, in place of what a process that has
 * died may have left under that name. */
int peers_announce(database *d, peers *p);

/* Whether the name is in the file if it was announced, and only then. Else the process has been
 * taken for dead, or a dead one had the name. Makes the socket anew where it was removed. */
bool peers_is_known(database *d, peers *p, const char *file);

/* Takes the datagrams that have come. */
void peers_take(const peers *p);

/* Reads who the others are, within a transaction. */
int peers_read(database *d, peers *p);

/* Wakes all others. Returns the name of one that is to be forgotten, or NULL. */
const char *peers_wake(const peers *p);

/* The name of one that has died, the caller's to free; NULL: there is none. Wakes nobody. */
char *peers_find_dead(database *d, const peers *p);

/* Within a transaction: forgets a process if it is still dead, with what the file has of it and its
 * socket. */
int peers_forget(database *d, const peers *p, const char *name);

/* The process leaves, so that nobody has to find out that it has died. */
void peers_leave(database *d, peers *p);

#endif
