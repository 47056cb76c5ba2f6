/* Which evaluation is better, and when patience is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "common/best.h"

static rt_config config(rt_cfg_checkpoint_best by, int64_t every, int64_t patience)
{
    rt_config cfg = {0};
    cfg.checkpoint.best = by;
    cfg.evaluate.every = every;
    cfg.run.patience = patience;
    return cfg;
}

static void better_is_less_loss_or_more_accuracy(void **state)
{
    (void)state;
    static const struct {
        rt_cfg_checkpoint_best by;
        double loss, accuracy;
        bool beats; /* a loss of 1 and an accuracy of 0.5 */
    } rows[] = {
        {RT_CFG_BEST_LOSS, 0.9, 0.1, true},      {RT_CFG_BEST_LOSS, 1, 0.9, false},
        {RT_CFG_BEST_LOSS, 1.1, 0.9, false},     {RT_CFG_BEST_LOSS, NAN, 0.9, false},
        {RT_CFG_BEST_LOSS, -INFINITY, 1, false}, {RT_CFG_BEST_ACCURACY, 9, 0.6, true},
        {RT_CFG_BEST_ACCURACY, 0, 0.5, false},   {RT_CFG_BEST_ACCURACY, 0, 0.4, false},
        {RT_CFG_BEST_ACCURACY, 0, NAN, false},   {RT_CFG_BEST_ACCURACY, NAN, 0.6, false},
        {RT_CFG_BEST_NONE, 0.9, 0.1, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config cfg = config(rows[i].by, 10, 1);
        rt_best best = {10, 1, 0.5}, none = {0, NAN, NAN};
        if (rt_best_beats(&cfg, rows[i].loss, rows[i].accuracy, &best) != rows[i].beats)
            fail_msg("row %zu", i);
        bool finite = isfinite(rows[i].loss) &&
                      (rows[i].by != RT_CFG_BEST_ACCURACY || isfinite(rows[i].accuracy));
        assert_int_equal(rt_best_beats(&cfg, rows[i].loss, rows[i].accuracy, &none), finite);
    }
}

static void patience_counts_evaluations(void **state)
{
    (void)state;
    static const struct {
        int64_t every, patience, evaluated, best;
        bool over;
    } rows[] = {
        {10, 2, 20, 0, true},   {10, 2, 10, 0, false},  {10, 2, 40, 20, true},
        {10, 2, 30, 20, false}, {10, 0, 90, 10, false}, {0, 2, 90, 10, false},
        {10, 2, 45, 25, true},  {10, 2, 39, 20, false}, /* the last evaluation of a run, between */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config cfg = config(RT_CFG_BEST_LOSS, rows[i].every, rows[i].patience);
        if (rt_patience_is_over(&cfg, rows[i].evaluated, rows[i].best) != rows[i].over)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(better_is_less_loss_or_more_accuracy),
        cmocka_unit_test(patience_counts_evaluations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
