/* Open MPI 4. The texts are those of help-orterun.txt, help-errmgr-base.txt, help-plm-base.txt,
 * help-orte-odls-default.txt and help-orte-runtime.txt in its share folder, and of orterun.c. */
#include "launch/jobs/openmpi.h"

/* Ranks are not bound to cores: otherwise a worker's loader and link threads would share its one core, and two runs on one
 * machine would share the same cores. */
static const char *const arguments[] = {"--oversubscribe", "--bind-to", "none", NULL};
static const char *const host_arguments[] = {
    "--oversubscribe", "--bind-to", "none", "--map-by", "slot", "--host", NULL};

/* The user may run as root and start more ranks than cores. When a rank dies, mpirun kills the others at once instead of a
 * second later. It logs the state of each rank, and does not aggregate messages, which would lose them at the end. */
static const rt__setting always[] = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                                     {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                                     {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                                     {"OMPI_MCA_pml", "ob1"},
                                     {"OMPI_MCA_odls_base_sigkill_timeout", "0"},
                                     {"OMPI_MCA_orte_base_help_aggregate", "0"},
                                     {"OMPI_MCA_state_base_verbose", "1"},
                                     {0}};
/* Loopback and shared memory only: not looking for network cards saves 0.3 s in each start. */
static const rt__setting one_host[] = {{"OMPI_MCA_oob_tcp_if_include", "lo"},
                                       {"OMPI_MCA_plm", "isolated"},
                                       {"OMPI_MCA_btl", "self,vader"},
                                       {0}};
static const rt__setting many_hosts[] = {{"OMPI_MCA_btl", "self,vader,tcp"}, {0}};
static const rt__setting by_shell[] = {{"OMPI_MCA_plm", "rsh"}, {0}};
/* The hosts are those that we name, not all of the allocation. */
static const rt__setting by_srun[] = {{"OMPI_MCA_plm", "slurm"}, {"OMPI_MCA_ras", "^slurm"}, {0}};

/* mpirun passes the first on to the ranks, which refuse it together with the second. */
static const char *const folders[] = {"OMPI_MCA_orte_tmpdir_base",
                                      "OMPI_MCA_orte_local_tmpdir_base",
                                      "OMPI_MCA_orte_remote_tmpdir_base", NULL};

#define EXECUTABLE "{Executable} cannot be executed on {Node}: it must be there, and be executable"
#define NO_DAEMON                                                                                  \
    "orted is not found on one of the hosts by a command that ssh runs: there, apt-get install "   \
    "openmpi-bin, or set PATH in the first lines of ~/.bashrc"
static const rt__why whys[] = {
    {"mpirun does not support recursive calls",
     "mpirun does not run inside another MPI job: start ringtorch without mpirun or srun", NULL,
     true},
    {"or execute an executable:", EXECUTABLE, "Node", true},
    {"was unable to find the specified executable file", EXECUTABLE, "Node", true},
    {"via the \"execve\" system call",
     "{Application name} cannot be executed on {Local host}: {Error}", "Local host", true},
    {"change to the specified working directory:", "{Working directory} is not there on {Node}",
     "Node", true},
    {"orted: not found", NO_DAEMON, NULL, true},
    {"orted: command not found", NO_DAEMON, NULL, true},
    {"orted: No such file or directory", NO_DAEMON, NULL, true},
    {"A call to mkdir was unable to create", "Open MPI cannot make the folder {Directory}: {Error}",
     NULL, false},
    {"It looks like orte_init failed", "MPI cannot start: {}", NULL, false},
    {"was unable to start the specified application",
     "a worker cannot be started on {Node}: {Error name}", "Node", false},
    {0}};

static const char *const lost_daemon[] = {"ORTE has lost communication with a remote daemon",
                                          "ORTE was unable to reliably start one or more daemons",
                                          "An ORTE daemon has unexpectedly failed after launch",
                                          "A daemon died unexpectedly", NULL};
static const rt__host_mark host_marks[] = {{"Remote daemon:", " on node "}, {0}};

static const char *const noise[] = {"Primary job  terminated normally",
                                    "a non-zero exit code. Per user-direction",
                                    "mpirun detected that one or more processes exited",
                                    "the job to be terminated. The first process",
                                    "mpirun noticed that process rank",
                                    "mpirun: Forwarding signal",
                                    "An internal error has occurred in ORTE",
                                    "This is something that should be reported to the developers",
                                    "Process name: [[",
                                    "Exit code:",
                                    "ORTE_ERROR_LOG",
                                    "FORCE-TERMINATE",
                                    "tcp_peer_recv_connect_ack", /* a stranger has connected */
                                    NULL};

const rt__openmpi rt__openmpi4 = {
    .major = 4,
    .arguments = arguments,
    .host_arguments = host_arguments,
    .always = always,
    .one_host = one_host,
    .many_hosts = many_hosts,
    .by_shell = by_shell,
    .by_srun = by_srun,
    .srun_options = "OMPI_MCA_plm_slurm_args",
    .shell = RT__SHELL_VARIABLE,
    .folders = folders,
    .whys = whys,
    .lost_daemon = lost_daemon,
    .host_marks = host_marks,
    .noise = noise,
};
