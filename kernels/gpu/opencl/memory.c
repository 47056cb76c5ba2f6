/* Buffers as ranges of addresses. The ranges can neither be read nor written; they exist so that an address identifies
 * a place in a buffer and allows address arithmetic. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/gpu/opencl/opencl.h"
#include <string.h>
#include <sys/mman.h>

/* Returns the first segment that begins after the address. */
static int64_t after(const rt_opencl_device *o, const char *address)
{
    int64_t low = 0, high = o->segments;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (o->segment[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rt__opencl_find(const rt_opencl_device *o, const void *address, cl_memory *memory,
                     size_t *offset)
{
    int64_t i = after(o, address) - 1;
    if (i < 0 || (size_t)((const char *)address - o->segment[i].first) >= o->segment[i].bytes)
        return false;
    *memory = o->segment[i].memory;
    *offset = (size_t)((const char *)address - o->segment[i].first);
    return true;
}

static bool grow(rt_opencl_device *o)
{
    if (o->segments < o->capacity)
        return true;
    int64_t capacity = o->capacity ? 2 * o->capacity : 64;
    rt_segment *segment = rt_realloc(o->segment, (size_t)capacity * sizeof *segment);
    if (!segment)
        return false;
    o->segment = segment;
    o->capacity = capacity;
    return true;
}

void *rt__opencl_segment(rt_gpu *d, size_t bytes)
{
    rt_opencl_device *o = rt__opencl_of(d);
    int32_t code;
    cl_memory memory = o->cl->create_buffer(o->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!memory)
        return NULL;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char *first = mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
    pthread_mutex_lock(&o->lock);
    bool fits = first != MAP_FAILED && grow(o);
    if (fits) {
        int64_t at = after(o, first);
        memmove(o->segment + at + 1, o->segment + at,
                (size_t)(o->segments++ - at) * sizeof *o->segment);
        o->segment[at] = (rt_segment){first, bytes, memory};
    }
    pthread_mutex_unlock(&o->lock);
    if (fits)
        return first;
    if (first != MAP_FAILED)
        munmap(first, bytes);
    o->cl->release_memory(memory);
    return NULL;
}

void rt__opencl_segment_free(rt_gpu *d, void *segment, size_t bytes)
{
    rt_opencl_device *o = rt__opencl_of(d);
    pthread_mutex_lock(&o->lock);
    int64_t at = after(o, segment) - 1;
    RT_ASSERT(at >= 0 && o->segment[at].first == segment);
    o->cl->release_memory(
        o->segment[at].memory); /* OpenCL keeps it until the queue no longer uses it */
    memmove(o->segment + at, o->segment + at + 1,
            (size_t)(--o->segments - at) * sizeof *o->segment);
    pthread_mutex_unlock(&o->lock);
    munmap(segment, bytes);
}
