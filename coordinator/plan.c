#include "coordinator/plan.h"
#include "common/error.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/slices.h"
#include "common/text.h"
#include <inttypes.h>
#include <string.h>

void rt__source_release(rt__source *s)
{
    rt_mem_free(s->path);
    rt_mem_free(s->pieces);
    *s = (rt__source){0};
}

const char *rt__source_name(const rt__source *s)
{
    return s->path ? s->path : s->pieces ? "snapshot" : "fresh";
}

rt_status rt__plan_check_step(const rt__source *s, int64_t end_step)
{
    if (s->step > end_step)
        return RT_FAIL(CONFIG,
                       "%s: is at step %" PRId64 ", after the last step %" PRId64
                       " of this run: raise run.steps or run.epochs",
                       rt__source_name(s), s->step, end_step);
    return RT_OK;
}

/* Which samples a step takes depends on how many there are. */
static rt_status check_samples(const rt__source *s, const char *path, int64_t samples)
{
    if (s->step == 0 || s->samples == 0 || s->samples == samples)
        return RT_OK;
    return RT_FAIL(MISMATCH,
                   "%s: the training set has %" PRId64
                   " sample%s, and this run was made with %" PRId64 " up to step %" PRId64
                   ": the same run cannot go on with other data: bring the former back, or begin a "
                   "new run from its weights: another --run-dir and --set model.init=RUN",
                   path, samples, rt_plural(samples), s->samples, s->step);
}

static rt_status check_source(const rt__source *s, const rt__roster *roster, int64_t end_step,
                              const char *data)
{
    RT_TRY(check_samples(s, data, roster->samples));
    if (!s->path)
        return RT_OK;
    if (s->parameters != roster->parameters)
        return RT_FAIL(MISMATCH,
                       "%s: holds a model of %" PRId64 " parameters, this one has %" PRId64
                       ": resume with the configuration it was made with",
                       s->path, s->parameters, roster->parameters);
    if (strcmp(s->layout_hash, roster->layout_hash) != 0)
        return RT_FAIL(
            MISMATCH,
            "%s: parameter names, order or shapes differ from this model's (layout %.12s, here "
            "%.12s): resume with the configuration and version it was made with",
            s->path, s->layout_hash, roster->layout_hash);
    return rt__plan_check_step(s, end_step);
}

static rt_status hash_plan(const rt_config *cfg, const rt__roster *roster, const rt_msg_plan *p,
                           char hex[65])
{
    char config_hash[65];
    RT_TRY(rt_config_hash(cfg, config_hash));
    char *text = rt_strdup_printf(
        "%s %s %s %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s", config_hash,
        roster->layout_hash, roster->isa, roster->blas, roster->samples, p->world, p->slices,
        p->start_step, p->end_step, p->checkpoint);
    if (!text)
        return rt_error_code();
    rt_sha256 h;
    rt_status status = rt_sha256_init(&h);
    if (status == RT_OK) {
        rt_sha256_update(&h, text, strlen(text));
        rt_sha256_update(&h, p->slice_begin, (size_t)p->slice_begin_count * sizeof *p->slice_begin);
        rt_sha256_hex(&h, hex);
    }
    rt_mem_free(text);
    return status;
}

rt_status rt__plan_make(const rt_config *cfg, const rt__source *source, const rt__roster *roster,
                        int64_t end_step, const char *init_sha256, rt__plan *out)
{
    *out = (rt__plan){0};
    RT_TRY(check_source(source, roster, end_step, rt_config_data_path(cfg)));
    int64_t world = roster->world, slices = cfg->parallel.slices;
    out->slice_begin = rt_malloc((size_t)(world + 1) * sizeof *out->slice_begin);
    if (!out->slice_begin)
        return rt_error_code();
    for (int64_t r = 0; r < world; r++)
        out->slice_begin[r] = rt_slices_of_rank(slices, (int)world, (int)r).begin;
    out->slice_begin[world] = slices;
    out->message = (rt_msg_plan){
        .world = world,
        .slices = slices,
        .slice_begin = out->slice_begin,
        .slice_begin_count = world + 1,
        .start_step = source->step,
        .end_step = end_step,
        .source = source->path     ? 1
                  : source->pieces ? 2
                                   : 0,
        .checkpoint = source->path ? source->path : "",
        .pieces = source->pieces,
        .pieces_count = source->piece_numbers,
        .one_host = rt__roster_one_host(roster),
        .plan_hash = out->hash,
        .report_every = cfg->run.report_every,
        .checkpoint_every = cfg->checkpoint.every,
        .checkpoint_final = cfg->checkpoint.final,
        .evaluate_every = cfg->evaluate.every,
        .evaluate_final = cfg->evaluate.final,
        .init_sha256 = init_sha256,
    };
    rt_status status = hash_plan(cfg, roster, &out->message, out->hash);
    if (status != RT_OK)
        rt__plan_release(out);
    return status;
}

void rt__plan_release(rt__plan *p)
{
    rt_mem_free(p->slice_begin);
    rt_mem_free(p->best);
    *p = (rt__plan){0};
}
