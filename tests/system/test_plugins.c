/* Plugins in runs: the one in examples/plugin, built here as users build it, gives the bits of one worker even when workers
 * die; files that are not plugins for this version are refused by name; and no code runs unless the user has named it. */
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

static void shell(const char *line)
{
    result r = run(&s, LONG, "sh", "-c", line, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Builds <scratch>/<from> as <scratch>/<to> with only the public headers. */
static void build(const char *from, const char *to, const char *flags)
{
    char line[1200];
    snprintf(line, sizeof line,
             "cc -std=gnu17 -shared -fPIC -O2 -ffp-contract=off -I" RT_TEST_SOURCE_DIR
             "/include %s %s/%s -o %s/%s.new -lm && mv %s/%s.new %s/%s",
             flags, s.path, from, s.path, to, s.path, to, s.path, to);
    shell(line);
}

/* Makes a folder with the example and its configuration. It needs nothing of the source tree except the headers. */
static int begin(void **state)
{
    (void)state;
    char line[600];
    scratch_make(&s);
    snprintf(line, sizeof line, "cp " RT_TEST_SOURCE_DIR "/examples/plugin/hills.* %s", s.path);
    shell(line);
    build("hills.c", "hills.so", "");
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

static command train(const char *dir, const char *workers, const char *more)
{
    return start(&s, "ringtorch", "train", in_scratch(&s, "hills.yaml"), "-n", workers, "--run-dir",
                 in_scratch(&s, "%s", dir), "--set", more ? more : "run.report_every=10", NULL);
}

static void expect_refused(command c, int exit_code, const char *says)
{
    result r = finish(c, LONG);
    expect_text(r.err, says);
    expect_exit(&r, exit_code);
    result_release(&r);
}

static void train_to_the_end(const char *dir, const char *workers, char sha[65])
{
    result r = finish(train(dir, workers, NULL), LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(in_scratch(&s, "%s", dir), "weights_sha256", sha, 65);
}

/* ---- training ---- */

static void two_workers_of_which_one_dies_give_the_bits_of_one(void **state)
{
    (void)state;
    char one[65], two[65];
    train_to_the_end("one", "1", one);
    command c = train("two", "2", "run.steps=200");
    await_step(in_scratch(&s, "two"), 30, LONG);
    signal_worker(&s, 1, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(in_scratch(&s, "two"), "weights_sha256", two, sizeof two);
    assert_string_equal(one, two);
    assert_true(summary_int(in_scratch(&s, "two"), "restarts") >= 1);
    assert_true(summary_number(in_scratch(&s, "two"), "eval_near") > 0.5);
}

static void its_job_back_end_starts_workers(void **state)
{
    (void)state;
    char one[65], two[65];
    summary_text(in_scratch(&s, "one"), "weights_sha256", one, sizeof one);
    setenv("RINGTORCH_JOBS", "mpiexec", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1); /* which is for users to say */
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    train_to_the_end("mpiexec", "2", two);
    unsetenv("RINGTORCH_JOBS");
    assert_string_equal(one, two);
    assert_true(rt_path_exists(in_scratch(&s, "mpiexec/logs/job.g1.log")));
}

static void commands_know_the_metric_without_the_plugin(void **state)
{
    (void)state;
    static const struct {
        const char *command, *shows;
    } rows[] = {{"metrics", "test near"}, {"status", "near"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        result r = run(&s, LONG, "ringtorch", rows[i].command, in_scratch(&s, "one"), NULL);
        expect_exit(&r, 0);
        expect_text(r.out, rows[i].shows);
        result_release(&r);
    }
}

static void the_operation_is_called_by_its_name(void **state)
{
    (void)state;
    result r =
        run(&s, LONG, "ringtorch", "op", "--list", "--plugin", in_scratch(&s, "hills.so"), NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "squash");
    result_release(&r);
}

/* ---- whose code runs ---- */

/* The same plugin, except that its code creates a file when it runs. */
static void build_marked(const char *to)
{
    char flags[300];
    write_text(
        in_scratch(&s, "marked.c"),
        "#include \"hills.c\"\n"
        "#include <stdio.h>\n"
        "__attribute__((constructor)) static void mark(void) { fclose(fopen(MARK, \"w\")); }\n");
    snprintf(flags, sizeof flags, "'-DMARK=\"%s/mark\"'", s.path);
    build("marked.c", to, flags);
}

static void code_runs_only_if_the_user_named_it(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[4];
        int exit_code;
        const char *says;
    } rows[] = {
        {{"status", "%", NULL}, 0, ""},
        {{"metrics", "%", NULL}, 0, ""},
        {{"journal", "show", "%", NULL}, 0, ""},
        {{"checkpoint", "ls", "%", NULL}, 0, ""},
        {{"checkpoint", "show", "%", NULL}, 0, ""},
        {{"clean", "%", NULL}, 0, ""},
        {{"eval", "%", "--json", NULL}, 2, "was not loaded: if you trust that program (sha256 "},
    };
    char sha[65], dir[128];
    build_marked("hills.so");
    train_to_the_end("marked", "1", sha);
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "marked"));
    assert_int_equal(remove(in_scratch(&s, "mark")), 0); /* so its code does create the file */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *arguments[5] = {NULL};
        for (int k = 0; rows[i].arguments[k]; k++)
            arguments[k] = strcmp(rows[i].arguments[k], "%") ? rows[i].arguments[k] : dir;
        result r = run_list(&s, LONG, "ringtorch", arguments);
        expect_exit(&r, rows[i].exit_code);
        expect_text(r.err, rows[i].says);
        result_release(&r);
        if (rt_path_exists(in_scratch(&s, "mark")))
            fail_msg("ringtorch %s has run the plugin", rows[i].arguments[0]);
    }
    result r =
        run(&s, LONG, "ringtorch", "eval", dir, "--plugin", in_scratch(&s, "hills.so"), NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "near");
    result_release(&r);
    assert_true(rt_path_exists(in_scratch(&s, "mark")));
}

/* A path in a configuration that somebody else left in a run directory would run code, too. */
static void a_path_in_a_run_directory_is_not_loaded(void **state)
{
    (void)state;
    static const char *const commands[] = {"status", "metrics", "clean"};
    char text[400];
    snprintf(text, sizeof text, "plugins: [%s/hills.so]\n", s.path);
    write_text(in_scratch(&s, "marked/config.yaml"), text);
    remove(in_scratch(&s, "mark"));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        result r = run(&s, LONG, "ringtorch", commands[i], in_scratch(&s, "marked"), NULL);
        result_release(&r);
        if (rt_path_exists(in_scratch(&s, "mark")))
            fail_msg("ringtorch %s has run what a file named", commands[i]);
    }
    build("hills.c", "hills.so", "");
}

/* ---- another file ---- */

static void a_run_does_not_resume_with_another_build(void **state)
{
    (void)state;
    char sha[65];
    train_to_the_end("resumed", "1", sha);
    build("hills.c", "hills.so", "-DNDEBUG -O1");
    command c =
        start(&s, "ringtorch", "train", in_scratch(&s, "hills.yaml"), "--run-dir",
              in_scratch(&s, "resumed"), "--resume", "auto", "--set", "run.steps=300", NULL);
    expect_refused(c, 2, "plugin hills: has changed: it is sha256 ");
    result r = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "resumed"), "--plugin",
                   in_scratch(&s, "hills.so"), NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "plugin hills: the sha256 of ");
    result_release(&r);
    /* as written down, the configuration names the former content */
    c = start(&s, "ringtorch", "train", in_scratch(&s, "resumed/config.yaml"), "--run-dir",
              in_scratch(&s, "again"), NULL);
    expect_refused(c, 2, "is not the file of this run: its sha256 is ");
    build("hills.c", "hills.so", "");
}

/* Stands for a host with another file at that path: rank 1 finds it there just before it looks. */
static void a_rank_with_another_file_is_named(void **state)
{
    (void)state;
    char script[1200];
    build("hills.c", "other.so", "-DNDEBUG -O1");
    snprintf(
        script, sizeof script,
        "#!/bin/sh\n"
        "if [ \"$OMPI_COMM_WORLD_RANK\" = 1 ]; then cp %s/other.so %s/o.so; mv %s/o.so "
        "%s/hills.so; fi\n"
        "if [ \"$OMPI_COMM_WORLD_RANK\" = 0 ]; then while ! cmp -s %s/other.so %s/hills.so; do "
        "sleep 0.1; done; sleep 1; fi\n"
        "exec " RT_TEST_BINARY_DIR "/bin/ringtorch-worker \"$@\"\n",
        s.path, s.path, s.path, s.path, s.path, s.path);
    write_text(in_scratch(&s, "worker.sh"), script);
    assert_int_equal(chmod(in_scratch(&s, "worker.sh"), 0755), 0);
    setenv("RINGTORCH_WORKER", in_scratch(&s, "worker.sh"), 1);
    command c = train("ranks", "2", NULL);
    unsetenv("RINGTORCH_WORKER");
    result r = finish(c, LONG);
    expect_exit(&r, 2);
    expect_text(r.err, "worker ");
    expect_text(r.err, " on host ");
    expect_text(r.err, "is not the file of this run: its sha256 is ");
    expect_text(r.err, ", but the run's is ");
    result_release(&r);
    build("hills.c", "hills.so", "");
}

/* ---- files that are not plugins ---- */

static const char schedule[] = "#include <ringtorch/plugin.h>\n"
                               "static double rate(const rt_course *c, const void *v)\n"
                               "{\n"
                               "    (void)v;\n"
                               "    return c->lr;\n"
                               "}\n";

static const struct {
    const char *rest, *says; /* rest NULL: a text file */
} wrong_files[] = {
    {NULL, "wrong.so: is not a RingTorch plugin: not an ELF file"},
    {"int nothing;\n", "wrong.so: is not a RingTorch plugin: it has no RT_PLUGIN(...)"},
    {"#undef RT_PLUGIN_ABI\n#define RT_PLUGIN_ABI 999\n"
     "__attribute__((constructor)) static void run(void) { abort(); }\n"
     "RT_PLUGIN(.name = \"wrong\")\n",
     "wrong.so: was built for RingTorch 0.1.0, plugin ABI 999, but this is "},
    {"extern double rt_there_is_no_such_function(void);\n"
     "__attribute__((used)) static double f(void) { return rt_there_is_no_such_function(); }\n"
     "RT_PLUGIN(.name = \"wrong\")\n",
     "undefined symbol: rt_there_is_no_such_function"},
    {"RT_PLUGIN(.name = NULL)\n", "RT_PLUGIN: .name: expected it to be given"},
    {"RT_PLUGIN(.name = \"Wrong One\")\n",
     "RT_PLUGIN: .name 'Wrong One': expected small letters, digits, _ and -"},
    {"static const rt_schedule_row s = {.name = NULL, .help = \"h\", .rate = rate};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n",
     "schedules[0]: .name: expected it to be given"},
    {"static const rt_schedule_row s = {.name = \"s\", .help = \"h\"};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n",
     "schedules[0] 's': .rate: expected it to be given"},
    {"static const rt_schedule_row s = {.name = \"cosine\", .help = \"h\", .rate = rate};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n",
     "schedules: cosine is built in: give it another name"},
    {"static const rt_schedule_row s = {.name = \"s\", .help = \"h\", .rate = rate};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s, &s))\n",
     "schedules[1]: an earlier row has its name"},
    {"#define ROWS(F) F(NUMBER, by, 1, RT_ANY, \"h\")\n"
     "typedef struct values { double by, more; } values;\n"
     "static const rt_schedule_row s = {.name = \"s\", .help = \"h\", .rate = rate, "
     "RT_OPTIONS(values, ROWS)};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n",
     "schedules[0] 's': .options: expected the struct that RT_STRUCT makes of the same rows"},
    {"#define ROWS(F) F(INT, warmup, 1, RT_ANY, \"h\")\n"
     "typedef struct values { RT_STRUCT(ROWS) } values;\n"
     "static const rt_schedule_row s = {.name = \"s\", .help = \"h\", .rate = rate, "
     "RT_OPTIONS(values, ROWS)};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n",
     "schedules[0] 's': key 'warmup': its section has a key of this name anyway"},
    {"static void update(rt_optimizer_part *u) { (void)u; }\n"
     "static void measure(rt_optimizer_part *u, int round) { (void)u, (void)round; }\n"
     "static const rt_optimizer_row s = {.name = \"s\", .help = \"h\", .update = update, "
     ".rounds = 1, .measure = measure};\n"
     "RT_PLUGIN(.name = \"wrong\", .optimizers = RT_PLUGIN_LIST(rt_optimizer_row, &s))\n",
     "optimizers[0] 's': .measures: expected at least one for each of .rounds"},
    {"#define ROWS(F) F(INT, in, RT_NEEDED, RT_INFERRED(RT_FROM(1)), \"h\")\n"
     "typedef struct values { RT_STRUCT(ROWS) } values;\n"
     "static rt_module *make(const void *v) { (void)v; return NULL; }\n"
     "static const rt_layer_row s = {.name = \"s\", .help = \"h\", .make = make, "
     "RT_OPTIONS(values, ROWS)};\n"
     "RT_PLUGIN(.name = \"wrong\", .layers = RT_PLUGIN_LIST(rt_layer_row, &s))\n",
     "layers[0] 's': .infer: expected it to be given, since it sets the RT_INFERRED options"},
    {"static const rt_schedule_row s = {.name = \"S 1\", .help = \"h\", .rate = rate};\n"
     "RT_PLUGIN(.name = \"wrong\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n",
     "schedules[0]: .name 'S 1': expected a name of at most 40 small letters"},
    {"__attribute__((constructor)) static void run(void) { exit(0); }\n"
     "RT_PLUGIN(.name = \"wrong\")\n",
     "wrong.so: it ended the program that loads it, with exit code 0"},
    {"#include <stdio.h>\n"
     "__attribute__((constructor)) static void run(void) { fputs(\"no more\\n\", stderr); "
     "exit(3); }\n"
     "RT_PLUGIN(.name = \"wrong\")\n",
     "wrong.so: it ended the program that loads it, with exit code 3: no more"},
    {"static const rt_op s = {.name = \"relu\"};\n"
     "RT_PLUGIN(.name = \"wrong\", .ops = RT_PLUGIN_LIST(rt_op, &s))\n",
     "op_register: relu is incomplete"},
};

static void wrong_files_are_refused_by_name(void **state)
{
    (void)state;
    char text[2400], wrong[160], gone[160];
    snprintf(wrong, sizeof wrong, "plugins=[%s/wrong.so]", s.path);
    snprintf(gone, sizeof gone, "plugins=[%s/gone.so]", s.path);
    for (size_t i = 0; i < sizeof wrong_files / sizeof *wrong_files; i++) {
        snprintf(text, sizeof text,
                 "#include <stdlib.h>\n%s__attribute__((used)) static void *u = (void *)rate;\n%s",
                 schedule, wrong_files[i].rest ? wrong_files[i].rest : "");
        write_text(in_scratch(&s, "wrong.c"), text);
        if (wrong_files[i].rest)
            build("wrong.c", "wrong.so", "-w");
        else
            write_text(in_scratch(&s, "wrong.so"), "no program\n");
        expect_refused(train("wrong", "1", wrong), 2, wrong_files[i].says);
        assert_false(rt_path_exists(in_scratch(&s, "wrong/config.yaml")));
    }
    expect_refused(train("wrong", "1", gone), 2, "gone.so: No such file or directory");
    expect_refused(train("wrong", "1", "plugins=hills.so"), 2, "plugins");
}

/* ---- what a file does while it is loaded ---- */

/* Commands name a file that ends them, and their own output has nothing of what it prints. */
static void loading_ends_no_command_and_prints_into_no_result(void **state)
{
    (void)state;
    static const struct {
        const char *statement;
        int exit_code;
        const char *out, *err; /* NULL: the whole output is JSON */
    } rows[] = {
        {"raise(SIGSEGV);", 2, "", "loud.so: a program that loads it is killed by signal 11: "},
        {"exit(0);", 2, "", "loud.so: it ended the program that loads it, with exit code 0"},
        {"printf(\"hello\");", 0, NULL, "hello"},
    };
    char text[2400];
    let_exits_be_sudden();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text,
                 "#include <ringtorch/plugin.h>\n#include <signal.h>\n#include <stdio.h>\n"
                 "#include <stdlib.h>\n"
                 "__attribute__((constructor)) static void run(void) { %s }\n"
                 "RT_PLUGIN(.name = \"loud\")\n",
                 rows[i].statement);
        write_text(in_scratch(&s, "loud.c"), text);
        build("loud.c", "loud.so", "");
        result r = run(&s, LONG, "ringtorch", "op", "--list", "--json", "--plugin",
                       in_scratch(&s, "loud.so"), NULL);
        expect_exit(&r, rows[i].exit_code);
        expect_text(r.err, rows[i].err);
        json_t *list = json_loads(r.out, 0, NULL);
        assert_int_equal(list != NULL, rows[i].out == NULL);
        json_decref(list);
        if (rows[i].out)
            assert_string_equal(r.out, rows[i].out);
        result_release(&r);
    }
    snprintf(text, sizeof text, "plugins=[%s/hills.so, %s/loud.so]", s.path, s.path);
    result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "hills.yaml"), "--set", text,
                   "--help-config", NULL);
    expect_exit(&r, 0); /* the one that prints */
    result_release(&r);
}

/* ---- a plugin that crashes ---- */

/* An update is the same each time: after three crashes in one the run ends, and names the log that says where it was. */
static void a_crash_in_every_update_ends_the_run(void **state)
{
    (void)state;
    static const char fatal[] =
        "static double f(const rt_course *c, const void *v)\n"
        "{\n"
        "    if (c->done >= 3)\n"
        "        raise(SIGSEGV);\n"
        "    return rate(c, v);\n"
        "}\n"
        "static const rt_schedule_row s = {.name = \"fatal\", .help = \"h\", .rate = f};\n"
        "RT_PLUGIN(.name = \"fatal\", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &s))\n";
    char text[2400];
    snprintf(text, sizeof text, "#include <signal.h>\n%s%s", schedule, fatal);
    write_text(in_scratch(&s, "fatal.c"), text);
    build("fatal.c", "fatal.so", "");
    write_text(in_scratch(&s, "fatal.yaml"), "plugins: [./hills.so, ./fatal.so]\n"
                                             "run: {steps: 20}\n"
                                             "model: {layers: [{linear: 1}]}\n"
                                             "data: {dataset: hills, batch: 64}\n"
                                             "schedule: {name: fatal}\n");
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "fatal.yaml"), "-n", "2",
                      "--run-dir", in_scratch(&s, "fatal"), NULL);
    expect_refused(c, 1, "the update of step 4 ended 3 generations in a row: worker ");
    assert_int_equal(summary_int(in_scratch(&s, "fatal"), "restarts"), 3);
    summary_text(in_scratch(&s, "fatal"), "error", text, sizeof text);
    expect_text(text, " was killed by signal 11: logs/worker-");
    expect_text(text, ".g3.log may say where");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(two_workers_of_which_one_dies_give_the_bits_of_one),
        ROW(its_job_back_end_starts_workers),
        ROW(commands_know_the_metric_without_the_plugin),
        ROW(the_operation_is_called_by_its_name),
        ROW(code_runs_only_if_the_user_named_it),
        ROW(a_path_in_a_run_directory_is_not_loaded),
        ROW(a_run_does_not_resume_with_another_build),
        ROW(a_rank_with_another_file_is_named),
        ROW(loading_ends_no_command_and_prints_into_no_result),
        ROW(a_crash_in_every_update_ends_the_run),
        ROW(wrong_files_are_refused_by_name),
    };
    let_crashes_be_signals();
    return cmocka_run_group_tests(tests, begin, end);
}
