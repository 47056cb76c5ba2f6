/* What records make of what was known before them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "coordinator/books/history.h"
#include "tests/support/outcome.h"

#define APPLY(h, kind, ...)                                                                        \
    must(rt__history_apply(h, RT_RECORD_##kind, &(rt_record_##kind){__VA_ARGS__}))

static void begin(rt__history *h)
{
    json_t *hosts = json_array();
    must(rt__history_init(h));
    APPLY(h, run, .run = "r", .config = "");
    APPLY(h, generation, .generation = 1, .world = 2, .hosts = hosts);
    APPLY(h, plan, .generation = 1, .source = "fresh", .task = "", .config_hash = "");
    json_decref(hosts);
}

/* A launch may try again what the one before had tried once. */
static void a_launch_forgets_what_the_last_one_tried(void **state)
{
    (void)state;
    rt__history h;
    begin(&h);
    APPLY(&h, not_finite, .step = 7);
    APPLY(&h, early_stop, .step = 9);
    APPLY(&h, target, .workers = 3);
    APPLY(&h, interrupt, .signal = 15);
    APPLY(&h, launch);
    assert_int_equal(h.not_finite_step, -1);
    assert_int_equal(h.early_stop_step, -1);
    assert_int_equal(h.target, 0);
    assert_int_equal(h.interrupt_signal, 0);
    assert_false(h.open);
    assert_false(h.planned);
    rt__history_release(&h);
}

/* Steps that are made again are evaluated again. */
static void a_plan_forgets_that_later_steps_were_evaluated(void **state)
{
    (void)state;
    rt__history h;
    json_t *hosts = json_array();
    begin(&h);
    APPLY(&h, evaluated, .generation = 1, .step = 50);
    assert_int_equal(h.evaluated_up_to, 50);
    APPLY(&h, generation, .generation = 2, .world = 2, .restart = true, .hosts = hosts);
    APPLY(&h, plan, .generation = 2, .start_step = 40, .source = "snapshot", .task = "",
          .config_hash = "");
    assert_int_equal(h.evaluated_up_to, 40);
    APPLY(&h, evaluated, .generation = 2, .step = 50); /* the same plan, sent again */
    APPLY(&h, plan, .generation = 2, .start_step = 40, .source = "snapshot", .task = "",
          .config_hash = "");
    assert_int_equal(h.evaluated_up_to, 50);
    json_decref(hosts);
    rt__history_release(&h);
}

static void a_doubt_takes_back_checkpoints_of_later_steps(void **state)
{
    (void)state;
    rt__history h;
    begin(&h);
    APPLY(&h, commit, .step = 30);
    APPLY(&h, committing, .step = 50);
    APPLY(&h, doubt, .generation = 1, .step = 40);
    assert_int_equal(h.committed_step, 30);
    assert_int_equal(h.committing_step, 40);
    APPLY(&h, doubt, .generation = 1, .step = 20);
    assert_int_equal(h.committed_step, 20);
    rt__history_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_launch_forgets_what_the_last_one_tried),
        cmocka_unit_test(a_plan_forgets_that_later_steps_were_evaluated),
        cmocka_unit_test(a_doubt_takes_back_checkpoints_of_later_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
