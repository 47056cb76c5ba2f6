/* The world a program is started in, made sane before anything else happens.
 *
 *     int main(int argc, char **argv)
 *     {
 *         rt_startup();
 *         ...
 *     }
 *
 * Cron, container entry points, service managers and batch systems start programs with descriptors
 * closed, signals ignored or blocked, and masks and limits of their own. Only main() of the three
 * programs calls this: a library must not change the process it is in. */
#ifndef RINGTORCH_COMMON_STARTUP_H
#define RINGTORCH_COMMON_STARTUP_H

#include <stdbool.h>

/* - Descriptors 0 to 2 that are closed become /dev/null: else the next file that is opened, a lock or
 *   a socket, takes the number and is read or written as standard input or output. Standard output cannot be
 *   written then, as before: a result that is lost must be an error.
 * - No signal stays blocked. Those that were ignored have their default action, but two: SIGHUP stays
 *   ignored, which is what nohup is for; SIGXFSZ always is, so that a limit on the size of files is an error
 *   of the write that meets it and is told with the file's name. A closed pipe ends a program by
 *   SIGPIPE, silently, as it ends other tools.
 * - The owner may always use what we make, whatever the umask was; group and others as it says.
 * - As many files may be open as the hard limit allows: every worker takes some. */
void rt_startup(void);

/* For programs whose result is elsewhere: what is printed goes nowhere, without an error, if standard output was closed. */
void rt_startup_allow_no_output(void);

/* Returns whether a variable, "NAME=value", belongs to a job that this program was started in (by
 * mpirun, PMIx, a batch system or another `ringtorch train`) and would lead the programs that we start astray.
 * What users set for Open MPI, OMPI_MCA_btl for example, does not. */
bool rt_startup_of_outer_job(const char *assignment);

#endif
