/* What all optimisers share: construction, whole and partial updates, the norm of the gradients. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/base/callback.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <ringtorch/autograd.h>
#include <string.h>

static void optim_destroy(void *object)
{
    rt_optim *o = object;
    rt__measured_release(&o->measured);
    rt__flat_release(&o->flat);
    for (int i = 0; i < o->states; i++)
        rt_free(o->state[i]);
    for (int32_t i = 0; i < o->groups; i++)
        rt_mem_free(o->group[i].values);
    rt_mem_free(o->group);
    rt_mem_free(o->group_of);
    rt_mem_free(o->skipped);
    rt_mem_free(o->made);
    rt_free(o->net);
}

static const rt_object_type optim_type = {.name = "optimiser", .destroy = optim_destroy};

bool rt__is_optim(const char *what, const rt_optim *o)
{
    return rt__object_is(o, &optim_type, what, 1);
}

static bool is_rate(double lr)
{
    return isfinite(lr) && lr >= 0;
}

static rt_status check_rate(const char *what, double lr)
{
    if (is_rate(lr))
        return RT_OK;
    return RT_FAIL(RANGE, "%s: learning rate %g, expected a number that is not below 0", what, lr);
}

/* ---- construction ---- */

/* Lets the rule judge its values together, if it does. */
static rt_status call_check(const rt__rule_row *row, const char *where, const void *values)
{
    if (!row->rule->check)
        return RT_OK;
    return rt__callback_status(row->rule->check(where, values), where, ".check");
}

static rt_status check_values(const rt__rule_row *row, const void *values)
{
    RT_TRY(rt__schema_check(&row->schema, values));
    return call_check(row, row->schema.owner, values);
}

static rt_status add_group(rt_optim *o, const void *values, double lr_scale)
{
    const size_t size = o->row.schema.size;
    rt__group *all = rt_realloc(o->group, (size_t)(o->groups + 1) * sizeof *all);
    if (!all)
        return rt_error_code();
    o->group = all;
    all[o->groups] = (rt__group){rt_malloc(size), lr_scale};
    if (!all[o->groups].values)
        return rt_error_code();
    memcpy(all[o->groups++].values, values, size);
    return RT_OK;
}

/* Makes the flat buffers, and the states that have the parameters' layout. */
static rt_status make_buffers(rt_optim *o, const void *values)
{
    rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX];
    int states = rt_optimizer_states(o->row.name, values, state);
    RT_TRY(rt__flat_init(&o->flat, o->row.schema.owner, o->net, state, states));
    for (int i = 0; i < states; i++) {
        if (state[i].layout != RT_STATE_LIKE_PARAM)
            continue;
        o->state_name[o->states] = state[i].name;
        o->state_row[o->states] = state[i].row;
        const rt_flat *flat = &o->flat.flat;
        o->state[o->states++] = rt_keep(rt_zeros(rt_shape(flat->length), .device = flat->device));
        RT_TRY(rt_error_code());
    }
    return RT_OK;
}

/* Only rules that use nothing but kernels work on other devices: rules that measure read parameters on the CPU, and plugins may
 * read anything. */
static rt_status check_device(const rt_optim *o)
{
    bool kernels_alone = o->row.rule->rounds == 0 && !o->row.rule->name;
    if (rt__on_cpu(o->flat.home.buffer) || kernels_alone)
        return RT_OK;
    return RT_FAIL(UNSUPPORTED, "%s: reads parameters, which works only on the CPU: %s is %s",
                   o->row.schema.owner, o->flat.flat.entry[0].name,
                   rt_describe(o->flat.flat.entry[0].param));
}

static rt_status make(rt_optim *o, const void *values)
{
    RT_TRY(make_buffers(o, values));
    RT_TRY(check_device(o));
    size_t entries = (size_t)o->flat.flat.entries;
    o->made = rt_calloc(entries, sizeof *o->made);
    o->skipped = rt_calloc(entries, sizeof *o->skipped);
    o->group_of = rt_calloc(entries, sizeof *o->group_of);
    if (!o->made || !o->skipped || !o->group_of)
        return rt_error_code();
    RT_TRY(add_group(o, values, 1));
    return rt__measured_init(o);
}

rt_optim *rt__optim_new(rt_module *net, int rule, const void *values, double lr)
{
    rt__rule_row row;
    if (rt_failed() || rt__rule_row_of(rule, &row) != RT_OK)
        return NULL;
    const char *name = row.schema.owner;
    if (check_rate(name, lr) != RT_OK || check_values(&row, values) != RT_OK || !rt_exec_cpu() ||
        !rt__is_module(name, net))
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt__object_new(&optim_type, sizeof *o);
    if (!o)
        return rt_scope_return(s, NULL);
    o->row = row;
    o->lr = lr;
    o->net = rt_keep(net);
    return rt_scope_return(s, make(o, values) == RT_OK ? o : NULL);
}

/* ---- groups ---- */

/* Returns whether these values lead to the same states as those of group 0. */
static bool same_states(const rt_optim *o, const void *values)
{
    rt_optimizer_state a[RT_OPTIMIZER_STATES_MAX], b[RT_OPTIMIZER_STATES_MAX];
    int n = rt_optimizer_states(o->row.name, o->group[0].values, a);
    if (rt_optimizer_states(o->row.name, values, b) != n)
        return false;
    for (int i = 0; i < n; i++)
        if (a[i].row != b[i].row)
            return false;
    return true;
}

/* Returns the key of a group whose value changes the states. */
static const char *key_of_states(const rt_optim *o, const rt__schema *schema, json_t *values)
{
    const char *key;
    json_t *value;
    json_object_foreach(values, key, value)
    {
        void *alone = rt_malloc(schema->size);
        json_t *one = json_pack("{s:O}", key, value);
        if (alone && one)
            memcpy(alone, o->group[0].values, schema->size);
        bool same =
            !alone || !one || rt__schema_set(schema, alone, one) != RT_OK || same_states(o, alone);
        json_decref(one);
        rt_mem_free(alone);
        if (!same)
            return key;
    }
    return "its keys";
}

/* Assigns parameters that match and are in no group yet to the newest group. */
static rt_status assign(rt_optim *o, const char *pattern, const char *where)
{
    bool any = false;
    for (int32_t i = 0; i < o->flat.flat.entries; i++)
        if (o->group_of[i] == 0 && rt__nn_matches(pattern, o->flat.flat.entry[i].name)) {
            o->group_of[i] = (uint8_t)(o->groups - 1);
            any = true;
        }
    if (any)
        return RT_OK;
    return RT_FAIL(NOTFOUND,
                   "%s: no parameter matches '%.100s', or all that do are in earlier groups", where,
                   pattern);
}

static rt_status set_group(rt_optim *o, const char *pattern, json_t *values, const char *where)
{
    rt__schema schema = o->row.schema;
    schema.owner = where;
    json_t *scale = json_object_get(values, "lr_scale");
    double lr_scale = scale ? json_number_value(scale) : 1;
    if ((scale && !json_is_number(scale)) || !is_rate(lr_scale))
        return RT_FAIL(RANGE, "%s: lr_scale: expected a number that is not below 0", where);
    json_object_del(values, "lr_scale");
    if (o->groups > UINT8_MAX)
        return RT_FAIL(RANGE, "%s: more than %d groups", where, UINT8_MAX);
    RT_TRY(add_group(o, o->group[0].values, lr_scale));
    rt__group *g = &o->group[o->groups - 1];
    rt_status status = rt__schema_set(&schema, g->values, values);
    if (status == RT_OK)
        status = call_check(&o->row, where, g->values);
    if (status == RT_OK && !same_states(o, g->values))
        status = RT_FAIL(ARG,
                         "%s: %s: with this value the group would keep other states than the "
                         "rest: set it for all parameters",
                         where, key_of_states(o, &schema, values));
    if (status == RT_OK)
        status = assign(o, pattern, where);
    if (status != RT_OK)
        rt_mem_free(o->group[--o->groups].values);
    return status;
}

rt_status rt__optim_group(rt_optim *o, const char *pattern, const json_t *values, const char *where)
{
    json_t *copy = json_copy((json_t *)values);
    if (!copy)
        return RT_FAIL(NOMEM, "%s: out of memory", where);
    rt_status status = set_group(o, pattern, copy, where);
    json_decref(copy);
    return status;
}

rt_status rt_optim_group(rt_optim *o, const char *pattern, const char *json)
{
    json_t *values;
    if (rt_failed() || !rt__is_optim("optim_group", o) ||
        !rt__given(pattern, "optim_group", "pattern") || !rt__given(json, "optim_group", "text"))
        return rt_error_code();
    RT_TRY(rt_json_parse(json, strlen(json), "optim_group", &values));
    rt_status status = json_is_object(values)
                           ? rt__optim_group(o, pattern, values, "optim_group")
                           : RT_FAIL(ARG, "optim_group: '%.100s' is no JSON object", json);
    json_decref(values);
    return status;
}

/* ---- parts ---- */

int32_t rt__optim_entry_at(const rt_optim *o, int64_t at)
{
    const rt_flat *flat = &o->flat.flat;
    int32_t low = 0, high = flat->entries;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (flat->entry[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rt__optim_skips(const rt_optim *o, int32_t i)
{
    rt_tensor *param = o->flat.flat.entry[i].param;
    return o->skipped[i] || !rt_requires_grad(param) || (o->by_gradient && !rt_grad_of(param));
}

/* Describes a shape as matrices over its last two axes. */
rt_matrices rt__matrices_of(rt_dims d)
{
    rt_matrices m = {1, d.n == 1 ? d.d[0] : 1, 1, d.n >= 2};
    for (int i = 0; i < d.n - 2; i++)
        m.count *= d.d[i];
    if (d.n >= 2) {
        m.rows = d.d[d.n - 2];
        m.columns = d.d[d.n - 1];
    }
    return m;
}

void rt__part_init(const rt_optim *o, int32_t i, int64_t t, double lr, double grad_scale,
                   rt_optimizer_part *u)
{
    const rt__group *group = &o->group[o->group_of[i]];
    const rt_flat_entry *e = &o->flat.flat.entry[i];
    *u = (rt_optimizer_part){.exec = rt__exec_on(o->flat.home.buffer->storage->gpu),
                             .values = group->values,
                             .t = t,
                             .lr = lr * group->lr_scale,
                             .grad_scale = grad_scale,
                             .numel = e->end - e->begin,
                             .scratch = o->measured.scratch};
    if (o->row.rule->rounds == 0)
        return;
    u->m = rt__matrices_of(rt_dims_of(e->param));
    rt__measured_sums(o, i, u);
    for (int k = 0; k < RT_OPTIMIZER_STATES_MAX; k++)
        if (o->measured.small_at[k] && o->measured.small_at[k][i] >= 0)
            u->state[k] = o->flat.flat.param + o->measured.small_at[k][i];
}

void rt__part_set(const rt_optim *o, int64_t begin, int64_t end, rt_optimizer_part *u)
{
    const rt_flat *flat = &o->flat.flat;
    u->n = end - begin;
    u->p = flat->param + begin;
    u->g = flat->grad + begin;
    for (int i = 0; i < o->states; i++)
        u->state[o->state_row[i]] = (float *)o->state[i]->data + begin;
}

/* ---- updates ---- */

/* Fails if parameter i no longer lies in this optimiser's buffers: a second optimiser moves parameters to buffers of its own,
 * and rt_nn_to_device moves them away. */
static rt_status check_owns(const rt_optim *o, int32_t i)
{
    const char *name = o->flat.flat.entry[i].name;
    if (rt__flat_is_home(&o->flat, i))
        return RT_OK;
    return rt__home_of(o->flat.flat.entry[i].param)
               ? RT_FAIL(ARG, "%s: another optimiser has since taken over %s: use that one",
                         o->row.schema.owner, name)
               : RT_FAIL(ARG, "%s: rt_nn_to_device has since moved %s: make a new optimiser",
                         o->row.schema.owner, name);
}

/* Fails if parameter i cannot be updated. If it was absent when the optimiser was made, it has no value here until it is first
 * present. */
static rt_status check_updatable(const rt_optim *o, int32_t i)
{
    RT_TRY(check_owns(o, i));
    if (rt__optim_skips(o, i) || rt_param_home(o->flat.flat.entry[i].param))
        return RT_OK;
    return RT_FAIL(ARG,
                   "%s: the value of %s has always been absent: bring it with rt_param_present or "
                   "rt_nn_load",
                   o->row.schema.owner, o->flat.flat.entry[i].name);
}

/* One update of all parameters: its number and rate. */
typedef struct pass {
    int64_t t; /* 0: each parameter takes its own next number */
    double lr, grad_scale;
} pass;

static int64_t number_of(const rt_optim *o, const pass *p, int32_t i)
{
    return p->t ? p->t : o->made[i] + 1;
}

static void update_part(const rt_optim *o, rt_optimizer_part *u)
{
    bool failed = rt_failed();
    o->row.rule->update(u);
    if (!failed)
        rt__callback_named(o->row.added, "optimiser", o->row.schema.owner, ".update");
}

/* Updates a range of one parameter, or of several that have the same values. */
static void update_stretches(rt_optim *o, rt_optimizer_part *u, int64_t begin, int64_t end)
{
    if (o->row.rule->rounds == 0) {
        rt__part_set(o, begin, end, u);
        update_part(o, u);
        return;
    }
    const rt_flat_entry *e = &o->flat.flat.entry[rt__optim_entry_at(o, begin)];
    for (int64_t at = begin, next; at < end; at = next) {
        next = (at / RT_BLOCK + 1) * RT_BLOCK;
        next = next < end ? next : end;
        rt__part_set(o, at, next, u);
        u->at = at - e->begin;
        update_part(o, u);
    }
}

/* Returns the end of the run of parameters, starting at i, that are updated in the same way and so by one call. */
static int32_t end_of_run(const rt_optim *o, const pass *p, int32_t i, int64_t end)
{
    const rt_flat_entry *entry = o->flat.flat.entry;
    int32_t first = i++;
    bool alone = o->row.rule->rounds > 0;
    while (!alone && i < o->flat.flat.entries && entry[i].begin < end && !rt__optim_skips(o, i) &&
           o->group_of[i] == o->group_of[first] && number_of(o, p, i) == number_of(o, p, first))
        i++;
    return i;
}

static rt_status update_run(rt_optim *o, const pass *p, int32_t first, int32_t last, int64_t begin,
                            int64_t end)
{
    rt_flat_entry *entry = o->flat.flat.entry;
    rt_optimizer_part u;
    int64_t t = number_of(o, p, first);
    for (int32_t i = first; i < last; i++) {
        RT_TRY(check_updatable(o, i));
        rt__param_touch(entry[i].param);
        o->made[i] = t;
    }
    begin = begin > entry[first].begin ? begin : entry[first].begin;
    end = end < entry[last - 1].end ? end : entry[last - 1].end;
    rt__part_init(o, first, t, p->lr, p->grad_scale, &u);
    u.exec->missing = NULL;
    if (begin < end)
        update_stretches(o, &u, begin, end);
    if (u.exec->missing)
        return RT_FAIL(UNSUPPORTED, "%s: no kernel %s for %s", o->row.schema.owner, u.exec->missing,
                       rt_describe(entry[first].param));
    return RT_OK;
}

static rt_status update_range(rt_optim *o, int64_t begin, int64_t end, const pass *p)
{
    const rt_flat *flat = &o->flat.flat;
    int32_t i = begin < end ? rt__optim_entry_at(o, begin) : flat->entries;
    while (i < flat->entries && flat->entry[i].begin < end) {
        if (rt__optim_skips(o, i)) {
            i++;
            continue;
        }
        int32_t next = end_of_run(o, p, i, end);
        RT_TRY(update_run(o, p, i, next, begin, end));
        i = next;
    }
    return RT_OK;
}

rt_status rt__optim_check_range(const char *what, const rt_optim *o, int64_t begin, int64_t end,
                                int64_t t)
{
    int64_t count = o->flat.flat.count;
    if (begin >= 0 && end >= begin && end <= count && t >= 1)
        return RT_OK;
    return RT_FAIL(RANGE,
                   "%s: elements [%lld, %lld) of %lld, update %lld: expected a range inside, and "
                   "updates counted from 1",
                   what, (long long)begin, (long long)end, (long long)count, (long long)t);
}

rt_status rt_optim_update(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                          double grad_scale)
{
    if (!rt__is_optim("optim_update", o))
        return rt_error_code();
    RT_TRY(rt__optim_check_range("optim_update", o, begin, end, t));
    RT_TRY(check_rate("optim_update", lr));
    o->updates = t;
    return update_range(o, begin, end, &(pass){t, lr, grad_scale});
}

void rt_optim_set_skipped(rt_optim *o, int32_t i, bool skipped)
{
    if (!rt__is_optim("optim_set_skipped", o))
        return;
    if (i < 0 || i >= o->flat.flat.entries)
        RT_FAIL(RANGE, "optim_set_skipped: there is no parameter %d", i);
    else
        o->skipped[i] = skipped;
}

static rt_status step(rt_optim *o)
{
    int64_t all = o->flat.flat.count;
    for (int32_t i = 0; i < o->flat.flat.entries; i++)
        /* check all first: a step happens completely or not at all */
        RT_TRY(check_updatable(o, i));
    for (int round = 0; round < o->row.rule->rounds; round++) {
        RT_TRY(rt__optim_measure(o, round, 0, all, 0, o->lr, 1));
        RT_TRY(rt__optim_settle(o, round, 0));
    }
    return update_range(o, 0, all, &(pass){0, o->lr, 1});
}

rt_status rt_optim_step(rt_optim *o)
{
    if (rt_failed() || !rt__is_optim("optim_step", o))
        return rt_error_code();
    o->by_gradient = true;
    rt_status status = step(o);
    o->by_gradient = false;
    RT_TRY(status);
    o->updates++;
    rt_optim_zero_grad(o);
    return RT_OK;
}

void rt_optim_zero_grad(rt_optim *o)
{
    bool is = rt__is_optim("optim_zero_grad", o);
    for (int32_t i = 0; is && i < o->flat.flat.entries; i++)
        rt_grad_clear(o->flat.flat.entry[i].param);
}

/* ---- accessors ---- */

void rt_optim_set_lr(rt_optim *o, double lr)
{
    if (rt__is_optim("optim_set_lr", o) && check_rate("optim_set_lr", lr) == RT_OK)
        o->lr = lr;
}

double rt_optim_lr(const rt_optim *o)
{
    return rt__is_optim("optim_lr", o) ? o->lr : NAN;
}

const rt_flat *rt_optim_flat(const rt_optim *o)
{
    return rt__is_optim("optim_flat", o) ? &o->flat.flat : NULL;
}

int rt_optim_states(const rt_optim *o)
{
    return rt__is_optim("optim_states", o) ? o->states : 0;
}

float *rt_optim_state(const rt_optim *o, int i, const char **name)
{
    if (!rt__is_optim("optim_state", o) || i < 0 || i >= o->states)
        return NULL;
    if (name)
        *name = o->state_name[i];
    return o->state[i]->data;
}

const char *rt_optim_name(const rt_optim *o)
{
    return rt__is_optim("optim_name", o) ? o->row.schema.owner : NULL;
}

int64_t rt_optim_updates(const rt_optim *o)
{
    return rt__is_optim("optim_updates", o) ? o->updates : 0;
}

void rt_optim_set_updates(rt_optim *o, int64_t t)
{
    if (!rt__is_optim("optim_set_updates", o))
        return;
    o->updates = t;
    for (int32_t i = 0; i < o->flat.flat.entries; i++)
        o->made[i] = t;
}

int64_t rt_optim_param_updates(const rt_optim *o, int32_t i)
{
    bool is = rt__is_optim("optim_param_updates", o);
    return is && i >= 0 && i < o->flat.flat.entries ? o->made[i] : 0;
}

void rt_optim_set_param_updates(rt_optim *o, int32_t i, int64_t t)
{
    if (!rt__is_optim("optim_set_param_updates", o))
        return;
    if (i < 0 || i >= o->flat.flat.entries || t < 0)
        RT_FAIL(RANGE,
                "optim_set_param_updates: parameter %d, update %lld: expected a parameter of the "
                "net, and updates counted from 0",
                i, (long long)t);
    else
        o->made[i] = t;
}

/* ---- norm ---- */

double rt_optim_block_square_sum(const rt_optim *o, int64_t block)
{
    if (!rt__is_optim("optim_block_square_sum", o))
        return NAN;
    const rt_flat *flat = &o->flat.flat;
    int64_t begin = block * RT_BLOCK, n = flat->count - begin;
    n = n < RT_BLOCK ? n : RT_BLOCK;
    double sum = 0;
    if (block >= 0 && n > 0)
        rt__square_sums(o->flat.home.buffer->storage->gpu, n, flat->grad + begin, &sum);
    return sum;
}

rt_status rt__square_sums(rt_gpu *gpu, int64_t n, const float *x, double *sums)
{
    rt_exec *e = rt__exec_on(gpu);
    if (!gpu) {
        e->kernels->sum_squares[RT_F32](e, n, x, sums);
        return rt_error_code();
    }
    rt_scope s = rt_scope_begin();
    rt_dims blocks = rt_shape((n + RT_BLOCK - 1) / RT_BLOCK);
    rt_tensor *there = rt__tensor_new_on(gpu, &blocks, RT_F64);
    if (there) {
        e->missing = NULL;
        e->kernels->sum_squares[RT_F32](e, n, x, there->data);
        if (e->missing)
            RT_FAIL(UNSUPPORTED, "%s: norms need double precision, which the device lacks",
                    gpu->name);
        e->missing = NULL;
        rt_copy_out(there, sums);
    }
    rt_scope_end(s);
    return rt_error_code();
}

/* Adds the sums of blocks [lo,hi) in the tree order of slices.h. */
static double tree_sum(const double *sums, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return sums[lo];
    int64_t m = rt_tree_split(lo, hi);
    return tree_sum(sums, lo, m) + tree_sum(sums, m, hi);
}

double rt_optim_norm_of_blocks(const double *square_sums, int64_t blocks)
{
    if (blocks > 0 && !rt__given(square_sums, "optim_norm_of_blocks", "list of sums"))
        return NAN;
    return blocks > 0 ? sqrt(tree_sum(square_sums, 0, blocks)) : 0;
}

/* Like tree_sum, but computes each block's sum when the tree needs it.
 */
static double tree_sum_of(const rt_optim *o, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return rt_optim_block_square_sum(o, lo);
    int64_t m = rt_tree_split(lo, hi);
    return tree_sum_of(o, lo, m) + tree_sum_of(o, m, hi);
}

/* Returns whether backward has left a gradient in any parameter. A trainer that fills the flat buffer itself has none. */
static bool any_gradient(const rt_flat *flat)
{
    for (int32_t i = 0; i < flat->entries; i++)
        if (rt_grad_of(flat->entry[i].param))
            return true;
    return false;
}

double rt_optim_grad_norm(const rt_optim *o, double scale)
{
    if (!rt__is_optim("optim_grad_norm", o))
        return NAN;
    if (any_gradient(&o->flat.flat))
        rt__place_complete(&o->flat.grad, &o->flat.flat);
    return scale * sqrt(tree_sum_of(o, 0, (o->flat.flat.count + RT_BLOCK - 1) / RT_BLOCK));
}
