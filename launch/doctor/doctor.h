/* ringtorch doctor: checks what this machine can do for a run, and says what to do about each problem.
 *
 *     return rt__doctor_command(argc, argv);       // argv[0] is "doctor"
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_H

/* Returns the exit code: 0 no problem, 1 there is one, 2 wrong usage. */
int rt__doctor_command(int argc, char **argv);

#endif
