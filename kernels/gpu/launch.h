/* How an entry of a device's kernel table launches a kernel: it packs the numbers and names the kernel.
 *
 *     static void scale_f32(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
 *     {
 *         LAUNCH(e, update, "scale_f32", n, ((scale_args){n, (float)alpha}), x, y);
 *     }
 *
 * A launch over no elements is skipped: sizes of zero are fine everywhere. */
#ifndef RINGTORCH_KERNELS_GPU_LAUNCH_H
#define RINGTORCH_KERNELS_GPU_LAUNCH_H

#include "kernels/device.h"
#include "kernels/kernels.h"

/* The types of the kernel texts, for args.inc. */
typedef int32_t i32;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;
#include "kernels/gpu/args.inc"
_Static_assert((int)DIMS == RT_KERNEL_DIMS && (int)OPERANDS == RT_GRID_OPERANDS,
               "a grid of args.inc and one of kernels.h");

/* The families: kernels/gpu/<family>.gpu is the kernel text, and kernels/gpu/<family>.c launches it. CMakeLists.txt reads this
 * list too. */
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
    /* ends with NULL; in parts because compilers limit the length of a literal */
    const char *const *part;
} rt_gpu_text;
extern const rt_gpu_text rt__gpu_text[RT_TEXT_COUNT];

#define TEXT(name) void rt__gpu_install_##name(rt_kernels *k);
RT_GPU_TEXTS(TEXT)
#undef TEXT

static inline rt_gpu *rt__gpu_of(rt_exec *e)
{
    return e->device;
}

/* Calls the listener of rt_gpu_on_compiling. */
void rt__gpu_compiling(const rt_gpu *d, const char *family);
/* Returns how many groups of 256 items compute n elements; for very large n each item computes several. */
int64_t rt__gpu_groups(int64_t n);
/* Launches l unless it has no groups. extent: the largest index that the kernel computes with. */
void rt__gpu_launch(rt_exec *e, rt_launch l, int64_t extent);

/* Allocates device memory for n floats, to be freed with rt__gpu_floats_free; NULL with the error slot filled if memory runs
 * out. */
static inline float *rt__gpu_floats(rt_exec *e, int64_t n)
{
    return rt_gpu_alloc(rt__gpu_of(e), (size_t)n * sizeof(float));
}
static inline void rt__gpu_floats_free(rt_exec *e, float *p, int64_t n)
{
    rt_gpu_free(rt__gpu_of(e), p, (size_t)n * sizeof(float));
}

/* Combines the n partial results of each row into y[row], in the order of the tree, with kernel "sum_tree" or "most_tree"
 * (reduce.gpu). partial: from rt__gpu_floats, [rows, n], freed here; NULL does nothing. */
void rt__gpu_join(rt_exec *e, const char *tree, int64_t rows, int64_t n, float *partial, void *y);

#define RT_LAUNCH(family, name, count, count_y, numbers, ...)                                      \
    (rt_launch)                                                                                    \
    {                                                                                              \
        .text = RT_TEXT_##family, .kernel = name, .groups = count, .groups_y = count_y,            \
        .args = &(numbers), .args_size = sizeof(numbers), .buffer = {__VA_ARGS__},                 \
        .buffers = sizeof((const void *[]){__VA_ARGS__}) / sizeof(void *)                          \
    }
/* Launches a kernel over n elements. */
#define LAUNCH(e, family, name, n, numbers, ...)                                                   \
    rt__gpu_launch(e, RT_LAUNCH(family, name, rt__gpu_groups(n), 1, numbers, __VA_ARGS__), n)

/* Returns an upper bound of the indices that such strides lead to. */
int64_t rt__gpu_reach(int nd, const int64_t *dim, const int64_t *stride);
/* Returns the arguments of a kernel with that many operands over a grid; *extent: the largest index that it computes with. */
grid_args rt__gpu_grid(const rt_grid *g, int operands, rt_numbers p, int64_t *extent);
/* Launches a kernel over a grid. */
#define LAUNCH_GRID(e, family, name, operands, g, numbers, ...)                                    \
    do {                                                                                           \
        int64_t extent_;                                                                           \
        grid_args args_ = rt__gpu_grid(g, operands, numbers, &extent_);                            \
        rt__gpu_launch(e, RT_LAUNCH(family, name, rt__gpu_groups(args_.n), 1, args_, __VA_ARGS__), \
                       extent_);                                                                   \
    } while (0)

#endif
