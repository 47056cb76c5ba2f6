/* Compares gradients with central differences. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/checked.h"
#include "worker/engine/autograd/graph.h"
#include <math.h>
#include <ringtorch/checks.h>
#include <ringtorch/ops/views.h>
#include <stdio.h>
#include <string.h>

/* A check while it is carried out. */
typedef struct check {
    rt_gradcheck_args a;
    rt_tensor **in;   /* [n_in]: copies of the inputs */
    rt_tensor **out;  /* [n_out] */
    const char *what; /* "gradcheck", or what is checked of the gradients' gradients */
} check;

static bool is_wanted(const check *k, int i)
{
    return k->a.in[i]->node != NULL;
}

static double *elements(const rt_tensor *x)
{
    return x->data;
}

/* ---- calling the function ---- */

static rt_status call(const check *k)
{
    for (int o = 0; o < k->a.n_out; o++)
        k->out[o] = NULL;
    k->a.function(k->in, k->out, k->a.context);
    for (int o = 0; o < k->a.n_out && !rt_failed(); o++)
        if (!rt__object_is(k->out[o], &rt__tensor_type, k->what, o + 1))
            return rt_error_code();
    return rt_error_code();
}

/* Returns the values of result o; it is NULL if that is not a float64. */
static const rt_tensor *values(const check *k, int o)
{
    return k->out[o]->dtype == RT_F64 ? rt__tensor_contiguous(k->out[o]) : NULL;
}

/* Makes fresh leaves of the inputs, because a function may leave a history on those it was given. */
static rt_status make_inputs(const check *k)
{
    for (int i = 0; i < k->a.n_in; i++) {
        rt_tensor *x = k->in[i] = rt_contiguous(rt_clone(rt_detach(k->a.in[i])));
        if (x && is_wanted(k, i))
            rt_free(rt_param(x)); /* the scope owns it */
    }
    return rt_error_code();
}

/* ---- both derivatives of all results by one element of an input ---- */

/* Writes d result o / d in[i][j] by differences to numeric[o], for the elements of all results one after the other. */
static rt_status differences(const check *k, int i, int64_t j, double *numeric)
{
    rt_scope s = rt_scope_begin();
    bool no_grad = rt_no_grad_begin();
    rt_status status = RT_OK;
    for (int side = 0; side < 2 && status == RT_OK; side++) {
        double *at = numeric, sign = side ? -1 : 1;
        status = make_inputs(k);
        if (status == RT_OK) {
            elements(k->in[i])[j] += sign * k->a.eps;
            status = call(k);
        }
        for (int o = 0; o < k->a.n_out && status == RT_OK; o++) {
            const rt_tensor *y = values(k, o);
            for (int64_t e = 0; y && e < y->numel; e++, at++)
                *at = (side ? *at : 0) + sign * elements(y)[e] / (2 * k->a.eps);
        }
    }
    rt_no_grad_end(no_grad);
    rt_scope_end(s);
    return status == RT_OK ? rt_error_code() : status;
}

/* Writes d out[o][e] / d in[i] to row[i], [n_in], zeros where it does not depend on it. */
static rt_status gradients(const check *k, int o, int64_t e, rt_tensor **row)
{
    rt_tensor *y = k->out[o], *one = rt_zeros_like(y);
    if (!one)
        return rt_error_code();
    elements(one)[e] = 1;
    int count = 0;
    for (int i = 0; i < k->a.n_in; i++)
        if (is_wanted(k, i))
            row[k->a.n_in + count++] = k->in[i];
    return rt_grad(y, .inputs = row + k->a.n_in, .count = count, .out = row, .grad = one,
                   .create_graph = true);
}

/* ---- comparing ---- */

static rt_status compare(const check *k, int o, int64_t e, int i, int64_t j, double analytic,
                         double numeric)
{
    if (fabs(analytic - numeric) <= k->a.atol + k->a.rtol * fabs(numeric) ||
        (isnan(analytic) && isnan(numeric)))
        return RT_OK;
    char from[64];
    snprintf(from, sizeof from, "%s", rt__place_text(k->in[i]->dims, j));
    return RT_FAIL(NUMERIC,
                   "%s: the gradient of result %d at %s by input %d at %s is %.9g, but differences "
                   "give %.9g",
                   k->what, o, rt__place_text(k->out[o]->dims, e), i, from, analytic, numeric);
}

/* The results one after the other: how many elements there are. */
static int64_t count_results(const check *k)
{
    int64_t n = 0;
    for (int o = 0; o < k->a.n_out; o++)
        n += k->out[o]->dtype == RT_F64 ? k->out[o]->numel : 0;
    return n;
}

/* Computes the derivatives of one element of one result by everything, and compares them with those by differences, where
 * numeric[.. + place] belongs to it. numeric: [all elements of the wanted inputs][n]. */
static rt_status check_element(const check *k, int o, int64_t e, int64_t place, int64_t n,
                               const double *numeric)
{
    rt_tensor **row = rt_calloc(2 * (size_t)k->a.n_in, sizeof *row), **dx = row;
    rt_scope s = rt_scope_begin();
    bool depends = row && k->out[o]->node;
    rt_status status = !row ? rt_error_code() : depends ? gradients(k, o, e, row) : RT_OK;
    for (int i = 0; i < k->a.n_in && status == RT_OK; i++) {
        if (!is_wanted(k, i))
            continue;
        const rt_tensor *g = depends ? rt__tensor_contiguous(*dx++) : NULL;
        for (int64_t j = 0; j < k->a.in[i]->numel && status == RT_OK; j++, numeric += n)
            status = compare(k, o, e, i, j, g ? elements(g)[j] : 0, numeric[place]);
    }
    rt_scope_end(s);
    rt_mem_free(row);
    return status;
}

static rt_status all_differences(const check *k, int64_t n, double *numeric)
{
    for (int i = 0; i < k->a.n_in; i++)
        for (int64_t j = 0; is_wanted(k, i) && j < k->a.in[i]->numel; j++, numeric += n)
            RT_TRY(differences(k, i, j, numeric));
    return RT_OK;
}

static rt_status check_all(const check *k, int64_t n, double *numeric)
{
    RT_TRY(all_differences(k, n, numeric));
    RT_TRY(make_inputs(k));
    RT_TRY(call(k));
    int64_t place = 0;
    for (int o = 0; o < k->a.n_out; o++)
        for (int64_t e = 0; k->out[o]->dtype == RT_F64 && e < k->out[o]->numel; e++, place++)
            RT_TRY(check_element(k, o, e, place, n, numeric));
    return RT_OK;
}

/* Runs a check whose lists there is memory for. */
static rt_status run(check *k)
{
    RT_TRY(make_inputs(k));
    RT_TRY(call(k));
    int64_t n = count_results(k), columns = 0;
    for (int i = 0; i < k->a.n_in; i++)
        columns += is_wanted(k, i) ? k->a.in[i]->numel : 0;
    if (n == 0 || columns == 0)
        return RT_OK;
    double *numeric = rt_calloc((size_t)n * (size_t)columns, sizeof *numeric);
    rt_status status = numeric ? check_all(k, n, numeric) : rt_error_code();
    rt_mem_free(numeric);
    return status;
}

static rt_status carry_out(rt_gradcheck_args a, const char *what)
{
    check k = {.a = a, .what = what};
    k.in = rt_calloc((size_t)a.n_in + (size_t)a.n_out, sizeof *k.in);
    if (!k.in)
        return rt_error_code();
    k.out = k.in + a.n_in;
    rt_scope s = rt_scope_begin();
    rt_status status = run(&k);
    rt_scope_end(s);
    rt_mem_free(k.in);
    return status;
}

/* ---- the gradients of gradients ---- */

/* Returns weights for a result, different for each element: a mistake in one does not cancel another. */
static rt_tensor *weights(const rt_tensor *y)
{
    rt_tensor *w = rt_zeros_like(y);
    for (int64_t e = 0; w && e < w->numel; e++)
        elements(w)[e] = fmod((double)(e + 1) * 0.6180339887498949, 1) - 0.4;
    return w;
}

/* Makes a root of each float64 result that has a history; returns how many there are. */
static int make_roots(const rt_gradcheck_args *of, rt_tensor **y, rt_tensor **dy)
{
    int n = 0;
    for (int o = 0; o < of->n_out && !rt_failed(); o++)
        if (rt__object_is(y[o], &rt__tensor_type, "gradcheck", o + 1) && y[o]->node &&
            y[o]->dtype == RT_F64) {
            dy[n] = weights(y[o]);
            y[n++] = y[o];
        }
    return n;
}

/* The function whose gradients are checked then: the gradients of the weighted sum of all results by the inputs that want one. */
static void gradients_of(rt_tensor *const *in, rt_tensor **out, void *context)
{
    const rt_gradcheck_args *of = context;
    rt_tensor **list = rt_calloc(2 * ((size_t)of->n_in + (size_t)of->n_out), sizeof *list);
    if (!list)
        return;
    rt_tensor **wanted = list, **row = list + of->n_in, **y = list + 2 * of->n_in,
              **dy = y + of->n_out;
    bool no_grad = rt__thread.no_grad;
    rt__thread.no_grad = false;
    int count = 0;
    for (int i = 0; i < of->n_in; i++)
        if (of->in[i]->node) {
            wanted[count] = in[i];
            out[count++] = rt_zeros_like(in[i]);
        }
    of->function(in, y, of->context);
    int roots = make_roots(of, y, dy);
    for (int r = 0; r < roots && !rt_failed(); r++) {
        rt_grad(y[r], .inputs = wanted, .count = count, .out = row, .grad = dy[r],
                .create_graph = true);
        for (int i = 0; i < count && !rt_failed(); i++)
            out[i] = rt__accumulate(out[i], row[i]);
    }
    rt__thread.no_grad = no_grad;
    rt_mem_free(list);
}

static rt_status check_second(rt_gradcheck_args a)
{
    int wanted = 0;
    for (int i = 0; i < a.n_in; i++)
        wanted += a.in[i]->node != NULL;
    rt_gradcheck_args second = a;
    second.function = gradients_of;
    second.context = &a; /* lives until the check is done */
    second.n_out = wanted;
    return carry_out(second, "gradcheck of the gradients");
}

/* ---- the call ---- */

static rt_status check_args(const rt_gradcheck_args *a)
{
    if (!rt__given((const void *)a->function, "gradcheck", "function"))
        return rt_error_code();
    if (a->n_in < 1 || a->n_out < 1 || !a->in)
        return RT_FAIL(ARG, "gradcheck: %d inputs and %d results: expected one or more of each",
                       a->in ? a->n_in : 0, a->n_out);
    if (!(a->eps > 0) || !(a->atol >= 0) || !(a->rtol >= 0))
        return RT_FAIL(RANGE,
                       "gradcheck: eps %g, atol %g, rtol %g: expected more than 0, and 0 or more",
                       a->eps, a->atol, a->rtol);
    bool wanted = false;
    for (int i = 0; i < a->n_in; i++) {
        const rt_tensor *x = a->in[i];
        if (!rt__object_is(x, &rt__tensor_type, "gradcheck: input", i + 1))
            return rt_error_code();
        if (x->node && (x->dtype != RT_F64 || !rt__on_cpu(x)))
            return RT_FAIL(DTYPE,
                           "gradcheck: input %d is %s, expected float64 on the CPU: differences "
                           "need its precision",
                           i, rt_describe(x));
        wanted |= x->node != NULL;
    }
    return wanted ? RT_OK
                  : RT_FAIL(ARG, "gradcheck: no input wants a gradient: make it with rt_param");
}

rt_status rt_gradcheck_(rt_gradcheck_args a)
{
    if (rt_failed())
        return rt_error_code();
    RT_TRY(check_args(&a));
    RT_TRY(carry_out(a, "gradcheck"));
    return a.second ? check_second(a) : RT_OK;
}
