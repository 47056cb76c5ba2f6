/* Why a process was killed, as far as the kernel tells its neighbours: by the out-of-memory killer,
 * which counts its kills for each control group, or by a resource limit that we share with it.
 *
 *     rt__why_killed w;
 *     rt__why_killed_init(&w, "");               // before the process starts
 *     char why[RT__REASON];
 *     ... a child of ours or of a child has ended by `signal`:
 *     if (rt__why_killed_say(&w, SIGKILL, why, sizeof why))
 *         puts(why);        // "killed by the kernel: out of memory (cgroup limit 512 MiB)"
 */
#ifndef RINGTORCH_LAUNCH_WHY_KILLED_H
#define RINGTORCH_LAUNCH_WHY_KILLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt__why_killed {
    char group[512];   /* folder of our control group; "": none was found, or it is of no use */
    bool unified;      /* a cgroup of version 2 */
    char counter[560]; /* the file that counts kills */
    int64_t kills;     /* as of the last look */
} rt__why_killed;

/* Finds our control group for memory, of either version. root: where /proc and /sys are; "" but in
 * tests. */
void rt__why_killed_init(rt__why_killed *w, const char *root);
/* Notes how many kills there were so far: they are none of the processes that start now. */
void rt__why_killed_forget(rt__why_killed *w);
/* Says why in one line; false if nothing is known. A kill by the kernel is told once. */
bool rt__why_killed_say(rt__why_killed *w, int signal, char *out, size_t size);
/* Says which limit on memory may be why something could not start; false: there is none. */
bool rt__memory_limit(char *out, size_t size);
/* Gives the hard limit of processor time, in seconds, the only one that workers heed; false: there is none. */
bool rt__cpu_limit(double *seconds);

#endif
