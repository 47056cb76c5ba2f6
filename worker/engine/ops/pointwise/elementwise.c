/* Elementwise operations: all rows of kernels/elementwise.def. Gradients are expressions in the rows, but for those of UNARY and PARAMETRIC.
 *
 * Each row of UNARY and PARAMETRIC becomes three operations, so that gradients can be differentiated:
 *     y = f(x)              dx  = dy * f'(x)
 *     dx = dy * f'(x)       d dy = g * f'(x),   dx = dy * g * f''(x)
 *     dxx = dy * v * f''(x) linear in dy and v; its gradient with respect to x, a third derivative, is refused.
 * The gradients of complex forms (kernels/complex.h) are made of other operations, and can be differentiated without limit.
 */
#include "worker/engine/ops/elementwise.h"
#include "common/base/error.h"
#include "kernels/complex.h"
#include "worker/engine/ops/ops.h"
#include <math.h>
#include <string.h>

/* The inputs that the derivatives of a row read. */
enum {
    READS_NONE = 0,
    READS_X = 1,
    READS_Y = 2,
    READS_XY = 3,
    READS_A = 1,
    READS_B = 2,
    READS_AB = 3,
    READS_1 = 1,
    READS_2 = 2,
    READS_12 = 3,
    READS_3 = 4,
    READS_23 = 6
};

/* Members of an rt_op: what each of several gradients reads; NULL if none reads anything. */
#define READS_EACH_2(a, b) READS_LIST(READS_##a | READS_##b, READS_##a, READS_##b)
#define READS_EACH_3(a, b, c)                                                                      \
    READS_LIST(READS_##a | READS_##b | READS_##c, READS_##a, READS_##b, READS_##c)
#define READS_LIST(any, ...) .saves_in_for = (any) ? (const uint32_t[]){__VA_ARGS__} : NULL

/* Formulas as help texts show them: functions and numbers by their public names, the list's shorthands unexpanded. */
#undef NUM
#undef SIGN
#undef LOGIT
#undef SIGMOID
#undef NORMAL_CDF
#undef GELU_T
#undef AT_LEAST
#undef AT_MOST
#undef SOFTPLUS
#undef WRAPPED
#undef FLOORED
#define TEXT(formula)      TEXT_(formula)
#define TEXT_(formula)     #formula
#define C(value)           value
#define NUM(name)          name
#define sel(m, a, b)       where(m, a, b)
#define abs_               abs
#define sqrt_              sqrt
#define floor_             floor
#define ceil_              ceil
#define round_             round
#define exp_               exp
#define expm1_             expm1
#define log_               log
#define log1p_             log1p
#define tanh_              tanh
#define silu_(x)           sigmoid(x) * x
#define mish_(x)           tanh(log1p(exp(x))) * x
#define erf_               erf
#define sin_               sin
#define cos_               cos
#define pow_               pow
#define exp2_              exp2
#define log2_              log2
#define log10_             log10
#define tan_               tan
#define asin_              asin
#define acos_              acos
#define atan_              atan
#define sinc_              sinc
#define sinh_              sinh
#define cosh_              cosh
#define asinh_             asinh
#define acosh_             acosh
#define atanh_             atanh
#define erfc_              erfc
#define erfinv_            erfinv
#define lgamma_            lgamma
#define digamma_           digamma
#define trunc_             trunc
#define atan2_             atan2
#define hypot_             hypot
#define with_sign          copysign
#define LOGIT(x)           log(x / (1 - x))
#define SIGN(x)            sign(x)
#define SIGMOID(x)         sigmoid(x)
#define NORMAL_CDF(x)      (1 + erf(x / sqrt(2))) / 2
#define GELU_T(x)          tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x))
#define AT_LEAST(x, y)     max(x, y)
#define AT_MOST(x, y)      min(x, y)
#define fmod_              fmod
#define signbit_(x)        x < 0 | 1 / x < 0
#define SOFTPLUS(x)        log1p(exp(x))
#define WRAPPED(m, y)      a - b *floor(a / b)
#define FLOORED(x, y, m)   floor(a / b)
#define shift_left_(x, y)  x << y
#define shift_right_(x, y) x >> y

/* Checks that an argument struct of this row ends with its numbers. test_op_schema compares their names. */
#define CHECK_NUMBERS(symbol, operands, names)                                                     \
    _Static_assert(sizeof(rt_##symbol##_args) == sizeof(struct {                                   \
                       rt_tensor *in[operands];                                                    \
                       RT_NUMBERS_STRUCT names p;                                                  \
                   }) &&                                                                           \
                       sizeof(RT_NUMBERS_STRUCT names) <= sizeof(rt_numbers),                      \
                   #symbol ": its arguments are not its operands and its numbers")

/* Returns the numbers at the end of a call's arguments. */
static rt_numbers numbers_of(const rt_call *c, size_t bytes)
{
    rt_numbers p = {{0}};
    memcpy(&p, (const char *)c->args + c->op->args_size - bytes, bytes);
    return p;
}

/* ---- in place ---- */

/* An operation and its in-place variant <name>_, which takes the same arguments but converts none of them, because x must remain x. */
typedef struct both {
    rt_op op, in_place;
} both;

static void in_place_compose(rt_call *c)
{
    const both *row = (const both *)((const char *)c->op - offsetof(both, in_place));
    c->out[0] = rt_apply_in_place(&row->op, c->args);
}

#define IN_PLACE(symbol, type, FIELDS, formula, limit)                                             \
    {                                                                                              \
        .name = #symbol "_", .help = "x = " formula ", the first argument being x",                \
        .fields = (const rt_field[]){FIELDS(IN_PLACE_ROW)},                                        \
        .n_fields = (int)(sizeof((const rt_field[]){FIELDS(IN_PLACE_ROW)}) / sizeof(rt_field)),    \
        .n_in = 0 FIELDS(RT_COUNT_ROW), .args_size = sizeof(type),                                 \
        .defaults = &(const type){FIELDS(RT_DEFAULT_ROW)}, .compose = in_place_compose,            \
        .derivatives = limit, .writes = true                                                       \
    }
#define IN_PLACE_ROW(kind, name, value, allowed, help)                                             \
    RT_SCHEMA_ROW_OF(kind, #name, #value, help, RT_SCHEMA_##kind(IN_PLACE_##kind(allowed)))
#define IN_PLACE_INPUT(allowed) RT_ANY_TYPE
#define IN_PLACE_NUMBER(...)    __VA_ARGS__

/* Returns whether x is of an integer type but some number has a fraction. */
static bool takes_fractions(const rt_call *c, size_t bytes)
{
    if (!rt__dtype_is_whole(c->in[0]->dtype))
        return false;
    rt_numbers p = numbers_of(c, bytes);
    for (size_t i = 0; i < bytes / sizeof *p.v; i++)
        if (p.v[i] != trunc(p.v[i]))
            return true;
    return false;
}

/* ---- y = f(x), or f(x) with numbers ---- */

#define UNARY_FIELDS(F)     F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")
#define UNARY_INT_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE & ~RT_COMPLEX, "any shape")
#define UNARY_COMPLEX_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_COMPLEX, "any shape")
#define UNARY_ANY_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED unary_args {
    RT_STRUCT(UNARY_FIELDS)
} unary_args;

/* y is f(x) as computed, without its history: its dependence on x is accounted for in f''. p: the row's numbers, if any. */
#define UNARY_GRAD_FIELDS(F)                                                                       \
    F(INPUT, dy, RT_NEEDED, RT_SAME | RT_FLOATS, "any shape")                                      \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS,                                                    \
      "the same; without value where f' does not read it")                                         \
    F(INPUT, y, RT_OPTIONAL, RT_SAME | RT_FLOATS, "the same; likewise")
typedef struct RT_DESIGNATED unary_grad_args {
    RT_STRUCT(UNARY_GRAD_FIELDS)
    rt_numbers p;
} unary_grad_args;

#define UNARY_GRAD2_FIELDS(F)                                                                      \
    F(INPUT, dy, RT_NEEDED, RT_SAME | RT_FLOATS, "any shape")                                      \
    F(INPUT, v, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")                                        \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS,                                                    \
      "the same; without value where f'' does not read it")                                        \
    F(INPUT, y, RT_OPTIONAL, RT_SAME | RT_FLOATS, "the same; likewise")
typedef struct RT_DESIGNATED unary_grad2_args {
    RT_STRUCT(UNARY_GRAD2_FIELDS)
    rt_numbers p;
} unary_grad2_args;

/* s + y (1 - s) with s = sigmoid(x), of y = x s. */
static rt_tensor *silu_slope(rt_tensor *x, rt_tensor *y)
{
    rt_tensor *s = rt_sigmoid(x);
    return rt_add(s, rt_sub(y, rt_mul(y, s)));
}

/* The gradients of complex forms. */
#define COMPLEX_GRADIENT(symbol, result, f, gradient)                                              \
    static rt_tensor *symbol##_complex_dx(rt_tensor *dy, rt_tensor *x, rt_tensor *y)               \
    {                                                                                              \
        (void)x, (void)y;                                                                          \
        return gradient;                                                                           \
    }
#define UNARY(symbol, ...) COMPLEX_FORM(COMPLEX_GRADIENT, symbol)
#include "kernels/elementwise.def"
#undef UNARY

/* Or: whether the form of a row, if there is one, makes real numbers of complex ones. */
#define OR_TO_REAL(symbol, result, ...) || TO_##result
enum { TO_C = false, TO_R = true };

/* The operations of one row; one of UNARY_OPS or PARAMETRIC_OPS has no `grad` and `grad2`. */
typedef struct unary {
    rt_op op, in_place, grad, grad2;
    size_t kernels; /* offset in rt_kernels */
    size_t numbers; /* bytes of numbers at the end of the arguments */
    rt_tensor *(*complex_dx)(rt_tensor *dy, rt_tensor *x, rt_tensor *y); /* NULL: no complex form */
    bool to_real; /* the complex form has a real result */
    bool flat;    /* f'' is zero */
    bool steady;  /* f'' is a constant */
} unary;

/* Finds the row from the address of one of its operations. */
#define ROW(call, member) ((const unary *)((const char *)(call)->op - offsetof(unary, member)))

static const rt_unary_kernels *unary_kernels(const rt_exec *e, const unary *row)
{
    return (const rt_unary_kernels *)((const char *)e->kernels + row->kernels);
}

/* Returns the kernels of y = f(x), by type: the first member of all tables of one operand. */
static rt_unary_fn *const *functions(const rt_exec *e, const unary *row)
{
    return (rt_unary_fn *const *)((const char *)e->kernels + row->kernels);
}

static rt_tensor *unary_grad(const unary *row, rt_tensor *dy, rt_tensor *x, rt_tensor *y,
                             rt_numbers p)
{
    return rt_apply(&row->grad, &(unary_grad_args){.dy = dy, .x = x, .y = y, .p = p});
}

static rt_tensor *unary_grad2(const unary *row, rt_tensor *dy, rt_tensor *v, rt_tensor *x,
                              rt_tensor *y, rt_numbers p)
{
    return rt_apply(&row->grad2, &(unary_grad2_args){.dy = dy, .v = v, .x = x, .y = y, .p = p});
}

static rt_status unary_infer(rt_call *c)
{
    const unary *row = ROW(c, op);
    const rt_tensor *x = c->in[0];
    if (takes_fractions(c, row->numbers))
        return rt__request_conversion(c, RT_F32);
    return rt_result(c, 0, x->dims, row->to_real ? rt__part_type(x->dtype) : x->dtype);
}

static rt_status unary_run(rt_call *c)
{
    const unary *row = ROW(c, op);
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    functions(e, row)[x->dtype](e, numbers_of(c, row->numbers), x->numel, x->data, c->out[0]->data);
    return RT_OK;
}

static void unary_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const unary *row = ROW(c, op);
    rt_tensor *x = c->in[0], *y = c->out[0];
    dx[0] = rt__dtype_is_complex(x->dtype)
                ? row->complex_dx(dy[0], x, y)
                : unary_grad(row, dy[0], x, y && y->node ? rt_detach(y) : y,
                             numbers_of(c, row->numbers));
}

/* Returns the contiguous elements of x. Kernels take x and y whether their formula reads them or not: in place of one that was not
 * saved, any memory of that size will do, so dy is passed. */
static const void *value(rt_tensor *x, const rt_tensor *dy)
{
    const rt_tensor *packed = x && x->storage ? rt__tensor_contiguous(x) : dy;
    return packed ? packed->data : NULL;
}

static rt_status unary_grad_run(rt_call *c)
{
    const unary *row = ROW(c, grad);
    const unary_grad_args *a = c->args;
    const rt_tensor *dy = rt__tensor_contiguous(c->in[0]);
    const void *x = dy ? value(c->in[1], dy) : NULL, *y = dy ? value(c->in[2], dy) : NULL;
    if (rt_failed())
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    unary_kernels(e, row)->dx[dy->dtype](e, a->p, dy->numel, dy->data, x, y, c->out[0]->data);
    return RT_OK;
}

static void unary_grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const unary *row = ROW(c, grad);
    rt_numbers p = ((const unary_grad_args *)c->args)->p;
    rt_tensor *dy = c->in[0], *x = c->in[1], *y = c->in[2];
    if (rt_needs(c, 0))
        dx[0] = unary_grad(row, g[0], x, y, p);
    if (rt_needs(c, 1) && !row->flat)
        dx[1] = unary_grad2(row, dy, g[0], x, y, p);
}

static rt_status unary_grad2_run(rt_call *c)
{
    const unary *row = ROW(c, grad2);
    const unary_grad2_args *a = c->args;
    const rt_tensor *dy = rt__tensor_contiguous(c->in[0]), *v = rt__tensor_contiguous(c->in[1]);
    const void *x = dy ? value(c->in[2], dy) : NULL, *y = dy ? value(c->in[3], dy) : NULL;
    if (rt_failed())
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    unary_kernels(e, row)->dxx[dy->dtype](e, a->p, dy->numel, dy->data, v->data, x, y,
                                          c->out[0]->data);
    return RT_OK;
}

static void unary_grad2_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const unary *row = ROW(c, grad2);
    rt_numbers p = ((const unary_grad2_args *)c->args)->p;
    rt_tensor *dy = c->in[0], *v = c->in[1], *x = c->in[2], *y = c->in[3];
    if (rt_needs(c, 0))
        dx[0] = unary_grad2(row, g[0], v, x, y, p);
    if (rt_needs(c, 1))
        dx[1] = unary_grad2(row, dy, g[0], x, y, p);
    if (rt_needs(c, 2) && !row->steady)
        RT_FAIL(UNSUPPORTED, "%s: third derivatives are not supported", row->op.name);
}

/* ---- what gradients in the rows share ---- */

#define number(v) rt_full(rt_shape(), v, dy->dtype)

static rt_tensor *one_minus_square(rt_tensor *x)
{
    return rt_add_scalar(rt_neg(rt_square(x)), 1);
}

/* 1 / sqrt(x^2 - 1), which of complex numbers is the product of two roots (sqrt(ab) may be -sqrt(a) sqrt(b)). */
static rt_tensor *acosh_slope(rt_tensor *x)
{
    if (!rt__dtype_is_complex(x->dtype))
        return rt_rsqrt(rt_add_scalar(rt_square(x), -1));
    return rt_mul(rt_rsqrt(rt_add_scalar(x, -1)), rt_rsqrt(rt_add_scalar(x, 1)));
}

/* Returns a^2 + b^2, but infinity where that is 0: there the angle has no gradient, and 0 spoils nothing. */
static rt_tensor *sum_of_squares(rt_tensor *a, rt_tensor *b)
{
    rt_tensor *sum = rt_add(rt_square(a), rt_square(b));
    if (!sum)
        return NULL;
    rt_tensor *zero = rt_full(rt_shape(), 0, sum->dtype);
    return rt_where(rt_eq(sum, zero), rt_full(rt_shape(), (double)INFINITY, sum->dtype), sum);
}

/* dy * (t cos t - sin t) / (t x), t = pi x, and 0 where x^2 is 0, which gets another x lest NaN be multiplied by 0 in a second gradient. */
static rt_tensor *sinc_dx(rt_tensor *dy, rt_tensor *x)
{
    rt_tensor *at_0 = rt_eq(rt_square(x), number(0)), *other = rt_where(at_0, number(1), x);
    rt_tensor *t = rt_mul_scalar(other, 3.14159265358979324);
    rt_tensor *slope = rt_div(rt_sub(rt_mul(t, rt_cos(t)), rt_sin(t)), rt_mul(t, other));
    return rt_mul(dy, rt_where(at_0, number(0), slope));
}

/* dy / (x (1 - x)) within the bounds; beyond them 0, or NaN if eps is not given. */
static rt_tensor *logit_dx(rt_tensor *dy, rt_tensor *x, double eps)
{
    bool given = eps != RT_NOT_GIVEN;
    double low = given ? eps : 0, beyond = given ? 0 : (double)NAN;
    rt_tensor *dx = rt_div(dy, rt_mul(x, rt_add_scalar(rt_neg(x), 1)));
    dx = rt_where(rt_lt(x, number(low)), number(beyond), dx);
    return rt_where(rt_gt(x, number(1 - low)), number(beyond), dx);
}

/* Whether f'' is a constant: the text of a formula that is not contains x or y. */
#define IS_NUMBER(ddf) (!__builtin_strchr(ddf, 'x') && !__builtin_strchr(ddf, 'y'))

/* The operations of a row whose argument struct ends with that many bytes of numbers. */
#define ONE_OPERAND(symbol, args_type, FIELDS, bytes, reads, formula, ddf)                         \
    static const unary symbol##_row = {                                                            \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " formula,                                                             \
               RT_ARGS(args_type, FIELDS),                                                         \
               .infer = unary_infer,                                                               \
               .run = unary_run,                                                                   \
               .backward = unary_backward,                                                         \
               .derivatives = IS_NUMBER(ddf) ? 0 : 2,                                              \
               .saves_in = (reads)&READS_X,                                                        \
               .saves_out = ((reads)&READS_Y) != 0,                                                \
               .in_place = true},                                                                  \
        .in_place = IN_PLACE(symbol, args_type, FIELDS, formula, IS_NUMBER(ddf) ? 0 : 2),          \
        .grad = {.name = #symbol "_grad",                                                          \
                 RT_INTERNAL_ARGS(unary_grad_args, UNARY_GRAD_FIELDS),                             \
                 .infer = rt__infer_like_first,                                                    \
                 .run = unary_grad_run,                                                            \
                 .backward = unary_grad_backward,                                                  \
                 .saves_in = (reads) << 1,                                                         \
                 .saves_in_for = (const uint32_t[]){0, 1 << 0, 0},                                 \
                 .shapes_in = 3 << 1,                                                              \
                 .strided = true},                                                                 \
        .grad2 = {.name = #symbol "_grad2",                                                        \
                  RT_INTERNAL_ARGS(unary_grad2_args, UNARY_GRAD2_FIELDS),                          \
                  .infer = rt__infer_like_first,                                                   \
                  .run = unary_grad2_run,                                                          \
                  .backward = unary_grad2_backward,                                                \
                  .saves_in = (reads) << 2,                                                        \
                  .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0, 0, 0},                        \
                  .shapes_in = 3 << 2,                                                             \
                  .strided = true},                                                                \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
        .numbers = bytes,                                                                          \
        .complex_dx = COMPLEX_HAS(symbol, symbol##_complex_dx, NULL),                              \
        .to_real = false COMPLEX_FORM(OR_TO_REAL, symbol),                                         \
        .flat = __builtin_strcmp(ddf, "C(0)") == 0,                                                \
        .steady = IS_NUMBER(ddf),                                                                  \
    };

/* The operations of a row with a gradient of its own. */
#define WITH_GRADIENT(symbol, args_type, FIELDS, names, reads, times, formula, gradient)           \
    static void symbol##_backward(rt_call *c, rt_tensor *const *dys, rt_tensor **dx)               \
    {                                                                                              \
        rt_tensor *x = c->in[0], *y = c->out[0], *dy = dys[0];                                     \
        rt_numbers numbers = numbers_of(c, sizeof(RT_NUMBERS_STRUCT names));                       \
        RT_NUMBERS_STRUCT names p;                                                                 \
        memcpy(&p, &numbers, sizeof p);                                                            \
        (void)x, (void)y, (void)p;                                                                 \
        dx[0] = gradient;                                                                          \
    }                                                                                              \
    static const unary symbol##_row = {                                                            \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " formula,                                                             \
               RT_ARGS(args_type, FIELDS),                                                         \
               .infer = rt__infer_like_first,                                                      \
               .run = unary_run,                                                                   \
               .backward = symbol##_backward,                                                      \
               .derivatives = times,                                                               \
               .saves_in = (READS_##reads) & READS_X,                                              \
               .saves_out = ((READS_##reads) & READS_Y) != 0,                                      \
               .in_place = true},                                                                  \
        .in_place = IN_PLACE(symbol, args_type, FIELDS, formula, times),                           \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
        .numbers = sizeof(RT_NUMBERS_STRUCT names),                                                \
    };

#define UNARY(symbol, reads, f, df, ddf, lo, hi)                                                   \
    PLAIN(symbol, COMPLEX_HAS(symbol, UNARY_COMPLEX_FIELDS, UNARY_FIELDS), reads, f, ddf)
#define UNARY_INT(symbol, reads, f, df, ddf, lo, hi)                                               \
    PLAIN(symbol, COMPLEX_HAS(symbol, UNARY_ANY_FIELDS, UNARY_INT_FIELDS), reads, f, ddf)
#define PLAIN(symbol, FIELDS, reads, f, ddf)                                                       \
    ONE_OPERAND(symbol, unary_args, FIELDS, 0, READS_##reads, TEXT(f), #ddf)                       \
    PLAIN_CALLS(symbol)
#define UNARY_OPS(symbol, reads, times, f, gradient, lo, hi)                                       \
    WITH_GRADIENT(symbol, unary_args, COMPLEX_HAS(symbol, UNARY_COMPLEX_FIELDS, UNARY_FIELDS), (), \
                  reads, times, TEXT(f), gradient)                                                 \
    PLAIN_CALLS(symbol)
#define PLAIN_CALLS(symbol)                                                                        \
    rt_tensor *rt_##symbol(rt_tensor *x)                                                           \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &(unary_args){.x = x});                                  \
    }                                                                                              \
    rt_tensor *rt_##symbol##_inplace(rt_tensor *x)                                                 \
    {                                                                                              \
        return rt_apply_in_place(&symbol##_row.op, &(unary_args){.x = x});                         \
    }
#define PARAMETRIC(symbol, names, reads, f, df, ddf, tests, lo, hi)                                \
    CHECK_NUMBERS(symbol, 1, names);                                                               \
    ONE_OPERAND(symbol, rt_##symbol##_args, RT_FIELDS_##symbol, sizeof(RT_NUMBERS_STRUCT names),   \
                READS_##reads, TEXT(f), #ddf)                                                      \
    NUMBERED_CALLS(symbol)
#define PARAMETRIC_OPS(symbol, names, reads, times, f, gradient, tests, lo, hi)                    \
    CHECK_NUMBERS(symbol, 1, names);                                                               \
    WITH_GRADIENT(symbol, rt_##symbol##_args, RT_FIELDS_##symbol, names, reads, times, TEXT(f),    \
                  gradient)                                                                        \
    NUMBERED_CALLS(symbol)
#define NUMBERED_CALLS(symbol)                                                                     \
    rt_tensor *rt_##symbol##_(rt_##symbol##_args a)                                                \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &a);                                                     \
    }                                                                                              \
    rt_tensor *rt_##symbol##_inplace_(rt_##symbol##_args a)                                        \
    {                                                                                              \
        return rt_apply_in_place(&symbol##_row.op, &a);                                            \
    }
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS

/* ---- y = f(a, b) ---- */

#define OPERAND_FIELDS(F, types)                                                                   \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | (types), "any shape")                                      \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | (types), "one that broadcasts with it")
#define BINARY_FIELDS(F)        OPERAND_FIELDS(F, RT_ANY_TYPE & ~RT_COMPLEX)
#define FLOAT_FIELDS(F)         OPERAND_FIELDS(F, RT_FLOATS)
#define BINARY_ANY_FIELDS(F)    OPERAND_FIELDS(F, RT_ANY_TYPE)
#define FLOAT_COMPLEX_FIELDS(F) OPERAND_FIELDS(F, RT_FLOATS | RT_COMPLEX)
typedef struct RT_DESIGNATED binary_args {
    RT_STRUCT(BINARY_FIELDS)
} binary_args;

typedef struct binary {
    rt_op op, in_place;
    size_t kernels; /* offset in rt_kernels */
    bool compare;   /* the result is bool */
} binary;

#define BITS_FIELDS(F)  OPERAND_FIELDS(F, RT_INTEGERS | RT_TYPE(BOOL))
#define SHIFT_FIELDS(F) OPERAND_FIELDS(F, RT_INTEGERS)

static rt_status binary_infer(rt_call *c)
{
    const rt_tensor *a = c->in[0], *b = c->in[1];
    rt_spec *y = &c->spec[0];
    y->dtype = ((const binary *)c->op)->compare ? RT_BOOL : a->dtype;
    y->dims = a->dims;
    if (!rt__dims_same(&a->dims, &b->dims))
        RT_TRY(rt__broadcast(c->op->name, a->dims, b->dims, &y->dims));
    return RT_OK;
}

static rt_status binary_run(rt_call *c)
{
    rt_exec *e = rt_exec_of(c);
    const rt_binary_kernels *k =
        (const rt_binary_kernels *)((const char *)e->kernels + ((const binary *)c->op)->kernels);
    rt_tensor *a = c->in[0], *b = c->in[1], *y = c->out[0];
    rt_grid g;
    if (rt__grid(&g, y, c->in, 2))
        k->f[a->dtype](e, (rt_numbers){{0}}, &g, a->data, b->data, y->data);
    return RT_OK;
}

#define wins(compare, a, b) rt_logical_or(compare(a, b), rt_isnan(b))

static rt_tensor *shared(rt_tensor *dy, rt_tensor *a, rt_tensor *b)
{
    return rt_where(rt_eq(a, b), rt_mul_scalar(dy, 0.5), dy);
}
#define BINARY(symbol, reads, times, f, da, db)                                                    \
    TWO_OPERANDS(symbol, COMPLEX_HAS(symbol, BINARY_ANY_FIELDS, BINARY_FIELDS), reads, times, f,   \
                 da, db)
#define BINARY_FLOAT(symbol, reads, times, f, da, db)                                              \
    TWO_OPERANDS(symbol, COMPLEX_HAS(symbol, FLOAT_COMPLEX_FIELDS, FLOAT_FIELDS), reads, times, f, \
                 da, db)
#define TWO_OPERANDS(symbol, FIELDS, reads, times, f, da, db)                                      \
    static void symbol##_backward(rt_call *c, rt_tensor *const *dys, rt_tensor **dx)               \
    {                                                                                              \
        rt_tensor *a = c->in[0], *b = c->in[1], *dy = dys[0];                                      \
        (void)dy;                                                                                  \
        if (rt_needs(c, 0))                                                                        \
            dx[0] = rt__sum_to(da, a->dims);                                                       \
        if (rt_needs(c, 1))                                                                        \
            dx[1] = rt__sum_to(db, b->dims);                                                       \
    }                                                                                              \
    static const binary symbol##_row = {                                                           \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " TEXT(f),                                                             \
               RT_ARGS(binary_args, FIELDS),                                                       \
               .infer = binary_infer,                                                              \
               .run = binary_run,                                                                  \
               .backward = symbol##_backward,                                                      \
               .derivatives = times,                                                               \
               READS_EACH_2 reads,                                                                 \
               .strided = true,                                                                    \
               .in_place = true},                                                                  \
        .in_place = IN_PLACE(symbol, binary_args, FIELDS, TEXT(f), times),                         \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
    };                                                                                             \
    rt_tensor *rt_##symbol(rt_tensor *a, rt_tensor *b)                                             \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &(binary_args){.a = a, .b = b});                         \
    }                                                                                              \
    rt_tensor *rt_##symbol##_inplace(rt_tensor *a, rt_tensor *b)                                   \
    {                                                                                              \
        return rt_apply_in_place(&symbol##_row.op, &(binary_args){.a = a, .b = b});                \
    }
#define COMPARE(symbol, f)                                                                         \
    COMPARISON(symbol, COMPLEX_HAS(symbol, BINARY_ANY_FIELDS, BINARY_FIELDS), f)
#define COMPARISON(symbol, FIELDS, f)                                                              \
    static const binary symbol##_row = {                                                           \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " TEXT(f),                                                             \
               RT_ARGS(binary_args, FIELDS),                                                       \
               .infer = binary_infer,                                                              \
               .run = binary_run,                                                                  \
               .strided = true},                                                                   \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
        .compare = true,                                                                           \
    };                                                                                             \
    rt_tensor *rt_##symbol(rt_tensor *a, rt_tensor *b)                                             \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &(binary_args){.a = a, .b = b});                         \
    }
#define BITWISE(symbol, types, f) BITWISE_##types(symbol, f)
#define BITWISE_ALL(symbol, f)    BITS(symbol, BITS_FIELDS, f)
#define BITWISE_WHOLE(symbol, f)  BITS(symbol, SHIFT_FIELDS, f)
#define BITS(symbol, FIELDS, f)                                                                    \
    static const binary symbol##_row = {                                                           \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " TEXT(f),                                                             \
               RT_ARGS(binary_args, FIELDS),                                                       \
               .infer = binary_infer,                                                              \
               .run = binary_run,                                                                  \
               .strided = true,                                                                    \
               .in_place = true},                                                                  \
        .in_place = IN_PLACE(symbol, binary_args, FIELDS, TEXT(f), RT_CONSTANT),                   \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
    };                                                                                             \
    rt_tensor *rt_##symbol(rt_tensor *a, rt_tensor *b)                                             \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &(binary_args){.a = a, .b = b});                         \
    }                                                                                              \
    rt_tensor *rt_##symbol##_inplace(rt_tensor *a, rt_tensor *b)                                   \
    {                                                                                              \
        return rt_apply_in_place(&symbol##_row.op, &(binary_args){.a = a, .b = b});                \
    }
#include "kernels/elementwise.def"
#undef BINARY
#undef COMPARE
#undef BITWISE

/* ---- questions about one operand ---- */

typedef struct predicate {
    rt_op op;
    size_t kernels; /* offset in rt_kernels */
} predicate;

static rt_status predicate_infer(rt_call *c)
{
    return rt_result(c, 0, c->in[0]->dims, RT_BOOL);
}

static rt_status predicate_run(rt_call *c)
{
    rt_exec *e = rt_exec_of(c);
    const rt_map_kernels *k =
        (const rt_map_kernels *)((const char *)e->kernels + ((const predicate *)c->op)->kernels);
    const rt_tensor *x = c->in[0];
    k->f[x->dtype](e, (rt_numbers){{0}}, x->numel, x->data, c->out[0]->data);
    return RT_OK;
}

#define PREDICATE(symbol, f, whole)                                                                \
    static const predicate symbol##_row = {                                                        \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " TEXT(f),                                                             \
               RT_ARGS(unary_args, COMPLEX_HAS(symbol, UNARY_ANY_FIELDS, UNARY_INT_FIELDS)),       \
               .infer = predicate_infer,                                                           \
               .run = predicate_run},                                                              \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
    };                                                                                             \
    rt_tensor *rt_##symbol(rt_tensor *x)                                                           \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &(unary_args){.x = x});                                  \
    }
#include "kernels/elementwise.def"
#undef PREDICATE

/* ---- three operands, with numbers or without ---- */

typedef struct ternary {
    rt_op op, in_place;
    size_t kernels; /* offset in rt_kernels */
    size_t numbers; /* bytes of numbers at the end of the arguments */
} ternary;

static rt_status ternary_infer(rt_call *c)
{
    rt_dims dims;
    if (takes_fractions(c, ((const ternary *)c->op)->numbers))
        return rt__request_conversion(c, RT_F32);
    RT_TRY(rt__broadcast(c->op->name, c->in[0]->dims, c->in[1]->dims, &dims));
    RT_TRY(rt__broadcast(c->op->name, dims, c->in[2]->dims, &dims));
    return rt_result(c, 0, dims, c->in[0]->dtype);
}

static rt_status ternary_run(rt_call *c)
{
    rt_tensor *y = c->out[0];
    const ternary *row = (const ternary *)c->op;
    rt_exec *e = rt_exec_of(c);
    rt_ternary_fn *f =
        ((const rt_ternary_kernels *)((const char *)e->kernels + row->kernels))->f[y->dtype];
    rt_grid g;
    if (rt__grid(&g, y, c->in, 3))
        f(e, numbers_of(c, row->numbers), &g, c->in[0]->data, c->in[1]->data, c->in[2]->data,
          y->data);
    return RT_OK;
}

#define TERNARY(symbol, first, second, third, names, reads, times, f, d1, d2, d3)                  \
    CHECK_NUMBERS(symbol, 3, names);                                                               \
    static void symbol##_backward(rt_call *call, rt_tensor *const *dys, rt_tensor **dx)            \
    {                                                                                              \
        rt_tensor *first = call->in[0], *second = call->in[1], *third = call->in[2], *dy = dys[0]; \
        rt_numbers numbers = numbers_of(call, sizeof(RT_NUMBERS_STRUCT names));                    \
        RT_NUMBERS_STRUCT names p;                                                                 \
        memcpy(&p, &numbers, sizeof p);                                                            \
        (void)p;                                                                                   \
        if (rt_needs(call, 0))                                                                     \
            dx[0] = rt__sum_to(d1, first->dims);                                                   \
        if (rt_needs(call, 1))                                                                     \
            dx[1] = rt__sum_to(d2, second->dims);                                                  \
        if (rt_needs(call, 2))                                                                     \
            dx[2] = rt__sum_to(d3, third->dims);                                                   \
    }                                                                                              \
    static const ternary symbol##_row = {                                                          \
        .op = {.name = #symbol,                                                                    \
               .help = "y = " TEXT(f),                                                             \
               RT_ARGS(rt_##symbol##_args, RT_FIELDS_##symbol),                                    \
               .infer = ternary_infer,                                                             \
               .run = ternary_run,                                                                 \
               .backward = symbol##_backward,                                                      \
               .derivatives = times,                                                               \
               READS_EACH_3 reads,                                                                 \
               .strided = true,                                                                    \
               .in_place = true},                                                                  \
        .in_place = IN_PLACE(symbol, rt_##symbol##_args, RT_FIELDS_##symbol, TEXT(f), times),      \
        .kernels = offsetof(rt_kernels, symbol),                                                   \
        .numbers = sizeof(RT_NUMBERS_STRUCT names),                                                \
    };                                                                                             \
    rt_tensor *rt_##symbol##_(rt_##symbol##_args a)                                                \
    {                                                                                              \
        return rt_apply(&symbol##_row.op, &a);                                                     \
    }                                                                                              \
    rt_tensor *rt_##symbol##_inplace_(rt_##symbol##_args a)                                        \
    {                                                                                              \
        return rt_apply_in_place(&symbol##_row.op, &a);                                            \
    }
#include "kernels/elementwise.def"
#undef TERNARY

/* ---- all of them ---- */

const rt_op *const rt__elementwise_ops[] = {
#define UNARY(symbol, ...)          &symbol##_row.op, &symbol##_row.in_place,
#define PARAMETRIC(symbol, ...)     UNARY(symbol)
#define UNARY_OPS(symbol, ...)      UNARY(symbol)
#define PARAMETRIC_OPS(symbol, ...) UNARY(symbol)
#define BINARY(symbol, ...)         UNARY(symbol)
#define TERNARY(symbol, ...)        UNARY(symbol)
#define COMPARE(symbol, ...)        &symbol##_row.op,
#define BITWISE(symbol, ...)        UNARY(symbol)
#define PREDICATE(symbol, ...)      COMPARE(symbol)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef BITWISE
#undef COMPARE
#undef PREDICATE
};
