/* Open MPI 5, whose mpirun executes PRRTE's prterun. The texts are those of help-prun.txt, help-errmgr-base.txt,
 * help-plm-base.txt, help-plm-ssh.txt, help-prte-odls-default.txt and help-prte-runtime.txt in its share folder. */
#include "launch/jobs/openmpi.h"

/* See openmpi4.c. In version 5, a qualifier of the mapping allows more ranks than cores. */
static const char *const arguments[] = {"--map-by", ":OVERSUBSCRIBE", "--bind-to", "none", NULL};
static const char *const host_arguments[] = {"--bind-to",          "none",   "--map-by",
                                             "slot:OVERSUBSCRIBE", "--host", NULL};

static const rt__setting always[] = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                                     {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                                     {"OMPI_MCA_pml", "ob1"},
                                     {"OMPI_MCA_opal_base_help_aggregate", "0"},
                                     {"PRTE_MCA_odls_base_sigkill_timeout", "0"},
                                     {"PRTE_MCA_state_base_verbose", "1"},
                                     {0}};
/* Without a list of btl each start takes a second, in which network libraries look for cards. PRRTE refuses the name of the
 * loopback interface if there is another one; the preloaded library makes mpirun listen only there. */
static const rt__setting one_host[] = {{"OMPI_MCA_btl", "self,sm"}, {0}};
static const rt__setting many_hosts[] = {{"OMPI_MCA_btl", "self,sm,tcp"}, {0}};
static const rt__setting by_shell[] = {{"PRTE_MCA_plm", "ssh"}, {0}};
/* The hosts are those that we name, not all of the allocation. */
static const rt__setting by_srun[] = {{"PRTE_MCA_plm", "slurm"}, {"PRTE_MCA_ras", "^slurm"}, {0}};

static const char *const folders[] = {"PRTE_MCA_prte_tmpdir_base",
                                      "PRTE_MCA_prte_local_tmpdir_base",
                                      "PRTE_MCA_prte_remote_tmpdir_base", NULL};

#define EXECUTABLE "{Executable} cannot be executed on {Node}: it must be there, and be executable"
#define NO_DAEMON                                                                                  \
    "prted is not found on one of the hosts by a command that ssh runs: there, apt-get install "   \
    "openmpi-bin, or set PATH in the first lines of ~/.bashrc"
static const rt__why whys[] = {
    {"access an executable:", EXECUTABLE, "Node", true},
    {"was unable to find the specified executable file", EXECUTABLE, "Node", true},
    {"via the \"execve\" system call",
     "{Application name} cannot be executed on {Local host}: {Error}", "Local host", true},
    {"the specified working directory:", "{Working directory} is not there on {Node}", "Node",
     true},
    {"prted: not found", NO_DAEMON, "Remote host", true},
    {"prted: command not found", NO_DAEMON, "Remote host", true},
    {"prted: No such file or directory", NO_DAEMON, "Remote host", true},
    {"detected a call to mkdir was unable to create",
     "Open MPI cannot make the folder {Directory}: {Error}", NULL, false},
    {"It looks like prte_init failed", "MPI cannot start: {}", NULL, false},
    {"was unable to start the specified application",
     "a worker cannot be started on {Node}: {Error name}", "Node", false},
    {0}};

static const char *const lost_daemon[] = {"PRTE has lost communication with a remote daemon",
                                          "PRTE was unable to reliably start one or more daemons",
                                          "A daemon failed to report back after being spawned",
                                          "A daemon died unexpectedly", NULL};
static const rt__host_mark host_marks[] = {
    {"Remote daemon:", " on node "}, {"Remote host:", ""}, {0}};

static const char *const noise[] = {"prterun detected that one or more processes exited",
                                    "thus causing the job to be terminated. The first process",
                                    "prterun noticed that process rank",
                                    "prterun has exited due to process rank",
                                    "\"abort\". This may have caused other processes",
                                    "terminated by signals sent by prterun",
                                    "prterun: Forwarding signal",
                                    "exited on signal",
                                    "Process name: [prterun-",
                                    "Exit code:",
                                    "PRTE ERROR",
                                    "tcp_peer_recv_connect_ack",
                                    NULL};

const rt__openmpi rt__openmpi5 = {
    .major = 5,
    .arguments = arguments,
    .host_arguments = host_arguments,
    .always = always,
    .one_host = one_host,
    .many_hosts = many_hosts,
    .by_shell = by_shell,
    .by_srun = by_srun,
    .srun_options = "PRTE_MCA_plm_slurm_args",
    .srun_argument = "--prtemca", /* it ignores the variable, which newer versions of Slurm set */
    .shell = "PRTE_MCA_plm_ssh_agent",
    .folders = folders,
    .whys = whys,
    .lost_daemon = lost_daemon,
    .host_marks = host_marks,
    .noise = noise,
};
