/* What is made of the logs of mpirun and of workers. The texts are what Open MPI 4.1.4, ssh and our own
 * programs have printed when the failures were provoked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/file.h"
#include "launch/job_log.h"
#include "launch/log_limit.h"

#define RULER "--------------------------------------------------------------------------\n"
#define STARS "**********************************************************\n"
#define JOB_ABORTED                                                                                \
    RULER "Primary job  terminated normally, but 1 process returned\n"                             \
          "a non-zero exit code. Per user-direction, the job has been aborted.\n" RULER
#define LEFT(rank, code)                                                                           \
    JOB_ABORTED RULER                                                                              \
        "mpirun detected that one or more processes exited with non-zero status, thus causing\n"   \
        "the job to be terminated. The first process to do so was:\n\n"                            \
        "  Process name: [[27875,1]," rank "]\n  Exit code:    " code "\n" RULER
#define KILLED(rank, signal)                                                                       \
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
    int64_t rank, signal, exit_code;
    bool daemon, final;
    const char *host, *reason;
} rows[] = {
    {"", -1, 0, 0, false, false, "", ""},
    {RULER "\n \n" STARS, -1, 0, 0, false, false, "", ""},
    {KILLED("3", "9"), 3, 9, 0, false, false, "", ""},
    {LEFT("12", "3"), 12, 0, 3, false, false, "", ""},
    {"ringtorch: /r/config.yaml: cannot open: No such file or directory\n" LEFT("1", "2"), 1, 0, 2,
     false, false, "", "/r/config.yaml: cannot open: No such file or directory"},
    {STARTED "ringtorch: the sky is red\n" STATE("1", "IOF COMPLETE")
         STATE("1", "EXITED WITH NON-ZERO STATUS") JOB_ABORTED STATE("0", "ABORTED BY SIGNAL"),
     1, 0, 0, false, false, "", "the sky is red"},
    {STARTED STATE("0", "ABORTED BY SIGNAL") JOB_ABORTED STATE("1", "ABORTED BY SIGNAL"), 0, 0, 0,
     false, false, "", ""},
    {STARTED STATE("0", "ABORTED BY SIGNAL") KILLED("1", "9"), 1, 9, 0, false, false, "", ""},
    {STARTED "Killed\n" STATE("0", "IOF COMPLETE") STATE("0", "NORMALLY TERMINATED"), -1, 0, 0,
     false, false, "", "Killed"},
    {"Traceback (most recent call last):\nKeyError: 7\n" LEFT("0", "1"), 0, 0, 1, false, false, "",
     "KeyError: 7"},
    {RULER "mpirun was unable to launch the specified application as it could not access\n"
           "or execute an executable:\n\nExecutable: /etc/passwd\nNode: h1\n\n"
           "while attempting to start process rank 0.\n" RULER
           "2 total processes failed to start\n",
     -1, 0, 0, false, true, "h1",
     "/etc/passwd cannot be executed on h1: it must be there, and be executable"},
    {RULER "Open MPI tried to fork a new process via the \"execve\" system call but\n"
           "failed.  Open MPI checks many things before attempting to launch a\n"
           "child process, but nothing is perfect.\n\n"
           "  Local host:        vm\n  Working dir:       /tmp/p\n  Application name:  ./w\n"
           "  Error:             ./w has a bad interpreter on the first line.\n" RULER RULER
           "mpirun was unable to start the specified application as it encountered an\n"
           "error:\n\nError code: -125\nError name: The specified application failed to start\n"
           "Node: vm\n\nwhen attempting to start process rank 0.\n" RULER,
     -1, 0, 0, false, true, "vm",
     "./w cannot be executed on vm: ./w has a bad interpreter on the first line."},
    {"\n\n" STARS "\nmpirun does not support recursive calls\n\n" STARS, -1, 0, 0, false, true, "",
     "mpirun does not run inside another MPI job: start ringtorch without mpirun or srun"},
    {RULER "A requested component was not found, or was unable to be opened.  This\n"
           "means that this component is either not installed or is unable to be\n\n"
           "Host:      vm\nFramework: btl\nComponent: nosuch\n" RULER MPI_INIT(
               "MPI_INIT", "  mca_bml_base_open() failed\n"
                           "  --> Returned \"Not found\" (-13) instead of \"Success\" (0)\n"),
     -1, 0, 0, false, true, "",
     "Open MPI on vm has no btl component 'nosuch': look at OMPI_MCA_btl"},
    {MPI_INIT("MPI_INIT", "  mca_bml_base_open() failed\n"
                          "  --> Returned \"Not found\" (-13) instead of \"Success\" (0)\n")
         KILLED("1", "9"),
     1, 9, 0, false, false, "",
     "MPI cannot start: mca_bml_base_open() failed: Returned \"Not found\" (-13) instead of "
     "\"Success\" (0)"},
    {UNREACHABLE("self") KILLED("0", "9"), 0, 9, 0, false, true, "",
     "Open MPI has no way for messages between the workers: look at OMPI_MCA_btl and "
     "OMPI_MCA_btl_tcp_if_include"},
    {UNREACHABLE("self tcp") KILLED("0", "9"), 0, 9, 0, false, false, "",
     "the workers cannot reach each other, tried: self tcp: look at OMPI_MCA_btl and the network"},
    {"[vm:00050] *** An error occurred in MPI_Init_thread\n"
     "[vm:00050] *** reported by process [1825767425,1]\n[vm:00050] *** on a NULL communicator\n"
     "[vm:00050] *** Unknown error\n"
     "[vm:00050] *** MPI_ERRORS_ARE_FATAL (processes in this communicator will now abort,\n",
     -1, 0, 0, false, false, "",
     "MPI cannot start, and does not say why: look at the variables OMPI_MCA_* that are set"},
    {RULER "A call to mkdir was unable to create the desired directory:\n\n"
           "  Directory: /proc/nowhere\n  Error:     No such file or directory\n\nPlease check\n",
     -1, 0, 0, false, false, "",
     "Open MPI cannot make the folder /proc/nowhere: No such file or directory"},
    {RULER "ORTE has lost communication with a remote daemon.\n\n"
           "  HNP daemon   : [[61219,0],0] on node h0\n"
           "  Remote daemon: [[61219,0],1] on node h1.lan\n\nThis is usually\n",
     -1, 0, 0, true, false, "h1.lan", ""},
    {"ssh: Could not resolve hostname hb: Temporary failure in name resolution\n" NOT_STARTED, -1,
     0, 0, true, false, "",
     "ssh: Could not resolve hostname hb: Temporary failure in name resolution"},
    {"me@hb: Permission denied (publickey).\n" NOT_STARTED, -1, 0, 0, true, false, "",
     "me@hb: Permission denied (publickey)."},
    {"@@@@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@\n"
     "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\nHost key verification "
     "failed.\n" NOT_STARTED,
     -1, 0, 0, true, false, "", "Host key verification failed."},
    {"bash: line 1: orted: command not found\n" NOT_STARTED, -1, 0, 0, true, true, "",
     "orted is not found on one of the hosts: install the same Open MPI on all of them"},
    {"the sky is red\n[vm:00010] tcp_peer_recv_connect_ack: invalid header type: 32\n", -1, 0, 0,
     false, false, "", "the sky is red"},
    {RULER "The specified mapping policy is not recognized:\n\n  Policy: nope\n\n"
           "Please check for a typo or ensure that the option is a supported\none.\n" RULER,
     -1, 0, 0, false, false, "", "The specified mapping policy is not recognized: Policy: nope"},
    {RULER "Your job has requested more processes than the ppr for\nthis topology can support:\n\n"
           "  App: true\n  Number of procs:  2\n  PPR: 1:node\n\n"
           "Please revise the conflict and try again.\n" RULER,
     -1, 0, 0, false, false, "",
     "Your job has requested more processes than the ppr for this topology can support: App: true, "
     "Number of procs:  2, PPR: 1:node"},
    {RULER "There are not enough slots available in the system to satisfy the 2\nslots that were "
           "requested.  Either request fewer,\nor make more available.\n" STATE("0", "FAILED")
               RULER STARTED,
     -1, 0, 0, false, false, "",
     "There are not enough slots available in the system to satisfy the 2 slots that were "
     "requested"},
    {RULER
     "Open RTE was unable to open the hostfile:\n    /nope\nCheck to make sure the path.\n" RULER
         RULER
     "An internal error has occurred in ORTE:\n\n[[27995,0],0] FORCE-TERMINATE AT (null):1\n"
     "\nThis is something that should be reported to the developers.\n" RULER,
     -1, 0, 0, false, false, "",
     "Open RTE was unable to open the hostfile: /nope Check to make sure the path"},
    {RULER "No components were able to be opened in the btl framework.\n\nThis typically means\n\n"
           "  Host:      vm\n  Framework: btl\n" KILLED("0", "11"),
     0, 11, 0, false, true, "",
     "Open MPI on vm has no btl component that works here: look at OMPI_MCA_btl"},
    {RULER "WARNING: a card is slow.\n" RULER
           "\nTraceback (most recent call last):\nKeyError: 7\n" LEFT("0", "1"),
     0, 0, 1, false, false, "", "KeyError: 7"},
    {"There are not enough slots available\n", -1, 0, 0, false, false, "",
     "There are not enough slots available"},
};

static void mpirun_says_who_failed_and_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        rt__blame b;
        rt__log_blame(r->log, &b);
        if (b.rank != r->rank || b.signal != r->signal || b.exit_code != r->exit_code ||
            b.daemon != r->daemon || b.final != r->final || strcmp(b.host, r->host) != 0 ||
            strcmp(b.reason, r->reason) != 0)
            fail_msg("rank %" PRId64 ", signal %" PRId64 ", exit code %" PRId64
                     ", daemon %d, final %d, host '%s', reason '%s' of:\n%s",
                     b.rank, b.signal, b.exit_code, b.daemon, b.final, b.host, b.reason, r->log);
    }
}

static void a_worker_says_why(void **state)
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
        {"ringtorch-worker: batches.c:96: Assertion `step >= 0' failed.\n",
         "ringtorch-worker: batches.c:96: Assertion `step >= 0' failed."},
    };
    for (size_t i = 0; i < sizeof log_reason / sizeof *log_reason; i++) {
        char reason[RT__REASON];
        rt__log_worker(log_reason[i][0], reason);
        assert_string_equal(reason, log_reason[i][1]);
    }
}

static void a_host_is_given_its_own_line(void **state)
{
    (void)state;
    static const char log[] = "me@ha: Permission denied (publickey).\n"
                              "ssh: connect to host hb port 22: No route to host\n" NOT_STARTED;
    char reason[RT__REASON] = "before";
    rt__log_name_host(log, "hc", reason);
    assert_string_equal(reason, "before");
    rt__log_name_host(log, "ha", reason);
    assert_string_equal(reason, "me@ha: Permission denied (publickey).");
}

/* mpirun goes on writing while its log is made shorter. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mpirun_says_who_failed_and_why),
        cmocka_unit_test(a_worker_says_why),
        cmocka_unit_test(a_host_is_given_its_own_line),
        cmocka_unit_test(a_long_log_keeps_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
