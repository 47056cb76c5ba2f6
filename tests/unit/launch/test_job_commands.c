/* Job back ends that a plugin describes, with shell scripts as their commands: what a command is given, how it is watched and
 * ended, and what is reported of its end. A scripted coordinator gives the orders. */
#include "supervising.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#include "common/base/text.h"

static char script[96];

/* Writes a configuration whose plugin `site` has the row `far`, which runs the script `start` with hosts, `near`, which runs
 * it without, and others. */
static void describe(const char *more)
{
    static const char numbers[] =
        "\"rank\": \"MY_RANK\", \"world\": \"MY_WORLD\", \"local_rank\": \"MY_LOCAL\"";
    char yaml[4096];
    snprintf(
        yaml, sizeof yaml,
        "run: {steps: 100}\nmodel: {preset: mlp}\nparallel: {slices: 8}\n"
        "snapshot: {dir: %s}\n"
        "plugins: [{\"file\": \"/p/site.so\", \"sha256\": "
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", \"rows\": "
        "{\"name\": \"site\", \"jobs\": ["
        "{\"name\": \"near\", \"help\": \"h\", \"command\": [\"%s\", \"{ranks}\", "
        "\"{worker}\"], %s},"
        "{\"name\": \"once\", \"help\": \"h\", \"command\": [\"%s\", \"{ranks}\", "
        "\"{worker}\"], \"once\": true, %s},"
        "{\"name\": \"gone\", \"help\": \"h\", \"command\": [\"no-such-program\", \"{ranks}\", "
        "\"{worker}\"], %s},"
        "{\"name\": \"far\", \"help\": \"h\", \"command\": [\"%s\", \"-n{ranks}\", "
        "\"{threads} threads\", \"{hosts}\", \"{host_slots}\", \"{variables}\", \"{{}\", "
        "\"{worker}\"], \"shell\": [\"%s/shell\", \"-q\"], \"local_world\": \"MY_LW\", %s}"
        "%s]}}]\n",
        memory, script, numbers, script, numbers, numbers, script, folder, numbers, more);
    assert_int_equal(rt_file_replace(config, yaml, strlen(yaml)), RT_OK);
}

static int set_up(void **state)
{
    supervising_begin(state);
    snprintf(script, sizeof script, "%s/start", folder);
    describe("");
    return 0;
}

static pid_t begin_with(const char *name, const char *text)
{
    write_program(script, text);
    setenv("RINGTORCH_JOBS", name, 1);
    pid_t pid = begin(NULL);
    unsetenv("RINGTORCH_JOBS");
    return pid;
}

/* Starts ranks as children, as mpirun does. */
#define RANKS                                                                                      \
    "#!/bin/bash\n"                                                                                \
    "i=0\nwhile [ $i -lt $1 ]; do MY_RANK=$i MY_WORLD=$1 MY_LOCAL=$i \"$2\" & i=$((i + 1)); "      \
    "done\n"

static pid_t own_rank(int number)
{
    char variable[32];
    snprintf(variable, sizeof variable, "MY_RANK=%d", number);
    return await_process("sleep", variable);
}

static void await_watch(pid_t launcher, pid_t other)
{
    for (double end = rt_clock() + patience; !watches(launcher, other); rt_clock_sleep(0.005))
        if (rt_clock() > end)
            fail_msg("the launcher does not watch %d", (int)other);
}

/* ---- what a command is given ---- */

/* It writes down its arguments and environment. */
static const char teller[] =
    "#!/bin/sh\nd=$(dirname \"$0\")/run\n(printf '<%s>' \"$@\"; echo; env) >$d/said.$$\n"
    "mv $d/said.$$ $d/said\n";

static void its_words_and_variables_are_filled(void **state)
{
    (void)state;
    static const char *const says[] = {
        "<-n3><1 threads><localhost,elsewhere><localhost:2,elsewhere:1><RINGTORCH_TAG,",
        ",RINGTORCH_KEYS,",
        "/worker>\n",
        "><{}><",
        "RINGTORCH_RANKS=3\n",
        "RINGTORCH_RANK_FROM=MY_RANK\n",
        "RINGTORCH_WORLD_FROM=MY_WORLD\n",
        "RINGTORCH_LOCAL_RANK_FROM=MY_LOCAL\n",
        "RINGTORCH_LOCAL_WORLD_FROM=MY_LW\n",
        "RINGTORCH_GENERATION=1\n",
        "OMP_NUM_THREADS=1\n",
        "SLURM_JOB_ID=77\n", /* a command of a batch system needs it */
    };
    setenv("SLURM_JOB_ID", "77", 1);
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    setenv("RINGTORCH_RANK_FROM", "SLURM_PROCID", 1); /* of a run that surrounds this one */
    pid_t pid = begin_with("far", teller);
    unsetenv("SLURM_JOB_ID");
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("RINGTORCH_RANK_FROM");
    await_heard("LAUNCHER");
    order("start 1 3 localhost 2 elsewhere 1");
    await_exited(1);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        expect_says("said", says[i]);
    assert_false(file_says("said", "OMPI_COMM_WORLD_RANK"));
    order("start 2 2 localhost 2");
    await_exited(2);
    expect_says("said", "<-n2><1 threads><localhost><localhost:2>");
    assert_true(rt_path_exists(in_run("logs/job.g1.log")));
    end_run(pid, 0);
}

static void hosts_are_asked_with_its_shell(void **state)
{
    (void)state;
    char shell[96];
    snprintf(shell, sizeof shell, "%s/shell", folder);
    write_program(shell, "#!/bin/sh\n[ $1 = -q ] || exit 9\n[ $2 = away ] && exit 255\n"
                         "exec sh -c \"$3\"\n");
    pid_t pid = begin_with("far", teller);
    await_heard("LAUNCHER");
    order("probe away");
    await_heard("PROBED {host: \"away\", ok: false}");
    order("probe elsewhere");
    await_heard("PROBED {host: \"elsewhere\", ok: true}");
    end_run(pid, 0);
}

/* ---- how it ends ---- */

/* The command ends as the rank did, at once. */
static void a_command_ends_with_its_rank(void **state)
{
    (void)state;
    pid_t pid =
        begin_with("near", RANKS "wait -n\ncode=$?\nkill -9 $(jobs -p)\nwait\nexit $code\n");
    await_heard("LAUNCHER");
    order("start 1 3");
    for (int i = 0; i < 3; i++)
        await_watch(pid, own_rank(i));
    kill(own_rank(1), SIGKILL);
    expect_text(await_exited(1), "exit_code: 137, ");
    order("start 2 2"); /* and again */
    own_rank(1);
    order("end 2");
    expect_text(await_exited(2), "exit_code: 0, signal: 0, rank: -1, ranks: []");
    end_run(pid, 0);
}

/* The command does not even notice: the launcher sees which rank died, and ends the command a while later. */
static void a_rank_that_dies_is_named(void **state)
{
    (void)state;
    pid_t pid = begin_with("near", RANKS "exec sleep 1000\n");
    await_heard("LAUNCHER");
    order("start 1 2");
    for (int i = 0; i < 2; i++)
        await_watch(pid, own_rank(i));
    kill(own_rank(0), SIGKILL);
    expect_text(await_exited(1), "exit_code: 137, signal: 9, rank: 0, ranks: [0], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

static void one_that_ignores_orders_is_killed(void **state)
{
    (void)state;
    pid_t pid = begin_with("near", "#!/bin/sh\ntrap '' TERM\nMY_RANK=0 sleep 1000 & wait\n");
    await_heard("LAUNCHER");
    order("start 1 1");
    own_rank(0);
    order("end 1");
    expect_text(await_exited(1), "exit_code: 0, signal: 0, rank: -1, ranks: []");
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

static void what_a_command_leaves_behind_is_ended(void **state)
{
    (void)state;
    pid_t pid = begin_with("near", "#!/bin/sh\nMY_RANK=0 sleep 1000 &\nexit 0\n");
    await_heard("LAUNCHER");
    order("start 1 1");
    await_exited(1);
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

/* The coordinator may order the end of a job that has failed, but has not ended yet. */
static void an_order_does_not_hide_a_failure(void **state)
{
    (void)state;
    pid_t pid = begin_with(
        "near", "#!/bin/sh\n(trap '' TERM; exec sleep 1000) &\necho 'no such partition'\nexit 3\n");
    await_heard("LAUNCHER");
    order("start 1 1");
    find_process("sleep");
    rt_clock_sleep(0.2);
    order("end 1");
    const char *m = await_exited(1);
    expect_text(m, "exit_code: 3, ");
    expect_text(m, ": no such partition");
    end_run(pid, 0);
}

static void its_end_is_told_with_its_own_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *ends, *says;
    } rows[] = {
        {"#!/bin/sh\necho one; echo 'no such partition' >&2; exit 3\n", "exit_code: 3, signal: 0",
         ": no such partition: no worker has begun: try this command by hand\""},
        {"#!/bin/sh\nexit 0\n", "exit_code: 0, signal: 0", ": it printed nothing: no worker has"},
        {"#!/bin/sh\nkill -9 $$\n", "exit_code: 137, signal: 9", ": it printed nothing: no worker"},
        {"#!/bin/sh\necho 'ringtorch: MY_RANK is not set'; echo 'task 0: exited'; exit 1\n",
         "exit_code: 1, signal: 0", ": MY_RANK is not set: no worker has begun"},
        {"#!/bin/sh\necho x >$(dirname $0)/run/logs/worker-0.g$RINGTORCH_GENERATION.log; echo bad; "
         "exit 4\n",
         "exit_code: 4, signal: 0", ": bad\""},
    };
    int generation = 0;
    pid_t pid = begin_with("near", teller);
    await_heard("LAUNCHER");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_program(script, rows[i].text);
        order("start %d 2", ++generation);
        const char *m = await_exited(generation);
        expect_text(m, rows[i].ends);
        expect_text(m, "rank: -1, ranks: [], host: \"\"");
        expect_text(m, "reason: \"job back end near of the plugin site: `");
        expect_text(m, "/start 2 /");
        expect_text(m, rows[i].says);
    }
    end_run(pid, 0);
}

#define NO_COMPONENT                                                                               \
    "echo 'A requested component was not found, or was unable to be opened.'; echo 'Host: h1'; "   \
    "echo 'Framework: pml'; echo 'Component: nope'\n"

/* What would end every job in the same way ends the run, as it does with mpirun. */
static void a_cause_that_stays_is_final(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says, *final;
    } rows[] = {
        {"#!/bin/sh\n" NO_COMPONENT "exit 1\n", "no pml component 'nope'", "final: true"},
        {"#!/bin/sh\necho 'no such partition'\nexit 1\n", "no such partition", "final: false"},
        {"#!/bin/sh\n" NO_COMPONENT "exit 0\n", "no pml component 'nope'", "final: false"},
    };
    int generation = 0;
    pid_t pid = begin_with("near", teller);
    await_heard("LAUNCHER");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_program(script, rows[i].text);
        order("start %d 1", ++generation);
        const char *m = await_exited(generation);
        expect_text(m, rows[i].says);
        expect_text(m, rows[i].final);
    }
    end_run(pid, 0);
}

/* The same in the log of the rank that failed, where MPI writes if no mpirun gathers its messages. */
static void a_cause_in_a_ranks_log_is_final(void **state)
{
    (void)state;
    char text[1024], go[128];
    snprintf(go, sizeof go, "%s/go", folder);
    assert_int_equal(mkfifo(go, 0600), 0);
    snprintf(text, sizeof text,
             "#!/bin/sh\nexec >%s/run/logs/worker-0.g1.log\n" NO_COMPONENT
             "read word <%s\nexit 1\n",
             folder, go); /* starts no process, so that it is the only sh with this variable */
    write_program(worker, text);
    pid_t pid = begin_with("near", RANKS "wait -n\nexit 1\n");
    await_heard("LAUNCHER");
    order("start 1 1");
    await_watch(pid, await_process("/sh", "MY_RANK=0"));
    close(open(go, O_WRONLY | O_CLOEXEC));
    const char *m = await_exited(1);
    expect_text(m, "rank: 0, ");
    expect_text(m, "no pml component 'nope'");
    expect_text(m, "final: true");
    end_run(pid, 0);
}

/* A limit that has certainly ended a rank ends it again. A crash under a limit on memory may have any other reason. */
static void only_a_certain_limit_is_final(void **state)
{
    (void)state;
    static const struct {
        int limit, signal;
        const char *says, *final;
    } rows[] = {{RLIMIT_CPU, SIGXCPU, "processor time is limited to ", "final: true"},
                {RLIMIT_AS, SIGSEGV, "memory is limited to ", "final: false"},
                {RLIMIT_AS, SIGABRT, "memory is limited to ", "final: false"}};
    const rlim_t much = (rlim_t)1 << 46;
    struct rlimit was[2];
    for (int i = 0; i < 2; i++) {
        getrlimit(rows[i].limit, &was[i]);
        setrlimit(rows[i].limit, &(struct rlimit){much, i == 0 ? much : was[i].rlim_max});
    }
    pid_t pid = begin_with("near", RANKS "wait -n\nexit 1\n");
    for (int i = 0; i < 2; i++)
        setrlimit(rows[i].limit, &was[i]); /* that of time may remain: nothing reaches it */
    await_heard("LAUNCHER");
    for (int i = 0; i < 3; i++) {
        order("start %d 1", i + 1);
        await_watch(pid, own_rank(0));
        kill(own_rank(0), rows[i].signal);
        const char *m = await_exited(i + 1);
        expect_text(m, rows[i].says);
        expect_text(m, rows[i].final);
    }
    end_run(pid, 0);
}

/* A crash, or _exit() in a library, is not explained by what the rank has logged before: its log is named. */
static void the_log_of_a_silent_rank_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *end, *says;
    } rows[] = {{"exit 3", "logs/worker-0.g1.log may say why"},
                {"kill -SEGV $$", "logs/worker-0.g2.log may say where"},
                {"kill -TERM $$", "reason: \"\""}};
    char text[512], go[128];
    snprintf(go, sizeof go, "%s/go", folder);
    assert_int_equal(mkfifo(go, 0600), 0);
    pid_t pid = begin_with("near", RANKS "wait -n\nexit 1\n");
    await_heard("LAUNCHER");
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text,
                 "#!/bin/sh\nexec >%s/run/logs/worker-0.g%d.log\n"
                 "echo '2026-11-28 20:49:47.592 INFO  worker 0: ready'\nread word <%s\n%s\n",
                 folder, i + 1, go, rows[i].end);
        write_program(worker, text);
        order("start %d 1", i + 1);
        await_watch(pid, await_process("/sh", "MY_RANK=0"));
        close(open(go, O_WRONLY | O_CLOEXEC));
        const char *m = await_exited(i + 1);
        expect_text(m, "rank: 0, ");
        expect_text(m, rows[i].says);
    }
    end_run(pid, 0);
}

static void a_row_may_have_one_job_only(void **state)
{
    (void)state;
    pid_t pid = begin_with("once", "#!/bin/sh\nexit 1\n");
    await_heard("LAUNCHER");
    order("start 1 1");
    await_exited(1);
    order("start 2 1");
    const char *m = await_exited(2);
    expect_text(m, "once starts no other workers once they have ended: submit the job again");
    expect_text(m, "final: true");
    end_run(pid, 0);
}

static void a_command_that_vanishes_is_told_of(void **state)
{
    (void)state;
    pid_t pid = begin_with("near", teller);
    await_heard("LAUNCHER");
    assert_int_equal(unlink(script), 0);
    order("start 1 1");
    const char *m = await_exited(1);
    expect_text(m, "job back end near of the plugin site: cannot start ");
    expect_text(m, "/start: No such file or directory");
    end_run(pid, 0);
}

/* ---- what is refused before anything starts ---- */

static void expect_refused(pid_t pid, const char *says)
{
    expect_end(pid, 2);
    expect_text(err, says);
    assert_false(rt_path_exists(run_dir));
}

static void wrong_choices_are_refused(void **state)
{
    (void)state;
    char hosts[96];
    expect_refused(begin_with("nosuch", teller),
                   "RINGTORCH_JOBS=nosuch: no such back end: "
                   "expected auto, far, gone, once, near, outer, slurm, mpirun");
    expect_refused(begin_with("gone", teller),
                   "RINGTORCH_JOBS=gone: no-such-program: not found, or not executable: the job "
                   "back end gone of the plugin site starts workers with it: install it");
    snprintf(hosts, sizeof hosts, "%s/hosts", folder);
    write_program(hosts, "elsewhere slots=2\n");
    setenv("RINGTORCH_JOBS", "near", 1);
    expect_refused(begin("--hostfile", hosts, "--set", "control.bind=10.0.0.1", NULL),
                   "RINGTORCH_JOBS=near: the command of this job back end of the plugin site names "
                   "no hosts");
    unsetenv("RINGTORCH_JOBS");
    static const char *const taken[] = {"mpirun", "auto"};
    for (int i = 0; i < 2; i++) {
        char more[300], says[100];
        snprintf(more, sizeof more,
                 ", {\"name\": \"%s\", \"help\": \"h\", \"command\": [\"a\", \"{ranks}\", "
                 "\"{worker}\"], \"rank\": \"A\", \"world\": \"B\", \"local_rank\": \"C\"}",
                 taken[i]);
        describe(more);
        snprintf(says, sizeof says,
                 "plugin site (/p/site.so): jobs: %s is built in: give it another name", taken[i]);
        expect_refused(begin(NULL), says); /* even if nobody chooses it */
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, supervising_end)
    const struct CMUnitTest tests[] = {
        TEST(its_words_and_variables_are_filled), TEST(hosts_are_asked_with_its_shell),
        TEST(a_command_ends_with_its_rank),       TEST(a_rank_that_dies_is_named),
        TEST(one_that_ignores_orders_is_killed),  TEST(what_a_command_leaves_behind_is_ended),
        TEST(an_order_does_not_hide_a_failure),   TEST(its_end_is_told_with_its_own_words),
        TEST(a_cause_that_stays_is_final),        TEST(a_cause_in_a_ranks_log_is_final),
        TEST(only_a_certain_limit_is_final),      TEST(the_log_of_a_silent_rank_is_named),
        TEST(a_row_may_have_one_job_only),        TEST(a_command_that_vanishes_is_told_of),
        TEST(wrong_choices_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
