/* The best evaluation and patience, in the state machine: what a loss, a death of the coordinator, a state in doubt and
 * another configuration leave of them. */
#include "machine.h"
#include <math.h>

static rt_status write_down(void *ctx, const json_t *record)
{
    machine *m = ctx;
    if (m->journal_full)
        return RT_FAIL(NOSPACE, "journal: no space left on device");
    json_array_append_new(m->journal, json_deep_copy(record));
    return RT_OK;
}

/* Makes a machine with the history of a journal (taken over), and further settings, ending in NULL. */
static void begin_from(machine *m, json_t *journal, bool again, const char *const *sets)
{
    rt__history history;
    size_t i;
    json_t *record;
    machine_configure(m, 2);
    assert_int_equal(rt_config_set(&m->cfg, "evaluate.every=10"), RT_OK);
    for (; *sets; sets++)
        assert_int_equal(rt_config_set(&m->cfg, *sets), RT_OK);
    m->effects.journal = write_down;
    m->journal = journal;
    assert_int_equal(rt__history_init(&history), RT_OK);
    json_array_foreach(journal, i, record)
        assert_int_equal(rt__history_apply(&history, record), RT_OK);
    machine_begin(m, history, again);
}

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void feed(machine *m, const char *const *events)
{
    for (double now = 1; *events; events++, now++)
        machine_feed(m, now, *events);
}
#define FEED(m, ...) feed(m, (const char *const[]){__VA_ARGS__, NULL})

static void start(machine *m, const char *const *sets)
{
    begin_from(m, json_array(), false, sets);
    FEED(m, "launcher 0", "recovered 0", "hello 0", "hello 1", "layout");
    assert_int_equal(m->run.phase, RT__RUN);
}

static bool did(machine *m, const char *effect)
{
    return strstr(machine_done(m), effect) != NULL;
}

/* Ten right answers more are better; after two evaluations without that, the step is the last. */
static void patience_ends_the_run(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=accuracy", "run.patience=2"));
    FEED(&m, "evaluated 10 4", "evaluated 20 5", "evaluated 30 5");
    assert_int_equal(m.run.end_step, 100);
    assert_false(did(&m, "event:early_stop"));
    FEED(&m, "evaluated 40 5");
    assert_true(did(&m, "event:early_stop"));
    assert_int_equal(m.run.end_step, 40);
    FEED(&m, "piece 0 40", "piece 1 40", "finished 0 40", "finished 1 40", "committed 40",
         "exited 1 0 0 -1");
    assert_int_equal(m.run.phase, RT__DONE);
    assert_int_equal(m.exit_code, 0);
    assert_string_equal(json_string_value(json_object_get(m.summary, "status")), "done");
    assert_true(json_is_true(json_object_get(m.summary, "ended_early")));
    assert_int_equal(summary_int(&m, "best_step"), 20);
    machine_release(&m);
}

/* A generation is told of the best up to where it begins: what is evaluated again must be judged again in the same way. */
static void a_plan_tells_the_best_before_it(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=accuracy"));
    assert_int_equal(m.best.step, 0);
    assert_false(rt_best_is_known(&m.best));
    FEED(&m, "evaluated 10 4", "evaluated 20 5", "evaluated 30 3", "evaluated 40 6",
         "exited 1 137 9 1", "recovered 30", "hello 0", "hello 1");
    assert_int_equal(m.plan.start_step, 30);
    assert_int_equal(m.best.step, 20);
    assert_true(rt_metrics_get(&m.best.metrics, "accuracy") == 5.0 / 8);
    assert_int_equal(m.plan.evaluated_step, 30);
    FEED(&m, "evaluated 40 6"); /* again, and the same */
    assert_int_equal(rt__history_best(&m.run.history, INT64_MAX).step, 40);
    assert_int_equal(m.run.history.compared.count, 3);
    machine_release(&m);
}

/* Workers that died after the last evaluation, with it or without its record, end at the same step. */
static void a_loss_at_the_end_changes_nothing(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("run.patience=1"));
    FEED(&m, "evaluated 10 1 50", "evaluated 20 1 60", "exited 1 137 9 1", "recovered 0", "hello 0",
         "hello 1");
    assert_int_equal(m.plan.end_step, 20);
    assert_int_equal(m.run.end_step, 20);
    machine_release(&m);
}

/* The coordinator dies: another one knows the same, also from a journal that was made shorter. */
static void another_coordinator_decides_the_same(void **state)
{
    (void)state;
    for (int shorter = 0; shorter < 2; shorter++) {
        machine m, dead;
        start(&dead, SETS("run.patience=2"));
        FEED(&dead, "evaluated 10 1 50", "evaluated 20 1 60");
        json_t *journal =
            shorter ? rt__history_records(&dead.run.history) : json_incref(dead.journal);
        begin_from(&m, journal, true, SETS("run.patience=2"));
        FEED(&m, "launcher 1", "hello 0 24 1", "hello 1 24 1", "recovered 0");
        assert_int_equal(m.run.end_step, 100);
        FEED(&m, "evaluated 30 1 50"); /* equal to the best is not better */
        assert_int_equal(m.run.end_step, 30);
        machine_release(&dead);
        machine_release(&m);
    }
}

/* A HELLO that brings evaluations of the generation before: of steps, with the loss in hundredths and the best step. */
typedef struct word {
    int64_t step;
    double loss;
    int64_t best_step;
    double best_loss;
} word;

static void hello_with_words(machine *m, double now, int64_t offered, const word *words, int count)
{
    enum { MOST = 8 };
    char *text[MOST];
    rt_msg_body body = machine_hello(m, 0, "avx2");
    const int64_t offer[RT_OFFER_FIELDS] = {m->run.generation - 1, 0, offered, 0, 10};
    for (int i = 0; i < count; i++) {
        rt_evaluated e = {.step = words[i].step, .count = 8, .best.step = words[i].best_step};
        rt_metrics_add(&e.metrics, "loss", words[i].loss);
        rt_metrics_add(&e.best.metrics, "loss", words[i].best_loss);
        text[i] = rt_evaluated_text(&e, m->run.generation - 1);
    }
    body.hello.offers = offer;
    body.hello.offers_count = RT_OFFER_FIELDS;
    body.hello.evaluations = (const char *const *)text;
    body.hello.evaluations_count = count;
    machine_worker(m, now, 0, RT_MSG_HELLO, body);
    for (int i = 0; i < count; i++)
        rt_mem_free(text[i]);
    machine_feed(m, now + 0.1, "hello 1");
}

static int count_events(const char *done, const char *event)
{
    int count = 0;
    for (const char *at = done; (at = strstr(at, event)); at += strlen(event))
        count++;
    return count;
}

/* The coordinator dies before it hears of evaluations, and all workers with it: what they left word of decides as if
 * nobody had died. Word of later steps than the run goes on from is not needed, these are made again. */
static void who_dies_together_takes_no_evaluation_along(void **state)
{
    (void)state;
    static const word words[] = {
        {20, 0.40, 20, 0.40}, {30, 0.45, 20, 0.40}, {10, 0.50, 10, 0.50}, {40, 0.30, 40, 0.30}};
    static const word few[] = {{30, 0.45, 20, 0.40}}; /* the one before made room */
    static const struct {
        const word *words;
        int count, told;
        int64_t offered;
        int patience;
        int64_t best, evaluated, end;
    } rows[] = {
        {words, 4, 2, 35, 9, 20, 30, 100}, {words, 4, 2, 35, 1, 20, 30, 35},
        {words, 4, 3, 45, 1, 40, 40, 100}, {few, 1, 1, 35, 9, 20, 30, 100},
        {few, 1, 1, 30, 1, 20, 30, 30},    {few, 1, 0, 25, 1, 10, 10, 100},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine dead, m;
        char patience[32];
        snprintf(patience, sizeof patience, "run.patience=%d", rows[i].patience);
        start(&dead, SETS("checkpoint.best=loss", patience));
        FEED(&dead, "evaluated 10 6 50");
        begin_from(&m, json_incref(dead.journal), true, SETS("checkpoint.best=loss", patience));
        m.run.reported_step = 10; /* as metrics.jsonl has it */
        FEED(&m, "launcher 0", "exited 1 137 9 0", "tick", "recovered 0", "recovered 0");
        machine_done(&m);
        hello_with_words(&m, 9, rows[i].offered, rows[i].words, rows[i].count);
        const char *done = machine_done(&m);
        if (m.best.step != rows[i].best || m.plan.evaluated_step != rows[i].evaluated ||
            m.plan.end_step != rows[i].end)
            fail_msg("row %zu: best %lld, evaluated %lld, end %lld: %s", i, (long long)m.best.step,
                     (long long)m.plan.evaluated_step, (long long)m.plan.end_step, done);
        assert_int_equal(count_events(done, "event:evaluation"), rows[i].told);
        assert_int_equal(count_events(done, "metrics"), rows[i].told);
        assert_int_equal(count_events(done, "event:early_stop"), rows[i].end < 100);
        machine_release(&dead);
        machine_release(&m);
    }
}

/* Killed when it has written an evaluation down and said nothing: its successor says why the run ends, and only once. */
static void why_the_run_ends_is_said_after_all(void **state)
{
    (void)state;
    machine dead, m;
    start(&dead, SETS("run.patience=1"));
    FEED(&dead, "evaluated 10 6 50", "evaluated 20 6 60");
    size_t last = json_array_size(dead.journal) - 1;
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(dead.journal, last), "kind")),
        "early_stop");
    for (int said = 0; said < 2; said++) {
        json_t *journal = json_deep_copy(dead.journal);
        if (!said)
            json_array_remove(journal, last);
        begin_from(&m, journal, true, SETS("run.patience=1"));
        FEED(&m, "launcher 1", "hello 0 20 1", "hello 1 20 1", "recovered 0");
        assert_int_equal(m.run.end_step, 20);
        assert_int_equal(count_events(machine_done(&m), "event:early_stop"), !said);
        machine_release(&m);
    }
    machine_release(&dead);
}

/* An event for each time an evaluation was made, not for each time it was said. */
static void an_evaluation_is_told_as_often_as_it_is_made(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=loss"));
    FEED(&m, "evaluated 10 6 50", "evaluated 10 6 50");
    assert_int_equal(count_events(machine_done(&m), "event:evaluation"), 1);
    FEED(&m, "exited 1 137 9 1", "recovered 0", "hello 0", "hello 1", "evaluated 10 6 50");
    assert_int_equal(count_events(machine_done(&m), "event:evaluation"), 1);
    assert_int_equal(m.run.history.compared.count, 1);
    machine_release(&m);
}

/* A record that could not be written is made up for by the next one, which says what the best is. */
static void the_next_record_makes_up_for_a_lost_one(void **state)
{
    (void)state;
    machine m, dead;
    start(&dead, SETS("checkpoint.best=loss"));
    FEED(&dead, "evaluated 10 6 50");
    dead.journal_full = true;
    FEED(&dead, "evaluated 20 6 40");
    dead.journal_full = false;
    FEED(&dead, "evaluated 30 6 60");
    begin_from(&m, json_incref(dead.journal), true, SETS("checkpoint.best=loss"));
    assert_int_equal(rt__history_best(&m.run.history, INT64_MAX).step, 20);
    assert_int_equal(rt__history_best(&m.run.history, 19).step, 10);
    machine_release(&dead);
    machine_release(&m);
}

/* A run that does not compare any more has no best, and begins anew when it does again. */
static void a_best_from_before_is_not_shown(void **state)
{
    (void)state;
    machine m, before;
    start(&before, SETS("checkpoint.best=loss"));
    FEED(&before, "evaluated 10 4 50", "finished 0 100", "finished 1 100", "exited 1 0 0 -1");
    assert_int_equal(summary_int(&before, "best_step"), 10);
    begin_from(&m, json_incref(before.journal), false, SETS("run.steps=200"));
    FEED(&m, "launcher 0", "recovered 100", "hello 0", "hello 1", "evaluated 110 4 10",
         "finished 0 200", "finished 1 200", "exited 2 0 0 -1");
    assert_true(json_is_null(json_object_get(m.summary, "best_step")));
    assert_true(json_is_null(json_object_get(m.summary, "best_loss")));
    assert_int_equal(summary_int(&m, "steps"), 200);
    machine_release(&before);
    machine_release(&m);
}

/* What came out of a state in doubt is no best. */
static void doubt_forgets(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=loss", "run.nan_loss=restart-from-checkpoint"));
    FEED(&m, "evaluated 10 1 50", "evaluated 20 1 40", "fault 0 -29 1");
    assert_true(rt__doubts_last(&m.run.history.doubts).step < 10);
    assert_int_equal(rt__history_best(&m.run.history, INT64_MAX).step, 0);
    assert_int_equal(m.run.history.compared.newest, 0);
    machine_release(&m);
}

/* Compared by something else, from where the run goes on: what was best before says nothing. */
static void another_metric_begins_anew(void **state)
{
    (void)state;
    machine m, before;
    start(&before, SETS("checkpoint.best=loss"));
    FEED(&before, "evaluated 10 4 50", "finished 0 100", "finished 1 100", "exited 1 0 0 -1");
    begin_from(&m, json_incref(before.journal), false,
               SETS("checkpoint.best=accuracy", "run.patience=3", "run.steps=200"));
    FEED(&m, "launcher 0", "recovered 100", "hello 0", "hello 1");
    assert_int_equal(m.best.step, 100);
    assert_false(rt_best_is_known(&m.best));
    assert_int_equal(m.run.end_step, 200);
    machine_release(&before);
    machine_release(&m);
}

/* What was evaluated before anybody compared does not count, although it is of later steps than the run goes on from. */
static void comparing_begins_where_the_run_goes_on(void **state)
{
    (void)state;
    machine m, before;
    start(&before, SETS("run.steps=100"));
    FEED(&before, "evaluated 50 1 90", "exited 1 137 9 1");
    begin_from(&m, json_incref(before.journal), false, SETS("run.patience=2"));
    FEED(&m, "launcher 0", "recovered 20", "hello 0", "hello 1");
    assert_int_equal(m.plan.end_step, 100);
    assert_int_equal(m.plan.evaluated_step, 20);
    machine_release(&before);
    machine_release(&m);
}

/* Resuming a run that ended by itself: nothing is left to do, unless patience becomes longer. */
static void going_on_needs_more_patience(void **state)
{
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        machine m, before;
        start(&before, SETS("run.patience=1"));
        FEED(&before, "evaluated 10 1 50", "evaluated 20 1 60", "piece 0 20", "piece 1 20",
             "committed 20", "finished 0 20", "finished 1 20", "exited 1 0 0 -1");
        assert_int_equal(before.run.phase, RT__DONE);
        begin_from(&m, json_incref(before.journal), false,
                   SETS(longer ? "run.patience=5" : "run.patience=1"));
        FEED(&m, "launcher 0", "recovered 20", "hello 0", "hello 1");
        assert_int_equal(m.plan.end_step, longer ? 100 : 20);
        machine_release(&before);
        machine_release(&m);
    }
}

/* A full disk keeps the record, not the decision. */
static void a_full_journal_does_not_keep_a_run_going(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("run.patience=1"));
    m.journal_full = true;
    FEED(&m, "evaluated 10 1 50", "evaluated 20 1 60");
    assert_int_equal(m.run.end_step, 20);
    machine_release(&m);
}

/* The weights a run began with: written down once, and told with every later plan. */
static void start_weights_are_remembered(void **state)
{
    (void)state;
    machine m;
    begin_from(&m, json_array(), false, SETS("model.init=/w.safetensors"));
    FEED(&m, "launcher 0", "recovered 0", "hello 0", "hello 1");
    assert_string_equal(m.init_sha256, "");
    rt_msg_body layout = {.layout = {.json = "[]", .init_sha256 = "beef", .layers = ""}};
    machine_worker(&m, 6, 0, RT_MSG_LAYOUT, layout);
    machine_worker(&m, 6, 0, RT_MSG_LAYOUT, layout);
    FEED(&m, "exited 1 137 9 1", "recovered 0", "hello 0", "hello 1");
    assert_string_equal(m.init_sha256, "beef");
    int records = 0;
    size_t i;
    json_t *record;
    json_array_foreach(m.journal, i, record) records +=
        strcmp(json_string_value(json_object_get(record, "kind")), "init") == 0;
    assert_int_equal(records, 1);
    json_t *shorter = rt__history_records(&m.run.history);
    rt__history again;
    assert_int_equal(rt__history_init(&again), RT_OK);
    assert_int_equal(rt__history_apply(&again, json_array_get(shorter, 0)), RT_OK);
    assert_string_equal(again.init_sha256, "beef");
    rt__history_release(&again);
    json_decref(shorter);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_ends_the_run),
        cmocka_unit_test(a_plan_tells_the_best_before_it),
        cmocka_unit_test(a_loss_at_the_end_changes_nothing),
        cmocka_unit_test(another_coordinator_decides_the_same),
        cmocka_unit_test(who_dies_together_takes_no_evaluation_along),
        cmocka_unit_test(why_the_run_ends_is_said_after_all),
        cmocka_unit_test(an_evaluation_is_told_as_often_as_it_is_made),
        cmocka_unit_test(the_next_record_makes_up_for_a_lost_one),
        cmocka_unit_test(a_best_from_before_is_not_shown),
        cmocka_unit_test(doubt_forgets),
        cmocka_unit_test(another_metric_begins_anew),
        cmocka_unit_test(comparing_begins_where_the_run_goes_on),
        cmocka_unit_test(going_on_needs_more_patience),
        cmocka_unit_test(a_full_journal_does_not_keep_a_run_going),
        cmocka_unit_test(start_weights_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
