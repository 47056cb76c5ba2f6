/* Recomputing a slice. A slice's result is a pure function of parameters, seed, step and slice, so any process
 * that recomputes it must get the same bits; otherwise one of two processors or memories is faulty (P. H.
 * Hochschild et al., "Cores that don't count", HotOS 2021). A gradient that is not finite is traced to its slice
 * in the same way. Gradients go to a separate buffer and samples are read separately from the read-ahead, so the
 * step is not disturbed. */
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/samples.h"
#include "worker/engine/train/run_inside.h"
#include <math.h>
#include <stdio.h>

rt_status rt__run_prepare_again(rt_run *r)
{
    const rt__filled *f;
    if (!r->spare.buffer)
        RT_TRY(rt__place_init(&r->spare, rt_run_flat(r)));
    return rt__batches_again(r->batches, 0, 0, &f);
}

/* Computes any slice into the spare buffer. */
static rt_status compute_again(rt_run *r, int64_t step, int64_t slice)
{
    const rt__filled *f;
    RT_TRY(rt__run_prepare_again(r));
    rt__run_phase(r, RT_PHASE_LOAD, slice);
    RT_TRY(rt__batches_again(r->batches, step, slice, &f));
    return rt__run_slice(r, step, slice, f, &r->spare);
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

void rt__run_report_audit(const rt_run *r, int64_t step, int64_t slice, bool owner,
                          const rt__place *place)
{
    if (!is_audited(r, step, slice))
        return;
    size_t bytes = (size_t)rt_run_flat(r)->length * sizeof(float);
    r->on_audit(r->on_audit_ctx, step, slice, owner, rt_hash64(rt__run_read(r, place), bytes));
}

rt_status rt_run_audit(rt_run *r, int64_t step, rt_range slices)
{
    for (int64_t s = slices.begin; s < slices.end; s++) {
        if (!is_audited(r, step, s))
            continue;
        RT_TRY(compute_again(r, step, s));
        rt__run_report_audit(r, step, s, false, &r->spare);
    }
    return RT_OK;
}

/* ---- values that are not finite ---- */

static bool all_finite(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Finds the first of some slices whose gradient is not finite; *slice is -1 if there is none. */
static rt_status find_bad_gradient(rt_run *r, int64_t step, rt_range slices, int64_t *slice)
{
    *slice = -1;
    for (int64_t s = slices.begin; s < slices.end && *slice < 0; s++) {
        RT_TRY(compute_again(r, step, s));
        const float *spare = rt__run_read(r, &r->spare);
        if (!spare || !all_finite(spare, rt_run_flat(r)->length))
            *slice = s;
    }
    return RT_OK;
}

/* Describes what was found, in which slice and samples, or which slices were searched in vain. Steps are
 * numbered as in metrics.jsonl: the first is 1. */
static void describe(const rt_run *r, int64_t step, rt_range slices, double mean_loss, bool looked,
                     int64_t slice, char text[RT_RUN_TEXT])
{
    char what[80], samples[RT_RUN_TEXT - 160];
    double loss = slice < 0 ? mean_loss : (double)r->bad_loss;
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
        snprintf(text, RT_RUN_TEXT, "step %lld: %s: the cause is in none of slices [%lld,%lld)",
                 (long long)step + 1, what, (long long)slices.begin, (long long)slices.end);
    } else {
        snprintf(text, RT_RUN_TEXT, "step %lld: %s: %s", (long long)step + 1, what,
                 r->lockstep ? "slices that exchange values are not computed again to name one"
                             : "with run.report_every=1 the slice is named");
    }
}

rt_status rt_run_blame(rt_run *r, int64_t step, rt_range slices, double mean_loss, bool unchanged,
                       int64_t *slice, char text[RT_RUN_TEXT])
{
    *slice = r->bad_slice;
    bool by_loss = !isfinite(mean_loss), by_gradient = unchanged && !r->lockstep;
    if (!by_loss && by_gradient)
        RT_TRY(find_bad_gradient(r, step, slices, slice));
    describe(r, step, slices, mean_loss, by_loss || by_gradient, *slice, text);
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
