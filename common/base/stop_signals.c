#include "common/base/stop_signals.h"
#include "common/base/os/os.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

int rt_stop_signals_take(void)
{
    sigset_t set;
    rt_stop_signals_get(&set);
    int signal = sigtimedwait(&set, NULL, &(struct timespec){0});
    return signal > 0 ? signal : 0;
}

void rt_stop_signals_let_go(void)
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
