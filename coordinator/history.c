#include "coordinator/history.h"
#include "common/error.h"
#include "common/fields.h"
#include "common/mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

rt_status rt__history_init(rt__history *h)
{
    *h = (rt__history){
        .world_sizes = json_array(),
        .recovery_seconds = json_array(),
        .skipped = json_array(),
        .committed_step = -1,
        .committing_step = -1,
        .first_step_at = -1,
        .first_loss = NAN,
        .early_stop_step = -1,
        .evaluated_step = -1,
        .not_finite_step = -1,
    };
    return h->world_sizes && h->recovery_seconds && h->skipped ? RT_OK
                                                               : RT_FAIL(NOMEM, "out of memory");
}

void rt__history_release(rt__history *h)
{
    json_decref(h->world_sizes);
    json_decref(h->recovery_seconds);
    json_decref(h->skipped);
    json_decref(h->held);
    rt_mem_free(h->config);
    rt_mem_free(h->source);
    rt_mem_free(h->compared.better);
    *h = (rt__history){0};
}

/* ---- fields ---- */

static int64_t integer(const json_t *record, const char *key)
{
    return rt__field_int(record, key, 0);
}

/* Returns NaN for null, which stands for what is not known. */
static double number(const json_t *record, const char *key)
{
    return rt__field_number(record, key);
}

/* A time that must be a number: what is not known is `otherwise`. */
static double seconds(const json_t *record, const char *key, double otherwise)
{
    double s = number(record, key);
    return isfinite(s) ? s : otherwise;
}

static bool flag(const json_t *record, const char *key)
{
    return json_is_true(json_object_get(record, key));
}

static rt_status set_text(char **to, const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    char *copy = text ? rt_strdup(text) : NULL;
    if (text && !copy)
        return rt_error_code();
    rt_mem_free(*to);
    *to = copy;
    return RT_OK;
}

static rt_status append(json_t *list, json_t *value)
{
    return json_array_append(list, value) == 0 || !value ? RT_OK : RT_FAIL(NOMEM, "out of memory");
}

/* ---- one function per kind ---- */

static rt_status apply_run(rt__history *h, const json_t *record)
{
    const char *id = json_string_value(json_object_get(record, "run"));
    snprintf(h->run_id, sizeof h->run_id, "%s", id ? id : "");
    return set_text(&h->config, record, "config");
}

static rt_status apply_init(rt__history *h, const json_t *record)
{
    const char *sha = json_string_value(json_object_get(record, "weights_sha256"));
    snprintf(h->init_sha256, sizeof h->init_sha256, "%s", sha ? sha : "");
    return RT_OK;
}

static void forget_evaluation(rt__history *h)
{
    h->evaluated_step = -1;
    h->evaluated_in = 0;
    h->evaluated = (rt_metrics){0};
}

static rt_status apply_launch(rt__history *h, const json_t *record)
{
    (void)record;
    h->open = h->planned = false;
    h->first_step_at = -1;
    h->trained_seconds = 0;
    h->trained_steps = h->target = h->interrupt_signal = 0;
    h->not_finite_step = h->early_stop_step = -1;
    h->over = (rt__over){0};
    return RT_OK;
}

static rt_status apply_generation(rt__history *h, const json_t *record)
{
    h->generation = integer(record, "generation");
    h->world = integer(record, "world");
    h->restarts += flag(record, "restart");
    h->lost_steps += integer(record, "lost_steps"); /* where older journals kept it */
    h->trained_seconds = seconds(record, "trained_seconds", 0);
    h->trained_steps = integer(record, "trained_steps");
    h->open = true;
    h->planned = false;
    return append(h->world_sizes, json_object_get(record, "world"));
}

static void hold(rt__history *h, json_t *row)
{
    json_t *before = h->held;
    h->held = json_is_object(row) ? json_incref(row) : NULL;
    json_decref(before);
}

int64_t rt__history_held_step(const rt__history *h)
{
    return rt__field_int(h->held, "step", -1);
}

static rt_status apply_reported(rt__history *h, const json_t *record)
{
    hold(h, json_object_get(record, "row"));
    return RT_OK;
}

static int64_t last_skipped(const rt__history *h, size_t back)
{
    size_t count = json_array_size(h->skipped);
    return back < count ? json_integer_value(json_array_get(h->skipped, count - 1 - back)) : -1;
}

int64_t rt__history_last_skipped(const rt__history *h)
{
    return last_skipped(h, 0);
}

int64_t rt__history_skipped_in_row(const rt__history *h, int64_t step)
{
    int64_t count = 0;
    while (step > 0 && last_skipped(h, (size_t)count) == step - count)
        count++;
    return count;
}

static rt_status apply_skipped(rt__history *h, const json_t *record)
{
    return append(h->skipped, json_object_get(record, "step"));
}

/* Steps after this one are made again, and may not be left out then. */
static void forget_skipped(rt__history *h, int64_t step)
{
    while (last_skipped(h, 0) > step)
        json_array_remove(h->skipped, json_array_size(h->skipped) - 1);
}

/* What the workers have found the data to be; not in older journals. */
static void apply_data(rt__history *h, const json_t *record)
{
    h->samples = rt__field_int(record, "samples", 0);
    h->sample_tokens = rt__field_int(record, "sample_tokens", 0);
    snprintf(h->task, sizeof h->task, "%s", rt__field_text(record, "task"));
}

static rt_status apply_plan(rt__history *h, const json_t *record)
{
    if (integer(record, "generation") != h->generation)
        return RT_OK;
    bool first = !h->planned; /* else it is the same one, sent again */
    h->planned = true;
    h->start_step = integer(record, "start_step");
    apply_data(h, record);
    if (first)
        h->lost_steps += integer(record, "lost_steps");
    if (first && rt__history_held_step(h) > h->start_step)
        hold(h, NULL);
    if (first)
        forget_skipped(h, h->start_step);
    if (first && h->evaluated_up_to > h->start_step)
        h->evaluated_up_to = h->start_step;
    return set_text(&h->source, record, "source");
}

static rt_status apply_exited(rt__history *h, const json_t *record)
{
    if (integer(record, "generation") == h->generation)
        h->open = false;
    return RT_OK;
}

static rt_status apply_recovered(rt__history *h, const json_t *record)
{
    return append(h->recovery_seconds, json_object_get(record, "recovery_seconds"));
}

static rt_status apply_committing(rt__history *h, const json_t *record)
{
    h->committing_step = integer(record, "step");
    return RT_OK;
}

static rt_status apply_commit(rt__history *h, const json_t *record)
{
    h->committed_step = integer(record, "step");
    return RT_OK;
}

static rt_status apply_first_step(rt__history *h, const json_t *record)
{
    h->first_step_at = seconds(record, "seconds", -1);
    if (rt__field_int(record, "step", 0) == 1)
        h->first_loss = rt__field_number(record, "loss");
    return RT_OK;
}

/* ---- the best evaluation ---- */

rt_best rt__history_best(const rt__history *h, int64_t step)
{
    for (int64_t i = h->compared.count - 1; i >= 0; i--)
        if (h->compared.better[i].step <= step)
            return h->compared.better[i];
    return (rt_best){.step = h->compared.since};
}

static rt_status add_better(rt__history *h, const json_t *record)
{
    if (h->compared.count > 0 &&
        h->compared.better[h->compared.count - 1].step >= integer(record, "step"))
        return RT_OK; /* it is known */
    int64_t n = h->compared.count;
    rt_best *better = rt_realloc(h->compared.better, (size_t)(n + 1) * sizeof *better);
    if (!better)
        return rt_error_code();
    better[n] = rt_best_of_json(record);
    h->compared.better = better;
    h->compared.count = n + 1;
    return RT_OK;
}

static rt_status apply_compare(rt__history *h, const json_t *record)
{
    const char *by = json_string_value(json_object_get(record, "by"));
    snprintf(h->compared.by, sizeof h->compared.by, "%s", by ? by : "");
    h->compared.since = integer(record, "since");
    h->compared.count = 0;
    if (h->compared.newest > h->compared.since) /* what came after it was not compared by this */
        h->compared.newest = h->compared.since;
    return RT_OK;
}

static void forget_evaluations_after(rt__history *h, int64_t step)
{
    if (h->evaluated_step > step)
        forget_evaluation(h);
    if (h->early_stop_step > step)
        h->early_stop_step = -1;
    if (h->evaluated_up_to > step)
        h->evaluated_up_to = step;
    while (h->compared.count > 0 && h->compared.better[h->compared.count - 1].step > step)
        h->compared.count--;
    if (h->compared.newest > step)
        h->compared.newest = step;
    if (h->compared.since > step)
        h->compared.since = step;
}

static json_t *comparisons_json(const rt__history *h)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < h->compared.count; i++)
        json_array_append_new(list, rt_best_json(&h->compared.better[i]));
    return json_pack("{s:I, s:s, s:I, s:o}", "newest", (json_int_t)h->compared.newest, "by",
                     h->compared.by, "since", (json_int_t)h->compared.since, "better", list);
}

static rt_status take_comparisons(rt__history *h, const json_t *j)
{
    size_t i;
    json_t *entry;
    RT_TRY(apply_compare(h, j));
    h->compared.newest = integer(j, "newest");
    json_array_foreach(json_object_get(j, "better"), i, entry) RT_TRY(add_better(h, entry));
    return RT_OK;
}

/* Adds the figures to the row that waits for them. */
static void complete_held_row(rt__history *h)
{
    if (rt__history_held_step(h) != h->evaluated_step)
        return;
    rt_metrics_put(&h->evaluated, "eval_", h->held);
}

static rt_status apply_evaluated(rt__history *h, const json_t *record)
{
    const json_t *best = json_object_get(record, "best"); /* not in older journals */
    h->evaluated_step = integer(record, "step");
    h->evaluated_in = integer(record, "generation");
    h->evaluated = rt_metrics_from(record, "");
    h->evaluated_up_to = h->evaluated_step;
    complete_held_row(h);
    if (h->evaluated_step > h->compared.newest)
        h->compared.newest = h->evaluated_step;
    if (json_is_object(best))
        return add_better(h, best);
    return flag(record, "better") ? add_better(h, record) : RT_OK;
}

static rt_status apply_early_stop(rt__history *h, const json_t *record)
{
    h->early_stop_step = integer(record, "step");
    return RT_OK;
}

static rt_status apply_target(rt__history *h, const json_t *record)
{
    h->target = integer(record, "workers");
    return RT_OK;
}

static rt_status apply_interrupt(rt__history *h, const json_t *record)
{
    h->interrupt_signal = integer(record, "signal");
    return RT_OK;
}

static rt_status apply_doubt(rt__history *h, const json_t *record)
{
    rt__doubt doubt = {integer(record, "generation"), integer(record, "step")};
    if (doubt.generation == 0)
        return RT_OK; /* of a run that had made nothing yet */
    rt__doubts_add(&h->doubts, doubt);
    if (h->committed_step > doubt.step)
        h->committed_step = doubt.step;
    if (h->committing_step > doubt.step)
        h->committing_step = doubt.step;
    forget_evaluations_after(h, doubt.step);
    return RT_OK;
}

static rt_status apply_not_finite(rt__history *h, const json_t *record)
{
    h->not_finite_step = integer(record, "step");
    return RT_OK;
}

static rt_status apply_over(rt__history *h, const json_t *record)
{
    const char *sha = json_string_value(json_object_get(record, "weights_sha256"));
    h->over = (rt__over){.generation = integer(record, "generation"),
                         .step = integer(record, "step"),
                         .end_step = integer(record, "end_step"),
                         .samples = integer(record, "samples"),
                         .loss = number(record, "loss"),
                         .in_memory = flag(record, "in_memory")};
    snprintf(h->over.weights_sha256, sizeof h->over.weights_sha256, "%s", sha ? sha : "");
    h->trained_seconds = seconds(record, "trained_seconds", 0);
    h->trained_steps = integer(record, "trained_steps");
    return RT_OK;
}

static rt_status apply_end(rt__history *h, const json_t *record)
{
    (void)record;
    h->open = false;
    return RT_OK;
}

/* ---- a journal made shorter ---- */

static rt_status apply_history(rt__history *h, const json_t *record)
{
    RT_TRY(apply_run(h, record));
    RT_TRY(set_text(&h->source, record, "source"));
    h->generation = integer(record, "generation");
    h->restarts = integer(record, "restarts");
    h->lost_steps = integer(record, "lost_steps");
    h->open = flag(record, "open");
    h->world = integer(record, "world");
    h->planned = flag(record, "planned");
    h->start_step = integer(record, "start_step");
    h->first_step_at = seconds(record, "first_step_at", -1);
    RT_TRY(apply_init(h, json_object_get(record, "init")));
    RT_TRY(apply_over(h, json_object_get(record, "over")));
    h->trained_seconds = seconds(record, "trained_seconds", 0);
    h->trained_steps = integer(record, "trained_steps");
    h->target = integer(record, "target");
    h->interrupt_signal = integer(record, "interrupt_signal");
    h->not_finite_step = integer(record, "not_finite_step");
    size_t i;
    json_t *doubt;
    json_array_foreach(json_object_get(record, "doubts"), i, doubt) RT_TRY(apply_doubt(h, doubt));
    h->early_stop_step = rt__field_int(record, "early_stop", -1); /* not in older journals */
    apply_data(h, record);
    h->first_loss = rt__field_number(record, "first_loss");     /* likewise */
    const json_t *skipped = json_object_get(record, "skipped"); /* not in older journals */
    if (skipped && json_array_extend(h->skipped, (json_t *)skipped) != 0)
        return RT_FAIL(FORMAT, "journal: a history whose skipped is no list");
    /* Also what was evaluated and committed since the doubt. */
    RT_TRY(apply_evaluated(h, json_object_get(record, "evaluated")));
    hold(h, json_object_get(record, "held")); /* as it is: it may be of a step that is made again */
    RT_TRY(take_comparisons(h, json_object_get(record, "compared")));
    h->evaluated_up_to =
        rt__field_int(record, "evaluated_up_to", h->compared.newest); /* likewise */
    h->committed_step = integer(record, "committed_step");
    h->committing_step = integer(record, "committing_step");
    if (json_array_extend(h->world_sizes, json_object_get(record, "world_sizes")) != 0 ||
        json_array_extend(h->recovery_seconds, json_object_get(record, "recovery_seconds")) != 0)
        return RT_FAIL(FORMAT, "journal: a history without world_sizes or recovery_seconds");
    return RT_OK;
}

json_t *rt__history_records(const rt__history *h)
{
    json_t *record = json_pack(
        "{s:s, s:s, s:s?, s:s?, s:I, s:I, s:I, s:b, s:I, s:b, s:I, s:I, s:I, s:f, s:f, s:I, s:I, "
        "s:I, s:I, s:O, s:O}",
        "kind", "history", "run", h->run_id, "config", h->config, "source", h->source, "generation",
        (json_int_t)h->generation, "restarts", (json_int_t)h->restarts, "lost_steps",
        (json_int_t)h->lost_steps, "open", h->open, "world", (json_int_t)h->world, "planned",
        h->planned, "start_step", (json_int_t)h->start_step, "committed_step",
        (json_int_t)h->committed_step, "committing_step", (json_int_t)h->committing_step,
        "first_step_at", h->first_step_at, "trained_seconds", h->trained_seconds, "trained_steps",
        (json_int_t)h->trained_steps, "target", (json_int_t)h->target, "interrupt_signal",
        (json_int_t)h->interrupt_signal, "not_finite_step", (json_int_t)h->not_finite_step,
        "world_sizes", h->world_sizes, "recovery_seconds", h->recovery_seconds);
    json_t *evaluated = json_pack("{s:I, s:I}", "generation", (json_int_t)h->evaluated_in, "step",
                                  (json_int_t)h->evaluated_step);
    json_t *over = json_pack(
        "{s:I, s:I, s:I, s:I, s:o, s:s, s:b}", "generation", (json_int_t)h->over.generation, "step",
        (json_int_t)h->over.step, "end_step", (json_int_t)h->over.end_step, "samples",
        (json_int_t)h->over.samples, "loss", rt_json_number(h->over.loss), "weights_sha256",
        h->over.weights_sha256, "in_memory", h->over.in_memory);
    json_t *doubts = json_array();
    bool whole = record && evaluated && over && doubts;
    rt_metrics_put(&h->evaluated, "", evaluated);
    for (int i = 0; i < h->doubts.count; i++)
        whole &= json_array_append_new(doubts,
                                       json_pack("{s:I, s:I}", "generation",
                                                 (json_int_t)h->doubts.list[i].generation, "step",
                                                 (json_int_t)h->doubts.list[i].step)) == 0;
    /* json_object_set_new takes its value over, also when it fails. */
    whole &= json_object_set_new(record, "init",
                                 json_pack("{s:s}", "weights_sha256", h->init_sha256)) == 0;
    whole &= json_object_set_new(record, "evaluated", evaluated) == 0;
    whole &= json_object_set_new(record, "compared", comparisons_json(h)) == 0;
    whole &= json_object_set_new(record, "evaluated_up_to", json_integer(h->evaluated_up_to)) == 0;
    whole &= json_object_set_new(record, "early_stop", json_integer(h->early_stop_step)) == 0;
    whole &= json_object_set_new(record, "first_loss", rt_json_number(h->first_loss)) == 0;
    whole &= json_object_set_new(record, "samples", json_integer(h->samples)) == 0;
    whole &= json_object_set_new(record, "task", json_string(h->task)) == 0;
    whole &= json_object_set_new(record, "sample_tokens", json_integer(h->sample_tokens)) == 0;
    whole &= json_object_set_new(record, "over", over) == 0;
    whole &= json_object_set_new(record, "doubts", doubts) == 0;
    whole &= json_object_set(record, "skipped", h->skipped) == 0;
    if (h->held)
        whole &= json_object_set(record, "held", h->held) == 0;
    if (!whole) {
        json_decref(record);
        record = NULL;
    }
    json_t *list = record ? json_pack("[o]", record) : NULL;
    if (!list)
        RT_FAIL(NOMEM, "out of memory");
    return list;
}

/* ---- all kinds ---- */

rt_status rt__history_apply(rt__history *h, const json_t *record)
{
    static const struct {
        const char *kind;
        rt_status (*apply)(rt__history *h, const json_t *record);
    } kinds[] = {
        {"run", apply_run},
        {"init", apply_init},
        {"launch", apply_launch},
        {"generation", apply_generation},
        {"plan", apply_plan},
        {"exited", apply_exited},
        {"recovered", apply_recovered},
        {"committing", apply_committing},
        {"commit", apply_commit},
        {"first_step", apply_first_step},
        {"reported", apply_reported},
        {"evaluated", apply_evaluated},
        {"early_stop", apply_early_stop},
        {"compare", apply_compare},
        {"target", apply_target},
        {"interrupt", apply_interrupt},
        {"doubt", apply_doubt},
        {"skipped", apply_skipped},
        {"not_finite", apply_not_finite},
        {"over", apply_over},
        {"end", apply_end},
        {"history", apply_history},
    };
    const char *kind = json_string_value(json_object_get(record, "kind"));
    if (!kind)
        return RT_FAIL(FORMAT, "journal: record %lld has no kind", (long long)h->records);
    h->records++;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].apply(h, record);
    return RT_OK;
}

rt_status rt__history_visit(void *history, const json_t *record)
{
    return rt__history_apply(history, record);
}
