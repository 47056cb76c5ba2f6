#include "common/state/saved_cover.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/state/saved_parts.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct stretch {
    int64_t begin, end; /* on the line */
} stretch;

typedef struct cover {
    const rt_saved *saved;
    rt_saved_parts parts;
    stretch *stretch; /* [stretches] */
    int64_t stretches;
} cover;

/* ---- collecting the entries ---- */

static rt_status not_a_part(const cover *c, int piece, const rt_saved_entry *e)
{
    if (!rt_saved_parts_have_tensor(&c->parts, e->tensor))
        return RT_FAIL(CORRUPT,
                       "%s: piece %d: tensor %s is not in the layout: use another checkpoint",
                       c->saved->dir, piece, e->tensor);
    return RT_FAIL(CORRUPT,
                   "%s: piece %d: the configuration's optimiser has no state %s%s%s: "
                   "use another checkpoint",
                   c->saved->dir, piece, e->kind,
                   rt_saved_parts_have_kind(&c->parts, e->kind) ? " of " : "",
                   rt_saved_parts_have_kind(&c->parts, e->kind) ? e->tensor : "");
}

static rt_status locate(const cover *c, int piece, const rt_saved_entry *e, stretch *out)
{
    const rt_saved_part *part = rt_saved_parts_find(&c->parts, e->kind, e->tensor);
    if (!part)
        return not_a_part(c, piece, e);
    if (e->start > part->elements || e->count > part->elements - e->start)
        return RT_FAIL(CORRUPT,
                       "%s: piece %d: %s/%s@%" PRId64 " holds %" PRId64
                       " elements and exceeds the tensor's %" PRId64 ": use another checkpoint",
                       c->saved->dir, piece, e->kind, e->tensor, e->start, e->count,
                       part->elements);
    int64_t begin = part->at + e->start;
    *out = (stretch){begin, begin + e->count};
    return RT_OK;
}

static rt_status collect(cover *c)
{
    const rt_saved *s = c->saved;
    int64_t total = 0;
    for (int p = 0; p < s->pieces; p++)
        total += rt_st_count(s->piece[p]);
    c->stretch = rt_calloc((size_t)total, sizeof *c->stretch);
    if (!c->stretch)
        return rt_error_code();
    for (int p = 0; p < s->pieces; p++)
        for (int64_t i = 0; i < rt_st_count(s->piece[p]); i++) {
            rt_saved_entry e;
            stretch *x = &c->stretch[c->stretches];
            RT_TRY(rt_saved_entry_at(s, p, i, &e));
            RT_TRY(locate(c, p, &e, x));
            c->stretches += x->begin < x->end;
        }
    return RT_OK;
}

/* ---- checking that they join ---- */

static int by_begin(const void *a, const void *b)
{
    const stretch *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static rt_status bad_cover(const cover *c, int64_t at, const char *what)
{
    const rt_saved_part *p = c->parts.part;
    while (p + 1 < c->parts.part + c->parts.count && p[1].at <= at)
        p++;
    return RT_FAIL(CORRUPT, "%s: element %" PRId64 " of %s/%s is %s: use another checkpoint",
                   c->saved->dir, at - p->at, p->kind, p->tensor, what);
}

static rt_status check_joints(const cover *c)
{
    int64_t at = 0;
    for (int64_t i = 0; i < c->stretches; i++) {
        const stretch *x = &c->stretch[i];
        if (x->begin > at)
            return bad_cover(c, at, "missing");
        if (x->begin < at)
            return bad_cover(c, x->begin, "there twice");
        at = x->end;
    }
    return at < c->parts.elements ? bad_cover(c, at, "missing") : RT_OK;
}

rt_status rt__saved_check_cover(const rt_saved *s)
{
    cover c = {.saved = s};
    RT_TRY(rt_saved_parts_list(&s->manifest, s->dir, &c.parts));
    rt_status status = collect(&c);
    if (status == RT_OK) {
        qsort(c.stretch, (size_t)c.stretches, sizeof *c.stretch, by_begin);
        status = check_joints(&c);
    }
    rt_mem_free(c.stretch);
    rt_saved_parts_release(&c.parts);
    return status;
}
