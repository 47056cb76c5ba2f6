/* Every operation by its name. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/autograd/schema.h"
#include "worker/engine/ops/ops.h"
#include "worker/engine/ops/pointwise/elementwise.h"

static const rt_op *const listed[] = {
#define OP(name) &rt__op_##name,
#include "worker/engine/ops/ops.def"
#undef OP
};
enum { LISTED = sizeof listed / sizeof *listed, OWN = LISTED + RT_ELEMENTWISE_OPS };

/* All operations in the order of their names: the library's own, collected at the first question, in a list that no lack of memory
 * can cut short; from the first that is registered on, a list that was allocated. */
static const rt_op *own[OWN];
static struct {
    const rt_op **op;
    int count;
} known = {own, OWN};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const rt_op *const *)a)->name, (*(const rt_op *const *)b)->name);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void collect(void)
{
    memcpy(own, listed, sizeof listed);
    memcpy(own + LISTED, rt__elementwise_ops, sizeof rt__elementwise_ops);
    qsort(own, OWN, sizeof *own, by_name);
}

static rt_status add(const rt_op *op)
{
    const rt_op **more = rt_malloc((size_t)(known.count + 1) * sizeof *more);
    if (!more)
        return rt_error_code();
    memcpy(more, known.op, (size_t)known.count * sizeof *more);
    if (known.op != own)
        rt_mem_free(known.op);
    known.op = more;
    known.op[known.count++] = op;
    qsort(known.op, (size_t)known.count, sizeof *known.op, by_name);
    return RT_OK;
}

const rt_op *rt_op_find(const char *name)
{
    pthread_once(&once, collect);
    if (!name)
        return NULL;
    const rt_op *key = &(const rt_op){.name = name};
    const rt_op **found =
        bsearch(&key, known.op, (size_t)known.count, sizeof(const rt_op *), by_name);
    return found ? *found : NULL;
}

const rt_op *rt_op_at(int i)
{
    pthread_once(&once, collect);
    return i >= 0 && i < known.count ? known.op[i] : NULL;
}

/* Does op have the parts of exactly one kind, and no more of anything than there is room for? */
static bool is_whole(const rt_op *op)
{
    bool one_kind = !op->compose || (!op->infer && !op->run && !op->backward);
    return op->name && op->name[0] && rt__op_fits(op) && one_kind && op->defaults &&
           op->n_in <= op->n_fields;
}

rt_status rt_op_register(const rt_op *op)
{
    if (!op || !is_whole(op))
        return RT_FAIL(ARG,
                       "op_register: %s is not whole: expected a name, RT_ARGS, and either .infer "
                       "(with .run, or without for a view of one tensor) or .compose",
                       op && op->name ? op->name : "the operation");
    if (rt__check_rows(op) != RT_OK)
        return rt_error_prefix("op_register");
    if (rt_op_find(op->name))
        return RT_FAIL(EXISTS, "op_register: there is an operation '%s' already", op->name);
    return add(op);
}
