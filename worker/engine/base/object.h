/* Objects: what tensors, graph nodes, modules and loaders have in common.
 *
 *     typedef struct thing { rt_object object; rt_tensor *t; } thing;   // rt_object must come first
 *     static void thing_destroy(void *o) { rt_free(((thing *)o)->t); }  // frees what it owns, not the struct
 *     static const rt_object_type thing_type = {"thing", thing_destroy};
 *     thing *x = rt__object_new(&thing_type, sizeof *x);       // zeroed, owned by the scope
 *
 * Counts are plain integers: an object belongs to one thread at a time. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_OBJECT_H
#define RINGTORCH_WORKER_ENGINE_BASE_OBJECT_H

#include <ringtorch/base.h>
#include <stddef.h>

typedef struct rt_object_type {
    const char *name;
    void (*destroy)(void *object); /* releases what the object owns; may be NULL */
    void (*orphan)(
        /* called when only the graph still owns it: drop what the graph does not need; may be NULL */
        void *object);
} rt_object_type;

/* Head of every object. Graph nodes own objects that must not keep those nodes alive in turn: once an object has no owners but
 * nodes, `orphan` makes it drop everything that could lead back to them. An edge is a node's ownership of an input whose value its
 * backward does not read; the memory of that value can then be reused. */
struct rt_object {
    const rt_object_type *type;
    size_t size;     /* bytes of the whole object */
    rt_object *next; /* in the list of objects waiting to be destroyed */
    /* owners; how many of them are nodes; how many of those are edges */
    int32_t refs, graph, edges;
};

/* Makes a zeroed object owned by the current scope. NULL on failure, or if the thread has already
 * failed. */
void *rt__object_new(const rt_object_type *type, size_t size);
/* The same, but owned by the caller. */
void *rt__object_make(const rt_object_type *type, size_t size);
/* Hands the caller's ownership to the current scope. On failure frees the object and returns NULL. */
void *rt__scope_own(void *object);
/* Ends all scopes of the calling thread and frees their stack. */
void rt__scopes_release(void);

/* ---- objects as arguments ---- */
/* Fails with a message saying what argument i (1, 2, ...) of `what` is instead of an object of that
 * type: NULL, an object of another type, or one that was freed. Returns false. */
bool rt__object_refuse(const void *object, const rt_object_type *type, const char *what, int i);
/* Returns whether it is an object of that type; if not, fails as above. */
static inline bool rt__object_is(const void *object, const rt_object_type *type, const char *what,
                                 int i)
{
    const rt_object *o = object;
    return (o && o->type == type) || rt__object_refuse(object, type, what, i);
}

/* ---- reference counts for the engine's own use: not checked by RT_DEBUG, because the engine does not free too often ---- */
/* Acts on dropped counts: destroys an object without owners, and calls `orphan` if only the graph still owns it. */
void rt__object_after_drop(rt_object *o);

/* Add and drop an owner; the object may be NULL. */
static inline void *rt__object_keep(rt_object *o)
{
    if (o)
        o->refs++;
    return o;
}
static inline void rt__object_drop(void *object)
{
    rt_object *o = object;
    if (o && --o->refs <= o->graph)
        rt__object_after_drop(o);
}

/* Add and drop a node that reads the value. */
static inline void *rt__saved_keep(void *object)
{
    rt_object *o = object;
    if (o) {
        o->refs++;
        o->graph++;
    }
    return o;
}
static inline void rt__saved_free(void *object)
{
    rt_object *o = object;
    if (!o)
        return;
    o->graph--;
    rt__object_drop(o);
}

/* Add and drop a node that does not read the value. */
static inline void *rt__edge_keep(void *object)
{
    rt_object *o = object;
    if (o) {
        o->refs++;
        o->graph++;
        o->edges++;
    }
    return o;
}
static inline void rt__edge_free(void *object)
{
    rt_object *o = object;
    if (!o)
        return;
    o->edges--;
    rt__saved_free(o);
}

#endif
