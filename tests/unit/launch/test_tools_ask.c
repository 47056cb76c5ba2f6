/* status, scale, stop and checkpoint now with a fake coordinator: what they send and print, their exit codes,
 * coordinators that hang, die, come back or refuse, and control files that cannot be used. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "fake_coordinator.h"
#include "tests/support/child.h"

static char folder[64], run_dir[80];
static char out[1 << 16], err[1 << 14]; /* of the last command */
static pid_t running;                   /* the command under way; 0: none */
static char line_of[256];               /* the command line of it or of the last one */
static fake f;                          /* of a test that has started it */

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ringtorch-tools-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(run_dir, sizeof run_dir, "%s/run", folder);
    return 0;
}

/* Also ends what a failed test has left behind. */
static int tear_down(void **state)
{
    (void)state;
    if (running > 0)
        kill(running, SIGKILL);
    child_end(running);
    running = 0;
    if (f.dir[0])
        fake_stop(&f);
    f.dir[0] = '\0';
    rt_error_clear();
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

/* ---- commands ---- */

static void read_back(const char *name, char *text, size_t size)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* Waits for the command under way. Returns its exit code. */
static int finish(void)
{
    int code = child_end(running);
    running = 0;
    read_back("out", out, sizeof out);
    read_back("err", err, sizeof err);
    return code;
}

static void expect_end(int exit_code, const char *in_out, const char *in_err)
{
    int code = finish();
    if (code != exit_code || !strstr(out, in_out) || !strstr(err, in_err))
        fail_msg("%s: exit code %d, expected %d, \"%s\" and \"%s\"\n--- out\n%s--- err\n%s",
                 line_of, code, exit_code, in_out, in_err, out, err);
}

static void expect_under_way(void)
{
    if (waitpid(running, NULL, WNOHANG) == 0)
        return;
    running = 0;
    finish();
    fail_msg("%s: has ended already\n--- out\n%s--- err\n%s", line_of, out, err);
}

/* Starts `ringtorch` with the words of a line, in which RUN stands for the run directory. */
static void start(const char *line)
{
    static char copy[256];
    char out_path[96], err_path[96];
    const char *argv[16] = {RT_TEST_BINARY_DIR "/bin/ringtorch"};
    int n = 1;
    snprintf(line_of, sizeof line_of, "%s", line);
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[n++] = strcmp(word, "RUN") == 0 ? run_dir : word;
    argv[n] = NULL;
    snprintf(out_path, sizeof out_path, "%s/out", folder);
    snprintf(err_path, sizeof err_path, "%s/err", folder);
    running = child_program(argv, out_path, err_path);
    assert_true(running > 0);
}

static void expect(const char *line, int exit_code, const char *in_out, const char *in_err)
{
    start(line);
    expect_end(exit_code, in_out, in_err);
}

static const char sample[] =
    "{\"run\": \"77\", \"directory\": \"runs/tiny\", \"name\": \"tiny\", \"phase\": \"RUN\", "
    "\"generation\": 2, \"step\": 1240, \"end_step\": 2000, \"epoch\": 1.32, \"loss\": 0.3412, "
    "\"samples_per_second\": 5120.4, \"seconds\": 70, \"eta_seconds\": 42, \"world_size\": 2, "
    "\"target_world\": 2, \"restarts\": 1, \"lost_steps\": 1, \"checkpoint_step\": 1000, "
    "\"snapshot_step\": 1239, \"ranks\": [{\"rank\": 0, \"host\": \"h0\", \"pid\": 41, \"phase\": "
    "\"reduce\", \"what\": \"reduce_scatter\", \"since\": 4.2, \"step\": 1240, \"peer\": 1, "
    "\"rss_bytes\": 1048576, \"heard_seconds\": 0.1, \"state\": \"ok\"}], \"events\": []}";

/* ---- requests and answers ---- */

static void status_shows_what_the_coordinator_says(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    expect("status RUN", 0, "tiny: training", "");
    assert_non_null(strstr(out, "1,240 of 2,000 (62.0 %)"));
    assert_non_null(strstr(out, "reduce_scatter, waits for rank 1"));
    assert_string_equal(err, "");
    assert_null(strchr(out, '\033')); /* the output is not a terminal */
    assert_int_equal(fake_question(&f), RT_MSG_STATUS);
    assert_int_equal(fake_number(&f), 8);
    expect("status RUN --events 3", 0, "tiny", "");
    assert_int_equal(fake_number(&f), 3);
}

static void status_json_is_the_coordinators_object(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    expect("status RUN --json", 0, "", "");
    json_t *said, *meant;
    assert_int_equal(rt_json_parse(out, strlen(out), "out", &said), RT_OK);
    assert_int_equal(rt_json_parse(sample, strlen(sample), "sample", &meant), RT_OK);
    assert_true(json_equal(said, meant));
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1); /* one line */
    json_decref(said);
    json_decref(meant);
}

/* Answers with the sample, in which `from` is replaced by `to`. */
static void answer_with(const char *from, const char *to)
{
    char text[sizeof sample + 64];
    const char *at = strstr(sample, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - sample), sample, to, at + strlen(from));
    fake_answer(&f, RT_MSG_STATUS_IS, text);
}

static void ready_is_told_by_the_exit_code(void **state)
{
    (void)state;
    char name[32];
    expect("status --ready RUN", 1, "", "no such run"); /* a probe that comes too early */
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    expect("status --ready RUN", 0, "ready: step 1,240 of 2,000\n", "");
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1); /* one line */
    static const char *const phases[][2] = {{"BOOT", "not ready: starting\n"},
                                            {"RECOVER", "not ready: looking for the state"},
                                            {"GATHER", "not ready: starting workers\n"},
                                            {"REGROUP", "not ready: ending a generation"},
                                            {"FAILED", "not ready: failed\n"}};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        snprintf(name, sizeof name, "\"phase\": \"%s\"", phases[i][0]);
        answer_with("\"phase\": \"RUN\"", name);
        expect("status --ready RUN", 1, phases[i][1], "");
    }
    answer_with("\"state\": \"ok\"", "\"state\": \"stalled\"");
    expect("status --ready RUN", 1, "not ready: rank 0 on h0 is stalled\n", "");
    fake_answer(&f, RT_MSG_STATUS_IS, "{}");
    expect("status --ready RUN", 1, "not ready: phase unknown\n", "");
    fake_answer(&f, RT_MSG_REFUSED, "no");
    expect("status --ready RUN", 1, "", "refused: no");
}

/* A probe has a second or a few. */
static void ready_does_not_wait_for_a_coordinator_that_hangs(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_mute(&f);
    expect("status --ready RUN", 1, "", "for 2 s");
    atomic_store(&f.mute, false);
}

static void a_file_of_the_run_stands_for_it(void **state)
{
    (void)state;
    char line[200];
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    snprintf(line, sizeof line, "%s/logs", run_dir);
    assert_int_equal(rt_dir_make(line, 0755), RT_OK);
    snprintf(line, sizeof line, "%s/logs/x.log", run_dir);
    assert_int_equal(rt_file_replace(line, "x", 1), RT_OK);
    snprintf(line, sizeof line, "status %s/logs/x.log", run_dir);
    expect(line, 0, "tiny: training", "");
}

static void orders_reach_the_coordinator(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_ACCEPTED, "as you wish");
    expect("scale RUN 3", 0, "as you wish\n", "");
    assert_int_equal(fake_question(&f), RT_MSG_SCALE);
    assert_int_equal(fake_number(&f), 3);
    expect("stop RUN", 0, "as you wish\n", "");
    assert_int_equal(fake_question(&f), RT_MSG_STOP_RUN);
    assert_string_equal(fake_reason(&f), "ringtorch stop");
    expect("stop RUN --reason maintenance", 0, "as you wish\n", "");
    assert_string_equal(fake_reason(&f), "maintenance");
    expect("checkpoint now RUN", 0, "as you wish\n", "");
    assert_int_equal(fake_question(&f), RT_MSG_CHECKPOINT_NOW);
    expect("scale RUN 3 --json", 0, "{\"accepted\":true,\"text\":\"as you wish\"}\n", "");
    assert_string_equal(err, "");
}

static void a_refusal_is_printed(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_REFUSED, "only 4 slices");
    expect("scale RUN 9", 1, "", "refused: only 4 slices");
    expect("stop RUN", 1, "", "refused: only 4 slices");
    expect("checkpoint now RUN", 1, "", "refused: only 4 slices");
    expect("checkpoint now RUN --json", 1, "{\"accepted\":false,\"text\":\"only 4 slices\"}", "");
    assert_string_equal(err, "");
    expect("status RUN", 1, "", "refused: only 4 slices");
}

/* ---- wrong usage ---- */

static void wrong_usage_is_refused_before_anything_is_sent(void **state)
{
    (void)state;
    static const struct {
        const char *line, *fragment;
    } bad[] = {
        {"status", "no RUN: write ringtorch status RUN"},
        {"status RUN --evnts 3", "unknown option '--evnts': did you mean '--events'?"},
        {"status RUN --events", "--events: a value is missing"},
        {"status RUN --events x", "--events x: not a whole number"},
        {"status RUN --events -1", "--events -1: expected a number from 0"},
        {"status --ready", "no RUN: write ringtorch status RUN"},
        {"status RUN --ready --watch", "leave out --watch"},
        {"status RUN --ready --json", "leave out --json"},
        {"status RUN other", "'other': one argument too many"},
        {"scale", "no RUN: write ringtorch scale RUN W"},
        {"scale RUN", "no W: write ringtorch scale RUN W"},
        {"scale RUN two", "W two: not a whole number"},
        {"scale RUN 2.5", "W 2.5: not a whole number"},
        {"scale RUN 0", "W 0: expected a number from 1 to 65536"},
        {"scale RUN -2", "unknown option '-2'"},
        {"scale RUN -- -2", "W -2: expected a number from 1"},
        {"scale RUN 99999999999999999999", "expected a number from 1 to 65536"},
        {"scale RUN 2 3", "'3': one argument too many"},
        {"stop", "no RUN"},
        {"stop RUN --resaon x", "did you mean '--reason'?"},
        {"checkpoint now", "no RUN"},
        {"statsu RUN", "unknown command 'statsu': did you mean 'status'?"},
        {"docter", "did you mean 'doctor'?"},
        {"claen", "did you mean 'clean'?"},
    };
    assert_true(fake_start(&f, run_dir));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(bad[i].line, 2, "", bad[i].fragment);
    assert_int_equal(atomic_load(&f.asked), 0);
}

static void every_command_explains_itself(void **state)
{
    (void)state;
    expect("status --help", 0, "Exit codes: 0 shown", "");
    expect("scale --help", 0, "Exit codes: 0 accepted", "");
    expect("stop -h", 0, "Exit codes: 0 accepted", "");
    expect("checkpoint now --help", 0, "Exit codes: 0 committed", "");
    expect("clean --help", 0, "Exit codes: 0 clean", "");
    expect("doctor --help", 0, "Exit codes: 0 no problem", "");
    static const char *const commands[] = {"train", "eval", "export", "checkpoint", "status",
                                           "scale", "stop", "clean",  "doctor"};
    start("--help");
    assert_int_equal(finish(), 0);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_non_null(strstr(out, commands[i]));
}

/* ---- runs without a coordinator ---- */

static void a_path_that_is_not_a_run_is_named(void **state)
{
    (void)state;
    char line[200];
    static const char *const commands[] = {"status RUN", "scale RUN 2", "stop RUN",
                                           "checkpoint now RUN", "clean RUN"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        expect(commands[i], 2, "", i < 4 ? "no such run" : "neither a run directory nor the id");
        assert_non_null(strstr(err, run_dir));
    }
    assert_int_equal(rt_dir_make(run_dir, 0700), RT_OK);
    expect("status RUN", 2, "", "not a run directory");
    assert_true(fake_start(&f, run_dir)); /* and now its parent */
    snprintf(line, sizeof line, "status %s", folder);
    expect(line, 2, "", "give one of those in it");
    assert_non_null(strstr(err, run_dir));
}

static void leave_file(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", run_dir, name);
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
}

static void orders_to_a_dead_run_say_so(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_stop(&f);
    expect("scale RUN 2", 1, "", "nothing has been run here yet");
    expect("stop RUN", 1, "", "nothing has been run here yet");
    assert_true(fake_write_control(&f)); /* a killed coordinator leaves it */
    leave_file("events.jsonl", "{\"event\":\"generation\"}\n");
    expect("stop RUN", 1, "", "the run was killed: to resume: ");
    leave_file("events.jsonl", "{\"event\":\"done\"}\n");
    leave_file("summary.json", "{\"status\":\"done\",\"steps\":20}");
    expect("scale RUN 2", 1, "", "the run is done");
    assert_null(strstr(err, "to resume"));
}

static void control_files_that_cannot_be_used_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment;
    } bad[] = {
        {"", "control.json:1"},
        {"{", "control.json:1"},
        {"[]", "control.json"},
        {"{\"format_version\": 2}",
         "format version 2, this program reads version 1: ask with the version"},
        {"{\"format_version\": \"1\"}", "'format_version' is a string"},
        {"{\"endpoint\": 3}", "'endpoint' is an integer"},
        {"{\"endpoint\": \"tcp://127.0.0.1:1\", \"run\": \"\"}", "'run' is empty"},
        {"{\"endpoint\": \"tcp://127.0.0.1:1\", \"run\": \"7\", \"keys\": \"x\"}",
         "three or four keys"},
    };
    char path[256];
    assert_true(fake_start(&f, run_dir));
    fake_path(&f, "control.json", path);
    assert_int_equal(chmod(path, 0644), 0);
    expect("status RUN", 1, "", "its mode is 0644");
    assert_non_null(strstr(err, path));
    assert_int_equal(chmod(path, 0620), 0);
    expect("scale RUN 2", 1, "", "chmod 600");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rt_file_replace(path, bad[i].text, strlen(bad[i].text)), RT_OK);
        chmod(path, 0600);
        expect("status RUN", 1, "", bad[i].fragment);
        assert_non_null(strstr(err, path));
    }
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    expect("status RUN", 1, "", "symbolic link");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect("status RUN", 1, "", "is not a file");
}

static void a_coordinator_of_another_host_is_named(void **state)
{
    (void)state;
    char path[256], text[700], keys[4 * RT_WIRE_KEY];
    assert_true(fake_start(&f, run_dir));
    fake_path(&f, "control.json", path);
    rt_wire_keys_text(&f.keys, false, keys);
    snprintf(text, sizeof text,
             "{\"endpoint\": \"%s\", \"run\": \"77\", \"keys\": \"%s\", \"pid\": 1, \"host\": "
             "\"far-away\"}",
             f.endpoint, keys);
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
    chmod(path, 0600);
    expect("status RUN", 1, "", "listens only on host far-away");
}

static void keys_of_another_run_are_not_accepted(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    rt_wire_keys good = f.keys;
    assert_int_equal(rt_wire_keys_make(&f.keys), RT_OK);
    memcpy(f.keys.server_public, good.server_public, sizeof good.server_public);
    assert_true(fake_write_control(&f));
    expect("scale RUN 2", 1, "", "its keys are not those of the coordinator");
    assert_int_equal(atomic_load(&f.asked), 0);
}

/* ---- coordinators that hang, die and come back ---- */

static void a_coordinator_that_hangs_is_reported_after_a_wait(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_mute(&f);
    double began = rt_clock();
    expect("status RUN", 1, "", "for 5 s");
    assert_true(rt_clock() - began >= 5);
    assert_non_null(strstr(err, "hangs"));
    atomic_store(&f.mute, false);
}

/* A request that was sent while the coordinator was away is answered when it is back. We use one that waits for minutes,
 * because the test must not depend on the speed of this machine. */
static void a_coordinator_that_comes_back_answers(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_ACCEPTED, "as you wish");
    fake_die(&f);
    start("checkpoint now RUN");
    rt_clock_sleep(1);
    expect_under_way();
    assert_true(fake_listen(&f)); /* the same endpoint and keys */
    assert_true(fake_write_control(&f));
    expect_end(0, "as you wish\n", "");
    assert_int_equal(fake_question(&f), RT_MSG_CHECKPOINT_NOW);
}

/* While a launcher is starting, it holds the lock, but there is no control file yet. */
static void a_run_that_is_starting_is_waited_for(void **state)
{
    (void)state;
    char path[256];
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_ACCEPTED, "as you wish");
    fake_path(&f, "control.json", path);
    unlink(path);
    start("checkpoint now RUN");
    rt_clock_sleep(0.7);
    expect_under_way();
    assert_true(fake_write_control(&f));
    expect_end(0, "as you wish", "");
}

static void a_run_that_ends_meanwhile_is_not_waited_for(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_mute(&f);
    start("checkpoint now RUN"); /* otherwise it waits for minutes */
    rt_clock_sleep(0.5);
    expect_under_way();
    fake_stop(&f);
    expect_end(1, "", "nothing has been run here yet");
}

/* ---- watching ---- */

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)); text++)
        n++;
    return n;
}

static void watch_repeats_until_the_run_ends(void **state)
{
    (void)state;
    char path[256];
    static const char summary[] = "{\"status\": \"done\", \"steps\": 2000, \"seconds\": 112, "
                                  "\"samples_per_second\": 5000, \"epochs\": 2.1, \"restarts\": 1, "
                                  "\"lost_steps\": 1}";
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    start("status RUN --watch");
    for (double end = rt_clock() + 300; atomic_load(&f.asked) < 3 && rt_clock() < end;)
        rt_clock_sleep(0.01);
    expect_under_way();
    fake_path(&f, "summary.json", path);
    assert_int_equal(rt_file_replace(path, summary, strlen(summary)), RT_OK);
    fake_stop(&f);
    expect_end(0, "", "");
    assert_true(count(out, "tiny: training") >= 2);
    assert_int_equal(count(out, "run: done after step 2,000"), 1); /* the last block */
    assert_non_null(strstr(out, "\n\ntiny: training"));            /* an empty line between */
    assert_null(strchr(out, '\033'));
}

static void watch_exits_with_0_on_a_signal(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    for (int s = 0; s < 2; s++) {
        int before = atomic_load(&f.asked);
        start("status RUN --watch --json");
        for (double end = rt_clock() + 300; atomic_load(&f.asked) < before + 2 && rt_clock() < end;)
            rt_clock_sleep(0.01);
        kill(running, s == 0 ? SIGINT : SIGTERM);
        expect_end(0, "", "");
        assert_true(count(out, "\n") >= 1);
        assert_int_equal(count(out, "\n"), count(out, "{\"run\":\"77\""));
    }
}

/* As if a pager showed its first page: one signal suffices, as that of timeout(1). */
static void watch_ends_though_nobody_reads(void **state)
{
    (void)state;
    char path[96], rest[4096] = {0};
    snprintf(path, sizeof path, "%s/out", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int pipe = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(pipe >= 0);
    while (write(pipe, rest, sizeof rest) > 0)
        ;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    start("status RUN --watch");
    for (double end = rt_clock() + 300; atomic_load(&f.asked) < 1 && rt_clock() < end;)
        rt_clock_sleep(0.01);
    rt_clock_sleep(2); /* it would have asked again */
    assert_int_equal(atomic_load(&f.asked), 1);
    kill(running, SIGTERM);
    int status, ended = 0;
    for (double end = rt_clock() + 60; ended == 0 && rt_clock() < end; rt_clock_sleep(0.01))
        ended = waitpid(running, &status, WNOHANG);
    close(pipe);
    assert_int_equal(ended, running);
    running = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* While the coordinator is away, --watch says so, and it continues when the coordinator is back. */
static void watch_outlives_a_coordinator(void **state)
{
    (void)state;
    assert_true(fake_start(&f, run_dir));
    fake_answer(&f, RT_MSG_STATUS_IS, sample);
    start("status RUN --watch");
    for (double end = rt_clock() + 300; atomic_load(&f.asked) < 1 && rt_clock() < end;)
        rt_clock_sleep(0.01);
    fake_die(&f);
    out[0] = '\0';
    for (double end = rt_clock() + 300; !strstr(out, "could not be reached") && rt_clock() < end;) {
        rt_clock_sleep(0.05);
        read_back("out", out, sizeof out);
    }
    assert_non_null(strstr(out, "could not be reached"));
    expect_under_way();
    int before = atomic_load(&f.asked);
    assert_true(fake_listen(&f));
    assert_true(fake_write_control(&f));
    for (double end = rt_clock() + 300; atomic_load(&f.asked) < before + 2 && rt_clock() < end;)
        rt_clock_sleep(0.01);
    kill(running, SIGINT);
    expect_end(0, "", "");
    assert_true(atomic_load(&f.asked) >= before + 2);
}

int main(void)
{
    rt_log_set_level(RT_LOG_ERROR);
    unsetenv("COLUMNS");
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(status_shows_what_the_coordinator_says),
        TEST(status_json_is_the_coordinators_object),
        TEST(ready_is_told_by_the_exit_code),
        TEST(ready_does_not_wait_for_a_coordinator_that_hangs),
        TEST(a_file_of_the_run_stands_for_it),
        TEST(orders_reach_the_coordinator),
        TEST(a_refusal_is_printed),
        TEST(wrong_usage_is_refused_before_anything_is_sent),
        TEST(every_command_explains_itself),
        TEST(a_path_that_is_not_a_run_is_named),
        TEST(orders_to_a_dead_run_say_so),
        TEST(control_files_that_cannot_be_used_are_named),
        TEST(a_coordinator_of_another_host_is_named),
        TEST(keys_of_another_run_are_not_accepted),
        TEST(a_coordinator_that_hangs_is_reported_after_a_wait),
        TEST(a_coordinator_that_comes_back_answers),
        TEST(a_run_that_is_starting_is_waited_for),
        TEST(a_run_that_ends_meanwhile_is_not_waited_for),
        TEST(watch_repeats_until_the_run_ends),
        TEST(watch_exits_with_0_on_a_signal),
        TEST(watch_ends_though_nobody_reads),
        TEST(watch_outlives_a_coordinator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
