/* Clocks of the system, as seconds. */
#include "common/base/clock.h"

#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t); /* cannot fail for the two clocks below */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double rt_clock(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double rt_clock_wall(void)
{
    return seconds_of(CLOCK_REALTIME);
}

void rt_clock_sleep(double seconds)
{
    if (!(seconds > 0))
        return;
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}
