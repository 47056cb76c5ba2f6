#include "coordinator/record.h"
#include "common/error.h"
#include "common/fields.h"
#include "common/log.h"
#include "common/mem.h"
#include "coordinator/inside.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

json_t *rt__record_text(const char *s)
{
    json_t *j = json_string(s);
    char *ascii = j ? NULL : rt_strdup(s);
    if (!ascii)
        return j;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    j = json_string(ascii);
    rt_mem_free(ascii);
    return j;
}

/* Returns an object with the fields of a, then those of b; takes over both. NULL for lack of
 * memory. */
static json_t *join(json_t *a, json_t *b)
{
    if (a && b && json_object_update(a, b) == 0) {
        json_decref(b);
        return a;
    }
    json_decref(a);
    json_decref(b);
    rt_log_error("out of memory: a line of the run's records is lost");
    return NULL;
}

static void show(rt__run *r, const json_t *object)
{
    char *text = rt_json_text(object);
    if (text)
        r->facts.effects->send(r->facts.effects->ctx, r->launcher, RT_MSG_SHOW,
                               &(rt_msg_show){.json = text});
    rt_mem_free(text);
}

/* Shows an object, with "event": name put in front if given; takes over fields. */
static void show_as(rt__run *r, const char *name, json_t *fields)
{
    json_t *j = join(name ? json_pack("{s:s}", "event", name) : json_object(), fields);
    if (j)
        show(r, j);
    json_decref(j);
}

/* Writes an object and shows it as above; takes over fields. */
static void write_line(rt__run *r, rt__line where, const char *shown, json_t *fields)
{
    if (fields)
        r->facts.effects->line(r->facts.effects->ctx, where, fields);
    show_as(r, shown, fields);
}

static void utc(double wall, char text[32])
{
    time_t whole = (time_t)wall;
    struct tm tm;
    gmtime_r(&whole, &tm);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Keeps the last events for those who ask. */
static void keep(rt__run *r, json_t *event)
{
    if (!event || json_array_append(r->events, event) != 0)
        return;
    if (json_array_size(r->events) > RT__EVENTS_KEPT)
        json_array_remove(r->events, 0);
}

void rt__record_event_of(rt__run *r, double now, const char *name, json_t *fields)
{
    char time[32];
    utc(r->facts.started + now, time);
    json_t *front = json_pack("{s:s, s:s, s:f, s:I}", "event", name, "time", time, "seconds", now,
                              "generation", (json_int_t)r->generation);
    json_t *event = join(front, fields);
    keep(r, event);
    write_line(r, RT__LINE_EVENT, NULL, event);
}

void rt__record_event(rt__run *r, double now, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *fields = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    rt__record_event_of(r, now, name, fields);
}

/* ---- rows of metrics.jsonl ---- */

static bool holds_row(const rt__run *r)
{
    return rt__history_held_step(&r->history) > r->reported_step;
}

int64_t rt__record_newest_row(const rt__run *r)
{
    return holds_row(r) ? rt__history_held_step(&r->history) : r->reported_step;
}

static void write_row(rt__run *r, const json_t *row)
{
    r->facts.effects->line(r->facts.effects->ctx, RT__LINE_METRICS, row);
    r->reported_step = rt__field_int(row, "step", r->reported_step);
}

void rt__record_held_row(rt__run *r)
{
    if (holds_row(r))
        write_row(r, r->history.held);
}

/* Keeps a row in the journal. */
static bool hold_row(rt__run *r, json_t *row)
{
    bool held = rt__record_decision(r, "reported", "{s:O}", "row", row) == RT_OK;
    rt_error_clear(); /* else it is written without what the evaluation gives */
    return held;
}

static json_t *make_row(const rt__run *r, double now, const rt_msg_report *m)
{
    double epoch = (double)m->step * (double)r->facts.cfg->data.batch / (double)r->roster.samples;
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:I, s:I}", "step", (json_int_t)m->step,
                     "epoch", rt_json_number(epoch), "loss", rt_json_number(m->loss), "lr",
                     rt_json_number(m->lr), "grad_norm", rt_json_number(m->grad_norm),
                     "samples_per_second", rt_json_number(m->samples_per_second), "seconds", now,
                     "world_size", (json_int_t)r->roster.world, "generation",
                     (json_int_t)r->generation);
}

void rt__record_report(rt__run *r, double now, const rt_msg_report *m, bool held)
{
    json_t *j = make_row(r, now, m);
    rt__record_held_row(r);
    if (j && !(held && hold_row(r, j)))
        write_row(r, j);
    show_as(r, "report", j);
}

/* Was the last row written without its evaluation, because a run that ended had not heard of it? */
static bool is_incomplete(const rt__run *r, int64_t step)
{
    return r->reported_step == step && rt__history_held_step(&r->history) == step &&
           !json_object_get(r->history.held, "eval_loss");
}

void rt__record_hold_row_of(rt__run *r, double now, int64_t step)
{
    if (is_incomplete(r, step)) {
        r->facts.effects->rewind(r->facts.effects->ctx, step - 1);
        r->reported_step = step - 1;
    }
    if (step <= rt__record_newest_row(r))
        return;
    rt__record_held_row(r);
    json_t *row = make_row(
        r, now,
        &(rt_msg_report){
            .step = step, .loss = NAN, .lr = NAN, .grad_norm = NAN, .samples_per_second = NAN});
    if (row)
        hold_row(r, row);
    json_decref(row);
}

void rt__record_progress(rt__run *r, const rt_msg_progress *m)
{
    json_t *j = json_pack("{s:s, s:I, s:o}", "event", "progress", "step", (json_int_t)m->step,
                          "what", rt__record_text(m->what));
    if (j)
        show(r, j);
    json_decref(j);
}

json_t *rt__record_looking(const rt__run *r)
{
    if (!r->verifying.what)
        return json_null();
    return json_pack("{s:o, s:I, s:I}", "checkpoint", rt__record_text(r->verifying.what), "bytes",
                     (json_int_t)r->verifying.bytes, "of", (json_int_t)r->verifying.total);
}

void rt__record_verifying(rt__run *r)
{
    json_t *j = json_pack("{s:s, s:o}", "event", "progress", "verifying", rt__record_looking(r));
    if (j)
        show(r, j);
    json_decref(j);
}

static json_t *peak_rss(const rt__run *r)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < r->roster.world; k++)
        json_array_append_new(list, json_integer(r->roster.member[k].peak_rss));
    return list;
}

/* ---- the summary ---- */

/* Sets all that the task tells; null: it has not been told. */
static void put_metrics(json_t *j, const char *prefix, const rt_metrics *m, const char *task)
{
    for (int i = 0; i < RT_METRIC_ROWS; i++) {
        char key[64];
        double value = rt_metrics_get(m, rt_metric_rows[i].name);
        if (!rt_metric_is_of(&rt_metric_rows[i], task) && isnan(value))
            continue;
        snprintf(key, sizeof key, "%s%s", prefix, rt_metric_rows[i].name);
        json_object_set_new(j, key, rt_json_number(value));
    }
}

static json_t *what_was_learned(rt__run *r, const char *status)
{
    const rt__history *h = &r->history;
    double samples = (double)r->newest_step * (double)r->facts.cfg->data.batch,
           epochs = r->roster.samples > 0 ? samples / (double)r->roster.samples : NAN;
    json_t *j = json_pack("{s:s, s:s, s:o, s:s?, s:I, s:o, s:o}", "status", status, "run",
                          r->facts.run_id, "run_directory", rt__record_text(r->facts.dir), "task",
                          h->task[0] ? h->task : NULL, "steps", (json_int_t)r->newest_step,
                          "epochs", rt_json_number(epochs), "train_loss", rt_json_number(r->loss));
    if (j)
        put_metrics(j, "eval_", &h->evaluated, h->task);
    return j;
}

static json_t *what_it_took(rt__run *r, double now)
{
    const rt__history *h = &r->history;
    int64_t steps = h->trained_steps + r->generation_steps;
    double seconds = h->trained_seconds + r->generation_seconds;
    double speed = seconds > 0 ? (double)(steps * r->facts.cfg->data.batch) / seconds : NAN;
    double tokens = h->sample_tokens > 0 ? speed * (double)h->sample_tokens : NAN;
    return json_pack(
        "{s:f, s:o, s:o, s:o, s:s?, s:O, s:I, s:I, s:O, s:o, s:o, s:o}", "seconds", now,
        "seconds_to_first_step", rt_json_number(h->first_step_at >= 0 ? h->first_step_at : NAN),
        "samples_per_second", rt_json_number(speed), "tokens_per_second", rt_json_number(tokens),
        "weights_sha256", r->weights_sha256[0] ? r->weights_sha256 : NULL, "world_sizes",
        h->world_sizes, "restarts", (json_int_t)h->restarts, "lost_steps",
        (json_int_t)h->lost_steps, "recovery_seconds", h->recovery_seconds, "peak_rss_bytes",
        peak_rss(r), "checkpoint_step",
        r->committed_step >= 0 ? json_integer(r->committed_step) : json_null(), "error",
        r->failed ? rt__record_text(r->failure) : json_null());
}

static json_t *how_it_ended(rt__run *r, const char *status)
{
    const rt_config *cfg = r->facts.cfg;
    const rt__history *h = &r->history;
    rt_best best = rt_best_is_kept(cfg) ? rt__history_best(h, INT64_MAX) : (rt_best){0};
    bool early = rt_patience_is_over(cfg, h->compared.newest, best.step) &&
                 r->newest_step == h->compared.newest;
    char text[RT__NOTE];
    const char *note = strcmp(status, "done") == 0 ? rt__run_learned_nothing(r, text) : NULL;
    json_t *j = json_pack("{s:o}", "best_step",
                          rt_best_is_known(&best) ? json_integer(best.step) : json_null());
    if (!j)
        return NULL;
    put_metrics(j, "best_", &best.metrics, h->task);
    json_object_set_new(j, "ended_early", json_boolean(early));
    json_object_set_new(j, "note", note ? rt__record_text(note) : json_null());
    json_object_set_new(j, "next",
                        r->failed ? rt__record_text(rt_next_name(r->next)) : json_null());
    json_object_set_new(j, "skipped_steps", json_integer((json_int_t)json_array_size(h->skipped)));
    return j;
}

void rt__record_summary(rt__run *r, double now, const char *status)
{
    json_t *figures = join(what_was_learned(r, status), what_it_took(r, now));
    write_line(r, RT__LINE_SUMMARY, "summary", join(figures, how_it_ended(r, status)));
}

/* ---- the journal ---- */

static rt_status write_record(rt__run *r, const json_t *record)
{
    return record ? r->facts.effects->journal(r->facts.effects->ctx, record)
                  : RT_FAIL(NOMEM, "out of memory");
}

rt_status rt__record_decision(rt__run *r, const char *kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *fields = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    json_t *record = join(json_pack("{s:s}", "kind", kind), fields);
    rt_status status = write_record(r, record);
    if (status == RT_OK)
        status = rt__history_apply(&r->history, record);
    json_decref(record);
    return status;
}

void rt__record_finding_of(rt__run *r, const char *kind, json_t *fields)
{
    json_t *record = join(json_pack("{s:s}", "kind", kind), fields);
    write_record(r, record);
    rt_error_clear();
    if (record)
        rt__history_apply(&r->history, record);
    json_decref(record);
    rt_error_clear();
}

void rt__record_finding(rt__run *r, const char *kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *fields = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    rt__record_finding_of(r, kind, fields);
}
