/* Followers over HTTP/1.1, a connection each. */
#ifndef LOAD_HTTP1_H
#define LOAD_HTTP1_H

#include "load.h"

extern const load_transport load_http1;

#endif
