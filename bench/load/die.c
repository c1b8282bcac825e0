#include "die.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *load_program = "load";

void load_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", load_program);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}
