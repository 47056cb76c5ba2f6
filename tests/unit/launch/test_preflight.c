/* Hosts are asked before a run: what their answers mean, and what ends the asking early. A host that cannot be asked may come back,
 * one that lacks something cannot be used. */
#include <inttypes.h>
#include <pthread.h>
#include <ringtorch/version.h>
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
#include "common/base/os/os.h"
#include "common/base/stop_signals.h"
#include "common/control/messages.h"
#include "launch/jobs/child.h"
#include "launch/jobs/preflight.h"
#include "launch/jobs/preflight_words.h"
#include "tests/support/child.h"

/* ---- words ---- */

/* What the command prints at its end, whatever our program has printed. */
#define END(code) "5eed=" #code "\n"

typedef struct answer {
    int exit_code; /* of the remote shell */
    const char *out, *err;
    rt__host_state state;
    const char *says, *advises;
} answer;

static const answer answers[] = {
    {255, "", "ssh: connect to host n2 port 22: Connection refused\n", RT__HOST_AWAY, "no sshd",
     "openssh-server"},
    {1, "", "srun: error: Unable to create step for job 7: Required node not available (down)\n",
     RT__HOST_AWAY, "Slurm starts nothing there (srun: error: Unable to create step",
     "scontrol show node n2"},
    {0, END(127), "sh: 1: /opt/my tools/bin/ringtorch-worker: not found\n", RT__HOST_UNFIT,
     "there is no RingTorch", "path, as in: rsync -a '/opt/my tools/' 'n2:/opt/my tools/'"},
    /* What rsh, qrsh and scripts of users say of a host that they do not reach. */
    {1, "", "n2: Connection refused\n", RT__HOST_AWAY, "cannot be asked: n2: Connection refused",
     "make this work without a password: '/opt/my shell' -q n2 true"},
    {1, "", "", RT__HOST_AWAY, "printed nothing", "without a password"},
    {0, "n2 is being repaired\n", "", RT__HOST_AWAY, "cannot be asked: n2 is being repaired", ""},
    {127, "", "sh: 1: my-qrsh: not found\n", RT__HOST_AWAY, "cannot be asked: sh: 1: my-qrsh", ""},
    {1, "+ my-qrsh n2 sh -c '\"$@\"; echo \"5eed=$?\"' sh /opt/my tools --token 5eed\n", "",
     RT__HOST_AWAY, "cannot be asked: + my-qrsh n2", ""},
    /* The shell's own code means nothing. */
    {1, "Welcome!\nhello" END(3), "", RT__HOST_UNFIT, "there ends with exit code 3: hello", ""},
    {0, "Welcome!\r\n5eed=126\r\n", "", RT__HOST_UNFIT, "cannot be executed there", ""},
    {-1, "", "", RT__HOST_AWAY, "no answer after 12 s", "overloaded"},
    {0, "Welcome!\n[1, 2\n" END(0), "", RT__HOST_UNFIT, "ends with exit code 0: [1, 2", ""},
    {0, "{\"version\": \"0.0.1\", \"directory\": \"same\"}\n" END(0), "", RT__HOST_UNFIT,
     "is version 0.0.1", "install the same RingTorch"},
    {0, "{\"version\": 7, \"reached\": {\"a\": 1}, \"shm_bytes\": \"x\", \"clock\": []}\n" END(0),
     "", RT__HOST_UNFIT, "is version ", ""},
};

static const rt__shell shell = {.word = {"/opt/my shell", "-q"}, .count = 2, .given = 2};
static const rt__question question = {.shell = &shell,
                                      .program = "/opt/my tools/bin/ringtorch-worker",
                                      .run_dir = "/my runs/a",
                                      .token = "5eed",
                                      .seconds = 12};

static void expect_meaning(const answer *a)
{
    rt__asked_host host = {.name = "n2", .slots = 1};
    rt__captured c = {.exit_code = a->exit_code, .out = strdup(a->out), .err = strdup(a->err)};
    rt__preflight_read(&c, 0, &question, &host);
    if (host.state != a->state || !strstr(host.finding, a->says) ||
        !strstr(host.advice, a->advises))
        fail_msg("%d '%s%s': state %d, '%s': '%s'", a->exit_code, a->out, a->err, host.state,
                 host.finding, host.advice);
    free(c.out);
    free(c.err);
}

static void means(void **state)
{
    expect_meaning(*state);
}

/* Writes an answer that says nothing wrong, but of the directory what it is there. */
static const char *answer_of(const char *directory, char out[512])
{
    snprintf(out, 512,
             "{\"version\": \"%s\", \"messages\": \"%016" PRIx64 "\", \"directory\": %s}\n" END(0),
             rt_version(), rt_messages_identity(), directory);
    return out;
}

/* What the directory is there, in an answer that says nothing else that is wrong. */
static void a_directory_is_told_with_the_systems_words(void **state)
{
    (void)state;
    static const struct {
        const char *directory;
        rt__host_state state;
        const char *says, *advises;
    } rows[] = {
        {"\"same\"", RT__HOST_FINE, "", ""},
        {"\"other\"", RT__HOST_UNFIT, "is not shared: another directory is there", "mount -t nfs"},
        {"\"none\"", RT__HOST_UNFIT, "is not shared: it is not there", "mount -t nfs"},
        {"\"unreadable\", \"directory_error\": \"Stale file handle\"", RT__HOST_UNFIT,
         "/my runs/a, the run directory, cannot be read there: Stale file handle",
         "there: '/opt/my shell' -q n2 'ls -ld '\\''/my runs/a'\\'''"},
        {"\"unwritable\", \"directory_error\": \"Read-only file system\"", RT__HOST_UNFIT,
         "the run directory, cannot be written there: Read-only file system", " n2 'ls -ld "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[512];
        expect_meaning(&(answer){0, answer_of(rows[i].directory, out), "", rows[i].state,
                                 rows[i].says, rows[i].advises});
    }
}

/* A path that is too long to be shown hides no cause, and no half of a command is advised. */
static void long_paths_hide_nothing(void **state)
{
    (void)state;
    char run_dir[3000], program[3000], out[512];
    memset(run_dir, 'd', sizeof run_dir);
    memcpy(run_dir, "/my runs/", 9);
    memcpy(run_dir + sizeof run_dir - 5, "/run", 5);
    memset(program, 'p', sizeof program);
    memcpy(program, "/opt/my tools/", 14);
    memcpy(program + sizeof program - 22, "/bin/ringtorch-worker", 22);
    const rt__question q = {
        .shell = &shell, .program = program, .run_dir = run_dir, .token = "5eed", .seconds = 12};
    const answer rows[] = {
        {0, answer_of("\"unreadable\", \"directory_error\": \"Stale file handle\"", out), "",
         RT__HOST_UNFIT, "/run, the run directory, cannot be read there: Stale file handle",
         "let our user read and write it"},
        {0, END(127), "", RT__HOST_UNFIT, "/bin/ringtorch-worker is not there",
         "install the same RingTorch there under the same path"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__asked_host host = {.name = "n2"};
        rt__captured c = {.out = strdup(rows[i].out), .err = strdup("")};
        rt__preflight_read(&c, 0, &q, &host);
        assert_int_equal(host.state, rows[i].state);
        assert_non_null(strstr(host.finding, rows[i].says));
        assert_string_equal(host.advice, rows[i].advises);
        free(c.out);
        free(c.err);
    }
}

/* ---- one machine under two names ---- */

static void a_machine_is_listed_once(void **state)
{
    (void)state;
    rt__asked_host h[] = {
        {.name = "node1", .line = 1, .slots = 2, .machine = "a/1"},
        {.name = "node2", .line = 2, .slots = 4, .machine = "a/2"},
        {.name = "silent", .line = 3, .slots = 4, .state = RT__HOST_AWAY},
        {.name = "silent2", .line = 4, .slots = 4, .state = RT__HOST_AWAY},
        {.name = "10.0.0.2", .line = 5, .slots = 3, .machine = "a/2"},
        {.name = "node3", .line = 6, .slots = 1, .machine = "a/3"},
        {.name = "node2.cluster", .line = 7, .slots = 2, .machine = "a/2"},
    };
    rt__preflight_note_twins(h, sizeof h / sizeof *h);
    for (size_t i = 0; i < sizeof h / sizeof *h; i++)
        assert_int_equal(h[i].state == RT__HOST_UNFIT, i == 4 || i == 6);
    for (int i = 4; i <= 6; i += 2) {
        assert_string_equal(h[i].finding, "it is the machine of line 2 (node2)");
        assert_string_equal(h[i].advice, "list it once, as in: node2 slots=9");
    }
    /* Slots of an allocation are the scheduler's business. */
    rt__asked_host two[] = {{.name = "v1", .machine = "a/1"}, {.name = "v2", .machine = "a/1"}};
    rt__preflight_note_twins(two, 2);
    assert_int_equal(two[1].state, RT__HOST_FINE);
}

/* ---- whole preflights ---- */

static void expect_begin(const char *text, const char *begin)
{
    if (strncmp(text, begin, strlen(begin)) != 0)
        fail_msg("'%s', expected '%s'", text, begin);
}

static char folder[64], script[96];

static rt_status give_script(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                             const char *word[RT__SHELL_WORDS], int *count)
{
    (void)jobs;
    snprintf(text, RT__SHELL_TEXT, "%s", script);
    word[0] = text;
    *count = 1;
    return RT_OK;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ringtorch-preflight-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

/* Asks the hosts of a host file with a shell of this text, in the folder as run directory. */
static rt_status ask(const char *shell_text, const char *file, rt__preflight *p)
{
    static const rt__job_backend backend = {.name = "script", .shell = give_script};
    const rt__jobs jobs = {.backend = &backend};
    rt__host_list hosts;
    snprintf(script, sizeof script, "%s/shell", folder);
    assert_int_equal(rt_file_replace(script, shell_text, strlen(shell_text)), RT_OK);
    assert_int_equal(chmod(script, 0755), 0);
    assert_int_equal(rt__host_list_parse(file, strlen(file), "hosts.txt", &hosts), RT_OK);
    /* No host reaches that address, so what this machine's network is like does not matter. */
    rt_status status = rt__preflight_run(&(rt__preflight_spec){.jobs = &jobs,
                                                               .hosts = &hosts,
                                                               .source = "hosts.txt",
                                                               .bind = "127.0.0.1",
                                                               .run_dir = folder},
                                         p);
    rt__host_list_release(&hosts);
    return status;
}

static void this_host_is_listed_once(void **state)
{
    (void)state;
    rt__preflight p;
    char machine[RT_OS_MACHINE];
    assert_int_equal(ask("", "# here\nlocalhost\n127.0.0.1 slots=2\n", &p), RT_OK);
    if (rt_os_machine(machine)) {
        assert_int_equal(p.host[1].state, RT__HOST_UNFIT);
        assert_string_equal(p.host[1].finding, "it is the machine of line 2 (localhost)");
    }
    rt__preflight_release(&p);
}

/* What a host prints at login may be long, and no text. */
static void a_greeting_hides_no_answer(void **state)
{
    (void)state;
    rt__preflight p;
    assert_int_equal(ask("#!/bin/sh\nhead -c 100000 /dev/zero\nexec sh -c \"$2\"\n", "n2\n", &p),
                     RT_OK);
    assert_int_equal(p.host[0].state, RT__HOST_UNFIT);
    expect_begin(p.host[0].finding, "there is no RingTorch: ");
    rt__preflight_release(&p);
}

/* Waits until no child is left, nor a grandchild that has been orphaned. Returns false, and ends them, if some stay. */
static bool are_gone(void)
{
    for (double end = rt_clock() + 5; rt_clock() < end; rt_clock_sleep(0.01))
        if (waitpid(-1, NULL, WNOHANG) < 0)
            return true;
    rt__children_end(NULL, 0);
    return false;
}

/* The shell of one host sends the signal; none would ever end by itself. They wait for processes of their own, as a script does that
 * calls ssh. */
static int be_stopped(void *unused)
{
    (void)unused;
    rt__preflight p = {0};
    char path[96];
    rt_os_adopt_orphans();
    rt_stop_signals_hold();
    rt_status status =
        ask("#!/bin/sh\nsleep 1000 &\n[ $1 = n2 ] && kill -TERM $PPID\nwait\n", "n2\nn3\n", &p);
    snprintf(path, sizeof path, "%s/.preflight", folder);
    bool good = status == RT_E_INTERRUPTED && p.stopped_by == SIGTERM && !p.host &&
                strcmp(rt_error(), "stopped by SIGTERM before it began") == 0 &&
                access(path, F_OK) != 0,
         gone = are_gone();
    if (!good || !gone)
        fprintf(stderr, "status %d, signal %d: %s%s\n", status, p.stopped_by, rt_error(),
                gone ? "" : "; somebody is left");
    return good && gone ? 0 : 1;
}

static void a_signal_ends_it(void **state)
{
    (void)state;
    double began = rt_clock();
    assert_int_equal(child_end(child_function(be_stopped, NULL)), 0);
    assert_true(rt_clock() - began < 10); /* a host that does not answer costs 12 s */
}

/* The shell takes no notice of being ended, for two seconds, and sends the signal as long as we are there. */
static int be_stopped_again(void *unused)
{
    (void)unused;
    rt__preflight p = {0};
    rt_stop_signals_hold();
    ask("#!/bin/sh\ntrap '' TERM\nwhile kill -TERM $PPID; do sleep 0.4; done 2>/dev/null\n", "n2\n",
        &p);
    return 0;
}

static void a_second_signal_ends_it_at_once(void **state)
{
    (void)state;
    assert_int_equal(child_end(child_function(be_stopped_again, NULL)), 128 + SIGTERM);
}

/* No memory is large enough for the stacks of these threads. */
static int have_no_threads(void *unused)
{
    (void)unused;
    rt__preflight p;
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    if (pthread_attr_setstacksize(&huge, (size_t)1 << 50) != 0 ||
        pthread_setattr_default_np(&huge) != 0)
        return 77;
    rt_status status = ask("#!/bin/sh\nexit 1\n", "n2\nn3\n", &p);
    bool good = status == RT_E_NOMEM &&
                strstr(rt_error(), "hosts.txt: the system refuses a thread that asks its hosts: ");
    if (!good)
        fprintf(stderr, "status %d: %s\n", status, rt_error());
    return good ? 0 : 1;
}

static void without_a_thread_no_host_is_blamed(void **state)
{
    (void)state;
    int code = child_end(child_function(have_no_threads, NULL));
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

/* ---- the other side ---- */

static void expect_answer(const char *run_dir, const char *fragment)
{
    const char *const argv[] = {RT_TEST_BINARY_DIR "/bin/ringtorch-worker",
                                "preflight",
                                "--token",
                                "5eed",
                                "--run-dir",
                                run_dir,
                                NULL};
    rt__captured c;
    assert_int_equal(rt__capture(argv, NULL, 60, &c), RT_OK);
    if (c.exit_code != 0 || !strstr(c.out, fragment))
        fail_msg("'%s' is not in:\n%s%s", fragment, c.out, c.err);
    rt__captured_release(&c);
}

static void a_host_says_what_the_directory_is(void **state)
{
    (void)state;
    char path[128], missing[96], loop[96], below[128];
    snprintf(path, sizeof path, "%s/.preflight", folder);
    snprintf(missing, sizeof missing, "%s/missing", folder);
    snprintf(loop, sizeof loop, "%s/loop", folder);
    snprintf(below, sizeof below, "%s/run", loop);
    expect_answer(folder, "\"directory\":\"other\"");
    assert_int_equal(rt_file_replace(path, "dead", 4), RT_OK);
    expect_answer(folder, "\"directory\":\"other\"");
    assert_int_equal(rt_file_replace(path, "5eed", 4), RT_OK);
    expect_answer(folder, "\"directory\":\"same\"");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody would ever write into it */
    expect_answer(folder, "\"directory\":\"other\"");
    expect_answer(missing, "\"directory\":\"none\"");
    assert_int_equal(symlink("loop", loop), 0);
    expect_answer(below, "\"directory\":\"unreadable\"");
    expect_answer(below, "\"directory_error\":\"Too many levels of symbolic links\"");
}

int main(void)
{
    enum { ANSWERS = sizeof answers / sizeof *answers, OTHERS = 9 };
    struct CMUnitTest tests[OTHERS + ANSWERS] = {
        cmocka_unit_test(a_directory_is_told_with_the_systems_words),
        cmocka_unit_test(long_paths_hide_nothing),
        cmocka_unit_test(a_machine_is_listed_once),
        cmocka_unit_test_setup_teardown(this_host_is_listed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_greeting_hides_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_signal_ends_it_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_thread_no_host_is_blamed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_says_what_the_directory_is, set_up, tear_down),
    };
    for (size_t i = 0; i < ANSWERS; i++)
        tests[OTHERS + i] = (struct CMUnitTest){
            .name = answers[i].says, .test_func = means, .initial_state = (void *)&answers[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
