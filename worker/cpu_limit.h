/* The hard limit of processor time (ulimit -t), met so that the launcher can tell what it was. */
#ifndef RINGTORCH_WORKER_CPU_LIMIT_H
#define RINGTORCH_WORKER_CPU_LIMIT_H

/* From now on this process dies by SIGXCPU a second before its hard limit of processor time, where it would die by SIGKILL,
 * which says nothing. SIGXCPU that somebody sends is ignored, and so is a soft limit: what they mean is for the launcher
 * to decide. A limit of 1 s leaves no room for that. */
void rt__heed_cpu_limit(void);

#endif
