/* Calls by name: matches every tensor to its input, runs the operation, then names its results and gradients. */
#include "worker/engine/ops/call_by_name.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/autograd/schema.h"
#include <ringtorch/autograd.h>
#include <ringtorch/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bound {
    const rt_op *op;
    const rt__named *given;
    int count;
    rt_tensor **in; /* [n_in] */
    int n_in;
    bool gradients;
    rt_tensor **out; /* [n_out] */
    int n_out;
    rt_tensor *loss;
} bound;

/* ---- names ---- */

/* Returns whether `name` is "<stem>.<i>" with i at most `most`, and sets *i. */
static bool is_numbered(const char *name, const char *stem, int most, int *i)
{
    char text[256];
    size_t len = strlen(stem);
    if (strncmp(name, stem, len) != 0 || name[len] != '.')
        return false;
    *i = (int)strtol(name + len + 1, NULL, 10);
    snprintf(text, sizeof text, "%s.%d", stem, *i);
    return *i >= 0 && *i <= most && strcmp(text, name) == 0; /* rejects .007 */
}

static bool has_several_results(const rt_op *op)
{
    return op->n_out != 0 && op->n_out != 1;
}

/* Returns whether the name is that of a result's gradient, and sets *result. */
static bool is_grad_out(const bound *b, const char *name, int *result)
{
    *result = 0;
    return has_several_results(b->op) ? is_numbered(name, "grad_out", INT32_MAX - 1, result)
                                      : strcmp(name, "grad_out") == 0;
}

/* Returns the input of that name, or -1 if there is none. */
static int place_of(const bound *b, const char *name)
{
    int i = -1;
    if (b->op->n_in == RT_MANY)
        return is_numbered(name, b->op->fields[0].name, b->n_in - 1, &i) ? i : -1;
    for (i = b->n_in - 1; i >= 0 && strcmp(b->op->fields[i].name, name) != 0;)
        i--;
    return i;
}

/* Returns the name of input i after the prefix `before`, for rt_mem_free. */
static char *name_of(const bound *b, const char *before, int i)
{
    if (b->op->n_in == RT_MANY)
        return rt_strdup_printf("%s%s.%d", before, b->op->fields[0].name, i);
    return rt_strdup_printf("%s%s", before, b->op->fields[i].name);
}

/* ---- binding ---- */

/* Fails, suggesting the nearest valid name or listing all of them. */
static rt_status refuse_name(const bound *b, const char *name)
{
    enum { MOST = 32 };
    char first[256], list[512] = "";
    const char *names[MOST + 1];
    size_t n = 0;
    snprintf(first, sizeof first, "%s.0", b->op->n_fields ? b->op->fields[0].name : "");
    if (b->op->n_in == RT_MANY)
        names[n++] = first;
    for (int i = 0; i < b->op->n_in && n < MOST; i++)
        names[n++] = b->op->fields[i].name;
    if (b->gradients)
        names[n++] = has_several_results(b->op) ? "grad_out.0" : "grad_out";
    const char *near = rt_nearest(name, names, n);
    if (near)
        return RT_FAIL(ARG, "%s takes no tensor '%.60s': did you mean '%s'?", b->op->name, name,
                       near);
    for (size_t i = 0, used = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    return RT_FAIL(ARG, "%s takes no tensor '%.60s': expected %s", b->op->name, name,
                   n ? list : "none");
}

/* Returns whether the name belongs to a row of INPUTS but its number is too high, which means that a lower one is missing. */
static bool is_beyond(const bound *b, const char *name)
{
    int i;
    return b->op->n_in == RT_MANY && is_numbered(name, b->op->fields[0].name, INT32_MAX - 1, &i);
}

static rt_status bind_one(bound *b, const rt__named *g)
{
    int result, i = place_of(b, g->name);
    if (i < 0 && is_grad_out(b, g->name, &result)) {
        if (b->gradients)
            return RT_OK;
        return RT_FAIL(ARG, "%s: '%s' is given, but no gradients are requested", b->op->name,
                       g->name);
    }
    if (i < 0)
        return is_beyond(b, g->name) ? RT_OK : refuse_name(b, g->name); /* see check_given */
    if (b->in[i])
        return RT_FAIL(ARG, "%s: the tensor '%s' is given twice", b->op->name, g->name);
    b->in[i] = g->x;
    return RT_OK;
}

/* Counts the tensors of a row of INPUTS: all that were given, except gradients. Tensors with other names are refused later. */
static int count_inputs(const bound *b)
{
    int result, n = b->op->n_in;
    if (n != RT_MANY)
        return n;
    n = b->count;
    for (int i = 0; i < b->count; i++)
        n -= is_grad_out(b, b->given[i].name, &result);
    return n;
}

static rt_status check_given(const bound *b)
{
    for (int i = 0; i < b->n_in; i++) {
        const rt_field *row = &b->op->fields[b->op->n_in == RT_MANY ? 0 : i];
        if (b->in[i] || (!row->needed && b->op->n_in != RT_MANY))
            continue;
        char *name = name_of(b, "", i);
        if (name)
            RT_FAIL(ARG, "%s needs the tensor '%s': %s", b->op->name, name, row->help);
        rt_mem_free(name);
        return rt_error_code();
    }
    return RT_OK;
}

static rt_status bind(bound *b)
{
    b->n_in = count_inputs(b);
    if (b->n_in == 0 && b->op->n_in == RT_MANY)
        return RT_FAIL(ARG, "%s needs the tensor '%s.0': %s", b->op->name, b->op->fields[0].name,
                       b->op->fields[0].help);
    b->in = rt_calloc((size_t)b->n_in, sizeof *b->in);
    if (!b->in)
        return rt_error_code();
    for (int i = 0; i < b->count; i++)
        RT_TRY(bind_one(b, &b->given[i]));
    return check_given(b);
}

/* ---- gradients ---- */

static bool may_have_gradient(const rt_tensor *x)
{
    return x && rt__dtype_has_gradient(rt_dtype_of(x));
}

/* Makes every float or complex tensor want a gradient. */
static rt_status want_gradients(bound *b)
{
    int wanted = 0;
    if (!rt__is_differentiable(b->op))
        return RT_FAIL(UNSUPPORTED, "%s is not differentiable: request no gradients", b->op->name);
    for (int i = 0; i < b->n_in && !rt_failed(); i++)
        if (may_have_gradient(b->in[i])) {
            b->in[i] = rt_param(rt_detach(b->in[i]));
            rt_free(b->in[i]); /* drops rt_param's reference: the scope owns it as well */
            wanted++;
        }
    if (wanted == 0)
        return RT_FAIL(
            DTYPE, "%s: none of its tensors is of a float or complex type: nothing has a gradient",
            b->op->name);
    return rt_error_code();
}

/* Returns the given gradient of result k, or NULL. */
static const rt__named *find_grad_out(const bound *b, int k)
{
    int result;
    for (int i = 0; i < b->count; i++)
        if (place_of(b, b->given[i].name) < 0 && is_grad_out(b, b->given[i].name, &result) &&
            result == k)
            return &b->given[i];
    return NULL;
}

static rt_status check_grad_outs(const bound *b)
{
    int k;
    for (int i = 0; i < b->count; i++) {
        const rt__named *g = &b->given[i];
        if (place_of(b, g->name) >= 0 || !is_grad_out(b, g->name, &k))
            continue;
        if (k >= b->n_out)
            return RT_FAIL(ARG, "%s: '%s' is given, but there are %d results", b->op->name, g->name,
                           b->n_out);
        const rt_tensor *y = b->out[k];
        if (!may_have_gradient(y))
            return RT_FAIL(DTYPE, "%s: '%s' is given, but that result is %s, which has no gradient",
                           b->op->name, g->name, rt_describe(y));
        rt_dims has = rt_dims_of(g->x), want = rt_dims_of(y);
        if (rt_dtype_of(g->x) != rt_dtype_of(y) || has.n != want.n ||
            memcmp(has.d, want.d, (size_t)want.n * sizeof *want.d) != 0)
            return RT_FAIL(SHAPE, "%s: '%s' is %s, expected %s as the result", b->op->name, g->name,
                           rt_describe(g->x), rt_describe(y));
    }
    return RT_OK;
}

/* Makes the scalar to differentiate: its gradient with respect to result k is exactly grad_out.k. */
static rt_status make_loss(bound *b)
{
    RT_TRY(check_grad_outs(b));
    for (int k = 0; k < b->n_out && !rt_failed(); k++) {
        if (!may_have_gradient(b->out[k]) || !rt_requires_grad(b->out[k]))
            continue;
        const rt__named *g = find_grad_out(b, k);
        rt_tensor *dy = g ? rt_conj(rt_detach(g->x)) : rt_ones_like(b->out[k]);
        rt_tensor *part = rt_sum(rt_real(rt_mul(b->out[k], dy)));
        b->loss = b->loss ? rt_add(b->loss, part) : part;
    }
    if (!b->loss && !rt_failed())
        return RT_FAIL(UNSUPPORTED,
                       "%s is not differentiable with these arguments: request no gradients",
                       b->op->name);
    return rt_error_code();
}

/* ---- results ---- */

/* Adds a tensor to the list, taking over the name. */
static rt_status add(rt__named_list *list, char *name, rt_tensor *x)
{
    rt__named *more =
        name ? rt_realloc(list->item, (size_t)(list->count + 1) * sizeof *more) : NULL;
    if (!more) {
        rt_mem_free(name);
        return rt_error_code();
    }
    list->item = more;
    list->item[list->count++] = (rt__named){name, rt_detach(x)};
    return rt_error_code();
}

static rt_status add_results(const bound *b, rt__named_list *list)
{
    for (int k = 0; k < b->n_out; k++)
        RT_TRY(add(list,
                   has_several_results(b->op) ? rt_strdup_printf("out.%d", k) : rt_strdup("out"),
                   b->out[k]));
    return RT_OK;
}

static rt_status add_gradients(const bound *b, rt__named_list *list)
{
    rt_tensor **wanted = rt_calloc(2 * (size_t)b->n_in, sizeof *wanted);
    if (!wanted)
        return rt_error_code();
    rt_tensor **dx = wanted + b->n_in;
    int n = 0;
    for (int i = 0; i < b->n_in; i++)
        if (may_have_gradient(b->in[i]))
            wanted[n++] = b->in[i];
    rt_grad(b->loss, .inputs = wanted, .count = n, .out = dx);
    for (int i = 0, k = 0; i < b->n_in && !rt_failed(); i++)
        if (may_have_gradient(b->in[i]))
            add(list, name_of(b, "grad.", i), dx[k++]);
    rt_mem_free(wanted);
    return rt_error_code();
}

/* Makes the argument struct. An operation in place gets a copy to write to, because the tensor itself may want a gradient and
 * belongs to the caller. */
static void *make_args(const bound *b, const json_t *values)
{
    rt_tensor *first = b->n_in > 0 ? b->in[0] : NULL;
    if (b->op->writes)
        b->in[0] = rt_clone(first);
    void *args = rt__args_from_json(b->op, b->in, b->n_in, values);
    if (b->op->writes)
        b->in[0] = first;
    return args;
}

static rt_status call(bound *b, const json_t *values, rt__named_list *out)
{
    RT_TRY(bind(b));
    if (b->gradients)
        RT_TRY(want_gradients(b));
    void *args = make_args(b, values);
    if (!args)
        return rt_error_code();
    b->out = rt__apply_any(b->op, args, &b->n_out);
    rt_mem_free(args);
    if (!b->out)
        return rt_error_code();
    RT_TRY(add_results(b, out));
    if (!b->gradients)
        return RT_OK;
    RT_TRY(make_loss(b));
    return add_gradients(b, out);
}

rt_status rt__call_by_name(const rt_op *op, const rt__named *given, int count, const json_t *values,
                           bool gradients, rt__named_list *out)
{
    bound b = {.op = op, .given = given, .count = count, .gradients = gradients};
    *out = (rt__named_list){0};
    rt_status status = call(&b, values, out);
    rt_mem_free(b.in);
    rt_mem_free(b.out);
    if (status != RT_OK)
        rt__named_list_release(out);
    return status;
}

void rt__named_list_release(rt__named_list *list)
{
    for (int i = 0; i < list->count; i++)
        rt_mem_free((char *)list->item[i].name);
    rt_mem_free(list->item);
    *list = (rt__named_list){0};
}
