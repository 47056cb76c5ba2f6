/* Data sets: IDX pairs, the folder layout of MNIST, tensors in memory; and reading samples from
 * them. */
#include "worker/engine/data/dataset.h"

#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/data/idx.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/data/labels.h"
#include "worker/engine/data/mnist_files.h"

enum { TEN = 10 }; /* classes of MNIST and most of its kin, also where the samples read lack some */

static void dataset_destroy(void *object)
{
    rt_dataset *d = object;
    rt_mem_free(d->pixels);
    rt_mem_free(d->labels);
    rt_mem_free(d->largest.path);
    rt_free(d->x);
    rt_free(d->y);
}

const rt_object_type rt__dataset_type = {.name = "dataset", .destroy = dataset_destroy};

/* ---- IDX ---- */

rt_status rt__data_check_classes(const rt_dataset *d, int64_t classes)
{
    if (!d->labels || d->largest.value < classes)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: byte %lld: label %lld is %lld, expected 0 to %lld", d->largest.path,
                   (long long)d->largest.byte, (long long)d->largest.at,
                   (long long)d->largest.value, (long long)classes - 1);
}

static rt_status read_labels(rt_dataset *d, rt__labels *from)
{
    d->labels = rt_malloc((size_t)d->count);
    d->largest.path = rt_strdup(rt__source_path(from->source));
    if (!d->labels || !d->largest.path)
        return rt_error_code();
    RT_TRY(rt__labels_read(from, d->count, d->labels));
    for (int64_t i = 1; i < d->count; i++)
        if (d->labels[i] > d->labels[d->largest.at])
            d->largest.at = i;
    d->largest.value = d->labels[d->largest.at];
    d->largest.byte = rt__labels_byte(from, d->largest.at);
    if (d->classes == 0)
        d->classes = d->largest.value + 1;
    return rt__data_check_classes(d, d->classes);
}

/* Reads what both headers promise, or the first `limit` samples of it. Labels go first: they are
 * small and tell early that the files are wrong. */
static rt_status read_pair(rt_dataset *d, const rt_data_idx_args *a, rt__source *images,
                           rt__labels *labels)
{
    int64_t size[3], count;
    RT_TRY(rt__idx_header(images, 3, size));
    RT_TRY(rt__labels_open(a->labels, labels));
    count = labels->count;
    if (size[0] != count)
        return RT_FAIL(
            MISMATCH,
            "%s has %lld image%s but %s has %lld label%s: these files do not belong together",
            rt__source_path(images), (long long)size[0], rt_plural(size[0]),
            rt__source_path(labels->source), (long long)count, rt_plural(count));
    bool all = a->limit >= count;
    d->count = all ? count : a->limit;
    d->sample = rt_shape(1, size[1], size[2]);
    d->sample_numel = size[1] * size[2];
    size_t bytes = (size_t)(d->count * d->sample_numel);
    RT_TRY(read_labels(d, labels));
    d->pixels = rt_malloc(bytes);
    if (!d->pixels)
        return rt_error_code();
    RT_TRY(rt__source_read(images, d->pixels, bytes));
    if (!all)
        return RT_OK;
    RT_TRY(rt__labels_end(labels));
    return rt__source_end(images);
}

rt_dataset *rt_data_idx_(rt_data_idx_args a)
{
    if (!a.images || !a.labels)
        return RT_FAIL_NULL(ARG, "data_idx: .images and .labels must name files");
    if (a.classes < 0 || a.classes > 256 || a.limit < 1)
        return RT_FAIL_NULL(
            ARG,
            "data_idx: classes %lld and limit %lld: expected 1 to 256 classes and a limit of at "
            "least 0",
            (long long)a.classes, (long long)a.limit);
    rt_scope s = rt_scope_begin();
    rt_dataset *d = rt__object_new(&rt__dataset_type, sizeof *d);
    if (!d)
        return NULL;
    d->classes = a.classes;
    rt__source *images = NULL;
    rt__labels labels = {0};
    rt_status status = rt__idx_open(a.images, &images);
    if (status == RT_OK)
        status = read_pair(d, &a, images, &labels);
    rt__source_close(images);
    rt__labels_close(&labels);
    return rt_scope_return(s, status == RT_OK ? d : NULL);
}

rt_dataset *rt_data_mnist_(rt_data_mnist_args a)
{
    if (!a.folder)
        return RT_FAIL_NULL(ARG, "data_mnist: .folder must name a directory");
    rt__mnist_files files;
    if (rt__mnist_files_find(a.folder, a.train, &files) != RT_OK)
        return NULL;
    rt_dataset *d = rt_data_idx(files.images, files.labels, .limit = a.limit);
    rt__mnist_files_release(&files);
    if (d && d->classes < TEN)
        d->classes = TEN;
    return d;
}

/* ---- tensors ---- */

rt_dataset *rt_data_tensors(rt_tensor *x, rt_tensor *y, int64_t classes)
{
    if (!rt__takes("data_tensors", x) || !rt__object_is(y, &rt__tensor_type, "data_tensors", 2))
        return NULL;
    if (rt_dtype_of(x) != RT_F32 || rt_dtype_of(y) != RT_I64)
        return RT_FAIL_NULL(
            DTYPE, "data_tensors: got %s and %s, expected float32 samples and int64 labels",
            rt_describe(x), rt_describe(y));
    if (rt_ndim(x) < 1 || rt_ndim(y) != 1 || rt_size(x, 0) != rt_size(y, 0) || rt_size(x, 0) < 1)
        return RT_FAIL_NULL(
            SHAPE, "data_tensors: got %s and %s, expected [n, ...] and [n] with n at least 1",
            rt_describe(x), rt_describe(y));
    rt_scope s = rt_scope_begin();
    rt_dataset *d = rt__object_new(&rt__dataset_type, sizeof *d);
    if (!d)
        return NULL;
    d->x = rt_keep(rt_contiguous(rt_detach(x)));
    d->y = rt_keep(rt_contiguous(y));
    d->x_data = rt_f32(d->x);
    d->y_data = rt_i64(d->y);
    if (rt_failed())
        return rt_scope_return(s, (rt_dataset *)NULL);
    d->count = rt_size(x, 0);
    d->classes = classes;
    d->sample_numel = rt_numel(x) / d->count;
    d->sample.n = rt_ndim(x) - 1;
    for (int i = 0; i < d->sample.n; i++)
        d->sample.d[i] = rt_size(x, i + 1);
    for (int64_t i = 0; i < d->count; i++)
        if (d->y_data[i] < 0 || d->y_data[i] >= classes) {
            RT_FAIL(RANGE, "data_tensors: label %lld is %lld, expected 0 to %lld", (long long)i,
                    (long long)d->y_data[i], (long long)classes - 1);
            return rt_scope_return(s, (rt_dataset *)NULL);
        }
    return rt_scope_return(s, d);
}

/* ---- looking and reading ---- */

int64_t rt_data_size(const rt_dataset *d)
{
    return rt__object_is(d, &rt__dataset_type, "data_size", 1) ? d->count : 0;
}

rt_dims rt_data_sample_shape(const rt_dataset *d)
{
    return rt__object_is(d, &rt__dataset_type, "data_sample_shape", 1) ? d->sample : (rt_dims){0};
}

int64_t rt_data_classes(const rt_dataset *d)
{
    return rt__object_is(d, &rt__dataset_type, "data_classes", 1) ? d->classes : 0;
}

/* A division, not a product with 1/255: 51/255 is 0.2f then, as everywhere else. */
static void unit_range(const uint8_t *pixels, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)pixels[i] / 255.0f;
}

rt_status rt_data_read(const rt_dataset *d, const int64_t *ids, int64_t n, float *x, int64_t *y)
{
    if (!rt__object_is(d, &rt__dataset_type, "data_read", 1))
        return rt_error_code();
    if (n > 0 && (!rt__given(ids, "data_read", "list of ids") ||
                  !rt__given(x, "data_read", "place for samples") ||
                  !rt__given(y, "data_read", "place for labels")))
        return rt_error_code();
    for (int64_t i = 0; i < n; i++, x += d->sample_numel) {
        int64_t id = ids[i];
        if (id < 0 || id >= d->count)
            return RT_FAIL(RANGE, "data_read: sample %lld, expected 0 to %lld", (long long)id,
                           (long long)d->count - 1);
        if (d->pixels) {
            unit_range(d->pixels + id * d->sample_numel, d->sample_numel, x);
            y[i] = d->labels[id];
        } else {
            memcpy(x, d->x_data + id * d->sample_numel, (size_t)d->sample_numel * sizeof *x);
            y[i] = d->y_data[id];
        }
    }
    return RT_OK;
}
