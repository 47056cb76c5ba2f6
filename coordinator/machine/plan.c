#include "coordinator/machine/plan.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "common/base/text.h"
#include "common/state/data_identity.h"
#include <inttypes.h>
#include <string.h>

void rt__source_release(rt__source *s)
{
    rt_mem_free(s->path);
    rt_mem_free(s->pieces);
    json_decref(s->data);
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

#define WAY_ON                                                                                     \
    "the same run cannot go on with other data: bring the former back, or begin a new run from "   \
    "its weights: another --run-dir and --set model.init=RUN"

#define CODE_WAY_ON                                                                                \
    "the same run cannot go on with another %s: bring the former file back, or begin a new run "   \
    "from its weights: another --run-dir and --set model.init=RUN"

#define OF_INIT " (preprocessing.json of a run that began with model.init)"

/* A run can only go on with the data it was made with: the samples of a step depend on how many there are, and its result on what they
 * hold. */
static rt_status check_data(const rt__source *s, const char *path, const rt__roster *roster)
{
    rt_data_difference d;
    int64_t made = s->made > s->step ? s->made : s->step;
    if (made == 0)
        return RT_OK;
    if (s->samples != 0 && s->samples != roster->samples)
        return RT_FAIL(MISMATCH,
                       "%s: the training set has %" PRId64
                       " sample%s, and this run was made with %" PRId64 " up to step %" PRId64
                       ": " WAY_ON,
                       path, roster->samples, rt_plural(roster->samples), s->samples, made);
    bool differs = rt_data_differs(roster->data, s->data, &d);
    if (differs && d.code)
        return RT_FAIL(
            MISMATCH,
            "%s: has changed: it is %s, and this run was made with %s up to step %" PRId64
            ": " CODE_WAY_ON,
            d.what, d.now, d.then, made, d.code);
    if (differs)
        return RT_FAIL(
            MISMATCH,
            "%s%s: has changed: it is %s, and this run was made with %s up to step %" PRId64
            ": " WAY_ON,
            d.what, strcmp(d.what, "preprocessing") == 0 ? OF_INIT : "", d.now, d.then, made);
    return RT_OK;
}

static rt_status check_source(const rt__source *s, const rt__roster *roster, int64_t end_step,
                              const char *data)
{
    RT_TRY(check_data(s, data, roster));
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

static void hash_mesh(rt_sha256 *h, const rt_msg_plan *p)
{
    for (int64_t i = 0; i < p->axes_count; i++)
        rt_sha256_update(h, p->axes[i], strlen(p->axes[i]) + 1);
    rt_sha256_update(h, p->axis_sizes, (size_t)p->axis_sizes_count * sizeof *p->axis_sizes);
    rt_sha256_update(h, p->owned, (size_t)p->owned_count * sizeof *p->owned);
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
        hash_mesh(&h, p);
        rt_sha256_hex(&h, hex);
    }
    rt_mem_free(text);
    return status;
}

/* Distributes slices and blocks. The mesh has a single axis, so a rank is its own coordinate. */
static rt_status deal_out(rt__plan *p, int64_t slices, int64_t world, int64_t elements)
{
    int64_t blocks = rt_block_count(elements + RT_BLOCK_SCALARS);
    p->axes[0] = RT_AXIS_DATA;
    p->axis_sizes[0] = world;
    p->slice_begin = rt_malloc((size_t)(world + 1) * sizeof *p->slice_begin);
    p->owned = rt_malloc((size_t)world * sizeof *p->owned);
    if (!p->slice_begin || !p->owned)
        return rt_error_code();
    for (int64_t r = 0; r < world; r++) {
        rt_range own = rt_blocks_of_rank(blocks, (int)world, (int)r);
        p->slice_begin[r] = rt_slices_of_rank(slices, (int)world, (int)r).begin;
        p->owned[r] = (rt_msg_blocks){.begin = own.begin, .end = own.end};
    }
    p->slice_begin[world] = slices;
    return RT_OK;
}

rt_status rt__plan_make(const rt_config *cfg, const rt__source *source, const rt__roster *roster,
                        int64_t end_step, const char *init_sha256, rt__plan *out)
{
    *out = (rt__plan){0};
    RT_TRY(check_source(source, roster, end_step, rt_config_data_path(cfg)));
    int64_t world = roster->world, slices = cfg->parallel.slices;
    rt_status status = deal_out(out, slices, world, roster->elements);
    if (status != RT_OK) {
        rt__plan_release(out);
        return status;
    }
    out->message = (rt_msg_plan){
        .world = world,
        .axes = out->axes,
        .axes_count = 1,
        .axis_sizes = out->axis_sizes,
        .axis_sizes_count = 1,
        .owned = out->owned,
        .owned_count = world,
        .slices = slices,
        .slice_begin = out->slice_begin,
        .slice_begin_count = world + 1,
        .start_step = source->step,
        .end_step = end_step,
        .source = source->path     ? RT_SOURCE_CHECKPOINT
                  : source->pieces ? RT_SOURCE_SNAPSHOT
                                   : RT_SOURCE_FRESH,
        .checkpoint = source->path ? source->path : "",
        .pieces = source->pieces,
        .pieces_count = source->piece_count,
        .one_host = rt__roster_one_host(roster),
        .plan_hash = out->hash,
        .report_every = cfg->run.report_every,
        .checkpoint_every = cfg->checkpoint.every,
        .checkpoint_final = cfg->checkpoint.final,
        .evaluate_every = cfg->evaluate.every,
        .evaluate_final = cfg->evaluate.final,
        .init_sha256 = init_sha256,
    };
    status = hash_plan(cfg, roster, &out->message, out->hash);
    if (status != RT_OK)
        rt__plan_release(out);
    return status;
}

void rt__plan_release(rt__plan *p)
{
    rt_mem_free(p->slice_begin);
    rt_mem_free(p->owned);
    rt_mem_free(p->best);
    *p = (rt__plan){0};
}
