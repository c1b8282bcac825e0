#define _GNU_SOURCE /* clock_getcpuclockid */
#include "load.h"

#include <dirent.h>
#include <string.h>
#include <time.h>

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

int64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

#ifdef __linux__

/* The scheduler's own count in ns, of all threads, those that ended too; /proc/PID/stat has it in
 * ticks of 10 ms, /proc/PID/schedstat for the first thread only. */
int64_t load_cpu(const load *l)
{
    int64_t sum = 0;

    for (int i = 0; i < l->pid_count; i++) {
        struct timespec t;
        clockid_t clock;

        if (clock_getcpuclockid(l->pids[i], &clock) != 0 || clock_gettime(clock, &t) != 0)
            load_die("process %d of the server is gone", (int)l->pids[i]);
        sum += t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    }
    return sum;
}

/* Less the pages of files: what a process has of a library depends on who else runs it. Kernels
 * before 5.9 don't tell them apart. */
static int64_t memory_of(pid_t pid)
{
    long long pss = -1, of_files = 0;
    char path[64], line[256];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return -1;
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "Pss: %lld", &pss);
        sscanf(line, "Pss_File: %lld", &of_files);
    }
    fclose(file);
    return pss < 0 ? -1 : (pss - of_files) * 1024;
}

int64_t load_memory(const load *l)
{
    int64_t sum = 0;

    for (int i = 0; i < l->pid_count; i++) {
        int64_t memory = memory_of(l->pids[i]);

        if (memory < 0)
            return -1;
        sum += memory;
    }
    return sum;
}

int load_descriptors(const load *l)
{
    int sum = 0;

    for (int i = 0; i < l->pid_count; i++) {
        char path[64];
        DIR *folder;

        snprintf(path, sizeof path, "/proc/%d/fd", (int)l->pids[i]);
        folder = opendir(path);
        if (!folder)
            return -1;
        while (readdir(folder))
            sum++;
        closedir(folder);
        sum -= 2; /* . and .. */
    }
    return sum;
}

#else

int64_t load_cpu(const load *l)
{
    (void)l;
    return -1;
}

/* What is resident, shared pages and those of files too. */
int64_t load_memory(const load *l)
{
    int64_t sum = 0;

    for (int i = 0; i < l->pid_count; i++) {
        char command[64];
        long long kib = -1;
        FILE *pipe;

        snprintf(command, sizeof command, "ps -o rss= -p %d", (int)l->pids[i]);
        pipe = popen(command, "r");
        if (!pipe)
            return -1;
        if (fscanf(pipe, "%lld", &kib) != 1)
            kib = -1;
        pclose(pipe);
        if (kib < 0)
            return -1;
        sum += kib * 1024;
    }
    return sum;
}

int load_descriptors(const load *l)
{
    (void)l;
    return -1;
}

#endif
