/* Makes a program's environment sane before anything else happens.
 *
 *     int main(int argc, char **argv)
 *     {
 *         rt_startup();
 *         ...
 *     }
 *
 * Cron, container entry points, service managers and batch systems start programs with descriptors closed, signals
 * ignored or blocked, and umasks and limits of their own. Only main() of the three programs calls this, and
 * rt_worker_main, which stands for the main() of a program (ringtorch/worker.h): otherwise a library must not change the process it runs
 * in. */
#ifndef RINGTORCH_COMMON_BASE_STARTUP_H
#define RINGTORCH_COMMON_BASE_STARTUP_H

#include <stdbool.h>

/* - Descriptors 0 to 2 that are closed become /dev/null. Otherwise the next file opened, perhaps a lock or a socket,
 *   would take the number and be read or written as standard input or output. Writing to standard output still fails,
 *   because a lost result must be an error.
 * - Standard output, unless it is a terminal, takes lines of up to 64 KiB before it writes, so that a line which is flushed when it is
 *   whole goes out in one write: neither a kill nor another writer comes into the midst of it.
 * - No signal stays blocked. Ignored signals get their default action back, with two exceptions: an ignored SIGHUP
 *   stays ignored, for nohup; SIGXFSZ is always ignored, so that a limit on file sizes becomes an error of the write,
 *   reported with the file's name. A closed pipe ends the program by SIGPIPE, silently, as with other tools.
 * - The owner may always use the files that we make, whatever the umask says; for group and others it applies.
 * - The limit on open files is raised to the hard limit, because every worker takes some. */
void rt_startup(void);

/* For programs whose result is not what they print: if standard output was closed, prints are discarded without an
 * error. */
void rt_startup_allow_no_output(void);

/* Returns whether a variable, "NAME=value", was set by the job that this program runs in (by mpirun, PMIx or a batch system) and would
 * mislead the programs that we start. False for what users set for Open MPI, OMPI_MCA_btl for example. */
bool rt_startup_of_outer_job(const char *assignment);

/* Returns whether a run of ours set it for its own programs: another run must not take it for its own. */
bool rt_startup_of_run(const char *assignment);

/* Returns whether it was a batch system that set it. The batch system's own command for starting ranks needs it. */
bool rt_startup_of_batch_system(const char *assignment);

#endif
