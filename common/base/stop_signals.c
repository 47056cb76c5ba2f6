#include "common/base/stop_signals.h"
#include "common/base/os/os.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
enum { SIGNALS = sizeof signals / sizeof *signals };

const char *rt_signal_name(int64_t signal, char out[RT_SIGNAL_NAME])
{
    const char *name = signal > 0 && signal < INT_MAX ? rt_os_signal_name((int)signal) : NULL;
    if (name)
        snprintf(out, RT_SIGNAL_NAME, "SIG%s", name);
    else
        snprintf(out, RT_SIGNAL_NAME, "signal %" PRId64, signal);
    return out;
}

void rt_stop_signals_get(sigset_t *out)
{
    struct sigaction hangup;
    sigemptyset(out);
    for (int i = 0; i < SIGNALS; i++)
        sigaddset(out, signals[i]);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN)
        sigdelset(out, SIGHUP);
}

void rt_stop_signals_hold(void)
{
    sigset_t set;
    rt_stop_signals_get(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* macOS has no sigtimedwait. Waiting for a signal that is pending takes no time. */
int rt_stop_signals_take(void)
{
    sigset_t set, pending, one;
    int signal = 0;
    rt_stop_signals_get(&set);
    sigpending(&pending);
    for (int i = 0; i < SIGNALS && !signal; i++)
        if (sigismember(&set, signals[i]) == 1 && sigismember(&pending, signals[i]) == 1) {
            sigemptyset(&one);
            sigaddset(&one, signals[i]);
            sigwait(&one, &signal);
        }
    return signal;
}

void rt_stop_signals_release(void)
{
    sigset_t set;
    rt_stop_signals_get(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void rt_stop_signals_ignore(void)
{
    for (int i = 0; i < SIGNALS; i++)
        signal(signals[i], SIG_IGN);
}
