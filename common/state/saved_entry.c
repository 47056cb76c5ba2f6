#include "common/state/saved_entry.h"

#include "common/base/error.h"
#include <inttypes.h>
#include <stdio.h>

rt_status rt_saved_entry_at(const rt_saved *s, int piece, int64_t i, rt_saved_entry *out)
{
    const rt_st_entry *e = rt_st_at(s->piece[piece], i);
    int end = 0;
    /* Kinds contain no '/', names of tensors no '@'. */
    int fields = sscanf(e->name, "%63[^/]/%447[^@]@%" SCNd64 "%n", out->kind, out->tensor,
                        &out->start, &end);
    if (fields != 3 || e->name[end] != '\0' || out->start < 0)
        return RT_FAIL(FORMAT, "%s: piece %d: entry \"%s\" is not <kind>/<tensor>@<start>", s->dir,
                       piece, e->name);
    if (e->dtype != RT_F32 || e->shape.n != 1)
        return RT_FAIL(FORMAT,
                       "%s: piece %d: entry \"%s\" is %s with %d axes, expected one-dimensional "
                       "float32",
                       s->dir, piece, e->name, rt_dtype_name(e->dtype), e->shape.n);
    out->count = e->shape.d[0];
    out->data = e->data;
    return RT_OK;
}
