/* Tests of half types, which are stored as halves and computed in float32. The result of an operation is that for the same numbers in
 * float32, rounded once; in an operation made of others, each of those rounds. The same holds for gradients. */
#include "any_call.h"

#include "common/base/mem.h"
#include "worker/engine/autograd/schema.h"
#include <math.h>
#include <ringtorch/random.h>

enum {
    CALLS = 60 /* of each operation */,
    MOST_CALLS = 5000 /* until one is valid */,
    MOST_ELEMENTS = 1 << 16,
    FAR = 1 << 12
};

/* A call with tensors of a half type, and the same numbers in float32. */
typedef struct both {
    rt__named half[MOST_INPUTS + 1], wide[MOST_INPUTS + 1];
    char names[MOST_INPUTS][80];
    int n;
    json_t *values;
} both;

/* Fills *b, whose names its tensors point to. */
static void any_both(const rt_op *op, rt_dtype type, both *b)
{
    *b = (both){0};
    b->n = any_inputs(op, b->half, b->names);
    for (int i = 0; i < b->n; i++) {
        rt_tensor *x = b->half[i].x;
        if (rt__dtype_is_float(x->dtype))
            x = rt_to(x, type);
        b->half[i] = (rt__named){b->names[i], x};
        b->wide[i] = (rt__named){b->names[i], rt__is_half(x->dtype) ? rt_to(x, RT_F32) : x};
    }
    b->values = any_values(op);
}

static bool same_bits(rt_tensor *a, rt_tensor *b)
{
    size_t bytes = (size_t)a->numel * rt_dtype_size(a->dtype);
    char *copy = rt_malloc(2 * bytes + 1);
    rt_copy_out(a, copy);
    rt_copy_out(b, copy + bytes);
    bool same = memcmp(copy, copy + bytes, bytes) == 0;
    rt_mem_free(copy);
    return same;
}

/* Returns whether two tensors agree within some units in the last place of the largest value. An infinite half is accepted for values
 * beyond FAR, because an intermediate value may exceed the half type. */
static bool are_close(rt_tensor *half, rt_tensor *wide, double unit)
{
    wide = rt_contiguous(rt_to(rt_to(wide, half->dtype), RT_F32));
    half = rt_contiguous(rt_to(half, RT_F32));
    const float *h = rt_f32(half), *w = rt_f32(wide);
    double most = 1;
    for (int64_t i = 0; i < half->numel; i++)
        most = isfinite(w[i]) ? fmax(most, fabs(w[i])) : most;
    for (int64_t i = 0; i < half->numel; i++)
        if (isfinite(w[i]) && !(isinf(h[i]) && fabs(w[i]) > FAR) &&
            !(fabs((double)h[i] - w[i]) <= 64 * unit * most))
            return false;
    return true;
}

/* Returns whether results can be compared. Where a difference is divided by its own size, as in normalising few samples or in the direction
 * between two points, rounding may leave no correct digit; the eps of rms_norm is that of its type. */
static bool is_comparable(const rt_op *op)
{
    static const char *const not [] = {"batch_norm",        "instance_norm", "local_response_norm",
                                       "pairwise_distance", "rms_norm",      "triplet_margin_loss"};
    for (size_t i = 0; i < COUNT(not ); i++)
        if (strcmp(op->name, not [i]) == 0)
            return false;
    return true;
}

static void compare(const rt_op *op, const both *b, const rt__named *half, rt_tensor *wide,
                    rt_dtype type)
{
    rt_tensor *x = half->x;
    bool once = op->run && strncmp(half->name, "grad.", 5) != 0;
    if (!rt__dims_equal(x->dims, wide->dims))
        fail_msg("%s: %s is %s, in float32 %s", op->name, half->name, rt_describe(x),
                 rt_describe(wide));
    if (!once && !is_comparable(op))
        return;
    if (x->numel > MOST_ELEMENTS) /* an expanded one may have more elements than memory has bytes */
        return;
    if (once || !rt__dtype_is_float(x->dtype)
            ? same_bits(x, rt_to(wide, x->dtype))
            : are_close(x, wide, type == RT_BF16 ? 0x1p-8 : 0x1p-11))
        return;
    char *text = rt_json_text(b->values);
    print_message("%s %s\n", op->name, text);
    for (int i = 0; i < b->n; i++)
        print_message("%s %s\n", b->half[i].name, rt_describe(b->half[i].x));
    for (int64_t i = 0; i < x->numel && i < 16; i++)
        print_message("%g %g\n",
                      rt_item(rt_slice(rt_reshape(x, rt_shape(-1)), .start = i, .end = i + 1)),
                      rt_item(rt_slice(rt_reshape(wide, rt_shape(-1)), .start = i, .end = i + 1)));
    fail_msg("%s: %s, %s, is not that of float32, rounded", op->name, half->name, rt_describe(x));
}

/* Returns whether the call ran. */
static bool check_call(const rt_op *op, rt_dtype type, bool gradients)
{
    rt_scope s = rt_scope_begin();
    both b;
    any_both(op, type, &b);
    rt__named_list half, wide;
    rt_random_seek(7, 1, 2);
    rt_status status = rt__call_by_name(op, b.half, b.n, b.values, gradients, &half);
    rt_error_clear();
    rt_random_seek(7, 1, 2);
    rt_status expected = rt__call_by_name(op, b.wide, b.n, b.values, gradients, &wide);
    bool fits = status != RT_E_NOMEM && expected != RT_E_NOMEM; /* sums of halves are wider */
    if (status != expected && fits)
        fail_msg("%s: %s of %s, %s of float32", op->name, rt_status_name(status),
                 rt_dtype_name(type), rt_status_name(expected));
    rt_error_clear();
    if (fits)
        assert_int_equal(half.count, wide.count);
    for (int i = 0; i < half.count && fits; i++)
        compare(op, &b, &half.item[i], wide.item[i].x, type);
    bool ran = half.count > 0;
    rt__named_list_release(&half);
    rt__named_list_release(&wide);
    json_decref(b.values);
    rt_scope_end(s);
    return ran;
}

static bool takes_floats(const rt_op *op)
{
    for (int i = 0; i < op->n_fields; i++)
        if (op->fields[i].dtypes & RT_TYPE(BF16) && op->fields[i].kind <= RT_FIELD_INPUTS)
            return true;
    return false;
}

static void every_operation(bool gradients)
{
    const rt_op *op;
    for (int i = 0; (op = rt_op_at(i)); i++) {
        int ran = 0;
        if (!takes_floats(op) || (gradients && !rt__is_differentiable(op)))
            continue;
        for (int k = 0; k < CALLS || (ran == 0 && k < MOST_CALLS); k++)
            ran += check_call(op, k % 2 ? RT_F16 : RT_BF16, gradients);
        if (ran == 0)
            fail_msg("%s never ran: fitting_shapes of any_call.h may help it", op->name);
    }
}

static void results_are_those_of_float32_rounded_once(void **state)
{
    (void)state;
    every_operation(false);
}

static void gradients_are_near_those_of_float32(void **state)
{
    (void)state;
    every_operation(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(results_are_those_of_float32_rounded_once),
        TEST(gradients_are_near_those_of_float32),
    };
    rng = random_seed("test_op_halves");
    int failed = cmocka_run_group_tests_name("op_halves", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0 || rt_mem_live() != 0;
}
