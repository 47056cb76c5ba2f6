/* Nets from a list of layers in JSON. Each kind of layer is a row of `kinds`: its options, and a
 * function that builds it and works out the shape of one sample behind it. */
#include "worker/engine/nn/net_json.h"

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
    rt_module *(*build)(const settings *o, rt_dims *shape);
} kind;

/* ---- building; shape: of one sample, before and then after the layer ---- */

static rt_module *build_linear(const settings *o, rt_dims *shape)
{
    if (shape->n < 1)
        return RT_FAIL_NULL(CONFIG, "needs an input of at least one dimension");
    int64_t *last = &shape->d[shape->n - 1], in = *last;
    *last = o->out;
    return rt_nn_linear(in, o->out, .no_bias = o->no_bias);
}

static bool is_plane(const rt_dims *shape)
{
    if (shape->n == 3)
        return true;
    RT_FAIL(CONFIG, "needs an input [channels, height, width], got %s", rt_dims_text(*shape));
    return false;
}

/* Replaces height and width by how many places a window has; false if it has none. */
static bool slide(const settings *o, rt_dims *shape)
{
    for (int i = 1; i <= 2; i++) {
        int64_t room = shape->d[i] + 2 * o->padding - o->dilation * (o->kernel - 1) - 1;
        if (room < 0) {
            RT_FAIL(CONFIG,
                    "a kernel of %lld (dilation %lld, padding %lld) does not fit into an input of "
                    "%lld x %lld",
                    (long long)o->kernel, (long long)o->dilation, (long long)o->padding,
                    (long long)shape->d[1], (long long)shape->d[2]);
            return false;
        }
        shape->d[i] = room / o->stride + 1;
    }
    return true;
}

static rt_module *build_conv2d(const settings *o, rt_dims *shape)
{
    settings window = *o;
    if (window.stride == 0)
        window.stride = 1;
    if (!is_plane(shape) || (!o->same && !slide(&window, shape)))
        return NULL;
    int64_t in = shape->d[0];
    shape->d[0] = o->out;
    return rt_nn_conv2d(in, o->out, o->kernel, .stride = window.stride, .padding = o->padding,
                        .dilation = o->dilation, .groups = o->groups, .same = o->same,
                        .no_bias = o->no_bias);
}

static bool slide_pool(const settings *o, rt_dims *shape)
{
    settings window = *o;
    if (window.stride == 0)
        window.stride = window.kernel;
    return is_plane(shape) && slide(&window, shape);
}

static rt_module *build_max_pool2d(const settings *o, rt_dims *shape)
{
    return slide_pool(o, shape) ? rt_nn_max_pool2d(o->kernel, o->stride, o->padding) : NULL;
}

static rt_module *build_avg_pool2d(const settings *o, rt_dims *shape)
{
    return slide_pool(o, shape) ? rt_nn_avg_pool2d(o->kernel, o->stride, o->padding) : NULL;
}

static rt_module *build_flatten(const settings *o, rt_dims *shape)
{
    (void)o;
    int64_t numel = 1;
    for (int i = 0; i < shape->n; i++)
        if (__builtin_mul_overflow(numel, shape->d[i], &numel))
            return RT_FAIL_NULL(CONFIG, "the input %s has too many elements", rt_dims_text(*shape));
    *shape = rt_shape(numel);
    return rt_nn_flatten();
}

static rt_module *build_dropout(const settings *o, rt_dims *shape)
{
    (void)shape;
    return rt_nn_dropout(o->p);
}

#define ACTIVATION(name)                                                                           \
    static rt_module *build_##name(const settings *o, rt_dims *shape)                              \
    {                                                                                              \
        (void)o;                                                                                   \
        (void)shape;                                                                               \
        return rt_nn_##name();                                                                     \
    }
ACTIVATION(relu)
ACTIVATION(gelu)
ACTIVATION(tanh)
ACTIVATION(sigmoid)
ACTIVATION(silu)
#undef ACTIVATION

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
    {"linear", linear_options, build_linear},
    {"conv2d", conv2d_options, build_conv2d},
    {"max_pool2d", pool2d_options, build_max_pool2d},
    {"avg_pool2d", pool2d_options, build_avg_pool2d},
    {"flatten", no_options, build_flatten},
    {"dropout", dropout_options, build_dropout},
    {"relu", no_options, build_relu},
    {"gelu", no_options, build_gelu},
    {"tanh", no_options, build_tanh},
    {"sigmoid", no_options, build_sigmoid},
    {"silu", no_options, build_silu},
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

static rt_module *read_layer(json_t *layer, rt_dims *shape)
{
    json_t *given;
    const char *name = split_layer(layer, &given);
    const kind *k = name ? find_kind(name) : NULL;
    settings s = {.dilation = 1, .groups = 1}; /* without a stride: 1, or a pool's kernel */
    if (!k)
        return NULL;
    rt_module *m = read_options(k, given, &s) == RT_OK ? k->build(&s, shape) : NULL;
    if (!m)
        rt_error_prefix("%s", k->name);
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

rt_module *rt__nn_build(json_t *layers, rt_dims input, rt_dims *output, json_t *table)
{
    size_t count = json_array_size(layers);
    if (count == 0 || count > LAYERS_MAX)
        return RT_FAIL_NULL(CONFIG, "layers: expected a list of 1 to %d layers", LAYERS_MAX);
    rt_module *layer[LAYERS_MAX];
    rt_scope s = rt_scope_begin();
    for (size_t i = 0; i < count; i++) {
        layer[i] = read_layer(json_array_get(layers, i), &input);
        if (!layer[i]) {
            rt_error_prefix("layer %zu of %zu", i + 1, count);
            return rt_scope_return(s, (rt_module *)NULL);
        }
        if (table)
            add_row(table, json_array_get(layers, i), input, layer[i]);
    }
    *output = input;
    return rt_scope_return(s, rt_nn_sequential_(layer, (int)count));
}

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
