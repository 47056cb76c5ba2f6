/* What users write: compiled, not run, with every warning (tests/layout/user_program). Each macro with
 * arguments that override defaults, and with those that do not. */
#include <ringtorch/ringtorch.h>

static rt_tensor *some_ops(rt_tensor *x, rt_tensor *w, rt_tensor *y)
{
    rt_tensor *h = rt_conv2d(x, w, .stride = {2, 2}, .groups = 2);
    h = rt_max_pool2d(rt_avg_pool2d(h, {2, 2}), {3, 3}, .stride = {1, 1}, .padding = {1, 1});
    h = rt_add(rt_slice(rt_slice(h, .start = 1, .end = 0), .axis = 1, .step = 2), rt_slice(h));
    h = rt_matmul(rt_sum(h, rt_shape(0, 1)), rt_mean(h, .keep_dim = true), .transpose_b = true);
    h = rt_linear(rt_amax(h), rt_amin(h, rt_shape(1)));
    h = rt_add(rt_mse_loss(h, y), rt_l1_loss(h, y, RT_SUM));
    h = rt_add(h, rt_bce_with_logits_loss(h, y, .reduction = RT_NONE));
    return rt_cross_entropy(h, y, .label_smoothing = 0.1f, .reduction = RT_SUM);
}

static rt_module *some_net(void)
{
    return rt_nn_sequential(rt_nn_conv2d(1, 8, 3, .stride = 2, .padding = 1), rt_nn_max_pool2d(2),
                            rt_nn_avg_pool2d(2, .stride = 1), rt_nn_flatten(),
                            rt_nn_linear(8 * 36, 10, .bias = false));
}

static rt_optim *some_optimiser(rt_module *net, int which)
{
    rt_adamw_args a = {RT_ADAMW_DEFAULTS, .net = net};
    a.beta1 = 0;
    if (which == 0)
        return rt_optim_adamw_(a);
    if (which == 1)
        return rt_optim_adamw(net, .beta1 = 0, .lr = 0);
    return which == 2 ? rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9, .nesterov = true)
                      : rt_optim_adamw(net);
}

int main(void)
{
    rt_init("cpu", .seed = 1, .threads = 1);
    rt_tensor *x = rt_param(rt_zeros(rt_shape(1, 2, 9, 9))), *dx;
    rt_tensor *y = rt_ones(rt_shape(2), RT_I64), *none = rt_empty(rt_shape(0), .dtype = RT_U8);
    rt_tensor *loss = some_ops(x, x, y);
    rt_backward(loss, .retain_graph = true);
    rt_grad(loss, &x, 1, &dx, .create_graph = true);
    rt_dataset *d = rt_data_mnist("folder", .limit = 10, .train = true);
    rt_dataset *e = rt_data_idx("images", "labels", .classes = 10);
    rt_dataset *f = rt_data_tensors({"x", x}, {"y", y, .lengths = none, .pad = -1});
    rt_loader *l = rt_data_loader(d ? d : e ? e : f, .batch = 4, .seed = 0, .prefetch = 0);
    rt_batch b;
    rt_optim *o = some_optimiser(some_net(), rt_data_next(l, &b) && rt_batch_field(&b, "x"));
    rt_trainer *t = rt_trainer_open("run.yaml", .set = (const char *const[]){"run.steps=1", NULL});
    return rt_trainer_step(t) == RT_OK && rt_optim_step(o) == RT_OK ? rt_shutdown() : 1;
}
