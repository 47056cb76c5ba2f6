/* A program of the user's own as the worker: examples/program gives the same weights for any number of workers, when one of them is
 * killed, and when it resumes; with one slice it computes the bits of the plain loop beside it, and so does an MPI program with as many
 * slices. What is not such a program, or is another one than the run's, is refused. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "common/base/file.h"
#include "row.h"
#include "runs.h"

static scratch s;
static char sha[65]; /* of the weights of one worker, after 300 steps */

static void shell(const char *line)
{
    result r = run(&s, LONG, "sh", "-c", line, "sh", s.path, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

/* Copies the program and its configuration to a folder of their own. */
static int begin(void **state)
{
    (void)state;
    char line[700], path[4096];
    scratch_make(&s);
    snprintf(path, sizeof path, RT_TEST_BINARY_DIR "/bin:%s", getenv("PATH"));
    setenv("PATH", path, 1); /* of the shells below, which change directories */
    snprintf(line, sizeof line,
             "cp " RT_TEST_SOURCE_DIR "/examples/program/spirals.yaml " RT_TEST_BINARY_DIR
             "/bin/examples/spirals_worker " RT_TEST_BINARY_DIR "/bin/examples/spirals_alone %s",
             s.path);
    shell(line);
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

/* Trains with the program in the folder of the configuration, which is named relative to it. */
static command train(const char *dir, const char *workers, const char *set)
{
    return start(&s, "sh", "-c",
                 "cd \"$1\" && exec ringtorch train spirals.yaml --worker ./spirals_worker "
                 "-n \"$2\" --run-dir \"$3\" --set \"$4\"",
                 "sh", s.path, workers, dir, set ? set : "run.report_every=50", NULL);
}

static void train_to_the_end(const char *dir, const char *workers, char out[65])
{
    result r = finish(train(dir, workers, NULL), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(in_scratch(&s, "%s", dir), "weights_sha256", out, 65);
}

/* ---- training ---- */

static void the_weights_do_not_depend_on_the_number_of_workers(void **state)
{
    (void)state;
    char other[65];
    train_to_the_end("one", "1", sha);
    for (int w = 2; w <= 4; w += 2) {
        train_to_the_end(w == 2 ? "two" : "four", w == 2 ? "2" : "4", other);
        assert_string_equal(sha, other);
    }
    assert_true(summary_number(in_scratch(&s, "one"), "eval_right") > 0.95);
}

typedef struct search {
    int rank;
    pid_t pid;
} search;

static bool is_rank(const process *p, void *context)
{
    search *x = context;
    if (p->rank != x->rank)
        return true;
    x->pid = p->pid;
    return false;
}

static void kill_rank(int rank)
{
    search x = {.rank = rank};
    each_process(&s, "spirals_worker", is_rank, &x);
    if (x.pid <= 0 || kill(x.pid, SIGKILL) != 0)
        fail_msg("there is no worker %d", rank);
}

/* The run is longer, so that the worker dies in its midst; what it ends with must be what an undisturbed one ends with. */
static void a_killed_worker_changes_no_bit(void **state)
{
    (void)state;
    static const char length[] = "run.steps=3000";
    char calm[65], killed[65];
    command c = train("killed", "2", length);
    await_step(in_scratch(&s, "killed"), 100, LONG);
    kill_rank(1);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    r = finish(train("calm", "4", length), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(in_scratch(&s, "killed"), "weights_sha256", killed, sizeof killed);
    summary_text(in_scratch(&s, "calm"), "weights_sha256", calm, sizeof calm);
    assert_true(summary_int(in_scratch(&s, "killed"), "restarts") >= 1);
    assert_string_equal(calm, killed);
}

/* Of 64 samples, the loop's mean is an exact multiple of the run's sum; only the order of slices could tell them apart. */
static void one_slice_is_the_plain_loop(void **state)
{
    (void)state;
    char line[64];
    result loop = run(&s, LONG, in_scratch(&s, "spirals_alone"), NULL);
    expect_exit(&loop, 0);
    shell("cd $1 && ringtorch train spirals.yaml --worker ./spirals_worker -n 1 --run-dir slice "
          "--set parallel.slices=1 --set run.report_every=1");
    snprintf(line, sizeof line, "step 300 loss %.9g\n",
             summary_number(in_scratch(&s, "slice"), "train_loss"));
    expect_text(loop.out, line);
    result_release(&loop);
}

/* The third program of that model: a loop with MPI of its own. Its slices are those of a run, and so are its parameters, the last bytes of
 * both files. */
static void an_mpi_program_computes_the_bits_of_a_run(void **state)
{
    (void)state;
    shell("cd $1 && ringtorch train spirals.yaml --worker ./spirals_worker -n 2 --run-dir eight "
          "--set parallel.slices=8 && ringtorch export eight --out run.safetensors && "
          "tail -c 4740 run.safetensors >run.bytes");
    for (int ranks = 1; ranks <= 4; ranks *= 2) {
        char line[400];
        snprintf(line, sizeof line,
                 "cd $1 && mpirun --bind-to none -n %d " RT_TEST_BINARY_DIR
                 "/bin/examples/spirals_mpi mpi%d.safetensors && "
                 "tail -c 4740 mpi%d.safetensors | cmp - run.bytes && "
                 "cmp mpi1.safetensors mpi%d.safetensors",
                 ranks, ranks, ranks, ranks);
        shell(line);
    }
}

/* ---- a run knows its program ---- */

static void shell_expects(int exit_code, const char *says, const char *line)
{
    result r = run(&s, LONG, "sh", "-c", line, "sh", s.path, NULL);
    if (r.exit_code != exit_code || !(strstr(r.err, says) || strstr(r.out, says)))
        fail_msg("%s: exit code %d, expected %d and '%s':\n%s%s", line, r.exit_code, exit_code,
                 says, r.out, r.err);
    result_release(&r);
}

static void commands_name_or_take_the_program(void **state)
{
    (void)state;
    char advice[300];
    snprintf(advice, sizeof advice, "add --worker %s", in_scratch(&s, "spirals_worker"));
    shell_expects(2, advice, "ringtorch eval $1/one");
    shell_expects(0, "right 9", "cd $1 && ringtorch eval one --worker ./spirals_worker");
    shell_expects(0, "right 9", "cd $1 && ringtorch eval --worker=spirals_worker one");
    shell_expects(0, "6 tensors", "cd $1 && ringtorch export one --out w.safetensors");
    shell_expects(0, "sound", "ringtorch checkpoint ls $1/one");
    shell_expects(0, "right", "ringtorch metrics $1/one");
    shell_expects(0, "spiral_net",
                  "cd $1 && ringtorch train spirals.yaml --worker ./spirals_worker --help-config");
}

static void a_run_resumes_with_its_program(void **state)
{
    (void)state;
    char longer[65], at_once[65];
    shell_expects(
        0, "done: 320 steps",
        "ringtorch train $1/one/config.yaml --run-dir $1/one --resume auto --set run.steps=320");
    /* mpirun's processes are the workers: each must become the program, not ringtorch-worker */
    shell_expects(0, "done: 340 steps",
                  "mpirun --bind-to none -n 2 ringtorch train $1/one/config.yaml --run-dir $1/one "
                  "--resume auto --set run.steps=340");
    result r = finish(train("long", "2", "run.steps=340"), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(in_scratch(&s, "one"), "weights_sha256", longer, sizeof longer);
    summary_text(in_scratch(&s, "long"), "weights_sha256", at_once, sizeof at_once);
    assert_string_equal(longer, at_once);
}

/* ---- what is refused ---- */

static void another_build_is_refused(void **state)
{
    (void)state;
    shell_expects(0, "", "cd $1 && cp spirals_worker kept && printf x >>spirals_worker");
    shell_expects(
        2, "the program of this run: has changed: its sha256 is ",
        "ringtorch train $1/one/config.yaml --run-dir $1/one --resume auto --set run.steps=380");
    shell_expects(2, "program spirals: has changed: it is sha256 ",
                  "cd $1 && ringtorch train spirals.yaml --worker ./spirals_worker --run-dir one "
                  "--resume auto "
                  "--set run.steps=380");
    shell_expects(2, "program spirals: the sha256 of ",
                  "cd $1 && ringtorch eval one --worker ./spirals_worker");
    /* What the message advises. */
    shell_expects(
        2,
        "or begin a new run from the run's weights: another --run-dir, --set model.init=RUN and ",
        "ringtorch train $1/one/config.yaml --run-dir $1/next");
    shell_expects(0, "done: 4 steps",
                  "ringtorch train $1/one/config.yaml --run-dir $1/next --set model.init=$1/one "
                  "--set run.steps=4 --worker $1/spirals_worker");
    shell_expects(0, "", "cd $1 && mv kept spirals_worker");
}

static void what_is_no_worker_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *program, *says;
    } rows[] = {
        {"./nothing",
         "--worker ./nothing: No such file or directory: name the program that trains"},
        {"/tmp", "--worker /tmp: is not a file"},
        {"./spirals.yaml", "--worker ./spirals.yaml: cannot be executed: Permission denied"},
        {"/bin/true", "--worker /bin/true: is not a worker: a program whose main() calls "},
        {"/bin/echo", "--worker /bin/echo: is not a worker"},
        {"./spirals_alone", "--worker ./spirals_alone: is not a worker"},
        {"./older", "--worker ./older: is of RingTorch 0.0.9, but this is "},
        {"./dies", "--worker ./dies: was killed by signal 11 when asked what it is"},
    };
    shell_expects(0, "",
                  "cd $1 && echo '#!/bin/sh\necho \"{\\\"version\\\": \\\"0.0.9\\\"}\"' >older && "
                  "echo '#!/bin/sh\nkill -SEGV $$' >dies && chmod +x older dies");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[200];
        snprintf(line, sizeof line,
                 "cd $1 && ringtorch train spirals.yaml --run-dir refused --worker %s",
                 rows[i].program);
        shell_expects(2, rows[i].says, line);
    }
    assert_false(rt_path_exists(in_scratch(&s, "refused")));
}

/* Stands for a host that has another file at that path. */
static void a_rank_of_another_program_is_named(void **state)
{
    (void)state;
    shell("cd $1 && cp spirals_worker other && printf x >>other && "
          "echo '#!/bin/sh\n[ \"$OMPI_COMM_WORLD_RANK\" = 1 ] && exec \"${0%/*}/other\" \"$@\"\n"
          "exec \"${0%/*}/spirals_worker\" \"$@\"' >both && chmod +x both");
    shell_expects(
        0, "worker 1 on host ",
        "cd $1 && ringtorch train spirals.yaml --worker ./both -n 2 --run-dir both.run 2>&1 | "
        "grep 'program .*/spirals_worker: is not the one of this run: its sha256 is '");
}

/* A program without rows is ringtorch-worker; rows that cannot be are refused before anything starts. */
static void a_program_is_what_its_spec_says(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int exit_code;
        const char *says;
    } rows[] = {
        {"none", 0, "done: 2 steps"},
        {"zero", 0, "done: 2 steps"},
        {"nameless", 2, "spec_worker: rt_worker_main: .name: expected it to be given"},
        {"part", 2, "tasks[0] 'mine': .target: expected it to be given"},
        {"capital", 2, "spec_worker: rt_worker_main: .name 'Spec': expected small letters, "},
        {"twice", 2,
         "spec_worker: rt_worker_main: called twice: main() must return what it returns"},
        {"unscored", 2,
         "tasks[0] 'mine': .score: expected it to be given, since there are .metrics"},
        {"taken", 2,
         "program spec (" RT_TEST_BINARY_DIR
         "/bin/tests/system/spec_worker): datasets: csv is built in: "
         "give it another name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[800];
        snprintf(line, sizeof line,
                 "cd $1 && RINGTORCH_SPEC=%s ringtorch train " RT_TEST_SOURCE_DIR
                 "/configs/regression.yaml --worker " RT_TEST_BINARY_DIR
                 "/bin/tests/system/spec_worker -n 1 --run-dir spec.%s --set run.steps=2",
                 rows[i].spec, rows[i].spec);
        shell_expects(rows[i].exit_code, rows[i].says, line);
    }
    assert_false(rt_path_exists(in_scratch(&s, "spec.part")));
}

/* The variable stands for ringtorch-worker, and a configuration that needs rows of a program is refused without it. */
static void rows_come_by_the_option_only(void **state)
{
    (void)state;
    shell_expects(2, "unknown key 'data.points'",
                  "cd $1 && ringtorch train spirals.yaml --run-dir refused");
    shell_expects(
        2, "RINGTORCH_WORKER=./nothing: not found",
        "cd $1 && RINGTORCH_WORKER=./nothing ringtorch train spirals.yaml --run-dir refused");
    assert_false(rt_path_exists(in_scratch(&s, "refused")));
}

/* ---- what the configuration says against the program ---- */

static void the_configuration_overrides_the_program(void **state)
{
    (void)state;
    static const char lines[] = "cd $1 && ringtorch train spirals.yaml --worker ./spirals_worker "
                                "-n 2 --run-dir mlp --set run.steps=4 "
                                "--set 'model.layers=[{linear: 8}, tanh, {linear: 1}]'";
    shell_expects(0, "linear", lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(the_weights_do_not_depend_on_the_number_of_workers),
        ROW(a_killed_worker_changes_no_bit),
        ROW(one_slice_is_the_plain_loop),
        ROW(an_mpi_program_computes_the_bits_of_a_run),
        ROW(commands_name_or_take_the_program),
        ROW(a_run_resumes_with_its_program),
        ROW(another_build_is_refused),
        ROW(what_is_no_worker_is_refused),
        ROW(a_rank_of_another_program_is_named),
        ROW(a_program_is_what_its_spec_says),
        ROW(rows_come_by_the_option_only),
        ROW(the_configuration_overrides_the_program),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
