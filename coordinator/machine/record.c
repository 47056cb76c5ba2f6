#include "coordinator/machine/record.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/control/results.h"
#include "common/control/sentence.h"
#include "coordinator/machine/phase.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

json_t *rt__record_text(const char *s)
{
    return rt_json_repaired(s);
}

static void show(rt__run *r, const json_t *object)
{
    char *text = rt_json_text(object);
    if (text)
        r->facts.effects->send(r->facts.effects->ctx, r->launcher, RT_MSG_SHOW,
                               &(rt_msg_show){.json = text});
    rt_mem_free(text);
}

/* Shows an object, with "event": name in front if `name` is given. Takes over `fields`. */
static void show_as(rt__run *r, const char *name, json_t *fields)
{
    json_t *j = name ? json_pack("{s:s}", "event", name) : json_object();
    if (fields && j && json_object_update(j, fields) == 0)
        show(r, j);
    else
        rt_log_error("out of memory: a line of the run's records is lost");
    json_decref(j);
    json_decref(fields);
}

static void write_line(rt__run *r, rt__line where, const json_t *object)
{
    bool written = r->facts.effects->line(r->facts.effects->ctx, where, object) == RT_OK;
    /* The last block of events.jsonl may have room when there is none for a row. */
    if (!written || where == RT__LINE_METRICS || r->lost.rows == 0)
        r->lost.work_again = written;
    if (!written && !r->lost.reason[0])
        snprintf(r->lost.reason, sizeof r->lost.reason, "%s", rt_error());
    if (!written)
        rt_error_clear();
    r->lost.events += !written && where == RT__LINE_EVENT;
    r->lost.rows += !written && where == RT__LINE_METRICS;
}

/* Counts nothing if only summary.json could not be written. */
static void count_lost_lines(rt__run *r, double now)
{
    if (r->lost.events > 0 || r->lost.rows > 0)
        RT__RECORD(r, now, lines_lost, .events = r->lost.events, .rows = r->lost.rows);
}

void rt__record_lost_lines(rt__run *r, double now)
{
    if (!r->lost.reason[0])
        return;
    if (!r->lost.shown) {
        r->lost.shown = true;
        RT__RECORD(r, now, lines_fail, .reason = r->lost.reason);
    } else if (r->lost.work_again) {
        count_lost_lines(r, now);
        if (r->lost.work_again)
            memset(&r->lost, 0, sizeof r->lost);
    }
}

void rt__record_lost_lines_at_end(rt__run *r, double now)
{
    bool counted = r->lost.shown && r->lost.work_again;
    rt__record_lost_lines(r, now);
    if (r->lost.reason[0] && !counted)
        count_lost_lines(r, now);
}

void rt__record_line(rt__run *r, rt__line where, const char *shown, json_t *fields)
{
    if (fields)
        write_line(r, where, fields);
    show_as(r, shown, fields);
}

static void utc(double wall, char text[32])
{
    time_t whole = (time_t)wall;
    struct tm tm;
    gmtime_r(&whole, &tm);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Keeps the last events for `ringtorch status`. */
static void keep_recent_event(rt__run *r, json_t *event)
{
    if (json_array_append(r->events, event) != 0)
        return;
    if (json_array_size(r->events) > RT__EVENTS_KEPT)
        json_array_remove(r->events, 0);
}

/* Gives an event its sentence as a field, if its row has such a field. */
static void add_sentence(json_t *event)
{
    rt_text words = {0};
    if (!json_is_null(json_object_get(event, "text")))
        return;
    rt__sentence_of(event, &words);
    if (words.data)
        json_object_set_new(event, "text", json_string(words.data));
    rt_mem_free(words.data);
}

void rt__record_event(rt__run *r, double now, rt_event_id id, const void *values)
{
    char time[32];
    utc(r->facts.started + now, time);
    json_t *event = rt_event_json(
        id, &(rt_event_stamp){.time = time, .seconds = now, .generation = r->generation}, values);
    if (!event) {
        rt_log_error("out of memory: an event of the run is lost");
        return;
    }
    add_sentence(event);
    keep_recent_event(r, event);
    write_line(r, RT__LINE_EVENT, event);
    show(r, event);
    json_decref(event);
}

void rt__record_said(char text[RT__SENTENCE_BYTES], rt__run *r, double now, rt_event_id id,
                     const void *values)
{
    rt_text sentence = {0};
    rt__sentence_of_values(id, values, &sentence);
    snprintf(text, RT__SENTENCE_BYTES, "%s",
             sentence.data ? sentence.data : rt_event_rows[id].when);
    rt_mem_free(sentence.data);
    rt__record_event(r, now, id, values);
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
    write_line(r, RT__LINE_METRICS, row);
    r->reported_step = rt__field_int(row, "step", r->reported_step);
}

void rt__record_write_held_row(rt__run *r)
{
    if (holds_row(r))
        write_row(r, r->history.held);
}

/* Holds a row back in the journal. */
static bool hold_row(rt__run *r, json_t *row)
{
    bool held = RT__DECIDE(r, reported, .row = row) == RT_OK;
    rt_error_clear(); /* if it cannot be held, it is written without its evaluation */
    return held;
}

static json_t *make_row(const rt__run *r, double now, const rt_msg_report *m)
{
    double epoch = (double)m->step * (double)r->facts.cfg->data.batch / (double)r->roster.samples;
    rt_run_report row = RT__FILLED(rt_run_report, RT_REPORT_FIELDS, .step = m->step, .epoch = epoch,
                                   .loss = m->loss, .lr = m->lr, .grad_norm = m->grad_norm,
                                   .samples_per_second = m->samples_per_second, .seconds = now,
                                   .world_size = r->roster.world, .generation = r->generation);
    return rt__schema_to_json(&rt_run_report_schema, &row);
}

void rt__record_report(rt__run *r, double now, const rt_msg_report *m, bool held)
{
    json_t *j = make_row(r, now, m);
    rt__record_write_held_row(r);
    if (j && !(held && hold_row(r, j)))
        write_row(r, j);
    show_as(r, "report", j);
}

/* Was the last row written without its evaluation, because the run ended before that arrived? */
static bool is_incomplete(const rt__run *r, int64_t step)
{
    return step >= 0 && r->reported_step == step && rt__history_held_step(&r->history) == step &&
           !json_object_get(r->history.held, "eval_loss");
}

/* Takes the last row back if it is that of `step` and was written without its evaluation. */
static void take_back_incomplete(rt__run *r, int64_t step)
{
    if (!is_incomplete(r, step))
        return;
    r->facts.effects->rewind(r->facts.effects->ctx, step - 1);
    r->reported_step = step - 1;
}

void rt__record_bring_back_rows(rt__run *r, int64_t step, bool evaluated)
{
    const rt__effects *effects = r->facts.effects;
    const rt__history *h = &r->history;
    if (rt__record_newest_row(r) >= step || strcmp(h->config_hash, r->facts.config_hash) != 0)
        return;
    rt__record_write_held_row(r);
    take_back_incomplete(r, r->reported_step);
    rt__rows_wanted want = {
        .step = step, .evaluated = evaluated, .since = h->config_since, .doubts = &h->doubts};
    effects->bring_back(effects->ctx, &want, &r->reported_step);
}

void rt__record_hold_row(rt__run *r, double now, int64_t step)
{
    take_back_incomplete(r, step);
    if (step <= rt__record_newest_row(r))
        return;
    rt__record_write_held_row(r);
    json_t *row = make_row(
        r, now,
        &(rt_msg_report){
            .step = step, .loss = NAN, .lr = NAN, .grad_norm = NAN, .samples_per_second = NAN});
    if (row)
        hold_row(r, row);
    json_decref(row);
}

/* ---- progress ---- */

json_t *rt__record_verification_json(const rt__run *r)
{
    if (!r->verifying.what)
        return json_null();
    rt_run_verifying row =
        RT__FILLED(rt_run_verifying, RT_VERIFYING_FIELDS, .checkpoint = r->verifying.what,
                   .bytes = r->verifying.bytes, .of = r->verifying.total);
    return rt__schema_to_json(&rt_run_verifying_schema, &row);
}

static void show_progress(rt__run *r, int64_t step, const char *what)
{
    json_t *verifying = rt__record_verification_json(r);
    rt_run_progress row = RT__FILLED(rt_run_progress, RT_PROGRESS_FIELDS, .step = step,
                                     .what = what, .verifying = verifying);
    show_as(r, "progress", rt__schema_to_json(&rt_run_progress_schema, &row));
    json_decref(verifying);
}

void rt__record_show_progress(rt__run *r, const rt_msg_progress *m)
{
    show_progress(r, m->step, m->what);
}

void rt__record_show_verification(rt__run *r)
{
    show_progress(r, r->newest_step, "");
}

/* ---- the journal ---- */

/* First writes the findings that could not be written earlier, so that the journal keeps its order. */
static rt_status write_json(rt__run *r, const json_t *record)
{
    const rt__effects *e = r->facts.effects;
    for (const json_t *first; (first = json_array_get(r->unwritten, 0));) {
        RT_TRY(e->journal(e->ctx, first));
        json_array_remove(r->unwritten, 0);
    }
    return e->journal(e->ctx, record);
}

static rt_status write_record(rt__run *r, rt_record_kind kind, const void *values, bool later)
{
    json_t *record = rt_record_json(kind, values);
    rt_status status = record ? write_json(r, record) : rt_error_code();
    if (status != RT_OK && later && json_array_size(r->unwritten) < RT__UNWRITTEN)
        json_array_append(r->unwritten, record);
    json_decref(record);
    return status;
}

/* A record out of place is an error of ours: it is refused here, before a successor refuses the whole journal because of it. */
static rt_status check_place(rt__run *r, rt_record_kind kind, const void *values)
{
    rt_status status = rt__history_allows(&r->history, kind, values);
    bool known =
        r->violation[0] != '\0'; /* then only the first is kept, and this one is not logged there */
    if (status != RT_OK && known)
        rt_log_error("internal error: %s", rt_error());
    else if (status != RT_OK)
        rt__run_report_violation(r, "%s", rt_error());
    return status;
}

rt_status rt__record_decision(rt__run *r, rt_record_kind kind, const void *values)
{
    RT_TRY(check_place(r, kind, values));
    RT_TRY(write_record(r, kind, values, false));
    return rt__history_apply(&r->history, kind, values);
}

void rt__record_note(rt__run *r, rt_record_kind kind, const void *values)
{
    rt__record_decision(r, kind, values);
    rt_error_clear();
}

void rt__record_finding(rt__run *r, rt_record_kind kind, const void *values)
{
    if (check_place(r, kind, values) == RT_OK) {
        write_record(r, kind, values, true);
        rt_error_clear();
        rt__history_apply(&r->history, kind, values);
    }
    rt_error_clear();
}
