#define _GNU_SOURCE /* clock_getcpuclockid */
#include "processes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "die.h"

void load_processes_parse(load_processes *processes, char *text)
{
    for (char *pid = strtok(text, ","); pid; pid = strtok(NULL, ",")) {
        if (processes->count == LOAD_MAX_PIDS)
            load_die("--pids: more than %d", LOAD_MAX_PIDS);
        processes->pids[processes->count++] = (pid_t)atoi(pid);
    }
}

#ifdef __linux__

/* The clock of a process counts in ns and includes threads that have ended. /proc/PID/stat counts
 * in ticks of 10 ms, /proc/PID/schedstat the first thread only. */
int64_t load_processes_cpu(const load_processes *processes)
{
    int64_t sum = 0;

    for (int i = 0; i < processes->count; i++) {
        struct timespec t;
        clockid_t clock;

        if (clock_getcpuclockid(processes->pids[i], &clock) != 0 || clock_gettime(clock, &t) != 0)
            load_die("process %d of the server is gone", (int)processes->pids[i]);
        sum += t.tv_sec * LOAD_SECOND + t.tv_nsec;
    }
    return sum;
}

/* The proportional set size without the pages of files, because a process' share of a library
 * depends on what other processes run. Kernels before 5.9 don't tell pages of files apart. */
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

int load_processes_descriptors(const load_processes *processes)
{
    int sum = 0;

    for (int i = 0; i < processes->count; i++) {
        char path[64];
        DIR *folder;

        snprintf(path, sizeof path, "/proc/%d/fd", (int)processes->pids[i]);
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

int64_t load_processes_cpu(const load_processes *processes)
{
    (void)processes;
    return -1;
}

/* The resident set, which includes shared pages and those of files. */
static int64_t memory_of(pid_t pid)
{
    char command[64];
    long long kib = -1;
    FILE *pipe;

    snprintf(command, sizeof command, "ps -o rss= -p %d", (int)pid);
    pipe = popen(command, "r");
    if (!pipe)
        return -1;
    if (fscanf(pipe, "%lld", &kib) != 1)
        kib = -1;
    pclose(pipe);
    return kib < 0 ? -1 : kib * 1024;
}

int load_processes_descriptors(const load_processes *processes)
{
    (void)processes;
    return -1;
}

#endif

int64_t load_processes_memory(const load_processes *processes)
{
    int64_t sum = 0;

    for (int i = 0; i < processes->count; i++) {
        int64_t memory = memory_of(processes->pids[i]);

        if (memory < 0)
            return -1;
        sum += memory;
    }
    return sum;
}
