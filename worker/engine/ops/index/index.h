/* What operations that pick by an index share. */
#ifndef RINGTORCH_ENGINE_INDEX_H
#define RINGTORCH_ENGINE_INDEX_H

#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* Fails if the index that stands at element `at` does not lie in [0, size). */
static inline rt_status rt__check_index(const rt_call *c, int64_t index, int64_t at, int64_t size)
{
    if (index >= 0 && index < size)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: index %lld at element %lld, expected 0 to %lld", c->op->name,
                   (long long)index, (long long)at, (long long)size - 1);
}

#endif
