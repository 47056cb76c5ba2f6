/* Running a program to its end and taking what it prints.
 *
 *     const char *const argv[] = {"mpirun", "--version", NULL};
 *     rt__captured c;
 *     RT_TRY(rt__capture(argv, NULL, 5, &c));
 *     if (c.exit_code == 0) puts(c.out);
 *     rt__captured_release(&c);
 */
#ifndef RINGTORCH_LAUNCH_CAPTURE_H
#define RINGTORCH_LAUNCH_CAPTURE_H

#include <ringtorch/status.h>

typedef struct rt__captured {
    int exit_code;  /* 128 + number for a signal; -1: the time was over and it was killed */
    char *out;      /* owned; the first 64 KiB of its output */
    char *err;      /* owned */
    double seconds; /* that it took */
} rt__captured;

/* env: as rt__child; NULL: ours. Fails if the program cannot be started. */
rt_status rt__capture(const char *const *argv, const char *const *env, double seconds,
                      rt__captured *out);
void rt__captured_release(rt__captured *c);

/* Returns the last line of text that says something ("" if none does), cut into it. */
char *rt__last_line(char *text);

#endif
