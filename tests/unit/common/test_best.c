/* Which of two evaluations is better, and when run.patience has run out. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/best.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static rt_config config(char *by, int64_t every, int64_t patience)
{
    rt_config cfg = {0};
    cfg.checkpoint.best = by;
    cfg.evaluate.every = every;
    cfg.run.patience = patience;
    return cfg;
}

static rt_metrics figures(double loss, double accuracy)
{
    rt_metrics m = {0};
    rt_metrics_add(&m, "loss", loss);
    rt_metrics_add(&m, "accuracy", accuracy);
    return m;
}

static void better_is_less_loss_or_more_accuracy(void **state)
{
    (void)state;
    static const struct {
        char *by;
        double loss, accuracy;
        bool beats; /* a loss of 1 and an accuracy of 0.5 */
    } rows[] = {
        {"loss", 0.9, 0.1, true},      {"loss", 1, 0.9, false},       {"loss", 1.1, 0.9, false},
        {"loss", NAN, 0.9, false},     {"loss", -INFINITY, 1, false}, {"accuracy", 9, 0.6, true},
        {"accuracy", 0, 0.5, false},   {"accuracy", 0, 0.4, false},   {"accuracy", 0, NAN, false},
        {"accuracy", NAN, 0.6, false}, {"none", 0.9, 0.1, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config cfg = config(rows[i].by, 10, 1);
        rt_best best = {10, figures(1, 0.5)}, none = {0};
        rt_metrics m = figures(rows[i].loss, rows[i].accuracy);
        if (rt_best_beats(&cfg, &m, &best) != rows[i].beats)
            fail_msg("row %zu", i);
        bool finite =
            isfinite(rows[i].loss) && (rows[i].by[0] != 'a' || isfinite(rows[i].accuracy));
        assert_int_equal(rt_best_beats(&cfg, &m, &none), finite);
    }
}

/* Evaluations and bests as text: finite values come back with the same bits, others as NaN. */
static void an_evaluation_survives_its_text(void **state)
{
    (void)state;
    rt_evaluated e = {.step = 40, .count = 10000, .seconds = 1.0 / 3}, back;
    e.metrics = figures(0.1 + 0.2, 8 / 9.0);
    e.best = (rt_best){20, figures(5e-324, 1)};
    int64_t generation;
    char *text = rt_evaluated_text(&e, 7);
    assert_int_equal(rt_evaluated_parse(text, &generation, &back), RT_OK);
    assert_int_equal(generation, 7);
    assert_memory_equal(&back, &e, sizeof e);
    rt_mem_free(text);

    e.metrics = figures(INFINITY, NAN);
    e.best = (rt_best){.step = 10};
    text = rt_evaluated_text(&e, 7);
    assert_int_equal(rt_evaluated_parse(text, &generation, &back), RT_OK);
    assert_int_equal(back.metrics.count, 2);
    assert_true(isnan(rt_metrics_get(&back.metrics, "loss")));
    assert_false(rt_metrics_any_finite(&back.metrics) || rt_best_is_known(&back.best));
    assert_int_equal(back.best.step, 10);
    rt_mem_free(text);

    rt_best none;
    static const char *const bad[] = {"", "{}", "{\"step\":-1}", "{\"step\":null,\"loss\":1}",
                                      "[3]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(rt_best_parse(bad[i], &none), RT_OK);
        rt_error_clear();
    }
}

/* Metrics in the journal of an earlier version: members among others. */
static void metrics_are_found_by_name(void **state)
{
    (void)state;
    static const char line[] =
        "{\"kind\":\"evaluated\",\"generation\":1,\"step\":10,\"accuracy\":0.5,"
        "\"loss\":null,\"better\":true,\"eval_loss\":3}";
    json_t *j;
    assert_int_equal(rt_json_parse(line, sizeof line - 1, "line", &j), RT_OK);
    rt_metrics m = rt_metrics_from(j, ""), prefixed = rt_metrics_from(j, "eval_");
    json_decref(j);
    assert_int_equal(m.count, 2);
    assert_string_equal(m.metric[0].name, "loss");
    assert_true(isnan(m.metric[0].value));
    assert_true(rt_metrics_get(&m, "accuracy") == 0.5);
    assert_int_equal(prefixed.count, 1);
    assert_true(isnan(rt_metrics_get(&m, "step")));
}

/* Metrics are members of events, rows and the summary, so none may have the name of another member there. */
static void no_metric_has_the_name_of_another_member(void **state)
{
    (void)state;
    static const char *const taken[] = {
        "event",  "time", "seconds", "generation",         "step", "count",
        "better", "best", "kind",    "evaluation_seconds", "none"};
    for (int i = 0; i < RT_METRIC_ROWS; i++) {
        assert_ptr_equal(rt_metric_find(rt_metric_rows[i].name), &rt_metric_rows[i]);
        for (size_t k = 0; k < sizeof taken / sizeof *taken; k++)
            assert_string_not_equal(rt_metric_rows[i].name, taken[k]);
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
        rt_config cfg = config("loss", rows[i].every, rows[i].patience);
        if (rt_patience_ran_out(&cfg, rows[i].evaluated, rows[i].best) != rows[i].over)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(better_is_less_loss_or_more_accuracy),
        cmocka_unit_test(patience_counts_evaluations),
        cmocka_unit_test(an_evaluation_survives_its_text),
        cmocka_unit_test(metrics_are_found_by_name),
        cmocka_unit_test(no_metric_has_the_name_of_another_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
