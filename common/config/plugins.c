#include "common/config/plugins.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/schema_rows.h"
#include "common/base/text.h"
#include "common/config/config_family.h"
#include "common/config/job_rows.h"
#include "common/config/layers.h"
#include "common/config/optimizer_states.h"
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 96 }; /* of one plugin */

/* ---- kinds of rows ---- */

/* The lists in a description. Each belongs to a family of the configuration, except layers and job back ends. */
static const struct {
    const char *list;
    const char *section; /* of the family; NULL: none */
} kinds[] = {{"layers", NULL},          {"jobs", NULL},       {"optimizers", "optimizer"},
             {"schedules", "schedule"}, {"datasets", "data"}, {"tasks", "task"}};
enum { LAYERS, JOBS, KINDS = sizeof kinds / sizeof *kinds };

static rt__family *family_of(int kind)
{
    return (rt__family *)rt__family_of(kinds[kind].section);
}

static const char *text_of(const json_t *entry, const char *member)
{
    return json_string_value(json_object_get(entry, member));
}

/* Returns the registered row of that name, if any; sets *own if it is built in. */
static rt__added *find(int kind, const char *name, bool *own)
{
    rt__added *found = NULL;
    if (kind == LAYERS) {
        for (int i = 0; i < rt__layer_kinds() && !found; i++)
            if (strcmp(rt__layer_rows[i].name, name) == 0)
                found = &rt__layer_rows[i].added;
    } else if (kind == JOBS) {
        for (int i = 0; i < rt__job_rows() && !found; i++)
            if (strcmp(rt__job_row_at(i)->name, name) == 0)
                found = &rt__job_row_at(i)->added;
    } else {
        rt__family *f = family_of(kind);
        for (int i = 0; i < f->rows && !found; i++)
            if (strcmp(f->row[i].name, name) == 0)
                found = &f->row[i].added;
    }
    *own = found && !found->description;
    return found;
}

/* ---- reading a description ---- */

/* A row about to be added. */
typedef struct fresh {
    int kind;
    const json_t *description;
    const char *name, *help;
    unsigned flags; /* of a layer */
    rt__schema schema;
    rt__job_row job; /* a job back end, which has nothing else of these */
} fresh;

typedef struct reading {
    const json_t *entry;
    const char *kind, *plugin, *file;
    fresh row[ROWS_MAX];
    int rows;
} reading;

static rt_status not_a_description(const reading *r, const char *list, size_t i, const char *why)
{
    return RT_FAIL(FORMAT, "%s %s (%.400s): %s[%zu]: %s", r->kind, r->plugin, r->file, list, i,
                   why);
}

static rt_status wrong_key(const reading *r, const char *list, size_t i, const fresh *f,
                           const char *key, const char *why)
{
    return RT_FAIL(FORMAT, "%s %s (%.400s): %s[%zu] '%s': key '%.60s': %s", r->kind, r->plugin,
                   r->file, list, i, f->name, key, why);
}

static rt_status read_flags(const reading *r, size_t i, fresh *f)
{
    const json_t *list = json_object_get(f->description, "flags");
    for (size_t k = 0; k < json_array_size(list); k++) {
        const char *word = json_string_value(json_array_get(list, k));
        unsigned bit = 0;
        for (int n = 0; word && n < RT__LAYER_FLAGS; n++)
            bit |= strcmp(word, rt__layer_flags[n].name) == 0 ? rt__layer_flags[n].bit : 0;
        if (!bit)
            return not_a_description(r, "layers", i, "an unknown flag");
        f->flags |= bit;
    }
    return RT_OK;
}

/* Options of a layer may have any kind. Keys of a section must have a kind that YAML writes as a scalar, and must not
 * have the name of another key of the section. */
static rt_status check_options(const reading *r, size_t i, const fresh *f)
{
    const char *list = kinds[f->kind].list, *section = kinds[f->kind].section;
    for (int k = 0; k < f->schema.n_fields; k++) {
        const rt_field *row = &f->schema.fields[k];
        bool scalar = row->kind == RT_FIELD_INT || row->kind == RT_FIELD_AUTO ||
                      row->kind == RT_FIELD_NUMBER || row->kind == RT_FIELD_FLAG ||
                      row->kind == RT_FIELD_TEXT || row->kind == RT_FIELD_CHOICE;
        bool plain = scalar && !row->inferred && !row->needed && !row->word &&
                     row->maybe == (row->kind == RT_FIELD_AUTO);
        if (section && !plain)
            return wrong_key(r, list, i, f, row->name,
                             "expected INT, AUTO, NUMBER, FLAG, TEXT or CHOICE, with a default");
        if (section && rt__key_find(section, row->name))
            return wrong_key(r, list, i, f, row->name,
                             "its section has a key of this name anyway: give it another name");
    }
    if (!section && f->schema.size > RT_LAYER_OPTIONS_MAX)
        return not_a_description(r, list, i, "options take more than 512 bytes");
    return RT_OK;
}

static rt_status check_states(const reading *r, size_t i, const fresh *f)
{
    const json_t *states = json_object_get(f->description, "states");
    if (json_array_size(states) > RT_OPTIMIZER_STATES_MAX)
        return not_a_description(r, "optimizers", i, "more than 4 states");
    for (size_t k = 0; k < json_array_size(states); k++)
        if (!rt__state_is_sound(json_array_get(states, k), &f->schema))
            return not_a_description(r, "optimizers", i,
                                     "a state is a name, a layout, and the key that decides "
                                     "whether it is kept");
    return RT_OK;
}

/* Returns whether an earlier row of this plugin, or this row before `before`, has a metric of that name. */
static bool is_metric_taken(const reading *r, const fresh *f, size_t before, const char *name)
{
    for (int i = 0; i <= r->rows; i++) {
        const json_t *metrics =
            json_object_get((i < r->rows ? &r->row[i] : f)->description, "metrics");
        size_t n = i < r->rows ? json_array_size(metrics) : before;
        for (size_t k = 0; k < n; k++)
            if (strcmp(json_string_value(json_object_get(json_array_get(metrics, k), "name")),
                       name) == 0)
                return true;
    }
    return false;
}

/* Metrics must have distinct names, because records store them by name. */
static rt_status check_metrics(const reading *r, size_t i, const fresh *f)
{
    const json_t *metrics = json_object_get(f->description, "metrics");
    int new_ones = 0;
    for (size_t k = 0; k < json_array_size(metrics); k++) {
        const json_t *m = json_array_get(metrics, k);
        const char *name = json_string_value(json_object_get(m, "name"));
        if (!rt__is_row_name(name, false) || strlen(name) >= RT_METRIC_NAME ||
            !rt__is_plain_text(json_string_value(json_object_get(m, "title")), 40) ||
            !rt__is_plain_text(json_string_value(json_object_get(m, "help")), 400))
            return not_a_description(r, "tasks", i,
                                     "a metric is a name of at most 15 letters, a title and help");
        if (rt_metric_find(name) || is_metric_taken(r, f, k, name))
            return RT_FAIL(EXISTS, "%s %s (%.400s): metric %s: another metric has that name",
                           r->kind, r->plugin, r->file, name);
        new_ones++;
    }
    return rt_metric_kinds() + new_ones <= RT_METRIC_ROWS + RT_METRICS_ADDED_MAX
               ? RT_OK
               : not_a_description(r, "tasks", i, "more metrics than there is room for");
}

/* Reads a job back end, which has no options and no code. */
static rt_status read_job(const reading *r, size_t i, fresh *f)
{
    if (rt__job_row_read(f->description, &f->job) != RT_OK)
        return rt_error_prefix("%s %s (%.400s): jobs[%zu] '%s'", r->kind, r->plugin, r->file, i,
                               f->name);
    f->job.name = f->name;
    f->job.help = f->help;
    return RT_OK;
}

static rt_status read_row(reading *r, size_t i, fresh *f)
{
    const char *list = kinds[f->kind].list;
    bool dashes = f->kind != LAYERS;
    f->name = json_string_value(json_object_get(f->description, "name"));
    f->help = json_string_value(json_object_get(f->description, "help"));
    if (f->name && !rt__is_row_name(f->name, dashes))
        return RT_FAIL(FORMAT,
                       "%s %s (%.400s): %s[%zu]: .name '%.60s': expected a name of at most 40 "
                       "small letters, digits and _%s",
                       r->kind, r->plugin, r->file, list, i, f->name, dashes ? " or -" : "");
    if (!f->name || !rt__is_plain_text(f->help, 400))
        return not_a_description(r, list, i,
                                 "expected a name, and a line of help of at most 400 bytes");
    if (f->kind == JOBS)
        return read_job(r, i, f);
    json_t *options = json_object_get(f->description, "options");
    rt_status status =
        rt__schema_parse(options, f->name, kinds[f->kind].section ? "key" : "option", &f->schema);
    if (status != RT_OK)
        return rt_error_prefix("%s %s (%.400s)", r->kind, r->plugin, r->file);
    RT_TRY(check_options(r, i, f));
    RT_TRY(read_flags(r, i, f));
    RT_TRY(check_states(r, i, f));
    return check_metrics(r, i, f);
}

/* Reads a row unless it is registered already. */
static rt_status read_new_row(reading *r, int kind, size_t i, const json_t *description)
{
    const char *name = json_string_value(json_object_get(description, "name"));
    bool own = false;
    const rt__added *known = name ? find(kind, name, &own) : NULL;
    if (own)
        return RT_FAIL(EXISTS, "%s %s (%.400s): %s: %s is built in: give it another name", r->kind,
                       r->plugin, r->file, kinds[kind].list, name);
    if (known && json_equal(known->description, description))
        return RT_OK;
    if (known)
        return RT_FAIL(EXISTS, "%s %s (%.400s): %s: there is another %s already, of %s %s (%.400s)",
                       r->kind, r->plugin, r->file, kinds[kind].list, name,
                       rt__plugin_kind(known->plugin), rt__plugin_name(known->plugin),
                       json_string_value(json_object_get(known->plugin, "file")));
    for (int k = 0; k < r->rows; k++)
        if (name && r->row[k].kind == kind && strcmp(r->row[k].name, name) == 0)
            return not_a_description(r, kinds[kind].list, i, "an earlier row has its name");
    if (r->rows == ROWS_MAX)
        return not_a_description(r, kinds[kind].list, i, "more rows than a plugin may have");
    fresh *f = &r->row[r->rows];
    *f = (fresh){.kind = kind, .description = description};
    rt_status status = read_row(r, i, f);
    if (status != RT_OK)
        rt__schema_release(&f->schema);
    else
        r->rows++;
    return status;
}

static rt_status read_lists(reading *r)
{
    for (int kind = 0; kind < KINDS; kind++) {
        const json_t *list = json_object_get(json_object_get(r->entry, "rows"), kinds[kind].list);
        if (list && !json_is_array(list))
            return not_a_description(r, kinds[kind].list, 0, "expected a list");
        for (size_t i = 0; i < json_array_size(list); i++)
            RT_TRY(read_new_row(r, kind, i, json_array_get(list, i)));
    }
    return RT_OK;
}

/* ---- registering ---- */

static rt_status check_room(const reading *r)
{
    size_t bytes = 0;
    int rows[KINDS] = {0};
    for (int i = 0; i < r->rows; i++) {
        bytes += kinds[r->row[i].kind].section ? (r->row[i].schema.size + 7) / 8 * 8 : 0;
        rows[r->row[i].kind]++;
    }
    const char *why = NULL;
    if (rt__layer_kinds() + rows[LAYERS] > RT_LAYER_KINDS + RT_LAYERS_ADDED_MAX)
        why = "more layers than the table has room for";
    if (rt__job_rows() + rows[JOBS] > RT_JOB_ROWS_MAX)
        why = "more job back ends than the table has room for";
    for (int kind = 0; kind < KINDS && !why; kind++)
        if (kinds[kind].section)
            why = rt__family_lacks_room(family_of(kind), rows[kind], bytes);
    return why ? RT_FAIL(RANGE, "%s %s (%.400s): %s", r->kind, r->plugin, r->file, why) : RT_OK;
}

static void add_metrics(const fresh *f)
{
    const json_t *metrics = json_object_get(f->description, "metrics");
    for (size_t k = 0; k < json_array_size(metrics); k++) {
        const json_t *m = json_array_get(metrics, k);
        rt_metric_add(
            &(rt_metric_row){.name = json_string_value(json_object_get(m, "name")),
                             .title = json_string_value(json_object_get(m, "title")),
                             .help = json_string_value(json_object_get(m, "help")),
                             .more_is_better = json_is_true(json_object_get(m, "more_is_better")),
                             .share = json_is_true(json_object_get(m, "share")),
                             .task = f->name});
    }
}

static void add(const reading *r, const fresh *f)
{
    rt__added added = {.description = f->description, .plugin = r->entry};
    rt__job_row job = f->job;
    job.added = added;
    if (f->kind == JOBS)
        rt__job_row_add(&job);
    else if (f->kind == LAYERS)
        rt__layer_add(&(rt__layer_row){.name = f->name,
                                       .help = f->help,
                                       .flags = f->flags,
                                       .schema = f->schema,
                                       .added = added});
    else
        rt__family_add(family_of(f->kind),
                       &(rt__family_row){
                           .name = f->name, .help = f->help, .schema = f->schema, .added = added});
    add_metrics(f);
}

static bool is_sha256(const char *s)
{
    return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool is_entry(const json_t *entry)
{
    const char *file = json_string_value(json_object_get(entry, "file"));
    return file && file[0] == '/' && strlen(file) < PATH_MAX &&
           is_sha256(json_string_value(json_object_get(entry, "sha256"))) &&
           rt__is_row_name(rt__plugin_name(entry), true);
}

static rt_status check_entry(const json_t *entry)
{
    return is_entry(entry)
               ? RT_OK
               : RT_FAIL(FORMAT, "expected the path of a plugin, or an object with \"file\" (an "
                                 "absolute path), \"sha256\" and \"rows\"");
}

rt_status rt__plugin_add(const json_t *entry)
{
    RT_TRY(check_entry(entry));
    reading *r = rt_calloc(1, sizeof *r);
    if (!r)
        return rt_error_code();
    r->entry = entry;
    r->kind = rt__plugin_kind(entry);
    r->plugin = rt__plugin_name(entry);
    r->file = json_string_value(json_object_get(entry, "file"));
    rt_status status = read_lists(r);
    if (status == RT_OK)
        status = check_room(r);
    for (int i = 0; i < r->rows; i++)
        if (status == RT_OK)
            add(r, &r->row[i]);
        else
            rt__schema_release(&r->row[i].schema);
    if (status == RT_OK && r->rows > 0)
        json_incref((json_t *)entry); /* the rows borrow from it for the life of the process */
    rt_mem_free(r);
    return status;
}

void rt__plugin_each(const json_t *entry,
                     void (*fn)(void *ctx, const char *kind, const char *name, rt__added *added),
                     void *ctx)
{
    for (int kind = 0; kind < KINDS; kind++) {
        const json_t *list = json_object_get(json_object_get(entry, "rows"), kinds[kind].list);
        for (size_t i = 0; i < json_array_size(list); i++) {
            bool own;
            const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
            rt__added *added = find(kind, name, &own);
            if (added && !own)
                fn(ctx, kinds[kind].list, name, added);
        }
    }
}

/* ---- lists of a configuration ---- */

static rt_plugin_describer *describe;

void rt_config_set_plugin_describer(rt_plugin_describer *describer)
{
    describe = describer;
}

static json_t *program;

void rt_config_set_program(json_t *entry)
{
    json_decref(program);
    program = entry;
}

const json_t *rt_config_program(const json_t *plugins)
{
    size_t i;
    json_t *entry;
    json_array_foreach((json_t *)plugins, i, entry) if (rt__is_program(entry)) return entry;
    return NULL;
}

/* Makes `path` absolute; it is relative to the folder of `file`. */
static rt_status find_file(const char *path, const char *file, char real[PATH_MAX])
{
    char *copy = rt_strdup(file ? file : "."), *joined = NULL;
    if (copy && file && path[0] != '/')
        joined = rt_strdup_printf("%s/%s", dirname(copy), path);
    else if (copy)
        joined = rt_strdup(path);
    rt_status status = joined ? RT_OK : rt_error_code();
    if (status == RT_OK && !realpath(joined, real))
        status = RT_FAIL(NOTFOUND, "%s: %m: name the file of a plugin", joined);
    rt_mem_free(joined);
    rt_mem_free(copy);
    return status;
}

/* ---- plugins of one configuration ---- */

/* Returns whether a row of that kind and name is in an entry; operations are listed by their names alone. */
static bool has_row(const json_t *entry, const char *list, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(json_object_get(entry, "rows"), list), i, row)
    {
        const char *other =
            json_string_value(json_is_string(row) ? row : json_object_get(row, "name"));
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

/* Two files of one configuration must not have the same row: which of them would compute it? */
static rt_status check_rows_differ(const json_t *entry, const json_t *before, size_t index)
{
    const char *list, *file = text_of(before, "file");
    json_t *rows, *row;
    size_t i;
    json_object_foreach(json_object_get(entry, "rows"), list, rows) json_array_foreach(rows, i, row)
    {
        const char *name =
            json_string_value(json_is_string(row) ? row : json_object_get(row, "name"));
        if (name && has_row(before, list, name))
            return RT_FAIL(
                EXISTS,
                "%s: %s: %.40s is a row of plugins[%zu], %.400s, already: leave one of the "
                "two out, or give it another name",
                text_of(entry, "file"), list, name, index, file);
    }
    return RT_OK;
}

/* Compares an entry with those before it in a list. The same file twice is one plugin. */
static rt_status check_others(const json_t *entry, const json_t *resolved)
{
    size_t i;
    json_t *before;
    json_array_foreach((json_t *)resolved, i, before)
    {
        if (strcmp(text_of(before, "sha256"), text_of(entry, "sha256")) == 0)
            continue;
        if (strcmp(rt__plugin_name(before), rt__plugin_name(entry)) == 0)
            return RT_FAIL(
                EXISTS,
                "%s: its name is '%s', as that of plugins[%zu], %.400s: give one of the two "
                "another .name",
                text_of(entry, "file"), rt__plugin_name(entry), i, text_of(before, "file"));
        RT_TRY(check_rows_differ(entry, before, i));
    }
    return RT_OK;
}

/* Finds the entry of an element of the list, which the user wrote or a run. */
static rt_status get_entry(const json_t *given, bool by_user, const char *file, json_t **entry)
{
    char real[PATH_MAX];
    if (!json_is_string(given) || !by_user) {
        *entry = json_incref((json_t *)given);
        return RT_OK;
    }
    RT_TRY(find_file(json_string_value(given), file, real));
    if (!describe)
        return RT_FAIL(UNSUPPORTED, "%s: this program loads no plugins", real);
    return describe(real, entry);
}

static rt_status resolve(const json_t *given, bool by_user, const char *file,
                         const json_t *resolved, json_t **entry)
{
    RT_TRY(get_entry(given, by_user, file, entry));
    RT_TRY(check_entry(*entry));
    RT_TRY(check_others(*entry, resolved));
    return rt__plugin_add(*entry);
}

/* Begins a list with the program that is to train, which takes the place of one that trained before. */
static rt_status begin_list(bool by_user, json_t **resolved)
{
    *resolved = json_array();
    if (!*resolved)
        return RT_FAIL(NOMEM, "plugins: out of memory");
    if (!by_user || !program)
        return RT_OK;
    RT_TRY(check_entry(program));
    RT_TRY(rt__plugin_add(program));
    return json_array_append(*resolved, program) == 0 ? RT_OK
                                                      : RT_FAIL(NOMEM, "plugins: out of memory");
}

static rt_status resolve_list(const json_t *given, bool by_user, const char *file,
                              json_t **resolved)
{
    rt_status status = begin_list(by_user, resolved);
    if (status == RT_OK && json_array_size(given) > RT_PLUGINS_MAX)
        status = RT_FAIL(CONFIG, "plugins: more than %d", RT_PLUGINS_MAX);
    for (size_t i = 0; i < json_array_size(given) && status == RT_OK; i++) {
        json_t *entry = NULL;
        if (by_user && program && rt__is_program(json_array_get(given, i)))
            continue;
        status = resolve(json_array_get(given, i), by_user, file, *resolved, &entry);
        if (status != RT_OK) {
            rt_error_prefix("plugins[%zu]", i);
            json_decref(entry);
        } else if (json_array_append_new(*resolved, entry) != 0) {
            status = RT_FAIL(NOMEM, "plugins: out of memory");
        }
    }
    return status;
}

rt_status rt__plugins_resolve(const json_t *given, bool by_user, const char *file,
                              json_t **resolved)
{
    if (resolve_list(given, by_user, file, resolved) == RT_OK)
        return RT_OK;
    json_decref(*resolved);
    *resolved = NULL;
    rt_saved_error e;
    rt_error_save(&e);
    return rt_fail_at(__FILE__, __LINE__, rt_status_exit_code(e.code) == 2 ? RT_E_CONFIG : e.code,
                      "%s", e.text);
}
