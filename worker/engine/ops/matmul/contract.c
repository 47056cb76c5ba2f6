/* Products of tensors whose axes have labels. Labels that both tensors have and that are kept are the batch, those that both have and that
 * are summed the inner size of a product of matrices; with their order, that of the first tensor, the order of the sum is that of gemm. */
#include "worker/engine/ops/matmul/contract.h"

#include "common/base/error.h"

typedef struct labels {
    int n, label[2 * RT_MAX_DIMS];
} labels;

uint64_t rt__labels_of(const rt_labelled *x)
{
    uint64_t set = 0;
    for (int i = 0; x->x && i < x->x->dims.n; i++)
        set |= rt__label_bit(x->label[i]);
    return set;
}

static int axis_of(const rt_labelled *x, int label)
{
    int i = 0;
    while (x->label[i] != label)
        i++;
    return i;
}

/* Appends the labels of x that are in the set, in the order of its axes. */
static void append(labels *list, const rt_labelled *x, uint64_t set)
{
    for (int i = 0; i < x->x->dims.n; i++)
        if (set & rt__label_bit(x->label[i]))
            list->label[list->n++] = x->label[i];
}

/* Takes the labels of x's axes from the list where `gone` has no bit for the axis. */
static void relabel(rt_labelled *x, unsigned gone, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (!(gone >> i & 1))
            x->label[kept++] = x->label[i];
}

rt_labelled rt__drop_ones(rt_labelled x, const int64_t *size)
{
    unsigned gone = 0;
    int n = x.x ? x.x->dims.n : 0;
    rt_dims axes = {0};
    for (int i = 0; i < n; i++)
        if (x.x->dims.d[i] == 1 && size[x.label[i]] != 1) {
            gone |= 1u << i;
            axes.d[axes.n++] = i;
        }
    if (gone) {
        x.x = rt_squeeze_axes(x.x, axes);
        relabel(&x, gone, n);
    }
    return x;
}

rt_labelled rt__sum_labels(rt_labelled x, uint64_t keep, bool own_type)
{
    unsigned gone = 0;
    int n = x.x ? x.x->dims.n : 0;
    rt_dims axes = {0};
    for (int i = 0; i < n; i++)
        if (!(keep & rt__label_bit(x.label[i]))) {
            gone |= 1u << i;
            axes.d[axes.n++] = i;
        }
    if (gone) {
        x.x = rt_sum(x.x, axes, .dtype = own_type ? x.x->dtype : RT_NO_DTYPE);
        relabel(&x, gone, n);
    }
    return x;
}

rt_tensor *rt__by_labels(rt_labelled x, const int *label, int n)
{
    rt_dims axes = {.n = n};
    if (!x.x)
        return NULL;
    for (int i = 0; i < n; i++)
        axes.d[i] = axis_of(&x, label[i]);
    return rt_permute(x.x, axes);
}

/* Returns x with its axes at the places of their labels in the list, and axes of size 1 at the others. */
static rt_tensor *spread(const rt_labelled *x, const labels *list)
{
    uint64_t own = rt__labels_of(x);
    labels order = {0};
    rt_dims dims = {.n = list->n};
    for (int i = 0; i < list->n; i++) {
        bool has = own & rt__label_bit(list->label[i]);
        dims.d[i] = has ? x->x->dims.d[axis_of(x, list->label[i])] : 1;
        if (has)
            order.label[order.n++] = list->label[i];
    }
    return rt_reshape(rt__by_labels(*x, order.label, order.n), dims);
}

/* Returns x as matrices [batch, rows, columns]: its axes in the order of three lists, of which the last two are merged into an axis each,
 * as is the first if `merge` says so. */
static rt_tensor *as_matrices(const rt_labelled *x, const labels *batch, const labels *rows,
                              const labels *columns, bool merge)
{
    const labels *lists[] = {batch, rows, columns};
    labels order = {0};
    rt_dims dims = {0};
    for (int k = 0; k < 3; k++) {
        rt_dims part = {0};
        for (int i = 0; i < lists[k]->n; i++) {
            int label = lists[k]->label[i];
            order.label[order.n++] = label;
            part.d[part.n++] = x->x->dims.d[axis_of(x, label)];
        }
        bool apart = k == 0 && !merge;
        int64_t size = rt__dims_numel(part, "product");
        if (size < 0)
            return NULL;
        for (int i = 0; apart && i < part.n; i++)
            dims.d[dims.n++] = part.d[i];
        if (!apart)
            dims.d[dims.n++] = size;
    }
    return rt_reshape(rt__by_labels(*x, order.label, order.n), dims);
}

/* Returns the products of matrices in the shape that the labels of the result have. */
static rt_tensor *multiply(const rt_labelled *a, const rt_labelled *b, uint64_t keep, rt_dims dims)
{
    uint64_t of_a = rt__labels_of(a), of_b = rt__labels_of(b);
    labels batch = {0}, summed = {0}, rows = {0}, columns = {0};
    append(&batch, a, of_a & of_b & keep);
    append(&summed, a, of_a & of_b & ~keep);
    append(&rows, a, of_a & ~of_b);
    append(&columns, b, of_b & ~of_a);
    bool merge = batch.n > RT_MAX_DIMS - 2;
    rt_tensor *left = as_matrices(a, &batch, &rows, &summed, merge);
    rt_tensor *right = as_matrices(b, &batch, &summed, &columns, merge);
    return rt_reshape(rt_matmul(left, right), dims);
}

rt_labelled rt__contract(const char *what, rt_labelled a, rt_labelled b, uint64_t keep)
{
    a = rt__sum_labels(a, keep | rt__labels_of(&b), true);
    b = rt__sum_labels(b, keep | rt__labels_of(&a), true);
    rt_labelled y = {NULL};
    if (!a.x || !b.x)
        return y;
    uint64_t of_a = rt__labels_of(&a), of_b = rt__labels_of(&b);
    labels list = {0};
    append(&list, &a, of_a & of_b & keep);
    append(&list, &a, of_a & ~of_b);
    append(&list, &b, of_b & ~of_a);
    if (list.n > RT_MAX_DIMS) {
        rt_fail(RT_E_SHAPE, "%s: the product of %s and %s has %d axes, more than %d", what,
                rt_dims_text(a.x->dims), rt_dims_text(b.x->dims), list.n, RT_MAX_DIMS);
        return y;
    }
    rt_dims dims = {.n = list.n};
    for (int i = 0; i < list.n; i++) {
        const rt_labelled *from = of_a & rt__label_bit(list.label[i]) ? &a : &b;
        y.label[i] = list.label[i];
        dims.d[i] = from->x->dims.d[axis_of(from, list.label[i])];
    }
    y.x = of_a & of_b & ~keep ? multiply(&a, &b, keep, dims)
                              : rt_mul(spread(&a, &list), spread(&b, &list));
    return y;
}
