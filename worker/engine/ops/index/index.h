/* What operations that pick by an index share. */
#ifndef RINGTORCH_ENGINE_INDEX_H
#define RINGTORCH_ENGINE_INDEX_H

#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* Whether the kernel of a call met an index that points nowhere: names the operation. */
static inline rt_status rt__index_error(const rt_call *c)
{
    return rt_failed() ? rt_error_prefix("%s", c->op->name) : RT_OK;
}

#endif
