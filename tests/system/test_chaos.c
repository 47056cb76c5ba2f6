/* A small tools/chaos: twenty faults of all kinds do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "records.h"
#include "tests/unit/common/random.h"
#include "tiny.h"

static json_t *report_of(const result *r)
{
    json_t *report = NULL;
    if (rt_json_parse(r->out, strlen(r->out), "chaos --json", &report) != RT_OK)
        fail_msg("%s\n%s\n%s", rt_error(), r->out, r->err);
    return report;
}

static void twenty_faults_change_nothing(void **state)
{
    (void)state;
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)random_seed("test_chaos"));
    result r = run(&s, LONG, "tests/chaos", "--json", "--faults-n", "20", "--seed", seed, NULL);
    expect_exit(&r, 0);
    json_t *report = report_of(&r);
    assert_true(json_is_true(json_object_get(report, "ok")));
    assert_int_equal(event_int(report, "injected", 0), 20);
    assert_int_equal(json_array_size(json_object_get(report, "failures")), 0);
    assert_int_equal(strlen(event_string(report, "weights_sha256")), 64);
    assert_string_equal(event_string(report, "weights_sha256"),
                        event_string(report, "undisturbed_sha256"));
    assert_in_range(event_int(report, "lost_steps_most", 9), 0, 1);
    assert_true(event_int(json_object_get(report, "after_a_death"), "count", 0) >= 3);
    json_decref(report);
    result_release(&r);
}

/* The check can fail: a run without snapshots loses steps, and chaos reports that. */
static void losing_steps_is_detected(void **state)
{
    (void)state;
    const char *config = write_config(&s, "bare.yaml", TINY_CONFIG "snapshot: {every: 0}\n");
    result r = run(&s, LONG, "tests/chaos", "--json", "--faults-n", "4", "--faults", "kill-worker",
                   "--workers", "2", "--seed", "1", "--config", config, NULL);
    expect_exit(&r, 1);
    json_t *report = report_of(&r);
    assert_true(json_is_false(json_object_get(report, "ok")));
    assert_true(event_int(report, "lost_steps_most", 0) > 1);
    expect_text(r.err, "has lost");
    expect_text(r.err, "--seed 1"); /* how to repeat it */
    assert_string_equal(event_string(report, "weights_sha256"),
                        event_string(report, "undisturbed_sha256"));
    assert_true(rt_remove_tree(event_string(report, "directory")) == RT_OK);
    json_decref(report);
    result_release(&r);
}

static void wrong_usage_is_explained(void **state)
{
    (void)state;
    result r = run(&s, LONG, "tests/chaos", "--faults", "kill-wroker", NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "kill-wroker");
    result_release(&r);
    r = run(&s, LONG, "tests/chaos", "--workers", "3..2", NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "--workers");
    result_release(&r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tiny_begin, tiny_end)
    const struct CMUnitTest tests[] = {
        TEST(twenty_faults_change_nothing),
        TEST(losing_steps_is_detected),
        TEST(wrong_usage_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
