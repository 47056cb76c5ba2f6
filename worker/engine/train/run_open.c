/* Opens a run from its configuration: data sets, net, optimiser. */
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/samples.h"
#include "common/base/text.h"
#include "common/config/config_length.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/nn/net_json.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/optim/schedule.h"
#include "worker/engine/train/lockstep.h"
#include <ringtorch/random.h>
#include <string.h>

/* Initial weights are drawn at a step number that no run reaches, so that no dropout mask repeats their random numbers. */
static const uint32_t STEP_OF_INIT = RT_STEPS_MAX + 1;

rt_status rt_run_open_test(rt_run *r)
{
    if (r->test)
        return RT_OK;
    rt_scope s = rt_scope_begin();
    r->test = rt_keep(rt__data_open(&r->config, false, rt_run_preprocessing(r), NULL));
    rt_scope_end(s);
    if (!r->test)
        return rt_error_code();
    RT_TRY(rt__data_check_same(rt_config_data_path(&r->config), r->train, r->test));
    RT_TRY(rt__task_check(&r->task, r->test, r->about.result, r->about.results));
    return rt__task_check_weight(&r->task, "test", r->test);
}

/* Returns the layers of the preset, with a last layer that fits the task, or those that the configuration lists; *out
 * is a new reference. */
static rt_status get_layers(const rt_config *cfg, const rt_task *task, const rt_dataset *train,
                            json_t **out)
{
    if (cfg->model.preset == RT_CFG_PRESET_NONE) {
        *out = json_incref(cfg->model.layers);
        return RT_OK;
    }
    int64_t outputs = task->row->outputs ? task->row->outputs(train) : 0;
    if (outputs == 0)
        return RT_FAIL(
            CONFIG,
            "model.preset: there is no ready-made network for the task %s: list model.layers",
            task->row->name);
    char *text = rt_nn_preset(rt_config_choice(cfg, "model.preset"), outputs);
    rt_status status =
        text ? rt_json_parse(text, strlen(text), "model.preset", out) : rt_error_code();
    rt_text_free(text);
    return status;
}

/* Lists the fields of a sample that a net can take; returns their number. */
static int fields_of(const rt_dataset *train, rt_nn_field field[RT_DATA_FIELDS_MAX])
{
    for (int i = 0; i < train->fields; i++) {
        const rt_data_field *f = &train->field[i];
        field[i] = (rt_nn_field){f->name, f->dims, f->dtype, f->classes, f->varies};
    }
    return train->fields;
}

static rt_status find_layout(json_t *layers, const rt_dataset *train, char **out)
{
    rt_nn_field field[RT_DATA_FIELDS_MAX];
    int fields = fields_of(train, field);
    json_t *layout = json_array();
    rt_status status = layout ? rt__nn_layout(layers, field, fields, layout)
                              : RT_FAIL(NOMEM, "layout: out of memory");
    *out = status == RT_OK ? rt_json_text(layout) : NULL;
    json_decref(layout);
    return rt_error_code();
}

static rt_status ask_to_accept(const rt_run_parts *parts, json_t *layers, const rt_dataset *train)
{
    char *layout;
    if (!parts->accept)
        return RT_OK;
    RT_TRY(find_layout(layers, train, &layout));
    rt_status status = parts->accept(parts->ctx, layout);
    rt_mem_free(layout);
    return status;
}

static rt_status freeze(rt_module *net, const json_t *patterns)
{
    size_t i;
    json_t *pattern;
    bool any = false;
    json_array_foreach((json_t *)patterns, i, pattern)
    {
        if (rt_nn_freeze(net, json_string_value(pattern), true) != RT_OK)
            return rt_error_prefix("model.freeze[%zu]", i);
    }
    for (int64_t k = 0; k < rt_nn_param_count(net) && !any; k++)
        any = rt_nn_param_trainable(net, k);
    return any || rt_nn_param_count(net) == 0
               ? RT_OK
               : RT_FAIL(CONFIG, "model.freeze: no parameter is left to be trained");
}

static rt_status build_layers(rt_run *r, const rt_config *cfg, const rt_run_parts *parts)
{
    json_t *layers;
    rt_nn_field field[RT_DATA_FIELDS_MAX];
    int fields = fields_of(r->train, field);
    RT_TRY(get_layers(cfg, &r->task, r->train, &layers));
    rt_status status = ask_to_accept(parts, layers, r->train);
    rt_random_seek(r->seed, STEP_OF_INIT, 0);
    if (status == RT_OK)
        r->net = rt_keep(rt__nn_build(layers, field, fields, r->layers, &r->about));
    json_decref(layers);
    return rt_error_code();
}

static rt_status make_net(rt_run *r, const rt_run_parts *parts)
{
    rt_random_seek(r->seed, STEP_OF_INIT, 0);
    r->net = rt_keep(parts->make(parts->ctx, r->train, &r->about));
    return rt_error_code();
}

static rt_status build_net(rt_run *r, const rt_config *cfg, const rt_run_parts *parts)
{
    RT_TRY(parts->make ? make_net(r, parts) : build_layers(r, cfg, parts));
    RT_TRY(freeze(r->net, cfg->model.freeze));
    return rt__task_check(&r->task, r->train, r->about.result, r->about.results);
}

static rt_status add_group(rt_run *r, size_t i, json_t *group)
{
    char where[64];
    snprintf(where, sizeof where, "optimizer.groups[%zu]", i);
    const char *pattern = json_string_value(json_object_get(group, "match"));
    RT_ASSERT(pattern); /* rt_config_check ensures this */
    json_t *values = json_copy(group);
    if (!values)
        return RT_FAIL(NOMEM, "%s: out of memory", where);
    json_object_del(values, "match");
    rt_status status = rt__optim_group(r->optim, pattern, values, where);
    json_decref(values);
    return status;
}

static rt_status make_optim(rt_run *r, const rt_config *cfg)
{
    size_t i;
    json_t *group;
    const void *values = rt_config_values(cfg, "optimizer");
    r->optim = rt_keep(rt__optim_new(r->net, (int)cfg->optimizer.name, values, cfg->optimizer.lr));
    if (!r->optim)
        return rt_error_code();
    json_array_foreach(cfg->optimizer.groups, i, group) RT_TRY(add_group(r, i, group));
    RT_TRY(rt__mirror_init(r));
    return rt__observed_init(&r->observed, rt_run_flat(r));
}

static rt_status set_length(rt_run *r, const rt_config *cfg)
{
    if (r->slices < 1 || r->slices > RT_SLICES_MAX || r->batch < r->slices)
        return RT_FAIL(CONFIG,
                       "%lld slices of a batch of %lld: expected at least one sample in each, and "
                       "at most %d slices",
                       (long long)r->slices, (long long)r->batch, RT_SLICES_MAX);
    RT_TRY(rt_config_steps(cfg, rt_data_size(r->train), &r->steps));
    if (r->steps >= STEP_OF_INIT)
        return RT_FAIL(CONFIG, "run.steps: %lld steps, expected fewer than %u", (long long)r->steps,
                       STEP_OF_INIT);
    return RT_OK;
}

/* Fails unless the task reports the metric by which checkpoints are compared. */
static rt_status check_metric(const rt_config *cfg, const rt_task_row *task)
{
    const rt_metric_row *row = rt_metric_find(cfg->checkpoint.best);
    if (!row || rt_metric_in_task(row, task->name))
        return RT_OK;
    rt_text told = {0};
    for (int i = 0; i < rt_metric_kinds(); i++)
        if (rt_metric_in_task(&rt_metric_rows[i], task->name))
            rt_text_add(&told, "%s%s", told.len ? ", " : "", rt_metric_rows[i].name);
    rt_status status =
        RT_FAIL(CONFIG, "checkpoint.best: %s is not reported by the task %s, only %s", row->name,
                task->name, told.data ? told.data : "?");
    rt_mem_free(told.data);
    return status;
}

static rt_status open_all(rt_run *r, const rt_config *cfg, const rt_run_parts *parts)
{
    RT_TRY(rt__mirror_find(r, cfg));
    r->train = rt_keep(rt__data_open(cfg, true, parts->preprocessing, parts->preprocessing_from));
    RT_TRY(rt_error_code());
    RT_TRY(rt__task_open(&r->task, cfg, parts->task, r->train));
    RT_TRY(rt__task_check_weight(&r->task, "training", r->train));
    r->weight = r->task.weight * (double)r->batch;
    RT_TRY(check_metric(cfg, r->task.row));
    RT_TRY(set_length(r, cfg));
    RT_TRY(rt__schedule_check(cfg));
    RT_TRY(build_net(r, cfg, parts));
    if (cfg->evaluate.every > 0 || cfg->evaluate.final)
        RT_TRY(rt_run_open_test(r));
    RT_TRY(rt_nn_to_device(r->net, r->mirror.device));
    RT_TRY(make_optim(r, cfg));
    r->place[0] = r->optim->flat.grad;
    RT_TRY(rt__run_describe(r));
    if (r->about.exchanges && r->slices > 1)
        RT_TRY(rt__lockstep_new(r, &r->lockstep));
    rt__batch_plan plan = {
        .data = r->train,
        .seed = r->seed,
        .batch = r->batch,
        .slices = r->slices,
        .together = r->lockstep != NULL,
    };
    RT_TRY(rt__batches_new(&plan, &r->batches));
    /* allocate now, not in the middle of a step */
    return r->audit > 0 ? rt__run_prepare_again(r) : RT_OK;
}

rt_status rt_run_start_engine(const rt_config *cfg)
{
    bool any_isa = cfg->parallel.isa == RT_CFG_ISA_AUTO,
         any_blas = cfg->parallel.blas == RT_CFG_BLAS_AUTO;
    return rt_init("cpu", .seed = (uint64_t)cfg->run.seed, .threads = (int)cfg->parallel.threads,
                   .isa = any_isa ? NULL : rt_config_choice(cfg, "parallel.isa"),
                   .blas = any_blas ? NULL : rt_config_choice(cfg, "parallel.blas"));
}

rt_status rt_run_find_layout(const rt_config *cfg, const char *preprocessing, char **layout)
{
    json_t *layers;
    *layout = NULL;
    rt_scope s = rt_scope_begin();
    rt_dataset *train = rt__data_open(cfg, true, preprocessing, NULL);
    rt_task task = {0};
    rt_status status = train ? rt__task_open(&task, cfg, NULL, train) : rt_error_code();
    if (status == RT_OK)
        status = get_layers(cfg, &task, train, &layers);
    if (status == RT_OK) {
        status = find_layout(layers, train, layout);
        json_decref(layers);
    }
    rt__task_close(&task);
    rt_scope_end(s);
    return status;
}

rt_status rt_run_open(const rt_config *cfg, int64_t slices, rt_run **out)
{
    return rt_run_open_with(cfg, slices, &(rt_run_parts){0}, out);
}

rt_status rt_run_open_with(const rt_config *cfg, int64_t slices, const rt_run_parts *parts,
                           rt_run **out)
{
    *out = NULL;
    rt_run *r = rt_calloc(1, sizeof *r);
    if (!r)
        return rt_error_code();
    r->seed = (uint64_t)cfg->run.seed;
    r->batch = cfg->data.batch;
    r->eval_batch = cfg->data.eval_batch;
    r->slices = slices;
    r->audit = cfg->run.audit;
    r->bad_slice = -1;
    r->layers = json_array();
    rt_scope s = rt_scope_begin();
    rt_status status = rt_config_copy(cfg, &r->config);
    if (status == RT_OK)
        status = open_all(r, cfg, parts);
    rt_scope_end(s);
    if (status != RT_OK) {
        rt_run_close(r);
        return status;
    }
    *out = r;
    return RT_OK;
}

void rt_run_close(rt_run *r)
{
    if (!r)
        return;
    rt__batches_free(r->batches);
    rt__lockstep_free(r->lockstep);
    for (int i = 1; i < RT_TREE_NODES_MAX; i++)
        rt__place_release(&r->place[i]);
    rt__place_release(&r->spare);
    rt__mirror_release(r);
    rt_free(r->optim);
    rt_free(r->net);
    rt_free(r->train);
    rt_free(r->test);
    rt_config_release(&r->config);
    rt__run_release_eval(r);
    rt__task_close(&r->task);
    json_decref(r->layers);
    rt_mem_free(r->layers_text);
    rt__observed_release(&r->observed);
    rt_mem_free(r->layout);
    rt_mem_free(r->data);
    rt_mem_free(r);
}

int64_t rt_run_steps(const rt_run *r)
{
    return r->steps;
}

int64_t rt_run_samples(const rt_run *r)
{
    return rt_data_size(r->train);
}

const char *rt_run_task(const rt_run *r)
{
    return r->task.row->name;
}

int64_t rt_run_sample_tokens(const rt_run *r)
{
    const rt_data_field *tokens = rt_data_find(r->train, "tokens");
    return tokens && !tokens->varies && tokens->dims.n == 1 ? tokens->dims.d[0] : 0;
}

_Static_assert((int)RT_RUN_FILES_MAX == 2 * (int)RT__DATA_FILES_MAX, "room for both sets' files");

int rt_run_data_files(const rt_run *r, const char *files[RT_RUN_FILES_MAX])
{
    const rt_dataset *sets[] = {r->train, r->test};
    int n = 0;
    for (int k = 0; k < 2; k++)
        for (int i = 0; sets[k] && i < sets[k]->files; i++)
            files[n++] = sets[k]->file[i].path;
    return n;
}

rt_module *rt_run_net(const rt_run *r)
{
    return r->net;
}

rt_optim *rt_run_optim(const rt_run *r)
{
    return r->optim;
}

double rt_run_lr(const rt_run *r, int64_t step)
{
    return rt__schedule_lr(&r->config, r->steps, step);
}

void rt_run_on_phase(rt_run *r, rt_run_phase_fn *f, void *ctx)
{
    r->on_phase = f;
    r->on_phase_ctx = ctx;
}
