/* A net's parameters and buffers as a safetensors file. */
#include "worker/engine/formats/weights.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the names in a net's state ---- */

/* Returns item i of a net's state: parameters, then buffers, then the other names of both; NULL after the last one. For such another name,
 * *first is the tensor's first name, else NULL. *name is NULL for a buffer that is not saved. */
static rt_tensor *state_at(const rt_module *net, int64_t i, const char **name, const char **first)
{
    int64_t params = rt_nn_param_count(net), buffers = rt_nn_buffer_count(net);
    bool persistent = true;
    rt_tensor *x;
    *first = *name = NULL;
    if (i < params)
        x = rt_nn_param_at(net, i, name);
    else if (i < params + buffers)
        x = rt_nn_buffer_at(net, i - params, name, &persistent);
    else
        x = rt_nn_alias_at(net, i - params - buffers, name, first);
    if (!persistent)
        *name = NULL;
    return x;
}

/* ---- saving ---- */

static rt_status add_state(rt_st_writer *w, const rt_module *net)
{
    const char *name, *first;
    rt_tensor *x;
    RT_TRY(rt_st_metadata(w, "format", "pt"));
    for (int64_t i = 0; (x = state_at(net, i, &name, &first)); i++) {
        if (!name)
            continue;
        x = rt__param_value(x);
        if (!rt__has_value("nn_save", x))
            return rt_error_code();
        if (x->dtype != RT_F32)
            return RT_FAIL(DTYPE, "nn_save: %s is %s, expected float32", name, rt_describe(x));
        rt_tensor *dense = rt__on_cpu(x) ? rt__tensor_contiguous(x) : rt__copy_to(x, NULL);
        if (!dense)
            return rt_error_code();
        RT_TRY(rt_st_add(w, name, RT_F32, rt_dims_of(x), rt_f32(dense)));
    }
    return rt_error_code();
}

rt_status rt_nn_save(const rt_module *net, const char *path)
{
    if (rt_failed() || !rt__is_module("nn_save", net) || !rt__given(path, "nn_save", "path"))
        return rt_error_code();
    rt_st_writer *w;
    RT_TRY(rt_st_create(path, &w));
    rt_scope s = rt_scope_begin(); /* holds contiguous copies until they are written */
    rt_status status = add_state(w, net);
    if (status == RT_OK)
        status = rt_st_finish(w, NULL, NULL);
    else
        rt_st_abandon(w);
    rt_scope_end(s);
    return status;
}

/* ---- comparing a file with the net ---- */

static const rt_st_entry *find(const rt_st_entry *offered, int64_t count, int prefix,
                               const char *name)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(offered[i].name + prefix, name) == 0)
            return &offered[i];
    return NULL;
}

/* Returns the length of a prefix that all names in the file have before the net's names, such as "module."; 0 if there is none. */
static int find_prefix(const rt_module *net, const rt_st_entry *offered, int64_t count)
{
    const char *first;
    if (!rt_nn_param_at(net, 0, &first) || !first || find(offered, count, 0, first))
        return 0;
    for (int64_t i = 0; i < count; i++) {
        size_t len = strlen(offered[i].name), tail = strlen(first), n = len - tail;
        if (len <= tail || offered[i].name[n - 1] != '.' || strcmp(offered[i].name + n, first) != 0)
            continue;
        int64_t same = 0;
        while (same < count && strncmp(offered[same].name, offered[i].name, n) == 0)
            same++;
        if (same == count)
            return (int)n;
    }
    return 0;
}

/* What is wrong: the first few complaints in full, the others counted. */
typedef struct complaints {
    rt_text list;
    int64_t count;
} complaints;

enum { NAMED = 8 };

__attribute__((format(printf, 2, 3))) static void complain(complaints *c, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    if (c->count++ >= NAMED)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt_text_add(&c->list, "%s%s", c->count > 1 ? "; " : "", text);
}

/* Fails with the complaints, or only logs them if the tensors that fit are enough. */
static rt_status conclude(complaints *c, const char *path, bool enough)
{
    char more[32] = "", *list = rt_text_take(&c->list);
    if (!list)
        return rt_error_code();
    if (c->count > NAMED)
        snprintf(more, sizeof more, "; and %lld more", (long long)c->count - NAMED);
    rt_status status = RT_OK;
    if (c->count > 0 && enough)
        rt_log_info("%s: loaded in part: %s%s", path, list, more);
    else if (c->count > 0)
        status = RT_FAIL(MISMATCH, "%s: these are not the weights of this model: %s%s", path, list,
                         more);
    rt_mem_free(list);
    return status;
}

/* Returns whether this is the name of the batch count of PyTorch's batch norms, which they use only when told to average over all batches.
 * Old files lack it, meaning 0, and modules may lack it too. */
static bool is_count(const char *name)
{
    const char *last = strrchr(name, '.');
    return strcmp(last ? last + 1 : name, "num_batches_tracked") == 0;
}

/* Returns whether the entry fits the tensor. PyTorch's batch counts are int64; here they are float32 like all other buffers. */
static bool fits(const rt_tensor *x, const char *name, const rt_st_entry *e)
{
    bool count = e && e->dtype == RT_I64 && is_count(name);
    return e && (rt__dtype_is_float(e->dtype) || count) && rt__dims_equal(e->shape, rt_dims_of(x));
}

static void compare(const rt_tensor *x, const char *name, const rt_st_entry *e, complaints *c)
{
    rt_dims want = rt_dims_of(x);
    if (!e && is_count(name))
        return;
    if (!e)
        complain(c, "\"%s\" %s is missing", name, rt_dims_text(want));
    else if (!fits(x, name, e))
        complain(c, "\"%s\" is %s%s, expected %s%s", name, rt_dtype_name(e->dtype),
                 rt_dims_text(e->shape), rt_dtype_name(rt_dtype_of(x)), rt_dims_text(want));
}

/* Finds a tensor in the file under any of its names, preferring the first. */
static const rt_st_entry *find_any(const rt_module *net, const rt_st_entry *offered, int64_t count,
                                   int prefix, const char *name)
{
    const rt_st_entry *e = find(offered, count, prefix, name);
    const char *other, *first;
    for (int64_t i = 0; !e && rt_nn_alias_at(net, i, &other, &first); i++)
        if (strcmp(first, name) == 0)
            e = find(offered, count, prefix, other);
    return e;
}

/* Complains unless a tensor with several names comes under only one of them, or has the same value under each. */
static void compare_alias(const rt_st_entry *e, const rt_st_entry *of, const char *name,
                          const char *first, complaints *c)
{
    if (e && of && e != of &&
        (e->dtype != of->dtype || !rt__dims_equal(e->shape, of->shape) ||
         memcmp(e->data, of->data, (size_t)e->bytes) != 0))
        complain(c, "\"%s\" and \"%s\" differ, but are one tensor here", first, name);
}

/* Returns whether the net's state has that name. */
static bool has_name(const rt_module *net, const char *wanted)
{
    if (is_count(wanted))
        return true;
    const char *name, *first;
    for (int64_t i = 0; state_at(net, i, &name, &first); i++)
        if (name && strcmp(name, wanted) == 0)
            return true;
    return false;
}

static rt_status check(const rt_module *net, const rt_st_entry *offered, int64_t count, int prefix,
                       const char *path, bool partial)
{
    complaints c = {0};
    const char *name, *first;
    rt_tensor *x;
    int64_t fitting = 0;
    for (int64_t i = 0; (x = state_at(net, i, &name, &first)); i++) {
        if (!name)
            continue;
        const rt_st_entry *e = find_any(net, offered, count, prefix, first ? first : name);
        if (first) {
            compare_alias(find(offered, count, prefix, name), e, name, first, &c);
            continue;
        }
        fitting += fits(x, name, e);
        compare(x, name, e, &c);
    }
    for (int64_t i = 0; i < count; i++)
        if (!has_name(net, offered[i].name + prefix))
            complain(&c, "\"%s\" %s is not in this model", offered[i].name,
                     rt_dims_text(offered[i].shape));
    return conclude(&c, path, partial && fitting > 0);
}

/* ---- loading ---- */

/* Copies and converts what fits. The data are copied first, so their alignment does not matter. */
static rt_status copy_fitting(rt_module *net, const rt_st_entry *offered, int64_t count, int prefix)
{
    const char *name, *first;
    rt_tensor *x;
    for (int64_t i = 0; (x = state_at(net, i, &name, &first)); i++) {
        const rt_st_entry *e = name && !first ? find_any(net, offered, count, prefix, name) : NULL;
        bool absent = !e && name && !first && is_count(name);
        if (!absent && (!e || !fits(x, name, e)))
            continue;
        rt_tensor *value = absent ? rt_zeros(rt_dims_of(x)) : rt_from(e->data, e->shape, e->dtype);
        if (!value)
            return rt_error_code();
        RT_TRY(rt__param_assign(x, value));
    }
    return rt_error_code();
}

rt_status rt__weights_assign(rt_module *net, const rt_st_entry *offered, int64_t count,
                             const char *path, bool partial)
{
    int prefix = find_prefix(net, offered, count);
    RT_TRY(check(net, offered, count, prefix, path, partial));
    rt_scope s = rt_scope_begin();
    rt_status status = copy_fitting(net, offered, count, prefix);
    rt_scope_end(s);
    return status;
}

/* ---- values ---- */

/* Returns the first element with a forbidden value, or -1. */
static int64_t find_bad(const float *x, int64_t n, bool not_negative)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || (not_negative && x[i] < 0))
            return i;
    return -1;
}

static rt_status check_entry(const rt__entry *e, const char *path)
{
    const rt__slot *slot = &e->owner->inside->slot[e->slot];
    rt_tensor *x = rt__param_value(e->tensor);
    if ((slot->kind == RT__BUFFER && !slot->persistent) || x->dtype != RT_F32)
        return RT_OK;
    rt_tensor *dense = rt__on_cpu(x) ? rt__tensor_contiguous(x) : rt__copy_to(x, NULL);
    if (!dense)
        return rt_error_code();
    int64_t at = find_bad(rt_f32(dense), rt_numel(x), slot->not_negative);
    if (at < 0)
        return RT_OK;
    return RT_FAIL(MISMATCH, "%s: \"%s\": element %lld is %g, expected %s", path, e->name,
                   (long long)at, (double)rt_f32(dense)[at],
                   slot->not_negative ? "a finite number of 0 or more" : "a finite number");
}

rt_status rt__weights_check_values(const rt_module *net, const char *path)
{
    const rt__index *index = rt__nn_index(net);
    if (!index)
        return rt_error_code();
    rt_scope s = rt_scope_begin();
    rt_status status = RT_OK;
    for (int64_t i = 0; i < index->param.count && status == RT_OK; i++)
        status = check_entry(&index->param.at[i], path);
    for (int64_t i = 0; i < index->buffer.count && status == RT_OK; i++)
        status = check_entry(&index->buffer.at[i], path);
    rt_scope_end(s);
    return status;
}

rt_status rt__weights_assign_file(rt_module *net, const char *path, bool partial)
{
    rt_st_reader *r;
    RT_TRY(rt_st_open(path, &r));
    rt_status status = rt__weights_assign(net, rt_st_at(r, 0), rt_st_count(r), path, partial);
    rt_st_close(r);
    return status;
}

rt_status rt_nn_load(rt_module *net, const char *path)
{
    if (rt_failed() || !rt__is_module("nn_load", net) || !rt__given(path, "nn_load", "path"))
        return rt_error_code();
    return rt__weights_assign_file(net, path, false);
}
