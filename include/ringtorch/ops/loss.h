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

/* What becomes of the losses of the elements. RT_BATCH_MEAN is for rt_kl_div alone; the other losses refuse
 * it. */
typedef enum rt_reduction { RT_MEAN, RT_SUM, RT_NONE, RT_BATCH_MEAN } rt_reduction;
#define RT_REDUCTION_FIELD(F)                                                                      \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none", "how the losses of the elements are reduced")

/* ---- numbers: x and target have one shape, unless the operation says that they broadcast ---- */

#define RT_LOSS_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "any shape")                                  \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "the same shape")                        \
    RT_REDUCTION_FIELD(F)
typedef struct rt_loss_args {
    RT_STRUCT(RT_LOSS_FIELDS)
} rt_loss_args;
/* Returns (x - target)^2, reduced as asked. */
#define rt_mse_loss(...) RT_OP_CALL(rt_mse_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
/* Returns |x - target|, reduced as asked. */
#define rt_l1_loss(...) RT_OP_CALL(rt_l1_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_mse_loss_(rt_loss_args a);
RT_API rt_tensor *rt_l1_loss_(rt_loss_args a);
#define RT_LOSS_INPUTS(F, text)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")                                    \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_FLOATS, text)
#define RT_SMOOTH_L1_LOSS_FIELDS(F)                                                                \
    RT_LOSS_INPUTS(F, "the same shape")                                                            \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(NUMBER, beta, 1, RT_FROM(0), "where the parabola ends; 0: no parabola")
typedef struct rt_smooth_l1_loss_args {
    RT_STRUCT(RT_SMOOTH_L1_LOSS_FIELDS)
} rt_smooth_l1_loss_args;
/* Returns d^2 / (2 beta) where d = |x - target| is below beta, otherwise d - beta / 2 (Girshick
 * 2015), reduced as asked. */
#define rt_smooth_l1_loss(...)                                                                     \
    RT_OP_CALL(rt_smooth_l1_loss_, rt_smooth_l1_loss_args, RT_SMOOTH_L1_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_smooth_l1_loss_(rt_smooth_l1_loss_args a);
#define RT_HUBER_LOSS_FIELDS(F)                                                                    \
    RT_LOSS_INPUTS(F, "the same shape")                                                            \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(NUMBER, delta, 1, RT_FROM(1e-30), "where the parabola ends")
typedef struct rt_huber_loss_args {
    RT_STRUCT(RT_HUBER_LOSS_FIELDS)
} rt_huber_loss_args;
/* Returns d^2 / 2 where d = |x - target| is below delta, otherwise delta (d - delta / 2) (Huber
 * 1964), reduced as asked. */
#define rt_huber_loss(...)                                                                         \
    RT_OP_CALL(rt_huber_loss_, rt_huber_loss_args, RT_HUBER_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_huber_loss_(rt_huber_loss_args a);
#define RT_POISSON_NLL_LOSS_FIELDS(F)                                                              \
    RT_LOSS_INPUTS(F, "a count; broadcasts with x")                                                \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(FLAG, log_input, true, RT_ANY, "x is the logarithm of the rate")                             \
    F(FLAG, full, false, RT_ANY, "add Stirling's approximation of log(target!) where target > 1")  \
    F(NUMBER, eps, 1e-8, RT_FROM(0), "added to the rate before its logarithm; not with log_input")
typedef struct rt_poisson_nll_loss_args {
    RT_STRUCT(RT_POISSON_NLL_LOSS_FIELDS)
} rt_poisson_nll_loss_args;
/* Returns exp(x) - target * x, or x - target * log(x + eps) without log_input: minus the
 * log-likelihood of a count from a Poisson distribution, reduced as asked. */
#define rt_poisson_nll_loss(...)                                                                   \
    RT_OP_CALL(rt_poisson_nll_loss_, rt_poisson_nll_loss_args, RT_POISSON_NLL_LOSS_FIELDS, x,      \
               __VA_ARGS__)
RT_API rt_tensor *rt_poisson_nll_loss_(rt_poisson_nll_loss_args a);
#define RT_GAUSSIAN_NLL_LOSS_FIELDS(F)                                                             \
    RT_LOSS_INPUTS(F, "broadcasts with x")                                                         \
    F(INPUT, var, RT_NEEDED, RT_PROMOTE | RT_FLOATS,                                               \
      "the variance: broadcasts with x, or has its shape without the last axis")                   \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(FLAG, full, false, RT_ANY, "add the constant, log(2 pi) / 2")                                \
    F(NUMBER, eps, 1e-6, RT_FROM(0), "the least variance; the gradient does not see this limit")
typedef struct rt_gaussian_nll_loss_args {
    RT_STRUCT(RT_GAUSSIAN_NLL_LOSS_FIELDS)
} rt_gaussian_nll_loss_args;
/* Returns (log(var) + (x - target)^2 / var) / 2: minus the log-likelihood of the target under a
 * normal distribution (Nix and Weigend 1994), reduced as asked. Fails if a variance is negative. */
#define rt_gaussian_nll_loss(...)                                                                  \
    RT_OP_CALL(rt_gaussian_nll_loss_, rt_gaussian_nll_loss_args, RT_GAUSSIAN_NLL_LOSS_FIELDS, x,   \
               __VA_ARGS__)
RT_API rt_tensor *rt_gaussian_nll_loss_(rt_gaussian_nll_loss_args a);

/* ---- probabilities and distributions ---- */

#define RT_BINARY_CROSS_ENTROPY_FIELDS(F)                                                          \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "probabilities, in [0,1]")                      \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "the same shape, in [0,1]")                \
    F(INPUT, weight, RT_OPTIONAL, RT_PROMOTE | RT_FLOATS, "factors; broadcast to x")               \
    RT_REDUCTION_FIELD(F)
typedef struct rt_binary_cross_entropy_args {
    RT_STRUCT(RT_BINARY_CROSS_ENTROPY_FIELDS)
} rt_binary_cross_entropy_args;
/* Returns -(t log x + (1 - t) log(1 - x)), t the target, with logarithms of -100 or more, reduced as
 * asked. The gradient divides by x (1 - x), but at least 1e-12. */
#define rt_binary_cross_entropy(...)                                                               \
    RT_OP_CALL(rt_binary_cross_entropy_, rt_binary_cross_entropy_args,                             \
               RT_BINARY_CROSS_ENTROPY_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_binary_cross_entropy_(rt_binary_cross_entropy_args a);
#define RT_BCE_WITH_LOGITS_LOSS_FIELDS(F)                                                          \
    RT_LOSS_INPUTS(F, "the same shape")                                                            \
    F(INPUT, weight, RT_OPTIONAL, RT_PROMOTE | RT_FLOATS, "factors; broadcast to x")               \
    F(INPUT, pos_weight, RT_OPTIONAL, RT_PROMOTE | RT_FLOATS,                                      \
      "factors of the part with the target; broadcast to x")                                       \
    RT_REDUCTION_FIELD(F)
typedef struct rt_bce_with_logits_loss_args {
    RT_STRUCT(RT_BCE_WITH_LOGITS_LOSS_FIELDS)
} rt_bce_with_logits_loss_args;
/* Returns -(t log s(x) + (1 - t) log(1 - s(x))) without overflow, where s is the sigmoid and t the
 * target in [0,1]; reduced as asked. */
#define rt_bce_with_logits_loss(...)                                                               \
    RT_OP_CALL(rt_bce_with_logits_loss_, rt_bce_with_logits_loss_args,                             \
               RT_BCE_WITH_LOGITS_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_bce_with_logits_loss_(rt_bce_with_logits_loss_args a);
#define RT_KL_DIV_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "log-probabilities")                            \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "probabilities; broadcasts with x")        \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none|batchmean",                                       \
      "batchmean: the sum divided by the size of the first axis of x, which is the divergence")    \
    F(FLAG, log_target, false, RT_ANY, "the target has log-probabilities")
typedef struct rt_kl_div_args {
    RT_STRUCT(RT_KL_DIV_FIELDS)
} rt_kl_div_args;
/* Returns t * (log t - x), t the target: the Kullback-Leibler divergence from x, element by element,
 * reduced as asked. 0 log 0 is 0, and its gradient 0 as well: that of a target that is 0 is the gradient of
 * -t x alone, where PyTorch's is NaN. */
#define rt_kl_div(...) RT_OP_CALL(rt_kl_div_, rt_kl_div_args, RT_KL_DIV_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_kl_div_(rt_kl_div_args a);

/* ---- classes ---- */

#define RT_CROSS_ENTROPY_FIELDS(F)                                                                 \
    F(INPUT, logits, RT_NEEDED, RT_FLOATS, "[n, classes], [n, classes, ...] or [classes]")         \
    F(INPUT, target, RT_NEEDED, RT_FLOATS | RT_TYPE(I64),                                          \
      "int64, in [0, classes): the same shape without the classes; floats: probabilities of the "  \
      "same shape")                                                                                \
    F(INPUT, weight, RT_OPTIONAL, RT_FLOATS, "[classes]: factors of the classes")                  \
    F(NUMBER, label_smoothing, 0, RT_WITHIN(0, 1),                                                 \
      "share of each target that is spread over all classes")                                      \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none",                                                 \
      "mean: over targets that are not ignored, each with the weight of its class")                \
    F(INT, ignore_index, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(INT32_MIN)),                               \
      "int64 targets with this value are ignored; not given: none")
typedef struct rt_cross_entropy_args {
    RT_STRUCT(RT_CROSS_ENTROPY_FIELDS)
} rt_cross_entropy_args;
/* Returns -log softmax(logits)[target], or the sum of target * -log softmax(logits) over the classes
 * for a target of probabilities, reduced as asked, with label smoothing as in Szegedy et al. 2016. A
 * class number outside of [0, classes) fails, and the message names the row and the value. With
 * probabilities the mean is over the targets, whatever the weights are. */
#define rt_cross_entropy(...)                                                                      \
    RT_OP_CALL(rt_cross_entropy_, rt_cross_entropy_args, RT_CROSS_ENTROPY_FIELDS, logits,          \
               __VA_ARGS__)
RT_API rt_tensor *rt_cross_entropy_(rt_cross_entropy_args a);
#define RT_NLL_LOSS_FIELDS(F)                                                                      \
    F(INPUT, log_probs, RT_NEEDED, RT_FLOATS, "[n, classes], [n, classes, ...] or [classes]")      \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64),                                                      \
      "in [0, classes): the same shape without the classes")                                       \
    F(INPUT, weight, RT_OPTIONAL, RT_FLOATS, "[classes]: factors of the classes")                  \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none",                                                 \
      "mean: over targets that are not ignored, each with the weight of its class")                \
    F(INT, ignore_index, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(INT32_MIN)),                               \
      "targets with this value are ignored; not given: none")
typedef struct rt_nll_loss_args {
    RT_STRUCT(RT_NLL_LOSS_FIELDS)
} rt_nll_loss_args;
/* Returns minus the log-probability of the target, reduced as asked. */
#define rt_nll_loss(...)                                                                           \
    RT_OP_CALL(rt_nll_loss_, rt_nll_loss_args, RT_NLL_LOSS_FIELDS, log_probs, __VA_ARGS__)
RT_API rt_tensor *rt_nll_loss_(rt_nll_loss_args a);
#define RT_MULTI_MARGIN_LOSS_FIELDS(F)                                                             \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, classes], [classes] or []")                             \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "[n], [] or [1], in [0, classes)")                   \
    F(INPUT, weight, RT_OPTIONAL, RT_FLOATS, "[classes]: factors of the classes")                  \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(INT, p, 1, RT_WITHIN(1, 2), "the power")                                                     \
    F(NUMBER, margin, 1, RT_ANY, "by which the target is to exceed the other classes")
typedef struct rt_multi_margin_loss_args {
    RT_STRUCT(RT_MULTI_MARGIN_LOSS_FIELDS)
} rt_multi_margin_loss_args;
/* Returns the sum over j != t of max(0, margin - x[t] + x[j])^p * weight[t] / classes, t the target,
 * reduced as asked. */
#define rt_multi_margin_loss(...)                                                                  \
    RT_OP_CALL(rt_multi_margin_loss_, rt_multi_margin_loss_args, RT_MULTI_MARGIN_LOSS_FIELDS, x,   \
               __VA_ARGS__)
RT_API rt_tensor *rt_multi_margin_loss_(rt_multi_margin_loss_args a);
#define RT_MULTILABEL_MARGIN_LOSS_FIELDS(F)                                                        \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, classes], [classes] or []")                             \
    F(INPUT, target, RT_NEEDED, RT_TYPE(I64), "the same shape: classes, up to the first -1")       \
    RT_REDUCTION_FIELD(F)
typedef struct rt_multilabel_margin_loss_args {
    RT_STRUCT(RT_MULTILABEL_MARGIN_LOSS_FIELDS)
} rt_multilabel_margin_loss_args;
/* Returns the sum over targets t and classes j that are no targets of max(0, 1 - x[t] + x[j]) /
 * classes, reduced as asked. */
#define rt_multilabel_margin_loss(...)                                                             \
    RT_OP_CALL(rt_multilabel_margin_loss_, rt_multilabel_margin_loss_args,                         \
               RT_MULTILABEL_MARGIN_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_multilabel_margin_loss_(rt_multilabel_margin_loss_args a);
/* Returns the mean over the last axis, the classes, of what rt_bce_with_logits_loss has for each of
 * them, reduced as asked. x, target: [n, classes] or [classes]; weight: [classes]. */
#define rt_multilabel_soft_margin_loss(...)                                                        \
    RT_OP_CALL(rt_multilabel_soft_margin_loss_, rt_binary_cross_entropy_args,                      \
               RT_BINARY_CROSS_ENTROPY_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_multilabel_soft_margin_loss_(rt_binary_cross_entropy_args a);

/* ---- margins and distances ---- */

/* Returns log(1 + exp(-target * x)) for targets 1 and -1, reduced as asked. */
#define rt_soft_margin_loss(...)                                                                   \
    RT_OP_CALL(rt_soft_margin_loss_, rt_loss_args, RT_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_soft_margin_loss_(rt_loss_args a);
#define RT_HINGE_EMBEDDING_LOSS_FIELDS(F)                                                          \
    RT_LOSS_INPUTS(F, "1 or -1; broadcasts with x")                                                \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(NUMBER, margin, 1, RT_ANY, "the least distance of what is unlike")
typedef struct rt_hinge_embedding_loss_args {
    RT_STRUCT(RT_HINGE_EMBEDDING_LOSS_FIELDS)
} rt_hinge_embedding_loss_args;
/* Returns x where the target is 1, max(0, margin - x) where it is -1, reduced as asked; x is a
 * distance. */
#define rt_hinge_embedding_loss(...)                                                               \
    RT_OP_CALL(rt_hinge_embedding_loss_, rt_hinge_embedding_loss_args,                             \
               RT_HINGE_EMBEDDING_LOSS_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_hinge_embedding_loss_(rt_hinge_embedding_loss_args a);
#define RT_PAIR_LOSS_FIELDS(F)                                                                     \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS, "any shape")                      \
    F(INPUT, b, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS, "broadcasts with a")              \
    F(INPUT, target, RT_NEEDED, RT_PROMOTE | RT_FLOATS | RT_INTEGERS,                              \
      "1 or -1; broadcasts with the losses")                                                       \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(NUMBER, margin, 0, RT_ANY, "beyond which nothing is lost")
typedef struct rt_pair_loss_args {
    RT_STRUCT(RT_PAIR_LOSS_FIELDS)
} rt_pair_loss_args;
/* Returns max(0, margin - target * (a - b)), reduced as asked: a is to be the larger for target 1. */
#define rt_margin_ranking_loss(...)                                                                \
    RT_OP_CALL(rt_margin_ranking_loss_, rt_pair_loss_args, RT_PAIR_LOSS_FIELDS, a, __VA_ARGS__)
/* Returns 1 - cos where the target is 1, max(0, cos - margin) where it is -1, reduced as asked; cos
 * is the cosine of the angle of a and b along their last axis. a, b: [n, d] or [d], target: [n] or
 * []. */
#define rt_cosine_embedding_loss(...)                                                              \
    RT_OP_CALL(rt_cosine_embedding_loss_, rt_pair_loss_args, RT_PAIR_LOSS_FIELDS, a, __VA_ARGS__)
RT_API rt_tensor *rt_margin_ranking_loss_(rt_pair_loss_args a);
RT_API rt_tensor *rt_cosine_embedding_loss_(rt_pair_loss_args a);
#define RT_TRIPLET_MARGIN_LOSS_FIELDS(F)                                                           \
    F(INPUT, anchor, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "[..., d]")                              \
    F(INPUT, positive, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "the same number of axes")             \
    F(INPUT, negative, RT_NEEDED, RT_PROMOTE | RT_NOT_BOOL, "the same number of axes")             \
    RT_REDUCTION_FIELD(F)                                                                          \
    F(NUMBER, margin, 1, RT_ANY, "by which the negative is to be further away")                    \
    F(NUMBER, p, 2, RT_ANY, "the order of the distance, as of rt_pairwise_distance")               \
    F(NUMBER, eps, 1e-6, RT_ANY, "added to differences")                                           \
    F(FLAG, swap, false, RT_ANY, "use the distance of positive and negative if that is smaller")
typedef struct rt_triplet_margin_loss_args {
    RT_STRUCT(RT_TRIPLET_MARGIN_LOSS_FIELDS)
} rt_triplet_margin_loss_args;
/* Returns max(0, margin + |anchor - positive| - |anchor - negative|) (Balntas et al. 2016), reduced
 * as asked. */
#define rt_triplet_margin_loss(...)                                                                \
    RT_OP_CALL(rt_triplet_margin_loss_, rt_triplet_margin_loss_args,                               \
               RT_TRIPLET_MARGIN_LOSS_FIELDS, anchor, __VA_ARGS__)
RT_API rt_tensor *rt_triplet_margin_loss_(rt_triplet_margin_loss_args a);
/* The arguments of rt_triplet_margin_with_distance_loss. */
typedef struct rt_triplet_margin_with_distance_loss_args {
    rt_tensor *anchor;   /* [..., d] */
    rt_tensor *positive; /* to which the anchor is to be near */
    rt_tensor *negative; /* from which it is to be far */
    /* returns the distances of a and b, made of differentiable operations; must be given: NULL fails */
    rt_tensor *(*distance)(rt_tensor *a, rt_tensor *b, void *user);
    void *user;             /* for distance */
    rt_reduction reduction; /* how the losses of the elements are reduced */
    double margin;          /* as in rt_triplet_margin_loss */
    bool swap;              /* as in rt_triplet_margin_loss */
} rt_triplet_margin_with_distance_loss_args;
#define RT_TRIPLET_MARGIN_WITH_DISTANCE_LOSS_DEFAULTS .margin = 1
/* As rt_triplet_margin_loss, with a distance that the program computes; for C alone, as a function
 * has no name in JSON. Fails if .distance is NULL: rt_triplet_margin_loss has a distance of its own. */
#define rt_triplet_margin_with_distance_loss(...)                                                  \
    RT_CALL_WITH_DEFAULTS(rt_triplet_margin_with_distance_loss_,                                   \
                          rt_triplet_margin_with_distance_loss_args,                               \
                          RT_TRIPLET_MARGIN_WITH_DISTANCE_LOSS_DEFAULTS, anchor, __VA_ARGS__)
RT_API rt_tensor *
rt_triplet_margin_with_distance_loss_(rt_triplet_margin_with_distance_loss_args a);

/* ---- sequences ---- */

#define RT_CTC_LOSS_FIELDS(F)                                                                      \
    F(INPUT, log_probs, RT_NEEDED, RT_TYPE(F32) | RT_TYPE(F64),                                    \
      "[t, n, classes] or [t, classes]: logarithms of probabilities, as from rt_log_softmax")      \
    F(INPUT, targets, RT_NEEDED, RT_TYPE(I64),                                                     \
      "[n, s], or one behind the other in [sum of target_lengths]: classes without the blank")     \
    F(INPUT, input_lengths, RT_NEEDED, RT_TYPE(I64), "[n] or []: at most t")                       \
    F(INPUT, target_lengths, RT_NEEDED, RT_TYPE(I64), "[n] or []")                                 \
    F(CHOICE, reduction, RT_MEAN, "mean|sum|none",                                                 \
      "mean: of the losses divided by their target's length, which counts as 1 if it is 0")        \
    F(INT, blank, 0, RT_FROM(0), "the class that stands for no output")                            \
    F(FLAG, zero_infinity, false, RT_ANY, "infinite losses, of inputs that are too short, are 0")
typedef struct rt_ctc_loss_args {
    RT_STRUCT(RT_CTC_LOSS_FIELDS)
} rt_ctc_loss_args;
/* Returns minus the logarithm of the probability of each target: the sum over all its alignments
 * with the input (connectionist temporal classification, Graves et al. 2006), reduced as asked. The
 * gradient is that of the logits of a softmax, with which log_probs are normalised, and has no
 * gradient of its own. */
#define rt_ctc_loss(...)                                                                           \
    RT_OP_CALL(rt_ctc_loss_, rt_ctc_loss_args, RT_CTC_LOSS_FIELDS, log_probs, __VA_ARGS__)
RT_API rt_tensor *rt_ctc_loss_(rt_ctc_loss_args a);

RT_END_DECLS

#endif
