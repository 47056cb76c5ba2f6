/* ringtorch eval RUN|CHECKPOINT|FILE: accuracy and loss over the whole test set, by the same code and
 * with the same bits as the evaluations of the run; with --logits also the model's raw outputs. */
#include "worker/commands/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <ringtorch/formats.h>
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/evaluate.h"

static const char usage[] =
    "eval RUN|CHECKPOINT|FILE.safetensors [--best] [--config CONFIG] [--json] "
    "[--logits FILE.safetensors [--limit N]]";

typedef struct options {
    const char *path, *config, *logits, *limit;
    bool json, best;
} options;

/* Writes `inputs` [n, ...], `logits` [n, classes] and `labels` [n] of the first n test samples. */
static rt_status write_logits(rt_run *run, const char *path, int64_t n)
{
    rt_tensor *inputs, *logits, *labels;
    rt_st_writer *w;
    rt_scope scope = rt_scope_begin();
    rt_status status;
    RT_TRY_GOTO(rt_run_logits(run, 0, n, &inputs, &logits, &labels), done);
    RT_TRY_GOTO(rt_st_create(path, &w), done);
    status = rt_st_add(w, "inputs", RT_F32, rt_dims_of(inputs), rt_data(inputs));
    if (status == RT_OK)
        status = rt_st_add(w, "logits", RT_F32, rt_dims_of(logits), rt_data(logits));
    if (status == RT_OK)
        status = rt_st_add(w, "labels", RT_I64, rt_dims_of(labels), rt_data(labels));
    if (status == RT_OK)
        status = rt_st_finish(w, NULL, NULL);
    else
        rt_st_abandon(w);
done:
    rt_scope_end(scope);
    return status;
}

/* How many samples --limit asks for; all by default. */
static rt_status read_limit(const options *o, const rt_run *run, int64_t *out)
{
    char *end;
    int64_t most = rt_run_eval_samples(run);
    *out = most;
    if (!o->limit)
        return RT_OK;
    *out = strtoll(o->limit, &end, 10);
    if (end == o->limit || *end != '\0' || *out < 1 || *out > most)
        return RT_FAIL(
            RANGE, "--limit %s: expected a number from 1 to %" PRId64 ", the size of the test set",
            o->limit, most);
    return RT_OK;
}

static rt_status print_json(const rt_saved *s, const rt_evaluation *e, double seconds)
{
    json_t *j = json_pack("{s:s, s:o, s:I, s:I, s:f, s:o, s:f}", "checkpoint", s->dir, "step",
                          s->manifest.step >= 0 ? json_integer(s->manifest.step) : json_null(),
                          "count", (json_int_t)e->count, "correct", (json_int_t)e->correct,
                          "accuracy", (double)e->correct / (double)e->count, "loss",
                          rt_json_number(e->loss), "seconds", seconds);
    char *text = j ? rt_json_text(j) : NULL;
    if (text)
        puts(text);
    rt_mem_free(text);
    json_decref(j);
    return text ? RT_OK : RT_FAIL(NOMEM, "eval: out of memory");
}

static rt_status evaluate(rt__model *m, const options *o)
{
    int64_t limit;
    rt_evaluation e;
    RT_TRY(rt_run_open_test(m->run));
    RT_TRY(read_limit(o, m->run, &limit));
    double began = rt_clock();
    RT_TRY(rt__evaluate(m->run, NULL, 0, 1, &e));
    double seconds = rt_clock() - began;
    if (o->logits)
        RT_TRY(write_logits(m->run, o->logits, limit));
    if (o->json)
        return print_json(&m->saved, &e, seconds);
    char loss[RT_FIXED], step[32] = "";
    if (m->saved.manifest.step >= 0)
        snprintf(step, sizeof step, ", step %" PRId64, m->saved.manifest.step);
    printf("%s\n%" PRId64 " of %" PRId64 " right: accuracy %.2f %%, loss %s%s, %.1f s\n",
           m->saved.dir, e.correct, e.count, 100.0 * (double)e.correct / (double)e.count,
           rt_fixed(e.loss, 4, loss), step, seconds);
    if (o->logits)
        printf("%s: outputs of %" PRId64 " samples\n", o->logits, limit);
    return RT_OK;
}

rt_status rt__command_eval(int argc, char **argv)
{
    options o = {0};
    const rt__option table[] = {
        {"--config", &o.config, NULL}, {"--logits", &o.logits, NULL}, {"--limit", &o.limit, NULL},
        {"--json", NULL, &o.json},     {"--best", NULL, &o.best},     {NULL, NULL, NULL},
    };
    rt__model m;
    RT_TRY(rt__arguments(argc, argv, table, usage, &o.path));
    if (o.limit && !o.logits)
        return RT_FAIL(ARG, "--limit: only with --logits: ringtorch %s", usage);
    RT_TRY(rt__model_open(o.path, o.best, o.config, &m));
    rt_status status = evaluate(&m, &o);
    rt__model_close(&m);
    return status;
}
