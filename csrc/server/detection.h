/* detection.h: detects which protocol a plain connection speaks. HTTP/2 with prior knowledge begins
 * with a preface that no HTTP/1 request begins with (RFC 9113 section 3.4). */
#ifndef SSE_SERVER_DETECTION_H
#define SSE_SERVER_DETECTION_H

#include "../http/connection.h"

/* Starts reading. The client's first bytes tell which session is started; until then the connection
 * has none. Returns SSE_OK. */
int sse_detection_start(sse_connection *c);

#endif
