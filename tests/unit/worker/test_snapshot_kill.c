/* A process that takes snapshots in a loop is killed at random moments, again and again. At any moment its file must
 * hold the newest step that it has reported, or the next one; complete and with the right checksum. */
#include "../common/random.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include "tests/support/child.h"
#include "tests/support/outcome.h"
#include "worker/snapshot.h"
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { KILLS = 300, COUNT = 120000, BEGIN = 16384, END = 100030, KINDS = 3 };

static char dir[] = "/dev/shm/rt-kill-XXXXXX";
static char *program;
static uint64_t rng;

static float value_at(int64_t step, int kind, int64_t element)
{
    return (float)((step * 31 + kind * 7 + element) % 1000003);
}

/* ---- the process that is killed ---- */

/* Takes step after step and writes each to `told` once it is taken; never ends by itself. */
static int keep_snapshots(const char *where, int told)
{
    static float values[KINDS][COUNT];
    static rt__progress progress;
    rt__snapshot *s;
    rt_snapshot_about about = {.run = "k",
                               .run_dir = "/srv/x",
                               .begin = BEGIN,
                               .end = END,
                               .count = COUNT,
                               .kinds = KINDS,
                               .kind = {"param", "a", "b"}};
    rt__snapshot_args args = {
        .dir = where,
        .about = &about,
        .kind = {{.data = values[0]}, {.data = values[1]}, {.data = values[2]}},
        .progress = &progress};
    rt__progress_init(&progress);
    if (rt__snapshot_start(&args, &s) != RT_OK) {
        fprintf(stderr, "%s\n", rt_error());
        return 1;
    }
    for (int64_t step = 1;; step++) {
        for (int kind = 0; kind < KINDS; kind++)
            for (int64_t i = BEGIN; i < END; i++)
                values[kind][i] = value_at(step, kind, i);
        rt__progress_step(&progress, step);
        for (int64_t at = 0; step % 2 && at < COUNT; at += 16384) /* else all at once */
            rt__snapshot_part(s, at, at + 16384);
        rt__snapshot_take(s, step);
        if (write(told, &step, sizeof step) != sizeof step)
            return 1;
    }
}

/* ---- checking its file ---- */

static pid_t begin(int *told)
{
    int ends[2];
    char end[16];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFD, 0), 0);
    snprintf(end, sizeof end, "%d", ends[1]);
    pid_t pid = child_program((const char *const[]){program, "keep", dir, end, NULL}, NULL, NULL);
    assert_true(pid > 0);
    close(ends[1]);
    *told = ends[0];
    return pid;
}

/* Reads all reported steps; returns the last one, or 0 if there is none. */
static int64_t last_told(int told, int64_t last)
{
    int64_t step;
    while (read(told, &step, sizeof step) == sizeof step)
        last = step;
    close(told);
    return last;
}

static void expect_whole(const rt_snapshot *s, int slot)
{
    static float got[END - BEGIN];
    must(rt_snapshot_verify(s, slot));
    for (int kind = 0; kind < KINDS; kind++) {
        must(rt_snapshot_read(s, slot, kind, BEGIN, END, got));
        for (int64_t i = BEGIN; i < END; i++)
            if (got[i - BEGIN] != value_at(s->slot[slot].step, kind, i))
                fail_msg("step %" PRId64 ", kind %d, element %" PRId64 ": %g is of another step",
                         s->slot[slot].step, kind, i, (double)got[i - BEGIN]);
    }
}

/* Returns whether the kill came while a slot was being written. */
static bool check_file(const char *path, int64_t told)
{
    rt_snapshot s;
    rt_status status = rt_snapshot_open(path, &s);
    if (status != RT_OK && told == 0) { /* killed while it made the file */
        assert_true(status == RT_E_NOTFOUND || status == RT_E_CORRUPT);
        rt_error_clear();
        return false;
    }
    must(status);
    int newest = rt_snapshot_newest(&s);
    int64_t step = newest >= 0 ? s.slot[newest].step : 0;
    if (step != told && step != told + 1)
        fail_msg("told step %" PRId64 ", found step %" PRId64, told, step);
    assert_true(s.mark.step >= told && s.mark.step <= told + 1);
    if (newest >= 0)
        expect_whole(&s, newest);
    int other = 1 - newest;
    bool half = newest >= 0 && s.slot[other].step < 0;
    if (newest >= 0 && !half) {
        assert_int_equal(s.slot[other].step, step - 1);
        expect_whole(&s, other);
    }
    assert_true(half || step != 1 || s.slot[other].step < 0);
    rt_snapshot_close(&s);
    return half && step > 1;
}

static void a_kill_at_any_moment_leaves_a_whole_step(void **state)
{
    (void)state;
    int caught = 0, early = 0;
    const rt_snapshot_name name = {.run = "k"}; /* of generation 0, rank 0 */
    for (int i = 0; i < KILLS; i++) {
        int told;
        int64_t first = 0;
        pid_t pid = begin(&told);
        if (i % 5 > 0) /* otherwise also at any moment of its start */
            assert_int_equal(read(told, &first, sizeof first), sizeof first);
        rt_clock_sleep(1e-6 * (double)random_below(&rng, i % 5 > 0 ? 3000 : 10000));
        assert_int_equal(kill(pid, SIGKILL), 0);
        int how;
        assert_int_equal(waitpid(pid, &how, 0), pid);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        int64_t last = last_told(told, first);
        early += last == 0;
        char *path = rt_snapshot_find(dir, &name, NULL);
        rt_error_clear(); /* it may have been killed before */
        caught += check_file(path ? path : "/nowhere", last);
        if (path)
            unlink(path);
        rt_mem_free(path);
    }
    print_message("%d kills: %d in the middle of a copy, %d before the first step\n", KILLS, caught,
                  early);
    assert_true(caught > 0);
}

static int set_up(void **state)
{
    (void)state;
    rng = random_seed("test_snapshot_kill");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(dir);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_moment_leaves_a_whole_step),
    };
    if (argc == 4 && strcmp(argv[1], "keep") == 0)
        return keep_snapshots(argv[2], (int)strtol(argv[3], NULL, 10));
    program = argv[0];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
