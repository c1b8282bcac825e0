/* Checks what a follower receives. Transports call the first three functions. */
#ifndef LOAD_FOLLOWER_H
#define LOAD_FOLLOWER_H

#include "load.h"

/* The response's head came. Ends the program unless the status is 200. */
void load_follower_opened(load *l, load_follower *follower, int status);
/* Takes bytes of the response's body, cut anywhere. The LOAD_MARK bytes in front of `bytes` must be
 * writable; they are overwritten. */
void load_follower_feed(load *l, load_follower *follower, char *bytes, size_t len);
/* The server ended the stream, or the connection broke. */
void load_follower_ended(load *l, load_follower *follower);

/* Whether the follower received the newest event. */
bool load_follower_current(const load *l, const load_follower *follower);

#endif
