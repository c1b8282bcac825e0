/* peers.h: the processes that have the file open wake one another after a commit, by datagrams to
 * Unix sockets whose paths are in the file. A process that has died is forgotten at the first
 * datagram that it refuses. */
#ifndef SSE_SQLITE_PEERS_H
#define SSE_SQLITE_PEERS_H

#include "database.h"

#define PEER_PATH 104 /* bytes of the longest path and a NUL; sun_path has as much everywhere */

typedef struct peers {
    int socket; /* -1: nobody wakes this process */
    bool announced;
    char path[PEER_PATH];
    char (*others)[PEER_PATH]; /* the paths of the other processes, as read last */
    int count, room;
} peers;

/* Makes a socket beside the file, or where its path is too long in the folder of temporary files.
 * Without one, news of other processes come only every second. */
void peers_open(peers *p, const char *file);

/* Writes the socket's path into the file, within a transaction. */
int peers_announce(database *d, peers *p);

/* Takes the datagrams that have come. */
void peers_take(const peers *p);

/* Reads who the others are, within a transaction. */
int peers_read(database *d, peers *p);

/* Wakes all others. Returns the path of one that is to be forgotten, or NULL. */
const char *peers_wake(const peers *p);

/* Removes a path from the file, within a transaction, and the socket that it names. */
int peers_forget(database *d, const char *path);

void peers_close(peers *p);

#endif
