/* Which task a run has. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/tasks/task.h"

#define ROW(section, constant, id, text, FIELDS, help) [constant] = &rt__task_##id,
static const rt__task_row *const tasks[] = {RT_TASKS(ROW)}; /* RT_CFG_TASK_AUTO: none */
enum { TASKS = sizeof tasks / sizeof *tasks };

/* "x float32 [1,28,28], y int64 []" */
static void add_fields(const rt_dataset *d, rt_text *to)
{
    const rt_data_field *field;
    int n = rt_data_fields(d, &field);
    for (int i = 0; i < n; i++)
        rt_text_add(to, "%s%s %s %s", i ? ", " : "", field[i].name, rt_dtype_name(field[i].dtype),
                    rt_dims_text(field[i].dims));
}

static rt_status fail_to_fit(const char *key, const char *why, const rt_dataset *d)
{
    rt_text fields = {0};
    add_fields(d, &fields);
    char *text = rt_text_take(&fields);
    rt_status status =
        text ? RT_FAIL(CONFIG, "task.name: %s: %s: its samples are %s", key, why, text)
             : rt_error_code();
    rt_mem_free(text);
    return status;
}

static rt_status choose(const rt_config *cfg, const rt_dataset *d, const rt__task_row **out)
{
    *out = tasks[cfg->task.name];
    if (*out)
        return (*out)->fits(d) ? RT_OK
                               : fail_to_fit((*out)->name, "not a task for this data set", d);
    for (int i = 0; i < TASKS; i++)
        if (tasks[i] && tasks[i]->fits(d)) {
            *out = tasks[i];
            return RT_OK;
        }
    return fail_to_fit("auto", "no task fits this data set", d);
}

rt_status rt__task_open(rt__task *t, const rt_config *cfg, const rt_dataset *d)
{
    *t = (rt__task){0};
    RT_TRY(choose(cfg, d, &t->row));
    return t->row->open(t, cfg, d);
}

void rt__task_close(rt__task *t)
{
    rt_mem_free(t->state);
    *t = (rt__task){0};
}

rt_status rt__task_wrong_output(rt_dims output, const char *expected, ...)
{
    char text[256];
    va_list args;
    va_start(args, expected);
    vsnprintf(text, sizeof text, expected, args);
    va_end(args);
    return RT_FAIL(CONFIG, "the last layer of the model gives %s for each sample, expected %s",
                   rt_dims_text(output), text);
}
