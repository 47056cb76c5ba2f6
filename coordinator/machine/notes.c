#include "coordinator/machine/notes.h"
#include "common/base/text.h"
#include "common/config/config_length.h"
#include "coordinator/machine/record.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 4))) static void note(rt__run *r, double now, const char *fmt, ...)
{
    char text[RT__NOTE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    RT__RECORD(r, now, note, .text = text);
}

static void note_partial_batch(rt__run *r, double now)
{
    const rt_config *cfg = r->facts.cfg;
    if (cfg->run.steps > 0)
        return;
    int64_t shown = cfg->run.epochs * r->roster.samples, over = shown % cfg->data.batch;
    if (over == 0)
        return;
    note(r, now,
         "run.epochs %" PRId64 ": a training set of %" PRId64
         " is not a whole number of batches of %" PRId64 ": the last step (%" PRId64
         ") also takes %" PRId64 " sample%s of the next epoch",
         cfg->run.epochs, shown, cfg->data.batch, r->end_step, cfg->data.batch - over,
         rt_plural(cfg->data.batch - over));
}

static void note_warmup(rt__run *r, double now)
{
    const rt_config *cfg = r->facts.cfg;
    double reached = cfg->optimizer.lr * (double)r->end_step / (double)cfg->schedule.warmup;
    if (cfg->schedule.warmup > r->end_step)
        note(r, now,
             "schedule.warmup %" PRId64 " is longer than the run of %" PRId64
             " step%s: the learning rate rises to %.3g and does not reach optimizer.lr %.3g",
             cfg->schedule.warmup, r->end_step, rt_plural(r->end_step), reached, cfg->optimizer.lr);
}

static void note_cosine(rt__run *r, double now)
{
    const rt_config *cfg = r->facts.cfg;
    int64_t length = rt_config_cosine_steps(cfg, r->end_step), before = r->fallback.cosine_before;
    const char *nothing = cfg->schedule.cosine.min_lr > 0 ? "" : ", at which nothing is learned";
    int64_t from = r->source.step > length ? r->source.step : length;
    if (cfg->schedule.name != RT_CFG_SCHEDULE_COSINE)
        return;
    if (before > 0 && r->source.step > 0)
        note(r, now,
             "the learning rate jumps at step %" PRId64 ": its cosine now has %" PRId64
             " step%s (schedule.steps), until now it had %" PRId64,
             r->source.step + 1, length, rt_plural(length), before);
    if (length < r->end_step)
        note(r, now,
             "the cosine of the learning rate ends after step %" PRId64
             " (schedule.steps): steps %" PRId64 " to %" PRId64
             " are made at schedule.min_lr %.3g%s; for a longer cosine, with a jump, set "
             "schedule.steps=%" PRId64
             ", for a new one begin a run from these weights with model.init",
             length, from + 1, r->end_step, cfg->schedule.cosine.min_lr, nothing, r->end_step);
    else if (length > r->end_step)
        note(r, now,
             "the run ends after step %" PRId64
             ", before the cosine of the learning rate does (schedule.steps %" PRId64 ")",
             r->end_step, length);
}

/* Names keys that have no effect because the run is too short or too small for them. */
static void note_no_effect(rt__run *r, double now)
{
    const rt_config *cfg = r->facts.cfg;
    int64_t end = r->end_step, every = cfg->evaluate.every, patience = cfg->run.patience;
    const char *s = rt_plural(end);
    if (cfg->run.steps > 0 && cfg->run.epochs > 1)
        note(r, now, "run.epochs %" PRId64 " has no effect: run.steps %" PRId64 " decides",
             cfg->run.epochs, cfg->run.steps);
    if (patience > 0 && every > 0 && end / every <= patience)
        note(r, now,
             "run.patience %" PRId64 " has no effect: evaluate.every %" PRId64 " gives %" PRId64
             " evaluation%s in %" PRId64 " step%s, and it takes %" PRId64,
             patience, every, end / every, rt_plural(end / every), end, s, patience + 1);
    if (cfg->schedule.name == RT_CFG_SCHEDULE_STEP && cfg->schedule.step.step_size >= end)
        note(r, now,
             "schedule.step_size %" PRId64 " has no effect: the run ends after %" PRId64 " step%s",
             cfg->schedule.step.step_size, end, s);
    if (cfg->data.limit > r->roster.samples)
        note(r, now,
             "data.limit %" PRId64 " has no effect: the training set has %" PRId64 " sample%s",
             cfg->data.limit, r->roster.samples, rt_plural(r->roster.samples));
    if (cfg->run.audit > 0 && r->roster.world == 1)
        note(r, now, "run.audit %g has no effect with one worker: it compares two", cfg->run.audit);
    if (cfg->snapshot.replicas > 0 && rt__roster_one_host(&r->roster))
        note(r, now, "snapshot.replicas %" PRId64 " has no effect: all workers are on one host",
             cfg->snapshot.replicas);
}

static void note_no_rate(rt__run *r, double now)
{
    if (r->facts.cfg->optimizer.lr == 0)
        note(r, now, "optimizer.lr is 0: nothing is learned");
}

/* A run that learns ends below this fraction of its first step's loss, if it began with random or with trained weights. The losses are
 * those of single batches, so they vary. */
static const double LEFT_OF_RANDOM = 0.95, LEFT_OF_TRAINED = 1.5;

enum { LEARNS_WITHIN = 20 }; /* steps */

const char *rt__run_learned_nothing(const rt__run *r, char text[RT__NOTE_BYTES])
{
    const rt_config *cfg = r->facts.cfg;
    double left = cfg->model.init[0] ? LEFT_OF_TRAINED : LEFT_OF_RANDOM;
    double first = r->history.first_loss;
    if (r->newest_step < LEARNS_WITHIN || !(r->loss > left * first))
        return NULL;
    int used = snprintf(text, RT__NOTE_BYTES,
                        "the training loss has %s: it was %.4g at step 1 and is %.4g at the end",
                        r->loss < first ? "hardly fallen" : "not fallen", first, r->loss);
    if (cfg->optimizer.lr > 0)
        snprintf(text + used, RT__NOTE_BYTES - (size_t)used,
                 ": optimizer.lr %g may be far too high or too low%s", cfg->optimizer.lr,
                 cfg->optimizer.clip_norm > 0 ? ", or optimizer.clip_norm too low" : "");
    return text;
}

/* --resume auto starts at step 0 if there is nothing to resume from, which may surprise those who know that the run had made steps. */
static void note_new_beginning(rt__run *r, double now, int64_t made)
{
    if (r->source.step == 0 && made > 0)
        note(r, now,
             "the run in this directory had made %" PRId64
             " step%s, but has neither a checkpoint nor a snapshot: it begins again at step 0, and "
             "the rows of those steps are moved to metrics-abandoned.jsonl",
             made, rt_plural(made));
}

/* Somebody may have written to metrics.jsonl: without a word, rows that are moved away would seem lost. */
static void note_moved_rows(rt__run *r, double now)
{
    int64_t moved = r->facts.metrics_moved;
    if (moved > 0)
        note(r, now,
             "%" PRId64
             " line%s of metrics.jsonl moved to metrics-abandoned.jsonl: each is no row as "
             "this program writes it, or a later row has the same or an earlier step",
             moved, rt_plural(moved));
}

void rt__run_record_notes(rt__run *r, double now, int64_t made)
{
    if (r->history.first_step_at >= 0) /* this launch has written them already */
        return;
    note_moved_rows(r, now);
    note_new_beginning(r, now, made);
    note_no_effect(r, now);
    note_no_rate(r, now);
    note_partial_batch(r, now);
    note_warmup(r, now);
    note_cosine(r, now);
}
