#include "worker/state.h"

#include "common/base/error.h"
#include "common/base/mem.h"

static rt_status load(const rt_saved *saved, bool optimizer_too, rt__state *s)
{
    RT_TRY(rt_saved_parts_list(&saved->manifest, saved->dir, &s->parts));
    const int64_t tensors = (int64_t)json_array_size(saved->manifest.layout);
    s->count = optimizer_too ? s->parts.count : tensors;
    rt__destination to = {.target = rt_calloc((size_t)s->count, sizeof *to.target),
                          .targets = s->count,
                          .other_kinds_too = !optimizer_too};
    s->data = rt_calloc((size_t)s->parts.elements, sizeof *s->data);
    rt_status status = to.target && s->data ? RT_OK : rt_error_code();
    for (int64_t i = 0; status == RT_OK && i < s->count; i++) {
        const rt_saved_part *p = &s->parts.part[i];
        to.target[i] = (rt__target){p->kind, p->tensor, s->data + p->at, p->elements};
    }
    if (status == RT_OK)
        status = rt__restore(saved, &to);
    rt__destination_release(&to);
    return status;
}

rt_status rt__state_load(const rt_saved *saved, bool optimizer_too, rt__state *out)
{
    *out = (rt__state){0};
    rt_status status = load(saved, optimizer_too, out);
    if (status != RT_OK)
        rt__state_release(out);
    return status;
}

void rt__state_release(rt__state *s)
{
    rt_saved_parts_release(&s->parts);
    rt_mem_free(s->data);
    *s = (rt__state){0};
}
