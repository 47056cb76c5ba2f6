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

/* ---- softmax ---- */

#define RT_SOFTMAX_FIELDS(F)                                                                       \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INT, axis, RT_NEEDED, RT_ANY, "the axis that is summed over")                                \
    F(DTYPE, dtype, RT_NO_DTYPE, RT_MAYBE(RT_FROM(0)),                                             \
      "the type of y, to which x is converted first; not given: of x, which must be a float type")
typedef struct rt_softmax_args {
    RT_STRUCT(RT_SOFTMAX_FIELDS)
} rt_softmax_args;
/* Returns exp(x) / sum of exp(x) along one axis, without overflow. PyTorch's softmax2d is that of
 * axis -3. Of complex numbers, for which a type must be given, the real parts count. */
#define rt_softmax(...) RT_OP_CALL(rt_softmax_, rt_softmax_args, RT_SOFTMAX_FIELDS, x, __VA_ARGS__)
/* Returns log(softmax(x)) along one axis, without overflow. */
#define rt_log_softmax(...)                                                                        \
    RT_OP_CALL(rt_log_softmax_, rt_softmax_args, RT_SOFTMAX_FIELDS, x, __VA_ARGS__)
/* Returns softmax(-x) along one axis. */
#define rt_softmin(...) RT_OP_CALL(rt_softmin_, rt_softmax_args, RT_SOFTMAX_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_softmax_(rt_softmax_args a);
RT_API rt_tensor *rt_log_softmax_(rt_softmax_args a);
RT_API rt_tensor *rt_softmin_(rt_softmax_args a);
#define RT_GUMBEL_SOFTMAX_FIELDS(F)                                                                \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "logits of any shape")                                       \
    F(INT, axis, -1, RT_ANY, "the axis that is summed over")                                       \
    F(NUMBER, tau, 1, RT_FROM(1e-30), "the temperature")                                           \
    F(FLAG, hard, false, RT_ANY,                                                                   \
      "y is 1 at the largest element and else 0, with the gradient of "                            \
      "the soft one")
typedef struct rt_gumbel_softmax_args {
    RT_STRUCT(RT_GUMBEL_SOFTMAX_FIELDS)
} rt_gumbel_softmax_args;
/* Returns softmax((x + g) / tau) along one axis, with random g from the standard Gumbel distribution
 * (Jang et al. 2017), which come from the thread's random streams. */
#define rt_gumbel_softmax(...)                                                                     \
    RT_OP_CALL(rt_gumbel_softmax_, rt_gumbel_softmax_args, RT_GUMBEL_SOFTMAX_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_gumbel_softmax_(rt_gumbel_softmax_args a);

/* ---- lengths and distances ---- */

#define RT_NORMALIZE_FIELDS(F)                                                                     \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "any shape")                                    \
    F(NUMBER, p, 2, RT_ANY, "the order of the norm")                                               \
    F(INT, axis, 1, RT_ANY, "the axis of the vectors")                                             \
    F(NUMBER, eps, 1e-12, RT_ANY, "the least that x is divided by")
typedef struct rt_normalize_args {
    RT_STRUCT(RT_NORMALIZE_FIELDS)
} rt_normalize_args;
/* Returns x / max(|x|, eps), with the norm of order p along one axis. */
#define rt_normalize(...)                                                                          \
    RT_OP_CALL(rt_normalize_, rt_normalize_args, RT_NORMALIZE_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_normalize_(rt_normalize_args a);
#define RT_COSINE_SIMILARITY_FIELDS(F)                                                             \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")                                    \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "broadcasts with a")                            \
    F(INT, axis, 1, RT_ANY, "the axis of the vectors, which is dropped")                           \
    F(NUMBER, eps, 1e-8, RT_ANY, "the least length; the gradient does not see this limit")
typedef struct rt_cosine_similarity_args {
    RT_STRUCT(RT_COSINE_SIMILARITY_FIELDS)
} rt_cosine_similarity_args;
/* Returns the cosine of the angle of a and b along one axis, a.b / (|a| |b|). */
#define rt_cosine_similarity(...)                                                                  \
    RT_OP_CALL(rt_cosine_similarity_, rt_cosine_similarity_args, RT_COSINE_SIMILARITY_FIELDS, a,   \
               __VA_ARGS__)
RT_API rt_tensor *rt_cosine_similarity_(rt_cosine_similarity_args a);
#define RT_PAIRWISE_DISTANCE_FIELDS(F)                                                             \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "[..., d]")                                   \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "broadcasts with a")                          \
    F(NUMBER, p, 2, RT_ANY, "the order of the norm")                                               \
    F(NUMBER, eps, 1e-6, RT_ANY, "added to each difference")                                       \
    F(FLAG, keep_dim, false, RT_ANY, "keep the last axis, with size 1")
typedef struct rt_pairwise_distance_args {
    RT_STRUCT(RT_PAIRWISE_DISTANCE_FIELDS)
} rt_pairwise_distance_args;
/* Returns the norm of order p of a - b + eps along the last axis. */
#define rt_pairwise_distance(...)                                                                  \
    RT_OP_CALL(rt_pairwise_distance_, rt_pairwise_distance_args, RT_PAIRWISE_DISTANCE_FIELDS, a,   \
               __VA_ARGS__)
RT_API rt_tensor *rt_pairwise_distance_(rt_pairwise_distance_args a);

/* ---- rows ---- */

#define RT_LAYER_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "any shape except a scalar")                       \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "of the shape of the last axes")            \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "as weight")                                  \
    F(NUMBER, eps, 1e-5, RT_ANY, "added to the variance")                                          \
    F(INT, axes, 1, RT_WITHIN(1, RT_MAX_DIMS), "number of last axes that form one row")
typedef struct rt_layer_norm_args {
    RT_STRUCT(RT_LAYER_NORM_FIELDS)
} rt_layer_norm_args;
/* Returns (x - mean) / sqrt(var + eps) * weight + bias over the last axes, where var is the mean
 * of (x - mean)^2 (Ba et al. 2016). */
#define rt_layer_norm(...)                                                                         \
    RT_OP_CALL(rt_layer_norm_, rt_layer_norm_args, RT_LAYER_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_layer_norm_(rt_layer_norm_args a);

#define RT_RMS_NORM_FIELDS(F)                                                                      \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS | RT_COMPLEX, "any shape except a scalar")          \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS | RT_COMPLEX,                                \
      "of the shape of the last axes")                                                             \
    F(NUMBER, eps, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(-0x1p62)),                                       \
      "added to the mean square; not given: 2^-23, but 2^-52 of float64 and complex128")           \
    F(INT, axes, 1, RT_WITHIN(1, RT_MAX_DIMS), "number of last axes that form one row")
typedef struct rt_rms_norm_args {
    RT_STRUCT(RT_RMS_NORM_FIELDS)
} rt_rms_norm_args;
/* Returns x / sqrt(mean of x^2 + eps) * weight over the last axes (Zhang and Sennrich 2019). As in
 * PyTorch, the square of a complex number is complex, too. */
#define rt_rms_norm(...)                                                                           \
    RT_OP_CALL(rt_rms_norm_, rt_rms_norm_args, RT_RMS_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_rms_norm_(rt_rms_norm_args a);

/* ---- channels ---- */

#define RT_BATCH_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 1")                             \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                               \
    F(NUMBER, eps, 1e-5, RT_ANY, "added to the variance")
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
    F(NUMBER, eps, 1e-5, RT_ANY, "added to the variance")
typedef struct rt_batch_norm_by_args {
    RT_STRUCT(RT_BATCH_NORM_BY_FIELDS)
} rt_batch_norm_by_args;
/* Returns (x - mean) / sqrt(var + eps) * weight + bias for each channel, with a mean and a
 * variance that are given, as in evaluation. */
#define rt_batch_norm_by(...)                                                                      \
    RT_OP_CALL(rt_batch_norm_by_, rt_batch_norm_by_args, RT_BATCH_NORM_BY_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_batch_norm_by_(rt_batch_norm_by_args a);

#define RT_GROUP_NORM_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, c, ...]")                                     \
    F(INPUT, weight, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 1")                             \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[c]; none: 0")                               \
    F(INT, groups, RT_NEEDED, RT_FROM(1), "of neighbouring channels; divides c")                   \
    F(NUMBER, eps, 1e-5, RT_ANY, "added to the variance")
typedef struct rt_group_norm_args {
    RT_STRUCT(RT_GROUP_NORM_FIELDS)
} rt_group_norm_args;
/* Returns (x - mean) / sqrt(var + eps) * weight + bias, with the mean and variance of each group of
 * channels of each sample (Wu and He 2018): rt_group_norm(x, weight, bias, .groups = 8). */
#define rt_group_norm(...)                                                                         \
    RT_OP_CALL(rt_group_norm_, rt_group_norm_args, RT_GROUP_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_group_norm_(rt_group_norm_args a);
/* The results of rt_instance_norm. */
typedef struct rt_instance_norm_results {
    rt_tensor *y, *mean,
        *var; /* the result, and mean and (uncorrected) variance of each channel of each sample [n, c] */
} rt_instance_norm_results;
/* Normalises each channel of each sample by its own mean and variance (Ulyanov et al. 2016), with the
 * arguments of rt_batch_norm. With running statistics, as in evaluation, it is rt_batch_norm_by. */
#define rt_instance_norm(...)                                                                      \
    RT_OP_CALL(rt_instance_norm_, rt_batch_norm_args, RT_BATCH_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_instance_norm_results rt_instance_norm_(rt_batch_norm_args a);
#define RT_LOCAL_RESPONSE_NORM_FIELDS(F)                                                           \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_TYPE(I64), "[n, c, ...]")                                \
    F(INT, size, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "number of neighbouring channels")            \
    F(NUMBER, alpha, 1e-4, RT_ANY, "factor of the mean square")                                    \
    F(NUMBER, beta, 0.75, RT_ANY, "exponent")                                                      \
    F(NUMBER, k, 1, RT_ANY, "added to the mean square")
typedef struct rt_local_response_norm_args {
    RT_STRUCT(RT_LOCAL_RESPONSE_NORM_FIELDS)
} rt_local_response_norm_args;
/* Returns x / (k + alpha * s / size)^beta, s the sum of x^2 over `size` channels around each, those
 * that do not exist counting as 0 (Krizhevsky et al. 2012). Of int64, s / size has no fraction, and the
 * result is float32. */
#define rt_local_response_norm(...)                                                                \
    RT_OP_CALL(rt_local_response_norm_, rt_local_response_norm_args,                               \
               RT_LOCAL_RESPONSE_NORM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_local_response_norm_(rt_local_response_norm_args a);

RT_END_DECLS

#endif
