/* transfer_code.h: what libcurl's results mean. */
#ifndef SSE_CLIENT_TRANSFER_CODE_H
#define SSE_CLIENT_TRANSFER_CODE_H

#include "transfer_state.h"

/* Returns the code of wire/error.h for the result with which libcurl ended the transfer. *text
 * (out: static) is set only where libcurl's own text would mislead. */
int sse_transfer_map_result(const sse_transfer *t, CURLcode result, const char **text);

#endif
