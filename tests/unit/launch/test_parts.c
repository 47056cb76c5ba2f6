/* The launcher's parts: command line, run directory, children, and finding out which rank failed. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "launch/cmd/options.h"
#include "launch/jobs/child.h"
#include "launch/jobs/mpirun_report.h"
#include "launch/run/rundir.h"
#include "tests/support/child.h"

/* ---- command line ---- */

static rt_status parse(const char *line, rt__train_options *o)
{
    static char copy[256];
    static char *argv[32];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return rt__train_options_parse(argc, argv, o);
}

static void options_are_understood(void **state)
{
    (void)state;
    rt__train_options o;
    assert_int_equal(
        parse("train a.yaml -n 4 --run-dir d --resume auto --set run.steps=3 --set a=b --json", &o),
        RT_OK);
    assert_string_equal(o.config, "a.yaml");
    assert_string_equal(o.run_dir, "d");
    assert_string_equal(o.resume, "auto");
    assert_true(o.json);
    assert_int_equal(o.sets.count, 3);
    assert_string_equal(o.sets.item[0], "run.steps=3");
    assert_string_equal(o.sets.item[2], "parallel.workers=4"); /* -n has the last word */
    rt__train_options_release(&o);
    assert_int_equal(parse("train a.yaml", &o), RT_OK);
    assert_string_equal(o.resume, "never");
    assert_null(o.run_dir);
    rt__train_options_release(&o);
    assert_int_equal(parse("train --help-config", &o), RT_OK);
    assert_true(o.help_config);
    rt__train_options_release(&o);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *fragment;
    } bad[] = {
        {"train", "no CONFIG: write ringtorch train CONFIG"},
        {"train a.yaml --hostfile", "--hostfile: a value is missing"},
        {"train a.yaml --wrokers 2", "unknown option '--wrokers': did you mean '--workers'?"},
        {"train a.yaml b.yaml", "'b.yaml'"},
        {"train a.yaml -n", "-n: a value is missing"},
        {"train a.yaml -n 0", "-n 0: expected a number from 1"},
        {"train a.yaml -n -3", "-n -3: expected a number from 1"},
        {"train a.yaml -n 2x", "-n 2x: not a whole number"},
        {"train a.yaml -n 99999999999999999999", "expected a number from 1"},
        {"train a.yaml --set run.steps", "--set run.steps: expected key=value"},
        {"train a.yaml --set =3", "--set =3: expected key=value"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rt__train_options o;
        rt_status status = parse(bad[i].line, &o);
        if (rt_status_exit_code(status) != 2 || !strstr(rt_error(), bad[i].fragment))
            fail_msg("%s: status %d, \"%s\", expected \"%s\"", bad[i].line, status, rt_error(),
                     bad[i].fragment);
        rt_error_clear();
    }
}

/* ---- run directory ---- */

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ringtorch-launch-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

static const char *in_folder(const char *name)
{
    static char buffers[4][128];
    static int next;
    char *path = buffers[next++ % 4];
    snprintf(path, sizeof buffers[0], "%s/%s", folder, name);
    return path;
}

static void touch(const char *path)
{
    assert_int_equal(rt_file_replace(path, "x", 1), RT_OK);
}

static void a_new_directory_can_be_taken_back(void **state)
{
    (void)state;
    rt__rundir d;
    assert_int_equal(rt__rundir_open(in_folder("runs/new"), "never", &d), RT_OK);
    touch(in_folder("runs/new/journal"));
    touch(in_folder("runs/new/config.yaml"));
    rt__rundir_close(&d, true);
    assert_false(rt_path_exists(in_folder("runs")));
}

/* A folder above it that was there before stays, and so does one that holds something by now. */
static void folders_above_it_are_taken_back(void **state)
{
    (void)state;
    rt__rundir d, other;
    assert_int_equal(mkdir(in_folder("a"), 0755), 0);
    assert_int_equal(rt__rundir_open(in_folder("a/b/c/new"), "never", &d), RT_OK);
    rt__rundir_close(&d, true);
    assert_false(rt_path_exists(in_folder("a/b")));
    assert_true(rt_path_exists(in_folder("a")));
    assert_int_equal(rt__rundir_open(in_folder("a/b/c/new"), "never", &d), RT_OK);
    assert_int_equal(rt__rundir_open(in_folder("a/b/other"), "never", &other), RT_OK);
    rt__rundir_close(&d, true);
    assert_false(rt_path_exists(in_folder("a/b/c")));
    rt__rundir_close(&other, false);
    assert_true(rt_path_exists(in_folder("a/b/other/lock")));
    assert_int_equal(rt__rundir_open("/proc/new", "never", &d), RT_E_CONFIG); /* "No such file" */
    rt_error_clear();
}

/* A trailing slash, which shells add, does not make it another directory. */
static void a_directory_may_be_typed_in_many_ways(void **state)
{
    (void)state;
    static const char *const typed[] = {"new/", "new//", "runs//new/", "./new/.", "new/./", "new"};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        rt__rundir d;
        char path[160];
        snprintf(path, sizeof path, "%s/%s", folder, typed[i]);
        assert_int_equal(rt__rundir_open(path, "never", &d), RT_OK);
        const char *meant = strstr(typed[i], "runs") ? "runs/new" : "new";
        assert_string_equal(d.path, in_folder(meant));
        assert_true(rt_path_exists(in_folder(meant)));
        rt__rundir_close(&d, true);
        assert_false(rt_path_exists(in_folder(meant)));
    }
}

static void a_new_directory_follows_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {022, 027, 077};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        rt__rundir d;
        struct stat st;
        mode_t before = umask(masks[i]);
        assert_int_equal(rt__rundir_open(in_folder("new"), "never", &d), RT_OK);
        umask(before);
        assert_int_equal(stat(in_folder("new"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0755 & ~masks[i]);
        rt__rundir_close(&d, true);
    }
}

static void what_was_there_before_stays(void **state)
{
    (void)state;
    rt__rundir d;
    touch(in_folder("notes.txt"));
    assert_int_equal(rt__rundir_open(folder, "never", &d), RT_OK);
    touch(in_folder("journal"));
    rt__rundir_close(&d, true);
    assert_true(rt_path_exists(in_folder("notes.txt")));
    assert_false(rt_path_exists(in_folder("journal")));
    assert_false(rt_path_exists(in_folder("lock")));
}

static void a_run_is_not_overwritten(void **state)
{
    (void)state;
    rt__rundir d;
    touch(in_folder("journal"));
    assert_int_equal(rt__rundir_open(folder, "never", &d), RT_E_EXISTS);
    assert_non_null(strstr(rt_error(), "--resume auto"));
    rt_error_clear();
    assert_true(rt_path_exists(in_folder("journal")));
    assert_int_equal(rt__rundir_open(folder, "auto", &d), RT_OK);
    rt__rundir_close(&d, true); /* even if the run is then refused */
    assert_true(rt_path_exists(in_folder("journal")));
}

/* Whoever has lost the journal still has the weights. */
static void checkpoints_without_a_journal_are_not_mixed_with_others(void **state)
{
    (void)state;
    static const char *const left[] = {"checkpoints/step-00000100", "metrics.jsonl"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        rt__rundir d;
        char path[160], says[64];
        snprintf(path, sizeof path, "%s", in_folder(left[i]));
        snprintf(says, sizeof says, ": holds %s of a run whose journal is gone",
                 i ? "metrics.jsonl" : "checkpoints");
        if (i)
            touch(path);
        else
            assert_int_equal(rt_dir_make(path, 0755), RT_OK);
        assert_int_equal(rt__rundir_open(folder, "never", &d), RT_E_EXISTS);
        assert_non_null(strstr(rt_error(), says));
        assert_non_null(
            strstr(rt_error(), "go on from what is left with --resume auto, or choose another"));
        rt_error_clear();
        assert_true(rt_path_exists(path));
        assert_int_equal(rt__rundir_open(folder, "auto", &d), RT_OK);
        touch(in_folder("journal"));
        rt__rundir_close(&d, true); /* even if the run is then refused */
        assert_true(rt_path_exists(path));
        assert_false(rt_path_exists(in_folder("journal")));
        assert_int_equal(rt_remove_tree(path), RT_OK);
    }
}

static void an_undone_start_leaves_what_it_found(void **state)
{
    (void)state;
    rt__rundir d;
    touch(in_folder("config.yaml"));
    assert_int_equal(rt__rundir_open(folder, "never", &d), RT_OK);
    touch(in_folder("metrics.jsonl"));
    rt__rundir_close(&d, true);
    assert_true(rt_path_exists(in_folder("config.yaml")));
    assert_false(rt_path_exists(in_folder("metrics.jsonl")));
}

/* A run in there would be removed with the checkpoint when that is no longer kept. */
static void a_directory_in_another_runs_checkpoints_is_refused(void **state)
{
    (void)state;
    static const char *const inside[] = {"r1/checkpoints",
                                         "r1/checkpoints/step-00000300",
                                         "r1/checkpoints/step-00000300/new",
                                         "r1/checkpoints/a/b",
                                         "r1/logs/new",
                                         "link/new",
                                         "link"};
    assert_int_equal(rt_dir_make(in_folder("r1/checkpoints/step-00000300"), 0755), RT_OK);
    assert_int_equal(symlink("r1/checkpoints", in_folder("link")), 0);
    touch(in_folder("r1/config.yaml"));
    touch(in_folder("r1/journal"));
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        for (int again = 0; again < 2; again++) {
            rt__rundir d;
            assert_int_equal(rt__rundir_open(in_folder(inside[i]), again ? "auto" : "never", &d),
                             RT_E_CONFIG);
            assert_non_null(strstr(rt_error(), in_folder(inside[i])));
            assert_non_null(strstr(rt_error(), "the run in "));
            assert_non_null(strstr(rt_error(), "--run-dir"));
            rt_error_clear();
        }
    assert_false(rt_path_exists(in_folder("r1/checkpoints/a")));
    assert_false(rt_path_exists(in_folder("r1/checkpoints/lock")));
    assert_int_equal(symlink("/", in_folder("root")), 0);
    const char *const roots[] = {"/", "/../", in_folder("root")};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        rt__rundir d;
        assert_int_equal(rt__rundir_open(roots[i], "never", &d), RT_E_CONFIG);
        assert_non_null(strstr(rt_error(), "the root of all files"));
        rt_error_clear();
    }
    static const char *const beside[] = {"r1/second",
                                         "r1/second/third"}; /* not the run's own files */
    for (size_t i = 0; i < 2; i++) {
        rt__rundir d;
        assert_int_equal(rt__rundir_open(in_folder(beside[i]), "never", &d), RT_OK);
        rt__rundir_close(&d, true);
    }
}

static void one_directory_has_one_owner(void **state)
{
    (void)state;
    rt__rundir first, second;
    assert_int_equal(rt__rundir_open(folder, "never", &first), RT_OK);
    touch(in_folder("config.yaml"));
    assert_int_equal(rt__rundir_open(folder, "never", &second), RT_E_EXISTS);
    char host[256] = "", owner[320];
    gethostname(host, sizeof host - 1);
    snprintf(owner, sizeof owner,
             "another ringtorch is running in this directory (pid %d on host %s)", (int)getpid(),
             host);
    assert_non_null(strstr(rt_error(), owner));
    rt_error_clear();
    assert_true(rt_path_exists(in_folder("config.yaml")));
    rt__rundir_close(&first, false);
    assert_int_equal(rt__rundir_open(folder, "never", &second), RT_OK);
    rt__rundir_close(&second, false);
}

/* Stands for the coordinator, which has inherited the lock and outlives the launcher for a moment. */
static int outlive_the_launcher(void *ready)
{
    pid_t launcher = getppid();
    prctl(PR_SET_PDEATHSIG, 0);
    if (write(*(int *)ready, "x", 1) != 1)
        return 1;
    while (getppid() == launcher)
        usleep(1000);
    usleep(300000);
    return 0;
}

static int own_the_directory(void *ready)
{
    rt__rundir d;
    if (rt__rundir_open(folder, "auto", &d) != RT_OK ||
        child_function(outlive_the_launcher, ready) < 0)
        return 1;
    pause();
    return 0;
}

/* A service manager starts the next launcher while the coordinator of the killed one still holds the lock. */
static void a_dying_owner_is_waited_for(void **state)
{
    (void)state;
    rt__rundir d;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t launcher = child_function(own_the_directory, &ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(launcher, SIGKILL);
    assert_int_equal(rt__rundir_open(folder, "auto", &d), RT_OK);
    rt__rundir_close(&d, false);
    waitpid(launcher, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

static void a_file_is_no_run_directory(void **state)
{
    (void)state;
    rt__rundir d;
    touch(in_folder("file"));
    assert_int_equal(rt__rundir_open(in_folder("file"), "never", &d), RT_E_EXISTS);
    rt_error_clear();
    assert_int_equal(rt__rundir_open(in_folder("file/below"), "never", &d), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(), "file/below"));
    assert_true(rt_path_exists(in_folder("file")));
}

/* ---- children ---- */

static rt_status start(const char *const *argv, const char *const *env, int out_fd, pid_t *pid)
{
    static const char *const none[] = {NULL};
    return rt__child_start(&(rt__child){.argv = argv,
                                        .env = env ? env : none,
                                        .death_signal = SIGKILL,
                                        .out_fd = out_fd,
                                        .err_fd = -1,
                                        .keep_fd = -1},
                           pid);
}

static void children_get_their_environment(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c",
                                "echo $RT_A $RT_B $(cut -d' ' -f5 /proc/$$/stat) $$; cat", NULL};
    const char *const env[] = {"RT_A=new", "RT_B=more", NULL};
    int ends[2];
    pid_t pid;
    char text[128] = "", expected[64];
    setenv("RT_A", "old", 1);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(start(argv, env, ends[1], &pid), RT_OK);
    close(ends[1]);
    for (size_t used = 0; used < sizeof text - 1;) {
        ssize_t n = read(ends[0], text + used, sizeof text - 1 - used);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(ends[0]);
    snprintf(expected, sizeof expected, "new more %d %d\n", (int)pid,
             (int)pid); /* leads its own group */
    assert_string_equal(text, expected);
    waitpid(pid, NULL, 0);
}

static void a_missing_program_is_an_error(void **state)
{
    (void)state;
    const char *const argv[] = {"/nowhere/at-all", NULL};
    pid_t pid;
    assert_int_equal(start(argv, NULL, -1, &pid), RT_E_NOTFOUND);
    assert_non_null(strstr(rt_error(), "/nowhere/at-all"));
    rt_error_clear();
    assert_null(rt__find_program("no-such-program-here"));
    char *sh = rt__find_program("sh");
    assert_non_null(sh);
    rt_mem_free(sh);
}

/* Grandchildren that have lost their parent are found and killed, too. */
static void nobody_is_left_behind(void **state)
{
    (void)state;
    const char *const parent[] = {"sh", "-c", "sh -c 'sleep 100 & sleep 100' & echo $!; sleep 100",
                                  NULL};
    const char *const spared[] = {"sleep", "100", NULL};
    int ends[2];
    pid_t pid, spare;
    char text[32] = "";
    assert_int_equal(rt_os_adopt_orphans(), RT_OK);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(start(parent, NULL, ends[1], &pid), RT_OK);
    assert_int_equal(start(spared, NULL, -1, &spare), RT_OK);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    pid_t grandchild = atoi(text);
    assert_int_equal(kill(grandchild, 0), 0);
    rt__children_end(&spare, 1);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(kill(grandchild, 0), -1);
    assert_int_equal(kill(spare, 0), 0);
    rt__children_end(NULL, 0);
    assert_int_equal(kill(spare, 0), -1);
    close(ends[0]);
    close(ends[1]);
}

/* ---- which rank is to blame ---- */

/* Rank 4 is the first that was seen to end, by that signal (0: unknown), and mpirun exited with that code.
 * certain: all ranks were seen. */
static rt__job_report end_of_rank_4(bool certain, int signal, int exit_code)
{
    static int64_t dead[2];
    static rt__mpirun job;
    dead[0] = 4;
    dead[1] = 2;
    job = (rt__mpirun){.mpi = &rt__openmpi4,
                       .run_dir = "/tmp/ringtorch-no-such-directory",
                       .log = "/tmp/ringtorch-no-such-directory/log",
                       .sign_at = rt_clock(),
                       .dead = dead,
                       .dead_count = 2,
                       .certain = certain,
                       .first = 4,
                       .status_known = signal != 0,
                       .first_status = W_EXITCODE(0, signal),
                       .wait_status = W_EXITCODE(exit_code, 0)};
    rt__mpirun_judge(&job);
    return job.report;
}

/* Only mpirun sees a rank that is killed as soon as it has started, and then ends the others. */
static void who_follows_is_not_blamed(void **state)
{
    (void)state;
    static const struct {
        bool certain;
        int signal, exit_code; /* of rank 4; of mpirun */
        int64_t rank;          /* the one to blame */
        int blamed_signal, blamed_code;
        int64_t dead;
    } rows[] = {
        {false, SIGTERM, 128 + SIGKILL, -1, 0, 128 + SIGKILL, 0},
        {true, SIGKILL, 128 + SIGKILL, 4, SIGKILL, 128 + SIGKILL, 2},
        {true, SIGTERM, 128 + SIGTERM, 4, SIGTERM, 128 + SIGTERM, 2},
        /* mpirun first saw a rank that we had killed */
        {true, SIGTERM, 128 + SIGKILL, 4, SIGTERM, 128 + SIGTERM, 2},
        /* as mpirun ends the others when one calls MPI_Abort */
        {false, SIGKILL, 1, -1, 0, 1, 0},
        /* the kernel does not tell how, so mpirun's exit status must */
        {true, 0, 128 + SIGSEGV, 4, SIGSEGV, 128 + SIGSEGV, 2},
        {true, 0, 3, 4, 0, 3, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__job_report r = end_of_rank_4(rows[i].certain, rows[i].signal, rows[i].exit_code);
        assert_int_equal(r.outcome, RT__JOB_FAILED);
        assert_int_equal(r.rank, rows[i].rank);
        assert_int_equal(r.signal, rows[i].blamed_signal);
        assert_int_equal(r.exit_code, rows[i].blamed_code);
        assert_int_equal(r.ranks_count, rows[i].dead);
    }
}

/* Rank 1 of three died before it was found; mpirun ended the others for that, and did not log whose end it was. If
 * the one not found may as well not have been started yet, nobody is accused. */
static void a_rank_that_was_never_found_is_named(void **state)
{
    (void)state;
    static const struct {
        int64_t found[2];
        int exit_code; /* mpirun's, as that of the first that failed */
        int64_t blamed;
    } rows[] = {{{0, 2}, 128 + SIGKILL, 1},
                {{2, 0}, 128 + SIGKILL, 1},
                {{0, 1}, 128 + SIGKILL, -1},
                {{0, 1}, 3, 2}}; /* no rank was killed before rank 2 had exited */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t dead[3] = {rows[i].found[0]};
        rt__rank found[2] = {{.number = rows[i].found[0]}, {.number = rows[i].found[1]}};
        rt__mpirun job = {.mpi = &rt__openmpi5,
                          .run_dir = "/tmp/ringtorch-no-such-directory",
                          .log = "/tmp/ringtorch-no-such-directory/log",
                          .sign_at = rt_clock(),
                          .dead = dead,
                          .dead_count = 1,
                          .first = rows[i].found[0],
                          .status_known = true,
                          .first_status = W_EXITCODE(0, SIGKILL),
                          .ranks = {.rank = found, .count = 2, .expected = 3},
                          .wait_status = W_EXITCODE(rows[i].exit_code, 0)};
        rt__mpirun_judge(&job);
        const rt__job_report *r = &job.report;
        assert_int_equal(r->rank, rows[i].blamed);
        assert_int_equal(r->signal, rows[i].blamed >= 0 && rows[i].exit_code > 128 ? SIGKILL : 0);
        assert_int_equal(r->exit_code, rows[i].exit_code);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_understood),
        cmocka_unit_test(wrong_options_are_named),
        TEST(a_new_directory_can_be_taken_back),
        TEST(folders_above_it_are_taken_back),
        TEST(a_directory_may_be_typed_in_many_ways),
        TEST(a_new_directory_follows_the_umask),
        TEST(what_was_there_before_stays),
        TEST(a_run_is_not_overwritten),
        TEST(checkpoints_without_a_journal_are_not_mixed_with_others),
        TEST(an_undone_start_leaves_what_it_found),
        TEST(a_directory_in_another_runs_checkpoints_is_refused),
        TEST(one_directory_has_one_owner),
        TEST(a_dying_owner_is_waited_for),
        TEST(a_file_is_no_run_directory),
        cmocka_unit_test(children_get_their_environment),
        cmocka_unit_test(a_missing_program_is_an_error),
        cmocka_unit_test(nobody_is_left_behind),
        cmocka_unit_test(who_follows_is_not_blamed),
        cmocka_unit_test(a_rank_that_was_never_found_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
