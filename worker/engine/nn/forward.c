/* Runs a module: keeps track of the running module, its hooks, the parameters that are needed, and observed statistics. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/nn/from_row.h"
#include <ringtorch/autograd.h>
#include <string.h>

/* ---- inputs and results ---- */

static rt_status check_count(const rt_module *m, int n_in, int n_out)
{
    const rt_module_type *t = m->type;
    if (!t->forward && !t->forward_all)
        return RT_FAIL(ARG, "forward: %s has no forward function", t->name);
    int in = t->n_in ? t->n_in : 1, out = t->n_out ? t->n_out : 1;
    bool inputs_fit = in == RT_MANY || (n_in >= in && n_in <= in + t->n_optional);
    if (inputs_fit && (out == RT_MANY || n_out == out))
        return RT_OK;
    if (!inputs_fit)
        return RT_FAIL(ARG, "forward: %s takes %d%s input%s, got %d", t->name, in,
                       t->n_optional ? " or more" : "", in == 1 && !t->n_optional ? "" : "s", n_in);
    return RT_FAIL(ARG, "forward: %s has %d result%s, but there is room for %d", t->name, out,
                   out == 1 ? "" : "s", n_out);
}

static rt_status check_inputs(const rt_module *m, rt_tensor *const *in, int n_in)
{
    int needed = m->type->n_in ? m->type->n_in : 1;
    for (int i = 0; i < n_in; i++) {
        bool may_lack = needed != RT_MANY && i >= needed;
        if (!(may_lack && !in[i]) && !rt__object_is(in[i], &rt__tensor_type, "forward", i + 2))
            return rt_error_code();
    }
    return RT_OK;
}

static void compute(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
{
    if (m->type->forward)
        out[0] = m->type->forward(m, in[0]);
    else
        m->type->forward_all(m, in, n_in, out, n_out);
}

static void check_results(const rt_module *m, rt_tensor *const *out, int n_out)
{
    for (int k = 0; k < n_out && !rt_failed(); k++) {
        if (!out[k])
            RT_FAIL(ARG, "%s%s returned no tensor (NULL)",
                    m->inside->from_row ? "" : "forward: ", m->type->name);
        else if (out[k]->object.type != &rt__tensor_type)
            RT_FAIL(ARG, "%s%s returned a %s, expected a tensor",
                    m->inside->from_row ? "" : "forward: ", m->type->name,
                    out[k]->object.type->name);
    }
}

/* ---- hooks ---- */

rt_status rt_nn_hook(rt_module *m, rt_nn_hooks h)
{
    if (rt_failed() || !rt__is_module("nn_hook", m))
        return rt_error_code();
    if (!h.before && !h.after)
        return RT_FAIL(ARG, "nn_hook: neither .before nor .after is given");
    struct rt_module_inside *in = m->inside;
    if (in->hooks == in->hook_capacity) {
        int32_t capacity = in->hook_capacity ? 2 * in->hook_capacity : 2;
        rt_nn_hooks *hook = rt_realloc(in->hook, (size_t)capacity * sizeof *hook);
        if (!hook)
            return rt_error_code();
        in->hook = hook;
        in->hook_capacity = capacity;
    }
    in->hook[in->hooks++] = h;
    return RT_OK;
}

void rt_nn_unhook(rt_module *m, const void *ctx)
{
    if (!rt__is_module("nn_unhook", m))
        return;
    struct rt_module_inside *in = m->inside;
    int32_t left = 0;
    for (int32_t i = 0; i < in->hooks; i++)
        if (in->hook[i].ctx != ctx)
            in->hook[left++] = in->hook[i];
    in->hooks = left;
}

/* Runs m between its hooks, which may replace inputs and results. */
static void run_hooked(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
{
    const struct rt_module_inside *inside = m->inside;
    rt_tensor *mine[RT_NN_TENSORS];
    if (n_in > 0)
        memcpy(mine, in, (size_t)n_in * sizeof *mine);
    for (int32_t i = 0; i < inside->hooks; i++)
        if (inside->hook[i].before)
            inside->hook[i].before(inside->hook[i].ctx, m, mine, n_in);
    if (rt_failed() || check_inputs(m, mine, n_in) != RT_OK)
        return;
    compute(m, mine, n_in, out, n_out);
    check_results(m, out, n_out);
    for (int32_t i = 0; i < inside->hooks && !rt_failed(); i++)
        if (inside->hook[i].after)
            inside->hook[i].after(inside->hook[i].ctx, m, mine, n_in, out, n_out);
}

/* ---- parameters that are needed ---- */

typedef struct module_need {
    rt_need base;
    rt_module *m; /* kept */
    struct rt__on_need on;
} module_need;

static void need_destroy(void *object)
{
    rt_free(((module_need *)object)->m);
}

static const rt_object_type need_type = {.name = "need", .destroy = need_destroy};

static void notify(rt_need *self, bool needed)
{
    const module_need *n = (module_need *)self;
    bool former = rt_no_grad_begin();
    n->on.fn(n->on.ctx, n->m, needed);
    rt_no_grad_end(former);
}

rt_status rt_nn_on_need(rt_module *m, void (*fn)(void *ctx, rt_module *of, bool needed), void *ctx)
{
    if (rt_failed() || !rt__is_module("nn_on_need", m))
        return rt_error_code();
    m->inside->on_need = (struct rt__on_need){fn, ctx};
    return RT_OK;
}

/* Runs m, announcing before that its own parameters are needed and after that they are not. Operations recorded meanwhile
 * belong to m in backward. */
static void run_needing(rt_module *m, const struct rt__on_need *on, rt_tensor *const *in, int n_in,
                        rt_tensor **out, int n_out)
{
    rt_thread *t = &rt__thread;
    rt_need *former = t->need;
    module_need *n = rt__object_new(&need_type, sizeof *n);
    if (!n)
        return;
    n->base.notify = notify;
    n->m = rt_keep(m);
    n->on = *on;
    t->need = &n->base;
    notify(t->need, true);
    run_hooked(m, in, n_in, out, n_out);
    notify(t->need, false);
    t->need = former;
}

static void run_watched(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
{
    rt_thread *t = &rt__thread;
    const void *former = t->on_need;
    if (m->inside->on_need.fn)
        t->on_need = &m->inside->on_need;
    if (t->on_need && rt_nn_own_param_at(m, 0, NULL))
        run_needing(m, t->on_need, in, n_in, out, n_out);
    else
        run_hooked(m, in, n_in, out, n_out);
    t->on_need = former;
}

/* ---- forward ---- */

/* Runs m; its results go to the caller's scope. */
static void run(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
{
    rt_thread *t = &rt__thread;
    const struct rt_module_inside *inside = m->inside;
    uint64_t path = t->path;
    t->path = inside->path;
    if (inside->hooks > 0 || inside->on_need.fn || t->on_need)
        run_watched(m, in, n_in, out, n_out);
    else
        compute(m, in, n_in, out, n_out);
    t->path = path;
    check_results(m, out, n_out);
    rt__from_row_check(m, n_in > 0 ? in[0] : NULL, n_out > 0 ? out[0] : NULL);
}

rt_tensor *rt_forward(rt_module *m, rt_tensor *x)
{
    if (rt_failed() || !rt__is_module("forward", m) || check_count(m, 1, 1) != RT_OK ||
        check_inputs(m, &x, 1) != RT_OK)
        return NULL;
    rt_tensor *y = NULL;
    rt_scope s = rt_scope_begin();
    run(m, &x, 1, &y, 1);
    return rt_scope_return(s, rt_failed() ? NULL : y);
}

rt_status rt_forward_all(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
{
    if (rt_failed() || !rt__is_module("forward", m))
        return rt_error_code();
    if (n_in < 0 || n_in > RT_NN_TENSORS || n_out < 0 || n_out > RT_NN_TENSORS ||
        (n_in > 0 && !in) || (n_out > 0 && !out))
        return RT_FAIL(ARG, "forward: %d inputs and %d results: expected two lists of at most %d",
                       n_in, n_out, RT_NN_TENSORS);
    for (int k = 0; k < n_out; k++)
        out[k] = NULL;
    RT_TRY(check_count(m, n_in, n_out));
    RT_TRY(check_inputs(m, in, n_in));
    rt_tensor *made[RT_NN_TENSORS] = {0};
    rt_scope s = rt_scope_begin();
    run(m, in, n_in, made, n_out);
    bool fine = !rt_failed();
    for (int k = 0; k < n_out && fine; k++)
        rt_keep(made[k]);
    rt_scope_end(s);
    for (int k = 0; k < n_out && fine; k++)
        out[k] = rt__scope_own(made[k]);
    return rt_error_code();
}

/* ---- statistics over batches ---- */

const rt__nn_observer *rt__nn_observed_by(const rt__nn_observer *o)
{
    const rt__nn_observer *former = rt__thread.observer;
    rt__thread.observer = o;
    return former;
}

/* buffer = (1 - momentum) buffer + momentum value, as PyTorch's layers do after each batch. */
static rt_status move_towards(rt_tensor *buffer, rt_tensor *value, double momentum)
{
    rt_scope s = rt_scope_begin();
    bool former = rt_no_grad_begin();
    rt_tensor *next = rt_add(rt_mul_scalar(buffer, 1 - momentum), rt_mul_scalar(value, momentum));
    rt_status status = next ? rt_copy_into(buffer, next) : rt_error_code();
    rt_no_grad_end(former);
    rt_scope_end(s);
    return status;
}

rt_status rt_nn_observe(rt_module *self, const char *name, rt_tensor *value, double momentum)
{
    if (rt_failed() || !rt__is_module("nn_observe", self) ||
        !rt__given(name, "nn_observe", "name") ||
        !rt__object_is(value, &rt__tensor_type, "nn_observe", 3))
        return rt_error_code();
    rt__slot *s = rt__nn_slot(self, name, strlen(name));
    if (!s || s->kind != RT__BUFFER)
        return RT_FAIL(ARG, "nn_observe: %s has no buffer \"%s\"", self->type->name, name);
    if (!rt__dims_same(&s->tensor->dims, &value->dims) || s->tensor->dtype != value->dtype)
        return RT_FAIL(SHAPE, "nn_observe: %s.%s: %s, expected %s", self->type->name, name,
                       rt_describe(value), rt_describe(s->tensor));
    if (!(momentum >= 0 && momentum <= 1))
        return RT_FAIL(RANGE, "nn_observe: %s.%s: momentum %g, expected 0 to 1", self->type->name,
                       name, momentum);
    s->momentum = momentum;
    const rt__nn_observer *o = rt__thread.observer;
    return o ? o->fn(o->ctx, s->tensor, value, momentum) : move_towards(s->tensor, value, momentum);
}
