#include "coordinator/machine/checkpoints.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void rt__checkpoint_release(rt__checkpoint *c)
{
    for (int64_t k = 0; c->piece && k < c->world; k++)
        rt_mem_free(c->piece[k].file);
    rt_mem_free(c->piece);
    rt_mem_free(c->reason);
    *c = (rt__checkpoint){0};
}

rt_status rt__checkpoint_copy(const rt__checkpoint *c, rt__checkpoint *out)
{
    *out = (rt__checkpoint){.step = c->step, .world = c->world, .answers = c->answers};
    out->piece = rt_calloc((size_t)c->world, sizeof *out->piece);
    for (int64_t k = 0; out->piece && k < c->world; k++) {
        out->piece[k] = c->piece[k];
        out->piece[k].file = c->piece[k].file ? rt_strdup(c->piece[k].file) : NULL;
        if (c->piece[k].file && !out->piece[k].file)
            return rt_error_code();
    }
    return out->piece ? RT_OK : rt_error_code();
}

static rt__checkpoint *find(rt__checkpoints *cs, int64_t step)
{
    for (int64_t i = 0; i < cs->count; i++)
        if (cs->open[i].step == step)
            return &cs->open[i];
    return NULL;
}

static rt_status find_or_open(rt__checkpoints *cs, int64_t world, int64_t step,
                              rt__checkpoint **out)
{
    *out = find(cs, step);
    if (*out)
        return RT_OK;
    rt__checkpoint *open = rt_realloc(cs->open, (size_t)(cs->count + 1) * sizeof *open);
    if (!open)
        return rt_error_code();
    cs->open = open;
    rt__checkpoint c = {
        .step = step, .world = world, .piece = rt_calloc((size_t)world, sizeof *c.piece)};
    if (!c.piece)
        return rt_error_code();
    open[cs->count++] = c;
    *out = &open[cs->count - 1];
    return RT_OK;
}

/* A piece must be a file directly in its checkpoint's directory: "piece-00003.safetensors". */
static bool is_piece_name(const char *name)
{
    int end = 0;
    unsigned number;
    return sscanf(name, "piece-%5u.safetensors%n", &number, &end) == 1 && end > 0 &&
           name[end] == '\0';
}

static bool is_checksum(const char *s)
{
    return strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16;
}

rt_status rt__checkpoints_piece_done(rt__checkpoints *cs, int64_t world, int64_t rank,
                                     const rt_msg_piece_done *m, rt__checkpoint **out)
{
    if (!is_piece_name(m->file) || !is_checksum(m->checksum) || m->bytes < 0)
        return RT_FAIL(
            PROTOCOL,
            "worker %" PRId64 ": PIECE_DONE of step %" PRId64 " with file \"%s\", checksum \"%s\" "
            "and %" PRId64 " bytes: expected piece-<5 digits>.safetensors and 16 hex digits",
            rank, m->step, m->file, m->checksum, m->bytes);
    RT_TRY(find_or_open(cs, world, m->step, out));
    rt__piece *p = &(*out)->piece[rank];
    if (p->answered)
        return RT_OK;
    p->file = rt_strdup(m->file);
    if (!p->file)
        return rt_error_code();
    p->answered = true;
    p->bytes = m->bytes;
    memcpy(p->checksum, m->checksum, sizeof p->checksum);
    (*out)->answers++;
    return RT_OK;
}

rt_status rt__checkpoints_piece_failed(rt__checkpoints *cs, int64_t world, int64_t rank,
                                       const rt_msg_piece_failed *m, rt__checkpoint **out)
{
    RT_TRY(find_or_open(cs, world, m->step, out));
    rt__piece *p = &(*out)->piece[rank];
    if (p->answered)
        return RT_OK;
    if (!(*out)->reason) {
        (*out)->reason = rt_strdup_printf("worker %" PRId64 ": %.900s", rank, m->reason);
        if (!(*out)->reason)
            return rt_error_code();
    }
    p->answered = true;
    (*out)->answers++;
    return RT_OK;
}

void rt__checkpoints_close(rt__checkpoints *cs, int64_t step)
{
    rt__checkpoint *c = find(cs, step);
    if (!c)
        return;
    rt__checkpoint_release(c);
    int64_t i = c - cs->open;
    memmove(c, c + 1, (size_t)(--cs->count - i) * sizeof *c);
}

void rt__checkpoints_release(rt__checkpoints *cs)
{
    while (cs->count > 0)
        rt__checkpoint_release(&cs->open[--cs->count]);
    rt_mem_free(cs->open);
    cs->open = NULL;
}
