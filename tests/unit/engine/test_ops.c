/* Compares every operation with PyTorch and finite differences, with axes of size 0, and on every instruction set, memory layout
 * and number of threads. The cases are the rows of cases.def and of kernels/elementwise.def; one row is one test.
 *
 *     test_ops            uses each instruction set, layout and number of threads at least once (RINGTORCH_TEST_SEED chooses)
 *     test_ops --all      uses all combinations of them
 *     test_ops --opencl   compares opencl:0 with the CPU instead: values and gradients
 *     test_ops 'conv*'    runs the cases with such names */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/log.h"
#include "kernels/device.h"
#include "kernels/kernels.h"
#include "most_threads.h"
#include "tests/support/combinations.h"
#include "tests/support/folder.h"
#include "tests/support/golden.h"
#include "worker/engine/base/thread.h"
#include <math.h>
#include <ringtorch/ringtorch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NO_GRAD = 1, NO_GRAD2 = 2, NO_TORCH = 4, LARGE = 8 };
enum { INPUTS = 7, WEIGHTS = 99, WEIGHTS2 = 50 };

typedef struct spec {
    bool integer;
    double lo, hi;
    rt_dims dims;
    bool complex;
} spec;

typedef struct test_case {
    const char *name;
    int (*inputs)(spec *s);
    rt_tensor *(*run)(rt_tensor **t);
    int skip;
} test_case;

/* Combines two results of one call, which both have a gradient. */
static rt_tensor *normalised(rt_tensor *x)
{
    rt_var_mean_results m = rt_var_mean(x, rt_shape(1), true, .correction = 0);
    return rt_div(rt_sub(x, m.mean), rt_sqrt(rt_add_scalar(m.var, 0.1)));
}

/* The results of a call that makes several. */
enum { PARTS = 4 };
static rt_tensor *part[PARTS];

/* Joins them, flat and each times another factor. */
static rt_tensor *joined(int count)
{
    rt_tensor *flat[PARTS];
    for (int i = 0; i < count; i++)
        flat[i] = rt_mul_scalar(rt_flatten(part[i], 0, -1), i + 1);
    return rt_cat(flat, count, 0); /* fails if there are none */
}

#define IN(...) __VA_ARGS__
#define F(low, high, ...)                                                                          \
    {                                                                                              \
        .lo = low, .hi = high, .dims = rt_shape(__VA_ARGS__)                                       \
    }
#define I(low, high, ...)                                                                          \
    {                                                                                              \
        true, low, high, rt_shape(__VA_ARGS__)                                                     \
    }

#define Z(low, high, ...)                                                                          \
    {                                                                                              \
        .complex = true, .lo = low, .hi = high, .dims = rt_shape(__VA_ARGS__)                      \
    }

#define CASE(name, in, ours, torch, skip)                                                          \
    static int name##_inputs(spec *s)                                                              \
    {                                                                                              \
        const spec all[] = {in};                                                                   \
        memcpy(s, all, sizeof all);                                                                \
        return (int)(sizeof all / sizeof *all);                                                    \
    }                                                                                              \
    static rt_tensor *name##_run(rt_tensor **t)                                                    \
    {                                                                                              \
        rt_tensor *h = NULL, *v = NULL, *u = NULL; /* a row writes h; v and u view it */           \
        (void)h, (void)v, (void)u;                                                                 \
        return ours;                                                                               \
    }
#define UNARY(name, reads, f, df, ddf, low, high)                                                  \
    CASE(name, IN(F(low, high, 3, 17)), rt_##name(t[0]), , 0)
#define PARAMETRIC(name, names, reads, f, df, ddf, tests, low, high)                               \
    CASE(name, IN(F(low, high, 3, 17)), rt_##name##_((rt_##name##_args){t[0], IN tests}), , 0)
#define UNARY_OPS(name, reads, times, f, dx, low, high) UNARY(name, reads, f, dx, , low, high)
#define PARAMETRIC_OPS(name, names, reads, times, f, dx, tests, low, high)                         \
    PARAMETRIC(name, names, reads, f, dx, , tests, low, high)
#include "cases.def"
#include "kernels/elementwise.def"
#undef CASE
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS

static const test_case cases[] = {
#define CASE(name, in, ours, torch, skip) {#name, name##_inputs, name##_run, skip},
#define UNARY(name, ...)                  {#name, name##_inputs, name##_run, 0},
#define PARAMETRIC(name, ...)             UNARY(name)
#define UNARY_OPS(name, ...)              UNARY(name)
#define PARAMETRIC_OPS(name, ...)         UNARY(name)
#include "cases.def"
#include "kernels/elementwise.def"
#undef CASE
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
};
enum { CASES = sizeof cases / sizeof *cases };

static golden_files golden;
static bool all_combinations, on_device;
static uint64_t seed;

/* ---- inputs ---- */

/* Returns element i of input `number`: evenly spread in [lo, hi). golden/make_golden.py has the same formula. */
static double value(int number, int64_t i, double lo, double hi)
{
    double u = fmod((double)(i + 1) * 0.6180339887498949 + (number + 1) * 0.7548776662466927, 1.0);
    return lo + (hi - lo) * u;
}

/* The type of the float inputs of cases, and where inputs and what a row makes itself lie. */
static rt_dtype float_type = RT_F32;
static rt_device place;

static double get(rt_tensor *x, int64_t i)
{
    return rt_dtype_of(x) == RT_F64 ? ((const double *)rt_data(x))[i] : rt_f32(x)[i];
}

static void set(rt_tensor *x, int64_t i, double v)
{
    if (rt_dtype_of(x) == RT_F64)
        ((double *)rt_data(x))[i] = v;
    else
        rt_f32(x)[i] = (float)v;
}

/* Returns x, or a view of complex numbers as pairs of floats. */
static rt_tensor *as_floats(rt_tensor *x)
{
    rt_dtype type = rt_dtype_of(x);
    return type == RT_C64 || type == RT_C128 ? rt_view_as_real(x) : x;
}

/* Calls the operation of a case. Complex results are compared as pairs of floats. */
static rt_tensor *result_of(const test_case *c, rt_tensor **t)
{
    rt__thread.gpu = place.kind == RT_CPU ? NULL : rt_gpu_open(place);
    rt_tensor *y = c->run(t);
    rt__thread.gpu = NULL;
    return y ? as_floats(y) : NULL;
}

static rt_tensor *make_complex(int number, const spec *s);

static rt_tensor *make(int number, const spec *s)
{
    if (s->complex)
        return make_complex(number, s);
    rt_tensor *x = rt_empty(s->dims, s->integer ? RT_I64 : float_type);
    for (int64_t i = 0; i < rt_numel(x); i++) {
        double v = value(number, i, s->lo, s->hi);
        if (s->integer)
            rt_i64(x)[i] = (int64_t)floor(v);
        else
            set(x, i, v);
    }
    return x;
}

/* Real and imaginary parts are elements of the same sequence. */
static rt_tensor *make_complex(int number, const spec *s)
{
    spec parts = {.lo = s->lo, .hi = s->hi, .dims = s->dims};
    parts.dims.d[parts.dims.n++] = 2;
    return rt_clone(rt_view_as_complex(make(number, &parts)));
}

static rt_tensor *weights(int number, rt_dims dims)
{
    return rt_to_device(make(number, &(spec){.lo = -1, .hi = 1, .dims = dims}), place);
}

/* Returns the same values with gaps between all elements and the axes in the opposite order in memory. */
static rt_tensor *scattered(rt_tensor *x)
{
    rt_dims dims = rt_dims_of(x), back = {.n = dims.n}, axes = {.n = dims.n};
    if (dims.n == 0)
        return x;
    for (int i = 0; i < dims.n; i++) {
        back.d[i] = dims.d[dims.n - 1 - i];
        axes.d[i] = dims.n - 1 - i;
    }
    back.d[back.n - 1] *= 2;
    rt_tensor *room = rt_zeros(back, rt_dtype_of(x));
    rt_tensor *view = rt_permute(rt_slice(room, .axis = -1, .start = 0, .step = 2), axes);
    rt_copy_into(view, x);
    return view;
}

/* The inputs of a case; float inputs need gradients and are kept. */
typedef struct inputs {
    int n;
    rt_tensor *t[INPUTS];
} inputs;

static inputs inputs_of(const spec *s, int n, bool strided)
{
    inputs in = {.n = n};
    assert_in_range(n, 1, INPUTS);
    for (int i = 0; i < n; i++) {
        rt_tensor *x = make(i, &s[i]);
        x = rt_to_device(strided ? scattered(x) : x, place);
        in.t[i] = s[i].integer ? rt_keep(x) : rt_param(x);
    }
    assert_string_equal(rt_error(), "");
    return in;
}

static inputs begin(const test_case *c, bool strided)
{
    spec s[INPUTS];
    int n = c->inputs(s);
    return inputs_of(s, n, strided);
}

static void end(inputs *in)
{
    for (int i = 0; i < in->n; i++)
        rt_free(in->t[i]);
}

/* ---- evaluation ---- */

typedef struct outcome {
    rt_tensor *y, *dx[INPUTS];
} outcome;

static int floats(const inputs *in, rt_tensor **x)
{
    int n = 0;
    for (int i = 0; i < in->n; i++)
        if (rt_requires_grad(in->t[i]))
            x[n++] = in->t[i];
    return n;
}

/* Computes the value, and the gradients of sum(y * w) by the float inputs in order, unless something fails. */
static outcome try_evaluate(const test_case *c, inputs *in)
{
    outcome o = {.y = result_of(c, in->t)};
    if (o.y && !(c->skip & NO_GRAD)) {
        rt_tensor *x[INPUTS];
        int n = floats(in, x);
        rt_tensor *loss = rt_sum(rt_mul(o.y, weights(WEIGHTS, rt_dims_of(o.y))));
        rt_grad(loss, x, n, o.dx);
    }
    o.y = rt_contiguous(rt_to(rt_detach(o.y), float_type));
    for (int i = 0; i < INPUTS; i++)
        o.dx[i] = o.dx[i] ? rt_contiguous(as_floats(o.dx[i])) : NULL;
    return o;
}

static outcome evaluate(const test_case *c, inputs *in)
{
    outcome o = try_evaluate(c, in);
    assert_string_equal(rt_error(), "");
    assert_non_null(o.y);
    return o;
}

static void assert_close(const char *what, rt_tensor *got, rt_tensor *expected, double tolerance)
{
    for (int64_t i = 0; i < rt_numel(got); i++) {
        double a = get(got, i), b = get(expected, i);
        if (fabs(a - b) <= tolerance * (1 + fabs(b)) || a == b || (isnan(a) && isnan(b)))
            continue;
        fail_msg("%s: element %lld is %.17g, expected %.17g", what, (long long)i, a, b);
    }
}

static void assert_same(const char *what, const outcome *got, const outcome *expected,
                        double tolerance)
{
    for (int i = -1; i < INPUTS; i++) {
        rt_tensor *a = i < 0 ? got->y : got->dx[i], *b = i < 0 ? expected->y : expected->dx[i];
        assert_int_equal(a != NULL, b != NULL);
        if (!a)
            continue;
        assert_int_equal(rt_numel(a), rt_numel(b));
        char text[96];
        snprintf(text, sizeof text, i < 0 ? "%s: value" : "%s: gradient %d", what, i);
        assert_close(text, a, b, tolerance);
    }
}

/* ---- the checks ---- */

static void check_golden(const test_case *c)
{
    inputs in = begin(c, false);
    outcome o = evaluate(c, &in);
    for (int i = -1, k = 0; i < in.n; i++) {
        char name[96];
        if (i >= 0 && (!rt_requires_grad(in.t[i]) || c->skip & NO_GRAD))
            continue;
        rt_tensor *got = i < 0 ? o.y : o.dx[k++];
        const char *of_type = float_type == RT_F64 ? "float64." : "";
        snprintf(name, sizeof name, i < 0 ? "%s%s" : "%s%s.%d", of_type, c->name, i);
        const rt_st_entry *e = golden_find(&golden, name);
        if (!e)
            fail_msg("%s is in none of tests/golden/*.safetensors: run make_golden.py there", name);
        rt_dims expected = e->shape, shape = rt_dims_of(i < 0 ? got : as_floats(in.t[i]));
        assert_int_equal(shape.n, expected.n);
        assert_memory_equal(shape.d, expected.d, (size_t)shape.n * sizeof *shape.d);
        assert_int_equal(e->dtype, float_type);
        rt_tensor *copy = rt_from(e->data, e->shape, float_type);
        assert_close(name, got, copy, float_type == RT_F64 ? 1e-13 : 2e-6);
    }
    end(&in);
}

/* Returns sum(y * w) in double precision. */
static double weighted(const test_case *c, inputs *in, rt_tensor *w)
{
    bool former = rt_no_grad_begin();
    rt_scope s = rt_scope_begin();
    rt_tensor *y = rt_contiguous(result_of(c, in->t));
    double sum = 0;
    for (int64_t i = 0; i < rt_numel(y); i++)
        sum += get(y, i) * get(w, i);
    rt_scope_end(s);
    rt_no_grad_end(former);
    return sum;
}

/* Returns the sum over inputs of (gradient * v) in double precision. */
static double weighted_gradient(const test_case *c, inputs *in, rt_tensor *w)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *x[INPUTS], *dx[INPUTS];
    int n = floats(in, x);
    rt_grad(rt_sum(rt_mul(result_of(c, in->t), w)), x, n, dx);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        rt_tensor *g = rt_contiguous(as_floats(dx[i])), *v = weights(WEIGHTS2 + i, rt_dims_of(g));
        for (int64_t k = 0; k < rt_numel(g); k++)
            sum += get(g, k) * get(v, k);
    }
    rt_scope_end(s);
    return sum;
}

typedef double measure_fn(const test_case *c, inputs *in, rt_tensor *w);

/* Compares dx with differences of f by each element of x. At a kink it may equal either one-sided slope. */
static void assert_slopes(const char *what, const test_case *c, inputs *in, rt_tensor *w,
                          measure_fn *f, rt_tensor *x, rt_tensor *dx, double tolerance)
{
    const double h = float_type == RT_F64 ? 1e-5 : (double)2e-3f;
    rt_tensor *slopes = rt_contiguous(as_floats(dx));
    bool former = rt_no_grad_begin();
    x = as_floats(x);
    rt_no_grad_end(former);
    for (int64_t i = 0; i < rt_numel(x); i++) {
        double mid = get(x, i), f0 = f(c, in, w);
        set(x, i, mid + h);
        double high = get(x, i), f1 = f(c, in, w);
        set(x, i, mid - h);
        double low = get(x, i), f2 = f(c, in, w);
        set(x, i, mid);
        double expected = get(slopes, i), margin = tolerance * (1 + fabs(expected));
        double both = (f1 - f2) / (high - low);
        double right = (f1 - f0) / (high - mid), left = (f0 - f2) / (mid - low);
        if (fabs(both - expected) > margin && fabs(right - expected) > margin &&
            fabs(left - expected) > margin)
            fail_msg("%s: element %lld is %g, differences say %g", what, (long long)i, expected,
                     both);
    }
    assert_string_equal(rt_error(), "");
}

static void check_differences(const test_case *c)
{
    inputs in = begin(c, false);
    outcome o = evaluate(c, &in);
    rt_tensor *x[INPUTS], *w = weights(WEIGHTS, rt_dims_of(o.y));
    int n = floats(&in, x);
    for (int i = 0; i < n; i++)
        assert_slopes("gradient", c, &in, w, weighted, x[i], o.dx[i],
                      float_type == RT_F64 ? 1e-7 : 1e-2);
    end(&in);
}

/* Checks the gradient of sum(gradient * v), by the inputs and by the weights of the first gradient. */
static void check_second(const test_case *c)
{
    inputs in = begin(c, false);
    rt_tensor *x[INPUTS + 1], *dx[INPUTS], *ddx[INPUTS + 1];
    int n = floats(&in, x);
    rt_tensor *y = result_of(c, in.t);
    rt_tensor *w = x[n] = rt_param(weights(WEIGHTS, rt_dims_of(y)));
    rt_grad(rt_sum(rt_mul(y, w)), x, n, dx, .create_graph = true);
    assert_string_equal(rt_error(), "");
    rt_tensor *sum = rt_scalar(0);
    for (int i = 0; i < n; i++) {
        rt_tensor *g = as_floats(dx[i]);
        sum = rt_add(sum, rt_sum(rt_mul(g, weights(WEIGHTS2 + i, rt_dims_of(g)))));
    }
    assert_true(rt_requires_grad(sum));
    rt_grad(sum, x, n + 1, ddx);
    assert_string_equal(rt_error(), "");
    for (int i = 0; i <= n; i++)
        assert_slopes(i < n ? "second gradient" : "gradient by dy", c, &in, w, weighted_gradient,
                      x[i], ddx[i], float_type == RT_F64 ? 1e-7 : 2e-2);
    rt_free(w);
    end(&in);
}

/* Computes the first gradient of x[i], and the second one, of the sum of the first. */
static void gradients_of(const test_case *c, const inputs *in, rt_tensor *x, rt_tensor **d)
{
    rt_tensor *y = result_of(c, (rt_tensor **)in->t), *none = rt_zeros_like(x);
    d[0] = d[1] = none;
    if (rt_requires_grad(y))
        rt_grad(rt_sum(rt_mul(y, weights(WEIGHTS, rt_dims_of(y)))), &x, 1, d, .create_graph = true);
    if (rt_requires_grad(d[0]) && !(c->skip & NO_GRAD2))
        rt_grad(rt_sum(rt_mul(as_floats(d[0]), weights(WEIGHTS2, rt_dims_of(as_floats(x))))), &x, 1,
                d + 1);
    for (int k = 0; k < 2; k++)
        d[k] = rt_contiguous(rt_detach(as_floats(d[k])));
    assert_string_equal(rt_error(), "");
}

/* An input that alone needs its gradient gets the same as together with the others, although less is kept for backward. */
static void check_alone(const test_case *c)
{
    inputs in = begin(c, false);
    rt_tensor *x[INPUTS], *together[2], *alone[2];
    int n = floats(&in, x);
    for (int i = 0; i < n && n > 1; i++) {
        gradients_of(c, &in, x[i], together);
        for (int k = 0; k < n; k++)
            rt_set_requires_grad(x[k], k == i);
        gradients_of(c, &in, x[i], alone);
        for (int k = 0; k < n; k++)
            rt_set_requires_grad(x[k], true);
        for (int k = 0; k < 2; k++)
            assert_close("gradient alone", alone[k], together[k], 0);
    }
    end(&in);
}

/* A result must not depend on these. Levels are instruction sets; the last one is the default with its OpenBLAS. */
enum { LEVELS_MAX = 8, LAYOUTS = 2 };

typedef struct machine {
    const char *level;
    bool scattered;
    int threads;
} machine;

static int levels(const char *names[LEVELS_MAX])
{
    static char text[64];
    int n = 0;
    char *rest = text;
    snprintf(text, sizeof text, "%s", rt_kernels_levels());
    for (char *level; (level = strsep(&rest, " "));)
        names[n++] = level;
    names[n++] = NULL;
    return n;
}

static outcome evaluate_on(const test_case *c, const machine *m)
{
    inputs in = begin(c, m->scattered);
    assert_int_equal(rt_kernels_init(m->level, m->level ? "builtin" : NULL), RT_OK);
    rt_kernels_set_threads(m->threads);
    outcome o = evaluate(c, &in);
    end(&in);
    return o;
}

static void assert_same_bits(const char *what, const outcome *got, const outcome *expected)
{
    for (int i = -1; i < INPUTS; i++) {
        rt_tensor *a = i < 0 ? got->y : got->dx[i], *b = i < 0 ? expected->y : expected->dx[i];
        if (a && memcmp(rt_data(a), rt_data(b), (size_t)rt_numel(a) * sizeof(float)))
            fail_msg("%s: %s %d differs in bits from one thread", what,
                     i < 0 ? "value" : "gradient", i);
    }
}

static void check_machine(const test_case *c, const machine *m, const outcome *reference)
{
    char what[64];
    snprintf(what, sizeof what, "%s, %s, %d threads", m->level ? m->level : "default",
             m->scattered ? "scattered" : "dense", m->threads);
    outcome dense = evaluate_on(c, &(machine){m->level, false, 1});
    assert_same(what, &dense, reference,
                c->skip & LARGE ? 2e-4 : 2e-5); /* longer sums, in different orders */
    outcome one = evaluate_on(c, &(machine){m->level, m->scattered, 1});
    assert_same(what, &one, &dense, 2e-6);
    outcome got = evaluate_on(c, m);
    assert_same_bits(what, &got, &one);
}

static void check_machines(const test_case *c)
{
    const char *level[LEVELS_MAX];
    const int sizes[] = {levels(level), LAYOUTS, MOST_THREADS};
    combination combinations[COMBINATIONS_MAX];
    uint64_t rng = seed;
    for (const char *at = c->name; *at;
         at++) /* the choice for a row does not depend on other rows */
        rng = (rng ^ (unsigned char)*at) * 0x100000001b3u;
    int n = all_combinations ? combinations_all(sizes, 3, combinations)
                             : combinations_cover(&rng, sizes, 3, combinations);
    outcome reference = evaluate_on(c, &(machine){"ref", false, 1});
    for (int i = 0; i < n; i++) {
        const int *at = combinations[i].at;
        check_machine(c, &(machine){level[at[0]], at[1] == 1, 1 + at[2]}, &reference);
    }
}

/* Runs forward, backward and backward of backward. Either forward fails, with the operation's name, or all run and give gradients
 * of the inputs' shapes. Returns the value, or NULL if forward failed. */
static rt_tensor *run_all_passes(const test_case *c, inputs *in)
{
    rt_tensor *x[INPUTS], *dx[INPUTS], *ddx[INPUTS], *y = result_of(c, in->t);
    int n = floats(in, x);
    assert_int_equal(y == NULL, rt_failed());
    if (!y) {
        assert_int_not_equal(strlen(rt_error()), 0);
        rt_error_clear();
        return NULL;
    }
    if (c->skip & NO_GRAD)
        return y;
    rt_tensor *loss = rt_sum(rt_mul(y, weights(WEIGHTS, rt_dims_of(y)))), *sum = rt_sum(loss);
    rt_grad(loss, x, n, dx, .create_graph = true);
    for (int i = 0; i < n && !(c->skip & NO_GRAD2); i++)
        sum = rt_add(sum, rt_sum(rt_square(as_floats(dx[i]))));
    rt_grad(sum, x, n, ddx);
    assert_string_equal(rt_error(), "");
    for (int i = 0; i < n; i++) {
        rt_dims want = rt_dims_of(x[i]), got = rt_dims_of(ddx[i]);
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.d, want.d, (size_t)want.n * sizeof *want.d);
    }
    return y;
}

/* With all axes of one size made empty, dense and strided inputs must both fail or give the same value. */
static void check_emptied(const test_case *c, int64_t size)
{
    spec s[INPUTS];
    int n = c->inputs(s);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < s[i].dims.n; k++)
            s[i].dims.d[k] = s[i].dims.d[k] == size ? 0 : s[i].dims.d[k];
    inputs dense = inputs_of(s, n, false), apart = inputs_of(s, n, true);
    rt_tensor *expected = run_all_passes(c, &dense), *got = run_all_passes(c, &apart);
    assert_int_equal(got == NULL, expected == NULL);
    if (got) {
        outcome a = {.y = rt_contiguous(rt_to(rt_detach(expected), RT_F32))};
        outcome b = {.y = rt_contiguous(rt_to(rt_detach(got), RT_F32))};
        assert_same("emptied", &b, &a, 2e-6);
    }
    end(&dense);
    end(&apart);
}

static void check_empty(const test_case *c)
{
    spec s[INPUTS];
    int n = c->inputs(s);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < s[i].dims.n; k++)
            check_emptied(c, s[i].dims.d[k]);
}

static void in_scope(void (*check)(const test_case *c), const test_case *c)
{
    rt_scope s = rt_scope_begin();
    check(c);
    rt_scope_end(s);
}

static bool has_floats(const test_case *c)
{
    spec s[INPUTS];
    bool some = false;
    for (int i = 0, n = c->inputs(s); i < n; i++)
        some |= !s[i].integer;
    return some;
}

/* Compares with numbers from outside: PyTorch's and finite differences. */
static void check_values(const test_case *c)
{
    if (!(c->skip & NO_TORCH))
        in_scope(check_golden, c);
    if (!(c->skip & (NO_GRAD | LARGE)))
        in_scope(check_differences, c);
    if (!(c->skip & (NO_GRAD | NO_GRAD2 | LARGE)))
        in_scope(check_second, c);
    if (!(c->skip & (NO_GRAD | LARGE)))
        in_scope(check_alone, c);
}

static void run_case(void **state)
{
    const test_case *c = *state;
    int64_t live = rt_live_objects();
    check_values(c);
    float_type = RT_F64;
    if (has_floats(c))
        check_values(c);
    float_type = RT_F32;
    in_scope(check_machines, c);
    if (!(c->skip & LARGE))
        in_scope(check_empty, c);
    assert_int_equal(rt_live_objects(), live);
}

/* ---- another device ---- */

static int native, fallen_back;
static char log_path[FOLDER_MAX + 8];

/* Returns the outcome on opencl:0, on the CPU. */
static outcome evaluate_there(const test_case *c, bool fallback)
{
    rt_allow_fallback(fallback);
    place = (rt_device){RT_OPENCL, 0};
    inputs in = begin(c, false);
    outcome o = try_evaluate(c, &in);
    place = (rt_device){0};
    rt_allow_fallback(true);
    for (int i = -1; i < INPUTS && !rt_failed(); i++) {
        rt_tensor **x = i < 0 ? &o.y : &o.dx[i];
        if (*x)
            assert_int_equal(rt_device_of(*x).kind, RT_OPENCL);
        *x = *x ? rt_to_device(*x, (rt_device){0}) : NULL;
    }
    end(&in);
    return o;
}

/* Checks that the log says that this operation runs on the CPU for want of a kernel, as `refusal` does, the message without fallback. */
static void assert_logged(const char *refusal)
{
    char op[64], kernel[64], line[400], wanted[200];
    bool found = false;
    const char *after = strstr(refusal, ": no kernel "), *start = after;
    while (start && start > refusal && start[-1] != ' ') /* behind "index: item 0: " */
        start--;
    if (!start || sscanf(start, "%63[^:]: no kernel %63s on opencl:0", op, kernel) != 2)
        fail_msg("without fallback: %s", refusal);
    FILE *log = fopen(log_path, "r");
    assert_non_null(log);
    snprintf(wanted, sizeof wanted, ": no kernel %s: it runs on the CPU", kernel);
    while (!found && fgets(line, sizeof line, log)) {
        const char *at = strstr(line, "opencl:0: ");
        at = at ? at + strlen("opencl:0: ") : "";
        found = !strncmp(at, op, strlen(op)) && !strncmp(at + strlen(op), " of ", 4) &&
                strstr(at, wanted);
    }
    fclose(log);
    if (!found)
        fail_msg("%s: no line of the log says that it ran on the CPU", refusal);
}

/* Either all runs on the device, or what has no kernel there runs on the CPU, and the log says so. The bits are those of the CPU. */
static void check_device(const test_case *c)
{
    char refusal[400];
    inputs in = begin(c, false);
    outcome expected = evaluate(c, &in);
    end(&in);
    outcome got = evaluate_there(c, false);
    snprintf(refusal, sizeof refusal, "%s", rt_error());
    if (!refusal[0]) {
        native++;
    } else {
        rt_error_clear();
        got = evaluate_there(c, true);
        assert_string_equal(rt_error(), "");
        assert_logged(refusal);
        fallen_back++;
    }
    for (int i = -1; i < INPUTS; i++) {
        rt_tensor *a = i < 0 ? got.y : got.dx[i], *b = i < 0 ? expected.y : expected.dx[i];
        assert_int_equal(a != NULL, b != NULL);
        if (!a)
            continue;
        assert_int_equal(rt_numel(a), rt_numel(b));
        for (int64_t k = 0; k < rt_numel(a); k++)
            if (memcmp(rt_f32(a) + k, rt_f32(b) + k, sizeof(float)) != 0 &&
                !(isnan(rt_f32(a)[k]) && isnan(rt_f32(b)[k]))) /* which NaN is not said */
                fail_msg("%s %d: element %lld is %.9g, on the CPU %.9g",
                         i < 0 ? "value" : "gradient", i, (long long)k, (double)rt_f32(a)[k],
                         (double)rt_f32(b)[k]);
    }
}

static void run_case_there(void **state)
{
    const test_case *c = *state;
    int64_t live = rt_live_objects();
    in_scope(check_device, c);
    assert_int_equal(rt_live_objects(), live);
}

static int run_on_opencl(struct CMUnitTest tests[CASES])
{
    char folder[FOLDER_MAX];
    if (rt_gpu_count(RT_OPENCL) == 0) {
        printf("test_ops: SKIPPED: there is no OpenCL device (apt install pocl-opencl-icd)\n");
        return 0;
    }
    for (int i = 0; i < CASES; i++)
        tests[i].test_func = run_case_there;
    if (!folder_make(folder, "ops") || rt_kernels_init(NULL, "builtin") != RT_OK)
        return 1;
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    rt_log_open("test_ops", log_path, false);
    int failed = _cmocka_run_group_tests("ops on opencl:0", tests, CASES, NULL, NULL);
    rt_log_close();
    unlink(log_path);
    rmdir(folder);
    printf("test_ops: %d rows all on opencl:0, %d with a part on the CPU\n", native, fallen_back);
    return failed;
}

/* Cleans up, so that a failed case does not affect the next one. */
static int tidy(void **state)
{
    (void)state;
    rt_error_clear();
    rt_scope_end((rt_scope){0});
    float_type = RT_F32;
    place = (rt_device){0};
    rt__thread.gpu = NULL;
    rt_kernels_set_threads(1);
    return rt_kernels_init(NULL, on_device ? "builtin" : NULL);
}

int main(int argc, char **argv)
{
    all_combinations = argc > 1 && !strcmp(argv[1], "--all");
    on_device = argc > 1 && !strcmp(argv[1], "--opencl");
    if (argc > 1 && !all_combinations && !on_device)
        cmocka_set_test_filter(argv[1]);
    seed = random_seed("test_ops");
    if (golden_open(&golden, RT_TEST_SOURCE_DIR "/tests/golden") != RT_OK) {
        fprintf(stderr, "%s\n", rt_error());
        return 1;
    }
    struct CMUnitTest tests[CASES];
    for (int i = 0; i < CASES; i++)
        tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, tidy, (void *)&cases[i]};
    int failed =
        on_device ? run_on_opencl(tests) : _cmocka_run_group_tests("ops", tests, CASES, NULL, NULL);
    golden_close(&golden);
    rt_shutdown();
    if (rt_live_objects() != 0)
        fprintf(stderr, "%lld objects are still alive\n", (long long)rt_live_objects());
    return failed || rt_live_objects() != 0;
}
