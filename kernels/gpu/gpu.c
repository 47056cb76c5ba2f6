/* The devices of this process, and what all kinds of devices have in common. */
#include "common/base/error.h"
#include "kernels/gpu/launch.h"
#include "kernels/gpu/pool.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GPUS = 16, MOST_GROUPS = 1 << 16 };

static const rt_device_ops *const back_ends[] = {&rt__opencl_ops};
enum { BACK_ENDS = sizeof back_ends / sizeof *back_ends };

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static rt_gpu *opened[MOST_GPUS];

static const char *const kind_names[] = {"cpu", "cuda", "opencl", "metal"};
enum { KINDS = sizeof kind_names / sizeof *kind_names };

static const rt_device_ops *back_end(int kind)
{
    for (int i = 0; i < BACK_ENDS; i++)
        if ((int)back_ends[i]->kind == kind)
            return back_ends[i];
    return NULL;
}

/* ---- names ---- */

void rt_gpu_name(rt_device device, char out[16])
{
    const char *kind = device.kind < KINDS ? kind_names[device.kind] : "?";
    if (device.kind == RT_CPU && device.index == 0)
        snprintf(out, 16, "%s", kind);
    else
        snprintf(out, 16, "%s:%d", kind, device.index);
}

bool rt_gpu_parse(const char *name, rt_device *out)
{
    for (int kind = 0; kind < KINDS; kind++) {
        size_t length = strlen(kind_names[kind]);
        if (strncmp(name, kind_names[kind], length) != 0)
            continue;
        char *end = (char *)name + length;
        long index = 0;
        if (*end == ':' && end[1] >= '0' && end[1] <= '9')
            index = strtol(end + 1, &end, 10);
        if (*end || index > UINT8_MAX)
            continue;
        *out = (rt_device){(uint8_t)kind, (uint8_t)index};
        return true;
    }
    return false;
}

/* ---- opening ---- */

int rt_gpu_count(rt_device_kind kind)
{
    const rt_device_ops *ops = back_end(kind);
    return ops ? ops->count() : 0;
}

static rt_gpu *open_device(rt_device device)
{
    char name[16];
    rt_gpu_name(device, name);
    const rt_device_ops *ops = back_end(device.kind);
    if (!ops)
        return RT_FAIL_NULL(DEVICE, "%s: this build computes on the cpu and on opencl devices",
                            name);
    int count = ops->count();
    if (device.index >= count)
        return RT_FAIL_NULL(DEVICE, "%s: %s", name,
                            count == 0
                                ? "there is no OpenCL device: install a driver of your GPU's, "
                                  "or PoCL for the processor (pocl-opencl-icd)"
                                : "there is no such device: `clinfo -l` lists them");
    rt_gpu *d;
    if (ops->open(device.index, &d) != RT_OK)
        return NULL;
    d->ops = ops;
    d->device = device;
    memcpy(d->name, name, sizeof name);
    rt__gpu_pool_open(d);
    rt_gpu_fault none = {0};
    d->fault = d->pool ? rt_gpu_alloc(d, sizeof none) : NULL;
    return d->fault && ops->put(d, d->fault, &none, sizeof none) == RT_OK ? d : NULL;
}

rt_gpu *rt_gpu_open(rt_device device)
{
    pthread_mutex_lock(&opening);
    int i = 0;
    while (i < MOST_GPUS && opened[i] && memcmp(&opened[i]->device, &device, sizeof device) != 0)
        i++;
    rt_gpu *d = i < MOST_GPUS ? opened[i] : NULL;
    if (!d && i < MOST_GPUS)
        d = opened[i] = open_device(device);
    else if (!d)
        RT_FAIL(DEVICE, "more than %d devices are in use", MOST_GPUS);
    pthread_mutex_unlock(&opening);
    return d;
}

/* ---- compiling ---- */

static rt_gpu_compiling_fn *on_compiling;

void rt_gpu_on_compiling(rt_gpu_compiling_fn *f)
{
    on_compiling = f;
}

void rt__gpu_compiling(const rt_gpu *d, const char *family)
{
    if (on_compiling)
        on_compiling(d, family);
}

/* ---- the table ---- */

static rt_kernels table;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void build_table(void)
{
    rt_kernels_install_missing(&table);
    table.isa = "gpu";
    table.blas = "builtin";
#define TEXT(name) rt__gpu_install_##name(&table);
    RT_GPU_TEXTS(TEXT)
#undef TEXT
}

rt_exec *rt_exec_gpu(rt_gpu *d)
{
    static _Thread_local rt_exec own[MOST_GPUS];
    pthread_once(&table_once, build_table);
    int i = 0;
    while (own[i].device && own[i].device != d)
        i++;
    if (!own[i].device)
        own[i] = (rt_exec){.kernels = &table, .device = d, .threads = 1};
    return &own[i];
}

/* ---- launches and copies ---- */

int64_t rt__gpu_groups(int64_t n)
{
    int64_t groups = (n + 255) / 256;
    return groups < MOST_GROUPS ? groups : MOST_GROUPS;
}

int64_t rt__gpu_reach(int nd, const int64_t *dim, const int64_t *stride)
{
    int64_t reach = 0;
    for (int d = 0; d < nd; d++)
        reach += dim[d] * (stride[d] < 0 ? -stride[d] : stride[d]);
    return reach;
}

grid_args rt__gpu_grid(const rt_grid *g, int operands, rt_numbers p, int64_t *extent)
{
    grid_args a = {.n = rt_grid_count(g), .nd = g->nd};
    *extent = a.n;
    for (int d = 0; d < g->nd; d++)
        a.dim[d] = g->dim[d];
    for (int k = 0; k < operands; k++) {
        for (int d = 0; d < g->nd; d++)
            a.stride[k][d] = g->stride[k][d];
        int64_t reach = rt__gpu_reach(g->nd, g->dim, g->stride[k]);
        *extent = reach > *extent ? reach : *extent;
    }
    for (int i = 0; i < RT_NUMBERS; i++)
        a.number[i] = (float)p.v[i];
    return a;
}

void rt__gpu_launch(rt_exec *e, rt_launch l, int64_t extent)
{
    rt_gpu *d = rt__gpu_of(e);
    if (l.groups <= 0 || l.groups_y <= 0 || rt_failed())
        return;
    l.wide = d->always_wide || extent >= 1 << 30;
    d->ops->launch(d, &l);
}

/* Fails with an error that a kernel has found since the last check. */
static rt_status look_for_fault(rt_gpu *d)
{
    rt_gpu_fault fault, none = {0};
    RT_TRY(d->ops->get(d, &fault, d->fault, sizeof fault));
    if (fault.kind == 0)
        return RT_OK;
    RT_TRY(d->ops->put(d, d->fault, &none, sizeof none));
    return RT_FAIL(RANGE, "cross_entropy: target %lld in row %lld, expected 0 to %lld",
                   (long long)fault.label, (long long)fault.row, (long long)fault.classes - 1);
}

rt_status rt_gpu_put(rt_gpu *d, void *to, const void *from, size_t bytes)
{
    return bytes ? d->ops->put(d, to, from, bytes) : RT_OK;
}

rt_status rt_gpu_get(rt_gpu *d, void *to, const void *from, size_t bytes)
{
    if (bytes)
        RT_TRY(d->ops->get(d, to, from, bytes));
    return look_for_fault(d);
}

rt_status rt_gpu_copy(rt_gpu *d, void *to, const void *from, size_t bytes)
{
    return bytes ? d->ops->copy(d, to, from, bytes) : RT_OK;
}

rt_status rt_gpu_wait(rt_gpu *d)
{
    RT_TRY(d->ops->wait(d));
    return look_for_fault(d);
}
