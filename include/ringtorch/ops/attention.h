/* Attention (Vaswani et al. 2017) over any number of sequences at once.
 *
 *     rt_tensor *q = rt_randn(rt_shape(8, 4, 128, 32));   // [8,4,128,32]: [batch, heads, places, d]
 *     rt_tensor *k = rt_randn(rt_shape(8, 4, 128, 32)), *v = rt_randn(rt_shape(8, 4, 128, 32));
 *     rt_tensor *y = rt_scaled_dot_product_attention(q, k, v, .causal = true);   // [8,4,128,32]
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_ATTENTION_H
#define RINGTORCH_OPS_ATTENTION_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_ATTENTION_FIELDS(F)                                                                     \
    F(INPUT, q, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., t, d]")                                     \
    F(INPUT, k, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., s, d]")                                     \
    F(INPUT, v, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., s, e]")                                     \
    F(INPUT, mask, RT_OPTIONAL, RT_FLOATS | RT_TYPE(BOOL),                                         \
      "broadcasts to [..., t, s]; bool: true where a place is seen; floats: added to the scores")  \
    F(FLAG, causal, false, RT_ANY, "place i sees only places 0 to i")                              \
    F(NUMBER, scale, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(-1e18)),                                       \
      "factor of q k^T; not given: 1 / sqrt(d)")                                                   \
    F(NUMBER, dropout, 0, RT_WITHIN(0, 1), "probability that a weight becomes zero")               \
    F(FLAG, grouped, false, RT_ANY, "k and v have fewer heads, each for a group of q's neighbours")
/* The arguments of rt_scaled_dot_product_attention. */
typedef struct rt_attention_args {
    RT_STRUCT(RT_ATTENTION_FIELDS)
} rt_attention_args;
/* Returns softmax(q k^T * scale + mask) v, of shape [..., t, e] (Vaswani et al. 2017). A place of q that sees no
 * place is 0. Axes before the last two broadcast, those of mask to those of q, k and v. With .grouped, q is [..., heads, t, d],
 * and k and v have a number of heads that divides it (grouped queries, Ainslie et al. 2023): with 8 and 2, heads 0 to 3
 * of q meet head 0 of k and v. The weights [..., t, s] are never held as a whole (Dao et al. 2022), except for gradients of
 * mask and of gradients. Dropout draws for them as rt_dropout does, whenever .dropout is not 0: there is no mode for
 * evaluation, for which a program leaves it out. */
#define rt_scaled_dot_product_attention(...)                                                       \
    RT_OP_CALL(rt_scaled_dot_product_attention_, rt_attention_args, RT_ATTENTION_FIELDS, q,        \
               __VA_ARGS__)
RT_API rt_tensor *rt_scaled_dot_product_attention_(rt_attention_args a);

RT_END_DECLS

#endif
