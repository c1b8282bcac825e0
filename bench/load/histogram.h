/* Durations, counted in buckets whose width is at most 1/128 of their value. */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

enum { LOAD_SUB = 128, LOAD_BUCKETS = 58 * LOAD_SUB };

typedef struct load_histogram {
    uint64_t count, buckets[LOAD_BUCKETS];
} load_histogram;

/* Counts a duration in ns; a negative one counts as 0. */
void load_histogram_add(load_histogram *histogram, int64_t ns);

/* The duration in ns that `share` (0 to 1) of all durations do not exceed; 0 for an empty
 * histogram. */
int64_t load_histogram_at(const load_histogram *histogram, double share);

#endif
