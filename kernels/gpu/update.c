/* Launches updates of vectors. Numbers are rounded to float once, as on the CPU. */
#include "kernels/gpu/launch.h"
#include <math.h>

static void axpy_f32(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    scale_args a = {n, (float)alpha, 0};
    LAUNCH(e, update, "axpy_f32", n, a, x, y);
}

static void scale_f32(rt_exec *e, int64_t n, double alpha, const void *x, void *y)
{
    scale_args a = {n, (float)alpha, 0};
    LAUNCH(e, update, "scale_f32", n, a, x, y);
}

static void sgd_f32(rt_exec *e, int64_t n, rt_sgd_shape s, void *p, const void *g, void *buf)
{
    sgd_args a = {n,
                  (float)s.grad_scale,
                  (float)s.weight_decay,
                  (float)-s.lr,
                  (float)s.momentum,
                  (float)(1 - s.dampening),
                  s.first,
                  s.nesterov,
                  buf != NULL};
    LAUNCH(e, update, "sgd_f32", n, a, p, g, buf);
}

/* Returns 1 - b^n by repeated squaring, as in kernels/cpu/update.inc. */
static double bias_correction(double b, int64_t n)
{
    double power = 1;
    for (; n > 0; n /= 2, b *= b)
        if (n % 2)
            power *= b;
    return 1 - power;
}

static void adamw_f32(rt_exec *e, int64_t n, rt_adamw_shape s, void *p, const void *g, void *m,
                      void *v)
{
    adamw_args a = {n,
                    (float)s.grad_scale,
                    (float)(1 - s.lr * s.weight_decay),
                    (float)s.beta1,
                    (float)s.beta2,
                    (float)(1 - s.beta1),
                    (float)(1 - s.beta2),
                    (float)s.eps,
                    (float)(-s.lr / bias_correction(s.beta1, s.step)),
                    (float)sqrt(bias_correction(s.beta2, s.step)),
                    0};
    LAUNCH(e, update, "adamw_f32", n, a, p, g, m, v);
}

static void adam_f32(rt_exec *e, int64_t n, rt_adam_shape s, void *p, const void *g, void *m,
                     void *v, void *most, void *step)
{
    adam_args a = {n,
                   (float)s.grad_scale,
                   (float)s.weight_decay,
                   (float)s.beta1,
                   (float)s.beta2,
                   (float)(1 - s.beta1),
                   (float)(1 - s.beta2),
                   (float)s.eps,
                   (float)(1 / bias_correction(s.beta1, s.step)),
                   (float)sqrt(bias_correction(s.beta2, s.step)),
                   (float)s.decay,
                   (float)-s.lr,
                   most != NULL,
                   step != NULL,
                   0};
    LAUNCH(e, update, "adam_f32", n, a, p, g, m, v, most, step);
}

void rt__gpu_install_update(rt_kernels *k)
{
    k->axpy[RT_F32] = axpy_f32;
    k->scale[RT_F32] = scale_f32;
    k->sgd[RT_F32] = sgd_f32;
    k->adamw[RT_F32] = adamw_f32;
    k->adam[RT_F32] = adam_f32;
}
