/* The public headers in C++: they link, the macros work with the arguments in order or (C++20) by name,
 * and a struct starts with the defaults that C's macros give. */
#include <ringtorch/ringtorch.h>
#include <cstdio>

static int failures;

static void check(bool holds, const char *what)
{
    std::printf("[  %s ] %s\n", holds ? "     OK" : "FAILED", what);
    failures += !holds;
}

static void ops_by_place_and_by_name()
{
    rt_tensor *x = rt_arange(0, 6, 1, RT_F32);
    check(rt_item(rt_sum(x)) == 15, "one argument");
    check(rt_numel(rt_slice(.x = x, .start = 1)) == 5, "left out: to the end");
    check(rt_numel(rt_slice(.x = x, .start = 1, .end = 0)) == 0, "a zero that is written is a zero");
    rt_tensor *m = rt_reshape(x, rt_shape(2, 3));
    check(rt_numel(rt_matmul(.a = m, .b = m, .transpose_b = true)) == 4, "flags by name");
    rt_tensor *image = rt_ones(rt_shape(1, 1, 4, 4)), *kernel = rt_ones(rt_shape(1, 1, 2, 2));
    check(rt_item(rt_amax(rt_conv2d(image, kernel))) == 4, "arrays have defaults");
    check(rt_item(rt_sum(rt_topk(x, 2).values)) == 9, "one of several results");
    check(rt_item(rt_sum(rt_clamp(.x = x, .high = 1))) == 5, "numbers have defaults, infinite ones too");
}

static void nets_and_optimisers()
{
    rt_module *net = rt_nn_sequential(rt_nn_linear(2, 3), rt_nn_relu(), rt_nn_linear(3, 1));
    rt_adamw_args args = {};
    args.net = net;
    args.beta1 = 0;
    rt_optim *by_struct = rt_optim_adamw_(args);
    check(by_struct && rt_optim_lr(by_struct) == 1e-3, "a struct starts with the defaults");
    rt_optim *o = rt_optim_adamw(.net = net, .lr = 0.5);
    rt_backward(rt_sum(rt_forward(net, rt_ones(rt_shape(4, 2)))));
    check(rt_optim_step(o) == RT_OK && rt_optim_lr(o) == 0.5, "a step");
    check(!rt_optim_sgd(net) && rt_error_code() == RT_E_ARG, "what is required is missed");
    rt_error_clear();
}

static void data_and_files()
{
    rt_dataset *d = rt_data_tensors({"x", rt_ones(rt_shape(4, 2))},
                                    {.name = "y", .value = rt_zeros(rt_shape(4), RT_I64), .classes = 2});
    rt_loader *l = rt_data_loader(.data = d, .batch = 3);
    rt_batch b;
    check(rt_data_next(l, &b) && rt_size(rt_batch_field(&b, "x"), 0) == 3, "a batch");
    rt_st_reader *r;
    check(rt_st_open("/no/such/file", &r) == RT_E_NOTFOUND, "a file that is not there");
    rt_error_clear();
    check(!rt_trainer_open("/no/such/file"), "a run that is not there");
    rt_error_clear();
    check(rt_seed() == 7 && rt_numel(rt_randn(rt_shape(3))) == 3, "random numbers");
}

int main()
{
    rt_init("cpu", 7);
    ops_by_place_and_by_name();
    nets_and_optimisers();
    data_and_files();
    check(!rt_failed(), "no error is left");
    return rt_shutdown() || failures;
}
