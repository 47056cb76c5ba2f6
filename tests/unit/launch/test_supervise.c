/* The launcher seen from its coordinator: which deaths it tells of and how, what it does when orders
 * come twice or the coordinator dies, and what it leaves behind. The coordinator is scripted, the
 * workers are shell scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "launching.h"

static char worker[96], memory[96]; /* the worker's program; snapshot.dir */

static void write_program(const char *path, const char *text)
{
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Ranks that wait for ever; they die with mpirun, as real ones do. */
static const char sleeper[] = "#!/bin/sh\nexec setpriv --pdeathsig KILL sleep 1000\n";

static int set_up(void **state)
{
    (void)state;
    char yaml[512];
    make_folder("");
    snprintf(worker, sizeof worker, "%s/worker", folder);
    snprintf(memory, sizeof memory, "%s/memory", folder);
    snprintf(
        yaml, sizeof yaml,
        "run: {steps: 100}\nmodel: {preset: mlp}\nparallel: {slices: 8}\nsnapshot: {dir: %s}\n",
        memory);
    assert_int_equal(rt_file_replace(config, yaml, strlen(yaml)), RT_OK);
    assert_int_equal(rt_dir_make(memory, 0700), RT_OK);
    write_program(worker, sleeper);
    setenv("RINGTORCH_WORKER", worker, 1);
    setenv("RINGTORCH_COORDINATOR", RT_TEST_BINARY_DIR "/bin/tests/launch/scripted_coordinator", 1);
    unsetenv("SCRIPT_AGAIN");
    unsetenv("SCRIPT_READS");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder();
    return 0;
}

/* ---- orders and what is heard ---- */

__attribute__((format(printf, 1, 2))) static void order(const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    assert_int_equal(rt_file_append_line(in_run("orders"), line), RT_OK);
}

static void await_heard(const char *fragment)
{
    await_text("heard", fragment);
}

static void await_printed(const char *name, char *text, size_t size, const char *fragment)
{
    for (double end = rt_clock() + patience; read_output(name, text, size), !strstr(text, fragment);
         rt_clock_sleep(0.01))
        if (rt_clock() > end)
            fail_msg("'%s' is never printed, only:\n%s", fragment, text);
}

static void await_error(const char *fragment)
{
    await_printed("err", err, sizeof err, fragment);
}

static int times_heard(const char *fragment)
{
    rt_bytes b;
    int count = 0;
    assert_int_equal(rt_file_read(in_run("heard"), 1 << 20, &b), RT_OK);
    for (const char *at = (char *)b.data; (at = strstr(at, fragment)); at++)
        count++;
    rt_bytes_release(&b);
    return count;
}

static void await_twice(const char *fragment)
{
    for (double end = rt_clock() + patience; times_heard(fragment) < 2; rt_clock_sleep(0.005))
        if (rt_clock() > end)
            fail_msg("'%s' is not heard twice", fragment);
}

/* Waits for the end of a job to be told, and copies what is told: "EXITED {job_generation: 1, ...}". */
static const char *await_exited(int generation)
{
    static char line[4096];
    char head[64];
    rt_bytes b;
    snprintf(head, sizeof head, "EXITED {job_generation: %d,", generation);
    await_heard(head);
    assert_int_equal(rt_file_read(in_run("heard"), 1 << 20, &b), RT_OK);
    const char *at = strstr((char *)b.data, head);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    rt_bytes_release(&b);
    return line;
}

static pid_t rank(int number)
{
    char variable[64];
    snprintf(variable, sizeof variable, "OMPI_COMM_WORLD_RANK=%d", number);
    return await_process("sleep", variable);
}

/* Starts a run and its first job, and waits until all ranks are there and are watched. */
static pid_t begin_job(int world)
{
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 %d", world);
    double end = rt_clock() + patience;
    for (int i = 0; i < world; i++)
        for (pid_t p = rank(i); !watches(pid, p); rt_clock_sleep(0.005))
            if (rt_clock() > end)
                fail_msg("the launcher does not watch rank %d", i);
    return pid;
}

static void end_run(pid_t pid, int exit_code)
{
    order("over %d ", exit_code);
    expect_end(pid, exit_code);
    assert_int_equal(times_heard("REFUSED"), 0);
}

/* ---- deaths ---- */

static void a_killed_rank_is_told_of(void **state)
{
    (void)state;
    pid_t pid = begin_job(3);
    kill(rank(1), SIGKILL);
    const char *m = await_exited(1);
    expect_text(m, "exit_code: 137, signal: 9, rank: 1, ranks: [1], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    assert_int_equal(find_process("mpirun"), 0);
    end_run(pid, 0);
}

static void a_rank_that_leaves_is_told_of(void **state)
{
    (void)state;
    write_program(worker, "#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = 2 ] && { sleep 0.3; exit 7; }\n"
                          "exec setpriv --pdeathsig KILL sleep 1000\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 3");
    expect_text(await_exited(1), "exit_code: 7, signal: 0, rank: 2, ranks: [2], host: \"\"");
    end_run(pid, 0);
}

/* mpirun is stopped, so that all of them are dead when the launcher looks; and it goes on by being
 * told to. */
static void several_deaths_at_once(void **state)
{
    (void)state;
    pid_t pid = begin_job(4), first = rank(0), last = rank(3), mpirun = find_process("mpirun");
    kill(pid, SIGSTOP);
    kill(mpirun, SIGSTOP);
    kill(first, SIGKILL);
    kill(last, SIGKILL);
    usleep(50000);
    kill(pid, SIGCONT);
    const char *m = await_exited(1);
    expect_text(m, "signal: 9, rank: ");
    assert_true(strstr(m, "ranks: [0, 3]") || strstr(m, "ranks: [3, 0]") ||
                strstr(m, "ranks: [0]") || strstr(m, "ranks: [3]"));
    end_run(pid, 0);
}

static void ranks_that_are_done_are_no_loss(void **state)
{
    (void)state;
    write_program(worker, "#!/bin/sh\nsleep 0.$OMPI_COMM_WORLD_RANK\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 4");
    expect_text(await_exited(1), "exit_code: 0, signal: 0, rank: -1, ranks: [], host: \"\"");
    end_run(pid, 0);
}

static void a_killed_mpirun_is_told_of(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    kill(find_process("mpirun"), SIGKILL);
    expect_text(await_exited(1), "exit_code: 137, signal: 9, rank: -1, ranks: [], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

static void a_stopped_mpirun_goes_on(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    kill(find_process("mpirun"), SIGSTOP);
    usleep(100000);
    kill(rank(0), SIGTERM);
    expect_text(await_exited(1), "exit_code: 143, signal: 15, rank: 0, ranks: [0], host: \"\"");
    end_run(pid, 0);
}

/* A rank that cannot be reached by SIGTERM: it is stopped. */
static void a_job_is_ended_when_told(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    kill(rank(1), SIGSTOP);
    order("end 1");
    expect_text(await_exited(1), "exit_code: 0, signal: 0, rank: -1, ranks: [], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

static void a_program_that_cannot_start_is_told_of(void **state)
{
    (void)state;
    write_program(worker, "#!/nowhere/at/all\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 2");
    expect_text(await_exited(1), "signal: 0, rank: ");
    end_run(pid, 0);
}

/* ---- orders ---- */

static void orders_may_come_twice(void **state)
{
    (void)state;
    pid_t pid = begin_job(2), mpirun = find_process("mpirun");
    order("start 1 2");
    order("end 7"); /* of which there is no job */
    usleep(300000);
    assert_int_equal(find_process("mpirun"), mpirun);
    order("end 1");
    order("end 1");
    await_exited(1);
    order("start 1 2"); /* from a coordinator that does not know yet */
    await_twice("EXITED {job_generation: 1,");
    assert_int_equal(find_process("mpirun"), 0);
    end_run(pid, 0);
}

static void there_is_one_job_at_a_time(void **state)
{
    (void)state;
    pid_t pid = begin_job(2), mpirun = find_process("mpirun");
    order("start 2 3");
    await_exited(1);
    rank(2);
    assert_int_not_equal(find_process("mpirun"), mpirun);
    assert_int_equal(times_heard("EXITED"), 1);
    order("start 3 1");
    order("end 3"); /* before it has begun */
    await_exited(2);
    await_exited(3);
    usleep(100000);
    assert_int_equal(find_process("mpirun"), 0);
    end_run(pid, 0);
}

/* What it says before it listens is not taken for its address. */
static void a_coordinator_with_much_to_read_says_so(void **state)
{
    (void)state;
    setenv("SCRIPT_READS", "1", 1);
    pid_t pid = begin_job(1);
    order("over 0 ");
    expect_end(pid, 0);
    expect_text(out, "the coordinator reads metrics.jsonl: 80 %\n");
}

static void the_end_of_the_run_ends_its_job(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    order("over 1 the reason");
    expect_end(pid, 1);
    assert_string_equal(err, "ringtorch: the reason\n");
}

/* On a machine under load the launcher has its turn only when the coordinator has said its last word and is gone. */
static void the_end_of_the_run_is_heard_from_a_dead_coordinator(void **state)
{
    (void)state;
    pid_t pid = begin_job(1);
    kill(pid, SIGSTOP);
    order("over 1 the reason");
    for (double end = rt_clock() + patience; find_process("scripted_coordinator");
         rt_clock_sleep(0.01))
        assert_true(rt_clock() < end);
    kill(pid, SIGCONT);
    expect_end(pid, 1);
    assert_string_equal(err, "ringtorch: the reason\n");
    assert_null(strstr(out, "started again"));
}

/* ---- coordinators that die ---- */

static void another_coordinator_is_told_all(void **state)
{
    (void)state;
    pid_t pid = begin_job(2), mpirun = find_process("mpirun");
    char started[256];
    rt_bytes b;
    assert_int_equal(rt_file_read(in_run("heard"), 1 << 20, &b), RT_OK);
    assert_int_equal(sscanf((char *)b.data, "STARTED %255[^\n]", started), 1);
    rt_bytes_release(&b);
    order("exit 0"); /* without RUN_ENDED that is a death */
    char again[300];
    snprintf(again, sizeof again, "STARTED AGAIN %s\n", started);
    await_heard(again); /* the same run at the same endpoint */
    await_heard("job_generation: 1}\nHOSTS {hosts: [], slots: []}\n");
    assert_int_equal(find_process("mpirun"), mpirun);
    kill(rank(1), SIGKILL);
    await_exited(1);
    kill(pid, SIGINT);
    await_heard("INTERRUPT {signal: 2");
    kill(find_process("scripted_coordinator"), SIGKILL);
    await_heard("job_generation: 0}\nHOSTS {hosts: [], slots: []}\nINTERRUPT {signal: 2");
    await_twice("EXITED {job_generation: 1,");
    end_run(pid, 0);
    expect_text(out, "the coordinator left with exit code 0; started again after ");
    expect_text(out, "the coordinator was killed by signal 9; started again after ");
}

/* Returns the path of something that the run has in memory. */
static const char *in_memory(const char *where, const char *rest)
{
    static char buffers[4][200];
    static int next;
    char *path = buffers[next++ % 4];
    snprintf(path, sizeof buffers[0], "%s/ringtorch-%s%s", where, strrchr(folder, '-') + 1, rest);
    return path;
}

/* Counts what /tmp has of mpirun's files of this run. */
static int mpiruns_files(void)
{
    int count = 0;
    rt_names names;
    const char *prefix = in_memory("/tmp", "-g") + strlen("/tmp/");
    assert_int_equal(rt_dir_list("/tmp", &names), RT_OK);
    for (size_t i = 0; i < names.count; i++)
        count += strncmp(names.name[i], prefix, strlen(prefix)) == 0;
    rt_names_release(&names);
    return count;
}

/* Leaves what workers leave. */
static void make_snapshots(void)
{
    assert_int_equal(rt_file_replace(in_memory(memory, "-g1-r0"), "x", 1), RT_OK);
    assert_int_equal(rt_dir_make(in_memory(memory, "-g1-mpi/deep"), 0700), RT_OK);
    /* another run's */
    assert_int_equal(rt_file_replace(in_memory(memory, "9-g1-r0"), "x", 1), RT_OK);
}

static void expect_snapshots(bool snapshots, bool mpi)
{
    assert_int_equal(rt_path_exists(in_memory(memory, "-g1-r0")), snapshots);
    assert_int_equal(rt_path_exists(in_memory(memory, "-g1-mpi")), mpi);
    assert_true(rt_path_exists(in_memory(memory, "9-g1-r0")));
    assert_int_equal(mpiruns_files(), 0);
}

/* A report of a step, so that there is something to go on from. */
static void show_a_step(void)
{
    order("show {\"event\":\"report\",\"step\":5,\"loss\":0.5}");
    await_printed("out", out, sizeof out, "step 5");
}

static void a_coordinator_that_dies_again_and_again_ends_the_run(void **state)
{
    (void)state;
    setenv("SCRIPT_AGAIN", "die", 1);
    pid_t pid = begin_job(2); /* run.max_restarts is 10 */
    make_snapshots();
    show_a_step();
    kill(find_process("scripted_coordinator"), SIGKILL);
    expect_end(pid, 1);
    expect_text(err,
                "gave up after 10 restarts of the coordinator (run.max_restarts): it was killed "
                "by signal 9: ");
    expect_text(err, "to go on from its snapshots: ");
    expect_text(err, "--resume auto");
    expect_snapshots(true, false);
}

/* The same rule as for workers: steps that are made forgive, and run.max_restarts says how often. */
static void a_coordinator_has_the_restarts_of_the_run(void **state)
{
    (void)state;
    pid_t pid = begin("--set", "run.max_restarts=1", NULL);
    await_heard("LAUNCHER");
    kill(find_process("scripted_coordinator"), SIGKILL);
    await_heard("STARTED AGAIN");
    order("show {\"event\":\"progress\",\"step\":40}");
    order("show {\"event\":\"progress\",\"step\":60}");
    order("start 1 1");
    rank(0); /* so they have been heard */
    kill(find_process("scripted_coordinator"), SIGKILL);
    await_twice("STARTED AGAIN");
    kill(find_process("scripted_coordinator"), SIGKILL);
    expect_end(pid, 1);
    expect_text(err, "gave up after 1 restart of the coordinator (run.max_restarts): ");
}

static void a_coordinator_that_refuses_ends_the_run(void **state)
{
    (void)state;
    setenv("SCRIPT_AGAIN", "exit", 1);
    pid_t pid = begin_job(2);
    make_snapshots();
    kill(find_process("scripted_coordinator"), SIGKILL);
    expect_end(pid, 1);
    expect_text(err, "ringtorch: no room for a second one\n");
    expect_text(err, "the coordinator refuses to start again");
    expect_snapshots(true, false);
}

/* ---- what is left in memory ---- */

static void snapshots_go_with_their_run(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    assert_int_equal(mpiruns_files(), 1);
    make_snapshots();
    kill(rank(0), SIGKILL);
    await_exited(1);
    for (double end = rt_clock() + patience;
         rt_clock() < end && (rt_path_exists(in_memory(memory, "-g1-mpi")) || mpiruns_files() > 0);)
        rt_clock_sleep(0.005);
    expect_snapshots(true, false); /* the next generation may need them */
    make_snapshots();
    end_run(pid, 0);
    expect_snapshots(false, false);
}

static void stopped_at_once_snapshots_stay(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    make_snapshots();
    show_a_step();
    kill(pid, SIGTERM);
    usleep(400000);    /* sooner, it would pass for an echo */
    kill(pid, SIGHUP); /* any second signal; this coordinator does not answer even that */
    expect_end(pid, 128 + SIGTERM);
    assert_int_equal(times_heard("INTERRUPT {signal: 15, reason: \"SIGTERM\"}"), 2);
    expect_text(err, "ringtorch: stopped at once\n");
    expect_text(err, "to go on from its snapshots: ");
    expect_snapshots(true, false);
}

/* What cannot be told to end is killed; a stopped process is. */
static void nobody_outlives_the_launcher(void **state)
{
    (void)state;
    static const char *const stopped[] = {"mpirun", "sleep", "scripted_coordinator"};
    for (int i = 0; i < 3; i++) {
        pid_t pid = begin_job(2);
        make_snapshots();
        kill(pid, SIGSTOP); /* or it would tell mpirun to go on */
        kill(find_process(stopped[i]), SIGSTOP);
        kill(pid, SIGKILL);
        expect_end(pid, 128 + SIGKILL);
        expect_nobody_left();
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
    pid_t pid = begin(NULL); /* the next one of the same run tidies up */
    await_heard("LAUNCHER");
    expect_snapshots(true, false);
    end_run(pid, 0);
}

/* ---- hosts ---- */

static char host_file[96];

static void write_hosts(const char *text)
{
    snprintf(host_file, sizeof host_file, "%s/the 'hosts'", folder);
    assert_int_equal(rt_file_replace(host_file, text, strlen(text)), RT_OK);
}

static void hosts_are_told_whenever_they_change(void **state)
{
    (void)state;
    write_hosts("# ours\nlocalhost slots=2\n");
    pid_t pid = begin("--hostfile", host_file, NULL);
    await_heard("HOSTS {hosts: [\"localhost\"], slots: [2]}");
    write_hosts("localhost slots=3\n");
    await_heard("HOSTS {hosts: [\"localhost\"], slots: [3]}");
    write_hosts("localhost slots=three\n");
    await_error("'hosts':1:17: slots=three: expected a whole number: the hosts stay");
    write_hosts("localhost\nelsewhere\n");
    await_error("control.bind is 127.0.0.1");
    unlink(host_file);
    await_error("the 'hosts': cannot open: No such file");
    order("start 1 2 localhost 3"); /* as ever */
    rank(1);
    assert_int_equal(times_heard("HOSTS"), 2);
    write_hosts("localhost slots=4\n");
    await_heard("HOSTS {hosts: [\"localhost\"], slots: [4]}");
    end_run(pid, 0);
}

static void hosts_that_cannot_reach_us_are_refused(void **state)
{
    (void)state;
    char expected[256];
    write_hosts("localhost slots=2\nelsewhere slots=2\n");
    run(2, "--hostfile", host_file, NULL);
    snprintf(expected, sizeof expected,
             "ringtorch: control.bind is 127.0.0.1, where host elsewhere (%s:2) cannot reach the "
             "coordinator: set control.bind to an address of this host",
             host_file);
    expect_text(err, expected);
    assert_false(rt_path_exists(run_dir));
    run(2, "--hostfile", "/no/such/file", NULL);
    expect_text(err, "host file: /no/such/file: ");
    assert_false(rt_path_exists(run_dir));
    setenv("OMPI_MCA_plm_rsh_agent", "no-such-shell -x", 1);
    run(2, "--hostfile", host_file, "--set", "control.bind=192.0.2.1", NULL);
    unsetenv("OMPI_MCA_plm_rsh_agent");
    expect_text(err, "OMPI_MCA_plm_rsh_agent is 'no-such-shell -x', and there is no such program");
    assert_false(rt_path_exists(run_dir));
}

/* Makes an agent that knows three kinds of hosts. */
static void make_agent(void)
{
    char agent[96];
    snprintf(agent, sizeof agent, "%s/agent", folder);
    write_program(agent, "#!/bin/sh\n[ $1 = -q ] || exit 9\ncase $2 in\n"
                         "away*) exit 255;;\nslow) sleep 1000;;\nesac\n"
                         "exec sh -c \"$3\"\n");
    snprintf(agent, sizeof agent, "no-such : %s/agent -q", folder);
    setenv("OMPI_MCA_plm_rsh_agent", agent, 1);
}

static void hosts_are_asked(void **state)
{
    (void)state;
    make_agent();
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("probe away");
    order("probe slow");
    order("probe there");
    order("probe localhost");
    order("probe -oProxyCommand=false"); /* no name: not given to the shell */
    await_heard("PROBED {host: \"away\", ok: 0}");
    await_heard("PROBED {host: \"there\", ok: 1}");
    await_heard("PROBED {host: \"localhost\", ok: 1}");
    order("start 1 2"); /* a job that ends does not end the asking */
    rank(1);
    order("end 1");
    await_exited(1);
    order("probe there");
    await_heard("PROBED {host: \"slow\", ok: 0}");
    await_twice("PROBED {host: \"there\", ok: 1}");
    end_run(pid, 0);
    unsetenv("OMPI_MCA_plm_rsh_agent");
    assert_int_equal(times_heard("Proxy"), 0);
}

/* Puts a program in front of mpirun in the PATH. */
static void fake_mpirun(const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/bin", folder);
    assert_int_equal(rt_dir_make(path, 0755), RT_OK);
    snprintf(path, sizeof path, "%s/bin/mpirun", folder);
    write_program(path, text);
    snprintf(path, sizeof path, "%s/bin:%s", folder, getenv("PATH"));
    setenv("PATH", path, 1);
}

/* As when it waits for a host that is cut off. What it is killed by says nothing about the workers. */
static void a_job_that_does_not_end_is_killed(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    fake_mpirun("#!/bin/sh\ntrap '' TERM\nsleep 1000 &\n: >$(dirname \"$0\")/../run/deaf\n"
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

static void other_hosts_need_other_settings(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    fake_mpirun("#!/bin/sh\nd=$(dirname \"$0\")/../run; (echo \"$@\"; env) >$d/said.$$\n"
                "mv $d/said.$$ $d/said\n");
    setenv("OMPI_MCA_btl", "self,tcp", 1);
    pid_t pid = begin("--set", "control.bind=127.0.0.1", NULL);
    await_heard("LAUNCHER");
    order("start 1 3 localhost 2 elsewhere 1");
    await_text("said", "--map-by slot --host localhost:2,elsewhere:1 -x ");
    await_exited(1);
    assert_true(file_says("said", "OMPI_MCA_plm=rsh\n"));
    assert_true(file_says("said", "OMPI_MCA_plm_rsh_agent=ssh -o BatchMode=yes "));
    assert_true(file_says("said", "OMPI_MCA_btl=self,tcp\n"));
    assert_false(file_says("said", "OMPI_MCA_oob_tcp_if_include"));
    assert_true(file_says("said", "RINGTORCH_LISTEN=127.0.0.1\n")); /* the coordinator's endpoint */
    assert_int_equal(unlink(in_run("said")), 0);
    order("start 2 3 localhost 3");
    await_exited(2);
    assert_false(file_says("said", "--host"));
    assert_true(file_says("said", "OMPI_MCA_plm=isolated\n"));
    assert_true(file_says("said", "OMPI_MCA_oob_tcp_if_include=lo\n"));
    assert_true(file_says("said", "/ringtorch-listen.so\n"));
    unsetenv("OMPI_MCA_btl");
    setenv("PATH", path, 1);
    end_run(pid, 0);
}

static void a_lost_host_is_told_of(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    make_agent();
    fake_mpirun("#!/bin/sh\ncase $RINGTORCH_GENERATION in\n1)\n"
                "echo 'ORTE has lost communication with a remote daemon.'\necho\n"
                "echo '  HNP daemon   : [[61219,0],0] on node here'\n"
                "echo '  Remote daemon: [[61219,0],1] on node there'\nexit 205;;\n"
                "2) echo 'ORTE was unable to reliably start one or more daemons.'; exit 255;;\n"
                "3) echo 'no idea'; exit 1;;\nesac\n");
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("start 1 3 localhost 2 there.lan 1");
    expect_text(await_exited(1), "exit_code: 205, signal: 0, rank: -1, ranks: [], "
                                 "host: \"there.lan\"");
    order("start 2 4 localhost 2 there 1 away2 1");
    expect_text(await_exited(2), "exit_code: 255, signal: 0, rank: -1, ranks: [], host: \"away2\"");
    order("start 3 4 localhost 2 there 1 away2 1");
    expect_text(await_exited(3), "exit_code: 1, signal: 0, rank: -1, ranks: [], host: \"\"");
    unsetenv("OMPI_MCA_plm_rsh_agent");
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
    fake_mpirun("#!/bin/sh\nrun=$(dirname \"$0\")/../run\ntrap 'exit 137' TERM\n"
                "now() { read up rest </proc/uptime; up=${up%.*}; }\n"
                "OMPI_COMM_WORLD_RANK=0 sleep 1000 &\n"
                "until [ -e $run/killed ]; do :; done\n"
                "now; end=$((up + 3)); while [ $up -lt $end ]; do now; done\n"
                "echo 'mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 "
                "(Killed).'\n"
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

/* ---- what the user sees ---- */

static void events_are_put_into_words(void **state)
{
    (void)state;
    static const struct {
        const char *json, *line; /* NULL: nothing is said */
    } shown[] = {
        {"{'event':'stall','rank':1,'text':'rank 1 stands still; rank 0 waits'}",
         "rank 1 stands still; rank 0 waits\n"},
        {"{'event':'stall_over','rank':1}", "worker 1 moves again\n"},
        {"{'event':'recovered','recovery_seconds':1.26,'step':70}",
         "back at step 70 after 1.26 s\n"},
        {"{'event':'recovered','recovery_seconds':0.9,'step':70,'lost_steps':1,'detect':0.01,"
         "'stop':0.02,'start':0.5,'restore':0.25,'first_step':0.12}",
         "back at step 70 after 0.90 s, 1 step lost (to see 0.01, to end 0.02, to start 0.50, to "
         "restore 0.25, to step 0.12)\n"},
        {"{'event':'scaled','from':2,'to':4}", "from 2 to 4 workers\n"},
        {"{'event':'interrupted','signal':2,'name':'SIGINT','saves':true}",
         "SIGINT: finishing the step and writing a checkpoint; Ctrl-C again stops at once\n"},
        {"{'event':'interrupted','signal':10,'name':'SIGUSR1','saves':false}",
         "SIGUSR1: nothing to save yet; a second signal stops at once\n"},
        {"{'event':'leave','rank':3,'host':'h1','reason':'SIGTERM'}",
         "worker 3 on h1 has to leave: SIGTERM\n"},
        {"{'event':'host_lost','host':'h1','reason':'it cannot be reached','cooldown_seconds':20}",
         "host h1 is left out for 20 s: it cannot be reached\n"},
        {"{'event':'host_back','host':'h1'}", "host h1 is back\n"},
        {"{'event':'corruption','text':'ranks 0 and 1 differ'}", "ranks 0 and 1 differ\n"},
        {"{'event':'step_skipped','step':7}",
         "step 7 skipped: its loss or gradient was not finite\n"},
        {"{'event':'step_skipped','step':7,'text':'step 7 was left out'}", "step 7 was left out\n"},
        {"{'event':'snapshot_trouble','text':'no room'}", "no room\n"},
        {"{'event':'data_fault','text':'sample 5 of slice 1'}", "sample 5 of slice 1\n"},
        {"{'event':'coordinator_restarted','text':'unsaid'}", NULL}, /* the launcher says it */
        {"{'event':'of tomorrow','text':'unsaid'}", NULL},
        {"no JSON at all: unsaid", NULL},
    };
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        char json[512];
        snprintf(json, sizeof json, "%s", shown[i].json);
        for (char *c = json; (c = strchr(c, '\''));)
            *c = '"';
        order("show %s", json);
    }
    end_run(pid, 0);
    const char *at = out;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (shown[i].line) {
            if (strncmp(at, shown[i].line, strlen(shown[i].line)) != 0)
                fail_msg("expected %sfound %s", shown[i].line, at);
            at += strlen(shown[i].line);
        }
    assert_string_equal(at, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_killed_rank_is_told_of),
        TEST(a_rank_that_leaves_is_told_of),
        TEST(several_deaths_at_once),
        TEST(ranks_that_are_done_are_no_loss),
        TEST(a_killed_mpirun_is_told_of),
        TEST(a_stopped_mpirun_goes_on),
        TEST(a_job_is_ended_when_told),
        TEST(a_program_that_cannot_start_is_told_of),
        TEST(orders_may_come_twice),
        TEST(there_is_one_job_at_a_time),
        TEST(a_coordinator_with_much_to_read_says_so),
        TEST(the_end_of_the_run_ends_its_job),
        TEST(the_end_of_the_run_is_heard_from_a_dead_coordinator),
        TEST(another_coordinator_is_told_all),
        TEST(a_coordinator_that_dies_again_and_again_ends_the_run),
        TEST(a_coordinator_has_the_restarts_of_the_run),
        TEST(a_coordinator_that_refuses_ends_the_run),
        TEST(snapshots_go_with_their_run),
        TEST(stopped_at_once_snapshots_stay),
        TEST(nobody_outlives_the_launcher),
        TEST(hosts_are_told_whenever_they_change),
        TEST(hosts_that_cannot_reach_us_are_refused),
        TEST(hosts_are_asked),
        TEST(a_job_that_does_not_end_is_killed),
        TEST(a_slow_mpirun_may_finish_its_words),
        TEST(other_hosts_need_other_settings),
        TEST(a_lost_host_is_told_of),
        TEST(events_are_put_into_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
