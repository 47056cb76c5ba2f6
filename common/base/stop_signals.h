/* The signals by which people and schedulers ask a run to stop: Ctrl-C, kill, a closed terminal, and what batch systems
 * send before they kill (Slurm and Kubernetes SIGTERM, sbatch --signal and SGE SIGUSR1, submitit SIGUSR2, limits on
 * processor time SIGXCPU). The launcher handles them and all other processes ignore them: a scheduler that signals
 * every process of a job must not kill workers that the launcher is stopping in an orderly way.
 *
 *     rt_stop_signals_hold();                // the launcher, before it has started anything
 *     if ((signal = rt_stop_signals_take())) // one has come
 *     sigset_t set;
 *     rt_stop_signals_get(&set);             // the launcher: blocks them and reads them from a signalfd
 *     rt_stop_signals_ignore();               // coordinator and workers
 */
#ifndef RINGTORCH_COMMON_BASE_STOP_SIGNALS_H
#define RINGTORCH_COMMON_BASE_STOP_SIGNALS_H

#include <signal.h>
#include <stdint.h>

enum { RT_SIGNAL_NAME = 32 };

/* Writes "SIGTERM", or "signal 77" for one without a name, and returns out. */
const char *rt_signal_name(int64_t signal, char out[RT_SIGNAL_NAME]);
/* Returns in *out the signals that stop a run. SIGHUP is left out if it is ignored, because nohup does that on purpose.
 * Others count even if ignored, because that is an accident (a shell ignores SIGINT for what it starts with &). */
void rt_stop_signals_get(sigset_t *out);
/* Blocks them in this thread and in those that it starts later: they stay pending until somebody takes them. */
void rt_stop_signals_hold(void);
/* Takes a pending signal and returns its number, or returns 0 if none is pending. Only one thread may take signals. */
int rt_stop_signals_take(void);
/* Unblocks them in this thread again: one that is pending or comes later acts on the process, that is, ends it. */
void rt_stop_signals_release(void);
/* Makes this process ignore all of them. */
void rt_stop_signals_ignore(void);

#endif
