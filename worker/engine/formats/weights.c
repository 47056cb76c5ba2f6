/* A net's parameters and buffers as a safetensors file. */
#include "worker/engine/formats/weights.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/tensor/tensor.h"

/* ---- the names that a net's state has ---- */

/* Number i of a net's state: parameters, buffers that are saved, and the other names of both. Returns NULL behind the last one; *first is
 * the name that the tensor has beside such another name, else NULL. A buffer that is not saved has no name. */
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
        if (!rt__has_value("nn_save", x))
            return rt_error_code();
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

/* ---- what fits ---- */

static bool is_float(rt_dtype t)
{
    return t == RT_F32 || t == RT_F64 || t == RT_F16 || t == RT_BF16;
}

static const rt_st_entry *find(const rt_st_entry *offered, int64_t count, int prefix,
                               const char *name)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(offered[i].name + prefix, name) == 0)
            return &offered[i];
    return NULL;
}

/* Returns the length of what stands before the net's names in all names of the file, such as "module."; 0: nothing. */
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

/* What is wrong: the first few by name, the others by number. */
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

/* Fails with what is wrong; if some tensors fit and that is enough, only logs it. */
static rt_status conclude(complaints *c, const char *path, bool enough)
{
    char more[32] = "", *list = rt_text_take(&c->list);
    if (!list)
        return rt_error_code();
    if (c->count > NAMED)
        snprintf(more, sizeof more, "; and %lld more", (long long)c->count - NAMED);
    rt_status status = RT_OK;
    if (c->count > 0 && enough)
        rt_log_info("%s: taken over in part: %s%s", path, list, more);
    else if (c->count > 0)
        status = RT_FAIL(MISMATCH, "%s: these are not the weights of this model: %s%s", path, list,
                         more);
    rt_mem_free(list);
    return status;
}

/* PyTorch's counts of batches are int64, and float32 like all other buffers here. */
static bool fits(const rt_tensor *x, const rt_st_entry *e)
{
    bool count = e && e->dtype == RT_I64 && e->shape.n == 0 && !x->node && !x->leaf;
    return e && (is_float(e->dtype) || count) && rt__dims_equal(e->shape, rt_dims_of(x));
}

static void compare(const rt_tensor *x, const char *name, const rt_st_entry *e, complaints *c)
{
    rt_dims want = rt_dims_of(x);
    if (!e)
        complain(c, "\"%s\" %s is missing", name, rt_dims_text(want));
    else if (!fits(x, e))
        complain(c, "\"%s\" is %s%s, expected %s%s", name, rt_dtype_name(e->dtype),
                 rt_dims_text(e->shape), rt_dtype_name(rt_dtype_of(x)), rt_dims_text(want));
}

/* Returns what the file has for a tensor under any of its names, its first one preferred. */
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

/* A tensor that has several names may come under one of them, or under several with one value. */
static void compare_alias(const rt_st_entry *e, const rt_st_entry *of, const char *name,
                          const char *first, complaints *c)
{
    if (e && of && e != of &&
        (e->dtype != of->dtype || !rt__dims_equal(e->shape, of->shape) ||
         memcmp(e->data, of->data, (size_t)e->bytes) != 0))
        complain(c, "\"%s\" and \"%s\" differ, and are one tensor here", first, name);
}

/* Does the net have that name? A module may do without the count that PyTorch's batch norms keep, and never use unless told to average
 * over all batches. */
static bool has_name(const rt_module *net, const char *wanted)
{
    const char *last = strrchr(wanted, '.');
    if (strcmp(last ? last + 1 : wanted, "num_batches_tracked") == 0)
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
        fitting += fits(x, e);
        compare(x, name, e, &c);
    }
    for (int64_t i = 0; i < count; i++)
        if (!has_name(net, offered[i].name + prefix))
            complain(&c, "\"%s\" %s is not of this model", offered[i].name,
                     rt_dims_text(offered[i].shape));
    return conclude(&c, path, partial && fitting > 0);
}

/* ---- loading ---- */

/* Copies, so alignment does not matter, and converts. */
static rt_status copy_fitting(rt_module *net, const rt_st_entry *offered, int64_t count, int prefix)
{
    const char *name, *first;
    rt_tensor *x;
    for (int64_t i = 0; (x = state_at(net, i, &name, &first)); i++) {
        const rt_st_entry *e = name && !first ? find_any(net, offered, count, prefix, name) : NULL;
        if (!e || !fits(x, e))
            continue;
        rt_tensor *value = rt_from(e->data, e->shape, e->dtype);
        if (!value)
            return rt_error_code();
        RT_TRY(rt_copy_into(x, value));
    }
    return rt_error_code();
}

rt_status rt__weights_take(rt_module *net, const rt_st_entry *offered, int64_t count,
                           const char *path, bool partial)
{
    int prefix = find_prefix(net, offered, count);
    RT_TRY(check(net, offered, count, prefix, path, partial));
    rt_scope s = rt_scope_begin();
    rt_status status = copy_fitting(net, offered, count, prefix);
    rt_scope_end(s);
    return status;
}

rt_status rt__weights_take_file(rt_module *net, const char *path, bool partial)
{
    rt_st_reader *r;
    RT_TRY(rt_st_open(path, &r));
    rt_status status = rt__weights_take(net, rt_st_at(r, 0), rt_st_count(r), path, partial);
    rt_st_close(r);
    return status;
}

rt_status rt_nn_load(rt_module *net, const char *path)
{
    if (rt_failed() || !rt__is_module("nn_load", net) || !rt__given(path, "nn_load", "path"))
        return rt_error_code();
    return rt__weights_take_file(net, path, false);
}
