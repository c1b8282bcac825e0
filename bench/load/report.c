#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

load_span load_span_begin(const load *l)
{
    return (load_span){ load_now(), l->processes.count ? load_processes_cpu(&l->processes) : -1 };
}

void load_span_print(const load *l, load_span span)
{
    printf(" seconds=%.6f", (double)(load_now() - span.began) / 1e9);
    if (span.cpu >= 0)
        printf(" cpu_ns=%lld", (long long)(load_processes_cpu(&l->processes) - span.cpu));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void load_report_tally(load *l)
{
    load_tally *t = &l->tally;
    double us = 1e3;

    printf(" delivered=%llu missed=%llu repeated=%llu lost=%u", (unsigned long long)t->delivered,
           (unsigned long long)t->missed, (unsigned long long)t->repeated, l->lost);
    printf(" p50_us=%.1f p99_us=%.1f", (double)load_histogram_at(&t->delay, 0.5) / us,
           (double)load_histogram_at(&t->delay, 0.99) / us);
    if (t->count == 0)
        return;
    qsort(t->last, t->count, sizeof *t->last, compare);
    printf(" last_us=%.1f last_worst_us=%.1f", (double)t->last[t->count / 2] / us,
           (double)t->last[t->count - 1] / us);
}

int64_t load_report_memory(const load *l)
{
    return l->processes.count ? load_processes_memory(&l->processes) : -1;
}
