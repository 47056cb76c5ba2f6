/* What composites of elementwise operations share: their arguments, and the functions that call them by their public names.
 *
 *     RT_COMPOSITE(softsign, rt_one_args, RT_ONE_FIELDS, "y = x / (1 + |x|)")
 *     {
 *         return rt_div(a->x, rt_add_scalar(rt_abs(a->x), 1));
 *     }
 *     RT_CALLS_ONE(softsign)
 *
 * In place, a composite is one that calls others in place, or puts its result there by rt__put_in_place; its inputs are not converted. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_POINTWISE_COMPOSITES_H
#define RINGTORCH_WORKER_ENGINE_OPS_POINTWISE_COMPOSITES_H

#include "worker/engine/ops/ops.h"

#define RT_ONE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")
typedef struct RT_DESIGNATED rt_one_args {
    RT_STRUCT(RT_ONE_FIELDS)
} rt_one_args;

#define RT_TWO_FIELDS(F)                                                                           \
    F(INPUT, a, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, b, RT_NEEDED, RT_ANY_TYPE, "one that broadcasts with it")
typedef struct RT_DESIGNATED rt_two_args {
    RT_STRUCT(RT_TWO_FIELDS)
} rt_two_args;

#define RT_CALLS_ONE(id)                                                                           \
    rt_tensor *rt_##id(rt_tensor *x)                                                               \
    {                                                                                              \
        return rt_apply(&rt__op_##id, &(rt_one_args){.x = x});                                     \
    }
#define RT_CALLS_ONE_INPLACE(id)                                                                   \
    rt_tensor *rt_##id##_inplace(rt_tensor *x)                                                     \
    {                                                                                              \
        return rt_apply(&rt__op_##id##_, &(rt_one_args){.x = x});                                  \
    }
#define RT_CALLS_TWO(id)                                                                           \
    rt_tensor *rt_##id(rt_tensor *a, rt_tensor *b)                                                 \
    {                                                                                              \
        return rt_apply(&rt__op_##id, &(rt_two_args){.a = a, .b = b});                             \
    }
#define RT_CALLS_TWO_INPLACE(id)                                                                   \
    rt_tensor *rt_##id##_inplace(rt_tensor *a, rt_tensor *b)                                       \
    {                                                                                              \
        return rt_apply(&rt__op_##id##_, &(rt_two_args){.a = a, .b = b});                          \
    }
/* For a struct of arguments. */
#define RT_CALLS(id)                                                                               \
    rt_tensor *rt_##id##_(rt_##id##_args a)                                                        \
    {                                                                                              \
        return rt_apply(&rt__op_##id, &a);                                                         \
    }
#define RT_CALLS_INPLACE(id)                                                                       \
    rt_tensor *rt_##id##_inplace_(rt_##id##_args a)                                                \
    {                                                                                              \
        return rt_apply(&rt__op_##id##_, &a);                                                      \
    }

#endif
