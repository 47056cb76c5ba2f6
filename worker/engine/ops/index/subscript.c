/* x[items], read and assigned. Integers, slices and new axes make a view of x; what is picked by tensors is then picked from that view, or
 * put into it. A mask stands for the indices of its true elements. */
#include "worker/engine/ops/index/subscript.h"

#include <string.h>

/* What is done so far: the next item is for axis `axis` of `view`. */
typedef struct walk {
    const char *what;
    rt_tensor *view;
    int axis, item; /* item: its number, from 0 */
    bool picks;     /* there are tensors among the items */
    rt_tensor *index[RT_MAX_DIMS];
} walk;

static rt_status in_item(const walk *w)
{
    return rt_error_prefix("%s: item %d", w->what, w->item);
}

/* ---- tensors ---- */

static bool is_mask(const rt_tensor *pick)
{
    return pick->dtype == RT_BOOL || pick->dtype == RT_U8;
}

/* Returns whether the axes of the view that a mask is for can be one axis without a copy. */
static bool can_merge(const rt_tensor *x, int axis, int n)
{
    for (int i = axis; i < axis + n - 1; i++)
        if (x->stride[i] != x->stride[i + 1] * x->dims.d[i + 1])
            return false;
    return n > 1;
}

/* A mask of no axes picks from a new one. */
static rt_status fit_mask(walk *w, rt_tensor **mask)
{
    int n = (*mask)->dims.n;
    if (n == 0) {
        w->view = rt_unsqueeze(w->view, w->axis);
        *mask = rt_reshape(*mask, rt_shape(1));
        return rt_error_code();
    }
    for (int i = 0; i < n; i++)
        if (w->view->dims.d[w->axis + i] != (*mask)->dims.d[i])
            return RT_FAIL(SHAPE, "the mask %s does not fit axes %d to %d of %s",
                           rt_describe(*mask), w->axis, w->axis + n - 1, rt_describe(w->view));
    return RT_OK;
}

static rt_status add_mask(walk *w, rt_tensor *mask)
{
    RT_TRY(fit_mask(w, &mask));
    int n = mask->dims.n;
    if (n > 1 && can_merge(w->view, w->axis, n)) {
        w->view = rt_flatten(w->view, w->axis, w->axis + n - 1);
        mask = rt_reshape(mask, rt_shape(mask->numel));
        n = 1;
    }
    mask = rt_to(rt_detach(mask), RT_BOOL);
    rt_tensor *places = n == 1 ? rt__places(mask) : rt_nonzero(mask);
    for (int i = 0; i < n && places; i++)
        w->index[w->axis++] = n == 1 ? places : rt_select(places, 1, i);
    return rt_error_code();
}

static rt_status add_pick(walk *w, rt_tensor *pick)
{
    w->picks = true;
    if (is_mask(pick))
        return add_mask(w, pick);
    if (!rt__dtype_is_whole(pick->dtype))
        return RT_FAIL(DTYPE, "the tensor is %s, expected integers or bool: convert it with rt_to",
                       rt_describe(pick));
    w->index[w->axis++] = pick;
    return RT_OK;
}

/* ---- items ---- */

/* Returns how many axes of x an item is for; -1 with an error if its tensor is none. */
static int axes_of(const rt_subscript *s)
{
    switch (s->kind) {
    case RT_SUBSCRIPT_AT:
    case RT_SUBSCRIPT_SLICE:
        return 1;
    case RT_SUBSCRIPT_PICK:
        if (!rt__object_is(s->pick, &rt__tensor_type, "RT_PICK", 1))
            return -1;
        return is_mask(s->pick) ? s->pick->dims.n : 1;
    default:
        return 0;
    }
}

/* Returns how many axes RT_REST stands for; -1 with an error if the items do not fit x. */
static int rest_of(const char *what, const rt_tensor *x, const rt_subscripts *items)
{
    int axes = 0, rests = 0;
    if (items->n < 0 || items->n > (int)(sizeof items->item / sizeof *items->item))
        return RT_FAIL(ARG, "%s: %d items", what, items->n), -1;
    for (int i = 0; i < items->n; i++) {
        int n = axes_of(&items->item[i]);
        if (n < 0) {
            rt_error_prefix("%s: item %d", what, i);
            return -1;
        }
        axes += n;
        rests += items->item[i].kind == RT_SUBSCRIPT_REST;
    }
    if (rests > 1)
        return RT_FAIL(ARG, "%s: '...' (RT_REST) stands twice among the items", what), -1;
    if (axes > x->dims.n)
        return RT_FAIL(SHAPE, "%s: the items are for %d axes, but x is %s", what, axes,
                       rt_describe(x)),
               -1;
    return x->dims.n - axes;
}

static rt_status add_item(walk *w, const rt_subscript *s, int rest)
{
    switch ((rt_subscript_kind)s->kind) {
    case RT_SUBSCRIPT_AT:
        w->view = rt_select(w->view, w->axis, s->start);
        break;
    case RT_SUBSCRIPT_SLICE:
        if (s->step < 1)
            return RT_FAIL(RANGE, "the step is %lld, expected 1 or more", (long long)s->step);
        if (s->start != 0 || s->end != RT_END || s->step != 1)
            w->view = rt_slice(w->view, w->axis, s->start, s->end, s->step);
        w->axis++;
        break;
    case RT_SUBSCRIPT_NEW_AXIS:
        w->view = rt_unsqueeze(w->view, w->axis++);
        break;
    case RT_SUBSCRIPT_REST:
        w->axis += rest;
        break;
    case RT_SUBSCRIPT_PICK:
        return add_pick(w, s->pick);
    default:
        return RT_FAIL(ARG, "there is no kind %d of items", s->kind);
    }
    return rt_error_code();
}

/* Makes the view and the indices. x is a tensor. */
static rt_status follow(walk *w, const char *what, rt_tensor *x, const rt_subscripts *items)
{
    *w = (walk){.what = what, .view = x};
    int rest = rest_of(what, x, items);
    if (rest < 0)
        return rt_error_code();
    for (; w->item < items->n; w->item++)
        if (add_item(w, &items->item[w->item], rest) != RT_OK)
            return in_item(w);
    return RT_OK;
}

/* ---- reading and writing ---- */

rt_tensor *rt_index_(rt_tensor *x, rt_subscripts items)
{
    if (!rt__takes("index", x))
        return NULL;
    rt_scope s = rt_scope_begin();
    walk w;
    rt_tensor *y = NULL;
    if (follow(&w, "index", x, &items) == RT_OK)
        y = w.picks ? rt__pick(w.view, w.index) : w.view == x ? rt_expand(x, x->dims) : w.view;
    return rt_scope_return(s, y);
}

static rt_tensor *write(const char *what, rt_tensor *x, rt_tensor *values,
                        const rt_subscripts *items, bool accumulate)
{
    if (!rt__takes(what, x) || !rt__object_is(values, &rt__tensor_type, what, 2))
        return NULL;
    rt_scope s = rt_scope_begin();
    walk w;
    if (follow(&w, what, x, items) == RT_OK) {
        values = rt_to(values, x->dtype);
        if (w.picks)
            rt__put(w.view, w.index, values, accumulate);
        else if (accumulate)
            rt_add_inplace(w.view, values);
        else
            rt_copy_into(w.view, values);
    }
    rt_scope_end(s);
    return rt_failed() ? NULL : x;
}

rt_tensor *rt_index_put_inplace_(rt_tensor *x, rt_tensor *values, rt_subscripts items)
{
    return write("index_put", x, values, &items, false);
}

rt_tensor *rt_index_accumulate_inplace_(rt_tensor *x, rt_tensor *values, rt_subscripts items)
{
    return write("index_accumulate", x, values, &items, true);
}

/* Writes into a copy. */
static rt_tensor *written(const char *what, rt_tensor *x, rt_tensor *values,
                          const rt_subscripts *items, bool accumulate)
{
    if (!rt__takes(what, x))
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_tensor *y = write(what, rt_clone(x), values, items, accumulate);
    return rt_scope_return(s, y);
}

rt_tensor *rt_index_put_(rt_tensor *x, rt_tensor *values, rt_subscripts items)
{
    return written("index_put", x, values, &items, false);
}

rt_tensor *rt_index_accumulate_(rt_tensor *x, rt_tensor *values, rt_subscripts items)
{
    return written("index_accumulate", x, values, &items, true);
}
