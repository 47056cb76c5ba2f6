/* Recorded writes into existing tensors: from then on the tensor has the history of what was written.
 *
 * A view knows its base. A write into the view replaces a window of the base, whose history records that (`put` in window.c), and
 * makes all views of the base out of date. A view gets a new history, as a window of the base, when it is next used; comparing `epoch`
 * tells whether it needs one.
 *
 * Values that backward reads have a version, so a change is noticed. Where a write would make a history wrong without being noticed,
 * it is refused: memory shared with a result that the tensor does not know about, recording switched off, a leaf or its home, which
 * have no history. */
#include "common/base/error.h"
#include "worker/engine/autograd/graph.h"
#include <string.h>

/* ---- views and their bases ---- */

/* Returns the tensor whose history a write into x changes. */
static rt_tensor *root_of(const rt_tensor *x)
{
    return x->base ? x->base : (rt_tensor *)x;
}

static void set_history(rt_tensor *x, rt_object *node, int32_t result)
{
    rt_object *former = x->node;
    x->node = rt__object_keep(node);
    x->result = result;
    rt__object_drop(former);
}

void rt__view_detach(rt_tensor *x)
{
    rt_tensor *base = x->base;
    x->base = NULL;
    rt__object_drop(base);
}

rt_status rt__view_rebuild(rt_tensor *x)
{
    rt_tensor *base = x->base;
    if (x->storage != base->storage) { /* the base has moved to other memory */
        rt__view_detach(x);
        return RT_OK;
    }
    rt_scope s = rt_scope_begin();
    bool no_grad = rt__thread.no_grad;
    rt__thread.no_grad = false;
    rt_tensor *y = rt__record_window(base, x);
    rt__thread.no_grad = no_grad;
    if (y) {
        set_history(x, y->node, y->result);
        x->epoch = base->epoch;
    }
    rt_scope_end(s);
    return rt_error_code();
}

/* ---- what may be written ---- */

static rt_status refuse_leaf(const char *what, const rt_tensor *dst)
{
    if (!dst->base)
        return RT_FAIL(ARG,
                       "%s: %s is a parameter, which has no history: write after "
                       "rt_no_grad_begin, or into rt_clone(x)",
                       what, rt_describe(dst));
    return RT_FAIL(ARG,
                   "%s: %s is a recorded view of a parameter, which has no history: view it after "
                   "rt_no_grad_begin to write into it, or write into a view of rt_clone(x)",
                   what, rt_describe(dst));
}

/* Fails if the history of dst cannot record a write into it. */
static rt_status may_record(const char *what, const rt_tensor *dst)
{
    if (rt__leaf_of(root_of(dst)))
        return refuse_leaf(what, dst);
    if (root_of(dst)->is_home)
        return RT_FAIL(ARG,
                       "%s: %s is %sthe home of a parameter, which has no history: write after "
                       "rt_no_grad_begin, or write what rt_detach gives",
                       what, rt_describe(dst), dst->base ? "a view of " : "");
    if (dst->unrecorded)
        return RT_FAIL(ARG,
                       "%s: %s is a view that was made with recording off: make it with recording "
                       "on before writing a value that wants a gradient into it",
                       what, rt_describe(dst));
    if (dst->base && !dst->base->contiguous)
        return RT_FAIL(UNSUPPORTED,
                       "%s: %s is a view of %s, which has gaps: view rt_contiguous of that", what,
                       rt_describe(dst), rt_describe(dst->base));
    return RT_OK;
}

rt_status rt__may_write(const char *what, const rt_tensor *dst, bool recorded)
{
    if (!rt__has_value(what, dst))
        return rt_error_code();
    if (!rt__tensor_is_injective(dst))
        return RT_FAIL(ARG, "%s: several elements of %s share memory: write into rt_clone(x)", what,
                       rt_describe(dst));
    if (recorded)
        RT_TRY(may_record(what, dst));
    const rt_node *n = rt__node_of(root_of(dst));
    bool has_history = n && n->call.op;
    if (has_history && !recorded)
        return RT_FAIL(ARG,
                       "%s: %s is a result of %s, whose gradient would stay that of the old value: "
                       "write with recording on, or into rt_clone(rt_detach(x))",
                       what, rt_describe(dst), n->call.op->name);
    if (!has_history && !rt__tensor_is_lazy(dst) &&
        atomic_load_explicit(&dst->storage->results, memory_order_relaxed) > 0)
        return RT_FAIL(ARG,
                       "%s: %s shares its memory with a result whose gradient would stay that of "
                       "the old value: write into rt_clone(x)",
                       what, rt_describe(dst));
    return RT_OK;
}

/* Returns whether a write into x must be recorded. `source`: whether what is written wants a gradient. */
static bool is_recorded(const rt_tensor *x, bool source)
{
    return !rt__thread.no_grad && rt__dtype_has_gradient(x->dtype) && (source || root_of(x)->node);
}

/* Gives x the history of y, whose value was written into x. */
static rt_status take_history(rt_tensor *x, rt_tensor *y)
{
    rt_tensor *root = root_of(x);
    if (root == x && y->node)
        set_history(x, y->node, y->result);
    else
        RT_TRY(rt__record_put(root, x, y));
    root->epoch++;
    rt__tensor_mark_result(root);
    return RT_OK;
}

/* ---- copies ---- */

/* Returns src in the shape and type of dst, recorded. */
static rt_tensor *as_written(const rt_tensor *dst, const rt_tensor *src)
{
    rt_tensor *y = rt_to((rt_tensor *)src, dst->dtype);
    return y ? rt_expand(y, dst->dims) : NULL;
}

rt_status rt_copy_into(rt_tensor *dst, const rt_tensor *src)
{
    if (!rt__takes("copy_into", dst) || !rt__object_is(src, &rt__tensor_type, "copy_into", 2))
        return rt_error_code();
    RT_TRY(rt__view_refresh(dst));
    RT_TRY(rt__view_refresh((rt_tensor *)src));
    bool recorded = is_recorded(dst, src->node) && (src->node || !rt__leaf_of(dst));
    RT_TRY(rt__may_write("copy_into", dst, recorded));
    if (!rt__has_value("copy_into", src))
        return rt_error_code();
    RT_TRY(rt__may_copy_into(dst, src));
    rt_scope s = rt_scope_begin();
    rt_tensor *y = recorded ? as_written(dst, src) : NULL;
    rt_status status = rt_failed() ? rt_error_code() : rt__copy_into(dst, src);
    if (status == RT_OK && recorded)
        status = take_history(dst, y);
    rt_scope_end(s);
    return status;
}

rt_status rt_fill(rt_tensor *dst, double value)
{
    if (!rt__takes("fill", dst))
        return rt_error_code();
    RT_TRY(rt__view_refresh(dst));
    bool recorded = is_recorded(dst, false) && !rt__leaf_of(dst);
    RT_TRY(rt__may_write("fill", dst, recorded));
    RT_TRY(rt__fill(dst, value));
    if (!recorded)
        return RT_OK;
    rt_tensor *constant = rt__tensor_twin(dst);
    rt_status status = constant ? take_history(dst, constant) : rt_error_code();
    rt__object_drop(constant);
    return status;
}

/* ---- operations whose result replaces their first input ---- */

/* An in-place call, with a copy of its arguments in which inputs can be replaced. */
typedef struct in_place {
    const rt_op *op;
    rt_tensor *x;
    bool recorded;
    _Alignas(8) char args[RT_IN_PLACE_MAX];
} in_place;

static rt_status check_op(const rt_op *op, const void *args)
{
    if (!op || !args)
        return RT_FAIL(ARG, "apply_in_place: %s is missing (NULL)",
                       op ? "the argument struct" : "the operation");
    if (op->n_in < 1 || op->n_out > 1 || op->args_size > RT_IN_PLACE_MAX || !op->run)
        return RT_FAIL(ARG,
                       "%s cannot be done in place: expected .run, one result, inputs of a fixed "
                       "number and arguments of at most %d bytes",
                       op->name, RT_IN_PLACE_MAX);
    for (int i = 0; i < op->n_in; i++) {
        const rt_tensor *x = ((rt_tensor *const *)args)[i];
        if ((x || i == 0 || op->fields[i].needed) &&
            !rt__object_is(x, &rt__tensor_type, op->name, i + 1))
            return rt_error_code();
    }
    return RT_OK;
}

/* Returns a copy of x with the same history. */
static rt_tensor *value_of(const rt_tensor *x)
{
    rt_tensor *y = rt__tensor_may_share(x) ? rt__tensor_share(x) : rt__copy_to(x, rt__gpu_of(x));
    if (!y)
        return NULL;
    set_history(y, x->node, x->result);
    return y;
}

/* Replaces inputs that the write would change but that are read later: by backward, or because they overlap x. */
static rt_status save_inputs(in_place *p)
{
    rt_tensor **in = (rt_tensor **)p->args, *old = NULL;
    uint32_t reads = p->recorded ? rt__reads_in(p->op, in, p->op->n_in) : 0;
    for (int i = 0; i < p->op->n_in; i++) {
        if (in[i] == p->x && rt__reads(reads, i))
            in[i] = old = old ? old : value_of(p->x);
        else if (in[i] && in[i] != p->x && rt__tensor_may_overlap(in[i], p->x))
            in[i] = rt_clone(in[i]);
        if (rt_failed())
            return rt_error_code();
    }
    return RT_OK;
}

static rt_status check_result(const char *what, const rt_tensor *x, const rt_tensor *y)
{
    if (!rt__dims_same(&x->dims, &y->dims))
        return RT_FAIL(SHAPE, "%s in place: the result is %s, which does not fit into %s", what,
                       rt_describe(y), rt_describe(x));
    if (rt__dtype_category(y->dtype) > rt__dtype_category(x->dtype))
        return RT_FAIL(
            DTYPE,
            "%s in place: the result is %s, which %s cannot hold: convert that with rt_to first",
            what, rt_describe(y), rt_describe(x));
    return RT_OK;
}

rt_tensor *rt__put_in_place(const char *what, rt_tensor *x, rt_tensor *y)
{
    if (!y || check_result(what, x, y) != RT_OK)
        return NULL;
    return rt_copy_into(x, y) == RT_OK ? x : NULL;
}

/* Writes y into x, unless y was computed there. */
static rt_status write_result(const char *what, rt_tensor *x, rt_tensor **y)
{
    RT_TRY(check_result(what, x, *y));
    if ((*y)->data == x->data && (*y)->storage == x->storage)
        return RT_OK;
    *y = rt_to(*y, x->dtype);
    if (!*y || !rt__tensor_is_lazy(x) || !(*y)->contiguous)
        return *y ? rt__copy_into(x, *y) : rt_error_code();
    rt__tensor_replace(x, *y); /* nothing else knows x's address */
    return RT_OK;
}

static rt_status carry_out(in_place *p)
{
    RT_TRY(save_inputs(p));
    bool direct = p->op->in_place && p->x->contiguous && !rt__tensor_is_lazy(p->x);
    rt__thread.aim = direct ? p->x : NULL;
    rt_tensor *y = rt_apply(p->op, p->args);
    if (!y)
        return rt_error_code();
    RT_TRY(write_result(p->op->name, p->x, &y));
    return p->recorded ? take_history(p->x, y) : RT_OK;
}

rt_tensor *rt_apply_in_place(const rt_op *op, const void *args)
{
    if (rt_failed() || check_op(op, args) != RT_OK)
        return NULL;
    in_place p = {.op = op, .x = *(rt_tensor *const *)args};
    memcpy(p.args, args, op->args_size);
    bool wanted = false;
    for (int i = 0; i < op->n_in; i++) {
        rt_tensor *in = ((rt_tensor **)p.args)[i];
        if (in && rt__view_refresh(in) != RT_OK)
            return NULL;
        wanted |= in && in->node;
    }
    p.recorded = is_recorded(p.x, wanted);
    if (rt__may_write(op->name, p.x, p.recorded) != RT_OK)
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_status status = carry_out(&p);
    rt_scope_end(s);
    return status == RT_OK ? p.x : NULL;
}
