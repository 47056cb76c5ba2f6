/* Reads reasons from logs of mpirun and of workers. The texts are what Open MPI 4.1.4, ssh and our own programs printed
 * when we provoked the failures. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "launch/jobs/job_log.h"
#include "launch/jobs/log_limit.h"
#include "launch/jobs/mpirun_log.h"

#define RULER "--------------------------------------------------------------------------\n"
#define STARS "**********************************************************\n"
#define JOB_ABORTED                                                                                \
    RULER "Primary job  terminated normally, but 1 process returned\n"                             \
          "a non-zero exit code. Per user-direction, the job has been aborted.\n" RULER
#define LEFT(rank, code)                                                                           \
    STATE(rank, "EXITED WITH NON-ZERO STATUS")                                                     \
    JOB_ABORTED RULER                                                                              \
        "mpirun detected that one or more processes exited with non-zero status, thus causing\n"   \
        "the job to be terminated. The first process to do so was:\n\n"                            \
        "  Process name: [[27875,1]," rank "]\n  Exit code:    " code "\n" RULER
#define KILLED(rank, signal)                                                                       \
    STATE(rank, "ABORTED BY SIGNAL")                                                               \
    JOB_ABORTED RULER "mpirun noticed that process rank " rank                                     \
                      " with PID 0 on node vm exited on signal " signal " (Killed).\n" RULER
#define NOT_STARTED                                                                                \
    RULER "ORTE was unable to reliably start one or more daemons.\nThis usually is caused by:\n\n" \
          "* not finding the required libraries and/or binaries on\n  one or more nodes.\n" RULER
#define MPI_INIT(what, details)                                                                    \
    RULER "It looks like " what " failed for some reason; your parallel process is\n"              \
          "likely to abort.  There are many reasons that a parallel process can\n"                 \
          "fail during " what "; some of which are due to configuration or environment\n"          \
          "problems.  This failure appears to be an internal failure; here's some additional\n"    \
          "information (which may only be relevant to an Open MPI\ndeveloper):\n\n" details RULER

#define UNREACHABLE(tried)                                                                         \
    RULER "At least one pair of MPI processes are unable to reach each other for\n"                \
          "MPI communications.  This means that no Open MPI device has indicated\n"                \
          "that it can be used to communicate between these processes.\n\n"                        \
          "  Process 1 ([[27887,1],1]) is on host: vm\n"                                           \
          "  BTLs attempted: " tried "\n\nYour MPI job is now going to abort; sorry.\n" RULER

#define STATE(rank, state)                                                                         \
    "[vm:00010] [[27892,0],0] ACTIVATE PROC [[27892,1]," rank "] STATE " state                     \
    " AT ../../../../../orte/mca/odls/base/odls_base_default_fns.c:1746\n"
#define STARTED                                                                                    \
    "[vm:00010] [[27892,0],0] ACTIVATE JOB [27892,1] STATE RUNNING AT "                            \
    "../../../../../orte/mca/state/base/state_base_fns.c:692\n" STATE("0", "RUNNING")              \
        STATE("1", "RUNNING")

static const struct row {
    const char *log;
    int64_t rank;
    bool by_signal, daemon, final;
    const char *host, *reason;
} rows4[] = {
    {"", -1, false, false, false, "", ""},
    {RULER "\n \n" STARS, -1, false, false, false, "", ""},
    {KILLED("3", "9"), 3, true, false, false, "", ""},
    {LEFT("12", "3"), 12, false, false, false, "", ""},
    {"ringtorch: /r/config.yaml: cannot open: No such file or directory\n" LEFT("1", "2"), 1, false,
     false, false, "", "/r/config.yaml: cannot open: No such file or directory"},
    {STARTED "ringtorch: the sky is red\n" STATE("1", "IOF COMPLETE")
         STATE("1", "EXITED WITH NON-ZERO STATUS") JOB_ABORTED STATE("0", "ABORTED BY SIGNAL"),
     1, false, false, false, "", "the sky is red"},
    {STARTED STATE("1", "TERMINATED WITHOUT SYNC") JOB_ABORTED STATE("0", "ABORTED BY SIGNAL"), 1,
     false, false, false, "", ""},
    {STARTED STATE("0", "ABORTED BY SIGNAL") JOB_ABORTED STATE("1", "ABORTED BY SIGNAL"), 0, true,
     false, false, "", ""},
    {STARTED "Killed\n" STATE("0", "IOF COMPLETE") STATE("0", "NORMALLY TERMINATED"), -1, false,
     false, false, "", "Killed"},
    {"Traceback (most recent call last):\nKeyError: 7\n" LEFT("0", "1"), 0, false, false, false, "",
     "KeyError: 7"},
    {RULER "mpirun was unable to launch the specified application as it could not access\n"
           "or execute an executable:\n\nExecutable: /etc/passwd\nNode: h1\n\n"
           "while attempting to start process rank 0.\n" RULER
           "2 total processes failed to start\n",
     -1, false, false, true, "h1",
     "/etc/passwd cannot be executed on h1: it must be there, and be executable"},
    {RULER "Open MPI tried to fork a new process via the \"execve\" system call but\n"
           "failed.  Open MPI checks many things before attempting to launch a\n"
           "child process, but nothing is perfect.\n\n"
           "  Local host:        vm\n  Working dir:       /tmp/p\n  Application name:  ./w\n"
           "  Error:             ./w has a bad interpreter on the first line.\n" RULER RULER
           "mpirun was unable to start the specified application as it encountered an\n"
           "error:\n\nError code: -125\nError name: The specified application failed to start\n"
           "Node: vm\n\nwhen attempting to start process rank 0.\n" RULER,
     -1, false, false, true, "vm",
     "./w cannot be executed on vm: ./w has a bad interpreter on the first line."},
    {"\n\n" STARS "\nmpirun does not support recursive calls\n\n" STARS, -1, false, false, true, "",
     "mpirun does not run inside another MPI job: start ringtorch without mpirun or srun"},
    {RULER "A requested component was not found, or was unable to be opened.  This\n"
           "means that this component is either not installed or is unable to be\n\n"
           "Host:      vm\nFramework: btl\nComponent: nosuch\n" RULER MPI_INIT(
               "MPI_INIT", "  mca_bml_base_open() failed\n"
                           "  --> Returned \"Not found\" (-13) instead of \"Success\" (0)\n"),
     -1, false, false, true, "",
     "Open MPI on vm has no btl component 'nosuch': check OMPI_MCA_btl"},
    {MPI_INIT("MPI_INIT", "  mca_bml_base_open() failed\n"
                          "  --> Returned \"Not found\" (-13) instead of \"Success\" (0)\n")
         KILLED("1", "9"),
     1, true, false, false, "",
     "MPI cannot start: mca_bml_base_open() failed: Returned \"Not found\" (-13) instead of "
     "\"Success\" (0)"},
    {UNREACHABLE("self") KILLED("0", "9"), 0, true, false, true, "",
     "Open MPI has no transport between the workers: check OMPI_MCA_btl and "
     "OMPI_MCA_btl_tcp_if_include"},
    {UNREACHABLE("self tcp") KILLED("0", "9"), 0, true, false, false, "",
     "the workers cannot reach each other, tried: self tcp: check OMPI_MCA_btl and the network"},
    {"[vm:00050] *** An error occurred in MPI_Init_thread\n"
     "[vm:00050] *** reported by process [1825767425,1]\n[vm:00050] *** on a NULL communicator\n"
     "[vm:00050] *** Unknown error\n"
     "[vm:00050] *** MPI_ERRORS_ARE_FATAL (processes in this communicator will now abort,\n",
     -1, false, false, false, "",
     "MPI cannot start, and does not say why: check which variables OMPI_MCA_* are set"},
    {RULER "A call to mkdir was unable to create the desired directory:\n\n"
           "  Directory: /proc/nowhere\n  Error:     No such file or directory\n\nPlease check\n",
     -1, false, false, false, "",
     "Open MPI cannot make the folder /proc/nowhere: No such file or directory"},
    {RULER "ORTE has lost communication with a remote daemon.\n\n"
           "  HNP daemon   : [[61219,0],0] on node h0\n"
           "  Remote daemon: [[61219,0],1] on node h1.lan\n\nThis is usually\n",
     -1, false, true, false, "h1.lan", ""},
    {"ssh: Could not resolve hostname hb: Temporary failure in name resolution\n" NOT_STARTED, -1,
     false, true, false, "",
     "ssh: Could not resolve hostname hb: Temporary failure in name resolution"},
    {"me@hb: Permission denied (publickey).\n" NOT_STARTED, -1, false, true, false, "",
     "me@hb: Permission denied (publickey)."},
    {"@@@@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@\n"
     "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\nHost key verification "
     "failed.\n" NOT_STARTED,
     -1, false, true, false, "", "Host key verification failed."},
    {"bash: line 1: orted: command not found\n" NOT_STARTED, -1, false, true, true, "",
     "orted is not found on one of the hosts by a command that ssh runs: there, "
     "apt-get install openmpi-bin, or set PATH in the first lines of ~/.bashrc"},
    {"the sky is red\n[vm:00010] tcp_peer_recv_connect_ack: invalid header type: 32\n", -1, false,
     false, false, "", "the sky is red"},
    {RULER "The specified mapping policy is not recognized:\n\n  Policy: nope\n\n"
           "Please check for a typo or ensure that the option is a supported\none.\n" RULER,
     -1, false, false, false, "", "The specified mapping policy is not recognized: Policy: nope"},
    {RULER "Your job has requested more processes than the ppr for\nthis topology can support:\n\n"
           "  App: true\n  Number of procs:  2\n  PPR: 1:node\n\n"
           "Please revise the conflict and try again.\n" RULER,
     -1, false, false, false, "",
     "Your job has requested more processes than the ppr for this topology can support: App: true, "
     "Number of procs:  2, PPR: 1:node"},
    {RULER "There are not enough slots available in the system to satisfy the 2\nslots that were "
           "requested.  Either request fewer,\nor make more available.\n" STATE("0", "FAILED")
               RULER STARTED,
     -1, false, false, false, "",
     "There are not enough slots available in the system to satisfy the 2 slots that were "
     "requested"},
    {RULER
     "Open RTE was unable to open the hostfile:\n    /nope\nCheck to make sure the path.\n" RULER
         RULER
     "An internal error has occurred in ORTE:\n\n[[27995,0],0] FORCE-TERMINATE AT (null):1\n"
     "\nThis is something that should be reported to the developers.\n" RULER,
     -1, false, false, false, "",
     "Open RTE was unable to open the hostfile: /nope Check to make sure the path"},
    {RULER "No components were able to be opened in the btl framework.\n\nThis typically means\n\n"
           "  Host:      vm\n  Framework: btl\n" KILLED("0", "11"),
     0, true, false, true, "",
     "Open MPI on vm has no btl component that works here: check OMPI_MCA_btl"},
    {RULER "WARNING: a card is slow.\n" RULER
           "\nTraceback (most recent call last):\nKeyError: 7\n" LEFT("0", "1"),
     0, false, false, false, "", "KeyError: 7"},
    {"There are not enough slots available\n", -1, false, false, false, "",
     "There are not enough slots available"},
};

/* What Open MPI 5.0.11 printed for the same failures. */
#define STATE5(rank, state)                                                                        \
    "[h0:00064] [prterun-h0-64@0,0] [1795964585.325249] ACTIVATE PROC [prterun-h0-64@1," rank      \
    "] STATE " state                                                                               \
    " AT /openmpi-5.0.11/3rd-party/prrte/src/mca/plm/base/plm_base_receive.c:515\n"                \
    "[h0:00064] [prterun-h0-64@0,0] [1795964585.325271] ACTIVATING PROC [prterun-h0-64@1," rank    \
    "] STATE " state "\n"
#define STARTED5 STATE5("0", "RUNNING") STATE5("1", "SYNC REGISTERED")
#define KILLED5(rank)                                                                              \
    STATE5(rank, "ABORTED BY SIGNAL")                                                              \
    STATE5("0", "NORMALLY TERMINATED")                                                             \
    RULER "prterun noticed that process rank " rank                                                \
          " with PID 91 on node h1 exited on\nsignal 9 (Killed).\n" RULER
#define LEFT5(rank)                                                                                \
    STATE5(rank, "EXITED WITH NON-ZERO STATUS")                                                    \
    RULER "prterun detected that one or more processes exited with non-zero status,\n"             \
          "thus causing the job to be terminated. The first process to do so was:\n\n"             \
          "   Process name: [prterun-h0-64@1," rank "]\n   Exit code:    3\n" RULER
#define NOT_STARTED5(status)                                                                       \
    "------------------------------------------------------------\n"                               \
    "A daemon failed to report back after being spawned. This could\n"                             \
    "be due to several factors, including inability to find the\ndaemon executable, or the "       \
    "executable was unable to find its\nrequired supporting libraries.\n\n"                        \
    "  Local host:    h0\n  Remote host:   h1\n  Daemon exit status: " status                      \
    "\n\nThis may also be caused by a firewall on the remote host.\n"                              \
    "------------------------------------------------------------\n"                               \
    "[h0:00176] [prterun-h0-176@0,0] [1795964588.293703] ACTIVATE PROC [prterun-h0-176@0,1] "      \
    "STATE FAILED TO START AT plm_ssh_module.c:338\n"

static const struct row rows5[] = {
    {"", -1, false, false, false, "", ""},
    {STARTED5 KILLED5("1"), 1, true, false, false, "", ""},
    {STARTED5 LEFT5("12"), 12, false, false, false, "", ""},
    {STARTED5 "the sky is red\n" LEFT5("1"), 1, false, false, false, "", "the sky is red"},
    {STARTED5 STATE5("1", "CALLED ABORT") RULER
     "MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD\n  Proc: [[63108,1],1]\n"
     "  Errorcode: 7\n\nNOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.\n" RULER
         RULER "prterun has exited due to process rank 1 with PID 0 on node vm calling\n"
     "\"abort\". This may have caused other processes in the application to be\n"
     "terminated by signals sent by prterun (as reported here).\n" RULER,
     1, false, false, false, "",
     "MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD Proc: [[63108,1],1] "
     "Errorcode: 7"},
    {RULER "prterun was unable to launch the specified application as it could not\n"
           "access an executable:\n\n   Executable: /no/such\n   Node: vm\n\n"
           "while attempting to start process rank 0.\n" RULER,
     -1, false, false, true, "vm",
     "/no/such cannot be executed on vm: it must be there, and be executable"},
    {RULER "PRTE tried to fork a new process via the \"execve\" system call but\n"
           "failed.  PRTE checks many things before attempting to launch a\n"
           "child process, but nothing is perfect.\n\n"
           "  Local host:        vm\n  Working dir:       /tmp\n  Application name:  /tmp/garb\n"
           "  Error:             Exec format error\n" RULER,
     -1, false, false, true, "vm", "/tmp/garb cannot be executed on vm: Exec format error"},
    {RULER "prterun was unable to launch the specified application as it could not find\n"
           "the specified working directory:\n\n   Working directory: /gone\n   Node: h1\n\n"
           "while attempting to start process rank 1.\n" RULER,
     -1, false, false, true, "h1", "/gone is not there on h1"},
    {RULER "PMIx detected a call to mkdir was unable to create the desired directory:\n\n"
           "  Directory: /proc/nowhere\n  Error:     No such file or directory\n\n"
           "Please check to ensure you have adequate permissions to perform\n" RULER,
     -1, false, false, false, "",
     "Open MPI cannot make the folder /proc/nowhere: No such file or directory"},
    {UNREACHABLE("self") STARTED5 LEFT5("0"), 0, false, false, true, "",
     "Open MPI has no transport between the workers: check OMPI_MCA_btl and "
     "OMPI_MCA_btl_tcp_if_include"},
    {"*** An error occurred in MPI_Init\n*** on a NULL communicator\n"
     "*** MPI_ERRORS_ARE_FATAL (processes in this communicator will now abort,\n"
     "***    and MPI will try to terminate your MPI job as well)\n" STARTED5 LEFT5("0"),
     0, false, false, false, "",
     "MPI cannot start, and does not say why: check which variables OMPI_MCA_* are set"},
    {STARTED5 RULER
     "PRTE has lost communication with a remote daemon.\n\n"
     "  HNP daemon   : [prterun-h0-136@0,0] on node h0\n"
     "  Remote daemon: [prterun-h0-136@0,1] on node h1\n\nThis is usually due\n" RULER,
     -1, false, true, false, "h1", ""},
    {"me@h1: Permission denied (publickey).\n" NOT_STARTED5("255"), -1, false, true, false, "h1",
     "me@h1: Permission denied (publickey)."},
    {"sh: 1: prted: not found\n" NOT_STARTED5("127"), -1, false, true, true, "h1",
     "prted is not found on one of the hosts by a command that ssh runs: there, "
     "apt-get install openmpi-bin, or set PATH in the first lines of ~/.bashrc"},
    {RULER "The value of the MCA parameter \"plm_ssh_agent\" was set to a path\n"
           "that could not be found:\n\n  plm_ssh_agent: /nowhere/ssh\n\n"
           "Please either unset the parameter, or check that the path is correct\n" RULER RULER
           "No available launching agents were found.\n\nThis is an unusual error\n" RULER,
     -1, false, false, false, "", "No available launching agents were found"},
};

static void expect_blame(const rt__openmpi *mpi, const struct row *r)
{
    rt__blame b;
    rt__mpirun_log_blame(mpi, r->log, &b);
    if (b.rank != r->rank || (r->rank >= 0 && b.by_signal != r->by_signal) ||
        b.daemon != r->daemon || b.why.final != r->final || strcmp(b.why.host, r->host) != 0 ||
        strcmp(b.why.reason, r->reason) != 0)
        fail_msg("Open MPI %d: rank %" PRId64
                 ", by signal %d, daemon %d, final %d, host '%s', reason '%s' of:\n%s",
                 mpi->major, b.rank, b.by_signal, b.daemon, b.why.final, b.why.host, b.why.reason,
                 r->log);
}

static void mpirun_log_tells_which_rank_failed_and_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows4 / sizeof *rows4; i++)
        expect_blame(&rt__openmpi4, &rows4[i]);
    for (size_t i = 0; i < sizeof rows5 / sizeof *rows5; i++)
        expect_blame(&rt__openmpi5, &rows5[i]);
}

static void the_version_of_an_mpirun_is_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *said, *refused; /* NULL: the version is known */
        int major, minor;
    } cases[] = {
        {"mpirun (Open MPI) 4.1.4\n\nReport bugs to https://www.open-mpi.org/\n", NULL, 4, 1},
        {"mpirun (Open MPI) 5.0.11\n", NULL, 5, 0},
        {"/usr/bin/mpirun (Open MPI) 5.1.0rc2\n", NULL, 5, 1},
        {"mpirun (Open MPI) 3.1.6\n", "/m: belongs to Open MPI 3.1: ", 0, 0},
        {"mpirun (Open MPI) 6.0.0\n", "/m: belongs to Open MPI 6.0: ", 0, 0},
        {"HYDRA build details:\n    Version:   4.0.2\n", "/m: belongs to MPICH: ", 0, 0},
        {"Intel(R) MPI Library for Linux* OS, Version 2021.9\n", "/m: belongs to Intel MPI: ", 0,
         0},
        {"no idea\nat all\n", "/m: `mpirun --version` says 'no idea': ", 0, 0},
        {"", "/m: `mpirun --version` says '': ", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rt__openmpi *mpi = NULL;
        int minor = 0;
        rt_status status = rt__openmpi_parse("/m", cases[i].said, &mpi, &minor);
        if (cases[i].refused) {
            assert_int_equal(status, RT_E_UNSUPPORTED);
            assert_int_equal(strncmp(rt_error(), cases[i].refused, strlen(cases[i].refused)), 0);
            assert_non_null(strstr(rt_error(), "apt-get install openmpi-bin"));
            rt_error_clear();
        } else {
            assert_int_equal(status, RT_OK);
            assert_int_equal(mpi->major, cases[i].major);
            assert_int_equal(minor, cases[i].minor);
        }
    }
}

static void a_worker_log_tells_why(void **state)
{
    (void)state;
    static const char *const log_reason[][2] = {
        {"", ""},
        {"2026-11-28 20:49:47.589 INFO  worker 0: rank 0 of 2, generation 1, avx512\n"
         "2026-11-28 20:49:47.592 ERROR worker 0: data loader: cannot start a thread: Resource "
         "temporarily unavailable (worker/engine/data/prefetch.c:141)\n"
         "2026-11-28 20:49:47.600 ERROR worker 0: the link is closed\n",
         "data loader: cannot start a thread: Resource temporarily unavailable"},
        {"{\"ts\": 1.5, \"level\": \"INFO\", \"who\": \"worker 1\", \"msg\": \"rank 1\"}\n"
         "{\"ts\": 1.6, \"level\": \"ERROR\", \"who\": \"worker 1\", \"msg\": \"no disk (a)\"}\n",
         "no disk (a)"},
        {"[vm:00063] PMIX ERROR: ERROR in file ../../../src/client/pmix_client.c at line "
         "665\n" MPI_INIT(
             "pmix_init",
             "  pmix_progress_thread_start failed\n"
             "  --> Returned value -1 instead of PMIX_SUCCESS\n") "[vm:00063] OPAL ERROR: Error in "
                                                                  "file ext3x_client.c at line "
                                                                  "112\n"
                                                                  "*** MPI_ERRORS_ARE_FATAL "
                                                                  "(processes in this communicator "
                                                                  "will now abort,\n"
                                                                  "***    and potentially your MPI "
                                                                  "job)\n"
                                                                  "[vm:00063] Local abort before "
                                                                  "MPI_INIT completed completed "
                                                                  "successfully, but am not "
                                                                  "able to aggregate error "
                                                                  "messages\n",
         "MPI cannot start: pmix_progress_thread_start failed: Returned value -1 instead of "
         "PMIX_SUCCESS"},
        {"[vm:00082] Local abort before MPI_INIT completed completed successfully\n",
         "MPI cannot start, and does not say why"},
        {"2026-11-28 20:49:47.589 INFO  worker 1: restored step 40 from snapshots in 1.4 ms\n"
         "2026-11-28 20:49:47.589 WARN  worker 1: 2 of 4 parameters got no gradient\n",
         ""},
        {"{\"ts\": 1.5, \"level\": \"INFO\", \"who\": \"worker 1\", \"msg\": \"rank 1\"}\n", ""},
        {"mylib: no licence\n"
         "2026-11-28 20:49:47.589 INFO  worker 1: restored step 40 from snapshots in 1.4 ms\n",
         "mylib: no licence"},
        {"ringtorch-worker: batches.c:96: Assertion `step >= 0' failed.\n",
         "ringtorch-worker: batches.c:96: Assertion `step >= 0' failed."},
    };
    for (size_t i = 0; i < sizeof log_reason / sizeof *log_reason; i++) {
        rt__why_found why;
        rt__log_worker_reason(log_reason[i][0], &why);
        assert_string_equal(why.reason, log_reason[i][1]);
    }
}

static void a_host_is_given_its_own_line(void **state)
{
    (void)state;
    static const char log[] = "me@ha: Permission denied (publickey).\n"
                              "ssh: connect to host hb port 22: No route to host\n" NOT_STARTED;
    char reason[RT__REASON] = "before";
    rt__mpirun_log_name_host(&rt__openmpi4, log, "hc", reason);
    assert_string_equal(reason, "before");
    rt__mpirun_log_name_host(&rt__openmpi4, log, "ha", reason);
    assert_string_equal(reason, "me@ha: Permission denied (publickey).");
}

/* mpirun keeps writing while its log is shortened. */
static void a_long_log_keeps_its_ends(void **state)
{
    (void)state;
    char path[] = "/tmp/rt-log-XXXXXX";
    struct stat st;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
    dprintf(fd, "first\n");
    assert_int_equal(rt__log_shorten(path), RT_OK);
    for (int i = 0; i < 3 * RT__LOG_MOST / 16; i++) {
        dprintf(fd, "rubbish %07d\n", i);
        if (i % 1000 == 0)
            assert_int_equal(rt__log_shorten(path), RT_OK);
        assert_int_equal(fstat(fd, &st), 0);
        assert_in_range(st.st_size, 0, RT__LOG_MOST + 16 * 1000);
    }
    dprintf(fd, "last\n");
    assert_int_equal(rt__log_shorten(path), RT_OK);
    rt_bytes b;
    assert_int_equal(rt_file_read(path, 1 << 20, &b), RT_OK);
    char *text = (char *)b.data, *out = strstr(text, "[lines left out: ");
    assert_int_equal(strncmp(text, "first\nrubbish 0000000\nrubbish 0000001\n", 38), 0);
    assert_non_null(out);
    assert_null(strstr(out + 1, "[lines left out: "));
    char expected[64];
    snprintf(expected, sizeof expected, "\nrubbish %07d\nlast\n", 3 * RT__LOG_MOST / 16 - 1);
    assert_string_equal(text + b.len - strlen(expected), expected);
    for (char *line = text; (line = strchr(line, '\n')) && *++line;) /* no half lines */
        assert_true(strncmp(line, "rubbish ", 8) == 0 || line == out ||
                    strcmp(line, "last\n") == 0);
    rt_bytes_release(&b);
    close(fd);
    unlink(path);
}

/* A run directory that somebody has renamed must not come back as a folder that holds only a log. */
static void a_log_needs_its_run_directory(void **state)
{
    (void)state;
    char folder[] = "/tmp/rt-log-XXXXXX", path[128], run[64];
    int fd = -1;
    assert_non_null(mkdtemp(folder));
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(path, sizeof path, "%s/logs/job.g1.log", run);
    assert_int_equal(rt__log_create(path, &fd), RT_E_NOTFOUND);
    rt_error_clear();
    assert_false(rt_path_exists(run));
    assert_int_equal(mkdir(run, 0755), 0);
    assert_int_equal(rt__log_create(path, &fd), RT_OK);
    close(fd);
    assert_int_equal(rt_remove_tree(folder), RT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mpirun_log_tells_which_rank_failed_and_why),
        cmocka_unit_test(the_version_of_an_mpirun_is_recognised),
        cmocka_unit_test(a_worker_log_tells_why),
        cmocka_unit_test(a_host_is_given_its_own_line),
        cmocka_unit_test(a_long_log_keeps_its_ends),
        cmocka_unit_test(a_log_needs_its_run_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
