/* Builds nets from a list of layers in JSON, from the outside in: each layer becomes a child of its group before the next is made, so
 * that it has its full name from the start. */
#include "worker/engine/nn/net_json.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/added.h"
#include "worker/engine/base/callback.h"
#include "worker/engine/nn/from_row.h"
#include "worker/engine/nn/sequential.h"
#include "worker/engine/tensor/tensor.h"
#include <string.h>
#include <unistd.h>

/* A finished layer and the JSON it was made from; later layers may be tied to it. */
typedef struct made {
    const rt_module *module;
    const json_t *from;
} made;

/* The purpose of a net. */
typedef enum purpose {
    TO_BE_USED,
    TO_BE_JUDGED, /* without allocating parameters; fails if they are too large for this machine */
    /* the same without that limit: the layout of a checkpoint from elsewhere, for example */
    TO_BE_DESCRIBED
} purpose;

typedef struct builder {
    purpose purpose;
    rt_module *net;
    json_t *table;     /* NULL: not wanted */
    rt__making making; /* how the next layer's parameters are made */
    made *made;        /* [complete] */
    size_t complete;
    int64_t begun;
    double bytes; /* total size of the parameters so far */
    rt__net_inputs inputs;
} builder;

/* A list of layers that is being appended to a module. */
typedef struct group {
    const rt_layer_place *at; /* NULL: the net */
    const rt_layer *layer;
    rt_module *module;
} group;

static rt_status add_list(builder *b, const group *g, const char *list, const json_t *layers,
                          rt_nn_sample *sample);

/* ---- groups ---- */

/* Adds a list of layers to a group nested in the current one under that name. */
static rt_status add_inner(builder *b, const group *inner, const char *name, const char *list,
                           const json_t *layers, rt_nn_sample *sample)
{
    if (!inner->module)
        return rt_error_code();
    const rt_module *like = rt__nn_like_child(name);
    rt_status status = add_list(b, inner, list, layers, sample);
    rt__nn_like(like);
    return status;
}

static rt_status add_residual(builder *b, group *g, rt_nn_sample *sample)
{
    const struct rt_residual_options *o = &g->layer->options.residual;
    rt_nn_sample straight = *sample;
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

static rt_status add_repeated(builder *b, group *g, rt_nn_sample *sample)
{
    for (int64_t i = 0; i < g->layer->options.repeat.n; i++) {
        rt__child_name name = rt__nn_next_name(g->module);
        group once = {g->at, g->layer, rt__nn_append(g->module, rt_nn_sequential_(NULL, 0))};
        RT_TRY(add_inner(b, &once, name.text, "layers", g->layer->options.repeat.layers, sample));
    }
    return RT_OK;
}

/* Makes the module of an empty group. */
static rt_module *new_group(rt_layer_id id)
{
    return id == RT_LAYER_residual ? rt_nn_residual_(NULL, 0, NULL) : rt_nn_sequential_(NULL, 0);
}

static rt_status fill_group(builder *b, group *g, rt_nn_sample *sample)
{
    if (g->layer->id == RT_LAYER_residual)
        return add_residual(b, g, sample);
    if (g->layer->id == RT_LAYER_repeat)
        return add_repeated(b, g, sample);
    return add_list(b, g, "layers", g->layer->options.block.layers, sample);
}

/* ---- one layer ---- */

/* Returns whether a layer can take samples of varying length: the varying first axis must not be one that the layer treats as features. */
static bool takes_lengths(const rt__layer_row *row, const rt_layer_row *f,
                          const rt_nn_sample *sample)
{
    int axes = row->flags & RT_LAYER_TOKENS ? 1 : 2;
    return !f->infer || ((row->flags & RT_LAYER_SEQUENCES) && sample->dims.n >= axes);
}

/* Calls the two functions of a layer's row: .infer turns the sample into the layer's output, .make returns the module. */
static rt_module *call_row(const rt__layer_row *row, const rt_layer_row *f, void *options,
                           const rt_layer_place *at, rt_nn_sample *sample)
{
    char name[RT__ADDED_NAME];
    const rt_nn_sample before = *sample;
    rt__added_name(&row->added, "layer", row->name, name);
    rt_status status = f->infer ? f->infer(options, sample) : RT_OK;
    if (status != RT_OK && rt_failed()) {
        rt_error_prefix("%s", row->added.description ? name : row->name);
        return NULL;
    }
    if (rt__callback_status(status, name, ".infer") != RT_OK)
        return NULL;
    rt_module *m = f->make(options);
    if (rt__callback_object(m, name, ".make") != RT_OK)
        return NULL;
    if (!row->added.description || !rt__is_module(name, m))
        return m;
    return rt__from_row_set(m, row, f, at, &before, sample) == RT_OK ? m : NULL;
}

/* Infers the layer's arguments and its output from the sample, and makes the layer. */
static rt_module *make_layer(rt_layer *l, const rt_layer_place *at, rt_nn_sample *sample)
{
    const rt__layer_row *row = &rt__layer_rows[l->id];
    const rt_layer_row *f = rt__layer_of((int)l->id);
    bool tokens = row->flags & RT_LAYER_TOKENS;
    sample->taken = 0;
    if (!f)
        return NULL;
    if (tokens != (sample->dtype == RT_I64))
        return RT_FAIL_NULL(CONFIG, "%s takes %s, but its input is %s", row->name,
                            tokens ? "tokens (int64)" : "numbers (float32)",
                            rt_dtype_name(sample->dtype));
    if (sample->varies && !takes_lengths(row, f, sample))
        return RT_FAIL_NULL(CONFIG,
                            "%s takes samples of one shape, but the length of these varies, up to "
                            "%s: put mean_places before it",
                            row->name, rt_dims_text(sample->dims));
    return call_row(row, f, &l->options, at, sample);
}

/* Fails at the first layer whose parameters, together with earlier ones, exceed this machine's memory. */
static rt_status weigh(builder *b, const rt_layer *l, const rt_module *m)
{
    const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    const double own = b->making.like ? 0 : (double)rt_nn_numel(m) * sizeof(float);
    b->bytes += own;
    if (b->bytes <= machine || b->purpose == TO_BE_DESCRIBED)
        return RT_OK;
    return RT_FAIL(CONFIG,
                   "%s: its parameters take %.0f bytes, and with those of earlier layers %.0f: "
                   "this machine has only %.0f bytes of memory",
                   rt__layer_rows[l->id].name, own, b->bytes, machine);
}

/* Returns the number of a field among the net's inputs, adding it if it is new; -1 if there are too many. A layer never gets input 0
 * this way, because inside groups that is the value that flows from layer to layer. */
static int input_of(builder *b, int field)
{
    rt__net_inputs *in = &b->inputs;
    for (int i = 1; i < in->count; i++)
        if (in->field[i] == field)
            return i;
    if (in->count == RT_NN_TENSORS)
        return -1;
    in->field[in->count] = field;
    return in->count++;
}

/* Connects the last layer of a group to the fields that it takes. */
static rt_status give_fields(builder *b, rt_module *to, const rt_nn_sample *sample)
{
    uint8_t pick[RT_NN_TENSORS];
    for (int i = 0; i < sample->taken; i++) {
        int input = input_of(b, sample->takes[i]);
        if (input < 0)
            return RT_FAIL(CONFIG, "more than %d fields are inputs of the net", RT_NN_TENSORS);
        pick[i] = (uint8_t)input;
    }
    rt__nn_pick(to, pick, sample->taken);
    return RT_OK;
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
                           rt_nn_sample *sample);

/* Returns the finished layer of that name, or NULL. */
static const made *find_made(const builder *b, const char *name)
{
    const rt_module *m = rt_nn_find_module(b->net, name);
    for (size_t i = 0; i < b->complete; i++)
        if (b->made[i].module == m)
            return &b->made[i];
    return NULL;
}

/* Adds a layer that shares those parameters that an earlier layer also has. */
static rt_status add_tied(builder *b, const group *g, const rt_layer_place *at, const rt_layer *l,
                          rt_nn_sample *sample)
{
    const struct rt_tie_options *o = &l->options.tie;
    const made *first = find_made(b, o->to);
    if (!first) {
        RT_FAIL(CONFIG, "tie: no finished layer before it is named \"%.60s\"", o->to);
        return rt_layer_fail_at(at);
    }
    rt_layer_place inner = rt_layer_place_in(at, l, "layer", o->layer, 0);
    inner.unwritten = !o->layer;
    const rt_module *former = b->making.like;
    int64_t before = b->making.taken;
    b->making.like = first->module;
    rt_status status = add_layer(b, g, &inner, o->layer ? o->layer : first->from, sample);
    b->making.like = former;
    if (status != RT_OK || b->making.taken > before)
        return status;
    RT_FAIL(CONFIG, "tie: the layer shares no parameter name with \"%.60s\"", o->to);
    return rt_layer_fail_at(at);
}

/* The JSON itself has been checked, but ties can expand it. */
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
                           rt_nn_sample *sample)
{
    rt_layer l;
    if (check_size(b, at) != RT_OK || rt_layer_read(from, &l) != RT_OK)
        return rt_layer_fail_at(at);
    if (l.id == RT_LAYER_tie)
        return add_tied(b, g, at, &l, sample);
    bool is_group = rt__layer_rows[l.id].is_group;
    rt_module *m = is_group ? new_group(l.id) : make_layer(&l, at, sample);
    if (!m || (!is_group && weigh(b, &l, m) != RT_OK) || !rt__nn_append(g->module, m))
        return rt_layer_fail_at(at);
    if (is_group)
        RT_TRY(fill_group(b, &(group){at, &l, m}, sample));
    else if (give_fields(b, g->module, sample) != RT_OK)
        return rt_layer_fail_at(at);
    return note(b, m, from);
}

/* ---- lists ---- */

static rt_status add_row(json_t *table, const json_t *from, const rt_nn_sample *sample,
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
                          rt_nn_sample *sample)
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

/* Returns the input of a net: its first field. */
static rt_nn_sample first_of(const rt_nn_field *field, int fields)
{
    return (rt_nn_sample){field->dims, field->dtype, field->classes, field->varies, field, fields};
}

/* Makes the net. *sample is the input's description, and becomes the output's. */
static rt_module *make(const json_t *layers, const char *root, rt_nn_sample *sample, json_t *table,
                       purpose why, rt__net_inputs *inputs)
{
    rt_scope s = rt_scope_begin();
    builder b = {.purpose = why,
                 .table = table,
                 .making = {.hollow = why != TO_BE_USED},
                 .inputs = {.count = 1}};
    rt__making *former = rt__nn_set_making(&b.making);
    b.net = rt_nn_sequential_(NULL, 0);
    rt_status status =
        b.net ? add_list(&b, &(group){.module = b.net}, root, layers, sample) : rt_error_code();
    rt__nn_set_making(former);
    rt_mem_free(b.made);
    if (inputs)
        *inputs = b.inputs;
    return rt_scope_return(s, status == RT_OK ? b.net : NULL);
}

/* Checks the whole net before any parameter is allocated, then makes it. */
static rt_module *build(const json_t *layers, const char *root, rt_nn_sample *sample, json_t *table,
                        rt__net_inputs *inputs)
{
    rt_nn_sample trial = *sample;
    rt_scope s = rt_scope_begin();
    bool sound = rt_layers_check(layers, root) == RT_OK &&
                 make(layers, root, &trial, NULL, TO_BE_JUDGED, NULL);
    rt_scope_end(s);
    return sound ? make(layers, root, sample, table, TO_BE_USED, inputs) : NULL;
}

rt_module *rt__nn_build(const json_t *layers, const rt_nn_field *field, int fields, json_t *table,
                        rt__net *out)
{
    rt_nn_sample sample = first_of(field, fields);
    rt_module *m = build(layers, "model.layers", &sample, table, &out->inputs);
    if (m && sample.varies)
        return RT_FAIL_NULL(CONFIG,
                            "model.layers: the net's results are sequences whose length varies, up "
                            "to %s: put mean_places before its end",
                            rt_dims_text(sample.dims));
    out->results = 1;
    out->result[0] = sample.dims;
    out->exchanges = m && rt_layers_have(layers, RT_LAYER_EXCHANGES);
    return m;
}

/* Returns the other names of a tensor; NULL if it has none, or if out of memory. */
static json_t *other_names(const rt_module *net, const char *name)
{
    json_t *names = NULL;
    const char *other, *first;
    for (int64_t i = 0; rt_nn_alias_at(net, i, &other, &first); i++) {
        if (strcmp(first, name) != 0)
            continue;
        names = names ? names : json_array();
        json_array_append_new(names, json_string(other));
    }
    return names;
}

json_t *rt__nn_describe_param(const rt_module *net, const char *name, rt_dims shape)
{
    json_t *sizes = json_array();
    for (int i = 0; sizes && i < shape.n; i++)
        json_array_append_new(sizes, json_integer(shape.d[i]));
    return json_pack("{s:s, s:s, s:o, s:o*}", "name", name, "dtype", rt_dtype_name(RT_F32), "shape",
                     sizes, "also", other_names(net, name));
}

json_t *rt__nn_describe_buffer(const rt_module *net, const char *name, rt_dims shape)
{
    json_t *j = rt__nn_describe_param(net, name, shape);
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
        failed |= json_array_append_new(layout, rt__nn_describe_param(net, name, shape));
    }
    for (int64_t i = 0; i < rt_nn_buffer_count(net); i++) {
        rt_dims shape = rt_dims_of(rt_nn_buffer_at(net, i, &name, &persistent));
        if (persistent)
            failed |= json_array_append_new(layout, rt__nn_describe_buffer(net, name, shape));
    }
    return failed && !rt_failed() ? RT_FAIL(NOMEM, "layout: out of memory") : rt_error_code();
}

rt_status rt__nn_layout(const json_t *layers, const rt_nn_field *field, int fields, json_t *layout)
{
    rt_scope s = rt_scope_begin();
    rt_nn_sample sample = first_of(field, fields);
    const rt_module *net = rt_layers_check(layers, "model.layers") == RT_OK
                               ? make(layers, "model.layers", &sample, NULL, TO_BE_DESCRIBED, NULL)
                               : NULL;
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
    rt_nn_sample sample = {.dims = a.input, .dtype = a.dtype};
    rt_module *net = build(layers, "layers", &sample, NULL, NULL);
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
