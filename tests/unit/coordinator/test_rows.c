/* Rows of metrics.jsonl: one for each step, in order, with its evaluation, whatever dies in between. */
#include "machine.h"

/* A machine that evaluates every 50 steps, and the contents of its disk. */
typedef struct recorder {
    machine m;
    json_t *rows, *abandoned, *journal;
} recorder;

/* The effects get a `machine *`, which is the recorder's first member. */
static rt_status write_line_down(void *ctx, rt__line where, const json_t *object)
{
    recorder *r = ctx;
    if (where == RT__LINE_METRICS)
        json_array_append_new(r->rows, json_deep_copy(object));
    return machine_line(ctx, where, object);
}

static void rewind_rows(void *ctx, int64_t step)
{
    recorder *r = ctx;
    machine_rewind(ctx, step);
    size_t end = json_array_size(r->abandoned);
    for (size_t n; (n = json_array_size(r->rows)) > 0; json_array_remove(r->rows, n - 1)) {
        json_t *last = json_array_get(r->rows, n - 1);
        if (json_integer_value(json_object_get(last, "step")) <= step)
            break;
        json_array_insert(r->abandoned, end, last);
    }
}

static int64_t newest_row(const recorder *r)
{
    size_t n = json_array_size(r->rows);
    const json_t *last = n ? json_array_get(r->rows, n - 1) : NULL;
    return last ? json_integer_value(json_object_get(last, "step")) : -1;
}

/* Takes the first row of each step: the tests of books/metrics.h say which row it is. */
static void bring_rows_back(void *ctx, const rt__rows_wanted *want, int64_t *newest)
{
    recorder *r = ctx;
    size_t i;
    json_t *row;
    *newest = newest_row(r);
    json_array_foreach(r->abandoned, i, row)
    {
        int64_t step = json_integer_value(json_object_get(row, "step"));
        int64_t generation = json_integer_value(json_object_get(row, "generation"));
        bool evaluated = json_object_get(row, "eval_loss") != NULL;
        if (step <= *newest || step > want->step || generation < want->since ||
            (want->evaluated && step == want->step && !evaluated))
            continue;
        json_array_append(r->rows, row);
        *newest = step;
    }
}

static rt_status write_record_down(void *ctx, const json_t *record)
{
    recorder *r = ctx;
    RT_TRY(machine_journal(ctx, record));
    json_array_append_new(r->journal, json_deep_copy(record));
    return RT_OK;
}

/* Starts a coordinator on this disk. */
static void start(recorder *r, bool again)
{
    rt__history history;
    size_t i;
    json_t *record;
    machine_configure(&r->m, 2);
    rt_config_set(&r->m.cfg, "evaluate.every=50");
    r->m.effects.line = write_line_down;
    r->m.effects.rewind = rewind_rows;
    r->m.effects.bring_back = bring_rows_back;
    r->m.effects.journal = write_record_down;
    assert_int_equal(rt__history_init(&history), RT_OK);
    json_array_foreach(r->journal, i, record)
        assert_int_equal(rt__history_apply_json(&history, record), RT_OK);
    machine_begin(&r->m, history, again);
    r->m.run.reported_step = newest_row(r);
}

static void feed(recorder *r, const char *events)
{
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", events);
    for (char *event; (event = strsep(&rest, ","));)
        machine_feed(&r->m, 5, event + strspn(event, " "));
}

/* "50 0.75" is a row with an evaluation, "60" one without. */
static void expect_rows(const recorder *r, const char *expected)
{
    char found[512] = "";
    size_t i;
    json_t *row;
    json_array_foreach(r->rows, i, row)
    {
        const json_t *accuracy = json_object_get(row, "eval_accuracy");
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%lld", used ? ", " : "",
                 (long long)json_integer_value(json_object_get(row, "step")));
        used = strlen(found);
        if (accuracy)
            snprintf(found + used, sizeof found - used, " %g", json_number_value(accuracy));
        assert_int_equal(accuracy != NULL, json_object_get(row, "eval_loss") != NULL);
        assert_true(json_is_number(json_object_get(row, "loss")));
    }
    assert_string_equal(found, expected);
}

static const char begin[] = "launcher 0, recovered 0, hello 0, hello 1, layout, report 10";

static void rows_have_their_evaluation(void **state)
{
    (void)state;
    static const struct {
        const char *events; /* after `begin`; "!" a coordinator takes over */
        const char *rows;
    } cases[] = {
        {"report 50, evaluated 50, report 60", "10, 50 0.75, 60"},
        {"report 50", "10"}, /* waits for its evaluation */
        {"report 50, report 60", "10, 50, 60"},
        {"report 50, report 50, evaluated 50, evaluated 50", "10, 50 0.75"}, /* sent twice */
        {"report 50, interrupt 2, interrupt 2, exited 1 143 15 -1", "10, 50"},
        /* A worker is lost while it evaluates; the next generation starts from the snapshot of that step. */
        {"report 50, exited 1 137 9 1, recovered 0, hello 0 0 0 50, hello 1 0 0 50, evaluated 50, "
         "report 60",
         "10, 50 0.75, 60"},
        /* ... or from an earlier state: the row is dropped, and made again. */
        {"report 50, exited 1 137 9 1, recovered 10, hello 0, hello 1", "10"},
        {"report 50, exited 1 137 9 1, recovered 10, hello 0, hello 1, report 20, report 50, "
         "evaluated 50",
         "10, 20, 50 0.75"},
        {"report 50, evaluated 50, report 60, exited 1 137 9 1, recovered 40, hello 0, hello 1, "
         "report 50, "
         "evaluated 50",
         "10, 50 0.75"},
        {"report 20, report 30, exited 1 137 9 1, recovered 0, hello 0, hello 1, report 10", "10"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recorder r = {.rows = json_array(), .abandoned = json_array(), .journal = json_array()};
        start(&r, false);
        feed(&r, begin);
        feed(&r, cases[i].events);
        expect_rows(&r, cases[i].rows);
        machine_release(&r.m);
        json_decref(r.rows);
        json_decref(r.abandoned);
        json_decref(r.journal);
    }
}

/* A coordinator that dies while it holds a row back leaves it to the next one, wherever it died. */
static void a_held_row_outlives_its_coordinator(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *rows;
        size_t rows_lost; /* how many of the last rows were decided but not written */
    } cases[] = {
        {"report 50", "evaluated 50, report 60", "10, 50 0.75, 60", 0},
        {"report 50", "report 60", "10, 50, 60", 0},
        {"report 50", "report 50, evaluated 50", "10, 50 0.75", 0},
        {"report 50, evaluated 50", "evaluated 50, report 60", "10, 50 0.75, 60", 0},
        {"report 50, evaluated 50", "report 60", "10, 50 0.75, 60", 1},
        {"report 50, evaluated 50", "evaluated 50, report 60", "10, 50 0.75, 60", 1},
        {"report 50, evaluated 50, report 60", "report 70", "10, 50 0.75, 60, 70", 0},
    };
    static const char again[] = "launcher 1, recovered 0, hello 0 50 1, hello 1 50 1, layout";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recorder r = {.rows = json_array(), .abandoned = json_array(), .journal = json_array()};
        start(&r, false);
        feed(&r, begin);
        feed(&r, cases[i].before);
        machine_release(&r.m);
        for (size_t k = 0; k < cases[i].rows_lost; k++)
            json_array_remove(r.rows, json_array_size(r.rows) - 1);
        start(&r, true);
        feed(&r, again);
        feed(&r, cases[i].after);
        expect_rows(&r, cases[i].rows);
        machine_release(&r.m);
        json_decref(r.rows);
        json_decref(r.abandoned);
        json_decref(r.journal);
    }
}

/* The next launch resumes after the last row, or from an earlier checkpoint. */
static void a_resumed_run_goes_on_with_its_rows(void **state)
{
    (void)state;
    static const struct {
        const char *resumed, *rows;
    } cases[] = {
        {"recovered 60, hello 0, hello 1, report 70", "10, 50, 60, 70"},
        {"recovered 10, hello 0, hello 1, report 20", "10, 20"},
        {"recovered 0, hello 0, hello 1, report 10", "10"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recorder r = {.rows = json_array(), .abandoned = json_array(), .journal = json_array()};
        start(&r, false);
        feed(&r, begin);
        feed(&r, "report 50, report 60");
        machine_release(&r.m);
        json_array_append_new(r.journal, json_pack("{s:s}", "kind", "launch"));
        start(&r, false);
        feed(&r, "launcher 0");
        feed(&r, cases[i].resumed);
        expect_rows(&r, cases[i].rows);
        machine_release(&r.m);
        json_decref(r.rows);
        json_decref(r.abandoned);
        json_decref(r.journal);
    }
}

/* The host with the newest snapshots cannot be reached, so the run goes on from a checkpoint; then it goes on from those snapshots after
 * all. */
static void rows_come_back_with_the_state_that_they_led_to(void **state)
{
    (void)state;
    static const char lost[] = "report 50, evaluated 50, report 60, report 70, exited 1 137 9 1, "
                               "recovered 20, hello 0, hello 1, report 30";
    static const struct {
        const char *then, *rows;
    } cases[] = {
        {"exited 2 137 9 1, recovered 20, hello 0 0 0 65, hello 1", "10, 30, 50 0.75, 60"},
        {"exited 2 137 9 1, recovered 20, hello 0 0 0 50, hello 1", "10, 30, 50 0.75"},
        {"exited 2 137 9 1, recovered 20, hello 0 0 0 40, hello 1", "10, 30"},
        /* Its row was held back, and another generation has evaluated the same state. */
        {"report 50, exited 2 137 9 1, recovered 20, hello 0 0 0 60, hello 1",
         "10, 30, 50 0.75, 60"},
        /* Nobody has evaluated it: the row waits for that. */
        {"report 50, report 60, report 80, report 100, exited 2 137 9 1, recovered 30, hello 0, "
         "hello 1, exited 3 137 9 1, recovered 30, hello 0 0 0 100, hello 1, report 100, "
         "evaluated 100",
         "10, 30, 50 0.75, 60, 70, 80, 100 0.75"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recorder r = {.rows = json_array(), .abandoned = json_array(), .journal = json_array()};
        start(&r, false);
        feed(&r, begin);
        feed(&r, lost);
        feed(&r, cases[i].then);
        expect_rows(&r, cases[i].rows);
        machine_release(&r.m);
        json_decref(r.rows);
        json_decref(r.abandoned);
        json_decref(r.journal);
    }
}

/* A user resumes with another learning rate. */
static void rows_of_another_configuration_stay_away(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        recorder r = {.rows = json_array(), .abandoned = json_array(), .journal = json_array()};
        start(&r, false);
        r.m.run.facts.config_hash = "c0ffee";
        feed(&r, begin);
        feed(&r, "report 50, evaluated 50, report 60");
        machine_release(&r.m);
        json_array_append_new(r.journal, json_pack("{s:s}", "kind", "launch"));
        start(&r, false);
        if (other) /* the workers of this test always say c0ffee, so the journal is made to differ */
            snprintf(r.m.run.history.config_hash, sizeof r.m.run.history.config_hash, "other");
        feed(&r, "launcher 0, recovered 20, hello 0, hello 1, exited 2 137 9 1, recovered 20, "
                 "hello 0 0 0 60, hello 1");
        expect_rows(&r, other ? "10" : "10, 50 0.75, 60");
        machine_release(&r.m);
        json_decref(r.rows);
        json_decref(r.abandoned);
        json_decref(r.journal);
    }
}

/* If the journal cannot be written, the row lacks its evaluation, but is written. */
static void a_full_journal_costs_no_row(void **state)
{
    (void)state;
    recorder r = {.rows = json_array(), .abandoned = json_array(), .journal = json_array()};
    start(&r, false);
    feed(&r, begin);
    r.m.journal_full = true;
    feed(&r, "report 50, evaluated 50, report 60");
    expect_rows(&r, "10, 50, 60");
    machine_release(&r.m);
    json_decref(r.rows);
    json_decref(r.abandoned);
    json_decref(r.journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_have_their_evaluation),
        cmocka_unit_test(a_held_row_outlives_its_coordinator),
        cmocka_unit_test(a_resumed_run_goes_on_with_its_rows),
        cmocka_unit_test(rows_come_back_with_the_state_that_they_led_to),
        cmocka_unit_test(rows_of_another_configuration_stay_away),
        cmocka_unit_test(a_full_journal_costs_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
