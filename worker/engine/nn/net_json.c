/* Nets from a list of layers in JSON. They are put together from outside in: each layer is a child of its group before the next is
 * made, so that it is known by its name. */
#include "worker/engine/nn/net_json.h"

#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/nn/sequential.h"
#include "worker/engine/tensor/tensor.h"

/* A layer that was made, and what of; a later one may be tied to it. */
typedef struct made {
    const rt_module *module;
    const json_t *from;
} made;

typedef struct builder {
    rt_module *net;
    json_t *table;     /* NULL: not wanted */
    rt__making making; /* whose parameters the next layer is to have */
    made *made;        /* [complete] */
    size_t complete;
    int64_t begun;
} builder;

/* A list of layers that is being appended to a module. */
typedef struct group {
    const rt_layer_place *at; /* NULL: the net */
    const rt_layer *layer;
    rt_module *module;
} group;

static rt_status add_list(builder *b, const group *g, const char *list, const json_t *layers,
                          rt__sample *sample);

/* ---- groups ---- */

/* Adds a list to a group within the group, of that name. */
static rt_status add_inner(builder *b, const group *inner, const char *name, const char *list,
                           const json_t *layers, rt__sample *sample)
{
    if (!inner->module)
        return rt_error_code();
    const rt_module *like = rt__nn_like_child(name);
    rt_status status = add_list(b, inner, list, layers, sample);
    rt__nn_like(like);
    return status;
}

static rt_status add_residual(builder *b, group *g, rt__sample *sample)
{
    const struct rt_residual_options *o = &g->layer->options.residual;
    rt__sample straight = *sample;
    RT_TRY(add_list(b, g, "layers", o->layers, sample));
    if (o->shortcut) {
        group s = {g->at, g->layer, rt__nn_close_residual(g->module, rt_nn_sequential_(NULL, 0))};
        RT_TRY(add_inner(b, &s, "shortcut", "shortcut", o->shortcut, &straight));
    }
    if (rt__dims_equal(sample->dims, straight.dims))
        return RT_OK;
    RT_FAIL(CONFIG, "residual: its layers give %s and %s %s: expected the same shape%s",
            rt_dims_text(sample->dims), o->shortcut ? "the shortcut" : "the input is",
            rt_dims_text(straight.dims),
            o->shortcut ? "" : ", or a shortcut with layers that give it");
    return rt_layer_fail_at(g->at);
}

static rt_status add_repeated(builder *b, group *g, rt__sample *sample)
{
    for (int64_t i = 0; i < g->layer->options.repeat.n; i++) {
        rt__child_name name = rt__nn_next_name(g->module);
        group once = {g->at, g->layer, rt__nn_append(g->module, rt_nn_sequential_(NULL, 0))};
        RT_TRY(add_inner(b, &once, name.text, "layers", g->layer->options.repeat.layers, sample));
    }
    return RT_OK;
}

/* Makes the module of a group, in which there is nothing yet. */
static rt_module *new_group(rt_layer_id id)
{
    return id == RT_LAYER_residual ? rt_nn_residual_(NULL, 0, NULL) : rt_nn_sequential_(NULL, 0);
}

static rt_status fill_group(builder *b, group *g, rt__sample *sample)
{
    if (g->layer->id == RT_LAYER_residual)
        return add_residual(b, g, sample);
    if (g->layer->id == RT_LAYER_repeat)
        return add_repeated(b, g, sample);
    return add_list(b, g, "layers", g->layer->options.block.layers, sample);
}

/* ---- one layer ---- */

/* Infers what the layer makes of the sample, and makes it. */
static rt_module *make_layer(rt_layer *l, rt__sample *sample)
{
    const rt_layer_row *row = &rt_layer_rows[l->id];
    const rt__layer *f = rt__layers[l->id];
    bool tokens = row->flags & RT_LAYER_TOKENS;
    if (tokens != (sample->dtype == RT_I64))
        return RT_FAIL_NULL(CONFIG, "%s takes %s, and its input is %s", row->name,
                            tokens ? "tokens (int64)" : "numbers (float32)",
                            rt_dtype_name(sample->dtype));
    if (f->infer && f->infer(&l->options, sample) != RT_OK) {
        rt_error_prefix("%s", row->name);
        return NULL;
    }
    return f->make(&l->options);
}

static rt_status note(builder *b, const rt_module *m, const json_t *from)
{
    made *more = rt_realloc(b->made, (b->complete + 1) * sizeof *more);
    if (!more)
        return rt_error_code();
    b->made = more;
    b->made[b->complete++] = (made){m, from};
    return RT_OK;
}

static rt_status add_layer(builder *b, const group *g, const rt_layer_place *at, const json_t *from,
                           rt__sample *sample);

/* Returns the complete layer of that name; NULL if there is none. */
static const made *find_made(const builder *b, const char *name)
{
    const rt_module *m = rt_nn_find_module(b->net, name);
    for (size_t i = 0; i < b->complete; i++)
        if (b->made[i].module == m)
            return &b->made[i];
    return NULL;
}

/* Adds a layer of which those parameters that are also in an earlier layer are that one's. */
static rt_status add_tied(builder *b, const group *g, const rt_layer_place *at, const rt_layer *l,
                          rt__sample *sample)
{
    const struct rt_tie_options *o = &l->options.tie;
    const made *first = find_made(b, o->to);
    if (!first) {
        RT_FAIL(CONFIG, "tie: no layer that is complete by now is named \"%.60s\"", o->to);
        return rt_layer_fail_at(at);
    }
    rt_layer_place inner = rt_layer_place_in(at, l, "layer", o->layer, 0);
    const rt_module *former = b->making.like;
    int64_t before = b->making.taken;
    b->making.like = first->module;
    rt_status status = add_layer(b, g, &inner, o->layer ? o->layer : first->from, sample);
    b->making.like = former;
    if (status != RT_OK || b->making.taken > before)
        return status;
    RT_FAIL(CONFIG, "tie: the layer has no parameter of a name that \"%.60s\" has", o->to);
    return rt_layer_fail_at(at);
}

/* The JSON has been checked, but ties make more of it. */
static rt_status check_size(builder *b, const rt_layer_place *at)
{
    if (++b->begun > RT_LAYERS_MAX)
        return RT_FAIL(CONFIG, "more than %d layers", RT_LAYERS_MAX);
    if (at->depth > 2 * RT_LAYERS_DEEP)
        return RT_FAIL(CONFIG, "more than %d groups and ties within each other",
                       2 * RT_LAYERS_DEEP);
    return RT_OK;
}

static rt_status add_layer(builder *b, const group *g, const rt_layer_place *at, const json_t *from,
                           rt__sample *sample)
{
    rt_layer l;
    if (check_size(b, at) != RT_OK || rt_layer_read(from, &l) != RT_OK)
        return rt_layer_fail_at(at);
    if (l.id == RT_LAYER_tie)
        return add_tied(b, g, at, &l, sample);
    bool is_group = rt_layer_rows[l.id].is_group;
    rt_module *m = is_group ? new_group(l.id) : make_layer(&l, sample);
    if (!m || !rt__nn_append(g->module, m))
        return rt_layer_fail_at(at);
    if (is_group)
        RT_TRY(fill_group(b, &(group){at, &l, m}, sample));
    return note(b, m, from);
}

/* ---- lists ---- */

static rt_status add_row(json_t *table, const json_t *from, const rt__sample *sample,
                         const rt_module *m)
{
    json_t *sizes = json_array();
    for (int i = 0; i < sample->dims.n; i++)
        json_array_append_new(sizes, json_integer(sample->dims.d[i]));
    const char *name = json_is_string(from)
                           ? json_string_value(from)
                           : json_object_iter_key(json_object_iter((json_t *)from));
    json_t *row = json_pack("[s, o, I]", name, sizes, (json_int_t)rt_nn_numel(m));
    return json_array_append_new(table, row) == 0 ? rt_error_code()
                                                  : RT_FAIL(NOMEM, "layers: out of memory");
}

static rt_status add_list(builder *b, const group *g, const char *list, const json_t *layers,
                          rt__sample *sample)
{
    size_t count = rt_layer_count(layers);
    for (size_t i = 0; i < count; i++) {
        rt_layer_place at = rt_layer_place_in(g->at, g->layer, list, layers, i);
        const json_t *from = rt_layer_at(layers, i);
        const rt_module *like = rt__nn_like_child(rt__nn_next_name(g->module).text);
        rt_status status = add_layer(b, g, &at, from, sample);
        rt__nn_like(like);
        RT_TRY(status);
        if (b->table && !g->at)
            RT_TRY(add_row(b->table, from, sample, g->module->inside->slot[i].child));
    }
    return RT_OK;
}

/* ---- nets ---- */

static rt_module *build(const json_t *layers, const char *root, rt__sample *sample, json_t *table,
                        bool hollow)
{
    if (rt_layers_check(layers, root) != RT_OK)
        return NULL;
    rt_scope s = rt_scope_begin();
    builder b = {.table = table, .making = {.hollow = hollow}};
    rt__making *former = rt__nn_make_so(&b.making);
    b.net = rt_nn_sequential_(NULL, 0);
    rt_status status =
        b.net ? add_list(&b, &(group){.module = b.net}, root, layers, sample) : rt_error_code();
    rt__nn_make_so(former);
    rt_mem_free(b.made);
    return rt_scope_return(s, status == RT_OK ? b.net : NULL);
}

rt_module *rt__nn_build(const json_t *layers, rt__sample *sample, json_t *table)
{
    return build(layers, "model.layers", sample, table, false);
}

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

static rt_status describe(const rt_module *net, json_t *layout)
{
    const char *name;
    bool persistent;
    int failed = 0;
    for (int64_t i = 0; i < rt_nn_param_count(net); i++) {
        rt_dims shape = rt_dims_of(rt_nn_param_at(net, i, &name));
        failed |= json_array_append_new(layout, rt__nn_describe_param(name, shape));
    }
    for (int64_t i = 0; i < rt_nn_buffer_count(net); i++) {
        rt_dims shape = rt_dims_of(rt_nn_buffer_at(net, i, &name, &persistent));
        if (persistent)
            failed |= json_array_append_new(layout, rt__nn_describe_buffer(name, shape));
    }
    return failed && !rt_failed() ? RT_FAIL(NOMEM, "layout: out of memory") : rt_error_code();
}

rt_status rt__nn_layout(const json_t *layers, rt__sample sample, json_t *layout)
{
    rt_scope s = rt_scope_begin();
    const rt_module *net = build(layers, "model.layers", &sample, NULL, true);
    rt_status status = net ? describe(net, layout) : rt_error_code();
    rt_scope_end(s);
    return status;
}

/* ---- from text ---- */

rt_module *rt_nn_from_json_(rt_nn_from_json_args a)
{
    json_t *layers;
    if (rt_failed() || !rt__given(a.json, "nn_from_json", "text") ||
        rt__dims_numel(a.input, "nn_from_json: input") < 0)
        return NULL;
    if (a.dtype != RT_F32 && a.dtype != RT_I64)
        return RT_FAIL_NULL(DTYPE, "nn_from_json: dtype is %d, expected RT_F32 or RT_I64",
                            (int)a.dtype);
    if (rt_json_parse(a.json, strlen(a.json), "layers", &layers) != RT_OK)
        return NULL;
    rt_module *net = build(layers, "layers", &(rt__sample){a.input, a.dtype, 0}, NULL, false);
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
