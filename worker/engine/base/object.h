/* Objects: what tensors, graph nodes, modules and loaders have in common.
 *
 *     typedef struct thing { rt_object object; rt_tensor *t; } thing;   // the head comes first
 *     static void thing_destroy(void *o) { rt_free(((thing *)o)->t); }  // not the struct itself
 *     static const rt_object_type thing_type = {"thing", thing_destroy};
 *     thing *x = rt__object_new(&thing_type, sizeof *x);       // zeroed, owned by the scope
 *
 * Counts are plain integers: an object belongs to one thread at a time. */
#ifndef RINGTORCH_ENGINE_OBJECT_H
#define RINGTORCH_ENGINE_OBJECT_H

#include <stddef.h>
#include <ringtorch/base.h>

typedef struct rt_object_type {
    const char *name;
    void (*destroy)(void *object); /* releases what the object owns; may be NULL */
    void (*orphan)(
        void *object); /* only the graph owns it still: drop what that does not need; may be NULL */
} rt_object_type;

/* Head of every object. Nodes of the graph are owners that the object must not keep alive in turn: once they are the only ones, it
 * drops what could lead back to them (orphan). An edge is such an owner that does not need the value either: a node that does not
 * read an input in its backward keeps it as an edge, so that the memory of the value can be used again. */
struct rt_object {
    const rt_object_type *type;
    size_t size;                /* bytes of the whole object */
    rt_object *next;            /* in the list of objects waiting to be destroyed */
    int32_t refs, graph, edges; /* owners; nodes among them; edges among those */
};

/* Makes a zeroed object with one owner, the current scope. NULL on failure, or if the thread has
 * failed before. */
void *rt__object_new(const rt_object_type *type, size_t size);
/* As above, but the owner is the caller. */
void *rt__object_make(const rt_object_type *type, size_t size);
/* Gives the current scope the ownership that the caller has. On failure the object is freed and
 * NULL returned. */
void *rt__scope_own(void *object);
/* Ends all scopes of the calling thread and frees their stack. */
void rt__scopes_release(void);

/* ---- objects as arguments ---- */
/* Fails and says what argument i (1, 2, ...) of `what` is instead of an object of that type: nothing,
 * another object, one that was freed. Returns false. */
bool rt__object_refuse(const void *object, const rt_object_type *type, const char *what, int i);
/* Is it an object of that type? If not, fails as above. */
static inline bool rt__object_is(const void *object, const rt_object_type *type, const char *what,
                                 int i)
{
    const rt_object *o = object;
    return (o && o->type == type) || rt__object_refuse(object, type, what, i);
}

/* ---- owners, as the engine counts its own: nobody frees those too often, so they are not looked for with RT_DEBUG ---- */
/* Acts on a change of the counts: destroys an object without owners, makes one that only the graph owns an orphan. */
void rt__object_settle(rt_object *o);

/* Adds and drops an owner; NULL is fine. */
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
        rt__object_settle(o);
}

/* Adds and drops a node that reads the value. */
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

/* Adds and drops a node that does not. */
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
