/* The trainer: a run with all slices in one process. */
#include <math.h>
#include <ringtorch/train.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config_check.h"
#include "common/config/config_slices.h"
#include "common/config/plugins.h"
#include "worker/engine/base/object.h"
#include "worker/engine/formats/weights.h"
#include "worker/engine/plugin/plugin.h"
#include "worker/engine/train/run.h"

struct rt_trainer {
    rt_object object;
    rt_config config;
    rt_run *run;
    int64_t slices;
    int64_t at;
    double *sums; /* see rt_run_sums */
};

static void trainer_destroy(void *object)
{
    rt_trainer *t = object;
    rt_run_close(t->run);
    rt_config_release(&t->config);
    rt_mem_free(t->sums);
}

static const rt_object_type trainer_type = {.name = "trainer", .destroy = trainer_destroy};

static bool is_trainer(const char *what, const rt_trainer *t)
{
    return rt__object_is(t, &trainer_type, what, 1);
}

static rt_status open_trainer(rt_trainer *t, const rt_trainer_args *a)
{
    size_t sets = 0;
    while (a->set && a->set[sets])
        sets++;
    rt_config_set_plugin_describer(rt__plugin_describe);
    RT_TRY(rt_config_load_new(a->config, a->set, sets, &t->config));
    RT_TRY(rt_config_check(&t->config));
    RT_TRY(rt__plugins_load(&t->config));
    RT_TRY(rt_config_resolve_slices(&t->config));
    const rt_config *cfg = &t->config;
    t->slices = cfg->parallel.slices;
    RT_TRY(rt_run_start_engine(cfg));
    RT_TRY(rt_run_open(cfg, t->slices, &t->run));
    rt_module *net = rt_run_net(t->run);
    const char *init = cfg->model.init;
    if (init[0] && (rt__weights_assign_file(net, init, cfg->model.init_partial) != RT_OK ||
                    rt__weights_check_values(net, init) != RT_OK))
        return rt_error_prefix(
            "model.init (here a safetensors file, as ringtorch export writes it)");
    t->sums = rt_calloc((size_t)rt_run_sum_count(t->run), sizeof *t->sums);
    return rt_error_code();
}

rt_trainer *rt_trainer_open_(rt_trainer_args a)
{
    if (!a.config)
        return RT_FAIL_NULL(ARG, "trainer: .config must name a file");
    rt_scope s = rt_scope_begin();
    rt_trainer *t = rt__object_new(&trainer_type, sizeof *t);
    if (!t)
        return NULL;
    return rt_scope_return(s, open_trainer(t, &a) == RT_OK ? t : NULL);
}

/* Returns the factor that reduces the norm of the mean gradient to optimizer.clip_norm; 1 if it is
 * small enough. */
static double clip_scale(const rt_trainer *t)
{
    double most = t->config.optimizer.clip_norm;
    if (most == 0)
        return 1;
    double norm =
        rt_optim_norm_of_blocks(t->sums, rt_run_blocks(t->run)) / rt_run_weigh(t->run, t->sums);
    return norm > most ? most / norm : 1;
}

static rt_status update(rt_trainer *t, rt_range all)
{
    double scale = clip_scale(t);
    rt_optim *optim = rt_run_optim(t->run);
    for (int round = 0; round < rt_optim_rounds(optim); round++) {
        RT_TRY(rt_run_measure(t->run, t->at, round, all, scale));
        RT_TRY(rt_optim_settle(optim, round, t->at + 1));
    }
    return rt_run_update(t->run, t->at, all, scale);
}

/* Makes the update, or does what run.nan_loss says if the sums are not finite. The library has no
 * checkpoints to go back to. */
static rt_status conclude(rt_trainer *t, rt_range all)
{
    int64_t blocks = rt_run_blocks(t->run);
    RT_TRY(rt_run_sums(t->run, all, t->sums));
    double weight = rt_run_weigh(t->run, t->sums);
    if (rt_run_finite(t->sums, (rt_range){0, rt_run_sum_count(t->run)}))
        return update(t, all);
    int64_t slice;
    if (t->config.run.nan_loss != RT_CFG_NAN_SKIP)
        return rt_run_not_finite(t->run, t->at, (rt_range){0, t->slices}, t->sums[blocks] / weight,
                                 true, &slice);
    rt_run_skip(t->run, t->at, all);
    return RT_OK;
}

rt_status rt_trainer_step(rt_trainer *t)
{
    if (rt_failed() || !is_trainer("trainer_step", t))
        return rt_error_code();
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    RT_TRY(rt_run_gradients(t->run, t->at, (rt_range){0, t->slices}, parts, &count));
    RT_ASSERT(count == 1 &&
              parts[0].data == rt_run_flat(t->run)->grad); /* all slices are one node */
    RT_TRY(conclude(t, (rt_range){0, rt_run_flat(t->run)->length}));
    t->at++;
    return RT_OK;
}

int64_t rt_trainer_at(const rt_trainer *t)
{
    return is_trainer("trainer_at", t) ? t->at : 0;
}

int64_t rt_trainer_steps(const rt_trainer *t)
{
    return is_trainer("trainer_steps", t) ? rt_run_steps(t->run) : 0;
}

double rt_trainer_loss(const rt_trainer *t)
{
    return is_trainer("trainer_loss", t) ? rt_run_loss(t->run) : NAN;
}

rt_module *rt_trainer_net(const rt_trainer *t)
{
    return is_trainer("trainer_net", t) ? rt_run_net(t->run) : NULL;
}

rt_status rt_trainer_evaluate(rt_trainer *t, rt_evaluation *out)
{
    if (!rt__given(out, "trainer_evaluate", "place for the result"))
        return rt_error_code();
    *out = (rt_evaluation){0};
    if (!is_trainer("trainer_evaluate", t))
        return rt_error_code();
    RT_TRY(rt_run_open_test(t->run));
    int64_t chunks = rt_run_eval_chunks(t->run), n = rt_run_eval_sums(t->run);
    double *sums = rt_calloc((size_t)(chunks * n), sizeof *sums);
    rt_status status = rt_error_code();
    for (int64_t c = 0; c < chunks && status == RT_OK; c++)
        status = rt_run_eval_chunk(t->run, c, sums + c * n);
    if (status == RT_OK)
        status = rt_run_eval_finish(t->run, sums, out);
    rt_mem_free(sums);
    return status;
}

rt_status rt_trainer_weights_sha256(const rt_trainer *t, char hex[65])
{
    if (!is_trainer("trainer_weights_sha256", t) ||
        !rt__given(hex, "trainer_weights_sha256", "place for the text"))
        return rt_error_code();
    return rt_run_weights_sha256(t->run, hex);
}
