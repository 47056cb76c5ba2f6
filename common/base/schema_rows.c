#include "common/base/schema_rows.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <math.h>
#include <string.h>

enum {
    ROWS_MAX = 48,
    NAME_MAX_BYTES = 40,
    HELP_MAX_BYTES = 400,
    CHOICES_MAX = 15, /* the most that a configuration key may have */
    CHOICES_BYTES = 200,
};

static const char needed_text[] = "RT_NEEDED"; /* in place of a default, as in C */

/* ---- to JSON ---- */

static json_t *describe(rt__struct_member m)
{
    json_t *j = rt__member_schema(m);
    bool whole = j != NULL;
    if (m.row->inferred)
        whole &= json_object_set_new(j, "inferred", json_true()) == 0;
    if (m.row->free)
        whole &= json_object_set_new(j, "free", json_true()) == 0;
    if (m.row->maybe && m.row->kind != RT_FIELD_AUTO)
        whole &= json_object_set_new(j, "maybe", json_true()) == 0;
    if (m.row->word)
        whole &= json_object_set_new(j, "word", json_string(m.row->word)) == 0 &&
                 json_object_set_new(j, "value", json_integer(m.row->word_value)) == 0;
    return rt__json_if_whole(j, whole);
}

json_t *rt__schema_describe(const rt__schema *s)
{
    json_t *list = json_array();
    bool whole = list != NULL;
    RT__EACH_MEMBER(m, s, s->defaults)
    {
        whole &= json_array_append_new(list, describe(m)) == 0;
    }
    return rt__json_if_whole(list, whole);
}

/* ---- from JSON ---- */

/* The context of reading one row, for errors. */
typedef struct reading {
    const char *owner;
    size_t row;
    const json_t *from;
} reading;

static rt_status wrong(const reading *r, const char *member, const char *expected)
{
    return RT_FAIL(FORMAT, "%s: row %zu: '%s': expected %s", r->owner, r->row, member, expected);
}

static rt_status text_of(const reading *r, const char *member, size_t most, const char **out)
{
    *out = json_string_value(json_object_get(r->from, member));
    return *out && strlen(*out) <= most ? RT_OK : wrong(r, member, "a text that is not too long");
}

static bool is_name(const char *s)
{
    size_t len = strlen(s);
    return len > 0 && len <= NAME_MAX_BYTES && s[0] >= 'a' && s[0] <= 'z' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static rt_status name_of(const reading *r, const char **out)
{
    RT_TRY(text_of(r, "name", NAME_MAX_BYTES, out));
    return is_name(*out) ? RT_OK : wrong(r, "name", "small letters, digits and _");
}

/* Tensors and layers are excluded: they belong to the engine and are never given as plain values. */
static rt_status kind_of(const reading *r, uint8_t *out)
{
    const char *text;
    RT_TRY(text_of(r, "kind", NAME_MAX_BYTES, &text));
    for (int k = RT_FIELD_INT; k < RT_FIELD_LAYERS; k++)
        if (strcmp(rt__field_kinds[k].name, text) == 0) {
            *out = (uint8_t)k;
            return RT_OK;
        }
    return wrong(r, "kind", "integer, auto, number, flag, text, choice, pair, list or dtype");
}

/* Joins ["mean", "sum"] to "mean|sum". */
static rt_status choices_of(const reading *r, const char **out)
{
    const json_t *list = json_object_get(r->from, "choices");
    rt_text text = {0};
    size_t n = json_array_size(list);
    bool good = n > 0 && n <= CHOICES_MAX;
    for (size_t i = 0; good && i < n; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        good = word && *word && !strchr(word, '|') && text.len + strlen(word) < CHOICES_BYTES;
        if (good)
            rt_text_add(&text, "%s%s", i ? "|" : "", word);
    }
    *out = rt_text_take(&text); /* owned by the row */
    if (!*out)
        return rt_error_code();
    return good ? RT_OK : wrong(r, "choices", "1 to 15 words");
}

static double limit_of(const reading *r, const char *member, double none)
{
    const json_t *j = json_object_get(r->from, member);
    return json_is_number(j) ? json_number_value(j) : none;
}

/* Returns the default as text, as the row would have it in C: "0.9", "auto", "max". */
static rt_status default_text_of(const reading *r, const char **out)
{
    const json_t *j = json_object_get(r->from, "default");
    char *text = json_is_string(j) ? rt_strdup(json_string_value(j)) : j ? rt_json_text(j) : NULL;
    *out = text;
    return text ? RT_OK : rt_failed() ? rt_error_code() : wrong(r, "default", "a value");
}

static rt_status read_row(const reading *r, rt_field *out)
{
    bool needed = json_is_true(json_object_get(r->from, "needed"));
    *out = (rt_field){.needed = needed,
                      .default_text = needed_text,
                      .low = limit_of(r, "least", -INFINITY),
                      .high = limit_of(r, "most", INFINITY),
                      .free = json_is_true(json_object_get(r->from, "free")),
                      .inferred = json_is_true(json_object_get(r->from, "inferred")),
                      .maybe = json_is_true(json_object_get(r->from, "maybe"))};
    RT_TRY(name_of(r, &out->name));
    RT_TRY(text_of(r, "help", HELP_MAX_BYTES, &out->help));
    RT_TRY(kind_of(r, &out->kind));
    out->maybe |= out->kind == RT_FIELD_AUTO;
    if (out->kind == RT_FIELD_CHOICE)
        RT_TRY(choices_of(r, &out->choices));
    out->word = json_string_value(json_object_get(r->from, "word"));
    out->word_value = json_integer_value(json_object_get(r->from, "value"));
    return needed || out->inferred ? RT_OK : default_text_of(r, &out->default_text);
}

size_t rt__schema_size(const rt__schema *s)
{
    size_t end = 0, widest = 1;
    for (int i = 0; i < s->n_fields; i++) {
        const rt__field_kind *k = &rt__field_kinds[s->fields[i].kind];
        end = (end + k->align - 1) / k->align * k->align + k->size;
        widest = k->align > widest ? k->align : widest;
    }
    return (end + widest - 1) / widest * widest;
}

/* Sets each optional value to the default of its row. */
static rt_status set_defaults(const rt__schema *s, const json_t *list, void *values)
{
    json_t *all = json_object();
    int failed = !all;
    for (int i = 0; i < s->n_fields; i++) {
        json_t *value = json_object_get(json_array_get(list, (size_t)i), "default");
        if (!s->fields[i].needed && !s->fields[i].inferred)
            failed |= json_object_set(all, s->fields[i].name, value);
    }
    rt__schema optional = *s; /* needed values have no default */
    rt_field *rows = rt_malloc((size_t)(s->n_fields + 1) * sizeof *rows);
    rt_status status = failed || !rows ? RT_FAIL(NOMEM, "%s: out of memory", s->owner) : RT_OK;
    if (status == RT_OK) {
        memcpy(rows, s->fields, (size_t)s->n_fields * sizeof *rows);
        for (int i = 0; i < s->n_fields; i++)
            rows[i].needed = false;
        optional.fields = rows;
        status = rt__schema_set(&optional, values, all);
    }
    rt_mem_free(rows);
    json_decref(all);
    return status;
}

static rt_status read_rows(const json_t *list, rt__schema *out, rt_field *rows)
{
    for (int i = 0; i < out->n_fields; i++) {
        reading r = {out->owner, (size_t)i, json_array_get(list, (size_t)i)};
        RT_TRY(read_row(&r, &rows[i]));
        for (int k = 0; k < i; k++)
            if (strcmp(rows[k].name, rows[i].name) == 0)
                return wrong(&r, "name", "a name that no earlier row has");
    }
    return RT_OK;
}

/* Fills a schema whose rows are still empty. */
static rt_status fill(const json_t *list, rt__schema *out)
{
    RT_TRY(read_rows(list, out, (rt_field *)out->fields));
    out->size = rt__schema_size(out);
    void *defaults = rt_calloc(1, out->size);
    out->defaults = defaults;
    return defaults ? set_defaults(out, list, defaults) : rt_error_code();
}

rt_status rt__schema_parse(const json_t *list, const char *owner, const char *thing,
                           rt__schema *out)
{
    *out = (rt__schema){.owner = owner, .thing = thing};
    if (!json_is_array(list) || json_array_size(list) > ROWS_MAX)
        return RT_FAIL(FORMAT, "%s: expected a list of at most %d rows", owner, ROWS_MAX);
    if (json_array_size(list) == 0)
        return RT_OK;
    out->fields = rt_calloc(json_array_size(list), sizeof *out->fields);
    if (!out->fields)
        return rt_error_code();
    out->n_fields = (int)json_array_size(list);
    rt_status status = fill(list, out);
    if (status != RT_OK)
        rt__schema_release(out);
    return status;
}

void rt__schema_release(rt__schema *s)
{
    for (int i = 0; i < s->n_fields; i++) {
        const rt_field *row = &s->fields[i];
        rt_mem_free((char *)row->choices);
        if (row->default_text != needed_text)
            rt_mem_free((char *)row->default_text);
    }
    rt_mem_free((void *)s->fields);
    rt_mem_free((void *)s->defaults);
    *s = (rt__schema){0};
}
