/* The layers of a configuration, as far as they can be judged without the engine: names, options, how they are nested, how many.
 *
 *     RT_TRY(rt_layers_check(cfg->model.layers, "model.layers"));     // "model.layers[3].residual[1]: conv2d needs 'kernel': ..."
 *     rt_layer l;
 *     RT_TRY(rt_layer_read(json_array_get(layers, 0), &l));
 *     if (l.id == RT_LAYER_linear) printf("%ld\n", (long)l.options.linear.out);
 *
 * Each layer is a row of ringtorch/layers.def. */
#ifndef RINGTORCH_COMMON_LAYERS_H
#define RINGTORCH_COMMON_LAYERS_H

#include <stdio.h>
#include <ringtorch/layers.def>
#include "common/schema.h"

enum {
    RT_LAYERS_MAX = 4096, /* layers of a net, repeated ones as often as they are */
    RT_LAYERS_DEEP = 12,  /* groups within groups */
};

#define RT__LAYER_ID(id, ...) RT_LAYER_##id,
typedef enum rt_layer_id {
    RT_LAYERS(RT__LAYER_ID, RT__LAYER_ID, RT__LAYER_ID) RT_LAYER_KINDS
} rt_layer_id;
#undef RT__LAYER_ID

typedef struct rt_layer_row {
    const char *name;
    const char *help;
    unsigned flags; /* RT_LAYER_TOKENS, ... */
    bool is_group;
    rt__schema schema;
} rt_layer_row;
extern const rt_layer_row rt_layer_rows[RT_LAYER_KINDS];

/* A layer with its options. Texts and layers in them are borrowed from the JSON that they were read from. */
typedef struct rt_layer {
    rt_layer_id id;
    union {
#define RT__ARGS(id, ...) rt_nn_##id##_args id;
#define RT__NONE(...)
#define RT__GROUP(id, FIELDS, help)                                                                \
    struct rt_##id##_options {                                                                     \
        RT_STRUCT(FIELDS)                                                                          \
    } id;
        RT_LAYERS(RT__ARGS, RT__NONE, RT__GROUP)
#undef RT__ARGS
#undef RT__NONE
#undef RT__GROUP
    } options;
} rt_layer;

/* Reads one layer: "relu", {"linear": 10} or {"linear": {"out": 10}}. */
rt_status rt_layer_read(const json_t *from, rt_layer *out);

/* What a row of LAYERS holds: one layer or a list of them. */
size_t rt_layer_count(const json_t *layers);
const json_t *rt_layer_at(const json_t *layers, size_t i);

/* Where a layer stands; on the stack of who walks the layers. */
typedef struct rt_layer_place {
    const struct rt_layer_place *outer; /* the group that it is in; NULL: none */
    const char *list;  /* the option of the group that lists it; NULL: its only one */
    rt_layer_id group; /* with outer: what that is */
    int64_t index;     /* in the list; -1: there is no list */
    int depth;
} rt_layer_place;
/* Returns the place of layer i of `layers`, option `list` of the group at `outer`. */
rt_layer_place rt_layer_place_in(const rt_layer_place *outer, const rt_layer *group,
                                 const char *list, const json_t *layers, size_t i);
/* Makes the present error one of a configuration, and puts the place in front of it: "layers[3].residual[1]: ...". That memory is out is
 * no fault of a layer. */
rt_status rt_layer_fail_at(const rt_layer_place *at);

/* Fails unless all names and options of a net's layers are good, and they are neither too many nor nested too deep. Whether shapes fit
 * is known to the engine. `root` is what messages call the list. */
rt_status rt_layers_check(const json_t *layers, const char *root);
/* Is one of them, at any depth, such a layer? */
bool rt_layers_have(const json_t *layers, unsigned flags);

/* Writes the table of all layers, for people. */
void rt_layers_help(FILE *to);

#endif
