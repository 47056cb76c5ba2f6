/* Host memory: malloc with a count of live blocks, an error message, and failures on demand for tests. */
#include "common/base/mem.h"

#include "common/base/error.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int64_t live, total;
static _Atomic int64_t budget = -1; /* allocations that may still succeed; negative if unlimited */

/* Takes one allocation from the budget; returns false if this allocation must fail. */
static bool allowed(void)
{
    int64_t left = atomic_load_explicit(&budget, memory_order_relaxed);
    while (left > 0)
        if (atomic_compare_exchange_weak(&budget, &left, left - 1))
            return true;
    return left < 0;
}

static void *counted(void *p, size_t size)
{
    if (!p)
        return RT_FAIL_NULL(NOMEM, "out of memory: %zu bytes asked for", size);
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
    return p;
}

void *rt_malloc(size_t size)
{
    return counted(allowed() ? malloc(size ? size : 1) : NULL, size);
}

void *rt_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return RT_FAIL_NULL(NOMEM, "out of memory: %zu times %zu bytes asked for", count, size);
    return counted(allowed() ? calloc(1, bytes ? bytes : 1) : NULL, bytes);
}

void *rt_realloc(void *p, size_t size)
{
    if (!p)
        return rt_malloc(size);
    void *q = allowed() ? realloc(p, size ? size : 1) : NULL;
    if (!q)
        return RT_FAIL_NULL(NOMEM, "out of memory: %zu bytes asked for", size);
    atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
    return q;
}

char *rt_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = rt_malloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}

char *rt_strdup_printf(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text =
        n < 0 ? RT_FAIL_NULL(INTERNAL, "bad format \"%s\"", fmt) : rt_malloc((size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}

void *rt_malloc_aligned(size_t alignment, size_t size)
{
    void *p = NULL;
    if (!allowed() || posix_memalign(&p, alignment, size ? size : 1) != 0)
        p = NULL;
    return counted(p, size);
}

void rt_mem_free(void *p)
{
    if (p)
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(p);
}

void rt_mem_fail_after(int64_t n)
{
    atomic_store(&budget, n < 0 ? -1 : n);
}

int64_t rt_mem_live(void)
{
    return atomic_load(&live);
}

int64_t rt_mem_total(void)
{
    return atomic_load(&total);
}
