/* Followers over HTTP/2, l->streams on a connection, by nghttp2. */
#ifndef LOAD_HTTP2_H
#define LOAD_HTTP2_H

#include "load.h"

extern const load_transport load_http2;

#endif
