/* Sections whose keys depend on a choice: `optimizer: {name: sgd, momentum: 0.9}`. Every row of a family has its own keys, described in
 * the schema language (ringtorch/field.h).
 *
 * A key may precede the name that says which row it belongs to, and --set may choose another row afterwards. So values
 * are recorded when they are read, and assigned once the row is known. */
#include "common/config/config_family.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config_value.h"
#include <math.h>
#include <string.h>

static json_t **given(const rt__family *f, const rt_config *cfg)
{
    return (json_t **)((char *)cfg + f->given);
}

/* ---- rows added by plugins ---- */

enum { ALIGN = 8 }; /* of every kind of value */

static size_t room_used;

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

const char *rt__family_lacks_room(const rt__family *f, int rows, size_t bytes)
{
    int added = 0;
    for (int i = 0; i < f->rows; i++)
        added += f->row[i].added.description != NULL;
    if (added + rows > RT__ADDED_MAX)
        return "more rows than the table has room for";
    return room_used + bytes > sizeof(((rt_config *)0)->room)
               ? "more values than a configuration has room for"
               : NULL;
}

rt__family_row *rt__family_add(rt__family *f, const rt__family_row *row)
{
    rt__family_row *to = &f->row[f->rows];
    *to = *row;
    to->offset = offsetof(rt_config, room) + room_used;
    room_used += rounded(row->schema.size);
    f->option[f->rows++] = row->name;
    return to;
}

static rt__struct_member find(const rt__family_row *row, const rt_config *cfg, const char *name)
{
    return rt__member_find(&row->schema, rt__row_values(row, cfg), name);
}

/* Returns the row that a key belongs to: the chosen one if it has such a key, else the first that has it, else NULL. */
static const rt__family_row *owner_of(const rt__family *f, const rt_config *cfg, const char *name)
{
    const rt__family_row *chosen = rt__family_chosen(f, cfg);
    if (find(chosen, cfg, name).row)
        return chosen;
    for (int i = 0; i < f->rows; i++)
        if (find(&f->row[i], cfg, name).row)
            return &f->row[i];
    return NULL;
}

bool rt__family_has(const rt__family *f, const char *name)
{
    for (int i = 0; i < f->rows; i++)
        for (int k = 0; k < f->row[i].schema.n_fields; k++)
            if (strcmp(f->row[i].schema.fields[k].name, name) == 0)
                return true;
    return false;
}

static bool is_hashed(const rt__family *f, const char *name)
{
    for (int i = 0; i < RT__HASHED; i++)
        if (strcmp(rt__hashed_keys[i].section, f->section) == 0 &&
            strcmp(rt__hashed_keys[i].name, name) == 0)
            return true;
    return false;
}

/* ---- a member as a key ---- */

/* Converts the end of a range to an integer. */
static int64_t to_integer(double v)
{
    return v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

static void set_options(const rt_field *row, rt__row_key *out)
{
    char *at = out->words;
    for (int i = 0; i < rt__choice_count(row->choices); i++) {
        size_t len;
        const char *name = rt__choice_at(row->choices, i, &len);
        RT_ASSERT(i < RT__ROW_CHOICES && at + len < out->words + sizeof out->words);
        memcpy(at, name, len);
        out->option[i] = at;
        at += len + 1;
    }
    out->key.options = out->option;
}

static rt__key_type key_type(const rt_field *row)
{
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
        return RT__KEY_INT;
    case RT_FIELD_AUTO:
        return RT__KEY_AUTO;
    case RT_FIELD_NUMBER:
        return RT__KEY_NUMBER;
    case RT_FIELD_FLAG:
        return RT__KEY_BOOL;
    case RT_FIELD_TEXT:
        return RT__KEY_STRING;
    case RT_FIELD_CHOICE:
        return RT__KEY_CHOICE;
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
    case RT_FIELD_PAIR:
    case RT_FIELD_TRIPLE:
    case RT_FIELD_DIMS:
    case RT_FIELD_INTS:
    case RT_FIELD_DTYPE:
    case RT_FIELD_LAYERS:
    case RT_FIELD_VALUE:
    case RT_FIELD_METRICS:
    case RT_FIELD_KINDS:
        break;
    }
    RT_ASSERT(!"a kind that a configuration has keys of");
    return RT__KEY_NODE;
}

void rt__row_key_init(const rt__family *f, const rt__family_row *row, rt__struct_member m,
                      rt__row_key *out)
{
    const rt_field *field = m.row;
    size_t inside = 0;
    RT__EACH_MEMBER(d, &row->schema, row->schema.defaults)
    {
        if (d.row == field)
            inside = (size_t)(d.at - (const char *)row->schema.defaults);
    }
    *out = (rt__row_key){.key = {.type = key_type(field),
                                 .math = field->free                 ? FREE
                                         : is_hashed(f, field->name) ? MATH
                                                                     : LATER,
                                 .section = f->section,
                                 .name = field->name,
                                 .offset = row->offset + inside,
                                 .size = rt__field_kinds[field->kind].size,
                                 .least = to_integer(field->low),
                                 .most = to_integer(field->high),
                                 .low = field->low,
                                 .high = field->high,
                                 .help = field->help}};
    if (field->kind == RT_FIELD_CHOICE)
        set_options(field, out);
}

rt_status rt__family_key(const rt__family *f, const rt_config *cfg, const char *name,
                         rt__row_key *out)
{
    const rt__family_row *row = owner_of(f, cfg, name);
    if (!row)
        return rt__key_unknown(cfg, f->section, name);
    rt__row_key_init(f, row, find(row, cfg, name), out);
    return RT_OK;
}

bool rt__row_has_default(const rt__family_row *row, const rt_config *cfg, rt__struct_member m)
{
    rt__struct_member standard =
        rt__member_find(&row->schema, (void *)row->schema.defaults, m.row->name);
    const void *value = find(row, cfg, m.row->name).at;
    if (m.row->kind == RT_FIELD_TEXT)
        return strcmp(*(char *const *)value, *(char *const *)standard.at) == 0;
    return memcmp(value, standard.at, rt__field_kinds[m.row->kind].size) == 0;
}

/* ---- defaults ---- */

static rt_status set_row_defaults(const rt__family_row *row, rt_config *cfg)
{
    rt_status status = RT_OK;
    if (row->schema.size > 0) /* a plugin's row without keys has no defaults either */
        memcpy(rt__row_values(row, cfg), row->schema.defaults, row->schema.size);
    RT__EACH_MEMBER(m, &row->schema, rt__row_values(row, cfg))
    {
        if (m.row->kind != RT_FIELD_TEXT)
            continue;
        char *copy = status == RT_OK ? rt_strdup(*(char **)m.at) : NULL;
        if (!copy)
            status = rt_error_code();
        *(char **)m.at = copy; /* a copy: the default itself must not be freed */
    }
    return status;
}

rt_status rt__family_set_defaults(const rt__family *f, rt_config *cfg)
{
    for (int i = 0; i < f->rows; i++)
        RT_TRY(set_row_defaults(&f->row[i], cfg));
    *given(f, cfg) = json_object();
    return *given(f, cfg) ? RT_OK : RT_FAIL(NOMEM, "out of memory while making a configuration");
}

void rt__family_clear(const rt__family *f, rt_config *cfg)
{
    for (int i = 0; i < f->rows; i++) {
        RT__EACH_MEMBER(m, &f->row[i].schema, rt__row_values(&f->row[i], cfg))
        {
            if (m.row->kind == RT_FIELD_TEXT)
                rt_mem_free(*(char **)m.at);
        }
        memset(rt__row_values(&f->row[i], cfg), 0, f->row[i].schema.size);
    }
    json_decref(*given(f, cfg));
    *given(f, cfg) = NULL;
}

/* ---- recorded values ---- */

size_t rt__family_line(const rt__family *f, const rt_config *cfg, const char *name)
{
    json_t *note = json_object_get(*given(f, cfg), name);
    return (size_t)json_integer_value(json_object_get(note, "line"));
}

rt_status rt__family_record(const rt__family *f, rt_config *cfg, const char *name, const char *text,
                            bool quoted, size_t line, size_t column)
{
    json_t *note = json_pack("{s:s*, s:b, s:I, s:I}", "text", text, "quoted", quoted, "line",
                             (json_int_t)line, "column", (json_int_t)column);
    if (!note || json_object_set_new(*given(f, cfg), name, note) != 0)
        return RT_FAIL(CONFIG, "%s.%s: not valid UTF-8", f->section, name);
    return RT_OK;
}

/* Assigns one recorded value to the row that its key belongs to. */
static rt_status apply(const rt__family *f, rt_config *cfg, const char *name, const json_t *note)
{
    rt__row_key key;
    RT_TRY(rt__family_key(f, cfg, name, &key));
    const char *text = json_string_value(json_object_get(note, "text"));
    if (text)
        return rt__key_set_scalar(&key.key, cfg, text,
                                  json_is_true(json_object_get(note, "quoted")));
    return rt__key_no_scalar(&key.key, json_is_true(json_object_get(note, "quoted")));
}

rt_status rt__family_apply(const rt__family *f, rt_config *cfg, size_t *line, size_t *column)
{
    const char *name;
    json_t *note;
    json_object_foreach(*given(f, cfg), name, note)
    {
        *line = (size_t)json_integer_value(json_object_get(note, "line"));
        *column = (size_t)json_integer_value(json_object_get(note, "column"));
        RT_TRY(apply(f, cfg, name, note));
    }
    return RT_OK;
}

/* ---- keys of other rows ---- */

/* Appends the rows that have such a key: "adamw, adam or lamb". */
static void add_owners(const rt__family *f, const rt_config *cfg, const char *name, rt_text *to)
{
    int owners = 0, told = 0;
    for (int i = 0; i < f->rows; i++)
        owners += find(&f->row[i], cfg, name).row != NULL;
    for (int i = 0; i < f->rows; i++)
        if (find(&f->row[i], cfg, name).row) {
            rt_text_add(to, "%s%s",
                        told == 0           ? ""
                        : told + 1 < owners ? ", "
                                            : " or ",
                        f->row[i].name);
            told++;
        }
}

static rt_status refuse(const rt__family *f, const rt_config *cfg, const char *key,
                        const char *name, const char *const *sets, size_t n_sets)
{
    rt_text text = {0};
    add_owners(f, cfg, key, &text);
    char *owners = rt_text_take(&text), path[RT__KEY_PATH];
    if (owners)
        RT_FAIL(CONFIG, "%s.%s has an effect with %s.%s %s only, and this is %s: leave it out",
                f->section, key, f->section, f->key, owners, rt__family_chosen(f, cfg)->name);
    rt_mem_free(owners);
    snprintf(path, sizeof path, "%s.%s", f->section, key);
    const char *set = rt__set_of(path, sets, n_sets);
    return set ? rt_error_prefix("--set %.200s", set)
               : rt_error_prefix("%s:%zu", name, rt__family_line(f, cfg, key));
}

/* Returns whether a value was given for a key that has no effect. */
static bool is_idle(const rt__family *f, const rt_config *cfg, const char *key)
{
    const rt__family_row *row = owner_of(f, cfg, key);
    return row != rt__family_chosen(f, cfg) && !rt__row_has_default(row, cfg, find(row, cfg, key));
}

rt_status rt__family_check_uses(const rt__family *f, const rt_config *cfg, const char *name,
                                const char *const *sets, size_t n_sets)
{
    const char *key;
    json_t *unused;
    json_object_foreach(*given(f, cfg), key, unused)
    {
        if (is_idle(f, cfg, key))
            return refuse(f, cfg, key, name, sets, n_sets);
    }
    return RT_OK;
}

/* ---- groups ---- */

rt_status rt__config_check_row(const rt_config *cfg, const char *section, const json_t *object,
                               const char *const *but, size_t i)
{
    const rt__family_row *row = rt__family_chosen(rt__family_of(section), cfg);
    char where[64];
    snprintf(where, sizeof where, "%s.groups[%zu]", section, i);
    rt__schema schema = row->schema;
    schema.owner = where;
    json_t *rest = json_copy((json_t *)object);
    void *copy = rt_malloc(schema.size + 1);
    if (!rest || !copy) {
        json_decref(rest);
        rt_mem_free(copy);
        return RT_FAIL(NOMEM, "%s: out of memory", where);
    }
    for (; *but; but++)
        json_object_del(rest, *but);
    memcpy(copy, rt__row_values(row, cfg), schema.size);
    rt_status status = rt__schema_set(&schema, copy, rest);
    json_decref(rest);
    rt_mem_free(copy);
    if (status == RT_OK)
        return RT_OK;
    rt_saved_error e;
    rt_error_save(&e);
    return RT_FAIL(CONFIG, "%s", e.text);
}

/* ---- to text ---- */

static rt_status print_member(const rt__family *f, const rt__family_row *row, const rt_config *cfg,
                              rt__struct_member m, rt_text *to)
{
    rt__row_key key;
    rt__row_key_init(f, row, m, &key);
    rt_text_add(to, "  %s: ", m.row->name);
    rt_status status = rt__key_print(&key.key, cfg, to);
    rt_text_add(to, "\n");
    return status;
}

rt_status rt__family_print(const rt__family *f, const rt_config *cfg, rt_text *to)
{
    const rt__family_row *chosen = rt__family_chosen(f, cfg);
    RT__EACH_MEMBER(m, &chosen->schema, rt__row_values(chosen, cfg))
    {
        RT_TRY(print_member(f, chosen, cfg, m, to));
    }
    /* Earlier versions accepted keys of other rows. They are part of the hash, so they must be kept. */
    const char *name;
    json_t *unused;
    json_object_foreach(*given(f, cfg), name, unused)
    {
        const rt__family_row *row = owner_of(f, cfg, name);
        if (is_idle(f, cfg, name))
            RT_TRY(print_member(f, row, cfg, find(row, cfg, name), to));
    }
    return RT_OK;
}

rt_status rt__family_print_to_hash(const rt__family *f, const rt_config *cfg, const char *name,
                                   rt_text *to)
{
    rt__row_key key;
    RT_TRY(rt__family_key(f, cfg, name, &key));
    return rt__key_print_to_hash(&key.key, cfg, to);
}

rt_status rt__family_print_rest_to_hash(const rt__family *f, const rt_config *cfg, rt_text *to)
{
    const rt__family_row *row = rt__family_chosen(f, cfg);
    RT__EACH_MEMBER(m, &row->schema, rt__row_values(row, cfg))
    {
        rt__row_key key;
        rt__row_key_init(f, row, m, &key);
        if (key.key.math != LATER || rt__row_has_default(row, cfg, m))
            continue;
        rt_text_add(to, "%s.%s: ", f->section, m.row->name);
        RT_TRY(rt__key_print_to_hash(&key.key, cfg, to));
        rt_text_add(to, "\n");
    }
    return RT_OK;
}

void rt__family_list(const rt__family *f, FILE *to)
{
    for (int i = 0; i < f->rows; i++)
        for (int k = 0; k < f->row[i].schema.n_fields; k++) {
            rt__row_key key;
            rt__row_key_init(f, &f->row[i], (rt__struct_member){.row = &f->row[i].schema.fields[k]},
                             &key);
            rt__key_list(&key.key, to);
        }
}

void rt__family_print_help(const rt__family *f, const rt_config *standard, FILE *to)
{
    for (int i = 0; i < f->rows; i++) {
        const rt__family_row *row = &f->row[i];
        fprintf(to, "  with %s: %s (%s)\n", f->key, row->name, row->help);
        RT__EACH_MEMBER(m, &row->schema, rt__row_values(row, standard))
        {
            rt__row_key key;
            rt__row_key_init(f, row, m, &key);
            rt__key_help(&key.key, standard, "    ", to);
        }
    }
}
