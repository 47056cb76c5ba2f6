/* Layers that rows of plugins have made, and what their forward functions return. */
#include "worker/engine/nn/from_row.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/callback.h"
#include "worker/engine/tensor/tensor.h"

static rt__samples_at samples_at(const rt_nn_sample *s)
{
    return (rt__samples_at){s->dims, s->dtype, s->varies};
}

rt_status rt__from_row_set(rt_module *m, const rt__layer_row *row, const rt_layer_row *f,
                           const rt_layer_place *at, const rt_nn_sample *before,
                           const rt_nn_sample *after)
{
    struct rt__from_row *from = rt_calloc(1, sizeof *from);
    char *place = rt_layer_place_text(at);
    if (!from || !place) {
        rt_mem_free(from);
        rt_mem_free(place);
        return RT_FAIL(NOMEM, "out of memory while a layer is made");
    }
    *from = (struct rt__from_row){.row = row,
                                  .place = place,
                                  .before = samples_at(before),
                                  .after = samples_at(after),
                                  .infers = f->infer};
    rt__from_row_free(m->inside->from_row); /* .make may return a module that it has made before */
    m->inside->from_row = from;
    return RT_OK;
}

void rt__from_row_free(struct rt__from_row *from)
{
    if (from)
        rt_mem_free(from->place);
    rt_mem_free(from);
}

/* Returns whether x is a batch of such samples; their type aside. */
static bool is_batch_of(const rt_tensor *x, const rt__samples_at *s)
{
    if (x->dims.n != s->dims.n + 1)
        return false;
    for (int i = 0; i < s->dims.n; i++)
        if (x->dims.d[i + 1] != s->dims.d[i] && !(i == 0 && s->varies))
            return false;
    return true;
}

/* The shape of n such samples. */
static rt_dims batch_of(int64_t n, const rt__samples_at *s)
{
    rt_dims dims = {.n = s->dims.n + 1, .d = {n}};
    for (int i = 0; i < s->dims.n; i++)
        dims.d[i + 1] = s->dims.d[i];
    return dims;
}

static rt_status check(const struct rt__from_row *from, const rt_tensor *x, const rt_tensor *y)
{
    if (!x || !y || !is_batch_of(x, &from->before))
        return rt_error_code();
    rt_dtype type = x->dtype == from->before.dtype ? from->after.dtype : y->dtype;
    int64_t n = x->dims.d[0];
    if (y->dtype == type && is_batch_of(y, &from->after) && y->dims.d[0] == n)
        return RT_OK;
    return RT_FAIL(SHAPE, "returned %s, expected %s%s%s, %s", rt_describe(y), rt_dtype_name(type),
                   rt_dims_text(batch_of(n, &from->after)), from->after.varies ? " at most" : "",
                   from->infers ? "which is what .infer said"
                                : "as its input is, because the row has no .infer");
}

rt_status rt__from_row_check(const rt_module *m, const rt_tensor *x, const rt_tensor *y)
{
    const struct rt__from_row *from = m->inside->from_row;
    if (!from || (!rt_failed() && check(from, x, y) == RT_OK))
        return rt_error_code();
    rt__callback_named(&from->row->added, "layer", from->row->name, "forward");
    return rt_error_prefix("%s", from->place);
}
