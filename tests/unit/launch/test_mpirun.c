/* What the launcher makes of the mpiruns of Open MPI 4 and 5: how each is started, and what it takes from what they say. They
 * are shell scripts; the real ones are met in test_supervise, test_train and system.test_openmpi5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "supervising.h"

/* An mpirun that does not end, as when it waits for a host that is cut off. The signal that we kill it with says nothing
 * about the workers. */
static void a_job_that_does_not_end_is_killed(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    fake_mpirun("4.1.4", "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\n: >$(dirname \"$0\")/../run/deaf\n"
                         "while :; do sleep 0.1; done\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 2");
    for (double end = rt_clock() + patience; !rt_path_exists(in_run("deaf")); rt_clock_sleep(0.005))
        assert_true(rt_clock() < end);
    order("end 1");
    expect_text(await_exited(1), "exit_code: 0, signal: 0, rank: -1, ranks: [], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    setenv("PATH", path, 1);
    end_run(pid, 0);
}

/* An mpirun that writes down its arguments and environment. */
static const char teller[] =
    "#!/bin/sh\nd=$(dirname \"$0\")/../run; (printf '%s ' \"$@\"; echo; env) >$d/said.$$\n"
    "mv $d/said.$$ $d/said\n";

static void other_hosts_need_other_settings(void **state)
{
    (void)state;
    static const struct {
        const char *version, *here, *there; /* arguments, up to the first -x */
        const char *set_here[8], *set_there[8], *not_there[8];
    } rows[] = {
        {"4.1.4",
         "-n 3 --oversubscribe --bind-to none -x ",
         "-n 3 --oversubscribe --bind-to none --map-by slot --host localhost:2,elsewhere:1 -x ",
         {"OMPI_MCA_plm=isolated\n", "OMPI_MCA_oob_tcp_if_include=lo\n",
          "OMPI_MCA_odls_base_sigkill_timeout=0\n", "OMPI_MCA_orte_tmpdir_base=/tmp/ringtorch-"},
         {"OMPI_MCA_plm=rsh\n", "OMPI_MCA_plm_rsh_agent=ssh -o BatchMode=yes ",
          "OMPI_MCA_btl=self,tcp\n"},
         {"OMPI_MCA_oob_tcp_if_include", "PRTE_MCA_", "OMPI_MCA_orte_tmpdir_base"}},
        {"5.0.11",
         "-n 3 --map-by :OVERSUBSCRIBE --bind-to none -x ",
         "-n 3 --bind-to none --map-by slot:OVERSUBSCRIBE --host localhost:2,elsewhere:1 -x ",
         {"PRTE_MCA_odls_base_sigkill_timeout=0\n", "PRTE_MCA_prte_tmpdir_base=/tmp/ringtorch-"},
         {"PRTE_MCA_plm=ssh\n", "PRTE_MCA_plm_ssh_agent=ssh -o BatchMode=yes ",
          "OMPI_MCA_btl=self,tcp\n"},
         {"PRTE_MCA_prte_if_include", "OMPI_MCA_orte", "PRTE_MCA_prte_tmpdir_base"}},
    };
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("OMPI_MCA_btl", "self,tcp", 1); /* the user's setting stays */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_mpirun(rows[i].version, teller);
        pid_t pid = begin("--set", "control.bind=127.0.0.1", NULL);
        await_heard("LAUNCHER");
        order("start 1 3 localhost 2 elsewhere 1");
        await_exited(1);
        expect_says("said", rows[i].there);
        expect_says("said", "RINGTORCH_LISTEN=127.0.0.1\n"); /* the coordinator's endpoint */
        for (const char *const *v = rows[i].set_there; *v; v++)
            expect_says("said", *v);
        for (const char *const *v = rows[i].not_there; *v; v++)
            assert_false(file_says("said", *v));
        assert_int_equal(unlink(in_run("said")), 0);
        order("start 2 3 localhost 3");
        await_exited(2);
        expect_says("said", rows[i].here);
        expect_says("said", "/ringtorch-listen.so\n");
        for (const char *const *v = rows[i].set_here; *v; v++)
            expect_says("said", *v);
        setenv("PATH", path, 1);
        end_run(pid, 0);
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
    unsetenv("OMPI_MCA_btl");
}

static void a_lost_host_is_told_of(void **state)
{
    (void)state;
    static const struct {
        const char *version, *script;
    } rows[] = {
        {"4.1.4", "#!/bin/sh\ncase $RINGTORCH_GENERATION in\n1)\n"
                  "echo 'ORTE has lost communication with a remote daemon.'\necho\n"
                  "echo '  HNP daemon   : [[61219,0],0] on node here'\n"
                  "echo '  Remote daemon: [[61219,0],1] on node there'\nexit 205;;\n"
                  "2) echo 'ORTE was unable to reliably start one or more daemons.'; exit 255;;\n"
                  "3) echo 'no idea'; exit 1;;\nesac\n"},
        {"5.0.11", "#!/bin/sh\ncase $RINGTORCH_GENERATION in\n1)\n"
                   "echo 'PRTE has lost communication with a remote daemon.'\necho\n"
                   "echo '  HNP daemon   : [prterun-here-7@0,0] on node here'\n"
                   "echo '  Remote daemon: [prterun-here-7@0,1] on node there'\nexit 205;;\n"
                   "2) echo 'PRTE was unable to reliably start one or more daemons.'; exit 255;;\n"
                   "3) echo 'no idea'; exit 1;;\nesac\n"}};
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    make_agent();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_mpirun(rows[i].version, rows[i].script);
        pid_t pid = begin(NULL);
        await_heard("LAUNCHER");
        order("start 1 3 localhost 2 there.lan 1");
        expect_text(await_exited(1), "exit_code: 205, signal: 0, rank: -1, ranks: [], "
                                     "host: \"there.lan\"");
        order("start 2 4 localhost 2 there 1 away2 1");
        expect_text(await_exited(2),
                    "exit_code: 255, signal: 0, rank: -1, ranks: [], host: \"away2\"");
        order("start 3 4 localhost 2 there 1 away2 1");
        expect_text(await_exited(3), "exit_code: 1, signal: 0, rank: -1, ranks: [], host: \"\"");
        setenv("PATH", path, 1);
        end_run(pid, 0);
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
    unsetenv("OMPI_MCA_plm_rsh_agent");
}

/* Version 5 exits with 0 when it has lost a host. */
static void a_lost_host_is_told_of_by_an_mpirun_that_ends_well(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    fake_mpirun("5.0.11", "#!/bin/sh\necho 'PRTE has lost communication with a remote daemon.'\n"
                          "echo '  Remote daemon: [prterun-here-7@0,1] on node there'\nexit 0\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 2 localhost 1 there 1");
    expect_text(await_exited(1), "exit_code: 1, signal: 0, rank: -1, ranks: [], host: \"there\"");
    setenv("PATH", path, 1);
    end_run(pid, 0);
}

/* On a machine under load mpirun takes long to say which rank was the first to end. It is not interrupted in that: it
 * would end without a word, and nobody else has seen the rank. */
static void a_slow_mpirun_may_finish_its_words(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    fake_mpirun("4.1.4",
                "#!/bin/sh\nrun=$(dirname \"$0\")/../run\ntrap 'exit 137' TERM\n"
                "now() { read up rest </proc/uptime; up=${up%.*}; }\n"
                "OMPI_COMM_WORLD_RANK=0 sleep 1000 &\n"
                "until [ -e $run/killed ]; do :; done\n"
                "now; end=$((up + 3)); while [ $up -lt $end ]; do now; done\n"
                "echo '[vm:1] [[1,0],0] ACTIVATE PROC [[1,1],1] STATE ABORTED BY SIGNAL AT x.c:1'\n"
                "exit 137\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 3");     /* 1 and 2 end unseen, so that only mpirun knows */
    kill(rank(0), SIGTERM); /* as mpirun would, because of rank 1 */
    assert_int_equal(rt_file_replace(in_run("killed"), "", 0), RT_OK);
    expect_text(await_exited(1), "exit_code: 137, signal: 9, rank: 1, ranks: [1], host: \"\"");
    setenv("PATH", path, 1);
    end_run(pid, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, supervising_begin, supervising_end)
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_does_not_end_is_killed),
        TEST(a_slow_mpirun_may_finish_its_words),
        TEST(other_hosts_need_other_settings),
        TEST(a_lost_host_is_told_of),
        TEST(a_lost_host_is_told_of_by_an_mpirun_that_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
