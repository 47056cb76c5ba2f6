/* The test set: loss and right answers by chunk, raw outputs by range. */
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/data/dataset.h"
#include "worker/engine/train/run_inside.h"

static rt_status make_buffers(rt_run *r)
{
    if (r->eval_x)
        return RT_OK;
    size_t n = (size_t)r->eval_batch;
    if (n > (size_t)r->test->count)
        n = (size_t)r->test->count;
    r->eval_ids = rt_calloc(n, sizeof *r->eval_ids);
    r->eval_y = rt_calloc(n, sizeof *r->eval_y);
    r->eval_x = rt_calloc(n, (size_t)r->test->sample_numel * sizeof *r->eval_x);
    return rt_error_code();
}

/* Reads test samples [begin,end), at most a chunk of them. */
static rt_status read_samples(rt_run *r, int64_t begin, int64_t end, rt__filled *out)
{
    RT_TRY(make_buffers(r));
    *out = (rt__filled){.x = r->eval_x, .y = r->eval_y, .n = end - begin};
    for (int64_t i = 0; i < out->n; i++)
        r->eval_ids[i] = begin + i;
    return rt_data_read(r->test, r->eval_ids, out->n, out->x, out->y);
}

/* Runs the net without recording, dropout and the like switched off; NULL on failure. */
static rt_tensor *predict(rt_run *r, rt_tensor *x)
{
    bool former = rt_no_grad_begin();
    rt_nn_train(r->net, false);
    rt_tensor *logits = rt_forward(r->net, x);
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
    return (rt_run_eval_samples(r) + r->eval_batch - 1) / r->eval_batch;
}

static rt_status score(rt_run *r, int64_t begin, int64_t end, double *loss_sum, int64_t *correct)
{
    rt__filled f;
    rt_tensor *x, *y;
    RT_TRY(read_samples(r, begin, end, &f));
    RT_TRY(rt__run_wrap(r, &f, &x, &y));
    rt_tensor *logits = predict(r, x);
    *loss_sum = rt_item(rt_cross_entropy(logits, y, .reduction = RT_SUM));
    const int64_t *answer = rt_i64(rt_argmax(logits, 1));
    *correct = 0;
    for (int64_t i = 0; answer && i < f.n; i++)
        *correct += answer[i] == f.y[i];
    return rt_error_code();
}

rt_status rt_run_eval_chunk(rt_run *r, int64_t chunk, double *loss_sum, int64_t *correct)
{
    int64_t chunks = rt_run_eval_chunks(r), begin = chunk * r->eval_batch,
            end = begin + r->eval_batch;
    if (chunk < 0 || chunk >= chunks)
        return RT_FAIL(RANGE, "evaluation chunk %lld, expected one of %lld", (long long)chunk,
                       (long long)chunks);
    if (end > rt_run_eval_samples(r))
        end = rt_run_eval_samples(r);
    rt_scope s = rt_scope_begin();
    rt_status status = score(r, begin, end, loss_sum, correct);
    rt_scope_end(s);
    return status;
}

/* Puts the outputs of samples [begin,end) into rows begin - first on of the three tensors. */
static rt_status copy_rows(rt_run *r, int64_t first, int64_t begin, int64_t end, rt_tensor *inputs,
                           rt_tensor *logits, rt_tensor *labels)
{
    rt__filled f;
    rt_tensor *x, *y;
    RT_TRY(read_samples(r, begin, end, &f));
    RT_TRY(rt__run_wrap(r, &f, &x, &y));
    rt_tensor *out = predict(r, x);
    if (!out)
        return rt_error_code();
    RT_TRY(rt_copy_into(rt_narrow(inputs, 0, begin - first, f.n), x));
    RT_TRY(rt_copy_into(rt_narrow(logits, 0, begin - first, f.n), out));
    return rt_copy_into(rt_narrow(labels, 0, begin - first, f.n), y);
}

rt_status rt_run_logits(rt_run *r, int64_t begin, int64_t end, rt_tensor **inputs,
                        rt_tensor **logits, rt_tensor **labels)
{
    *inputs = *logits = *labels = NULL;
    if (begin < 0 || end < begin || end > rt_run_eval_samples(r))
        return RT_FAIL(RANGE, "test samples [%lld, %lld): there are %lld", (long long)begin,
                       (long long)end, (long long)rt_run_eval_samples(r));
    rt_dims sample = rt_data_sample_shape(r->test), shape = {.n = sample.n + 1, .d = {end - begin}};
    memcpy(shape.d + 1, sample.d, (size_t)sample.n * sizeof *sample.d);
    rt_tensor *x = rt_empty(shape), *z = rt_empty(rt_shape(end - begin, r->classes));
    rt_tensor *y = rt_empty(rt_shape(end - begin), RT_I64);
    if (rt_failed())
        return rt_error_code();
    for (int64_t at = begin; at < end; at += r->eval_batch) {
        int64_t stop = at + r->eval_batch < end ? at + r->eval_batch : end;
        rt_scope s = rt_scope_begin();
        rt_status status = copy_rows(r, begin, at, stop, x, z, y);
        rt_scope_end(s);
        RT_TRY(status);
    }
    *inputs = x;
    *logits = z;
    *labels = y;
    return RT_OK;
}
