/* unix_socket.h: listens on a Unix socket, whose file is made and removed here. */
#ifndef SSE_SERVER_UNIX_SOCKET_H
#define SSE_SERVER_UNIX_SOCKET_H

#include <event2/util.h>
#include <sys/types.h>

/* A socket's file. Zeroed: there is none. */
typedef struct sse_unix_file {
    char *path;
    dev_t device; /* which file it is, since another one may take its place */
    ino_t inode;
    pid_t owner; /* the process that made it: its forked children don't remove it */
} sse_unix_file;

/* Binds to the path and listens. A socket's file that nobody listens on is replaced; one that is in
 * use, or no socket, is SSE_EADDRINUSE. `mode` are the file's permissions; -1: as the umask says.
 * SSE_ETOOBIG: the path is too long for the system. Other errors and message as those of
 * sse_server_listen. */
int sse_unix_listen(const char *path, int mode, int backlog, evutil_socket_t *fd,
                    sse_unix_file *file, char *message, size_t size);

/* Removes the file, if it still is the one that was made, and forgets it. Harmless if there is
 * none. */
void sse_unix_file_remove(sse_unix_file *file);

/* The code of an errno of bind, listen and their like. */
int sse_listen_code(int number);

#endif
