/* Is every element of a saved state there exactly once? Entries are stretches of one line on which all kinds lie one
 * after the other, each with all tensors of the layout one after the other; sorted, they must join without gap. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "common/config.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/saved.h"

typedef struct place {
    const char *name;
    int64_t begin, end; /* elements within one kind */
} place;

typedef struct stretch {
    int kind;
    int64_t begin, end; /* elements within the kind */
} stretch;

typedef struct cover {
    const rt_saved *saved;
    const char *kind[1 + RT_OPTIMIZER_STATES_MAX];
    int kinds;
    size_t tensors;
    place *place;         /* [tensors] in order of the layout */
    const place **sorted; /* [tensors] by name */
    stretch *stretch;     /* [stretches] */
    int64_t stretches;
} cover;

/* ---- what is expected ---- */

static rt_status list_kinds(cover *c)
{
    rt_config cfg;
    const char *yaml = c->saved->manifest.config;
    RT_TRY(rt_config_parse(yaml, strlen(yaml), c->saved->dir, &cfg));
    c->kind[0] = "param";
    c->kinds = 1 + rt_config_optimizer_states(&cfg, c->kind + 1);
    rt_config_release(&cfg);
    return RT_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const place *const *)a)->name, (*(const place *const *)b)->name);
}

static rt_status list_tensors(cover *c)
{
    const rt_manifest *m = &c->saved->manifest;
    c->tensors = json_array_size(m->layout);
    c->place = rt_calloc(c->tensors, sizeof *c->place);
    c->sorted = rt_calloc(c->tensors, sizeof *c->sorted);
    if (!c->place || !c->sorted)
        return rt_error_code();
    int64_t at = 0;
    for (size_t i = 0; i < c->tensors; i++) {
        rt_layout_tensor t = rt_manifest_tensor(m, i);
        c->place[i] = (place){t.name, at, at + t.elements};
        c->sorted[i] = &c->place[i];
        at += t.elements;
    }
    qsort(c->sorted, c->tensors, sizeof *c->sorted, by_name);
    return RT_OK;
}

/* ---- what is there ---- */

static rt_status locate(const cover *c, int piece, const rt_saved_entry *e, stretch *out)
{
    const place key = {.name = e->tensor}, *wanted = &key;
    const place **found = bsearch(&wanted, c->sorted, c->tensors, sizeof *c->sorted, by_name);
    if (!found)
        return RT_FAIL(CORRUPT,
                       "%s: piece %d: tensor %s is not in the layout: use another checkpoint",
                       c->saved->dir, piece, e->tensor);
    int64_t size = (*found)->end - (*found)->begin;
    if (e->start > size || e->count > size - e->start)
        return RT_FAIL(CORRUPT,
                       "%s: piece %d: %s/%s@%" PRId64 " holds %" PRId64
                       " elements and passes the tensor's %" PRId64 ": use another checkpoint",
                       c->saved->dir, piece, e->kind, e->tensor, e->start, e->count, size);
    int kind = 0;
    while (kind < c->kinds && strcmp(c->kind[kind], e->kind) != 0)
        kind++;
    if (kind == c->kinds)
        return RT_FAIL(CORRUPT,
                       "%s: piece %d: %s is no state that the optimiser of its configuration has: "
                       "use another checkpoint",
                       c->saved->dir, piece, e->kind);
    int64_t begin = (*found)->begin + e->start;
    *out = (stretch){kind, begin, begin + e->count};
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

/* ---- do they join? ---- */

static int by_kind_and_begin(const void *a, const void *b)
{
    const stretch *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static rt_status bad_cover(const cover *c, int kind, int64_t at, const char *what)
{
    size_t i = 0;
    while (i + 1 < c->tensors && c->place[i].end <= at)
        i++;
    return RT_FAIL(CORRUPT, "%s: element %" PRId64 " of %s/%s is %s: use another checkpoint",
                   c->saved->dir, at - c->place[i].begin, c->kind[kind], c->place[i].name, what);
}

static rt_status check_joints(const cover *c)
{
    int64_t i = 0;
    for (int kind = 0; kind < c->kinds; kind++) {
        int64_t at = 0;
        for (; i < c->stretches && c->stretch[i].kind == kind; i++) {
            const stretch *x = &c->stretch[i];
            if (x->begin > at)
                return bad_cover(c, kind, at, "missing");
            if (x->begin < at)
                return bad_cover(c, kind, x->begin, "there twice");
            at = x->end;
        }
        if (at < c->place[c->tensors - 1].end)
            return bad_cover(c, kind, at, "missing");
    }
    return RT_OK;
}

rt_status rt__saved_check_cover(const rt_saved *s)
{
    cover c = {.saved = s};
    rt_status status = list_kinds(&c);
    if (status == RT_OK)
        status = list_tensors(&c);
    if (status == RT_OK)
        status = collect(&c);
    if (status == RT_OK) {
        qsort(c.stretch, (size_t)c.stretches, sizeof *c.stretch, by_kind_and_begin);
        status = check_joints(&c);
    }
    rt_mem_free(c.stretch);
    rt_mem_free(c.sorted);
    rt_mem_free(c.place);
    return status;
}
