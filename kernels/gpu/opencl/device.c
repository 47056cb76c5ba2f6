/* OpenCL devices: GPUs of most vendors, and processors through PoCL. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/gpu/opencl/opencl.h"
#include <stdio.h>
#include <string.h>

enum { MOST_DEVICES = 64, MOST_PLATFORMS = 16 };

static cl_device found[MOST_DEVICES];
static char platform_of[MOST_DEVICES][64];
static int count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void list_devices(void)
{
    const rt_opencl *cl = rt__opencl();
    cl_platform platform[MOST_PLATFORMS];
    cl_number platforms = 0;
    if (!cl || cl->platforms(MOST_PLATFORMS, platform, &platforms))
        return;
    for (cl_number i = 0; i < platforms && i < MOST_PLATFORMS && count < MOST_DEVICES; i++) {
        cl_number here = 0;
        char name[64] = "";
        cl->platform_info(platform[i], CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
        if (cl->devices(platform[i], CL_DEVICE_TYPE_ALL, (cl_number)(MOST_DEVICES - count),
                        found + count, &here))
            continue;
        for (cl_number j = 0; j < here && count < MOST_DEVICES; j++)
            memcpy(platform_of[count++], name, sizeof name);
    }
}

static int device_count(void)
{
    pthread_once(&once, list_devices);
    return count;
}

rt_status rt__opencl_check(const rt_opencl_device *o, int32_t code, const char *what)
{
    switch (code) {
    case CL_SUCCESS:
        return RT_OK;
    case CL_MEMORY_FAILURE:
    case CL_OUT_OF_RESOURCES:
    case CL_OUT_OF_HOST_MEMORY:
        return RT_FAIL(NOMEM, "%s: %s: the driver is out of memory (OpenCL error %d)", o->base.name,
                       what, code);
    default:
        return RT_FAIL(DEVICE, "%s: %s: OpenCL error %d", o->base.name, what, code);
    }
}

/* ---- opening ---- */

static void text_of(const rt_opencl_device *o, cl_number what, char out[96])
{
    out[0] = '\0';
    o->cl->device_info(o->device, what, 95, out, NULL);
    out[95] = '\0';
}

static uint64_t number_of(const rt_opencl_device *o, cl_number what)
{
    uint64_t value = 0;
    return o->cl->device_info(o->device, what, sizeof value, &value, NULL) ? 0 : value;
}

/* Judges the device's arithmetic: records why its results may differ from the CPU's. */
static void judge(rt_opencl_device *o)
{
    uint64_t single = number_of(o, CL_DEVICE_SINGLE_FP_CONFIG);
    const char *lacks = !(single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT)
                            ? "its division and square root are not rounded correctly"
                        : !(single & CL_FP_FMA)    ? "it has no fused multiply-add"
                        : !(single & CL_FP_DENORM) ? "it flushes denormal numbers"
                                                   : "";
    o->base.has_double = number_of(o, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
    if (!*lacks && !o->base.has_double)
        lacks = "it has no double precision, for sin and cos of large numbers";
    snprintf(o->base.inexact, sizeof o->base.inexact, "%s", lacks);
}

static rt_status open_device(int index, rt_gpu **out)
{
    rt_opencl_device *o = rt_calloc(1, sizeof *o);
    if (!o)
        return rt_error_code();
    o->cl = rt__opencl();
    o->device = found[index];
    snprintf(o->base.name, sizeof o->base.name, "opencl:%d", index);
    char name[96], version[96], driver[96];
    text_of(o, CL_DEVICE_NAME, name);
    text_of(o, CL_DEVICE_VERSION, version);
    text_of(o, CL_DRIVER_VERSION, driver);
    snprintf(o->base.about, sizeof o->base.about, "%.96s, %.48s %.40s, %.60s", name,
             platform_of[index], driver, version);
    o->base.memory = (int64_t)number_of(o, CL_DEVICE_GLOBAL_MEM_SIZE);
    judge(o);
    pthread_mutex_init(&o->lock, NULL);
    int32_t code;
    o->context = o->cl->create_context(NULL, 1, &o->device, NULL, NULL, &code);
    rt_status status = rt__opencl_check(o, code, "opening the device");
    if (status == RT_OK) {
        o->queue = o->cl->create_queue(o->context, o->device, 0, &code);
        status = rt__opencl_check(o, code, "opening a queue");
    }
    if (status != RT_OK)
        rt_mem_free(o);
    else
        *out = &o->base;
    return status;
}

/* ---- copies ---- */

/* Finds the buffer of an address from a caller, or fails and says what is wrong with it. The caller holds the
 * lock. */
static rt_status find(const rt_opencl_device *o, const void *address, cl_memory *memory,
                      size_t *offset)
{
    if (rt__opencl_find(o, address, memory, offset))
        return RT_OK;
    return RT_FAIL(INTERNAL, "%s: %p is no address of its memory", o->base.name, address);
}

/* The same, taking the lock. */
static rt_status look_up(rt_opencl_device *o, const void *address, cl_memory *memory,
                         size_t *offset)
{
    pthread_mutex_lock(&o->lock);
    rt_status status = find(o, address, memory, offset);
    pthread_mutex_unlock(&o->lock);
    return status;
}

static rt_status put(rt_gpu *d, void *to, const void *from, size_t bytes)
{
    rt_opencl_device *o = rt__opencl_of(d);
    cl_memory memory;
    size_t at;
    RT_TRY(look_up(o, to, &memory, &at));
    int32_t code = o->cl->write(o->queue, memory, 1, at, bytes, from, 0, NULL, NULL);
    return rt__opencl_check(o, code, "writing");
}

static rt_status get(rt_gpu *d, void *to, const void *from, size_t bytes)
{
    rt_opencl_device *o = rt__opencl_of(d);
    cl_memory memory;
    size_t at;
    RT_TRY(look_up(o, from, &memory, &at));
    int32_t code = o->cl->read(o->queue, memory, 1, at, bytes, to, 0, NULL, NULL);
    return rt__opencl_check(o, code, "reading");
}

static rt_status copy(rt_gpu *d, void *to, const void *from, size_t bytes)
{
    rt_opencl_device *o = rt__opencl_of(d);
    cl_memory source, target;
    size_t source_at, target_at;
    RT_TRY(look_up(o, from, &source, &source_at));
    RT_TRY(look_up(o, to, &target, &target_at));
    int32_t code =
        o->cl->copy(o->queue, source, target, source_at, target_at, bytes, 0, NULL, NULL);
    return rt__opencl_check(o, code, "copying");
}

/* ---- launches ---- */

/* Sets the arguments: the struct, the offsets, the buffers (dialect.inc). */
static rt_status set_arguments(rt_opencl_device *o, cl_kernel kernel, const rt_launch *l)
{
    int64_t offset[6] = {0};
    for (int i = 0; i < l->buffers; i++) {
        cl_memory memory = NULL;
        size_t at = 0;
        if (l->buffer[i])
            RT_TRY(find(o, l->buffer[i], &memory, &at));
        offset[i] = (int64_t)at;
        RT_TRY(rt__opencl_check(
            o, o->cl->set_argument(kernel, (cl_number)(i + 2), sizeof memory, &memory), l->kernel));
    }
    RT_TRY(rt__opencl_check(o, o->cl->set_argument(kernel, 0, l->args_size, l->args), l->kernel));
    return rt__opencl_check(o, o->cl->set_argument(kernel, 1, sizeof offset, offset), l->kernel);
}

static rt_status start(rt_opencl_device *o, cl_kernel kernel, const rt_launch *l)
{
    enum { ITEMS = 256 };
    size_t group[2] = {ITEMS, 1}, items[2] = {(size_t)l->groups * ITEMS, (size_t)l->groups_y};
    RT_TRY(set_arguments(o, kernel, l));
    return rt__opencl_check(o, o->cl->run(o->queue, kernel, 2, NULL, items, group, 0, NULL, NULL),
                            l->kernel);
}

/* Some drivers compile a program when it is built, others compile a kernel when it first runs. So we wait for a
 * kernel's first run. */
static rt_status start_first(rt_opencl_device *o, const rt_launch *l)
{
    rt__gpu_compiling(&o->base, rt__gpu_text[l->text].name);
    cl_kernel kernel = rt__opencl_make_kernel(o, l->text, l->kernel, l->wide);
    rt_status status = kernel ? start(o, kernel, l) : rt_error_code();
    if (status == RT_OK)
        status = rt__opencl_check(o, o->cl->finish(o->queue), l->kernel);
    rt__gpu_compiling(&o->base, NULL);
    return status;
}

static rt_status launch(rt_gpu *d, const rt_launch *l)
{
    rt_opencl_device *o = rt__opencl_of(d);
    pthread_mutex_lock(&o->lock);
    cl_kernel kernel = rt__opencl_kernel(o, l->kernel, l->wide);
    rt_status status = kernel ? start(o, kernel, l) : start_first(o, l);
    pthread_mutex_unlock(&o->lock);
    return status;
}

static rt_status wait(rt_gpu *d)
{
    rt_opencl_device *o = rt__opencl_of(d);
    return rt__opencl_check(o, o->cl->finish(o->queue), "waiting");
}

const rt_device_ops rt__opencl_ops = {
    .kind = RT_OPENCL,
    .name = "opencl",
    .count = device_count,
    .open = open_device,
    .segment = rt__opencl_segment,
    .segment_free = rt__opencl_segment_free,
    .put = put,
    .get = get,
    .copy = copy,
    .launch = launch,
    .wait = wait,
};
