#include "common/state/saved_parts.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config.h"
#include "common/config/optimizer_states.h"
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

static void add(rt_saved_parts *p, const char *kind, const char *tensor, rt_dims shape)
{
    int64_t n = 1;
    for (int k = 0; k < shape.n; k++)
        n *= shape.d[k];
    p->part[p->count++] = (rt_saved_part){kind, tensor, shape, n, p->elements};
    p->elements += n;
}

/* Adds the tensors of the layout: parameters, then buffers. */
static void add_tensors(rt_saved_parts *p, const rt_manifest *m)
{
    for (size_t i = 0; i < json_array_size(m->layout); i++) {
        rt_layout_tensor t = rt_manifest_tensor(m, i);
        add(p, t.is_buffer ? "buffer" : "param", t.name, t.shape);
    }
}

static void add_state(rt_saved_parts *p, const rt_manifest *m, const rt_optimizer_state *s)
{
    for (size_t i = 0; i < json_array_size(m->layout); i++) {
        rt_layout_tensor t = rt_manifest_tensor(m, i);
        rt_dims shape;
        if (!t.is_buffer && rt_state_shape(s->layout, t.shape, (int64_t)i, &shape))
            add(p, s->name, t.name, shape);
    }
}

static int by_name(const void *a, const void *b)
{
    const rt_saved_part *x = *(const rt_saved_part *const *)a,
                        *y = *(const rt_saved_part *const *)b;
    int kind = strcmp(x->kind, y->kind);
    return kind ? kind : strcmp(x->tensor, y->tensor);
}

rt_status rt_saved_parts_list(const rt_manifest *m, const char *dir, rt_saved_parts *p)
{
    rt_config cfg;
    rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX];
    *p = (rt_saved_parts){0};
    RT_TRY(rt_config_parse(m->config, strlen(m->config), dir, &cfg));
    int states = rt_config_optimizer_states(&cfg, state);
    rt_config_release(&cfg);
    size_t most = json_array_size(m->layout) * (size_t)(1 + states);
    p->part = rt_calloc(most, sizeof *p->part);
    p->sorted = rt_calloc(most, sizeof *p->sorted);
    if (!p->part || !p->sorted) {
        rt_saved_parts_release(p);
        return rt_error_code();
    }
    add_tensors(p, m);
    for (int i = 0; i < states; i++)
        add_state(p, m, &state[i]);
    for (int64_t i = 0; i < p->count; i++)
        p->sorted[i] = &p->part[i];
    qsort(p->sorted, (size_t)p->count, sizeof *p->sorted, by_name);
    return RT_OK;
}

void rt_saved_parts_release(rt_saved_parts *p)
{
    rt_mem_free(p->part);
    rt_mem_free(p->sorted);
    *p = (rt_saved_parts){0};
}

/* ---- lookups ---- */

const rt_saved_part *rt_saved_parts_find(const rt_saved_parts *p, const char *kind,
                                         const char *tensor)
{
    const rt_saved_part key = {.kind = kind, .tensor = tensor}, *wanted = &key;
    const rt_saved_part **found =
        bsearch(&wanted, p->sorted, (size_t)p->count, sizeof *p->sorted, by_name);
    return found ? *found : NULL;
}

bool rt_saved_parts_have_kind(const rt_saved_parts *p, const char *kind)
{
    for (int64_t i = 0; i < p->count; i++)
        if (strcmp(p->part[i].kind, kind) == 0)
            return true;
    return false;
}

bool rt_saved_parts_have_tensor(const rt_saved_parts *p, const char *tensor)
{
    for (int64_t i = 0; i < p->count; i++)
        if (strcmp(p->part[i].tensor, tensor) == 0)
            return true;
    return false;
}
