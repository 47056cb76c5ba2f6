/* The reasons for the end of a run, as the user reads them: programs that cannot start, jobs inside jobs, directories that
 * disappear, commands to paste. The coordinator is the real one; mpirun and workers are real or scripts. */
#include "launching.h"

#include <limits.h>
#include <sys/stat.h>

#include "common/base/text.h"
#include "launch/cmd/next_step.h"
#include "launch/jobs/why_killed.h"

static char worker[96], bin[96], path[4096]; /* a program; a folder that is first in PATH */

static void write_program(const char *name, const char *text)
{
    assert_int_equal(rt_file_replace(name, text, strlen(text)), RT_OK);
    assert_int_equal(chmod(name, 0755), 0);
}

static int set_up(void **state)
{
    (void)state;
    char new_path[5120];
    make_folder("run: {steps: 100}\nmodel: {preset: mlp}\nparallel: {slices: 8, workers: 2}\n");
    snprintf(worker, sizeof worker, "%s/worker", folder);
    snprintf(bin, sizeof bin, "%s/bin", folder);
    assert_int_equal(rt_dir_make(bin, 0755), RT_OK);
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    snprintf(new_path, sizeof new_path, "%s:%s", bin, path);
    setenv("PATH", new_path, 1);
    setenv("RINGTORCH_WORKER", worker, 1);
    write_program(worker, "#!/bin/sh\nexec setpriv --pdeathsig KILL sleep 1000\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    setenv("PATH", path, 1);
    unsetenv("RINGTORCH_WORKER");
    remove_folder();
    return 0;
}

static void write_mpirun(const char *text)
{
    char name[128];
    snprintf(name, sizeof name, "%s/mpirun", bin);
    write_mpirun_script(name, "4.1.4", text);
}

/* ---- what cannot start ---- */

static void what_cannot_start_says_why_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *worker, *mpirun; /* scripts; NULL: the usual program */
        int mode, exit_code;         /* of the worker's file; of the run */
        const char *reason;
    } rows[] = {
        {"no program", NULL, 0644, 1, "/worker cannot be executed on "},
        {"#!/nowhere/at/all\n", NULL, 0755, 1, "has a bad interpreter on the first line"},
        {"#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = 1 ] || exec sleep 10\n"
         "echo 'ringtorch: the sky is red' >&2\nexit 2\n",
         NULL, 0755, 2, "worker 1 left with exit code 2: the sky is red\n"},
        {"#!/bin/sh\necho 'all is well'\n", NULL, 0755, 1, "could not be started: worker 0 on "},
        {"#!/bin/sh\nexit 0\n", NULL, 0755, 1,
         "/worker ended without ever reporting: it is not ringtorch-worker: correct or unset "
         "RINGTORCH_WORKER\n"},
        {NULL, "#!/bin/sh\nexit 3\n", 0755, 1,
         "the job ended with exit code 3: it printed nothing"},
        {NULL, "#!/bin/sh\nkill -SEGV $$\n", 0755, 1,
         "could not be started: mpirun crashes (signal 11) before it starts a worker: check "
         "whether"},
        {NULL, "#!/bin/sh\necho '*******'\necho 'a wall' >&2\necho '-------'\nexit 1\n", 0755, 1,
         "the job ended with exit code 1: a wall\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].worker)
            write_program(worker, rows[i].worker);
        assert_int_equal(chmod(worker, (mode_t)rows[i].mode), 0);
        if (rows[i].mpirun)
            write_mpirun(rows[i].mpirun);
        run(rows[i].exit_code, NULL);
        expect_text(err, "ringtorch: the workers could not be started: ");
        expect_text(err, rows[i].reason);
        rt_remove_tree(run_dir);
        rt_error_clear();
    }
}

/* The worker believes that each of the two ranks has a host of its own. */
static void what_may_be_otherwise_on_other_hosts_is_said_with_the_host(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *set, *says;
    } rows[] = {
        {"", "data.path=/nowhere/d", ": /nowhere/d: no such directory"},
        {"export RINGTORCH_RUN_DIR=/nowhere/r\n", "run.steps=4",
         ": /nowhere/r, the run directory, is not shared: it is not there: name one on a file "
         "system that all hosts share with --run-dir"},
        {"mkdir -p ${0%/*}/r; export RINGTORCH_RUN_DIR=${0%/*}/r\n", "run.steps=4",
         "/r/config.yaml: cannot open: No such file or directory"},
    };
    char text[512], host[256], named[300];
    gethostname(host, sizeof host);
    snprintf(named, sizeof named, " on host %s: ", host);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text,
                 "#!/bin/sh\n%sexport OMPI_COMM_WORLD_LOCAL_SIZE=1 OMPI_COMM_WORLD_LOCAL_RANK=0\n"
                 "exec " RT_TEST_BINARY_DIR "/bin/ringtorch-worker \"$@\"\n",
                 rows[i].lines);
        write_program(worker, text);
        run(2, "--set", rows[i].set, NULL);
        expect_text(err, named);
        expect_text(err, rows[i].says);
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
}

/* mpirun ends the others with the same signal, perhaps before we have seen the first one. */
static void a_rank_that_dies_at_its_start_is_named(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        char text[160];
        snprintf(text, sizeof text,
                 "#!/bin/sh\n[ $OMPI_COMM_WORLD_RANK = %d ] && kill -TERM $$\nexec sleep 10\n",
                 i % 3);
        write_program(worker, text);
        run(1, "-n", "3", "--set", "run.max_restarts=0", NULL);
        snprintf(text, sizeof text, ": worker %d was killed by signal 15\n", i % 3);
        expect_text(err, text);
        assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    }
}

static void a_start_that_hangs_is_named(void **state)
{
    (void)state;
    write_mpirun("#!/bin/sh\nexec sleep 1000\n");
    pid_t pid = begin(NULL);
    await_text("events.jsonl", "no worker has been started on ");
    kill(pid, SIGINT);
    expect_end(pid, 130);
}

/* ---- jobs inside jobs ---- */

static void each_of_several_is_refused(void **state)
{
    (void)state;
    static const char *const variables[][3] = {
        {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "start it by the mpirun of Open MPI"},
        {"PMI_SIZE", "PMI_RANK", "start it by the mpirun of Open MPI"},
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "start it by srun --mpi=pmix"}};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        setenv(variables[i][0], "3", 1);
        setenv(variables[i][1], "0", 1);
        run(2, "--set", "run.name=a b", NULL);
        expect_text(err, "--set 'run.name=a b' -n 3\n");
        expect_text(err, "add --separate if each of the 3 shall be a separate run");
        expect_text(err, variables[i][2]); /* which would make workers of them */
        setenv("PMIX_NAMESPACE", "job", 1);
        setenv("RINGTORCH_JOBS", "mpirun", 1);
        run(2, NULL);
        expect_text(err, "with RINGTORCH_JOBS=mpirun each of them would start workers");
        unsetenv("RINGTORCH_JOBS");
        unsetenv("PMIX_NAMESPACE");
        run(2, "-n", "2", NULL);
        expect_text(err, " -n 2\n");
        setenv(variables[i][1], "2", 1);
        run(2, NULL);
        expect_text(err, " -n 3\n");
        assert_string_equal(out, "");
        unsetenv(variables[i][0]);
        unsetenv(variables[i][1]);
    }
    setenv("PMIX_NAMESPACE", "job",
           1); /* but nobody says how many there are: rank 0 takes itself for alone */
    setenv("PMIX_RANK", "2", 1);
    run(2, NULL);
    expect_text(err, "started 3 times under mpirun");
    unsetenv("PMIX_RANK");
    unsetenv("PMIX_NAMESPACE");
    assert_false(rt_path_exists(run_dir));
}

/* srun --mpi=pmi2 sets the variables of MPICH's mpirun, too; that mpirun starts a task of its own on each host by srun. */
static void the_outer_job_is_called_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *step, *tasks, *says;
    } rows[] = {
        {"SLURM_STEP_NUM_TASKS", "4",
         "started 4 times under srun, without PMIx, by which Open MPI "
         "would join them: start it by srun --mpi=pmix, or "},
        {"SLURM_STEP_NUM_TASKS", "2",
         "started 4 times under mpirun, without PMIx, by which Open MPI "
         "would join them: start it by the mpirun of Open MPI"},
        {"SLURM_NTASKS", "4", "started 4 times under mpirun"}, /* in a script under sbatch */
    };
    setenv("PMI_SIZE", "4", 1);
    setenv("PMI_RANK", "0", 1);
    setenv("SLURM_PROCID", "0", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv(rows[i].step, rows[i].tasks, 1);
        run(2, NULL);
        expect_text(err, rows[i].says);
        unsetenv(rows[i].step);
    }
    unsetenv("PMI_SIZE");
    unsetenv("PMI_RANK");
    unsetenv("SLURM_PROCID");
    assert_false(rt_path_exists(run_dir));
}

static void workers_by_hand_are_refused_once(void **state)
{
    (void)state;
    char line[5120], said[4096];
    snprintf(line, sizeof line,
             "PATH='%s' OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
             "mpirun --oversubscribe -n 2 " RT_TEST_BINARY_DIR "/bin/ringtorch-worker 2>&1",
             path);
    FILE *p = popen(line, "r");
    assert_non_null(p);
    said[fread(said, 1, sizeof said - 1, p)] = '\0';
    assert_int_equal(WEXITSTATUS(pclose(p)), 2);
    const char *ours = strstr(said, "ringtorch: ");
    assert_non_null(ours);
    assert_null(strstr(ours + 1, "ringtorch: "));
    expect_text(ours, "not by mpirun: type ringtorch train CONFIG -n 2\n");
}

/* ---- directories that disappear ---- */

static void a_renamed_run_directory_ends_the_run(void **state)
{
    (void)state;
    char moved[128], words[320];
    snprintf(moved, sizeof moved, "%s/run moved", folder);
    pid_t pid = begin(NULL);
    await_process("sleep", "OMPI_COMM_WORLD_RANK=1");
    assert_int_equal(rename(run_dir, moved), 0);
    expect_end(pid, 1);
    snprintf(words, sizeof words, "ringtorch: %s: the run directory was renamed to %s while",
             run_dir, moved);
    expect_text(err, words);
    assert_false(rt_path_exists(run_dir)); /* no process has created it again */
}

static void a_removed_run_directory_ends_the_run(void **state)
{
    (void)state;
    pid_t pid = begin(NULL);
    await_process("sleep", "OMPI_COMM_WORLD_RANK=1");
    assert_int_equal(rt_remove_tree(run_dir), RT_OK);
    expect_end(pid, 1);
    expect_text(err, ": the run directory was removed while the run was in it\n");
    assert_null(strstr(err, "--resume"));
}

/* ---- commands to paste ---- */

static void commands_can_be_pasted(void **state)
{
    (void)state;
    char text[RT__ADVICE];
    assert_string_equal(rt__advice_resume("runs/x", text),
                        "ringtorch train runs/x/config.yaml --run-dir runs/x --resume auto");
    assert_string_equal(rt__advice_eval("my run", NULL, text), "ringtorch eval 'my run'");
    assert_string_equal(rt__advice_eval("-x", NULL, text), "ringtorch eval ./-x");
    json_t *plugins = json_pack("[{s:s}, {s:s}]", "file", "/p/a.so", "file", "/p/b c.so");
    assert_string_equal(rt__advice_eval("x", plugins, text),
                        "ringtorch eval x --plugin /p/a.so --plugin '/p/b c.so'");
    json_decref(plugins);
    assert_string_equal(rt__advice_train_on("it's", 40, text),
                        "ringtorch train 'it'\\''s/config.yaml' --run-dir 'it'\\''s' --resume auto "
                        "--set run.steps=40");
    assert_string_equal(rt__advice_other_workers("x/", 3, text),
                        "ringtorch train x/config.yaml --run-dir x-again -n 3");
    assert_string_equal(rt__advice_other_workers("/", 3, text),
                        "ringtorch train /config.yaml --run-dir /run-again -n 3");
    char here[PATH_MAX], beside[PATH_MAX + 32];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(beside, sizeof beside, " --run-dir %s-again -n 3", here);
    expect_text(rt__advice_other_workers(".", 3, text), beside);
    assert_string_equal(rt__advice_other_workers("x.", 3, text),
                        "ringtorch train x./config.yaml --run-dir x.-again -n 3");
    assert_string_equal(rt__advice_other_rate("a/b", 0.01, "a/b", text),
                        "ringtorch train a/b/config.yaml --run-dir a/b-slower --set model.init=a/b "
                        "--set optimizer.lr=0.01");
    assert_string_equal(rt__advice_other_rate("a b", 1, "a b", text),
                        "ringtorch train 'a b/config.yaml' --run-dir 'a b-slower' --set "
                        "'model.init='\\''a b'\\''' --set optimizer.lr=1");
    assert_string_equal(
        rt__advice_other_rate("x", 1e-5, NULL, text),
        "ringtorch train x/config.yaml --run-dir x-slower --set optimizer.lr=1e-05");
    assert_string_equal(rt__advice_setting("snapshot.dir", "/dev/shm", text),
                        "--set snapshot.dir=/dev/shm");
    rt__advice_set_program("/opt/my tools/ringtorch");
    assert_string_equal(rt__advice_eval("x", NULL, text), "'/opt/my tools/ringtorch' eval x");
    rt__advice_set_program("ringtorch");
}

/* ---- what comes after a failure ---- */

static void put(const char *name, const char *text)
{
    char file[160];
    snprintf(file, sizeof file, "%s/%s", run_dir, name);
    assert_int_equal(rt_file_replace(file, text, strlen(text)), RT_OK);
}

static void remove_file(const char *name)
{
    char file[160];
    snprintf(file, sizeof file, "%s/%s", run_dir, name);
    unlink(file);
}

static void put_checkpoint(int step)
{
    char text[160];
    snprintf(text, sizeof text, "%s/checkpoints/step-%08d", run_dir, step);
    assert_int_equal(rt_dir_make(text, 0755), RT_OK);
    snprintf(text, sizeof text, "checkpoints/step-%08d/rank-0", step);
    put(text, "weights");
    snprintf(text, sizeof text, "checkpoints/step-%08d/manifest.json", step);
    put(text, "{\"pieces\": [{\"file\": \"rank-0\", \"bytes\": 7}]}");
}

#define ROW(step, loss) "{\"step\": " #step ", \"loss\": " #loss "}\n"
#define TESTED(step, loss, test)                                                                   \
    "{\"step\": " #step ", \"loss\": " #loss ", \"eval_loss\": " #test "}\n"

/* From the newest checkpoint, the loss would become not finite again. A new run should start only from weights that still
 * did well after they were saved. There are checkpoints of steps 10, 20 and 30. */
static void advice_starts_from_sound_weights(void **state)
{
    (void)state;
    static const struct {
        const char *rows;
        int step; /* 0: without weights */
    } cases[] = {
        {ROW(1, 2.3) ROW(10, 1.9) ROW(20, 1.5) ROW(30, 1.2), 20}, /* nothing is known about 30 */
        {ROW(1, 2.3) ROW(10, 1.9) ROW(20, 1.5) ROW(31, 1.2), 30},
        {ROW(1, 2.3) ROW(10, 1.9) ROW(20, 1.5) TESTED(30, 1.2, 1.3), 30},
        {ROW(1, 2.3) ROW(10, 1.9) ROW(20, 1.5) TESTED(30, 1.2, null), 10},
        {ROW(1, 2.3) ROW(11, 1.9) ROW(20, null) ROW(30, null), 10},
        {ROW(1, 2.3) ROW(11, 1.9) ROW(21, 1e21) ROW(31, 1e30), 10}, /* still finite, but growing */
        {ROW(1, 2.3) ROW(10, 1e9) ROW(20, 1e21) ROW(30, null), 0},
        {ROW(1, null) ROW(10, null), 0},
        {ROW(30, 1.2), 0},
        {"", 0},
        {NULL, 0},
    };
    assert_int_equal(rt_dir_make(run_dir, 0755), RT_OK);
    put("config.yaml", "model: {preset: mlp}\noptimizer: {lr: 0.5}\n");
    for (int step = 10; step <= 30; step += 10)
        put_checkpoint(step);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[RT__NEXT_STEP],
            expected[160] = "to start again with a lower learning rate: ", init[160] = "";
        if (cases[i].rows)
            put("metrics.jsonl", cases[i].rows);
        else
            remove_file("metrics.jsonl");
        if (cases[i].step) {
            snprintf(expected, sizeof expected,
                     "to start again from the weights of step %d with a lower learning rate: ",
                     cases[i].step);
            snprintf(init, sizeof init, " --set model.init=%s/checkpoints/step-%08d", run_dir,
                     cases[i].step);
        }
        assert_true(rt__next_step(run_dir, RT_NEXT_OTHER_RATE, NULL, text));
        if (strncmp(text, expected, strlen(expected)) != 0 || !strstr(text, init) ||
            !strstr(text, " --set optimizer.lr=0.05") ||
            (!cases[i].step && strstr(text, "model.init")))
            fail_msg("case %zu: %s", i, text);
        assert_false(rt_failed());
    }
}

static void nothing_is_advised_where_nothing_helps(void **state)
{
    (void)state;
    char text[RT__NEXT_STEP];
    assert_false(rt__next_step(run_dir, RT_NEXT_NOTHING, NULL, text));
    assert_false(rt__next_step("/nowhere", RT_NEXT_OTHER_RATE, NULL,
                               text)); /* its learning rate is unknown */
    assert_true(rt__next_step("x", RT_NEXT_RESUME, "newest checkpoint", text));
    expect_text(text, "to resume from its newest checkpoint: ");
    expect_text(text, " train x/config.yaml --run-dir x --resume auto");
    assert_false(rt_failed());
}

/* A shell reads back every word unchanged, and a terminal obeys none. */
static void words_survive_a_shell(void **state)
{
    (void)state;
    static const char *const words[] = {"plain-1.2/x:@%+,=",
                                        "",
                                        "two words",
                                        "it's",
                                        "$(reboot)",
                                        "`x`",
                                        "a\\b",
                                        "~",
                                        "*",
                                        "-n",
                                        "\xc3\xa4",
                                        "tab\there",
                                        "\033[2J'q\\",
                                        "new\nline"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        rt_text command = {0};
        char back[256] = "";
        rt_text_add(&command, "exec bash -c 'printf %%s \"$1\"' bash ");
        rt_text_add_word(&command, words[i]);
        for (const char *c = command.data; *c; c++)
            assert_true((unsigned char)*c >= 0x20);
        FILE *p = NULL;
        char script[128];
        snprintf(script, sizeof script, "%s/script", folder);
        assert_int_equal(rt_file_replace(script, command.data, command.len), RT_OK);
        char line[256];
        snprintf(line, sizeof line, "bash %s", script);
        p = popen(line, "r");
        assert_non_null(p);
        back[fread(back, 1, sizeof back - 1, p)] = '\0';
        assert_int_equal(pclose(p), 0);
        assert_string_equal(back, words[i]);
        rt_mem_free(command.data);
    }
}

/* ---- kills by the kernel ---- */

static void write_below(const char *root, const char *name, const char *text)
{
    char file[256], dir[256];
    snprintf(file, sizeof file, "%s%s", root, name);
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(file, '/') - file), file);
    assert_int_equal(rt_dir_make(dir, 0755), RT_OK);
    assert_int_equal(rt_file_replace(file, text, strlen(text)), RT_OK);
}

static void an_out_of_memory_kill_is_reported_once(void **state)
{
    (void)state;
    static const struct {
        const char *groups, *counter, *limit, *limit_text, *words;
    } rows[] = {
        {"5:devices:/\n4:memory:/a/b\n0::/\n", "/sys/fs/cgroup/memory/a/b/memory.oom_control",
         "/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "536870912\n",
         "killed by the kernel: out of memory (cgroup limit 512 MiB)"},
        {"0::/x.slice/y\n", "/sys/fs/cgroup/x.slice/y/memory.events",
         "/sys/fs/cgroup/x.slice/memory.max", "1073741824\n",
         "killed by the kernel: out of memory (cgroup limit 1.0 GiB)"},
        {"0::/not/seen/inside\n", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory.max",
         "max\n", "killed by the kernel: out of memory"},
        {"0::/\n", "/proc/vmstat", "/none", "", "killed by the kernel: out of memory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char root[128], why[128] = "";
        rt__why_killed w;
        snprintf(root, sizeof root, "%s/root%zu", folder, i);
        write_below(root, "/proc/self/cgroup", rows[i].groups);
        write_below(root, rows[i].counter, "low 0\noom_kill_disable 0\noom 1\noom_kill 2\n");
        write_below(root, rows[i].limit, rows[i].limit_text);
        rt__why_killed_init(&w, root);
        assert_false(rt__why_killed_find(&w, SIGKILL, why, sizeof why));
        write_below(root, rows[i].counter, "low 0\noom_kill_disable 0\noom 1\noom_kill 3\n");
        assert_false(rt__why_killed_find(&w, SIGTERM, why, sizeof why));
        assert_true(rt__why_killed_find(&w, SIGKILL, why, sizeof why));
        assert_string_equal(why, rows[i].words);
        assert_false(rt__why_killed_find(&w, SIGKILL, why, sizeof why));
        write_below(root, rows[i].counter, "low 0\noom_kill_disable 0\noom 1\noom_kill 4\n");
        rt__why_killed_reset(&w);
        assert_false(rt__why_killed_find(&w, SIGKILL, why, sizeof why));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_start_says_why_at_once),
        TEST(a_rank_that_dies_at_its_start_is_named),
        TEST(what_may_be_otherwise_on_other_hosts_is_said_with_the_host),
        TEST(a_start_that_hangs_is_named),
        TEST(each_of_several_is_refused),
        TEST(the_outer_job_is_called_by_its_name),
        TEST(workers_by_hand_are_refused_once),
        TEST(a_renamed_run_directory_ends_the_run),
        TEST(a_removed_run_directory_ends_the_run),
        TEST(commands_can_be_pasted),
        TEST(advice_starts_from_sound_weights),
        TEST(nothing_is_advised_where_nothing_helps),
        TEST(words_survive_a_shell),
        TEST(an_out_of_memory_kill_is_reported_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
