#include "reason.h"

const char *sse_reason_name(sse_reason reason)
{
    static const char *const names[] = { "open", "finished", "client", "server",
                                         "slow", "timeout",  "error",  "expired" };

    return names[reason];
}
