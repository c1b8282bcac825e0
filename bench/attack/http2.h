#ifndef ATTACK_HTTP2_H
#define ATTACK_HTTP2_H

#include "attack.h"

/* The attacks over HTTP/2; the last element has no name. */
extern const attack_kind attack_http2[];

#endif
