/* Nets from a list of layers in JSON. Each kind of layer is a row of `kinds`: its options, the shape of one sample behind
 * it and of its weight, both known without memory for the weight, and a function that makes it. */
#include "worker/engine/nn/net_json.h"

#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/nearest.h"
#include "common/text.h"

enum {
    LAYERS_MAX = 1024,
    COUNT_MAX = 1 << 24, /* largest size, kernel, stride, ... */
    NAMES_MAX = 32,      /* kinds of layer, or options of one */
};

/* What a layer's options come to. */
typedef struct settings {
    int64_t out, kernel, stride, padding, dilation, groups;
    bool same, no_bias;
    double p;
} settings;

typedef enum option_type { COUNT, PADDING, BIAS, PROBABILITY } option_type;

typedef struct option {
    const char *name;
    option_type type;
    bool required;
    size_t offset; /* of a COUNT, in settings */
    int64_t least; /* of a COUNT */
} option;

typedef struct kind {
    const char *name;
    const option
        *options; /* up to one without a name; the first may be written alone: {"linear": 10} */
    /* Turns the shape of one sample before the layer into the one behind it; NULL: it stays. */
    rt_status (*infer)(const settings *o, rt_dims *shape);
    rt_dims (*weight)(const settings *o, rt_dims before); /* its shape; NULL: the layer has none */
    rt_module *(*make)(const settings *o, rt_dims before);
} kind;

/* ---- linear and convolution ---- */

static rt_status infer_linear(const settings *o, rt_dims *shape)
{
    if (shape->n < 1)
        return RT_FAIL(CONFIG, "needs an input of at least one dimension");
    shape->d[shape->n - 1] = o->out;
    return RT_OK;
}

static rt_dims weight_of_linear(const settings *o, rt_dims before)
{
    return rt_shape(o->out, before.d[before.n - 1]);
}

static rt_module *make_linear(const settings *o, rt_dims before)
{
    return rt_nn_linear(before.d[before.n - 1], o->out, .no_bias = o->no_bias);
}

static rt_status check_plane(const rt_dims *shape)
{
    if (shape->n == 3)
        return RT_OK;
    return RT_FAIL(CONFIG, "needs an input [channels, height, width], got %s",
                   rt_dims_text(*shape));
}

/* Replaces height and width by how many places a window has. */
static rt_status slide(const settings *o, int64_t stride, rt_dims *shape)
{
    for (int i = 1; i <= 2; i++) {
        int64_t room = shape->d[i] + 2 * o->padding - o->dilation * (o->kernel - 1) - 1;
        if (room < 0)
            return RT_FAIL(
                CONFIG,
                "a kernel of %lld (dilation %lld, padding %lld) does not fit into an input of "
                "%lld x %lld",
                (long long)o->kernel, (long long)o->dilation, (long long)o->padding,
                (long long)shape->d[1], (long long)shape->d[2]);
        shape->d[i] = room / stride + 1;
    }
    return RT_OK;
}

static int64_t stride_of_conv2d(const settings *o)
{
    return o->stride ? o->stride : 1;
}

static rt_status infer_conv2d(const settings *o, rt_dims *shape)
{
    RT_TRY(check_plane(shape));
    if (!o->same)
        RT_TRY(slide(o, stride_of_conv2d(o), shape));
    shape->d[0] = o->out;
    return RT_OK;
}

static rt_dims weight_of_conv2d(const settings *o, rt_dims before)
{
    return rt_shape(o->out, before.d[0] / o->groups, o->kernel, o->kernel);
}

static rt_module *make_conv2d(const settings *o, rt_dims before)
{
    return rt_nn_conv2d(before.d[0], o->out, o->kernel, .stride = stride_of_conv2d(o),
                        .padding = o->padding, .dilation = o->dilation, .groups = o->groups,
                        .same = o->same, .no_bias = o->no_bias);
}

/* ---- layers without weights ---- */

static rt_status infer_pool(const settings *o, rt_dims *shape)
{
    RT_TRY(check_plane(shape));
    return slide(o, o->stride ? o->stride : o->kernel, shape);
}

static rt_module *make_max_pool2d(const settings *o, rt_dims before)
{
    (void)before;
    return rt_nn_max_pool2d(o->kernel, o->stride, o->padding);
}

static rt_module *make_avg_pool2d(const settings *o, rt_dims before)
{
    (void)before;
    return rt_nn_avg_pool2d(o->kernel, o->stride, o->padding);
}

static rt_status infer_flatten(const settings *o, rt_dims *shape)
{
    (void)o;
    int64_t numel = 1;
    for (int i = 0; i < shape->n; i++)
        if (__builtin_mul_overflow(numel, shape->d[i], &numel))
            return RT_FAIL(CONFIG, "the input %s has too many elements", rt_dims_text(*shape));
    *shape = rt_shape(numel);
    return RT_OK;
}

static rt_module *make_dropout(const settings *o, rt_dims before)
{
    (void)before;
    return rt_nn_dropout(o->p);
}

#define SIMPLE(name)                                                                               \
    static rt_module *make_##name(const settings *o, rt_dims before)                               \
    {                                                                                              \
        (void)o;                                                                                   \
        (void)before;                                                                              \
        return rt_nn_##name();                                                                     \
    }
SIMPLE(flatten)
SIMPLE(relu)
SIMPLE(gelu)
SIMPLE(tanh)
SIMPLE(sigmoid)
SIMPLE(silu)
#undef SIMPLE

/* ---- the table ---- */

#define AT(field) offsetof(settings, field)
static const option no_options[] = {{NULL}};
static const option linear_options[] = {{"out", COUNT, true, AT(out), 1}, {"bias", BIAS}, {NULL}};
static const option conv2d_options[] = {{"out", COUNT, true, AT(out), 1},
                                        {"kernel", COUNT, true, AT(kernel), 1},
                                        {"stride", COUNT, false, AT(stride), 1},
                                        {"padding", PADDING, false, AT(padding), 0},
                                        {"dilation", COUNT, false, AT(dilation), 1},
                                        {"groups", COUNT, false, AT(groups), 1},
                                        {"bias", BIAS},
                                        {NULL}};
static const option pool2d_options[] = {{"kernel", COUNT, true, AT(kernel), 1},
                                        {"stride", COUNT, false, AT(stride), 1},
                                        {"padding", COUNT, false, AT(padding), 0},
                                        {NULL}};
static const option dropout_options[] = {{"p", PROBABILITY, true}, {NULL}};
#undef AT

static const kind kinds[] = {
    {"linear", linear_options, infer_linear, weight_of_linear, make_linear},
    {"conv2d", conv2d_options, infer_conv2d, weight_of_conv2d, make_conv2d},
    {"max_pool2d", pool2d_options, infer_pool, NULL, make_max_pool2d},
    {"avg_pool2d", pool2d_options, infer_pool, NULL, make_avg_pool2d},
    {"flatten", no_options, infer_flatten, NULL, make_flatten},
    {"dropout", dropout_options, NULL, NULL, make_dropout},
    {"relu", no_options, NULL, NULL, make_relu},
    {"gelu", no_options, NULL, NULL, make_gelu},
    {"tanh", no_options, NULL, NULL, make_tanh},
    {"sigmoid", no_options, NULL, NULL, make_sigmoid},
    {"silu", no_options, NULL, NULL, make_silu},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- names that are wrong ---- */

/* The names that would have been right. */
typedef struct names {
    const char *name[NAMES_MAX];
    size_t count;
} names;

static void add_name(names *n, const char *name)
{
    RT_ASSERT(n->count < NAMES_MAX);
    n->name[n->count++] = name;
}

static void fail_unknown(const char *what, const char *wrong, const names *right)
{
    rt_text list = {0};
    for (size_t i = 0; i < right->count; i++)
        rt_text_add(&list, "%s%s", i ? ", " : "", right->name[i]);
    char *allowed = rt_text_take(&list);
    const char *nearest = rt_nearest(wrong, right->name, right->count);
    if (allowed && nearest)
        RT_FAIL(CONFIG, "unknown %s '%.64s', did you mean '%s'? (allowed: %s)", what, wrong,
                nearest, allowed);
    else if (allowed)
        RT_FAIL(CONFIG, "unknown %s '%.64s' (allowed: %s)", what, wrong,
                *allowed ? allowed : "none");
    rt_mem_free(allowed);
}

static const kind *find_kind(const char *name)
{
    names all = {0};
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
        add_name(&all, kinds[i].name);
    }
    fail_unknown("layer", name, &all);
    return NULL;
}

static const option *find_option(const kind *k, const char *name)
{
    names all = {0};
    for (const option *o = k->options; o->name; o++) {
        if (strcmp(o->name, name) == 0)
            return o;
        add_name(&all, o->name);
    }
    fail_unknown("option", name, &all);
    return NULL;
}

/* ---- reading ---- */

static rt_status read_count(const option *o, const json_t *value, settings *to)
{
    int64_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    if (n < o->least || n > COUNT_MAX)
        return RT_FAIL(CONFIG, "%s: expected an integer from %lld to %d%s", o->name,
                       (long long)o->least, COUNT_MAX, o->type == PADDING ? " or \"same\"" : "");
    *(int64_t *)((char *)to + o->offset) = n;
    return RT_OK;
}

static rt_status read_option(const option *o, const json_t *value, settings *to)
{
    const char *text = json_string_value(value);
    switch (o->type) {
    case COUNT:
        return read_count(o, value, to);
    case PADDING:
        to->same = text && strcmp(text, "same") == 0;
        return to->same ? RT_OK : read_count(o, value, to);
    case BIAS:
        to->no_bias = json_is_false(value);
        return json_is_boolean(value) ? RT_OK
                                      : RT_FAIL(CONFIG, "%s: expected true or false", o->name);
    case PROBABILITY:
        to->p = json_number_value(value);
        if (!json_is_number(value) || !(to->p >= 0 && to->p < 1))
            return RT_FAIL(CONFIG, "%s: expected a number of at least 0 and below 1", o->name);
    }
    return RT_OK;
}

static rt_status read_options(const kind *k, json_t *given, settings *to)
{
    const char *name;
    json_t *value;
    if (given && !json_is_object(given)) {
        if (!k->options->name)
            return RT_FAIL(CONFIG, "takes no options");
        RT_TRY(read_option(k->options, given, to));
    }
    json_object_foreach(given, name, value)
    {
        const option *o = find_option(k, name);
        if (!o)
            return rt_error_code();
        RT_TRY(read_option(o, value, to));
    }
    for (const option *o = k->options; o->name; o++) {
        bool there = json_is_object(given) ? json_object_get(given, o->name) != NULL
                                           : given && o == k->options;
        if (o->required && !there)
            return RT_FAIL(CONFIG, "option '%s' is missing", o->name);
    }
    return RT_OK;
}

/* Splits "relu" or {"linear": {...}} into the name and the options (NULL: none given). */
static const char *split_layer(json_t *layer, json_t **given)
{
    *given = NULL;
    if (json_is_string(layer))
        return json_string_value(layer);
    if (json_object_size(layer) != 1)
        return RT_FAIL_NULL(CONFIG, "expected a name or {name: {option: value, ...}}");
    void *only = json_object_iter(layer);
    *given = json_object_iter_value(only);
    return json_object_iter_key(only);
}

/* One layer of the list, as far as it is known without making it. */
typedef struct known_layer {
    const kind *kind;
    settings settings;
    rt_dims before, behind; /* shape of one sample */
} known_layer;

static rt_status read_layer(json_t *from, rt_dims before, known_layer *out)
{
    json_t *given;
    const char *name = split_layer(from, &given);
    /* Without a stride it is 1, or a pool's kernel. */
    *out = (known_layer){.kind = name ? find_kind(name) : NULL,
                         .settings = {.dilation = 1, .groups = 1},
                         .before = before,
                         .behind = before};
    if (!out->kind)
        return rt_error_code();
    rt_status status = read_options(out->kind, given, &out->settings);
    if (status == RT_OK && out->kind->infer)
        status = out->kind->infer(&out->settings, &out->behind);
    return status == RT_OK ? RT_OK : rt_error_prefix("%s", out->kind->name);
}

static rt_module *make_layer(const known_layer *l)
{
    rt_module *m = l->kind->make(&l->settings, l->before);
    if (!m)
        rt_error_prefix("%s", l->kind->name);
    return m;
}

static void add_row(json_t *table, json_t *layer, rt_dims shape, const rt_module *m)
{
    json_t *given, *sizes = json_array();
    for (int i = 0; i < shape.n; i++)
        json_array_append_new(sizes, json_integer(shape.d[i]));
    json_array_append_new(table, json_pack("[s, o, I]", split_layer(layer, &given), sizes,
                                           (json_int_t)rt_nn_numel(m)));
}

static rt_status check_count(size_t count)
{
    return count > 0 && count <= LAYERS_MAX
               ? RT_OK
               : RT_FAIL(CONFIG, "layers: expected a list of 1 to %d layers", LAYERS_MAX);
}

rt_module *rt__nn_build(json_t *layers, rt_dims input, rt_dims *output, json_t *table)
{
    size_t count = json_array_size(layers);
    if (check_count(count) != RT_OK)
        return NULL;
    rt_module *made[LAYERS_MAX];
    rt_scope s = rt_scope_begin();
    for (size_t i = 0; i < count; i++) {
        known_layer l;
        json_t *from = json_array_get(layers, i);
        made[i] = read_layer(from, input, &l) == RT_OK ? make_layer(&l) : NULL;
        if (!made[i]) {
            rt_error_prefix("layer %zu of %zu", i + 1, count);
            return rt_scope_return(s, (rt_module *)NULL);
        }
        input = l.behind;
        if (table)
            add_row(table, from, input, made[i]);
    }
    *output = input;
    return rt_scope_return(s, rt_nn_sequential_(made, (int)count));
}

/* ---- the layout ---- */

json_t *rt__nn_describe_param(const char *name, rt_dims shape)
{
    json_t *sizes = json_array();
    for (int i = 0; sizes && i < shape.n; i++)
        json_array_append_new(sizes, json_integer(shape.d[i]));
    return json_pack("{s:s, s:s, s:o}", "name", name, "dtype", rt_dtype_name(RT_F32), "shape",
                     sizes);
}

json_t *rt__nn_describe_buffer(const char *name, rt_dims shape)
{
    json_t *j = rt__nn_describe_param(name, shape);
    if (j)
        json_object_set_new(j, "kind", json_string("buffer"));
    return j;
}

static bool add_param(json_t *layout, size_t layer, const char *which, rt_dims shape)
{
    char name[48];
    snprintf(name, sizeof name, "%zu.%s", layer, which);
    return json_array_append_new(layout, rt__nn_describe_param(name, shape)) == 0;
}

rt_status rt__nn_layout(json_t *layers, rt_dims input, json_t *layout)
{
    size_t count = json_array_size(layers);
    RT_TRY(check_count(count));
    for (size_t i = 0; i < count; i++) {
        known_layer l;
        if (read_layer(json_array_get(layers, i), input, &l) != RT_OK)
            return rt_error_prefix("layer %zu of %zu", i + 1, count);
        input = l.behind;
        if (!l.kind->weight)
            continue;
        rt_dims weight = l.kind->weight(&l.settings, l.before);
        if (!add_param(layout, i, "weight", weight) ||
            (!l.settings.no_bias && !add_param(layout, i, "bias", rt_shape(weight.d[0]))))
            return RT_FAIL(NOMEM, "layout: out of memory");
    }
    return RT_OK;
}

/* ---- from text ---- */

rt_module *rt_nn_from_json(const char *json, rt_dims input)
{
    json_t *layers;
    rt_dims output;
    if (rt_failed() || !rt__given(json, "nn_from_json", "text") ||
        rt_json_parse(json, strlen(json), "layers", &layers) != RT_OK)
        return NULL;
    rt_module *net = rt__nn_build(layers, input, &output, NULL);
    json_decref(layers);
    return net;
}

char *rt_nn_preset(const char *name, int64_t classes)
{
    const char *body = NULL;
    if (!rt__given(name, "nn_preset", "name"))
        return NULL;
    if (strcmp(name, "mlp") == 0)
        body = "\"flatten\", {\"linear\": 128}, \"relu\"";
    else if (strcmp(name, "cnn") == 0)
        body = "{\"conv2d\": {\"out\": 32, \"kernel\": 3, \"padding\": \"same\"}}, \"relu\", "
               "{\"max_pool2d\": 2}, "
               "{\"conv2d\": {\"out\": 64, \"kernel\": 3, \"padding\": \"same\"}}, \"relu\", "
               "{\"max_pool2d\": 2}, "
               "\"flatten\", {\"linear\": 128}, \"relu\"";
    return body ? rt_strdup_printf("[%s, {\"linear\": %lld}]", body, (long long)classes) : NULL;
}
