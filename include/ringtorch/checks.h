/* Checks that find mistakes: values that are not finite, and gradients that are wrong.
 *
 *     static void loss(rt_tensor *const *in, rt_tensor **out, void *context)
 *     {
 *         (void)context;
 *         out[0] = rt_sum(rt_square(rt_sub(in[0], in[1])));
 *     }
 *
 *     rt_tensor *in[] = {rt_param(rt_zeros(rt_shape(3), RT_F64)), rt_ones(rt_shape(3), RT_F64)};
 *     rt_gradcheck(loss, .in = in, .n_in = 2, .n_out = 1);   // RT_OK, or it says which element is wrong
 *     rt_free(in[0]);
 *
 *     rt_value_checks former = rt_check_values((rt_value_checks){.nan = true, .inf = true});
 *     rt_tensor *x = rt_zeros(rt_shape(2, 3)), *y = rt_log(x);
 *     rt_check_values(former);
 *     printf("%s\n", rt_error());   // log: its result, float32[2,3] cpu, is -inf at [0,0], where x is 0
 *     rt_error_clear(); */
#ifndef RINGTORCH_CHECKS_H
#define RINGTORCH_CHECKS_H

#include <ringtorch/autograd.h>

RT_BEGIN_DECLS

/* What is wrong with a value of a float or complex tensor. All zeros: nothing is checked. */
typedef struct rt_value_checks {
    bool nan;    /* NaN */
    bool inf;    /* infinite values */
    double most; /* values of greater magnitude; 0: no limit */
} rt_value_checks;
/* Makes every operation of the calling thread check its results, and every backward its gradients, and
 * returns what was checked before. The first operation that makes a wrong value fails (NUMERIC) and
 * names itself, the tensor, the first place and the value there, and what its inputs are at that place; if an input is wrong already, it
 * names that. With .nan alone it is what PyTorch calls anomaly detection. It reads every
 * result once more, so it is for finding a mistake and not for training. Operations that are made of
 * others are checked by these. */
RT_API rt_value_checks rt_check_values(rt_value_checks now);

/* The arguments of rt_gradcheck; the values are PyTorch's. */
#define RT_GRADCHECK_DEFAULTS .eps = 1e-6, .atol = 1e-5, .rtol = 1e-3
/* The arguments of rt_gradcheck. */
typedef struct rt_gradcheck_args {
    rt_function function;         /* what is checked */
    void *context;                /* for the function */
    rt_tensor *const *in;         /* [n_in]: float64 where they want a gradient */
    int n_in;                     /* number of inputs */
    int n_out;                    /* number of results of the function */
    double eps RT_DEFAULT(1e-6);  /* elements of inputs are changed by that much */
    double atol RT_DEFAULT(1e-5); /* a difference of atol + rtol |numeric| is allowed */
    double rtol RT_DEFAULT(1e-3); /* see atol */
    bool second;                  /* check the gradients' gradients, too */
} rt_gradcheck_args;
/* Compares the gradients of a function with central differences (f(x + eps) - f(x - eps)) / 2 eps, every
 * element of every float64 result by every element of every input that wants a gradient. Fails with
 * NUMERIC, naming the first pair that differs and both values. The function must give the same values whenever it is
 * called. An input and its changed copies are passed in turn, so the function must not keep them. */
#define rt_gradcheck(...)                                                                          \
    RT_CALL_WITH_DEFAULTS(rt_gradcheck_, rt_gradcheck_args, RT_GRADCHECK_DEFAULTS, function,       \
                          __VA_ARGS__)
RT_API rt_status rt_gradcheck_(rt_gradcheck_args a);

RT_END_DECLS

#endif
