/* Registers the rows of a plugin. All rows are checked first, so that either all are registered or none. */
#include "worker/engine/plugin/plugin.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/plugins.h"
#include "worker/engine/ops/ops.h"
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* The loaded plugins, kept until the program ends. */
typedef struct loaded {
    struct loaded *next;
    json_t *entry;
} loaded;

static loaded *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Returns the entry of a loaded file with this content, or NULL. */
static json_t *find_loaded(const char *sha256)
{
    for (loaded *l = all; l; l = l->next)
        if (strcmp(json_string_value(json_object_get(l->entry, "sha256")), sha256) == 0)
            return l->entry;
    return NULL;
}

/* Returns the text of a member of an entry, or of its rows. */
static const char *text_of(const json_t *entry, const char *member)
{
    const json_t *own = json_object_get(entry, member);
    return json_string_value(own ? own : json_object_get(json_object_get(entry, "rows"), member));
}

/* ---- finding rows ---- */

/* Returns the row of that name in a plugin's table. Every row begins with its name. */
static const void *row_of(const rt_plugin *p, const char *kind, const char *name)
{
    const struct {
        const char *kind;
        const void *const *rows;
    } lists[] = {{"layers", (const void *const *)p->layers},
                 {"optimizers", (const void *const *)p->optimizers},
                 {"schedules", (const void *const *)p->schedules},
                 {"datasets", (const void *const *)p->datasets},
                 {"tasks", (const void *const *)p->tasks},
                 {"jobs", (const void *const *)p->jobs}};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        for (int i = 0; strcmp(lists[k].kind, kind) == 0 && lists[k].rows && lists[k].rows[i]; i++)
            if (strcmp(*(const char *const *)lists[k].rows[i], name) == 0)
                return lists[k].rows[i];
    return NULL;
}
_Static_assert(offsetof(rt_layer_row, name) == 0 && offsetof(rt_optimizer_row, name) == 0 &&
                   offsetof(rt_schedule_row, name) == 0 && offsetof(rt_dataset_row, name) == 0 &&
                   offsetof(rt_task_row, name) == 0 && offsetof(rt_job_row, name) == 0,
               "a row begins with its name");

typedef struct attaching {
    const rt_plugin *table;
    const char *file;
    rt_status status;
} attaching;

/* Fails if another loaded plugin already has this row. */
static void check_free(void *ctx, const char *kind, const char *name, rt__added *added)
{
    attaching *a = ctx;
    if (added->code && a->status == RT_OK)
        a->status =
            RT_FAIL(EXISTS, "%s: %s: the plugin %s, %s, which is loaded, has %s already", a->file,
                    kind, text_of(added->plugin, "name"), text_of(added->plugin, "file"), name);
}

static void attach(void *ctx, const char *kind, const char *name, rt__added *added)
{
    const attaching *a = ctx;
    added->code = row_of(a->table, kind, name);
}

/* ---- one file ---- */

static rt_status make_entry(const rt__plugin_file *f, const rt_plugin *table, json_t **entry)
{
    json_t *rows;
    RT_TRY(rt__plugin_rows(table, f->path, &rows));
    *entry = json_pack("{s:s, s:s, s:o, s:o*}", "file", f->path, "sha256", f->sha256, "rows", rows,
                       "program", f->is_program ? json_true() : NULL);
    return *entry ? RT_OK : RT_FAIL(FORMAT, "%s: its path is not UTF-8", f->path);
}

/* Registers all rows, or none on failure. */
static rt_status add_rows(const rt__plugin_file *f, const rt_plugin *table, json_t *entry)
{
    attaching a = {table, f->path, RT_OK};
    if (rt__ops_check(table->ops) != RT_OK)
        return rt_error_prefix("%s", f->path);
    rt__plugin_each(entry, check_free, &a);
    RT_TRY(a.status);
    loaded *l = rt_malloc(sizeof *l);
    if (!l)
        return rt_error_code();
    rt_status status = rt__plugin_add(entry);
    if (status == RT_OK)
        status = rt__ops_register(table->ops);
    if (status != RT_OK) {
        rt_mem_free(l);
        return status;
    }
    rt__plugin_each(entry, attach, &a);
    *l = (loaded){all, entry};
    all = l;
    return RT_OK;
}

rt_status rt__plugin_take(const rt__plugin_file *f, const rt_plugin *table, json_t **entry)
{
    rt_status status = make_entry(f, table, entry);
    if (status == RT_OK)
        status = add_rows(f, table, *entry);
    if (status == RT_OK)
        return RT_OK;
    json_decref(*entry);
    *entry = NULL;
    return status;
}

static rt_status load(const rt__plugin_file *f, json_t **entry)
{
    void *handle;
    const rt_plugin *table;
    *entry = find_loaded(f->sha256);
    if (*entry)
        return RT_OK;
    RT_TRY(rt__plugin_file_load(f, &handle, &table));
    if (rt__plugin_take(f, table, entry) == RT_OK)
        return RT_OK;
    dlclose(handle);
    return rt_error_code();
}

/* Loads a file, whose content must have that checksum unless sha256 is NULL. *entry is borrowed. */
static rt_status load_file(const char *path, const char *sha256, json_t **entry)
{
    rt__plugin_file f;
    RT_TRY(rt__plugin_file_open(path, &f));
    if (sha256 && strcmp(sha256, f.sha256) != 0)
        return RT_FAIL(MISMATCH,
                       "plugin %s: is not the file of this run: its sha256 is %s, but the run's is "
                       "%s: put that file back, the same on every host",
                       f.path, f.sha256, sha256);
    pthread_mutex_lock(&lock);
    rt_status status = load(&f, entry);
    pthread_mutex_unlock(&lock);
    return status;
}

rt_status rt_plugin_load(const char *path)
{
    json_t *entry;
    if (rt_failed() || !rt__given(path, "plugin_load", "path"))
        return rt_error_code();
    return load_file(path, NULL, &entry);
}

rt_status rt__plugin_describe(const char *path, json_t **entry)
{
    RT_TRY(load_file(path, NULL, entry));
    json_incref(*entry);
    return RT_OK;
}

/* Fails: the run's program is another one than this. */
static rt_status refuse_program(const char *file, const char *sha256)
{
    const json_t *own = rt__program_entry();
    const char *mine = json_string_value(json_object_get(own, "sha256"));
    return RT_FAIL(MISMATCH,
                   "program %s: is not the one of this run: its sha256 is %s, but the run's is %s: "
                   "put that file there, the same on every host",
                   file, mine ? mine : "not known, as it brings no rows", sha256);
}

rt_status rt__plugins_load(const rt_config *cfg)
{
    size_t i;
    json_t *named, *entry;
    json_array_foreach(cfg->plugins, i, named)
    {
        const char *file = json_string_value(json_object_get(named, "file")),
                   *sha256 = json_string_value(json_object_get(named, "sha256"));
        if (!file || !sha256 || find_loaded(sha256))
            continue;
        RT_TRY(rt__is_program(named) ? refuse_program(file, sha256)
                                     : load_file(file, sha256, &entry));
    }
    return RT_OK;
}

static rt_status match(const json_t *named)
{
    const char *name = text_of(named, "name"), *sha256 = text_of(named, "sha256");
    const char *kind = rt__is_program(named) ? "program" : "plugin";
    if (find_loaded(sha256))
        return RT_OK;
    for (loaded *l = all; l; l = l->next)
        if (strcmp(text_of(l->entry, "name"), name) == 0)
            return RT_FAIL(MISMATCH,
                           "%s %s: the sha256 of %s is %s, but the model was made with %s: "
                           "give that file, or a configuration of your own with --config",
                           kind, name, text_of(l->entry, "file"), text_of(l->entry, "sha256"),
                           sha256);
    return RT_OK;
}

rt_status rt__plugins_match(const rt_config *cfg)
{
    size_t i;
    json_t *named;
    json_array_foreach(cfg->plugins, i, named) RT_TRY(match(named));
    return RT_OK;
}
