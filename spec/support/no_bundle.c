/* no_bundle.c: a library to preload, in which the file that NO_BUNDLE names does not exist for
 * OpenSSL, so that specs see a machine without certificates of authorities. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

PUBLIC FILE *fopen(const char *path, const char *mode);
PUBLIC FILE *fopen64(const char *path, const char *mode);

static FILE *open_unless_hidden(const char *name, const char *path, const char *mode)
{
    FILE *(*real)(const char *, const char *) = NULL;
    const char *hidden = getenv("NO_BUNDLE");

    if (hidden && !strcmp(path, hidden)) {
        errno = ENOENT;
        return NULL;
    }
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return open_unless_hidden("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return open_unless_hidden("fopen64", path, mode);
}
