/* Describes a module as text. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/nn/module.h"

/* Returns the first name of this slot's tensor if the slot is an alias, else NULL. */
static const char *first_name(const rt__index *x, const rt_module *m, int32_t slot)
{
    for (int64_t i = 0; i < x->alias.count; i++)
        if (x->alias.at[i].owner == m && x->alias.at[i].slot == slot)
            return x->alias.at[i].first;
    return NULL;
}

static void add_tensor(rt_text *to, const rt__index *x, const rt_module *m, int32_t slot)
{
    const rt__slot *s = &m->inside->slot[slot];
    const char *first = first_name(x, m, slot);
    rt_text_add(to, " %s %s", s->name, rt_dims_text(rt_dims_of(s->tensor)));
    if (s->kind == RT__BUFFER)
        rt_text_add(to, s->persistent ? " (buffer)" : " (buffer, not saved)");
    else if (!rt_requires_grad(s->tensor))
        rt_text_add(to, " (frozen)");
    if (first)
        rt_text_add(to, " (is %s)", first);
}

static void add_module(rt_text *to, const rt__index *x, const rt_module *m, const char *name,
                       int depth)
{
    rt_text_add(to, "%*s%-*s %-12s", 2 * depth, "", 12 - 2 * depth, name, m->type->name);
    for (int32_t i = 0; i < m->inside->count; i++)
        if (m->inside->slot[i].tensor)
            add_tensor(to, x, m, i);
    rt_text_add(to, "\n");
    for (int32_t i = 0; i < m->inside->count; i++)
        if (m->inside->slot[i].child)
            add_module(to, x, m->inside->slot[i].child, m->inside->slot[i].name, depth + 1);
}

/* Counts the elements of frozen parameters. */
static int64_t count_frozen(const rt__index *x)
{
    int64_t n = 0;
    for (int64_t i = 0; i < x->param.count; i++)
        if (!rt_requires_grad(x->param.at[i].tensor))
            n += rt_numel(x->param.at[i].tensor);
    return n;
}

static int64_t count_in_buffers(const rt__index *x)
{
    int64_t n = 0;
    for (int64_t i = 0; i < x->buffer.count; i++)
        n += rt_numel(x->buffer.at[i].tensor);
    return n;
}

char *rt_nn_summary(const rt_module *m)
{
    const rt__index *x = rt__is_module("nn_summary", m) ? rt__nn_index(m) : NULL;
    if (!x)
        return NULL;
    rt_text text = {0};
    add_module(&text, x, m, "net", 0);
    int64_t frozen = count_frozen(x), buffers = count_in_buffers(x);
    rt_text_add(&text, "%lld parameter%s", (long long)x->numel, rt_plural(x->numel));
    if (frozen)
        rt_text_add(&text, ", %lld of them frozen", (long long)frozen);
    if (buffers)
        rt_text_add(&text, ", and %lld number%s in buffers", (long long)buffers,
                    rt_plural(buffers));
    rt_text_add(&text, "\n");
    return rt_text_take(&text);
}

void rt_text_free(char *text)
{
    rt_mem_free(text);
}
