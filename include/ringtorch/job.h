/* Job back ends of your own: the command that starts the workers of a run in place of Open MPI's mpirun,
 * chosen with RINGTORCH_JOBS=srun in the environment of `ringtorch train`.
 *
 *     static const rt_job_row srun = {
 *         .name = "srun", .help = "a step of a Slurm allocation",
 *         .command = RT_PLUGIN_LIST(char, "srun", "--mpi=pmix", "--kill-on-bad-exit=1", "-n", "{ranks}",
 *                                   "{worker}"),
 *         .rank = "SLURM_PROCID", .world = "SLURM_STEP_NUM_TASKS", .local_rank = "SLURM_LOCALID"};
 *     RT_PLUGIN(.name = "site", .jobs = RT_PLUGIN_LIST(rt_job_row, &srun))
 *
 * Such a row has no functions, because the launcher runs nobody's code: it starts the words of .command,
 * watches that process, and takes its end for the end of the job. The command must
 *
 * - start {ranks} processes of {worker} as the ranks of one MPI job, since workers exchange gradients with
 *   MPI: it is mpirun by another name, or something that starts MPI programs, as srun does;
 * - pass the environment in which it was started on to each rank, and set the variables in which a rank
 *   finds its numbers;
 * - end once its ranks have ended: with 0 if all of them did, else with another exit code, and end the
 *   other ranks if one has failed;
 * - end its ranks when it gets SIGTERM. A script begins the program that starts them with exec.
 *
 * These words in braces are replaced wherever they stand in a word of .command; write {{ for a brace:
 *
 *   {ranks}       how many ranks there are to be
 *   {threads}     how many threads each of them computes with
 *   {hosts}       the hosts to start them on: h1,h2
 *   {host_slots}  the hosts with the number of ranks each has room for, to be filled in order: h1:4,h2:2
 *   {variables}   the variables that ranks need, for commands that pass on only those they are told: A,B,C
 *   {worker}      the program of the workers, and its arguments; the last word of the command
 *
 * Lifetime: a row, and the words that it names, live as long as the program. A plugin makes rows known
 * (plugin.h). */
#ifndef RINGTORCH_JOB_H
#define RINGTORCH_JOB_H

#include <ringtorch/export.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

RT_BEGIN_DECLS

/* A job back end. The lists of words are made with RT_PLUGIN_LIST(char, ...) and end in NULL. */
typedef struct rt_job_row {
    const char *name; /* lower-case letters, digits, _ and -; what RINGTORCH_JOBS chooses it by */
    const char *help; /* one line */
    /* At most 48 words of at most 400 bytes. The first is a program to find in PATH, or an absolute path.
     * {ranks} or {host_slots} must be in one of them, and {worker} must be the last. */
    const char *const *command;
    /* The words of a command that runs another command on a host: `ssh -o BatchMode=yes` if it is to be
     * `ssh -o BatchMode=yes HOST COMMAND`. The launcher asks with it whether a host can be reached. Needed if
     * .command names hosts, with {hosts} or {host_slots}. Else NULL: such a back end takes no
     * parallel.hostfile with other hosts. */
    const char *const *shell;
    /* The environment variables in which a rank finds its number, how many ranks there are, and its number
     * among the ranks of its host: OMPI_COMM_WORLD_RANK, for example. All count from 0. */
    const char *rank, *world, *local_rank;
    /* The one in which it finds how many ranks its host has; NULL: there is none, so a worker leaves room in
     * shared memory for all ranks of the run. */
    const char *local_world;
    /* No other job can be started after one has ended: the run ends with its first job. */
    bool once;
} rt_job_row;

RT_END_DECLS

#endif
