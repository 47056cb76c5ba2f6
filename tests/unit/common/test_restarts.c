/* The rule of restarts: what counts as a failure in a row, what forgives it, and how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/restarts.h"

/* The events of a run's life, one letter each: f is a failure, F the final failure, 1 to 9 means that the run reaches
 * ten times that step; and the pause after each failure in tenths of a second. */
static const struct {
    const char *name, *life;
    int64_t most;
    int pauses[12];
} rows[] = {
    {"none_is_allowed", "F", 0, {0}},
    {"two_are_answered_at_once", "ffF", 2, {0, 0}},
    {"from_the_third_on_the_pause_doubles", "ffffffffF", 8, {0, 0, 1, 2, 4, 8, 10, 10}},
    {"twenty_steps_forgive", "f13f46fF", 1, {0, 0, 0}},
    {"the_first_step_heard_of_is_where_counting_begins", "f9F", 1, {0}},
    {"fewer_are_not_enough", "f12F", 1, {0}},
    {"a_run_that_goes_back_counts_from_there", "f71F", 1, {0}},
    {"and_is_forgiven_from_there", "f713fF", 1, {0, 0}},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void lives(void **state)
{
    size_t row = (size_t)(uintptr_t)*state;
    rt_restarts r = {.most = rows[row].most, .pause_most = 1};
    const int *pause = rows[row].pauses;
    for (const char *c = rows[row].life; *c; c++) {
        if (*c != 'f' && *c != 'F') {
            rt_restarts_step(&r, 10 * (*c - '0'));
            continue;
        }
        assert_int_equal(rt_restarts_failed(&r), *c == 'f');
        if (*c == 'f')
            assert_int_equal((int)(10 * rt_restarts_pause(&r) + 0.5), *pause++);
    }
    assert_int_equal(r.count, rows[row].most);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = lives, .initial_state = (void *)(uintptr_t)i};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
