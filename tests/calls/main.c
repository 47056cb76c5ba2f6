/* Calls random operations by name with random tensors and values, right and wrong, until the time is over or something is wrong:
 *
 *     calls --seconds 3600            an hour; --seed 7: other calls, by default those of RINGTORCH_TEST_SEED
 *     calls --seed 7 --call 12345     one of them again, with what is passed to it
 *
 * A call is done or refused with a message that names the operation. It leaves no object, its results can be read, and have the same values
 * on another number of threads. It is also differentiated, twice, and done in place, on arguments that share memory, in several threads at
 * once, without recording, with checked values, and while memory runs out. Sanitizers see more here than these checks do, so this is
 * a program of the asan build. Each call depends on the seed and its number alone. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/kernels.h"
#include "odd_tensors.h"
#include "odd_values.h"
#include "worker/engine/autograd/checked.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/autograd/schema.h"
#include <inttypes.h>
#include <pthread.h>
#include <ringtorch/checks.h>
#include <ringtorch/random.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    ROOM = MOST_INPUTS + 2,
    THREADS = 3,
    HANGS = 600,         /* seconds */
    MOST_BYTES = 1 << 26 /* of a result that is read */
};

typedef struct options {
    double seconds;
    uint64_t seed;
    int64_t call; /* the only one, or -1 */
} options;

static options given = {.seconds = 60, .call = -1};
static int operations;
static _Atomic int64_t done_calls;
static atomic_bool was_done[4096];

/* ---- when something is wrong ---- */

static char where[200];
static bool finished;

static void say_where(void)
{
    if (!finished && write(STDERR_FILENO, where, strlen(where)) < 0)
        _exit(1);
}

static void on_signal(int number)
{
    say_where();
    signal(number, SIG_DFL);
    raise(number);
}

#ifdef __SANITIZE_ADDRESS__
void __sanitizer_set_death_callback(void (*callback)(void));
#endif

static void watch(void)
{
    atexit(say_where);
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal); /* a call hangs */
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_set_death_callback(say_where);
#else
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGFPE, on_signal);
#endif
}

/* ---- a call ---- */

typedef struct one_call {
    const rt_op *op;
    rt__named given[ROOM];
    char names[ROOM][80];
    int n;
    json_t *values;
    bool inference, recording, checked; /* nothing may want a gradient; values are checked */
    bool alone;                         /* no other thread runs */
    bool gradients; /* messages may be about a gradient, not about the operation */
} one_call;

static void describe(const one_call *c, FILE *to)
{
    char *text = c->values ? json_dumps(c->values, JSON_ENCODE_ANY) : NULL;
    fprintf(to, "%s %.2000s\n", c->op->name, text ? text : "(no values)");
    free(text);
    for (int i = 0; i < c->n; i++) {
        const rt_tensor *x = c->given[i].x;
        fprintf(to, "  %s: %s", c->given[i].name, x ? rt_describe(x) : "NULL");
        for (int d = 0; x && d < x->dims.n; d++)
            fprintf(to, "%s%" PRId64, d ? "," : ", strides ", x->stride[d]);
        fprintf(to, "\n");
    }
}

__attribute__((format(printf, 2, 3))) static void wrong(const one_call *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "wrong: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    describe(c, stderr);
    abort();
}

/* Makes mistakes in the names of tensors. */
static void spoil_names(one_call *c)
{
    static const char *const names[] = {"", "y", "grad_out", "grad_out.0", "xs.7", "x.-1", "\xff"};
    int i = (int)below(ROOM);
    if (i >= c->n && c->n < ROOM) {
        i = c->n++;
        c->given[i] = (rt__named){c->names[i], any_tensor(any_shape(), (rt_dtype)below(RT_DTYPES))};
    }
    if (i < c->n)
        snprintf(c->names[i], sizeof c->names[i], "%s",
                 below(3) ? names[below(COUNT(names))] : c->names[below(c->n)]);
}

/* Fills *c, whose names its tensors point to. */
static void any_call(one_call *c)
{
    *c = (one_call){.op = rt_op_at((int)below(operations))};
    c->n = any_inputs(c->op, c->given, c->names);
    for (int i = 0; i < c->n; i++)
        if (below(2))
            c->given[i].x = any_disguise(c->given[i].x, i > 0 ? c->given[below(i)].x : NULL);
    if (below(24) == 0)
        spoil_names(c);
    c->values = any_values(c->op);
    for (int64_t k = below(6) ? 0 : 1 + below(2); k > 0 && json_is_object(c->values); k--)
        c->values = spoiled(c->op, c->values);
}

/* Fails unless the call was done, or refused as a user's mistake or for what the machine or the checks say. */
static void check_status(const one_call *c, rt_status status)
{
    if (rt_failed() != (status != RT_OK))
        wrong(c, "status %s, but the error is '%s'", rt_status_name(status), rt_error());
    bool users = rt_status_exit_code(status) == 2, memory = status == RT_E_NOMEM;
    if (status != RT_OK && !users && !memory && !(status == RT_E_NUMERIC && c->checked))
        wrong(c, "%s: %s", rt_status_name(status), rt_error());
    size_t name = strlen(c->op->name);
    name -= c->op->writes && c->op->name[name - 1] == '_'; /* relu_ calls itself relu */
    if (users && !c->gradients && !memmem(rt_error(), strlen(rt_error()), c->op->name, name))
        wrong(c, "the message does not name %s: %s", c->op->name, rt_error());
}

static bool is_readable(const rt_tensor *x)
{
    return x->numel < MOST_BYTES / (int64_t)rt_dtype_size(x->dtype);
}

/* Reads all of a result. */
static void check_result(const one_call *c, const rt_tensor *x)
{
    if (x->numel != rt__dims_numel(x->dims, "result") ||
        (x->numel > 0 && !rt__tensor_has_window(x, x->dtype, x->dims, x->stride, 0)))
        wrong(c, "the result %s lies outside of its memory", rt_describe(x));
    if (!is_readable(x))
        return;
    size_t bytes = (size_t)x->numel * rt_dtype_size(x->dtype), odd = 0;
    unsigned char *copy = malloc(bytes + 1);
    if (rt_copy_out(x, copy) != RT_OK)
        wrong(c, "the result %s cannot be read: %s", rt_describe(x), rt_error());
    for (size_t i = 0; i < bytes && x->dtype == RT_BOOL; i++)
        odd += copy[i] > 1;
    free(copy);
    if (odd)
        wrong(c, "the result %s has bytes other than 0 and 1", rt_describe(x));
}

/* Returns whether two results are the same, where any NaN equals any other. */
static bool are_same(rt_tensor *a, rt_tensor *b)
{
    if (a->dtype != b->dtype || !rt__dims_equal(a->dims, b->dims))
        return false;
    if (!is_readable(a))
        return true;
    bool half = rt__is_half(a->dtype);
    a = rt_contiguous(half ? rt_to(a, RT_F32) : a);
    b = rt_contiguous(half ? rt_to(b, RT_F32) : b);
    if (!a || !b)
        return true;
    if (memcmp(a->data, b->data, (size_t)a->numel * rt_dtype_size(a->dtype)) == 0)
        return true;
    for (int64_t i = 0; i < a->numel; i++) {
        double v = rt__element(a, i), w = rt__element(b, i);
        if (!(v == w || (v != v && w != w)))
            return false;
    }
    return rt__dtype_has_gradient(a->dtype);
}

/* ---- ways to call ---- */

/* embedding shortens the rows of its table, so the second time it may find others. */
static bool is_repeatable(const rt_op *op)
{
    return strncmp(op->name, "embedding", 9) != 0;
}

/* The same again on another number of threads. */
static void check_again(const one_call *c, bool gradients, const rt__named_list *first,
                        uint64_t seek)
{
    rt__named_list again;
    int threads = rt_exec_cpu()->threads;
    rt_kernels_set_threads(1 + threads % THREADS);
    rt_random_seek(seek, 0, 0);
    rt_status status = rt__call_by_name(c->op, c->given, c->n, c->values, gradients, &again);
    rt_kernels_set_threads(threads);
    if (status == RT_E_NOMEM)
        return;
    if (status != RT_OK || again.count != first->count)
        wrong(c, "once it was done, once it gives %d results of %d: %s", again.count, first->count,
              rt_error());
    for (int i = 0; i < again.count; i++)
        if (!are_same(first->item[i].x, again.item[i].x))
            wrong(c, "%s has other values on another number of threads", again.item[i].name);
    rt__named_list_release(&again);
}

static rt_status by_name(one_call *c)
{
    rt__named_list out;
    bool gradients = c->gradients = c->recording && below(3) == 0;
    bool starved = c->alone && below(12) == 0;
    uint64_t seek = random_bits(&rng);
    rt_random_seek(seek, 0, 0);
    if (starved) {
        rt_memory_trim(); /* so that blocks are requested from the system */
        rt_mem_fail_after(below(30));
    }
    rt_status status = rt__call_by_name(c->op, c->given, c->n, c->values, gradients, &out);
    rt_mem_fail_after(-1);
    if (status != RT_OK && out.count != 0)
        wrong(c, "refused with %d results", out.count);
    for (int i = 0; i < out.count; i++)
        check_result(c, out.item[i].x);
    if (status == RT_OK && c->alone && !c->checked && below(3) == 0 && is_repeatable(c->op))
        check_again(c, gradients, &out, seek);
    rt__named_list_release(&out);
    return status;
}

/* Puts the tensors in the order of the rows; returns how many, or -1 if a name is wrong. */
static int in_order(const one_call *c, rt_tensor *in[ROOM])
{
    memset(in, 0, ROOM * sizeof *in);
    for (int i = 0; i < c->n; i++) {
        int k = c->op->n_in == RT_MANY ? i : 0;
        while (c->op->n_in != RT_MANY && k < c->op->n_in &&
               strcmp(c->op->fields[k].name, c->given[i].name) != 0)
            k++;
        if (c->op->n_in != RT_MANY && k == c->op->n_in)
            return -1;
        in[k] = c->given[i].x;
    }
    return c->op->n_in == RT_MANY ? c->n : c->op->n_in;
}

/* Makes some float inputs leaves. */
static int make_leaves(int n, rt_tensor **in, rt_tensor *leaf[ROOM])
{
    int wanted = 0;
    for (int i = 0; i < n; i++)
        if (in[i] && rt__dtype_has_gradient(in[i]->dtype) && below(4)) {
            rt_tensor *x = rt_param(rt_detach(in[i]));
            if (!x)
                continue;
            rt_free(x); /* the scope owns it as well */
            leaf[wanted++] = in[i] = x;
        }
    return wanted;
}

/* Returns the sum of what has a gradient, each element with a weight; NULL if nothing has. */
static rt_tensor *loss_of(rt_tensor *const *y, int n)
{
    rt_tensor *loss = NULL;
    for (int k = 0; k < n && !rt_failed(); k++) {
        if (!y[k] || !rt_requires_grad(y[k]))
            continue;
        rt_tensor *w = rt_to(rt_uniform(y[k]->dims, -1, 1), y[k]->dtype);
        rt_tensor *part = rt_to(rt_sum(rt_real(rt_mul(y[k], w))), RT_F64);
        loss = loss ? rt_add(loss, part) : part;
    }
    return loss;
}

static void differentiate(const one_call *c, rt_tensor *const *y, int n, rt_tensor *const *leaf,
                          int wanted)
{
    rt_tensor *dx[2][ROOM], *loss = loss_of(y, n);
    for (int order = 0; order < 2 && loss && wanted > 0 && !rt_failed(); order++) {
        rt_grad(loss, .inputs = leaf, .count = wanted, .out = dx[order], .create_graph = !order);
        for (int i = 0; i < wanted && !rt_failed(); i++) {
            check_result(c, dx[order][i]);
            if (!rt__dims_equal(dx[order][i]->dims, leaf[i]->dims) ||
                dx[order][i]->dtype != leaf[i]->dtype)
                wrong(c, "gradient %d is %s, of %s", i, rt_describe(dx[order][i]),
                      rt_describe(leaf[i]));
        }
        loss = order == 0 ? loss_of(dx[0], wanted) : NULL;
    }
}

/* By the argument struct: recorded, or in place on the first tensor, which others may share memory with. Then twice backward. */
static rt_status by_struct(const one_call *c)
{
    rt_tensor *in[ROOM], *leaf[ROOM];
    int n = in_order(c, in), count = 0;
    if (n < 1)
        return RT_OK;
    int wanted = c->inference ? 0 : make_leaves(n, in, leaf);
    bool in_place = c->op->writes || (c->op->run && c->op->n_in > 0 && below(3) == 0);
    if (in_place && in[0] && rt__leaf_of(in[0]))
        in[0] = rt_mul_scalar(in[0], 1);
    void *args = rt_failed() ? NULL : rt__args_from_json(c->op, in, n, c->values);
    if (!args)
        return rt_error_code();
    rt_tensor *only[1], **out = only;
    if (in_place && !c->op->writes)
        count = (only[0] = rt_apply_in_place(c->op, args)) != NULL;
    else
        out = rt__apply_any(c->op, args, &count);
    rt_mem_free(args);
    rt_status status = rt_error_code();
    for (int i = 0; i < count && status == RT_OK; i++)
        check_result(c, out[i]);
    if (status == RT_OK)
        differentiate(c, out, count, leaf, wanted);
    if (out != only)
        rt_mem_free(out);
    if (status == RT_OK && rt_failed()) { /* a gradient was refused, by an operation in it */
        if (rt_error_code() == RT_E_INTERNAL)
            wrong(c, "backward: %s", rt_error());
        rt_error_clear();
    }
    return status;
}

/* ---- one number ---- */

static void call_in_scope(uint64_t key, bool alone)
{
    rng = key;
    rt_scope s = rt_scope_begin();
    one_call c;
    any_call(&c);
    c.alone = alone;
    if (given.call >= 0)
        describe(&c, stderr);
    rt_grad_mode mode = below(8) ? RT_GRAD_ON : below(2) ? RT_GRAD_OFF : RT_GRAD_INFERENCE;
    rt_value_checks checks = {below(2), below(2), below(2) ? 100 : 0};
    c.checked = below(10) == 0;
    c.recording = mode == RT_GRAD_ON;
    c.inference = mode == RT_GRAD_INFERENCE;
    mode = rt_set_grad_mode(mode);
    checks = rt_check_values(c.checked ? checks : (rt_value_checks){0});
    rt_status status = below(2) ? by_name(&c) : by_struct(&c);
    check_status(&c, status);
    rt_check_values(checks);
    rt_set_grad_mode(mode);
    if (given.call >= 0)
        fprintf(stderr, "%s\n", status == RT_OK ? "done" : rt_error());
    done_calls += status == RT_OK;
    for (int i = 0; i < operations && status == RT_OK; i++)
        if (rt_op_at(i) == c.op)
            was_done[i] = true;
    rt_error_clear();
    json_decref(c.values);
    rt_scope_end(s);
}

static void *call_in_thread(void *key)
{
    call_in_scope(*(const uint64_t *)key, false);
    return NULL;
}

/* Chooses the instruction set, the provider of matrix products and the number of threads. */
static void choose_machine(void)
{
    char levels[64];
    const char *level = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    int64_t skip = below(6);
    for (char *rest = levels, *name; skip >= 0 && (name = strsep(&rest, " ")); skip--)
        level = skip == 0 ? name : NULL;
    rt_kernels_init(level, below(2) ? "builtin" : NULL);
    rt_kernels_set_threads(1 + (int)below(THREADS));
}

static void call_number(int64_t n)
{
    int64_t live = rt_live_objects();
    uint64_t state = given.seed * 0x100000001b3u ^ (uint64_t)n;
    snprintf(where, sizeof where,
             "to repeat it: tools/calls --seed %" PRIu64 " --call %" PRId64 "\n", given.seed, n);
    alarm(HANGS);
    rng = random_bits(&state);
    choose_machine();
    int threads = below(16) ? 1 : 2 + (int)below(THREADS - 1);
    uint64_t key[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < threads; i++)
        key[i] = random_bits(&state);
    if (threads == 1)
        call_in_scope(key[0], true);
    for (int i = 0; i < threads && threads > 1; i++)
        pthread_create(&thread[i], NULL, call_in_thread, &key[i]);
    for (int i = 0; i < threads && threads > 1; i++)
        pthread_join(thread[i], NULL);
    alarm(0);
    if (rt_live_objects() != live) {
        fprintf(stderr, "wrong: %" PRId64 " objects are left\n", rt_live_objects() - live);
        abort();
    }
}

/* ---- the program ---- */

static bool parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--seconds") == 0)
            given.seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            given.seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--call") == 0)
            given.call = strtoll(argv[i + 1], NULL, 10);
        else
            return false;
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    given.seed = random_seed("calls");
    if (!parse(argc, argv))
        return fprintf(stderr, "usage: calls [--seconds N] [--seed SEED] [--call NUMBER]\n"), 2;
    while (rt_op_at(operations))
        operations++;
    watch();
    double began = rt_clock(), told = began, slowest = 0;
    int64_t calls = 0, slow = 0;
    if (given.call >= 0)
        call_number(given.call), calls++;
    for (; given.call < 0 && rt_clock() - began < given.seconds; calls++) {
        double from = rt_clock();
        call_number(calls);
        double took = rt_clock() - from;
        slow = took > slowest ? calls : slow;
        slowest = took > slowest ? took : slowest;
        if (rt_clock() - told > 60) {
            told = rt_clock();
            fprintf(stderr, "%.0f s: %" PRId64 " calls\n", told - began, calls);
        }
    }
    int different = 0;
    for (int i = 0; i < operations; i++)
        different += was_done[i];
    printf("%" PRId64 " calls, %" PRId64 " of them done, of %d of %d operations; number %" PRId64
           " took %.1f s\n",
           calls, done_calls, different, operations, slow, slowest);
    snprintf(where, sizeof where, "calls: something is left at the end\n");
    rt_shutdown();
    if (rt_live_objects() != 0 || rt_mem_live() != 0)
        return 1;
    finished = true;
    return 0;
}
