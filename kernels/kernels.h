/* The compute kernels: pure functions on buffers, found through one table per back end and instruction set.
 *
 *     RT_TRY(rt_kernels_init(NULL, NULL));        // or leave it to the first rt_exec_cpu()
 *     rt_exec *e = rt_exec_cpu();                 // NULL if the environment requests something impossible
 *     const rt_kernels *k = e->kernels;
 *     k->sum[RT_F32](e, fold, x, y);
 *     k->relu.f[RT_F32](e, (rt_numbers){{0}}, n, x, y);
 *     printf("%s, %s\n", k->isa, k->blas);        // "avx2, openblas 0.3.21 Zen"
 *
 * Every entry can be called: an entry that a table lacks records its name in e->missing and does nothing else (exec.h). What each
 * kernel computes is documented where it is computed in plain C, in kernels/ref/<family>.c. Each text there begins with KERNEL(name,
 * types, arguments), the row from which the build makes kernels.def; the elementwise kernels are in elementwise.def. A KERNEL is
 * indexed by element type; the CPU has the types that the row lists, on every level. A KERNEL_ANY works on bytes or on types of its
 * own.
 *
 * Buffers are contiguous and row-major unless a stride says otherwise, need no alignment beyond their element's, and may not overlap,
 * except that an elementwise output may be exactly one of its inputs. Kernels write all of their output unless they say "adds"; sizes
 * of zero are fine everywhere. Strides count elements. Results depend on shapes and values only, never on the number of threads
 * (rt_kernels_set_threads) or on addresses. avx2 and avx512 agree bit for bit, and so does every other back end: docs/NUMERICS.md
 * fixes the order of every sum and the formula of every function. sse4 has no fused multiply-add and may differ in the last place.
 * Kernels check nothing that their caller can know. Scratch memory belongs to e; if it cannot be allocated, the kernel fills the
 * error slot (NOMEM) and leaves its output undefined. */
#ifndef RINGTORCH_KERNELS_KERNELS_H
#define RINGTORCH_KERNELS_KERNELS_H

#include "kernels/exec.h"
#include <ringtorch/dtype.h>
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

enum { RT_KERNEL_DIMS = 8 };

/* The elements of a contiguous output, and where each operand is read for them: element i0,i1,... is computed from element sum(i *
 * stride[k]) of operand k. A stride of 0 repeats an operand along an axis, so a scalar has only zeros. Every way to express the same
 * grid computes the same; fewer axes are faster, so adjacent axes that are contiguous in all operands are merged. */
enum { RT_GRID_OPERANDS = 3 };
typedef struct rt_grid {
    int nd; /* 1 .. RT_KERNEL_DIMS */
    int64_t dim[RT_KERNEL_DIMS], stride[RT_GRID_OPERANDS][RT_KERNEL_DIMS];
} rt_grid;

/* Makes a grid with one axis. A step is 1 for an operand of n elements, 0 for one of a single element. */
static inline void rt_grid_row(rt_grid *g, int64_t n, int64_t step_a, int64_t step_b)
{
    g->nd = 1;
    g->dim[0] = n;
    g->stride[0][0] = step_a;
    g->stride[1][0] = step_b;
    g->stride[2][0] = 0;
}

/* Returns the number of elements of the output. */
static inline int64_t rt_grid_count(const rt_grid *g)
{
    int64_t n = 1;
    for (int d = 0; d < g->nd; d++)
        n *= g->dim[d];
    return n;
}

/* Returns the index in operand k that element i of the output is computed from. */
static inline int64_t rt_grid_place(const rt_grid *g, int k, int64_t i)
{
    int64_t place = 0;
    for (int d = g->nd - 1; d > 0; d--) {
        place += i % g->dim[d] * g->stride[k][d];
        i /= g->dim[d];
    }
    return place + i * g->stride[k][0];
}

/* c[m,n] = alpha * op(a)[m,k] op(b)[k,n] + beta * c, once or for a batch. In a batch, the a and b of product i begin where the first
 * two operands of the grid have element i, and its c begins at row i * m. No product reads what another writes. */
typedef struct rt_gemm_shape {
    int64_t m, n, k;
    int64_t lda, ldb, ldc; /* elements between rows as stored */
    bool ta, tb;           /* a is stored [k, m], b is stored [n, k] */
    double alpha, beta;    /* rounded to the element type */
    const rt_grid *batch;  /* NULL: one product */
} rt_gemm_shape;

/* Returns the number of products. */
static inline int64_t rt_gemm_count(const rt_gemm_shape *g)
{
    return g->batch ? rt_grid_count(g->batch) : 1;
}

/* A convolution over three axes, depth, height and width: arrays [3] are in this order. Images have depth 1. A sequence has depth and
 * width 1: its axis is the height, of which kernels make blocks. The padding behind an axis follows from `out`, so it may differ from
 * that before it. */
typedef struct rt_conv_shape {
    int64_t n, c, in[3];   /* input [n, c, in...] */
    int64_t oc, kernel[3]; /* weights [oc, c / groups, kernel...] */
    int64_t out[3];        /* output [n, oc, out...] */
    int64_t stride[3], pad[3], dilation[3];
    int64_t groups; /* divides c and oc */
} rt_conv_shape;

/* Returns the number of elements of a block of three axes. */
static inline int64_t rt_volume(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

/* What a tap meets along an axis: windows [from, to) meet the inputs first, first + stride, ...; the others meet padding. */
typedef struct rt_tap_range {
    int64_t from, to, first;
} rt_tap_range;

static inline rt_tap_range rt_tap_reach(const rt_conv_shape *s, int d, int64_t tap)
{
    int64_t stride = s->stride[d], start = tap * s->dilation[d] - s->pad[d];
    int64_t from = start < 0 ? (-start - 1) / stride + 1 : 0;
    int64_t to = start < s->in[d] ? (s->in[d] - 1 - start) / stride + 1 : 0;
    if (to > s->out[d])
        to = s->out[d];
    if (from > to)
        from = to;
    return (rt_tap_range){from, to, start + from * stride};
}

/* Windows over the last axes of [planes, in...], which give [planes, out...]. Pooling over fewer than three axes leaves the first ones
 * at size 1, with windows of 1. Every window has an element of the input. */
typedef struct rt_pool_shape {
    int64_t planes, in[3], out[3];
    /* adaptive: not used */
    int64_t kernel[3], stride[3], pad[3], dilation[3];
    bool adaptive;     /* window o of an axis: [floor(o * in / out), ceil((o + 1) * in / out)) */
    bool skip_padding; /* average: divide by the number of input elements, not of padding, too */
    int64_t divisor;   /* average: divide by this number, if it is not 0 */
} rt_pool_shape;

/* [outer, in, inner] to [outer, out, inner]: each element along the middle axis is a weighted sum of `taps` >= 1 elements. */
typedef struct rt_resample_shape {
    int64_t outer, in, out, inner, taps;
} rt_resample_shape;

/* [n, c, len]: rows of len elements, of which row i belongs to channel i % c. */
typedef struct rt_channels {
    int64_t n, c, len;
} rt_channels;

/* n rows of len elements. */
typedef struct rt_rows {
    int64_t n, len;
} rt_rows;

/* The k largest or smallest elements of each row, 0 <= k <= len. Equal elements (0 and -0 are equal) keep the row's order; NaN counts
 * as largest. */
typedef struct rt_topk_shape {
    int64_t k;
    bool largest;
    bool sorted; /* if false, the elements stay in the row's order */
} rt_topk_shape;

/* [outer, red, inner]; the middle axis is reduced. */
typedef struct rt_fold {
    int64_t outer, red, inner;
} rt_fold;

/* Element i0,i1,... moves from x + sum(i * src) to y + sum(i * dst). */
typedef struct rt_strided {
    size_t size; /* bytes of one element: 1, 2, 4, 8 or 16 */
    int nd;      /* 0 (one element) .. RT_KERNEL_DIMS */
    int64_t dim[RT_KERNEL_DIMS], src[RT_KERNEL_DIMS], dst[RT_KERNEL_DIMS];
} rt_strided;

/* A grid with an index for each of its elements: element i0,i1,... takes its index from index[sum(i * at)] and refers to element
 * sum(i * stride) + index * step of x. */
typedef struct rt_pick {
    size_t bytes; /* of one element: 1, 2, 4, 8 or 16 */
    int64_t size, step;
    int nd; /* 1 .. RT_KERNEL_DIMS */
    int64_t dim[RT_KERNEL_DIMS], at[RT_KERNEL_DIMS], stride[RT_KERNEL_DIMS];
} rt_pick;

typedef struct rt_cross_entropy_shape {
    double label_smoothing; /* rounded to the element type */
    int64_t ignore_index;   /* rows with this label have no weight; PyTorch's default is -100 */
} rt_cross_entropy_shape;

typedef struct rt_sgd_shape {
    double lr, momentum, dampening, weight_decay, grad_scale;
    bool nesterov;
    bool first; /* the momentum buffer is not initialised yet */
} rt_sgd_shape;

typedef struct rt_adamw_shape {
    double lr, beta1, beta2, eps, weight_decay, grad_scale;
    int64_t step; /* 1 for the first */
} rt_adamw_shape;

typedef struct rt_adam_shape {
    double lr, beta1, beta2, eps, grad_scale;
    double weight_decay; /* multiplied by the parameters and added to the gradient */
    double decay;        /* multiplied by the parameters and added to the step */
    int64_t step;        /* 1 for the first */
} rt_adam_shape;

/* Elements [at, at + n) of consecutive matrices; columns is 1 for vectors (ref/factored.c). */
typedef struct rt_factored_shape {
    int64_t n, at, rows, columns;
} rt_factored_shape;

/* Where in the run random numbers are drawn; together with the element index, this is the generator's whole state. */
typedef struct rt_rng {
    uint64_t seed;
    uint32_t step, slice, stream;
    uint64_t skip; /* start at element 4 * skip */
} rt_rng;

/* For each head q [t, d], k [s, d], v [s, e] and y [t, e]. The q, k and v of head h begin where the operands of `heads` have element h,
 * and its mask begins where the first operand of `masks` has it; everything else is contiguous. */
typedef struct rt_attention_shape {
    int64_t t, s, d, e;
    int64_t ldq, ldk, ldv; /* elements between rows */
    const rt_grid *heads, *masks;
    int64_t mask_stride[2]; /* of a mask [t, s] */
    bool mask_is_bool; /* true where j is seen; otherwise numbers that are added to the scores */
    bool causal;       /* i sees only j <= i */
    double scale, dropout; /* dropout < 1 */
    rt_rng rng; /* for dropout: weight (h, i, j) is element (h * t + i) * s + j of a dropout_mask */
} rt_attention_shape;

/* The numbers of a row of elementwise.def, in its order and by value, so that kernels on any device can take them; rows without
 * numbers ignore them. */
enum { RT_NUMBERS = 4 };
typedef struct rt_numbers {
    double v[RT_NUMBERS];
} rt_numbers;

/* A struct type with those numbers as named members; empty if there are no names. */
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

/* y = f(x) alone, of its type or as bool. */
typedef struct rt_map_kernels {
    rt_unary_fn *f[RT_DTYPES];
} rt_map_kernels;

/* y = f(a, b) over a grid whose first two operands are a and b. */
typedef void rt_binary_fn(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a, const void *b,
                          void *y);
typedef struct rt_binary_kernels {
    rt_binary_fn *f[RT_DTYPES];
} rt_binary_kernels;

/* y = f(a, b, c) over a grid whose operands are a, b and c. */
typedef void rt_ternary_fn(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a, const void *b,
                           const void *c, void *y);
typedef struct rt_ternary_kernels {
    rt_ternary_fn *f[RT_DTYPES];
} rt_ternary_kernels;

typedef void rt_cast_fn(rt_exec *e, int64_t n, const void *x, void *y);

struct rt_kernels {
    const char *isa;  /* "ref", "sse4", "avx2" or "avx512" */
    const char *blas; /* "builtin", or "openblas <version> <core>" */
#define UNARY(name, ...)          rt_unary_kernels name;
#define PARAMETRIC(name, ...)     rt_unary_kernels name;
#define UNARY_OPS(name, ...)      rt_map_kernels name;
#define PARAMETRIC_OPS(name, ...) rt_map_kernels name;
#define BINARY(name, ...)         rt_binary_kernels name;
#define TERNARY(name, ...)        rt_ternary_kernels name;
#define COMPARE(name, ...)        rt_binary_kernels name;
#define BITWISE(name, ...)        rt_binary_kernels name;
#define PREDICATE(name, ...)      rt_map_kernels name;
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef BITWISE
#undef PREDICATE
#define KERNEL(name, types, args) void(*name[RT_DTYPES]) args;
#define KERNEL_ANY(name, args)    void(*name) args;
#include "kernels/kernels.def"
#undef KERNEL
#undef KERNEL_ANY
    /* cast[from][to]. Float to integer: truncated towards zero, clamped to the range, NaN becomes 0; but to 8 and 16 bits: the lowest
     * bits of the int64, 0 outside of its range. Integer to a smaller integer: the lowest bits. To bool: x != 0. To half precision:
     * through float32, to nearest, ties to even. Complex to real: the real part. */
    rt_cast_fn *cast[RT_DTYPES][RT_DTYPES];
};

/* Chooses this process's tables. isa: "ref", "sse4", "avx2", "avx512", or NULL for RINGTORCH_ISA and otherwise the best; blas:
 * "auto", "openblas", "builtin", or NULL for RINGTORCH_BLAS and otherwise "auto" (OpenBLAS if it is built in). Fails with CONFIG if a
 * name is unknown or this machine or build does not support it, and lists what is supported. May be called again to change the
 * choice, but not while kernels run.
 */
rt_status rt_kernels_init(const char *isa, const char *blas);

/* Returns the chosen table, choosing first if necessary; NULL with the error slot filled if that fails. */
const rt_kernels *rt_kernels_cpu(void);

/* Returns the table of one level with the built-in gemm, for tests and benchmarks; NULL with the
 * error slot filled (CONFIG) if the name is unknown or the machine lacks the instructions. */
const rt_kernels *rt_kernels_level(const char *isa);

/* Returns the names of the levels that this machine can run, "ref sse4 avx2", worst first. */
const char *rt_kernels_levels(void);

/* Fills a table with stand-ins; a back end then overwrites those that it implements. */
void rt_kernels_install_missing(rt_kernels *k);

/* Sets and returns the number of threads that kernels called from this thread use (both rt_exec's setting and OpenMP's; n >= 1). */
void rt_kernels_set_threads(int n);
int rt_kernels_threads(void);

/* Frees the calling thread's scratch memory; other threads' is freed when they end. */
void rt_kernels_shutdown(void);

#endif
