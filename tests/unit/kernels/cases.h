/* The cases of all structured kernels (cases.def) and of all rows of elementwise.def, for each float type: each draws random shapes
 * and inputs and runs its kernels, on the CPU or on a device. Buffers are separate allocations of the exact size, so that a
 * sanitizer sees every access out of bounds. */
#ifndef RINGTORCH_TESTS_UNIT_KERNELS_CASES_H
#define RINGTORCH_TESTS_UNIT_KERNELS_CASES_H

#include "kernels/complex.h"
#include "kernels/device.h"
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { BUFFERS = 24 };

typedef struct buffer {
    char *base, *data; /* data = base + skew elements */
    char *there;       /* its copy on the device, if the case runs there */
    int64_t n;
    rt_dtype type;
    bool is_out;
} buffer;

/* One execution of a case: the same seed gives the same sizes and inputs. */
typedef struct run {
    uint64_t state;
    int64_t skew;
    rt_gpu *gpu; /* NULL: the CPU */
    int count;
    buffer b[BUFFERS];
} run;

/* --- drawing --- */

static uint64_t word(run *r) /* splitmix64 */
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static int64_t pick(run *r, int64_t n)
{
    return (int64_t)(word(r) % (uint64_t)n);
}

static bool flag(run *r)
{
    return pick(r, 2);
}

/* Draws a size from 0 to max; small ones and neighbours of multiples of 8 are more frequent. */
static int64_t size(run *r, int64_t max)
{
    int64_t kind = pick(r, 8), n = pick(r, max + 1);
    if (kind == 0)
        n = pick(r, 4);
    else if (kind < 4)
        n = n / 8 * 8 + pick(r, 3) - 1;
    return n < 0 ? 0 : n > max ? max : n;
}

static size_t bytes_of(const buffer *b, int64_t more)
{
    return (size_t)(b->n + more) * rt_dtype_size(b->type);
}

/* Makes a buffer, which the caller fills. */
static void *add(run *r, int64_t n, rt_dtype type, bool is_out)
{
    assert_in_range(r->count, 0, BUFFERS - 1);
    buffer *b = &r->b[r->count++];
    *b = (buffer){.n = n, .type = type, .is_out = is_out};
    size_t bytes = bytes_of(b, r->skew);
    b->base = malloc(bytes ? bytes : 1);
    b->data = b->base + (size_t)r->skew * rt_dtype_size(type);
    memset(b->base, 0xAA, bytes); /* an output that is not written cannot be right by chance */
    return b->data;
}

/* Returns the pointer to pass to a kernel for the buffer that was filled last. */
static void *given(run *r)
{
    buffer *b = &r->b[r->count - 1];
    if (!r->gpu)
        return b->data;
    size_t skew = (size_t)r->skew * rt_dtype_size(b->type);
    b->there = rt_gpu_alloc(r->gpu, skew + bytes_of(b, 0));
    assert_non_null(b->there);
    b->there += skew;
    assert_int_equal(rt_gpu_put(r->gpu, b->there, b->data, bytes_of(b, 0)), RT_OK);
    return b->there;
}

/* Returns the buffer of a pointer passed to a kernel, so that the test can change it; changed() then copies it to the device. */
static buffer *buffer_of(run *r, const void *x)
{
    for (int i = 0; i < r->count; i++)
        if (x == (r->gpu ? r->b[i].there : r->b[i].data))
            return &r->b[i];
    fail_msg("no buffer of the case");
    return NULL;
}

static void changed(run *r, const buffer *b)
{
    if (r->gpu)
        assert_int_equal(rt_gpu_put(r->gpu, b->there, b->data, bytes_of(b, 0)), RT_OK);
}

static void release(run *r)
{
    for (int i = 0; i < r->count; i++) {
        const buffer *b = &r->b[i];
        size_t skew = (size_t)r->skew * rt_dtype_size(b->type);
        if (b->there)
            rt_gpu_free(r->gpu, b->there - skew, skew + bytes_of(b, 0));
        free(b->base);
    }
    r->count = 0;
}

static double get(const buffer *b, int64_t i)
{
    return b->type == RT_F64 ? ((double *)b->data)[i] : ((float *)b->data)[i];
}

static void set(const buffer *b, int64_t i, double v)
{
    if (b->type == RT_F64)
        ((double *)b->data)[i] = v;
    else
        ((float *)b->data)[i] = (float)v;
}

/* Makes a buffer of random numbers of a float type. */
static void *numbers(run *r, rt_dtype type, int64_t n, double lo, double hi, bool is_out)
{
    add(r, n, type, is_out);
    for (int64_t i = 0; i < n; i++)
        set(&r->b[r->count - 1], i, lo + (hi - lo) * (double)(word(r) >> 11) * 0x1p-53);
    return given(r);
}

static void *out_of(run *r, rt_dtype type, int64_t n)
{
    add(r, n, type, true);
    return given(r);
}

#define OUT(name, type, dtype)                                                                     \
    static type *name(run *r, int64_t n)                                                           \
    {                                                                                              \
        add(r, n, dtype, true);                                                                    \
        return given(r);                                                                           \
    }
OUT(out_f64, double, RT_F64)
OUT(out_i64, int64_t, RT_I64)
OUT(out_i32, int32_t, RT_I32)
OUT(out_u8, uint8_t, RT_U8)

/* Makes a buffer of bytes aligned for the largest element type. */
static void *in_bytes(run *r, int64_t n)
{
    uint64_t *x = add(r, (n + 7) / 8, RT_I64, false);
    for (int64_t i = 0; i < (n + 7) / 8; i++)
        x[i] = word(r);
    return given(r);
}

static void *out_bytes(run *r, int64_t n)
{
    add(r, (n + 7) / 8, RT_I64, true);
    return given(r);
}

static uint8_t *in_mask(run *r, int64_t n)
{
    uint8_t *x = add(r, n, RT_U8, false);
    for (int64_t i = 0; i < n; i++)
        x[i] = flag(r);
    return given(r);
}

/* Makes labels in [0, classes); one in eight is `ignored`. */
static int64_t *in_labels(run *r, int64_t n, int64_t classes, int64_t ignored)
{
    int64_t *x = add(r, n, RT_I64, false);
    for (int64_t i = 0; i < n; i++)
        x[i] = pick(r, 8) ? pick(r, classes) : ignored;
    return given(r);
}

/* Rounds values so that many are equal; in every other call puts a NaN and an infinity somewhere. */
static void ties_and_nans(run *r, int64_t n, const void *place)
{
    const buffer *b = buffer_of(r, place);
    for (int64_t i = 0; i < n; i++)
        set(b, i, rint(get(b, i) * 4));
    if (n > 0 && flag(r)) {
        set(b, pick(r, n), INFINITY);
        set(b, pick(r, n), NAN);
    }
    changed(r, b);
}

/* Replaces some values by extreme and special ones. */
static void odd_values(run *r, int64_t n, const void *place)
{
    const double odd[] = {0,
                          -0.0f,
                          INFINITY,
                          -INFINITY,
                          NAN,
                          -NAN,
                          0x1p-149,
                          -0x1p-149,
                          0x1p-126,
                          0x1.fffffep127,
                          0x1p31,
                          -0x1p63,
                          -0x1.fffffep127,
                          1,
                          -1,
                          0x1p-1074,
                          -0x1p-1022,
                          0x1p-1000,
                          0x1.fffffffffffffp1023};
    const buffer *b = buffer_of(r, place);
    for (int64_t i = 0; i < n; i++)
        set(b, i, odd[pick(r, sizeof odd / sizeof *odd)]);
    changed(r, b);
}

/* Draws a convolution of 1 to 3 axes, half of them of two. Of every fourth one, each group has one channel. */
static rt_conv_shape conv_shape(run *r)
{
    int64_t deep = pick(r, 4) == 0, groups = 1 + (deep ? size(r, 40) : pick(r, 3));
    int64_t one = pick(r, 4) == 0, axes = 1 + pick(r, 4);
    rt_conv_shape s = {.n = size(r, 5),
                       .c = groups * (deep ? 1 : 1 + size(r, axes == 3 ? 5 : 12)),
                       .oc = groups * (deep ? 1 : 1 + size(r, 20)),
                       .groups = groups};
    for (int d = 0; d < 3; d++) {
        bool used = axes == 1 ? d == 1 : d > 0 || axes == 3;
        s.kernel[d] = one || !used ? 1 : 1 + pick(r, axes == 3 ? 3 : 5);
        s.stride[d] = used ? 1 + pick(r, 3) : 1;
        s.dilation[d] = 1 + pick(r, 3);
        int64_t reach = (s.kernel[d] - 1) * s.dilation[d] + 1, after = pick(r, reach + 1);
        s.pad[d] = used ? pick(r, reach + 1) : 0;
        s.in[d] = used ? 1 + size(r, axes == 1 ? 400 : axes == 3 ? 8 : 20) : 1;
        int64_t room = s.in[d] + s.pad[d] + (used ? after : 0) - reach;
        s.out[d] = room < 0 ? 0 : room / s.stride[d] + 1;
    }
    return s;
}

/* Draws a convolution whose taps and windows lie far apart along some axes, most of them in the padding, or with one long row. */
static rt_conv_shape apart_shape(run *r)
{
    int64_t groups = 1 + pick(r, 3), deep = flag(r);
    rt_conv_shape s = {.n = 1 + pick(r, 2),
                       .c = groups * (deep ? 1 : 1 + pick(r, 3)),
                       .oc = groups * (deep ? 1 : 1 + pick(r, 3)),
                       .groups = groups};
    bool row = pick(r, 3) == 0;
    for (int d = 0; d < 3; d++) {
        bool far = !row && flag(r);
        s.kernel[d] = row && d < 2 ? 1 : 1 + pick(r, 3);
        s.in[d] = row ? (d < 2 ? 1 : 9000) : 1 + pick(r, 5);
        s.stride[d] = 1 + pick(r, far ? 3000 : 3);
        s.dilation[d] = 1 + pick(r, far ? 3000 : 2);
        int64_t reach = (s.kernel[d] - 1) * s.dilation[d] + 1;
        s.pad[d] = reach / 2 + pick(r, far ? 2000 : 2);
        int64_t room = s.in[d] + 2 * s.pad[d] - reach;
        s.stride[d] = room / s.stride[d] > 9 && !row ? room / 8 + 1 : s.stride[d];
        s.out[d] = room / s.stride[d] + 1;
    }
    return s;
}

/* The numbers of elements of its input, its weights and its output. */
static int64_t conv_inputs(const rt_conv_shape *s)
{
    return s->n * s->c * rt_volume(s->in);
}

static int64_t conv_weights(const rt_conv_shape *s)
{
    return s->oc * s->c / s->groups * rt_volume(s->kernel);
}

static int64_t conv_outputs(const rt_conv_shape *s)
{
    return s->n * s->oc * rt_volume(s->out);
}

/* Draws windows over one to three axes, whose elements are counted in *in and *out. */
static rt_pool_shape pool_shape(run *r, int64_t *in, int64_t *out)
{
    rt_pool_shape s = {.planes = size(r, 6), .skip_padding = flag(r), .adaptive = pick(r, 4) == 0};
    int first = (int)pick(r, 3), dilated = flag(r);
    bool halves = first == 1 && flag(r);
    s.divisor = pick(r, 4) == 0 ? 7 : 0;
    *in = *out = s.planes;
    for (int i = 0; i < 3; i++) {
        s.in[i] = s.kernel[i] = s.stride[i] = s.dilation[i] = s.out[i] = 1;
        if (i >= first) {
            s.in[i] = 5 + size(r, first ? 60 : 15);
            s.kernel[i] = halves ? 2 : 1 + pick(r, 4);
            s.stride[i] = halves ? 2 : 1 + pick(r, 4);
            s.dilation[i] = halves || !dilated || s.kernel[i] > 3 ? 1 : 2;
            s.pad[i] = halves ? 0 : pick(r, s.kernel[i] / 2 + 1);
            int64_t room = s.in[i] + 2 * s.pad[i] - (s.kernel[i] - 1) * s.dilation[i] - 1;
            s.out[i] = s.adaptive ? 1 + pick(r, 2 * s.in[i]) : room / s.stride[i] + 1;
            /* a last window that reaches beyond the padding */
            s.out[i] +=
                !s.adaptive && !halves && flag(r) && s.out[i] * s.stride[i] < s.in[i] + s.pad[i];
        }
        *in *= s.in[i];
        *out *= s.out[i];
    }
    return s;
}

static rt_resample_shape resample_shape(run *r)
{
    return (rt_resample_shape){.outer = size(r, 6),
                               .in = 1 + size(r, 30),
                               .out = size(r, 60),
                               .inner = flag(r) ? 1 : size(r, 40),
                               .taps = 1 + pick(r, 4)};
}

/* Draws a tensor of up to three axes, *n elements in all, and an index along one of them; or the rows of a table by an index. */
static rt_pick picked(run *r, int64_t *n)
{
    rt_pick p = {.size = 1 + size(r, 60), .nd = 1 + (int)pick(r, 3)};
    if (flag(r)) {
        int64_t d = size(r, 40);
        *n = p.size * d;
        return (rt_pick){0, p.size, d, 2, {size(r, 200), d}, {1, 0}, {0, 1}};
    }
    int axis = (int)pick(r, p.nd);
    int64_t index = 1;
    *n = 1;
    for (int d = p.nd - 1; d >= 0; d--) {
        int64_t len = d == axis ? p.size : 1 + size(r, 20);
        p.dim[d] = d == axis ? size(r, 60) : 1 + pick(r, len);
        p.at[d] = index;
        p.stride[d] = d == axis ? 0 : *n;
        if (d == axis)
            p.step = *n;
        index *= p.dim[d];
        *n *= len;
    }
    return p;
}

static int64_t grid_of(const rt_pick *p)
{
    int64_t n = 1;
    for (int d = 0; d < p->nd; d++)
        n *= p->dim[d];
    return n;
}

static int64_t indices_of(const rt_pick *p)
{
    int64_t n = 1;
    for (int d = 0; d < p->nd; d++)
        n *= p->at[d] ? p->dim[d] : 1;
    return n;
}

/* Draws a grid of one to six axes and up to `most` elements in all, seldom none. An operand is row-major, or repeated along some of
 * the axes and stored in another order of them, with gaps. */
static rt_grid grid_within(run *r, int operands, int64_t most)
{
    rt_grid g = {.nd = 1 + (int)pick(r, 6)};
    int64_t room = 1 + size(r, most);
    for (int d = g.nd - 1; d >= 0; d--) {
        int64_t lengths[] = {3, 9, 70, room}, length = lengths[pick(r, 4)];
        g.dim[d] = d == 0 ? room : 1 + size(r, length < room ? length - 1 : room - 1);
        room /= g.dim[d];
    }
    if (pick(r, 24) == 0)
        g.dim[pick(r, g.nd)] = 0;
    for (int k = 0; k < operands; k++) {
        int order[RT_KERNEL_DIMS];
        bool row_major = pick(r, 3) == 0, ordered = row_major || flag(r);
        int64_t next = 1;
        for (int d = 0; d < g.nd; d++) {
            int other = ordered ? d : (int)pick(r, d + 1);
            order[d] = order[other];
            order[other] = d;
        }
        for (int d = g.nd - 1; d >= 0; d--) {
            int axis = order[d];
            bool repeated = !row_major && pick(r, 3) == 0;
            g.stride[k][axis] = repeated ? 0 : next;
            next = repeated ? next : next * g.dim[axis] + (!row_major && pick(r, 4) == 0);
        }
    }
    return g;
}

static rt_grid grid(run *r, int operands)
{
    return grid_within(r, operands, flag(r) ? 3000 : 100000);
}

/* Returns how many elements operand k of a grid spans. */
static int64_t extent(const rt_grid *g, int k)
{
    int64_t last = 0;
    for (int d = 0; d < g->nd; d++)
        last += (g->dim[d] - 1) * g->stride[k][d];
    return rt_grid_count(g) > 0 ? last + 1 : 0;
}

/* Draws a batch of products, of matrices with these numbers of elements. */
static rt_grid batch_of(run *r, int64_t of_a, int64_t of_b)
{
    rt_grid g = grid_within(r, 2, 90);
    for (int d = 0; d < g.nd; d++) {
        g.stride[0][d] *= of_a;
        g.stride[1][d] *= of_b;
    }
    return g;
}

/* Draws none or more than 8: where each query sees one key alone, gradients are 0, and what rounding leaves of them has no scale. */
static int64_t several(run *r, int64_t max)
{
    int64_t n = size(r, max);
    return n > 0 ? n + 8 : 0;
}

/* Draws heads, whose matrices lie anywhere, and masks for them. A mask has a row or a column for all, at times. */
static rt_attention_shape attention_shape(run *r, rt_grid *heads, rt_grid *masks)
{
    rt_attention_shape s = {.t = several(r, 120),
                            .s = several(r, 280),
                            .d = pick(r, 6) ? size(r, 20) : 200,
                            .e = pick(r, 6) ? size(r, 20) : 200,
                            .mask_is_bool = flag(r),
                            .causal = flag(r),
                            .scale = 0.3,
                            .dropout = flag(r) ? 0.2 : 0,
                            .rng = {7, 1, 2, 3, 4}};
    s.ldq = s.d + pick(r, 3);
    s.ldk = s.d + pick(r, 3);
    s.ldv = s.e + pick(r, 3);
    s.mask_stride[0] = flag(r) ? s.s : 0;
    s.mask_stride[1] = pick(r, 4) > 0;
    *heads = *masks = grid_within(r, 3, 4);
    const int64_t sizes[] = {s.t * s.ldq, s.s * s.ldk, s.s * s.ldv};
    for (int d = 0; d < heads->nd; d++) {
        masks->stride[0][d] *= s.t * s.s;
        for (int k = 0; k < 3; k++)
            heads->stride[k][d] *= sizes[k];
    }
    s.heads = heads;
    s.masks = masks;
    return s;
}

/* Draws a permutation of the axes of a random shape, with gaps in the source; the destination is contiguous. */
static void strided(run *r, rt_strided *s, int64_t *from, int64_t *to)
{
    *s = (rt_strided){.size = (size_t)1 << pick(r, 4), .nd = (int)pick(r, RT_KERNEL_DIMS + 1)};
    int order[RT_KERNEL_DIMS];
    for (int d = 0; d < s->nd; d++) {
        int other = (int)pick(r, d + 1);
        order[d] = order[other];
        order[other] = d;
        s->dim[d] = 1 + pick(r, s->nd > 4 ? 3 : 24);
    }
    *from = *to = 1;
    for (int d = s->nd - 1; d >= 0; d--) {
        int axis = order[d];
        bool repeated = pick(r, 8) == 0;
        s->src[axis] = repeated ? 0 : *from;
        *from = repeated ? *from : *from * s->dim[axis] + pick(r, 2);
        s->dst[d] = *to;
        *to *= s->dim[d];
    }
}

/* --- cases --- */

#define in(r, n, lo, hi)    numbers(r, RT_T, n, lo, hi, false)
#define inout(r, n, lo, hi) numbers(r, RT_T, n, lo, hi, true)
#define out(r, n)           out_of(r, RT_T, n)

#define T           float
#define RT_T        RT_F32
#define TYPED(name) name##_f32
#define CASE_ONCE   CASE
#include "typed_cases.inc"
#undef T
#undef RT_T
#undef TYPED
#undef CASE_ONCE

#define T           double
#define RT_T        RT_F64
#define TYPED(name) name##_f64
#define CASE_ONCE(...)
#include "typed_cases.inc"
#undef T
#undef RT_T
#undef TYPED
#undef CASE_ONCE

typedef struct test_case {
    const char *name;
    void (*body)(run *r, rt_exec *e, const rt_kernels *k);
    double tolerance;
} test_case;

static const test_case cases[] = {
#define COMPLEX_CASE(name, ...)   CASE(complex_##name, 4e-6)
#define UNARY(name, ...)          CASE(name, 4e-6) COMPLEX_FORM(COMPLEX_CASE, name)
#define PARAMETRIC(name, ...)     CASE(name, 4e-6)
#define UNARY_OPS(name, ...)      UNARY(name)
#define PARAMETRIC_OPS(name, ...) CASE(name, 4e-6)
#define BINARY(name, ...)         CASE(name, 2e-7) COMPLEX_FORM(COMPLEX_CASE, name)
#define TERNARY(name, ...)        CASE(name, 1e-6) COMPLEX_FORM(COMPLEX_CASE, name)
#define COMPARE(name, ...)        CASE(name, 0) COMPLEX_FORM(COMPLEX_CASE, name)
#define PREDICATE(name, ...)      CASE(name, 0) COMPLEX_FORM(COMPLEX_CASE, name)

#define CASE(name, tolerance, ...)       {#name "_f32", case_##name##_f32, tolerance},
#define CASE_FIXED(name, tolerance, ...) CASE(name, tolerance)
#define CASE_ONCE                        CASE
#include "cases.def"
#include "kernels/elementwise.def"
#undef CASE
#undef CASE_FIXED
#undef CASE_ONCE

/* The same number of units in the last place as for float32. */
#define CASE(name, tolerance, ...)       {#name "_f64", case_##name##_f64, tolerance * 0x1p-29},
#define CASE_FIXED(name, tolerance, ...) {#name "_f64", case_##name##_f64, tolerance},
#define CASE_ONCE(...)
#include "cases.def"
#include "kernels/elementwise.def"
#undef CASE
#undef CASE_FIXED
#undef CASE_ONCE
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef PREDICATE
};

/* Returns element i of a buffer, to compare and to print. */
static double value(const buffer *b, int64_t i)
{
    switch (b->type) {
    case RT_F32:
        return ((float *)b->data)[i];
    case RT_F64:
        return ((double *)b->data)[i];
    case RT_I64:
        return (double)((int64_t *)b->data)[i];
    case RT_I32:
        return ((int32_t *)b->data)[i];
    case RT_I16:
        return ((int16_t *)b->data)[i];
    case RT_I8:
        return ((int8_t *)b->data)[i];
    default:
        return ((uint8_t *)b->data)[i];
    }
}

/* Fails unless the outputs of two runs are the same, bit for bit. A NaN equals all others: docs/NUMERICS.md gives its sign and payload to
 * nobody. */
static void check_same_bits(const char *what, const run *got, const run *want)
{
    for (int o = 0; o < want->count; o++) {
        const buffer *g = &got->b[o], *w = &want->b[o];
        size_t size = rt_dtype_size(w->type);
        assert_int_equal(g->n, w->n);
        for (int64_t i = 0; w->is_out && i < w->n; i++)
            if (memcmp(g->data + (size_t)i * size, w->data + (size_t)i * size, size) != 0 &&
                !(isnan(value(g, i)) && isnan(value(w, i))))
                fail_msg("%s: output %d, element %lld of %lld: %.9g, expected %.9g, to the bit",
                         what, o, (long long)i, (long long)w->n, value(g, i), value(w, i));
    }
}

#endif
