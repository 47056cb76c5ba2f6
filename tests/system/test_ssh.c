/* Hosts that are reached by a real sshd: a run on them gives the weights of one host and survives losses, its control address
 * is chosen by itself, and what is wrong with a host is said by name before anything starts. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "false_clock.h"
#include "runs.h"
#include "sshd.h"

typedef struct bench {
    scratch s;
    hosts h;
    bool made;
    char dir[128];
} bench;

/* Makes hosts that all rows use, for those that only look at refusals. */
static int set_up(void **state)
{
    static bench b;
    b = (bench){0};
    tiny_setup(&b.s);
    assert_int_equal(rt_dir_make(in_scratch(&b.s, "shared"), 0755), RT_OK);
    snprintf(b.dir, sizeof b.dir, "%s", in_scratch(&b.s, "shared/run's dir")); /* must be quoted */
    b.made = sshd_possible();
    if (b.made) {
        hosts_make(&b.h, &b.s, 3);
        sshd_begin(&b.h);
    }
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    if (b->made) {
        sshd_end(&b->h);
        hosts_remove(&b->h);
    }
    scratch_remove(&b->s);
    return 0;
}

#define NEED_SSH(b)                                                                                \
    do {                                                                                           \
        if (!(b)->made)                                                                            \
            skip();                                                                                \
    } while (0)

/* Writes the host file. */
static const char *list_hosts(const bench *b, const char *text)
{
    const char *path = in_scratch(&b->s, "hosts.txt");
    if (rt_file_replace(path, text, strlen(text)) != RT_OK)
        fail_msg("%s", rt_error());
    return path;
}

/* Starts a training on the hosts of this text; control.bind is left out. */
#define TRAIN(b, workers, text, ...)                                                               \
    start_on_host(&(b)->h, "ringtorch", "train", in_scratch(&(b)->s, "tiny.yaml"), "-n", workers,  \
                  "--run-dir", (b)->dir, "--hostfile", list_hosts(b, text), ##__VA_ARGS__, NULL)
#define ENDLESS "--set", "run.steps=1000000", "--set", "schedule.name=constant"

static const char *name(const bench *b, int i)
{
    return b->h.host[i].name;
}

static const char *two(const bench *b)
{
    static char text[128];
    snprintf(text, sizeof text, "%s\n%s\n", name(b, 0), name(b, 1));
    return text;
}

/* ---- runs ---- */

/* The last host is listed by an alias: Port and User are in ssh's configuration, and it calls itself by another name. The
 * coordinator listens where the others reach it, and nowhere else. */
static void hosts_give_the_weights_of_one(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    char text[128];
    snprintf(text, sizeof text, "%s\n%s\nfar\n", name(b, 0), b->h.host[1].address);
    command c = TRAIN(b, "3", text);
    await_step(b->dir, 20, LONG);
    result r = run_on_host(&b->h, 2, "pgrep -c ringtorch-worke; ls /tmp");
    assert_int_equal(r.out[0], '1');
    result_release(&r);
    r = run_on_host(&b->h, 0, "awk '$4 == \"0A\" { print $2 }' /proc/net/tcp");
    expect_text(r.out, "01004D0A:"); /* 10.77.0.1 */
    result_release(&r);
    r = finish(c, LONG);
    expect_exit(&r, 0);
    assert_string_equal(r.err, "");
    result_release(&r);
    expect_restarts(b->dir, 0);
    expect_weights_of_one_host(&b->s, b->dir, false);
    char path[160];
    snprintf(path, sizeof path, "%s/config.yaml", b->dir);
    rt_bytes yaml = {0};
    assert_int_equal(rt_file_read(path, 1 << 20, &yaml), RT_OK);
    expect_text((char *)yaml.data, "bind: \"auto\""); /* so that a resumed run chooses anew */
    rt_bytes_release(&yaml);
    snprintf(path, sizeof path, "%s/.preflight", b->dir);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void what_is_lost_is_recovered(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    char text[128], lost[160];
    snprintf(text, sizeof text, "%s\nfar\n%s\n", name(b, 0), name(b, 1));
    command c = TRAIN(b, "3", text, ENDLESS);
    await_step(b->dir, 40, LONG);
    signal_worker(&b->s, 1, SIGKILL);
    snprintf(lost, sizeof lost, "\"cause\":\"worker 1 on %s was killed by signal 9\"", name(b, 2));
    await_line(b->dir, lost);
    await_line(b->dir, "\"generation\":2,\"world_size\":3");
    await_step(b->dir, last_step(b->dir) + 20, LONG);
    hosts_kill(&b->h, 2); /* the host with the alias: sshd and worker are gone at once */
    await_line(b->dir, "\"event\":\"host_lost\",\"time\"");
    await_line(b->dir, "\"generation\":3,\"world_size\":2");
    await_step(b->dir, last_step(b->dir) + 20, LONG);
    kill(c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    expect_weights_of_one_host(&b->s, b->dir, true);
}

/* A host that is down is left out from the first generation on if the others have room. */
static void a_host_that_is_down_is_left_out(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    char text[128], said[256];
    snprintf(text, sizeof text, "far\n%s\n%s\n", name(b, 0), name(b, 1));
    hosts_kill(&b->h, 2);
    command c = TRAIN(b, "2", text, "--set", "run.steps=30");
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    snprintf(said, sizeof said,
             "ringtorch: %s:1: host far: it cannot be reached from here (connect "
             "to host %s port 2222: No route to host): ",
             in_scratch(&b->s, "hosts.txt"), b->h.host[2].address);
    expect_text(r.err, said);
    expect_text(r.err, "; going on without it until it is back\n");
    result_release(&r);
    await_line(b->dir, "\"generation\":1,\"world_size\":2");
    expect_restarts(b->dir, 0);
}

/* ---- what is refused ---- */

/* Tries to start a training; it must be refused with a line that holds `says`, and leave nothing. */
__attribute__((format(printf, 3, 4))) static void expect_refusal(bench *b, const char *text,
                                                                 const char *fmt, ...)
{
    char says[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(says, sizeof says, fmt, ap);
    va_end(ap);
    result r = finish(TRAIN(b, "2", text), LONG);
    expect_exit(&r, 2);
    expect_text(r.err, says);
    assert_int_not_equal(access(b->dir, F_OK), 0);
    result_release(&r);
}

__attribute__((format(printf, 3, 4))) static void on_host(const bench *b, int i, const char *fmt,
                                                          ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    result r = run_on_host(&b->h, i, line);
    expect_exit(&r, 0);
    result_release(&r);
}

static void what_keeps_ssh_out_is_named(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    char text[160], config[512], file[160];
    snprintf(file, sizeof file, "%s", in_scratch(&b->s, "hosts.txt"));
    snprintf(text, sizeof text, "# two\n%s\nnosuch\n", name(b, 0));
    expect_refusal(b, text, "ringtorch: %s:3: host nosuch: its name cannot be resolved (Could not ",
                   file);
    expect_refusal(b, text, "without this host there is room for 1 of 2 workers: mend that, or ");
    snprintf(text, sizeof text, "%s slots=2\n%s slots=2\n", name(b, 1), b->h.host[1].address);
    expect_refusal(b, text,
                   "%s:2: host %s: it is the machine of line 1 (%s): list it once, as in: %s "
                   "slots=4\n",
                   file, b->h.host[1].address, name(b, 1), name(b, 1));
    snprintf(text, sizeof text, "%s\nroot@%s\n", name(b, 0), name(b, 1));
    expect_refusal(b, text,
                   "%s:2:1: 'root@%s': no user may be given here: put it into "
                   "~/.ssh/config, as in: Host %s, User root",
                   file, name(b, 1), name(b, 1));
    snprintf(config, sizeof config,
             "Host keyless\n  HostName %s\n  PubkeyAuthentication no\n"
             "Host stranger\n  HostName %s\n  HostKeyAlias nobody\n"
             "Host deaf\n  HostName %s\n  Port 9\n",
             name(b, 1), name(b, 1), name(b, 1));
    sshd_prepend(&b->h, config);
    snprintf(text, sizeof text, "%s\nkeyless\n", name(b, 0));
    expect_refusal(b, text,
                   ":2: host keyless: it refuses our key (root@%s: Permission denied (publickey).)"
                   ": ssh-copy-id keyless\n",
                   name(b, 1));
    snprintf(text, sizeof text, "%s\nstranger\ndeaf\n", name(b, 0));
    expect_refusal(b, text,
                   ":2: host stranger: its host key is not known here (Host key verification "
                   "failed.): compare it and accept it once: ssh -F %s stranger true\n",
                   in_scratch(&b->s, "ssh_config"));
    expect_refusal(b, text,
                   ":3: host deaf: no sshd listens there (connect to host %s port 9: "
                   "Connection refused): on it: apt-get install openssh-server",
                   name(b, 1));
}

static void what_a_host_lacks_is_named(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    const char *bin = RT_TEST_BINARY_DIR "/bin";
    on_host(b, 1, "mount -t tmpfs tmpfs %s", bin);
    expect_refusal(
        b, two(b),
        ":2: host %s: there is no RingTorch: %s/ringtorch-worker is not there: "
        "install the same RingTorch there under the same path, as in: rsync -a %s/ %s:%s/\n",
        name(b, 1), bin, RT_TEST_BINARY_DIR, name(b, 1), RT_TEST_BINARY_DIR);
    on_host(b, 1,
            "printf '#!/bin/sh\\necho \"{\\\\\"version\\\\\":\\\\\"0.0.9\\\\\"}\"\\n' "
            ">%s/ringtorch-worker; chmod +x "
            "%s/ringtorch-worker",
            bin, bin);
    expect_refusal(b, two(b),
                   ":2: host %s: %s/ringtorch-worker there is version 0.0.9, here it is ",
                   name(b, 1), bin);
    on_host(b, 1, "umount %s", bin);
    on_host(b, 1, "mount -t tmpfs tmpfs %s", in_scratch(&b->s, "shared"));
    expect_refusal(
        b, two(b),
        ":2: host %s: %s, the run directory, is not shared: it is not there: ", name(b, 1), b->dir);
    on_host(b, 1, "mkdir \"%s\"", b->dir);
    expect_refusal(b, two(b),
                   ":2: host %s: %s, the run directory, is not shared: another directory ",
                   name(b, 1), b->dir);
    on_host(b, 1,
            "cd %s; umount shared; mount --bind shared shared; mount -o remount,bind,ro shared",
            b->s.path);
    expect_refusal(
        b, two(b),
        ":2: host %s: %s, the run directory, cannot be written there: Read-only file system: ",
        name(b, 1), b->dir);
}

static void a_firewall_is_named(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    on_host(b, 0,
            "PATH=$PATH:/usr/sbin:/sbin; iptables -A INPUT -p tcp -s %s ! --sport 22 -j REJECT",
            b->h.host[1].address);
    expect_refusal(b, two(b), ":2: host %s: it cannot connect to %s port ", name(b, 1),
                   b->h.host[0].address);
    expect_refusal(b, two(b),
                   " of this host (eth0), where the coordinator would listen: let it "
                   "through the firewalls of both, as in: iptables -I INPUT -p tcp -s ");
}

/* On that host, a script runs the real program with a clock that is an hour fast. */
static void a_false_clock_is_a_warning(void **state)
{
    bench *b = *state;
    NEED_SSH(b);
    char script[512];
    const char *worker = RT_TEST_BINARY_DIR "/bin/ringtorch-worker";
    assert_true(false_clock_begin(in_scratch(&b->s, "clock")));
    false_clock_set(3600);
    snprintf(script, sizeof script,
             "#!/bin/sh\nLD_PRELOAD=%s RINGTORCH_TEST_CLOCK=%s exec %s \"$@\"\n",
             getenv("LD_PRELOAD"), in_scratch(&b->s, "clock"), in_scratch(&b->s, "real"));
    preload(NULL);
    assert_int_equal(rt_file_replace(in_scratch(&b->s, "fast"), script, strlen(script)), RT_OK);
    on_host(b, 1, "cd %s; chmod +x fast; touch real; mount --bind %s real; mount --bind fast %s",
            b->s.path, worker, worker);
    result r = finish(TRAIN(b, "2", two(b), "--set", "run.steps=30"), LONG);
    false_clock_end();
    expect_exit(&r, 0);
    /* It is told as well as the time that the answer takes allows. */
    int seconds = 0;
    const char *told = strstr(r.err, "its clock is ");
    if (!told || sscanf(told, "its clock is %d", &seconds) != 1 || seconds < 3590 || seconds > 3610)
        fail_msg("%s", r.err);
    snprintf(script, sizeof script,
             "ringtorch: %s:2: host %s: its clock is %d s ahead of this one's, so logs of both "
             "cannot be compared: set it, as in: chronyc makestep\n",
             in_scratch(&b->s, "hosts.txt"), name(b, 1), seconds);
    assert_string_equal(r.err, script);
    result_release(&r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hosts_give_the_weights_of_one),   TEST(what_is_lost_is_recovered),
        TEST(a_host_that_is_down_is_left_out), TEST(what_keeps_ssh_out_is_named),
        TEST(what_a_host_lacks_is_named),      TEST(a_firewall_is_named),
        TEST(a_false_clock_is_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
