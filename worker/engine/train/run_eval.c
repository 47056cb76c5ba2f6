/* Evaluation on the test set: the task's sums by chunk, and raw outputs by range. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/data/dataset.h"
#include "worker/engine/train/run_inside.h"
#include <math.h>
#include <string.h>

/* A sample's outputs may depend, in the last bit, on how many samples a matrix product handles together and on the sample's position among
 * them. So the net always gets the same groups, whatever data.eval_batch is: that is only how many samples are read at a time. */
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

/* Fills the buffers with groups of test samples, starting at group `begin`. Each group is read separately, because its samples' padding
 * must depend on that group only. */
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

/* Returns the samples of a group; the last group may have fewer. Owned by the scope. */
static rt_status read_group(rt_run *r, int64_t group, rt_batch *out)
{
    RT_TRY(make_buffers(r));
    if (group < r->eval_read.begin || group >= r->eval_read.end)
        RT_TRY(read_ahead(r, group));
    return rt__filled_wrap(&r->eval_group[group - r->eval_read.begin], r->test, out);
}

/* Runs the net without recording and in evaluation mode; its results are moved to the CPU. */
static rt_status predict(rt_run *r, const rt_batch *b, rt_tensor **results)
{
    bool former = rt_no_grad_begin();
    rt_nn_train(r->net, false);
    rt_status status = rt__run_forward(r, b, results);
    for (int i = 0; i < r->about.results && status == RT_OK; i++)
        results[i] = rt_to_device(results[i], (rt_device){0});
    rt_nn_train(r->net, true);
    rt_no_grad_end(former);
    return rt_error_code();
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
    rt_tensor *results[RT_NN_TENSORS];
    RT_TRY(read_group(r, group, &b));
    RT_TRY(predict(r, &b, results));
    return rt__task_score(&r->task, results, &b, sums);
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

rt_status rt_run_eval_finish(const rt_run *r, double *sums, rt_evaluation *out)
{
    int64_t n = rt_run_eval_sums(r);
    for (int64_t c = 1; c < rt_run_eval_chunks(r); c++)
        for (int64_t i = 0; i < n; i++)
            sums[i] += sums[c * n + i];
    const rt_task_row *task = r->task.row;
    bool all = !task->counted || r->task.weight > 0;
    *out = (rt_evaluation){.count = rt_run_eval_samples(r)};
    out->counted = all ? out->count : llround(task->counted(&r->task, sums));
    out->unit = all ? "samples" : task->unit;
    return rt__task_tell(&r->task, sums, &out->metrics);
}

/* ---- raw outputs ---- */

/* Lists the net's inputs, its results and the target by name, with their tensors of a batch. Returns their number. */
static int list_parts(const rt_run *r, const rt_batch *b, rt_tensor *const *results,
                      rt_run_prediction *out)
{
    int n = 0, target = (int)(rt_data_find(r->test, r->task.row->target) - r->test->field);
    for (int i = 0; i < r->about.inputs.count; i++) {
        int f = r->about.inputs.field[i];
        out[n++] = (rt_run_prediction){i ? r->test->field[f].name : "inputs", b->field[f]};
    }
    for (int i = 0; i < r->about.results; i++)
        out[n++] = (rt_run_prediction){rt__task_result_name(r->task.row, i), results[i]};
    out[n++] = (rt_run_prediction){rt__task_target_name(r->task.row), b->field[target]};
    return n;
}

/* Copies the samples that a group and [wanted.begin,wanted.end) have in common into the wanted rows. */
static rt_status copy_rows(rt_run *r, rt_range wanted, int64_t group, const rt_run_prediction *to)
{
    rt_batch b;
    rt_tensor *results[RT_NN_TENSORS];
    rt_run_prediction from[RT_RUN_PREDICTIONS];
    RT_TRY(read_group(r, group, &b));
    RT_TRY(predict(r, &b, results));
    int count = list_parts(r, &b, results, from);
    int64_t first = group * GROUP, begin = first, end = first + b.n;
    begin = begin < wanted.begin ? wanted.begin : begin;
    end = end > wanted.end ? wanted.end : end;
    for (int i = 0; i < count; i++) {
        rt_tensor *rows = rt_narrow(to[i].value, 0, begin - wanted.begin, end - begin);
        rt_dims dims = rt_dims_of(from[i].value);
        if (dims.n > 1) /* samples are padded to the longest in their group */
            rows = rt_narrow(rows, 1, 0, dims.d[1]);
        RT_TRY(rt_copy_into(rows, rt_narrow(from[i].value, 0, begin - first, end - begin)));
    }
    return RT_OK;
}

/* Returns a tensor for n samples. */
static rt_tensor *room_for(int64_t n, rt_dims sample, double value, rt_dtype dtype)
{
    rt_dims dims = {.n = sample.n + 1, .d = {n}};
    memcpy(dims.d + 1, sample.d, (size_t)sample.n * sizeof *sample.d);
    return rt_full(dims, value, dtype);
}

static rt_tensor *room_for_field(int64_t n, const rt_data_field *f)
{
    return room_for(n, f->dims, f->varies ? f->pad : 0, f->dtype);
}

/* Allocates tensors for n samples of each. */
static int make_room(const rt_run *r, int64_t n, rt_run_prediction *out)
{
    rt_batch rooms = {.n = n};
    rt_tensor *results[RT_NN_TENSORS];
    for (int f = 0; f < r->test->fields; f++)
        rooms.field[f] = room_for_field(n, &r->test->field[f]);
    for (int i = 0; i < r->about.results; i++)
        results[i] = room_for(n, r->about.result[i], 0, RT_F32);
    return list_parts(r, &rooms, results, out);
}

rt_status rt_run_predict(rt_run *r, int64_t begin, int64_t end,
                         rt_run_prediction out[RT_RUN_PREDICTIONS], int *count)
{
    *count = 0;
    if (begin < 0 || end < begin || end > rt_run_eval_samples(r))
        return RT_FAIL(RANGE, "test samples [%lld, %lld): there are %lld", (long long)begin,
                       (long long)end, (long long)rt_run_eval_samples(r));
    *count = make_room(r, end - begin, out);
    RT_TRY(rt_error_code());
    for (int64_t group = begin / GROUP; group * GROUP < end; group++) {
        rt_scope s = rt_scope_begin();
        rt_status status = copy_rows(r, (rt_range){begin, end}, group, out);
        rt_scope_end(s);
        RT_TRY(status);
    }
    return RT_OK;
}
