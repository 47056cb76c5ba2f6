/* The compute kernels: pure functions on buffers, found through one table per backend and
 * instruction set.
 *
 *     RT_TRY(rt_kernels_init(NULL, NULL));        // or leave it to the first rt_exec_cpu()
 *     rt_exec *e = rt_exec_cpu();                 // NULL if the environment asks the impossible
 *     const rt_kernels *k = e->kernels;
 *     k->sum[RT_F32](e, fold, x, y);
 *     k->relu.f[RT_F32](e, (rt_numbers){{0}}, n, x, y);
 *     printf("%s, %s\n", k->isa, k->blas);        // "avx2, openblas 0.3.21 Zen"
 *
 * Every entry can be called: one that a table lacks notes its name in e->missing and does nothing else (exec.h).
 *
 * Buffers are contiguous and row-major unless a stride says otherwise, need no alignment beyond
 * their element's, and may not overlap, except that an elementwise output may be exactly one of its
 * inputs. Strides count elements. Results depend on shapes and values only, never on the number of
 * threads (rt_kernels_set_threads) or on addresses; avx2 and avx512 agree bit for bit, and every
 * back end with them: docs/NUMERICS.md fixes the order of every sum and the text of every function.
 * sse4 has no fused multiply-add and may differ in the last place. Kernels check nothing that their
 * caller can know. Scratch memory is e's; if it cannot be had, the kernel fills the error slot
 * (NOMEM) and leaves its output undefined. */
#ifndef RINGTORCH_KERNELS_H
#define RINGTORCH_KERNELS_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/dtype.h>
#include <ringtorch/status.h>
#include "kernels/exec.h"

enum { RT_KERNEL_DIMS = 8 };

/* c[m,n] = alpha * op(a)[m,k] op(b)[k,n] + beta * c. */
typedef struct rt_gemm_shape {
    int64_t m, n, k;
    int64_t lda, ldb, ldc; /* elements between rows as stored */
    bool ta, tb;           /* a is stored [k, m], b is stored [n, k] */
    double alpha, beta;    /* rounded to the element type */
} rt_gemm_shape;

/* Indices [2] are (vertical, horizontal). Padding below and right follows from oh and ow, so it may
 * differ from that above and left. */
typedef struct rt_conv2d_shape {
    int64_t n, c, h, w; /* input [n, c, h, w] */
    int64_t oc, kh, kw; /* weights [oc, c / groups, kh, kw] */
    int64_t oh, ow;     /* output [n, oc, oh, ow] */
    int64_t stride[2], pad[2], dilation[2];
    int64_t groups; /* divides c and oc */
} rt_conv2d_shape;

typedef struct rt_pool2d_shape {
    int64_t planes, h, w; /* input [planes, h, w], planes = n * c */
    int64_t kh, kw;
    int64_t oh, ow; /* output [planes, oh, ow]; every window meets the input */
    int64_t stride[2], pad[2];
    bool skip_padding; /* average: divide by the number of input elements, not by kh * kw */
} rt_pool2d_shape;

/* [n, c, len]: rows of len elements, of which row i belongs to channel i % c. */
typedef struct rt_channels {
    int64_t n, c, len;
} rt_channels;

/* n rows of len elements. */
typedef struct rt_rows {
    int64_t n, len;
} rt_rows;

/* The first k elements of each row, 0 <= k <= len: the largest or the smallest ones. Equal ones (0 and -0 are) come in the row's
 * order; NaN counts as largest. */
typedef struct rt_topk_shape {
    int64_t k;
    bool largest;
    bool sorted; /* else they are in the row's order */
} rt_topk_shape;

/* [outer, red, inner] with the middle reduced. */
typedef struct rt_fold {
    int64_t outer, red, inner;
} rt_fold;

/* A grid of rows x cols; the output is contiguous. Operand i reads element r * in[i].row + c *
 * in[i].col, where col is 0 (one value for the whole row) or 1. A scalar has {0, 0}, a bias row {0,
 * 1}, a full operand {cols, 1}. */
typedef struct rt_grid {
    int64_t rows, cols;
    struct {
        int64_t row, col;
    } in[3];
} rt_grid;

/* Element i0,i1,... moves from x + sum(i * src) to y + sum(i * dst). */
typedef struct rt_strided {
    size_t size; /* bytes of one element: 1, 2, 4 or 8 */
    int nd;      /* 0 (one element) .. RT_KERNEL_DIMS */
    int64_t dim[RT_KERNEL_DIMS], src[RT_KERNEL_DIMS], dst[RT_KERNEL_DIMS];
} rt_strided;

/* A grid, and for each of its elements i0,i1,... an index at index[sum(i * at)], which points to element sum(i * stride) + index *
 * step of x. */
typedef struct rt_pick {
    size_t bytes; /* of one element: 1, 2, 4 or 8 */
    int64_t size, step;
    int nd; /* 1 .. RT_KERNEL_DIMS */
    int64_t dim[RT_KERNEL_DIMS], at[RT_KERNEL_DIMS], stride[RT_KERNEL_DIMS];
} rt_pick;

typedef struct rt_cross_entropy_shape {
    double label_smoothing; /* rounded to the element type */
    int64_t ignore_index;   /* rows with this label count nothing; PyTorch's default is -100 */
} rt_cross_entropy_shape;

typedef struct rt_sgd_shape {
    double lr, momentum, dampening, weight_decay, grad_scale;
    bool nesterov;
    bool first; /* the momentum buffer holds nothing yet */
} rt_sgd_shape;

typedef struct rt_adamw_shape {
    double lr, beta1, beta2, eps, weight_decay, grad_scale;
    int64_t step; /* 1 for the first */
} rt_adamw_shape;

typedef struct rt_adam_shape {
    double lr, beta1, beta2, eps, grad_scale;
    double weight_decay; /* times the parameters, added to the gradient */
    double decay;        /* times the parameters, added to the step */
    int64_t step;        /* 1 for the first */
} rt_adam_shape;

/* Where in the run random numbers are drawn; with the element index, this is all the state there
 * is. */
typedef struct rt_rng {
    uint64_t seed;
    uint32_t step, slice, stream;
    uint64_t skip; /* start at element 4 * skip */
} rt_rng;

/* The numbers of a row of elementwise.def, in its order and by value, as a kernel of any device can take them; rows without
 * numbers read none. */
enum { RT_NUMBERS = 4 };
typedef struct rt_numbers {
    double v[RT_NUMBERS];
} rt_numbers;

/* The type of a struct that has them by their names; without names it is empty. */
#define RT_NUMBERS_STRUCT(...)                                                                     \
    struct {                                                                                       \
        __VA_OPT__(double __VA_ARGS__;)                                                            \
    }

/* y = f(x);  dx = dy * f'(x);  dxx = dy * v * f''(x). n elements each; y is f(x) as computed
 * before. */
typedef void rt_unary_fn(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y);
typedef void rt_unary_dx_fn(rt_exec *e, rt_numbers p, int64_t n, const void *dy, const void *x,
                            const void *y, void *dx);
typedef void rt_unary_dxx_fn(rt_exec *e, rt_numbers p, int64_t n, const void *dy, const void *v,
                             const void *x, const void *y, void *dxx);
typedef struct rt_unary_kernels {
    rt_unary_fn *f[RT_DTYPES];
    rt_unary_dx_fn *dx[RT_DTYPES];
    rt_unary_dxx_fn *dxx[RT_DTYPES];
} rt_unary_kernels;

/* y = f(a, b) over a grid with in[0] = a, in[1] = b. */
typedef void rt_binary_fn(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a, const void *b,
                          void *y);
typedef struct rt_binary_kernels {
    rt_binary_fn *f[RT_DTYPES];
} rt_binary_kernels;

/* y = f(a, b, c) over a grid with in[0] = a, in[1] = b, in[2] = c. */
typedef void rt_ternary_fn(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a, const void *b,
                           const void *c, void *y);
typedef struct rt_ternary_kernels {
    rt_ternary_fn *f[RT_DTYPES];
} rt_ternary_kernels;

typedef void rt_cast_fn(rt_exec *e, int64_t n, const void *x, void *y);

struct rt_kernels {
    const char *isa;  /* "ref", "sse4", "avx2" or "avx512" */
    const char *blas; /* "builtin", or "openblas <version> <core>" */
#define UNARY(name, ...)      rt_unary_kernels name;
#define PARAMETRIC(name, ...) rt_unary_kernels name;
#define BINARY(name, ...)     rt_binary_kernels name;
#define TERNARY(name, ...)    rt_ternary_kernels name;
#define COMPARE(name, ...)    rt_binary_kernels name;
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef BINARY
#undef TERNARY
#undef COMPARE
#define KERNEL(name, types, args) void(*name[RT_DTYPES]) args;
#define KERNEL_ANY(name, args)    void(*name) args;
#include "kernels/kernels.def"
#undef KERNEL
#undef KERNEL_ANY
    /* cast[from][to]. From float types to integers: towards zero; what does not fit is clamped, NaN
     * gives 0; but to uint8 the lowest byte of the int64. From integers to smaller ones: the lowest
     * bits. To bool: x != 0. To half precision: by way of float32, to nearest, ties to even. */
    rt_cast_fn *cast[RT_DTYPES][RT_DTYPES];
};

/* Chooses the tables of this process. isa: "ref", "sse4", "avx2", "avx512" or NULL for
 * RINGTORCH_ISA and then the best; blas: "auto", "openblas", "builtin" or NULL for RINGTORCH_BLAS
 * and then "auto" (OpenBLAS if it is built in). Fails with CONFIG when a name is unknown or this
 * machine or build cannot do it, and says what it can. Call again to change; not while kernels run.
 */
rt_status rt_kernels_init(const char *isa, const char *blas);

/* Returns the chosen table, choosing first if need be; NULL with the error slot filled when that
 * fails. */
const rt_kernels *rt_kernels_cpu(void);

/* Returns the table of one level with the built-in gemm, for tests and benchmarks; NULL with the
 * error slot filled (CONFIG) if the name is unknown or the machine lacks the instructions. */
const rt_kernels *rt_kernels_level(const char *isa);

/* Returns the names of the levels that this machine can run, "ref sse4 avx2", worst first. */
const char *rt_kernels_levels(void);

/* Puts stand-ins in all places of a table, for a back end to write its kernels over. */
void rt_kernels_install_missing(rt_kernels *k);

/* Sets and gets how many threads the kernels called from this thread use (rt_exec's setting and OpenMP's; n >= 1). */
void rt_kernels_set_threads(int n);
int rt_kernels_threads(void);

/* Frees the scratch memory of the calling thread; that of other threads goes when they end. */
void rt_kernels_shutdown(void);

#endif
