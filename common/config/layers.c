/* Reads and checks the layers of configurations by their rows. */
#include "common/config/layers.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include "common/base/text.h"
#include <stdlib.h>
#include <string.h>

#define NO_FIELDS(F)
#define LAYER(id, bits, FIELDS, text)                                                              \
    [RT_LAYER_##id] = {.name = #id,                                                                \
                       .help = text,                                                               \
                       .flags = bits,                                                              \
                       .schema = {RT__SCHEMA(#id, "option", rt_nn_##id##_args, FIELDS)}},
#define PLAIN(id, bits, text)                                                                      \
    [RT_LAYER_##id] = {                                                                            \
        .name = #id, .help = text, .flags = bits, .schema = {.owner = #id, .thing = "option"}},
#define GROUP(id, FIELDS, text)                                                                    \
    [RT_LAYER_##id] = {.name = #id,                                                                \
                       .help = text,                                                               \
                       .is_group = true,                                                           \
                       .schema = {RT__SCHEMA(#id, "option", struct rt_##id##_options, FIELDS)}},
rt__layer_row rt__layer_rows[RT_LAYER_KINDS + RT_LAYERS_ADDED_MAX] = {
    RT_LAYERS(LAYER, PLAIN, GROUP)};
#undef LAYER
#undef PLAIN
#undef GROUP

const rt__layer_flag rt__layer_flags[RT__LAYER_FLAGS] = {{"tokens", RT_LAYER_TOKENS},
                                                         {"statistics", RT_LAYER_STATISTICS},
                                                         {"places", RT_LAYER_PLACES},
                                                         {"sequences", RT_LAYER_SEQUENCES},
                                                         {"exchanges", RT_LAYER_EXCHANGES}};

static int kinds = RT_LAYER_KINDS;

int rt__layer_kinds(void)
{
    return kinds;
}

rt__layer_row *rt__layer_add(const rt__layer_row *row)
{
    rt__layer_rows[kinds] = *row;
    return &rt__layer_rows[kinds++];
}

/* ---- one layer ---- */

/* Splits "relu" or {"linear": ...} into the name and the options (NULL if none are given). */
static const char *split(const json_t *from, const json_t **given)
{
    *given = NULL;
    if (json_is_string(from))
        return json_string_value(from);
    if (json_object_size(from) != 1)
        return RT_FAIL_NULL(CONFIG, "expected a name or {name: {option: value, ...}}");
    void *only = json_object_iter((json_t *)from);
    *given = json_object_iter_value(only);
    return json_object_iter_key(only);
}

static rt_status refuse_name(const char *name)
{
    const char *names[RT_LAYER_KINDS + RT_LAYERS_ADDED_MAX];
    rt_text list = {0};
    for (int i = 0; i < kinds; i++) {
        names[i] = rt__layer_rows[i].name;
        rt_text_add(&list, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = rt_nearest(name, names, (size_t)kinds);
    char *allowed = rt_text_take(&list);
    if (allowed)
        RT_FAIL(CONFIG, "unknown layer '%.64s'%s%s%s (allowed: %s)", name,
                near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", allowed);
    rt_mem_free(allowed);
    return rt_error_code();
}

static const char *first_option(const rt__schema *s)
{
    for (int i = 0; i < s->n_fields; i++)
        if (!s->fields[i].inferred)
            return s->fields[i].name;
    return NULL;
}

/* Adds the name of the first option if it was left out, as in {"linear": 10}. Returns a new reference, or NULL on
 * failure. */
static json_t *name_options(const rt__schema *s, const json_t *given)
{
    const char *first = first_option(s);
    if (!given || json_is_object(given))
        return given ? json_incref((json_t *)given) : json_object();
    if (!first)
        return RT_FAIL_NULL(CONFIG, "%s takes no options", s->owner);
    return json_pack("{s:O}", first, given);
}

rt_status rt_layer_read(const json_t *from, rt_layer *out)
{
    const json_t *given;
    const char *name = split(from, &given);
    if (!name)
        return rt_error_code();
    int id = 0;
    while (id < kinds && strcmp(rt__layer_rows[id].name, name) != 0)
        id++;
    if (id == kinds)
        return refuse_name(name);
    *out = (rt_layer){.id = (rt_layer_id)id};
    const rt__schema *s = &rt__layer_rows[out->id].schema;
    json_t *options = name_options(s, given);
    if (!options)
        return rt_failed() ? rt_error_code() : RT_FAIL(NOMEM, "layers: out of memory");
    if (s->n_fields > 0)
        memcpy(&out->options, s->defaults, s->size);
    rt_status status = rt__schema_set(s, &out->options, options);
    json_decref(options); /* `from` keeps its values alive */
    return status;
}

size_t rt_layer_count(const json_t *layers)
{
    return json_is_array(layers) ? json_array_size(layers) : layers != NULL;
}

const json_t *rt_layer_at(const json_t *layers, size_t i)
{
    return json_is_array(layers) ? json_array_get(layers, i) : layers;
}

/* ---- places ---- */

rt_layer_place rt_layer_place_in(const rt_layer_place *outer, const rt_layer *group,
                                 const char *list, const json_t *layers, size_t i)
{
    bool only = group && strcmp(list, first_option(&rt__layer_rows[group->id].schema)) == 0;
    return (rt_layer_place){.outer = outer,
                            .list = only ? NULL : list,
                            .group = group ? group->id : 0,
                            .index = json_is_array(layers) ? (int64_t)i : -1,
                            .depth = outer ? outer->depth + 1 : 0};
}

static void add_place(const rt_layer_place *at, rt_text *to)
{
    if (at->outer) {
        add_place(at->outer, to);
        rt_text_add(to, ".%s", rt__layer_rows[at->group].name);
    }
    if (at->list)
        rt_text_add(to, "%s%s", at->outer ? "." : "", at->list);
    if (at->index >= 0)
        rt_text_add(to, "[%lld]", (long long)at->index);
}

/* Returns the innermost enclosing layer, itself included, that is written in the configuration. */
static const rt_layer_place *written(const rt_layer_place *at)
{
    const rt_layer_place *named = at;
    for (; at; at = at->outer)
        if (at->unwritten)
            named = at->outer;
    return named;
}

char *rt_layer_place_text(const rt_layer_place *at)
{
    rt_text place = {0};
    add_place(written(at), &place);
    if (!place.failed)
        return place.data;
    rt_mem_free(place.data);
    return NULL;
}

rt_status rt_layer_fail_at(const rt_layer_place *at)
{
    rt_saved_error e;
    rt_error_save(&e);
    char *place = rt_layer_place_text(at);
    bool own = rt_status_exit_code(e.code) == 2;
    if (place)
        rt_fail_at(__FILE__, __LINE__, own ? RT_E_CONFIG : e.code, "%s: %s", place, e.text);
    else
        rt_error_restore(&e);
    rt_mem_free(place);
    return rt_error_code();
}

/* ---- a whole net ---- */

typedef struct walk {
    unsigned flags; /* met in any layer */
    int64_t count;
} walk;

static rt_status walk_list(walk *w, const rt_layer_place *outer, const rt_layer *group,
                           const char *list, const json_t *layers, int64_t times);

static rt_status walk_group(walk *w, const rt_layer_place *at, rt_layer *l, int64_t times)
{
    int64_t n = l->id == RT_LAYER_repeat ? l->options.repeat.n : 1;
    RT__EACH_MEMBER(m, &rt__layer_rows[l->id].schema, &l->options)
    {
        const json_t *layers = m.row->kind == RT_FIELD_LAYERS ? *(const json_t **)m.at : NULL;
        if (layers)
            RT_TRY(walk_list(w, at, l, m.row->name, layers, times * n));
    }
    return RT_OK;
}

static rt_status walk_layer(walk *w, const rt_layer_place *at, const json_t *from, int64_t times)
{
    rt_layer l;
    rt_status status = rt_layer_read(from, &l);
    if (status == RT_OK && at->depth > RT_LAYERS_DEEP)
        status = RT_FAIL(CONFIG, "more than %d nested groups", RT_LAYERS_DEEP);
    w->count += times;
    if (status == RT_OK && w->count > RT_LAYERS_MAX)
        status = RT_FAIL(CONFIG, "more than %d layers", RT_LAYERS_MAX);
    if (status != RT_OK)
        return rt_layer_fail_at(at);
    w->flags |= rt__layer_rows[l.id].flags;
    return walk_group(w, at, &l, times);
}

static rt_status walk_list(walk *w, const rt_layer_place *outer, const rt_layer *group,
                           const char *list, const json_t *layers, int64_t times)
{
    size_t count = rt_layer_count(layers);
    if (count == 0 || !(group || json_is_array(layers))) {
        RT_FAIL(CONFIG, "%s: expected a list of at least one layer", list);
        return outer ? rt_layer_fail_at(outer) : rt_error_code();
    }
    for (size_t i = 0; i < count; i++) {
        rt_layer_place at = rt_layer_place_in(outer, group, list, layers, i);
        RT_TRY(walk_layer(w, &at, rt_layer_at(layers, i), times));
    }
    return RT_OK;
}

rt_status rt_layers_check(const json_t *layers, const char *root)
{
    walk w = {0};
    return walk_list(&w, NULL, NULL, root, layers, 1);
}

bool rt_layers_have(const json_t *layers, unsigned flags)
{
    walk w = {0};
    if (json_array_size(layers) > 0 && walk_list(&w, NULL, NULL, "layers", layers, 1) != RT_OK)
        rt_error_clear(); /* rt_layers_check reports it */
    return w.flags & flags;
}

/* ---- for people ---- */

/* Appends the allowed values: "from 1 to 16777216", "one of mean|sum", "true or false". */
static void add_allowed(const rt_field *f, rt_text *to)
{
    if (f->kind == RT_FIELD_FLAG)
        rt_text_add(to, "true or false");
    else if (f->kind == RT_FIELD_CHOICE)
        rt_text_add(to, "one of %s", f->choices);
    else if (f->kind == RT_FIELD_TEXT)
        rt_text_add(to, "text");
    else if (f->kind == RT_FIELD_LAYERS)
        rt_text_add(to, "layers");
    else {
        rt_text_add(to, "%s ", f->kind == RT_FIELD_NUMBER ? "number" : "integer");
        rt_text_add(to, f->high < 1e18 ? "from %.15g to %.15g" : "from %.15g", f->low, f->high);
        if (f->kind == RT_FIELD_AUTO || f->word)
            rt_text_add(to, ", or %s", f->word ? f->word : "auto");
    }
}

static void print_option(const rt_field *f, bool first, FILE *to)
{
    rt_text text = {0};
    add_allowed(f, &text);
    if (f->needed)
        rt_text_add(&text, ", needed");
    else if (f->kind != RT_FIELD_LAYERS)
        rt_text_add(&text, ", default %s",
                    strcmp(f->default_text, "RT_AUTO") == 0 ? "auto" : f->default_text);
    char *allowed = rt_text_take(&text);
    if (allowed)
        fprintf(to, "      %s: %s%s\n          %s\n", f->name, allowed,
                first ? "; may go without its name" : "", f->help);
    rt_mem_free(allowed);
}

void rt_layers_help(FILE *to)
{
    for (int i = 0; i < kinds; i++) {
        const rt__layer_row *r = &rt__layer_rows[i];
        const char *first = first_option(&r->schema);
        fprintf(to, "  %s: %s\n", r->name, r->help);
        for (int k = 0; k < r->schema.n_fields; k++) {
            const rt_field *f = &r->schema.fields[k];
            if (!f->inferred)
                print_option(f, f->name == first, to);
        }
    }
}
