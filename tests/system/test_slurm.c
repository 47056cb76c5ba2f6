/* ringtorch in jobs of a real Slurm, which the test starts for itself: two nodes that are network namespaces, with a munge
 * of its own, all files in the test's folder. Jobs are submitted with the scripts of launch/slurm. On the same nodes, the scripts of launch/pbs
 * and launch/sge run as in jobs of their batch systems, which are imitated. */
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

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "hosts.h"
#include "records.h"
#include "runs.h"

enum { NODES = 2, DAEMONS = NODES + 2, CONTROLLER = 1 }; /* its number among the daemons */
#define SCRIPTS RT_TEST_SOURCE_DIR "/launch/slurm/"
#define SGE     RT_TEST_SOURCE_DIR "/launch/sge/train.sge"

/* One for all tests of the program. */
static struct {
    scratch s;
    hosts h;
    bool made;
    command daemon[DAEMONS];
    int daemons;
} cluster;

/* ---- commands on the first node ---- */

__attribute__((format(printf, 1, 2))) static result sh(const char *fmt, ...)
{
    char line[2048], pid[16];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    snprintf(pid, sizeof pid, "%d", (int)cluster.h.host[0].inside);
    char wd[96];
    snprintf(wd, sizeof wd, "--wd=%s", cluster.s.path);
    return run(&cluster.s, LONG, "nsenter", "-t", pid, "--net", "--uts", "--mount", wd, "sh", "-c",
               line, NULL);
}

/* Runs a command that must succeed and copies the first line of what it printed. */
__attribute__((format(printf, 3, 4))) static void ask(char *out, size_t size, const char *fmt, ...)
{
    char line[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    result r = sh("%s", line);
    if (r.exit_code != 0)
        fail_msg("%s: exit code %d\n%s%s", line, r.exit_code, r.out, r.err);
    snprintf(out, size, "%.*s", (int)strcspn(r.out, "\n"), r.out);
    result_release(&r);
}

/* ---- jobs ---- */

typedef struct job {
    char id[32], output[96];
} job;

/* Submits a job; its output goes to <scratch>/job-<number>. */
__attribute__((format(printf, 1, 2))) static job submit(const char *fmt, ...)
{
    static int number;
    char arguments[1500];
    job j;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(arguments, sizeof arguments, fmt, ap);
    va_end(ap);
    snprintf(j.output, sizeof j.output, "%s", in_scratch(&cluster.s, "job-%d", ++number));
    ask(j.id, sizeof j.id, "sbatch --parsable -o %s %s", j.output, arguments);
    return j;
}

static char *output_of(const job *j)
{
    rt_bytes text = {0};
    if (rt_file_read(j->output, 1 << 20, &text) != RT_OK) {
        rt_error_clear();
        return strdup("");
    }
    char *copy = strdup((const char *)text.data);
    rt_bytes_release(&text);
    return copy;
}

static void expect_output(const job *j, const char *fragment)
{
    char *text = output_of(j);
    expect_text(text, fragment);
    free(text);
}

/* Waits until the job is in one of two states, such as COMPLETED. */
static void await_state(const job *j, const char *state, const char *or_state)
{
    char now[64] = "";
    for (double end = rt_clock() + LONG; rt_clock() < end; rt_clock_sleep(0.1)) {
        ask(now, sizeof now, "scontrol show job %s | sed -n 's/.*JobState=\\([A-Z_]*\\).*/\\1/p'",
            j->id);
        if (strcmp(now, state) == 0 || strcmp(now, or_state) == 0)
            return;
    }
    char *text = output_of(j);
    fail_msg("job %s is %s, not %s: %s", j->id, now, state, text);
}

/* Waits for the end of a job and returns its exit code. */
static int finish_job(const job *j)
{
    char code[16];
    await_state(j, "COMPLETED", "FAILED");
    ask(code, sizeof code, "scontrol show job %s | sed -n 's/.*ExitCode=\\([0-9]*\\):.*/\\1/p'",
        j->id);
    return atoi(code);
}

/* ---- the cluster ---- */

static void start_daemon(int node, const char *command_line)
{
    const host *x = &cluster.h.host[node];
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)x->inside);
    const char *list[] = {"-t", pid,  "--net",      "--uts", "--mount", "--wd=/",
                          "sh", "-c", command_line, NULL,    NULL};
    const char *own[] = {"-t",     pid,  "--net", "--uts",      "--mount", "--pid",
                         "--wd=/", "sh", "-c",    command_line, NULL};
    cluster.daemon[cluster.daemons++] =
        start_list(&cluster.s, "nsenter", node == 0 ? list : own); /* processes of their own */
}

static void write_configuration(void)
{
    char text[3000];
    const char *t = cluster.s.path;
    const host *x = cluster.h.host;
    snprintf(
        text, sizeof text,
        "ClusterName=test\nSlurmctldHost=%s(%s)\nSlurmUser=root\nSlurmdUser=root\n"
        "AuthType=auth/munge\nAuthInfo=socket=%s/munge.sock,cred_expire=5\nMpiDefault=none\n"
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nMailProg=/bin/true\n"
        "SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\n"
        "JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n"
        "SwitchType=switch/none\nReturnToService=2\nStateSaveLocation=%s/state\n"
        "SlurmdSpoolDir=%s/spool-%%n\nTmpFS=%s/tmp-%%n\nSlurmctldPidFile=%s/slurmctld.pid\n"
        "SlurmdPidFile=%s/slurmd-%%n.pid\nSlurmctldLogFile=%s/slurmctld.log\n"
        "SlurmdLogFile=%s/slurmd-%%n.log\nSlurmctldPort=16817\nSlurmdPort=16818\n"
        "SlurmdParameters=config_overrides\nKillWait=60\nSlurmdTimeout=10\nPlugStackConfig=%s/"
        "plugstack.conf\n"
        "SchedulerParameters=sched_interval=1,batch_sched_delay=0\n"
        "NodeName=%s NodeAddr=%s CPUs=4 RealMemory=1000\n"
        "NodeName=%s NodeAddr=%s CPUs=4 RealMemory=1000\n"
        "PartitionName=all Nodes=ALL Default=YES OverSubscribe=FORCE:4\n",
        x[0].name, x[0].address, t, t, t, t, t, t, t, t, t, x[0].name, x[0].address, x[1].name,
        x[1].address);
    const char *path = in_scratch(&cluster.s, "slurm.conf");
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    setenv("SLURM_CONF", path, 1);
}

static bool programs_found(void)
{
    static const char *const programs[] = {"munged", "slurmctld", "slurmd", "sbatch", "srun"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        result r = run(&cluster.s, LONG, "which", programs[i], NULL);
        bool found = r.exit_code == 0;
        result_release(&r);
        if (!found) {
            fprintf(stderr, "Slurm needs %s: skipped\n", programs[i]);
            return false;
        }
    }
    return true;
}

/* Starts munge, the controller and a daemon on each node, and waits until the nodes are idle. */
static void start_cluster(void)
{
    char line[512], state[64] = "";
    const char *t = cluster.s.path;
    write_configuration();
    ask(line, sizeof line,
        "mkdir state tmp-%s tmp-%s && : >plugstack.conf && head -c 128 /dev/urandom >munge.key && "
        "chmod 600 munge.key && echo done",
        cluster.h.host[0].name, cluster.h.host[1].name); /* PMIx has files in them */
    snprintf(line, sizeof line,
             "exec munged --foreground --force --key-file=%s/munge.key --socket=%s/munge.sock "
             "--pid-file=%s/munge.pid --seed-file=%s/munge.seed",
             t, t, t, t);
    start_daemon(0, line);
    ask(line, sizeof line, "while ! munge -n -S %s/munge.sock >/dev/null 2>&1; do sleep 0.05; done",
        t);
    start_daemon(0, "exec slurmctld -D");
    for (int i = 0; i < NODES; i++) {
        snprintf(line, sizeof line, "exec slurmd -D -N %s", cluster.h.host[i].name);
        start_daemon(i, line);
    }
    for (double end = rt_clock() + LONG; strcmp(state, "2 idle") != 0; rt_clock_sleep(0.1)) {
        if (rt_clock() > end)
            fail_msg("the nodes never are idle: %s", state);
        result r = sh("sinfo -h -o '%%D %%t'");
        snprintf(state, sizeof state, "%.*s", (int)strcspn(r.out, "\n"), r.out);
        result_release(&r);
    }
}

static int set_up(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, RT_TEST_BINARY_DIR "/bin:%s:/usr/sbin:/sbin", getenv("PATH"));
    setenv("PATH", path, 1);
    tiny_setup(&cluster.s);
    if (!hosts_possible() || !programs_found())
        return 0;
    hosts_make(&cluster.h, &cluster.s, NODES);
    cluster.made = true;
    unsetenv("OMPI_MCA_plm_rsh_agent"); /* nothing but srun reaches the other node */
    start_cluster();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (cluster.made) {
        result r = sh("scancel --full --signal=KILL --user=root");
        result_release(&r);
        for (int i = cluster.daemons - 1; i >= 0; i--) {
            /* The controller would wait for answers of the node that was lost. */
            kill(cluster.daemon[i].pid, i == CONTROLLER ? SIGKILL : SIGTERM);
            r = finish(cluster.daemon[i], 20);
            result_release(&r);
        }
        hosts_remove(&cluster.h);
    }
    scratch_remove(&cluster.s);
    return 0;
}

#define NEED_CLUSTER()                                                                             \
    do {                                                                                           \
        if (!cluster.made)                                                                         \
            skip();                                                                                \
    } while (0)

/* ---- runs ---- */

/* A configuration that leaves the number of workers open. */
static const char *open_config(void)
{
    static char text[2048];
    snprintf(text, sizeof text, "%s", TINY_CONFIG);
    char *workers = strstr(text, "workers: 2, ");
    memmove(workers, workers + 12, strlen(workers + 12) + 1);
    return write_config(&cluster.s, "open.yaml", text);
}

#define ENDLESS "--set run.steps=1000000 --set schedule.name=constant"

/* No process of a run and no step of a job remains. */
static void expect_nothing_running(void)
{
    char steps[128] = "-";
    for (double end = rt_clock() + LONG;; rt_clock_sleep(0.1)) {
        ask(steps, sizeof steps, "squeue -h -s");
        int left = count_processes(&cluster.s, "ringtorch") +
                   count_processes(&cluster.s, "ringtorch-worker") +
                   count_processes(&cluster.s, "ringtorch-coordinator") +
                   count_processes(&cluster.s, "orterun") + count_processes(&cluster.s, "orted");
        if (left == 0 && steps[0] == '\0')
            return;
        if (rt_clock() > end)
            fail_msg("%d processes and these steps remain: %s", left, steps);
    }
}

static void one_node_has_a_worker_for_each_task(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96];
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "one"));
    job j = submit("-N1 -n3 " SCRIPTS "train.sbatch %s --run-dir %s", open_config(), dir);
    assert_int_equal(finish_job(&j), 0);
    char words[96];
    snprintf(words, sizeof words, "Slurm's allocation (job %s): this host\nstarting 3 workers\n",
             j.id);
    expect_output(&j, words);
    expect_weights_of_one_host(&cluster.s, dir, false);
}

static void more_workers_than_slots_are_refused(void **state)
{
    (void)state;
    NEED_CLUSTER();
    job j = submit("-N2 -n3 " SCRIPTS "train.sbatch %s --run-dir %s -n 4 --set %s", open_config(),
                   in_scratch(&cluster.s, "refused"), cluster.h.bind);
    assert_int_equal(finish_job(&j), 2);
    char words[256];
    snprintf(
        words, sizeof words,
        "ringtorch: 4 workers, but Slurm's allocation (job %s) has 3 slots on 2 hosts: use -n 3, "
        "or ask for more: sbatch -n 4\n",
        j.id);
    expect_output(&j, words);
}

static void tasks_of_an_array_do_not_collide(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char a[65], b[65], dir[96];
    job j = submit("-D %s --array=1-2 -N1 -n1 " SCRIPTS "train.sbatch %s", cluster.s.path,
                   open_config());
    /* Both want one directory: the second is refused. */
    job k = submit("--array=1-2 --wrap 'sleep $SLURM_ARRAY_TASK_ID; exec ringtorch train %s "
                   "--run-dir %s'",
                   open_config(), in_scratch(&cluster.s, "shared"));
    for (int i = 1; i <= 2; i++) {
        job task = j;
        snprintf(task.id, sizeof task.id, "%.20s_%d", j.id, i);
        assert_int_equal(finish_job(&task), 0);
    }
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "runs/%s.1", j.id));
    summary_text(dir, "weights_sha256", a, sizeof a);
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "runs/%s.2", j.id));
    summary_text(dir, "weights_sha256", b, sizeof b);
    assert_string_not_equal(a, b); /* each has its seed */
    int sum = 0;
    for (int i = 1; i <= 2; i++) {
        job task = k;
        snprintf(task.id, sizeof task.id, "%.20s_%d", k.id, i);
        sum += finish_job(&task);
    }
    assert_int_equal(sum, 2);
}

/* A signal for the steps reaches a launcher that srun has started, and its run uses both nodes. */
static void srun_of_one_task_stops_at_a_signal_for_steps(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96], out[64];
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "step"));
    job j = submit(
        "-N2 -n4 --wrap 'srun -n 1 -N 1 ringtorch train %s --run-dir %s --set %s " ENDLESS "'",
        open_config(), dir, cluster.h.bind);
    await_step(dir, 20, LONG);
    await_line(dir, cluster.h.host[1].name);
    ask(out, sizeof out, "scancel --signal=USR1 %s", j.id);
    assert_int_equal(finish_job(&j), 138);
    expect_weights_of_one_host(&cluster.s, dir, true);
    expect_nothing_running();
}

/* Those of both nodes, with the bits of one host. */
static void tasks_of_srun_are_the_workers(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96];
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "tasks"));
    job j = submit("-N2 -n3 --wrap 'srun --mpi=pmix ringtorch train %s --run-dir %s'",
                   open_config(), dir);
    assert_int_equal(finish_job(&j), 0);
    expect_output(&j, "the 3 tasks that srun has started are the workers");
    result r = sh("grep -c 'bind: .auto.$' tasks/config.yaml");
    assert_string_equal(r.out, "1\n"); /* resumed elsewhere, it has other addresses */
    result_release(&r);
    expect_weights_of_one_host(&cluster.s, dir, false);
    expect_nothing_running();
    j = submit("-N2 -n3 --wrap 'srun --mpi=none ringtorch train %s --run-dir %s'", open_config(),
               in_scratch(&cluster.s, "no-pmix"));
    assert_int_equal(finish_job(&j), 2);
    expect_output(&j, "start it by srun --mpi=pmix");
}

/* Two nodes; a worker of the second is killed; the signal before the time limit queues the job again; scancel ends it. */
static void a_job_on_two_nodes_goes_on_until_it_is_cancelled(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96], line[256], out[64];
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "two"));
    job j = submit("-N2 -n3 " SCRIPTS "train.sbatch %s --run-dir %s " ENDLESS, open_config(), dir);
    await_step(dir, 40, LONG);
    snprintf(line, sizeof line, "\"world_size\":3,\"hosts\":[\"%s\",\"%s\"]",
             cluster.h.host[0].name, cluster.h.host[1].name);
    await_line(dir, line);
    signal_worker(&cluster.s, 2, SIGKILL);
    snprintf(line, sizeof line, "\"cause\":\"worker 2 on %s was killed by signal 9\"",
             cluster.h.host[1].name);
    await_line(dir, line);
    await_line(dir, "\"event\":\"recovered\"");
    await_step(dir, last_step(dir) + 20, LONG);
    ask(out, sizeof out, "scancel --batch --signal=USR1 %s", j.id);
    await_line(dir, "\"event\":\"stopped\"");
    int64_t stopped = last_step(dir);
    await_step(dir, stopped + 40, LONG); /* the job was queued again and has gone on */
    expect_output(&j, "SIGUSR1: finishing the step and writing a checkpoint");
    ask(out, sizeof out, "scancel %s", j.id);
    await_state(&j, "CANCELLED", "CANCELLED");
    expect_nothing_running();
    assert_true(summary_int(dir, "steps") >= stopped + 40);
    /* scancel has ended workers, too: on a loaded machine there may be no time to bring their state together again. */
    json_t *summary = read_summary(dir);
    bool whole = json_is_string(json_object_get(summary, "weights_sha256"));
    json_decref(summary);
    if (whole)
        expect_weights_of_one_host(&cluster.s, dir, true);
}

/* ---- the scripts, and what imitates their batch systems ---- */

/* Writes a program into <scratch>/bin, which sh() then finds first if told so. */
static void write_program(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s", in_scratch(&cluster.s, "bin"));
    assert_int_equal(rt_dir_make_in_place(path, 0755), RT_OK);
    snprintf(path, sizeof path, "%s", in_scratch(&cluster.s, "bin/%s", name));
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Runs a script of ours many times at once, with a `ringtorch` that ends as it says, and signals it. Returns what the scripts have done. */
static result try_script(const char *script, const char *ringtorch, const char *variables)
{
    char line[1500];
    write_program("ringtorch", ringtorch);
    write_program("scontrol", "#!/bin/sh\necho scontrol $*\nexit 1\n"); /* the script ends itself */
    snprintf(line, sizeof line,
             "cd %s; export PATH=$PWD/bin:$PATH %s; for i in 1 2 3 4 5 6 7 8; do (bash %s x.yaml & "
             "p=$!; "
             "while ! [ -e up.$p ]; do sleep 0.01; done; kill -USR1 $p; wait $p; echo exit $?) & "
             "done; wait; rm -r bin up.*",
             cluster.s.path, variables, script);
    return run(&cluster.s, LONG, "bash", "-c", line, NULL);
}

/* The code of a run, not that of the signal which ends the script's wait for it. */
static void scripts_know_how_the_run_has_ended(void **state)
{
    (void)state;
    static const char run_ends[] =
        "#!/bin/bash\ntrap 'exit 3' USR1\n: >up.$PPID\nwhile :; do sleep 0.01; done\n",
                      run_stops[] = "#!/bin/bash\ntrap 'sleep 0.1; exit 138' USR1\n: >up.$PPID\n"
                                    "echo $*\nwhile :; do sleep 0.01; done\n";
    static const struct {
        const char *script, *ringtorch, *variables, *line, *end;
    } rows[] = {
        {SCRIPTS "train.sbatch", run_ends, "SLURM_JOB_ID=7", "", "exit 3\n"},
        {SCRIPTS "train.sbatch", run_stops, "SLURM_JOB_ID=7", "scontrol requeue 7\n", "exit 138\n"},
        {SCRIPTS "train.sbatch", run_stops,
         "SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=2", "scontrol requeue 5_2\n",
         "exit 138\n"},
        {SCRIPTS "train.sbatch", run_ends, "SLURM_JOB_ID=7 POSIXLY_CORRECT=1", "", "exit 3\n"},
        {SGE, run_ends, "JOB_ID=7", "", "exit 3\n"},
        {SGE, run_ends, "JOB_ID=7 POSIXLY_CORRECT=1", "", "exit 3\n"},
        {SGE, run_stops, "JOB_ID=7", "", "exit 99\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        result r = try_script(rows[i].script, rows[i].ringtorch, rows[i].variables);
        int ends = 0;
        for (const char *at = r.out; (at = strstr(at, rows[i].end)); at++)
            ends++;
        if (ends != 8 || !strstr(r.out, rows[i].line) ||
            (!rows[i].line[0] && strstr(r.out, "scontrol")))
            fail_msg("row %zu: %s%s", i, r.out, r.err);
        if (strstr(rows[i].variables, "ARRAY"))
            expect_text(r.out, "train x.yaml --resume auto --run-dir runs/5.2 --set run.seed=2 ");
        result_release(&r);
    }
}

/* Starts a script of another batch system on the first node, with that system's variables. The script becomes the command. */
static command start_script(const char *variables, const char *script, const char *arguments)
{
    char line[1500], pid[16], wd[96];
    snprintf(pid, sizeof pid, "%d", (int)cluster.h.host[0].inside);
    snprintf(wd, sizeof wd, "--wd=%s", cluster.s.path);
    snprintf(line, sizeof line, "PATH=%s/bin:$PATH exec env %s bash %s %s", cluster.s.path,
             variables, script, arguments);
    return start(&cluster.s, "nsenter", "-t", pid, "--net", "--uts", "--mount", wd, "sh", "-c",
                 line, NULL);
}

/* A remote shell such as `qrsh -inherit`: the agent of the test's hosts, after `words` have been taken off. */
static void write_shell(const char *name, const char *words)
{
    char text[512];
    snprintf(text, sizeof text,
             "#!/bin/sh\necho $* >>%s/%s.calls\n[ \"$1\" = \"%s\" ] && shift\nexec %s \"$@\"\n",
             cluster.s.path, name, words, cluster.h.agent);
    write_program(name, text);
}

static void expect_stopped_on_two_hosts(command c, const char *dir, int signal, int exit_code,
                                        const char *shell)
{
    char name[64];
    await_step(dir, 20, LONG);
    await_line(dir, cluster.h.host[1].name);
    kill(c.pid, signal);
    result r = finish(c, LONG);
    expect_exit(&r, exit_code);
    expect_text(r.out, "2 hosts, 2 slots\nstarting 2 workers\n");
    result_release(&r);
    snprintf(name, sizeof name, "%s.calls", shell);
    assert_int_equal(access(in_scratch(&cluster.s, "%s", name), F_OK), 0);
    expect_nothing_running();
    assert_true(summary_int(dir, "checkpoint_step") >= 20);
}

/* No PBS is here: its variables, its file and its remote shell are imitated. */
static void a_pbs_job_stops_with_a_checkpoint(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96], nodes[128], variables[700];
    const host *x = cluster.h.host;
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "pbs"));
    snprintf(nodes, sizeof nodes, "%s\n%s\n", x[0].name, x[1].name);
    assert_int_equal(rt_file_replace(in_scratch(&cluster.s, "nodes"), nodes, strlen(nodes)), RT_OK);
    write_shell("pbs_tmrsh", "");
    snprintf(variables, sizeof variables,
             "PBS_ENVIRONMENT=PBS_BATCH PBS_JOBID=7.server PBS_O_WORKDIR=%s PBS_NODEFILE=nodes "
             "CONFIG=%s "
             "ARGUMENTS='--run-dir %s " ENDLESS "' OMPI_MCA_plm_rsh_agent=pbs_tmrsh",
             cluster.s.path, open_config(), dir);
    command c = start_script(variables, RT_TEST_SOURCE_DIR "/launch/pbs/train.pbs", "");
    expect_stopped_on_two_hosts(c, dir, SIGTERM, 143, "pbs_tmrsh");
}

/* Nor is Grid Engine, whose variables Open MPI looks at, too. */
static void a_grid_engine_job_asks_to_be_started_again(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96], slots[200], variables[700], arguments[400];
    const host *x = cluster.h.host;
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "sge"));
    snprintf(slots, sizeof slots, "%s 1 all.q@%s UNDEFINED\n%s 1 all.q@%s UNDEFINED\n", x[0].name,
             x[0].name, x[1].name, x[1].name);
    assert_int_equal(rt_file_replace(in_scratch(&cluster.s, "pe"), slots, strlen(slots)), RT_OK);
    write_shell("qrsh", "-inherit");
    snprintf(variables, sizeof variables,
             "JOB_ID=7 SGE_ROOT=/opt/sge ARC=lx-amd64 NSLOTS=2 NHOSTS=2 PE=mpi PE_HOSTFILE=%s/pe "
             "OMPI_MCA_plm_rsh_agent='qrsh -inherit'",
             cluster.s.path);
    snprintf(arguments, sizeof arguments, "%s --run-dir %s " ENDLESS, open_config(), dir);
    command c = start_script(variables, SGE, arguments);
    expect_stopped_on_two_hosts(c, dir, SIGUSR1, 99, "qrsh");
}

/* The last test: it costs a node. */
static void a_lost_node_costs_its_workers(void **state)
{
    (void)state;
    NEED_CLUSTER();
    char dir[96], out[64];
    snprintf(dir, sizeof dir, "%s", in_scratch(&cluster.s, "lost"));
    job j = submit("-N2 -n3 -w %s " SCRIPTS "train.sbatch %s --run-dir %s --set %s " ENDLESS,
                   cluster.h.host[0].name, open_config(), dir, cluster.h.bind);
    await_step(dir, 40, LONG);
    hosts_kill(&cluster.h, 1);
    await_line(dir, "\"event\":\"host_lost\"");
    await_line(dir, "\"generation\":2,\"world_size\":2"); /* at the first attempt */
    await_line(dir, "\"event\":\"recovered\"");
    await_step(dir, last_step(dir) + 20, LONG);
    /* As an operator would: Slurm itself takes half a minute to see it, during which the job does not end. */
    ask(out, sizeof out, "scontrol update NodeName=%s State=DOWN Reason=lost && echo done",
        cluster.h.host[1].name);
    ask(out, sizeof out, "scancel --batch --signal=TERM %s", j.id);
    assert_int_equal(finish_job(&j), 143);
    expect_weights_of_one_host(&cluster.s, dir, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_has_a_worker_for_each_task),
        cmocka_unit_test(more_workers_than_slots_are_refused),
        cmocka_unit_test(tasks_of_an_array_do_not_collide),
        cmocka_unit_test(srun_of_one_task_stops_at_a_signal_for_steps),
        cmocka_unit_test(tasks_of_srun_are_the_workers),
        cmocka_unit_test(a_job_on_two_nodes_goes_on_until_it_is_cancelled),
        cmocka_unit_test(scripts_know_how_the_run_has_ended),
        cmocka_unit_test(a_pbs_job_stops_with_a_checkpoint),
        cmocka_unit_test(a_grid_engine_job_asks_to_be_started_again),
        cmocka_unit_test(a_lost_node_costs_its_workers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
