/* Collects the environment variables for a program to start.
 *
 *     rt__environment e = {0};
 *     rt__environment_add(&e, "OMP_NUM_THREADS=%d", 1);
 *     if (!e.failed)
 *         start(argv, (const char *const *)e.item);
 *     rt__environment_release(&e);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_ENVIRONMENT_H
#define RINGTORCH_LAUNCH_JOBS_ENVIRONMENT_H

#include <stdbool.h>

enum { RT__ENVIRONMENT_MAX = 400 }; /* a batch system sets some hundred */

typedef struct rt__environment {
    char *item[RT__ENVIRONMENT_MAX + 1]; /* "NAME=value", NULL-terminated; owned */
    int count;
    bool failed; /* memory ran out, a variable was too long, or there were too many */
} rt__environment;

__attribute__((format(printf, 2, 3))) void rt__environment_add(rt__environment *e, const char *fmt,
                                                               ...);
void rt__environment_release(rt__environment *e);

#endif
