/* The doctor on machines with one problem each: what it finds, and that it says what to do. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "launch/jobs/capture.h"
#include "tests/support/child.h"

static char folder[64], out[1 << 15], err[1 << 13];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ringtorch-doctor-test-XXXXXX");
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
    static char buffers[8][128];
    static int next;
    char *path = buffers[next++ % 8];
    snprintf(path, sizeof buffers[0], "%s/%s", folder, name);
    return path;
}

static void write_script(const char *name, const char *text)
{
    assert_int_equal(rt_file_replace(in_folder(name), text, strlen(text)), RT_OK);
    assert_int_equal(chmod(in_folder(name), 0755), 0);
}

/* An mpirun that takes no time and prints what the real ones print. */
static const char fake_mpirun[] =
    "#!/bin/sh\n"
    "[ \"$1\" = --version ] && { echo 'mpirun (Open MPI) 4.1.4'; exit 0; }\n"
    "printf '%s ' \"$@\" >>\"$MPIRUN_LOG\"\n"
    "echo '{\"world\":2,\"seconds\":0.0,\"pairs\":[{\"from\":0,\"to\":1,\"from_host\":\"a\","
    "\"to_host\":\"b\",\"latency_seconds\":2e-6,\"bytes_per_second\":4e9}]}'\n";

/* ---- running it ---- */

typedef void illness(void);

typedef struct visit {
    illness *make_ill;
    const char *argv[6];
} visit;

static int be_examined(void *argument)
{
    const visit *v = argument;
    dup2(open(in_folder("out"), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
    dup2(open(in_folder("err"), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
    setenv("MPIRUN_LOG", in_folder("mpirun.log"), 1);
    if (chdir(folder) != 0)
        return 126;
    if (v->make_ill)
        v->make_ill();
    execv(v->argv[0], (char *const *)v->argv);
    return 127;
}

static const char *program = RT_TEST_BINARY_DIR "/bin/ringtorch";

/* Runs the doctor in a child that `make_ill` has changed first. The arguments end with NULL. */
static int run(illness *make_ill, const char *first, const char *second, const char *third)
{
    visit v = {make_ill, {program, "doctor", first, second, third}};
    int code = child_end(child_function(be_examined, &v));
    rt_bytes text;
    assert_int_equal(rt_file_read(in_folder("out"), sizeof out - 1, &text), RT_OK);
    snprintf(out, sizeof out, "%s", (char *)text.data);
    rt_bytes_release(&text);
    assert_int_equal(rt_file_read(in_folder("err"), sizeof err - 1, &text), RT_OK);
    snprintf(err, sizeof err, "%s", (char *)text.data);
    rt_bytes_release(&text);
    return code;
}

/* Runs it with the fake mpirun first in PATH. */
static int run_quickly(illness *make_ill, const char *first, const char *second)
{
    char path[512];
    const char *old = getenv("PATH");
    char *before = rt_strdup(old);
    if (!rt_path_exists(in_folder("mpirun")))
        write_script("mpirun", fake_mpirun);
    snprintf(path, sizeof path, "%s:%s", folder, old);
    setenv("PATH", path, 1);
    int code = run(make_ill, first, second, NULL);
    setenv("PATH", before, 1);
    rt_mem_free(before);
    return code;
}

static void expect_out(const char *fragment)
{
    if (!strstr(out, fragment))
        fail_msg("'%s' is not in:\n%s--- errors\n%s", fragment, out, err);
}

/* Each finding that is not ok is followed by what to do about it. */
static void expect_advice_everywhere(void)
{
    for (char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, "warning", 7) == 0 || strncmp(line, "problem ", 8) == 0) {
            const char *next = line + strcspn(line, "\n");
            if (!strstr(next, "-> ") || strstr(next, "-> ") - next > 30)
                fail_msg("no advice after: %.80s", line);
        }
}

/* ---- a healthy machine ---- */

/* Checks this machine with the real mpirun. Warnings depend on what else the machine does, so they are allowed. */
static void this_machine_has_no_problem(void **state)
{
    (void)state;
    int code = run(NULL, NULL, NULL, NULL);
    if (code != 0)
        fail_msg("exit code %d\n%s%s", code, out, err);
    static const char *const checks[] = {"processors", "load",          "memory", "shared memory",
                                         "limits",     "temporary dir", "disk",   "leftovers",
                                         "kernels",    "BLAS",          "mpirun", "control plane"};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        expect_out(checks[i]);
    expect_out("Open MPI 4");
    expect_out("2 ranks start and end in");
    expect_out(" us, ");
    expect_out("0 problems");
    expect_advice_everywhere();
    assert_string_equal(err, "");
}

static void json_holds_the_same(void **state)
{
    (void)state;
    json_t *j;
    assert_int_equal(run_quickly(NULL, "--json", NULL), 0);
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    assert_int_equal(rt_json_parse(out, strlen(out), "out", &j), RT_OK);
    assert_int_equal(json_integer_value(json_object_get(j, "problems")), 0);
    json_t *checks = json_object_get(j, "checks"), *check;
    size_t i;
    int64_t warnings = 0;
    assert_true(json_array_size(checks) >= 12);
    json_array_foreach(checks, i, check)
    {
        const char *verdict = json_string_value(json_object_get(check, "verdict"));
        assert_true(json_is_string(json_object_get(check, "check")));
        assert_true(json_is_string(json_object_get(check, "finding")));
        bool fine = strcmp(verdict, "ok") == 0;
        warnings += strcmp(verdict, "warning") == 0;
        assert_int_equal(fine, json_is_null(json_object_get(check, "advice")));
    }
    assert_int_equal(json_integer_value(json_object_get(j, "warnings")), warnings);
    json_decref(j);
}

static void wrong_usage_is_named(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, "--hostfiel", "x", NULL), 2);
    assert_non_null(strstr(err, "did you mean '--hostfile'?"));
    assert_int_equal(run(NULL, "runs/x", NULL, NULL), 2);
    assert_int_equal(run(NULL, "--hostfile", NULL, NULL), 2);
}

/* ---- programs ---- */

static void without_programs(void)
{
    setenv("PATH", "/nowhere", 1);
}

static void a_missing_mpirun_is_a_problem(void **state)
{
    (void)state;
    assert_int_equal(run(without_programs, NULL, NULL, NULL), 1);
    expect_out("problem  mpirun         mpirun: not found in PATH: ");
    expect_out("apt-get install openmpi-bin");
    expect_out("1 problem,");
}

static void another_mpi_is_a_problem(void **state)
{
    (void)state;
    write_script("mpirun", "#!/bin/sh\necho 'HYDRA build details: Version: 4.0.2'\n");
    assert_int_equal(run_quickly(NULL, NULL, NULL), 1);
    expect_out("problem  mpirun");
    expect_out("/mpirun: belongs to MPICH: RingTorch needs Open MPI 4 or 5: ");
    expect_advice_everywhere();
}

/* This mpirun reports its version, but does not work. */
static void ranks_that_do_not_start_are_a_problem(void **state)
{
    (void)state;
    write_script("mpirun",
                 "#!/bin/sh\n"
                 "[ \"$1\" = --version ] && { echo 'mpirun (Open MPI) 5.0.11'; exit 0; }\n"
                 "echo 'no such option: --oversubscribe' >&2\nexit 255\n");
    assert_int_equal(run_quickly(NULL, NULL, NULL), 1);
    expect_out("ok       mpirun");
    expect_out(", Open MPI 5.0\n");
    expect_out("problem  ranks          mpirun: exit code 255: no such option: --oversubscribe");
    expect_advice_everywhere();
}

/* What Open MPI prints last when a daemon is missing explains nothing. */
static void a_host_without_a_daemon_is_explained(void **state)
{
    (void)state;
    write_script("mpirun",
                 "#!/bin/sh\n"
                 "[ \"$1\" = --version ] && { echo 'mpirun (Open MPI) 4.1.4'; exit 0; }\n"
                 "echo 'bash: line 1: orted: command not found' >&2\n"
                 "echo 'ORTE was unable to reliably start one or more daemons.' >&2\n"
                 "echo '[h1:93] ACTIVATE JOB NULL STATE DAEMONS TERMINATED AT x.c:1' >&2\n"
                 "exit 127\n");
    assert_int_equal(run_quickly(NULL, NULL, NULL), 1);
    expect_out("problem  ranks          mpirun: exit code 127: orted is not found on one of the "
               "hosts by a command that ssh runs: there, apt-get install openmpi-bin");
    expect_advice_everywhere();
}

static void poor_kernels(void)
{
    setenv("RINGTORCH_ISA", "ref", 1);
    setenv("RINGTORCH_BLAS", "builtin", 1);
}

static void slow_kernels_are_a_warning(void **state)
{
    (void)state;
    assert_int_equal(run_quickly(poor_kernels, NULL, NULL), 0);
    expect_out("warning  kernels        ref");
    expect_out("warning  BLAS           builtin");
    expect_advice_everywhere();
}

static void wrong_kernels(void)
{
    setenv("RINGTORCH_ISA", "quantum", 1);
}

static void an_engine_that_cannot_start_is_a_problem(void **state)
{
    (void)state;
    assert_int_equal(run_quickly(wrong_kernels, NULL, NULL), 1);
    expect_out("problem  kernels");
    expect_out("ringtorch-worker: exit code 2: instruction set 'quantum'");
}

static void nothing_in_path(void)
{
    setenv("PATH", "/nowhere", 1);
}

/* It evaluates and exports, so a machine without mpirun, on which no ranks start, is fine. */
static void a_build_without_mpi_is_no_problem(void **state)
{
    (void)state;
    rt_bytes text;
    assert_int_equal(rt_file_read(program, 1 << 28, &text), RT_OK);
    assert_int_equal(rt_file_replace(in_folder("ringtorch"), text.data, text.len), RT_OK);
    assert_int_equal(chmod(in_folder("ringtorch"), 0755), 0);
    rt_bytes_release(&text);
    write_script("ringtorch-coordinator", "#!/bin/sh\n");
    write_script("ringtorch-worker", "#!/bin/sh\necho '{\"isa\": \"avx2\", \"blas\": "
                                     "\"openblas\", \"threads\": 1, \"mpi\": false}'\n");
    const char *former = program;
    char *copy = rt_strdup(in_folder("ringtorch"));
    program = copy;
    int code = run(nothing_in_path, NULL, NULL, NULL);
    program = former;
    rt_mem_free(copy);
    expect_out("ranks          none: this ringtorch was built without MPI (RT_WITH_MPI=OFF)");
    if (strstr(out, "problem  "))
        fail_msg("%s", out);
    assert_int_equal(code, 0);
}

/* ---- the machine ---- */

static void no_temporary_directory(void)
{
    setenv("TMPDIR", "/nowhere", 1);
}

static void a_missing_temporary_directory_is_a_problem(void **state)
{
    (void)state;
    assert_int_equal(run_quickly(no_temporary_directory, NULL, NULL), 1);
    expect_out("problem  temporary dir  /nowhere: No such file or directory\n");
    expect_advice_everywhere();
}

static void low_limits(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){128, 128});
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20});
}

static void low_limits_are_reported(void **state)
{
    (void)state;
    assert_int_equal(run_quickly(low_limits, NULL, NULL), 1); /* 32 MiB cannot be written */
    expect_out("warning  limits         open files: only 128\n");
    expect_out("warning  limits         size of a file: only 1.0 MiB\n");
    expect_out("problem  disk           the current directory: File too large\n");
    expect_advice_everywhere();
}

static void an_unusable_directory(void)
{
    if (chdir("/proc") != 0)
        _exit(126);
}

static void an_unusable_directory_is_a_problem(void **state)
{
    (void)state;
    assert_int_equal(run_quickly(an_unusable_directory, NULL, NULL), 1);
    expect_out("problem  disk           the current directory: ");
    expect_advice_everywhere();
}

/* Mounts a small file system over /dev/shm, in a mount namespace of its own. */
static void little_shared_memory(void)
{
    bool good = (geteuid() == 0 || unshare(CLONE_NEWUSER) == 0) && unshare(CLONE_NEWNS) == 0 &&
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                mount("tmpfs", "/dev/shm", "tmpfs", 0, getenv("SHM_SIZE")) == 0;
    if (!good)
        _exit(77);
}

static void little_shared_memory_is_reported(void **state)
{
    (void)state;
    setenv("SHM_SIZE", "size=8m", 1);
    int code = run_quickly(little_shared_memory, NULL, NULL);
    if (code == 77)
        skip();
    assert_int_equal(code, 1);
    expect_out("problem  shared memory  8.0 MiB free of 8.0 MiB");
    setenv("SHM_SIZE", "size=64m", 1);
    setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
    assert_int_equal(run_quickly(little_shared_memory, NULL, NULL), 0);
    unsetenv("KUBERNETES_SERVICE_HOST");
    expect_out("warning  shared memory  64 MiB free of 64 MiB");
    expect_out("emptyDir with medium: Memory, sizeLimit: 256Mi at /dev/shm");
}

/* ---- hosts ---- */

static void bad_host_files_are_problems(void **state)
{
    (void)state;
    assert_int_equal(run_quickly(NULL, "--hostfile", "none.txt"), 1);
    expect_out("problem  host file");
    expect_out("none.txt");
    assert_int_equal(rt_file_replace(in_folder("hosts.txt"), "a slot=2\n", 9), RT_OK);
    assert_int_equal(run_quickly(NULL, "--hostfile", "hosts.txt"), 1);
    expect_out("hosts.txt:1:3:");
    expect_advice_everywhere();
}

static void with_fake_agent(void)
{
    setenv("OMPI_MCA_plm_rsh_agent", in_folder("agent"), 1);
}

static void hosts_are_asked(void **state)
{
    (void)state;
    static const char hosts[] = "fine slots=4\nlate\nrefused\nstrange\nold\nagain\nfull\nsmall\n";
    write_script(
        "agent",
        "#!/bin/sh\n"
        "ask() { sh -c \"$1\" | sed \"s/\\\"shm_bytes\\\":[0-9]*/\\\"shm_bytes\\\":$2/\"; }\n"
        "rename() { sed \"s/\\\"machine\\\":\\\"/&$1/\"; }\n"
        "case $1 in\n"
        "fine) echo 'Welcome to fine'; ask \"$2\" 4294967296;;\n"
        "full) ask \"$2\" 1048576 | rename full;;\n"
        "small) ask \"$2\" 67108864 | rename small;;\n"
        "late) ask \"$2\" 4294967296 | rename other | sed 's/\"clock\":/&1/';;\n"
        "again) exec sh -c \"$2\";;\n"
        "refused) echo 'root@refused: Permission denied (publickey).' >&2; exit 255;;\n"
        "strange) echo hello;;\n"
        "old) sh -c \"$2\" | sed 's/\"version\":\"[^\"]*/\"version\":\"0.0.1/';;\n"
        "esac\n");
    assert_int_equal(rt_file_replace(in_folder("hosts.txt"), hosts, sizeof hosts - 1), RT_OK);
    assert_int_equal(run_quickly(with_fake_agent, "--hostfile", "hosts.txt"), 1);
    expect_out("ok       host           fine: clock ");
    expect_out("warning  host           late: its clock is 1");
    expect_out(" s ahead of this one's, so logs of both cannot be compared, ");
    expect_out("problem  host           again: it is the machine of line 1 (fine)\n");
    expect_out("-> list it once, as in: fine slots=6\n"); /* old is that machine, too */
    expect_out("problem  host           refused: it refuses our key (root@refused: Permission "
               "denied (publickey).)\n");
    expect_out("-> ssh-copy-id refused\n");
    expect_out("problem  host           strange: it cannot be asked: hello\n");
    expect_out("problem  host           old: ");
    expect_out("/ringtorch-worker there is version 0.0.1, here it is ");
    expect_out("problem  host           full: only 1 MiB free in /dev/shm\n");
    expect_out("warning  host           small: only 64 MiB free in /dev/shm\n");
    expect_out("5 problems,");
    expect_advice_everywhere();
    /* One rank runs on each host that answers. */
    rt_bytes log;
    assert_int_equal(rt_file_read(in_folder("mpirun.log"), 1 << 16, &log), RT_OK);
    if (!strstr((char *)log.data, "-n 4 --oversubscribe --bind-to none --map-by slot --host "
                                  "fine:1,late:1,full:1,small:1 "))
        fail_msg("%s", (char *)log.data);
    rt_bytes_release(&log);
}

static void slow_links_are_reported(void **state)
{
    (void)state;
    write_script(
        "mpirun",
        "#!/bin/sh\n"
        "[ \"$1\" = --version ] && { echo 'mpirun (Open MPI) 4.1.4'; exit 0; }\n"
        "echo '{\"world\":3,\"seconds\":0.0,\"pairs\":[{\"from_host\":\"a\",\"to_host\":\"b\","
        "\"latency_seconds\":2e-5,\"bytes_per_second\":1e7},{\"from_host\":\"a\",\"to_host\":"
        "\"c\",\"latency_seconds\":0.02,\"bytes_per_second\":1e9},{}]}'\n");
    assert_int_equal(run_quickly(NULL, NULL, NULL), 0);
    expect_out("warning  ranks          a - b: 20.0 us, 9.5 MiB/s\n");
    expect_out("warning  ranks          a - c: 20000.0 us, 954 MiB/s\n");
    expect_advice_everywhere();
}

/* ---- capture ---- */

static void a_program_is_run_to_its_end(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2; exit 3", NULL};
    rt__captured c;
    assert_int_equal(rt__capture(argv, NULL, 10, &c), RT_OK);
    assert_int_equal(c.exit_code, 3);
    assert_string_equal(c.out, "out\n");
    assert_string_equal(c.err, "err\n");
    rt__captured_release(&c);
    const char *const missing[] = {"/nowhere/at-all", NULL};
    assert_int_equal(rt__capture(missing, NULL, 10, &c), RT_E_NOTFOUND);
    rt_error_clear();
}

/* A program may print more than the pipe and we hold, leave a child that keeps the pipe open, or ignore SIGTERM. */
static void a_program_cannot_block_us(void **state)
{
    (void)state;
    rt__captured c;
    const char *const much[] = {"sh", "-c",
                                "yes | head -c 1000000; printf 'no\\0text\\n'; echo end >&2", NULL};
    assert_int_equal(rt__capture(much, NULL, 30, &c), RT_OK);
    assert_int_equal(c.exit_code, 0);
    assert_int_equal(strlen(c.out), 1 << 16);
    assert_string_equal(c.out + (1 << 16) - 12, "y\ny\nno\ntext\n");
    assert_string_equal(c.err, "end\n");
    rt__captured_release(&c);
    const char *const daemon[] = {"sh", "-c", "sleep 5 & echo started", NULL};
    double began = rt_clock();
    assert_int_equal(rt__capture(daemon, NULL, 30, &c), RT_OK);
    assert_true(rt_clock() - began < 5);
    assert_string_equal(c.out, "started\n");
    rt__captured_release(&c);
    const char *const stubborn[] = {"sh", "-c", "trap '' TERM; sleep 60; sleep 60", NULL};
    assert_int_equal(rt__capture(stubborn, NULL, 0.2, &c), RT_OK);
    assert_int_equal(c.exit_code, -1);
    rt__captured_release(&c);
}

static int waits;

static void count_waiting(const char *const *argv)
{
    assert_string_equal(argv[0], "sh");
    waits++;
}

static void a_long_wait_is_told_once(void **state)
{
    (void)state;
    rt__captured c;
    const char *const lasting[] = {"sh", "-c", "sleep 60", NULL};
    assert_int_equal(rt__capture_waiting(lasting, NULL, 0.3, 0.1, count_waiting, &c), RT_OK);
    assert_int_equal(c.exit_code, -1);
    assert_int_equal(waits, 1);
    rt__captured_release(&c);
    const char *const quick[] = {"sh", "-c", "exit 0", NULL};
    assert_int_equal(rt__capture_waiting(quick, NULL, 60, 59, count_waiting, &c), RT_OK);
    assert_int_equal(c.exit_code, 0);
    assert_int_equal(waits, 1);
    rt__captured_release(&c);
}

static void the_last_line_is_what_matters(void **state)
{
    (void)state;
    char text[] = "first\n------\nsecond\n---\n\n";
    assert_string_equal(rt__last_line(text), "second");
    char nothing[] = "\n\n";
    assert_string_equal(rt__last_line(nothing), "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(this_machine_has_no_problem),
        TEST(json_holds_the_same),
        TEST(wrong_usage_is_named),
        TEST(a_missing_mpirun_is_a_problem),
        TEST(another_mpi_is_a_problem),
        TEST(ranks_that_do_not_start_are_a_problem),
        TEST(a_host_without_a_daemon_is_explained),
        TEST(slow_kernels_are_a_warning),
        TEST(an_engine_that_cannot_start_is_a_problem),
        TEST(a_build_without_mpi_is_no_problem),
        TEST(a_missing_temporary_directory_is_a_problem),
        TEST(low_limits_are_reported),
        TEST(an_unusable_directory_is_a_problem),
        TEST(little_shared_memory_is_reported),
        TEST(bad_host_files_are_problems),
        TEST(hosts_are_asked),
        TEST(slow_links_are_reported),
        cmocka_unit_test(a_program_is_run_to_its_end),
        cmocka_unit_test(a_program_cannot_block_us),
        cmocka_unit_test(a_long_wait_is_told_once),
        cmocka_unit_test(the_last_line_is_what_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
