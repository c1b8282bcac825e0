#include "histogram.h"

static unsigned bucket_of(uint64_t ns)
{
    unsigned shift = 0;

    while (ns >> shift >= 2 * LOAD_SUB)
        shift++;
    return shift * LOAD_SUB + (unsigned)(ns >> shift);
}

void load_histogram_add(load_histogram *histogram, int64_t ns)
{
    unsigned bucket = bucket_of(ns < 0 ? 0 : (uint64_t)ns);

    histogram->count++;
    histogram->buckets[bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1]++;
}

static int64_t value_of(unsigned bucket)
{
    unsigned shift = bucket < 2 * LOAD_SUB ? 0 : bucket / LOAD_SUB - 1;

    return (int64_t)(bucket - shift * LOAD_SUB) << shift;
}

int64_t load_histogram_at(const load_histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count + 0.5), seen = 0;

    if (histogram->count == 0)
        return 0;
    for (unsigned i = 0; i < LOAD_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted && seen > 0)
            return value_of(i);
    }
    return value_of(LOAD_BUCKETS - 1);
}
