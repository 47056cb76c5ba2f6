/* The dispatcher. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/checked.h"
#include "worker/engine/autograd/fallback.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/autograd/schema.h"
#include "worker/engine/base/trace.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { FEW = 4 };

/* Status: the inputs' types are not those that the operation computes in, so it must be called again with converted inputs. */
#define NEEDS_CONVERSION ((rt_status)1) /* not a status of status.def */

/* A call and the memory for its lists, while it is executed. */
typedef struct frame {
    rt_call call;
    rt_gpu *gpu;   /* the inputs' device; NULL: the CPU */
    rt_gpu *goal;  /* where results are made: the same, unless infer says otherwise */
    rt_exec *exec; /* of the inputs' device */
    bool halves;   /* an input has a 16-bit float type */
    rt_spec spec[FEW];
    rt_tensor *out[FEW], *saved[RT_SAVED_MAX];
    /* memory for spec, out and `given` if there are more results */
    void *more;
    rt_tensor **given, *few_given[FEW]; /* the results that run must fill */
    rt_dtype as;                        /* the type to convert inputs to, see NEEDS_CONVERSION */
    _Alignas(8) char plan[RT_PLAN_MAX];
} frame;

/* ---- results as infer describes them ---- */

static bool is_view(const rt_op *op)
{
    return !op->run && !op->compose;
}

static rt_status describe_result(rt_call *c, int i, rt_dims dims, rt_dtype dtype)
{
    if (!c->spec)
        return RT_FAIL(INTERNAL, "%s: only infer may describe results", c->op->name);
    if (i < 0 || i >= c->n_out)
        return RT_FAIL(INTERNAL, "%s: infer describes result %d, but there are %d", c->op->name, i,
                       c->n_out);
    rt_spec *s = &c->spec[i];
    s->dims = dims;
    s->dtype = dtype;
    return RT_OK;
}

rt_status rt_result(rt_call *c, int i, rt_dims dims, rt_dtype dtype)
{
    if (!rt__given(c, "result", "call"))
        return rt_error_code();
    if (is_view(c->op))
        return RT_FAIL(INTERNAL, "%s: a view must describe its result with rt_window", c->op->name);
    return describe_result(c, i, dims, dtype);
}

rt_status rt_result_like(rt_call *c, int i, const rt_tensor *x)
{
    if (!rt__object_is(x, &rt__tensor_type, "result_like", 3))
        return rt_error_code();
    return rt_result(c, i, x->dims, x->dtype);
}

rt_status rt__infer_like_first(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

rt_status rt_window(rt_call *c, rt_dims dims, const int64_t *stride, int64_t offset)
{
    const rt_tensor *x = c && c->n_in > 0 ? c->in[0] : NULL;
    return rt_window_as(c, x ? x->dtype : RT_F32, dims, stride, offset);
}

/* Returns whether x's first element lies a whole number of elements of dtype behind the first ones of its storage and of its base, and at
 * an address for them: a storage that is part of other memory may begin anywhere. */
static bool is_aligned(const rt_tensor *x, rt_dtype dtype)
{
    enum { MOST = 8 }; /* bytes: what complex128 needs, too */
    const char *data = x->data;
    ptrdiff_t size = (ptrdiff_t)rt_dtype_size(dtype);
    ptrdiff_t in_base = x->base ? data - (const char *)x->base->data : 0;
    if (x->dtype == dtype)
        return true;
    if (rt__on_cpu(x) && (uintptr_t)data % (size < MOST ? (uintptr_t)size : MOST) != 0)
        return false;
    return (data - (const char *)x->storage->data) % size == 0 && in_base % size == 0;
}

rt_status rt_window_as(rt_call *c, rt_dtype dtype, rt_dims dims, const int64_t *stride,
                       int64_t offset)
{
    if (!rt__given(c, "window", "call") || !rt__given(stride, "window", "list of strides"))
        return rt_error_code();
    return rt__window_of(c, 0, dtype, dims, stride, offset);
}

rt_status rt__window_of(rt_call *c, int i, rt_dtype dtype, rt_dims dims, const int64_t *stride,
                        int64_t offset)
{
    if (dims.n < 0 || dims.n > RT_MAX_DIMS)
        return RT_FAIL(INTERNAL, "%s: a window of %d axes", c->op->name, dims.n);
    const rt_tensor *x = c->n_in > 0 ? c->in[0] : NULL;
    if (!x || !x->storage)
        return RT_FAIL(ARG, "%s: there is no tensor to view", c->op->name);
    if (!is_aligned(x, dtype))
        return RT_FAIL(ARG, "%s: %s begins at an odd place of its storage: clone it first",
                       c->op->name, rt_describe(x));
    RT_TRY(describe_result(c, i, dims, dtype));
    if (!rt__tensor_has_window(x, dtype, dims, stride, offset))
        return RT_FAIL(INTERNAL, "%s: the window %s reaches outside of the memory of %s",
                       c->op->name, rt_dims_text(dims), rt_describe(x));
    rt_spec *s = &c->spec[i];
    s->offset = rt__dims_numel(dims, c->op->name) == 0 ? 0 : offset; /* else bytes might overflow */
    memcpy(s->stride, stride, (size_t)dims.n * sizeof *stride);
    return RT_OK;
}

/* Makes room for `count` results, none of them described yet. */
static rt_status make_room(frame *f, int count)
{
    rt_call *c = &f->call;
    c->n_out = count;
    if (count > FEW) {
        f->more = rt_calloc((size_t)count, sizeof *c->spec + 2 * sizeof *c->out);
        if (!f->more) {
            c->n_out = 0;
            return rt_error_code();
        }
        c->spec = f->more;
        c->out = (rt_tensor **)(c->spec + count);
        f->given = c->out + count;
    }
    for (int k = 0; k < count; k++)
        c->spec[k].dims.n = -1;
    return RT_OK;
}

rt_status rt_results(rt_call *c, int count)
{
    if (!rt__given(c, "results", "call"))
        return rt_error_code();
    if (c->op->n_out != RT_MANY || c->n_out != RT_MANY || count < 0)
        return RT_FAIL(INTERNAL, "%s: rt_results(%d): expected once, and only if .n_out is RT_MANY",
                       c->op->name, count);
    return make_room((frame *)c, count);
}

/* ---- inputs ---- */

void rt__list_types(uint32_t allowed, char out[RT_TYPES_TEXT])
{
    size_t len = 0;
    out[0] = '\0';
    for (int t = 0; t < RT_DTYPES; t++) {
        uint32_t rest = allowed & ~((2u << t) - 1) & ((1u << RT_DTYPES) - 1);
        if (allowed & (1u << t) && len < RT_TYPES_TEXT)
            len +=
                (size_t)snprintf(out + len, RT_TYPES_TEXT - len, "%s%s", rt_dtype_name((rt_dtype)t),
                                 !rest               ? ""
                                 : rest & (rest - 1) ? ", "
                                                     : " or ");
    }
}

/* Names the input by its row, and by its place if it is one of a list. */
static rt_status refuse_dtype(const rt_op *op, const rt_field *row, const rt_tensor *x, int i)
{
    char types[RT_TYPES_TEXT], place[16] = "";
    rt__list_types(row->dtypes, types);
    if (op->n_in == RT_MANY)
        snprintf(place, sizeof place, "[%d]", i);
    return RT_FAIL(DTYPE, "%s: %s%s is %s, expected %s: convert it with rt_to", op->name, row->name,
                   place, rt_describe(x), types);
}

static rt_status refuse_types(const rt_op *op, const rt_tensor *a, const rt_tensor *b)
{
    return RT_FAIL(DTYPE, "%s: %s and %s, expected one element type: convert with rt_to", op->name,
                   rt_describe(a), rt_describe(b));
}

static rt_status refuse_devices(const rt_op *op, const rt_tensor *a, const rt_tensor *b)
{
    return RT_FAIL(DEVICE, "%s: %s and %s lie on different devices: move one with rt_to_device",
                   op->name, rt_describe(a), rt_describe(b));
}

/* The inputs have several types, or one that the rows do not allow, but may be converted: finds the type to convert them to. */
static rt_status promote_inputs(const rt_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if ((c->in[i] || rt__input_row(c->op, i)->needed) &&
            !rt__object_is(c->in[i], &rt__tensor_type, c->op->name, i + 1))
            return rt_error_code();
    RT_TRY(rt__common_type(c, &((frame *)c)->as));
    return NEEDS_CONVERSION;
}

rt_status rt__request_conversion(rt_call *c, rt_dtype dtype)
{
    ((frame *)c)->as = dtype;
    return NEEDS_CONVERSION;
}

enum { HALF_TYPES = RT_TYPE(BF16) | RT_TYPE(F16) };

/* Checks all inputs. *wanted: one of them wants a gradient; *halves: one of them has a 16-bit float type. */
static rt_status check_inputs(const rt_call *c, bool *wanted, bool *halves)
{
    const rt_op *op = c->op;
    const rt_field *row = op->fields;
    rt_tensor *const *in = c->in;
    const int n = c->n_in, next_row = op->n_in == RT_MANY ? 0 : 1;
    /* the first input; the last one that must share its type with others */
    const rt_tensor *first = NULL, *typed = NULL;
    uint32_t types = 0;
    bool any = false;
    for (int i = 0; i < n; i++, row += next_row) {
        rt_tensor *x = in[i];
        if (!x && !row->needed)
            continue;
        if (!rt__object_is(x, &rt__tensor_type, op->name, i + 1))
            return rt_error_code();
        if (!x->storage && !(i < 32 && op->shapes_in >> i & 1))
            return rt__refuse_hollow(op->name, x), rt_error_code();
        if (!(row->dtypes & 1u << x->dtype))
            return rt__is_promoted(row) ? promote_inputs(c) : refuse_dtype(op, row, x, i);
        if (row->dtypes & RT_SAME && typed && typed->dtype != x->dtype)
            return rt__is_promoted(row) ? promote_inputs(c) : refuse_types(op, typed, x);
        if (first && !rt__same_device(first, x))
            return refuse_devices(op, first, x);
        if (x->base && !rt__thread.no_grad && rt__view_refresh(x) != RT_OK)
            return rt_error_code();
        first = x;
        typed = row->dtypes & RT_SAME ? x : typed;
        types |= 1u << x->dtype;
        any |= x->node != NULL;
    }
    *wanted = any;
    *halves = (types & HALF_TYPES) != 0;
    frame *f = (frame *)c;
    f->goal = f->gpu = !first ? rt__thread.gpu : rt__on_cpu(first) ? NULL : rt__gpu_of(first);
    return RT_OK;
}

/* ---- results ---- */

/* Records in a view which tensor's memory it shows. */
static void set_base(rt_tensor *y, rt_tensor *x, const rt_op *op)
{
    if (!y || !op->backward) /* rt_detach: an independent tensor that shares the memory */
        return;
    y->unrecorded = rt__thread.no_grad || x->unrecorded;
    if (y->unrecorded)
        return;
    rt_tensor *base = x->base ? x->base : x;
    y->base = rt__object_keep(&base->object);
    y->epoch = base->epoch;
}

static rt_status make_results(rt_call *c, rt_tensor *place)
{
    for (int k = 0; k < c->n_out; k++) {
        const rt_spec *s = &c->spec[k];
        if (s->dims.n < 0)
            return RT_FAIL(INTERNAL, "%s: infer did not describe result %d", c->op->name, k);
        if (is_view(c->op)) {
            c->out[k] = rt__tensor_view_as(c->in[0], s->dtype, s->dims, s->stride,
                                           s->offset * (int64_t)rt_dtype_size(s->dtype));
            set_base(c->out[k], c->in[0], c->op);
        } else if (place && place->dtype == s->dtype && rt__dims_same(&place->dims, &s->dims)) {
            c->out[k] = rt__tensor_view(place, s->dims, place->stride, 0);
            rt__tensor_touch(place);
        } else if (c->op->shares && rt__tensor_may_share(c->in[0])) {
            c->out[k] = rt__tensor_share(c->in[0]);
        } else {
            c->out[k] = rt__tensor_new_on(((frame *)c)->goal, &s->dims, s->dtype);
        }
        if (!c->out[k])
            return rt_error_code();
    }
    return RT_OK;
}

static bool all_contiguous(const rt_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && !c->in[i]->contiguous)
            return false;
    return true;
}

static rt_status refuse_result(const rt_call *c, int k)
{
    return RT_FAIL(INTERNAL,
                   "%s: run replaced result %d by another tensor, expected it to write into the "
                   "one it was given",
                   c->op->name, k);
}

/* Runs with contiguous copies of the inputs that are not contiguous. */
static rt_status run_packed(rt_call *c)
{
    rt_tensor *few[FEW], *const *in = c->in;
    rt_tensor **packed = c->n_in <= FEW ? few : rt_calloc((size_t)c->n_in, sizeof *packed);
    for (int i = 0; i < c->n_in && packed; i++)
        packed[i] = rt__tensor_contiguous(in[i]);
    c->in = packed;
    rt_status status = packed && !rt_failed() ? c->op->run(c) : rt_error_code();
    c->in = in;
    if (packed != few)
        rt_mem_free(packed);
    return status;
}

/* Runs, and fails if run replaced the results that it was given by other tensors: those may have other shapes, and are freed with
 * its scope. */
static inline rt_status run_once(rt_call *c)
{
    rt_tensor **given = ((frame *)c)->given;
    for (int k = 0; k < c->n_out; k++)
        given[k] = c->out[k];
    RT_TRY(c->op->strided || all_contiguous(c) ? c->op->run(c) : run_packed(c));
    for (int k = 0; k < c->n_out; k++)
        if (c->out[k] != given[k])
            return refuse_result(c, k);
    return RT_OK;
}

/* ---- kernels that the device's table lacks ---- */

rt_exec *rt_exec_of(const rt_call *c)
{
    return ((const frame *)c)->exec;
}

void rt__results_on(rt_call *c, rt_gpu *gpu)
{
    ((frame *)c)->goal = gpu;
}

bool rt__on_host(const rt_call *c)
{
    return !((const frame *)c)->gpu;
}

rt_status rt__no_kernel(const rt_call *c, const char *kernel)
{
    rt_exec_of(c)->missing = kernel;
    return RT_OK;
}

rt_dtype rt__call_type(const rt_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i])
            return c->in[i]->dtype;
    return c->n_out > 0 ? c->out[0]->dtype : RT_F32;
}

static rt_status refuse_missing(const rt_call *c, const char *kernel)
{
    return RT_FAIL(UNSUPPORTED, "%s: no kernel %s for %s on the CPU: convert with rt_to",
                   c->op->name, kernel, rt_dtype_name(rt__call_type(c)));
}

/* Makes stand-ins for the inputs and results of a call, in one list: float32 where those have a 16-bit float type. */
static rt_status widen(const rt_call *c, rt_tensor **list)
{
    for (int i = 0; i < c->n_in; i++) {
        rt_tensor *x = c->in[i];
        list[i] = x && x->storage && rt__is_half(x->dtype) ? rt__convert(x, RT_F32) : x;
    }
    for (int k = 0; k < c->n_out; k++) {
        rt_tensor *y = c->out[k];
        list[c->n_in + k] = rt__is_half(y->dtype) ? rt__tensor_new(y->dims, RT_F32) : y;
    }
    return rt_error_code();
}

/* Converts the results. Where run saved a stand-in, saves the tensor that it stands for. */
static rt_status narrow(rt_call *c, rt_tensor *const *list)
{
    for (int i = 0; i < c->op->n_saved; i++)
        for (int k = 0; k < c->n_in + c->n_out; k++)
            if (c->saved[i] && c->saved[i] == list[k])
                c->saved[i] = k < c->n_in ? c->in[k] : c->out[k - c->n_in];
    for (int k = 0; k < c->n_out; k++)
        if (rt__is_half(c->out[k]->dtype))
            RT_TRY(rt__convert_into(c->out[k], list[c->n_in + k]));
    return rt_error_code();
}

/* The definition of an operation on a 16-bit float type: stored as such, computed in float32, each result rounded once. */
static rt_status run_wide(rt_call *c)
{
    enum { FEW_BOTH = 8 };
    int count = c->n_in + c->n_out;
    rt_tensor *few[FEW_BOTH],
        **list = count <= FEW_BOTH ? few : rt_calloc((size_t)count, sizeof *list);
    rt_tensor *const *in = c->in;
    rt_tensor **out = c->out;
    rt_status status = list ? widen(c, list) : rt_error_code();
    if (status == RT_OK) {
        c->in = list;
        c->out = list + c->n_in;
        status = run_once(c);
        c->in = in;
        c->out = out;
    }
    if (status == RT_OK && !rt_failed())
        status = narrow(c, list);
    if (list != few)
        rt_mem_free(list);
    return status;
}

/* A table has kernels for 16-bit floats only where that pays. A run that meets a missing one is repeated in float32, with the same
 * random numbers. */
static rt_status run_halves(rt_call *c)
{
    rt_exec *e = rt_exec_of(c);
    rt_rng rng = rt__thread.rng;
    rt_status status = run_once(c);
    if (status != RT_OK || !e->missing)
        return status;
    e->missing = NULL;
    rt__thread.rng = rng;
    return run_wide(c);
}

/* Runs the operation; *missing: a kernel that the table lacks, or NULL. e->missing is restored, because an operation that calls
 * this one checks it for itself. */
static inline rt_status try_kernels(frame *f, const char **missing)
{
    const char *outer = f->exec->missing;
    f->exec->missing = NULL;
    rt_status status = f->halves ? run_halves(&f->call) : run_once(&f->call);
    *missing = f->exec->missing;
    f->exec->missing = outer;
    return status;
}

static inline __attribute__((always_inline)) rt_status run_here(frame *f)
{
    const char *missing;
    rt_status status = try_kernels(f, &missing);
    return missing && status == RT_OK ? refuse_missing(&f->call, missing) : status;
}

/* Runs with copies on the CPU, because the inputs' device lacks this kernel. */
static rt_status fall_back(frame *f, const char *kernel)
{
    rt_call *c = &f->call;
    rt_gpu *gpu = f->gpu;
    rt__fallback b;
    rt_status status = rt__fallback_begin(&b, c, gpu, kernel);
    f->gpu = NULL;
    f->exec = rt_exec_cpu();
    if (status == RT_OK)
        status = run_here(f);
    f->gpu = gpu;
    f->exec = rt_exec_gpu(gpu);
    return rt__fallback_end(&b, c, status);
}

/* Runs on a device other than the CPU. */
static __attribute__((noinline)) rt_status run_there(frame *f)
{
    const char *missing = f->call.op->name;
    rt_rng rng = rt__thread.rng;
    if (f->call.op->on_device) {
        rt_status status = try_kernels(f, &missing);
        if (!missing || status != RT_OK)
            return status;
    }
    rt__thread.rng = rng; /* repeated with the same random numbers */
    return fall_back(f, missing);
}

static rt_status run(rt_call *c)
{
    if (is_view(c->op))
        return RT_OK;
    rt_thread *t = &rt__thread;
    bool no_grad = t->no_grad;
    t->no_grad = true;
    frame *f = (frame *)c;
    rt_status status = f->gpu ? run_there(f) : run_here(f);
    t->no_grad = no_grad;
    if (status == RT_OK)
        status = rt_error_code();
    return status;
}

static rt_status infer(rt_call *c)
{
    rt_scope s = {rt__thread.count};
    rt_status status = c->op->infer(c);
    if (rt__thread.count > s.mark)
        rt_scope_end(s);
    if (status != RT_OK)
        return status;
    if (c->n_out == RT_MANY && !rt_failed())
        return RT_FAIL(INTERNAL, "%s: infer did not say how many results there are", c->op->name);
    return rt_error_code();
}

/* The steps of a call: infer, allocate, run, record. */
static rt_status compute(rt_call *c, rt_tensor *place)
{
    RT_TRY(infer(c));
    RT_TRY(make_results(c, c->n_out == 1 ? place : NULL));
    if (is_view(c->op) && !c->recorded)
        return RT_OK;
    rt_scope s = {rt__thread.count};
    rt_status status = run(c);
    if (status == RT_OK)
        status = rt__check_result_values(c);
    if (status == RT_OK && c->recorded)
        status = rt__node_record(c);
    if (rt__thread.count > s.mark) /* most operations create no other objects */
        rt_scope_end(s);
    return status;
}

/* Ends a scope, handing the results to the enclosing one. */
static void hand_over(rt_call *c, rt_scope s)
{
    for (int k = 0; k < c->n_out; k++)
        rt_keep(c->out[k]);
    rt_scope_end(s);
    for (int k = 0; k < c->n_out; k++)
        c->out[k] = rt__scope_own(c->out[k]);
}

static rt_status compose(rt_call *c)
{
    rt_scope s = rt_scope_begin();
    c->op->compose(c);
    if (c->n_out == RT_MANY)
        RT_FAIL(INTERNAL, "%s: compose did not say how many results there are", c->op->name);
    for (int k = 0; k < c->n_out; k++)
        if (!c->out[k])
            RT_FAIL(INTERNAL, "%s: compose made no result %d", c->op->name, k);
    hand_over(c, s);
    return rt_error_code();
}

/* Makes sure that the message of a failed operation names it: its user knows none of those that it is made of. */
static void name_operation(const rt_op *op)
{
    const char *text = rt_error();
    size_t length = strlen(op->name);
    length -= op->writes && op->name[length - 1] == '_'; /* relu_ calls itself relu */
    bool named = strncmp(text, op->name, length) == 0 && !isalnum((unsigned char)text[length]) &&
                 text[length] != '_';
    if (!named && rt_status_exit_code(rt_error_code()) == 2) /* a mistake of the user */
        rt_error_prefix("%s", op->name);
}

/* ---- the dispatcher ---- */

bool rt__op_fits(const rt_op *op)
{
    if (!op->compose && !op->infer)
        return false;
    /* cannot be a view */
    if (!op->compose && !op->run && (op->n_in == 0 || op->n_out > 1))
        return false;
    return (unsigned)op->n_saved <= RT_SAVED_MAX && op->plan_size <= RT_PLAN_MAX &&
           op->n_in >= RT_MANY && op->n_out >= RT_MANY;
}

static void frame_begin(frame *f, const rt_op *op, const void *args)
{
    rt_call *c = &f->call;
    bool many = op->n_in == RT_MANY;
    f->more = NULL;
    f->given = f->few_given;
    f->halves = false;
    *c = (rt_call){.op = op, .args = args, .spec = f->spec, .out = f->out, .saved = f->saved};
    c->plan = f->plan;
    c->in = many ? ((const rt__input_list *)args)->in : args;
    c->n_in = many ? (int)((const rt__input_list *)args)->count : op->n_in;
    c->n_out = RT_MANY; /* until make_room */
    for (int k = 0; k < FEW; k++)
        f->out[k] = NULL;
    for (int k = 0; k < op->n_saved; k++)
        f->saved[k] = NULL;
    if (op->plan_size)
        memset(f->plan, 0, op->plan_size);
}

static inline rt_status carry_out(frame *f, rt_tensor *place)
{
    rt_call *c = &f->call;
    if (c->op->n_out != RT_MANY)
        RT_TRY(make_room(f, c->op->n_out ? c->op->n_out : 1));
    if (c->op->n_in == RT_MANY)
        RT_TRY(rt__check_input_list(c->op, c->args));
    bool wanted = false;
    RT_TRY(check_inputs(c, &wanted, &f->halves));
    c->recorded = wanted && c->op->backward && !rt__thread.no_grad;
    if (c->op->n_fields > c->op->n_in)
        RT_TRY(rt__check_values(c->op, c->args));
    rt__trace_op(&rt__thread, c->op->name);
    const char *caller = rt__thread.op;
    rt__thread.op = c->op->name;
    rt_gpu *outer = rt__thread.gpu;
    if (f->gpu || outer) { /* tensors made for the call lie on its inputs' device */
        f->exec = rt__exec_on(f->gpu);
        rt__thread.gpu = f->gpu;
    }
    rt_status status = c->op->compose ? compose(c) : compute(c, place);
    if (status != RT_OK && !caller)
        name_operation(c->op);
    rt__thread.gpu = outer;
    rt__thread.op = caller;
    return status;
}

static rt_status apply(frame *f, const rt_op *op, const void *args);

/* Starts over with inputs converted to f->as. */
static rt_status apply_converted(frame *f)
{
    const rt_op *op = f->call.op;
    rt_scope s = rt_scope_begin();
    void *args = rt__args_converted(&f->call, f->as);
    rt_mem_free(f->more);
    rt_status status = args ? apply(f, op, args) : rt_error_code();
    if (status != RT_OK)
        f->call.n_out = 0;
    hand_over(&f->call, s);
    rt_mem_free(args);
    return status;
}

static rt_status apply(frame *f, const rt_op *op, const void *args)
{
    rt_tensor *place = rt__thread.aim;
    rt__thread.aim = NULL;
    if (rt_failed() || !(f->exec = rt_exec_cpu()))
        return rt_error_code();
    if (!op || !args)
        return RT_FAIL(ARG, "apply: %s is missing (NULL)",
                       op ? "the argument struct" : "the operation");
    if (!rt__op_fits(op)) /* it may never have been registered */
        return RT_FAIL(ARG, "%s: the operation is incomplete: rt_op_register says what it lacks",
                       op->name ? op->name : "apply");
    frame_begin(f, op, args);
    rt_status status = carry_out(f, place);
    if (status == RT_OK)
        return RT_OK;
    if (status == NEEDS_CONVERSION)
        return apply_converted(f);
    rt_mem_free(f->more);
    return rt_failed()
               ? status
               : rt_fail_at(__FILE__, __LINE__, status, "%s failed and did not say why", op->name);
}

rt_tensor *rt_apply(const rt_op *op, const void *args)
{
    frame f;
    if (apply(&f, op, args) != RT_OK)
        return NULL;
    if (f.call.n_out == 1)
        return f.call.out[0];
    rt_mem_free(f.more);
    return RT_FAIL_NULL(ARG, "%s has %d results: call rt_apply_all", op->name, f.call.n_out);
}

rt_status rt_apply_all(const rt_op *op, const void *args, rt_tensor **out, int count)
{
    frame f;
    if (count < 0 || (count > 0 && !out))
        return RT_FAIL(ARG, "apply_all: there is no room for %d results", count);
    for (int k = 0; k < count; k++)
        out[k] = NULL;
    if (apply(&f, op, args) != RT_OK)
        return rt_error_code();
    if (f.call.n_out != count)
        RT_FAIL(ARG, "%s has %d results, but there is room for %d", op->name, f.call.n_out, count);
    for (int k = 0; k < count && !rt_failed(); k++)
        out[k] = f.call.out[k];
    rt_mem_free(f.more);
    return rt_error_code();
}

rt_tensor **rt__apply_any(const rt_op *op, const void *args, int *count)
{
    frame f;
    *count = 0;
    if (apply(&f, op, args) != RT_OK)
        return NULL;
    rt_tensor **out = rt_calloc((size_t)f.call.n_out, sizeof *out);
    if (out && f.call.n_out > 0)
        memcpy(out, f.call.out, (size_t)f.call.n_out * sizeof *out);
    if (out)
        *count = f.call.n_out;
    rt_mem_free(f.more);
    return out;
}

int rt__apply_many(const rt_op *op, const void *args, rt_tensor **out, int room)
{
    frame f;
    if (room < 0 || (room > 0 && !out))
        return RT_FAIL(ARG, "%s: there is no room for %d results", op->name, room), 0;
    for (int k = 0; k < room; k++)
        out[k] = NULL;
    if (apply(&f, op, args) != RT_OK)
        return 0;
    int count = f.call.n_out;
    if (count > room)
        RT_FAIL(ARG, "%s makes %d results, but there is room for %d", op->name, count, room);
    for (int k = 0; k < count && count <= room; k++)
        out[k] = f.call.out[k];
    rt_mem_free(f.more);
    return count <= room ? count : 0;
}
