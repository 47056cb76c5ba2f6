#include "launch/jobs/environment.h"
#include "common/base/mem.h"
#include <stdarg.h>
#include <stdio.h>

void rt__environment_add(rt__environment *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char text[8192];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *copy = n >= 0 && (size_t)n < sizeof text && e->count < RT__ENVIRONMENT_MAX
                     ? rt_strdup(text)
                     : NULL;
    e->failed |= !copy;
    if (copy)
        e->item[e->count++] = copy;
}

void rt__environment_release(rt__environment *e)
{
    while (e->count > 0)
        rt_mem_free(e->item[--e->count]);
}
