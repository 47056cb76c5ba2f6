/* Detects misuse of objects by quarantining freed ones for a while. */
#include "worker/engine/base/debug.h"

#include "common/base/error.h"
#include "worker/engine/base/pool.h"
#include "worker/engine/base/thread.h"
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_MOST = 1 << 16, /* freed objects in a thread's quarantine, some 20 MiB */
    TYPES_MOST = 16,
};

bool rt__debug;

__attribute__((constructor)) static void read_environment(void)
{
    const char *value = getenv("RT_DEBUG");
    rt__debug = value && *value && strcmp(value, "0") != 0;
}

/* ---- what is an object ---- */

static _Atomic(const rt_object_type *) known[TYPES_MOST];

void rt__debug_register_type(const rt_object_type *type)
{
    for (int i = 0; i < TYPES_MOST; i++) {
        const rt_object_type *none = NULL;
        if (atomic_load(&known[i]) == type ||
            atomic_compare_exchange_strong(&known[i], &none, type))
            return;
    }
}

static bool is_known(const rt_object_type *type)
{
    for (int i = 0; i < TYPES_MOST; i++)
        if (type && atomic_load(&known[i]) == type)
            return true;
    return false;
}

/* ---- freed objects ---- */

static const rt_object_type freed_type = {.name = "freed object"};

/* Overwrites the start of a freed object. */
typedef struct freed {
    rt_object object;
    const rt_object_type *was;
    const void *where;
} freed;

bool rt__debug_is_freed(const rt_object *o)
{
    return o->type == &freed_type;
}

void rt__debug_quarantine(rt_object *o)
{
    rt_thread *t = &rt__thread;
    RT_ASSERT(o->size >= sizeof(freed));
    freed *f = (freed *)o;
    f->was = o->type;
    f->where = t->frees;
    o->type = &freed_type;
    o->next = NULL;
    if (t->freed_last)
        t->freed_last->next = o;
    else
        t->freed_first = o;
    t->freed_last = o;
    if (++t->freed_count > KEPT_MOST) {
        rt_object *oldest = t->freed_first;
        t->freed_first = oldest->next;
        t->freed_count--;
        rt__pool_free(oldest, oldest->size);
    }
}

void rt__debug_release(void)
{
    rt_thread *t = &rt__thread;
    for (rt_object *o = t->freed_first, *next; o; o = next) {
        next = o->next;
        rt__pool_free(o, o->size);
    }
    t->freed_first = t->freed_last = NULL;
    t->freed_count = 0;
}

/* Formats an address for addr2line: that of the call, not its return address. */
static const char *place_text(const void *where)
{
    char *text = rt__text();
    Dl_info info;
    if (!where || !dladdr(where, &info) || !info.dli_fname) {
        snprintf(text, RT_TEXT_SIZE, "an unknown place");
        return text;
    }
    long at = (long)((const char *)where - 1 - (const char *)info.dli_fbase);
    snprintf(text, RT_TEXT_SIZE, "%.80s+0x%lx (addr2line -e %.80s 0x%lx)", info.dli_fname, at,
             info.dli_fname, at);
    return text;
}

const char *rt__debug_freed_text(const rt_object *o)
{
    const freed *f = (const freed *)o;
    char *text = rt__text();
    snprintf(text, RT_TEXT_SIZE, "%s that was freed before, at %.200s", f->was->name,
             place_text(f->where));
    return text;
}

bool rt__debug_check_live(const char *what, const rt_object *o, const void *where)
{
    if (rt__debug_is_freed(o))
        return RT_FAIL(ARG, "%s: a %s", what, rt__debug_freed_text(o)), false;
    if (!is_known(o->type))
        return RT_FAIL(ARG, "%s: %p is no object of this library", what, (const void *)o), false;
    if (o->refs == o->edges) /* everyone except the graph has freed it */
        return RT_FAIL(ARG, "%s: a %s that was freed before and that only the graph still owns",
                       what, o->type->name),
               false;
    if (!rt__thread.destroying)
        rt__thread.frees = where;
    return true;
}
