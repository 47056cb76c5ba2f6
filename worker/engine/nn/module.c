/* Modules: registration, walking, forward. */
#include "worker/engine/nn/module.h"

#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/base/object.h"
#include "worker/engine/tensor/tensor.h"

_Static_assert(sizeof(rt_object) == sizeof((rt_module *)0)->object,
               "a module starts with an object's head");

enum { NAME_MAX_BYTES = 512 }; /* of a full parameter name */

static void module_destroy(void *object)
{
    rt_module *m = object;
    if (m->type->destroy)
        m->type->destroy(m);
    for (int32_t i = 0; i < m->slot_count; i++) {
        struct rt_module_slot *s = &m->slots[i];
        rt_free(s->child);
        rt_free(s->param);
        rt_mem_free(s->name);
        rt_mem_free(s->full_name);
    }
    rt_mem_free(m->slots);
}

const rt_object_type rt__module_type = {.name = "module", .destroy = module_destroy};

void *rt_nn_new(const rt_module_type *type)
{
    if (!rt__given(type, "nn_new", "type"))
        return NULL;
    if (!rt__given(type->name, "nn_new", "name of the type"))
        return NULL;
    if (type->size < sizeof(rt_module))
        return RT_FAIL_NULL(
            ARG,
            "nn_new: type %s has size %zu: expected that of its struct, which starts "
            "with an rt_module of %zu bytes",
            type->name, type->size, sizeof(rt_module));
    rt_module *m = rt__object_make(&rt__module_type, type->size);
    if (!m)
        return NULL;
    m->type = type; /* before anything can destroy it */
    m->training = true;
    return rt__scope_own(m);
}

/* ---- registration ---- */

static rt_status check_name(const rt_module *self, const char *name)
{
    if (!name || !*name || strchr(name, '.'))
        return RT_FAIL(ARG, "%s: \"%s\": a name must not be empty or have a '.' in it",
                       self->type->name, name ? name : "");
    for (int32_t i = 0; i < self->slot_count; i++)
        if (strcmp(self->slots[i].name, name) == 0)
            return RT_FAIL(EXISTS, "%s: \"%s\": the name is taken", self->type->name, name);
    return RT_OK;
}

/* Adds an empty slot; NULL on failure. */
static struct rt_module_slot *add_slot(rt_module *self, const char *name)
{
    if (check_name(self, name) != RT_OK)
        return NULL;
    if (self->slot_count == self->slot_capacity) {
        int32_t capacity = self->slot_capacity ? 2 * self->slot_capacity : 4;
        struct rt_module_slot *slots = rt_realloc(self->slots, (size_t)capacity * sizeof *slots);
        if (!slots)
            return NULL;
        self->slots = slots;
        self->slot_capacity = capacity;
    }
    struct rt_module_slot *s = &self->slots[self->slot_count];
    *s = (struct rt_module_slot){.name = rt_strdup(name)};
    if (!s->name)
        return NULL;
    self->slot_count++;
    return s;
}

static bool contains(const rt_module *m, const rt_module *wanted)
{
    for (int32_t i = 0; m && i < m->slot_count; i++)
        if (contains(m->slots[i].child, wanted))
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
    struct rt_module_slot *s = add_slot(self, name);
    return s ? s->child = rt_keep(child) : NULL;
}

rt_tensor *rt_nn_param(rt_module *self, const char *name, rt_tensor *value)
{
    if (rt_failed() || !rt__is_module("nn_param", self) ||
        !rt__object_is(value, &rt__tensor_type, "nn_param", 3))
        return NULL;
    rt_tensor *param = rt_param(value); /* kept for the slot */
    struct rt_module_slot *s = param ? add_slot(self, name) : NULL;
    if (!s) {
        rt_free(param);
        return NULL;
    }
    return s->param = param;
}

/* ---- walking ---- */

/* Writes a name behind the first `at` characters of the path; returns its length then. */
static size_t add_name(char *path, size_t at, const char *name)
{
    int n = snprintf(path + at, NAME_MAX_BYTES - at, at ? ".%s" : "%s", name);
    return at + (size_t)n < NAME_MAX_BYTES ? at + (size_t)n : NAME_MAX_BYTES - 1;
}

/* Finds parameter *left (counting down) in registration order, depth first. Writes its full name
 * into path[at...), unless that is NULL: forming the names on the way takes longer than the search. */
static struct rt_module_slot *find_param(const rt_module *m, int64_t *left, char *path, size_t at)
{
    for (int32_t i = 0; i < m->slot_count; i++) {
        struct rt_module_slot *s = &m->slots[i], *found = NULL;
        if (s->child)
            found = find_param(s->child, left, path, path ? add_name(path, at, s->name) : 0);
        else if ((*left)-- == 0)
            found = s;
        if (found == s && path)
            add_name(path, at, s->name);
        if (found)
            return found;
    }
    return NULL;
}

rt_tensor *rt_nn_param_at(const rt_module *m, int64_t i, const char **name)
{
    char path[NAME_MAX_BYTES];
    bool is = rt__is_module("nn_param_at", m);
    struct rt_module_slot *s = is && i >= 0 ? find_param(m, &i, name ? path : NULL, 0) : NULL;
    if (!s)
        return NULL;
    if (name) {
        if (!s->full_name || strcmp(s->full_name, path) != 0) {
            rt_mem_free(s->full_name);
            s->full_name = rt_strdup(path);
        }
        *name = s->full_name;
    }
    return s->param;
}

int64_t rt_nn_param_count(const rt_module *m)
{
    int64_t count = 0;
    bool is = rt__is_module("nn_param_count", m);
    for (int32_t i = 0; is && i < m->slot_count; i++)
        count += m->slots[i].child ? rt_nn_param_count(m->slots[i].child) : 1;
    return count;
}

int64_t rt_nn_numel(const rt_module *m)
{
    int64_t numel = 0;
    bool is = rt__is_module("nn_numel", m);
    for (int32_t i = 0; is && i < m->slot_count; i++)
        numel += m->slots[i].child ? rt_nn_numel(m->slots[i].child) : rt_numel(m->slots[i].param);
    return numel;
}

void rt_nn_train(rt_module *m, bool training)
{
    if (!rt__is_module("nn_train", m))
        return;
    m->training = training;
    for (int32_t i = 0; i < m->slot_count; i++)
        if (m->slots[i].child)
            rt_nn_train(m->slots[i].child, training);
}

rt_tensor *rt_forward(rt_module *m, rt_tensor *x)
{
    if (rt_failed() || !rt__is_module("forward", m) ||
        !rt__object_is(x, &rt__tensor_type, "forward", 2))
        return NULL;
    if (!m->type->forward)
        return RT_FAIL_NULL(ARG, "forward: %s has none", m->type->name);
    rt_scope s = rt_scope_begin();
    rt_tensor *y = m->type->forward(m, x);
    if (!y && !rt_failed())
        RT_FAIL(ARG, "forward: that of %s returned no tensor (NULL)", m->type->name);
    return rt_scope_return(s, y);
}

/* ---- summary ---- */

static void summarise(const rt_module *m, const char *name, int depth, rt_text *to)
{
    rt_text_add(to, "%*s%-*s %-12s", 2 * depth, "", 12 - 2 * depth, name, m->type->name);
    for (int32_t i = 0; i < m->slot_count; i++)
        if (m->slots[i].param)
            rt_text_add(to, " %s %s", m->slots[i].name,
                        rt_dims_text(rt_dims_of(m->slots[i].param)));
    rt_text_add(to, "\n");
    for (int32_t i = 0; i < m->slot_count; i++)
        if (m->slots[i].child)
            summarise(m->slots[i].child, m->slots[i].name, depth + 1, to);
}

char *rt_nn_summary(const rt_module *m)
{
    if (!rt__is_module("nn_summary", m))
        return NULL;
    rt_text text = {0};
    summarise(m, "net", 0, &text);
    rt_text_add(&text, "%lld parameter%s\n", (long long)rt_nn_numel(m), rt_plural(rt_nn_numel(m)));
    return rt_text_take(&text);
}

void rt_text_free(char *text)
{
    rt_mem_free(text);
}
