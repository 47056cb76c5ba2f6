/* Objects and scopes. */
#include "worker/engine/base/object.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/debug.h"
#include "worker/engine/base/pool.h"
#include "worker/engine/base/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

_Thread_local rt_thread rt__thread;

static _Atomic int64_t live_objects;

/* ---- objects ---- */

static inline void *make(const rt_object_type *type, size_t size)
{
    if (rt_failed())
        return NULL;
    rt_object *o = rt__pool_alloc(size);
    if (!o)
        return NULL;
    if (rt__debug)
        rt__debug_register_type(type);
    memset(o, 0, size);
    o->type = type;
    o->size = size;
    o->refs = 1;
    atomic_fetch_add_explicit(&live_objects, 1, memory_order_relaxed);
    return o;
}

void *rt__object_make(const rt_object_type *type, size_t size)
{
    return make(type, size);
}

void *rt__object_new(const rt_object_type *type, size_t size)
{
    return rt__scope_own(make(type, size));
}

/* Destroys an object without owners, and those that lose their last owner by that. Uses a loop
 * instead of recursion: a graph may be a million nodes deep. */
static void destroy_unowned(rt_object *o)
{
    rt_thread *t = &rt__thread;
    o->next = t->dead;
    t->dead = o;
    if (t->destroying)
        return;
    t->destroying = true;
    while ((o = t->dead)) {
        t->dead = o->next;
        if (o->type->destroy)
            o->type->destroy(o);
        if (rt__debug)
            rt__debug_quarantine(o);
        else
            rt__pool_free(o, o->size);
        atomic_fetch_sub_explicit(&live_objects, 1, memory_order_relaxed);
    }
    t->destroying = false;
}

void rt__object_after_drop(rt_object *o)
{
    if (o->refs == 0)
        destroy_unowned(o);
    else if (o->refs == o->graph && o->type->orphan)
        o->type->orphan(o);
}

void *rt_object_keep(void *object)
{
    rt_object *o = object;
    if (o && rt__debug && !rt__debug_check_live("keep", o, __builtin_return_address(0)))
        return NULL;
    if (o)
        o->refs++;
    return o;
}

void rt_free(void *object)
{
    rt_object *o = object;
    if (o && rt__debug && !rt__debug_check_live("free", o, __builtin_return_address(0)))
        return;
    if (o)
        rt__object_drop(o);
}

bool rt__object_refuse(const void *object, const rt_object_type *type, const char *what, int i)
{
    const rt_object *o = object;
    if (!o)
        RT_FAIL(ARG, "%s: argument %d is no %s (NULL)", what, i, type->name);
    else if (rt__debug && rt__debug_is_freed(o))
        RT_FAIL(ARG, "%s: argument %d is a %s", what, i, rt__debug_freed_text(o));
    else
        RT_FAIL(ARG, "%s: argument %d is of type %s, expected %s", what, i, o->type->name,
                type->name);
    return false;
}

int64_t rt_live_objects(void)
{
    return atomic_load(&live_objects);
}

/* ---- scopes ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;

void rt__scopes_release(void)
{
    rt_thread *t = &rt__thread;
    rt_scope_end((rt_scope){0});
    rt_mem_free(t->owned);
    t->owned = NULL;
    t->capacity = 0;
}

static void thread_ends(void *unused)
{
    (void)unused;
    rt__scopes_release();
    rt__debug_release();
    rt__streams_release();
    rt__pool_thread_release();
}

static void make_key(void)
{
    pthread_key_create(&at_thread_end, thread_ends);
}

void rt__thread_register(void)
{
    if (rt__thread.registered)
        return;
    pthread_once(&once, make_key);
    rt__thread.registered = pthread_setspecific(at_thread_end, &rt__thread) == 0;
}

static bool grow(rt_thread *t)
{
    int64_t capacity = t->capacity ? 2 * t->capacity : FIRST_CAPACITY;
    rt_object **owned = rt_realloc(t->owned, (size_t)capacity * sizeof *owned);
    if (!owned)
        return false;
    t->owned = owned;
    t->capacity = capacity;
    rt__thread_register();
    return true;
}

void *rt__scope_own(void *object)
{
    rt_thread *t = &rt__thread;
    if (!object)
        return NULL;
    if (t->count == t->capacity && !grow(t)) {
        rt_free(object);
        return NULL;
    }
    return t->owned[t->count++] = object;
}

rt_scope rt_scope_begin(void)
{
    return (rt_scope){rt__thread.count};
}

static void end_scope(rt_scope s, const void *where)
{
    rt_thread *t = &rt__thread;
    while (t->count > s.mark) {
        rt_object *o = t->owned[--t->count];
        if (!rt__debug || rt__debug_check_live("scope_end", o, where))
            rt__object_drop(o);
    }
}

void rt_scope_end(rt_scope s)
{
    end_scope(s, __builtin_return_address(0));
}

void *rt_scope_return_(rt_scope s, void *object)
{
    object = rt_object_keep(object);
    end_scope(s, __builtin_return_address(0));
    return rt__scope_own(object);
}

/* ---- texts ---- */

char *rt__text(void)
{
    return rt__thread.texts[rt__thread.text++ % RT_TEXTS];
}
