/* The operator's commands on real runs: what status says is what is there, orders are carried out, and
 * what a killed run leaves is told and cleaned up. */
#include <inttypes.h>
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
#include "tiny.h"

/* ---- status ---- */

static json_t *status_json(void)
{
    json_t *j = NULL;
    result r = run(&s, LONG, "ringtorch", "status", run_dir, "--json", NULL);
    expect_exit(&r, 0);
    if (rt_json_parse(r.out, strlen(r.out), "status", &j) != RT_OK)
        fail_msg("%s", rt_error());
    result_release(&r);
    return j;
}

static int64_t number(const json_t *j, const char *key)
{
    const json_t *member = json_object_get(j, key);
    if (!json_is_number(member))
        fail_msg("no number '%s'", key);
    return (int64_t)json_number_value(member);
}

static bool text_is(const json_t *j, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text && strcmp(text, expected) == 0;
}

static json_t *rank_at(const json_t *status, int64_t rank)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(status, "ranks"), i,
                       row) if (number(row, "rank") == rank) return row;
    fail_msg("status tells nothing of rank %" PRId64, rank);
    return NULL;
}

/* Asks again and again until f is content with the answer. */
static void await_status(const char *what, bool (*f)(const json_t *status, int64_t wanted),
                         int64_t wanted)
{
    bool good = false;
    for (double end = rt_clock() + LONG; !good;) {
        json_t *j = status_json();
        good = f(j, wanted);
        if (!good && rt_clock() > end)
            fail_msg("not after %d s: %s: %s", LONG, what, rt_json_text(j));
        json_decref(j);
        rt_clock_sleep(0.05);
    }
}

static bool runs_with(const json_t *status, int64_t workers)
{
    return text_is(status, "phase", "RUN") && number(status, "world_size") == workers;
}

static bool is_in_trouble(const json_t *status, int64_t rank)
{
    const json_t *row = rank_at(status, rank);
    return text_is(row, "state", "stalled") || text_is(row, "state", "silent");
}

static bool is_well(const json_t *status, int64_t rank)
{
    return text_is(rank_at(status, rank), "state", "ok");
}

/* ---- orders ---- */

static void order(int exit_code, const char *a, const char *b, const char *c)
{
    result r = run(&s, LONG, "ringtorch", a, b, c, NULL);
    expect_exit(&r, exit_code);
    result_release(&r);
}

static void stop_run(command c)
{
    result r = run(&s, LONG, "ringtorch", "stop", run_dir, "--reason", "enough of it", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    r = finish(c, LONG);
    expect_exit(&r, 143); /* as after SIGTERM: the run is not done */
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "status", run_dir, NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "told to stop: enough of it");
    result_release(&r);
}

/* ---- tests ---- */

static void status_shows_the_run(void **state)
{
    (void)state;
    command c = start_endless(20);
    int64_t before = last_step(run_dir);
    json_t *j = status_json();
    assert_true(text_is(j, "phase", "RUN") && text_is(j, "name", "tiny"));
    assert_int_equal(number(j, "world_size"), 2);
    assert_int_equal(number(j, "end_step"), 10000000);
    assert_true(number(j, "step") >= before);
    assert_int_equal(number(j, "restarts"), 0);
    for (int rank = 0; rank < 2; rank++)
        assert_int_equal(number(rank_at(j, rank), "pid"), find_worker(&s, rank, LONG));
    json_decref(j);
    result r = run(&s, LONG, "ringtorch", "status", run_dir, NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "tiny: training");
    expect_text(r.out, "\n   0  ");
    expect_text(r.out, "\n   1  ");
    expect_text(r.out, "starting 2 workers");
    result_release(&r);
    stop_run(c);
}

static void a_stalled_worker_is_shown(void **state)
{
    (void)state;
    command c = start_endless(20);
    pid_t worker = find_worker(&s, 1, LONG);
    kill(worker, SIGSTOP);
    await_status("rank 1 in trouble", is_in_trouble, 1);
    kill(worker, SIGCONT);
    await_status("rank 1 well again", is_well, 1);
    stop_run(c);
}

static void a_checkpoint_is_written_on_request(void **state)
{
    (void)state;
    command c = start_endless(20);
    result r = run(&s, LONG, "ringtorch", "checkpoint", "now", run_dir, "--json", NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "\"accepted\":true");
    result_release(&r);
    const char *path = newest_checkpoint(&s, run_dir);
    r = run(&s, LONG, "ringtorch", "checkpoint", "verify", path, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    stop_run(c);
}

static void a_run_continues_after_scaling(void **state)
{
    (void)state;
    command c = start_endless(20);
    order(1, "scale", run_dir, "5"); /* it has 4 slices */
    order(2, "scale", run_dir, "0");
    order(0, "scale", run_dir, "3");
    await_status("3 workers", runs_with, 3);
    int64_t step = last_step(run_dir);
    await_step(run_dir, step + 20, LONG);
    order(0, "scale", run_dir, "1");
    await_status("1 worker", runs_with, 1);
    stop_run(c);
    expect_restarts(run_dir, 0); /* nothing went wrong */
}

/* A watch that is under way shows the end and ends; the command it prints goes on with the run. */
static void a_stopped_run_resumes_with_the_advised_command(void **state)
{
    (void)state;
    command c = start_endless(20);
    command watch = start(&s, "ringtorch", "status", run_dir, "--watch", NULL);
    await_output(&watch, "tiny: training");
    stop_run(c);
    result r = finish(watch, LONG);
    expect_exit(&r, 0);
    expect_text(r.out, "tiny: training");
    expect_text(r.out, "tiny: stopped after step ");
    const char *told = strstr(r.out, "to resume: ");
    assert_non_null(told);
    char line[1024];
    snprintf(line, sizeof line, "exec %.*s --set run.steps=%" PRId64, (int)strcspn(told + 10, "\n"),
             told + 10, summary_int(run_dir, "steps") + 5);
    result_release(&r);
    r = run(&s, LONG, "sh", "-c", line, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "status", run_dir, NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "tiny: done after step ");
    result_release(&r);
}

/* Returns how many names in shared memory hold the id of a run. */
static int count_in_memory(const char *id)
{
    int count = 0;
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (int i = 0; i < 2; i++) {
        rt_names names;
        assert_int_equal(rt_dir_list(places[i], &names), RT_OK);
        for (size_t k = 0; k < names.count; k++)
            count += strstr(names.name[k], id) != NULL;
        rt_names_release(&names);
    }
    return count;
}

static void remains_of_a_killed_run_are_shown_and_removed(void **state)
{
    (void)state;
    command c = start_endless(20);
    json_t *j = status_json();
    char id[64];
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(j, "run")));
    json_decref(j);
    order(0, "checkpoint", "now", run_dir);
    order(1, "clean", run_dir, NULL); /* it is alive */
    kill(c.pid, SIGKILL);             /* takes all the others along */
    result r = finish(c, LONG);
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    int left = count_in_memory(id);

    r = run(&s, LONG, "ringtorch", "status", run_dir, NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "tiny: killed, last report at step ");
    expect_text(r.out, "checkpoint of step ");
    expect_text(r.out, "--resume auto");
    result_release(&r);

    /* A process that is being ended has lost its environment, by which we know it, before its locks. */
    r = run(&s, LONG, "ringtorch", "clean", run_dir, "--dry-run", NULL);
    for (double end = rt_clock() + LONG; strstr(r.out, "left alone") && rt_clock() < end;) {
        result_release(&r);
        r = run(&s, LONG, "ringtorch", "clean", run_dir, "--dry-run", NULL);
    }
    expect_exit(&r, 0);
    expect_text(r.out, "would remove");
    expect_text(r.out, "/control.json\n");
    result_release(&r);
    assert_int_equal(count_in_memory(id), left);
    char control[160];
    snprintf(control, sizeof control, "%s/control.json", run_dir);
    assert_true(rt_path_exists(control));
    order(0, "clean", run_dir, NULL);
    assert_int_equal(count_in_memory(id), 0);
    assert_false(rt_path_exists(control));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tiny_begin, tiny_end)
    const struct CMUnitTest tests[] = {
        TEST(status_shows_the_run),
        TEST(a_stalled_worker_is_shown),
        TEST(a_checkpoint_is_written_on_request),
        TEST(a_run_continues_after_scaling),
        TEST(a_stopped_run_resumes_with_the_advised_command),
        TEST(remains_of_a_killed_run_are_shown_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
