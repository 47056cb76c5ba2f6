/* Calls any operation by its name, with random tensors and values. */
#ifndef RINGTORCH_TESTS_UNIT_ENGINE_ANY_CALL_H
#define RINGTORCH_TESTS_UNIT_ENGINE_ANY_CALL_H

#include "check.h"

#include "common/base/json.h"
#include "tests/unit/common/random.h"
#include "worker/engine/ops/call_by_name.h"
#include "worker/engine/tensor/tensor.h"
#include <ringtorch/op.h>
#include <stdio.h>
#include <sys/resource.h>

enum { MOST_INPUTS = 8 };

static _Thread_local uint64_t rng;

static inline int64_t below(int64_t n)
{
    return random_below(&rng, n);
}

/* ---- tensors ---- */

static inline rt_dims any_shape(void)
{
    static const int64_t sizes[] = {0, 1, 1, 2, 2, 3, 3, 3};
    rt_dims d = {.n = (int)below(5)};
    for (int i = 0; i < d.n; i++)
        d.d[i] = sizes[below(COUNT(sizes))];
    return d;
}

/* Returns an element type, mostly one that the row allows. */
static inline rt_dtype any_dtype(const rt_field *row)
{
    rt_dtype t = (rt_dtype)below(RT_DTYPES);
    while (below(20) != 0 && !(row->dtypes >> t & 1))
        t = (rt_dtype)below(RT_DTYPES);
    return t;
}

/* Returns a tensor of whole numbers, some of which are valid indices, or of any floats. */
static inline rt_tensor *any_tensor(rt_dims shape, rt_dtype dtype)
{
    bool whole = !rt__dtype_is_float(dtype) || below(2);
    rt_tensor *x = whole
                       ? rt_randint(shape, dtype == RT_I64 || rt__dtype_is_float(dtype) ? -1 : 0, 4)
                       : rt_uniform(shape, -2, 2);
    x = rt_to(x, dtype);
    assert_fine();
    return x;
}

/* A call whose result takes gigabytes fails for lack of memory, instead of taking the machine's. The sanitizers need all addresses;
 * one of them is told so by tests/CMakeLists.txt. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
__attribute__((constructor)) static void limit_memory(void)
{
    setrlimit(RLIMIT_AS, &(struct rlimit){(rlim_t)6 << 30, RLIM_INFINITY});
}
#endif

/* Shapes that fit together, for operations that random shapes hardly ever suit: a letter is a size, one for all inputs of a call,
 * and a digit stands for itself. Integer inputs among them are indices below c. */
static const struct {
    const char *op, *shapes;
} fitting_rows[] = {
    {"adaptive_avg_pool1d", "nch"},
    {"adaptive_avg_pool2d", "nchw"},
    {"adaptive_avg_pool3d", "nc1hw"},
    {"adaptive_max_pool1d", "nch"},
    {"adaptive_max_pool1d_with_indices", "nch"},
    {"adaptive_max_pool2d", "nchw"},
    {"adaptive_max_pool2d_with_indices", "nchw"},
    {"adaptive_max_pool3d", "nc1hw"},
    {"adaptive_max_pool3d_with_indices", "nc1hw"},
    {"addbmm", "no,cnh,cho"},
    {"addbmm_", "no,cnh,cho"},
    {"addmm", "no,nc,co"},
    {"addmm_", "no,nc,co"},
    {"addmv", "n,nc,c"},
    {"addmv_", "n,nc,c"},
    {"addr", "no,n,o"},
    {"addr_", "no,n,o"},
    {"avg_pool1d", "nch"},
    {"avg_pool2d", "nchw"},
    {"avg_pool3d", "nc1hw"},
    {"baddbmm", "hno,hnc,hco"},
    {"baddbmm_", "hno,hnc,hco"},
    {"batch_norm_by", "nch,c,c,c,c"},
    {"bilinear", "nc,no,hco,h"},
    {"bincount", "n,n"},
    {"bmm", "hnc,hco"},
    {"channel_shuffle", "nhw"},
    {"col2im", "n41"},
    {"conv1d", "nch,oc2,o"},
    {"conv2d", "nchw,oc22,o"},
    {"conv3d", "nchww,oc122,o"},
    {"conv_transpose1d", "nch,co2,o"},
    {"conv_transpose2d", "nchw,co22,o"},
    {"conv_transpose3d", "nchww,co122,o"},
    {"cosine_embedding_loss", "nc,nc,n"},
    {"cross", "nc,nc"},
    {"cross_entropy", "nc,n,c"},
    {"ctc_loss", "hnc,no,n,n"},
    {"dot", "c,c"},
    {"embedding", "cn,o"},
    {"embedding_bag", "cn,h,1,h"},
    {"gather", "cn,cn"},
    {"gaussian_nll_loss", "nc,nc,n"},
    {"group_norm", "nch,c,c"},
    {"gru_cell", "nc,n1,3c,31,3,3"},
    {"im2col", "nchw"},
    {"index_add", "c,o,o"},
    {"index_copy", "c,o,o"},
    {"index_fill", "cn,o"},
    {"index_select", "cn,o"},
    {"inner", "nc,oc"},
    {"instance_norm", "nch,c,c"},
    {"interpolate", "nchw"},
    {"linear", "nc,oc,o"},
    {"local_response_norm", "nch"},
    {"lp_pool1d", "nch"},
    {"lp_pool2d", "nchw"},
    {"lp_pool3d", "nc1hw"},
    {"lstm_cell", "nc,n1,n1,wc,w1,w,w"},
    {"masked_fill", "no,o"},
    {"masked_fill_by", "no,o,"},
    {"masked_select", "no,o"},
    {"matmul", "hnc,co"},
    {"max_pool1d", "nch"},
    {"max_pool1d_with_indices", "nch"},
    {"max_pool2d", "nchw"},
    {"max_pool2d_with_indices", "nchw"},
    {"max_pool3d", "nc1hw"},
    {"max_pool3d_with_indices", "nc1hw"},
    {"max_unpool1d", "nch,nch"},
    {"max_unpool2d", "nchw,nchw"},
    {"max_unpool3d", "nc1hw,nc1hw"},
    {"mm", "nc,co"},
    {"multi_margin_loss", "nc,n,c"},
    {"mv", "nc,c"},
    {"nll_loss", "nc,n,c"},
    {"outer", "n,o"},
    {"pixel_shuffle", "nhhw"},
    {"pixel_unshuffle", "nchw"},
    {"prelu", "nc,c"},
    {"rms_norm", "nc,c"},
    {"rnn_cell", "nc,nw,wc,ww,w,w"},
    {"scaled_dot_product_attention", "nhc,nwc,nwo,hw"},
    {"scatter", "cn,cn,cn"},
    {"scatter_add", "cn,cn,cn"},
    {"scatter_reduce", "cn,cn,cn"},
    {"searchsorted", "nc,no"},
    {"take_along_dim", "cn,1n"},
    {"trapezoid", "nc,c"},
    {"vdot", "c,c"},
    {"where", "no,no,o"},
};

static inline const char *fitting_shapes(const rt_op *op)
{
    for (size_t i = 0; i < COUNT(fitting_rows); i++)
        if (strcmp(fitting_rows[i].op, op->name) == 0)
            return fitting_rows[i].shapes;
    return NULL;
}

/* Reads the shape of one input and goes on to the next. */
static inline rt_dims fitting_shape(const char **shapes, const int64_t size[128])
{
    rt_dims d = {0};
    for (; **shapes && **shapes != ','; (*shapes)++)
        d.d[d.n++] = size[(unsigned char)**shapes];
    *shapes += **shapes == ',';
    return d;
}

static inline int fitting_inputs(const rt_op *op, const char *shapes, rt__named *given,
                                 char names[MOST_INPUTS][80])
{
    int64_t size[128] = {['1'] = 1, ['2'] = 2, ['3'] = 3, ['4'] = 4, ['h'] = 4, ['w'] = 4};
    for (const char *letter = "ncho"; *letter; letter++)
        size[(unsigned char)*letter] += 1 + below(3);
    int n = 0;
    rt_dtype dtype = RT_F32; /* the float type, which the caller may convert */
    for (int i = 0; i < op->n_in; i++) {
        const rt_field *row = &op->fields[i];
        rt_dims shape = fitting_shape(&shapes, size);
        if (!row->needed && below(2))
            continue;
        snprintf(names[n], sizeof names[n], "%s", row->name);
        bool index =
            row->dtypes != RT_ANY_TYPE && row->dtypes & RT_TYPE(I64) && !(row->dtypes & RT_FLOATS);
        rt_tensor *x =
            index ? rt_randint(shape, 0, size['c']) : rt_to(rt_uniform(shape, -2, 2), dtype);
        given[n] = (rt__named){names[n], row->dtypes == RT_TYPE(BOOL) ? rt_to(x, RT_BOOL) : x};
        n++;
    }
    assert_fine();
    return n;
}

/* Makes the tensors of a call, often of one shape and type; returns how many. */
static inline int any_inputs(const rt_op *op, rt__named *given, char names[MOST_INPUTS][80])
{
    const char *fitting = fitting_shapes(op);
    if (fitting && below(2))
        return fitting_inputs(op, fitting, given, names);
    int n = 0, rows = op->n_in == RT_MANY ? 1 + (int)below(3) : op->n_in;
    rt_dims shape = any_shape();
    rt_dtype dtype = rows ? any_dtype(op->fields) : RT_F32;
    for (int i = 0; i < rows; i++) {
        const rt_field *row = &op->fields[op->n_in == RT_MANY ? 0 : i];
        if (below(row->needed ? 50 : 3) == 0)
            continue;
        snprintf(names[n], sizeof names[n], op->n_in == RT_MANY ? "%s.%d" : "%s", row->name, i);
        if (below(3) == 0)
            shape = any_shape();
        if ((row->dtypes & RT_PROMOTE) != RT_SAME)
            dtype = any_dtype(row);
        given[n] = (rt__named){names[n], any_tensor(shape, dtype)};
        n++;
    }
    return n;
}

/* ---- values ---- */

static const int64_t integers[] = {
    0,         1,         2,        3, 7, -1, -3, 0, 1, 1ll << 32, (1ll << 32) + 1, -(1ll << 32),
    1ll << 62, INT64_MAX, INT64_MIN};
static const double numbers[] = {0, 1, 0.5, 2.5, -1, 1e300, -1e300, 1e-300, -0.0};

/* Returns a text for what stands between the brackets of x[...]. */
static inline json_t *any_items(void)
{
    static const char *const items[] = {
        "t0", "0", "-1", ":", "1:", "::2", "...", "None", "t1", "x"};
    char text[64] = "";
    for (int64_t i = below(4); i >= 0; i--)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", items[below(10)],
                 i > 0 ? ", " : "");
    return json_string(text);
}

/* Returns an equation, often a right one, for tensors of one or two axes. */
static inline json_t *any_equation(void)
{
    static const char *const groups[] = {"ij",   "jk",   "i", "j",   "ii",
                                         "...j", "j...", "",  " k ", "1"};
    char text[64] = "";
    for (int64_t i = below(3); i >= 0; i--)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", groups[below(10)],
                 i > 0 ? "," : "");
    if (below(2))
        snprintf(text + strlen(text), sizeof text - strlen(text), "->%s", groups[below(10)]);
    return json_string(text);
}

static inline json_t *any_integer(void)
{
    return json_integer(integers[below(below(3) ? 9 : COUNT(integers))]);
}

static inline json_t *any_list(int64_t n)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(list, any_integer());
    return list;
}

/* Returns a list of sizes, such as a shape: small, or of more bytes than can be counted, but never of gigabytes, which a machine
 * might grant. */
static inline json_t *any_sizes(void)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 1, 2, 3, 7, -1, 1ll << 62, INT64_MAX, INT64_MIN};
    json_t *list = json_array();
    for (int64_t n = below(5); n > 0; n--)
        json_array_append_new(list, json_integer(sizes[below(COUNT(sizes))]));
    return list;
}

static inline json_t *any_number(void)
{
    static const char *const odd[] = {"nan", "inf", "-inf"};
    return below(6) ? json_real(numbers[below(COUNT(numbers))]) : json_string(odd[below(3)]);
}

static inline json_t *any_choice(const char *choices)
{
    for (int64_t skip = below(3); skip > 0 && strchr(choices, '|'); skip--)
        choices = strchr(choices, '|') + 1;
    return json_stringn(choices, strcspn(choices, "|"));
}

static inline json_t *any_value(const rt_field *row)
{
    if (row->maybe && below(4) == 0)
        return json_null();
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
    case RT_FIELD_AUTO:
        if (strcmp(row->name, "n") == 0 || strcmp(row->name, "m") == 0) /* sizes, those of eye */
            return json_integer(below(5) ? below(5) : 1ll << 62);
        return any_integer();
    case RT_FIELD_NUMBER:
        return any_number();
    case RT_FIELD_FLAG:
        return json_boolean(below(2));
    case RT_FIELD_PAIR:
        return any_list(2);
    case RT_FIELD_TRIPLE:
        return any_list(3);
    case RT_FIELD_DIMS:
    case RT_FIELD_INTS:
        return any_sizes();
    case RT_FIELD_DTYPE:
        return json_string(rt_dtype_name((rt_dtype)below(RT_DTYPES)));
    case RT_FIELD_CHOICE:
        return any_choice(row->choices);
    case RT_FIELD_TEXT:
        return strcmp(row->name, "equation") == 0 ? any_equation() : any_items();
    case RT_FIELD_LAYERS:
    case RT_FIELD_VALUE:
    case RT_FIELD_METRICS:
    case RT_FIELD_KINDS:
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
        break;
    }
    return NULL;
}

static inline bool is_input(const rt_field *row)
{
    return row->kind == RT_FIELD_INPUT || row->kind == RT_FIELD_INPUTS;
}

/* Gives the required values only, and small ones. */
static inline json_t *plain_values(const rt_op *op)
{
    json_t *values = json_object();
    for (int i = 0; i < op->n_fields; i++) {
        const rt_field *row = &op->fields[i];
        if (is_input(row) || !row->needed)
            continue;
        int count = row->kind == RT_FIELD_PAIR ? 2 : row->kind == RT_FIELD_TRIPLE ? 3 : 0;
        json_t *list = count ? json_array() : NULL;
        for (int k = 0; k < count; k++)
            json_array_append_new(list, json_integer(1 + below(2)));
        json_object_set_new(values, row->name,
                            list                        ? list
                            : row->kind == RT_FIELD_INT ? json_integer(below(2))
                                                        : any_value(row));
    }
    return values;
}

static inline json_t *any_values(const rt_op *op)
{
    if (below(3) == 0)
        return plain_values(op);
    json_t *values = json_object();
    for (int i = 0; i < op->n_fields; i++)
        if (!is_input(&op->fields[i]) && (op->fields[i].needed ? below(50) : below(2)))
            json_object_set_new(values, op->fields[i].name, any_value(&op->fields[i]));
    return values;
}

#endif
