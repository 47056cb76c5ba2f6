#include "worker/restore.h"

#include <inttypes.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"

/* ---- the layout ---- */

static bool same_tensor(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"name", "dtype", "shape"};
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

/* ---- what goes where ---- */

static bool has_kind(const rt__destination *to, const char *name, int *kind)
{
    *kind = 0;
    while (*kind < to->kinds && strcmp(to->kind[*kind].name, name) != 0)
        ++*kind;
    return *kind < to->kinds;
}

/* What has been opened is whole by its own configuration; is that the one of this run? */
static rt_status check_kinds(const rt_saved *s, const rt__destination *to)
{
    rt_config cfg;
    int found = 1, kind; /* "param" is always there */
    RT_TRY(rt_config_parse(s->manifest.config, strlen(s->manifest.config), s->dir, &cfg));
    const char *state[RT_OPTIMIZER_STATES_MAX], *unknown = NULL;
    int states = rt_config_optimizer_states(&cfg, state);
    for (int i = 0; i < states; i++) {
        bool wanted = has_kind(to, state[i], &kind);
        found += wanted;
        if (!wanted && !to->other_kinds_too && !unknown)
            unknown = state[i];
    }
    rt_config_release(&cfg);
    if (unknown)
        return RT_FAIL(MISMATCH,
                       "%s: holds optimiser state \"%s\", which this optimiser does not have: "
                       "resume with the one it was made with",
                       s->dir, unknown);
    if (found < to->kinds)
        return RT_FAIL(MISMATCH,
                       "%s: lacks a state that this optimiser has: resume with the one it was made "
                       "with",
                       s->dir);
    return RT_OK;
}

static const rt_flat_entry *find_tensor(const rt__destination *to, const char *name)
{
    for (int32_t i = 0; i < to->tensors; i++)
        if (strcmp(to->tensor[i].name, name) == 0)
            return &to->tensor[i];
    return NULL;
}

static rt_status check_tensors(const rt_saved *s, const rt__destination *to)
{
    size_t tensors = json_array_size(s->manifest.layout);
    for (size_t i = 0; i < tensors; i++) {
        rt_layout_tensor saved = rt_manifest_tensor(&s->manifest, i);
        const rt_flat_entry *t = find_tensor(to, saved.name);
        if (!t || t->end - t->begin != saved.elements)
            return RT_FAIL(MISMATCH, "%s: tensor %s of %" PRId64 " elements is not of this model",
                           s->dir, saved.name, saved.elements);
    }
    if ((int64_t)tensors != to->tensors)
        return RT_FAIL(MISMATCH, "%s: has %zu tensors, this model %" PRId32, s->dir, tensors,
                       to->tensors);
    return RT_OK;
}

/* In parts, each of which is a sign of life: where memory is smaller than the checkpoint this reads the disk again. */
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
        int kind;
        RT_TRY(rt_saved_entry_at(s, piece, i, &e));
        if (has_kind(to, e.kind, &kind))
            copy_entry(&e, to->kind[kind].data + find_tensor(to, e.tensor)->begin + e.start);
    }
    return RT_OK;
}

rt_status rt__restore(const rt_saved *saved, const rt__destination *to)
{
    RT_TRY(check_kinds(saved, to));
    RT_TRY(check_tensors(saved, to));
    for (int p = 0; p < saved->pieces; p++)
        RT_TRY(copy_piece(saved, p, to));
    return RT_OK;
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

static rt_status restore_run(rt_run *run, const rt_saved *saved, int64_t slices)
{
    rt__destination to;
    if (saved->manifest.slices != slices)
        return RT_FAIL(MISMATCH,
                       "%s: made with %" PRId64 " slice%s, this run has %" PRId64
                       ": set parallel.slices=%" PRId64,
                       saved->dir, saved->manifest.slices, rt_plural(saved->manifest.slices),
                       slices, saved->manifest.slices);
    RT_TRY(rt__restore_check_layout(saved, rt_run_layout(run)));
    rt__destination_of_run(&to, run, RT__WHOLE_STATE);
    RT_TRY(rt__restore(saved, &to));
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
