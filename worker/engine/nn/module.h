/* The inside of a module: an object with named slots, each a child, a parameter or a buffer.
 *
 *     for (int32_t i = 0; i < m->inside->count; i++)
 *         if (m->inside->slot[i].child) ... else ... m->inside->slot[i].tensor ...
 */
#ifndef RINGTORCH_WORKER_ENGINE_NN_MODULE_H
#define RINGTORCH_WORKER_ENGINE_NN_MODULE_H

#include "worker/engine/base/object.h"
#include <fnmatch.h>
#include <ringtorch/nn.h>

typedef enum rt__slot_kind { RT__CHILD, RT__PARAM, RT__BUFFER } rt__slot_kind;

typedef struct rt__slot {
    char *name; /* "0", "weight" */
    rt__slot_kind kind;
    rt_module *child;  /* either child or tensor is set, and owned */
    rt_tensor *tensor; /* the parameter or buffer */
    bool persistent;   /* buffers only */
    bool not_negative; /* buffers only */
    double momentum;   /* buffers only: the momentum of the last rt_nn_observe */
    /* Layers of a net: beside the output of the layer before, this one gets inputs pick[0], ..., pick[picks - 1] of the net. If picks is
     * -1, it gets as many of the net's further inputs as it can take. */
    int picks;
    uint8_t pick[RT_NN_TENSORS];
} rt__slot;

/* A module that has this one as a child; not owned. */
typedef struct rt__parent {
    rt_module *module;
    int32_t slot;
} rt__parent;

/* A parameter or buffer of a module or of one of its descendants. */
typedef struct rt__entry {
    rt_tensor *tensor; /* borrowed */
    char *name;        /* full name: "3.weight" */
    rt_module *owner;
    int32_t slot; /* in the owner */
    /* the first name of the tensor: `name` itself, except for aliases */
    const char *first;
} rt__entry;

typedef struct rt__entries {
    rt__entry *at;
    int64_t count, capacity;
} rt__entries;

/* All tensors of a module and its descendants, in order of registration, depth first. A second occurrence of a tensor is an
 * alias. */
typedef struct rt__index {
    rt__entries param, buffer, alias;
    int64_t numel; /* elements of all parameters */
} rt__index;

struct rt_module_inside {
    rt__slot *slot; /* [count] */
    int32_t count, capacity;
    int32_t parents, parent_capacity;
    rt__parent *parent; /* the first is the one that gives this module its name */
    /* hash of the names on the path from the outermost module; 0 for the outermost module itself */
    uint64_t path;
    rt__index *index;  /* NULL: not rebuilt since the last registration */
    rt_nn_hooks *hook; /* [hooks] */
    int32_t hooks, hook_capacity;
    struct rt__on_need {
        void (*fn)(void *ctx, rt_module *of, bool needed); /* NULL: none */
        void *ctx;
    } on_need;
    /* of a layer that a plugin's row has made (from_row.h); owned; NULL for others */
    struct rt__from_row *from_row;
};

extern const rt_object_type rt__module_type;

/* Returns whether m is a module; if not, fails as rt__object_is does; `what` begins the message. */
static inline bool rt__is_module(const char *what, const rt_module *m)
{
    return rt__object_is(m, &rt__module_type, what, 1);
}

/* Returns the index, building it if needed; NULL on failure. */
const rt__index *rt__nn_index(const rt_module *m);
void rt__nn_index_free(rt__index *index);

/* Returns m's own slot of that name (`len` bytes), or NULL if there is none. */
rt__slot *rt__nn_slot(const rt_module *m, const char *name, size_t len);

/* Returns whether a pattern from a configuration, such as "*.bias", matches the whole name. The syntax is that of file names,
 * except that * also matches dots. */
static inline bool rt__nn_matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, 0) == 0;
}

/* Collects the values passed to rt_nn_observe, which otherwise would change the buffer immediately. */
typedef struct rt__nn_observer {
    rt_status (*fn)(void *ctx, rt_tensor *buffer, rt_tensor *value, double momentum);
    void *ctx;
} rt__nn_observer;
/* Sets the calling thread's observer (NULL: none) and returns the former one. *o must outlive that. */
const rt__nn_observer *rt__nn_observed_by(const rt__nn_observer *o);

#endif
