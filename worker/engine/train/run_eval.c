/* The test set: the task's sums by chunk, raw outputs by range. */
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/data/dataset.h"
#include "worker/engine/train/run_inside.h"

/* Outputs of a sample may depend, in the last bit, on how many others a matrix product takes along and on its place among
 * them. So the net always sees the same groups, whatever data.eval_batch is: that many samples are read at a time. */
enum { GROUP = 16 };

static rt_status make_buffers(rt_run *r)
{
    if (r->eval_group)
        return RT_OK;
    int64_t groups = (r->eval_batch + GROUP - 1) / GROUP, all = rt_run_eval_chunks(r);
    groups = groups < all ? groups : all;
    r->eval_group = rt_calloc((size_t)groups, sizeof *r->eval_group);
    for (int64_t i = 0; i < groups && r->eval_group; i++, r->eval_groups++)
        RT_TRY(rt__filled_init(&r->eval_group[i], r->test, GROUP));
    return rt_error_code();
}

void rt__run_release_eval(rt_run *r)
{
    for (int64_t i = 0; i < r->eval_groups; i++)
        rt__filled_release(&r->eval_group[i]);
    rt_mem_free(r->eval_group);
}

/* Fills the buffers with groups of test samples from `begin` on. Each is read by itself: how far its samples are padded is
 * for them alone to say. */
static rt_status read_ahead(rt_run *r, int64_t begin)
{
    int64_t ids[GROUP], count = rt_run_eval_samples(r), end = rt_run_eval_chunks(r);
    end = begin + r->eval_groups < end ? begin + r->eval_groups : end;
    r->eval_read = (rt_range){0, 0};
    for (int64_t group = begin; group < end; group++) {
        int64_t n = 0;
        for (int64_t id = group * GROUP; n < GROUP && id < count; id++)
            ids[n++] = id;
        RT_TRY(rt__filled_read(&r->eval_group[group - begin], r->test, ids, n));
    }
    r->eval_read = (rt_range){begin, end};
    return RT_OK;
}

/* Gives the samples of a group, of which the last one may have fewer. Owned by the scope. */
static rt_status read_group(rt_run *r, int64_t group, rt_batch *out)
{
    RT_TRY(make_buffers(r));
    if (group < r->eval_read.begin || group >= r->eval_read.end)
        RT_TRY(read_ahead(r, group));
    return rt__filled_wrap(&r->eval_group[group - r->eval_read.begin], r->test, out);
}

/* Runs the net without recording, dropout and the like switched off; NULL on failure. */
static rt_tensor *predict(rt_run *r, rt_tensor *x)
{
    bool former = rt_no_grad_begin();
    rt_nn_train(r->net, false);
    rt_tensor *logits = rt_forward(r->net, rt_to_device(x, r->mirror.device));
    if (logits)
        logits = rt_to_device(logits, (rt_device){0});
    rt_nn_train(r->net, true);
    rt_no_grad_end(former);
    return logits;
}

int64_t rt_run_eval_samples(const rt_run *r)
{
    return rt_data_size(r->test);
}

int64_t rt_run_eval_chunks(const rt_run *r)
{
    return (rt_run_eval_samples(r) + GROUP - 1) / GROUP;
}

int64_t rt_run_eval_sums(const rt_run *r)
{
    return r->task.sums;
}

static rt_status score(rt_run *r, int64_t group, double *sums)
{
    rt_batch b;
    RT_TRY(read_group(r, group, &b));
    return r->task.row->score(&r->task, predict(r, b.field[0]), &b, sums);
}

rt_status rt_run_eval_chunk(rt_run *r, int64_t chunk, double *sums)
{
    int64_t chunks = rt_run_eval_chunks(r);
    if (chunk < 0 || chunk >= chunks)
        return RT_FAIL(RANGE, "evaluation chunk %lld, expected one of %lld", (long long)chunk,
                       (long long)chunks);
    rt_scope s = rt_scope_begin();
    rt_status status = score(r, chunk, sums);
    rt_scope_end(s);
    return status;
}

void rt_run_eval_finish(const rt_run *r, double *sums, rt_evaluation *out)
{
    int64_t n = rt_run_eval_sums(r);
    for (int64_t c = 1; c < rt_run_eval_chunks(r); c++)
        for (int64_t i = 0; i < n; i++)
            sums[i] += sums[c * n + i];
    *out = (rt_evaluation){.count = rt_run_eval_samples(r)};
    r->task.row->tell(&r->task, sums, &out->metrics);
}

/* Puts what a group and [wanted.begin,wanted.end) have in common into the rows of what is wanted. */
static rt_status copy_rows(rt_run *r, rt_range wanted, int64_t group, const rt_run_outputs *to)
{
    rt_batch b;
    RT_TRY(read_group(r, group, &b));
    int64_t first = group * GROUP, begin = first, end = first + b.n;
    begin = begin < wanted.begin ? wanted.begin : begin;
    end = end > wanted.end ? wanted.end : end;
    rt_tensor *const from[] = {b.field[0], predict(r, b.field[0]),
                               rt_batch_field(&b, r->task.row->target)};
    rt_tensor *const into[] = {to->inputs, to->outputs, to->targets};
    for (int i = 0; i < 3; i++)
        RT_TRY(rt_copy_into(rt_narrow(into[i], 0, begin - wanted.begin, end - begin),
                            rt_narrow(from[i], 0, begin - first, end - begin)));
    return RT_OK;
}

/* A tensor for n samples. */
static rt_tensor *room_for(int64_t n, rt_dims sample, rt_dtype dtype)
{
    rt_dims dims = {.n = sample.n + 1, .d = {n}};
    memcpy(dims.d + 1, sample.d, (size_t)sample.n * sizeof *sample.d);
    return rt_empty(dims, dtype);
}

rt_status rt_run_predict(rt_run *r, int64_t begin, int64_t end, rt_run_outputs *out)
{
    const rt_data_field *input = &r->test->field[0],
                        *target = rt_data_find(r->test, r->task.row->target);
    int64_t n = end - begin;
    *out = (rt_run_outputs){.output_name = r->task.row->output_name,
                            .target_name = r->task.row->target_name};
    if (begin < 0 || end < begin || end > rt_run_eval_samples(r))
        return RT_FAIL(RANGE, "test samples [%lld, %lld): there are %lld", (long long)begin,
                       (long long)end, (long long)rt_run_eval_samples(r));
    if (input->varies || target->varies)
        return RT_FAIL(UNSUPPORTED,
                       "samples of '%s' have lengths of their own: their outputs are no one tensor",
                       input->varies ? input->name : target->name);
    out->inputs = room_for(n, input->dims, input->dtype);
    out->outputs = room_for(n, r->output, RT_F32);
    out->targets = room_for(n, target->dims, target->dtype);
    RT_TRY(rt_error_code());
    for (int64_t group = begin / GROUP; group * GROUP < end; group++) {
        rt_scope s = rt_scope_begin();
        rt_status status = copy_rows(r, (rt_range){begin, end}, group, out);
        rt_scope_end(s);
        RT_TRY(status);
    }
    return RT_OK;
}
