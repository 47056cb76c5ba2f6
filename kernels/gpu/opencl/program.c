/* Programs: families of kernels, compiled by the driver when first used or loaded from the cache on disk. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/gpu/cache.h"
#include "kernels/gpu/opencl/opencl.h"
#include <stdio.h>
#include <string.h>

/* Rounding happens only where the text says so: FP_CONTRACT is off in the text. */
static void options_of(const rt_opencl_device *o, bool wide, char out[128])
{
    bool exact = strstr(o->base.inexact, "division") == NULL;
    snprintf(out, 128, "-cl-std=CL1.2%s%s%s",
             exact ? " -cl-fp32-correctly-rounded-divide-sqrt" : "",
             o->base.has_double ? " -DHAS_DOUBLE" : "", wide ? " -DINDEX_64" : "");
}

/* Fails with the beginning of the compiler's output. */
static rt_status refuse_text(const rt_opencl_device *o, int text, cl_program p)
{
    char log[600] = "";
    size_t size = 0;
    o->cl->build_info(p, o->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *whole = rt_calloc(size + 1, 1);
    if (whole && o->cl->build_info(p, o->device, CL_PROGRAM_BUILD_LOG, size, whole, NULL) == 0)
        snprintf(log, sizeof log, "%s", whole);
    rt_mem_free(whole);
    return RT_FAIL(DEVICE, "%s: the driver does not compile the kernels of %s.gpu: %s",
                   o->base.name, rt__gpu_text[text].name, log);
}

static cl_program of_binary(rt_opencl_device *o, const rt_bytes *b, const char *options)
{
    const unsigned char *data = b->data;
    int32_t loaded, code;
    cl_program p =
        o->cl->program_of_binary(o->context, 1, &o->device, &b->len, &data, &loaded, &code);
    if (p && code == 0 && o->cl->build(p, 1, &o->device, options, NULL, NULL) == 0)
        return p;
    if (p)
        o->cl->release_program(p);
    return NULL;
}

static void keep_binary(rt_opencl_device *o, cl_program p, const char *key)
{
    size_t size = 0;
    if (o->cl->program_info(p, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || size == 0)
        return;
    unsigned char *data = rt_malloc(size);
    if (data && o->cl->program_info(p, CL_PROGRAM_BINARIES, sizeof data, &data, NULL) == 0)
        rt__kernel_cache_store(key, data, size);
    rt_mem_free(data);
}

static cl_program of_text(rt_opencl_device *o, int text, const char *options)
{
    const char *const *part = rt__gpu_text[text].part;
    cl_number parts = 0;
    while (part[parts])
        parts++;
    int32_t code;
    cl_program p = o->cl->program_of_source(o->context, parts, part, NULL, &code);
    if (rt__opencl_check(o, code, "making a program") != RT_OK)
        return NULL;
    if (o->cl->build(p, 1, &o->device, options, NULL, NULL) == 0)
        return p;
    refuse_text(o, text, p);
    o->cl->release_program(p);
    return NULL;
}

static cl_program program(rt_opencl_device *o, int text, bool wide)
{
    cl_program *p = &o->program[text][wide];
    if (*p)
        return *p;
    char options[128], key[65];
    options_of(o, wide, options);
    rt_bytes binary = {0};
    const char *const about[] = {options, o->base.about, NULL};
    bool may_keep = rt__kernel_cache_key(rt__gpu_text[text].part, about, key);
    if (may_keep && rt__kernel_cache_load(key, &binary))
        *p = of_binary(o, &binary, options);
    rt_bytes_release(&binary);
    if (*p)
        return *p;
    *p = of_text(o, text, options);
    if (*p && may_keep)
        keep_binary(o, *p, key);
    return *p;
}

/* Returns a kernel's slot: its own, or the free one that it will get; RT_KERNEL_SLOTS if there is neither. */
static size_t slot_of(const rt_opencl_device *o, const char *name, bool wide)
{
    size_t slot = ((uintptr_t)name >> 2) % RT_KERNEL_SLOTS;
    for (int tries = 0; tries < RT_KERNEL_SLOTS; tries++, slot = (slot + 1) % RT_KERNEL_SLOTS)
        if (!o->kernel[slot].name || (o->kernel[slot].name == name && o->kernel[slot].wide == wide))
            return slot;
    return RT_KERNEL_SLOTS;
}

cl_kernel rt__opencl_kernel(const rt_opencl_device *o, const char *name, bool wide)
{
    size_t slot = slot_of(o, name, wide);
    return slot < RT_KERNEL_SLOTS ? o->kernel[slot].kernel : NULL;
}

cl_kernel rt__opencl_make_kernel(rt_opencl_device *o, int text, const char *name, bool wide)
{
    size_t slot = slot_of(o, name, wide);
    if (slot == RT_KERNEL_SLOTS)
        return RT_FAIL_NULL(INTERNAL, "%s: more than %d kernels", o->base.name, RT_KERNEL_SLOTS);
    cl_program p = program(o, text, wide);
    int32_t code = 0;
    cl_kernel kernel = p ? o->cl->create_kernel(p, name, &code) : NULL;
    if (!p || rt__opencl_check(o, code, name) != RT_OK)
        return NULL;
    o->kernel[slot].name = name;
    o->kernel[slot].wide = wide;
    return o->kernel[slot].kernel = kernel;
}
