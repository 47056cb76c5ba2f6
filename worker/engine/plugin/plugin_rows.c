/* Describes a plugin's contents as JSON: everything that programs without the engine must know
 * about it. */
#include "common/base/error.h"
#include "common/base/rank_variables.h"
#include "common/base/schema_rows.h"
#include "common/config/added.h"
#include "common/config/layers.h"
#include "common/config/optimizer_states.h"
#include "common/config/plugins.h"
#include "worker/engine/plugin/plugin.h"
#include <string.h>

/* The row being described, for messages. */
typedef struct place {
    const char *file, *list;
    int index;
    const char *name; /* what the row gives as its name; may be NULL */
} place;

/* Fails, naming the row: by its name if it has one, "tasks[0] 'huber'". */
static rt_status not_whole(const place *at, const char *member, const char *expected)
{
    bool named = at->name && at->name[0];
    return RT_FAIL(FORMAT, "%s: %s[%d]%s%.40s%s: %s: expected %s", at->file, at->list, at->index,
                   named ? " '" : "", named ? at->name : "", named ? "'" : "", member, expected);
}

/* Fails unless the row has these members. */
static rt_status check_there(const place *at, const void *const *value, const char *const *member,
                             int n)
{
    for (int i = 0; i < n; i++)
        if (!value[i])
            return not_whole(at, member[i], "it to be given");
    return RT_OK;
}
#define CHECK_THERE(at, members, ...)                                                              \
    check_there(at, (const void *const[]){__VA_ARGS__}, members, sizeof members / sizeof *members)

/* ---- options ---- */

static rt_status check_field(const place *at, const rt_field *f)
{
    if (!f->name || !f->help)
        return not_whole(at, ".options", "each row to have a name and help");
    if (f->kind >= RT_FIELD_KINDS || rt__is_input(f))
        return not_whole(at, ".options", "values, not tensors");
    if (f->kind == RT_FIELD_CHOICE && !f->choices)
        return not_whole(at, ".options", "the words of each CHOICE");
    return RT_OK;
}

static rt_status check_texts(const place *at, const rt__schema *s)
{
    RT__EACH_MEMBER(m, s, s->defaults)
    {
        if (m.row->kind == RT_FIELD_TEXT && !m.row->needed && !*(const char *const *)m.at)
            return not_whole(at, ".options", "a text for each TEXT, which may be empty");
    }
    return RT_OK;
}

static rt_status describe_options(const place *at, const rt_options *o, json_t **out)
{
    rt__schema s = {.owner = at->list,
                    .thing = "option",
                    .fields = o->fields,
                    .n_fields = o->n_fields,
                    .defaults = o->defaults,
                    .size = o->size};
    if (o->n_fields < 0 || (o->n_fields > 0 && (!o->fields || !o->defaults)))
        return not_whole(at, ".options", "RT_OPTIONS(struct, FIELDS)");
    for (int i = 0; i < o->n_fields; i++)
        RT_TRY(check_field(at, &o->fields[i]));
    if (rt__schema_size(&s) != o->size)
        return not_whole(at, ".options", "the struct that RT_STRUCT makes of the same rows");
    RT_TRY(check_texts(at, &s));
    *out = rt__schema_describe(&s);
    return *out ? RT_OK : RT_FAIL(NOMEM, "%s: out of memory", at->file);
}

/* Describes the members that rows of every kind have. */
static rt_status describe(const place *at, const char *name, const char *help, const rt_options *o,
                          json_t **out)
{
    json_t *options;
    *out = NULL;
    if (!name || !help)
        return not_whole(at, name ? ".help" : ".name", "it to be given");
    RT_TRY(describe_options(at, o, &options));
    *out = json_pack("{s:s, s:s, s:o}", "name", name, "help", help, "options", options);
    return *out ? RT_OK : not_whole(at, ".name", "UTF-8");
}

/* ---- kinds of rows ---- */

static rt_status describe_layer(const place *at, const void *row, json_t **out)
{
    static const char *const needed[] = {".make"};
    const rt_layer_row *l = row;
    RT_TRY(CHECK_THERE(at, needed, (const void *)l->make));
    for (int i = 0; i < l->options.n_fields && l->options.fields && !l->infer; i++)
        if (l->options.fields[i].inferred)
            return not_whole(at, ".infer", "it to be given, since it sets the RT_INFERRED options");
    RT_TRY(describe(at, l->name, l->help, &l->options, out));
    json_t *words = json_array();
    unsigned known = 0;
    for (int i = 0; i < RT__LAYER_FLAGS; i++) {
        known |= rt__layer_flags[i].bit;
        if (l->flags & rt__layer_flags[i].bit)
            json_array_append_new(words, json_string(rt__layer_flags[i].name));
    }
    json_object_set_new(*out, "flags", words);
    return l->flags & ~known ? not_whole(at, ".flags", "flags of layers.def") : RT_OK;
}

static rt_status describe_states(const place *at, const rt_optimizer_row *r, json_t *to)
{
    json_t *states = json_array();
    json_object_set_new(to, "states", states);
    for (const rt_optimizer_state_row *s = r->states; s && s->name; s++) {
        const char *layout = rt_state_layout_name(s->layout);
        if (!layout)
            return not_whole(at, ".states", "an rt_state_layout");
        json_t *j =
            json_pack("{s:s, s:s, s:s*}", "name", s->name, "layout", layout, "when", s->when);
        json_array_append_new(states, j);
    }
    return RT_OK;
}

/* The sums that a rule measures must be listed for each of its rounds, since each is given memory by its row. */
static rt_status check_measures(const place *at, const rt_optimizer_row *r)
{
    for (int round = 0; round < RT_ROUNDS_MAX; round++) {
        const uint8_t *m = r->measures[round];
        if ((m[0] != 0) != (round < r->rounds))
            return not_whole(at, ".measures", "at least one for each of .rounds, and no others");
        for (int i = 0; i < RT_MEASURES_MAX; i++)
            if (m[i] > RT_MEASURE_PER_COLUMN || (m[i] != 0 && i > 0 && m[i - 1] == 0))
                return not_whole(at, ".measures", "an rt_measure in each place, 0 behind the last");
    }
    return RT_OK;
}

static rt_status describe_optimizer(const place *at, const void *row, json_t **out)
{
    static const char *const needed[] = {".update"};
    const rt_optimizer_row *r = row;
    RT_TRY(CHECK_THERE(at, needed, (const void *)r->update));
    if (r->rounds < 0 || r->rounds > RT_ROUNDS_MAX || (r->rounds > 0 && !r->measure))
        return not_whole(at, ".rounds", "0 to 2, and .measure if there are any");
    RT_TRY(check_measures(at, r));
    RT_TRY(describe(at, r->name, r->help, &r->options, out));
    return describe_states(at, r, *out);
}

static rt_status describe_schedule(const place *at, const void *row, json_t **out)
{
    static const char *const needed[] = {".rate"};
    const rt_schedule_row *s = row;
    RT_TRY(CHECK_THERE(at, needed, (const void *)s->rate));
    RT_TRY(describe(at, s->name, s->help, &s->options, out));
    json_object_set_new(*out, "ends", json_boolean(s->ends));
    return RT_OK;
}

static rt_status describe_dataset(const place *at, const void *row, json_t **out)
{
    static const char *const needed[] = {".open"};
    const rt_dataset_row *d = row;
    RT_TRY(CHECK_THERE(at, needed, (const void *)d->open));
    return describe(at, d->name, d->help, &d->options, out);
}

static rt_status describe_metrics(const place *at, const rt_task_row *t, json_t *to)
{
    json_t *metrics = json_array();
    json_object_set_new(to, "metrics", metrics);
    for (const rt_metric_row *m = t->metrics; m && m->name; m++) {
        if (!m->title || !m->help)
            return not_whole(at, ".metrics", "a title and help for each");
        json_t *j =
            json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", m->name, "title", m->title, "help",
                      m->help, "more_is_better", m->more_is_better, "share", m->share);
        json_array_append_new(metrics, j);
    }
    return RT_OK;
}

static rt_status describe_task(const place *at, const void *row, json_t **out)
{
    static const char *const needed[] = {".target", ".loss"};
    const rt_task_row *t = row;
    RT_TRY(CHECK_THERE(at, needed, t->target, (const void *)t->loss));
    if (t->metrics && t->metrics[0].name && !t->score)
        return not_whole(at, ".score", "it to be given, since there are .metrics");
    if (t->counted && !t->unit)
        return not_whole(at, ".unit", "what .counted counts");
    RT_TRY(describe(at, t->name, t->help, &t->options, out));
    return describe_metrics(at, t, *out);
}

/* Sets a member to a text or, if `list` is given, to a list of texts. If neither is given, leaves it out. */
static rt_status describe_text(json_t *to, const char *text, const char *const *list,
                               const char *member, const place *at)
{
    json_t *value = list ? json_array() : json_string(text ? text : "");
    for (int i = 0; list && value && list[i]; i++)
        if (json_array_append_new(value, json_string(list[i])) != 0) {
            json_decref(value);
            value = NULL;
        }
    if (!value)
        return not_whole(at, member, "UTF-8");
    if (text || list)
        json_object_set_new(to, member + 1, value);
    else
        json_decref(value);
    return RT_OK;
}

/* A job back end is data, all of which the launcher must know; it checks them (common/config/job_rows.c). */
static rt_status describe_job(const place *at, const void *row, json_t **out)
{
    static const char *const needed[] = {".name", ".help",  ".command",
                                         ".rank", ".world", ".local_rank"};
    const rt_job_row *j = row;
    *out = NULL;
    RT_TRY(CHECK_THERE(at, needed, j->name, j->help, j->command, j->rank, j->world, j->local_rank));
    *out = json_pack("{s:s, s:s, s:b}", "name", j->name, "help", j->help, "once", j->once);
    if (!*out)
        return not_whole(at, ".name", "UTF-8");
    RT_TRY(describe_text(*out, NULL, j->command, ".command", at));
    RT_TRY(describe_text(*out, NULL, j->shell, ".shell", at));
#define ROW(number, named_in, of_open_mpi, needed, what)                                           \
    RT_TRY(describe_text(*out, j->number, NULL, "." #number, at));
    RT_RANK_VARIABLES(ROW)
#undef ROW
    return RT_OK;
}

/* ---- the whole ---- */

static rt_status describe_list(const char *file, const char *list, const void *const *rows,
                               rt_status (*describe_row)(const place *, const void *, json_t **),
                               json_t *to)
{
    json_t *all = json_array();
    json_object_set_new(to, list, all);
    for (int i = 0; rows && rows[i]; i++) {
        json_t *row = NULL;
        const char *name = *(const char *const *)rows[i]; /* every row begins with it */
        place at = {.file = file, .list = list, .index = i, .name = name};
        rt_status status = describe_row(&at, rows[i], &row);
        json_array_append_new(all, row);
        RT_TRY(status);
    }
    return all ? RT_OK : RT_FAIL(NOMEM, "%s: out of memory", file);
}

static rt_status describe_op(const place *at, const void *row, json_t **out)
{
    *out = NULL;
    const rt_op *op = row;
    if (!op->name || !op->name[0])
        return not_whole(at, ".name", "it to be given");
    *out = json_string(op->name);
    return *out ? RT_OK : not_whole(at, ".name", "UTF-8");
}

rt_status rt__plugin_rows(const rt_plugin *p, const char *file, json_t **rows)
{
    const struct {
        const char *list;
        const void *const *rows;
        rt_status (*describe)(const place *at, const void *row, json_t **out);
    } lists[] = {
        {"ops", (const void *const *)p->ops, describe_op},
        {"layers", (const void *const *)p->layers, describe_layer},
        {"optimizers", (const void *const *)p->optimizers, describe_optimizer},
        {"schedules", (const void *const *)p->schedules, describe_schedule},
        {"datasets", (const void *const *)p->datasets, describe_dataset},
        {"tasks", (const void *const *)p->tasks, describe_task},
        {"jobs", (const void *const *)p->jobs, describe_job},
    };
    *rows = p->name ? json_pack("{s:s}", "name", p->name) : NULL;
    if (!*rows)
        return RT_FAIL(FORMAT, "%s: RT_PLUGIN: .name: expected it to be given", file);
    rt_status status =
        rt__is_row_name(p->name, true)
            ? RT_OK
            : RT_FAIL(FORMAT,
                      "%s: RT_PLUGIN: .name '%.40s': expected small letters, digits, _ and -", file,
                      p->name);
    for (size_t i = 0; i < sizeof lists / sizeof *lists && status == RT_OK; i++)
        status = describe_list(file, lists[i].list, lists[i].rows, lists[i].describe, *rows);
    if (status != RT_OK) {
        json_decref(*rows);
        *rows = NULL;
    }
    return status;
}
