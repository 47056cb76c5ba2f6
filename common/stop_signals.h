/* The signals by which people and schedulers ask a run to stop: Ctrl-C, kill, a closed terminal, and what batch
 * systems send before they kill (Slurm and Kubernetes SIGTERM, sbatch --signal and SGE SIGUSR1, submitit SIGUSR2,
 * limits on processor time SIGXCPU). The launcher takes them and everybody else leaves them to it: schedulers that
 * signal every process of a job must not break what the launcher is bringing to an end.
 *
 *     sigset_t set;
 *     rt_stop_signals_get(&set);             // the launcher: blocks them and reads them from a signalfd
 *     rt_stop_signals_leave();               // coordinator and workers
 */
#ifndef RINGTORCH_COMMON_STOP_SIGNALS_H
#define RINGTORCH_COMMON_STOP_SIGNALS_H

#include <signal.h>
#include <stdint.h>

enum { RT_SIGNAL_NAME = 32 };

/* Writes "SIGTERM", or "signal 77" for one without a name, and returns out. */
const char *rt_signal_name(int64_t signal, char out[RT_SIGNAL_NAME]);
/* Gives those that a run stops for. SIGHUP is not among them if it is ignored, as nohup leaves it; that others are
 * ignored is chance (a shell ignores SIGINT for what it starts with &), and they count all the same. */
void rt_stop_signals_get(sigset_t *out);
/* Has this process ignore them all. */
void rt_stop_signals_leave(void);

#endif
