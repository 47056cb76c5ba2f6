/* Tests of optimisers, compared with torch.optim; of updates by ranges; of norms and schedules. */
#include "../../golden/optim.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "tests/support/outcome.h"
#include <math.h>
#include <ringtorch/optim.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A module with one or two bare parameters and no forward. */
static const rt_module_type bare_type = {"bare", sizeof(rt_module), NULL, NULL};

static rt_module *bare(int64_t first, int64_t second)
{
    rt_module *m = rt_nn_new(&bare_type);
    rt_nn_param(m, "a", rt_zeros(rt_shape(first)));
    if (second)
        rt_nn_param(m, "b", rt_zeros(rt_shape(second)));
    return m;
}

/* ---- against PyTorch ---- */

static rt_optim *make_golden(int which, rt_module *net)
{
    switch (which) {
    case 0:
        return rt_optim_sgd(net, .lr = 0.1);
    case 1:
        return rt_optim_sgd(net, .lr = 0.1, .weight_decay = 0.05);
    case 2:
        return rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9);
    case 3:
        return rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9, .dampening = 0.3,
                            .weight_decay = 0.05);
    case 4:
        return rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9, .nesterov = true,
                            .weight_decay = 0.05);
    case 5:
        return rt_optim_adamw(net, .lr = 0.01);
    case 6:
        return rt_optim_adamw(net, .lr = 0.01, .weight_decay = 0.1);
    default:
        return rt_optim_adamw(net, .lr = 0.01, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-4,
                              .weight_decay = 0.1);
    }
}

static void updates_are_those_of_torch_optim(void **state)
{
    (void)state;
    for (int which = 0; which < (int)(sizeof golden / sizeof *golden); which++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = bare(4, GOLDEN_ELEMENTS - 4); /* two tensors in one flat buffer */
        rt_optim *o = make_golden(which, net);
        const rt_flat *flat = rt_optim_flat(o);
        for (int i = 0; i < GOLDEN_ELEMENTS; i++)
            flat->param[i] = (float)(i - 5) / 4;
        for (int t = 0; t < GOLDEN_STEPS; t++) {
            for (int32_t e = 0; e < flat->entries; e++) { /* d sum(p * g) / d p = g */
                const rt_flat_entry *entry = &flat->entry[e];
                rt_tensor *g = rt_empty_like(entry->param);
                for (int64_t i = entry->begin; i < entry->end; i++)
                    rt_f32(g)[i - entry->begin] = (float)((7 * i + 3 * t) % 11 - 5) / 8;
                must(rt_backward(rt_sum(rt_mul(entry->param, g))));
            }
            must(rt_optim_step(o));
            for (int i = 0; i < GOLDEN_ELEMENTS; i++) {
                float want = golden[which].after[t][i], got = flat->param[i];
                if (fabsf(got - want) > 1e-6f * (1 + fabsf(want)))
                    fail_msg("%s, step %d, element %d: %.9g, expected %.9g", golden[which].name, t,
                             i, (double)got, (double)want);
            }
        }
        assert_int_equal(rt_optim_updates(o), GOLDEN_STEPS);
        rt_scope_end(s);
    }
}

/* ---- flat buffers ---- */

static void parameters_and_gradients_live_in_flat_buffers(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_sequential(rt_nn_linear(3, 4), rt_nn_relu(), rt_nn_linear(4, 2));
    float first = rt_f32(rt_nn_param_at(net, 0, NULL))[0],
          last = rt_f32(rt_nn_param_at(net, 3, NULL))[1];
    rt_optim *o = rt_optim_adamw(net);
    const rt_flat *flat = rt_optim_flat(o);
    assert_int_equal(flat->count, 12 + 4 + 8 + 2);
    assert_int_equal(flat->length, flat->count + RT_FLAT_SCALARS);
    assert_int_equal(flat->entries, 4);
    assert_true(flat->param[0] == first && flat->param[25] == last); /* values moved along */
    int64_t at = 0;
    for (int32_t i = 0; i < 4; i++) {
        const char *name;
        rt_tensor *p = rt_nn_param_at(net, i, &name);
        assert_string_equal(flat->entry[i].name, name);
        assert_ptr_equal(flat->entry[i].param, p);
        assert_int_equal(flat->entry[i].begin, at);
        assert_ptr_equal(rt_f32(p), flat->param + at);
        at += rt_numel(p);
        assert_int_equal(flat->entry[i].end, at);
    }
    must(rt_backward(rt_sum(rt_forward(net, rt_ones(rt_shape(5, 3))))));
    assert_ptr_equal(rt_f32(rt_grad_of(rt_nn_param_at(net, 3, NULL))), flat->grad + 24);
    assert_true(flat->grad[24] == 5 && flat->grad[25] == 5);
    assert_int_equal(rt_optim_states(o), 2);
    const char *name;
    assert_true(rt_optim_state(o, 1, &name)[0] == 0);
    assert_string_equal(name, "exp_avg_sq");
    assert_null(rt_optim_state(o, 2, &name));
    assert_string_equal(rt_optim_name(o), "adamw");

    /* The net is kept longer than the optimiser. */
    rt_keep(net);
    rt_scope inner = rt_scope_begin();
    rt_optim *second = rt_optim_sgd(net, .lr = 1);
    assert_int_equal(rt_optim_states(second), 0);
    rt_scope_end(inner);
    rt_scope_end(s);
    assert_true(rt_f32(rt_nn_param_at(net, 0, NULL))[0] == first);
    rt_free(net);
}

/* An explicit value is used, zero as well; an omitted one is torch.optim's default. */
static void zeros_that_are_written_are_zeros(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = bare(1, 0);
    assert_true(rt_optim_lr(rt_optim_adamw(net)) == 1e-3);
    assert_true(rt_optim_lr(rt_optim_adamw(net, .lr = 0)) == 0);
    assert_true(rt_optim_lr(rt_optim_sgd(net, .lr = 0)) == 0);
    /* Without a first moment, betas (0, 0.9), the parameter follows the sign of each gradient. */
    rt_optim *o = rt_optim_adamw(net, .lr = 0.1, .beta1 = 0, .beta2 = 0.9);
    const rt_flat *flat = rt_optim_flat(o);
    const float after[] = {0.9f, 1.0f, 0.9f}; /* torch.optim.AdamW, betas=(0, 0.9) */
    flat->param[0] = 1;
    for (int t = 0; t < 3; t++) {
        rt_tensor *loss = rt_sum(flat->entry[0].param);
        must(rt_backward(t == 1 ? rt_neg(loss) : loss));
        must(rt_optim_step(o));
        assert_true(fabsf(flat->param[0] - after[t]) < 1e-6f);
    }
    rt_adamw_args a = {RT_ADAMW_DEFAULTS, .net = net};
    a.lr = 0;
    assert_true(rt_optim_lr(rt_optim_adamw_(a)) == 0);
    rt_scope_end(s);
}

/* ---- parameters without a gradient ---- */

/* One backward and step; the flags say which of the two parameters of bare(3, 2) have a gradient, of ones. */
static void step_with(rt_optim *o, bool a, bool b)
{
    const rt_flat *flat = rt_optim_flat(o);
    if (a)
        must(rt_backward(rt_sum(flat->entry[0].param)));
    if (b)
        must(rt_backward(rt_sum(flat->entry[1].param)));
    must(rt_optim_step(o));
}

static rt_optim *any_optimiser(int which)
{
    rt_module *net = bare(3, 2);
    rt_optim *o = which == 0 ? rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9, .dampening = 0.5,
                                            .weight_decay = 0.5)
                             : rt_optim_adamw(net, .lr = 0.1, .weight_decay = 0.5);
    for (int i = 0; i < 5; i++)
        rt_optim_flat(o)->param[i] = 1;
    return o;
}

/* A step in which a parameter has no gradient does not count for it: neither weight decay nor momentum continues, and its
 * bias correction counts only its own updates. */
static void parameters_without_gradient_are_left_alone(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        rt_scope s = rt_scope_begin();
        rt_optim *always = any_optimiser(which), *now_and_then = any_optimiser(which);
        const rt_flat *flat = rt_optim_flat(now_and_then);
        for (int t = 0; t < 6; t++) {
            if (t % 2 == 1)
                step_with(always, true, true);
            flat->grad[3] = flat->grad[4] = NAN; /* left from before: must not be used */
            float before = flat->param[3];
            step_with(now_and_then, true, t % 2 == 1);
            assert_int_equal(flat->param[3] == before, t % 2 == 0);
            assert_int_equal(rt_optim_param_updates(now_and_then, 1), (t + 1) / 2);
        }
        assert_memory_equal(flat->param + 3, rt_optim_flat(always)->param + 3, 2 * sizeof(float));
        assert_int_equal(rt_optim_updates(now_and_then), 6);
        assert_int_equal(rt_optim_param_updates(now_and_then, 0), 6);
        rt_scope_end(s);
    }
}

/* An update of ranges of the flat buffers treats a gradient of 0 like any other; a parameter to be left alone must be
 * outside of the ranges. */
static void updates_of_ranges_know_no_missing_gradients(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        rt_scope s = rt_scope_begin();
        rt_optim *o = any_optimiser(which), *left_out = any_optimiser(which);
        const rt_flat *flat = rt_optim_flat(o), *other = rt_optim_flat(left_out);
        for (int t = 1; t <= 3; t++) {
            for (int i = 0; i < 5; i++)
                flat->grad[i] = other->grad[i] = i < 3 || t == 1 ? 1 : 0;
            float before = flat->param[3];
            must(rt_optim_update(o, 0, 5, t, 0.1, 1));
            must(rt_optim_update(left_out, 0, t == 1 ? 5 : 3, t, 0.1, 1));
            assert_true(flat->param[3] < before); /* weight decay and momentum */
            assert_int_equal(rt_optim_param_updates(o, 1), t);
            assert_int_equal(rt_optim_param_updates(left_out, 1), 1);
        }
        assert_memory_equal(flat->param, other->param, 3 * sizeof(float));
        assert_true(other->param[3] > flat->param[3]);
        rt_scope_end(s);
    }
}

/* Computes by hand what torch.optim.SGD does with a gradient of zeros. */
static void a_gradient_of_zeros_decays_and_moves(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt_optim_sgd(bare(1, 1), .lr = 0.5, .momentum = 0.5, .weight_decay = 0.25);
    const rt_flat *flat = rt_optim_flat(o);
    flat->param[0] = 1;
    flat->grad[0] = 0;
    must(rt_optim_update(o, 0, 1, 1, 0.5, 1)); /* v = 0.25, w = 1 - 0.125 */
    assert_true(flat->param[0] == 0.875f);
    must(rt_optim_update(o, 0, 1, 2, 0.5, 1)); /* v = 0.125 + 0.21875 */
    assert_true(flat->param[0] == 0.875f - 0.5f * 0.34375f);
    rt_scope_end(s);
}

/* The state that an optimiser returns is enough to continue elsewhere with the same results. */
static void updates_of_each_parameter_can_be_resumed(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_optim *o = any_optimiser(1), *resumed = any_optimiser(1);
    const rt_flat *from = rt_optim_flat(o), *to = rt_optim_flat(resumed);
    step_with(o, true, false);
    step_with(o, true, true);
    memcpy(to->param, from->param, 5 * sizeof(float));
    for (int i = 0; i < 2; i++)
        memcpy(rt_optim_state(resumed, i, NULL), rt_optim_state(o, i, NULL), 5 * sizeof(float));
    rt_optim_set_updates(resumed, rt_optim_updates(o));
    for (int32_t i = 0; i < 2; i++)
        rt_optim_set_param_updates(resumed, i, rt_optim_param_updates(o, i));
    step_with(o, true, true);
    step_with(resumed, true, true);
    assert_memory_equal(to->param, from->param, 5 * sizeof(float));
    rt_optim_set_param_updates(o, 2, 1);
    expect_error(RT_E_RANGE, "parameter 2");
    rt_scope_end(s);
}

static void norm_leaves_out_what_has_no_gradient(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_optim *o = any_optimiser(0);
    step_with(o, true, true);
    must(rt_backward(rt_sum(rt_optim_flat(o)->entry[0].param)));
    assert_true(fabs(rt_optim_grad_norm(o, 1) - sqrt(3)) <
                1e-12); /* not those of the step before */
    rt_scope_end(s);
}

/* Backward reads only the weights of the second layer, so the first bias may change before it. */
static void changes_of_one_parameter_are_its_own(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_sequential(rt_nn_linear(2, 2), rt_nn_linear(2, 1));
    rt_tensor *x = rt_ones(rt_shape(1, 2));
    for (int with = 0; with < 2; with++) {
        if (with)
            rt_optim_sgd(net, .lr = 1);
        rt_tensor *loss = rt_sum(rt_forward(net, x));
        must(rt_fill(rt_nn_param_at(net, 1, NULL), 3));
        must(rt_backward(loss));
        loss = rt_sum(rt_forward(net, x));
        must(rt_fill(rt_nn_param_at(net, 2, NULL), 3));
        assert_int_equal(rt_backward(loss), RT_E_ARG);
        expect_error(RT_E_ARG, "an input of linear, float32[1,2] cpu, was changed in place");
    }
    rt_tensor *loss = rt_sum(rt_forward(net, x)); /* moving the parameters changes no value */
    rt_optim *o = rt_optim_sgd(net, .lr = 1);
    must(rt_backward(loss));
    loss = rt_sum(rt_square(rt_nn_param_at(net, 0, NULL)));
    must(rt_optim_update(o, 3, 5, 1, 0.1, 1)); /* its last element, and the bias' first */
    assert_int_equal(rt_backward(loss), RT_E_ARG);
    expect_error(RT_E_ARG, "square");
    loss = rt_sum(rt_square(rt_nn_param_at(net, 2, NULL)));
    must(rt_optim_update(o, 0, 6, 1, 0.1, 1)); /* the parameter begins after them */
    must(rt_backward(loss));
    rt_scope_end(s);
}

static void a_replaced_optimiser_says_so(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = bare(3, 2);
    rt_optim *first = rt_optim_adamw(net), *second = rt_optim_sgd(net, .lr = 1);
    must(rt_backward(rt_sum(rt_nn_param_at(net, 0, NULL))));
    assert_int_equal(rt_optim_step(first), RT_E_ARG);
    expect_error(RT_E_ARG, "adamw: another optimiser has since taken over a: use that one");
    assert_int_equal(rt_optim_update(first, 0, 1, 1, 1, 1), RT_E_ARG);
    expect_error(RT_E_ARG, "another optimiser");
    must(rt_optim_step(second));
    rt_scope_end(s);
}

static void fill_random(float *v, int64_t n, uint32_t stream)
{
    rt_scope s = rt_scope_begin();
    rt_random_seek(42, stream, 0);
    memcpy(v, rt_f32(rt_randn(rt_shape(n))), (size_t)n * sizeof *v);
    rt_scope_end(s);
}

enum { MANY = 3 * 65536 + 12345 };

/* Starts from fixed values and makes three updates, each cut at `cuts` random places. */
static void update_in_pieces(rt_optim *o, int cuts, uint32_t seed)
{
    const rt_flat *flat = rt_optim_flat(o);
    fill_random(flat->param, flat->count, 1);
    for (int i = 0; i < rt_optim_states(o); i++)
        memset(rt_optim_state(o, i, NULL), 0, (size_t)flat->count * sizeof(float));
    for (int64_t t = 1; t <= 3; t++) {
        fill_random(flat->grad, flat->count, 10 + (uint32_t)t);
        int64_t at = 0;
        for (int c = 0; c < cuts; c++) {
            seed = seed * 1664525u + 1013904223u;
            int64_t to = at + (seed >> 8) % (flat->count - at + 1);
            must(rt_optim_update(o, at, to, t, 0.01, 0.125));
            at = to;
        }
        must(rt_optim_update(o, at, flat->count, t, 0.01, 0.125));
    }
}

static void any_partition_gives_the_same_bits(void **state)
{
    (void)state;
    float *whole = malloc(MANY * sizeof *whole);
    for (int which = 0; which < 2; which++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = bare(MANY, 0);
        rt_optim *o = which ? rt_optim_adamw(net, .weight_decay = 0.1)
                            : rt_optim_sgd(net, .lr = 1, .momentum = 0.9, .nesterov = true,
                                           .weight_decay = 0.1);
        update_in_pieces(o, 0, 0);
        memcpy(whole, rt_optim_flat(o)->param, MANY * sizeof *whole);
        for (uint32_t seed = 1; seed <= 6; seed++) {
            update_in_pieces(o, 20, seed);
            if (memcmp(whole, rt_optim_flat(o)->param, MANY * sizeof *whole) != 0)
                fail_msg("%s: other bits with the cuts of seed %u", rt_optim_name(o), seed);
        }
        rt_scope_end(s);
    }
    free(whole);
}

static void gradients_are_scaled_first(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt_optim_sgd(bare(2, 0), .lr = 1);
    rt_optim_flat(o)->grad[0] = 8;
    must(rt_optim_update(o, 0, 2, 1, 0.5, 0.25));
    assert_true(rt_optim_flat(o)->param[0] == -1);
    assert_int_equal(rt_optim_update(o, 1, 3, 2, 1, 1), RT_E_RANGE);
    expect_error(RT_E_RANGE, "[1, 3) of 2");
    assert_int_equal(rt_optim_update(o, 0, 1, 0, 1, 1), RT_E_RANGE);
    expect_error(RT_E_RANGE, "counted from 1");
    rt_scope_end(s);
}

static void norms_by_blocks_and_at_once_agree(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt_optim_sgd(bare(MANY, 0), .lr = 1);
    const rt_flat *flat = rt_optim_flat(o);
    fill_random(flat->grad, MANY, 3);
    flat->grad[flat->count] = 1e9f; /* the tail holds no gradient */
    double exact = 0, sums[4];
    for (int64_t i = 0; i < MANY; i++)
        exact += (double)flat->grad[i] * (double)flat->grad[i];
    for (int b = 0; b < 4; b++)
        sums[b] = rt_optim_block_square_sum(o, b);
    assert_true(rt_optim_block_square_sum(o, 4) == 0 && rt_optim_block_square_sum(o, -1) == 0);
    double norm = rt_optim_grad_norm(o, 0.5);
    assert_true(norm == 0.5 * rt_optim_norm_of_blocks(sums, 4));
    assert_true(fabs(norm / (0.5 * sqrt(exact)) - 1) < 1e-6);
    assert_true(sqrt((sums[0] + sums[1]) + (sums[2] + sums[3])) ==
                rt_optim_norm_of_blocks(sums, 4));
    assert_true(rt_optim_norm_of_blocks(sums, 0) == 0);
    rt_scope_end(s);
}

/* The sum over blocks follows the tree of slices.h, so that every world size has the same norm. The sum of these seven
 * blocks differs if it is taken from left to right, from right to left or in halves. */
static void norm_goes_by_the_tree_of_slices(void **state)
{
    (void)state;
    enum { BLOCKS = 7 };
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt_optim_sgd(bare((int64_t)BLOCKS * RT_BLOCK, 0), .lr = 1);
    double sums[BLOCKS];
    for (int b = 0; b < BLOCKS; b++) {
        rt_optim_flat(o)->grad[b * RT_BLOCK] = b == 0 ? 0x1p27f : 2.5f;
        sums[b] = rt_optim_block_square_sum(o, b);
        assert_true(sums[b] == (b == 0 ? 0x1p54 : 6.25));
    }
    const double expected =
        sqrt(0x1p54 + 40); /* ((b0 + b1) + (b2 + b3)) + ((b4 + b5) + b6), in steps of 4 */
    assert_true(rt_optim_norm_of_blocks(sums, BLOCKS) == expected);
    assert_true(rt_optim_grad_norm(o, 1) == expected);
    rt_scope_end(s);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = bare(2, 0);
    assert_null(rt_optim_sgd(net));
    expect_error(RT_E_ARG, "sgd: .lr is missing");
    assert_null(rt_optim_sgd(net, .lr = -0.1));
    expect_error(RT_E_RANGE, "sgd: learning rate -0.1");
    assert_null(rt_optim_adamw(net, .lr = INFINITY));
    expect_error(RT_E_RANGE, "adamw: learning rate inf");
    assert_null(rt_optim_adamw(net, .eps = 0));
    expect_error(RT_E_RANGE, "adamw: eps is 0, expected 1e-30 to 1");
    assert_null(rt_optim_sgd(net, .lr = 1, .nesterov = true));
    expect_error(RT_E_RANGE, ".nesterov");
    assert_null(rt_optim_sgd(net, .lr = 1, .momentum = 1));
    expect_error(RT_E_RANGE, "momentum is 1, expected 0 to 0.9999999");
    assert_null(rt_optim_adamw(net, .beta1 = 1));
    expect_error(RT_E_RANGE, "beta1 is 1, expected 0 to 0.9999999");
    assert_null(rt_optim_adamw(net, .lr = NAN));
    expect_error(RT_E_RANGE, "adamw: learning rate nan");
    rt_optim *o = rt_optim_sgd(net, .lr = 1);
    rt_optim_set_lr(o, NAN);
    expect_error(RT_E_RANGE, "optim_set_lr: learning rate nan");
    rt_optim_set_lr(o, -1);
    expect_error(RT_E_RANGE, "optim_set_lr: learning rate -1");
    assert_true(rt_optim_lr(o) == 1);
    assert_int_equal(rt_optim_update(o, 0, 1, 1, NAN, 1), RT_E_RANGE);
    expect_error(RT_E_RANGE, "optim_update: learning rate nan");
    assert_null(rt_optim_adamw(NULL));
    expect_error(RT_E_ARG, "adamw: argument 1 is no module (NULL)");
    assert_null(rt_optim_adamw(rt_nn_relu()));
    expect_error(RT_E_ARG, "no parameters");
    rt_scope_end(s);
}

static void optimisers_leave_nothing_behind(void **state)
{
    (void)state;
    rt_shutdown();
    int64_t memory = rt_mem_live(), objects = rt_live_objects();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 300);
        rt_scope s = rt_scope_begin();
        rt_mem_fail_after(n);
        rt_module *net = rt_nn_sequential(rt_nn_linear(3, 4), rt_nn_linear(4, 2));
        rt_optim *o = rt_optim_adamw(net);
        rt_backward(rt_sum(rt_forward(net, rt_ones(rt_shape(5, 3)))));
        done = o && rt_optim_step(o) == RT_OK;
        rt_mem_fail_after(-1);
        assert_true(done || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        rt_shutdown();
        assert_int_equal(rt_live_objects(), objects);
        assert_int_equal(rt_mem_live(), memory);
    }
}

/* ---- schedules ---- */

static void schedules(void **state)
{
    (void)state;
    assert_true(rt_lr_constant(0, .lr = 0.5) == 0.5 && rt_lr_constant(1000000, .lr = 0.5) == 0.5);
    assert_true(rt_lr_constant(0, .lr = 0.5, .warmup = 4) == 0.125);
    assert_true(rt_lr_constant(2, .lr = 0.5, .warmup = 4) == 0.375);
    assert_true(rt_lr_constant(3, .lr = 0.5, .warmup = 4) == 0.5);
    assert_true(rt_lr_constant(4, .lr = 0.5, .warmup = 4) == 0.5);

#define STEP(t) rt_lr_step(t, .lr = 1, .warmup = 2, .step_size = 10, .gamma = 0.5)
    assert_true(STEP(2) == 1 && STEP(11) == 1 && STEP(12) == 0.5 && STEP(22) == 0.25);
    assert_true(rt_lr_step(999, .lr = 1) == 1 && rt_lr_step(1000, .lr = 1) == 0.1); /* defaults */

#define COSINE(t, length) rt_lr_cosine(t, .lr = 1, .min_lr = 0.2, .warmup = 10, .steps = length)
    assert_true(COSINE(9, 110) == 1 && COSINE(10, 110) == 1);
    assert_true(fabs(COSINE(60, 110) - 0.6) < 1e-12); /* half-way */
    assert_true(COSINE(110, 110) == 0.2 && COSINE(5000, 110) == 0.2);
    for (int64_t t = 10; t < 110; t++)
        assert_true(COSINE(t + 1, 110) < COSINE(t, 110));
    assert_true(COSINE(4, 5) == 0.5 && COSINE(10, 5) == 0.2); /* shorter than its warm-up */
}

static int shut_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_are_those_of_torch_optim),
        cmocka_unit_test(parameters_and_gradients_live_in_flat_buffers),
        cmocka_unit_test(zeros_that_are_written_are_zeros),
        cmocka_unit_test(parameters_without_gradient_are_left_alone),
        cmocka_unit_test(updates_of_each_parameter_can_be_resumed),
        cmocka_unit_test(updates_of_ranges_know_no_missing_gradients),
        cmocka_unit_test(a_gradient_of_zeros_decays_and_moves),
        cmocka_unit_test(norm_leaves_out_what_has_no_gradient),
        cmocka_unit_test(changes_of_one_parameter_are_its_own),
        cmocka_unit_test(a_replaced_optimiser_says_so),
        cmocka_unit_test(any_partition_gives_the_same_bits),
        cmocka_unit_test(gradients_are_scaled_first),
        cmocka_unit_test(norms_by_blocks_and_at_once_agree),
        cmocka_unit_test(norm_goes_by_the_tree_of_slices),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(optimisers_leave_nothing_behind),
        cmocka_unit_test(schedules),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
