/* Job back ends of plugins in real runs. A plugin is built here out of its row, and its command is mpirun by another name, or
 * a script: such a run gives the bits of mpirun's, recovers from losses, and leaves nothing behind. Commands that do not start
 * workers as they must end the run with a message that names row, plugin and command. */
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
static char usual[65]; /* the hash of the weights with mpirun */

static void write_text(const char *name, const char *text)
{
    const char *path = in_scratch(&s, "%s", name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Builds <name>.so, whose row of the same name has these members. */
static void build(const char *name, const char *members)
{
    char text[2400], line[1200];
    snprintf(text, sizeof text,
             "#include <ringtorch/plugin.h>\n"
             "static const rt_job_row row = {.name = \"%s\", .help = \"h\", %s};\n"
             "RT_PLUGIN(.name = \"site\", .jobs = RT_PLUGIN_LIST(rt_job_row, &row))\n",
             name, members);
    write_text("row.c", text);
    snprintf(line, sizeof line,
             "cc -std=gnu17 -shared -fPIC -I" RT_TEST_SOURCE_DIR "/include '-DHERE=\"%s\"' %s -o "
             "%s",
             s.path, in_scratch(&s, "row.c"), in_scratch(&s, "%s.so", name));
    result r = run(&s, LONG, "sh", "-c", line, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

#define COMMAND(words) ".command = RT_PLUGIN_LIST(char, " words ", \"{worker}\")"
#define MY_NUMBERS     ".rank = \"MY_RANK\", .world = \"MY_WORLD\", .local_rank = \"MY_LOCAL_RANK\""
#define MPI_NUMBERS                                                                                \
    ".rank = \"OMPI_COMM_WORLD_RANK\", .world = \"OMPI_COMM_WORLD_SIZE\", "                        \
    ".local_rank = \"OMPI_COMM_WORLD_LOCAL_RANK\", .local_world = \"OMPI_COMM_WORLD_LOCAL_SIZE\""

/* `start N PROGRAM` is mpirun by another name; ranks find their numbers in variables of its own. */
static int begin(void **state)
{
    (void)state;
    tiny_setup(&s);
    write_text("start", "#!/bin/sh\n"
                        "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n"
                        "n=$1\nshift\n"
                        "exec mpirun --oversubscribe --bind-to none -n $n "
                        "\"$(dirname \"$0\")/rank\" \"$@\"\n");
    write_text("rank", "#!/bin/sh\n"
                       "export MY_RANK=$OMPI_COMM_WORLD_RANK MY_WORLD=$OMPI_COMM_WORLD_SIZE\n"
                       "export MY_LOCAL_RANK=$OMPI_COMM_WORLD_LOCAL_RANK\n"
                       "exec \"$@\"\n");
    build("mine", COMMAND("HERE \"/start\", \"{ranks}\"") ", " MY_NUMBERS);
    train_tiny(&s, in_scratch(&s, "usual"), 2, NULL, usual);
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

/* Starts a run with two workers in the run directory `dir`, by the row of <name>.so. */
static command train(const char *name, const char *dir, const char *more)
{
    char plugins[160];
    snprintf(plugins, sizeof plugins, "plugins=[%s/%s.so]", s.path, name);
    setenv("RINGTORCH_JOBS", name, 1);
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2", "--run-dir",
                      in_scratch(&s, "%s", dir), "--set", plugins, "--set",
                      more ? more : "run.report_every=10", NULL);
    unsetenv("RINGTORCH_JOBS");
    return c;
}

static void expect_refused(command c, int exit_code, const char *const *says)
{
    result r = finish(c, LONG);
    for (; *says; says++)
        expect_text(r.err, *says);
    expect_exit(&r, exit_code);
    result_release(&r);
}

static void expect_usual_weights(const char *dir)
{
    char sha[65];
    summary_text(in_scratch(&s, "%s", dir), "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, usual);
}

/* ---- runs ---- */

static void a_run_has_the_bits_of_mpirun(void **state)
{
    (void)state;
    result r = finish(train("mine", "same", NULL), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_usual_weights("same");
    expect_restarts(in_scratch(&s, "same"), 0);
    assert_true(rt_path_exists(in_scratch(&s, "same/logs/job.g1.log")));
    assert_false(rt_path_exists(in_scratch(&s, "same/logs/mpirun.g1.log")));
    /* whoever reads the run knows it without the plugin */
    assert_int_equal(remove(in_scratch(&s, "mine.so")), 0);
    r = run(&s, LONG, "ringtorch", "status", in_scratch(&s, "same"), NULL);
    expect_exit(&r, 0);
    result_release(&r);
    build("mine", COMMAND("HERE \"/start\", \"{ranks}\"") ", " MY_NUMBERS);
}

static void a_killed_worker_is_recovered_from(void **state)
{
    (void)state;
    command c = train("mine", "killed", "run.steps=200");
    await_step(in_scratch(&s, "killed"), 20, LONG);
    signal_worker(&s, 1, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_usual_weights("killed");
    expect_restarts(in_scratch(&s, "killed"), 1);
    assert_true(rt_path_exists(in_scratch(&s, "killed/logs/job.g2.log")));
}

static void a_killed_command_is_recovered_from(void **state)
{
    (void)state;
    command c = train("mine", "command", NULL);
    await_step(in_scratch(&s, "command"), 20, LONG);
    pid_t mpirun = find_program(&s, "orterun", 1);
    kill(mpirun ? mpirun : find_program(&s, "mpirun", LONG), SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_usual_weights("command");
    expect_restarts(in_scratch(&s, "command"), 1);
}

static void a_run_is_stopped_and_goes_on(void **state)
{
    (void)state;
    command c = train("mine", "stopped", NULL);
    await_step(in_scratch(&s, "stopped"), 20, LONG);
    kill(c.pid, SIGTERM);
    result r = finish(c, LONG);
    expect_exit(&r, 143);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    setenv("RINGTORCH_JOBS", "mine", 1);
    r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "stopped/config.yaml"), "--run-dir",
            in_scratch(&s, "stopped"), "--resume", "auto", NULL);
    unsetenv("RINGTORCH_JOBS");
    expect_exit(&r, 0);
    result_release(&r);
    expect_usual_weights("stopped");
}

static void the_doctor_tries_it(void **state)
{
    (void)state;
    setenv("RINGTORCH_JOBS", "mine", 1);
    result r = run(&s, LONG, "ringtorch", "doctor", "--plugin", in_scratch(&s, "mine.so"), NULL);
    expect_text(r.out, "/start, as the plugin site describes it");
    expect_text(r.out, "2 ranks start and end in ");
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "doctor", NULL);
    unsetenv("RINGTORCH_JOBS");
    expect_text(r.out, "RINGTORCH_JOBS=mine: no such back end");
    expect_text(r.out, "name the plugin that brings this job back end with --plugin");
    expect_exit(&r, 1);
    result_release(&r);
}

/* ---- commands that do not start workers ---- */

static void wrong_commands_end_the_run_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *members, *script;
        int exit_code;       /* 0: 1, or 2 if the launcher sees which rank refused to begin */
        const char *says[5]; /* NULL after the last */
    } rows[] = {
        {COMMAND("\"no-such-program\", \"{ranks}\"") ", " MPI_NUMBERS,
         NULL,
         2,
         {"RINGTORCH_JOBS=wrong: no-such-program: not found, or not executable: the job back end "
          "wrong of the plugin site starts workers with it: install it"}},
        {COMMAND("HERE \"/wrong\", \"{ranks}\"") ", " MPI_NUMBERS,
         "#!/bin/sh\nexit 0\n",
         1,
         {"the workers could not be started: ", "job back end wrong of the plugin site: `",
          "/wrong 2 /", ": it printed nothing: no worker has begun: try this command by hand"}},
        {COMMAND("HERE \"/wrong\", \"{ranks}\"") ", " MPI_NUMBERS,
         "#!/bin/sh\necho invalid partition >&2\nexit 3\n",
         1,
         {"the job ended with exit code 3: job back end wrong of the plugin site: `", "/wrong 2 /",
          ": invalid partition: no worker has begun"}},
        {COMMAND("HERE \"/start\", \"{ranks}\"") ", .rank = \"MY_RANK\", .world = \"MY_SIZE\", "
                                                 ".local_rank = \"MY_LOCAL_RANK\"",
         NULL,
         0,
         {"job back end wrong of the plugin site: `",
          ": MY_SIZE is not set, which tells a worker how many workers there are: what starts"}},
        {COMMAND("HERE \"/start\", \"1{ranks}\"") ", " MY_NUMBERS,
         NULL,
         0,
         {"job back end wrong of the plugin site: `",
          ": MY_WORLD=12, but 2 workers had been ordered: what starts them must start as many"}},
        {COMMAND("HERE \"/wrong\", \"{ranks}\"") ", " MY_NUMBERS,
         "#!/bin/sh\nexport MY_WORLD=$1\n"
         "for i in 0 1; do MY_RANK=$i MY_LOCAL_RANK=$i \"$2\" & done\nwait\nexit 1\n",
         0,
         {"MY_WORLD=2, but MPI has made this process rank 0 of 1: what starts the workers must "
          "start them as the ranks of one MPI job"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].script)
            write_text("wrong", rows[i].script);
        build("wrong", rows[i].members);
        char dir[16];
        snprintf(dir, sizeof dir, "wrong%d", (int)i);
        result r = finish(train("wrong", dir, NULL), LONG);
        for (const char *const *says = rows[i].says; *says; says++)
            expect_text(r.err, *says);
        bool right = rows[i].exit_code == 0 && (r.exit_code == 1 || r.exit_code == 2);
        if (!right)
            expect_exit(&r, rows[i].exit_code);
        result_release(&r);
        assert_true(all_ended(&s, LONG));
    }
}

static void a_row_may_have_one_job_only(void **state)
{
    (void)state;
    build("once", COMMAND("HERE \"/start\", \"{ranks}\"") ", .once = true, " MY_NUMBERS);
    command c = train("once", "once", NULL);
    await_step(in_scratch(&s, "once"), 20, LONG);
    signal_worker(&s, 1, SIGKILL);
    expect_refused(c, 1,
                   (const char *[]){"worker 1 was killed by signal 9, and once starts no other "
                                    "workers: start the job again, with --resume auto",
                                    "to resume from its snapshots: ", NULL});
}

/* ---- rows that are wrong ---- */

static void wrong_rows_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *members, *says;
    } rows[] = {
        {MPI_NUMBERS, "wrong.so: jobs[0] 'wrong': .command: expected it to be given"},
        {COMMAND("\"mpirun\", \"{ranks}\""),
         "wrong.so: jobs[0] 'wrong': .rank: expected it to be given"},
        {COMMAND("\"mpirun\", \"{rank}\"") ", " MPI_NUMBERS,
         "wrong.so): jobs[0] 'wrong': .command[1] '{rank}': expected {ranks}, "},
        {COMMAND("\"mpirun\", \"{ranks}\\033[31m\"") ", " MPI_NUMBERS,
         "wrong.so): jobs[0] 'wrong': .command[1]: expected a text of at most 400 bytes without "
         "control"},
        {COMMAND("\"mpirun\", \"{ranks}\\xff\"") ", " MPI_NUMBERS,
         "wrong.so: jobs[0] 'wrong': .command: expected UTF-8"},
        {".command = RT_PLUGIN_LIST(char, \"mpirun\", \"{ranks}\"), " MPI_NUMBERS,
         "wrong.so): jobs[0] 'wrong': .command[1] '{ranks}': expected {worker} as the last word"},
        {COMMAND("\"mpirun\", \"{host_slots}\"") ", " MPI_NUMBERS,
         "wrong.so): jobs[0] 'wrong': .shell: expected it to be given if .command has {hosts}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        build("wrong", rows[i].members);
        expect_refused(train("wrong", "refused", NULL), 2, (const char *[]){rows[i].says, NULL});
        assert_false(rt_path_exists(in_scratch(&s, "refused/config.yaml")));
    }
    build("mpirun", COMMAND("\"mpirun\", \"-n\", \"{ranks}\"") ", " MPI_NUMBERS);
    expect_refused(
        train("mpirun", "refused", NULL), 2,
        (const char *[]){"mpirun.so): jobs: mpirun is built in: give it another name", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_run_has_the_bits_of_mpirun),
        ROW(a_killed_worker_is_recovered_from),
        ROW(a_killed_command_is_recovered_from),
        ROW(a_run_is_stopped_and_goes_on),
        ROW(the_doctor_tries_it),
        ROW(wrong_commands_end_the_run_by_name),
        ROW(a_row_may_have_one_job_only),
        ROW(wrong_rows_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
