/* What the processes of a server use, as the system counts it. */
#ifndef LOAD_PROCESSES_H
#define LOAD_PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

enum { LOAD_MAX_PIDS = 16 };

typedef struct load_processes {
    pid_t pids[LOAD_MAX_PIDS];
    int count;
} load_processes;

/* Adds the processes of a list like "12,13"; the text is cut up. Ends the program if there are more
 * than LOAD_MAX_PIDS. */
void load_processes_parse(load_processes *processes, char *text);

/* Each is the sum over all processes, or -1 on a system that does not tell. */

/* CPU time in ns, user and system. Ends the program if a process has exited. */
int64_t load_processes_cpu(const load_processes *processes);
/* Bytes of memory. Linux: the proportional share without the pages of files; else the resident set.
 */
int64_t load_processes_memory(const load_processes *processes);
/* Open file descriptors. */
int load_processes_descriptors(const load_processes *processes);

#endif
