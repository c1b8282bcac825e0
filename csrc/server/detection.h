/* detection.h: which protocol a plain connection speaks. HTTP/2 with prior knowledge begins with a
 * preface that no HTTP/1 request begins with (RFC 9113 section 3.4). */
#ifndef SSE_SERVER_DETECTION_H
#define SSE_SERVER_DETECTION_H

#include "../http/connection.h"

/* Speaks over the connection what its first bytes ask for. Until then it has no session. SSE_OK. */
int sse_detection_start(sse_connection *c);

#endif
