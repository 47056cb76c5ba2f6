/* Calls every operation by name with random tensors and values: each call is done or refused, nothing crashes, no operation
 * breaks its own contract, and a number beyond 32 bits is not truncated. Sanitizers see more here than the asserts do. */
#include "any_call.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <math.h>

enum { CALLS = 150 /* of each operation */ };

/* ---- the calls ---- */

static bool is_users(rt_status code)
{
    return rt_status_exit_code(code) == 2 || code == RT_E_NOMEM;
}

/* Calls while allocations fail, from the one after `allocations` on if that is not negative. Returns whether the call was done. Fails the
 * test if it was neither done nor refused as a user's mistake, or for lack of memory. */
static bool call(const rt_op *op, int64_t allocations)
{
    rt__named given[MOST_INPUTS];
    char names[MOST_INPUTS][80];
    rt__named_list out;
    rt_scope s = rt_scope_begin();
    int n = any_inputs(op, given, names);
    json_t *values = any_values(op);
    bool in_place = below(2);
    if (allocations >= 0)
        rt_memory_trim(); /* so that blocks are requested from the system */
    rt_mem_fail_after(allocations);
    rt_status status = rt__call_by_name(op, given, n, values, in_place, &out);
    rt_mem_fail_after(-1);
    if (status != RT_OK && !is_users(status)) {
        char *text = rt_json_text(values);
        print_message("%s %s\n", op->name, text);
        for (int i = 0; i < n; i++)
            print_message("  %s: %s\n", given[i].name, rt_describe(given[i].x));
        fail_msg("%s: %s", rt_status_name(status), rt_error());
    }
    assert_int_equal(rt_failed(), status != RT_OK);
    rt_error_clear();
    json_decref(values);
    rt__named_list_release(&out);
    rt_scope_end(s);
    return status == RT_OK;
}

static void anything_is_done_or_refused(void **state)
{
    (void)state;
    int operations = 0, that_ran = 0;
    int64_t objects = rt_live_objects();
    for (const rt_op *op; (op = rt_op_at(operations)); operations++) {
        int done = 0;
        if (op->n_in > MOST_INPUTS)
            fail_msg("%s: %d inputs, the test has room for %d", op->name, op->n_in, MOST_INPUTS);
        for (int i = 0; i < CALLS; i++)
            done += call(op, -1);
        that_ran += done > 0;
    }
    assert_int_equal(rt_live_objects(), objects);
    if (that_ran < operations * 3 / 4) /* otherwise too few calls test an operation */
        fail_msg("only %d of %d operations ever ran", that_ran, operations);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    enum { CALLS_WITHOUT_MEMORY = 4 };
    int64_t objects = rt_live_objects();
    const rt_op *op;
    for (int i = 0; (op = rt_op_at(i)); i++)
        for (int k = 0; k < CALLS_WITHOUT_MEMORY; k++)
            call(op, below(20));
    assert_int_equal(rt_live_objects(), objects);
}

/* An axis is converted to int: 2^32 must not become 0. */
static void an_axis_beyond_32_bits_is_refused(void **state)
{
    (void)state;
    const rt_op *op;
    int seen = 0;
    for (int i = 0; (op = rt_op_at(i)); i++)
        for (int k = 0; k < op->n_fields; k++) {
            const rt_field *row = &op->fields[k];
            if (!strstr(row->name, "axis") && !strstr(row->name, "axes"))
                continue;
            for (int try = 0; try < CALLS; try++) {
                rt__named given[MOST_INPUTS];
                char names[MOST_INPUTS][80];
                rt__named_list out;
                rt_scope s = rt_scope_begin();
                int n = any_inputs(op, given, names);
                json_t *values = any_values(op);
                int64_t far = (1ll << 32) * (1 + below(3)) + below(2);
                json_t *value = json_integer(far);
                json_object_set_new(values, row->name,
                                    row->kind == RT_FIELD_INT ? value : json_pack("[o]", value));
                if (rt__call_by_name(op, given, n, values, false, &out) == RT_OK)
                    fail_msg("%s: %s %lld was taken", op->name, row->name, (long long)far);
                rt_error_clear();
                json_decref(values);
                rt_scope_end(s);
                seen++;
            }
        }
    assert_true(seen > 10 * CALLS);
}

/* Steps larger than the tensor work, for gradients too. */
static void a_step_may_be_larger_than_any_tensor(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(3, 2)));
    rt_backward(rt_sum(rt_slice(x, .step = INT64_MAX)));
    assert_values(rt_grad_of(x), 1, 1, 0, 0, 0, 0);
    rt_free(x);

    rt_tensor *image = rt_param(rt_ones(rt_shape(1, 1, 2, 3)));
    rt_tensor *w = rt_param(rt_full(rt_shape(1, 1, 1, 2), 5, RT_F32));
    rt_backward(rt_sum(rt_conv2d(image, w, .stride = {INT32_MAX, INT32_MAX})));
    assert_values(rt_grad_of(image), 5, 5, 0, 0, 0, 0);
    assert_values(rt_grad_of(w), 1, 1);
    rt_grad_clear(image);
    rt_backward(rt_sum(rt_conv2d(image, w, .stride = {INT32_MAX, 1}, .padding = {0, 1},
                                 .dilation = {INT32_MAX, 3})));
    assert_values(rt_grad_of(image), 5, 0, 5, 0, 0, 0);
    rt_free(image);
    rt_free(w);
}

static void a_length_beyond_63_bits_is_refused(void **state)
{
    (void)state;
    rt_tensor *x = rt_empty(rt_shape(1LL << 62, 0));
    assert_null(rt_cat(((rt_tensor *[]){x, x}), 2, 0));
    assert_error(SHAPE, "cat: tensors 0 to 1 are more than 2^63 long along axis 0");
}

/* Axes beside an empty one may be of any size. */
static void an_empty_index_may_have_long_axes(void **state)
{
    (void)state;
    rt_tensor *index =
        rt_expand(rt_zeros(rt_shape(0, 1, 1), RT_I64), rt_shape(0, 1LL << 32, 1LL << 30));
    rt_tensor *y = rt_take(rt_ones(rt_shape(2)), index);
    assert_fine();
    assert_int_equal(rt_size(y, 1), 1LL << 32);
    rt_tensor *zeros = rt_to(index, RT_F32);
    assert_int_equal(rt_size(rt_scatter_add(zeros, 2, rt_contiguous(index), zeros), 1), 1LL << 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(anything_is_done_or_refused),        TEST(any_allocation_may_fail),
        TEST(an_axis_beyond_32_bits_is_refused),  TEST(a_step_may_be_larger_than_any_tensor),
        TEST(a_length_beyond_63_bits_is_refused), TEST(an_empty_index_may_have_long_axes),
    };
    rng = random_seed("test_op_values");
    int failed = cmocka_run_group_tests_name("op_values", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0 || rt_mem_live() != 0;
}
