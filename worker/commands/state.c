#include "worker/commands/state.h"

#include <string.h>
#include "common/config.h"
#include "common/error.h"
#include "common/mem.h"

static rt_status read_layout(const rt_saved *saved, rt__state *s)
{
    size_t count = json_array_size(saved->manifest.layout);
    s->entry = rt_calloc(count, sizeof *s->entry);
    s->shape = rt_calloc(count, sizeof *s->shape);
    if (!s->entry || !s->shape)
        return rt_error_code();
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        rt_layout_tensor t = rt_manifest_tensor(&saved->manifest, i);
        s->entry[i].name = t.name;
        s->entry[i].begin = at;
        s->entry[i].end = at += t.elements;
        s->shape[i] = t.shape;
    }
    s->tensors = (int32_t)count;
    return RT_OK;
}

static rt_status list_kinds(const rt_saved *saved, bool optimizer_too, rt__state *s)
{
    rt_config cfg;
    const char *yaml = saved->manifest.config;
    s->kind[s->kinds++] = "param";
    if (!optimizer_too)
        return RT_OK;
    RT_TRY(rt_config_parse(yaml, strlen(yaml), saved->dir, &cfg));
    s->kinds += rt_config_optimizer_states(&cfg, s->kind + s->kinds);
    rt_config_release(&cfg);
    return RT_OK;
}

static rt_status load(const rt_saved *saved, bool optimizer_too, rt__state *s)
{
    RT_TRY(read_layout(saved, s));
    RT_TRY(list_kinds(saved, optimizer_too, s));
    rt__destination to = {
        .tensor = s->entry,
        .tensors = s->tensors,
        .count = s->tensors > 0 ? s->entry[s->tensors - 1].end : 0,
        .kinds = s->kinds,
        .other_kinds_too = !optimizer_too,
    };
    for (int k = 0; k < s->kinds; k++) {
        s->data[k] = rt_calloc((size_t)to.count, sizeof *s->data[k]);
        if (!s->data[k])
            return rt_error_code();
        to.kind[k].name = s->kind[k];
        to.kind[k].data = s->data[k];
    }
    return rt__restore(saved, &to);
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
    for (int k = 0; k < s->kinds; k++)
        rt_mem_free(s->data[k]);
    rt_mem_free(s->entry);
    rt_mem_free(s->shape);
    *s = (rt__state){0};
}
