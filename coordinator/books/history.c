#include "coordinator/books/history.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/samples.h"
#include "common/state/data_identity.h"
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
    json_decref(h->data);
    rt_mem_free(h->config);
    rt_mem_free(h->source);
    rt_mem_free(h->compared.better);
    *h = (rt__history){0};
}

/* ---- fields ---- */

/* Returns `seconds`, or `otherwise` if they are unknown (not finite). */
static double known_or(double seconds, double otherwise)
{
    return isfinite(seconds) ? seconds : otherwise;
}

static rt_status set_text(char **to, const char *text)
{
    char *copy = text ? rt_strdup(text) : NULL;
    if (text && !copy)
        return rt_error_code();
    rt_mem_free(*to);
    *to = copy;
    return RT_OK;
}

/* Copies a text into a buffer of fixed size. We never write one that is longer, so it is refused. */
static rt_status take_text(char *to, size_t size, const char *text, const char *what)
{
    size_t len = strlen(text);
    if (len >= size)
        return RT_FAIL(FORMAT, "a %s of %zu bytes, expected at most %zu", what, len, size - 1);
    memcpy(to, text, len + 1);
    return RT_OK;
}

/* Appends a value and takes over its reference. */
static rt_status append(json_t *list, json_t *value)
{
    return json_array_append_new(list, value) == 0 ? RT_OK : RT_FAIL(NOMEM, "out of memory");
}

static rt_status extend(json_t *list, const void *values)
{
    return !values || json_array_extend(list, (json_t *)values) == 0
               ? RT_OK
               : RT_FAIL(NOMEM, "out of memory");
}

/* The items of a list have no rows of their own: `what` and its range are checked here. */
static rt_status extend_integers(json_t *list, const void *values, const char *what, int64_t least,
                                 int64_t most)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)values, i, item)
    {
        int64_t value = json_integer_value(item);
        if (value < least || value > most)
            return RT_FAIL(FORMAT, "history: %s has %lld, expected %lld to %lld", what,
                           (long long)value, (long long)least, (long long)most);
    }
    return extend(list, values);
}

/* ---- one function per kind ---- */

static rt_status apply_run(rt__history *h, const rt_record_run *r)
{
    RT_TRY(take_text(h->run_id, sizeof h->run_id, r->run, "run"));
    return set_text(&h->config, r->config);
}

static rt_status apply_init(rt__history *h, const rt_record_init *r)
{
    return take_text(h->init_sha256, sizeof h->init_sha256, r->weights_sha256, "weights_sha256");
}

static void forget_evaluation(rt__history *h)
{
    h->evaluated_step = -1;
    h->evaluated_in = 0;
    h->evaluated = (rt_metrics){0};
}

static rt_status apply_launch(rt__history *h, const rt_record_launch *r)
{
    (void)r;
    h->open = h->planned = false;
    h->first_step_at = -1;
    h->trained_seconds = 0;
    h->trained_steps = h->target = h->interrupt_signal = 0;
    h->not_finite_step = h->early_stop_step = -1;
    h->completion = (rt__completion){0};
    return RT_OK;
}

static rt_status apply_generation(rt__history *h, const rt_record_generation *r)
{
    h->generation = r->generation;
    h->world = r->world;
    h->restarts += r->restart;
    h->trained_seconds = known_or(r->trained_seconds, 0);
    h->trained_steps = r->trained_steps;
    h->open = true;
    h->planned = false;
    return append(h->world_sizes, json_integer(r->world));
}

static rt_status hold(rt__history *h, const void *row)
{
    json_t *before = h->held;
    if (row && !json_is_integer(json_object_get(row, "step")))
        return RT_FAIL(FORMAT, "a row of metrics.jsonl that has no step");
    h->held = json_incref((json_t *)row);
    json_decref(before);
    return RT_OK;
}

int64_t rt__history_held_step(const rt__history *h)
{
    return rt__field_int(h->held, "step", -1);
}

static rt_status apply_reported(rt__history *h, const rt_record_reported *r)
{
    return hold(h, r->row);
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

static rt_status apply_skipped(rt__history *h, const rt_record_skipped *r)
{
    return append(h->skipped, json_integer(r->step));
}

/* Steps after this one will be made again, and may not be skipped then. */
static void forget_skipped(rt__history *h, int64_t step)
{
    while (last_skipped(h, 0) > step)
        json_array_remove(h->skipped, json_array_size(h->skipped) - 1);
}

/* Takes what the workers found out about the data. */
static rt_status take_data(rt__history *h, int64_t samples, const char *task, int64_t sample_tokens,
                           const void *data)
{
    json_t *before = h->data;
    h->samples = samples;
    h->sample_tokens = sample_tokens;
    RT_TRY(take_text(h->task, sizeof h->task, task, "task"));
    if (data && !rt_data_identity_is_sound(data))
        return RT_FAIL(FORMAT, "data that are no identity of any");
    h->data = json_incref((json_t *)data);
    json_decref(before);
    return RT_OK;
}

/* Generations before one with another configuration made other states of the same steps. */
static rt_status take_config(rt__history *h, const char *hash, int64_t generation)
{
    if (strcmp(hash, h->config_hash) != 0)
        h->config_since = generation;
    return take_text(h->config_hash, sizeof h->config_hash, hash, "config_hash");
}

static rt_status add_lost(rt__history *h, int64_t steps)
{
    const int64_t most = INT64_C(1) << 48; /* as in `history` */
    if (h->lost_steps > most - steps)
        return RT_FAIL(FORMAT, "plan: all lost_steps so far are %lld, expected 0 to %lld",
                       (long long)(h->lost_steps + steps), (long long)most);
    h->lost_steps += steps;
    return RT_OK;
}

static rt_status apply_plan(rt__history *h, const rt_record_plan *r)
{
    if (r->generation != h->generation)
        return RT_OK;
    RT_TRY(take_config(h, r->config_hash, r->generation));
    bool first = !h->planned; /* otherwise the same plan was sent again */
    if (first)
        RT_TRY(add_lost(h, r->lost_steps));
    h->planned = true;
    h->start_step = r->start_step;
    RT_TRY(take_data(h, r->samples, r->task, r->sample_tokens, r->data));
    if (first && rt__history_held_step(h) > h->start_step)
        RT_TRY(hold(h, NULL));
    if (first)
        forget_skipped(h, h->start_step);
    if (first && h->evaluated_up_to > h->start_step)
        h->evaluated_up_to = h->start_step;
    return set_text(&h->source, r->source);
}

static rt_status apply_exited(rt__history *h, const rt_record_exited *r)
{
    if (r->generation == h->generation)
        h->open = false;
    return RT_OK;
}

static rt_status apply_recovered(rt__history *h, const rt_record_recovered *r)
{
    return append(h->recovery_seconds, rt_json_number(r->recovery_seconds));
}

static rt_status apply_committing(rt__history *h, const rt_record_committing *r)
{
    h->committing_step = r->step;
    return RT_OK;
}

static rt_status apply_commit(rt__history *h, const rt_record_commit *r)
{
    h->committed_step = r->step;
    return RT_OK;
}

static rt_status apply_first_step(rt__history *h, const rt_record_first_step *r)
{
    h->first_step_at = known_or(r->seconds, -1);
    if (r->step == 1)
        h->first_loss = r->loss;
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

static rt_status add_better(rt__history *h, int64_t step, const rt_metrics *metrics)
{
    if (h->compared.count > 0 && h->compared.better[h->compared.count - 1].step >= step)
        return RT_OK; /* already known */
    int64_t n = h->compared.count;
    rt_best *better = rt_realloc(h->compared.better, (size_t)(n + 1) * sizeof *better);
    if (!better)
        return rt_error_code();
    better[n] = (rt_best){.step = step, .metrics = *metrics};
    h->compared.better = better;
    h->compared.count = n + 1;
    return RT_OK;
}

static rt_status add_better_of(rt__history *h, const json_t *best)
{
    rt_record_part_best b;
    RT_TRY(rt_record_part_read(RT_RECORD_PART_best, best, &b));
    return add_better(h, b.step, &b.metrics);
}

static rt_status apply_compare(rt__history *h, const rt_record_compare *r)
{
    RT_TRY(take_text(h->compared.by, sizeof h->compared.by, r->by, "metric"));
    h->compared.since = r->since;
    h->compared.count = 0;
    if (h->compared.newest > h->compared.since) /* later ones were not compared by this metric */
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

/* Adds the metrics to the row that was held back for them. */
static void complete_held_row(rt__history *h)
{
    if (rt__history_held_step(h) != h->evaluated_step)
        return;
    rt_metrics_put(&h->evaluated, "eval_", h->held);
}

/* Takes the last evaluation; a step of -1 means that there is none. */
static void take_evaluated(rt__history *h, int64_t generation, int64_t step,
                           const rt_metrics *metrics)
{
    h->evaluated_step = step;
    h->evaluated_in = generation;
    h->evaluated = *metrics;
    h->evaluated_up_to = step;
    complete_held_row(h);
    if (step > h->compared.newest)
        h->compared.newest = step;
}

static rt_status apply_evaluated(rt__history *h, const rt_record_evaluated *r)
{
    take_evaluated(h, r->generation, r->step, &r->metrics);
    if (r->best)
        return add_better_of(h, r->best);
    return r->better ? add_better(h, r->step, &r->metrics) : RT_OK;
}

static rt_status apply_early_stop(rt__history *h, const rt_record_early_stop *r)
{
    h->early_stop_step = r->step;
    return RT_OK;
}

static rt_status apply_target(rt__history *h, const rt_record_target *r)
{
    h->target = r->workers;
    return RT_OK;
}

static rt_status apply_interrupt(rt__history *h, const rt_record_interrupt *r)
{
    h->interrupt_signal = r->signal;
    return RT_OK;
}

static rt_status apply_doubt(rt__history *h, const rt_record_doubt *r)
{
    rt__doubt doubt = {.generation = r->generation, .step = r->step};
    if (doubt.generation == 0)
        return RT_OK; /* the run had made nothing yet */
    rt__doubts_add(&h->doubts, doubt);
    if (h->committed_step > doubt.step)
        h->committed_step = doubt.step;
    if (h->committing_step > doubt.step)
        h->committing_step = doubt.step;
    forget_evaluations_after(h, doubt.step);
    return RT_OK;
}

static rt_status apply_not_finite(rt__history *h, const rt_record_not_finite *r)
{
    h->not_finite_step = r->step;
    return RT_OK;
}

static rt_status apply_over(rt__history *h, const rt_record_over *r)
{
    h->completion = (rt__completion){.generation = r->generation,
                                     .step = r->step,
                                     .end_step = r->end_step,
                                     .samples = r->samples,
                                     .loss = r->loss,
                                     .in_memory = r->in_memory};
    h->trained_seconds = known_or(r->trained_seconds, 0);
    h->trained_steps = r->trained_steps;
    return take_text(h->completion.weights_sha256, sizeof h->completion.weights_sha256,
                     r->weights_sha256, "weights_sha256");
}

static rt_status apply_end(rt__history *h, const rt_record_end *r)
{
    (void)r;
    h->open = false;
    return RT_OK;
}

/* ---- reading the record of a compacted journal ---- */

static rt_status take_last_over(rt__history *h, const json_t *json)
{
    rt_record_part_last_over r;
    RT_TRY(rt_record_part_read(RT_RECORD_PART_last_over, json, &r));
    return apply_over(h, &(rt_record_over){.generation = r.generation,
                                           .step = r.step,
                                           .end_step = r.end_step,
                                           .samples = r.samples,
                                           .loss = r.loss,
                                           .trained_seconds = h->trained_seconds,
                                           .trained_steps = h->trained_steps,
                                           .weights_sha256 = r.weights_sha256,
                                           .in_memory = r.in_memory});
}

static rt_status take_init(rt__history *h, const json_t *json)
{
    rt_record_part_last_init r;
    RT_TRY(rt_record_part_read(RT_RECORD_PART_last_init, json, &r));
    return apply_init(h, &(rt_record_init){.weights_sha256 = r.weights_sha256});
}

static rt_status take_doubts(rt__history *h, const json_t *list)
{
    size_t i;
    json_t *json;
    json_array_foreach(list, i, json)
    {
        rt_record_part_one_doubt r;
        RT_TRY(rt_record_part_read(RT_RECORD_PART_one_doubt, json, &r));
        RT_TRY(apply_doubt(h, &(rt_record_doubt){.generation = r.generation, .step = r.step}));
    }
    return RT_OK;
}

static rt_status take_last_evaluation(rt__history *h, const json_t *json)
{
    rt_record_part_last_evaluation r;
    RT_TRY(rt_record_part_read(RT_RECORD_PART_last_evaluation, json, &r));
    take_evaluated(h, r.generation, r.step, &r.metrics);
    return RT_OK;
}

static rt_status take_comparisons(rt__history *h, const json_t *json)
{
    rt_record_part_comparisons r;
    size_t i;
    json_t *best;
    RT_TRY(rt_record_part_read(RT_RECORD_PART_comparisons, json, &r));
    RT_TRY(apply_compare(h, &(rt_record_compare){.by = r.by, .since = r.since}));
    h->compared.newest = r.newest;
    json_array_foreach((json_t *)r.better, i, best) RT_TRY(add_better_of(h, best));
    return RT_OK;
}

static rt_status apply_history(rt__history *h, const rt_record_history *r)
{
    RT_TRY(apply_run(h, &(rt_record_run){.run = r->run, .config = r->config}));
    RT_TRY(set_text(&h->source, r->source));
    h->generation = r->generation;
    h->restarts = r->restarts;
    h->lost_steps = r->lost_steps;
    h->open = r->open;
    h->world = r->world;
    h->planned = r->planned;
    h->start_step = r->start_step;
    h->first_step_at = known_or(r->first_step_at, -1);
    h->trained_seconds = known_or(r->trained_seconds, 0);
    h->trained_steps = r->trained_steps;
    h->target = r->target;
    h->interrupt_signal = r->interrupt_signal;
    h->not_finite_step = r->not_finite_step;
    h->early_stop_step = r->early_stop;
    h->first_loss = r->first_loss;
    RT_TRY(take_init(h, r->init));
    RT_TRY(take_last_over(h, r->over));
    RT_TRY(take_data(h, r->samples, r->task, r->sample_tokens, r->data));
    RT_TRY(take_config(h, r->config_hash, r->config_since));
    RT_TRY(extend_integers(h->skipped, r->skipped, "skipped", 1, RT_STEPS_MAX));
    RT_TRY(extend_integers(h->world_sizes, r->world_sizes, "world_sizes", 1, RT_SLICES_MAX));
    RT_TRY(extend(h->recovery_seconds, r->recovery_seconds));
    /* A doubt forgets what precedes it, so doubts come first: all else in the record was made or committed since. */
    RT_TRY(take_doubts(h, r->doubts));
    h->early_stop_step = r->early_stop;
    RT_TRY(take_last_evaluation(h, r->evaluated));
    RT_TRY(hold(h, r->held)); /* as it is: its step may be one that will be made again */
    RT_TRY(take_comparisons(h, r->compared));
    h->evaluated_up_to =
        r->evaluated_up_to == RT_NOT_GIVEN ? h->compared.newest : r->evaluated_up_to;
    h->committed_step = r->committed_step;
    h->committing_step = r->committing_step;
    return RT_OK;
}

/* ---- writing it ---- */

static json_t *list_of(json_t *list, json_t *value)
{
    bool whole = list && json_array_append_new(list, value) == 0;
    return rt__json_if_whole(list, whole);
}

static json_t *doubts_json(const rt__history *h)
{
    json_t *list = json_array();
    for (int i = 0; i < h->doubts.count && list; i++)
        list = list_of(list, rt_record_part_json(RT_RECORD_PART_one_doubt,
                                                 &(rt_record_part_one_doubt){
                                                     .generation = h->doubts.list[i].generation,
                                                     .step = h->doubts.list[i].step}));
    return list;
}

static json_t *comparisons_json(const rt__history *h)
{
    json_t *better = json_array();
    for (int64_t i = 0; i < h->compared.count && better; i++)
        better = list_of(
            better,
            rt_record_part_json(RT_RECORD_PART_best,
                                &(rt_record_part_best){.step = h->compared.better[i].step,
                                                       .metrics = h->compared.better[i].metrics}));
    json_t *json =
        better ? rt_record_part_json(RT_RECORD_PART_comparisons,
                                     &(rt_record_part_comparisons){.newest = h->compared.newest,
                                                                   .by = h->compared.by,
                                                                   .since = h->compared.since,
                                                                   .better = better})
               : NULL;
    json_decref(better);
    return json;
}

static json_t *last_over_json(const rt__history *h)
{
    return rt_record_part_json(
        RT_RECORD_PART_last_over,
        &(rt_record_part_last_over){.generation = h->completion.generation,
                                    .step = h->completion.step,
                                    .end_step = h->completion.end_step,
                                    .samples = h->completion.samples,
                                    .loss = h->completion.loss,
                                    .weights_sha256 = h->completion.weights_sha256,
                                    .in_memory = h->completion.in_memory});
}

/* The members of the record that are objects; owned by the caller of make_parts. */
typedef struct parts {
    json_t *init, *evaluated, *compared, *over, *doubts;
} parts;

static parts make_parts(const rt__history *h)
{
    return (parts){
        .init = rt_record_part_json(RT_RECORD_PART_last_init,
                                    &(rt_record_part_last_init){.weights_sha256 = h->init_sha256}),
        .evaluated = rt_record_part_json(
            RT_RECORD_PART_last_evaluation,
            &(rt_record_part_last_evaluation){
                .generation = h->evaluated_in, .step = h->evaluated_step, .metrics = h->evaluated}),
        .compared = comparisons_json(h),
        .over = last_over_json(h),
        .doubts = doubts_json(h),
    };
}

static void release_parts(parts *p)
{
    json_decref(p->init);
    json_decref(p->evaluated);
    json_decref(p->compared);
    json_decref(p->over);
    json_decref(p->doubts);
}

static json_t *history_json(const rt__history *h, const parts *p)
{
    rt_record_history r = {
        .run = h->run_id,
        .config = h->config,
        .source = h->source,
        .generation = h->generation,
        .restarts = h->restarts,
        .lost_steps = h->lost_steps,
        .open = h->open,
        .world = h->world,
        .planned = h->planned,
        .start_step = h->start_step,
        .committed_step = h->committed_step,
        .committing_step = h->committing_step,
        .first_step_at = h->first_step_at,
        .trained_seconds = h->trained_seconds,
        .trained_steps = h->trained_steps,
        .target = h->target,
        .interrupt_signal = h->interrupt_signal,
        .not_finite_step = h->not_finite_step,
        .world_sizes = h->world_sizes,
        .recovery_seconds = h->recovery_seconds,
        .init = p->init,
        .evaluated = p->evaluated,
        .compared = p->compared,
        .evaluated_up_to = h->evaluated_up_to,
        .early_stop = h->early_stop_step,
        .first_loss = h->first_loss,
        .samples = h->samples,
        .task = h->task,
        .sample_tokens = h->sample_tokens,
        .over = p->over,
        .doubts = p->doubts,
        .skipped = h->skipped,
        .held = h->held,
        .data = h->data,
        .config_hash = h->config_hash,
        .config_since = h->config_since,
    };
    return rt_record_json(RT_RECORD_history, &r);
}

json_t *rt__history_records(const rt__history *h)
{
    parts p = make_parts(h);
    bool whole = p.init && p.evaluated && p.compared && p.over && p.doubts;
    json_t *list = list_of(json_array(), whole ? history_json(h, &p) : NULL);
    release_parts(&p);
    return list ? list : RT_FAIL_NULL(NOMEM, "out of memory");
}

/* ---- all kinds ---- */

static rt_status apply(rt__history *h, rt_record_kind kind, const void *values)
{
    h->records++;
    switch (kind) {
#define RECORD(kind, after, sentence, when)                                                        \
    case RT_RECORD_##kind:                                                                         \
        return apply_##kind(h, values);
#define SHOWN(kind, after, sentence, when)                                                         \
    case RT_RECORD_##kind:                                                                         \
        return RT_OK;
#include "common/control/journal.def"
    case RT_RECORDS:
        break;
    }
    return RT_OK;
}

rt_status rt__history_allows(const rt__history *h, rt_record_kind kind, const void *values)
{
    if (rt_record_may_follow(&h->order, kind, values) == RT_OK)
        return RT_OK;
    rt_saved_error e;
    rt_error_save(&e);
    return RT_FAIL(INTERNAL, "the journal cannot go on with this: %s", e.text);
}

rt_status rt__history_apply(rt__history *h, rt_record_kind kind, const void *values)
{
    rt_record_follows(&h->order, kind, values);
    return apply(h, kind, values);
}

rt_status rt__history_apply_json(rt__history *h, const json_t *record)
{
    rt_record r;
    RT_TRY(rt_record_read(record, &r));
    return rt__history_apply(h, r.kind, &r.body);
}

rt_status rt__history_visit(void *history, const json_t *record)
{
    rt__history *h = history;
    rt_record r;
    RT_TRY(rt_record_read_next(&h->order, record, &r));
    return apply(h, r.kind, &r.body);
}
