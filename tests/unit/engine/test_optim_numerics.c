/* Tests what docs/NUMERICS.md promises of rules that look at whole parameters, and of learning rates (sections 8 and 9). Computes it
 * again in plain C, one number at a time; the engine must give the same bits. */
#include "common/base/slices.h"
#include "kernels/kernels.h"
#include "tests/support/outcome.h"
#include "worker/engine/optim/exact.h"
#include <math.h>
#include <ringtorch/optim.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- a net whose parameters lie across the borders of blocks ---- */

static const rt_module_type bare_type = {"bare", sizeof(rt_module), NULL, NULL};

enum { PARAMS = 4, STEPS = 3 };
static const struct {
    const char *name;
    int64_t matrices, rows, columns; /* columns 0: no matrix */
    rt_dims dims;
} shape[PARAMS] = {
    {"matrix", 1, 301, 451, {2, {301, 451}}},
    {"vector", 1, 1003, 0, {1, {1003}}},
    {"stack", 3, 170, 200, {3, {3, 170, 200}}},
    {"scalar", 1, 1, 0, {0, {0}}},
};

static rt_module *make_net(void)
{
    rt_module *m = rt_nn_new(&bare_type);
    rt_random_seek(7, 0, 0);
    for (int i = 0; i < PARAMS; i++)
        rt_nn_param(m, shape[i].name, rt_randn(shape[i].dims));
    return m;
}

/* Writes the gradients of update t: some rows and columns have none. */
static void draw_gradient(const rt_flat *flat, int t)
{
    rt_scope s = rt_scope_begin();
    rt_random_seek(8, (uint64_t)t, 0);
    memcpy(flat->grad, rt_f32(rt_randn(rt_shape(flat->count))),
           (size_t)flat->count * sizeof(float));
    memset(flat->grad, 0, (size_t)(3 * 451) * sizeof(float));
    rt_scope_end(s);
}

/* ---- section 2 ---- */

static double squares(const float *x, int64_t n)
{
    enum { LANES = 16 };
    double lane[LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lane[i % LANES] += (double)x[i] * (double)x[i];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* Returns the sum of squares of elements [begin,end) of the flat buffer, piece by piece; x begins with the first of them. */
static double squares_of_pieces(const float *x, int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t at = begin, next; at < end; at = next) {
        next = (at / RT_BLOCK + 1) * RT_BLOCK;
        next = next < end ? next : end;
        sum += squares(x + (at - begin), next - at);
    }
    return sum;
}

/* ---- section 8: LAMB ---- */

typedef struct state {
    float *p, *m, *v, *step; /* of the whole flat buffer; step: of a parameter */
    double *row, *column;    /* of a parameter */
    float *row_var, *col_var;
} state;

static double power(double b, int64_t n)
{
    double y = 1;
    for (; n > 0; n /= 2, b *= b)
        if (n % 2)
            y *= b;
    return y;
}

static const double lr = 0.01, scale = 0.37, beta1 = 0.9, beta2 = 0.99, lamb_eps = 1e-6,
                    decay = 0.1;

/* Computes the formula of adam, with decay apart from the gradient; d is rounded where it is stored. */
static float adam_step(const state *s, const rt_flat *flat, int64_t i, int t, bool keep)
{
    float g = (float)scale * flat->grad[i];
    float m = fmaf((float)beta1, s->m[i], (float)(1 - beta1) * g);
    float v = fmaf((float)beta2, s->v[i], (float)(1 - beta2) * g * g);
    float mean = (float)(1 / (1 - power(beta1, t)));
    float root = (float)sqrt(1 - power(beta2, t));
    if (keep) {
        s->m[i] = m;
        s->v[i] = v;
    }
    return fmaf((float)decay, s->p[i], mean * (m / (sqrtf(v) / root + (float)lamb_eps)));
}

static void lamb(state *s, const rt_flat *flat, int t)
{
    for (int32_t e = 0; e < flat->entries; e++) {
        int64_t begin = flat->entry[e].begin, end = flat->entry[e].end;
        for (int64_t i = begin; i < end; i++)
            s->step[i - begin] = adam_step(s, flat, i, t, false);
        double p = sqrt(squares_of_pieces(s->p + begin, begin, end));
        double d = sqrt(squares_of_pieces(s->step, begin, end));
        double rate = p > 0 && d > 0 ? lr * p / d : lr;
        for (int64_t i = begin; i < end; i++) {
            float step = adam_step(s, flat, i, t, true);
            s->p[i] = fmaf((float)-rate, step, s->p[i]);
        }
    }
}

/* ---- section 8: Adafactor ---- */

static const double beta2_decay = -0.8, eps = 0x1p-23, eps_scale = 1e-3, clip_threshold = 1;

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Computes a power by the kernel of section 10. */
static double to_the(double base, double exponent)
{
    const rt_grid one = {1, {1}, {{0}, {0}}};
    double y;
    rt_exec_cpu()->kernels->pow.f[RT_F64](rt_exec_cpu(), (rt_numbers){{0}}, &one, &base, &exponent,
                                          &y);
    return y;
}

/* Adds the sums of G * G over each row and column: of each piece from 0, then over the pieces. */
static void add_squares(state *s, const rt_flat *flat, int e)
{
    int64_t begin = flat->entry[e].begin, end = flat->entry[e].end;
    int64_t width = shape[e].columns ? shape[e].columns : 1;
    int64_t rows = (end - begin) / width, matrix = shape[e].rows * width;
    double *row = calloc((size_t)rows, sizeof *row),
           *column = calloc((size_t)(shape[e].matrices * width), sizeof *column);
    memset(s->row, 0, (size_t)rows * sizeof *row);
    memset(s->column, 0, (size_t)(shape[e].matrices * width) * sizeof *column);
    for (int64_t i = begin; i < end; i++) {
        int64_t k = i - begin;
        double g = scale * (double)flat->grad[i];
        row[k / width] += g * g;
        column[k / matrix * width + k % width] += g * g;
        if (i + 1 < end && (i + 1) % RT_BLOCK != 0)
            continue;
        for (int64_t r = 0; r < rows; r++, row[r - 1] = 0)
            s->row[r] += row[r];
        for (int64_t c = 0; c < shape[e].matrices * width; c++, column[c - 1] = 0)
            s->column[c] += column[c];
    }
    free(row);
    free(column);
}

static float moved(float from, double to, double w)
{
    return (float)((double)from + w * (to - (double)from));
}

/* Computes the mean squares, stored from *row_var and *col_var on, and the factors of rows and columns. */
static void settle(state *s, int e, float *row_var, float *col_var, double w)
{
    int64_t rows = shape[e].rows, columns = shape[e].columns, width = columns ? columns : 1;
    for (int64_t m = 0; m < shape[e].matrices; m++) {
        double mean = 0;
        for (int64_t r = m * rows; r < (m + 1) * rows; r++) {
            row_var[r] = moved(row_var[r], s->row[r] / (double)width, w);
            mean += (double)row_var[r] / (double)rows;
        }
        for (int64_t r = m * rows; r < (m + 1) * rows; r++)
            s->row[r] = sqrt((columns ? larger(mean, eps) : 1) / (double)row_var[r]);
        for (int64_t c = m * columns; c < (m + 1) * columns; c++) {
            col_var[c] = moved(col_var[c], s->column[c] / (double)rows, w);
            s->column[c] = 1 / sqrt((double)col_var[c]);
        }
    }
}

static void adafactor(state *s, const rt_flat *flat, int t)
{
    float *row_var = s->row_var, *col_var = s->col_var;
    for (int e = 0; e < PARAMS; e++) {
        int64_t begin = flat->entry[e].begin, end = flat->entry[e].end, n = end - begin;
        int64_t columns = shape[e].columns, width = columns ? columns : 1;
        add_squares(s, flat, e);
        settle(s, e, row_var, col_var, to_the(t, beta2_decay));
        row_var += shape[e].matrices * shape[e].rows;
        col_var += shape[e].matrices * columns;
        for (int64_t k = 0; k < n; k++) {
            double factor = s->row[k / width];
            if (columns)
                factor *= s->column[k / (shape[e].rows * width) * width + k % width];
            s->step[k] = (float)(scale * (double)flat->grad[begin + k] *
                                 (factor < 1 / eps ? factor : 1 / eps));
        }
        double p = sqrt(squares_of_pieces(s->p + begin, begin, end) / (double)n);
        double u = sqrt(squares_of_pieces(s->step, begin, end) / (double)n);
        double most = 1 / sqrt((double)t), rate = (lr < most ? lr : most) * larger(eps_scale, p);
        float step = (float)(-rate / larger(1, u / clip_threshold));
        for (int64_t k = 0; k < n; k++)
            s->p[begin + k] = fmaf(step, s->step[k], (float)(1 - lr * decay) * s->p[begin + k]);
    }
}

/* ---- the same from the engine ---- */

static void same(const char *what, const float *got, const float *want, int64_t n, int t)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(got + i, want + i, sizeof *got) != 0)
            fail_msg("%s, update %d, element %lld: %a, expected %a", what, t, (long long)i,
                     (double)got[i], (double)want[i]);
}

static void check_rule(rt_optim *o, void (*rule)(state *s, const rt_flat *flat, int t))
{
    const rt_flat *flat = rt_optim_flat(o);
    const size_t n = (size_t)flat->length;
    state s = {.p = malloc(n * sizeof(float)),
               .m = calloc(n, sizeof(float)),
               .v = calloc(n, sizeof(float)),
               .step = calloc(n, sizeof(float)),
               .row = calloc(n, sizeof(double)),
               .column = calloc(n, sizeof(double)),
               .row_var = calloc(n, sizeof(float)),
               .col_var = calloc(n, sizeof(float))};
    memcpy(s.p, flat->param, n * sizeof(float));
    for (int t = 1; t <= STEPS; t++) {
        draw_gradient(flat, t);
        rule(&s, flat, t);
        for (int round = 0; round < rt_optim_rounds(o); round++) {
            must(rt_optim_measure(o, round, 0, flat->count, t, lr, scale));
            must(rt_optim_settle(o, round, t));
        }
        must(rt_optim_update(o, 0, flat->count, t, lr, scale));
        same(rt_optim_name(o), flat->param, s.p, flat->count, t);
        const float *small = flat->param + flat->count;
        int64_t rows = rt_optim_states(o) ? 0 : 301 + 1003 + 3 * 170 + 1;
        same("mean squares of rows", small, s.row_var, rows, t);
        same("mean squares of columns", small + rows, s.col_var, rows ? 451 + 3 * 200 : 0, t);
        for (int i = 0; i < rt_optim_states(o); i++)
            same("moments", rt_optim_state(o, i, NULL), i ? s.v : s.m, flat->count, t);
    }
    float *all[] = {s.p, s.m, s.v, s.step, s.row_var, s.col_var};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(s.row);
    free(s.column);
}

static void rules_over_whole_parameters(void **unused)
{
    (void)unused;
    static const char *const levels[] = {"avx2", "avx512"}; /* which have fused multiply-add */
    int seen = 0;
    for (int i = 0; i < 2; i++) {
        if (!strstr(rt_kernels_levels(), levels[i]))
            continue;
        seen++;
        must(rt_init("cpu", .isa = levels[i]));
        rt_scope s = rt_scope_begin();
        rt_module *net = make_net();
        check_rule(rt_optim_lamb(net, .beta1 = beta1, .beta2 = beta2, .eps = lamb_eps,
                                 .weight_decay = decay),
                   lamb);
        check_rule(rt_optim_adafactor(net, .weight_decay = decay), adafactor);
        rt_scope_end(s);
    }
    if (!seen)
        skip();
}

/* ---- section 9: learning rates ---- */

typedef struct pair {
    double high, low;
} pair;

static pair sum(double a, double b)
{
    double high = a + b;
    return (pair){high, b - (high - a)};
}

static pair product(pair a, pair b)
{
    double high = a.high * b.high;
    return sum(high, fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high));
}

static double cosine(double x)
{
    const double pi = 0x1.921fb54442d18p+1, rest = 0x1.1a62633145c07p-53;
    pair r = x > pi / 2 ? sum(pi - x, rest) : (pair){x, 0}, z = product(r, r), y = {1, 0};
    for (int k = 20; k > 0; k--) {
        double d = (2 * k - 1) * 2 * k;
        pair t = product(z, y);
        double q = t.high / d;
        t = sum(q, (fma(-q, d, t.high) + t.low) / d);
        double h = 1 - t.high;
        y = sum(h, ((1 - h) - t.high) - t.low);
    }
    return x > pi / 2 ? -y.high : y.high;
}

static void learning_rates(void **unused)
{
    (void)unused;
    const double pi = 0x1.921fb54442d18p+1;
    for (int64_t whole = 1; whole < 3000; whole = whole * 3 / 2 + 1)
        for (int64_t t = 0; t < whole + 10; t++) {
            double got =
                rt_lr_cosine(t + 10, .lr = 3e-3, .min_lr = 1e-4, .warmup = 10, .steps = whole + 10);
            double angle = pi * (double)t / (double)whole;
            double want = t < whole ? 1e-4 + (3e-3 - 1e-4) * 0.5 * (1 + cosine(angle)) : 1e-4;
            if (got != want || (t < whole && fabs(cosine(angle) - cos(angle)) > 0x1p-52))
                fail_msg("cosine, step %d of %d: %a, expected %a", (int)t, (int)whole, got, want);
            if (t < 10)
                assert_true(rt_lr_cosine(t, .lr = 3e-3, .warmup = 10, .steps = whole) ==
                            3e-3 * (double)(t + 1) / 10);
        }
    for (int64_t n = 0; n < 400; n++) {
        pair y = {1, 0}, square = {0.97, 0};
        for (int64_t k = n; k > 0; k /= 2, square = product(square, square))
            if (k % 2)
                y = product(y, square);
        double got = rt_lr_step(7 * n + n % 7, .lr = 0.3, .step_size = 7, .gamma = 0.97);
        if (got != 0.3 * y.high || fabs(y.high / pow(0.97, (double)n) - 1) > 0x1p-52)
            fail_msg("step, power %d: %a, expected %a", (int)n, got, 0.3 * y.high);
    }
}

/* Expects the doubles nearest to the exact values, from decimal arithmetic with 60 digits; some C libraries miss those of the second
 * and the last row. */
static void functions_of_schedules_are_exact(void **unused)
{
    (void)unused;
    static const double cosines[][2] = {
        {0, 1},
        {0x1.0dff58cb16ebcp+1, -0x1.069abbed33677p-1},
        {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54},
        {0x1.921fb54442d18p+1, -1},
    };
    for (size_t i = 0; i < sizeof cosines / sizeof *cosines; i++)
        assert_true(rt__cosine(cosines[i][0]) == cosines[i][1]);
    assert_true(rt__power(0.99, 503) == 0x1.a1d0574683026p-8);
    assert_true(rt__power(0.1, 2) == 0.1 * 0.1 && rt__power(0.5, 1074) == 0x1p-1074);
    assert_true(rt__power(0, 0) == 1 && rt__power(0, 5) == 0 && rt__power(0.1, 400) == 0);
    assert_true(rt__power(1.5, 5000) == INFINITY && rt__power(1, INT64_MAX) == 1);
}

static int shut_down(void **unused)
{
    (void)unused;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_over_whole_parameters),
        cmocka_unit_test(learning_rates),
        cmocka_unit_test(functions_of_schedules_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
