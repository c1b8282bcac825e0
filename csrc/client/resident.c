#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include "resident.h"

#include <dlfcn.h>

void sse_stay_resident(void)
{
#ifdef RTLD_NODELETE
    static const char here = 0;
    Dl_info module;

    /* Never closed: RTLD_NODELETE alone would do, but not everywhere. */
    if (dladdr(&here, &module) && module.dli_fname)
        dlopen(module.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}
