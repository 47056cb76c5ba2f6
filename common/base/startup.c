#include "common/base/startup.h"

#include "common/base/rank_variables.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MOST = 65536 }; /* enough for any run; some programs loop over all of them */

/* open() takes the lowest free number, so the loop ends above 2 as soon as all three are taken. A closed standard
 * output is opened read-only, so that printing to it still fails and the loss is reported. */
static void open_standard_descriptors(void)
{
    int fd;
    do {
        bool output = fcntl(STDIN_FILENO, F_GETFD) >= 0 && fcntl(STDOUT_FILENO, F_GETFD) < 0;
        fd = open("/dev/null", output ? O_RDONLY : O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void rt_startup_allow_no_output(void)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    int fd = flags >= 0 && (flags & O_ACCMODE) == O_RDONLY ? open("/dev/null", O_WRONLY | O_CLOEXEC)
                                                           : -1;
    if (fd < 0)
        return;
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

static void reset_signals(void)
{
    sigset_t none;
    struct sigaction now;
    /* Reset only ignored signals, which a parent can leave behind. Handlers belong to a preloaded library, such as a
     * profiler's for SIGPROF, whose signals would kill us without the handler. */
    for (int number = 1; number < NSIG; number++)
        if (number != SIGHUP && sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            signal(number, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void keep_our_files_usable(void)
{
    mode_t old = umask(077);
    umask(old & ~(mode_t)S_IRWXU);
}

static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_MOST)
        return;
    limit.rlim_cur = limit.rlim_max < FILES_MOST ? limit.rlim_max : FILES_MOST;
    setrlimit(RLIMIT_NOFILE, &limit); /* raising a soft limit up to the hard one cannot fail */
}

/* The usual buffer for pipes is smaller than some lines. */
static void buffer_whole_lines(void)
{
    static char buffer[1 << 16];
    if (!isatty(STDOUT_FILENO))
        setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}

void rt_startup(void)
{
    open_standard_descriptors();
    buffer_whole_lines();
    reset_signals();
    keep_our_files_usable();
    raise_open_files();
}

static bool begins_with(const char *text, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* Lists what batch systems set for a job and its steps. With it mpirun would use an allocation that is not ours, or crash
 * (see the components ras, ess, plm and schizo of Open MPI). */
bool rt_startup_of_batch_system(const char *assignment)
{
    static const char *const theirs[] = {"SLURM_",  "FLUX_",  "JSM_",         "LSB_",
                                         "PBS_",    "ALPS_",  "BASIL_",       "BATCH_PARTITION_ID=",
                                         "COBALT_", "LOADL_", "PE_HOSTFILE=", NULL};
    return begins_with(assignment, theirs);
}

/* Lists what mpirun of Open MPI 4 and 5 and PMIx set for their ranks (seen with `mpirun -n 1 env`). */
bool rt_startup_of_outer_job(const char *assignment)
{
    static const char *const theirs[] = {"OMPI_", "PMIX_", "PMI_",   "ORTE_",
                                         "PRTE_", "OPAL_", "HYDRA_", NULL};
    /* Set by users for Open MPI: parameters, and the permission to run as root. */
    static const char *const users[] = {
        "OMPI_MCA_", "OMPI_ALLOW_RUN_AS_ROOT", "OPAL_PREFIX=", "PMIX_MCA_", "PRTE_MCA_", NULL};
    /* Parameters that mpirun sets for its ranks: their identity and their job. */
    static const char *const ranks[] = {"OMPI_MCA_PREFIXES=",
                                        "OMPI_MCA_cpu_type=",
                                        "OMPI_MCA_num_procs=",
                                        "OMPI_MCA_ess=",
                                        "OMPI_MCA_ess_base_",
                                        "OMPI_MCA_pmix=",
                                        "OMPI_MCA_initial_wdir=",
                                        "OMPI_MCA_mpi_oversubscribe=",
                                        "OMPI_MCA_orte_app_num=",
                                        "OMPI_MCA_orte_bound_at_launch=",
                                        "OMPI_MCA_orte_ess_",
                                        "OMPI_MCA_orte_hnp_uri=",
                                        "OMPI_MCA_orte_jobfam_session_dir=",
                                        "OMPI_MCA_orte_launch=",
                                        "OMPI_MCA_orte_local_daemon_uri=",
                                        "OMPI_MCA_orte_num_nodes=",
                                        "OMPI_MCA_orte_precondition_transports=",
                                        "OMPI_MCA_orte_top_session_dir=",
                                        "OMPI_MCA_shmem_RUNTIME_QUERY_hint=",
                                        NULL};
    return begins_with(assignment, ranks) || rt_startup_of_batch_system(assignment) ||
           (begins_with(assignment, theirs) && !begins_with(assignment, users));
}

bool rt_startup_of_run(const char *assignment)
{
#define ROW(number, named_in, of_open_mpi, needed, what) named_in "=",
    static const char *const ours[] = {RT_RANK_VARIABLES(ROW) RT_RANKS_ORDERED "=",
                                       "RINGTORCH_ENDPOINT=",
                                       "RINGTORCH_ADDRESSES=",
                                       "RINGTORCH_BIND=",
                                       "RINGTORCH_LISTEN=",
                                       "RINGTORCH_KEYS=",
                                       "RINGTORCH_RUN=",
                                       "RINGTORCH_RUN_DIR=",
                                       "RINGTORCH_GENERATION=",
                                       "RINGTORCH_STARTED=",
                                       "RINGTORCH_LOCK_FD=",
                                       "RINGTORCH_TAG=",
                                       "RINGTORCH_JOIN=",
                                       "RINGTORCH_JOIN_DIR=",
                                       NULL};
#undef ROW
    return begins_with(assignment, ours);
}
