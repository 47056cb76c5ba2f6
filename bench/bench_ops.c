/* Times operations by their names, for a program that times the same ones elsewhere (bench/vs_torch/ops.py): it is told on
 * standard input what to do, one order a line, and answers each with one line.
 *
 *     load FILE            a request as `ringtorch op` takes it (its --help says how): tensors, operation, other arguments; and as
 *                          metadata "params", the names of the tensors that get a gradient, each with a comma behind it
 *     forward SECONDS      calls it for that long, recording nothing
 *     backward SECONDS     the same with those gradients, for a dense gradient of the first result that has one
 *
 * The answer to load is what computes ("avx2, OpenBLAS 0.3.21 Zen"), to the others the nanoseconds of a call and its first result
 * ("52341.5 float32[512,512] cpu"). It is the processor's time, not the clock's, of the fastest batch of calls, because other load on the
 * machine only slows runs down. What fails is answered with "error: " and the reason. Arguments are read once; a call is what a C program's
 * call is. It computes with the threads that OMP_NUM_THREADS says. */
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/autograd/schema.h"
#include <ringtorch/formats.h>
#include <ringtorch/ringtorch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TENSORS = 16 };

/* What was loaded; its tensors belong to the scope. */
typedef struct request {
    rt_scope scope;
    const rt_op *op;
    rt_tensor *in[TENSORS];
    int n_in;
    rt_tensor *param[TENSORS]; /* those of `in` that get a gradient */
    int n_param;
    rt_tensor *dy;   /* made by the first backward */
    char first[160]; /* what the first result is */
    void *args;      /* owned */
    json_t *values;  /* owned; args borrows its texts */
} request;

/* ---- loading ---- */

/* Returns the place of a tensor among the inputs, or -1. */
static int place_of(const rt_op *op, const char *name)
{
    if (op->n_in == RT_MANY) {
        const char *dot = strrchr(name, '.');
        return dot ? (int)strtol(dot + 1, NULL, 10) : -1;
    }
    for (int i = 0; i < op->n_in; i++)
        if (strcmp(op->fields[i].name, name) == 0)
            return i;
    return -1;
}

/* Returns whether the list "x,weight," has the name. */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = list; at && *at; at = strchr(at, ',') + 1)
        if (strncmp(at, name, n) == 0 && at[n] == ',')
            return true;
    return false;
}

static rt_status take_tensors(request *q, const rt_st_reader *r)
{
    const char *params = rt_st_get_metadata(r, "params");
    q->n_in = q->op->n_in == RT_MANY ? (int)rt_st_count(r) : q->op->n_in;
    for (int64_t i = 0; i < rt_st_count(r); i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        int at = place_of(q->op, e->name);
        if (at < 0 || at >= TENSORS || at >= q->n_in)
            return RT_FAIL(ARG, "%s takes no tensor '%.60s'", q->op->name, e->name);
        rt_tensor *x = rt_from(e->data, e->shape, e->dtype);
        if (!x)
            return rt_error_code();
        if (is_listed(params, e->name)) {
            q->param[q->n_param++] = rt_param(x);
            rt_free(x); /* drops rt_param's reference: the scope owns it as well */
        }
        q->in[at] = x;
    }
    return rt_error_code();
}

static rt_status fill(request *q, const rt_st_reader *r)
{
    const char *name = rt_st_get_metadata(r, "op"), *args = rt_st_get_metadata(r, "args");
    q->op = name ? rt_op_find(name) : NULL;
    if (!q->op)
        return RT_FAIL(ARG, "there is no operation '%.60s'", name ? name : "");
    RT_TRY(take_tensors(q, r));
    if (args)
        RT_TRY(rt_json_parse(args, strlen(args), "args", &q->values));
    q->args = rt__args_from_json(q->op, q->in, q->n_in, q->values);
    return rt_error_code();
}

static void drop(request *q)
{
    rt_mem_free(q->args);
    json_decref(q->values);
    rt_free(q->dy);
    if (q->op)
        rt_scope_end(q->scope);
    *q = (request){0};
}

static rt_status load(request *q, const char *path)
{
    rt_st_reader *r;
    drop(q);
    RT_TRY(rt_st_open(path, &r));
    q->scope = rt_scope_begin();
    rt_status status = fill(q, r);
    rt_st_close(r);
    return status;
}

/* ---- timing ---- */

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void call_forward(request *q)
{
    int n = 0;
    bool former = rt_no_grad_begin();
    rt_tensor **out = rt__apply_any(q->op, q->args, &n);
    if (out && !q->first[0])
        snprintf(q->first, sizeof q->first, "%s", rt_describe(out[0]));
    rt_mem_free(out);
    rt_no_grad_end(former);
}

static void differentiate(request *q, rt_tensor *y)
{
    rt_tensor *dx[TENSORS];
    if (!q->dy) { /* it outlives the scope of this call */
        q->dy = rt_keep(rt_to(rt_rand(rt_dims_of(y)), rt_dtype_of(y)));
        if (!q->dy)
            return;
    }
    rt_grad(y, q->param, q->n_param, dx, .grad = q->dy);
}

static void call_backward(request *q)
{
    int n = 0;
    rt_tensor **out = rt__apply_any(q->op, q->args, &n), *y = NULL;
    for (int i = n - 1; i >= 0 && out; i--)
        y = out[i] && rt_requires_grad(out[i]) ? out[i] : y;
    if (y)
        differentiate(q, y);
    else if (!rt_failed())
        RT_FAIL(UNSUPPORTED, "%s: no result has a gradient", q->op->name);
    rt_mem_free(out);
}

typedef void call_fn(request *q);

/* Returns the seconds of that many calls. */
static double batch(request *q, call_fn *call, int64_t count)
{
    double start = processor_time();
    for (int64_t i = 0; i < count && !rt_failed(); i++) {
        rt_scope s = rt_scope_begin();
        call(q);
        rt_scope_end(s);
    }
    return processor_time() - start;
}

/* Calls for `seconds`, in batches of a millisecond or more. Returns the nanoseconds of a call in the fastest one. */
static double measure(request *q, call_fn *call, double seconds)
{
    double spent = 0, best = 1e300;
    int64_t count = 1;
    while (spent < seconds && !rt_failed()) {
        double t = batch(q, call, count);
        if (t < 1e-3 && count < 1 << 20) {
            count *= 2;
            continue; /* that was to warm up, and is not counted */
        }
        spent += t;
        best = t / (double)count < best ? t / (double)count : best;
    }
    return best * 1e9;
}

/* ---- orders ---- */

static rt_status obey(request *q, const char *order, const char *what)
{
    if (strcmp(order, "load") == 0) {
        RT_TRY(load(q, what));
        printf("%s, %s\n", rt_isa(), rt_blas());
        return RT_OK;
    }
    bool backward = strcmp(order, "backward") == 0;
    if (!backward && strcmp(order, "forward") != 0)
        return RT_FAIL(ARG, "'%s': expected load, forward or backward", order);
    if (!q->args)
        return RT_FAIL(ARG, "%s: nothing is loaded", order);
    char *end;
    double seconds = strtod(what, &end);
    if (end == what || *end)
        return RT_FAIL(ARG, "%s: '%.60s' is no number of seconds", order, what);
    double ns = measure(q, backward ? call_backward : call_forward, seconds);
    RT_TRY(rt_error_code());
    printf("%.1f %s\n", ns, q->first);
    return RT_OK;
}

int main(int argc, char **argv)
{
    static request q;
    char line[4096];
    if (argc > 1) {
        fputs("usage: bench_ops < ORDERS    (load FILE, forward SECONDS, backward SECONDS; see "
              "bench/bench_ops.c)\n",
              strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    if (rt_init("cpu") != RT_OK) {
        fprintf(stderr, "bench_ops: %s\n", rt_error());
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *what = strchr(line, ' ');
        if (what)
            *what++ = 0;
        if (obey(&q, line, what ? what : "") != RT_OK)
            printf("error: %s\n", rt_error());
        rt_error_clear();
        fflush(stdout);
    }
    drop(&q);
    return rt_shutdown();
}
