/* Notes about a configuration before the first step. */
#include "machine.h"
#include <inttypes.h>

static char notes[2048];
static int64_t moved; /* rows that were moved away before the run began */

static rt_status write_notes_down(void *ctx, rt__line where, const json_t *object)
{
    const char *event = json_string_value(json_object_get(object, "event"));
    if (where == RT__LINE_EVENT && strcmp(event, "note") == 0)
        snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%s\n",
                 json_string_value(json_object_get(object, "text")));
    return machine_line(ctx, where, object);
}

/* Begins a run of 6,400 samples, and 100 steps unless `sets` say otherwise; it resumes from `step` if that is above 0. */
static void begin(machine *m, const char *const *sets, int64_t step, int64_t cosine_before)
{
    rt__history history;
    notes[0] = '\0';
    machine_configure(m, 2);
    m->effects.line = write_notes_down;
    for (int i = 0; i < 4 && sets[i]; i++)
        assert_int_equal(rt_config_set(&m->cfg, sets[i]), RT_OK);
    assert_int_equal(rt__history_init(&history), RT_OK);
    machine_begin(m, history, false);
    m->run.facts.metrics_moved = moved;
    machine_feed(m, 0, "launcher 0");
    rt__source source = {.step = step,
                         .layout_hash = "layout",
                         .parameters = 10,
                         .path = step > 0 ? rt_strdup("step-x") : NULL,
                         .cosine_before = cosine_before};
    rt__run_step(&m->run, 0,
                 &(rt__event){.kind = RT__EVENT_RECOVERED,
                              .lookup = m->run.lookup.number,
                              .source = &source});
    machine_feed(m, 0, "hello 0");
    machine_feed(m, 0, "hello 1");
    assert_int_equal(m->run.phase, RT__RUN);
}

static void moved_rows_are_noted(void **state)
{
    (void)state;
    machine m;
    moved = 2;
    begin(&m, (const char *const[4]){NULL}, 0, 0);
    moved = 0;
    assert_ptr_equal(strstr(notes, "2 lines of metrics.jsonl moved to metrics-abandoned.jsonl"),
                     notes);
    machine_release(&m);
}

static void surprising_settings_are_noted(void **state)
{
    (void)state;
    static const struct {
        const char *sets[4];
        int64_t step, cosine_before;
        const char *said[2];
    } cases[] = {
        {{NULL}, 0, 0, {NULL}},
        {{"run.steps=0", "run.epochs=1", "data.batch=64"}, 0, 0, {NULL}},
        {{"run.steps=0", "run.epochs=1", "data.batch=70"},
         0,
         0,
         {"run.epochs 1: a training set of 6400 is not a whole number of batches of 70: the last "
          "step "
          "(92) also takes 40 samples of the next epoch"}},
        {{"run.epochs=3"}, 0, 0, {"run.epochs 3 has no effect: run.steps 100 decides"}},
        {{"run.patience=3", "evaluate.every=30"},
         0,
         0,
         {"run.patience 3 has no effect: evaluate.every 30 gives 3 evaluations in 100 steps, and "
          "it "
          "takes 4"}},
        {{"run.patience=3", "evaluate.every=25"}, 0, 0, {NULL}},
        {{"schedule.name=step", "schedule.step_size=100"},
         0,
         0,
         {"schedule.step_size 100 has no effect: the run ends after 100 steps"}},
        {{"schedule.name=step", "schedule.step_size=99"}, 0, 0, {NULL}},
        {{"data.limit=6401"}, 0, 0, {"data.limit 6401 has no effect: the training set has 6400"}},
        {{"data.limit=6400"}, 0, 0, {NULL}},
        {{"run.audit=0.5"}, 0, 0, {NULL}},
        {{"snapshot.replicas=1"}, 0, 0, {"snapshot.replicas 1 has no effect: all workers are on"}},
        {{"optimizer.lr=0"}, 0, 0, {"optimizer.lr is 0: nothing is learned"}},
        {{"schedule.warmup=100"}, 0, 0, {NULL}},
        {{"schedule.warmup=400"},
         0,
         0,
         {"schedule.warmup 400 is longer than the run of 100 steps: the learning rate rises to "
          "0.00025 and does not reach optimizer.lr 0.001"}},
        {{"schedule.name=cosine"}, 0, 0, {NULL}},
        {{"schedule.name=cosine", "schedule.steps=40"},
         40,
         0,
         {"ends after step 40 (schedule.steps): steps 41 to 100 are made at schedule.min_lr 0, at "
          "which nothing is learned",
          "set schedule.steps=100"}},
        {{"schedule.name=cosine", "schedule.steps=40", "schedule.min_lr=1e-5"},
         60,
         0,
         {"steps 61 to 100 are made at schedule.min_lr 1e-05; for"}},
        {{"schedule.name=cosine", "schedule.steps=400"},
         0,
         0,
         {"the run ends after step 100, before the cosine"}},
        {{"schedule.name=cosine", "schedule.steps=100"}, 0, 40, {NULL}}, /* nothing to jump from */
        {{"schedule.name=cosine", "schedule.steps=100"},
         40,
         40,
         {"the learning rate jumps at step 41: its cosine now has 100 steps (schedule.steps), "
          "until now it had 40"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        machine m;
        int lines = 0;
        begin(&m, cases[i].sets, cases[i].step, cases[i].cosine_before);
        for (const char *c = notes; *c; c++)
            lines += *c == '\n';
        assert_int_equal(lines, cases[i].said[0] != NULL);
        for (int k = 0; k < 2 && cases[i].said[k]; k++)
            if (!strstr(notes, cases[i].said[k]))
                fail_msg("case %zu: said '%s', expected '%s'", i, notes, cases[i].said[k]);
        machine_release(&m);
    }
}

/* 100 steps; the losses are those of the reports of the first and the last. */
static void a_run_that_learned_nothing_says_so(void **state)
{
    (void)state;
    static const struct {
        double first, last;
        const char *set, *note;
    } rows[] = {
        {2.3, 0.5, NULL, NULL},
        {2.3, 2.1, NULL, NULL},
        {2.3, 2.29, NULL, "has hardly fallen: it was 2.3 at step 1 and is 2.29 at the end"},
        {2.3, 2.4, NULL, "has not fallen"},
        {2.3, 90917, "optimizer.clip_norm=1", "or optimizer.clip_norm too low"},
        {0.1, 0.12, "model.init=r", NULL}, /* losses of batches differ by more */
        {0.1, 90917, "model.init=r", "has not fallen"},
        {2.3, 2.4, "run.steps=19", NULL},
        {2.3, 2.4, "run.steps=20", "has not fallen"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        machine m;
        const char *const sets[4] = {"checkpoint.final=false", rows[i].set};
        begin(&m, sets, 0, 0);
        int64_t steps = m.cfg.run.steps;
        for (int k = 0; k < 2; k++) {
            rt_msg_report report = {.step = k == 0 ? 1 : steps,
                                    .loss = k == 0 ? rows[i].first : rows[i].last};
            machine_worker(&m, 1, 0, RT_MSG_REPORT, (rt_msg_body){.report = report});
        }
        for (int k = 0; k < 2; k++) {
            rt_msg_finished finished = {
                .step = steps, .weights_sha256 = k == 0 ? "abc" : "", .snapshot_step = steps};
            machine_worker(&m, 2, k, RT_MSG_FINISHED, (rt_msg_body){.finished = finished});
        }
        machine_feed(&m, 3, "exited 1 0 0 -1");
        const char *note = json_string_value(json_object_get(m.summary, "note"));
        if (!note != !rows[i].note || (note && !strstr(note, rows[i].note)))
            fail_msg("row %zu: %s", i, note ? note : "no note");
        machine_release(&m);
    }
}

/* Notes are not repeated when a worker is lost later. */
static void notes_are_written_once_per_launch(void **state)
{
    (void)state;
    machine m;
    const char *const sets[4] = {"schedule.warmup=400"};
    begin(&m, sets, 0, 0);
    assert_non_null(strstr(notes, "warmup"));
    notes[0] = '\0';
    static const char *const events[] = {"report 1", "exited 1 137 9 1", "recovered 0", "hello 0",
                                         "hello 1"};
    for (int i = 0; i < 5; i++)
        machine_feed(&m, 1, events[i]);
    assert_int_equal(m.run.generation, 2);
    assert_int_equal(m.run.phase, RT__RUN);
    assert_string_equal(notes, "");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_rows_are_noted),
        cmocka_unit_test(surprising_settings_are_noted),
        cmocka_unit_test(notes_are_written_once_per_launch),
        cmocka_unit_test(a_run_that_learned_nothing_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
