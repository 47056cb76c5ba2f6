/* The launcher as its coordinator sees it: how it reports deaths, what it does when orders come twice or the coordinator
 * dies, and what it leaves behind. The coordinator is scripted, and the workers are shell scripts. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "supervising.h"

/* ---- deaths ---- */

static void a_killed_rank_is_reported(void **state)
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

static void a_rank_that_exits_is_reported(void **state)
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

/* mpirun is stopped, so that all ranks are dead when the launcher looks; the launcher makes it continue. */
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

static void a_killed_mpirun_is_reported(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    kill(find_process("mpirun"), SIGKILL);
    expect_text(await_exited(1), "exit_code: 137, signal: 9, rank: -1, ranks: [], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

static void a_stopped_mpirun_is_continued(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    kill(find_process("mpirun"), SIGSTOP);
    usleep(100000);
    kill(rank(0), SIGTERM);
    expect_text(await_exited(1), "exit_code: 143, signal: 15, rank: 0, ranks: [0], host: \"\"");
    end_run(pid, 0);
}

/* The rank is stopped, so that SIGTERM does not reach it. */
static void a_job_ends_when_ordered(void **state)
{
    (void)state;
    pid_t pid = begin_job(2);
    kill(rank(1), SIGSTOP);
    order("end 1");
    expect_text(await_exited(1), "exit_code: 0, signal: 0, rank: -1, ranks: [], host: \"\"");
    assert_int_equal(find_process("sleep"), 0);
    end_run(pid, 0);
}

static void a_program_that_cannot_start_is_reported(void **state)
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
    order("end 7"); /* there is no such job */
    usleep(300000);
    assert_int_equal(find_process("mpirun"), mpirun);
    order("end 1");
    order("end 1");
    await_exited(1);
    order("start 1 2"); /* as from a coordinator that does not know of the end yet */
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

/* The launcher does not take what it prints before it listens for its address. */
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

/* On a loaded machine, the launcher gets its turn only after the coordinator has sent its last message and is gone. */
static void the_last_message_of_a_dead_coordinator_counts(void **state)
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
    assert_null(strstr(out, "restarted"));
}

/* ---- coordinators that die ---- */

static void a_restarted_coordinator_learns_everything(void **state)
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
    await_heard("job_generation: 1, starts_once: \"\", listed: false}\nHOSTS {hosts: [], slots: "
                "[], called: [], away: []}\n");
    assert_int_equal(find_process("mpirun"), mpirun);
    kill(rank(1), SIGKILL);
    await_exited(1);
    kill(pid, SIGINT);
    await_heard("INTERRUPT {signal: 2");
    kill(find_process("scripted_coordinator"), SIGKILL);
    await_heard("job_generation: 0, starts_once: \"\", listed: false}\nHOSTS {hosts: [], slots: "
                "[], called: [], away: []}\nINTERRUPT "
                "{signal: 2");
    await_twice("EXITED {job_generation: 1,");
    end_run(pid, 0);
    expect_text(out, "the coordinator left with exit code 0; restarted after ");
    expect_text(out, "the coordinator was killed by signal 9; restarted after ");
}

/* Returns the path of a file that the run has in memory. */
static const char *in_memory(const char *where, const char *rest)
{
    static char buffers[4][200];
    static int next;
    char *path = buffers[next++ % 4];
    snprintf(path, sizeof buffers[0], "%s/ringtorch-%s%s", where, strrchr(folder, '-') + 1, rest);
    return path;
}

/* Counts the files of this run's mpirun in /tmp. */
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

/* Creates the files that workers leave. */
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

/* Reports a step, so that there is something to resume from. */
static void show_a_step(void)
{
    order("show {\"event\":\"report\",\"step\":5,\"loss\":0.5}");
    await_printed("out", out, sizeof out, "step 5");
}

static void a_coordinator_that_keeps_dying_ends_the_run(void **state)
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
    expect_text(err, "to resume from its snapshots: ");
    expect_text(err, "--resume auto");
    expect_snapshots(true, false);
}

/* The rule is that of workers: at most run.max_restarts restarts, and steps made in between reset the count. */
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
    rank(0); /* the reports have arrived before the order to start */
    kill(find_process("scripted_coordinator"), SIGKILL);
    await_twice("STARTED AGAIN");
    kill(find_process("scripted_coordinator"), SIGKILL);
    expect_end(pid, 1);
    expect_text(err, "gave up after 1 restart of the coordinator (run.max_restarts): ");
}

static int count_text(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/* It is tried again if the machine is at fault, and not if the files of the run are, so that what is wrong with them is said
 * once, by the coordinator. */
static void a_coordinator_that_refuses_ends_the_run(void **state)
{
    static const struct {
        const char *how;
        int times;
        bool resumable;
    } rows[] = {{"exit 1", 3, true}, {"exit 2", 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("SCRIPT_AGAIN", rows[i].how, 1);
        pid_t pid = begin_job(2);
        make_snapshots();
        show_a_step();
        kill(find_process("scripted_coordinator"), SIGKILL);
        expect_end(pid, 1);
        assert_int_equal(strstr(err, "to resume") != NULL, rows[i].resumable);
        assert_int_equal(count_text(err, "ringtorch: no room for a second one\n"), rows[i].times);
        expect_text(err, "the coordinator refuses to start again");
        expect_snapshots(true, false);
        if (i == 0) {
            supervising_end(state);
            supervising_begin(state);
        }
    }
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
    usleep(400000);    /* any sooner, it would count as an echo of the first */
    kill(pid, SIGHUP); /* any second signal; this coordinator does not react to it */
    expect_end(pid, 128 + SIGTERM);
    assert_int_equal(times_heard("INTERRUPT {signal: 15, reason: \"SIGTERM\"}"), 2);
    expect_text(err, "ringtorch: stopped at once\n");
    expect_text(err, "to resume from its snapshots: ");
    expect_snapshots(true, false);
}

/* The launcher kills what it cannot tell to end, such as a stopped process. */
static void nobody_outlives_the_launcher(void **state)
{
    (void)state;
    static const char *const stopped[] = {"mpirun", "sleep", "scripted_coordinator"};
    for (int i = 0; i < 3; i++) {
        pid_t pid = begin_job(2);
        make_snapshots();
        kill(pid, SIGSTOP); /* or it would make mpirun continue */
        kill(find_process(stopped[i]), SIGSTOP);
        kill(pid, SIGKILL);
        expect_end(pid, 128 + SIGKILL);
        expect_nobody_left();
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
    pid_t pid = begin(NULL); /* the next launcher of the same run removes the files */
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

static void hosts_are_sent_whenever_they_change(void **state)
{
    (void)state;
    write_hosts("# ours\nlocalhost slots=2\n");
    pid_t pid = begin("--hostfile", host_file, NULL);
    await_heard("HOSTS {hosts: [\"localhost\"], slots: [2], called: [], away: []}");
    write_hosts("localhost slots=3\n");
    await_heard("HOSTS {hosts: [\"localhost\"], slots: [3], called: [], away: []}");
    write_hosts("localhost slots=three\n");
    await_error("'hosts':1:17: slots=three: expected a whole number: keeping");
    write_hosts("localhost\nelsewhere\n");
    await_error("control.bind is 127.0.0.1");
    unlink(host_file);
    await_error("the 'hosts': cannot open: No such file");
    order("start 1 2 localhost 3"); /* still works */
    rank(1);
    assert_int_equal(times_heard("HOSTS"), 2);
    write_hosts("localhost slots=4\n");
    await_heard("HOSTS {hosts: [\"localhost\"], slots: [4], called: [], away: []}");
    end_run(pid, 0);
}

/* The configuration says how many workers there are; who says it on the command line knows it. */
static void idle_slots_are_named(void **state)
{
    (void)state;
    write_hosts("localhost slots=4\n");
    pid_t pid = begin("--hostfile", host_file, NULL);
    await_heard("HOSTS");
    end_run(pid, 0);
    char expected[256];
    snprintf(expected, sizeof expected,
             "%s: 3 of 4 slots stay idle, for parallel.workers is 1: -n 4 uses all\n", host_file);
    expect_text(out, expected);
    pid = begin("--hostfile", host_file, "-n", "2", NULL);
    await_heard("HOSTS");
    end_run(pid, 0);
    assert_null(strstr(out, "idle"));
}

static void hosts_that_cannot_reach_us_are_refused(void **state)
{
    (void)state;
    char expected[256];
    write_hosts("localhost slots=2\nelsewhere slots=2\n");
    run(2, "--hostfile", host_file, "--set", "control.bind=127.0.0.1", NULL);
    snprintf(expected, sizeof expected,
             "ringtorch: control.bind is 127.0.0.1, where host elsewhere (%s:2) cannot reach the "
             "coordinator: end the run if it has begun, leave control.bind out",
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

/* Nobody can take a host out of an allocation as out of a file. */
static void an_allocation_is_no_list(void **state)
{
    (void)state;
    char agent[96], nodes[96];
    snprintf(agent, sizeof agent, "%s/agent", folder);
    snprintf(nodes, sizeof nodes, "%s/nodes", folder);
    write_program(agent,
                  "#!/bin/sh\nsh -c \"$2\" | sed 's/\"version\":\"[^\"]*/\"version\":\"0.0.1/'\n");
    assert_int_equal(rt_file_replace(nodes, "elsewhere\nelsewhere\n", 20), RT_OK);
    setenv("OMPI_MCA_plm_rsh_agent", agent, 1);
    setenv("PBS_NODEFILE", nodes, 1);
    run(2, "--set", "control.bind=192.0.2.1", NULL);
    unsetenv("PBS_NODEFILE");
    unsetenv("OMPI_MCA_plm_rsh_agent");
    expect_text(err, "ringtorch: PBS's allocation: host elsewhere: ");
    expect_text(err, "ringtorch: PBS's allocation: workers could not run on 1 of its hosts: mend "
                     "that, or name the other hosts in a file for --hostfile\n");
    assert_false(rt_path_exists(run_dir));
}

static void hosts_are_probed(void **state)
{
    (void)state;
    make_agent();
    pid_t pid = begin(NULL);
    await_heard("LAUNCHER");
    order("probe away");
    order("probe slow");
    order("probe there");
    order("probe localhost");
    order("probe -oProxyCommand=false"); /* not a name, so not passed to the shell */
    await_heard("PROBED {host: \"away\", ok: false}");
    await_heard("PROBED {host: \"there\", ok: true}");
    await_heard("PROBED {host: \"localhost\", ok: true}");
    order("start 1 2"); /* probes continue when a job ends */
    rank(1);
    order("end 1");
    await_exited(1);
    order("probe there");
    await_heard("PROBED {host: \"slow\", ok: false}");
    await_twice("PROBED {host: \"there\", ok: true}");
    end_run(pid, 0);
    unsetenv("OMPI_MCA_plm_rsh_agent");
    assert_int_equal(times_heard("Proxy"), 0);
}

/* ---- what the user sees ---- */

static void events_are_printed_as_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *json, *line; /* NULL: nothing is printed */
    } shown[] = {
        {"{'event':'stall','rank':1,'text':'rank 1 stands still; rank 0 waits'}",
         "rank 1 stands still; rank 0 waits\n"},
        {"{'event':'stall_over','rank':1,'host':'h1','stalled_seconds':4.5}",
         "worker 1 on h1 moves again after 4.5 s\n"},
        {"{'event':'recovered','recovery_seconds':0.9,'step':70,'lost_steps':1,'detect':0.01,"
         "'stop':0.02,'start':0.5,'restore':0.25,'first_step':0.12}",
         "back at step 70 after 0.90 s, 1 step lost (0.01 s to notice, 0.02 s to end, 0.50 s to "
         "start, 0.25 s to restore, 0.12 s for a step)\n"},
        {"{'event':'scaled','from':2,'to':4}", "scaled from 2 to 4 workers\n"},
        {"{'event':'interrupted','signal':2,'name':'SIGINT','saves':true}",
         "SIGINT: finishing the step and writing a checkpoint; Ctrl-C again stops at once\n"},
        {"{'event':'interrupted','signal':10,'name':'SIGUSR1','saves':false}",
         "SIGUSR1: nothing to save yet; a second signal stops at once\n"},
        {"{'event':'leave','rank':3,'host':'h1','reason':'SIGTERM'}",
         "worker 3 on h1 has to leave: SIGTERM\n"},
        {"{'event':'host_lost','host':'h1','reason':'it cannot be reached','cooldown_seconds':20}",
         "host h1 is set aside for 20 s: it cannot be reached\n"},
        {"{'event':'host_back','host':'h1'}", "host h1 is back\n"},
        {"{'event':'corruption','text':'ranks 0 and 1 differ'}", "ranks 0 and 1 differ\n"},
        {"{'event':'step_skipped','step':7,'text':'step 7 was left out'}", "step 7 was left out\n"},
        {"{'event':'snapshot_trouble','rank':1,'host':'h1','text':'no room'}",
         "no snapshots of worker 1 on h1: no room\n"},
        {"{'event':'data_fault','text':'sample 5 of slice 1'}", "sample 5 of slice 1\n"},
        {"{'event':'coordinator_restarted','text':'unsaid'}",
         NULL}, /* the launcher reports it itself */
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, supervising_begin, supervising_end)
    const struct CMUnitTest tests[] = {
        TEST(a_killed_rank_is_reported),
        TEST(a_rank_that_exits_is_reported),
        TEST(several_deaths_at_once),
        TEST(ranks_that_are_done_are_no_loss),
        TEST(a_killed_mpirun_is_reported),
        TEST(a_stopped_mpirun_is_continued),
        TEST(a_job_ends_when_ordered),
        TEST(a_program_that_cannot_start_is_reported),
        TEST(orders_may_come_twice),
        TEST(there_is_one_job_at_a_time),
        TEST(a_coordinator_with_much_to_read_says_so),
        TEST(the_end_of_the_run_ends_its_job),
        TEST(the_last_message_of_a_dead_coordinator_counts),
        TEST(a_restarted_coordinator_learns_everything),
        TEST(a_coordinator_that_keeps_dying_ends_the_run),
        TEST(a_coordinator_has_the_restarts_of_the_run),
        TEST(a_coordinator_that_refuses_ends_the_run),
        TEST(snapshots_go_with_their_run),
        TEST(stopped_at_once_snapshots_stay),
        TEST(nobody_outlives_the_launcher),
        TEST(hosts_are_sent_whenever_they_change),
        TEST(idle_slots_are_named),
        TEST(hosts_that_cannot_reach_us_are_refused),
        TEST(an_allocation_is_no_list),
        TEST(hosts_are_probed),
        TEST(events_are_printed_as_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
