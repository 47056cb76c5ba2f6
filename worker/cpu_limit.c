#include "worker/cpu_limit.h"

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

static void die_if_by_the_kernel(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code != SI_KERNEL)
        return;
    signal(number, SIG_DFL);
    raise(number);
}

void rt__handle_cpu_limit(void)
{
    struct rlimit limit;
    struct sigaction action = {.sa_sigaction = die_if_by_the_kernel,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max == RLIM_INFINITY ||
        limit.rlim_max <= 1)
        return;
    limit.rlim_cur = limit.rlim_max - 1;
    sigemptyset(&action.sa_mask);
    sigaction(SIGXCPU, &action, NULL);
    setrlimit(RLIMIT_CPU, &limit);
}
