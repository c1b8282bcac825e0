/* Parts of the lines that phases print: " key=value" each. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "load.h"

/* When a phase began, and the CPU time of the server's processes then, both in ns. */
typedef struct load_span {
    int64_t began, cpu; /* cpu: -1 if it is not known */
} load_span;

load_span load_span_begin(const load *l);
/* Prints the seconds since then, and the server's CPU time if it is known. */
void load_span_print(const load *l, load_span span);

/* Prints what the tally counted. Sorts the times of its events. */
void load_report_tally(load *l);

/* Bytes of the server's processes; -1 without processes or on a system that does not tell. */
int64_t load_report_memory(const load *l);

#endif
