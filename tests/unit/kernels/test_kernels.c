/* One driver for all structured kernels (cases.def) and all rows of two and three operands of elementwise.def. Each case is run on random
 * shapes (zero sizes and ragged tails among them) and must, on every level this machine has,
 *   - agree with the reference level within the tolerance of its row,
 *   - give the same bits with 1, 2, 3 and 4 threads, and with buffers that are not aligned,
 *   - give the same bits on avx2 and avx512, when the machine has both.
 * Buffers are separate allocations of the exact size, so that a sanitizer sees every access out of bounds.
 * KERNELS_SEED=n repeats a run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "kernels/kernels.h"

enum { BUFFERS = 24, TRIALS = 12 };

typedef struct buffer {
    char *base, *data; /* data = base + skew elements */
    int64_t n;
    rt_dtype type;
    bool is_out;
} buffer;

/* One execution of a case: the same seed draws the same sizes and inputs. */
typedef struct run {
    uint64_t state;
    int64_t skew;
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

/* 0..max, small ones and neighbours of multiples of 8 more often. */
static int64_t size(run *r, int64_t max)
{
    int64_t kind = pick(r, 8), n = pick(r, max + 1);
    if (kind == 0)
        n = pick(r, 4);
    else if (kind < 4)
        n = n / 8 * 8 + pick(r, 3) - 1;
    return n < 0 ? 0 : n > max ? max : n;
}

static void *add(run *r, int64_t n, rt_dtype type, bool is_out)
{
    assert_in_range(r->count, 0, BUFFERS - 1);
    buffer *b = &r->b[r->count++];
    size_t item = rt_dtype_size(type), bytes = (size_t)(n + r->skew) * item;
    *b = (buffer){malloc(bytes ? bytes : 1), NULL, n, type, is_out};
    b->data = b->base + (size_t)r->skew * item;
    memset(b->base, 0xAA, bytes); /* an output that is left out cannot be right by chance */
    return b->data;
}

static void release(run *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->b[i].base);
    r->count = 0;
}

static float *floats(run *r, int64_t n, double lo, double hi, bool is_out)
{
    float *x = add(r, n, RT_F32, is_out);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(lo + (hi - lo) * (double)(word(r) >> 11) * 0x1p-53);
    return x;
}

static float *in(run *r, int64_t n, double lo, double hi)
{
    return floats(r, n, lo, hi, false);
}

static float *inout(run *r, int64_t n, double lo, double hi)
{
    return floats(r, n, lo, hi, true);
}

#define OUT(name, type, dtype)                                                                     \
    static type *name(run *r, int64_t n)                                                           \
    {                                                                                              \
        return add(r, n, dtype, true);                                                             \
    }
OUT(out, float, RT_F32)
OUT(out_f64, double, RT_F64)
OUT(out_i64, int64_t, RT_I64)
OUT(out_i32, int32_t, RT_I32)
OUT(out_u8, uint8_t, RT_U8)

/* Bytes that are aligned as the largest element type asks. */
static void *in_bytes(run *r, int64_t n)
{
    uint64_t *x = add(r, (n + 7) / 8, RT_I64, false);
    for (int64_t i = 0; i < (n + 7) / 8; i++)
        x[i] = word(r);
    return x;
}

static void *out_bytes(run *r, int64_t n)
{
    return add(r, (n + 7) / 8, RT_I64, true);
}

static uint8_t *in_mask(run *r, int64_t n)
{
    uint8_t *x = add(r, n, RT_U8, false);
    for (int64_t i = 0; i < n; i++)
        x[i] = flag(r);
    return x;
}

/* Labels in [0, classes), one in eight `ignored`. */
static int64_t *in_labels(run *r, int64_t n, int64_t classes, int64_t ignored)
{
    int64_t *x = add(r, n, RT_I64, false);
    for (int64_t i = 0; i < n; i++)
        x[i] = pick(r, 8) ? pick(r, classes) : ignored;
    return x;
}

/* Rounds values so that many are equal; in every other call puts a NaN and an infinity somewhere. */
static void ties_and_nans(run *r, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = rintf(x[i] * 4);
    if (n > 0 && flag(r)) {
        x[pick(r, n)] = INFINITY;
        x[pick(r, n)] = NAN;
    }
}

static rt_conv2d_shape conv_shape(run *r)
{
    int64_t groups = 1 + pick(r, 3), one = pick(r, 4) == 0;
    rt_conv2d_shape s = {.n = size(r, 5),
                         .c = groups * (1 + size(r, 12)),
                         .oc = groups * (1 + size(r, 20)),
                         .kh = one ? 1 : 1 + pick(r, 5),
                         .kw = one ? 1 : 1 + pick(r, 5),
                         .groups = groups};
    int64_t *k[2] = {&s.kh, &s.kw}, *in_size[2] = {&s.h, &s.w}, *out_size[2] = {&s.oh, &s.ow};
    for (int d = 0; d < 2; d++) {
        s.stride[d] = 1 + pick(r, 3);
        s.dilation[d] = 1 + pick(r, 3);
        int64_t reach = (*k[d] - 1) * s.dilation[d] + 1, after = pick(r, reach + 1);
        s.pad[d] = pick(r, reach + 1);
        *in_size[d] = 1 + size(r, 20);
        int64_t room = *in_size[d] + s.pad[d] + after - reach;
        *out_size[d] = room < 0 ? 0 : room / s.stride[d] + 1;
    }
    return s;
}

static rt_pool2d_shape pool_shape(run *r)
{
    rt_pool2d_shape s = {
        .planes = size(r, 6), .h = 5 + size(r, 60), .w = 5 + size(r, 60), .skip_padding = flag(r)};
    if (flag(r)) {
        s.kh = s.kw = s.stride[0] = s.stride[1] = 2;
    } else {
        s.kh = 1 + pick(r, 4);
        s.kw = 1 + pick(r, 4);
        s.stride[0] = 1 + pick(r, 4);
        s.stride[1] = 1 + pick(r, 4);
        s.pad[0] = pick(r, s.kh / 2 + 1);
        s.pad[1] = pick(r, s.kw / 2 + 1);
    }
    s.oh = (s.h + 2 * s.pad[0] - s.kh) / s.stride[0] + 1;
    s.ow = (s.w + 2 * s.pad[1] - s.kw) / s.stride[1] + 1;
    return s;
}

static rt_grid grid(run *r, int operands)
{
    bool wide = flag(r);
    rt_grid g = {.rows = size(r, wide ? 4 : 200), .cols = size(r, wide ? 40000 : 200)};
    for (int i = 0; i < operands; i++) {
        g.in[i].col = flag(r);
        g.in[i].row = pick(r, 3) == 0 ? 0 : g.in[i].col ? g.cols + pick(r, 2) : 1;
    }
    return g;
}

/* Elements that operand i of a grid spans. */
static int64_t extent(const rt_grid *g, int i)
{
    if (g->rows == 0 || g->cols == 0)
        return 0;
    return (g->rows - 1) * g->in[i].row + (g->cols - 1) * g->in[i].col + 1;
}

/* A random permutation of the axes of a random shape, with gaps in the source; contiguous at the destination. */
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

#define CASE(name, tolerance, ...)                                                                 \
    static void case_##name(run *r, rt_exec *e, const rt_kernels *k)                               \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#include "cases.def"
#undef CASE

#define GRID_CASE(name, lo, make_out)                                                              \
    static void case_##name(run *r, rt_exec *e, const rt_kernels *k)                               \
    {                                                                                              \
        rt_grid g = grid(r, 2);                                                                    \
        float *a = in(r, extent(&g, 0), lo, 3), *b = in(r, extent(&g, 1), lo, 3);                  \
        if (flag(r)) {                                                                             \
            ties_and_nans(r, extent(&g, 0), a);                                                    \
            ties_and_nans(r, extent(&g, 1), b);                                                    \
        }                                                                                          \
        k->name.f[RT_F32](e, (rt_numbers){{0}}, &g, a, b, make_out(r, g.rows * g.cols));           \
    }
#define BINARY(name, reads, f, da, db) GRID_CASE(name, -3, out)
#define COMPARE(name, f)               GRID_CASE(name, -3, out_u8)
#define TERNARY(name, ...)                                                                         \
    static void case_##name(run *r, rt_exec *e, const rt_kernels *k)                               \
    {                                                                                              \
        rt_grid g = grid(r, 3);                                                                    \
        float *operand[3];                                                                         \
        for (int i = 0; i < 3; i++)                                                                \
            operand[i] = in(r, extent(&g, i), -3, 3);                                              \
        for (int i = 0; i < 3 && flag(r); i++)                                                     \
            ties_and_nans(r, extent(&g, i), operand[i]);                                           \
        k->name.f[RT_F32](e, (rt_numbers){{0.7, -1.3, 0.2, 3}}, &g, operand[0], operand[1],        \
                          operand[2], out(r, g.rows * g.cols));                                    \
    }
#include "kernels/elementwise.def"
#undef BINARY
#undef TERNARY
#undef COMPARE

typedef struct test_case {
    const char *name;
    void (*body)(run *r, rt_exec *e, const rt_kernels *k);
    double tolerance;
} test_case;

static const test_case cases[] = {
#define CASE(name, tolerance, ...) {#name, case_##name, tolerance},
#include "cases.def"
#undef CASE
#define BINARY(name, reads, f, da, db) {#name, case_##name, 2e-7},
#define TERNARY(name, ...)             {#name, case_##name, 1e-6},
#define COMPARE(name, f)               {#name, case_##name, 0},
#include "kernels/elementwise.def"
#undef BINARY
#undef TERNARY
#undef COMPARE
};

/* --- comparing --- */

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
    default:
        return ((uint8_t *)b->data)[i];
    }
}

static void check_close(const char *what, const run *got, const run *want, double tolerance)
{
    for (int o = 0; o < want->count; o++) {
        const buffer *g = &got->b[o], *w = &want->b[o];
        if (!w->is_out)
            continue;
        if (w->type == RT_I64 && memcmp(g->data, w->data, (size_t)w->n * sizeof(int64_t)))
            fail_msg("%s: output %d differs", what, o);
        double scale = 0;
        for (int64_t i = 0; i < w->n; i++)
            if (isfinite(value(w, i)))
                scale = fmax(scale, fabs(value(w, i)));
        for (int64_t i = 0; i < w->n; i++) {
            double a = value(g, i), b = value(w, i);
            if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * scale)
                continue;
            fail_msg("%s: output %d, element %lld of %lld: %.9g, expected %.9g within %.1e", what,
                     o, (long long)i, (long long)w->n, a, b, tolerance * scale);
        }
    }
}

static void check_same_bits(const char *what, const run *got, const run *want)
{
    for (int o = 0; o < want->count; o++)
        if (want->b[o].is_out && memcmp(got->b[o].data, want->b[o].data,
                                        (size_t)want->b[o].n * rt_dtype_size(want->b[o].type)))
            fail_msg("%s: output %d differs in its bits", what, o);
}

static run execute(const test_case *c, const rt_kernels *k, uint64_t seed, int64_t skew,
                   int threads)
{
    run r = {seed, skew, 0, {{0}}};
    rt_kernels_set_threads(threads);
    c->body(&r, rt_exec_cpu(), k);
    assert_false(rt_failed());
    return r;
}

static void check_level(const test_case *c, const char *level, uint64_t seed, const run *want)
{
    char what[160];
    const rt_kernels *k = rt_kernels_level(level);
    run one = execute(c, k, seed, 0, 1);
    snprintf(what, sizeof what, "%s on %s, KERNELS_SEED=%llu", c->name, level,
             (unsigned long long)seed);
    check_close(what, &one, want, c->tolerance);
    for (int threads = 2; threads <= 4; threads++) {
        run other = execute(c, k, seed, threads % 4, threads);
        snprintf(what, sizeof what, "%s on %s with %d threads, unaligned by %d, KERNELS_SEED=%llu",
                 c->name, level, threads, threads % 4, (unsigned long long)seed);
        check_same_bits(what, &other, &one);
        release(&other);
    }
    if (!strcmp(level, "avx512")) {
        run narrow = execute(c, rt_kernels_level("avx2"), seed, 0, 1);
        snprintf(what, sizeof what, "%s, avx512 against avx2, KERNELS_SEED=%llu", c->name,
                 (unsigned long long)seed);
        check_same_bits(what, &one, &narrow);
        release(&narrow);
    }
    release(&one);
}

static void test_case_body(void **state)
{
    const test_case *c = *state;
    const char *given = getenv("KERNELS_SEED");
    for (uint64_t trial = 0; trial < (given ? 1 : TRIALS); trial++) {
        uint64_t seed = given ? strtoull(given, NULL, 10) : 1000 + trial;
        run want = execute(c, rt_kernels_level("ref"), seed, 0, 1);
        char levels[64], *rest = NULL;
        snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
        for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
            if (strcmp(l, "ref") != 0)
                check_level(c, l, seed, &want);
        release(&want);
    }
}

int main(void)
{
    enum { COUNT = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, test_case_body, NULL, NULL, (void *)&cases[i]};
    int failed = cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
