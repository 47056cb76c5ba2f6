/* Workers on several hosts: the same weights, and what happens when a host is lost, cut off, or comes
 * back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "hosts.h"
#include "runs.h"

typedef struct bench {
    scratch s;
    hosts h;
    bool made;
    char dir[128];
} bench;

static int set_up(void **state)
{
    static bench b;
    b = (bench){0};
    tiny_setup(&b.s);
    snprintf(b.dir, sizeof b.dir, "%s", in_scratch(&b.s, "run"));
    b.made = hosts_possible();
    if (b.made)
        hosts_make(&b.h, &b.s, 3);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    if (b->made)
        hosts_remove(&b->h);
    scratch_remove(&b->s);
    return 0;
}

#define NEED_HOSTS(b)                                                                              \
    do {                                                                                           \
        if (!(b)->made)                                                                            \
            skip();                                                                                \
    } while (0)

/* Starts a training with so many workers over the hosts with those slots; more arguments may follow. */
#define TRAIN(b, workers, slots, ...)                                                              \
    start_on_host(&(b)->h, "ringtorch", "train", in_scratch(&(b)->s, "tiny.yaml"), "-n", workers,  \
                  "--run-dir", (b)->dir, "--hostfile", host_file(&(b)->h, slots), "--set",         \
                  (b)->h.bind, ##__VA_ARGS__, NULL)

static void expect_weights_of_one_host(bench *b, const char *const *more)
{
    char here[65], there[65];
    summary_text(b->dir, "weights_sha256", there, sizeof there);
    train_tiny(&b->s, in_scratch(&b->s, "here"), 2, more, here);
    assert_string_equal(there, here);
}

static void two_hosts_give_the_weights_of_one(void **state)
{
    bench *b = *state;
    NEED_HOSTS(b);
    command c = TRAIN(b, "2", ((int[]){1, 1, 0}));
    await_step(b->dir, 20, 60);
    result r =
        run_on_host(&b->h, 1, "pgrep -c ringtorch-worke; cat /proc/*/cmdline | tr '\\0' ' '");
    assert_int_equal(r.out[0], '1'); /* one here; and what it must not tell in public: */
    expect_text(r.out, "orted");
    assert_null(strstr(r.out, "RINGTORCH_KEYS"));
    result_release(&r);
    r = finish(c, 120);
    expect_exit(&r, 0);
    assert_string_equal(r.err, "");
    result_release(&r);
    assert_int_equal(summary_int(b->dir, "restarts"), 0);
    expect_weights_of_one_host(b, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_hosts_give_the_weights_of_one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
