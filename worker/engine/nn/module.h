/* What a module is inside: an object with named slots, each a child, a parameter or a buffer.
 *
 *     for (int32_t i = 0; i < m->inside->count; i++)
 *         if (m->inside->slot[i].child) ... else ... m->inside->slot[i].tensor ...
 */
#ifndef RINGTORCH_ENGINE_NN_MODULE_H
#define RINGTORCH_ENGINE_NN_MODULE_H

#include <fnmatch.h>
#include <ringtorch/nn.h>
#include "worker/engine/base/object.h"

typedef enum rt__slot_kind { RT__CHILD, RT__PARAM, RT__BUFFER } rt__slot_kind;

typedef struct rt__slot {
    char *name; /* "0", "weight" */
    rt__slot_kind kind;
    rt_module *child;  /* one of these two is set, and owned */
    rt_tensor *tensor; /* of a parameter or buffer */
    bool persistent;   /* of a buffer */
    double momentum;   /* of a buffer: that of its last rt_nn_observe */
} rt__slot;

/* A module that has this one as a child; not owned. */
typedef struct rt__parent {
    rt_module *module;
    int32_t slot;
} rt__parent;

/* A parameter or buffer of a module or of one below it. */
typedef struct rt__entry {
    rt_tensor *tensor; /* borrowed */
    char *name;        /* in full: "3.weight" */
    rt_module *owner;
    int32_t slot; /* of the owner */
    const char
        *first; /* the name under which the tensor comes first: `name` itself, but of aliases */
} rt__entry;

typedef struct rt__entries {
    rt__entry *at;
    int64_t count, capacity;
} rt__entries;

/* All that is in a module and below it, in order of registration, depth first. What comes a second time is an alias. */
typedef struct rt__index {
    rt__entries param, buffer, alias;
    int64_t numel; /* of all parameters */
} rt__index;

struct rt_module_inside {
    rt__slot *slot; /* [count] */
    int32_t count, capacity;
    int32_t parents, parent_capacity;
    rt__parent *parent; /* the first is the one whose name this module bears */
    uint64_t
        path; /* hash of the names that lead here from the outermost module; 0: it is that one */
    rt__index *index;  /* NULL: not made since the last registration */
    rt_nn_hooks *hook; /* [hooks] */
    int32_t hooks, hook_capacity;
    struct rt__on_need {
        void (*fn)(void *ctx, rt_module *of, bool needed); /* NULL: none */
        void *ctx;
    } on_need;
};

extern const rt_object_type rt__module_type;

/* Is m a module? If not, fails as rt__object_is does; `what` opens the message. */
static inline bool rt__is_module(const char *what, const rt_module *m)
{
    return rt__object_is(m, &rt__module_type, what, 1);
}

/* Returns the index, made if need be; NULL on failure. */
const rt__index *rt__nn_index(const rt_module *m);
void rt__nn_index_free(rt__index *index);

/* Returns the slot of m itself of that name, NULL if there is none; len: of the name. */
rt__slot *rt__nn_slot(const rt_module *m, const char *name, size_t len);

/* Does the pattern of a configuration, such as "*.bias", match the whole of a name? As in file names, but * takes dots too. */
static inline bool rt__nn_matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, 0) == 0;
}

/* Who collects what rt_nn_observe is told, instead of a change of the buffer at once. */
typedef struct rt__nn_observer {
    rt_status (*fn)(void *ctx, rt_tensor *buffer, rt_tensor *value, double momentum);
    void *ctx;
} rt__nn_observer;
/* Sets it for the calling thread (NULL: nobody) and returns the former one. *o must live as long. */
const rt__nn_observer *rt__nn_observed_by(const rt__nn_observer *o);

#endif
