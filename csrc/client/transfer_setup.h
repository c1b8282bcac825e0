/* transfer_setup.h: a request as libcurl's options. */
#ifndef SSE_CLIENT_TRANSFER_SETUP_H
#define SSE_CLIENT_TRANSFER_SETUP_H

#include "transfer_state.h"

/* Sets the options of the transfer's easy handle. SSE_EINVAL with *why (out: a static string) where
 * an option is refused, SSE_ENOMEM. */
int sse_transfer_configure(sse_transfer *t, const sse_transfer_options *o, const char **why);

#endif
