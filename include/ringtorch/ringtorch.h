/* The whole library: include this header and link libringtorch.
 *
 *     rt_module *net = rt_nn_sequential(rt_nn_linear(2, 16), rt_nn_relu(), rt_nn_linear(16, 1));
 *     rt_optim *opt = rt_optim_adamw(net, .lr = 0.01);
 *     for (int step = 0; step < 100 && !rt_failed(); step++) {
 *         rt_scope s = rt_scope_begin();
 *         rt_tensor *x = rt_rand(rt_shape(32, 2)), *y = rt_sum(x, rt_shape(-1), .keep_dim = true);
 *         rt_backward(rt_mse_loss(rt_forward(net, x), y));
 *         rt_optim_step(opt);
 *         rt_scope_end(s);
 *     }
 *     return rt_shutdown();   // 0, or 1 after printing what went wrong
 *
 * Every object belongs to the scope in which it was made (base.h), and the first error fills a slot
 * that one check per step finds (status.h).
 *
 * Read them in this order: version.h, status.h (errors), base.h (starting, objects, scopes), tensor.h,
 * random.h, ops.h, autograd.h, checks.h, nn.h, optim.h, data.h, formats.h, train.h, parallel.h.
 * examples/mnist_mlp.c is a whole program. */
#ifndef RINGTORCH_RINGTORCH_H
#define RINGTORCH_RINGTORCH_H

#include <ringtorch/autograd.h>
#include <ringtorch/base.h>
#include <ringtorch/checks.h>
#include <ringtorch/data.h>
#include <ringtorch/dtype.h>
#include <ringtorch/exchange.h>
#include <ringtorch/formats.h>
#include <ringtorch/nn.h>
#include <ringtorch/ops.h>
#include <ringtorch/optim.h>
#include <ringtorch/parallel.h>
#include <ringtorch/plugin.h>
#include <ringtorch/random.h>
#include <ringtorch/status.h>
#include <ringtorch/tensor.h>
#include <ringtorch/train.h>
#include <ringtorch/version.h>

#endif
