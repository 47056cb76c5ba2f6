#include "worker/parallel/mesh.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct mesh_axis {
    char name[RT_MESH_NAME_BYTES];
    int size;
    int stride;      /* ranks between neighbours */
    rt_range *owned; /* [size], in blocks */
    rt_comm *group;  /* owned unless it is the world */
} mesh_axis;

struct rt_mesh {
    int rank, axes;
    rt_comm *world; /* NULL if not connected */
    mesh_axis axis[RT_MESH_AXES_MAX];
    rt_range *owned; /* of all axes, one after another */
};

/* ---- checking that the plan describes a grid ---- */

static rt_status check_axes(const rt_msg_plan *p)
{
    if (p->axes_count < 1 || p->axes_count > RT_MESH_AXES_MAX ||
        p->axis_sizes_count != p->axes_count)
        return RT_FAIL(PROTOCOL,
                       "plan: %lld axes of which %lld have a size, expected 1 to %d with one each",
                       (long long)p->axes_count, (long long)p->axis_sizes_count, RT_MESH_AXES_MAX);
    for (int64_t i = 0; i < p->axes_count; i++) {
        if (!*p->axes[i] || strlen(p->axes[i]) >= RT_MESH_NAME_BYTES)
            return RT_FAIL(PROTOCOL, "plan: axis %lld is called \"%s\", expected 1 to %d bytes",
                           (long long)i, p->axes[i], RT_MESH_NAME_BYTES - 1);
        for (int64_t k = 0; k < i; k++)
            if (strcmp(p->axes[i], p->axes[k]) == 0)
                return RT_FAIL(PROTOCOL, "plan: there are two axes %s", p->axes[i]);
    }
    return RT_OK;
}

/* Checks the product of the sizes; sets *places to their sum. */
static rt_status check_sizes(const rt_msg_plan *p, int world, int64_t *places)
{
    int64_t product = 1;
    *places = 0;
    for (int64_t i = 0; i < p->axes_count; i++) {
        if (p->axis_sizes[i] < 1 || __builtin_mul_overflow(product, p->axis_sizes[i], &product) ||
            product > world)
            return RT_FAIL(PROTOCOL,
                           "plan: axis %s has size %lld: the axes up to it do not fit into a world "
                           "of %d ranks",
                           p->axes[i], (long long)p->axis_sizes[i], world);
        *places += p->axis_sizes[i];
    }
    if (product != world)
        return RT_FAIL(PROTOCOL, "plan: the axes make a mesh of %lld ranks, this world has %d",
                       (long long)product, world);
    return RT_OK;
}

static int by_begin(const void *a, const void *b)
{
    const rt_range *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                                : (x->end > y->end) - (x->end < y->end);
}

/* Checks that the ranges tile [0, blocks); `sorted` is scratch of [size]. */
static rt_status check_owned(const mesh_axis *x, int64_t blocks, rt_range *sorted)
{
    int64_t at = 0;
    memcpy(sorted, x->owned, (size_t)x->size * sizeof *sorted);
    qsort(sorted, (size_t)x->size, sizeof *sorted, by_begin);
    for (int i = 0; i < x->size; i++) {
        const rt_range r = sorted[i];
        if (r.begin < 0 || r.end < r.begin || r.end > blocks)
            return RT_FAIL(PROTOCOL,
                           "plan: axis %s: blocks %lld to %lld have an owner, expected a range "
                           "within %lld blocks",
                           x->name, (long long)r.begin, (long long)r.end, (long long)blocks);
        if (r.begin == r.end)
            continue;
        if (r.begin != at)
            return RT_FAIL(PROTOCOL, "plan: axis %s: block %lld has %s", x->name,
                           (long long)(r.begin < at ? r.begin : at),
                           r.begin < at ? "two owners" : "no owner");
        at = r.end;
    }
    if (at != blocks)
        return RT_FAIL(PROTOCOL, "plan: axis %s: block %lld has no owner", x->name, (long long)at);
    return RT_OK;
}

/* ---- construction ---- */

static void fill_axes(rt_mesh *m, const rt_msg_plan *p, int world)
{
    rt_range *owned = m->owned;
    int stride = world;
    for (int i = 0; i < m->axes; i++) {
        mesh_axis *x = &m->axis[i];
        x->size = (int)p->axis_sizes[i];
        x->stride = stride /= x->size;
        x->owned = owned;
        owned += x->size;
        snprintf(x->name, sizeof x->name, "%s", p->axes[i]);
    }
}

static rt_status fill(rt_mesh *m, const rt_msg_plan *p, int world, int64_t blocks)
{
    const int64_t places = p->owned_count;
    m->owned = rt_calloc(2 * (size_t)places, sizeof *m->owned);
    if (!m->owned)
        return RT_E_NOMEM;
    for (int64_t i = 0; i < places; i++)
        m->owned[i] = (rt_range){p->owned[i].begin, p->owned[i].end};
    fill_axes(m, p, world);
    for (int i = 0; i < m->axes; i++)
        RT_TRY(check_owned(&m->axis[i], blocks, m->owned + places));
    return RT_OK;
}

rt_status rt_mesh_make(const rt_msg_plan *plan, int world, int rank, int64_t blocks, rt_mesh **out)
{
    int64_t places;
    *out = NULL;
    RT_TRY(check_axes(plan));
    RT_TRY(check_sizes(plan, world, &places));
    if (plan->owned_count != places)
        return RT_FAIL(PROTOCOL, "plan: owners of blocks at %lld places, the axes have %lld",
                       (long long)plan->owned_count, (long long)places);
    rt_mesh *m = rt_calloc(1, sizeof *m);
    if (!m)
        return RT_E_NOMEM;
    m->rank = rank;
    m->axes = (int)plan->axes_count;
    rt_status status = fill(m, plan, world, blocks);
    if (status != RT_OK)
        rt_mesh_free(m);
    else
        *out = m;
    return status;
}

void rt_mesh_free(rt_mesh *m)
{
    if (!m)
        return;
    for (int i = 0; i < m->axes; i++)
        if (m->axis[i].group != m->world)
            rt_comm_free(m->axis[i].group);
    rt_mem_free(m->owned);
    rt_mem_free(m);
}

/* ---- queries ---- */

int rt_mesh_axes(const rt_mesh *m)
{
    return m->axes;
}

const char *rt_mesh_name(const rt_mesh *m, int axis)
{
    return m->axis[axis].name;
}

int rt_mesh_size(const rt_mesh *m, int axis)
{
    return m->axis[axis].size;
}

int rt_mesh_find(const rt_mesh *m, const char *name)
{
    for (int i = 0; i < m->axes; i++)
        if (strcmp(m->axis[i].name, name) == 0)
            return i;
    return -1;
}

int rt_mesh_rank(const rt_mesh *m)
{
    return m->rank;
}

int rt_mesh_place(const rt_mesh *m, int axis, int rank)
{
    return rank / m->axis[axis].stride % m->axis[axis].size;
}

int rt_mesh_along(const rt_mesh *m, int axis, int place, int rank)
{
    return rank + (place - rt_mesh_place(m, axis, rank)) * m->axis[axis].stride;
}

rt_range rt_mesh_owned(const rt_mesh *m, int axis, int place)
{
    return m->axis[axis].owned[place];
}

/* ---- communicators ---- */

/* `ranks` is scratch of [world] for the list of members. */
static rt_status connect_axis(rt_mesh *m, int axis, int *ranks)
{
    mesh_axis *x = &m->axis[axis];
    if (x->size == rt_comm_world(m->world)) {
        x->group = m->world;
        return RT_OK;
    }
    for (int place = 0; place < x->size; place++)
        ranks[place] = rt_mesh_along(m, axis, place, m->rank);
    return rt_comm_group(m->world, ranks, x->size, &x->group);
}

rt_status rt_mesh_connect(rt_mesh *m, rt_comm *world)
{
    RT_ASSERT(!m->world && rt_comm_rank(world) == m->rank);
    int *ranks = rt_calloc((size_t)rt_comm_world(world), sizeof *ranks);
    if (!ranks)
        return RT_E_NOMEM;
    m->world = world;
    rt_status status = RT_OK;
    for (int i = 0; i < m->axes && status == RT_OK; i++)
        status = connect_axis(m, i, ranks);
    rt_mem_free(ranks);
    return status;
}

rt_comm *rt_mesh_group(const rt_mesh *m, int axis)
{
    return m->axis[axis].group;
}
