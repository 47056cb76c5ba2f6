#include "coordinator/machine/summary.h"
#include "common/control/results.h"
#include "coordinator/machine/notes.h"
#include "coordinator/machine/record.h"
#include <math.h>
#include <string.h>

static json_t *peak_rss(const rt__run *r)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < r->roster.world; k++)
        json_array_append_new(list, json_integer(r->roster.member[k].peak_rss));
    return list;
}

/* Returns all metrics of the task; NaN for those that were not reported. */
static rt_metrics all_metrics(const rt_metrics *told, const char *task)
{
    rt_metrics all = {0};
    for (int i = 0; i < rt_metric_kinds(); i++) {
        double value = rt_metrics_get(told, rt_metric_rows[i].name);
        if (rt_metric_in_task(&rt_metric_rows[i], task) || !isnan(value))
            rt_metrics_add(&all, rt_metric_rows[i].name, value);
    }
    return all;
}

/* Figures derived from counts; NaN if nothing was counted. */
typedef struct figures {
    double epochs, samples, tokens;
} figures;

static figures figures_of(const rt__run *r)
{
    const rt__history *h = &r->history;
    double batch = (double)r->facts.cfg->data.batch,
           steps = (double)(h->trained_steps + r->generation_steps),
           seconds = h->trained_seconds + r->generation_seconds,
           shown = (double)r->newest_step * batch;
    double samples = seconds > 0 ? steps * batch / seconds : NAN;
    return (figures){.epochs = r->roster.samples > 0 ? shown / (double)r->roster.samples : NAN,
                     .samples = samples,
                     .tokens = h->sample_tokens > 0 ? samples * (double)h->sample_tokens : NAN};
}

void rt__run_record_summary(rt__run *r, double now, const char *status)
{
    const rt_config *cfg = r->facts.cfg;
    const rt__history *h = &r->history;
    bool failed = rt__run_failed(r), done = strcmp(status, "done") == 0;
    rt_best best = rt_best_is_tracked(cfg) ? rt__history_best(h, INT64_MAX) : (rt_best){0};
    char note[RT__NOTE_BYTES];
    figures f = figures_of(r);
    json_t *rss = peak_rss(r);
    rt_run_summary s = RT__FILLED(
        rt_run_summary, RT_SUMMARY_FIELDS, .status = status, .run = r->facts.run_id,
        .run_directory = r->facts.dir, .task = h->task[0] ? h->task : NULL, .steps = r->newest_step,
        .epochs = f.epochs, .train_loss = r->loss,
        .evaluation = all_metrics(&h->evaluated, h->task), .seconds = now,
        .seconds_to_first_step = h->first_step_at >= 0 ? h->first_step_at : NAN,
        .samples_per_second = f.samples, .tokens_per_second = f.tokens,
        .weights_sha256 = r->weights_sha256[0] ? r->weights_sha256 : NULL,
        .world_sizes = h->world_sizes, .restarts = h->restarts, .lost_steps = h->lost_steps,
        .recovery_seconds = h->recovery_seconds, .peak_rss_bytes = rss,
        .checkpoint_step = r->committed_step >= 0 ? r->committed_step : RT_NOT_GIVEN,
        .error = failed ? r->failure : NULL,
        .best_step = rt_best_is_known(&best) ? best.step : RT_NOT_GIVEN,
        .best = all_metrics(&best.metrics, h->task),
        .ended_early = rt_patience_ran_out(cfg, h->compared.newest, best.step) &&
                       r->newest_step == h->compared.newest,
        .note = done ? rt__run_learned_nothing(r, note) : NULL,
        .next = failed ? rt_next_name(r->next) : NULL,
        .skipped_steps = (int64_t)json_array_size(h->skipped));
    rt__record_line(r, RT__LINE_SUMMARY, "summary", rt__schema_to_json(&rt_run_summary_schema, &s));
    json_decref(rss);
}
