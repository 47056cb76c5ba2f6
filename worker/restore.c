#include "worker/restore.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/state/saved_parts.h"
#include "worker/run_parts.h"
#include <inttypes.h>
#include <string.h>

/* ---- the layout ---- */

static bool same_tensor(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"name", "dtype", "shape"};
    if (!json_object_get(a, "kind") != !json_object_get(b, "kind"))
        return false;
    for (int i = 0; i < 3; i++)
        if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
            return false;
    return true;
}

static rt_status layout_differs(const rt_saved *s, const json_t *theirs, const json_t *ours)
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

rt_status rt__restore_check_layout(const rt_saved *s, const char *layout)
{
    json_t *theirs = s->manifest.layout, *ours;
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

/* ---- destinations ---- */

static const rt__target *find_target(const rt__destination *to, const char *kind,
                                     const char *tensor)
{
    for (int64_t i = 0; i < to->targets; i++)
        if (strcmp(to->target[i].kind, kind) == 0 && strcmp(to->target[i].tensor, tensor) == 0)
            return &to->target[i];
    return NULL;
}

static bool wants_kind(const rt__destination *to, const char *kind)
{
    for (int64_t i = 0; i < to->targets; i++)
        if (strcmp(to->target[i].kind, kind) == 0)
            return true;
    return false;
}

/* Checks that the checkpoint was made by this optimiser. */
static rt_status check_kinds(const rt_saved *s, const rt_saved_parts *has,
                             const rt__destination *to)
{
    for (int64_t i = 0; i < has->count && !to->other_kinds_too; i++)
        if (!wants_kind(to, has->part[i].kind))
            return RT_FAIL(MISMATCH,
                           "%s: holds optimiser state \"%s\", which this optimiser does not have: "
                           "resume with the one it was made with",
                           s->dir, has->part[i].kind);
    for (int64_t i = 0; i < to->targets; i++)
        if (!rt_saved_parts_have_kind(has, to->target[i].kind))
            return RT_FAIL(MISMATCH,
                           "%s: lacks a state that this optimiser has: resume with the one it was "
                           "made with",
                           s->dir);
    return RT_OK;
}

static rt_status check_tensors(const rt_saved *s, const rt_saved_parts *has,
                               const rt__destination *to)
{
    int64_t found = 0;
    for (int64_t i = 0; i < has->count; i++) {
        const rt_saved_part *p = &has->part[i];
        const rt__target *t = find_target(to, p->kind, p->tensor);
        found += t != NULL;
        if (wants_kind(to, p->kind) && (!t || t->elements != p->elements))
            return RT_FAIL(MISMATCH, "%s: tensor %s of %" PRId64 " elements is not of this model",
                           s->dir, p->tensor, p->elements);
    }
    if (found != to->targets)
        return RT_FAIL(MISMATCH, "%s: has %" PRId64 " tensors, this model %" PRId64, s->dir, found,
                       to->targets);
    return RT_OK;
}

static rt_status check_parts(const rt_saved *s, const rt__destination *to)
{
    rt_saved_parts has;
    RT_TRY(rt_saved_parts_list(&s->manifest, s->dir, &has));
    rt_status status = check_kinds(s, &has, to);
    if (status == RT_OK)
        status = check_tensors(s, &has, to);
    rt_saved_parts_release(&has);
    return status;
}

/* Copies in parts and records progress after each: if memory is smaller than the checkpoint, the mapped file is read
 * from disk again. */
static void copy_entry(const rt_saved_entry *e, float *to)
{
    enum { PART = 1 << 18 };
    for (int64_t at = 0; at < e->count; at += PART) {
        size_t n = (size_t)(e->count - at < PART ? e->count - at : PART) * sizeof *to;
        memcpy(to + at, (const char *)e->data + (size_t)at * sizeof *to, n);
        rt__saved_moves.on_bytes(rt__saved_moves.ctx, n);
    }
}

static rt_status copy_piece(const rt_saved *s, int piece, const rt__destination *to)
{
    for (int64_t i = 0; i < rt_st_count(s->piece[piece]); i++) {
        rt_saved_entry e;
        RT_TRY(rt_saved_entry_at(s, piece, i, &e));
        const rt__target *t = find_target(to, e.kind, e.tensor);
        if (t)
            copy_entry(&e, t->data + e.start);
    }
    return RT_OK;
}

rt_status rt__restore(const rt_saved *saved, const rt__destination *to)
{
    RT_TRY(check_parts(saved, to));
    for (int p = 0; p < saved->pieces; p++)
        RT_TRY(copy_piece(saved, p, to));
    return RT_OK;
}

/* ---- into a run ---- */

static bool is_wanted(const rt__run_part *p, rt__wanted wanted)
{
    return wanted == RT__WHOLE_STATE || strcmp(p->kind, "param") == 0 ||
           strcmp(p->kind, "buffer") == 0;
}

rt_status rt__destination_of_run(rt__destination *to, const rt_run *run, rt__wanted wanted)
{
    rt__run_part p;
    int64_t parts = 0;
    while (rt__run_part_at(run, parts, &p))
        parts++;
    *to = (rt__destination){.target = rt_calloc((size_t)parts, sizeof *to->target),
                            .other_kinds_too = wanted == RT__PARAMETERS_ONLY};
    if (!to->target)
        return rt_error_code();
    for (int64_t i = 0; rt__run_part_at(run, i, &p); i++)
        if (is_wanted(&p, wanted))
            to->target[to->targets++] = (rt__target){
                p.kind, p.tensor, rt_buf_range(p.buffer, (rt_range){p.begin, p.end}).data,
                p.end - p.begin};
    return RT_OK;
}

void rt__destination_release(rt__destination *to)
{
    rt_mem_free(to->target);
    *to = (rt__destination){0};
}

static rt_status restore_all(rt_run *run, const rt_saved *saved)
{
    rt__destination to;
    rt_status status = rt__destination_of_run(&to, run, RT__WHOLE_STATE);
    if (status == RT_OK)
        status = rt__restore(saved, &to);
    rt__destination_release(&to);
    return status == RT_OK ? rt_run_send(run) : status;
}

static rt_status restore_run(rt_run *run, const rt_saved *saved, int64_t slices)
{
    if (saved->manifest.slices != slices)
        return RT_FAIL(MISMATCH,
                       "%s: made with %" PRId64 " slice%s, this run has %" PRId64
                       ": set parallel.slices=%" PRId64,
                       saved->dir, saved->manifest.slices, rt_plural(saved->manifest.slices),
                       slices, saved->manifest.slices);
    RT_TRY(rt__restore_check_layout(saved, rt_run_layout(run)));
    RT_TRY(restore_all(run, saved));
    rt_optim_set_updates(rt_run_optim(run), saved->manifest.step);
    return RT_OK;
}

rt_status rt__restore_run(rt_run *run, const char *dir, int64_t slices, int64_t *step)
{
    rt_saved saved;
    RT_TRY(rt_saved_open(dir, &rt__saved_moves, &saved));
    *step = saved.manifest.step;
    rt_status status = restore_run(run, &saved, slices);
    rt_saved_close(&saved);
    return status;
}
