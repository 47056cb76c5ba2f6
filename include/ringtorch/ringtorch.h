/* RingTorch's engine as a library: include this, link libringtorch.
 *
 * Reading order: status.h (errors), base.h (start, objects, scopes), tensor.h, ops.h, autograd.h, nn.h, optim.h,
 * data.h, formats.h, train.h. examples/mnist_mlp.c is a whole program. */
#ifndef RINGTORCH_H
#define RINGTORCH_H

#include <ringtorch/status.h>
#include <ringtorch/dtype.h>
#include <ringtorch/base.h>
#include <ringtorch/tensor.h>
#include <ringtorch/random.h>
#include <ringtorch/ops.h>
#include <ringtorch/autograd.h>
#include <ringtorch/nn.h>
#include <ringtorch/optim.h>
#include <ringtorch/data.h>
#include <ringtorch/formats.h>
#include <ringtorch/train.h>

#endif
