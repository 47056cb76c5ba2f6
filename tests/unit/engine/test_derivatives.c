/* Tests how often each operation can be differentiated, compared with its row, on tensors that all need gradients. 0, in a row and here,
 * means that no limit was found. */
#include "check.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/op.h"
#include "worker/engine/autograd/schema.h"
#include "worker/engine/ops/call_by_name.h"
#include <ringtorch/op.h>

enum { INPUTS = 8, MOST = 6 };

/* Arguments of the operations that cannot run on tensors [2,3] alone. Shapes: a letter for each size; h and w are 4. */
static const struct {
    const char *op, *shapes, *values;
} needs[] = {
    {"avg_pool2d", "1chw", "{\"kernel\": [2, 2]}"},
    {"batch_norm", "cch,c,c", NULL},
    {"batch_norm_by", "cch,c,c,c,c", NULL},
    {"bincount", "c,c", NULL},
    {"col2im", "141", "{\"size\": [2, 2], \"kernel\": [2, 2]}"},
    {"conv1d", "1ch,2c2,2", NULL},
    {"conv2d", "1chw,2c22,2", NULL},
    {"conv3d", "1c2hw,2c122,2", NULL},
    {"conv_transpose1d", "1ch,c22,2", NULL},
    {"conv_transpose2d", "1c22,c222,2", NULL},
    {"conv_transpose3d", "1c122,c2122,2", NULL},
    {"bucketize", "2c,c", NULL},
    {"cosine_embedding_loss", "2c,2c,2", NULL},
    {"cross_entropy", "2c,2c,c", NULL},
    {"ctc_loss", "4c,2,1,1", NULL},
    {"cummax", NULL, "{\"axis\": 1}"},
    {"cummin", NULL, "{\"axis\": 1}"},
    {"cumprod", NULL, "{\"axis\": 1}"},
    {"cumsum", NULL, "{\"axis\": 1}"},
    {"dropout", NULL, "{\"p\": 0.5}"},
    {"embedding", "c2,c", NULL},
    {"embedding_bag", "c2,c,1,c", "{\"mode\": \"sum\"}"},
    {"expand", NULL, "{\"shape\": [2, 2, 3]}"},
    {"fill", NULL, "{\"value\": 2}"},
    {"gather", "2c,2c", "{\"axis\": 1}"},
    {"im2col", "1chw", "{\"kernel\": [2, 2]}"},
    {"index", "2c,2c", "{\"items\": \"1:\"}"},
    {"index_add", "2c,1,21", "{\"axis\": 1}"},
    {"index_copy", "2c,1,21", "{\"axis\": 1}"},
    {"index_fill", "2c,1,", "{\"axis\": 1}"},
    {"index_put", "2c,c", "{\"items\": \"1\"}"},
    {"index_select", "2c,1", "{\"axis\": 1}"},
    {"kthvalue", NULL, "{\"k\": 2}"},
    {"gaussian_nll_loss", "2c,2c,2", NULL},
    {"group_norm", "22c,2,2", "{\"groups\": 2}"},
    {"instance_norm", "22c,2,2", NULL},
    {"layer_norm", "2c,c,c", NULL},
    {"local_response_norm", "2cc", "{\"size\": 2}"},
    {"linear", "2c,3c,3", NULL},
    {"logcumsumexp", NULL, "{\"axis\": 1}"},
    {"glu", "c2", NULL},
    {"lerp_scalar", NULL, "{\"w\": 0.3}"},
    {"masked_fill", NULL, "{\"value\": 2}"},
    {"masked_fill_by", "2c,2c,", NULL},
    {"prelu", "2c,c", NULL},
    {"round_decimals", NULL, "{\"decimals\": 1}"},
    {"log_softmax", NULL, "{\"axis\": 1}"},
    {"addbmm", "22,c22,c22", NULL},
    {"addmm", "2c,22,2c", NULL},
    {"addmv", "2,2c,c", NULL},
    {"addr", "2c,2,c", NULL},
    {"baddbmm", "c22,c22,c22", NULL},
    {"bilinear", "2c,22,2c2,2", NULL},
    {"bmm", "22c,2c2", NULL},
    {"chain_matmul", "2c,c2", NULL},
    {"dot", "c,c", NULL},
    {"einsum", "2c,2c", "{\"equation\": \"ij,ij->j\"}"},
    {"matmul", "2c,c2", NULL},
    {"mm", "2c,c2", NULL},
    {"multi_dot", "2c,c2", NULL},
    {"mv", "2c,c", NULL},
    {"outer", "2,c", NULL},
    {"vdot", "c,c", NULL},
    {"max_pool2d", "1chw", "{\"kernel\": [2, 2]}"},
    {"adaptive_avg_pool1d", "1ch", "{\"size\": 2}"},
    {"adaptive_avg_pool2d", "1chw", "{\"size\": [2, 2]}"},
    {"adaptive_avg_pool3d", "1c2hw", "{\"size\": [2, 2, 2]}"},
    {"adaptive_max_pool1d", "1ch", "{\"size\": 2}"},
    {"adaptive_max_pool1d_with_indices", "1ch", "{\"size\": 2}"},
    {"adaptive_max_pool2d", "1chw", "{\"size\": [2, 2]}"},
    {"adaptive_max_pool2d_with_indices", "1chw", "{\"size\": [2, 2]}"},
    {"adaptive_max_pool3d", "1c2hw", "{\"size\": [2, 2, 2]}"},
    {"adaptive_max_pool3d_with_indices", "1c2hw", "{\"size\": [2, 2, 2]}"},
    {"avg_pool1d", "1ch", "{\"kernel\": 2}"},
    {"avg_pool3d", "1c2hw", "{\"kernel\": [2, 2, 2]}"},
    {"channel_shuffle", "1hw", "{\"groups\": 2}"},
    {"interpolate", "1chw", "{\"size\": [2, 5], \"mode\": \"bicubic\"}"},
    {"lp_pool1d", "1ch", "{\"norm_type\": 2.5, \"kernel\": 2}"},
    {"lp_pool2d", "1chw", "{\"norm_type\": 2.5, \"kernel\": [2, 2]}"},
    {"lp_pool3d", "1c2hw", "{\"norm_type\": 2.5, \"kernel\": [2, 2, 2]}"},
    {"max_pool1d", "1ch", "{\"kernel\": 2}"},
    {"max_pool1d_with_indices", "1ch", "{\"kernel\": 2}"},
    {"max_pool2d_with_indices", "1chw", "{\"kernel\": [2, 2]}"},
    {"max_pool3d", "1c2hw", "{\"kernel\": [2, 2, 2]}"},
    {"max_pool3d_with_indices", "1c2hw", "{\"kernel\": [2, 2, 2]}"},
    {"max_unpool1d", "1ch,1ch", "{\"kernel\": 2}"},
    {"max_unpool2d", "1chw,1chw", "{\"kernel\": [2, 2]}"},
    {"max_unpool3d", "1c2hw,1c2hw", "{\"kernel\": [2, 2, 2]}"},
    {"pixel_shuffle", "4hw", "{\"upscale_factor\": 2}"},
    {"pixel_unshuffle", "chw", "{\"downscale_factor\": 2}"},
    {"narrow", NULL, "{\"axis\": 1, \"start\": 1, \"length\": 2}"},
    {"multi_margin_loss", "2c,2,c", NULL},
    {"multinomial", NULL, "{\"samples\": 1}"},
    {"nll_loss", "2c,2,c", NULL},
    {"pad", NULL, "{\"pads\": [1, 1]}"},
    {"permute", NULL, "{\"axes\": [1, 0]}"},
    {"polygamma", NULL, "{\"n\": 1}"},
    {"pow_scalar", NULL, "{\"s\": 2.5}"},
    {"quantile", "2c,2", NULL},
    {"gru_cell", "2c,21,3c,31,3,3", NULL},
    {"lstm_cell", "2c,21,21,4c,41,4,4", NULL},
    {"reshape", NULL, "{\"shape\": [6]}"},
    {"rms_norm", "2c,c", NULL},
    {"rnn_cell", "2c,22,2c,22,2,2", NULL},
    {"scaled_dot_product_attention", "2c,2c,2c,22", NULL},
    {"scatter", "2c,2c,2c", "{\"axis\": 1}"},
    {"scatter_add", "2c,2c,2c", "{\"axis\": 1}"},
    {"scatter_reduce", "2c,2c,2c", "{\"axis\": 1, \"reduce\": \"mean\"}"},
    {"searchsorted", "2c,22,2c", NULL},
    {"select", NULL, "{\"axis\": 1, \"index\": 1}"},
    {"softmax", NULL, "{\"axis\": 1}"},
    {"softmin", NULL, "{\"axis\": 1}"},
    {"squeeze", "1c", "{\"axis\": 0}"},
    {"take_along_dim", "2c,21", "{\"axis\": 1}"},
    {"threshold", NULL, "{\"threshold\": 0.4, \"value\": 0.1}"},
    {"topk", NULL, "{\"k\": 2}"},
    {"transpose", NULL, "{\"a\": 0, \"b\": 1}"},
    {"view_as_complex", "32", NULL},
    {"unsqueeze", NULL, "{\"axis\": 0}"},
    {"view", NULL, "{\"shape\": [6]}"},
    {"as_strided", NULL, "{\"shape\": [2, 2], \"strides\": [1, 2]}"},
    {"broadcast_to", NULL, "{\"shape\": [2, 2, 3]}"},
    {"chunk", NULL, "{\"chunks\": 2}"},
    {"dsplit", "222", "{\"indices\": [1]}"},
    {"flip", NULL, "{\"axes\": [1]}"},
    {"full_like", NULL, "{\"value\": 2}"},
    {"hsplit", NULL, "{\"indices\": [1, 2]}"},
    {"linspace", NULL, "{\"start\": 0, \"end\": 1, \"steps\": 3}"},
    {"logspace", NULL, "{\"start\": 0, \"end\": 1, \"steps\": 3}"},
    {"meshgrid", "c,2", NULL},
    {"movedim", NULL, "{\"source\": [0], \"destination\": [1]}"},
    {"one_hot", NULL, "{\"classes\": 2}"},
    {"randint_like", NULL, "{\"high\": 9}"},
    {"repeat", NULL, "{\"times\": [2, 1]}"},
    {"repeat_interleave", "2c,1", "{\"axis\": 1}"},
    {"roll", NULL, "{\"shifts\": [1]}"},
    {"split", NULL, "{\"size\": 1}"},
    {"split_with_sizes", NULL, "{\"sizes\": [1, 2], \"axis\": 1}"},
    {"tensor_split", NULL, "{\"sections\": 2}"},
    {"tile", NULL, "{\"times\": [2]}"},
    {"tril_indices", NULL, "{\"rows\": 2, \"columns\": 2}"},
    {"triu_indices", NULL, "{\"rows\": 2, \"columns\": 2}"},
    {"unflatten", NULL, "{\"axis\": 1, \"shape\": [3, 1]}"},
    {"unfold", NULL, "{\"axis\": 1, \"size\": 2, \"step\": 1}"},
    {"vsplit", NULL, "{\"sections\": 2}"},
    {"add_scalar", NULL, "{\"s\": 2.5}"},
    {"mul_scalar", NULL, "{\"s\": 2.5}"},
    {"to", NULL, "{\"dtype\": \"float64\"}"},
};

static int needs_of(const rt_op *op)
{
    int i = COUNT(needs) - 1;
    size_t len = strlen(op->name);
    len -= op->name[len - 1] == '_'; /* add_ has the limit of add */
    while (i >= 0 && (strncmp(needs[i].op, op->name, len) != 0 || needs[i].op[len]))
        i--;
    return i;
}

static rt_dims shape_of(const char **shapes)
{
    rt_dims d = {0};
    for (; **shapes && **shapes != ','; (*shapes)++)
        d.d[d.n++] = **shapes == 'c' ? 3 : **shapes == 'h' || **shapes == 'w' ? 4 : **shapes - '0';
    *shapes += **shapes == ',';
    return d;
}

static rt_tensor *operand(rt_dims dims, const rt_field *row, int number)
{
    if (!(row->dtypes & RT_FLOATS) && row->dtypes & RT_TYPE(I64))
        return rt_zeros(dims, RT_I64);
    if (row->dtypes == RT_TYPE(BOOL))
        return rt_ones(dims, RT_BOOL);
    rt_tensor *x = rt_empty(dims);
    for (int64_t i = 0; i < rt_numel(x); i++)
        rt_f32(x)[i] = 0.3f + (float)((i * 7 + number * 5) % 13) / 20;
    bool complex = row->dtypes & RT_COMPLEX && !(row->dtypes & RT_FLOATS);
    return complex ? rt_clone(rt_complex(x, rt_mul_scalar(x, 0.5))) : x;
}

/* Returns a weighted sum, a real number. */
static rt_tensor *weighted(rt_tensor *x, int number)
{
    return rt_sum(rt_real(rt_mul(x, operand(rt_dims_of(x), &(rt_field){0}, number))));
}

/* Calls the operation with parameters as its tensors and returns the weighted sum of its results. *n: how many inputs need a gradient. */
static rt_tensor *call(const rt_op *op, rt_tensor **param, int *n)
{
    int found = needs_of(op), count = op->n_in == RT_MANY ? 2 : op->n_in;
    const char *shapes = found >= 0 ? needs[found].shapes : NULL,
               *text = found >= 0 ? needs[found].values : NULL;
    rt_tensor *in[INPUTS], **out, *sum = rt_scalar(0);
    json_t *values = NULL;
    *n = 0;
    for (int i = 0; i < count; i++) {
        in[i] = operand(shapes ? shape_of(&shapes) : rt_shape(2, 3), rt__input_row(op, i), i);
        if (rt_dtype_of(in[i]) == RT_F32 || rt_dtype_of(in[i]) == RT_C64)
            param[(*n)++] = in[i] = rt_param(in[i]);
    }
    if (op->writes)
        in[0] = rt_mul_scalar(in[0], 1);
    if (text)
        assert_int_equal(rt_json_parse(text, strlen(text), op->name, &values), RT_OK);
    void *args = rt__args_from_json(op, in, count, values);
    int results = 0;
    out = args ? rt__apply_any(op, args, &results) : NULL;
    json_decref(values); /* texts among the arguments are borrowed from it */
    if (rt_failed())
        fail_msg("%s: %s", op->name, rt_error());
    for (int k = 0; k < results; k++)
        if (rt_requires_grad(out[k]))
            sum = rt_add(sum, weighted(out[k], 7 + k));
    rt_mem_free(out);
    rt_mem_free(args);
    return sum;
}

/* Differentiates until that fails, has been done MOST times, or leaves nothing to differentiate. Returns how often it succeeded; RT_CONSTANT if the results
 * have no gradient. */
static int orders_of(const rt_op *op)
{
    rt_tensor *param[INPUTS], *dx[INPUTS];
    int n, order = 0;
    rt_tensor *sum = call(op, param, &n);
    bool constant = !rt_requires_grad(sum);
    while (order < MOST && rt_requires_grad(sum) &&
           rt_grad(sum, param, n, dx, .create_graph = true) == RT_OK) {
        order++;
        sum = rt_scalar(0);
        for (int i = 0; i < n; i++)
            if (rt_requires_grad(dx[i]))
                sum = rt_add(sum, weighted(dx[i], 3 * order + i));
    }
    bool limited = rt_error_code() == RT_E_UNSUPPORTED;
    if (rt_failed() && !limited)
        fail_msg("%s: %s", op->name, rt_error());
    rt_error_clear();
    for (int i = 0; i < n; i++)
        rt_free(param[i]);
    return constant ? RT_CONSTANT : limited ? order : 0;
}

static void every_row_says_how_often(void **state)
{
    (void)state;
    const rt_op *op;
    for (int i = 0; (op = rt_op_at(i)); i++) {
        if (!op->backward && !op->compose)
            continue;
        if (strncmp(op->name, "bitwise_", 8) == 0)
            continue; /* of integers, which have no gradient */
        rt_scope s = rt_scope_begin();
        int orders = orders_of(op);
        if (orders != op->derivatives)
            fail_msg("%s: .derivatives is %d, but there are %d", op->name, op->derivatives, orders);
        rt_scope_end(s);
    }
}

/* Gradients where a function has a corner, which are a choice: PyTorch's. */
static const struct {
    const char *op, *values;
    double x, dx;
} corners[] = {
    {"abs", NULL, 0, 0},
    {"celu", "{\"alpha\": 0.5}", 0, 1},
    {"elu", "{\"alpha\": 0.5}", 0, 0.5},
    {"hardshrink", "{\"lambda\": 0.5}", 0.5, 0},
    {"hardshrink", "{\"lambda\": 0.5}", -0.5, 0},
    {"hardsigmoid", NULL, -3, 0},
    {"hardsigmoid", NULL, 3, 0},
    {"hardswish", NULL, -3, 0},
    {"hardswish", NULL, 3, 1},
    {"hardtanh", NULL, -1, 0},
    {"hardtanh", NULL, 1, 0},
    {"leaky_relu", "{\"slope\": 0.25}", 0, 0.25},
    {"relu", NULL, 0, 0},
    {"relu", NULL, -0.0, 0},
    {"relu6", NULL, 0, 0},
    {"relu6", NULL, 6, 0},
    {"softshrink", "{\"lambda\": 0.5}", 0.5, 0},
    {"softshrink", "{\"lambda\": 0.5}", -0.5, 0},
    {"threshold", "{\"threshold\": 0.5, \"value\": 2}", 0.5, 0},
};

static void corners_have_pytorchs_gradients(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(corners); i++) {
        const char *values = corners[i].values ? corners[i].values : "{}";
        json_t *j = json_loads(values, 0, NULL);
        rt__named_list out;
        const rt__named in = {"x", rt_full(rt_shape(1), corners[i].x, RT_F32)};
        rt__call_by_name(rt_op_find(corners[i].op), &in, 1, j, true, &out);
        assert_fine();
        if (rt_item(out.item[1].x) != corners[i].dx)
            fail_msg("%s at %g: the gradient is %g, expected %g", corners[i].op, corners[i].x,
                     rt_item(out.item[1].x), corners[i].dx);
        rt__named_list_release(&out);
        json_decref(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(every_row_says_how_often),
                                       TEST(corners_have_pytorchs_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
