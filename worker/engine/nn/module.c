/* Modules: creation, and registration of their slots. */
#include "worker/engine/nn/module.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/nn/from_row.h"
#include "worker/engine/tensor/tensor.h"
#include <string.h>

_Static_assert(sizeof(rt_object) == sizeof((rt_module *)0)->object,
               "a module starts with an object's head");

/* ---- paths ---- */

/* Extends the FNV-1a hash of a path by a name, preceded by a dot. */
static uint64_t extend_path(uint64_t path, const char *name)
{
    uint64_t h = path ? path : 0xCBF29CE484222325u;
    h = (h ^ '.') * 0x100000001B3u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001B3u;
    return h;
}

static void set_path(rt_module *m, uint64_t path)
{
    m->inside->path = path;
    for (int32_t i = 0; i < m->inside->count; i++) {
        const rt__slot *s = &m->inside->slot[i];
        const rt__parent *p = s->child ? s->child->inside->parent : NULL;
        if (p && p->module == m && p->slot == i)
            set_path(s->child, extend_path(path, s->name));
    }
}

/* ---- creation and destruction ---- */

static rt_status add_parent(rt_module *child, rt_module *parent, int32_t slot)
{
    struct rt_module_inside *in = child->inside;
    if (in->parents == in->parent_capacity) {
        int32_t capacity = in->parent_capacity + 1; /* few modules have more than one parent */
        rt__parent *p = rt_realloc(in->parent, (size_t)capacity * sizeof *p);
        if (!p)
            return rt_error_code();
        in->parent = p;
        in->parent_capacity = capacity;
    }
    in->parent[in->parents++] = (rt__parent){parent, slot};
    return RT_OK;
}

static void remove_parent(rt_module *child, const rt_module *parent)
{
    struct rt_module_inside *in = child->inside;
    int32_t left = 0;
    for (int32_t i = 0; i < in->parents; i++)
        if (in->parent[i].module != parent)
            in->parent[left++] = in->parent[i];
    in->parents = left;
    const rt__parent *p = left > 0 ? in->parent : NULL;
    set_path(child,
             p ? extend_path(p->module->inside->path, p->module->inside->slot[p->slot].name) : 0);
}

static void module_destroy(void *object)
{
    rt_module *m = object;
    struct rt_module_inside *in = m->inside;
    if (!in)
        return;
    if (m->type->destroy)
        m->type->destroy(m);
    for (int32_t i = 0; i < in->count; i++) {
        if (in->slot[i].child)
            remove_parent(in->slot[i].child, m);
        rt_free(in->slot[i].child);
        rt_free(in->slot[i].tensor);
        rt_mem_free(in->slot[i].name);
    }
    rt__nn_index_free(in->index);
    rt_mem_free(in->slot);
    rt_mem_free(in->parent);
    rt_mem_free(in->hook);
    rt__from_row_free(in->from_row);
    rt_mem_free(in);
}

const rt_object_type rt__module_type = {.name = "module", .destroy = module_destroy};

/* Fails unless the type has at most one of .forward and .forward_all, and valid counts. */
static rt_status check_type(const rt_module_type *type)
{
    if (type->size < sizeof(rt_module))
        return RT_FAIL(ARG,
                       "nn_new: type %s has size %zu: expected that of its struct, which starts "
                       "with an rt_module of %zu bytes",
                       type->name, type->size, sizeof(rt_module));
    bool counted = type->n_in != 0 || type->n_optional != 0 || type->n_out != 0;
    if (type->forward && (type->forward_all || counted))
        return RT_FAIL(ARG,
                       "nn_new: type %s has .forward, which takes one input and gives one result: "
                       "for anything else give .forward_all instead",
                       type->name);
    if (type->n_in < RT_MANY || type->n_out < RT_MANY || type->n_optional < 0 ||
        type->n_in + type->n_optional > RT_NN_TENSORS || type->n_out > RT_NN_TENSORS)
        return RT_FAIL(ARG,
                       "nn_new: type %s has %d inputs, %d optional ones and %d results: expected "
                       "RT_MANY or at most %d",
                       type->name, type->n_in, type->n_optional, type->n_out, RT_NN_TENSORS);
    return RT_OK;
}

void *rt_nn_new(const rt_module_type *type)
{
    if (!rt__given(type, "nn_new", "type") ||
        !rt__given(type->name, "nn_new", "name of the type") || check_type(type) != RT_OK)
        return NULL;
    rt_module *m = rt__object_make(&rt__module_type, type->size);
    if (!m)
        return NULL;
    m->type = type; /* set before anything can destroy m */
    m->training = true;
    m->inside = rt_calloc(1, sizeof *m->inside);
    if (!m->inside) {
        rt_free(m);
        return NULL;
    }
    return rt__scope_own(m);
}

/* ---- registration ---- */

rt__slot *rt__nn_slot(const rt_module *m, const char *name, size_t len)
{
    for (int32_t i = 0; i < m->inside->count; i++) {
        rt__slot *s = &m->inside->slot[i];
        if (strncmp(s->name, name, len) == 0 && !s->name[len])
            return s;
    }
    return NULL;
}

static rt_status check_name(const rt_module *self, const char *name)
{
    if (!name || !*name || strchr(name, '.'))
        return RT_FAIL(ARG, "%s: \"%s\": a name must not be empty or have a '.' in it",
                       self->type->name, name ? name : "");
    if (rt__nn_slot(self, name, strlen(name)))
        return RT_FAIL(EXISTS, "%s: \"%s\": the name is already used", self->type->name, name);
    return RT_OK;
}

/* Drops the indexes that lack a new slot: m's own and its ancestors'. */
static void forget_index(rt_module *m)
{
    rt__nn_index_free(m->inside->index);
    m->inside->index = NULL;
    for (int32_t i = 0; i < m->inside->parents; i++)
        forget_index(m->inside->parent[i].module);
}

/* Adds a slot without contents; NULL on failure. */
static rt__slot *add_slot(rt_module *self, const char *name, rt__slot_kind kind)
{
    struct rt_module_inside *in = self->inside;
    if (check_name(self, name) != RT_OK)
        return NULL;
    if (in->count == in->capacity) {
        int32_t capacity = in->capacity ? 2 * in->capacity : 4;
        rt__slot *slot = rt_realloc(in->slot, (size_t)capacity * sizeof *slot);
        if (!slot)
            return NULL;
        in->slot = slot;
        in->capacity = capacity;
    }
    rt__slot *s = &in->slot[in->count];
    *s = (rt__slot){.name = rt_strdup(name), .kind = kind};
    if (!s->name)
        return NULL;
    in->count++;
    forget_index(self);
    return s;
}

static bool contains(const rt_module *m, const rt_module *wanted)
{
    for (int32_t i = 0; m && i < m->inside->count; i++)
        if (contains(m->inside->slot[i].child, wanted))
            return true;
    return m == wanted;
}

rt_module *rt_nn_child(rt_module *self, const char *name, rt_module *child)
{
    if (rt_failed() || !rt__is_module("nn_child", self) ||
        !rt__object_is(child, &rt__module_type, "nn_child", 3))
        return NULL;
    if (contains(child, self))
        return RT_FAIL_NULL(ARG, "%s: \"%s\": a module cannot be part of itself", self->type->name,
                            name ? name : "");
    if (check_name(self, name) != RT_OK || add_parent(child, self, self->inside->count) != RT_OK)
        return NULL;
    rt__slot *s = add_slot(self, name, RT__CHILD);
    if (!s) {
        child->inside->parents--;
        return NULL;
    }
    if (child->inside->parents == 1)
        set_path(child, extend_path(self->inside->path, name));
    s->picks = -1;
    return s->child = rt_keep(child);
}

rt_tensor *rt_nn_param(rt_module *self, const char *name, rt_tensor *value)
{
    if (rt_failed() || !rt__is_module("nn_param", self) ||
        !rt__object_is(value, &rt__tensor_type, "nn_param", 3))
        return NULL;
    rt_tensor *param = value->leaf ? rt_keep(value) : rt_param(value); /* kept for the slot */
    rt__slot *s = param ? add_slot(self, name, RT__PARAM) : NULL;
    if (!s) {
        rt_free(param);
        return NULL;
    }
    return s->tensor = param;
}

rt_tensor *rt_nn_tie(rt_module *self, const char *name, rt_tensor *param)
{
    if (rt_failed() || !rt__is_module("nn_tie", self) ||
        !rt__object_is(param, &rt__tensor_type, "nn_tie", 3))
        return NULL;
    if (!param->leaf && !param->node)
        return RT_FAIL_NULL(ARG, "nn_tie: %s: %s is no parameter of another module",
                            name ? name : "", rt_describe(param));
    return rt_nn_param(self, name, param);
}

rt_tensor *rt_nn_buffer(rt_module *self, const char *name, rt_tensor *value, unsigned flags)
{
    if (rt_failed() || !rt__is_module("nn_buffer", self) ||
        !rt__object_is(value, &rt__tensor_type, "nn_buffer", 3))
        return NULL;
    if (flags & ~(unsigned)(RT_PERSISTENT | RT_NOT_NEGATIVE) || flags == RT_NOT_NEGATIVE)
        return RT_FAIL_NULL(ARG,
                            "nn_buffer: %s: flags %#x, expected RT_PERSISTENT, alone or with "
                            "RT_NOT_NEGATIVE, or 0",
                            name ? name : "", flags);
    if (value->node || value->leaf)
        return RT_FAIL_NULL(ARG, "nn_buffer: %s: %s has a history: detach it first",
                            name ? name : "", rt_describe(value));
    if (flags && value->dtype != RT_F32)
        return RT_FAIL_NULL(DTYPE, "nn_buffer: %s: %s: a saved buffer must be float32",
                            name ? name : "", rt_describe(value));
    rt__slot *s = add_slot(self, name, RT__BUFFER);
    if (!s)
        return NULL;
    s->persistent = flags & RT_PERSISTENT;
    s->not_negative = flags & RT_NOT_NEGATIVE;
    return s->tensor = rt_keep(value);
}

void rt_nn_train(rt_module *m, bool training)
{
    if (!rt__is_module("nn_train", m))
        return;
    m->training = training;
    for (int32_t i = 0; i < m->inside->count; i++)
        if (m->inside->slot[i].child)
            rt_nn_train(m->inside->slot[i].child, training);
}

/* ---- freezing ---- */

static rt_status refuse_pattern(const rt__index *x, const char *pattern)
{
    const rt__entries *p = &x->param;
    return RT_FAIL(
        NOTFOUND,
        "freeze: no parameter matches \"%s\": expected a name, or a pattern with * and ?; "
        "the first one is \"%s\", the last \"%s\"",
        pattern, p->count ? p->at[0].name : "", p->count ? p->at[p->count - 1].name : "");
}

static rt_status move_to(rt_tensor *x, rt_device device)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *value = rt__param_value(x);
    rt_grad_clear(x);
    bool former = rt_no_grad_begin();
    rt_tensor *there = rt_to_device(value, device);
    rt_no_grad_end(former);
    if (there && there != value) {
        if (value != x)
            rt__param_clear_home(x);
        rt__tensor_show(x, there);
    }
    rt_scope_end(s);
    return rt_error_code();
}

rt_status rt_nn_to_device(rt_module *m, rt_device device)
{
    if (rt_failed() || !rt__is_module("nn_to_device", m))
        return rt_error_code();
    for (int64_t i = 0; i < rt_nn_param_count(m); i++)
        RT_TRY(move_to(rt_nn_param_at(m, i, NULL), device));
    for (int64_t i = 0; i < rt_nn_buffer_count(m); i++)
        RT_TRY(move_to(rt_nn_buffer_at(m, i, NULL, NULL), device));
    return RT_OK;
}

rt_status rt_nn_freeze(rt_module *m, const char *pattern, bool frozen)
{
    if (rt_failed() || !rt__is_module("nn_freeze", m) ||
        !rt__given(pattern, "nn_freeze", "pattern"))
        return rt_error_code();
    const rt__index *x = rt__nn_index(m);
    bool any = false;
    for (int64_t i = 0; x && i < x->param.count + x->alias.count; i++) {
        int64_t of_alias = i - x->param.count;
        const rt__entry *e = of_alias < 0 ? &x->param.at[i] : &x->alias.at[of_alias];
        if (e->owner->inside->slot[e->slot].kind != RT__PARAM || !rt__nn_matches(pattern, e->name))
            continue;
        RT_TRY(rt_set_requires_grad(e->tensor, !frozen));
        any = true;
    }
    if (!x)
        return rt_error_code();
    return any ? RT_OK : refuse_pattern(x, pattern);
}
