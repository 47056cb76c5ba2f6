/* How an entry of a device's kernel table launches: it packs the numbers and names the kernel.
 *
 *     static void scale_f32(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
 *     {
 *         LAUNCH(e, update, "scale_f32", n, ((scale_args){n, (float)alpha}), x, y);
 *     }
 *
 * Kernels that are launched on nothing are not: sizes of zero are fine everywhere. */
#ifndef RINGTORCH_KERNELS_GPU_LAUNCH_H
#define RINGTORCH_KERNELS_GPU_LAUNCH_H

#include "kernels/device.h"
#include "kernels/kernels.h"

/* The types of the kernel text, for args.inc. */
typedef int32_t i32;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;
#include "kernels/gpu/args.inc"

/* The families: kernels/gpu/<family>.gpu is the text, kernels/gpu/<family>.c launches. CMakeLists.txt reads this list too. */
#define RT_GPU_TEXTS(TEXT)                                                                         \
    TEXT(elementwise)                                                                              \
    TEXT(reduce)                                                                                   \
    TEXT(rows)                                                                                     \
    TEXT(matmul)                                                                                   \
    TEXT(move)                                                                                     \
    TEXT(random)                                                                                   \
    TEXT(update)
enum {
#define TEXT(name) RT_TEXT_##name,
    RT_GPU_TEXTS(TEXT)
#undef TEXT
        RT_TEXT_COUNT
};
/* One family's text, ready for a driver's compiler. */
typedef struct rt_gpu_text {
    const char *name;
    const char *const *part; /* up to NULL: compilers limit the length of one literal */
} rt_gpu_text;
extern const rt_gpu_text rt__gpu_text[RT_TEXT_COUNT];

#define TEXT(name) void rt__gpu_install_##name(rt_kernels *k);
RT_GPU_TEXTS(TEXT)
#undef TEXT

static inline rt_gpu *rt__gpu_of(rt_exec *e)
{
    return e->device;
}

/* Groups of 256 items for n elements, each item taking more than one of very many. */
int64_t rt__gpu_groups(int64_t n);
/* Launches l with groups of groups_y 1, unless it would have none. extent: the largest index that the kernel computes with. */
void rt__gpu_launch(rt_exec *e, rt_launch l, int64_t extent);

/* Memory of a device for n floats, to be given back; NULL with the error slot filled when there is no more. */
static inline float *rt__gpu_floats(rt_exec *e, int64_t n)
{
    return rt_gpu_alloc(rt__gpu_of(e), (size_t)n * sizeof(float));
}
static inline void rt__gpu_floats_free(rt_exec *e, float *p, int64_t n)
{
    rt_gpu_free(rt__gpu_of(e), p, (size_t)n * sizeof(float));
}

/* y[row] = the n partial results of a row, joined in the tree by kernel "sum_tree" or "most_tree" (reduce.gpu). partial:
 * from rt__gpu_floats, [rows, n], which it gives back; NULL does nothing. */
void rt__gpu_join(rt_exec *e, const char *tree, int64_t rows, int64_t n, float *partial, void *y);

#define RT_LAUNCH(family, name, count, count_y, numbers, ...)                                      \
    (rt_launch)                                                                                    \
    {                                                                                              \
        .text = RT_TEXT_##family, .kernel = name, .groups = count, .groups_y = count_y,            \
        .args = &(numbers), .args_size = sizeof(numbers), .buffer = {__VA_ARGS__},                 \
        .buffers = sizeof((const void *[]){__VA_ARGS__}) / sizeof(void *)                          \
    }
/* Over n elements. */
#define LAUNCH(e, family, name, n, numbers, ...)                                                   \
    rt__gpu_launch(e, RT_LAUNCH(family, name, rt__gpu_groups(n), 1, numbers, __VA_ARGS__), n)

#endif
