/* Time. The monotonic clock is for intervals, the wall clock for people and logs only; no result depends on either.
 *
 *     double t0 = rt_clock();
 *     ... printf("%.3f s\n", rt_clock() - t0);
 */
#ifndef RINGTORCH_COMMON_BASE_CLOCK_H
#define RINGTORCH_COMMON_BASE_CLOCK_H

/* Returns seconds on CLOCK_MONOTONIC; comparable between processes of one host. */
double rt_clock(void);
/* Returns seconds since 1970 (CLOCK_REALTIME). */
double rt_clock_wall(void);
/* Sleeps; returns early on a signal. */
void rt_clock_sleep(double seconds);

#endif
