/* A clock of the day that jumps, as when NTP or an administrator sets it: only commands started from a test see it.
 *
 *     assert_true(false_clock_begin(in_scratch(&s, "clock")));
 *     command c = start(&s, "ringtorch", ...);
 *     false_clock_set(-2 * 86400);                 // for c and all its children it is the day before yesterday
 *     ...
 *     false_clock_end();                           // what is started from now on sees the true time
 */
#ifndef RINGTORCH_TESTS_SYSTEM_FALSE_CLOCK_H
#define RINGTORCH_TESTS_SYSTEM_FALSE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Makes a file through which the offset is told, and has commands preload preload_clock.c. False if it cannot. */
bool false_clock_begin(const char *path);
/* From now on their clock shows the true time plus so many seconds. */
void false_clock_set(int64_t seconds);
/* Without one under way it does nothing. */
void false_clock_end(void);

#endif
