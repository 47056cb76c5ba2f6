/* Losses: what training minimises. The result is the mean over all elements unless .reduction says
 * otherwise.
 *
 *     rt_tensor *logits = rt_randn(rt_shape(64, 10)), *classes = rt_randint(rt_shape(64), 0, 10);
 *     rt_tensor *loss = rt_cross_entropy(logits, classes, .label_smoothing = 0.1);                // []
 *     rt_tensor *error = rt_mse_loss(logits, rt_zeros_like(logits), .reduction = RT_SUM);         // []
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_LOSS_H
#define RINGTORCH_OPS_LOSS_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* What becomes of the losses of the elements. */
typedef enum rt_reduction { RT_MEAN, RT_SUM, RT_NONE } rt_reduction;
#define RT_CROSS_ENTROPY_FIELDS(F)                                                                 \
    F(INPUT, logits, RT_NEEDED, RT_FLOATS, "[n, classes]")                                         \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n], each in [0, classes)")                         \
    F(NUMBER, label_smoothing, 0, RT_WITHIN(0, 1),                                                 \
      "share of each target that is spread over all classes")                                      \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "mean: over targets that are not ignored")      \
    F(INT, ignore_index, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(INT32_MIN)),                               \
      "rows with this target are ignored; not given: none")
typedef struct rt_cross_entropy_args {
    RT_STRUCT(RT_CROSS_ENTROPY_FIELDS)
} rt_cross_entropy_args;
/* Returns -log softmax(logits)[target], reduced as asked, with label smoothing as in Szegedy et
 * al. 2016. A target outside of [0, classes) fails, and the message names the row and the value. */
#define rt_cross_entropy(...)                                                                      \
    RT_OP_CALL(rt_cross_entropy_, rt_cross_entropy_args, RT_CROSS_ENTROPY_FIELDS, logits,          \
               __VA_ARGS__)
RT_API rt_tensor *rt_cross_entropy_(rt_cross_entropy_args a);
#define RT_LOSS_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "any shape")                                  \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "the same shape")                        \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "how the losses of the elements are reduced")
typedef struct rt_loss_args {
    RT_STRUCT(RT_LOSS_FIELDS)
} rt_loss_args;
/* Returns (x - target)^2, reduced as asked. */
#define rt_mse_loss(...) RT_OP_CALL(rt_mse_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
/* Returns |x - target|, reduced as asked. */
#define rt_l1_loss(...) RT_OP_CALL(rt_l1_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
/* Returns -(t log s(x) + (1 - t) log(1 - s(x))) without overflow, where s is the sigmoid and t the
 * target in [0,1]; reduced as asked. */
#define rt_bce_with_logits_loss(...)                                                               \
    RT_OP_CALL(rt_bce_with_logits_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_mse_loss_(rt_loss_args a);
RT_API rt_tensor *rt_l1_loss_(rt_loss_args a);
RT_API rt_tensor *rt_bce_with_logits_loss_(rt_loss_args a);
/* Returns minus the log-probability, from [n, classes], of the int64 target [n], reduced as asked. */
RT_API rt_tensor *rt_nll_loss(rt_tensor *log_probs, rt_tensor *target, rt_reduction reduction);

RT_END_DECLS

#endif
