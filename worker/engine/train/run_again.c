/* A slice once more. What a slice gives is a pure function of parameters, seed, step and slice, so
 * whoever computes it again must get the same bits: if not, one of two processors or memories is at
 * fault (P. H. Hochschild et al., "Cores that don't count", HotOS 2021). And a gradient that is not
 * finite is traced to its slice in the same way. Gradients go to a buffer of their own and samples
 * are read beside those made ahead, so the step does not notice. */
#include <math.h>
#include <stdio.h>
#include "common/error.h"
#include "common/hash.h"
#include "common/samples.h"
#include "worker/engine/train/run_inside.h"

rt_status rt__run_prepare_again(rt_run *r)
{
    const rt__filled *f;
    if (!r->spare.buffer)
        RT_TRY(rt__place_init(&r->spare, rt_run_flat(r)));
    return rt__batches_again(r->batches, 0, 0, &f);
}

/* Computes any slice into the spare buffer. */
static rt_status compute_again(rt_run *r, int64_t step, int64_t slice, double *loss)
{
    const rt__filled *f;
    RT_TRY(rt__run_prepare_again(r));
    rt__run_phase(r, "load", slice);
    RT_TRY(rt__batches_again(r->batches, step, slice, &f));
    return rt__run_slice(r, step, slice, f, &r->spare, loss);
}

/* ---- audits ---- */

void rt_run_on_audit(rt_run *r, rt_run_audit_fn *f, void *ctx)
{
    r->on_audit = f;
    r->on_audit_ctx = ctx;
}

static bool is_audited(const rt_run *r, int64_t step, int64_t slice)
{
    return r->on_audit && rt_slice_is_audited(r->seed, r->audit, step, slice);
}

void rt__run_tell_audit(const rt_run *r, int64_t step, int64_t slice, bool owner,
                        const rt__place *place)
{
    if (!is_audited(r, step, slice))
        return;
    size_t bytes = (size_t)rt_run_flat(r)->length * sizeof(float);
    r->on_audit(r->on_audit_ctx, step, slice, owner, rt_hash64(rt__run_read(r, place), bytes));
}

rt_status rt_run_audit(rt_run *r, int64_t step, rt_range slices)
{
    double loss;
    for (int64_t s = slices.begin; s < slices.end; s++) {
        if (!is_audited(r, step, s))
            continue;
        RT_TRY(compute_again(r, step, s, &loss));
        rt__run_tell_audit(r, step, s, false, &r->spare);
    }
    return RT_OK;
}

/* ---- what is not finite ---- */

static bool all_finite(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* The first of some slices whose gradient is not finite; -1: none. */
static rt_status find_bad_gradient(rt_run *r, int64_t step, rt_range slices, int64_t *slice)
{
    double loss;
    *slice = -1;
    for (int64_t s = slices.begin; s < slices.end && *slice < 0; s++) {
        RT_TRY(compute_again(r, step, s, &loss));
        const float *spare = rt__run_read(r, &r->spare);
        if (!spare || !all_finite(spare, rt_run_flat(r)->length))
            *slice = s;
    }
    return RT_OK;
}

/* Says what was found, in which slice of which samples, or where it was looked for in vain. Steps are told as in
 * metrics.jsonl: the first is 1. */
static void describe(const rt_run *r, int64_t step, rt_range slices, double mean_loss, bool looked,
                     int64_t slice, char text[RT_RUN_TEXT])
{
    char what[80], samples[RT_RUN_TEXT - 160];
    double loss = slice < 0 ? mean_loss : r->bad_loss;
    if (isfinite(mean_loss))
        snprintf(what, sizeof what, "the loss is %g but the gradient is not finite", mean_loss);
    else
        snprintf(what, sizeof what, "the loss is %s", isnan(loss) ? "nan" : "infinite");
    if (slice >= 0) {
        rt_sampling p = {r->seed, rt_run_samples(r), r->batch, r->slices};
        rt_slice_sample_text(&p, step, slice, samples, sizeof samples);
        snprintf(text, RT_RUN_TEXT, "step %lld, slice %lld: %s: samples %s", (long long)step + 1,
                 (long long)slice, what, samples);
    } else if (looked) {
        snprintf(text, RT_RUN_TEXT, "step %lld: %s: the reason is in none of slices [%lld,%lld)",
                 (long long)step + 1, what, (long long)slices.begin, (long long)slices.end);
    } else {
        snprintf(text, RT_RUN_TEXT, "step %lld: %s: with run.report_every=1 the slice is named",
                 (long long)step + 1, what);
    }
}

rt_status rt_run_blame(rt_run *r, int64_t step, rt_range slices, double mean_loss, bool unchanged,
                       int64_t *slice, char text[RT_RUN_TEXT])
{
    *slice = r->bad_slice;
    bool by_loss = !isfinite(mean_loss);
    if (!by_loss && unchanged)
        RT_TRY(find_bad_gradient(r, step, slices, slice));
    describe(r, step, slices, mean_loss, by_loss || unchanged, *slice, text);
    return RT_OK;
}

rt_status rt_run_not_finite(rt_run *r, int64_t step, rt_range slices, double mean_loss,
                            bool unchanged, int64_t *slice)
{
    char text[RT_RUN_TEXT];
    RT_TRY(rt_run_blame(r, step, slices, mean_loss, unchanged, slice, text));
    return RT_FAIL(NUMERIC,
                   "%s: lower optimizer.lr, lengthen schedule.warmup or set optimizer.clip_norm",
                   text);
}
