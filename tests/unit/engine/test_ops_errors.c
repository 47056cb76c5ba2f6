/* Tests of the exact messages of calls that operations refuse, one row per mistake, and of a few
 * results that need no table. */
#include "check.h"

#include <float.h>
#include <math.h>

static rt_tensor *f(rt_dims dims)
{
    return rt_ones(dims);
}

static rt_tensor *i(rt_dims dims)
{
    return rt_ones(dims, RT_I64);
}

static rt_tensor *parts[4];

/* Returns a result of a call that makes `count` of them. */
static rt_tensor *several(int count)
{
    return count > 0 ? parts[0] : NULL;
}

static rt_tensor *z(rt_dims dims)
{
    return rt_ones(dims, RT_C64);
}

/* MISTAKE(name, expression, code, message) */
#define MISTAKES                                                                                   \
    MISTAKE(add_shapes, rt_add(f(rt_shape(4, 2)), f(rt_shape(8, 2))), SHAPE,                       \
            "add: shapes [4,2] and [8,2] do not broadcast")                                        \
    MISTAKE(add_nothing, rt_add(f(rt_shape(2)), NULL), ARG, "add: argument 2 is no tensor (NULL)") \
    MISTAKE(sub_bool,                                                                              \
            rt_sub(rt_eq(i(rt_shape(2)), i(rt_shape(2))), rt_ones(rt_shape(2), RT_BOOL)),          \
            UNSUPPORTED, "sub: no kernel sub for bool on the CPU: convert with rt_to")             \
    MISTAKE(                                                                                       \
        maximum_of_complex, rt_maximum(f(rt_shape(2)), z(rt_shape(2))), DTYPE,                     \
        "maximum: complex64 is not supported, expected float32, float64, int64, int32, uint8, "    \
        "bool, bfloat16, float16, int8 or int16: convert it with rt_to")                           \
    MISTAKE(gelu_of_complex, rt_gelu(z(rt_shape(2))), DTYPE,                                       \
            "gelu: complex64 is not supported, expected float32, float64, bfloat16 or float16: "   \
            "convert it with rt_to")                                                               \
    MISTAKE(floor_of_complex, rt_floor(z(rt_shape(2))), DTYPE,                                     \
            "floor: x is complex64[2] cpu, expected float32, float64, int64, int32, uint8, bool, " \
            "bfloat16, float16, int8 or int16: convert it with rt_to")                             \
    MISTAKE(imag_of_real, rt_imag(f(rt_shape(2))), DTYPE,                                          \
            "imag: x is float32[2] cpu, expected complex64 or complex128: convert it with rt_to")  \
    MISTAKE(view_as_complex_of_three, rt_view_as_complex(f(rt_shape(2, 3))), SHAPE,                \
            "view_as_complex: float32[2,3] cpu, expected a last axis of 2")                        \
    MISTAKE(view_as_complex_apart, rt_view_as_complex(rt_t(f(rt_shape(2, 3)))), ARG,               \
            "view_as_complex: the last two elements of float32[3,2] cpu do not lie side by side, " \
            "or its other strides are odd: view rt_contiguous of it")                              \
    MISTAKE(view_as_complex_at_an_odd_place,                                                       \
            rt_view_as_complex(rt_view(rt_slice(f(rt_shape(5)), .start = 1), rt_shape(2, 2))),     \
            ARG,                                                                                   \
            "view_as_complex: float32[2,2] cpu begins at an odd place of its storage: clone it "   \
            "first")                                                                               \
    MISTAKE(div_zero, rt_div_trunc(i(rt_shape(2)), rt_zeros(rt_shape(2), RT_I64)), RANGE,          \
            "div_trunc: integer division by zero")                                                 \
    MISTAKE(div_floor_zero, rt_div_floor(i(rt_shape(2)), rt_zeros(rt_shape(2), RT_I64)), RANGE,    \
            "div_floor: integer division by zero")                                                 \
    MISTAKE(fmod_zero, rt_fmod(rt_ones(rt_shape(2), RT_U8), rt_zeros(rt_shape(), RT_U8)), RANGE,   \
            "fmod: integer division by zero")                                                      \
    MISTAKE(remainder_zero, rt_remainder(i(rt_shape(2)), rt_zeros(rt_shape(2), RT_I64)), RANGE,    \
            "remainder: integer division by zero")                                                 \
    MISTAKE(bits_of_floats, rt_bitwise_and(f(rt_shape(2)), f(rt_shape(2))), DTYPE,                 \
            "bitwise_and: float32 is not supported, expected int64, int32, uint8, bool, int8 or "  \
            "int16: convert it with rt_to")                                                        \
    MISTAKE(glu_of_an_odd_size, rt_glu(f(rt_shape(2, 3))), SHAPE,                                  \
            "glu: x [2,3]: axis -1 has 3 elements, expected two halves")                           \
    MISTAKE(prelu_weights, rt_prelu(f(rt_shape(2, 3, 4)), f(rt_shape(4))), SHAPE,                  \
            "prelu: weight [4], expected [3], one for each channel of x [2,3,4], or [1]")          \
    MISTAKE(rrelu_backwards, rt_rrelu(f(rt_shape(2)), 0.5, 0.25), RANGE,                           \
            "rrelu: slopes from 0.5 to 0.25, expected finite ones, the lower first")               \
    MISTAKE(masked_fill_mask, rt_masked_fill(f(rt_shape(2)), f(rt_shape(2)), 0), DTYPE,            \
            "masked_fill: mask is float32[2] cpu, expected bool: convert it with rt_to")           \
    MISTAKE(masked_fill_by_several,                                                                \
            rt_masked_fill_by(f(rt_shape(2)), rt_ones(rt_shape(2), RT_BOOL), f(rt_shape(2))),      \
            SHAPE, "masked_fill_by: value [2], expected one element without axes: see rt_where")   \
    MISTAKE(masked_fill_in_place_wider,                                                            \
            rt_masked_fill_inplace(f(rt_shape(2)), rt_ones(rt_shape(3, 2), RT_BOOL), 0), SHAPE,    \
            "masked_fill in place: the result is float32[3,2] cpu, which does not fit into "       \
            "float32[2] cpu")                                                                      \
    MISTAKE(heaviside_in_place_of_integers, rt_heaviside_inplace(i(rt_shape(2)), f(rt_shape(2))),  \
            DTYPE,                                                                                 \
            "heaviside in place: the result is float32[2] cpu, which int64[2] cpu cannot hold: "   \
            "convert that with rt_to first")                                                       \
    MISTAKE(sum_axis_of_33_bits, rt_sum(f(rt_shape(2)), rt_shape(1LL << 32)), RANGE,               \
            "sum: axis 4294967296, expected -1 to 0")                                              \
    MISTAKE(conv_padding_beyond_all,                                                               \
            rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 2, 2)),                            \
                      .padding = {INT64_MAX / 2, 0}),                                              \
            RANGE, "conv2d: padding is 4611686018427387903, expected 0 to 2147483647")             \
    MISTAKE(conv_groups_beyond_all,                                                                \
            rt_conv2d(f(rt_shape(1, 4, 4, 4)), f(rt_shape(4, 4, 2, 2)), .groups = 1LL << 62),      \
            RANGE, "conv2d: groups is 4611686018427387904, expected 1 to 2147483647")              \
    MISTAKE(                                                                                       \
        pool_of_a_huge_plane,                                                                      \
        rt_max_pool2d(rt_expand(f(rt_shape(1, 1, 1, 1)), rt_shape(1, 1, 65536, 32768)), {2, 2}),   \
        RANGE, "max_pool2d: x [1,1,65536,32768]: expected planes of less than 2^31 elements")      \
    MISTAKE(pool_of_a_huge_kernel, rt_avg_pool2d(f(rt_shape(1, 1, 4, 4)), {1LL << 62, 2}), RANGE,  \
            "avg_pool2d: kernel is 4611686018427387904, expected 1 to 2147483647")                 \
    MISTAKE(as_strided_outside,                                                                    \
            rt_as_strided(f(rt_shape(2, 3)), rt_shape(2, 2), rt_shape(4, 2), RT_NOT_GIVEN), RANGE, \
            "as_strided: shape [2,2] with strides [4,2] from element 0 reaches outside of the 6 "  \
            "elements in the memory of float32[2,3] cpu")                                          \
    MISTAKE(as_strided_backwards, rt_as_strided(f(rt_shape(3)), rt_shape(2), rt_shape(-1), 2),     \
            SHAPE,                                                                                 \
            "as_strided: strides [-1] for shape [2], expected one for each axis, 0 or more")       \
    MISTAKE(as_strided_huge, rt_as_strided(f(rt_shape(3)), rt_shape(3), rt_shape(1LL << 62), 0),   \
            RANGE,                                                                                 \
            "as_strided: shape [3] with strides [4611686018427387904] from element 0 reaches "     \
            "outside of the 3 elements in the memory of float32[3] cpu")                           \
    MISTAKE(movedim_twice, rt_movedim(f(rt_shape(2, 3)), rt_shape(0, -2), rt_shape(0, 1)), RANGE,  \
            "movedim: axes [0,-2] to places [0,1], expected each once")                            \
    MISTAKE(                                                                                       \
        attention_sizes,                                                                           \
        rt_scaled_dot_product_attention(f(rt_shape(3, 4)), f(rt_shape(5, 3)), f(rt_shape(5, 2))),  \
        SHAPE,                                                                                     \
        "scaled_dot_product_attention: q [3,4], k [5,3] and v [5,2]: expected [..., t, d], "       \
        "[..., s, d] and [..., s, e]")                                                             \
    MISTAKE(attention_groups,                                                                      \
            rt_scaled_dot_product_attention(f(rt_shape(4, 3, 4)), f(rt_shape(3, 5, 4)),            \
                                            f(rt_shape(3, 5, 2)), .grouped = true),                \
            SHAPE,                                                                                 \
            "scaled_dot_product_attention: q [4,3,4], k [3,5,4] and v [3,5,2]: grouped expects "   \
            "[..., heads, t, d], and numbers of heads of k and v that divide q's")                 \
    MISTAKE(                                                                                       \
        cell_rows,                                                                                 \
        rt_rnn_cell(f(rt_shape(3, 4)), f(rt_shape(2, 5)), f(rt_shape(5, 4)), f(rt_shape(5, 5))),   \
        SHAPE,                                                                                     \
        "rnn_cell: x [3,4] and h [2,5]: expected [n, in] and [n, hidden], or [in] and [hidden]")   \
    MISTAKE(                                                                                       \
        cell_weights,                                                                              \
        rt_gru_cell(f(rt_shape(2, 4)), f(rt_shape(2, 5)), f(rt_shape(15, 4)), f(rt_shape(5, 5))),  \
        SHAPE, "gru_cell: w_ih [15,4] and w_hh [5,5]: expected [15,4] and [15,5]")                 \
    MISTAKE(cell_bias,                                                                             \
            rt_rnn_cell(f(rt_shape(4)), f(rt_shape(5)), f(rt_shape(5, 4)), f(rt_shape(5, 5)),      \
                        .b_hh = f(rt_shape(4))),                                                   \
            SHAPE, "linear: bias [4], expected [5]")                                               \
    MISTAKE(lstm_state,                                                                            \
            rt_lstm_cell(f(rt_shape(4)), f(rt_shape(1)), f(rt_shape(2)), f(rt_shape(4, 4)),        \
                         f(rt_shape(4, 1)))                                                        \
                .h,                                                                                \
            SHAPE, "lstm_cell: c [2], expected [1], as h")                                         \
    MISTAKE(unflatten_size, rt_unflatten(f(rt_shape(2, 6)), 1, rt_shape(4, -1)), SHAPE,            \
            "unflatten: axis 1 of float32[2,6] cpu does not fit into shape [4,-1]")                \
    MISTAKE(diagonal_axes, rt_diagonal(f(rt_shape(2, 3)), .axis1 = 1, .axis2 = -1), RANGE,         \
            "diagonal: axis 1 and axis -1 are one, expected two")                                  \
    MISTAKE(                                                                                       \
        unfold_size, rt_unfold(f(rt_shape(2, 3)), 1, 4, 1), SHAPE,                                 \
        "unfold: windows of 4 along axis 1 of [2,3], expected at most its size, and at most 7 "    \
        "axes")                                                                                    \
    MISTAKE(chunk_room, several(rt_chunk(f(rt_shape(4)), 3, 0, parts, 1)), ARG,                    \
            "chunk makes 2 results, but there is room for 1")                                      \
    MISTAKE(split_size, several(rt_split(f(rt_shape(4)), 0, 0, parts, 2)), RANGE,                  \
            "split: parts of size 0 along axis 0 of float32[4] cpu, expected 1 or more")           \
    MISTAKE(split_sizes,                                                                           \
            several(rt_split_with_sizes(f(rt_shape(4)), (int64_t[]){1, 2}, 2, 0, parts)), SHAPE,   \
            "split_with_sizes: the sum of the sizes is not the size of axis 0 of float32[4] cpu")  \
    MISTAKE(tensor_split_sections, several(rt_tensor_split(f(rt_shape(4)), 0, NULL, 0, parts, 2)), \
            RANGE, "tensor_split: sections is 0, expected 1 or more")                              \
    MISTAKE(hsplit_uneven, several(rt_hsplit(f(rt_shape(2, 5)), 2, NULL, parts, 2)), SHAPE,        \
            "hsplit: axis 1 of float32[2,5] cpu does not divide into 2 equal parts")               \
    MISTAKE(meshgrid_matrix,                                                                       \
            several(rt_meshgrid((rt_tensor *[]){f(rt_shape(2)), f(rt_shape(2, 2))}, 2, 0, parts)), \
            SHAPE, "meshgrid: tensor 1 is float32[2,2] cpu, expected one axis or none")            \
    MISTAKE(block_diag_axes, rt_block_diag((rt_tensor *[]){f(rt_shape(2, 2, 2))}, 1), SHAPE,       \
            "block_diag: tensor 0 is float32[2,2,2] cpu, expected at most two axes")               \
    MISTAKE(repeat_axes, rt_repeat(f(rt_shape(2, 3)), rt_shape(2)), SHAPE,                         \
            "repeat: [2] times of float32[2,3] cpu, expected one number for each axis")            \
    MISTAKE(repeat_times, rt_repeat(f(rt_shape(2)), rt_shape(-1)), RANGE,                          \
            "repeat: [-1] times of float32[2] cpu, expected 0 or more, and no axis longer than "   \
            "2^63")                                                                                \
    MISTAKE(repeat_interleave_both,                                                                \
            rt_repeat_interleave(f(rt_shape(2)), .counts = i(rt_shape(2)), .repeats = 2), ARG,     \
            "repeat_interleave: both are given, expected either repeats or counts")                \
    MISTAKE(repeat_interleave_negative,                                                            \
            rt_repeat_interleave(f(rt_shape(2)), .counts = rt_neg(i(rt_shape(2)))), RANGE,         \
            "repeat_interleave: counts[0] is -1, expected 0 or more, and together less than 2^63") \
    MISTAKE(roll_axes, rt_roll(f(rt_shape(2, 3)), (int64_t[]){1, 2}, NULL, 2), SHAPE,              \
            "roll: 2 shifts for 0 axes, expected as many")                                         \
    MISTAKE(flip_twice, rt_flip(f(rt_shape(2, 3)), rt_shape(1, -1)), RANGE,                        \
            "flip: axis 1 is twice in [1,-1]")                                                     \
    MISTAKE(rot90_axes, rt_rot90(f(rt_shape(2, 3)), 1, 1, 1), RANGE,                               \
            "rot90: axis 1 and axis 1 are one, expected two")                                      \
    MISTAKE(tril_axes, rt_tril(f(rt_shape(2)), 0), SHAPE,                                          \
            "tril: float32[2] cpu, expected two axes or more")                                     \
    MISTAKE(diag_axes, rt_diag(f(rt_shape(2, 2, 2)), 0), SHAPE,                                    \
            "diag: float32[2,2,2] cpu, expected [n] or [n,m]")                                     \
    MISTAKE(diag_embed_far, rt_diag_embed(f(rt_shape(2)), .offset = INT64_MAX), RANGE,             \
            "diag_embed: offset is 9223372036854775807, expected -4.61168601842739e+18 to "        \
            "4.61168601842739e+18")                                                                \
    MISTAKE(linspace_bool, rt_linspace(0, 1, 2, RT_BOOL), DTYPE,                                   \
            "linspace: bool, expected a type of numbers")                                          \
    MISTAKE(tril_indices_huge, rt_tril_indices(1LL << 40, 1LL << 40, 0), RANGE,                    \
            "tril_indices: the indices are more than any memory holds")                            \
    MISTAKE(one_hot_class, rt_one_hot(i(rt_shape(2)), 1), RANGE,                                   \
            "one_hot: index 1, expected 0 to 0")                                                   \
    MISTAKE(one_hot_of_nothing, rt_one_hot(i(rt_shape(0)), RT_NOT_GIVEN), ARG,                     \
            "one_hot: the number of classes of int64[0] cpu is unknown: give it")                  \
    MISTAKE(uniform_backwards, rt_uniform(rt_shape(2), 2, 1), RANGE,                               \
            "uniform: range [2, 1), expected finite ends, the lower first")                        \
    MISTAKE(uniform_without_end, rt_uniform(rt_shape(2), 0, INFINITY), RANGE,                      \
            "uniform: range [0, inf), expected finite ends, the lower first")                      \
    MISTAKE(normal_of_negative_width, rt_normal(rt_shape(2), 0, -1), RANGE,                        \
            "normal: std is -1, expected 0 or more")                                               \
    MISTAKE(leaky_relu_dtype, rt_leaky_relu(i(rt_shape(2))), DTYPE,                                \
            "leaky_relu: x is int64[2] cpu, expected float32, float64, bfloat16 or float16: "      \
            "convert it with rt_to")                                                               \
    MISTAKE(celu_alpha, rt_celu(f(rt_shape(2)), .alpha = 0), RANGE,                                \
            "celu: alpha is 0, expected 1e-30 or more")                                            \
    MISTAKE(logit_eps, rt_logit(f(rt_shape(2)), 1.5), RANGE, "logit: eps is 1.5, expected 0 to 1") \
    MISTAKE(polygamma_order, rt_polygamma(f(rt_shape(2)), -1), RANGE,                              \
            "polygamma: n is -1, expected 0 to 1000000")                                           \
    MISTAKE(softshrink_lambda, rt_softshrink(f(rt_shape(2)), -1), RANGE,                           \
            "softshrink: lambda is -1, expected 0 or more")                                        \
    MISTAKE(lerp_shapes, rt_lerp(f(rt_shape(3, 1)), f(rt_shape(4)), f(rt_shape(2, 4))), SHAPE,     \
            "lerp: shapes [3,4] and [2,4] do not broadcast")                                       \
    MISTAKE(where_condition, rt_where(f(rt_shape(2)), f(rt_shape(2)), f(rt_shape(2))), DTYPE,      \
            "where: condition is float32[2] cpu, expected bool: convert it with rt_to")            \
    MISTAKE(sum_axis, rt_sum(f(rt_shape(2, 3)), rt_shape(2)), RANGE,                               \
            "sum: axis 2, expected -2 to 1")                                                       \
    MISTAKE(sum_axis_twice, rt_sum(f(rt_shape(2, 3)), rt_shape(0, -2)), ARG,                       \
            "sum: axis 0 is named twice")                                                          \
    MISTAKE(mean_dtype, rt_mean(i(rt_shape(2))), DTYPE,                                            \
            "mean: x is int64[2] cpu and the mean would be int64: give a float dtype")             \
    MISTAKE(mean_as_integers, rt_mean(f(rt_shape(2)), .dtype = RT_I32), DTYPE,                     \
            "mean: x is float32[2] cpu and the mean would be int32: give a float dtype")           \
    MISTAKE(argmin_of_none, rt_argmin(f(rt_shape(2, 0))), SHAPE,                                   \
            "argmin: float32[2,0] cpu has no elements")                                            \
    MISTAKE(max_axis, rt_max(f(rt_shape(2, 3)), 2).values, RANGE, "max: axis 2, expected -2 to 1") \
    MISTAKE(cumsum_axis, rt_cumsum(f(rt_shape(2, 3)), -3), RANGE,                                  \
            "cumsum: axis -3, expected -2 to 1")                                                   \
    MISTAKE(diff_scalar, rt_diff(f(rt_shape())), RANGE,                                            \
            "diff: axis -1 of a scalar, which has none")                                           \
    MISTAKE(trapezoid_places, rt_trapezoid(f(rt_shape(2, 3)), f(rt_shape(2))), SHAPE,              \
            "trapezoid: x float32[2] cpu does not fit axis 1 of y float32[2,3] cpu")               \
    MISTAKE(kthvalue_of_too_few, rt_kthvalue(f(rt_shape(2, 3)), 4).values, RANGE,                  \
            "kthvalue: k is 4, expected 1 to 3, the size of axis 1 of float32[2,3] cpu")           \
    MISTAKE(median_empty, rt_median(f(rt_shape(2, 0)), 1).values, SHAPE,                           \
            "median: float32[2,0] cpu has no elements along axis 1")                               \
    MISTAKE(mode_empty, rt_mode(f(rt_shape(2, 0))).values, SHAPE,                                  \
            "mode: float32[2,0] cpu has no elements along axis 1")                                 \
    MISTAKE(quantile_above_1, rt_quantile(f(rt_shape(3)), rt_scalar(1.5)), RANGE,                  \
            "quantile: q goes from 1.5 to 1.5, expected 0 to 1")                                   \
    MISTAKE(quantile_of_none, rt_quantile(f(rt_shape(0)), rt_scalar(0.5)), SHAPE,                  \
            "quantile: float32[0] cpu has no elements")                                            \
    MISTAKE(quantile_q, rt_quantile(f(rt_shape(3)), f(rt_shape(2, 2))), SHAPE,                     \
            "quantile: q is float32[2,2] cpu, expected [] or [m]")                                 \
    MISTAKE(bincount_shape, rt_bincount(i(rt_shape(2, 2))), SHAPE,                                 \
            "bincount: x int64[2,2] cpu, expected [n] and weights of that shape")                  \
    MISTAKE(bincount_negative, rt_bincount(rt_full(rt_shape(2), -3, RT_I64)), RANGE,               \
            "bincount: x has the element -3, expected 0 or more")                                  \
    MISTAKE(bincount_huge, rt_bincount(rt_full(rt_shape(2), 0x1p62, RT_I64)), RANGE,               \
            "bincount: x has the element 4611686018427387904, expected less than 2^62")            \
    MISTAKE(histc_ends, rt_histc(f(rt_shape(3)), 4, 2, 1), RANGE,                                  \
            "histc: bins from 2 to 1, expected finite ends in ascending order")                    \
    MISTAKE(                                                                                       \
        pow_scalar_of_integers, rt_pow_scalar(i(rt_shape(2)), -1), RANGE,                          \
        "pow_scalar: int64[2] cpu to the power of -1, which is no integer: convert it with rt_to") \
    MISTAKE(                                                                                       \
        pow_scalar_of_bools, rt_pow_scalar(rt_ones(rt_shape(), RT_BOOL), -2), RANGE,               \
        "pow_scalar: int64[] cpu to the power of -2, which is no integer: convert it with rt_to")  \
    MISTAKE(amax_empty, rt_amax(f(rt_shape(2, 0)), rt_shape(1)), SHAPE,                            \
            "amax: float32[2,0] cpu has no elements along the reduced axes")                       \
    MISTAKE(argmax_empty, rt_argmax(f(rt_shape(2, 0)), 1), SHAPE,                                  \
            "argmax: float32[2,0] cpu has no elements along axis 1")                               \
    MISTAKE(topk_of_too_few, rt_topk(f(rt_shape(2, 3)), 4).values, RANGE,                          \
            "topk: k is 4, expected 0 to 3, the size of axis 1 of float32[2,3] cpu")               \
    MISTAKE(topk_of_less_than_none, rt_topk(f(rt_shape(2, 3)), -1, 0).index, RANGE,                \
            "topk: k is -1, expected 0 to 2, the size of axis 0 of float32[2,3] cpu")              \
    MISTAKE(topk_of_a_scalar, rt_topk(f(rt_shape()), 0).values, RANGE,                             \
            "topk: k is 0, expected 1 to 1, the size of axis 0 of float32[] cpu")                  \
    MISTAKE(topk_axis, rt_topk(f(rt_shape(2, 3)), 1, 2).values, RANGE,                             \
            "topk: axis 2, expected -2 to 1")                                                      \
    MISTAKE(topk_dtype, rt_topk(rt_ones(rt_shape(2), RT_BOOL), 1).values, DTYPE,                   \
            "topk: x is bool[2] cpu, expected float32, float64, int64, int32, uint8, bfloat16, "   \
            "float16, int8 or int16: convert it with rt_to")                                       \
    MISTAKE(var_mean_axis, rt_var_mean(f(rt_shape(2)), rt_shape(1)).mean, RANGE,                   \
            "var_mean: axis 1, expected -1 to 0")                                                  \
    MISTAKE(var_mean_correction, rt_var_mean(f(rt_shape(2)), .correction = -1).var, RANGE,         \
            "var_mean: correction is -1, expected 0 or more")                                      \
    MISTAKE(matmul_inner, rt_matmul(f(rt_shape(2, 3)), f(rt_shape(4, 5))), SHAPE,                  \
            "matmul: [2,3] and [4,5]: inner sizes 3 and 4 differ")                                 \
    MISTAKE(matmul_inner_t, rt_matmul(f(rt_shape(2, 3)), f(rt_shape(3, 5)), .transpose_a = true),  \
            SHAPE, "matmul: [2,3]^T and [3,5]: inner sizes 2 and 3 differ")                        \
    MISTAKE(matmul_batch, rt_matmul(f(rt_shape(2, 1, 3)), f(rt_shape(3, 3, 1))), SHAPE,            \
            "matmul: shapes [2] and [3] do not broadcast")                                         \
    MISTAKE(matmul_scalar, rt_matmul(f(rt_shape()), f(rt_shape(2))), SHAPE,                        \
            "matmul: float32[] cpu and float32[2] cpu: a scalar is no matrix, use rt_mul")         \
    MISTAKE(linear_in, rt_linear(f(rt_shape(2, 3)), f(rt_shape(5, 4))), SHAPE,                     \
            "linear: x [2,3] and w [5,4]: expected [..., in] and [out, in]")                       \
    MISTAKE(linear_bias, rt_linear(f(rt_shape(2, 3)), f(rt_shape(5, 3)), f(rt_shape(4))), SHAPE,   \
            "linear: bias [4], expected [5]")                                                      \
    MISTAKE(mm_axes, rt_mm(f(rt_shape(2, 3)), f(rt_shape(3))), SHAPE,                              \
            "mm: b is [3], expected 2 axes")                                                       \
    MISTAKE(mm_inner, rt_mm(f(rt_shape(2, 3)), f(rt_shape(4, 5))), SHAPE,                          \
            "mm: [2,3] and [4,5]: the inner sizes differ")                                         \
    MISTAKE(bmm_batch, rt_bmm(f(rt_shape(1, 2, 3)), f(rt_shape(2, 3, 4))), SHAPE,                  \
            "bmm: [1,2,3] and [2,3,4]: the batches differ")                                        \
    MISTAKE(mm_bool, rt_mm(rt_ones(rt_shape(2, 2), RT_BOOL), rt_ones(rt_shape(2, 2), RT_BOOL)),    \
            DTYPE,                                                                                 \
            "mm: a is bool[2,2] cpu, expected float32, float64, int64, int32, uint8, bfloat16, "   \
            "float16, int8, int16, complex64 or complex128: convert it with rt_to")                \
    MISTAKE(dot_axes, rt_dot(f(rt_shape(2, 3)), f(rt_shape(3))), SHAPE,                            \
            "dot: a is [2,3], expected 1 axis")                                                    \
    MISTAKE(inner_sizes, rt_inner(f(rt_shape(2, 3)), f(rt_shape(4))), SHAPE,                       \
            "inner: [2,3] and [4]: the last sizes differ")                                         \
    MISTAKE(kron_axes, rt_kron(f(rt_shape(2, 2, 2, 2, 2)), f(rt_shape(2, 2, 2, 2, 2))), SHAPE,     \
            "kron: [2,2,2,2,2] and [2,2,2,2,2]: the axes, where those that are longer than 1 in "  \
            "both count twice, are 10, more than 8")                                               \
    MISTAKE(cross_axes, rt_cross(f(rt_shape(2, 3)), f(rt_shape(3))), SHAPE,                        \
            "cross: [2,3] and [3]: expected as many axes")                                         \
    MISTAKE(cross_no_three, rt_cross(f(rt_shape(2, 4)), f(rt_shape(2, 4))), SHAPE,                 \
            "cross: [2,4] and [2,4]: no axis has size 3 in both")                                  \
    MISTAKE(cross_axis, rt_cross(f(rt_shape(3, 4)), f(rt_shape(3, 4)), 1), SHAPE,                  \
            "cross: [3,4] and [3,4]: axis 1 must have size 3")                                     \
    MISTAKE(bilinear_w, rt_bilinear(f(rt_shape(2, 3)), f(rt_shape(2, 4)), f(rt_shape(5, 4, 3))),   \
            SHAPE,                                                                                 \
            "bilinear: a [2,3], b [2,4] and w [5,4,3]: expected [..., in1], [..., in2] and [out, " \
            "in1, in2]")                                                                           \
    MISTAKE(                                                                                       \
        bilinear_bias,                                                                             \
        rt_bilinear(f(rt_shape(2, 3)), f(rt_shape(2, 4)), f(rt_shape(5, 3, 4)), f(rt_shape(4))),   \
        SHAPE, "bilinear: bias [4], expected [5]")                                                 \
    MISTAKE(multi_dot_one, rt_multi_dot((rt_tensor *[]){f(rt_shape(2, 3))}, 1), ARG,               \
            "multi_dot: expected 2 matrices or more, not 1")                                       \
    MISTAKE(multi_dot_inner,                                                                       \
            rt_multi_dot((rt_tensor *[]){f(rt_shape(3)), f(rt_shape(3, 4)), f(rt_shape(5))}, 3),   \
            SHAPE, "multi_dot: xs[1] and xs[2], [3,4] and [5]: the inner sizes differ")            \
    MISTAKE(chain_of_vector,                                                                       \
            rt_chain_matmul((rt_tensor *[]){f(rt_shape(3)), f(rt_shape(3, 4))}, 2), SHAPE,         \
            "chain_matmul: xs[0] is [3], expected a matrix")                                       \
    MISTAKE(addmm_x, rt_addmm(f(rt_shape(3, 4)), f(rt_shape(2, 3)), f(rt_shape(3, 4))), SHAPE,     \
            "addmm: shapes [3,4] and [2,4] do not broadcast")                                      \
    MISTAKE(addmm_larger_x, rt_addmm(f(rt_shape(5, 2, 4)), f(rt_shape(2, 3)), f(rt_shape(3, 4))),  \
            SHAPE, "addmm: x is [5,2,4], which does not broadcast to the product, [2,4]")          \
    MISTAKE(addmm_fraction, rt_addmm(i(rt_shape(2)), i(rt_shape(2, 2)), i(rt_shape(2, 2)), 0.5),   \
            ARG, "addmm: beta 0.5 and alpha 1: integers need whole factors")                       \
    MISTAKE(addbmm_batch,                                                                          \
            rt_addbmm(f(rt_shape(2, 4)), f(rt_shape(2, 2, 3)), f(rt_shape(1, 3, 4))), SHAPE,       \
            "addbmm: [2,2,3] and [1,3,4]: expected [batch, m, k] and [batch, k, n]")               \
    MISTAKE(tensordot_count, rt_tensordot(f(rt_shape(3)), f(rt_shape(3))), SHAPE,                  \
            "tensordot: [3] and [3] have no 2 axes each to sum over")                              \
    MISTAKE(tensordot_lists, rt_tensordot(f(rt_shape(3)), f(rt_shape(3)), .axes_a = rt_shape(0)),  \
            ARG, "tensordot: axes_a and axes_b are lists of 1 and 0 axes, not of one length")      \
    MISTAKE(tensordot_twice,                                                                       \
            rt_tensordot(f(rt_shape(3, 3)), f(rt_shape(3, 3)), .axes_a = rt_shape(0, 1),           \
                         .axes_b = rt_shape(0, -2)),                                               \
            ARG, "tensordot: pair 1 has an axis that an earlier one has")                          \
    MISTAKE(tensordot_sizes, rt_tensordot(f(rt_shape(2, 3)), f(rt_shape(4, 3)), 1), SHAPE,         \
            "tensordot: [2,3] and [4,3]: sizes 3 and 4 of axes 1 and 0 differ")                    \
    MISTAKE(einsum_letter, rt_einsum("i1->i", f(rt_shape(2, 3))), ARG,                             \
            "einsum: 'i1->i', character 2: expected a letter, '...', a comma or '->'")             \
    MISTAKE(einsum_arrow, rt_einsum("ij->i->j", f(rt_shape(2, 3))), ARG,                           \
            "einsum: 'ij->i->j', character 6: nothing may follow the result")                      \
    MISTAKE(einsum_result, rt_einsum("ij->ik", f(rt_shape(2, 3))), ARG,                            \
            "einsum: 'ij->ik', character 6: no operand has this axis of the result")               \
    MISTAKE(einsum_result_twice, rt_einsum("ij->iji", f(rt_shape(2, 3))), ARG,                     \
            "einsum: 'ij->iji', character 7: the result has this axis twice")                      \
    MISTAKE(einsum_rests, rt_einsum("...i...", f(rt_shape(2, 3))), ARG,                            \
            "einsum: '...i...', character 5: a second '...' in one group")                         \
    MISTAKE(einsum_letters, rt_einsum("ijk", f(rt_shape(2, 3))), SHAPE,                            \
            "einsum: 'ijk': operand 0 is [2,3], but its group has 3 letters")                      \
    MISTAKE(einsum_few, rt_einsum("ij", f(rt_shape(2, 3)), f(rt_shape(3))), ARG,                   \
            "einsum: 'ij' has groups for 1 tensors, but there are 2")                              \
    MISTAKE(einsum_more, rt_einsum("ij,j", f(rt_shape(2, 3))), ARG,                                \
            "einsum: 'ij,j', character 3: a group more than the 1 tensors")                        \
    MISTAKE(einsum_sizes, rt_einsum("ij,jk", f(rt_shape(2, 3)), f(rt_shape(4, 5))), SHAPE,         \
            "einsum: 'ij,jk': operand 1 is [4,5]: 'j' has size 4, but 3 before")                   \
    MISTAKE(einsum_diagonal, rt_einsum("ii", f(rt_shape(2, 1))), SHAPE,                            \
            "einsum: 'ii': operand 0 is [2,1]: 'i' has size 1, but 2 before")                      \
    MISTAKE(einsum_ninth, rt_einsum("abcdefghi", f(rt_shape(2))), ARG,                             \
            "einsum: 'abcdefghi', character 9: a ninth axis, but tensors have 8 at most")          \
    MISTAKE(einsum_large,                                                                          \
            rt_einsum("abcde,fghij", f(rt_shape(1, 1, 1, 1, 1)), f(rt_shape(1, 1, 1, 1, 1))),      \
            SHAPE, "einsum: 'abcde,fghij': the result has 10 axes, more than 8")                   \
    MISTAKE(conv_axes, rt_conv2d(f(rt_shape(3, 4)), f(rt_shape(1, 1, 3, 3))), SHAPE,               \
            "conv2d: x [3,4] and w [1,1,3,3]: expected [n,in,h,w] or [in,h,w], and "               \
            "[out,in/groups,kh,kw]")                                                               \
    MISTAKE(conv_half_a_stride,                                                                    \
            rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 2, 2)), .stride = {2}), RANGE,     \
            "conv2d: stride is 0, expected 1 to 2147483647")                                       \
    MISTAKE(conv_no_groups,                                                                        \
            rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 2, 2)), .groups = 0), RANGE,       \
            "conv2d: groups is 0, expected 1 to 2147483647")                                       \
    MISTAKE(                                                                                       \
        conv_channels, rt_conv2d(f(rt_shape(1, 3, 4, 4)), f(rt_shape(2, 2, 3, 3))), SHAPE,         \
        "conv2d: x [1,3,4,4] has 3 channels, w [2,2,3,3] with 1 groups takes 2 in each group, "    \
        "and makes 2 in all")                                                                      \
    MISTAKE(conv_kernel, rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 5, 3))), SHAPE,       \
            "conv2d: a kernel of 5 with dilation 1 reaches over 5, more than the padded input's "  \
            "4")                                                                                   \
    MISTAKE(conv_bias,                                                                             \
            rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(2, 1, 3, 3)), f(rt_shape(3))), SHAPE,    \
            "conv2d: bias [3], expected [2]")                                                      \
    MISTAKE(conv_same_stride,                                                                      \
            rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 3, 3)), .same = true,              \
                      .stride = {2, 2}),                                                           \
            ARG, "conv2d: .same goes with stride 1 and no .padding of its own")                    \
    MISTAKE(conv_negative,                                                                         \
            rt_conv2d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 3, 3)), .padding = {-1, 0}),       \
            RANGE, "conv2d: padding is -1, expected 0 to 2147483647")                              \
    MISTAKE(conv_reflects_more_than_there_is,                                                      \
            rt_conv2d(f(rt_shape(1, 1, 2, 4)), f(rt_shape(1, 1, 3, 3)), .padding = {2, 1},         \
                      .mode = RT_PAD_REFLECT),                                                     \
            RANGE,                                                                                 \
            "pad: 2 and 2 elements for axis 2 of float32[1,1,2,4] cpu: reflect adds less than an " \
            "axis has")                                                                            \
    MISTAKE(conv1d_axes, rt_conv1d(f(rt_shape(1, 1, 4, 4)), f(rt_shape(1, 1, 3))), SHAPE,          \
            "conv1d: x [1,1,4,4] and w [1,1,3]: expected [n,in,len] or [in,len], and "             \
            "[out,in/groups,k]")                                                                   \
    MISTAKE(conv3d_kernel_of_none,                                                                 \
            rt_conv3d(f(rt_shape(1, 1, 2, 2, 2)), f(rt_shape(1, 1, 1, 0, 1))), SHAPE,              \
            "conv3d: kernel [1,1,1,0,1], expected sides of 1 or more, below 2^31")                 \
    MISTAKE(conv3d_two_strides,                                                                    \
            rt_conv3d(f(rt_shape(1, 1, 2, 2, 2)), f(rt_shape(1, 1, 1, 1, 1)), .stride = {2, 2}),   \
            RANGE, "conv3d: stride is 0, expected 1 to 2147483647")                                \
    MISTAKE(conv3d_padding_beyond_memory,                                                          \
            rt_conv3d(f(rt_shape(1, 1, 1, 1, 1)), f(rt_shape(1, 1, 1, 1, 1)),                      \
                      .stride = {INT32_MAX, INT32_MAX, INT32_MAX},                                 \
                      .padding = {INT32_MAX, INT32_MAX, INT32_MAX}),                               \
            SHAPE, "conv3d: the padded input has more than 2^48 elements")                         \
    MISTAKE(                                                                                       \
        conv_transpose_channels,                                                                   \
        rt_conv_transpose2d(f(rt_shape(1, 3, 4, 4)), f(rt_shape(2, 3, 3, 3))), SHAPE,              \
        "conv_transpose2d: x [1,3,4,4] has 3 channels, w [2,3,3,3] takes 2, expected as many, "    \
        "a multiple of the 1 groups")                                                              \
    MISTAKE(conv_transpose_groups,                                                                 \
            rt_conv_transpose1d(f(rt_shape(1, 3, 4)), f(rt_shape(3, 1, 2)), .groups = 2), SHAPE,   \
            "conv_transpose1d: x [1,3,4] has 3 channels, w [3,1,2] takes 3, expected as many, a "  \
            "multiple of the 2 groups")                                                            \
    MISTAKE(                                                                                       \
        conv_transpose_bias,                                                                       \
        rt_conv_transpose1d(f(rt_shape(2, 4)), f(rt_shape(2, 2, 1)), f(rt_shape(2)), .groups = 2), \
        SHAPE, "conv_transpose1d: bias [2], expected [4]")                                         \
    MISTAKE(conv_transpose_output_padding,                                                         \
            rt_conv_transpose2d(f(rt_shape(1, 1, 2, 2)), f(rt_shape(1, 1, 2, 2)),                  \
                                .stride = {2, 2}, .output_padding = {1, 2}),                       \
            RANGE,                                                                                 \
            "conv_transpose2d: output_padding is 2, expected less than the stride 2 or the "       \
            "dilation 1")                                                                          \
    MISTAKE(conv_transpose_too_small,                                                              \
            rt_conv_transpose1d(f(rt_shape(1, 1, 2)), f(rt_shape(1, 1, 1)), .padding = 1), SHAPE,  \
            "conv_transpose1d: a size of 2 becomes 0, expected 1 to 2^48")                         \
    MISTAKE(im2col_axes, rt_im2col(f(rt_shape(4, 4)), {2, 2}), SHAPE,                              \
            "im2col: x [4,4], expected [n,c,h,w] or [c,h,w]")                                      \
    MISTAKE(im2col_window, rt_im2col(f(rt_shape(1, 3, 4)), {3, 2}, .dilation = {2, 1}), SHAPE,     \
            "im2col: a kernel of 3 with dilation 2 reaches over 5, more than the padded input's "  \
            "3")                                                                                   \
    MISTAKE(col2im_rows, rt_col2im(f(rt_shape(1, 7, 9)), {4, 4}, {2, 2}), SHAPE,                   \
            "col2im: x [1,7,9], expected [n,c*4,windows] or [c*4,windows], as windows have 2 x 2 " \
            "elements")                                                                            \
    MISTAKE(col2im_windows, rt_col2im(f(rt_shape(8, 8)), {4, 4}, {2, 2}), SHAPE,                   \
            "col2im: x [8,8] has 8 windows, images of 4 x 4 have 9")                               \
    MISTAKE(pool_kernel, rt_max_pool2d(f(rt_shape(1, 1, 4, 4)), {5, 2}), SHAPE,                    \
            "max_pool2d: kernel 5 is larger than the padded input, [1,1,4,4]")                     \
    MISTAKE(pool_padding, rt_avg_pool2d(f(rt_shape(1, 1, 4, 4)), {2, 2}, .padding = {2, 0}),       \
            RANGE, "avg_pool2d: padding is 2, expected at most half of the kernel's 2")            \
    MISTAKE(max_pool_of_nothing,                                                                   \
            rt_max_pool2d(f(rt_shape(1, 1, 0, 4)), {2, 2}, .padding = {1, 1}), SHAPE,              \
            "max_pool2d: x [1,1,0,4]: axis 2 is empty, expected 1 element or more")                \
    MISTAKE(max_pool_axes, rt_max_pool3d(f(rt_shape(1, 4, 4)), {2, 2, 2}), SHAPE,                  \
            "max_pool3d: x [1,4,4], expected [n,c,d,h,w] or [c,d,h,w]")                            \
    MISTAKE(max_pool_between_elements,                                                             \
            rt_max_pool1d(f(rt_shape(1, 1)), 2, .stride = 1, .padding = 1, .dilation = 2), RANGE,  \
            "max_pool1d: dilation 2: window 0 has no element of x [1,1]")                          \
    MISTAKE(max_pool_dilated_padding,                                                              \
            rt_max_pool1d(f(rt_shape(1, 9)), 3, .padding = 3, .dilation = 2), RANGE,               \
            "max_pool1d: padding is 3, expected at most half of the kernel's 5")                   \
    MISTAKE(max_pool_beyond_the_end,                                                               \
            rt_max_pool1d(f(rt_shape(1, 2)), 5, .stride = 2, .ceil_mode = true), SHAPE,            \
            "max_pool1d: kernel 5 is larger than the padded input, [1,2]")                         \
    MISTAKE(avg_pool_divisor, rt_avg_pool1d(f(rt_shape(1, 4)), 2, .divisor_override = 0), RANGE,   \
            "avg_pool1d: divisor_override is 0, expected another number")                          \
    MISTAKE(avg_pool_half_a_stride,                                                                \
            rt_avg_pool3d(f(rt_shape(1, 4, 4, 4)), {2, 2, 2}, .stride = {2}), RANGE,               \
            "avg_pool3d: stride is 0, expected 1 to 2147483647")                                   \
    MISTAKE(lp_pool_of_no_power, rt_lp_pool2d(f(rt_shape(1, 4, 4)), 0, {2, 2}), RANGE,             \
            "lp_pool2d: norm_type is 0, expected another number")                                  \
    MISTAKE(adaptive_size, rt_adaptive_avg_pool2d(f(rt_shape(1, 4, 4)), {-2, 2}), RANGE,           \
            "adaptive_avg_pool2d: size is -2, expected -1 to 2147483647")                          \
    MISTAKE(adaptive_of_nothing, rt_adaptive_max_pool1d(f(rt_shape(1, 0)), 1), SHAPE,              \
            "adaptive_max_pool1d: x [1,0]: axis 1 is empty, expected 1 element or more")           \
    MISTAKE(adaptive_axes, rt_adaptive_avg_pool1d(f(rt_shape(4)), 1), SHAPE,                       \
            "adaptive_avg_pool1d: x [4], expected [n,c,l] or [c,l]")                               \
    MISTAKE(unpool_shapes, rt_max_unpool1d(f(rt_shape(1, 4)), i(rt_shape(1, 3)), 2), SHAPE,        \
            "max_unpool1d: x [1,4] and index [1,3], expected one shape")                           \
    MISTAKE(unpool_size, rt_max_unpool1d(f(rt_shape(1, 4)), i(rt_shape(1, 4)), 2, .size = 10),     \
            RANGE,                                                                                 \
            "max_unpool1d: size 10: windows cover 8 and begin 2 apart, expected a size nearer to " \
            "that, 1 or more")                                                                     \
    MISTAKE(unpool_index,                                                                          \
            rt_max_unpool1d(f(rt_shape(1, 1)), rt_full(rt_shape(1, 1), 2, RT_I64), 2), RANGE,      \
            "scatter: index 2 at element 0, expected 0 to 1")                                      \
    MISTAKE(interpolate_axes, rt_interpolate(f(rt_shape(3, 4)), rt_shape(2)), SHAPE,               \
            "interpolate: x [3,4], expected [n,c,l], [n,c,h,w] or [n,c,d,h,w]")                    \
    MISTAKE(interpolate_mode,                                                                      \
            rt_interpolate(f(rt_shape(1, 1, 4)), rt_shape(2), .mode = RT_INTERPOLATE_BICUBIC),     \
            SHAPE, "interpolate: x [1,1,4], expected 2 axes after n and c for this mode")          \
    MISTAKE(interpolate_corners,                                                                   \
            rt_interpolate(f(rt_shape(1, 1, 4)), rt_shape(2), .align_corners = true), ARG,         \
            "interpolate: align_corners goes with the linear and cubic modes alone")               \
    MISTAKE(interpolate_integers,                                                                  \
            rt_interpolate(i(rt_shape(1, 1, 4)), rt_shape(2), .mode = RT_INTERPOLATE_LINEAR),      \
            DTYPE, "interpolate: x is int64[1,1,4] cpu, expected a float type, or mode nearest")   \
    MISTAKE(interpolate_nothing, rt_interpolate(f(rt_shape(1, 1, 4))), ARG,                        \
            "interpolate: neither is given, expected either size or scale_factor")                 \
    MISTAKE(interpolate_both,                                                                      \
            rt_interpolate(f(rt_shape(1, 1, 4)), rt_shape(2), .scale_factor = 2), ARG,             \
            "interpolate: both are given, expected either size or scale_factor")                   \
    MISTAKE(interpolate_sizes, rt_interpolate(f(rt_shape(1, 1, 4)), rt_shape(2, 3)), SHAPE,        \
            "interpolate: size [2,3] for x [1,1,4], expected one number, or 1")                    \
    MISTAKE(interpolate_recomputes,                                                                \
            rt_interpolate(f(rt_shape(1, 1, 4)), rt_shape(2), .recompute_scale_factor = true),     \
            ARG, "interpolate: recompute_scale_factor goes with scale_factor alone")               \
    MISTAKE(interpolate_to_nothing, rt_interpolate(f(rt_shape(1, 1, 4)), .scale_factor = 0.2),     \
            RANGE, "interpolate: axis 2 of x [1,1,4] to size 0, expected 1 or more both")          \
    MISTAKE(interpolate_huge,                                                                      \
            rt_interpolate(f(rt_shape(1, 1, 4)), .scale_factor = 1e300,                            \
                           .mode = RT_INTERPOLATE_LINEAR),                                         \
            RANGE, "interpolate: size 9223372036854775807 is more than any memory holds")          \
    MISTAKE(pixel_shuffle_channels, rt_pixel_shuffle(f(rt_shape(6, 2, 2)), 2), SHAPE,              \
            "pixel_shuffle: x [6,2,2], expected [..., c * 2 * 2, h, w]")                           \
    MISTAKE(pixel_unshuffle_size, rt_pixel_unshuffle(f(rt_shape(1, 4, 3)), 2), SHAPE,              \
            "pixel_unshuffle: x [1,4,3], expected [..., c, h * 2, w * 2]")                         \
    MISTAKE(channel_shuffle_groups, rt_channel_shuffle(f(rt_shape(1, 4, 3)), 3), SHAPE,            \
            "channel_shuffle: x [1,4,3], expected [n, c, ...] with channels that 3 groups divide") \
    MISTAKE(pad_odd, rt_pad(f(rt_shape(2, 3)), (int64_t[]){1, 1, 1}, 3), SHAPE,                    \
            "pad: 3 numbers for float32[2,3] cpu, expected two for each of the last axes")         \
    MISTAKE(pad_axes, rt_pad(f(rt_shape(3)), (int64_t[]){1, 1, 1, 1}, 4), SHAPE,                   \
            "pad: 4 numbers for float32[3] cpu, expected two for each of the last axes")           \
    MISTAKE(pad_cuts_all, rt_pad(f(rt_shape(2, 3)), (int64_t[]){-2, 5, -2, -1}, 4), RANGE,         \
            "pad: -2 and -1 elements for axis 0 of float32[2,3] cpu: no size is left")             \
    MISTAKE(pad_huge, rt_pad(f(rt_shape(3)), (int64_t[]){1LL << 62, 1LL << 62}, 2), RANGE,         \
            "pad: 4611686018427387904 and 4611686018427387904 elements for axis 0 of float32[3] "  \
            "cpu: no size is left")                                                                \
    MISTAKE(pad_reflects_all, rt_pad(f(rt_shape(3)), (int64_t[]){3, 0}, 2, RT_PAD_REFLECT), RANGE, \
            "pad: 3 and 0 elements for axis 0 of float32[3] cpu: reflect adds less than an axis "  \
            "has")                                                                                 \
    MISTAKE(pad_twice_around, rt_pad(f(rt_shape(3)), (int64_t[]){0, 4}, 2, RT_PAD_CIRCULAR),       \
            RANGE,                                                                                 \
            "pad: 0 and 4 elements for axis 0 of float32[3] cpu: circular adds at most as many "   \
            "as an axis has")                                                                      \
    MISTAKE(pad_replicates_nothing,                                                                \
            rt_pad(f(rt_shape(0)), (int64_t[]){1, 0}, 2, RT_PAD_REPLICATE), RANGE,                 \
            "pad: 1 and 0 elements for axis 0 of float32[0] cpu: replicate needs one to repeat")   \
    MISTAKE(softmax_axis, rt_softmax(f(rt_shape(2, 3)), 2), RANGE,                                 \
            "softmax: axis 2, expected -2 to 1")                                                   \
    MISTAKE(gather_dtype, rt_gather(f(rt_shape(2, 3)), 1, f(rt_shape(2, 1))), DTYPE,               \
            "gather: index is float32[2,1] cpu, expected int64, int32, uint8, int8 or int16: "     \
            "convert it with rt_to")                                                               \
    MISTAKE(gather_shape, rt_gather(f(rt_shape(2, 3)), 1, i(rt_shape(3, 1))), SHAPE,               \
            "gather: index [3,1] does not fit [2,3] along axis 1")                                 \
    MISTAKE(gather_range, rt_gather(f(rt_shape(1, 1)), 1, i(rt_shape(1, 1))), RANGE,               \
            "gather: index 1 at element 0, expected 0 to 0")                                       \
    MISTAKE(embedding_padding, rt_embedding(f(rt_shape(3, 4)), i(rt_shape(2)), .padding_idx = 3),  \
            RANGE, "embedding: padding_idx is 3, expected a row of table [3,4]")                   \
    MISTAKE(bag_offsets, rt_embedding_bag(f(rt_shape(3, 4)), i(rt_shape(2)), i(rt_shape(1))),      \
            RANGE,                                                                                 \
            "embedding_bag: offsets, expected numbers that begin with 0, rise, and end within "    \
            "index [2]")                                                                           \
    MISTAKE(bag_weights,                                                                           \
            rt_embedding_bag(f(rt_shape(3, 4)), i(rt_shape(2, 2)),                                 \
                             .per_sample_weights = f(rt_shape(2, 2))),                             \
            ARG, "embedding_bag: per_sample_weights go with mode sum alone")                       \
    MISTAKE(nll_weight, rt_nll_loss(f(rt_shape(2, 3)), i(rt_shape(2)), f(rt_shape(2))), SHAPE,     \
            "nll_loss: weight [2], expected [3], a factor for each class of log_probs")            \
    MISTAKE(                                                                                       \
        soft_target, rt_cross_entropy(f(rt_shape(2, 3)), f(rt_shape(2))), SHAPE,                   \
        "cross_entropy: logits [2,3] and target float32[2] cpu, expected probabilities of one "    \
        "shape, or classes of type int64")                                                         \
    MISTAKE(bce_weight,                                                                            \
            rt_binary_cross_entropy(f(rt_shape(3)), f(rt_shape(3)), f(rt_shape(2, 3))), SHAPE,     \
            "binary_cross_entropy: weight [2,3] does not broadcast to [3]")                        \
    MISTAKE(huber_shapes, rt_huber_loss(f(rt_shape(3)), f(rt_shape(1))), SHAPE,                    \
            "huber_loss: float32[3] cpu and target float32[1] cpu, expected one shape")            \
    MISTAKE(                                                                                       \
        negative_variance,                                                                         \
        rt_gaussian_nll_loss(f(rt_shape(1)), f(rt_shape(1)), rt_full(rt_shape(1), -1, RT_F32)),    \
        RANGE, "gaussian_nll_loss: a variance is -1, expected 0 or more")                          \
    MISTAKE(ctc_shapes,                                                                            \
            rt_ctc_loss(f(rt_shape(3, 2, 4)), i(rt_shape(1, 2)), i(rt_shape(2)), i(rt_shape(2))),  \
            SHAPE,                                                                                 \
            "ctc_loss: log_probs [3,2,4] and targets [1,2], expected [t,n,classes] and "           \
            "[n,s]")                                                                               \
    MISTAKE(ctc_length,                                                                            \
            rt_ctc_loss(f(rt_shape(3, 1, 4)), i(rt_shape(1, 2)), rt_full(rt_shape(1), 4, RT_I64),  \
                        rt_full(rt_shape(1), 2, RT_I64)),                                          \
            RANGE, "ctc_loss: input length 0 is 4, expected 0 to 3")                               \
    MISTAKE(ctc_class,                                                                             \
            rt_ctc_loss(f(rt_shape(3, 1, 4)), rt_full(rt_shape(1, 2), 4, RT_I64),                  \
                        rt_full(rt_shape(1), 3, RT_I64), rt_full(rt_shape(1), 2, RT_I64)),         \
            RANGE, "ctc_loss: class 4 in target 0, expected 0 to 3")                               \
    MISTAKE(group_norm_groups, rt_group_norm(f(rt_shape(2, 3, 4)), .groups = 2), SHAPE,            \
            "group_norm: 2 groups do not divide the 3 channels of float32[2,3,4] cpu")             \
    MISTAKE(rms_norm_weight, rt_rms_norm(f(rt_shape(2, 3)), f(rt_shape(2))), SHAPE,                \
            "rms_norm: weight [2], expected [3], the last 1 axis of x [2,3]")                      \
    MISTAKE(softmax_integers, rt_softmax(i(rt_shape(2, 3)), 1), DTYPE,                             \
            "softmax: x is int64[2,3] cpu, expected float32, float64, bfloat16 or float16: "       \
            "convert it with rt_to")                                                               \
    MISTAKE(embedding_range, rt_embedding(f(rt_shape(1, 4)), i(rt_shape(2))), RANGE,               \
            "embedding: index 1 at element 0, expected 0 to 0")                                    \
    MISTAKE(embedding_first, rt_embedding(f(rt_shape(3, 4)), rt_arange(0, 6, 1, RT_I64)), RANGE,   \
            "embedding: index 3 at element 3, expected 0 to 2")                                    \
    MISTAKE(                                                                                       \
        gather_first,                                                                              \
        rt_gather(f(rt_shape(4, 2)), 0, rt_reshape(rt_arange(1, -5, -1, RT_I64), rt_shape(3, 2))), \
        RANGE, "gather: index -1 at element 2, expected 0 to 3")                                   \
    MISTAKE(index_range,                                                                           \
            rt_index(f(rt_shape(2, 3)), RT_AT(1), RT_PICK(rt_arange(-3, -7, -2, RT_I64))), RANGE,  \
            "index: in the index of axis 0: index -5 at element 1, expected -3 to 2")              \
    MISTAKE(index_number, rt_index(f(rt_shape(2, 3)), RT_ALL, RT_AT(-4)), RANGE,                   \
            "index: item 1: select: index -4 is not in axis 1 of float32[2,3] cpu")                \
    MISTAKE(index_mask,                                                                            \
            rt_index(f(rt_shape(2, 3)), RT_ALL, RT_PICK(rt_ones(rt_shape(2), RT_BOOL))), SHAPE,    \
            "index: item 1: the mask bool[2] cpu does not fit axes 1 to 1 of float32[2,3] cpu")    \
    MISTAKE(index_axes, rt_index(f(rt_shape(3)), RT_AT(1), RT_NEW_AXIS, RT_ALL), SHAPE,            \
            "index: the items are for 2 axes, but x is float32[3] cpu")                            \
    MISTAKE(index_rests, rt_index(f(rt_shape(3)), RT_REST, RT_REST), ARG,                          \
            "index: '...' (RT_REST) stands twice among the items")                                 \
    MISTAKE(index_step, rt_index(f(rt_shape(3)), RT_SLICE_BY(2, 0, -1)), RANGE,                    \
            "index: item 0: the step is -1, expected 1 or more")                                   \
    MISTAKE(index_floats, rt_index(f(rt_shape(3)), RT_PICK(f(rt_shape(1)))), DTYPE,                \
            "index: item 0: the tensor is float32[1] cpu, expected integers or bool: convert it "  \
            "with rt_to")                                                                          \
    MISTAKE(index_put_values,                                                                      \
            rt_index_put(f(rt_shape(2, 3)), f(rt_shape(4)), RT_PICK(i(rt_shape(2)))), SHAPE,       \
            "index_put: the values are float32[4] cpu, expected one that broadcasts to [2,3]")     \
    MISTAKE(take_range, rt_take(f(rt_shape(2, 3)), rt_arange(-5, 7, 11, RT_I64)), RANGE,           \
            "index: in the index of axis 0: index 6 at element 1, expected -6 to 5")               \
    MISTAKE(index_select_axes, rt_index_select(f(rt_shape(2, 3)), 0, i(rt_shape(2, 1))), SHAPE,    \
            "index_select: the index is int64[2,1] cpu, expected [n] or []")                       \
    MISTAKE(scatter_src, rt_scatter(f(rt_shape(2, 3)), 1, i(rt_shape(2, 2)), f(rt_shape(1, 2))),   \
            SHAPE,                                                                                 \
            "scatter: src float32[1,2] cpu and index int64[2,2] cpu, expected as many axes, none " \
            "of src shorter")                                                                      \
    MISTAKE(scatter_range,                                                                         \
            rt_scatter_add(f(rt_shape(1, 1)), 1, i(rt_shape(1, 1)), f(rt_shape(1, 1))), RANGE,     \
            "scatter_add: index 1 at element 0, expected 0 to 0")                                  \
    MISTAKE(index_add_src,                                                                         \
            rt_index_add(f(rt_shape(2, 3)), i(rt_shape(2)), f(rt_shape(2, 3)), .axis = 1), SHAPE,  \
            "index_add: x float32[2,3] cpu, index int64[2] cpu and src float32[2,3] cpu, "         \
            "expected src [2,2]")                                                                  \
    MISTAKE(searchsorted_rows, rt_searchsorted(f(rt_shape(2, 3)), f(rt_shape(3, 3))), SHAPE,       \
            "searchsorted: sorted float32[2,3] cpu and values float32[3,3] cpu, expected [n], or " \
            "two of the same shape but for the last axis")                                         \
    MISTAKE(arange_u8, rt_arange(250, 257, 1, RT_U8), RANGE,                                       \
            "arange: from 250 to 257: uint8 has no such numbers")                                  \
    MISTAKE(entropy_target, rt_cross_entropy(f(rt_shape(3, 4)), rt_arange(2, 5, 1, RT_I64)),       \
            RANGE, "cross_entropy: target 4 in row 2, expected 0 to 3")                            \
    MISTAKE(entropy_negative,                                                                      \
            rt_cross_entropy(f(rt_shape(1, 4)), rt_full(rt_shape(1), -100, RT_I64)), RANGE,        \
            "cross_entropy: target -100 in row 0, expected 0 to 3")                                \
    MISTAKE(entropy_shape, rt_cross_entropy(f(rt_shape(3, 4)), i(rt_shape(2))), SHAPE,             \
            "cross_entropy: logits [3,4] and target [2], expected [n,classes] and [n]")            \
    MISTAKE(                                                                                       \
        entropy_dtype, rt_cross_entropy(f(rt_shape(3, 4)), f(rt_shape(3))), SHAPE,                 \
        "cross_entropy: logits [3,4] and target float32[3] cpu, expected probabilities of one "    \
        "shape, or classes of type int64")                                                         \
    MISTAKE(entropy_smoothing,                                                                     \
            rt_cross_entropy(f(rt_shape(1, 4)), i(rt_shape(1)), .label_smoothing = 1.5f), RANGE,   \
            "cross_entropy: label_smoothing is 1.5, expected 0 to 1")                              \
    MISTAKE(mse_shape, rt_mse_loss(f(rt_shape(3, 1)), f(rt_shape(3))), SHAPE,                      \
            "mse_loss: float32[3,1] cpu and target float32[3] cpu, expected one shape")            \
    MISTAKE(nll_shape, rt_nll_loss(f(rt_shape(3)), i(rt_shape(3))), SHAPE,                         \
            "nll_loss: log_probs [3] and target [3], expected [n,classes] and [n]")

#define MISTAKE(name, expression, code, message)                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_null(expression);                                                                   \
        assert_error(code, message);                                                               \
    }
MISTAKES
#undef MISTAKE

static void first_error_is_kept_and_everything_after_it_is_nothing(void **state)
{
    (void)state;
    rt_tensor *bad = rt_add(f(rt_shape(2)), f(rt_shape(3)));
    /* no bias (NULL), but a failed input */
    rt_tensor *y = rt_linear(rt_relu(bad), f(rt_shape(4, 2)), NULL);
    assert_null(rt_cross_entropy(y, i(rt_shape(2)), .label_smoothing = 9));
    assert_int_equal(rt_backward(y), RT_E_SHAPE);
    assert_error(SHAPE, "add: shapes [2] and [3] do not broadcast");
}

static void nan_goes_through(void **state)
{
    (void)state;
    const float v[] = {1, NAN, -3, 2};
    rt_tensor *x = rt_from(v, rt_shape(1, 1, 2, 2), RT_F32);
    assert_true(isnan(rt_item(rt_amax(x))) && isnan(rt_item(rt_amin(x))));
    assert_true(isnan(rt_item(rt_max_pool2d(x, {2, 2}))));
    assert_true(isnan(rt_f32(rt_relu(x))[1]));
    assert_true(isnan(rt_f32(rt_maximum(x, rt_scalar(0)))[1]));
    assert_int_equal(rt_item(rt_argmax(rt_reshape(x, rt_shape(4)), 0)), 1);
    assert_true(isnan(rt_item(rt_mean(rt_zeros(rt_shape(0))))));
    assert_true(rt_item(rt_sum(rt_zeros(rt_shape(0)))) == 0);
}

/* ---- special values, with the results of PyTorch 1.13 ---- */

/* Compares values; NaN equals NaN. */
static void assert_edges(const rt_tensor *x, const float *expected)
{
    const float *v = rt_f32(x);
    for (int64_t k = 0; k < rt_numel(x); k++)
        if (v[k] != expected[k] && !(isnan(v[k]) && isnan(expected[k])))
            fail_msg("element %d: %g, expected %g", (int)k, (double)v[k], (double)expected[k]);
}

/* EDGE(name, x, t, y of them, y, dy/dx for a sum of y, dy/dt or NULL) */
#define V(...) ((const float[]){__VA_ARGS__})
#define EDGES                                                                                      \
    EDGE(bce, V(INFINITY, -INFINITY, INFINITY, -INFINITY, 0, NAN), V(.5f, .5f, 1, 0, .5f, .5f),    \
         rt_bce_with_logits_loss(x, t, .reduction = RT_NONE),                                      \
         V(INFINITY, NAN, NAN, NAN, 0x1.62e43p-1f, NAN), V(.5f, -.5f, 0, 0, 0, NAN), NULL)         \
    EDGE(binary_cross_entropy, V(0, 1, 0, 1, .5f, NAN), V(0, 1, 1, 0, 1, 1),                       \
         rt_binary_cross_entropy(x, t, .reduction = RT_NONE),                                      \
         V(0, 0, 100, 100, 0x1.62e43p-1f, NAN), V(0, 0, -1e12f, 1e12f, -2, NAN), NULL)             \
    EDGE(kl_div, V(0, -1, 0, 0, -1, NAN), V(0, 0, 1, -1, NAN, 1),                                  \
         rt_kl_div(x, t, .reduction = RT_NONE), V(0, 0, 0, NAN, NAN, NAN),                         \
         V(0, 0, -1, 1, NAN, -1), NULL)                                                            \
    EDGE(huber, V(1, -1, INFINITY, NAN, 3, 0), V(0, 0, 0, 0, 0, 0),                                \
         rt_huber_loss(x, t, .reduction = RT_NONE), V(.5f, .5f, INFINITY, NAN, 2.5f, 0),           \
         V(1, -1, 1, NAN, 1, 0), NULL)                                                             \
    EDGE(silu, V(3e7f, INFINITY, -INFINITY, -3e7f, NAN, 20), V(0, 0, 0, 0, 0, 0), rt_silu(x),      \
         V(3e7f, INFINITY, NAN, -0.f, NAN, 20), V(1, NAN, NAN, -0.f, NAN, 1), NULL)                \
    EDGE(mse, V(2e38f, -3e38f, 1, 0, 0, 0), V(0, 0, 0, 0, 0, 0),                                   \
         rt_mul_scalar(rt_mse_loss(x, t, RT_NONE), .25), V(INFINITY, INFINITY, .25f, 0, 0, 0),     \
         V(1e38f, -1.5e38f, .5f, 0, 0, 0), NULL)                                                   \
    EDGE(power, V(0, 0, 0, -0.f, -0.f, 2), V(1, -1, 0, -1, -2, -1), rt_pow(x, t),                  \
         V(0, INFINITY, 1, -INFINITY, INFINITY, .5f),                                              \
         V(1, -INFINITY, 0, -INFINITY, INFINITY, -.25f),                                           \
         V(0, -INFINITY, 0, INFINITY, -INFINITY, 0x1.62e43p-2f))                                   \
    EDGE(fmod, V(5.5f, -5.5f, 5.5f, INFINITY, 1, 1e30f), V(2, 2, -2, 2, INFINITY, 3),              \
         rt_fmod(x, t), V(1.5f, -1.5f, 1.5f, NAN, 1, 0), V(1, 1, 1, 1, 1, 1),                      \
         V(-2, 2, 2, -INFINITY, 0, -3.3333333834e29f))                                             \
    EDGE(fmod_by_zero, V(5.5f, 0, 3, NAN, -1, 2), V(0, 0, NAN, 1, 0, -0.f), rt_fmod(x, t),         \
         V(NAN, NAN, NAN, NAN, NAN, NAN), V(1, 1, 1, 1, 1, 1),                                     \
         V(-INFINITY, NAN, NAN, NAN, INFINITY, INFINITY))                                          \
    EDGE(remainder, V(5.5f, -5.5f, 5.5f, INFINITY, 1, -1), V(2, 2, -2, 2, INFINITY, INFINITY),     \
         rt_remainder(x, t), V(1.5f, .5f, -.5f, NAN, 1, INFINITY), V(1, 1, 1, 1, 1, 1),            \
         V(-2, 3, 3, NAN, 0, 1))                                                                   \
    EDGE(div_floor, V(5.5f, -5.5f, 1, -1, .6f, -1), V(2, 2, 0, 0, .2f, INFINITY),                  \
         rt_add(rt_div_floor(x, t), rt_mul_scalar(x, 0)), V(2, -3, INFINITY, -INFINITY, 3, -1),    \
         V(0, 0, 0, 0, 0, 0), NULL)                                                                \
    EDGE(fmax, V(1, NAN, 1, NAN, 2, -INFINITY), V(1, 1, NAN, NAN, 3, 0), rt_fmax(x, t),            \
         V(1, 1, 1, NAN, 3, 0), V(1, 0, 1, 1, 0, 0), V(0, 1, 0, 0, 1, 1))                          \
    EDGE(fmin, V(1, NAN, 1, NAN, 2, -INFINITY), V(1, 1, NAN, NAN, 3, 0), rt_fmin(x, t),            \
         V(1, 1, 1, NAN, 2, -INFINITY), V(1, 0, 1, 1, 1, 1), V(0, 1, 0, 0, 0, 0))                  \
    EDGE(clamp_min, V(1, NAN, 1, 2, -3, -INFINITY), V(1, 1, NAN, 1, -2, 0), rt_clamp_min(x, t),    \
         V(1, NAN, NAN, 2, -2, 0), V(1, 0, 0, 1, 0, 0), V(0, 0, 0, 0, 1, 1))                       \
    EDGE(clamp_max, V(1, NAN, 1, 2, -3, -INFINITY), V(1, 1, NAN, 1, -2, 0), rt_clamp_max(x, t),    \
         V(1, NAN, NAN, 1, -3, -INFINITY), V(1, 0, 0, 0, 1, 1), V(0, 0, 0, 1, 0, 0))               \
    EDGE(logaddexp, V(INFINITY, -INFINITY, INFINITY, NAN, 100, -INFINITY),                         \
         V(INFINITY, -INFINITY, -INFINITY, 1, -200, 3), rt_logaddexp(x, t),                        \
         V(INFINITY, -INFINITY, INFINITY, NAN, 100, 3), V(NAN, NAN, 1, NAN, 1, 0),                 \
         V(NAN, NAN, 0, NAN, 0, 1))                                                                \
    EDGE(logaddexp2, V(INFINITY, -INFINITY, INFINITY, NAN, 100, -INFINITY),                        \
         V(INFINITY, -INFINITY, -INFINITY, 1, -200, 3), rt_logaddexp2(x, t),                       \
         V(INFINITY, -INFINITY, INFINITY, NAN, 100, 3), V(NAN, NAN, 1, NAN, 1, 0),                 \
         V(NAN, NAN, 0, NAN, 0, 1))                                                                \
    EDGE(xlogy, V(0, 0, 0, 1, 0, 2), V(0, NAN, INFINITY, 0, -1, -1), rt_xlogy(x, t),               \
         V(0, NAN, 0, -INFINITY, 0, NAN), V(0, NAN, INFINITY, -INFINITY, 0, NAN),                  \
         V(NAN, NAN, 0, INFINITY, 0, -2))                                                          \
    EDGE(heaviside, V(0, -1, 1, NAN, -0.f, INFINITY), V(7, 7, 7, 7, NAN, 7),                       \
         rt_add(rt_heaviside(x, t), rt_mul_scalar(rt_nan_to_num(x), 0)), V(7, 0, 1, 0, NAN, 1),    \
         V(0, 0, 0, 0, 0, 0), NULL)                                                                \
    EDGE(softplus, V(20.5f, -INFINITY, INFINITY, NAN, 0, 19), V(0, 0, 0, 0, 0, 0), rt_softplus(x), \
         V(20.5f, 0, INFINITY, NAN, 0x1.62e43p-1f, 19), V(1, 0, 1, NAN, .5f, 1), NULL)             \
    EDGE(mish, V(INFINITY, 25, NAN, 0, -0.f, 200), V(0, 0, 0, 0, 0, 0), rt_mish(x),                \
         V(INFINITY, 25, NAN, 0, 0, 200), V(NAN, 1, NAN, .6f, .6f, 1), NULL)                       \
    EDGE(hardswish, V(3, -3, NAN, INFINITY, -INFINITY, 0), V(0, 0, 0, 0, 0, 0), rt_hardswish(x),   \
         V(3, 0, NAN, INFINITY, NAN, 0), V(1, 0, 1, 1, 0, .5f), NULL)                              \
    EDGE(hardsigmoid, V(3, -3, NAN, INFINITY, -INFINITY, 0), V(0, 0, 0, 0, 0, 0),                  \
         rt_hardsigmoid(x), V(1, 0, NAN, 1, 0, .5f), V(0, 0, 0, 0, 0, 0x1.555556p-3f), NULL)       \
    EDGE(logsigmoid, V(INFINITY, -INFINITY, NAN, -200, 200, 0), V(0, 0, 0, 0, 0, 0),               \
         rt_logsigmoid(x), V(0, -INFINITY, NAN, -200, 0, -0x1.62e43p-1f), V(0, 1, NAN, 1, 0, .5f), \
         NULL)                                                                                     \
    EDGE(nan_to_num, V(INFINITY, -INFINITY, NAN, -0.f, 3, 0), V(0, 0, 0, 0, 0, 0),                 \
         rt_nan_to_num(x, 5), V(FLT_MAX, -FLT_MAX, 5, 0, 3, 0), V(0, 0, 0, 1, 1, 1), NULL)         \
    EDGE(prelu, V(INFINITY, -INFINITY, NAN, -0.f, 0, -2), V(0, 0, 0, 0, 0, 0),                     \
         rt_prelu(x, rt_full(rt_shape(1), .25, RT_F32)), V(INFINITY, -INFINITY, NAN, 0, 0, -.5f),  \
         V(1, .25f, .25f, .25f, .25f, .25f), NULL)                                                 \
    EDGE(clamp, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_clamp(x, -1, 1),           \
         V(-1, 1, 0, NAN, 1, -1), V(1, 1, 1, 0, 0, 0), NULL)                                       \
    EDGE(clamp_to_nan, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_clamp(x, -1, NAN),  \
         V(NAN, NAN, NAN, NAN, NAN, NAN), V(0, 0, 0, 0, 0, 0), NULL)                               \
    EDGE(clamp_from_nan, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0),                      \
         rt_clamp(x, .low = NAN, .high = 1), V(NAN, NAN, NAN, NAN, NAN, NAN), V(0, 0, 0, 0, 0, 0), \
         NULL)                                                                                     \
    EDGE(hardtanh, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_hardtanh(x),            \
         V(-1, 1, 0, NAN, 1, -1), V(0, 0, 1, 1, 0, 0), NULL)                                       \
    EDGE(threshold, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_threshold(x, 1, 5),    \
         V(5, 5, 5, NAN, INFINITY, 5), V(0, 0, 0, 1, 1, 0), NULL)                                  \
    EDGE(hardshrink, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_hardshrink(x, 1),     \
         V(0, 0, 0, NAN, INFINITY, -2), V(0, 0, 0, 1, 1, 1), NULL)                                 \
    EDGE(elu, V(-INFINITY, 1, 0, NAN, INFINITY, 200), V(0, 0, 0, 0, 0, 0), rt_elu(x, 2),           \
         V(-2, 1, 0, NAN, INFINITY, 200), V(0, 1, 2, 1, 1, 1), NULL)                               \
    EDGE(lerp, V(1e8f, 1e8f, 1, 1, 1, 1), V(1, 0, .5f, NAN, 1, 0), rt_lerp(x, rt_scalar(3), t),    \
         V(3, 1e8f, 2, NAN, 3, 1), V(0, 1, .5f, NAN, 0, 1), V(3 - 1e8f, 3 - 1e8f, 2, 2, 2, 2))     \
    EDGE(l1, V(NAN, 1, -0.f, 0, -2, 3), V(0, 0, 0, 0, 0, 3), rt_l1_loss(x, t, RT_NONE),            \
         V(NAN, 1, 0, 0, 2, 0), V(0, 1, 0, 0, -1, 0), NULL)

#define EDGE(name, xs, ts, expression, values, dxs, dts)                                           \
    static void edges_of_##name(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        rt_tensor *x = rt_param(rt_from(xs, rt_shape(6), RT_F32));                                 \
        rt_tensor *t = rt_param(rt_from(ts, rt_shape(6), RT_F32)), *y = expression;                \
        const float *dx = dxs, *dt = dts;                                                          \
        assert_edges(y, values);                                                                   \
        rt_backward(rt_sum(y));                                                                    \
        assert_edges(rt_grad_of(x), dx);                                                           \
        if (dt)                                                                                    \
            assert_edges(rt_grad_of(t), dt);                                                       \
        rt_free(x);                                                                                \
        rt_free(t);                                                                                \
    }
EDGES
#undef EDGE

/* In training each element below 0 has a slope of its own within the ends, and that is its gradient; the thread's streams give it. */
static void slopes_of_rrelu_are_random(void **state)
{
    (void)state;
    enum { N = 1000 };
    rt_tensor *x = rt_param(rt_full(rt_shape(N), -1, RT_F32)), *y, *again;
    rt_random_seek(1, 2, 3);
    y = rt_rrelu(x, 0.25, 0.75, true);
    again = rt_rrelu(x, 0.25, 0.75, true);
    rt_backward(rt_sum(y));
    double sum = 0;
    int equal = 0;
    for (int k = 0; k < N; k++) {
        double slope = -rt_f32(y)[k];
        assert_true(slope >= 0.25 && slope < 0.75);
        assert_true(rt_f32(rt_grad_of(x))[k] == (float)slope);
        equal += rt_f32(again)[k] == rt_f32(y)[k];
        sum += slope;
    }
    assert_true(fabs(sum / N - 0.5) < 0.03 && equal < 10);
    rt_random_seek(1, 2, 3);
    assert_memory_equal(rt_f32(rt_rrelu(x, 0.25, 0.75, true)), rt_f32(y), N * sizeof(float));
    assert_true(rt_item(rt_rrelu(rt_scalar(-2), 0.25, 0.75)) == -1);
    rt_free(x);
}

/* Of equal elements topk takes the first, and NaN counts as the largest value, whichever end is
 * wanted. */
static void ties_and_nans_of_topk(void **state)
{
    (void)state;
    static const float v[] = {3, NAN, -0.f, 3, INFINITY, 0, NAN, 3};
    rt_tensor *x = rt_param(rt_from(v, rt_shape(8), RT_F32));
    const struct {
        int64_t k;
        bool largest, sorted;
        int64_t index[8];
    } rows[] = {
        {8, true, true, {1, 6, 4, 0, 3, 7, 2, 5}},
        {8, false, true, {2, 5, 0, 3, 7, 4, 1, 6}},
        {4, true, true, {1, 6, 4, 0}},
        {4, true, false, {0, 1, 4, 6}},
        {3, false, false, {0, 2, 5}},
    };
    for (int r = 0; r < COUNT(rows); r++) {
        rt_topk_results best = rt_topk(x, rows[r].k, 0, rows[r].largest, rows[r].sorted);
        float values[8], slopes[8] = {0};
        for (int64_t j = 0; j < rows[r].k; j++) {
            assert_int_equal(rt_i64(best.index)[j], rows[r].index[j]);
            values[j] = v[rows[r].index[j]];
            slopes[rows[r].index[j]] = 1;
        }
        assert_edges(best.values, values);
        assert_false(rt_requires_grad(best.index));
        rt_grad_clear(x);
        rt_backward(rt_sum(best.values));
        assert_edges(rt_grad_of(x), slopes);
    }
    rt_free(x);
}

/* The variance divides only by a count above the correction. */
static void variance_of_too_few(void **state)
{
    (void)state;
    rt_tensor *x = rt_from((const float[]){1, 3}, rt_shape(2), RT_F32);
    assert_values(rt_var_mean(x).var, 2);
    assert_values(rt_var_mean(x, .correction = 0.5).var, 2 / 1.5f);
    assert_true(isinf(rt_item(rt_var_mean(x, .correction = 2).var)));
    assert_true(isinf(rt_item(rt_var_mean(x, .correction = 3).var)));
    assert_true(isnan(rt_item(rt_var_mean(rt_zeros(rt_shape(0))).var)));
    assert_true(isnan(rt_item(rt_var_mean(rt_zeros(rt_shape(0))).mean)));
    assert_true(isnan(rt_item(rt_var_mean(rt_scalar(3)).var)));
    assert_values(rt_var_mean(rt_scalar(3)).mean, 3);
}

static void the_last_nan_of_a_pool_is_chosen(void **state)
{
    (void)state;
    static const float halves[] = {NAN, 1, NAN, 2}, wide[] = {NAN, 1, 3, 4, NAN, 2, 5, 6, 0};
    rt_tensor *x = rt_param(rt_from(halves, rt_shape(1, 1, 2, 2), RT_F32));
    rt_backward(rt_sum(rt_max_pool2d(x, {2, 2})));
    assert_values(rt_grad_of(x), 0, 0, 1, 0);
    rt_tensor *w = rt_param(rt_from(wide, rt_shape(1, 1, 3, 3), RT_F32));
    rt_backward(rt_sum(rt_max_pool2d(w, {3, 3})));
    assert_values(rt_grad_of(w), 0, 0, 0, 0, 1, 0, 0, 0, 0);
    rt_free(x);
    rt_free(w);
}

/* The gradient has no elements, so none of them depends on anything. */
static void the_mean_of_nothing_has_a_second_derivative(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_zeros(rt_shape(0, 3))), *dy = rt_param(rt_ones(rt_shape(3)));
    rt_tensor *dx[1], *ddy[1];
    rt_tensor *y = rt_sum(rt_mul(rt_mean(x, rt_shape(0)), dy));
    assert_int_equal(rt_grad(y, .inputs = &x, .count = 1, .out = dx, .create_graph = true), RT_OK);
    assert_int_equal(rt_grad(rt_sum(dx[0]), .inputs = &dy, .count = 1, .out = ddy), RT_OK);
    assert_values(ddy[0], 0, 0, 0);
    rt_free(x);
    rt_free(dy);
}

static void ties_of_a_pool_go_to_the_first(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(f(rt_shape(1, 1, 2, 4)));
    rt_backward(rt_sum(rt_max_pool2d(x, {2, 2})));
    assert_values(rt_grad_of(x), 1, 0, 1, 0, 0, 0, 0, 0);
    rt_free(x);
}

static void loss_over_ignored_targets_only_is_not_a_number(void **state)
{
    (void)state;
    rt_tensor *target = rt_full(rt_shape(2), -100, RT_I64);
    rt_tensor *loss = rt_cross_entropy(f(rt_shape(2, 3)), target, .ignore_index = -100);
    assert_true(isnan(rt_item(loss))); /* 0/0, as in PyTorch */
    assert_fine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define MISTAKE(name, expression, code, message) TEST(name),
        MISTAKES
#undef MISTAKE
            TEST(first_error_is_kept_and_everything_after_it_is_nothing),
        TEST(nan_goes_through),
        TEST(ties_of_a_pool_go_to_the_first),
        TEST(the_last_nan_of_a_pool_is_chosen),
        TEST(slopes_of_rrelu_are_random),
        TEST(ties_and_nans_of_topk),
        TEST(variance_of_too_few),
        TEST(the_mean_of_nothing_has_a_second_derivative),
#define EDGE(name, xs, ts, expression, values, dxs, dts) TEST(edges_of_##name),
        EDGES
#undef EDGE

            TEST(loss_over_ignored_targets_only_is_not_a_number),
    };
    int failed = cmocka_run_group_tests_name("ops_errors", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
