/* A net's parameters as a safetensors file. */
#include <ringtorch/formats.h>

#include <string.h>
#include "common/error.h"
#include "worker/engine/tensor/tensor.h"

/* ---- saving ---- */

static rt_status add_params(rt_st_writer *w, const rt_module *net)
{
    RT_TRY(rt_st_metadata(w, "format", "pt"));
    for (int64_t i = 0; i < rt_nn_param_count(net); i++) {
        const char *name;
        rt_tensor *param = rt_nn_param_at(net, i, &name);
        rt_tensor *dense = rt__tensor_contiguous(param);
        if (!dense || !name)
            return rt_error_code();
        RT_TRY(rt_st_add(w, name, RT_F32, rt_dims_of(param), rt_f32(dense)));
    }
    return RT_OK;
}

rt_status rt_nn_save(const rt_module *net, const char *path)
{
    if (!net || rt_failed())
        return rt_failed() ? rt_error_code() : RT_FAIL(ARG, "nn_save: the net is NULL");
    rt_st_writer *w;
    RT_TRY(rt_st_create(path, &w));
    rt_scope s = rt_scope_begin(); /* holds contiguous copies until they are written */
    rt_status status = add_params(w, net);
    if (status == RT_OK)
        status = rt_st_finish(w, NULL, NULL);
    else
        rt_st_abandon(w);
    rt_scope_end(s);
    return status;
}

/* ---- loading ---- */

static rt_status check_param(const rt_st_entry *e, const rt_tensor *param, const char *name,
                             const char *path)
{
    rt_dims want = rt_dims_of(param);
    if (!e)
        return RT_FAIL(MISMATCH, "%s: parameter \"%s\" is missing: the file is of another model",
                       path, name);
    if (e->dtype != rt_dtype_of(param) || !rt__dims_equal(e->shape, want))
        return RT_FAIL(MISMATCH,
                       "%s: parameter \"%s\" is %s%s, expected %s%s: the file is of another model",
                       path, name, rt_dtype_name(e->dtype), rt_dims_text(e->shape),
                       rt_dtype_name(rt_dtype_of(param)), rt_dims_text(want));
    return RT_OK;
}

static bool has_param(const rt_module *net, const char *wanted)
{
    const char *name;
    for (int64_t i = 0; rt_nn_param_at(net, i, &name); i++)
        if (name && strcmp(name, wanted) == 0)
            return true;
    return false;
}

/* Every parameter is in the file, and nothing else is. */
static rt_status check_all(const rt_st_reader *r, const rt_module *net, const char *path)
{
    const char *name;
    rt_tensor *param;
    for (int64_t i = 0; (param = rt_nn_param_at(net, i, &name)); i++) {
        if (!name)
            return rt_error_code();
        RT_TRY(check_param(rt_st_find(r, name), param, name, path));
    }
    for (int64_t i = 0; i < rt_st_count(r); i++)
        if (!has_param(net, rt_st_at(r, i)->name))
            return RT_FAIL(MISMATCH, "%s: tensor \"%s\" is no parameter of this model", path,
                           rt_st_at(r, i)->name);
    return RT_OK;
}

rt_status rt_nn_load(rt_module *net, const char *path)
{
    if (!net || rt_failed())
        return rt_failed() ? rt_error_code() : RT_FAIL(ARG, "nn_load: the net is NULL");
    rt_st_reader *r;
    RT_TRY(rt_st_open(path, &r));
    rt_status status = check_all(r, net, path);
    rt_scope s = rt_scope_begin();
    const char *name;
    rt_tensor *param;
    for (int64_t i = 0; status == RT_OK && (param = rt_nn_param_at(net, i, &name)); i++) {
        const rt_st_entry *e = rt_st_find(r, name);
        rt_tensor *value =
            rt_from(e->data, e->shape, e->dtype); /* copies, so alignment does not matter */
        status = value ? rt_copy_into(param, value) : rt_error_code();
    }
    rt_scope_end(s);
    rt_st_close(r);
    return status;
}
