/* The layers of a configuration, checked as far as is possible without the engine: names, options, nesting and number.
 *
 *     RT_TRY(rt_layers_check(cfg->model.layers, "model.layers"));     // "model.layers[3].residual[1]: conv2d needs 'kernel': ..."
 *     rt_layer l;
 *     RT_TRY(rt_layer_read(json_array_get(layers, 0), &l));
 *     if (l.id == RT_LAYER_linear) printf("%ld\n", (long)l.options.linear.out);
 *
 * Each layer is a row of ringtorch/layers.def or was added by a plugin; ids of added layers begin at RT_LAYER_KINDS. */
#ifndef RINGTORCH_COMMON_CONFIG_LAYERS_H
#define RINGTORCH_COMMON_CONFIG_LAYERS_H

#include "common/base/schema.h"
#include "common/config/added.h"
#include <ringtorch/layers.def>
#include <stdio.h>

enum {
    RT_LAYERS_MAX = 4096,       /* layers of a net; repeated ones count each time */
    RT_LAYERS_DEEP = 12,        /* groups within groups */
    RT_LAYERS_ADDED_MAX = 64,   /* kinds of layers that plugins may add */
    RT_LAYER_OPTIONS_MAX = 512, /* bytes of the options of one added layer */
};

#define RT__LAYER_ID(id, ...) RT_LAYER_##id,
typedef enum rt_layer_id {
    RT_LAYERS(RT__LAYER_ID, RT__LAYER_ID, RT__LAYER_ID) RT_LAYER_KINDS /* built in */
} rt_layer_id;
#undef RT__LAYER_ID

/* The names that descriptions use for the flags of layers.def. */
typedef struct rt__layer_flag {
    const char *name;
    unsigned bit;
} rt__layer_flag;
enum { RT__LAYER_FLAGS = 5 };
extern const rt__layer_flag rt__layer_flags[RT__LAYER_FLAGS];

typedef struct rt__layer_row {
    const char *name;
    const char *help;
    unsigned flags; /* RT_LAYER_TOKENS, ... */
    bool is_group;
    rt__schema schema;
    rt__added added;
} rt__layer_row;
extern rt__layer_row rt__layer_rows[RT_LAYER_KINDS + RT_LAYERS_ADDED_MAX]; /* [rt__layer_kinds()] */
/* Returns the number of kinds, including added ones. */
int rt__layer_kinds(void);
/* Appends a row that the caller has validated; there must be room. Name, help and schema are borrowed for the life of
 * the process. Must not run while other threads use layers. */
rt__layer_row *rt__layer_add(const rt__layer_row *row);

/* A layer with its options. Texts and nested layers are borrowed from the JSON that it was read from. */
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
        _Alignas(8) char added[RT_LAYER_OPTIONS_MAX];
    } options;
} rt_layer;

/* Reads one layer: "relu", {"linear": 10} or {"linear": {"out": 10}}. */
rt_status rt_layer_read(const json_t *from, rt_layer *out);

/* Access to a row of LAYERS, which holds one layer or a list of them. */
size_t rt_layer_count(const json_t *layers);
const json_t *rt_layer_at(const json_t *layers, size_t i);

/* The place of a layer within the net; lives on the stack of the code that walks the layers. */
typedef struct rt_layer_place {
    const struct rt_layer_place *outer; /* the enclosing group, or NULL */
    const char *list;  /* the group's option that lists it; NULL if the group has only one */
    rt_layer_id group; /* the kind of the enclosing group, if any */
    int64_t index;     /* in the list; -1 if there is no list */
    int depth;
    bool unwritten; /* the layer is repeated by a tie, so messages name the tie */
} rt_layer_place;
/* Returns the place of layer i of `layers`, option `list` of the group at `outer`. */
rt_layer_place rt_layer_place_in(const rt_layer_place *outer, const rt_layer *group,
                                 const char *list, const json_t *layers, size_t i);
/* Returns the place as messages have it, "layers[3].residual[1]", to be freed with rt_mem_free; NULL if memory runs out. */
char *rt_layer_place_text(const rt_layer_place *at);
/* Puts the place in front of the current error ("layers[3].residual[1]: ...") and turns it into RT_E_CONFIG, unless it
 * is NOMEM. */
rt_status rt_layer_fail_at(const rt_layer_place *at);

/* Fails unless all names and options of a net's layers are valid and there are neither too many layers nor too deep
 * nesting. Whether shapes fit is checked by the engine. `root` is the name of the list in messages. */
rt_status rt_layers_check(const json_t *layers, const char *root);
/* Returns whether any layer, at any depth, has one of these flags. */
bool rt_layers_have(const json_t *layers, unsigned flags);

/* Prints the table of all layers, for people. */
void rt_layers_help(FILE *to);

#endif
