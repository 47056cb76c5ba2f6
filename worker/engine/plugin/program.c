/* The rows of a program that is a worker itself (ringtorch/worker.h). They are known as a plugin's are, with the program as its file. */
#include "worker/engine/plugin/plugin.h"

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/config/added.h"
#include "common/config/plugins.h"
#include "worker/engine/plugin/plugin_file.h"
#include <stdio.h>

static json_t *own; /* borrowed from the list of what is loaded */

const json_t *rt__program_entry(void)
{
    return own;
}

/* Returns a list with one more row at its end, which lives as long as the process. `row` may be NULL. */
static const void *const *with(const void *const *list, const void *row)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    if (!row)
        return list;
    const void **longer = rt_calloc(n + 2, sizeof *longer);
    for (size_t i = 0; longer && i < n; i++)
        longer[i] = list[i];
    if (longer)
        longer[n] = row;
    return longer;
}

static bool brings_rows(const rt_task_spec *s)
{
    return s->net || s->task || s->data || s->more;
}

/* Returns which keys of a configuration the program's rows are for. */
static json_t *describe_gifts(const rt_task_spec *s)
{
    return json_pack("{s:s*, s:s*, s:s*}", "model.layers", s->net ? s->net->name : NULL,
                     "task.name", s->task ? s->task->name : NULL, "data.dataset",
                     s->data ? s->data->name : NULL);
}

static rt_status find_self(rt__plugin_file *out)
{
    *out = (rt__plugin_file){.is_program = true};
    char *path = rt_os_program_path();
    if (!path)
        return rt_error_code();
    int length = snprintf(out->path, sizeof out->path, "%s", path);
    rt_mem_free(path);
    if (length >= (int)sizeof out->path)
        return RT_FAIL(RANGE, "%.80s...: the path of this program is too long", out->path);
    return rt_sha256_file(out->path, out->sha256);
}

rt_status rt__program_register(const rt_task_spec *spec)
{
    static rt_plugin rows; /* borrowed by the tables until the process ends */
    rt__plugin_file self;
    if (!brings_rows(spec))
        return RT_OK;
    if (!spec->name)
        return RT_FAIL(FORMAT,
                       "rt_worker_main: .name: expected it to be given, since there are rows");
    if (!rt__is_row_name(spec->name, true))
        return RT_FAIL(FORMAT,
                       "rt_worker_main: .name '%.40s': expected small letters, digits, _ and -",
                       spec->name);
    RT_TRY(find_self(&self));
    rows = spec->more ? *spec->more : (rt_plugin){0};
    rows.name = spec->name;
    rows.layers = (void *)with((void *)rows.layers, spec->net);
    rows.tasks = (void *)with((void *)rows.tasks, spec->task);
    rows.datasets = (void *)with((void *)rows.datasets, spec->data);
    RT_TRY(rt_error_code());
    RT_TRY(rt__plugin_take(&self, &rows, &own));
    json_t *gifts = describe_gifts(spec);
    if (!gifts || json_object_set_new(own, "gives", gifts) != 0)
        return RT_FAIL(NOMEM, "out of memory: the rows of this program");
    rt_config_set_program(json_incref(own)); /* eval --config reads configurations of users */
    return RT_OK;
}
