#include "worker/restore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"

/* ---- the layout ---- */

static bool same_tensor(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"name", "dtype", "shape"};
    for (int i = 0; i < 3; i++)
        if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
            return false;
    return true;
}

static rt_status layout_differs(const rt__saved *s, const json_t *theirs, const json_t *ours)
{
    char *a = theirs ? rt_json_text(theirs) : NULL, *b = ours ? rt_json_text(ours) : NULL;
    rt_status status = RT_FAIL(
        MISMATCH,
        "%s: of another model: it has %s where this one has %s: use the configuration it was "
        "made with",
        s->dir, a ? a : "no tensor", b ? b : "none");
    rt_mem_free(a);
    rt_mem_free(b);
    return status;
}

rt_status rt__restore_check_layout(const rt__saved *s, const char *layout)
{
    json_t *theirs, *ours;
    RT_TRY(rt_json_member(s->manifest, "layout", s->dir, &theirs));
    RT_TRY(rt_json_parse(layout, strlen(layout), "layout of this model", &ours));
    rt_status status = RT_OK;
    for (size_t i = 0;
         status == RT_OK && (i < json_array_size(theirs) || i < json_array_size(ours)); i++) {
        const json_t *a = json_array_get(theirs, i),
                     *b = json_array_get(ours, i); /* NULL past the end */
        if (!same_tensor(a, b))
            status = layout_differs(s, a, b);
    }
    json_decref(ours);
    return status;
}

/* ---- what is where ---- */

/* A stretch of one flat buffer and where its values are. */
typedef struct stretch {
    int kind;           /* number in the destination */
    int64_t begin, end; /* elements of the flat buffer */
    const void *data;
} stretch;

typedef struct stretches {
    stretch *item;
    int64_t count;
} stretches;

/* Returns the number of a kind, or to->kinds if it is not wanted here. */
static int find_kind(const rt__destination *to, const char *name)
{
    int kind = 0;
    while (kind < to->kinds && strcmp(to->kind[kind].name, name) != 0)
        kind++;
    return kind;
}

static const rt_flat_entry *find_tensor(const rt__destination *to, const char *name)
{
    for (int32_t i = 0; i < to->tensors; i++)
        if (strcmp(to->tensor[i].name, name) == 0)
            return &to->tensor[i];
    return NULL;
}

static rt_status locate(const rt__saved *s, const rt__destination *to, int piece,
                        const rt__saved_entry *e, stretch *out)
{
    const rt_flat_entry *t = find_tensor(to, e->tensor);
    if (!t)
        return RT_FAIL(MISMATCH, "%s: piece %d: tensor %s is not of this model", s->dir, piece,
                       e->tensor);
    int64_t size = t->end - t->begin;
    if (e->start > size || e->count > size - e->start)
        return RT_FAIL(CORRUPT,
                       "%s: piece %d: %s/%s@%" PRId64 " holds %" PRId64
                       " elements and passes the tensor's %" PRId64,
                       s->dir, piece, e->kind, e->tensor, e->start, e->count, size);
    int kind = find_kind(to, e->kind);
    if (kind == to->kinds && !to->other_kinds_too)
        return RT_FAIL(MISMATCH,
                       "%s: piece %d holds optimiser state \"%s\", which this optimiser does not "
                       "have: resume with "
                       "the one it was made with",
                       s->dir, piece, e->kind);
    int64_t begin = t->begin + e->start;
    *out = (stretch){kind, begin, begin + e->count, e->data};
    return RT_OK;
}

/* Lists the stretches that are wanted. */
static rt_status collect(const rt__saved *s, const rt__destination *to, stretches *list)
{
    int64_t total = 0;
    for (int p = 0; p < s->pieces; p++)
        total += rt_st_count(s->piece[p]);
    list->item = rt_calloc((size_t)total, sizeof *list->item);
    if (!list->item)
        return RT_E_NOMEM;
    for (int p = 0; p < s->pieces; p++)
        for (int64_t i = 0; i < rt_st_count(s->piece[p]); i++) {
            rt__saved_entry e;
            stretch x;
            RT_TRY(rt__saved_entry_at(s, p, i, &e));
            RT_TRY(locate(s, to, p, &e, &x));
            if (x.kind < to->kinds && x.begin < x.end)
                list->item[list->count++] = x;
        }
    return RT_OK;
}

/* ---- every element exactly once ---- */

static int by_kind_and_begin(const void *a, const void *b)
{
    const stretch *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static rt_status bad_cover(const rt__saved *s, const rt__destination *to, int kind, int64_t at,
                           const char *what)
{
    int32_t i = 0;
    while (i + 1 < to->tensors && to->tensor[i].end <= at)
        i++;
    return RT_FAIL(CORRUPT, "%s: element %" PRId64 " of %s/%s is %s: use another checkpoint",
                   s->dir, at - to->tensor[i].begin, to->kind[kind].name, to->tensor[i].name, what);
}

static rt_status check_cover(const rt__saved *s, const rt__destination *to, const stretches *sorted)
{
    int64_t i = 0;
    for (int kind = 0; kind < to->kinds; kind++) {
        int64_t at = 0;
        for (; i < sorted->count && sorted->item[i].kind == kind; i++) {
            const stretch *x = &sorted->item[i];
            if (x->begin > at)
                return bad_cover(s, to, kind, at, "missing");
            if (x->begin < at)
                return bad_cover(s, to, kind, x->begin, "there twice");
            at = x->end;
        }
        if (at < to->count)
            return bad_cover(s, to, kind, at, "missing");
    }
    return RT_OK;
}

rt_status rt__restore(const rt__saved *saved, const rt__destination *to)
{
    stretches list = {0};
    rt_status status = collect(saved, to, &list);
    if (status == RT_OK) {
        qsort(list.item, (size_t)list.count, sizeof *list.item, by_kind_and_begin);
        status = check_cover(saved, to, &list);
    }
    for (int64_t i = 0; status == RT_OK && i < list.count; i++) {
        const stretch *x = &list.item[i];
        memcpy(to->kind[x->kind].data + x->begin, x->data,
               (size_t)(x->end - x->begin) * sizeof(float));
    }
    rt_mem_free(list.item);
    return status;
}

/* ---- into a run ---- */

void rt__destination_of_run(rt__destination *to, const rt_run *run, rt__wanted wanted)
{
    const rt_flat *flat = rt_run_flat(run);
    rt_optim *optim = rt_run_optim(run);
    *to = (rt__destination){
        .tensor = flat->entry,
        .tensors = flat->entries,
        .count = flat->count,
        .kinds = 1,
        .kind[0] = {"param", flat->param},
        .other_kinds_too = wanted == RT__PARAMETERS_ONLY,
    };
    if (wanted == RT__PARAMETERS_ONLY)
        return;
    RT_ASSERT(rt_optim_states(optim) < RT__KINDS_MAX);
    for (int i = 0; i < rt_optim_states(optim); i++) {
        to->kind[to->kinds].data = rt_optim_state(optim, i, &to->kind[to->kinds].name);
        to->kinds++;
    }
}

static rt_status restore_run(rt_run *run, const rt__saved *saved, int64_t slices)
{
    rt__destination to;
    if (saved->slices != slices)
        return RT_FAIL(MISMATCH,
                       "%s: made with %" PRId64 " slices, this run has %" PRId64
                       ": set parallel.slices=%" PRId64,
                       saved->dir, saved->slices, slices, saved->slices);
    RT_TRY(rt__restore_check_layout(saved, rt_run_layout(run)));
    rt__destination_of_run(&to, run, RT__WHOLE_STATE);
    RT_TRY(rt__restore(saved, &to));
    rt_optim_set_updates(rt_run_optim(run), saved->step);
    return RT_OK;
}

rt_status rt__restore_run(rt_run *run, const char *dir, int64_t slices, int64_t *step)
{
    rt__saved saved;
    RT_TRY(rt__saved_open(dir, &saved));
    *step = saved.step;
    rt_status status = restore_run(run, &saved, slices);
    rt__saved_close(&saved);
    return status;
}
