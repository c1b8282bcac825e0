#ifndef ATTACK_HTTP1_H
#define ATTACK_HTTP1_H

#include "attack.h"

/* The attacks over HTTP/1.1 and on bare connections; the last element has no name. */
extern const attack_kind attack_http1[];

#endif
