/* What a worker reports about the steps since its last report. */
#include "worker/report.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Skipped steps, and steps in which no target counted, count as steps, but do not enter the mean loss. */
static void steps_without_a_loss_do_not_enter_the_mean(void **state)
{
    (void)state;
    static const struct {
        double losses[4];
        int skips;
        double mean;
    } rows[] = {
        {{1, 2, 3, 6}, 0, 3},
        {{1, NAN, 3, NAN}, 0, 2},
        {{NAN, 4, NAN, NAN}, 2, 4},
        {{NAN, NAN, NAN, NAN}, 0, NAN},
    };
    rt__meter m;
    rt_msg_report report;
    rt__meter_start(&m, 8);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int k = 0; k < 4; k++)
            rt__meter_step(&m, rows[i].losses[k]);
        for (int k = 0; k < rows[i].skips; k++)
            rt__meter_skip(&m);
        assert_int_equal(m.steps, 4 + rows[i].skips);
        rt__meter_report(&m, 10, 0.1, NAN, &report);
        assert_true(isnan(rows[i].mean) ? isnan(report.loss) : report.loss == rows[i].mean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_without_a_loss_do_not_enter_the_mean),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
