/* Normalisations.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 10)), *weight = rt_ones(rt_shape(10));
 *     rt_tensor *p = rt_softmax(x, -1);                   // [64,10] each row adds up to 1
 *     rt_tensor *h = rt_layer_norm(x, weight);            // [64,10] each row has mean 0 and variance 1
 *     rt_tensor *y = rt_batch_norm(x, weight).y;          // [64,10] each column has mean 0 and variance 1
 *     printf("%.3f\n", rt_item(rt_sum(p)));               // 64.000
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_NORM_H
#define RINGTORCH_OPS_NORM_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* Returns exp(x) / sum of exp(x) along one axis, without overflow. */
RT_API rt_tensor *rt_softmax(rt_tensor *x, int axis);
/* Returns log(softmax(x)) along one axis, without overflow. */
RT_API rt_tensor *rt_log_softmax(rt_tensor *x, int axis);
#define RT_LAYER_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "any shape except a scalar")                       \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "of the shape of the last axes")            \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "as weight")                                  \
    F(NUMBER, eps, 1e-5, RT_FROM(0), "added to the variance")                                      \
    F(INT, axes, 1, RT_WITHIN(1, RT_MAX_DIMS), "number of last axes that form one row")
typedef struct rt_layer_norm_args {
    RT_STRUCT(RT_LAYER_NORM_FIELDS)
} rt_layer_norm_args;
/* Returns (x - mean) / sqrt(var + eps) * weight + bias over the last axes, where var is the mean
 * of (x - mean)^2 (Ba et al. 2016). */
#define rt_layer_norm(...)                                                                         \
    RT_OP_CALL(rt_layer_norm_, rt_layer_norm_args, RT_LAYER_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_layer_norm_(rt_layer_norm_args a);

#define RT_BATCH_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 1")                             \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                               \
    F(NUMBER, eps, 1e-5, RT_FROM(0), "added to the variance")
typedef struct rt_batch_norm_args {
    RT_STRUCT(RT_BATCH_NORM_FIELDS)
} rt_batch_norm_args;
/* The results of rt_batch_norm. */
typedef struct rt_batch_norm_results {
    rt_tensor *y, *mean,
        *var; /* the result, and mean and (uncorrected) variance of each channel [c] */
} rt_batch_norm_results;
/* Normalises over all axes but the second, that of the c channels (Ioffe and Szegedy 2015): y = (x
 * - mean) / sqrt(var + eps) * weight + bias, with the mean and variance of the batch, as in
 * training. */
#define rt_batch_norm(...)                                                                         \
    RT_OP_CALL(rt_batch_norm_, rt_batch_norm_args, RT_BATCH_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_batch_norm_results rt_batch_norm_(rt_batch_norm_args a);

#define RT_BATCH_NORM_BY_FIELDS(F)                                                                 \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, mean, RT_NEEDED, RT_SAME | RT_FLOATS, "[c]")                                          \
    F(INPUT, var, RT_NEEDED, RT_SAME | RT_FLOATS, "[c]")                                           \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 1")                             \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                               \
    F(NUMBER, eps, 1e-5, RT_FROM(0), "added to the variance")
typedef struct rt_batch_norm_by_args {
    RT_STRUCT(RT_BATCH_NORM_BY_FIELDS)
} rt_batch_norm_by_args;
/* Returns (x - mean) / sqrt(var + eps) * weight + bias for each channel, with a mean and a
 * variance that are given, as in evaluation. */
#define rt_batch_norm_by(...)                                                                      \
    RT_OP_CALL(rt_batch_norm_by_, rt_batch_norm_by_args, RT_BATCH_NORM_BY_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_batch_norm_by_(rt_batch_norm_by_args a);

RT_END_DECLS

#endif
