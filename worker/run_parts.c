#include "worker/run_parts.h"

#include <stddef.h>

int rt__run_buffers(const rt_run *run)
{
    return 1 + rt_optim_states(rt_run_optim(run));
}

rt_buf rt__run_buffer(const rt_run *run, int i, const char **name)
{
    const rt_flat *flat = rt_run_flat(run);
    rt_buf buf = {.data = flat->param, .count = flat->tail};
    rt_run_fetch((rt_run *)run); /* changes nothing visible */
    if (i > 0)
        buf.data = rt_run_state(run, i - 1, name);
    else if (name)
        *name = "param";
    return buf;
}

bool rt__run_part_at(const rt_run *run, int64_t i, rt__run_part *out)
{
    const rt_flat *flat = rt_run_flat(run);
    const int64_t first =
        flat->entries + flat->small; /* first of the states shaped like the parameters */
    int buffer = i < first ? 0 : 1 + (int)((i - first) / flat->entries);
    if (buffer >= rt__run_buffers(run))
        return false;
    const rt_flat_entry *e = &flat->entry[i < first ? i : (i - first) % flat->entries];
    *out = (rt__run_part){.kind = e->kind,
                          .tensor = e->name,
                          .buffer = rt__run_buffer(run, 0, NULL),
                          .number = buffer,
                          .begin = e->begin,
                          .end = e->end};
    if (buffer > 0)
        out->buffer = rt__run_buffer(run, buffer, &out->kind);
    return true;
}
