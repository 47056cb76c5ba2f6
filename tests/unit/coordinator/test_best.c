/* The best evaluation and patience in the state machine, after a loss, a death of the coordinator, a doubt or a change of the
 * configuration. */
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

/* Makes a machine with the history of a journal (taken over) and more settings, the last of them NULL. */
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
        assert_int_equal(rt__history_apply_json(&history, record), RT_OK);
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

/* Bits differ after step 10. The workers make steps until their job has ended, but an evaluation of a wrong state must not become the
 * best. */
static void evaluations_of_a_doubted_generation_are_forgotten(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=accuracy", "run.hash_every=10"));
    FEED(&m, "evaluated 10 4", "sum 0 10 1", "sum 1 10 1", "sum 0 20 1", "sum 1 20 2");
    assert_int_equal(m.run.phase, RT__REGROUP);
    machine_done(&m);
    FEED(&m, "evaluated 20 8");
    assert_false(did(&m, "evaluat"));
    FEED(&m, "exited 1 143 15 -1", "recovered 0", "hello 0", "hello 1", "evaluated 10 4",
         "evaluated 20 5");
    rt_best best = rt__history_best(&m.run.history, 100);
    assert_int_equal(best.step, 20);
    assert_true(rt_metrics_get(&best.metrics, "accuracy") == 5.0 / 8);
    machine_release(&m);
}

/* Findings that the journal could not take are known all the same, and are written in order once there is room. */
static void findings_are_written_when_there_is_room(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=accuracy"));
    m.effects.journal = machine_journal;
    m.journal_full = true;
    FEED(&m, "evaluated 10 6");
    assert_false(did(&m, "journal:evaluated"));
    assert_int_equal(rt__history_best(&m.run.history, 10).step, 10);
    m.journal_full = false;
    FEED(&m, "scale 1");
    assert_true(did(&m, "journal:evaluated journal:target"));
    FEED(&m, "scale 2");
    assert_false(did(&m, "journal:evaluated"));
    machine_release(&m);
}

/* An evaluation with ten more right answers is better; after two evaluations that are not better, the step is the last one. */
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

/* Steps that are made again are judged as they were the first time, not by what they came to then. */
static void a_repeated_evaluation_is_judged_as_before(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=accuracy"));
    FEED(&m, "evaluated 10 4", "evaluated 20 5", "exited 1 137 9 1", "recovered 0", "hello 0",
         "hello 1", "evaluated 10 4", "evaluated 20 5");
    json_t *last = json_array_get(m.journal, json_array_size(m.journal) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "kind")), "evaluated");
    assert_int_equal(json_integer_value(json_object_get(last, "step")), 20);
    assert_int_equal(json_integer_value(json_object_get(last, "generation")), 2);
    assert_true(json_is_true(json_object_get(last, "better")));
    machine_release(&m);
}

static bool is_best; /* of the last event of an evaluation */

static rt_status see_best(void *ctx, rt__line where, const json_t *object)
{
    if (json_object_get(object, "best"))
        is_best = json_is_true(json_object_get(object, "best"));
    return machine_line(ctx, where, object);
}

/* Workers send the best evaluation with each, this one included: it does not have to beat itself. */
static void the_best_may_be_the_evaluation_itself(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("checkpoint.best=loss"));
    rt_evaluated e = {.step = 10, .count = 8, .best.step = 10};
    m.effects.line = see_best;
    is_best = false;
    rt_metrics_add(&e.metrics, "loss", 0.5);
    rt_metrics_add(&e.best.metrics, "loss", 0.5);
    char *text = rt_evaluated_text(&e, 0);
    machine_worker(&m, 2, 0, RT_MSG_EVALUATED,
                   (rt_msg_body){.evaluated = {.step = 10, .evaluation = text}});
    rt_mem_free(text);
    assert_true(is_best);
    assert_int_equal(rt__history_best(&m.run.history, 10).step, 10);
    machine_release(&m);
}

/* The plan has the best evaluation up to its start step, because later ones are made again and must be judged in the same way. */
static void a_plan_has_the_best_before_its_start(void **state)
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
    FEED(&m, "evaluated 40 6"); /* again, with the same result */
    assert_int_equal(rt__history_best(&m.run.history, INT64_MAX).step, 40);
    assert_int_equal(m.run.history.compared.count, 3);
    machine_release(&m);
}

/* If workers die after the last evaluation, the run ends at the same step, whether the evaluation was recorded or not. */
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

/* After the coordinator's death another one decides the same, also from a compacted journal. */
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
        FEED(&m, "evaluated 30 1 50"); /* as good as the best is not better */
        assert_int_equal(m.run.end_step, 30);
        machine_release(&dead);
        machine_release(&m);
    }
}

/* An evaluation of an earlier generation that a HELLO brings. */
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
    const rt_msg_offer offer = {.generation = m->run.generation - 1, .step = offered, .end = 10};
    for (int i = 0; i < count; i++) {
        rt_evaluated e = {.step = words[i].step, .count = 8, .best.step = words[i].best_step};
        rt_metrics_add(&e.metrics, "loss", words[i].loss);
        rt_metrics_add(&e.best.metrics, "loss", words[i].best_loss);
        text[i] = rt_evaluated_text(&e, m->run.generation - 1);
    }
    body.hello.offers = &offer;
    body.hello.offers_count = 1;
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

/* The coordinator dies before it receives evaluations, and all workers die with it: the records that the workers left decide as if nobody had
 * died. Records of steps after the start step are not needed, because those steps are made again. */
static void evaluations_outlive_coordinator_and_workers(void **state)
{
    (void)state;
    static const word words[] = {
        {20, 0.40, 20, 0.40}, {30, 0.45, 20, 0.40}, {10, 0.50, 10, 0.50}, {40, 0.30, 40, 0.30}};
    static const word few[] = {{30, 0.45, 20, 0.40}}; /* the record of step 20 was overwritten */
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

/* The coordinator is killed after it has journaled an evaluation and before it has recorded the early stop: its successor records why the run
 * ends, and only once. */
static void a_successor_records_why_the_run_ends(void **state)
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

/* There is an event for each time that an evaluation was made, not for each time that it was sent. */
static void each_evaluation_made_has_one_event(void **state)
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

/* The next record makes up for one that could not be written, because it tells the best. */
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

/* A run that stops comparing evaluations has no best, and starts anew if it compares them again. */
static void a_best_is_not_kept_while_nothing_is_compared(void **state)
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

/* An evaluation of a state in doubt is not the best. */
static void a_doubt_forgets_the_best(void **state)
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

/* When another metric compares evaluations, the comparison starts anew at the step from which the run is resumed. */
static void another_metric_restarts_the_comparison(void **state)
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

/* Evaluations that were made before the run compared them do not count, even if their steps are later than the start step. */
static void comparison_starts_at_the_start_step(void **state)
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

/* When a run that ran out of patience is resumed, nothing is left to do unless patience was raised. */
static void resuming_needs_more_patience(void **state)
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

/* With a full disk the record is missing, but the decision is made. */
static void patience_ends_a_run_with_a_full_journal(void **state)
{
    (void)state;
    machine m;
    start(&m, SETS("run.patience=1"));
    m.journal_full = true;
    FEED(&m, "evaluated 10 1 50", "evaluated 20 1 60");
    assert_int_equal(m.run.end_step, 20);
    machine_release(&m);
}

/* The hash of the weights a run began with is journaled once, and sent with every later plan. */
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
    assert_int_equal(rt__history_apply_json(&again, json_array_get(shorter, 0)), RT_OK);
    assert_string_equal(again.init_sha256, "beef");
    rt__history_release(&again);
    json_decref(shorter);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluations_of_a_doubted_generation_are_forgotten),
        cmocka_unit_test(findings_are_written_when_there_is_room),
        cmocka_unit_test(patience_ends_the_run),
        cmocka_unit_test(a_repeated_evaluation_is_judged_as_before),
        cmocka_unit_test(a_plan_has_the_best_before_its_start),
        cmocka_unit_test(the_best_may_be_the_evaluation_itself),
        cmocka_unit_test(a_loss_at_the_end_changes_nothing),
        cmocka_unit_test(another_coordinator_decides_the_same),
        cmocka_unit_test(evaluations_outlive_coordinator_and_workers),
        cmocka_unit_test(a_successor_records_why_the_run_ends),
        cmocka_unit_test(each_evaluation_made_has_one_event),
        cmocka_unit_test(the_next_record_makes_up_for_a_lost_one),
        cmocka_unit_test(a_best_is_not_kept_while_nothing_is_compared),
        cmocka_unit_test(a_doubt_forgets_the_best),
        cmocka_unit_test(another_metric_restarts_the_comparison),
        cmocka_unit_test(comparison_starts_at_the_start_step),
        cmocka_unit_test(resuming_needs_more_patience),
        cmocka_unit_test(patience_ends_a_run_with_a_full_journal),
        cmocka_unit_test(start_weights_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
