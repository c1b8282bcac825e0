#include "random.h"

#include <event2/util.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

#include "../wire/error.h"

#define MAX_GETENTROPY 256 /* what one call of getentropy gives at most */

int sse_random_bytes(void *to, size_t count)
{
    unsigned char *at = to;

    while (count > 0) {
        size_t piece = count < MAX_GETENTROPY ? count : MAX_GETENTROPY;

        if (getentropy(at, piece))
            break;
        at += piece;
        count -= piece;
    }
    if (count == 0)
        return SSE_OK;
    if (evutil_secure_rng_init()) /* without getrandom in the kernel it reads /dev/urandom */
        return SSE_ESYS;
    evutil_secure_rng_get_bytes(at, count);
    return SSE_OK;
}
