/* Finds out why a signal killed a process, as far as other processes can: the out-of-memory killer, which counts its
 * kills per control group, or a resource limit that the process has inherited from us.
 *
 *     rt__why_killed w;
 *     rt__why_killed_init(&w, "");               // before the process starts
 *     char why[RT__REASON];
 *     ... a child of ours or of a child has ended by `signal`:
 *     if (rt__why_killed_find(&w, SIGKILL, why, sizeof why))
 *         puts(why);        // "killed by the kernel: out of memory (cgroup limit 512 MiB)"
 */
#ifndef RINGTORCH_LAUNCH_JOBS_WHY_KILLED_H
#define RINGTORCH_LAUNCH_JOBS_WHY_KILLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt__why_killed {
    char group[512]; /* folder of our control group; "": not found, or without a counter of kills */
    bool unified;    /* a cgroup of version 2 */
    char counter[560]; /* the file that counts kills */
    int64_t kills;     /* as of the last look */
} rt__why_killed;

/* Finds our control group for memory, of cgroup version 1 or 2. root: where /proc and /sys are; "" except in tests. */
void rt__why_killed_init(rt__why_killed *w, const char *root);
/* Disregards the kills so far: they do not concern processes that start from now on. */
void rt__why_killed_reset(rt__why_killed *w);
/* Writes the reason in one line. Returns false if it is unknown. Each kill by the kernel explains only one process. */
bool rt__why_killed_find(rt__why_killed *w, int signal, char *out, size_t size);
/* Returns whether a reason that was found for this signal would end the next process, too. Only limits whose signal nothing
 * else sends are certain: memory may suffice the next time, and a program crashes for many reasons besides a limit. */
bool rt__why_killed_stays(int signal);
/* Writes which limit on memory may have kept a program from starting. Returns false if there is no limit. */
bool rt__memory_limit(char *out, size_t size);
/* Returns whether processor time has a hard limit, and which, in seconds. Workers do not obey the soft limit. */
bool rt__cpu_limit(double *seconds);

#endif
