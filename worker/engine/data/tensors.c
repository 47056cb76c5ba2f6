/* Data sets of tensors in memory. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/data/dataset.h"
#include "worker/engine/tensor/tensor.h"
#include <string.h>

typedef struct tensors {
    rt_dataset set;
    struct {                 /* for each field except lengths */
        rt_tensor *value;    /* contiguous; kept */
        const uint8_t *data; /* its address, so that readers on other threads use no tensor */
        int64_t *
            /* [count + 1]: where samples of varying length begin, in steps of the first axis; else NULL */
            begin;
    } of[RT_DATA_FIELDS_MAX];
} tensors;

static void tensors_destroy(rt_dataset *set)
{
    tensors *d = (tensors *)set;
    for (int f = 0; f < RT_DATA_FIELDS_MAX; f++) {
        rt_free(d->of[f].value);
        rt_mem_free(d->of[f].begin);
    }
}

static int64_t tensors_length(const rt_dataset *set, int f, int64_t id)
{
    const int64_t *begin = ((const tensors *)set)->of[f].begin;
    return begin[id + 1] - begin[id];
}

static void tensors_read(const rt_dataset *set, int64_t id, void *const *to)
{
    const tensors *d = (const tensors *)set;
    for (int f = 0; f < set->fields; f++) {
        if (!d->of[f].data)
            continue;
        const int64_t *begin = d->of[f].begin;
        size_t at = (size_t)(begin ? begin[id] : id);
        size_t steps = begin ? (size_t)tensors_length(set, f, id) : 1;
        memcpy(to[f], d->of[f].data + at * set->item[f], steps * set->item[f]);
    }
}

static const rt__data_kind tensors_kind = {
    .destroy = tensors_destroy,
    .read = tensors_read,
    .length = tensors_length,
};

/* ---- construction ---- */

static rt_status check_tensor(const rt_data_tensor *a)
{
    const rt_tensor *x = a->value;
    if (rt_ndim(x) < 1 || rt_ndim(x) + (a->lengths ? 1 : 0) > RT_MAX_DIMS)
        return RT_FAIL(SHAPE, "got %s, expected [n, ...] with at most %d axes", rt_describe(x),
                       RT_MAX_DIMS - (a->lengths ? 1 : 0));
    if (a->lengths && (rt_dtype_of(a->lengths) != RT_I64 || rt_ndim(a->lengths) != 1))
        return RT_FAIL(SHAPE, "lengths are %s, expected int64[n]", rt_describe(a->lengths));
    if (a->classes < 0 || (a->classes > 0 && rt_dtype_of(x) != RT_I64))
        return RT_FAIL(DTYPE, "%lld classes of %s: expected int64 values, or no classes",
                       (long long)a->classes, rt_describe(x));
    return RT_OK;
}

static rt_status check_values(const rt_data_tensor *a, const int64_t *value, int64_t n)
{
    for (int64_t i = 0; a->classes > 0 && i < n; i++)
        if (value[i] < 0 || value[i] >= a->classes)
            return RT_FAIL(RANGE, "element %lld is %lld, expected 0 to %lld", (long long)i,
                           (long long)value[i], (long long)a->classes - 1);
    return RT_OK;
}

/* Finds where each sample begins, and the length of the longest. */
static rt_status find_samples(const rt_data_tensor *a, int64_t **out, int64_t *longest)
{
    rt_tensor *lengths = rt_contiguous(a->lengths);
    const int64_t *length = lengths ? rt_i64(lengths) : NULL;
    int64_t n = rt_numel(a->lengths), rows = rt_size(a->value, 0);
    int64_t *begin = rt_calloc((size_t)n + 1, sizeof *begin);
    *out = begin;
    if (!begin || rt_failed())
        return rt_error_code();
    for (int64_t i = 0; i < n; i++) {
        if (length[i] < 0 || length[i] > rows - begin[i])
            return RT_FAIL(RANGE, "length %lld is %lld, where %lld rows are left", (long long)i,
                           (long long)length[i], (long long)(rows - begin[i]));
        begin[i + 1] = begin[i] + length[i];
        *longest = length[i] > *longest ? length[i] : *longest;
    }
    if (begin[n] != rows)
        return RT_FAIL(SHAPE, "the lengths add up to %lld, but there are %lld rows",
                       (long long)begin[n], (long long)rows);
    return RT_OK;
}

static rt_status add_tensor(tensors *d, const rt_data_tensor *a)
{
    int f = d->set.fields;
    RT_TRY(check_tensor(a));
    rt_data_field field = {.name = a->name, .dtype = rt_dtype_of(a->value), .classes = a->classes};
    int64_t count = rt_size(a->lengths ? a->lengths : a->value, 0);
    rt_dims dims = rt_dims_of(a->value);
    if (f > 0 && count != d->set.count)
        return RT_FAIL(SHAPE, "%lld samples, but field %s has %lld", (long long)count,
                       d->set.field[0].name, (long long)d->set.count);
    if (count < 1)
        return RT_FAIL(SHAPE, "got %s, expected at least one sample", rt_describe(a->value));
    field.varies = a->lengths != NULL;
    field.pad = a->pad;
    field.dims.n = dims.n - (field.varies ? 0 : 1);
    memcpy(field.dims.d, dims.d + dims.n - field.dims.n, (size_t)field.dims.n * sizeof *dims.d);
    if (field.varies) {
        field.dims.d[0] = 0;
        RT_TRY(find_samples(a, &d->of[f].begin, &field.dims.d[0]));
    }
    d->set.count = count;
    RT_TRY(rt__dataset_add(&d->set, field));
    d->of[f].value = rt_keep(rt_contiguous(rt_detach(a->value)));
    if (rt_failed())
        return rt_error_code();
    d->of[f].data = rt_data(d->of[f].value);
    return check_values(a, rt_data(d->of[f].value), rt_numel(a->value));
}

rt_dataset *rt_data_tensors_(const rt_data_tensor *fields, int count)
{
    if (rt_failed() || !rt__given(fields, "data_tensors", "list of fields"))
        return NULL;
    rt_scope s = rt_scope_begin();
    tensors *d = rt__dataset_new(&tensors_kind, sizeof *d);
    if (d && count < 1)
        RT_FAIL(ARG, "data_tensors: a sample has at least one field");
    for (int i = 0; i < count && !rt_failed(); i++) {
        const rt_data_tensor *a = &fields[i];
        if (!rt__given(a->name, "data_tensors", "name of a field") ||
            !rt__object_is(a->value, &rt__tensor_type, "data_tensors", i + 1) ||
            (a->lengths && !rt__object_is(a->lengths, &rt__tensor_type, "data_tensors", i + 1)))
            break;
        if (add_tensor(d, a) != RT_OK)
            rt_error_prefix("data_tensors: field %s", a->name);
    }
    return rt_scope_return(s, rt_failed() ? NULL : &d->set);
}
