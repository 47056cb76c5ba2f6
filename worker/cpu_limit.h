/* Makes reaching the hard limit of processor time (ulimit -t) recognisable to the launcher. */
#ifndef RINGTORCH_WORKER_CPU_LIMIT_H
#define RINGTORCH_WORKER_CPU_LIMIT_H

/* From now on this process dies by SIGXCPU one second before its hard limit of processor time; at the limit it would
 * die by SIGKILL, which has many causes. A SIGXCPU from outside and a soft limit are ignored: the launcher handles
 * those. Impossible for a limit of 1 s. */
void rt__handle_cpu_limit(void);

#endif
