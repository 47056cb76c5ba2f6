/* ringtorch eval RUN|CHECKPOINT|FILE: loss and metrics over the whole test set, by the same code and
 * with the same bits as the evaluations of the run; with --logits also the model's raw outputs. */
#include "worker/commands/command.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/output.h"
#include "common/base/text.h"
#include "worker/evaluate.h"
#include <inttypes.h>
#include <ringtorch/formats.h>
#include <stdio.h>

typedef struct options {
    const char *config, *logits, *worker;
    int64_t limit; /* 0 for all */
    rt_option_list sets, plugins;
    bool json, best;
    rt_arguments args;
} options;

static rt_status parse(int argc, char **argv, options *o)
{
    const rt_option table[] = {
        {"best", 0, NULL, "of a run the checkpoint with the best evaluation, not the newest",
         .flag = &o->best},
        {"config", 0, "CONFIG", "take this configuration instead of the one in the checkpoint",
         .text = &o->config},
        {"set", 0, "KEY=VALUE",
         "override one key, for example data.path after the data was moved; none of the model's; "
         "may "
         "be repeated",
         .list = &o->sets},
        RT__PLUGIN_OPTION(&o->plugins),
        RT__WORKER_OPTION(&o->worker),
        {"logits", 0, "FILE",
         "write inputs, raw outputs and labels of the test samples as safetensors; - is standard "
         "output",
         .text = &o->logits},
        {"limit", 0, "N", "only of the first N test samples", .number = &o->limit, .least = 1,
         .most = INT64_MAX},
        {"json", 0, NULL, "the result as one JSON object", .flag = &o->json},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch eval",
        {"RUN|CHECKPOINT|FILE"},
        1,
        "Measures loss and metrics of a trained model on the whole test set. Of a run the newest "
        "checkpoint that verifies is taken; a FILE of weights (safetensors) needs --config. Other "
        "data (--set data.path=FILE) are read with the vocabulary, or the columns, means and "
        "deviations, that the model was trained with.",
        table,
        "Exit codes: 0 done, 1 failed, 2 wrong usage, checkpoint or data."};
    RT_TRY(rt_options_parse(&usage, argc, argv, &o->args));
    RT_TRY(rt__command_check_worker(o->worker));
    if (o->limit && !o->logits)
        return RT_FAIL(ARG, "--limit: only with --logits: see ringtorch eval --help");
    return RT_OK;
}

static rt_status add(rt_st_writer *w, const char *name, rt_tensor *x)
{
    return rt_st_add(w, name, rt_dtype_of(x), rt_dims_of(x), rt_data(x));
}

/* Adds inputs, outputs and targets of the first n test samples, [n, ...] each, under the task's names for them. */
static rt_status add_logits(rt_run *run, int64_t n, rt_st_writer *w)
{
    rt_run_prediction part[RT_RUN_PREDICTIONS];
    int count;
    RT_TRY(rt_run_predict(run, 0, n, part, &count));
    for (int i = 0; i < count; i++)
        RT_TRY(add(w, part[i].name, part[i].value));
    return RT_OK;
}

static rt_status finish_logits(rt_run *run, int64_t n, rt_st_writer *w)
{
    rt_scope scope = rt_scope_begin(); /* holds the tensors until they are written */
    rt_status status = add_logits(run, n, w);
    if (status == RT_OK)
        status = rt_st_finish(w, NULL, NULL);
    else
        rt_st_abandon(w);
    rt_scope_end(scope);
    return status;
}

/* Sets *out to the number of samples that --limit asks for. */
static rt_status check_limit(const options *o, const rt_run *run, int64_t *out)
{
    int64_t most = rt_run_eval_samples(run);
    *out = o->limit ? o->limit : most;
    if (*out > most)
        return RT_FAIL(RANGE,
                       "--limit %" PRId64 ": expected a number from 1 to %" PRId64
                       ", the size of the test set",
                       o->limit, most);
    return RT_OK;
}

static rt_status print_json(FILE *to, const rt_saved *s, const char *task, const rt_evaluation *e,
                            double seconds)
{
    json_t *j = json_pack("{s:s, s:o, s:s, s:I}", "checkpoint", s->dir, "step",
                          s->manifest.step >= 0 ? json_integer(s->manifest.step) : json_null(),
                          "task", task, "count", (json_int_t)e->count);
    if (j) {
        rt_metrics_put(&e->metrics, "", j);
        json_object_set_new(j, "counted", json_integer((json_int_t)e->counted));
        json_object_set_new(j, "seconds", json_real(seconds));
    }
    char *text = j ? rt_json_text(j) : NULL;
    if (text)
        rt_json_print(to, text);
    rt_mem_free(text);
    json_decref(j);
    return text ? RT_OK : RT_FAIL(NOMEM, "eval: out of memory");
}

static rt_status print(FILE *to, const rt__model *m, const options *o, const rt_evaluation *e,
                       double seconds)
{
    char step[32] = "", counted[64] = "";
    if (o->json)
        return print_json(to, &m->saved, rt_run_task(m->run), e, seconds);
    if (m->saved.manifest.step >= 0)
        snprintf(step, sizeof step, ", step %" PRId64, m->saved.manifest.step);
    rt_text words = {0};
    rt_metrics_text(&e->metrics, &words);
    char *text = rt_text_take(&words);
    if (!text)
        return rt_error_code();
    if (e->counted != e->count)
        snprintf(counted, sizeof counted, ", of which %" PRId64 " %s count", e->counted, e->unit);
    rt_text_print(to, "%s\n%" PRId64 " sample%s%s: %s%s, %.1f s\n", m->saved.dir, e->count,
                  rt_plural(e->count), counted, text, step, seconds);
    rt_mem_free(text);
    return RT_OK;
}

/* The outputs must not replace a file that is read. */
static rt_status create_logits(const rt__model *m, const options *o, rt_st_writer **out)
{
    const char *inputs[RT_RUN_FILES_MAX + 3];
    int n = rt_run_data_files(m->run, inputs);
    inputs[n++] = o->args.operand[0];
    inputs[n++] = o->config; /* NULL ends the list */
    inputs[n] = NULL;
    return rt__command_create(o->logits, inputs, out);
}

static rt_status evaluate(rt__model *m, const options *o)
{
    int64_t limit;
    rt_evaluation e;
    rt_st_writer *w = NULL;
    FILE *to = o->logits ? rt_output_remarks(o->logits) : stdout;
    RT_TRY(rt_run_open_test(m->run));
    RT_TRY(check_limit(o, m->run, &limit));
    if (o->logits) /* open before the work, which a bad path would waste */
        RT_TRY(create_logits(m, o, &w));
    double began = rt_clock();
    rt_status status = rt__evaluate(m->run, NULL, 0, 1, &e);
    double seconds = rt_clock() - began;
    if (status != RT_OK) {
        rt_st_abandon(w);
        return status;
    }
    if (w)
        RT_TRY(finish_logits(m->run, limit, w));
    RT_TRY(print(to, m, o, &e, seconds));
    if (w && !o->json)
        rt_text_print(to, "%s: outputs of %" PRId64 " sample%s\n", o->logits, limit,
                      rt_plural(limit));
    return RT_OK;
}

static rt_status open_and_evaluate(const options *o)
{
    rt__model m;
    RT_TRY(rt__command_plugins(&o->plugins));
    RT_TRY(rt__model_open(o->args.operand[0], o->best, o->config, &o->sets, &m));
    rt_status status = evaluate(&m, o);
    rt__model_close(&m);
    return status;
}

int rt__command_eval(int argc, char **argv)
{
    options o = {.sets.item = rt_malloc((size_t)argc * sizeof *o.sets.item),
                 .plugins.item = rt_malloc((size_t)argc * sizeof *o.plugins.item)};
    rt_status status = o.sets.item && o.plugins.item ? parse(argc, argv, &o) : rt_error_code();
    if (status == RT_OK && !o.args.help)
        status = open_and_evaluate(&o);
    rt_mem_free(o.sets.item);
    rt_mem_free(o.plugins.item);
    return rt_status_exit_code(status);
}
