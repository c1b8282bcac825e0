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

    /* The handle is never closed, so the module stays also where RTLD_NODELETE has no effect. */
    if (dladdr(&here, &module) && module.dli_fname)
        dlopen(module.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}
