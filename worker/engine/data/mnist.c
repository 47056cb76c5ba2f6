/* Images with labels: pairs of IDX files, and the folders in which MNIST and related sets are
 * published. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/idx.h"
#include "worker/engine/data/labels.h"
#include "worker/engine/data/mnist_files.h"
#include <string.h>

enum {
    X, /* the fields */
    Y,
    LABELS = 0, /* the file of labels, which is read first */
    TEN = 10    /* classes of MNIST and most related sets, even if the samples read lack some */
};

typedef struct images {
    rt_dataset set;
    uint8_t *pixels; /* [count, size] */
    uint8_t *labels; /* [count] */
    int64_t size;    /* pixels of an image */
    struct {         /* the largest label */
        int64_t value, at, byte;
    } largest;
} images;

static void images_destroy(rt_dataset *set)
{
    images *d = (images *)set;
    rt_mem_free(d->pixels);
    rt_mem_free(d->labels);
}

/* Divides rather than multiplies by 1/255, so that 51/255 is exactly 0.2f, as everywhere else. */
static void unit_range(const uint8_t *pixels, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)pixels[i] / 255.0f;
}

static void images_read(const rt_dataset *set, int64_t id, void *const *to)
{
    const images *d = (const images *)set;
    unit_range(d->pixels + id * d->size, d->size, to[X]);
    *(int64_t *)to[Y] = d->labels[id];
}

static rt_status images_check_classes(const rt_dataset *set, int f, int64_t classes)
{
    const images *d = (const images *)set;
    if (f != Y || d->largest.value < classes)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: byte %lld: label %lld is %lld, expected 0 to %lld",
                   set->file[LABELS].path, (long long)d->largest.byte, (long long)d->largest.at,
                   (long long)d->largest.value, (long long)classes - 1);
}

static const rt__data_kind images_kind = {
    .destroy = images_destroy,
    .read = images_read,
    .check_classes = images_check_classes,
};

static rt_status read_labels(images *d, rt__labels *from)
{
    d->labels = rt_malloc((size_t)d->set.count);
    if (!d->labels)
        return rt_error_code();
    RT_TRY(rt__labels_read(from, d->set.count, d->labels));
    for (int64_t i = 1; i < d->set.count; i++)
        if (d->labels[i] > d->labels[d->largest.at])
            d->largest.at = i;
    d->largest.value = d->labels[d->largest.at];
    d->largest.byte = rt__labels_byte(from, d->largest.at);
    return RT_OK;
}

/* Reads as many samples as both headers announce, or the first `limit`. Labels come first: they are
 * small and reveal early if the files are wrong. */
static rt_status read_pair(images *d, const rt_data_idx_args *a, rt__source *pixels,
                           rt__labels *labels)
{
    int64_t size[3], count;
    RT_TRY(rt__idx_header(pixels, 3, size));
    RT_TRY(rt__labels_open(a->labels, labels));
    count = labels->count;
    if (size[0] != count)
        return RT_FAIL(
            MISMATCH,
            "%s has %lld image%s but %s has %lld label%s: these files do not belong together",
            rt__source_path(pixels), (long long)size[0], rt_plural(size[0]),
            rt__source_path(labels->source), (long long)count, rt_plural(count));
    bool all = a->limit >= count;
    d->set.count = all ? count : a->limit;
    d->size = size[1] * size[2];
    size_t bytes = (size_t)(d->set.count * d->size);
    RT_TRY(read_labels(d, labels));
    RT_TRY(rt__dataset_add_file(&d->set, rt__source_path(labels->source), d->labels,
                                (size_t)d->set.count));
    int64_t classes = a->classes != RT_AUTO ? a->classes : d->largest.value + 1;
    RT_TRY(images_check_classes(&d->set, Y, classes));
    RT_TRY(rt__dataset_add(&d->set,
                           (rt_data_field){.name = "x", .dims = rt_shape(1, size[1], size[2])}));
    RT_TRY(rt__dataset_add(&d->set,
                           (rt_data_field){.name = "y", .dtype = RT_I64, .classes = classes}));
    d->pixels = rt_malloc(bytes);
    if (!d->pixels)
        return rt_error_code();
    RT_TRY(rt__source_read(pixels, d->pixels, bytes));
    RT_TRY(rt__dataset_add_file(&d->set, rt__source_path(pixels), d->pixels, bytes));
    if (!all)
        return RT_OK;
    RT_TRY(rt__labels_end(labels));
    return rt__source_end(pixels);
}

rt_dataset *rt_data_idx_(rt_data_idx_args a)
{
    if (!a.images || !a.labels)
        return RT_FAIL_NULL(ARG, "data_idx: .images and .labels must name files");
    if ((a.classes != RT_AUTO && (a.classes < 1 || a.classes > 256)) || a.limit < 1)
        return RT_FAIL_NULL(
            ARG,
            "data_idx: classes %lld and limit %lld: expected 1 to 256 classes and a limit of at "
            "least 1",
            (long long)a.classes, (long long)a.limit);
    rt_scope s = rt_scope_begin();
    images *d = rt__dataset_new(&images_kind, sizeof *d);
    if (!d)
        return NULL;
    rt__source *pixels = NULL;
    rt__labels labels = {0};
    rt_status status = rt__idx_open(a.images, &pixels);
    if (status == RT_OK)
        status = read_pair(d, &a, pixels, &labels);
    rt__source_close(pixels);
    rt__labels_close(&labels);
    return rt_scope_return(s, status == RT_OK ? &d->set : NULL);
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
    if (d && d->field[Y].classes < TEN)
        d->field[Y].classes = TEN;
    return d;
}

rt_dataset *rt__open_mnist(const rt_data_mnist_values *v, const rt_data_part *part)
{
    return rt_data_mnist(v->path, .train = part->train, .limit = part->limit);
}

rt_dataset *rt__open_fashion_mnist(const rt_data_fashion_mnist_values *v, const rt_data_part *part)
{
    return rt_data_mnist(v->path, .train = part->train, .limit = part->limit);
}
