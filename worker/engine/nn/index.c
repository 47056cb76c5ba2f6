/* The index of a module: all parameters and buffers of it and its descendants, by number and by name. It is built when first needed
 * and dropped when something new is registered. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/nn/module.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- building the index ---- */

static void entries_free(rt__entries *e)
{
    for (int64_t i = 0; i < e->count; i++)
        rt_mem_free(e->at[i].name);
    rt_mem_free(e->at);
}

void rt__nn_index_free(rt__index *x)
{
    if (!x)
        return;
    entries_free(&x->param);
    entries_free(&x->buffer);
    entries_free(&x->alias);
    rt_mem_free(x);
}

/* Adds an entry and takes over its name. */
static rt_status add_entry(rt__entries *e, const rt__entry *entry)
{
    if (e->count == e->capacity) {
        int64_t capacity = e->capacity ? 2 * e->capacity : 16;
        rt__entry *at = rt_realloc(e->at, (size_t)capacity * sizeof *at);
        if (!at)
            return rt_error_code();
        e->at = at;
        e->capacity = capacity;
    }
    e->at[e->count++] = *entry;
    return RT_OK;
}

static char *join(const char *path, const char *name)
{
    return *path ? rt_strdup_printf("%s.%s", path, name) : rt_strdup(name);
}

/* Adds all slots of m and its descendants; `path` is m's full name. */
static rt_status collect(rt__index *x, rt_module *m, const char *path)
{
    for (int32_t i = 0; i < m->inside->count; i++) {
        const rt__slot *s = &m->inside->slot[i];
        char *name = join(path, s->name);
        if (!name)
            return rt_error_code();
        rt__entry entry = {.tensor = s->tensor, .name = name, .owner = m, .slot = i};
        rt_status status = s->child
                               ? collect(x, s->child, name)
                               : add_entry(s->kind == RT__PARAM ? &x->param : &x->buffer, &entry);
        if (s->child || status != RT_OK)
            rt_mem_free(name);
        RT_TRY(status);
    }
    return RT_OK;
}

static int by_tensor_then_place(const void *a, const void *b)
{
    const rt__entry *x = *(rt__entry *const *)a, *y = *(rt__entry *const *)b;
    if (x->tensor != y->tensor)
        return (uintptr_t)x->tensor < (uintptr_t)y->tensor ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Sets each entry's `first`: the name under which its tensor comes first. */
static rt_status find_first(const rt__entries *e)
{
    rt__entry **order = rt_calloc((size_t)e->count + 1, sizeof *order);
    if (!order)
        return rt_error_code();
    for (int64_t i = 0; i < e->count; i++)
        order[i] = &e->at[i];
    qsort(order, (size_t)e->count, sizeof *order, by_tensor_then_place);
    for (int64_t i = 0; i < e->count; i++) {
        bool again = i > 0 && order[i]->tensor == order[i - 1]->tensor;
        order[i]->first = again ? order[i - 1]->first : order[i]->name;
    }
    rt_mem_free(order);
    return RT_OK;
}

/* Moves repeated occurrences of a tensor to the aliases. */
static rt_status part_aliases(rt__entries *e, rt__entries *alias)
{
    RT_TRY(find_first(e));
    int64_t left = 0;
    for (int64_t i = 0; i < e->count; i++) {
        rt__entry x = e->at[i];
        if (x.first == x.name)
            e->at[left++] = x;
        else if (add_entry(alias, &x) != RT_OK)
            rt_mem_free(x.name);
    }
    e->count = left;
    return rt_error_code();
}

static rt_status fill(rt__index *x, rt_module *m)
{
    RT_TRY(collect(x, m, ""));
    RT_TRY(part_aliases(&x->param, &x->alias));
    RT_TRY(part_aliases(&x->buffer, &x->alias));
    for (int64_t i = 0; i < x->param.count; i++)
        x->numel += rt_numel(x->param.at[i].tensor);
    return RT_OK;
}

const rt__index *rt__nn_index(const rt_module *m)
{
    if (m->inside->index)
        return m->inside->index;
    rt__index *x = rt_calloc(1, sizeof *x);
    if (!x)
        return NULL;
    if (fill(x, (rt_module *)m) != RT_OK) {
        rt__nn_index_free(x);
        return NULL;
    }
    return m->inside->index = x;
}

/* ---- queries ---- */

static const rt__entry *entry_at(const char *what, const rt_module *m, int64_t i, size_t list)
{
    const rt__index *x = rt__is_module(what, m) ? rt__nn_index(m) : NULL;
    const rt__entries *e = x ? (const rt__entries *)((const char *)x + list) : NULL;
    return e && i >= 0 && i < e->count ? &e->at[i] : NULL;
}
#define ENTRY_AT(what, m, i, list) entry_at(what, m, i, offsetof(rt__index, list))

static rt_tensor *show(const rt__entry *e, const char **name)
{
    if (name && e)
        *name = e->name;
    return e ? e->tensor : NULL;
}

int64_t rt_nn_param_count(const rt_module *m)
{
    const rt__index *x = rt__is_module("nn_param_count", m) ? rt__nn_index(m) : NULL;
    return x ? x->param.count : 0;
}

rt_tensor *rt_nn_param_at(const rt_module *m, int64_t i, const char **name)
{
    return show(ENTRY_AT("nn_param_at", m, i, param), name);
}

bool rt_nn_param_trainable(const rt_module *m, int64_t i)
{
    return rt_requires_grad(show(ENTRY_AT("nn_param_trainable", m, i, param), NULL));
}

int64_t rt_nn_numel(const rt_module *m)
{
    const rt__index *x = rt__is_module("nn_numel", m) ? rt__nn_index(m) : NULL;
    return x ? x->numel : 0;
}

int64_t rt_nn_buffer_count(const rt_module *m)
{
    const rt__index *x = rt__is_module("nn_buffer_count", m) ? rt__nn_index(m) : NULL;
    return x ? x->buffer.count : 0;
}

rt_tensor *rt_nn_buffer_at(const rt_module *m, int64_t i, const char **name, bool *persistent)
{
    const rt__entry *e = ENTRY_AT("nn_buffer_at", m, i, buffer);
    if (e && persistent)
        *persistent = e->owner->inside->slot[e->slot].persistent;
    return show(e, name);
}

double rt_nn_buffer_momentum(const rt_module *m, int64_t i)
{
    const rt__entry *e = ENTRY_AT("nn_buffer_momentum", m, i, buffer);
    return e ? e->owner->inside->slot[e->slot].momentum : 0;
}

int64_t rt_nn_alias_count(const rt_module *m)
{
    const rt__index *x = rt__is_module("nn_alias_count", m) ? rt__nn_index(m) : NULL;
    return x ? x->alias.count : 0;
}

rt_tensor *rt_nn_alias_at(const rt_module *m, int64_t i, const char **name, const char **first)
{
    const rt__entry *e = ENTRY_AT("nn_alias_at", m, i, alias);
    if (e && first)
        *first = e->first;
    return show(e, name);
}

/* ---- by name ---- */

/* Follows the parts of the name down; returns the last part's slot, or NULL if there is none. */
static rt__slot *find(const rt_module *m, const char *name)
{
    for (;;) {
        size_t len = strcspn(name, ".");
        rt__slot *s = rt__nn_slot(m, name, len);
        if (!s || !name[len])
            return s;
        m = s->child;
        name += len + 1;
        if (!m)
            return NULL;
    }
}

rt_tensor *rt_nn_find(const rt_module *m, const char *name)
{
    if (!rt__is_module("nn_find", m) || !rt__given(name, "nn_find", "name"))
        return NULL;
    const rt__slot *s = find(m, name);
    return s ? s->tensor : NULL;
}

rt_module *rt_nn_find_module(const rt_module *m, const char *name)
{
    if (!rt__is_module("nn_find_module", m) || !rt__given(name, "nn_find_module", "name"))
        return NULL;
    if (!*name)
        return (rt_module *)m;
    const rt__slot *s = find(m, name);
    return s ? s->child : NULL;
}

rt_tensor *rt_nn_own_param_at(const rt_module *m, int i, const char **name)
{
    if (!rt__is_module("nn_own_param_at", m))
        return NULL;
    for (int32_t k = 0; k < m->inside->count; k++) {
        const rt__slot *s = &m->inside->slot[k];
        if (s->kind != RT__PARAM || i-- != 0)
            continue;
        if (name)
            *name = s->name;
        return s->tensor;
    }
    return NULL;
}
