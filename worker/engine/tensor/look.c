/* Reads properties of tensors, and single values. */
#include "common/base/error.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

rt_dims rt_dims_of(const rt_tensor *x)
{
    return rt__sees("dims_of", x) ? x->dims : (rt_dims){0};
}

int rt_ndim(const rt_tensor *x)
{
    return rt__sees("ndim", x) ? x->dims.n : 0;
}

int64_t rt_size(const rt_tensor *x, int axis)
{
    int i = rt__sees("size", x) ? rt__axis("size", axis, x->dims.n) : -1;
    return i < 0 ? 0 : x->dims.d[i];
}

int64_t rt_stride(const rt_tensor *x, int axis)
{
    int i = rt__sees("stride", x) ? rt__axis("stride", axis, x->dims.n) : -1;
    return i < 0 ? 0 : x->stride[i];
}

int64_t rt_numel(const rt_tensor *x)
{
    return rt__sees("numel", x) ? x->numel : 0;
}

rt_dtype rt_dtype_of(const rt_tensor *x)
{
    return rt__sees("dtype_of", x) ? x->dtype : RT_F32;
}

rt_device rt_device_of(const rt_tensor *x)
{
    return rt__sees("device_of", x) ? x->device : (rt_device){0};
}

rt_status rt_device_named(const char *name, rt_device *out)
{
    if (!rt__given(name, "device_named", "name") || !rt__given(out, "device_named", "result"))
        return rt_error_code();
    if (!rt_gpu_parse(name, out))
        return RT_FAIL(DEVICE,
                       "'%.40s' is no device: expected cpu, or opencl:0 for the first one that "
                       "`clinfo -l` lists",
                       name);
    if (out->kind == RT_CPU)
        return out->index == 0 ? RT_OK : RT_FAIL(DEVICE, "%.40s: there is one CPU, \"cpu\"", name);
    return rt_gpu_open(*out) ? RT_OK : rt_error_code();
}

bool rt_is_contiguous(const rt_tensor *x)
{
    return rt__sees("is_contiguous", x) && x->contiguous;
}

const char *rt_describe(const rt_tensor *x)
{
    if (!x || x->object.type != &rt__tensor_type)
        return "no tensor";
    const char *dims = rt_dims_text(x->dims);
    char *text = rt__text();
    char device[16];
    rt_gpu_name(x->device, device);
    snprintf(text, RT_TEXT_SIZE, "%s%s %s", rt_dtype_name(x->dtype), dims, device);
    return text;
}

bool rt__refuse_device(const char *what, const rt_tensor *x)
{
    RT_FAIL(DEVICE,
            "%s: %s lies on a device, whose memory the CPU cannot read: move it with rt_to_device, "
            "or copy it with rt_copy_out or rt_item",
            what, rt_describe(x));
    return false;
}

/* Returns the address of x's elements, which the caller may write to from now on. */
static void *expose(const rt_tensor *x)
{
    if (!x->storage || rt__tensor_own(x) != RT_OK)
        return NULL;
    atomic_store_explicit(&x->storage->exposed, true, memory_order_relaxed);
    return x->data;
}

void *rt_data(const rt_tensor *x)
{
    return rt__sees("data", x) && rt__readable("data", x) ? expose(x) : NULL;
}

bool rt__refuse_hollow(const char *what, const rt_tensor *x)
{
    if (x->object.refs > x->object.edges) /* it still has an owner besides the graph */
        return RT_FAIL(ARG, "%s: the value of %s is absent: bring it back with rt_param_present",
                       what, rt_describe(x)),
               false;
    RT_FAIL(ARG,
            "%s: %s was freed, and the graph kept it without its value: keep it with rt_keep, or, "
            "if this is a backward, name it in .saves_in",
            what, rt_describe(x));
    return false;
}

static void *data_as(const char *what, const rt_tensor *x, rt_dtype dtype)
{
    if (!rt__sees(what, x))
        return NULL;
    if (x->dtype != dtype)
        return RT_FAIL_NULL(DTYPE, "%s cannot be read as %s: convert it with rt_to", rt_describe(x),
                            rt_dtype_name(dtype));
    return rt__has_value(what, x) && rt__readable(what, x) ? expose(x) : NULL;
}

float *rt_f32(const rt_tensor *x)
{
    return data_as("f32", x, RT_F32);
}

int64_t *rt_i64(const rt_tensor *x)
{
    return data_as("i64", x, RT_I64);
}

double rt_item(const rt_tensor *x)
{
    if (!rt__sees("item", x) || !rt__has_value("item", x))
        return NAN;
    if (x->numel != 1)
        return RT_FAIL(SHAPE, "item: %s has %lld elements, expected one", rt_describe(x),
                       (long long)x->numel),
               NAN;
    if (!rt__on_cpu(x)) {
        rt_scope s = rt_scope_begin();
        const rt_tensor *here = rt__copy_to(x, NULL);
        double value = here ? rt_item(here) : NAN;
        rt_scope_end(s);
        return value;
    }
    if (rt__dtype_is_complex(x->dtype))
        return RT_FAIL(DTYPE, "item: %s is complex: read it with rt_copy_out", rt_describe(x)), NAN;
    double value = NAN;
    rt_exec *e = rt_exec_cpu();
    if (x->dtype == RT_F64)
        value = *(const double *)x->data;
    else if (e)
        e->kernels->cast[x->dtype][RT_F64](e, 1, x->data, &value);
    return value;
}
